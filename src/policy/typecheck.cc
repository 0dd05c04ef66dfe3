// The first operand of every operator is typed with what was known before it, so a chain of first
// operands is walked in a loop (type_of): only nesting that the parser bounds costs stack.

#include "policy/typecheck.h"

#include <algorithm>

#include "base/bytes.h"
#include "policy/evaluator.h"
#include "policy/expr_internal.h"
#include "policy/suggest.h"

namespace writ::policy {

namespace {

bool is_bool(const Type* type) {
  return type->tag == Type::Tag::Bool || type->tag == Type::Tag::True ||
         type->tag == Type::Tag::False;
}

Capabilities united(const Capabilities& a, const Capabilities& b) {
  Capabilities out = a;
  out.insert(b.begin(), b.end());
  return out;
}

Capabilities common(const Capabilities& a, const Capabilities& b) {
  Capabilities out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(out, out.begin()));
  return out;
}

// Whether `a` is the operand that is evaluated first.
bool has_first_operand(Op op) {
  return op != Op::Literal && op != Op::Var && op != Op::Set && op != Op::Record && op != Op::Call;
}

}  // namespace

TypeChecker::TypeChecker(const Schema& schema, const PolicyBody& body)
    : schema_(schema), body_(body) {
  for (std::size_t tag = 0; tag <= static_cast<std::size_t>(Type::Tag::Duration); ++tag) {
    Type type;
    type.tag = static_cast<Type::Tag>(tag);
    simple_.push_back(std::move(type));
  }
  ExprNumbers numbers;
  numbers_ = numbers.number(body.exprs);
  for (const std::string& text : body.exprs.strings) {
    string_numbers_.push_back(numbers.string(text));
  }
  fold_bools();
}

Error TypeChecker::error(Position at, const std::string& message) const {
  std::string place;  // policies that were read from JSON have no lines
  if (at.line != 0) {
    place = "line " + std::to_string(at.line) + ", column " + std::to_string(at.column) + ": ";
  }
  return Error(Code::Malformed, place + message + " (for " + environment_->principal + ", " +
                                    printable(environment_->action->uid.text(), 80) + ", " +
                                    environment_->resource + ")");
}

const Type* TypeChecker::keep(Type type) {
  types_.push_back(std::make_unique<const Type>(std::move(type)));
  return types_.back().get();
}

const Type* TypeChecker::entity(std::string_view name) {
  const auto found = entities_.find(name);
  if (found != entities_.end()) return found->second;
  Type type;
  type.tag = Type::Tag::Entity;
  type.entity = std::string(name);
  return entities_.emplace(std::string(name), keep(std::move(type))).first->second;
}

const Type* TypeChecker::join(const Type* a, const Type* b) {
  if (a == b) return a;
  if (is_bool(a) && is_bool(b)) return a->tag == b->tag ? a : simple(Type::Tag::Bool);
  if (a->tag != b->tag) return nullptr;
  switch (a->tag) {
    case Type::Tag::Entity: return a->entity == b->entity ? a : nullptr;
    case Type::Tag::Set: {
      const Type* element = join(a->element, b->element);
      if (element == nullptr) return nullptr;
      if (element == a->element) return a;
      Type type;
      type.tag = Type::Tag::Set;
      type.element = element;
      return keep(std::move(type));
    }
    case Type::Tag::Record: {
      if (a->attributes.size() != b->attributes.size()) return nullptr;
      Type type;
      type.tag = Type::Tag::Record;
      for (std::size_t i = 0; i < a->attributes.size(); ++i) {
        const AttributeType& x = a->attributes[i];
        const AttributeType& y = b->attributes[i];
        if (x.name != y.name || x.required != y.required) return nullptr;
        const Type* joined = join(x.type, y.type);
        if (joined == nullptr) return nullptr;
        type.attributes.push_back({x.name, joined, x.required});
      }
      return keep(std::move(type));
    }
    default: return a;
  }
}

bool TypeChecker::can_be_in(std::string_view type, std::string_view ancestor) const {
  if (type == ancestor) return true;
  if (const EntityType* known = schema_.entity_type(type)) {
    return known->ancestors.contains(ancestor);
  }
  for (const auto& [uid, action] : schema_.actions()) {
    if (uid.type() != type) continue;
    for (const EntityUid& above : action.ancestors) {
      if (above.type() == ancestor) return true;
    }
  }
  return false;
}

