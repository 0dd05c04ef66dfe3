#include "cbor/check.h"

namespace writ::cbor {

std::optional<Finding> find_fault(Bytes bytes, std::size_t max_depth) {
  Reader reader(bytes, max_depth);
  Result<void> read = reader.skip();
  if (read) read = reader.finish();
  if (read) return std::nullopt;
  return Finding{*reader.fault(), reader.fault_offset(), read.error().message()};
}

Result<void> check_deterministic(Bytes bytes, std::size_t max_depth) {
  if (auto found = find_fault(bytes, max_depth)) {
    return Error(Code::Malformed, std::move(found->message));
  }
  return {};
}

}  // namespace writ::cbor
