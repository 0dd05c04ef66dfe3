#include "policy/expr.h"

#include <algorithm>
#include <array>

#include "policy/expr_internal.h"

namespace writ::policy {

namespace {

constexpr std::array<FunctionRow, 22> kFunctions = {{
    {"ip", Function::Ip, false, 1},
    {"isIpv4", Function::IsIpv4, true, 1},
    {"isIpv6", Function::IsIpv6, true, 1},
    {"isLoopback", Function::IsLoopback, true, 1},
    {"isMulticast", Function::IsMulticast, true, 1},
    {"isInRange", Function::IsInRange, true, 2},
    {"decimal", Function::Decimal, false, 1},
    {"lessThan", Function::LessThan, true, 2},
    {"lessThanOrEqual", Function::LessThanOrEqual, true, 2},
    {"greaterThan", Function::GreaterThan, true, 2},
    {"greaterThanOrEqual", Function::GreaterThanOrEqual, true, 2},
    {"datetime", Function::Datetime, false, 1},
    {"offset", Function::Offset, true, 2},
    {"durationSince", Function::DurationSince, true, 2},
    {"toDate", Function::ToDate, true, 1},
    {"toTime", Function::ToTime, true, 1},
    {"duration", Function::Duration, false, 1},
    {"toMilliseconds", Function::ToMilliseconds, true, 1},
    {"toSeconds", Function::ToSeconds, true, 1},
    {"toMinutes", Function::ToMinutes, true, 1},
    {"toHours", Function::ToHours, true, 1},
    {"toDays", Function::ToDays, true, 1},
}};

constexpr std::array<MethodRow, 6> kMethods = {{
    {"contains", Op::Contains, 1},
    {"containsAll", Op::ContainsAll, 1},
    {"containsAny", Op::ContainsAny, 1},
    {"isEmpty", Op::IsEmpty, 0},
    {"getTag", Op::GetTag, 1},
    {"hasTag", Op::HasTag, 1},
}};

}  // namespace

std::span<const FunctionRow> function_table() {
  return kFunctions;
}

const FunctionRow& function_row(Function function) {
  return kFunctions[static_cast<std::size_t>(function)];
}

const FunctionRow* find_function(std::string_view name) {
  for (const FunctionRow& row : kFunctions) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

const MethodRow* find_method(std::string_view name) {
  for (const MethodRow& row : kMethods) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string_view method_name(Op op) {
  for (const MethodRow& row : kMethods) {
    if (row.op == op) return row.name;
  }
  return "";
}

std::string_view variable_name(Variable variable) {
  switch (variable) {
    case Variable::Principal: return "principal";
    case Variable::Action: return "action";
    case Variable::Resource: return "resource";
    case Variable::Context: return "context";
  }
  return "";
}

bool Pattern::matches(std::string_view text) const {
  const std::string& first = pieces.front();
  if (pieces.size() == 1) return text == first;
  const std::string& last = pieces.back();
  if (text.size() < first.size() + last.size() || !text.starts_with(first) ||
      !text.ends_with(last)) {
    return false;
  }
  // Between the ends each piece takes its earliest place; a later one could not help.
  std::string_view rest = text.substr(first.size(), text.size() - first.size() - last.size());
  for (std::size_t i = 1; i + 1 < pieces.size(); ++i) {
    const std::size_t at = rest.find(pieces[i]);
    if (at == std::string_view::npos) return false;
    rest.remove_prefix(at + pieces[i].size());
  }
  return true;
}

// Nodes come after their operands, so equal expressions meet as equal keys.
std::vector<std::uint32_t> ExprNumbers::number(const Expr& expr) {
  std::vector<std::uint32_t> out;
  out.reserve(expr.nodes.size());
  for (const Node& node : expr.nodes) {
    std::string key = std::to_string(static_cast<int>(node.op));
    const auto add = [&](std::uint32_t part) { key += ' ' + std::to_string(part); };
    const auto text = [&](std::uint32_t at) { add(string(expr.strings[at])); };
    switch (node.op) {
      case Op::Literal: key += to_text(expr.literals[node.a]); break;
      case Op::Var: add(node.a); break;
      case Op::Set:
      case Op::Call:
        if (node.op == Op::Call) add(node.c);
        for (std::uint32_t i = 0; i < node.b; ++i) add(out[expr.list[node.a + i]]);
        break;
      case Op::Record:
        for (std::uint32_t i = 0; i < node.b; ++i) {
          text(expr.list[node.a + 2 * i]);
          add(out[expr.list[node.a + 2 * i + 1]]);
        }
        break;
      case Op::Attr:
      case Op::Has:
        add(out[node.a]);
        text(node.b);
        break;
      case Op::Is:
        add(out[node.a]);
        text(node.b);
        if (node.c != kNoExpr) add(out[node.c]);
        break;
      case Op::Like:
        add(out[node.a]);
        for (const std::string& piece : expr.patterns[node.b].pieces) key += quoted(piece);
        break;
      case Op::If:
        add(out[node.a]);
        add(out[node.b]);
        add(out[node.c]);
        break;
      case Op::Not:
      case Op::Neg:
      case Op::IsEmpty: add(out[node.a]); break;
      default: add(out[node.a]); add(out[node.b]);
    }
    out.push_back(next(nodes_, std::move(key)));
  }
  return out;
}

std::vector<ExprId> operands(const Expr& expr, const Node& node) {
  std::vector<ExprId> out;
  switch (node.op) {
    case Op::Literal:
    case Op::Var: break;
    case Op::If: out = {node.a, node.b, node.c}; break;
    case Op::Set:
    case Op::Call:
      for (std::uint32_t i = 0; i < node.b; ++i) out.push_back(expr.list[node.a + i]);
      break;
    case Op::Record:
      for (std::uint32_t i = 0; i < node.b; ++i) out.push_back(expr.list[node.a + 2 * i + 1]);
      break;
    case Op::Is:
      out.push_back(node.a);
      if (node.c != kNoExpr) out.push_back(node.c);
      break;
    case Op::Not:
    case Op::Neg:
    case Op::IsEmpty:
    case Op::Attr:
    case Op::Has:
    case Op::Like: out.push_back(node.a); break;
    default: out = {node.a, node.b};
  }
  return out;
}

Result<void> check_size(const Expr& expr, std::span<const ExprId> roots) {
  std::vector<std::size_t> terms;  // of each node, at most one more than is allowed
  terms.reserve(expr.nodes.size());
  for (const Node& node : expr.nodes) {
    std::size_t own = 1;
    for (const ExprId id : operands(expr, node)) {
      own = std::min(own + terms[id], kMaxPolicyNodes + 1);
    }
    terms.push_back(own);
  }
  std::size_t all = 0;
  for (const ExprId root : roots) all = std::min(all + terms[root], kMaxPolicyNodes + 1);
  if (all <= kMaxPolicyNodes) return {};
  return Error(Code::Exhausted, "the policy has more than " + std::to_string(kMaxPolicyNodes) +
                                    " terms (`x has a.b` counts x twice)");
}

Result<ExprId> ExprBuilder::has_path(Position at, ExprId left, std::span<const std::string> path) {
  ExprId all = TRY(add(Op::Has, at, left, string(path.front())));
  ExprId reached = left;
  for (std::size_t i = 1; i < path.size(); ++i) {
    reached = TRY(add(Op::Attr, at, reached, string(path[i - 1])));
    const ExprId next = TRY(add(Op::Has, at, reached, string(path[i])));
    all = TRY(add(Op::And, at, all, next));
  }
  return all;
}

}  // namespace writ::policy
