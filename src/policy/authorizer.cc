#include "policy/authorizer.h"

#include <array>

#include "policy/evaluator.h"
#include "policy/value_internal.h"

namespace writ::policy {

namespace {

// Scopes cannot fail: they are answered from ids alone.
bool scope_matches(const Scope& scope, const std::optional<EntityUid>& slot, const EntityUid& asked,
                   const Entities& entities) {
  const auto wanted = [&]() -> const EntityUid& { return scope.slot ? *slot : scope.entities[0]; };
  switch (scope.op) {
    case Scope::Op::All: return true;
    case Scope::Op::Eq: return asked == wanted();
    case Scope::Op::In: return entities.is_in(asked, wanted());
    case Scope::Op::InList:
      for (const EntityUid& uid : scope.entities) {
        if (entities.is_in(asked, uid)) return true;
      }
      return false;
    case Scope::Op::Is: return asked.type() == scope.type;
    case Scope::Op::IsIn: return asked.type() == scope.type && entities.is_in(asked, wanted());
  }
  return false;
}

bool applies(const Policy& policy, const Entities& entities, const Request& request) {
  static const std::optional<EntityUid> kNone;
  return scope_matches(policy.body->principal, policy.principal, request.principal, entities) &&
         scope_matches(policy.body->action, kNone, request.action, entities) &&
         scope_matches(policy.body->resource, policy.resource, request.resource, entities);
}

}  // namespace

Response authorize(std::span<const PolicySet* const> sets, const Entities& entities,
                   const Request& request, OnError on_error) {
  Evaluator evaluator(entities, request);
  std::vector<PolicyRef> permits;
  Response out;
  for (std::size_t set = 0; set < sets.size(); ++set) {
    for (const Policy& policy : sets[set]->policies()) {
      if (!applies(policy, entities, request)) continue;
      auto held = evaluator.evaluate(policy.body->exprs, policy.body->program);
      if (!held) {
        out.errors.push_back({{set, policy.id}, std::move(held).error().message()});
      } else if (held->as_bool()) {
        (policy.body->effect == Effect::Forbid ? out.reasons : permits).push_back({set, policy.id});
      }
    }
  }
  if (!out.reasons.empty()) return out;
  if (on_error == OnError::Deny && !out.errors.empty()) {
    out.denied_by_error = true;
    return out;
  }
  if (!permits.empty()) {
    out.decision = Decision::Allow;
    out.reasons = std::move(permits);
  }
  return out;
}

Response authorize(const PolicySet& set, const Entities& entities, const Request& request,
                   OnError on_error) {
  const std::array<const PolicySet*, 1> sets = {&set};
  return authorize(sets, entities, request, on_error);
}

}  // namespace writ::policy
