// A recursive descent over the grammar, one function a level of precedence, one token ahead.
// Every way back into expression() goes through a level counted against kMaxNesting; chains of
// operators and of members are loops, so a long text costs nodes, never stack.

#include "policy/parser.h"

#include <array>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "policy/compile.h"
#include "policy/expr_internal.h"
#include "policy/lexer.h"
#include "policy/limits.h"

namespace writ::policy {

namespace {

class Parser : TokenReader {
 public:
  explicit Parser(std::string_view text) : TokenReader(text) {}

  Result<std::vector<std::shared_ptr<const PolicyBody>>> policies() {
    std::vector<std::shared_ptr<const PolicyBody>> out;
    std::size_t nodes = 0;
    while (in_.token() != Token::End) {
      if (out.size() >= kMaxPolicies) {
        return Error(
            Code::Exhausted,
            in_.error("more than " + std::to_string(kMaxPolicies) + " policies").message());
      }
      auto body = std::make_shared<PolicyBody>();
      TRY(policy(*body));
      nodes += body->size();
      if (nodes > kMaxSetNodes) {
        return Error(Code::Exhausted, in_.error("the policies have more than " +
                                                std::to_string(kMaxSetNodes) + " terms together")
                                          .message());
      }
      out.push_back(std::move(body));
    }
    return out;
  }

 private:
  // --- tokens ---

  // An identifier that is not reserved.
  Result<std::string> identifier(const char* what) {
    if (!at(Token::Identifier)) return expected(what);
    if (is_reserved(in_.text())) {
      return in_.error("`" + std::string(in_.text()) +
                       "` is reserved and cannot be used as a name");
    }
    std::string out(in_.text());
    in_.advance();
    return out;
  }
  Result<std::string> string_literal() {
    const Lexer here = in_;
    auto text = unescape(in_.text());
    if (!text) return here.error(text.error().message());
    in_.advance();
    return std::move(text).value();
  }

  // Counts a level for as long as it lives.
  class Level {
   public:
    explicit Level(std::size_t& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    std::size_t& depth_;
  };
  Result<void> check_depth() const {
    if (depth_ <= kMaxNesting) return {};
    return Error(
        Code::Exhausted,
        in_.error("nested more than " + std::to_string(kMaxNesting) + " levels deep").message());
  }

  // --- policies ---

  Result<void> policy(PolicyBody& out) {
    out_ = &out.exprs;
    std::set<std::string_view> keys;
    while (at(Token::At)) TRY(annotation(out, keys));
    const Position position = in_.position();
    out.line = position.line;
    out.column = position.column;
    if (at_word("permit")) {
      out.effect = Effect::Permit;
    } else if (at_word("forbid")) {
      out.effect = Effect::Forbid;
    } else {
      return expected("`permit` or `forbid`");
    }
    in_.advance();
    TRY(need(Token::OpenParen, "`(` and the scope"));
    TRY(scope(Variable::Principal, out.principal));
    TRY(need(Token::Comma, "`,` and then `action`"));
    TRY(scope(Variable::Action, out.action));
    TRY(need(Token::Comma, "`,` and then `resource`"));
    TRY(scope(Variable::Resource, out.resource));
    (void)take(Token::Comma);
    TRY(need(Token::CloseParen, "`)` after `resource` and its constraint"));
    while (at_word("when") || at_word("unless")) {
      Condition condition;
      condition.unless = in_.text() == "unless";
      in_.advance();
      TRY(need(Token::OpenBrace, "`{` and a condition"));
      if (at(Token::CloseBrace)) return in_.error("a condition cannot be empty");
      condition.body = TRY(expression());
      TRY(need(Token::CloseBrace, "an operator, or `}` to end the condition"));
      out.conditions.push_back(condition);
    }
    if (!at(Token::Semicolon)) return expected("`when`, `unless` or `;`");
    std::vector<ExprId> bodies;
    for (const Condition& condition : out.conditions) bodies.push_back(condition.body);
    const auto sized = check_size(out.exprs, bodies);
    if (!sized) return Error(Code::Exhausted, in_.error(sized.error().message()).message());
    in_.advance();
    out.program = compile(out.exprs, out.conditions);
    return {};
  }

