#include "policy/policy.h"

#include <algorithm>

#include "base/bytes.h"
#include "policy/expr_internal.h"
#include "policy/limits.h"
#include "policy/parser.h"

namespace writ::policy {

bool operator==(const PolicyBody& a, const PolicyBody& b) {
  const auto op = [](const Scope& scope) {
    const bool one = scope.op == Scope::Op::InList && scope.entities.size() == 1;
    return one ? Scope::Op::In : scope.op;
  };
  const auto same_scope = [&](const Scope& x, const Scope& y) {
    return op(x) == op(y) && x.slot == y.slot && x.entities == y.entities && x.type == y.type;
  };
  const auto same_annotation = [](const Annotation& x, const Annotation& y) {
    return x.key == y.key && x.value == y.value;
  };
  if (a.effect != b.effect || !same_scope(a.principal, b.principal) ||
      !same_scope(a.action, b.action) || !same_scope(a.resource, b.resource) ||
      !std::equal(a.annotations.begin(), a.annotations.end(), b.annotations.begin(),
                  b.annotations.end(), same_annotation)) {
    return false;
  }
  ExprNumbers numbers;
  const std::vector<std::uint32_t> of_a = numbers.number(a.exprs);
  const std::vector<std::uint32_t> of_b = numbers.number(b.exprs);
  return std::equal(a.conditions.begin(), a.conditions.end(), b.conditions.begin(),
                    b.conditions.end(), [&](const Condition& x, const Condition& y) {
                      return x.unless == y.unless && of_a[x.body] == of_b[y.body];
                    });
}

Policy::Policy(std::string policy_id, std::shared_ptr<const PolicyBody> policy_body)
    : id(std::move(policy_id)), body(std::move(policy_body)) {}
Policy::Policy(const Policy&) = default;
Policy::Policy(Policy&&) noexcept = default;
Policy& Policy::operator=(const Policy&) = default;
Policy& Policy::operator=(Policy&&) noexcept = default;
Policy::~Policy() = default;

std::optional<std::string_view> Policy::annotation(std::string_view key) const {
  for (const Annotation& annotation : body->annotations) {
    if (annotation.key == key) {
      return annotation.value ? std::string_view(*annotation.value) : std::string_view();
    }
  }
  return std::nullopt;
}

Result<PolicySet> PolicySet::parse(std::string_view text) {
  PolicySet out;
  auto bodies = TRY(parse_policies(text));
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    TRY(out.add("policy" + std::to_string(i), std::move(bodies[i])));
  }
  return out;
}

Result<PolicySet> PolicySet::parse_forbid_only(std::string_view text) {
  PolicySet out = TRY(parse(text));
  const auto refuse = [](const Policy& policy, const char* what) {
    return Error(Code::InvalidArgument,
                 "line " + std::to_string(policy.body->line) + ", column " +
                     std::to_string(policy.body->column) + ": " + what +
                     ": only `forbid` policies without slots are accepted here, because they " +
                     "can narrow but never widen");
  };
  for (const Policy& policy : out.policies_) {
    if (policy.body->effect != Effect::Forbid) return refuse(policy, "this is a `permit`");
  }
  for (const Policy& policy : out.templates_) return refuse(policy, "this is a template");
  return out;
}

Result<void> PolicySet::add(std::string id, std::string_view text) {
  auto bodies = TRY(parse_policies(text));
  if (bodies.size() != 1) {
    return Error(Code::InvalidArgument, "expected the text of one policy, found " +
                                            std::to_string(bodies.size()) + " policies");
  }
  return add(std::move(id), std::move(bodies.front()));
}

Result<void> PolicySet::link(std::string_view template_id, std::string new_id,
                             std::optional<EntityUid> principal,
                             std::optional<EntityUid> resource) {
  const auto found = ids_.find(template_id);
  if (found == ids_.end() || !found->second.first) {
    return Error(Code::NotFound, "there is no template `" + printable(template_id) + "`");
  }
  const Policy& from = templates_[found->second.second];
  const auto check_slot = [&](const Scope& scope, const std::optional<EntityUid>& value,
                              const char* slot) -> Result<void> {
    if (scope.slot == value.has_value()) return {};
    return Error(Code::InvalidArgument,
                 std::string("the template `") + printable(template_id) +
                     (scope.slot ? "` needs a value for `" : "` has no slot `") + slot + "`");
  };
  TRY(check_slot(from.body->principal, principal, "?principal"));
  TRY(check_slot(from.body->resource, resource, "?resource"));
  if (ids_.contains(new_id)) {
    return Error(Code::Conflict, "the policy id `" + printable(new_id) + "` is taken");
  }
  if (ids_.size() >= kMaxPolicies) {
    return Error(Code::Exhausted, "more than " + std::to_string(kMaxPolicies) + " policies");
  }
  order_.emplace_back(false, policies_.size());
  ids_.emplace(new_id, order_.back());
  Policy made(std::move(new_id), from.body);
  made.template_id = from.id;
  made.principal = std::move(principal);
  made.resource = std::move(resource);
  policies_.push_back(std::move(made));
  index_.forget();
  return {};
}

Result<void> PolicySet::add(std::string id, std::shared_ptr<const PolicyBody> body) {
  if (ids_.contains(id)) {
    return Error(Code::Conflict, "the policy id `" + printable(id) + "` is taken");
  }
  nodes_ += body->size();
  if (ids_.size() >= kMaxPolicies || nodes_ > kMaxSetNodes) {
    return Error(Code::Exhausted, "the policy set is too large");
  }
  const bool is_template = body->is_template();
  auto& list = is_template ? templates_ : policies_;
  order_.emplace_back(is_template, list.size());
  ids_.emplace(id, order_.back());
  list.emplace_back(std::move(id), std::move(body));
  index_.forget();
  return {};
}

std::vector<const Policy*> PolicySet::in_order() const {
  std::vector<const Policy*> out;
  out.reserve(order_.size());
  for (const auto& [is_template, at] : order_) {
    out.push_back(&(is_template ? templates_ : policies_)[at]);
  }
  return out;
}

const Policy* PolicySet::find(std::string_view id) const {
  const auto found = ids_.find(id);
  if (found == ids_.end()) return nullptr;
  return &(found->second.first ? templates_ : policies_)[found->second.second];
}

}  // namespace writ::policy
