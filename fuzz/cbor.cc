// CBOR: the check, the tree, the printer and a cursor used in any order must agree on every input,
// and what is accepted must encode to the very same bytes.
#include <cstddef>
#include <cstdint>

#include "cbor/check.h"
#include "cbor/diagnostic.h"
#include "cbor/reader.h"
#include "cbor/value.h"
#include "cbor/writer.h"

namespace writ::cbor {
namespace {

// Calls the reader's getters in an order that the input itself chooses, from its last byte on.
void walk(Bytes input) {
  Reader reader(input);
  std::size_t entered = 0;
  bool failed = false;
  const auto note = [&](bool succeeded) {
    WRIT_ASSERT(!(failed && succeeded));  // a failed reader stays failed
    failed = !succeeded;
    WRIT_ASSERT(failed == reader.fault().has_value());
    return succeeded;
  };
  for (std::size_t i = input.size(); i-- > 0;) {
    const std::size_t before = reader.offset();
    switch (std::to_integer<unsigned>(input[i]) % 18) {
      case 0: note(reader.uint().has_value()); break;
      case 1: note(reader.negative().has_value()); break;
      case 2: note(reader.integer().has_value()); break;
      case 3: note(reader.bytes().has_value()); break;
      case 4: note(reader.text().has_value()); break;
      case 5: note(reader.boolean().has_value()); break;
      case 6: note(reader.null().has_value()); break;
      case 7: note(reader.simple().has_value()); break;
      case 8: note(reader.floating().has_value()); break;
      case 9: note(reader.tag().has_value()); break;
      case 10: entered += note(reader.enter_array().has_value()) ? 1 : 0; break;
      case 11: entered += note(reader.enter_map().has_value()) ? 1 : 0; break;
      case 12: entered += note(reader.enter_array_of(2).has_value()) ? 1 : 0; break;
      case 13:
        if (entered > 0 && note(reader.leave().has_value())) --entered;
        break;
      case 14: note(reader.item().has_value()); break;
      case 15: note(reader.peek().has_value()); break;
      case 16: note(reader.expect_tag(18).has_value()); break;
      default:
        if (reader.more()) note(reader.skip().has_value());
    }
    WRIT_ASSERT(reader.offset() >= before && reader.offset() <= input.size());
  }
  if (entered == 0) note(reader.finish().has_value());
  WRIT_ASSERT(!failed || reader.fault_offset() <= input.size());
  const Error refused = reader.refuse("refused");
  WRIT_ASSERT(refused.code() == Code::Malformed && reader.fault().has_value());
}

}  // namespace
}  // namespace writ::cbor

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  using namespace writ::cbor;
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);
  const auto found = find_fault(input);
  const auto value = decode(input, {.depth = kMaxDepth, .values = SIZE_MAX});
  const auto text = diagnose(input);
  WRIT_ASSERT(value.has_value() == !found.has_value());
  WRIT_ASSERT(text.has_value() == !found.has_value());
  if (found) {
    WRIT_ASSERT(found->offset <= size);
    WRIT_ASSERT(value.error().message() == found->message);
  } else {
    WRIT_ASSERT(equal(*encode(*value), input));
    WRIT_ASSERT(*value == *decode(input));
  }
  walk(input);
  return 0;
}
