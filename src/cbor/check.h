// Whether some bytes are one deterministic CBOR item, and if not, which kind of fault and where.
//
// For bytes of a stranger: constant stack, no allocation beyond `max_depth` small frames, one
// pass. What is checked is what Reader (cbor/reader.h) accepts, which see.
//
//   if (auto found = find_fault(bytes)) return deny(reason_of(found->fault), found->message);
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "cbor/reader.h"

namespace writ::cbor {

struct Finding {
  Fault fault;
  std::size_t offset;   // in bytes from the start
  std::string message;  // "malformed CBOR at byte 3: …", "not deterministic CBOR at byte 0: …"
};

// find_fault returns the first fault, or nothing when `bytes` is exactly one deterministic item.
std::optional<Finding> find_fault(Bytes bytes, std::size_t max_depth = kMaxDepth);

// check_deterministic is find_fault as a Result: Malformed with the finding's message.
Result<void> check_deterministic(Bytes bytes, std::size_t max_depth = kMaxDepth);

}  // namespace writ::cbor
