// Cedar's JSON form of values: longs, strings, bools, lists, objects, and the escapes
// {"__entity": {"type", "id"}} and {"__extn": {"fn", "arg"}}.
//
// Writing is canonical: no white space, attributes in byte order, sets in the value order, one
// form per value; equal values give equal bytes on every host, and reading them back gives an
// equal value (writ records decision inputs this way and replays them).
// Reading takes any layout; null, fractions, numbers beyond 64 bits, duplicate keys, unknown
// escapes and nesting beyond kMaxNesting are refused.
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "policy/value.h"

namespace writ::policy {

// to_json writes `value`. InvalidArgument for text that is not UTF-8 and for a record with a key
// that is one of the escapes.
Result<std::string> to_json(ValueRef value);
// parse_value_json reads one value.
Result<Value> parse_value_json(std::string_view text);
// parse_record_json reads a context: the value must be a record.
Result<Value> parse_record_json(std::string_view text);

}  // namespace writ::policy
