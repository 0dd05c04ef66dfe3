#include "policy/expr.h"

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
