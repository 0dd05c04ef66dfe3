// Entities, values and requests as JSON: reading never crashes, and what was read is written in one
// form that reads back as the same.
#include <cstddef>
#include <cstdint>

#include "policy/entities.h"
#include "policy/request.h"
#include "policy/value_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::policy;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto entities = Entities::parse_json(text)) {
    if (const auto json = to_json(*entities)) {
      WRIT_ASSERT(to_json(Entities::parse_json(*json).value()).value() == *json);
    }
  }
  if (const auto value = parse_value_json(text)) {
    (void)to_text(value->ref());
    if (const auto json = to_json(value->ref())) {
      const Value again = parse_value_json(*json).value();
      WRIT_ASSERT(again == *value);
      WRIT_ASSERT(to_json(again.ref()).value() == *json);
    }
  }
  if (const auto request = Request::parse_json(text)) {
    if (const auto json = to_json(*request)) {
      WRIT_ASSERT(to_json(Request::parse_json(*json).value()).value() == *json);
    }
  }
  return 0;
}
