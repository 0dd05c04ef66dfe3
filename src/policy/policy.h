// Policies, templates and sets of them. (Cedar language 4.5; formal specification: Policy.)
//
// A set is made from text once and then only read. Ids are policy0, policy1, … by position in the
// text, templates counted too. Text may come from a stranger: size, nesting and counts are
// bounded (limits.h); errors name line and column, show the line with a caret and say what was
// expected.
//
//   PolicySet set = TRY(PolicySet::parse(text));
//
// Thread safety: a PolicySet may be read from many threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/expr.h"
#include "policy/scope_index.h"
#include "policy/value.h"

namespace writ::policy {

enum class Effect : std::uint8_t { Permit, Forbid };

// One of the three constraints of a scope.
struct Scope {
  enum class Op : std::uint8_t { All, Eq, In, InList, Is, IsIn };
  Op op = Op::All;
  bool slot = false;                // Eq, In, IsIn: a template's ?principal or ?resource
  std::vector<EntityUid> entities;  // one for Eq, In, IsIn (none when slot); any number for InList
  std::string type;                 // Is, IsIn
  Position position = {};           // of the variable's word
};

struct Annotation {
  std::string key;
  std::optional<std::string> value;  // nothing for `@key` alone
};

struct Condition {
  bool unless = false;
  ExprId body = 0;
};

// What a policy or template says; shared by the links of a template.
struct PolicyBody {
  Effect effect = Effect::Permit;
  std::vector<Annotation> annotations;
  Scope principal;
  Scope action;
  Scope resource;
  std::vector<Condition> conditions;
  Expr exprs;              // the nodes of all conditions
  Program program;         // the same, compiled
  std::uint32_t line = 1;  // of the effect's word in the text
  std::uint32_t column = 1;

  bool is_template() const { return principal.slot || resource.slot; }
  // size is what counts against kMaxSetNodes.
  std::size_t size() const {
    return exprs.nodes.size() + annotations.size() + action.entities.size();
  }
  // Equal: the same effect, annotations, scope (`in [E]` is `in E`) and conditions, wherever they
  // stood in the text.
  friend bool operator==(const PolicyBody& a, const PolicyBody& b);
};

struct Policy {
  std::string id;
  std::shared_ptr<const PolicyBody> body;  // shared: a template and its links have one body
  std::string template_id;                 // of a link
  std::optional<EntityUid> principal;      // a link's value for ?principal
  std::optional<EntityUid> resource;

  Policy(std::string policy_id, std::shared_ptr<const PolicyBody> policy_body);
  Policy(const Policy&);
  Policy(Policy&&) noexcept;
  Policy& operator=(const Policy&);
  Policy& operator=(Policy&&) noexcept;
  ~Policy();

  // annotation is the value of `@key`: empty text for `@key` alone, nothing when absent.
  std::optional<std::string_view> annotation(std::string_view key) const;
};

class PolicySet {
 public:
  // parse reads policies and templates.
  static Result<PolicySet> parse(std::string_view text);
  // parse_forbid_only is for what may only narrow: every policy must be a static `forbid`;
  // InvalidArgument names the first that is not.
  static Result<PolicySet> parse_forbid_only(std::string_view text);

  // add puts a policy of one text in under an id of the caller's. Conflict when the id is taken.
  Result<void> add(std::string id, std::string_view text);
  // add puts in what another reader made (policy_json.h).
  Result<void> add(std::string id, std::shared_ptr<const PolicyBody> body);
  // link makes a policy from a template: `values` must fill exactly its slots. Conflict when the
  // id is taken.
  Result<void> link(std::string_view template_id, std::string new_id,
                    std::optional<EntityUid> principal, std::optional<EntityUid> resource);

  // policies: static ones and links, in order of appearance. templates: likewise.
  const std::vector<Policy>& policies() const { return policies_; }
  const std::vector<Policy>& templates() const { return templates_; }
  // in_order is static policies, templates and links together, in order of appearance.
  std::vector<const Policy*> in_order() const;
  // find is the policy with this id, or null.
  const Policy* find(std::string_view id) const;
  // scope_index finds the policies that can apply to a request; it is built when first asked for.
  const ScopeIndex& scope_index() const { return index_.get(policies_); }

 private:
  std::vector<Policy> policies_;
  std::vector<Policy> templates_;
  std::map<std::string, std::pair<bool, std::size_t>, std::less<>> ids_;  // template?, position
  std::vector<std::pair<bool, std::size_t>> order_;                       // likewise
  std::size_t nodes_ = 0;
  ScopeIndexSlot index_;  // of policies_
};

}  // namespace writ::policy