void TypeChecker::fold_bools() {
  folded_.resize(body_.exprs.nodes.size());
  for (ExprId id = 0; id < folded_.size(); ++id) {  // children come before their parents
    const Node& node = body_.exprs.nodes[id];
    if (node.op == Op::Literal) {
      const ValueRef value = body_.exprs.literals[node.a].ref();
      if (value.kind() == Kind::Bool) folded_[id] = value.as_bool();
    } else if ((node.op == Op::And || node.op == Op::Or) && folded_[node.a] && folded_[node.b]) {
      folded_[id] = node.op == Op::And ? *folded_[node.a] && *folded_[node.b]
                                       : *folded_[node.a] || *folded_[node.b];
    }
  }
}

std::optional<Value> TypeChecker::literal(ExprId id) const {
  if (folded_[id]) return Value::boolean(*folded_[id]);
  const Node& node = body_.exprs.nodes[id];
  if (node.op == Op::Literal) return body_.exprs.literals[node.a];
  if (node.op == Op::Var && static_cast<Variable>(node.a) == Variable::Action) {
    return Value::entity(environment_->action->uid);
  }
  return std::nullopt;
}

std::optional<EntityUid> TypeChecker::literal_uid(ExprId id) const {
  const auto value = literal(id);
  if (!value || value->kind() != Kind::Entity) return std::nullopt;
  return value->ref().as_entity();
}

// --- scope ---

const Type* TypeChecker::scope_type(const Scope& scope, const std::string& type) const {
  const auto related = [&] {
    if (scope.slot) return simple(Type::Tag::Bool);
    return can_be_in(type, scope.entities[0].type()) ? simple(Type::Tag::Bool) : boolean(false);
  };
  switch (scope.op) {
    case Scope::Op::Eq:
      if (scope.slot || scope.entities[0].type() == type) return simple(Type::Tag::Bool);
      return boolean(false);
    case Scope::Op::In: return related();
    case Scope::Op::Is: return boolean(scope.type == type);
    case Scope::Op::IsIn: return scope.type == type ? related() : boolean(false);
    default: return boolean(true);
  }
}

const Type* TypeChecker::action_scope_type(const Scope& scope) const {
  if (scope.op == Scope::Op::All) return boolean(true);
  for (const EntityUid& uid : scope.entities) {
    if (uid == environment_->action->uid) return boolean(true);
    if (scope.op != Scope::Op::Eq && environment_->action->ancestors.contains(uid)) {
      return boolean(true);
    }
  }
  return boolean(false);
}

Result<const Type*> TypeChecker::check(const Environment& environment) {
  environment_ = &environment;
  const Type* whole = boolean(true);
  for (const Type* part :
       {scope_type(body_.principal, environment.principal), action_scope_type(body_.action),
        scope_type(body_.resource, environment.resource)}) {
    if (part->tag == Type::Tag::False) return boolean(false);
    if (part->tag == Type::Tag::Bool) whole = part;
  }
  Capabilities known;
  for (const Condition& condition : body_.conditions) {
    Typed typed = TRY(type_of(condition.body, known));
    if (!is_bool(typed.type)) {
      return error(body_.exprs.nodes[condition.body].position,
                   "a condition must be a Bool, not " + type_text(*typed.type));
    }
    Type::Tag tag = typed.type->tag;
    if (condition.unless) {
      typed.known.clear();
      if (tag != Type::Tag::Bool) {
        tag = tag == Type::Tag::True ? Type::Tag::False : Type::Tag::True;
      }
    }
    if (tag == Type::Tag::False) return boolean(false);
    if (tag == Type::Tag::Bool) whole = simple(Type::Tag::Bool);
    known.insert(typed.known.begin(), typed.known.end());
  }
  return whole;
}

// --- expressions ---

