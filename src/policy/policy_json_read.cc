// Expressions are read from an explicit stack of tasks: read this value, or build a term from the
// operands read before. So operands lie before their terms, and a deep chain costs no stack.

#include <algorithm>
#include <deque>
#include <initializer_list>
#include <set>

#include "base/bytes.h"
#include "policy/compile.h"
#include "policy/expr_internal.h"
#include "policy/limits.h"
#include "policy/notation.h"
#include "policy/policy_json.h"
#include "policy/value_json_internal.h"

namespace writ::policy {

namespace {

// Where a value stands in the document: its key or index, and what it stands in.
struct Place {
  const Place* up = nullptr;
  std::string_view key = {};
  std::size_t index = SIZE_MAX;  // SIZE_MAX: a key
};

std::string path_text(const Place* place) {
  std::vector<std::string> parts;
  for (; place != nullptr && place->up != nullptr; place = place->up) {
    if (place->index != SIZE_MAX) {
      parts.push_back("[" + std::to_string(place->index) + "]");
    } else {
      const bool plain =
          !place->key.empty() && place->key.find_first_of(".[] \"") == std::string_view::npos;
      parts.push_back("." +
                      (plain ? printable(place->key, 60) : quoted(printable(place->key, 60))));
    }
  }
  // The two ends of a long path say enough.
  constexpr std::size_t kEnds = 8;
  std::string out;
  for (std::size_t i = parts.size(); i > 0; --i) {
    if (parts.size() > 2 * kEnds && i == parts.size() - kEnds) {
      out += "…";
      i = kEnds + 1;
      continue;
    }
    out += parts[i - 1];
  }
  return out.starts_with('.') ? out.substr(1) : out;
}

Error fail(const Place* place, const std::string& message, Code code = Code::Malformed) {
  const std::string path = path_text(place);
  return Error(code, path.empty() ? message : path + ": " + message);
}

Error expected(const Place* place, const std::string& what, const json::Value& found) {
  return fail(place, "expected " + what + ", found " + std::string(found.type_name()));
}

Result<const std::string*> text_of(const json::Value& json, const Place& at, const char* what) {
  if (json.as_string() == nullptr) return expected(&at, what, json);
  return json.as_string();
}

// The members of an object that may have only these keys.
Result<void> only(const json::Value& json, const Place& at, const char* what,
                  std::initializer_list<std::string_view> keys) {
  if (json.as_object() == nullptr) return expected(&at, what, json);
  for (const json::Member& member : *json.as_object()) {
    if (std::find(keys.begin(), keys.end(), member.name) != keys.end()) continue;
    std::string known;
    for (const std::string_view key : keys) {
      known += (known.empty() ? "`" : ", `") + std::string(key) + "`";
    }
    return fail(&at, std::string(what) + " has no `" + printable(member.name, 60) +
                         "` (there are " + known + ")");
  }
  return {};
}

Result<const json::Value*> need(const json::Value& json, const Place& at, const char* what,
                                std::string_view key) {
  const json::Value* found = json.find(key);
  if (found != nullptr) return found;
  return fail(&at, std::string(what) + " needs `" + std::string(key) + "`");
}

// A member that must be there and be a string.
Result<const std::string*> need_text(const json::Value& json, const Place& at, const char* what,
                                     std::string_view key, const char* wanted) {
  const json::Value* found = TRY(need(json, at, what, key));
  return text_of(*found, Place{&at, key}, wanted);
}

Result<EntityUid> entity_of(const json::Value& json, const Place& at) {
  auto uid = uid_from(json, "an entity");
  if (!uid) return fail(&at, uid.error().message());
  return uid;
}

// --- expressions ---

struct OpRow {
  std::string_view key;
  Op op;
};
constexpr std::array<OpRow, 16> kBinary = {{{"==", Op::Eq},
                                            {"!=", Op::Ne},
                                            {"in", Op::In},
                                            {"<", Op::Lt},
                                            {"<=", Op::Le},
                                            {">", Op::Gt},
                                            {">=", Op::Ge},
                                            {"&&", Op::And},
                                            {"||", Op::Or},
                                            {"+", Op::Add},
                                            {"-", Op::Sub},
                                            {"*", Op::Mul},
                                            {"contains", Op::Contains},
                                            {"containsAll", Op::ContainsAll},
                                            {"containsAny", Op::ContainsAny},
                                            {"getTag", Op::GetTag}}};
constexpr std::array<OpRow, 3> kUnary = {
    {{"!", Op::Not}, {"neg", Op::Neg}, {"isEmpty", Op::IsEmpty}}};

class ExpressionReader {
 public:
  explicit ExpressionReader(Expr& out) : build_(out) {}

