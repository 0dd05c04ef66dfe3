#include "policy/notation.h"

#include <algorithm>

#include "policy/expr_internal.h"

namespace writ::policy {

// From loosest to tightest, as in the grammar.
enum class Notation::Binding : std::uint8_t {
  If,
  Or,
  And,
  Relation,
  Sum,
  Product,
  Unary,
  Member,
  Primary,
};

namespace {

// As many `!` or `-` may stand in a row.
constexpr std::uint8_t kMaxSigns = 4;

bool plain(const std::string& name) {
  return is_identifier(name) && !is_reserved(name);
}

std::string pattern_text(const Pattern& pattern) {
  std::string out = "\"";
  for (std::size_t i = 0; i < pattern.pieces.size(); ++i) {
    if (i > 0) out += '*';
    const std::string literal = quoted(pattern.pieces[i]);
    for (std::size_t at = 1; at + 1 < literal.size(); ++at) {
      if (literal[at] == '*') out += '\\';
      out += literal[at];
    }
  }
  return out + '"';
}

const char* infix(Op op) {
  switch (op) {
    case Op::And: return " && ";
    case Op::Or: return " || ";
    case Op::Eq: return " == ";
    case Op::Ne: return " != ";
    case Op::Lt: return " < ";
    case Op::Le: return " <= ";
    case Op::Gt: return " > ";
    case Op::Ge: return " >= ";
    case Op::Add: return " + ";
    case Op::Sub: return " - ";
    case Op::Mul: return " * ";
    default: return " in ";
  }
}

Notation::Piece text(std::string written) {
  return {Notation::Piece::Kind::Text, std::move(written), kNoExpr};
}
Notation::Piece expression(ExprId id) {
  return {Notation::Piece::Kind::Expression, {}, id};
}

}  // namespace

Notation::Notation(const Expr& expr) : expr_(expr) {
  find_has_paths();
  signs_.assign(expr.nodes.size(), 0);
  for (std::size_t i = 0; i < expr.nodes.size(); ++i) {
    const Node& node = expr.nodes[i];
    if (is_negative(static_cast<ExprId>(i))) signs_[i] = 1;
    if (node.op != Op::Not && node.op != Op::Neg) continue;
    signs_[i] = continues(node.a, node.op) ? static_cast<std::uint8_t>(signs_[node.a] + 1) : 1;
  }
}

bool Notation::is_negative(ExprId id) const {
  const Node& node = expr_.nodes[id];
  if (node.op != Op::Literal) return false;
  const ValueRef value = expr_.literals[node.a].ref();
  return value.kind() == Kind::Long && value.as_number() < 0;
}

// Whether a sign can stand before what begins with the same sign: `!!x`, `--x`, `--1`.
bool Notation::continues(ExprId id, Op sign) const {
  const bool same = expr_.nodes[id].op == sign || (sign == Op::Neg && is_negative(id));
  return same && signs_[id] < kMaxSigns;
}

// `x has a.b.c` is the `&&` of `x has a.b` and `x.a.b has c`: each `&&` looks whether its left side
// ends with the `has` that its right side goes one attribute beyond.
void Notation::find_has_paths() {
  is_has_path_.assign(expr_.nodes.size(), false);
  const bool none = std::none_of(expr_.nodes.begin(), expr_.nodes.end(),
                                 [](const Node& node) { return node.op == Op::And; });
  if (none) return;
  ExprNumbers numbers;
  const std::vector<std::uint32_t> number = numbers.number(expr_);
  const auto name = [&](const Node& node) -> const std::string& { return expr_.strings[node.b]; };
  for (std::size_t i = 0; i < expr_.nodes.size(); ++i) {
    if (expr_.nodes[i].op != Op::And) continue;
    const ExprId left = expr_.nodes[i].a;
    const Node& before = expr_.nodes[is_has_path_[left] ? expr_.nodes[left].b : left];
    const Node& last = expr_.nodes[expr_.nodes[i].b];
    if (before.op != Op::Has || last.op != Op::Has) continue;
    const Node& reached = expr_.nodes[last.a];
    is_has_path_[i] = reached.op == Op::Attr && number[reached.a] == number[before.a] &&
                      name(reached) == name(before) && plain(name(before)) && plain(name(last));
  }
}

// The attributes of a has path, joined by dots, and what it looks into.
std::string Notation::has_path(ExprId id, ExprId& left) const {
  std::vector<const std::string*> names;
  for (; is_has_path_[id]; id = expr_.nodes[id].a) {
    names.push_back(&expr_.strings[expr_.nodes[expr_.nodes[id].b].b]);
  }
  left = expr_.nodes[id].a;
  std::string out = expr_.strings[expr_.nodes[id].b];
  for (auto at = names.rbegin(); at != names.rend(); ++at) out += "." + **at;
  return out;
}

Notation::Binding Notation::binding(ExprId id) const {
  const Node& node = expr_.nodes[id];
  switch (node.op) {
    case Op::If: return Binding::If;
    case Op::Or: return Binding::Or;
    case Op::And: return is_has_path_[id] ? Binding::Relation : Binding::And;
    case Op::Eq:
    case Op::Ne:
    case Op::Lt:
    case Op::Le:
    case Op::Gt:
    case Op::Ge:
    case Op::In:
    case Op::Has:
    case Op::Like:
    case Op::Is: return Binding::Relation;
    case Op::Add:
    case Op::Sub: return Binding::Sum;
    case Op::Mul: return Binding::Product;
    case Op::Not:
    case Op::Neg: return Binding::Unary;
    case Op::Literal: return is_negative(id) ? Binding::Unary : Binding::Primary;
    case Op::Var:
    case Op::Set:
    case Op::Record: return Binding::Primary;
    case Op::Call:
      return function_row(static_cast<Function>(node.c)).method ? Binding::Member
                                                                : Binding::Primary;
    default: return Binding::Member;
  }
}

Notation::Piece Notation::operand(ExprId id, Binding least) const {
  const bool fits = binding(id) >= least;
  return {fits ? Piece::Kind::Operand : Piece::Kind::Parenthesised, {}, id};
}

// A minus before a number would become part of the number.
Notation::Piece Notation::after_sign(ExprId id, Op sign) const {
  const Node& node = expr_.nodes[id];
  const bool number = node.op == Op::Literal && expr_.literals[node.a].ref().kind() == Kind::Long;
  const bool fits =
      continues(id, sign) || (binding(id) >= Binding::Member && !(number && sign == Op::Neg));
  return {fits ? Piece::Kind::Operand : Piece::Kind::Parenthesised, {}, id};
}

std::vector<Notation::Piece> Notation::pieces(ExprId id) const {
  const Node& node = expr_.nodes[id];
  std::vector<Piece> out;
  const auto binary = [&](Binding left, Binding right) {
    out.push_back(operand(node.a, left));
    out.push_back(text(infix(node.op)));
    out.push_back(operand(node.b, right));
  };
  // Arguments from `from` on, in their brackets.
  const auto arguments = [&](std::uint32_t from, std::string open, std::string close) {
    for (std::uint32_t i = from; i < node.b; ++i) {
      out.push_back(text(i == from ? std::move(open) : ", "));
      out.push_back(expression(expr_.list[node.a + i]));
    }
    out.push_back(text(node.b > from ? std::move(close) : std::move(open) + std::move(close)));
  };
  switch (node.op) {
    case Op::Literal: out.push_back(text(to_text(expr_.literals[node.a]))); break;
    case Op::Var:
      out.push_back(text(std::string(variable_name(static_cast<Variable>(node.a)))));
      break;
    case Op::If:
      out = {text("if "),        expression(node.a), text(" then "),
             expression(node.b), text(" else "),     expression(node.c)};
      break;
    case Op::And:
      if (is_has_path_[id]) {
        ExprId left = kNoExpr;
        std::string path = has_path(id, left);
        out = {operand(left, Binding::Sum), text(" has " + std::move(path))};
        break;
      }
      binary(Binding::And, Binding::Relation);
      break;
    case Op::Or: binary(Binding::Or, Binding::And); break;
    case Op::Add:
    case Op::Sub: binary(Binding::Sum, Binding::Product); break;
    case Op::Mul: binary(Binding::Product, Binding::Unary); break;
    case Op::Not:
    case Op::Neg: out = {text(node.op == Op::Not ? "!" : "-"), after_sign(node.a, node.op)}; break;
    case Op::Contains:
    case Op::ContainsAll:
    case Op::ContainsAny:
    case Op::GetTag:
    case Op::HasTag:
      out = {operand(node.a, Binding::Member), text("." + std::string(method_name(node.op)) + "("),
             expression(node.b), text(")")};
      break;
    case Op::IsEmpty: out = {operand(node.a, Binding::Member), text(".isEmpty()")}; break;
    case Op::Attr: {
      const std::string& name = expr_.strings[node.b];
      out = {operand(node.a, Binding::Member),
             text(plain(name) ? "." + name : "[" + quoted(name) + "]")};
      break;
    }
    case Op::Has: {
      const std::string& name = expr_.strings[node.b];
      out = {operand(node.a, Binding::Sum), text(" has " + (plain(name) ? name : quoted(name)))};
      break;
    }
    case Op::Like:
      out = {operand(node.a, Binding::Sum), text(" like " + pattern_text(expr_.patterns[node.b]))};
      break;
    case Op::Is:
      out = {operand(node.a, Binding::Sum), text(" is " + expr_.strings[node.b])};
      if (node.c == kNoExpr) break;
      out.push_back(text(" in "));
      out.push_back(operand(node.c, Binding::Sum));
      break;
    case Op::Set: arguments(0, "[", "]"); break;
    case Op::Record:
      for (std::uint32_t i = 0; i < node.b; ++i) {
        const std::string& name = expr_.strings[expr_.list[node.a + 2 * i]];
        out.push_back(text((i == 0 ? "{" : ", ") + (plain(name) ? name : quoted(name)) + ": "));
        out.push_back(expression(expr_.list[node.a + 2 * i + 1]));
      }
      out.push_back(text(node.b > 0 ? "}" : "{}"));
      break;
    case Op::Call: {
      const FunctionRow& row = function_row(static_cast<Function>(node.c));
      const std::string open = std::string(row.name) + "(";
      if (row.method) {
        out.push_back(operand(expr_.list[node.a], Binding::Member));
        arguments(1, "." + open, ")");
      } else {
        arguments(0, open, ")");
      }
      break;
    }
    default: binary(Binding::Sum, Binding::Sum); break;  // comparisons
  }
  return out;
}

std::vector<std::uint32_t> Notation::nesting() const {
  std::vector<std::uint32_t> out;
  out.reserve(expr_.nodes.size());
  for (std::size_t i = 0; i < expr_.nodes.size(); ++i) {
    if (is_has_path_[i]) {  // written behind the same left side as its beginning
      out.push_back(out[expr_.nodes[i].a]);
      continue;
    }
    std::uint32_t deepest = 0;
    for (const Piece& piece : pieces(static_cast<ExprId>(i))) {
      if (piece.operand == kNoExpr) continue;
      const std::uint32_t own = piece.kind == Piece::Kind::Operand ? 0 : 1;
      deepest = std::max(deepest, out[piece.operand] + own);
    }
    out.push_back(deepest);
  }
  return out;
}

}  // namespace writ::policy