  Result<void> annotation(PolicyBody& out, std::set<std::string_view>& keys) {
    in_.advance();
    if (!at(Token::Identifier)) return expected("the annotation's name");
    if (out.annotations.size() >= kMaxAnnotations) {
      return Error(
          Code::Exhausted,
          in_.error("more than " + std::to_string(kMaxAnnotations) + " annotations").message());
    }
    Annotation made;
    made.key = in_.text();
    if (!keys.insert(in_.text()).second) {
      return in_.error("the annotation `@" + made.key + "` stands twice");
    }
    in_.advance();
    if (take(Token::OpenParen)) {
      if (!at(Token::String)) return expected("the annotation's value, a string");
      made.value = TRY(string_literal());
      TRY(need(Token::CloseParen, "`)` after the annotation's value"));
    }
    out.annotations.push_back(std::move(made));
    return {};
  }

  Result<void> scope(Variable variable, Scope& out) {
    const std::string name(variable_name(variable));
    const bool is_action = variable == Variable::Action;
    if (!at_word(name)) {
      return expected("`" + name +
                      "` (a scope is `principal`, `action`, `resource`, in this order)");
    }
    out.position = in_.position();
    in_.advance();
    if (at(Token::Equal)) {
      in_.advance();
      out.op = Scope::Op::Eq;
      return scope_entity(variable, out, false);
    }
    if (at_word("in")) {
      in_.advance();
      out.op = Scope::Op::In;
      return scope_entity(variable, out, is_action);
    }
    if (at_word("is")) {
      if (is_action) return in_.error("`is` is not allowed for `action` in the scope");
      in_.advance();
      out.op = Scope::Op::Is;
      out.type = TRY(type_name());
      if (at(Token::Equal))
        return in_.error("`is` cannot stand together with `==`: use `is … in …`");
      if (!at_word("in")) return {};
      in_.advance();
      out.op = Scope::Op::IsIn;
      return scope_entity(variable, out, false);
    }
    if (at(Token::Comma) || at(Token::CloseParen)) return {};
    if (at(Token::Colon)) return in_.error("type constraints are written with `is`, not with `:`");
    return expected(is_action ? "`==`, `in` or `,`" : "`==`, `in`, `is` or `,`");
  }

  // One entity, a slot, or (for `action in`) a list; parentheses around it are allowed.
  Result<void> scope_entity(Variable variable, Scope& out, bool list) {
    const Level level(depth_);
    TRY(check_depth());
    if (take(Token::OpenParen)) {
      TRY(scope_entity(variable, out, list));
      return need(Token::CloseParen, "`)`");
    }
    if (at(Token::Slot)) {
      const std::string own = "?" + std::string(variable_name(variable));
      if (variable == Variable::Action) return in_.error("a slot is not allowed for `action`");
      if (in_.text() != own) return expected("the slot `" + own + "` or an entity");
      in_.advance();
      out.slot = true;
      return {};
    }
    if (at(Token::OpenBracket)) {
      if (!list) return in_.error("a list of entities is allowed for `action in` only");
      in_.advance();
      out.op = Scope::Op::InList;
      while (!at(Token::CloseBracket)) {
        if (out.entities.size() >= kMaxPolicyNodes) {
          return Error(
              Code::Exhausted,
              in_.error("more than " + std::to_string(kMaxPolicyNodes) + " actions").message());
        }
        out.entities.push_back(TRY(scope_literal(variable)));
        if (!take(Token::Comma)) break;
      }
      return need(Token::CloseBracket, "`,` or `]`");
    }
    out.entities.push_back(TRY(scope_literal(variable)));
    return {};
  }

  Result<EntityUid> scope_literal(Variable variable) {
    const Lexer here = in_;
    EntityUid uid = TRY(entity_literal());
    if (variable == Variable::Action) {
      const std::string_view type = uid.type();
      if (type != "Action" && !type.ends_with("::Action")) {
        return here.error("expected an action, such as `Action::\"view\"`, found `" +
                          printable(uid.text()) + "`");
      }
    }
    return uid;
  }

  // `A::B::"id"`, where an entity and nothing else can stand.
  Result<EntityUid> entity_literal() {
    std::string type = TRY(identifier("an entity, such as `User::\"alice\"`"));
    while (true) {
      TRY(need(Token::ColonColon, "`::` and the entity's id"));
      if (at(Token::String)) return EntityUid::make(type, TRY(string_literal()));
      type += "::" + TRY(identifier("the entity's id, a string"));
    }
  }

  Result<std::string> type_name() {
    std::string type = TRY(identifier("an entity type"));
    while (take(Token::ColonColon)) type += "::" + TRY(identifier("the rest of the type's name"));
    return type;
  }

  // --- expressions ---

  ExprBuilder build() { return ExprBuilder(*out_); }

