#include "policy/explain.h"

#include <algorithm>

#include "base/bytes.h"
#include "policy/compile.h"
#include "policy/evaluator.h"
#include "policy/notation.h"

namespace writ::policy {

namespace {

bool matches(const Scope& scope, const std::optional<EntityUid>& filled, const EntityUid& uid,
             const Entities& entities) {
  return scope_matches(scope, filled, entities.look_up(uid.node()));
}

std::string scope_text(const char* variable, const Scope& scope,
                       const std::optional<EntityUid>& filled) {
  std::string out = variable;
  const auto target = [&] { return (scope.slot ? *filled : scope.entities[0]).text(); };
  switch (scope.op) {
    case Scope::Op::All: break;
    case Scope::Op::Eq: out += " == " + target(); break;
    case Scope::Op::In: out += " in " + target(); break;
    case Scope::Op::InList: {
      out += " in [";
      for (std::size_t i = 0; i < scope.entities.size() && out.size() < kMaxShown; ++i) {
        out += (i == 0 ? "" : ", ") + scope.entities[i].text();
      }
      out += "]";
      break;
    }
    case Scope::Op::Is: out += " is " + scope.type; break;
    case Scope::Op::IsIn: out += " is " + scope.type + " in " + target(); break;
  }
  return printable(out, kMaxShown);
}

// Finds what stopped one policy. The conditions before were evaluated and held, so evaluating a
// part in the order of the text meets nothing that the policy itself would not have met.
class Investigator {
 public:
  Investigator(const Entities& entities, const Request& request, PolicyStory& story)
      : expr_(story.policy->body->exprs), evaluator_(entities, request), story_(story) {}

  void run() {
    const PolicyBody& body = *story_.policy->body;
    for (const Condition& condition : body.conditions) {
      const Found found = look(condition.body);
      if (found == (condition.unless ? Found::False : Found::True)) {
        ++story_.held;
        continue;
      }
      story_.outcome = found == Found::Error ? PolicyStory::Outcome::Fails  //
                                             : PolicyStory::Outcome::Differs;
      narrow(condition.body, found);
      return;
    }
    story_.outcome = PolicyStory::Outcome::Holds;
  }

 private:
  enum class Found { False, True, Error };

  Result<ValueRef> value_of(ExprId id) {
    program_ = compile_one(expr_, id);
    return evaluator_.evaluate(expr_, program_);
  }

  Found look(ExprId id) {
    const Result<ValueRef> value = value_of(id);
    if (!value) {
      story_.error = value.error().message();
      return Found::Error;
    }
    if (value->kind() != Kind::Bool) {
      story_.error = "expected bool, got " + std::string(kind_name(value->kind()));
      return Found::Error;
    }
    return value->as_bool() ? Found::True : Found::False;
  }

  // operands of a chain of one operator, from left to right.
  std::vector<ExprId> chain(ExprId id, Op op) const {
    std::vector<ExprId> out;
    std::vector<ExprId> open = {id};
    while (!open.empty()) {
      const Node& node = expr_.nodes[open.back()];
      if (node.op != op) {
        out.push_back(open.back());
        open.pop_back();
        continue;
      }
      open.back() = node.b;
      open.push_back(node.a);
    }
    return out;
  }

  // narrow goes down to the part that makes the expression what was found. Each step leaves one
  // level of nesting behind, so the work is the expression's size times its nesting.
  void narrow(ExprId id, Found found) {
    for (;;) {
      const Node& node = expr_.nodes[id];
      if (node.op == Op::Not) {
        id = node.a;
        if (found != Found::Error) found = found == Found::True ? Found::False : Found::True;
        continue;
      }
      const bool and_decides = node.op == Op::And && found != Found::True;
      const bool or_decides = node.op == Op::Or && found != Found::False;
      if (!and_decides && !or_decides) break;
      const std::vector<ExprId> parts = chain(id, node.op);
      const auto decides = std::find_if(parts.begin(), parts.end(),
                                        [&](ExprId part) { return look(part) == found; });
      if (decides == parts.end()) break;
      id = *decides;
    }
    const Node& node = expr_.nodes[id];
    story_.at = node.position;
    story_.expression = expression_text(expr_, id);
    story_.value = found == Found::True;
    if (found != Found::Error) story_.error.clear();
    operands_of(node);
  }

