#include "policy/authorizer.h"

#include <array>

namespace writ::policy {

void Authorizer::consider(const PolicySet& set, PolicyAt at) {
  const PolicyBody& body = *set.policies()[at.policy].body;
  const ValueRef* held = evaluator_.run(body.exprs, body.program);
  if (held == nullptr) {
    failures_.push_back({at, evaluator_.fault()});
  } else if (held->as_bool()) {
    (body.effect == Effect::Forbid ? forbids_ : permits_).push_back(at);
  }
}

const Verdict& Authorizer::decide(std::span<const PolicySet* const> sets, const Entities& entities,
                                  const Request& request, OnError on_error, Find find) {
  evaluator_.begin(entities, request);
  permits_.clear();
  forbids_.clear();
  failures_.clear();
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const PolicySet& set = *sets[i];
    const std::span<const Policy> policies = set.policies();
    if (find == Find::Indexed && policies.size() > ScopeIndex::kFew) {
      set.scope_index().select(policies, evaluator_.known(), selection_);
      selection_.each([&](std::size_t at) { consider(set, {i, at}); });
    } else {
      for (std::size_t at = 0; at < policies.size(); ++at) {
        if (scopes_match(policies[at], evaluator_.known())) consider(set, {i, at});
      }
    }
  }
  verdict_ = Verdict();
  verdict_.failures = failures_;
  if (!forbids_.empty()) {
    verdict_.reasons = forbids_;
  } else if (on_error == OnError::Deny && !failures_.empty()) {
    verdict_.denied_by_error = true;
  } else if (!permits_.empty()) {
    verdict_.decision = Decision::Allow;
    verdict_.reasons = permits_;
  }
  return verdict_;
}

Response Authorizer::response(std::span<const PolicySet* const> sets) const {
  const auto named = [&](PolicyAt at) {
    return PolicyRef{at.set, sets[at.set]->policies()[at.policy].id};
  };
  Response out;
  out.decision = verdict_.decision;
  out.denied_by_error = verdict_.denied_by_error;
  for (const PolicyAt at : verdict_.reasons) out.reasons.push_back(named(at));
  for (const Failure& failure : verdict_.failures) {
    out.errors.push_back({named(failure.policy), failure.fault.text()});
  }
  return out;
}

Response authorize(std::span<const PolicySet* const> sets, const Entities& entities,
                   const Request& request, OnError on_error) {
  Authorizer authorizer;
  authorizer.decide(sets, entities, request, on_error);
  return authorizer.response(sets);
}

Response authorize(const PolicySet& set, const Entities& entities, const Request& request,
                   OnError on_error) {
  const std::array<const PolicySet*, 1> sets = {&set};
  return authorize(sets, entities, request, on_error);
}

}  // namespace writ::policy
