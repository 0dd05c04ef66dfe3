// The strict JSON reader (RFC 8259). The text may come from a stranger.
//
// Refused, each with its place: a name twice in one object; nesting, size or number of values
// above the limits; fractions, exponents, "-0" and integers outside -2^63 … 2^64-1; invalid
// UTF-8, a byte order mark, lone surrogates, NUL bytes; comments, trailing commas, anything after
// the document. What is accepted has one meaning to every reader.
//
//   Value v = TRY(json::read(text, {.bytes = 64U << 20U}));
//
// Errors: Malformed, or Exhausted when a limit was reached; the message begins with the place:
// "line 3, column 7 (byte 42): …", lines and columns (in characters) from 1, bytes from 0.
// Memory is bounded by the text and by `values`, never by what the text claims.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/value.h"

namespace writ::json {

// More than kDepthCap levels are refused whatever `depth` says. Reading costs no stack; who asks
// for a large `depth` must not copy or compare the tree, nor walk it by recursion.
inline constexpr std::size_t kDepthCap = 200'000;
// Whatever the caller's limits: bytes of one string (its quotes and escapes counted) or number;
// names in one object.
inline constexpr std::size_t kMaxToken = std::size_t{4} << 20;
inline constexpr std::size_t kMaxMembers = 25'000;

struct Limits {
  std::size_t bytes = 1U << 20U;  // of text
  std::size_t depth = 64;         // levels of arrays and objects; 0 allows a scalar only
  std::size_t values = 250'000;   // of any kind, arrays and objects included
};

// A place in a text: lines and columns (in characters) from 1, bytes from 0.
struct Origin {
  std::size_t line = 1;
  std::size_t column = 1;
  std::size_t byte = 0;

  void pass(char c);
  Error error(Code code, const std::string& what) const;
};

// read parses one whole document. `origin` is the place where it begins in a larger text, for the
// places in messages.
Result<Value> read(std::string_view text, const Limits& limits = {}, Origin origin = {});

}  // namespace writ::json
