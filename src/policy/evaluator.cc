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

static_assert(kMaxValueDepth == 450);
constexpr const char* kTooDeep = "the value is nested more than 450 levels deep";

// --- extension functions ---

// What a function gives: a number of some kind, or an ip. Not there: call_error() says why.
struct Called {
  Kind kind = Kind::Bool;
  std::int64_t number = 0;
  IpRange range;
};

template <typename T>
std::optional<Called> taken(Kind kind, const Result<T>& read) {
  if (!read) return std::nullopt;
  if constexpr (std::is_same_v<T, IpRange>) {
    return Called{kind, 0, *read};
  } else {
    return Called{kind, *read, {}};
  }
}
std::optional<Called> truth(bool value) {
  return Called{Kind::Bool, value ? 1 : 0, {}};
}

// The kind of every argument; that of a constructor's is String.
Kind receiver_kind(Function function) {
  if (function == Function::Ip || function == Function::Decimal || function == Function::Datetime ||
      function == Function::Duration) {
    return Kind::String;
  }
  if (function <= Function::IsInRange) return Kind::Ip;
  if (function <= Function::GreaterThanOrEqual) return Kind::Decimal;
  if (function <= Function::ToTime) return Kind::Datetime;
  return Kind::Duration;
}
Kind argument_kind(Function function) {
  return function == Function::Offset ? Kind::Duration : receiver_kind(function);
}

