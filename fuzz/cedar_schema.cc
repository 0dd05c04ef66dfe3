// Schemas in both forms: reading never crashes or hangs, and what was read can check entities and
// requests.
#include <cstddef>
#include <cstdint>

#include "policy/schema.h"

namespace {

void use(const writ::policy::Schema& schema) {
  using namespace writ::policy;
  (void)schema.parse_entities(R"([{"uid": {"type": "A", "id": "x"},
      "attrs": {"a": "1.2.3.4", "b": {"type": "A", "id": "x"}, "c": [1], "d": {}}, "parents": [],
      "tags": {"t": "1.0"}}])");
  for (const auto& [uid, action] : schema.actions()) {
    (void)schema.parse_context(uid, "{}");
    if (action.principals.empty() || action.resources.empty()) continue;
    (void)schema.check_request({EntityUid::make(action.principals.front(), "x"), uid,
                                EntityUid::make(action.resources.front(), "x")});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto schema = writ::policy::Schema::parse(text)) use(*schema);
  if (const auto schema = writ::policy::Schema::parse_json(text)) use(*schema);
  return 0;
}
