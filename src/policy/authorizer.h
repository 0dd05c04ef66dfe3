// authorize: deny by default; any satisfied forbid wins; otherwise any satisfied permit allows.
// (Cedar language 4.5; formal specification: Authorizer.)
//
// Every policy is evaluated, also after the decision is clear, so that all reasons and errors are
// reported. A policy whose evaluation fails takes no part (Cedar's rule); Writ's own decisions use
// OnError::Deny, where any failing policy denies, because a skipped forbid would open the gate.
// The answer depends on the arguments alone and is the same on every host.
//
//   Response answer = authorize(bundle, entities, request, OnError::Deny);
//
// Thread safety: pure functions.
#pragma once

#include <span>

#include "policy/entities.h"
#include "policy/policy.h"
#include "policy/request.h"
#include "policy/response.h"

namespace writ::policy {

enum class OnError {
  Skip,  // Cedar's rule, for conformance
  Deny,  // fail closed
};

// authorize decides over the policies of all `sets` together. Pointers must not be null.
Response authorize(std::span<const PolicySet* const> sets, const Entities& entities,
                   const Request& request, OnError on_error);
// authorize over one set.
Response authorize(const PolicySet& set, const Entities& entities, const Request& request,
                   OnError on_error);

}  // namespace writ::policy
