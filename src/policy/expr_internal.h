// How the engine's own readers build expressions, and the table of extension functions.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/expr.h"
#include "policy/limits.h"

namespace writ::policy {

// What policy text calls a function, how it is called, and with how many arguments (the receiver
// of a method counts).
struct FunctionRow {
  std::string_view name;
  Function function;
  bool method;
  std::uint32_t arity;
};
std::span<const FunctionRow> function_table();
const FunctionRow& function_row(Function function);
// find_function is the row of a name, or null.
const FunctionRow* find_function(std::string_view name);

// The methods that are part of the language itself: `contains` to `hasTag`.
struct MethodRow {
  std::string_view name;
  Op op;
  std::uint32_t arity;  // without the receiver
};
const MethodRow* find_method(std::string_view name);
std::string_view method_name(Op op);

// Gives equal expressions equal numbers, also those of different Exprs. Equal: the same terms in
// the same order, wherever they stood in the text.
class ExprNumbers {
 public:
  // number is the number of each node.
  std::vector<std::uint32_t> number(const Expr& expr);
  // string is the number of a text.
  std::uint32_t string(const std::string& text) { return next(strings_, text); }

 private:
  using Table = std::map<std::string, std::uint32_t>;
  static std::uint32_t next(Table& table, std::string key) {
    return table.emplace(std::move(key), static_cast<std::uint32_t>(table.size())).first->second;
  }
  Table strings_;
  Table nodes_;
};

// operands are the nodes that a node is made of, in the order of the text.
std::vector<ExprId> operands(const Expr& expr, const Node& node);

// check_size refuses (Exhausted) a policy that has more than kMaxPolicyNodes terms when what its
// tree shares is written out: `x has a.b` has x twice, so forty levels of it in each other would be
// a million million terms to whoever walks the tree.
Result<void> check_size(const Expr& expr, std::span<const ExprId> roots);

// Appends nodes to an Expr, within kMaxPolicyNodes.
class ExprBuilder {
 public:
  explicit ExprBuilder(Expr& out) : out_(out) {}

  Result<ExprId> add(Op op, Position at, std::uint32_t a, std::uint32_t b = 0,
                     std::uint32_t c = 0) {
    if (out_.nodes.size() >= kMaxPolicyNodes) {
      return Error(Code::Exhausted,
                   "the policy has more than " + std::to_string(kMaxPolicyNodes) + " terms");
    }
    out_.nodes.push_back({op, a, b, c, at});
    return static_cast<ExprId>(out_.nodes.size() - 1);
  }
  Result<ExprId> literal(Position at, Value value) {
    out_.literals.push_back(std::move(value));
    return add(Op::Literal, at, static_cast<std::uint32_t>(out_.literals.size() - 1));
  }
  std::uint32_t string(std::string text) {
    out_.strings.push_back(std::move(text));
    return static_cast<std::uint32_t>(out_.strings.size() - 1);
  }
  std::uint32_t pattern(Pattern pattern) {
    out_.patterns.push_back(std::move(pattern));
    return static_cast<std::uint32_t>(out_.patterns.size() - 1);
  }
  std::uint32_t list(std::span<const std::uint32_t> items) {
    const auto first = static_cast<std::uint32_t>(out_.list.size());
    out_.list.insert(out_.list.end(), items.begin(), items.end());
    return first;
  }
  // has_path is `left has a.b.c`: a chain of `has`, each looking one attribute further.
  Result<ExprId> has_path(Position at, ExprId left, std::span<const std::string> path);
  const Node& node(ExprId id) const { return out_.nodes[id]; }

 private:
  Expr& out_;
};

}  // namespace writ::policy