Result<Typed> TypeChecker::type_of(ExprId id, const Capabilities& known) {
  std::vector<ExprId> spine;
  while (has_first_operand(body_.exprs.nodes[id].op)) {
    spine.push_back(id);
    id = body_.exprs.nodes[id].a;
  }
  work_ += spine.size() + 1;
  Typed typed = TRY(leaf(id, known));
  for (auto at = spine.rbegin(); at != spine.rend(); ++at) {
    typed = TRY(combine(*at, typed, known));
  }
  return typed;
}

Result<Typed> TypeChecker::leaf(ExprId id, const Capabilities& known) {
  const Node& node = body_.exprs.nodes[id];
  switch (node.op) {
    case Op::Literal: {
      const ValueRef value = body_.exprs.literals[node.a].ref();
      switch (value.kind()) {
        case Kind::Bool: return Typed{boolean(value.as_bool())};
        case Kind::Long: return Typed{simple(Type::Tag::Long)};
        case Kind::String: return Typed{simple(Type::Tag::String)};
        default: return Typed{entity(value.as_entity().type())};
      }
    }
    case Op::Var:
      switch (static_cast<Variable>(node.a)) {
        case Variable::Principal: return Typed{entity(environment_->principal)};
        case Variable::Action: return Typed{entity(environment_->action->uid.type())};
        case Variable::Resource: return Typed{entity(environment_->resource)};
        case Variable::Context: return Typed{environment_->action->context};
      }
      break;
    case Op::Set: {
      if (node.b == 0) return error(node.position, "the elements' type of `[]` is not known");
      const Type* element = nullptr;
      for (std::uint32_t i = 0; i < node.b; ++i) {
        const Typed one = TRY(type_of(body_.exprs.list[node.a + i], known));
        const Type* joined = element == nullptr ? one.type : join(element, one.type);
        if (joined == nullptr) {
          return error(node.position,
                       "the set mixes " + type_text(*element) + " and " + type_text(*one.type));
        }
        element = joined;
      }
      Type type;
      type.tag = Type::Tag::Set;
      type.element = element;
      return Typed{keep(std::move(type))};
    }
    case Op::Record: {
      Type type;
      type.tag = Type::Tag::Record;
      for (std::uint32_t i = 0; i < node.b; ++i) {
        const Typed one = TRY(type_of(body_.exprs.list[node.a + 2 * i + 1], known));
        type.attributes.push_back(
            {body_.exprs.strings[body_.exprs.list[node.a + 2 * i]], one.type, true});
      }
      std::sort(type.attributes.begin(), type.attributes.end(),
                [](const AttributeType& a, const AttributeType& b) { return a.name < b.name; });
      return Typed{keep(std::move(type))};
    }
    default: break;
  }
  return call(node, known);
}

