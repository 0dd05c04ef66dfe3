#include "policy/validator.h"

#include <algorithm>

#include "base/bytes.h"
#include "policy/suggest.h"
#include "policy/typecheck.h"

namespace writ::policy {

namespace {

// Nodes that typing all policies in all environments may look at.
constexpr std::size_t kMaxWork = 200'000'000;

// Guesses at what misspelt names meant, of one call: each looks at many names.
constexpr std::size_t kMaxGuesses = 100;

bool is_action_type(std::string_view type) {
  return type == "Action" || type.ends_with("::Action");
}

class Validator {
 public:
  Validator(const Schema& schema, const Policy& policy, Edition edition, std::size_t& guesses,
            Validation& out)
      : schema_(schema),
        policy_(policy),
        body_(*policy.body),
        edition_(edition),
        guesses_(guesses),
        out_(out) {}

  Result<void> run(std::size_t& work) {
    check_names();
    if (!some_action_applies()) {
      misfit(policy_place() + "no action of the schema fits the scope of this policy");
    }
    return check_types(work);
  }

  // A link has its template's conditions; its own are the entities in its scope.
  void run_link() {
    if (some_action_applies()) return;
    misfit("link of template `" + printable(policy_.template_id) +
           "`: no action of the schema fits the scope with these entities");
  }

 private:
  void problem(std::string message) { out_.errors.push_back({policy_.id, std::move(message)}); }

  void misfit(std::string message) {
    auto& list = edition_ == Edition::Until412 ? out_.errors : out_.warnings;
    list.push_back({policy_.id, std::move(message)});
  }

  // Policies that were read from JSON have no lines.
  static std::string place(std::uint32_t line, std::uint32_t column) {
    if (line == 0) return "";
    return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": ";
  }
  static std::string place(Position at) { return place(at.line, at.column); }
  std::string policy_place() const { return place(body_.line, body_.column); }

  // The nearest of the names that `each` calls back with.
  template <typename Each>
  std::string guess(std::string_view wrong, const Each& each) {
    if (++guesses_ > kMaxGuesses) return "";
    std::vector<std::string_view> known;
    each([&](std::string_view name) { known.push_back(name); });
    return did_you_mean(wrong, known);
  }

  void check_type_name(std::string_view type, const std::string& where) {
    if (schema_.entity_type(type) != nullptr) return;
    for (const auto& [uid, action] : schema_.actions()) {
      (void)action;
      if (uid.type() == type) return;
    }
    problem(where + "the entity type `" + printable(type) + "` is not in the schema" +
            guess(type, [&](const auto& name) {
              for (const auto& entry : schema_.entity_types()) name(entry.first);
            }));
  }

  void check_uid(const EntityUid& uid, const std::string& where) {
    if (is_action_type(uid.type())) {
      if (schema_.action(uid) == nullptr) {
        problem(where + "the action `" + printable(uid.text()) + "` is not in the schema" +
                guess_action(uid));
      }
      return;
    }
    check_type_name(uid.type(), where);
    const EntityType* type = schema_.entity_type(uid.type());
    if (type != nullptr && type->is_enum && !type->ids.contains(uid.id())) {
      problem(where + "`" + printable(uid.text()) + "` is not one of the ids of its type" +
              guess(uid.id(), [&](const auto& name) {
                for (const std::string& id : type->ids) name(id);
              }));
    }
  }

  // The type may be what is wrong: Action::"view" where the schema has App::Action::"view".
  std::string guess_action(const EntityUid& uid) {
    std::vector<std::string> texts;
    for (const auto& entry : schema_.actions()) {
      if (texts.size() < 1000) texts.push_back(entry.first.text());
    }
    for (const auto& entry : schema_.actions()) {
      if (entry.first.id() == uid.id()) {
        return ": did you mean `" + printable(entry.first.text()) + "`?";
      }
    }
    return guess(uid.text(), [&](const auto& name) {
      for (const std::string& text : texts) name(text);
    });
  }