  void operands_of(const Node& node) {
    std::vector<ExprId> ids;
    switch (node.op) {
      case Op::Literal:
      case Op::Var:
      case Op::Record:
      case Op::If: return;
      case Op::Set:
      case Op::Call:
        for (std::uint32_t i = 0; i < node.b; ++i) ids.push_back(expr_.list[node.a + i]);
        break;
      case Op::IsEmpty:
      case Op::Attr:
      case Op::Has:
      case Op::Like:
      case Op::Not:
      case Op::Neg: ids = {node.a}; break;
      case Op::Is:
        ids = {node.a};
        if (node.c != kNoExpr) ids.push_back(node.c);
        break;
      default: ids = {node.a, node.b}; break;
    }
    constexpr std::size_t kMost = 4;
    for (const ExprId id : ids) {
      if (expr_.nodes[id].op == Op::Literal || story_.operands.size() == kMost) continue;
      const Result<ValueRef> value = value_of(id);
      if (!value) continue;
      story_.operands.push_back(
          {expression_text(expr_, id), printable(to_text(*value), kMaxShown)});
    }
  }

  const Expr& expr_;
  Evaluator evaluator_;
  Program program_;
  PolicyStory& story_;
};

int rank(const PolicyStory& story) {
  switch (story.outcome) {
    case PolicyStory::Outcome::Holds: return 0;
    case PolicyStory::Outcome::Fails: return 1;
    case PolicyStory::Outcome::Differs: return 2;
    case PolicyStory::Outcome::Other: return 3;
  }
  return 3;
}

bool nearer(const PolicyStory& a, const PolicyStory& b) {
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  if (a.scopes() != b.scopes()) return a.scopes() > b.scopes();
  const auto left = [](const PolicyStory& story) {
    return story.policy->body->conditions.size() - story.held;
  };
  return left(a) < left(b);
}

}  // namespace

std::string expression_text(const Expr& expr, ExprId id, std::size_t limit) {
  const Notation notation(expr);
  std::string out;
  // What is still to be written, the next one last: an operand or finished text.
  using Piece = Notation::Piece;
  std::vector<Piece> open = {{Piece::Kind::Operand, {}, id}};
  while (!open.empty() && out.size() <= limit) {
    const Piece next = std::move(open.back());
    open.pop_back();
    if (next.kind == Piece::Kind::Text) {
      out += next.text;
      continue;
    }
    const bool enclosed = next.kind == Piece::Kind::Parenthesised;
    if (enclosed) open.push_back({Piece::Kind::Text, ")", kNoExpr});
    std::vector<Piece> pieces = notation.pieces(next.operand);
    open.insert(open.end(), std::make_move_iterator(pieces.rbegin()),
                std::make_move_iterator(pieces.rend()));
    if (enclosed) open.push_back({Piece::Kind::Text, "(", kNoExpr});
  }
  return printable(out, limit);
}

Explanation explain(const PolicySet& set, const Entities& entities, const Request& request,
                    OnError on_error) {
  Explanation out;
  out.response = authorize(set, entities, request, on_error);
  for (const Policy& policy : set.policies()) {
    const PolicyBody& body = *policy.body;
    PolicyStory story;
    story.policy = &policy;
    const std::optional<EntityUid> none;
    story.principal = matches(body.principal, policy.principal, request.principal, entities);
    story.action = matches(body.action, none, request.action, entities);
    story.resource = matches(body.resource, policy.resource, request.resource, entities);
    story.principal_scope = scope_text("principal", body.principal, policy.principal);
    story.action_scope = scope_text("action", body.action, none);
    story.resource_scope = scope_text("resource", body.resource, policy.resource);
    if (story.scopes() == 3) Investigator(entities, request, story).run();
    out.policies.push_back(std::move(story));
  }
  std::stable_sort(out.policies.begin(), out.policies.end(), nearer);
  return out;
}

}  // namespace writ::policy
