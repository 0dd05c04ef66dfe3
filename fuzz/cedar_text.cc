// Policy text: parsing never crashes or hangs, and what parses can be decided, twice with the same
// answer, against entities that have something of everything.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "policy/authorizer.h"

namespace writ::policy {
namespace {

EntityUid uid(const char* type, const char* id) {
  return EntityUid::make(type, id);
}

const Entities& world() {
  static const Entities entities = [] {
    const Value attrs = Value::record(
        {{"n", Value::integer(7)},
         {"s", Value::string("text")},
         {"b", Value::boolean(true)},
         {"e", Value::entity(uid("G", "g"))},
         {"set", Value::set({Value::integer(1), Value::string("x")})},
         {"r", Value::record({{"a", Value::duration(5)}, {"b", Value::datetime(-1)}})}});
    EntitiesBuilder builder;
    WRIT_ASSERT(builder.add({uid("T", "p"), attrs, {uid("G", "g")}, attrs}).has_value());
    WRIT_ASSERT(builder.add({uid("G", "g"), attrs, {uid("G", "h")}}).has_value());
    return std::move(builder).build().value();
  }();
  return entities;
}

const Request& question() {
  static const Request request{uid("T", "p"), uid("Action", "a"), uid("T", "r"),
                               world().find(uid("T", "p"))->attrs};
  return request;
}

}  // namespace
}  // namespace writ::policy

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::policy;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)EntityUid::parse(text);
  (void)PolicySet::parse_forbid_only(text);
  auto set = PolicySet::parse(text);
  if (!set) return 0;
  const EntityUid slot = question().principal;
  for (std::size_t i = 0; i < set->templates().size() && i < 4; ++i) {
    const Policy& policy = set->templates()[i];
    std::optional<EntityUid> principal;
    std::optional<EntityUid> resource;
    if (policy.body->principal.slot) principal = slot;
    if (policy.body->resource.slot) resource = slot;
    WRIT_ASSERT(set->link(policy.id, "link" + std::to_string(i), principal, resource).has_value());
  }
  const Response first = authorize(*set, world(), question(), OnError::Skip);
  const Response second = authorize(*set, world(), question(), OnError::Skip);
  WRIT_ASSERT(first.decision == second.decision && first.reasons == second.reasons);
  WRIT_ASSERT(first.errors.size() == second.errors.size());
  // Failing closed never allows more.
  const Response closed = authorize(*set, world(), question(), OnError::Deny);
  WRIT_ASSERT(closed.decision == Decision::Deny || first.decision == Decision::Allow);
  // The index selects exactly the policies whose scopes match.
  const Evaluator evaluator(world(), question());
  Selection selection;
  set->scope_index().select(set->policies(), evaluator.known(), selection);
  std::vector<bool> selected(set->policies().size(), false);
  selection.each([&](std::size_t at) { selected.at(at) = true; });
  for (std::size_t i = 0; i < selected.size(); ++i) {
    WRIT_ASSERT(selected[i] == scopes_match(set->policies()[i], evaluator.known()));
  }
  return 0;
}
