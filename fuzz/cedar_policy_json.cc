// Policy JSON and policy-set JSON: reading never crashes or hangs, and what was read says the same
// as JSON again, as text, and as text laid out.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "policy/format.h"
#include "policy/policy_json.h"
#include "policy/printer.h"

namespace writ::policy {
namespace {

// Text and JSON may be larger than what they came from; anything else must go.
template <typename T>
bool too_large(const Result<T>& result) {
  if (result) return false;
  WRIT_ASSERT(result.error().code() == Code::Exhausted);
  return true;
}

void check(const Policy& policy) {
  const auto json = to_json(policy);
  if (!too_large(json)) {
    const auto again = parse_policy_json(*json);
    WRIT_ASSERT(again.has_value() && **again == *policy.body);
  }
  const auto text = to_text(policy);
  if (too_large(text)) return;
  const auto set = PolicySet::parse(*text);
  WRIT_ASSERT(set.has_value() && set->in_order().size() == 1);
  WRIT_ASSERT(*set->in_order().front()->body == *policy.body);
  WRIT_ASSERT(format_policies(*text).value() == *text);
}

}  // namespace
}  // namespace writ::policy

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::policy;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto body = parse_policy_json(text)) check(Policy("p", *body));
  const auto set = parse_policy_set_json(text);
  if (!set) return 0;
  for (const Policy* policy : set->in_order()) {
    if (policy->template_id.empty()) check(*policy);
    (void)to_text(*policy);
  }
  if (const auto whole = to_text(*set)) {
    WRIT_ASSERT(PolicySet::parse(*whole)->in_order().size() == set->in_order().size());
  }
  const auto json = to_json(*set);
  if (too_large(json)) return 0;
  WRIT_ASSERT(to_json(parse_policy_set_json(*json).value()).value() == *json);
  return 0;
}