std::optional<Called> call(Function function, std::span<const ValueRef> arguments) {
  if (arguments.size() != function_row(function).arity ||
      arguments[0].kind() != receiver_kind(function) ||
      (arguments.size() > 1 && arguments[1].kind() != argument_kind(function))) {
    return std::nullopt;
  }
  const ValueRef self = arguments[0];
  const std::int64_t number =
      self.kind() == Kind::String || self.kind() == Kind::Ip ? 0 : self.as_number();
  const auto other = [&] { return arguments[1].as_number(); };
  std::int64_t out = 0;
  switch (function) {
    case Function::Ip: return taken(Kind::Ip, parse_ip(self.as_string()));
    case Function::IsIpv4: return truth(!self.as_ip().v6);
    case Function::IsIpv6: return truth(self.as_ip().v6);
    case Function::IsLoopback: return truth(ip_is_loopback(self.as_ip()));
    case Function::IsMulticast: return truth(ip_is_multicast(self.as_ip()));
    case Function::IsInRange: return truth(ip_in_range(self.as_ip(), arguments[1].as_ip()));
    case Function::Decimal: return taken(Kind::Decimal, parse_decimal(self.as_string()));
    case Function::LessThan: return truth(number < other());
    case Function::LessThanOrEqual: return truth(number <= other());
    case Function::GreaterThan: return truth(number > other());
    case Function::GreaterThanOrEqual: return truth(number >= other());
    case Function::Datetime: return taken(Kind::Datetime, parse_datetime(self.as_string()));
    case Function::Offset:
      if (__builtin_add_overflow(number, other(), &out)) return std::nullopt;
      return Called{Kind::Datetime, out, {}};
    case Function::DurationSince:
      if (__builtin_sub_overflow(number, other(), &out)) return std::nullopt;
      return Called{Kind::Duration, out, {}};
    case Function::ToDate:
      if (const auto date = to_date(number)) return Called{Kind::Datetime, *date, {}};
      return std::nullopt;
    case Function::ToTime: return Called{Kind::Duration, to_time(number), {}};
    case Function::Duration: return taken(Kind::Duration, parse_duration(self.as_string()));
    case Function::ToMilliseconds: return Called{Kind::Long, number, {}};
    case Function::ToSeconds: return Called{Kind::Long, number / 1'000, {}};
    case Function::ToMinutes: return Called{Kind::Long, number / 60'000, {}};
    case Function::ToHours: return Called{Kind::Long, number / 3'600'000, {}};
    case Function::ToDays: return Called{Kind::Long, number / 86'400'000, {}};
  }
  return std::nullopt;
}

const char* with_article(Kind kind) {
  switch (kind) {
    case Kind::String: return "a string";
    case Kind::Ip: return "an ipaddr";
    case Kind::Decimal: return "a decimal";
    case Kind::Datetime: return "a datetime";
    default: return "a duration";
  }
}

// call_error is why call() gave nothing.
Error call_error(Function function, std::span<const ValueRef> arguments) {
  const FunctionRow& row = function_row(function);
  if (arguments.size() != row.arity) {
    return Error(Code::Malformed, "`" + std::string(row.name) + "` takes " +
                                      std::to_string(row.arity - (row.method ? 1 : 0)) +
                                      " argument(s)");
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Kind kind = i == 0 ? receiver_kind(function) : argument_kind(function);
    if (arguments[i].kind() != kind) {
      return Error(Code::Malformed, "`" + std::string(row.name) + "` expects " +
                                        with_article(kind) + ", got " + described(arguments[i]));
    }
  }
  switch (function) {
    case Function::Ip: return parse_ip(arguments[0].as_string()).error();
    case Function::Decimal: return parse_decimal(arguments[0].as_string()).error();
    case Function::Datetime: return parse_datetime(arguments[0].as_string()).error();
    case Function::Duration: return parse_duration(arguments[0].as_string()).error();
    case Function::Offset:
      return Error(Code::Malformed, "the datetime of `offset` does not fit in 64 bits");
    case Function::DurationSince:
      return Error(Code::Malformed, "the duration of `durationSince` does not fit in 64 bits");
    default: return Error(Code::Malformed, "the day of `toDate` does not fit in 64 bits");
  }
}

}  // namespace

Result<Value> call_function(Function function, std::span<const ValueRef> arguments) {
  const std::optional<Called> called = call(function, arguments);
  if (!called) return call_error(function, arguments);
  if (called->kind == Kind::Ip) return Value::ip(called->range);
  return ValueRef::number(called->kind, called->number).to_value();
}

// --- faults ---

std::string Fault::text() const {
  std::string out;  // policies that were read from JSON have no lines
  if (at.line != 0) {
    out = "line " + std::to_string(at.line) + ", column " + std::to_string(at.column) + ": ";
  }
  switch (what) {
    case What::Said: return out + said;
    case What::Expected: return out + "expected " + said + ", got " + described(value);
    case What::NoEntity:
      return out + "there is no entity `" + printable(value.as_entity().text(), 120) + "`";
    case What::NoAttribute:
    case What::NoTag:
      out += value.kind() == Kind::Entity ? "`" + printable(value.as_entity().text(), 120) + "`"
                                          : std::string("the record");
      return out + " has no " + (what == What::NoTag ? "tag `" : "attribute `") +
             printable(name, 120) + "`";
    case What::Call: return out + call_error(function, arguments).message();
  }
  return out;
}

bool Evaluator::fail(Position at, const char* said) {
  fault_ = {.at = at, .said = said, .value = {}, .name = {}, .arguments = {}};
  return false;
}

bool Evaluator::type_error(Position at, const char* wanted, ValueRef found) {
  fail(at, wanted);
  fault_.what = Fault::What::Expected;
  fault_.value = found;
  return false;
}

// --- the machine ---

void Evaluator::begin(const Entities& entities, const Request& request) {
  entities_ = &entities;
  request_ = &request;
  known_ = {entities.look_up(request.principal.node()), entities.look_up(request.action.node()),
            entities.look_up(request.resource.node())};
  arena_.reset();
}

detail::KnownEntity Evaluator::look_up(const detail::EntityNode* uid) const {
  if (uid == known_.principal.uid) return known_.principal;
  if (uid == known_.resource.uid) return known_.resource;
  if (uid == known_.action.uid) return known_.action;
  return entities_->look_up(uid);
}

ValueRef Evaluator::variable(std::uint32_t which) const {
  switch (static_cast<Variable>(which)) {
    case Variable::Principal: return ValueRef::entity(known_.principal.uid);
    case Variable::Action: return ValueRef::entity(known_.action.uid);
    case Variable::Resource: return ValueRef::entity(known_.resource.uid);
    case Variable::Context: break;
  }
  return request_->context.ref();
}

Result<ValueRef> Evaluator::evaluate(const Expr& expr, const Program& program) {
  if (const ValueRef* value = run(expr, program)) return *value;
  return Error(Code::Malformed, fault_.text());
}

const ValueRef* Evaluator::run(const Expr& expr, const Program& program) {
  if (stack_.size() < program.stack) stack_.resize(program.stack);
  // INVARIANT: the compiler has counted what each instruction takes and leaves; `top` is one above
  // the last operand and stays within program.stack.
  ValueRef* top = stack_.data();
  const Instruction* const first = program.code.data();
  const Instruction* const end = first + program.code.size();
  for (const Instruction* next = first; next != end;) {
    const Instruction& code = *next++;
    const auto instr = static_cast<Instr>(code.code);
    bool good = true;
    switch (instr) {
      case Instr::Constant: *top++ = program.constants[code.a].ref(); break;
      case Instr::Var: *top++ = variable(code.a); break;
      case Instr::VarAttr:
        *top = variable(code.a);
        good = member_step(code, expr.strings[code.b], *top++);
        break;
      case Instr::Not:
        if (top[-1].kind() != Kind::Bool) {
          good = type_error(code.position, "a bool", top[-1]);
        } else {
          top[-1] = ValueRef::boolean(!top[-1].as_bool());
        }
        break;
      case Instr::Neg: {
        std::int64_t out = 0;
        if (top[-1].kind() != Kind::Long) {
          good = type_error(code.position, "a long", top[-1]);
        } else if (__builtin_sub_overflow(std::int64_t{0}, top[-1].as_number(), &out)) {
          good = fail(code.position, "the negated number does not fit in 64 bits");
        } else {
          top[-1] = ValueRef::integer(out);
        }
        break;
      }
      case Instr::Eq:
        --top;
        top[-1] = ValueRef::boolean(top[-1] == top[0]);
        break;
      case Instr::Ne:
        --top;
        top[-1] = ValueRef::boolean(!(top[-1] == top[0]));
        break;
      case Instr::Lt:
      case Instr::Le:
      case Instr::Gt:
      case Instr::Ge:
        --top;
        good = compare_step(code, top[-1], top[0]);
        break;
      case Instr::Add:
      case Instr::Sub:
      case Instr::Mul:
        --top;
        good = arithmetic_step(code, top[-1], top[0]);
        break;
      case Instr::In:
        --top;
        good = in_step(code, top[-1], top[0]);
        break;
      case Instr::Contains:
      case Instr::ContainsAll:
      case Instr::ContainsAny:
        --top;
        good = set_step(code, top[-1], top[0]);
        break;
      case Instr::IsEmpty:
        if (top[-1].kind() != Kind::Set) {
          good = type_error(code.position, "a set", top[-1]);
        } else {
          top[-1] = ValueRef::boolean(top[-1].elements().empty());
        }
        break;
      case Instr::GetTag:
      case Instr::HasTag:
        --top;
        if (top[-1].kind() != Kind::Entity) {
          good = type_error(code.position, "an entity", top[-1]);
        } else if (top[0].kind() != Kind::String) {
          good = type_error(code.position, "a string", top[0]);
        } else {
          good = member_step(code, top[0].as_string(), top[-1]);
        }
        break;
      case Instr::Attr:
      case Instr::Has: good = member_step(code, expr.strings[code.a], top[-1]); break;
      case Instr::Like:
        if (top[-1].kind() != Kind::String) {
          good = type_error(code.position, "a string", top[-1]);
        } else {
          top[-1] = ValueRef::boolean(expr.patterns[code.a].matches(top[-1].as_string()));
        }
        break;
      case Instr::Is:
        if (top[-1].kind() != Kind::Entity) {
          good = type_error(code.position, "an entity", top[-1]);
        } else {
          top[-1] = ValueRef::boolean(top[-1].entity_node()->type() == expr.strings[code.a]);
        }
        break;
      case Instr::Set:
        top -= code.a;
        good = build_step(program, code, top++);
        break;
      case Instr::Record:
      case Instr::Call:
        top -= code.b;
        good = build_step(program, code, top++);
        break;
      case Instr::CheckBool:
        if (top[-1].kind() != Kind::Bool) good = type_error(code.position, "a bool", top[-1]);
        break;
      case Instr::AndJump:
      case Instr::OrJump:
      case Instr::UnlessPop: {
        if (top[-1].kind() != Kind::Bool) {
          good = type_error(code.position, "a bool", top[-1]);
          break;
        }
        const bool jumps = top[-1].as_bool() == (instr == Instr::OrJump);
        if (jumps) next = first + code.a;
        if (!jumps || instr == Instr::UnlessPop) --top;
        break;
      }
      case Instr::Jump: next = first + code.a; break;
      case Instr::Duplicate:
        *top = top[-1];
        ++top;
        break;
      case Instr::MakeFalse: top[-1] = ValueRef::boolean(false); break;
    }
    if (!good) return nullptr;
  }
  return top - 1;
}

bool Evaluator::compare_step(const Instruction& code, ValueRef& left, ValueRef right) {
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
  const std::int64_t a = left.as_number();
  const std::int64_t b = right.as_number();
  switch (static_cast<Instr>(code.code)) {
    case Instr::Lt: left = ValueRef::boolean(a < b); break;
    case Instr::Le: left = ValueRef::boolean(a <= b); break;
    case Instr::Gt: left = ValueRef::boolean(a > b); break;
    default: left = ValueRef::boolean(a >= b); break;
  }
  return true;
}

bool Evaluator::arithmetic_step(const Instruction& code, ValueRef& left, ValueRef right) {
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
  left = ValueRef::integer(out);
  return true;
}

bool Evaluator::set_step(const Instruction& code, ValueRef& left, ValueRef right) {
  const auto operation = static_cast<Instr>(code.code);
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
  left = ValueRef::boolean(out);
  return true;
}

bool Evaluator::member_step(const Instruction& code, std::string_view name, ValueRef& left) {
  const auto operation = static_cast<Instr>(code.code);
  const bool tag = operation == Instr::GetTag || operation == Instr::HasTag;
  const bool has = operation == Instr::Has || operation == Instr::HasTag;
  std::optional<ValueRef> found;
  if (left.kind() == Kind::Record) {
    found = left.find(name);
  } else if (left.kind() == Kind::Entity) {
    const Entity* entity = look_up(left.entity_node()).entity;
    if (entity != nullptr) {
      found = (tag ? entity->tags : entity->attrs).ref().find(name);
    } else if (!has) {
      fail(code.position, "");
      fault_.what = Fault::What::NoEntity;
      fault_.value = left;
      return false;
    }
  } else {
    return type_error(code.position, "a record or an entity", left);
  }
  if (has) {
    left = ValueRef::boolean(found.has_value());
    return true;
  }
  if (!found) {
    fail(code.position, "");
    fault_.what = tag ? Fault::What::NoTag : Fault::What::NoAttribute;
    fault_.value = left;
    fault_.name = name;
    return false;
  }
  left = *found;
  return true;
}

bool Evaluator::in_step(const Instruction& code, ValueRef& left, ValueRef right) {
  if (left.kind() != Kind::Entity) return type_error(code.position, "an entity", left);
  bool out = false;
  if (right.kind() == Kind::Entity) {
    out = look_up(left.entity_node()).is_in(right.entity_node());
  } else if (right.kind() == Kind::Set) {
    for (const Value& element : right.elements()) {
      if (element.kind() != Kind::Entity) return type_error(code.position, "an entity", element);
    }
    const detail::KnownEntity known = look_up(left.entity_node());
    for (const Value& element : right.elements()) {
      if (known.is_in(element.ref().entity_node())) {
        out = true;
        break;
      }
    }
  } else {
    return type_error(code.position, "an entity or a set of entities", right);
  }
  left = ValueRef::boolean(out);
  return true;
}

// The operands are replaced by what is made of them.
bool Evaluator::build_step(const Program& program, const Instruction& code, ValueRef* operands) {
  const auto operation = static_cast<Instr>(code.code);
  const std::span<const ValueRef> all(operands, operation == Instr::Set ? code.a : code.b);
  if (operation == Instr::Call) {
    const auto function = static_cast<Function>(code.a);
    const std::optional<Called> called = call(function, all);
    if (!called) {
      fail(code.position, "");
      fault_.what = Fault::What::Call;
      fault_.function = function;
      fault_.arguments = arena_.keep(all);
      return false;
    }
    *operands = called->kind == Kind::Ip ? arena_.ip(called->range)
                                         : ValueRef::number(called->kind, called->number);
    return true;
  }
  for (const ValueRef operand : all) {
    if (operand.depth() >= kMaxValueDepth) {
      return fail(code.position, kTooDeep);
    }
  }
  *operands = operation == Instr::Set
                  ? arena_.set(all)
                  : arena_.record(std::span(program.names).subspan(code.a, code.b), all);
  return true;
}

}  // namespace writ::policy
