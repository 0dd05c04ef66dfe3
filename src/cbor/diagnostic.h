// CBOR diagnostic notation (RFC 8949 §8), for people: `writ permit show --cbor`, error reports.
//
// One line, as the tables of RFC 8949 appendix A write it: {1: "a", "b": [h'0102', -3, 1.5]}.
// The output is plain ASCII: in text everything beyond it, and every control character, is
// escaped as in JSON, so a stranger's text cannot act on a terminal. Bignums are written as
// decimal numbers up to 64 bytes, beyond that as tagged byte strings.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "cbor/reader.h"

namespace writ::cbor {

// diagnose prints one deterministic item; Malformed when `bytes` is not one. The output's size is
// linear in the input's: at most 30 bytes for each.
Result<std::string> diagnose(Bytes bytes, std::size_t max_depth = kMaxDepth);

}  // namespace writ::cbor