  Result<ExprId> read(const json::Value& json, const Place& at) {
    tasks_.push_back({.json = &json, .at = &at});
    while (!tasks_.empty()) {
      const Task task = tasks_.back();
      tasks_.pop_back();
      TRY(task.json == nullptr ? finish(task)
          : task.value         ? value(*task.json, *task.at)
                               : term(*task.json, *task.at));
    }
    const ExprId root = done_.back();
    done_.clear();
    places_.clear();
    return root;
  }

 private:
  // Read `json` (as an expression, or as a literal value), or, if null, build a node.
  struct Task {
    const json::Value* json = nullptr;
    const Place* at = nullptr;
    bool value = false;
    Node node = {};
    std::size_t operands = 0;                         // that the node takes from done_
    const std::vector<std::string>* names = nullptr;  // of a record; of a has path
  };

  const Place& inside(const Place& at, std::string_view key) {
    return places_.emplace_back(Place{&at, key, SIZE_MAX});
  }
  const Place& item(const Place& at, std::size_t index) {
    return places_.emplace_back(Place{&at, {}, index});
  }
  void later(const Task& task) { tasks_.push_back(task); }
  // What is pushed last is read first, so operands are pushed from right to left.
  void operand(const json::Value& json, const Place& at, bool as_value = false) {
    tasks_.push_back({.json = &json, .at = &at, .value = as_value});
  }

  Result<void> push(Result<ExprId> id, const Place& at) {
    if (!id) return fail(&at, id.error().message(), id.error().code());
    done_.push_back(*id);
    return {};
  }

  Result<void> finish(const Task& task) {
    Node node = task.node;
    const std::size_t first = done_.size() - task.operands;
    const std::vector<ExprId> given(done_.begin() + static_cast<std::ptrdiff_t>(first),
                                    done_.end());
    done_.resize(first);
    switch (node.op) {
      case Op::Set:
      case Op::Call: node.a = build_.list(given); break;
      case Op::Record: {
        std::vector<std::uint32_t> items;
        for (std::size_t i = 0; i < given.size(); ++i) {
          items.push_back(build_.string((*task.names)[i]));
          items.push_back(given[i]);
        }
        node.a = build_.list(items);
        break;
      }
      case Op::Has: return push(build_.has_path({}, given[0], *task.names), *task.at);
      case Op::If:
        node.a = given[0];
        node.b = given[1];
        node.c = given[2];
        break;
      case Op::Is:
        node.a = given[0];
        node.c = given.size() > 1 ? given[1] : kNoExpr;
        break;
      default:
        node.a = given[0];
        if (given.size() > 1) node.b = given[1];
    }
    return push(build_.add(node.op, {}, node.a, node.b, node.c), *task.at);
  }

  // A task that builds `op` from as many operands, which the caller then pushes.
  void build_later(Op op, const Place& at, std::size_t operands, std::uint32_t b = 0,
                   std::uint32_t c = 0) {
    Task task{.at = &at};
    task.node.op = op;
    task.node.b = b;
    task.node.c = c;
    task.operands = operands;
    later(task);
  }

  Result<void> term(const json::Value& json, const Place& at) {
    if (json.as_object() == nullptr) {
      return expected(&at, "an expression, such as {\"Var\": \"principal\"}", json);
    }
    const json::Value::Object& members = *json.as_object();
    if (members.size() != 1) {
      return fail(
          &at, "an expression has exactly one key, this one has " + std::to_string(members.size()));
    }
    const std::string& key = members.front().name;
    const json::Value& body = members.front().value;
    const Place& here = inside(at, key);
    if (key == "Value") return value(body, here);
    if (key == "Var") return variable(body, here);
    if (key == "Slot") {
      return fail(&here, "a slot may stand in the scope only, not in a condition");
    }
    if (key == "if-then-else") return conditional(body, here);
    if (key == "Set") return set(body, here, false);
    if (key == "Record") return record(body, here, false);
    if (key == "." || key == "has") return attribute(body, here, key == "has");
    if (key == "like") return like(body, here);
    if (key == "is") return is(body, here);
    if (key == "hasTag") return binary(Op::HasTag, body, here);
    for (const OpRow& row : kBinary) {
      if (row.key == key) return binary(row.op, body, here);
    }
    for (const OpRow& row : kUnary) {
      if (row.key == key) return unary(row.op, body, here);
    }
    return call(key, body, here);
  }