Result<Typed> TypeChecker::combine(ExprId id, const Typed& left, const Capabilities& known) {
  const Node& node = body_.exprs.nodes[id];
  const auto wrong = [&](const char* wanted, const Type* found) {
    return error(node.position, std::string("expected ") + wanted + ", got " + type_text(*found));
  };
  const auto is = [](const Type* type, Type::Tag tag) { return type->tag == tag; };
  switch (node.op) {
    case Op::And: return and_of(left, node.b, node.position, known);
    case Op::Or: return or_of(left, node.b, node.position, known);
    case Op::If: return if_of(node, left, known);
    case Op::Not:
      if (!is_bool(left.type)) return wrong("Bool", left.type);
      if (is(left.type, Type::Tag::Bool)) return Typed{left.type};
      return Typed{boolean(is(left.type, Type::Tag::False))};
    case Op::Neg:
      if (!is(left.type, Type::Tag::Long)) return wrong("Long", left.type);
      return Typed{left.type};
    case Op::IsEmpty:
      if (!is(left.type, Type::Tag::Set)) return wrong("a set", left.type);
      return Typed{simple(Type::Tag::Bool)};
    case Op::Like:
      if (!is(left.type, Type::Tag::String)) return wrong("String", left.type);
      return Typed{simple(Type::Tag::Bool)};
    case Op::Attr: return attribute(node, left.type, known);
    case Op::Has: return has(node, left.type, known);
    case Op::GetTag:
    case Op::HasTag: return tag(node, left.type, known);
    case Op::Is: {
      if (!is(left.type, Type::Tag::Entity)) return wrong("an entity", left.type);
      const bool holds = left.type->entity == body_.exprs.strings[node.b];
      if (!holds || node.c == kNoExpr) return Typed{boolean(holds)};
      const Typed right = TRY(type_of(node.c, known));
      return Typed{TRY(in_type(node.a, node.c, left.type, right.type, node.position))};
    }
    default: break;
  }
  const Typed right = TRY(type_of(node.b, known));
  switch (node.op) {
    case Op::Eq: return equal(node, left.type, right.type, false);
    case Op::Ne: return equal(node, left.type, right.type, true);
    case Op::In: return Typed{TRY(in_type(node.a, node.b, left.type, right.type, node.position))};
    case Op::Lt:
    case Op::Le:
    case Op::Gt:
    case Op::Ge:
      if (!is(left.type, Type::Tag::Long) && !is(left.type, Type::Tag::Datetime) &&
          !is(left.type, Type::Tag::Duration)) {
        return wrong("Long, datetime or duration", left.type);
      }
      if (right.type->tag != left.type->tag)
        return wrong(type_text(*left.type).c_str(), right.type);
      return Typed{simple(Type::Tag::Bool)};
    case Op::Contains:
    case Op::ContainsAll:
    case Op::ContainsAny: {
      if (!is(left.type, Type::Tag::Set)) return wrong("a set", left.type);
      const Type* other = right.type;
      if (node.op != Op::Contains) {
        if (!is(other, Type::Tag::Set)) return wrong("a set", other);
        other = other->element;
      }
      if (join(left.type->element, other) == nullptr) {
        return error(node.position,
                     "a " + type_text(*left.type) + " never contains " + type_text(*other));
      }
      return Typed{simple(Type::Tag::Bool)};
    }
    default:
      if (!is(left.type, Type::Tag::Long)) return wrong("Long", left.type);
      if (!is(right.type, Type::Tag::Long)) return wrong("Long", right.type);
      return Typed{left.type};
  }
}

Result<Typed> TypeChecker::and_of(const Typed& left, ExprId right_id, Position at,
                                  const Capabilities& known) {
  if (!is_bool(left.type)) return error(at, "expected Bool, got " + type_text(*left.type));
  if (left.type->tag == Type::Tag::False) return Typed{left.type};
  const Typed right = TRY(type_of(right_id, united(known, left.known)));
  if (!is_bool(right.type)) return error(at, "expected Bool, got " + type_text(*right.type));
  if (right.type->tag == Type::Tag::False) return Typed{right.type};
  const Type* type = right.type->tag == Type::Tag::True ? left.type : right.type;
  return Typed{type, united(left.known, right.known)};
}

Result<Typed> TypeChecker::or_of(const Typed& left, ExprId right_id, Position at,
                                 const Capabilities& known) {
  if (!is_bool(left.type)) return error(at, "expected Bool, got " + type_text(*left.type));
  if (left.type->tag == Type::Tag::True) return Typed{left.type};
  Typed right = TRY(type_of(right_id, known));
  if (!is_bool(right.type)) return error(at, "expected Bool, got " + type_text(*right.type));
  if (left.type->tag == Type::Tag::False) return right;
  if (right.type->tag == Type::Tag::True) return Typed{right.type};
  if (right.type->tag == Type::Tag::False) return Typed{left.type, left.known};
  return Typed{left.type, common(left.known, right.known)};
}

Result<Typed> TypeChecker::if_of(const Node& node, const Typed& test, const Capabilities& known) {
  if (!is_bool(test.type)) {
    return error(node.position, "expected Bool, got " + type_text(*test.type));
  }
  if (test.type->tag == Type::Tag::False) return type_of(node.c, known);
  Typed yes = TRY(type_of(node.b, united(known, test.known)));
  yes.known = united(yes.known, test.known);
  if (test.type->tag == Type::Tag::True) return yes;
  const Typed no = TRY(type_of(node.c, known));
  const Type* joined = join(yes.type, no.type);
  if (joined == nullptr) {
    return error(node.position, "the branches have the types " + type_text(*yes.type) + " and " +
                                    type_text(*no.type));
  }
  return Typed{joined, common(yes.known, no.known)};
}