  // Where a builder's limit is met, the error names the place.
  Result<ExprId> add(Op op, Position where, std::uint32_t a, std::uint32_t b = 0,
                     std::uint32_t c = 0) {
    auto id = build().add(op, where, a, b, c);
    if (!id) return Error(Code::Exhausted, in_.error(id.error().message()).message());
    return id;
  }
  Result<ExprId> literal(Position where, Value value) {
    auto id = build().literal(where, std::move(value));
    if (!id) return Error(Code::Exhausted, in_.error(id.error().message()).message());
    return id;
  }

  Result<ExprId> expression() {
    const Level level(depth_);
    TRY(check_depth());
    if (!at_word("if")) return disjunction();
    const Position where = in_.position();
    in_.advance();
    const ExprId test = TRY(expression());
    if (!at_word("then")) return expected("an operator or `then`");
    in_.advance();
    const ExprId yes = TRY(expression());
    if (!at_word("else")) return expected("an operator or `else`");
    in_.advance();
    const ExprId no = TRY(expression());
    return add(Op::If, where, test, yes, no);
  }

  Result<ExprId> disjunction() {
    ExprId left = TRY(conjunction());
    while (at(Token::Or)) {
      const Position where = in_.position();
      in_.advance();
      const ExprId right = TRY(conjunction());
      left = TRY(add(Op::Or, where, left, right));
    }
    return left;
  }

  Result<ExprId> conjunction() {
    ExprId left = TRY(relation());
    while (at(Token::And)) {
      const Position where = in_.position();
      in_.advance();
      const ExprId right = TRY(relation());
      left = TRY(add(Op::And, where, left, right));
    }
    return left;
  }

  static bool relational(Token token, Op& op) {
    switch (token) {
      case Token::Equal: op = Op::Eq; return true;
      case Token::NotEqual: op = Op::Ne; return true;
      case Token::Less: op = Op::Lt; return true;
      case Token::LessEqual: op = Op::Le; return true;
      case Token::Greater: op = Op::Gt; return true;
      case Token::GreaterEqual: op = Op::Ge; return true;
      default: return false;
    }
  }

  Result<ExprId> relation() {
    const ExprId left = TRY(sum());
    const Position where = in_.position();
    Op op = Op::Eq;
    ExprId made = left;
    if (relational(in_.token(), op)) {
      in_.advance();
      const ExprId right = TRY(sum());
      made = TRY(add(op, where, left, right));
    } else if (at_word("in")) {
      in_.advance();
      const ExprId right = TRY(sum());
      made = TRY(add(Op::In, where, left, right));
    } else if (at_word("has")) {
      in_.advance();
      made = TRY(has(left, where));
    } else if (at_word("like")) {
      in_.advance();
      if (!at(Token::String)) return expected("a pattern, a string literal, after `like`");
      auto pattern = unescape_pattern(in_.text());
      if (!pattern) return in_.error(pattern.error().message());
      in_.advance();
      made = TRY(add(Op::Like, where, left, build().pattern(std::move(pattern).value())));
    } else if (at_word("is")) {
      in_.advance();
      const std::uint32_t type = build().string(TRY(type_name()));
      ExprId inside = kNoExpr;
      if (at_word("in")) {
        in_.advance();
        inside = TRY(sum());
      }
      made = TRY(add(Op::Is, where, left, type, inside));
    } else {
      if (at(Token::Assign)) return in_.error("`=` is no operator: equality is `==`");
      return left;
    }
    if (relational(in_.token(), op) || at_word("in") || at_word("has") || at_word("like") ||
        at_word("is")) {
      return in_.error("comparisons do not chain: put parentheses around one of them");
    }
    return made;
  }

  Result<ExprId> has(ExprId left, Position where) {
    std::vector<std::string> path;
    if (at(Token::String)) {
      path.push_back(TRY(string_literal()));
    } else {
      path.push_back(TRY(identifier("an attribute name after `has`")));
      while (take(Token::Dot)) path.push_back(TRY(identifier("an attribute name")));
    }
    auto id = build().has_path(where, left, path);
    if (!id) return Error(Code::Exhausted, in_.error(id.error().message()).message());
    return id;
  }

  Result<ExprId> sum() {
    ExprId left = TRY(product());
    while (at(Token::Plus) || at(Token::Minus)) {
      const Op op = at(Token::Plus) ? Op::Add : Op::Sub;
      const Position where = in_.position();
      in_.advance();
      const ExprId right = TRY(product());
      left = TRY(add(op, where, left, right));
    }
    return left;
  }