  Result<void> variable(const json::Value& body, const Place& at) {
    const std::string& name = *TRY(text_of(body, at, "the name of a variable"));
    for (const Variable variable :
         {Variable::Principal, Variable::Action, Variable::Resource, Variable::Context}) {
      if (name != variable_name(variable)) continue;
      return push(build_.add(Op::Var, {}, static_cast<std::uint32_t>(variable)), at);
    }
    return fail(&at, "there is no variable `" + printable(name, 60) +
                         "` (there are principal, action, resource, context)");
  }

  Result<void> unary(Op op, const json::Value& body, const Place& at) {
    TRY(only(body, at, "this operator", {"arg"}));
    const json::Value* arg = TRY(need(body, at, "this operator", "arg"));
    build_later(op, at, 1);
    operand(*arg, inside(at, "arg"));
    return {};
  }

  Result<void> binary(Op op, const json::Value& body, const Place& at) {
    TRY(only(body, at, "this operator", {"left", "right"}));
    const json::Value* left = TRY(need(body, at, "this operator", "left"));
    const json::Value* right = TRY(need(body, at, "this operator", "right"));
    build_later(op, at, 2);
    operand(*right, inside(at, "right"));
    operand(*left, inside(at, "left"));
    return {};
  }

  Result<void> conditional(const json::Value& body, const Place& at) {
    constexpr const char* kWhat = "`if-then-else`";
    TRY(only(body, at, kWhat, {"if", "then", "else"}));
    const json::Value* test = TRY(need(body, at, kWhat, "if"));
    const json::Value* yes = TRY(need(body, at, kWhat, "then"));
    const json::Value* no = TRY(need(body, at, kWhat, "else"));
    build_later(Op::If, at, 3);
    operand(*no, inside(at, "else"));
    operand(*yes, inside(at, "then"));
    operand(*test, inside(at, "if"));
    return {};
  }

  // `.` takes one name; `has` one name or a list of names, each looked up in the one before.
  Result<void> attribute(const json::Value& body, const Place& at, bool has) {
    const char* what = has ? "`has`" : "`.`";
    TRY(only(body, at, what, {"left", "attr"}));
    const json::Value* left = TRY(need(body, at, what, "left"));
    const json::Value* attr = TRY(need(body, at, what, "attr"));
    const Place& attr_at = inside(at, "attr");
    if (!has) {
      const std::string& name = *TRY(text_of(*attr, attr_at, "an attribute's name, a string"));
      build_later(Op::Attr, at, 1, build_.string(name));
      operand(*left, inside(at, "left"));
      return {};
    }
    std::vector<std::string> names;
    if (const json::Value::Array* list = attr->as_array()) {
      if (list->empty()) return fail(&attr_at, "expected at least one attribute's name");
      for (std::size_t i = 0; i < list->size(); ++i) {
        names.push_back(*TRY(text_of((*list)[i], item(attr_at, i), "an attribute's name")));
      }
    } else {
      names.push_back(*TRY(text_of(*attr, attr_at, "an attribute's name or a list of them")));
    }
    Task task{.at = &at};
    task.node.op = Op::Has;
    task.operands = 1;
    task.names = &names_.emplace_back(std::move(names));
    later(task);
    operand(*left, inside(at, "left"));
    return {};
  }

  Result<void> like(const json::Value& body, const Place& at) {
    TRY(only(body, at, "`like`", {"left", "pattern"}));
    const json::Value* left = TRY(need(body, at, "`like`", "left"));
    const json::Value* given = TRY(need(body, at, "`like`", "pattern"));
    const Place& list_at = inside(at, "pattern");
    if (given->as_array() == nullptr) {
      return expected(&list_at, R"(a list of "Wildcard" and {"Literal": "…"})", *given);
    }
    Pattern pattern;
    pattern.pieces.emplace_back();
    for (std::size_t i = 0; i < given->as_array()->size(); ++i) {
      const json::Value& element = (*given->as_array())[i];
      const json::Value* literal = element.find("Literal");
      if (element.as_string() != nullptr && *element.as_string() == "Wildcard") {
        pattern.pieces.emplace_back();
      } else if (literal != nullptr && element.as_object()->size() == 1 &&
                 literal->as_string() != nullptr) {
        pattern.pieces.back() += *literal->as_string();
      } else {
        return fail(&item(list_at, i), R"(expected "Wildcard" or {"Literal": "…"})");
      }
    }
    build_later(Op::Like, at, 1, build_.pattern(std::move(pattern)));
    operand(*left, inside(at, "left"));
    return {};
  }

