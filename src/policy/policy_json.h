// Policies, templates and policy sets as JSON, both ways. (Cedar language 4.5, the JSON policy
// format, also called EST.)
//
// A policy is {effect, principal, action, resource, conditions, annotations}; an expression is an
// object with exactly one key. A set is {staticPolicies: {id: policy}, templates: {id: policy},
// templateLinks: [{templateId, newId, values: {"?principal": entity, "?resource": entity}}]}; each
// of the three may be left out, and a policy of a set may also be a string of policy text.
//
// The JSON may be a stranger's. Refused: unknown and duplicate keys, null, fractions, slots in
// conditions, functions that do not exist, and whatever policy text could not say. Bounded
// (limits.h): bytes, expression nodes, and nesting as text would need it, so everything that is
// read prints to text that reads back (printer.h). Chains of operators cost nodes, never stack.
//
//   PolicySet set = TRY(parse_policy_set_json(text));
//   std::string json = TRY(to_json(set, json::Style::Pretty));
//
// Errors: Malformed, or Exhausted at a limit; the message begins with the place in the JSON
// ("staticPolicies.a.conditions[0].body.&&.left: …"), or with line and column when the text is no
// JSON at all. Policies read from JSON have no lines: positions are 0.
// Not promised: that text written as JSON and back keeps parentheses, comments or line breaks
// (format.h keeps those); `a has b.c` becomes the `&&` of two `has`, as in the official engine.
//
// Thread safety: pure functions.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "json/write.h"
#include "policy/policy.h"

namespace writ::policy {

// parse_policy_json reads one policy or template.
Result<std::shared_ptr<const PolicyBody>> parse_policy_json(std::string_view text);
// parse_policy_set_json reads a whole set; links are made and checked.
Result<PolicySet> parse_policy_set_json(std::string_view text);

// to_json writes a policy or template; of a link, the policy it stands for, its slots filled.
// Exhausted when unfolding the shared parts of `has a.b` makes more than kMaxPolicyNodes.
Result<std::string> to_json(const Policy& policy, json::Style style = json::Style::Compact);
// to_json writes a set: all three keys, ids in order of appearance.
Result<std::string> to_json(const PolicySet& set, json::Style style = json::Style::Compact);

}  // namespace writ::policy
