// authorize: deny by default; any satisfied forbid wins; otherwise any satisfied permit allows.
// (Cedar language 4.5; formal specification: Authorizer.)
//
// Every policy whose scope matches is evaluated, also after the decision is clear, so that all
// reasons and errors are reported. A policy whose evaluation fails takes no part (Cedar's rule);
// Writ's own decisions use OnError::Deny, where any failing policy denies, because a skipped forbid
// would open the gate. The answer depends on the arguments alone and is the same on every host.
//
//   Response answer = authorize(bundle, entities, request, OnError::Deny);
//
// Who decides often keeps an Authorizer: it looks only at the policies that the scope index finds,
// and allocates nothing once it has seen a decision of the size.
//
//   Authorizer authorizer;
//   const Verdict& verdict = authorizer.decide({&set, 1}, entities, request, OnError::Deny);
//
// Thread safety: authorize() is a pure function; an Authorizer belongs to one thread.
#pragma once

#include <compare>
#include <cstddef>
#include <span>
#include <vector>

#include "policy/entities.h"
#include "policy/evaluator.h"
#include "policy/policy.h"
#include "policy/request.h"
#include "policy/response.h"
#include "policy/scope_index.h"

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

// A Response as positions: sets[set]->policies()[policy].
struct PolicyAt {
  std::size_t set = 0;
  std::size_t policy = 0;
  friend std::strong_ordering operator<=>(const PolicyAt&, const PolicyAt&) = default;
};
struct Failure {
  PolicyAt policy;
  Fault fault;
};
struct Verdict {
  Decision decision = Decision::Deny;
  bool denied_by_error = false;       // as in Response
  std::span<const PolicyAt> reasons;  // likewise
  std::span<const Failure> failures;  // likewise: errors
};

// How matching policies are found: the answer is the same.
enum class Find {
  Indexed,   // by the scope indexes of sets of more than a few policies
  OneByOne,  // by looking at every scope: for tests and measurements
};

class Authorizer {
 public:
  // decide answers like authorize(). The verdict, and the faults in it, live until the next call
  // and as long as the arguments.
  const Verdict& decide(std::span<const PolicySet* const> sets, const Entities& entities,
                        const Request& request, OnError on_error, Find find = Find::Indexed);
  // response is the last verdict with names and texts; `sets` as they were given.
  Response response(std::span<const PolicySet* const> sets) const;

 private:
  void consider(const PolicySet& set, PolicyAt at);

  Evaluator evaluator_;
  Selection selection_;
  std::vector<PolicyAt> permits_;
  std::vector<PolicyAt> forbids_;
  std::vector<Failure> failures_;
  Verdict verdict_;
};

}  // namespace writ::policy