  Result<void> is(const json::Value& body, const Place& at) {
    TRY(only(body, at, "`is`", {"left", "entity_type", "in"}));
    const json::Value* left = TRY(need(body, at, "`is`", "left"));
    const std::string& name =
        *TRY(need_text(body, at, "`is`", "entity_type", "an entity type's name"));
    const Place& type_at = inside(at, "entity_type");
    if (!is_name(name)) {
      return fail(&type_at, "`" + printable(name, 60) + "` is not a name of an entity type");
    }
    const json::Value* in = body.find("in");
    if (in != nullptr && in->is_null()) in = nullptr;
    build_later(Op::Is, at, in == nullptr ? 1 : 2, build_.string(name));
    if (in != nullptr) operand(*in, inside(at, "in"));
    operand(*left, inside(at, "left"));
    return {};
  }

  Result<void> set(const json::Value& body, const Place& at, bool as_values) {
    if (body.as_array() == nullptr) return expected(&at, "a list of expressions", body);
    const json::Value::Array& items = *body.as_array();
    build_later(Op::Set, at, items.size(), static_cast<std::uint32_t>(items.size()));
    for (std::size_t i = items.size(); i > 0; --i) {
      operand(items[i - 1], item(at, i - 1), as_values);
    }
    return {};
  }

  Result<void> record(const json::Value& body, const Place& at, bool as_values) {
    if (body.as_object() == nullptr) return expected(&at, "an object of expressions", body);
    const json::Value::Object& members = *body.as_object();
    std::vector<std::string> names;
    for (const json::Member& member : members) names.push_back(member.name);
    build_later(Op::Record, at, members.size(), static_cast<std::uint32_t>(members.size()));
    tasks_.back().names = &names_.emplace_back(std::move(names));
    for (auto member = members.rbegin(); member != members.rend(); ++member) {
      operand(member->value, inside(at, member->name), as_values);
    }
    return {};
  }

  // An extension function with its arguments; a method's receiver is the first of them.
  Result<void> call(const std::string& name, const json::Value& body, const Place& at) {
    const FunctionRow* row = find_function(name);
    if (row == nullptr) {
      return fail(&at, "there is no operator or function `" + printable(name, 60) + "`");
    }
    if (body.as_array() == nullptr) return expected(&at, "a list of arguments", body);
    return call(*row, *body.as_array(), at, false);
  }

  Result<void> call(const FunctionRow& row, const json::Value::Array& arguments, const Place& at,
                    bool as_values) {
    if (row.method && arguments.empty()) {
      return fail(&at, "the method `" + std::string(row.name) + "` needs the value it is asked of");
    }
    build_later(Op::Call, at, arguments.size(), static_cast<std::uint32_t>(arguments.size()),
                static_cast<std::uint32_t>(row.function));
    for (std::size_t i = arguments.size(); i > 0; --i) {
      operand(arguments[i - 1], item(at, i - 1), as_values);
    }
    return {};
  }

  Result<void> literal(Value value, const Place& at) {
    return push(build_.literal({}, std::move(value)), at);
  }

  // What stands under `Value`: a literal, or a set, record or extension value of literals.
  Result<void> value(const json::Value& json, const Place& at) {
    switch (json.type()) {
      case json::Value::Type::Bool: return literal(Value::boolean(*json.as_bool()), at);
      case json::Value::Type::Integer:
        if (const auto number = json.as_int64()) return literal(Value::integer(*number), at);
        return fail(&at, "the number does not fit in a 64-bit long");
      case json::Value::Type::String: return literal(Value::string(*json.as_string()), at);
      case json::Value::Type::Array: return set(json, at, true);
      case json::Value::Type::Null: return fail(&at, "null is not a Cedar value");
      case json::Value::Type::Object: break;
    }
    for (const char* escape : {"__expr", "__entity", "__extn"}) {
      const json::Value* escaped = json.find(escape);
      if (escaped == nullptr) continue;
      if (json.as_object()->size() != 1) {
        return fail(&at, std::string("`") + escape + "` must be the only key");
      }
      const Place& here = inside(at, escape);
      if (escape == std::string_view("__expr")) {
        return fail(&here, "this escape is not supported");
      }
      if (escape == std::string_view("__entity")) {
        return literal(Value::entity(TRY(entity_of(*escaped, here))), at);
      }
      return extension(*escaped, here);
    }
    return record(json, at, true);
  }

