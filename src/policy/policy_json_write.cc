// A term is built when its operands are: an explicit stack, so a deep chain costs no stack. What
// the syntax tree shares (the left side of `has a.b`) is written out each time, within a limit.

#include <array>

#include "base/bytes.h"
#include "policy/expr_internal.h"
#include "policy/limits.h"
#include "policy/policy_json.h"

namespace writ::policy {

namespace {

json::Value uid_json(const EntityUid& uid) {
  json::Value out;
  out.set("type", uid.type()).set("id", uid.id());
  return out;
}

// One key and its value: the shape of every expression.
json::Value single(std::string_view key, json::Value value) {
  json::Value out;
  out.set(key, std::move(value));
  return out;
}

json::Value literal_json(ValueRef value) {
  switch (value.kind()) {
    case Kind::Bool: return single("Value", value.as_bool());
    case Kind::Long: return single("Value", value.as_number());
    case Kind::String: return single("Value", value.as_string());
    default: return single("Value", single("__entity", uid_json(value.as_entity())));
  }
}

// Every character is a literal of its own, as the official engine writes it.
json::Value pattern_json(const Pattern& pattern) {
  json::Value out = json::Value::array();
  for (std::size_t i = 0; i < pattern.pieces.size(); ++i) {
    if (i > 0) out.push("Wildcard");
    const std::string_view piece = pattern.pieces[i];
    for (std::size_t at = 0; at < piece.size();) {
      std::size_t end = at + 1;
      while (end < piece.size() && (static_cast<unsigned char>(piece[end]) & 0xc0U) == 0x80U) ++end;
      out.push(single("Literal", piece.substr(at, end - at)));
      at = end;
    }
  }
  return out;
}

std::string_view operator_key(Op op) {
  switch (op) {
    case Op::And: return "&&";
    case Op::Or: return "||";
    case Op::Eq: return "==";
    case Op::Ne: return "!=";
    case Op::Lt: return "<";
    case Op::Le: return "<=";
    case Op::Gt: return ">";
    case Op::Ge: return ">=";
    case Op::Add: return "+";
    case Op::Sub: return "-";
    case Op::Mul: return "*";
    case Op::In: return "in";
    default: return method_name(op);
  }
}

class ExpressionWriter {
 public:
  explicit ExpressionWriter(const Expr& expr) : expr_(expr) {}

  Result<json::Value> write(ExprId root) {
    std::vector<std::pair<ExprId, bool>> open = {{root, false}};  // visited before?
    while (!open.empty()) {
      const auto [id, ready] = open.back();
      open.pop_back();
      if (ready) {
        build(expr_.nodes[id]);
        continue;
      }
      if (++written_ > kMaxPolicyNodes) {
        return Error(Code::Exhausted, "the policy has more than " +
                                          std::to_string(kMaxPolicyNodes) +
                                          " terms when it is written out");
      }
      open.emplace_back(id, true);
      const std::vector<ExprId> parts = operands(expr_, expr_.nodes[id]);
      for (auto at = parts.rbegin(); at != parts.rend(); ++at) open.emplace_back(*at, false);
    }
    json::Value out = std::move(done_.back());
    done_.clear();
    return out;
  }

 private:
  json::Value take() {
    json::Value out = std::move(done_.back());
    done_.pop_back();
    return out;
  }
  // The last `count` operands, in their order.
  json::Value take_list(std::size_t count) {
    json::Value::Array out(
        std::make_move_iterator(done_.end() - static_cast<std::ptrdiff_t>(count)),
        std::make_move_iterator(done_.end()));
    done_.resize(done_.size() - count);
    return out;
  }

  void build(const Node& node) {
    json::Value body;
    switch (node.op) {
      case Op::Literal: done_.push_back(literal_json(expr_.literals[node.a])); return;
      case Op::Var:
        done_.push_back(single("Var", variable_name(static_cast<Variable>(node.a))));
        return;
      case Op::If: {
        json::Value no = take();
        json::Value yes = take();
        body.set("if", take()).set("then", std::move(yes)).set("else", std::move(no));
        done_.push_back(single("if-then-else", std::move(body)));
        return;
      }
      case Op::Not:
      case Op::Neg:
      case Op::IsEmpty: {
        const char* key = node.op == Op::Not ? "!" : node.op == Op::Neg ? "neg" : "isEmpty";
        body.set("arg", take());
        done_.push_back(single(key, std::move(body)));
        return;
      }
      case Op::Attr:
      case Op::Has:
        body.set("left", take()).set("attr", expr_.strings[node.b]);
        done_.push_back(single(node.op == Op::Attr ? "." : "has", std::move(body)));
        return;
      case Op::Like:
        body.set("left", take()).set("pattern", pattern_json(expr_.patterns[node.b]));
        done_.push_back(single("like", std::move(body)));
        return;
      case Op::Is: {
        json::Value in;
        if (node.c != kNoExpr) in = take();
        body.set("left", take()).set("entity_type", expr_.strings[node.b]);
        if (node.c != kNoExpr) body.set("in", std::move(in));
        done_.push_back(single("is", std::move(body)));
        return;
      }
      case Op::Set: done_.push_back(single("Set", take_list(node.b))); return;
      case Op::Call:
        done_.push_back(
            single(function_row(static_cast<Function>(node.c)).name, take_list(node.b)));
        return;
      case Op::Record: {
        json::Value::Object members;
        const std::size_t first = done_.size() - node.b;
        for (std::uint32_t i = 0; i < node.b; ++i) {
          members.push_back(
              {expr_.strings[expr_.list[node.a + 2 * i]], std::move(done_[first + i])});
        }
        done_.resize(first);
        done_.push_back(single("Record", std::move(members)));
        return;
      }
      default: {
        json::Value right = take();
        body.set("left", take()).set("right", std::move(right));
        done_.push_back(single(operator_key(node.op), std::move(body)));
      }
    }
  }

