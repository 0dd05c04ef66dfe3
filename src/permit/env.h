// Environment rules (DESIGN §6): which variables a granted program may be given.
//
// A rule is a list of entries `NAME`, `PREFIX_*` or `NAME=value`. What stands in is_control()
// (loader and interpreter controls: variables that name code or commands to run, or change how
// code is found) is let through only by an entry with the exact value; names and prefixes never
// cover one. The list is here and in docs/formats/permit.md, nowhere else.
//
// Hostile: environments come from the run. They are bytes. A string without `=`, with an empty
// name, or a name given twice is refused: programs disagree on what those mean.
//
//   std::optional<Denial> no = check_env(entries, environment, "exec /usr/bin/make");
//
// Not promised: that other variables are harmless to every program; grant names, not `A*`.
// Thread safety: pure functions.
#pragma once

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/reason.h"
#include "base/result.h"

namespace writ::permit {

inline constexpr std::size_t kMaxEnvEntries = 512;     // of one rule
inline constexpr std::size_t kMaxEnvEntryText = 4096;  // bytes of NAME=value

struct EnvEntry {
  std::string name;  // without the `*` of a prefix
  bool prefix = false;
  std::optional<std::string> value;  // exact
  friend std::strong_ordering operator<=>(const EnvEntry&, const EnvEntry&) = default;
};

// parse_env_entry reads `NAME`, `PREFIX_*` or `NAME=value`. Malformed for an empty name, a bare
// `*`, and for a control without a value (the message says so).
Result<EnvEntry> parse_env_entry(std::string_view text);
// print is the text that parse_env_entry reads.
std::string print(const EnvEntry& entry);

// default_env is what a rule without `env` allows: PATH HOME USER LOGNAME SHELL LANG LC_* TZ TERM
// TMPDIR PWD OLDPWD SHLVL _
std::span<const EnvEntry> default_env();

// is_control says whether a variable steers loaders or interpreters.
bool is_control(std::string_view name);
// control_names is the list behind is_control, `*` at the end for a prefix: for the documentation.
std::span<const std::string_view> control_names();

// allows says whether one variable is let through.
bool allows(std::span<const EnvEntry> entries, std::string_view name, std::string_view value);

// check_env refuses (env_not_granted) at the first variable that is not let through; `asked` is
// what the denial calls the action. Values are never quoted, names are.
std::optional<Denial> check_env(std::span<const EnvEntry> entries,
                                std::span<const std::string> environment, std::string_view asked);

// clean_env keeps what is let through, first of a name given twice: for a run's first program.
std::vector<std::string> clean_env(std::span<const EnvEntry> entries,
                                   std::span<const std::string> environment);

// within_env says whether `child` lets nothing through that `parent` does not.
bool within_env(std::span<const EnvEntry> child, std::span<const EnvEntry> parent);

}  // namespace writ::permit