  Result<void> extension(const json::Value& json, const Place& at) {
    constexpr const char* kWhat = "an extension value";
    TRY(only(json, at, kWhat, {"fn", "arg", "args"}));
    const Place& name_at = inside(at, "fn");
    const std::string& name = *TRY(need_text(json, at, kWhat, "fn", "the name of a function"));
    const FunctionRow* row = find_function(name);
    if (row == nullptr) {
      return fail(&name_at, "there is no extension function `" + printable(name, 60) + "`");
    }
    const json::Value* arg = json.find("arg");
    const json::Value* args = json.find("args");
    if ((arg == nullptr) == (args == nullptr)) {
      return fail(&at, "an extension value needs either `arg` or `args`");
    }
    if (args != nullptr) {
      const Place& args_at = inside(at, "args");
      if (args->as_array() == nullptr) return expected(&args_at, "a list of arguments", *args);
      return call(*row, *args->as_array(), args_at, true);
    }
    build_later(Op::Call, at, 1, 1, static_cast<std::uint32_t>(row->function));
    operand(*arg, inside(at, "arg"), true);
    return {};
  }

  ExprBuilder build_;
  std::vector<Task> tasks_;
  std::vector<ExprId> done_;  // operands read and not yet taken
  std::deque<Place> places_;  // stable: tasks point to them
  std::deque<std::vector<std::string>> names_;
};

// --- policies ---

class PolicyReader {
 public:
  PolicyReader(const json::Value& json, const Place& at, PolicyBody& out)
      : json_(json), at_(at), out_(out) {}

  Result<void> read() {
    constexpr const char* kWhat = "a policy";
    TRY(only(json_, at_, kWhat,
             {"effect", "principal", "action", "resource", "conditions", "annotations"}));
    const Place effect_at{&at_, "effect"};
    const std::string& effect =
        *TRY(need_text(json_, at_, kWhat, "effect", "`permit` or `forbid`"));
    if (effect != "permit" && effect != "forbid") {
      return fail(&effect_at,
                  "expected `permit` or `forbid`, found `" + printable(effect, 60) + "`");
    }
    out_.effect = effect == "permit" ? Effect::Permit : Effect::Forbid;
    out_.line = 0;
    out_.column = 0;
    TRY(annotations());
    TRY(scope(Variable::Principal, out_.principal));
    TRY(scope(Variable::Action, out_.action));
    TRY(scope(Variable::Resource, out_.resource));
    TRY(conditions());
    out_.program = compile(out_.exprs, out_.conditions);
    return {};
  }

 private:
  Result<void> annotations() {
    const json::Value* given = json_.find("annotations");
    if (given == nullptr) return {};
    const Place at{&at_, "annotations"};
    if (given->as_object() == nullptr) return expected(&at, "an object", *given);
    for (const json::Member& member : *given->as_object()) {
      const Place here{&at, member.name};
      if (!is_identifier(member.name)) return fail(&here, "this is no name of an annotation");
      Annotation made{member.name, std::nullopt};
      if (!member.value.is_null()) {
        made.value = *TRY(text_of(member.value, here, "a string or null"));
      }
      out_.annotations.push_back(std::move(made));
    }
    return {};
  }