  const Expr& expr_;
  std::vector<json::Value> done_;
  std::size_t written_ = 0;  // of all conditions
};

json::Value scope_json(const Scope& scope, std::string_view variable,
                       const std::optional<EntityUid>& filled) {
  json::Value out;
  const auto set_entity = [&](json::Value& in) {
    if (scope.slot && !filled) {
      in.set("slot", "?" + std::string(variable));
    } else {
      in.set("entity", uid_json(scope.slot ? *filled : scope.entities.front()));
    }
  };
  switch (scope.op) {
    case Scope::Op::All: out.set("op", "All"); break;
    case Scope::Op::Eq:
    case Scope::Op::In:
      out.set("op", scope.op == Scope::Op::Eq ? "==" : "in");
      set_entity(out);
      break;
    case Scope::Op::InList: {
      if (scope.entities.size() == 1) {  // `in [E]` is written like `in E`, as the official engine
        out.set("op", "in");
        set_entity(out);
        break;
      }
      json::Value list = json::Value::array();
      for (const EntityUid& uid : scope.entities) list.push(uid_json(uid));
      out.set("op", "in").set("entities", std::move(list));
      break;
    }
    case Scope::Op::Is:
    case Scope::Op::IsIn:
      out.set("op", "is").set("entity_type", scope.type);
      if (scope.op == Scope::Op::IsIn) {
        json::Value in;
        set_entity(in);
        out.set("in", std::move(in));
      }
      break;
  }
  return out;
}

Result<json::Value> policy_json(const Policy& policy) {
  const PolicyBody& body = *policy.body;
  json::Value out;
  out.set("effect", body.effect == Effect::Permit ? "permit" : "forbid")
      .set("principal", scope_json(body.principal, "principal", policy.principal))
      .set("action", scope_json(body.action, "action", std::nullopt))
      .set("resource", scope_json(body.resource, "resource", policy.resource));
  json::Value conditions = json::Value::array();
  ExpressionWriter writer(body.exprs);
  for (const Condition& condition : body.conditions) {
    auto expression = writer.write(condition.body);
    if (!expression) {
      return std::move(expression).error().context("policy `" + printable(policy.id, 60) + "`");
    }
    json::Value made;
    made.set("kind", condition.unless ? "unless" : "when").set("body", std::move(*expression));
    conditions.push(std::move(made));
  }
  out.set("conditions", std::move(conditions));
  if (!body.annotations.empty()) {
    json::Value::Object annotations;
    for (const Annotation& annotation : body.annotations) {
      annotations.push_back(
          {annotation.key, annotation.value ? json::Value(*annotation.value) : json::Value()});
    }
    out.set("annotations", std::move(annotations));
  }
  return out;
}

json::Value link_json(const Policy& link) {
  json::Value values = json::Value::object();
  if (link.principal) values.set("?principal", uid_json(*link.principal));
  if (link.resource) values.set("?resource", uid_json(*link.resource));
  json::Value out;
  out.set("templateId", link.template_id).set("newId", link.id).set("values", std::move(values));
  return out;
}

}  // namespace

Result<std::string> to_json(const Policy& policy, json::Style style) {
  return json::write(TRY(policy_json(policy)), style);
}

Result<std::string> to_json(const PolicySet& set, json::Style style) {
  json::Value::Object policies;
  json::Value::Object templates;
  json::Value links = json::Value::array();
  for (const Policy* policy : set.in_order()) {
    if (!policy->template_id.empty()) {
      links.push(link_json(*policy));
    } else {
      json::Value written = TRY(policy_json(*policy));
      auto& list = policy->body->is_template() ? templates : policies;
      list.push_back({policy->id, std::move(written)});
    }
  }
  json::Value out;
  out.set("staticPolicies", std::move(policies))
      .set("templates", std::move(templates))
      .set("templateLinks", std::move(links));
  return json::write(out, style);
}

}  // namespace writ::policy