  void check_names() {
    for (const Scope* scope : {&body_.principal, &body_.action, &body_.resource}) {
      const std::string scope_at = place(scope->position) + "scope: ";
      for (const EntityUid& uid : scope->entities) check_uid(uid, scope_at);
      if (!scope->type.empty()) check_type_name(scope->type, scope_at);
    }
    for (const Node& node : body_.exprs.nodes) {
      if (node.op == Op::Literal) {
        const ValueRef value = body_.exprs.literals[node.a].ref();
        if (value.kind() == Kind::Entity) check_uid(value.as_entity(), place(node.position));
      } else if (node.op == Op::Is) {
        check_type_name(body_.exprs.strings[node.b], place(node.position));
      }
    }
  }

  // named is the entity of a scope, or null for a slot that is not filled.
  const EntityUid* named(const Scope& scope) const {
    if (!scope.slot) return &scope.entities[0];
    const auto& filled = &scope == &body_.principal ? policy_.principal : policy_.resource;
    return filled ? &*filled : nullptr;
  }

  bool type_fits(const Scope& scope, const std::string& type) const {
    const auto in = [&] {
      const EntityUid* above = named(scope);
      const EntityType* known = schema_.entity_type(type);
      return above == nullptr || type == above->type() ||
             (known != nullptr && known->ancestors.contains(above->type()));
    };
    switch (scope.op) {
      case Scope::Op::Eq: return named(scope) == nullptr || named(scope)->type() == type;
      case Scope::Op::In: return in();
      case Scope::Op::Is: return scope.type == type;
      case Scope::Op::IsIn: return scope.type == type && in();
      default: return true;
    }
  }

  bool some_action_applies() const {
    for (const auto& entry : schema_.actions()) {
      const EntityUid& uid = entry.first;
      const ActionType& action = entry.second;
      const Scope& scope = body_.action;
      const bool fits =
          scope.op == Scope::Op::All ||
          std::any_of(scope.entities.begin(), scope.entities.end(), [&](const EntityUid& wanted) {
            return wanted == uid ||
                   (scope.op != Scope::Op::Eq && action.ancestors.contains(wanted));
          });
      if (!fits) continue;
      const auto any = [&](const Scope& of, const std::vector<std::string>& types) {
        return std::any_of(types.begin(), types.end(),
                           [&](const std::string& type) { return type_fits(of, type); });
      };
      if (any(body_.principal, action.principals) && any(body_.resource, action.resources)) {
        return true;
      }
    }
    return false;
  }

  Result<void> check_types(std::size_t& work) {
    TypeChecker checker(schema_, body_);
    bool possible = false;
    bool failed = false;
    for (const auto& [uid, action] : schema_.actions()) {
      (void)uid;
      for (const std::string& principal : action.principals) {
        for (const std::string& resource : action.resources) {
          const Environment environment{&action, principal, resource};
          auto type = checker.check(environment);
          if (!type) {
            if (!failed) problem(type.error().message());
            failed = true;
          } else if ((*type)->tag != Type::Tag::False) {
            possible = true;
          }
          if (failed || work + checker.work() > kMaxWork) break;
          ++work;
        }
      }
    }
    work += checker.work();
    if (work > kMaxWork) {
      return Error(Code::Exhausted, "these policies are too much work to check with this schema");
    }
    if (!failed && !possible) {
      out_.warnings.push_back({policy_.id, policy_place() + "this policy can never apply"});
    }
    return {};
  }

  const Schema& schema_;
  const Policy& policy_;
  const PolicyBody& body_;
  Edition edition_;
  std::size_t& guesses_;
  Validation& out_;
};

}  // namespace

Result<Validation> validate(const Schema& schema, const PolicySet& set, Edition edition) {
  Validation out;
  std::size_t work = 0;
  std::size_t guesses = 0;
  for (const Policy& policy : set.policies()) {
    Validator validator(schema, policy, edition, guesses, out);
    if (policy.template_id.empty()) {
      TRY(validator.run(work));
    } else {
      validator.run_link();
    }
  }
  for (const Policy& policy : set.templates())
    TRY(Validator(schema, policy, edition, guesses, out).run(work));
  return out;
}

}  // namespace writ::policy