Result<Typed> TypeChecker::equal(const Node& node, const Type* left, const Type* right,
                                 bool negate) {
  const auto x = literal(node.a);
  const auto y = literal(node.b);
  if (x && y) return Typed{boolean((*x == *y) != negate)};
  if (join(left, right) != nullptr) return Typed{simple(Type::Tag::Bool)};
  if (left->tag == Type::Tag::Entity && right->tag == Type::Tag::Entity) {
    return Typed{boolean(negate)};
  }
  return error(node.position, "a " + type_text(*left) + " never equals a " + type_text(*right));
}

Result<const Type*> TypeChecker::in_type(ExprId left, ExprId right, const Type* left_type,
                                         const Type* right_type, Position at) {
  const bool is_set = right_type->tag == Type::Tag::Set;
  const Type* above = is_set ? right_type->element : right_type;
  if (left_type->tag != Type::Tag::Entity) {
    return error(at, "expected an entity, got " + type_text(*left_type));
  }
  if (above->tag != Type::Tag::Entity) {
    return error(at, "expected an entity or a set of entities, got " + type_text(*right_type));
  }
  // Actions and their groups are known by id.
  const auto uid = literal_uid(left);
  const ActionType* action = uid ? schema_.action(*uid) : nullptr;
  if (action != nullptr) {
    std::vector<std::optional<EntityUid>> others;
    const Node& node = body_.exprs.nodes[right];
    if (node.op == Op::Set) {
      for (std::uint32_t i = 0; i < node.b; ++i) {
        others.push_back(literal_uid(body_.exprs.list[node.a + i]));
      }
    } else {
      others.push_back(literal_uid(right));
    }
    if (std::all_of(others.begin(), others.end(), [](const auto& o) { return o.has_value(); })) {
      for (const auto& other : others) {
        if (*other == *uid || action->ancestors.contains(*other)) return boolean(true);
      }
      return boolean(false);
    }
  }
  return can_be_in(left_type->entity, above->entity) ? simple(Type::Tag::Bool) : boolean(false);
}

Result<Typed> TypeChecker::attribute(const Node& node, const Type* left,
                                     const Capabilities& known) {
  const std::string& name = body_.exprs.strings[node.b];
  const Type* record = left;
  if (left->tag == Type::Tag::Entity) {
    const EntityType* type = schema_.entity_type(left->entity);
    record = type == nullptr ? nullptr : type->attributes;
  } else if (left->tag != Type::Tag::Record) {
    return error(node.position, "expected a record or an entity, got " + type_text(*left));
  }
  const AttributeType* found = record == nullptr ? nullptr : record->attribute(name);
  if (found == nullptr) {
    std::vector<std::string_view> known_names;
    if (record != nullptr) {
      for (const AttributeType& other : record->attributes) known_names.push_back(other.name);
    }
    return error(node.position, "there is no attribute `" + printable(name, 60) + "` in " +
                                    type_text(*left) + did_you_mean(name, known_names));
  }
  if (!found->required && !known.contains({numbers_[node.a], false, string_numbers_[node.b]})) {
    return error(node.position, "the attribute `" + printable(name, 60) +
                                    "` may be missing: ask with `has` first");
  }
  return Typed{found->type};
}

Result<Typed> TypeChecker::has(const Node& node, const Type* left, const Capabilities& known) {
  const Type* record = left;
  if (left->tag == Type::Tag::Entity) {
    const EntityType* type = schema_.entity_type(left->entity);
    if (type == nullptr) return Typed{boolean(false)};
    record = type->attributes;
  } else if (left->tag != Type::Tag::Record) {
    return error(node.position, "expected a record or an entity, got " + type_text(*left));
  }
  const AttributeType* found = record->attribute(body_.exprs.strings[node.b]);
  if (found == nullptr) return Typed{boolean(false)};
  const std::tuple fact(numbers_[node.a], false, string_numbers_[node.b]);
  const bool there = found->required && left->tag == Type::Tag::Record;
  return Typed{there || known.contains(fact) ? boolean(true) : simple(Type::Tag::Bool), {fact}};
}

