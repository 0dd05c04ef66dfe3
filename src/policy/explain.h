// explain: why a decision came out as it did, policy by policy; for a deny, what came nearest to
// allowing it.
//
// For each policy it says which parts of the scope match and which condition stopped it: narrowed
// down to the part of the condition that decides (`a && b` to the one that is false), with what its
// operands are. Policies that took part come first, then the others, most nearly matching first:
// by how many parts of the scope match, then by how few conditions are left.
//
//   Explanation why = explain(set, entities, request, OnError::Deny);
//   why.policies.front().expression    // "context.domain == Domain::\"default\""
//
// The decision is authorize()'s. Policies, entities and request may be a stranger's: the work is
// bounded by their size, texts are cut (kMaxShown). Texts hold what a stranger wrote: show them
// with printable(). For people, not for the gate: nothing here is recorded or decided on. Thread
// safety: a pure function; the pointers live as long as the set.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "policy/authorizer.h"

namespace writ::policy {

// Bytes of one expression or value that are shown.
inline constexpr std::size_t kMaxShown = 160;

// An operand of what stopped a policy, and its value.
struct Operand {
  std::string expression;
  std::string value;
};

struct PolicyStory {
  enum class Outcome {
    Holds,    // satisfied: a permit permits, a forbid forbids
    Fails,    // its evaluation failed
    Differs,  // a condition does not hold
    Other,    // its scope does not match
  };
  const Policy* policy = nullptr;
  Outcome outcome = Outcome::Other;
  // Parts of the scope that match, and how the scope is written (`principal is User`).
  bool principal = false;
  bool action = false;
  bool resource = false;
  std::string principal_scope;
  std::string action_scope;
  std::string resource_scope;
  // Conditions that hold, counted from the first; when fewer than the policy has and the scope
  // matches, the next one is what stopped it.
  std::size_t held = 0;
  Position at = {};               // of the expression; line 0 when the policy came from JSON
  std::string expression = {};    // the part of the condition that decides
  bool value = false;             // what it is: true where an `unless` held; unused when it failed
  std::string error = {};         // why it failed
  std::vector<Operand> operands;  // of the expression, those that are not literals

  std::size_t scopes() const {
    return static_cast<std::size_t>(principal) + static_cast<std::size_t>(action) +
           static_cast<std::size_t>(resource);
  }
};

struct Explanation {
  Response response;
  std::vector<PolicyStory> policies;
};

Explanation explain(const PolicySet& set, const Entities& entities, const Request& request,
                    OnError on_error);

// expression_text writes one expression as policy text on one line, cut at `limit` bytes.
std::string expression_text(const Expr& expr, ExprId id, std::size_t limit = kMaxShown);

}  // namespace writ::policy
