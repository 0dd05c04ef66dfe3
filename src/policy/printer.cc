// The expression is written from an explicit stack of pieces, so a long chain costs no stack.

#include "policy/printer.h"

#include "policy/format.h"
#include "policy/limits.h"
#include "policy/notation.h"

namespace writ::policy {

namespace {

Error too_long(const Policy& policy) {
  return Error(Code::Exhausted, "the policy `" + policy.id + "` has more than " +
                                    std::to_string(kMaxPolicyNodes) +
                                    " terms when it is written out");
}

// What a scope constrains to: an entity, a slot, or (for a link) what fills it.
std::string scope_entity(const Scope& scope, const std::optional<EntityUid>& filled,
                         const std::string& variable) {
  if (!scope.slot) return scope.entities.front().text();
  return filled ? filled->text() : "?" + variable;
}

std::string scope_text(const std::string& variable, const Scope& scope,
                       const std::optional<EntityUid>& filled) {
  switch (scope.op) {
    case Scope::Op::All: return variable;
    case Scope::Op::Eq: return variable + " == " + scope_entity(scope, filled, variable);
    case Scope::Op::In: return variable + " in " + scope_entity(scope, filled, variable);
    case Scope::Op::InList: {
      std::string out = variable + " in [";
      for (std::size_t i = 0; i < scope.entities.size(); ++i) {
        if (i > 0) out += ", ";
        out += scope.entities[i].text();
      }
      return out + "]";
    }
    case Scope::Op::Is: return variable + " is " + scope.type;
    case Scope::Op::IsIn:
      return variable + " is " + scope.type + " in " + scope_entity(scope, filled, variable);
  }
  return variable;
}

// Writes one policy on one line; format.h makes lines of it.
class Printer {
 public:
  Printer(const Policy& policy, std::string& out)
      : policy_(policy), body_(*policy.body), notation_(body_.exprs), out_(out) {}

  Result<void> print() {
    for (const Annotation& annotation : body_.annotations) {
      out_ += "@" + annotation.key;
      if (annotation.value) out_ += "(" + quoted(*annotation.value) + ")";
      out_ += '\n';
    }
    out_ += body_.effect == Effect::Permit ? "permit (" : "forbid (";
    out_ += scope_text("principal", body_.principal, policy_.principal) + ", " +
            scope_text("action", body_.action, std::nullopt) + ", " +
            scope_text("resource", body_.resource, policy_.resource) + ")";
    for (const Condition& condition : body_.conditions) {
      out_ += condition.unless ? " unless { " : " when { ";
      TRY(expression(condition.body));
      out_ += " }";
    }
    out_ += ";\n";
    return {};
  }

 private:
  Result<void> expression(ExprId root) {
    using Kind = Notation::Piece::Kind;
    std::vector<Notation::Piece> open;
    open.push_back({Kind::Operand, {}, root});
    while (!open.empty()) {
      Notation::Piece next = std::move(open.back());
      open.pop_back();
      if (next.kind == Kind::Text) {
        out_ += next.text;
        continue;
      }
      if (++written_ > kMaxPolicyNodes) return too_long(policy_);
      std::vector<Notation::Piece> pieces = notation_.pieces(next.operand);
      if (next.kind == Kind::Parenthesised) {
        out_ += '(';
        open.push_back({Kind::Text, ")", kNoExpr});
      }
      for (auto at = pieces.rbegin(); at != pieces.rend(); ++at) open.push_back(std::move(*at));
    }
    return {};
  }

  const Policy& policy_;
  const PolicyBody& body_;
  Notation notation_;
  std::string& out_;
  std::size_t written_ = 0;
};

}  // namespace

Result<std::string> to_text(const Policy& policy) {
  std::string out;
  TRY(Printer(policy, out).print());
  return format_policies(out);
}

Result<std::string> to_text(const PolicySet& set) {
  std::string out;
  for (const Policy* policy : set.in_order()) {
    if (!policy->template_id.empty()) {
      return Error(Code::InvalidArgument,
                   "`" + policy->id +
                       "` is the link of a template, which policy text cannot say: "
                       "write the set as JSON");
    }
    TRY(Printer(*policy, out).print());
  }
  return format_policies(out);
}

}  // namespace writ::policy