  Result<void> scope(Variable variable, Scope& out) {
    const std::string_view name = variable_name(variable);
    const Place at{&at_, name};
    const json::Value& json = *TRY(need(json_, at_, "a policy", name));
    const bool is_action = variable == Variable::Action;
    if (json.as_object() == nullptr) return expected(&at, "a constraint, an object", json);
    const Place op_at{&at, "op"};
    const std::string& op =
        *TRY(need_text(json, at, "a constraint", "op", "the operator of the constraint"));
    if (op == "All" || op == "all") return only(json, at, "this constraint", {"op"});
    if (op == "==" || op == "in") {
      out.op = op == "==" ? Scope::Op::Eq : Scope::Op::In;
      if (is_action && op == "in" && json.find("entities") != nullptr) {
        TRY(only(json, at, "this constraint", {"op", "entities"}));
        out.op = Scope::Op::InList;
        return entities(*json.find("entities"), Place{&at, "entities"}, out);
      }
      TRY(only(json, at, "this constraint", {"op", "entity", "slot"}));
      return entity_or_slot(json, at, variable, out);
    }
    if (op == "is" && !is_action) {
      TRY(only(json, at, "this constraint", {"op", "entity_type", "in"}));
      const Place type_at{&at, "entity_type"};
      const std::string& type_name =
          *TRY(need_text(json, at, "this constraint", "entity_type", "an entity type's name"));
      if (!is_name(type_name)) {
        return fail(&type_at, "`" + printable(type_name, 60) + "` is not a name of an entity type");
      }
      out.op = Scope::Op::Is;
      out.type = type_name;
      const json::Value* in = json.find("in");
      if (in == nullptr || in->is_null()) return {};
      out.op = Scope::Op::IsIn;
      const Place in_at{&at, "in"};
      TRY(only(*in, in_at, "this constraint", {"entity", "slot"}));
      return entity_or_slot(*in, in_at, variable, out);
    }
    return fail(&op_at, std::string("expected `All`, `==`, ") +
                            (is_action ? "or `in`" : "`in` or `is`") + ", found `" +
                            printable(op, 60) + "`");
  }

  Result<void> entity_or_slot(const json::Value& json, const Place& at, Variable variable,
                              Scope& out) {
    const json::Value* entity = json.find("entity");
    const json::Value* slot = json.find("slot");
    if ((entity == nullptr) == (slot == nullptr)) {
      return fail(&at, "this constraint needs either `entity` or `slot`");
    }
    if (entity != nullptr) return one(*entity, Place{&at, "entity"}, variable, out);
    const Place slot_at{&at, "slot"};
    const std::string& name = *TRY(text_of(*slot, slot_at, "the name of a slot"));
    const std::string own = "?" + std::string(variable_name(variable));
    if (variable == Variable::Action) return fail(&slot_at, "a slot is not allowed for `action`");
    if (name != own) {
      return fail(&slot_at, "expected `" + own + "`, found `" + printable(name, 60) + "`");
    }
    out.slot = true;
    return {};
  }

  static Result<void> one(const json::Value& json, const Place& at, Variable variable, Scope& out) {
    EntityUid uid = TRY(entity_of(json, at));
    if (variable == Variable::Action && uid.type() != "Action" &&
        !uid.type().ends_with("::Action")) {
      return fail(&at, "expected an action, found `" + printable(uid.text()) + "`");
    }
    out.entities.push_back(std::move(uid));
    return {};
  }

  static Result<void> entities(const json::Value& json, const Place& at, Scope& out) {
    if (json.as_array() == nullptr) return expected(&at, "a list of entities", json);
    const json::Value::Array& list = *json.as_array();
    for (std::size_t i = 0; i < list.size(); ++i) {
      TRY(one(list[i], Place{&at, {}, i}, Variable::Action, out));
    }
    return {};
  }

  Result<void> conditions() {
    const Place at{&at_, "conditions"};
    const json::Value& list = *TRY(need(json_, at_, "a policy", "conditions"));
    if (list.as_array() == nullptr) return expected(&at, "a list of conditions", list);
    ExpressionReader reader(out_.exprs);
    std::vector<ExprId> bodies;
    for (std::size_t i = 0; i < list.as_array()->size(); ++i) {
      const json::Value& json = (*list.as_array())[i];
      const Place here{&at, {}, i};
      TRY(only(json, here, "a condition", {"kind", "body"}));
      const Place kind_at{&here, "kind"};
      const std::string& kind =
          *TRY(need_text(json, here, "a condition", "kind", "`when` or `unless`"));
      if (kind != "when" && kind != "unless") {
        return fail(&kind_at, "expected `when` or `unless`, found `" + printable(kind, 60) + "`");
      }
      const json::Value* body = TRY(need(json, here, "a condition", "body"));
      const ExprId id = TRY(reader.read(*body, Place{&here, "body"}));
      out_.conditions.push_back({kind == "unless", id});
      bodies.push_back(id);
    }
    const auto sized = check_size(out_.exprs, bodies);
    if (!sized) return fail(&at, sized.error().message(), sized.error().code());
    return check_nesting(at);
  }

