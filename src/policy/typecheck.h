// Types of expressions in one environment. For the validator.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "policy/policy.h"
#include "policy/schema.h"

namespace writ::policy {

// One way in which requests can be asked.
struct Environment {
  const ActionType* action;
  std::string principal;
  std::string resource;
};

// What is known to be there: (expression, attribute or tag, its name or key expression).
using Capabilities = std::set<std::tuple<std::uint32_t, bool, std::uint32_t>>;

struct Typed {
  const Type* type = nullptr;
  Capabilities known = {};
};

// Types the conditions of one policy. Equal expressions have one number, which capabilities use.
class TypeChecker {
 public:
  TypeChecker(const Schema& schema, const PolicyBody& body);

  // check types scope and conditions: the bool type of the whole. Malformed with line and column.
  Result<const Type*> check(const Environment& environment);
  // work counts the nodes looked at so far.
  std::size_t work() const { return work_; }

 private:
  Result<Typed> type_of(ExprId id, const Capabilities& known);
  Result<Typed> leaf(ExprId id, const Capabilities& known);
  Result<Typed> combine(ExprId id, const Typed& left, const Capabilities& known);
  Result<Typed> and_of(const Typed& left, ExprId right, Position at, const Capabilities& known);
  Result<Typed> or_of(const Typed& left, ExprId right, Position at, const Capabilities& known);
  Result<Typed> if_of(const Node& node, const Typed& test, const Capabilities& known);
  Result<Typed> equal(const Node& node, const Type* left, const Type* right, bool negate);
  Result<const Type*> in_type(ExprId left, ExprId right, const Type* left_type,
                              const Type* right_type, Position at);
  Result<Typed> attribute(const Node& node, const Type* left, const Capabilities& known);
  Result<Typed> has(const Node& node, const Type* left, const Capabilities& known);
  Result<Typed> tag(const Node& node, const Type* left, const Capabilities& known);
  Result<Typed> call(const Node& node, const Capabilities& known);
  const Type* scope_type(const Scope& scope, const std::string& type) const;
  const Type* action_scope_type(const Scope& scope) const;

  const Type* simple(Type::Tag tag) const { return &simple_[static_cast<std::size_t>(tag)]; }
  const Type* boolean(bool value) const {
    return simple(value ? Type::Tag::True : Type::Tag::False);
  }
  const Type* entity(std::string_view name);
  const Type* keep(Type type);
  // join is the type both fit in, or null.
  const Type* join(const Type* a, const Type* b);
  bool can_be_in(std::string_view type, std::string_view ancestor) const;
  void fold_bools();
  std::optional<EntityUid> literal_uid(ExprId id) const;
  std::optional<Value> literal(ExprId id) const;
  Error error(Position at, const std::string& message) const;

  const Schema& schema_;
  const PolicyBody& body_;
  const Environment* environment_ = nullptr;
  std::vector<std::uint32_t> numbers_;  // of each node
  // What `&&` and `||` of two literal bools are: a literal too. Nothing for any other node.
  std::vector<std::optional<bool>> folded_;
  std::vector<std::uint32_t> string_numbers_;
  std::vector<Type> simple_;
  std::map<std::string, const Type*, std::less<>> entities_;
  std::vector<std::unique_ptr<const Type>> types_;
  std::size_t work_ = 0;
};

}  // namespace writ::policy
