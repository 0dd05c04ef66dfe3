// The answer of an authorization: a decision with its reasons. (Formal specification: Response.)
//
// Thread safety: values.
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <vector>

namespace writ::policy {

enum class Decision { Deny, Allow };

// A policy of one of the sets that were asked: `set` is the set's position in the call.
struct PolicyRef {
  std::size_t set = 0;
  std::string id;
  friend std::strong_ordering operator<=>(const PolicyRef&, const PolicyRef&) = default;
};

struct PolicyError {
  PolicyRef policy;
  std::string message;  // why its evaluation failed, with line and column
};

struct Response {
  Decision decision = Decision::Deny;
  // The satisfied permits of an allow, the satisfied forbids of a deny; empty when nothing
  // permitted. In order of set and position.
  std::vector<PolicyRef> reasons;
  // Every policy whose evaluation failed, in order.
  std::vector<PolicyError> errors;
  // True when errors alone turned the answer into a deny (OnError::Deny): reason `policy_error`.
  bool denied_by_error = false;
};

}  // namespace writ::policy
