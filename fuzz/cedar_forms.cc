// Policy text through its other forms: printed, laid out, as JSON, it stays the same policies; and
// a schema that reads says the same in its other form. Validation never crashes or hangs, and its
// verdict does not depend on the form.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "policy/format.h"
#include "policy/policy_json.h"
#include "policy/printer.h"
#include "policy/schema_forms.h"
#include "policy/validator.h"

namespace writ::policy {
namespace {

constexpr std::string_view kSchema = R"(
  type R = { a: Long, b?: { c: String } };
  entity G; entity E enum ["x", "y"];
  entity T in [G] = { n: Long, s: String, b?: Bool, e: G, set: Set<Long>, r: R, d: decimal,
                      t: datetime, u: duration, i: ipaddr } tags String;
  action a in [all] appliesTo { principal: [T, E], resource: [T, G], context: R };
  action all;)";

const Schema& schema() {
  static const Schema made = Schema::parse(kSchema).value();
  return made;
}

bool same(const PolicySet& a, const PolicySet& b) {
  const auto x = a.in_order();
  const auto y = b.in_order();
  if (x.size() != y.size()) return false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(*x[i]->body == *y[i]->body)) return false;
  }
  return true;
}

void check_policies(std::string_view text) {
  const auto set = PolicySet::parse(text);
  if (!set) return;
  const std::string formatted = format_policies(text).value();
  WRIT_ASSERT(same(PolicySet::parse(formatted).value(), *set));
  WRIT_ASSERT(format_policies(formatted).value() == formatted);
  const std::string printed = to_text(*set).value();
  WRIT_ASSERT(same(PolicySet::parse(printed).value(), *set));
  const PolicySet from_json = parse_policy_set_json(to_json(*set).value()).value();
  WRIT_ASSERT(from_json.policies().size() == set->policies().size());
  const auto verdict = validate(schema(), *set);
  const auto other = validate(schema(), from_json);
  WRIT_ASSERT(verdict.has_value() == other.has_value());
  if (!verdict) return;
  WRIT_ASSERT(verdict->errors.size() == other->errors.size());
  WRIT_ASSERT(verdict->warnings.size() == other->warnings.size());
}

// Once from either form, both say the same for ever.
void check_schema(const std::string& json) {
  const auto text = schema_json_to_text(json);
  if (!text) return;
  const std::string again = schema_text_to_json(*text).value();
  WRIT_ASSERT(schema_json_to_text(again).value() == *text);
  WRIT_ASSERT(format_schema(*text).value() == *text);
}

}  // namespace
}  // namespace writ::policy

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::policy;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_policies(text);
  if (const auto json = schema_text_to_json(text)) {
    WRIT_ASSERT(Schema::parse_json(*json).has_value());
    check_schema(*json);
    const std::string formatted = format_schema(text).value();
    WRIT_ASSERT(format_schema(formatted).value() == formatted);
    WRIT_ASSERT(schema_text_to_json(formatted).value() == *json);
  }
  check_schema(std::string(text));
  return 0;
}