Result<Typed> TypeChecker::tag(const Node& node, const Type* left, const Capabilities& known) {
  const Typed key = TRY(type_of(node.b, known));
  if (left->tag != Type::Tag::Entity) {
    return error(node.position, "expected an entity, got " + type_text(*left));
  }
  if (key.type->tag != Type::Tag::String) {
    return error(node.position, "expected String, got " + type_text(*key.type));
  }
  const EntityType* type = schema_.entity_type(left->entity);
  const Type* tags = type == nullptr ? nullptr : type->tags;
  const std::tuple fact(numbers_[node.a], true, numbers_[node.b]);
  if (node.op == Op::HasTag) {
    if (tags == nullptr) return Typed{boolean(false)};
    return Typed{known.contains(fact) ? boolean(true) : simple(Type::Tag::Bool), {fact}};
  }
  if (tags == nullptr) {
    return error(node.position, "entities of type `" + left->entity + "` have no tags");
  }
  if (!known.contains(fact)) {
    return error(node.position, "the tag may be missing: ask with `hasTag` first");
  }
  return Typed{tags};
}

Result<Typed> TypeChecker::call(const Node& node, const Capabilities& known) {
  const auto function = static_cast<Function>(node.c);
  const FunctionRow& row = function_row(function);
  std::vector<const Type*> given;
  for (std::uint32_t i = 0; i < node.b; ++i) {
    given.push_back(TRY(type_of(body_.exprs.list[node.a + i], known)).type);
  }
  if (given.size() != row.arity) {
    return error(node.position,
                 "`" + std::string(row.name) + "` takes another number of arguments");
  }
  const auto expect = [&](std::size_t at, Type::Tag tag) -> Result<void> {
    if (given[at]->tag == tag) return {};
    return error(node.position, "`" + std::string(row.name) + "` expects " +
                                    type_text(*simple(tag)) + ", got " + type_text(*given[at]));
  };
  if (!row.method) {
    TRY(expect(0, Type::Tag::String));
    const Node& argument = body_.exprs.nodes[body_.exprs.list[node.a]];
    if (argument.op != Op::Literal) {
      return error(node.position, "`" + std::string(row.name) + "` needs a string literal here");
    }
    const ValueRef text = body_.exprs.literals[argument.a].ref();
    const auto made = call_function(function, {&text, 1});
    if (!made) return error(node.position, made.error().message());
  }
  switch (function) {
    case Function::Ip: return Typed{simple(Type::Tag::Ip)};
    case Function::Decimal: return Typed{simple(Type::Tag::Decimal)};
    case Function::Datetime: return Typed{simple(Type::Tag::Datetime)};
    case Function::Duration: return Typed{simple(Type::Tag::Duration)};
    case Function::IsInRange: TRY(expect(1, Type::Tag::Ip)); [[fallthrough]];
    case Function::IsIpv4:
    case Function::IsIpv6:
    case Function::IsLoopback:
    case Function::IsMulticast:
      TRY(expect(0, Type::Tag::Ip));
      return Typed{simple(Type::Tag::Bool)};
    case Function::LessThan:
    case Function::LessThanOrEqual:
    case Function::GreaterThan:
    case Function::GreaterThanOrEqual:
      TRY(expect(0, Type::Tag::Decimal));
      TRY(expect(1, Type::Tag::Decimal));
      return Typed{simple(Type::Tag::Bool)};
    case Function::Offset:
      TRY(expect(0, Type::Tag::Datetime));
      TRY(expect(1, Type::Tag::Duration));
      return Typed{simple(Type::Tag::Datetime)};
    case Function::DurationSince:
      TRY(expect(0, Type::Tag::Datetime));
      TRY(expect(1, Type::Tag::Datetime));
      return Typed{simple(Type::Tag::Duration)};
    case Function::ToDate:
      TRY(expect(0, Type::Tag::Datetime));
      return Typed{simple(Type::Tag::Datetime)};
    case Function::ToTime:
      TRY(expect(0, Type::Tag::Datetime));
      return Typed{simple(Type::Tag::Duration)};
    default: TRY(expect(0, Type::Tag::Duration)); return Typed{simple(Type::Tag::Long)};
  }
}

}  // namespace writ::policy
