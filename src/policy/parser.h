// Policy text to policies. (Cedar language 4.5, public grammar.) For the engine's own files; the
// public way in is PolicySet::parse.
//
// The text may be a stranger's. Recursion is bounded by kMaxNesting, memory by kMaxPolicyNodes
// and kMaxSetNodes. Thread safety: pure functions.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace writ::policy {

// parse_policies reads a whole text: any number of policies and templates, in order.
Result<std::vector<std::shared_ptr<const PolicyBody>>> parse_policies(std::string_view text);

}  // namespace writ::policy
