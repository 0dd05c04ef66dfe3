// Entities, values and requests as JSON: reading never crashes, and what was read is written in one
// form that reads back as the same.
#include <cstddef>
#include <cstdint>

#include "policy/entities.h"
#include "policy/request.h"
#include "policy/value_json.h"

namespace {

// Everything is in itself and its ancestors, nobody is an ancestor of their own; a store over this
// one sees the same and can add to it.
void check_hierarchy(const writ::policy::Entities& entities) {
  using namespace writ::policy;
  EntitiesBuilder builder(entities);
  const EntityUid extra = EntityUid::make("Extra", "entity of the store above");
  Entity above{extra};
  for (const Entity* entity : entities.all()) {
    WRIT_ASSERT(entities.find(entity->uid) == entity);
    WRIT_ASSERT(entities.is_in(entity->uid, entity->uid));
    for (const EntityUid& ancestor : entities.ancestors(entity->uid)) {
      WRIT_ASSERT(ancestor != entity->uid && entities.is_in(entity->uid, ancestor));
      WRIT_ASSERT(!entities.is_in(ancestor, entity->uid));
    }
    WRIT_ASSERT(builder.add(*entity).has_value());
    if (entity->uid != extra) above.parents.push_back(entity->uid);
  }
  const bool known = entities.find(extra) != nullptr;
  if (!builder.add(std::move(above))) return;
  const auto whole = std::move(builder).build();
  if (!whole) return;
  WRIT_ASSERT(whole->size() == entities.size() + (known ? 0 : 1));
  for (const Entity* entity : entities.all()) WRIT_ASSERT(whole->is_in(extra, entity->uid));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::policy;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto entities = Entities::parse_json(text)) {
    check_hierarchy(*entities);
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
