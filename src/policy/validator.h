// Strict validation: would these policies be well typed for every request the schema allows?
// (Cedar language 4.5, strict mode.)
//
// Each policy is typed once for every environment of the schema (action, principal type, resource
// type). It is valid when every environment gives a bool; when all give False it can never apply,
// which is a warning. Entity types, action ids and ids of enumerated types are checked everywhere,
// also where typing does not look. A valid policy cannot fail on a conforming request, except by
// overflow, by an entity that is missing, or by a limit of the engine.
//
// Policies and schema may be a stranger's: work is bounded (Exhausted).
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "policy/schema.h"

namespace writ::policy {

struct Finding {
  std::string policy;   // id
  std::string message;  // "line 3, column 7: …" (without the place for policies read from JSON)
};

struct Validation {
  std::vector<Finding> errors;  // at most one of each kind and policy
  std::vector<Finding> warnings;
  bool valid() const { return errors.empty(); }
};

// Whose verdict counts where versions of Cedar differ: a policy whose scope fits no action of the
// schema is an error until 4.12, a warning from 4.13 on.
enum class Edition : std::uint8_t { Until412, From413 };

// validate checks all policies and templates of a set, and of links whether an action fits their
// scope; what a link does is checked with its template.
Result<Validation> validate(const Schema& schema, const PolicySet& set,
                            Edition edition = Edition::Until412);

}  // namespace writ::policy
