// What the kernel hands a new program, parsed: its first stack, and the first line of scripts.
//
// The initial stack (System V ABI; "Initial Process Stack") is written by the kernel into memory
// that no other process has, and read at the exec stop: it is the proof of argv, environment and
// of the path that was executed (AT_EXECFN). parse_script_line follows fs/binfmt_script.c.
//
// Hostile: every string, and how many there are. Sizes are bounded by the reader. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace writ::enforce {

struct InitialStack {
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::string executed;  // AT_EXECFN: the path as execve got it, or /dev/fd/N[/path]
};

// parse_initial_stack reads `stack`, which lies at `address` (the stack pointer) and reaches to the
// end of the stack's mapping; `word` is 8 or 4. Malformed when anything points outside.
Result<InitialStack> parse_initial_stack(Bytes stack, std::uint64_t address, unsigned word);

struct ScriptLine {
  std::string interpreter;
  std::optional<std::string> argument;  // all the rest of the line, as one
};
// What the kernel looks at: this many bytes of a script.
inline constexpr std::size_t kScriptLine = 256;
// parse_script_line reads the start of a file: nothing when it is not "#!", or the kernel would not
// take it as a script.
std::optional<ScriptLine> parse_script_line(Bytes start);

// is_script_of says whether argv, as an interpreter gets it, can be that of the script `executed`:
// the kernel puts its path within the first ten arguments after argv[0].
bool is_script_of(const std::vector<std::string>& argv, const std::string& executed);

}  // namespace writ::enforce
