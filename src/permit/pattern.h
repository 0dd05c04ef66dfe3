// Argument patterns (DESIGN §6): what one argument, or the rest of them, may be.
//
// Text form, one pattern an argument. Outside braces every character stands for itself, `{{` for
// `{` and `}}` for `}`. Inside:
//   {glob:TEXT}    `*` any run without `/`, `**` any run, `?` one byte but `/`; the rest exact
//   {int:A..B}     a decimal integer from A to B, no leading zeros, no `+`, no `-0`
//   {one:A|B|C}    one of the texts (`||` for a bar)
//   {under:DIR}    the rest of the argument is a path in DIR (or DIR itself), see below
//   {rest}         the whole pattern, last of the list: any further arguments, or none
// Pieces may be put together: "-j{int:1..16}", "--out={under:build}". Before {under:…} stands only
// plain text and nothing after it.
//
// {under:DIR} is lexical: the path, taken from the working directory when relative, with `.`,
// empty components and `..` removed one by one, must be DIR or below it; `..` above `/` fails.
// It is an argument rule, not a file rule: symlinks are not looked at, and what the program may
// open is the read and write grants' to say. In a grant DIR is absolute (anchored() makes it so).
//
// Hostile: arguments come from the run, patterns from an issuer. Arguments are bytes, any but NUL.
// Matching costs at most O(bytes × kMaxPatternStates), memory O(kMaxPatternStates). `}}` inside
// braces is always an escape: between a closing brace and a literal one write {one:}}}.
// Sizes: pattern text ≤ kMaxPatternText bytes, UTF-8.
//
// Thread safety: values; functions are pure.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::permit {

inline constexpr std::size_t kMaxPatternText = 4096;
inline constexpr std::size_t kMaxPatternStates = 4096;
inline constexpr std::size_t kMaxPatterns = 256;  // of one list

struct InclusionBudget;

struct PatternContext {
  std::string_view directory;  // working directory, absolute
};

class Pattern {
 public:
  // parse reads the text form; Malformed with a message that quotes the piece that is wrong.
  static Result<Pattern> parse(std::string_view text);
  // exact is the pattern that only `text` fits (braces are escaped); `text` must be UTF-8.
  static Result<Pattern> exact(std::string_view text);

  // text is the form that parse reads.
  const std::string& text() const { return text_; }
  // is_rest: the pattern is {rest}.
  bool is_rest() const;
  // has_under: the pattern has an {under:DIR}.
  bool has_under() const;
  // is_anchored: every DIR is absolute and normal. anchored resolves relative ones from `base`.
  bool is_anchored() const;
  Result<Pattern> anchored(std::string_view base) const;

  // matches one argument; {rest} matches any.
  bool matches(std::string_view argument, const PatternContext& context) const;

  friend bool operator==(const Pattern& a, const Pattern& b) { return a.text_ == b.text_; }

 private:
  friend bool included(const Pattern& child, const Pattern& parent, InclusionBudget& budget);
  struct Program;
  std::string text_;
  std::shared_ptr<const Program> program_;  // shared: immutable, and patterns are copied about
};

// parse_patterns reads a list; {rest} only as its last. Errors name the position.
Result<std::vector<Pattern>> parse_patterns(std::span<const std::string> texts);
// check_patterns succeeds when a list is well-formed (count, {rest} last).
Result<void> check_patterns(std::span<const Pattern> patterns);

// match_all says whether `arguments` (without argv[0]) fit the list: one each, {rest} the others.
bool match_all(std::span<const Pattern> patterns, std::span<const std::string> arguments,
               const PatternContext& context);

// What deciding inclusion may cost; shared by all the questions of one ceiling check. When it is
// used up the answer is no.
struct InclusionBudget {
  std::uint64_t steps = 8'000'000;
};

// included says whether every argument that fits `child`, in whatever directory, fits `parent`:
// by walking child and parent automata together. Sound: never true when it is not so. Exact but
// for two cases, where it may say no: one side has {under:…} and the other is not the same or a
// plain path below it, or the budget is used up.
bool included(const Pattern& child, const Pattern& parent, InclusionBudget& budget);
// included for lists of arguments, {rest} understood.
bool included(std::span<const Pattern> child, std::span<const Pattern> parent,
              InclusionBudget& budget);

}  // namespace writ::permit