  Result<ExprId> product() {
    ExprId left = TRY(unary());
    while (at(Token::Star)) {
      const Position where = in_.position();
      in_.advance();
      const ExprId right = TRY(unary());
      left = TRY(add(Op::Mul, where, left, right));
    }
    if (at(Token::Slash)) return in_.error("division is not supported");
    if (at(Token::Percent)) return in_.error("the remainder operator is not supported");
    return left;
  }

  Result<ExprId> unary() {
    const Token sign = in_.token();
    if (sign != Token::Not && sign != Token::Minus) return member();
    const Position where = in_.position();
    std::size_t count = 0;
    while (at(sign)) {
      if (++count > 4) {
        return in_.error(std::string("more than four `") + (sign == Token::Not ? "!" : "-") +
                         "` in a row");
      }
      in_.advance();
    }
    ExprId inner = 0;
    // The last minus belongs to a literal, so that the least long can be written.
    if (sign == Token::Minus && at(Token::Number) && in_.peek() != Token::Dot &&
        in_.peek() != Token::OpenBracket) {
      inner = TRY(number(true));
      --count;
    } else {
      inner = TRY(member());
    }
    for (; count > 0; --count) {
      inner = TRY(add(sign == Token::Not ? Op::Not : Op::Neg, where, inner));
    }
    return inner;
  }

  Result<ExprId> number(bool negative) {
    std::int64_t value = 0;
    for (const char c : in_.text()) {
      const std::int64_t digit = c - '0';
      if (__builtin_mul_overflow(value, std::int64_t{10}, &value) ||
          __builtin_add_overflow(value, negative ? -digit : digit, &value)) {
        return in_.error("the number does not fit in 64 bits");
      }
    }
    const Position where = in_.position();
    in_.advance();
    return literal(where, Value::integer(value));
  }

  Result<ExprId> member() {
    ExprId left = TRY(primary());
    while (true) {
      const Position where = in_.position();
      if (take(Token::OpenBracket)) {
        if (!at(Token::String)) return expected("an attribute name, a string, between `[` and `]`");
        const std::uint32_t name = build().string(TRY(string_literal()));
        TRY(need(Token::CloseBracket, "`]` after the attribute's name"));
        left = TRY(add(Op::Attr, where, left, name));
      } else if (take(Token::Dot)) {
        const Lexer here = in_;
        std::string name = TRY(identifier("an attribute or a method"));
        if (take(Token::OpenParen)) {
          left = TRY(method(left, name, here));
        } else {
          left = TRY(add(Op::Attr, where, left, build().string(std::move(name))));
        }
      } else {
        return left;
      }
    }
  }

  // The arguments up to and with `)`.
  Result<std::vector<ExprId>> arguments() {
    std::vector<ExprId> out;
    while (!at(Token::CloseParen)) {
      out.push_back(TRY(expression()));
      if (!take(Token::Comma)) break;
    }
    TRY(need(Token::CloseParen, "`,` or `)`"));
    return out;
  }

  Result<ExprId> method(ExprId receiver, const std::string& name, const Lexer& here) {
    std::vector<ExprId> given = TRY(arguments());
    if (const MethodRow* row = find_method(name)) {
      if (given.size() != row->arity) {
        return here.error("`" + name + "` takes " +
                          (row->arity == 0 ? "no arguments" : "one argument") + ", not " +
                          std::to_string(given.size()));
      }
      return add(row->op, here.position(), receiver, row->arity == 0 ? 0 : given[0]);
    }
    const FunctionRow* row = find_function(name);
    if (row == nullptr) return here.error("there is no method `" + printable(name) + "`");
    if (!row->method) return here.error("`" + name + "` is a function, not a method");
    given.insert(given.begin(), receiver);
    return call(*row, given, here.position());
  }

  Result<ExprId> call(const FunctionRow& row, const std::vector<ExprId>& given, Position where) {
    const std::uint32_t first = build().list(given);
    return add(Op::Call, where, first, static_cast<std::uint32_t>(given.size()),
               static_cast<std::uint32_t>(row.function));
  }

  Result<ExprId> primary() {
    const Position where = in_.position();
    switch (in_.token()) {
      case Token::Number: return number(false);
      case Token::String: return literal(where, Value::string(TRY(string_literal())));
      case Token::OpenParen: {
        in_.advance();
        const ExprId inner = TRY(expression());
        TRY(need(Token::CloseParen, "an operator or `)`"));
        return inner;
      }
      case Token::OpenBracket: return set(where);
      case Token::OpenBrace: return record(where);
      case Token::Slot: return in_.error("a slot may stand in the scope only, not in a condition");
      case Token::Identifier: return name(where);
      default: return expected("an expression");
    }
  }