  // What text could not say is refused: the condition's braces are the first level.
  Result<void> check_nesting(const Place& at) const {
    const std::vector<std::uint32_t> levels = Notation(out_.exprs).nesting();
    for (std::size_t i = 0; i < out_.conditions.size(); ++i) {
      if (levels[out_.conditions[i].body] < kMaxNesting) continue;
      const Place here{&at, {}, i};
      return fail(&here,
                  "written as text this is nested more than " + std::to_string(kMaxNesting) +
                      " levels deep",
                  Code::Exhausted);
    }
    return {};
  }

  const json::Value& json_;
  const Place& at_;
  PolicyBody& out_;
};

Result<std::shared_ptr<const PolicyBody>> body_from(const json::Value& json, const Place& at) {
  auto body = std::make_shared<PolicyBody>();
  TRY(PolicyReader(json, at, *body).read());
  return std::shared_ptr<const PolicyBody>(std::move(body));
}

json::Limits policy_json_limits() {
  return {.bytes = kMaxPolicyJson, .depth = kMaxPolicyJsonDepth, .values = kMaxPolicyJsonValues};
}

// Puts the policies, or the templates, of a set in.
Result<void> read_policies(const json::Value& json, const Place& at, bool templates,
                           PolicySet& out) {
  if (json.as_object() == nullptr) return expected(&at, "an object of policies by id", json);
  for (const json::Member& member : *json.as_object()) {
    const Place here{&at, member.name};
    if (const std::string* text = member.value.as_string()) {
      auto added = out.add(member.name, *text);
      if (!added) return fail(&here, added.error().message(), added.error().code());
    } else {
      auto added = out.add(member.name, TRY(body_from(member.value, here)));
      if (!added) return fail(&here, added.error().message(), added.error().code());
    }
    if (out.find(member.name)->body->is_template() == templates) continue;
    return fail(&here, templates ? "this is no template: it has no slot"
                                 : "this has a slot, so it belongs to `templates`");
  }
  return {};
}

Result<std::optional<EntityUid>> filled_slot(const json::Value& values, const Place& at,
                                             std::string_view slot) {
  const json::Value* given = values.find(slot);
  if (given == nullptr) return std::optional<EntityUid>();
  return std::optional<EntityUid>(TRY(entity_of(*given, Place{&at, slot})));
}

Result<void> read_link(const json::Value& json, const Place& at, PolicySet& out) {
  constexpr const char* kWhat = "a link";
  TRY(only(json, at, kWhat, {"templateId", "newId", "values"}));
  const std::string& from = *TRY(need_text(json, at, kWhat, "templateId", "the id of a template"));
  const std::string& id = *TRY(need_text(json, at, kWhat, "newId", "the id of the link"));
  const json::Value& values = *TRY(need(json, at, kWhat, "values"));
  const Place values_at{&at, "values"};
  TRY(only(values, values_at, "the values of slots", {"?principal", "?resource"}));
  std::optional<EntityUid> principal = TRY(filled_slot(values, values_at, "?principal"));
  std::optional<EntityUid> resource = TRY(filled_slot(values, values_at, "?resource"));
  auto linked = out.link(from, id, std::move(principal), std::move(resource));
  if (!linked) return fail(&at, linked.error().message(), linked.error().code());
  return {};
}

}  // namespace

Result<std::shared_ptr<const PolicyBody>> parse_policy_json(std::string_view text) {
  const json::Value json = TRY(json::read(text, policy_json_limits()));
  return body_from(json, Place{});
}

Result<PolicySet> parse_policy_set_json(std::string_view text) {
  const json::Value json = TRY(json::read(text, policy_json_limits()));
  const Place root;
  TRY(only(json, root, "a policy set", {"staticPolicies", "templates", "templateLinks"}));
  PolicySet out;
  if (const json::Value* policies = json.find("staticPolicies")) {
    TRY(read_policies(*policies, Place{&root, "staticPolicies"}, false, out));
  }
  if (const json::Value* templates = json.find("templates")) {
    TRY(read_policies(*templates, Place{&root, "templates"}, true, out));
  }
  if (const json::Value* links = json.find("templateLinks")) {
    const Place at{&root, "templateLinks"};
    if (links->as_array() == nullptr) return expected(&at, "a list of links", *links);
    for (std::size_t i = 0; i < links->as_array()->size(); ++i) {
      TRY(read_link((*links->as_array())[i], Place{&at, {}, i}, out));
    }
  }
  return out;
}

}  // namespace writ::policy
