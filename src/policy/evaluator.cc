#include "policy/evaluator.h"

#include "base/bytes.h"
#include "policy/compile.h"
#include "policy/expr_internal.h"
#include "policy/ext_datetime.h"
#include "policy/ext_decimal.h"
#include "policy/ext_duration.h"
#include "policy/ext_ip.h"
#include "policy/limits.h"
#include "policy/value_internal.h"

namespace writ::policy {

namespace {

// "an entity `User::"a"`", "a long": what was found, for messages.
std::string described(ValueRef value) {
  const std::string name(kind_name(value.kind()));
  const char* article = name.front() == 'e' || name.front() == 'i' ? "an " : "a ";
  if (value.kind() == Kind::Entity) {
    return article + name + " `" + printable(value.as_entity().text(), 80) + "`";
  }
  return article + name;
}

Error wants(const FunctionRow& row, const char* kind, ValueRef found) {
  return Error(Code::Malformed,
               "`" + std::string(row.name) + "` expects " + kind + ", got " + described(found));
}

// --- extension functions ---

Result<Value> call_constructor(const FunctionRow& row, ValueRef text) {
  if (text.kind() != Kind::String) return wants(row, "a string", text);
  switch (row.function) {
    case Function::Ip: return Value::ip(TRY(parse_ip(text.as_string())));
    case Function::Decimal: return Value::decimal(TRY(parse_decimal(text.as_string())));
    case Function::Datetime: return Value::datetime(TRY(parse_datetime(text.as_string())));
    default: return Value::duration(TRY(parse_duration(text.as_string())));
  }
}

Result<Value> call_ip(const FunctionRow& row, std::span<const ValueRef> arguments) {
  for (const ValueRef argument : arguments) {
    if (argument.kind() != Kind::Ip) return wants(row, "an ipaddr", argument);
  }
  const IpRange& self = arguments[0].as_ip();
  switch (row.function) {
    case Function::IsIpv4: return Value::boolean(!self.v6);
    case Function::IsIpv6: return Value::boolean(self.v6);
    case Function::IsLoopback: return Value::boolean(ip_is_loopback(self));
    case Function::IsMulticast: return Value::boolean(ip_is_multicast(self));
    default: return Value::boolean(ip_in_range(self, arguments[1].as_ip()));
  }
}

Result<Value> call_decimal(const FunctionRow& row, std::span<const ValueRef> arguments) {
  for (const ValueRef argument : arguments) {
    if (argument.kind() != Kind::Decimal) return wants(row, "a decimal", argument);
  }
  const std::int64_t left = arguments[0].as_number();
  const std::int64_t right = arguments[1].as_number();
  switch (row.function) {
    case Function::LessThan: return Value::boolean(left < right);
    case Function::LessThanOrEqual: return Value::boolean(left <= right);
    case Function::GreaterThan: return Value::boolean(left > right);
    default: return Value::boolean(left >= right);
  }
}

Result<Value> call_datetime(const FunctionRow& row, std::span<const ValueRef> arguments) {
  if (arguments[0].kind() != Kind::Datetime) return wants(row, "a datetime", arguments[0]);
  const std::int64_t self = arguments[0].as_number();
  std::int64_t out = 0;
  switch (row.function) {
    case Function::Offset:
      if (arguments[1].kind() != Kind::Duration) return wants(row, "a duration", arguments[1]);
      if (__builtin_add_overflow(self, arguments[1].as_number(), &out)) {
        return Error(Code::Malformed, "the datetime of `offset` does not fit in 64 bits");
      }
      return Value::datetime(out);
    case Function::DurationSince:
      if (arguments[1].kind() != Kind::Datetime) return wants(row, "a datetime", arguments[1]);
      if (__builtin_sub_overflow(self, arguments[1].as_number(), &out)) {
        return Error(Code::Malformed, "the duration of `durationSince` does not fit in 64 bits");
      }
      return Value::duration(out);
    case Function::ToDate: {
      const auto date = to_date(self);
      if (!date) return Error(Code::Malformed, "the day of `toDate` does not fit in 64 bits");
      return Value::datetime(*date);
    }
    default: return Value::duration(to_time(self));
  }
}

Result<Value> call_duration(const FunctionRow& row, ValueRef self) {
  if (self.kind() != Kind::Duration) return wants(row, "a duration", self);
  const std::int64_t millis = self.as_number();
  switch (row.function) {
    case Function::ToMilliseconds: return Value::integer(millis);
    case Function::ToSeconds: return Value::integer(millis / 1'000);
    case Function::ToMinutes: return Value::integer(millis / 60'000);
    case Function::ToHours: return Value::integer(millis / 3'600'000);
    default: return Value::integer(millis / 86'400'000);
  }
}

}  // namespace

Result<Value> call_function(Function function, std::span<const ValueRef> arguments) {
  const FunctionRow& row = function_row(function);
  if (arguments.size() != row.arity) {
    return Error(Code::Malformed, "`" + std::string(row.name) + "` takes " +
                                      std::to_string(row.arity - (row.method ? 1 : 0)) +
                                      " argument(s)");
  }
  if (!row.method) return call_constructor(row, arguments[0]);
  if (function <= Function::IsInRange) return call_ip(row, arguments);
  if (function <= Function::GreaterThanOrEqual) return call_decimal(row, arguments);
  if (function <= Function::ToTime) return call_datetime(row, arguments);
  return call_duration(row, arguments[0]);
}

// --- the machine ---

bool Evaluator::fail(Position where, std::string message) {
  fault_at_ = where;
  fault_ = std::move(message);
  return false;
}

bool Evaluator::type_error(Position where, const char* wanted, ValueRef found) {
  return fail(where, std::string("expected ") + wanted + ", got " + described(found));
}

Result<ValueRef> Evaluator::evaluate(const Expr& expr, const Program& program) {
  stack_.clear();
  made_.clear();
  stack_.reserve(program.stack);
  for (std::size_t next = 0; next < program.code.size();) {
    if (!step(expr, program, next)) {
      return Error(Code::Malformed, "line " + std::to_string(fault_at_.line) + ", column " +
                                        std::to_string(fault_at_.column) + ": " + fault_);
    }
  }
  return stack_.back();
}

bool Evaluator::step(const Expr& expr, const Program& program, std::size_t& next) {
  const Instruction& code = program.code[next++];
  switch (static_cast<Instr>(code.code)) {
    case Instr::Constant: stack_.push_back(program.constants[code.a]); return true;
    case Instr::Var:
      switch (static_cast<Variable>(code.a)) {
        case Variable::Principal: stack_.push_back(ValueRef::entity(request_.principal)); break;
        case Variable::Action: stack_.push_back(ValueRef::entity(request_.action)); break;
        case Variable::Resource: stack_.push_back(ValueRef::entity(request_.resource)); break;
        case Variable::Context: stack_.push_back(request_.context); break;
      }
      return true;
    case Instr::Not:
      if (stack_.back().kind() != Kind::Bool) {
        return type_error(code.position, "a bool", stack_.back());
      }
      stack_.back() = ValueRef::boolean(!stack_.back().as_bool());
      return true;
    case Instr::Neg: {
      if (stack_.back().kind() != Kind::Long) {
        return type_error(code.position, "a long", stack_.back());
      }
      std::int64_t out = 0;
      if (__builtin_sub_overflow(std::int64_t{0}, stack_.back().as_number(), &out)) {
        return fail(code.position, "the negated number does not fit in 64 bits");
      }
      stack_.back() = ValueRef::integer(out);
      return true;
    }
    case Instr::Eq: {
      const ValueRef right = pop();
      stack_.back() = ValueRef::boolean(stack_.back() == right);
      return true;
    }
    case Instr::Ne: {
      const ValueRef right = pop();
      stack_.back() = ValueRef::boolean(!(stack_.back() == right));
      return true;
    }
    case Instr::Lt:
    case Instr::Le:
    case Instr::Gt:
    case Instr::Ge: return compare_step(code);
    case Instr::Add:
    case Instr::Sub:
    case Instr::Mul: return arithmetic_step(code);
    case Instr::In: return in_step(code);
    case Instr::Contains:
    case Instr::ContainsAll:
    case Instr::ContainsAny:
    case Instr::IsEmpty: return set_step(code);
    case Instr::GetTag:
    case Instr::HasTag:
    case Instr::Attr:
    case Instr::Has: return member_step(expr, code);
    case Instr::Like: {
      const ValueRef text = stack_.back();
      if (text.kind() != Kind::String) return type_error(code.position, "a string", text);
      stack_.back() = ValueRef::boolean(expr.patterns[code.a].matches(text.as_string()));
      return true;
    }
    case Instr::Is: {
      const ValueRef value = stack_.back();
      if (value.kind() != Kind::Entity) return type_error(code.position, "an entity", value);
      stack_.back() = ValueRef::boolean(value.entity_node()->type == expr.strings[code.a]);
      return true;
    }
    case Instr::Set:
    case Instr::Record:
    case Instr::Call: return build_step(expr, code);
    case Instr::CheckBool:
      if (stack_.back().kind() == Kind::Bool) return true;
      return type_error(code.position, "a bool", stack_.back());
    case Instr::AndJump:
    case Instr::OrJump:
    case Instr::UnlessPop: {
      const ValueRef test = stack_.back();
      if (test.kind() != Kind::Bool) return type_error(code.position, "a bool", test);
      const bool jumps = test.as_bool() == (static_cast<Instr>(code.code) == Instr::OrJump);
      if (jumps) next = code.a;
      if (!jumps || static_cast<Instr>(code.code) == Instr::UnlessPop) stack_.pop_back();
      return true;
    }
    case Instr::Jump: next = code.a; return true;
    case Instr::Duplicate: stack_.push_back(ValueRef(stack_.back())); return true;
    case Instr::MakeFalse: stack_.back() = ValueRef::boolean(false); return true;
  }
  return fail(code.position, "unknown instruction");
}

bool Evaluator::compare_step(const Instruction& code) {
  const ValueRef right = pop();
  const ValueRef left = stack_.back();
  const Kind kind = left.kind();
  if (kind != Kind::Long && kind != Kind::Datetime && kind != Kind::Duration) {
    return type_error(code.position, "a long, a datetime or a duration", left);
  }
  if (right.kind() != kind) {
    const char* wanted = kind == Kind::Long       ? "a long"
                         : kind == Kind::Datetime ? "a datetime"
                                                  : "a duration";
    return type_error(code.position, wanted, right);
  }
  const auto order = left.as_number() <=> right.as_number();
  bool out = false;
  switch (static_cast<Instr>(code.code)) {
    case Instr::Lt: out = order < 0; break;
    case Instr::Le: out = order <= 0; break;
    case Instr::Gt: out = order > 0; break;
    default: out = order >= 0; break;
  }
  stack_.back() = ValueRef::boolean(out);
  return true;
}

bool Evaluator::arithmetic_step(const Instruction& code) {
  const ValueRef right = pop();
  const ValueRef left = stack_.back();
  if (left.kind() != Kind::Long) return type_error(code.position, "a long", left);
  if (right.kind() != Kind::Long) return type_error(code.position, "a long", right);
  const std::int64_t a = left.as_number();
  const std::int64_t b = right.as_number();
  std::int64_t out = 0;
  bool overflow = false;
  switch (static_cast<Instr>(code.code)) {
    case Instr::Add: overflow = __builtin_add_overflow(a, b, &out); break;
    case Instr::Sub: overflow = __builtin_sub_overflow(a, b, &out); break;
    default: overflow = __builtin_mul_overflow(a, b, &out); break;
  }
  if (overflow) return fail(code.position, "the result does not fit in 64 bits");
  stack_.back() = ValueRef::integer(out);
  return true;
}

bool Evaluator::set_step(const Instruction& code) {
  const auto operation = static_cast<Instr>(code.code);
  if (operation == Instr::IsEmpty) {
    const ValueRef set = stack_.back();
    if (set.kind() != Kind::Set) return type_error(code.position, "a set", set);
    stack_.back() = ValueRef::boolean(set.elements().empty());
    return true;
  }
  const ValueRef right = pop();
  const ValueRef left = stack_.back();
  if (left.kind() != Kind::Set) return type_error(code.position, "a set", left);
  bool out = false;
  if (operation == Instr::Contains) {
    out = left.contains(right);
  } else {
    if (right.kind() != Kind::Set) return type_error(code.position, "a set", right);
    const bool all = operation == Instr::ContainsAll;
    out = all;
    for (const Value& element : right.elements()) {
      if (left.contains(element) != all) {
        out = !all;
        break;
      }
    }
  }
  stack_.back() = ValueRef::boolean(out);
  return true;
}

bool Evaluator::member_step(const Expr& expr, const Instruction& code) {
  const auto operation = static_cast<Instr>(code.code);
  const bool tag = operation == Instr::GetTag || operation == Instr::HasTag;
  const bool has = operation == Instr::Has || operation == Instr::HasTag;
  ValueRef key;
  if (tag) key = pop();
  const ValueRef left = stack_.back();
  if (tag) {
    if (left.kind() != Kind::Entity) return type_error(code.position, "an entity", left);
    if (key.kind() != Kind::String) return type_error(code.position, "a string", key);
  }
  const std::string_view name = tag ? key.as_string() : std::string_view(expr.strings[code.a]);
  std::optional<ValueRef> found;
  if (left.kind() == Kind::Record) {
    found = left.find(name);
  } else if (left.kind() == Kind::Entity) {
    const Entity* entity = entities_.find(left.entity_node());
    if (entity != nullptr) {
      found = (tag ? entity->tags : entity->attrs).ref().find(name);
    } else if (!has) {
      return fail(code.position,
                  "there is no entity `" + printable(left.as_entity().text(), 120) + "`");
    }
  } else {
    return type_error(code.position, "a record or an entity", left);
  }
  if (has) {
    stack_.back() = ValueRef::boolean(found.has_value());
    return true;
  }
  if (!found) {
    const std::string owner = left.kind() == Kind::Entity
                                  ? "`" + printable(left.as_entity().text(), 120) + "`"
                                  : std::string("the record");
    return fail(code.position,
                owner + " has no " + (tag ? "tag `" : "attribute `") + printable(name, 120) + "`");
  }
  stack_.back() = *found;
  return true;
}

bool Evaluator::in_step(const Instruction& code) {
  const ValueRef right = pop();
  const ValueRef left = stack_.back();
  if (left.kind() != Kind::Entity) return type_error(code.position, "an entity", left);
  bool out = false;
  if (right.kind() == Kind::Entity) {
    out = entities_.is_in(left.entity_node(), right.entity_node());
  } else if (right.kind() == Kind::Set) {
    for (const Value& element : right.elements()) {
      if (element.kind() != Kind::Entity) return type_error(code.position, "an entity", element);
    }
    for (const Value& element : right.elements()) {
      if (entities_.is_in(left.entity_node(), element.ref().entity_node())) {
        out = true;
        break;
      }
    }
  } else {
    return type_error(code.position, "an entity or a set of entities", right);
  }
  stack_.back() = ValueRef::boolean(out);
  return true;
}

bool Evaluator::build_step(const Expr& expr, const Instruction& code) {
  const auto operation = static_cast<Instr>(code.code);
  const std::size_t count = operation == Instr::Set ? code.a : code.b;
  const std::span<const ValueRef> operands(stack_.data() + (stack_.size() - count), count);
  Value made;
  if (operation == Instr::Call) {
    auto result = call_function(static_cast<Function>(code.a), operands);
    if (!result) return fail(code.position, result.error().message());
    made = std::move(result).value();
  } else {
    for (const ValueRef operand : operands) {
      if (operand.depth() >= kMaxValueDepth) {
        return fail(code.position, "the value is nested more than " +
                                       std::to_string(kMaxValueDepth) + " levels deep");
      }
    }
    if (operation == Instr::Set) {
      std::vector<Value> elements;
      elements.reserve(count);
      for (const ValueRef operand : operands) elements.push_back(operand.to_value());
      made = Value::set(std::move(elements));
    } else {
      std::vector<Field> fields;
      fields.reserve(count);
      for (std::size_t i = 0; i < count; ++i) {
        fields.push_back({expr.strings[expr.list[code.a + 2 * i]], operands[i].to_value()});
      }
      made = Value::record(std::move(fields));
    }
  }
  stack_.resize(stack_.size() - count);
  stack_.push_back(made);
  made_.push_back(std::move(made));
  return true;
}

}  // namespace writ::policy