  Result<ExprId> set(Position where) {
    in_.advance();
    std::vector<ExprId> items;
    while (!at(Token::CloseBracket)) {
      items.push_back(TRY(expression()));
      if (!take(Token::Comma)) break;
    }
    TRY(need(Token::CloseBracket, "an operator, `,` or `]`"));
    const std::uint32_t first = build().list(items);
    return add(Op::Set, where, first, static_cast<std::uint32_t>(items.size()));
  }

  Result<ExprId> record(Position where) {
    in_.advance();
    std::vector<std::uint32_t> items;
    std::map<std::string, bool, std::less<>> seen;
    while (!at(Token::CloseBrace)) {
      const Lexer here = in_;
      std::string key =
          at(Token::String) ? TRY(string_literal()) : TRY(identifier("an attribute name or `}`"));
      if (!seen.emplace(key, true).second) {
        return here.error("the attribute `" + printable(key) + "` stands twice in the record");
      }
      TRY(need(Token::Colon, "`:` and the attribute's value"));
      const ExprId value = TRY(expression());
      items.push_back(build().string(std::move(key)));
      items.push_back(value);
      if (!take(Token::Comma)) break;
    }
    TRY(need(Token::CloseBrace, "an operator, `,` or `}`"));
    const std::uint32_t first = build().list(items);
    return add(Op::Record, where, first, static_cast<std::uint32_t>(items.size() / 2));
  }

  // What begins with an identifier: a literal, a variable, an entity or a function call.
  Result<ExprId> name(Position where) {
    const Lexer here = in_;
    if (at_word("true") || at_word("false")) {
      const bool value = in_.text() == "true";
      in_.advance();
      return literal(where, Value::boolean(value));
    }
    if (at_word("if")) return in_.error("put parentheses around this `if`");
    std::string path = TRY(identifier("an expression"));
    bool simple = true;
    while (take(Token::ColonColon)) {
      if (at(Token::String)) {
        return literal(where, Value::entity(EntityUid::make(path, TRY(string_literal()))));
      }
      path += "::" + TRY(identifier("an entity's id, a string"));
      simple = false;
    }
    if (take(Token::OpenParen)) {
      const FunctionRow* row = simple ? find_function(path) : nullptr;
      if (row == nullptr && simple && find_method(path) == nullptr) {
        return here.error("there is no function `" + printable(path) + "`");
      }
      if (row == nullptr && !simple) {
        return here.error("there is no function `" + printable(path) + "`");
      }
      if (row == nullptr || row->method) {
        return here.error("`" + path + "` is a method, not a function: write `value." + path +
                          "(…)`");
      }
      return call(*row, TRY(arguments()), where);
    }
    constexpr std::array kVariables = {Variable::Principal, Variable::Action, Variable::Resource,
                                       Variable::Context};
    for (const Variable variable : kVariables) {
      if (simple && path == variable_name(variable)) {
        return add(Op::Var, where, static_cast<std::uint32_t>(variable));
      }
    }
    return here.error("there is no variable `" + printable(path) +
                      "` (there are principal, action, resource, context; an entity is written " +
                      "`Type::\"id\"`, text in double quotes)");
  }

  Expr* out_ = nullptr;
  std::size_t depth_ = 0;
};

}  // namespace

Result<std::vector<std::shared_ptr<const PolicyBody>>> parse_policies(std::string_view text) {
  if (text.size() > kMaxPolicyText) {
    return Error(Code::Exhausted, "the policy text has " + std::to_string(text.size()) +
                                      " bytes; at most " + std::to_string(kMaxPolicyText) +
                                      " are read");
  }
  if (!is_utf8(text)) return Error(Code::Malformed, "the policy text is not valid UTF-8");
  return Parser(text).policies();
}

Result<EntityUid> EntityUid::parse(std::string_view text) {
  // The same literal as in a policy: read through a scope that can hold only it.
  Lexer in(text);
  std::string type;
  while (in.token() == Token::Identifier && !is_reserved(in.text())) {
    type += in.text();
    in.advance();
    if (in.token() != Token::ColonColon) break;
    in.advance();
    if (in.token() == Token::String) {
      std::string id = TRY(unescape(in.text()));
      in.advance();
      if (in.token() != Token::End) break;
      return make(type, id);
    }
    type += "::";
  }
  return Error(Code::Malformed,
               "`" + printable(text) + "` is not an entity (expected `Type::\"id\"`)");
}

}  // namespace writ::policy
