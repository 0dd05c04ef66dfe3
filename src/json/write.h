// The deterministic JSON writer (RFC 8259): the same value always gives the same bytes.
//
// Members are written in their order. Escaped: quote, backslash, control characters (C0, DEL and
// C1), U+2028 and U+2029, so that output is safe on a terminal's line and in a script; all else is
// UTF-8 as it is. A byte of text that is not UTF-8 is written as U+FFFD: such text does not come
// back (show it in hex where that matters).
//
// Pretty: two spaces a level (of the first hundred), one member or item a line, "[]" and "{}" when
// empty, no final newline. Not promised: RFC 8785; nothing that is signed or hashed is JSON.
//
// Thread safety: pure functions.
#pragma once

#include <string>

#include "json/value.h"

namespace writ::json {

enum class Style { Compact, Pretty };

// write returns the text of `value`.
std::string write(const Value& value, Style style = Style::Compact);

// quote returns `text` as a JSON string with its quotes.
std::string quote(std::string_view text);

}  // namespace writ::json
