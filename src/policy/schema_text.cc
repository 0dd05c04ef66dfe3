// The human form of schemas (Cedar language 4.5, schema grammar), by recursive descent.

#include <set>

#include "base/bytes.h"
#include "policy/lexer.h"
#include "policy/limits.h"
#include "policy/schema_source.h"

namespace writ::policy {

namespace {

class Reader : TokenReader {
 public:
  explicit Reader(std::string_view text) : TokenReader(text) {}

  Result<SchemaSource> schema() {
    SchemaSource out;
    NamespaceSource outer;
    std::set<std::string> names;
    while (in_.token() != Token::End) {
      std::vector<Annotation> annotations = TRY(read_annotations());
      if (!at_word("namespace")) {
        TRY(declaration(outer, std::move(annotations)));
        continue;
      }
      in_.advance();
      NamespaceSource inner;
      inner.annotations = std::move(annotations);
      TRY(part());
      const Lexer here = in_;
      inner.name = TRY(path());
      if (!names.insert(inner.name).second) {
        return here.error("the namespace `" + inner.name + "` is opened twice");
      }
      TRY(need(Token::OpenBrace, "`{` and declarations"));
      while (!take(Token::CloseBrace)) {
        std::vector<Annotation> own = TRY(read_annotations());
        TRY(declaration(inner, std::move(own)));
      }
      out.namespaces.push_back(std::move(inner));
    }
    if (!outer.commons.empty() || !outer.entities.empty() || !outer.actions.empty()) {
      out.namespaces.push_back(std::move(outer));
    }
    return out;
  }

 private:
  Result<std::string> identifier(const char* what) {
    if (!at(Token::Identifier)) return expected(what);
    if (is_reserved(in_.text()) && in_.text() != "__cedar") {
      return in_.error("`" + std::string(in_.text()) +
                       "` is reserved and cannot be used as a name");
    }
    std::string out(in_.text());
    in_.advance();
    return out;
  }
  Result<std::string> string_literal() {
    auto text = unescape(in_.text());
    if (!text) return in_.error(text.error().message());
    in_.advance();
    return std::move(text).value();
  }
  // An identifier or a string.
  Result<std::string> name(const char* what) {
    if (at(Token::String)) return string_literal();
    return identifier(what);
  }
  Result<std::string> path() {
    std::string out = TRY(identifier("a name"));
    while (take(Token::ColonColon)) out += "::" + TRY(identifier("the rest of the name"));
    return out;
  }

  Result<std::vector<Annotation>> read_annotations() {
    std::vector<Annotation> out;
    std::set<std::string_view> keys;
    while (take(Token::At)) {
      if (!at(Token::Identifier)) return expected("the annotation's name");
      TRY(part());
      Annotation made{std::string(in_.text()), std::nullopt};
      if (!keys.insert(in_.text()).second) {
        return in_.error("the annotation `@" + made.key + "` stands twice");
      }
      in_.advance();
      if (take(Token::OpenParen)) {
        if (!at(Token::String)) return expected("the annotation's value, a string");
        made.value = TRY(string_literal());
        TRY(need(Token::CloseParen, "`)` after the annotation's value"));
      }
      out.push_back(std::move(made));
    }
    return out;
  }

  Result<void> declaration(NamespaceSource& out, std::vector<Annotation> annotations) {
    if (at_word("entity")) return entity(out, std::move(annotations));
    if (at_word("action")) return action(out, std::move(annotations));
    if (at_word("type")) return common(out, std::move(annotations));
    return expected("`entity`, `action`, `type`" +
                    std::string(out.name.empty() ? " or `namespace`" : " or `}`"));
  }

  Result<void> common(NamespaceSource& out, std::vector<Annotation> annotations) {
    in_.advance();
    TRY(part());
    const Position where = in_.position();
    CommonSource made{TRY(identifier("the type's name")), {}, std::move(annotations), where};
    TRY(need(Token::Assign, "`=` and a type"));
    made.type = TRY(type());
    TRY(need(Token::Semicolon, "`;`"));
    out.commons.push_back(std::move(made));
    return {};
  }

  Result<void> part(std::size_t parts = 1) {
    Result<void> counted = parts_.add(parts);
    if (counted) return counted;
    return Error(Code::Exhausted, in_.error(counted.error().message()).message());
  }

  // A declaration is copied for each of its names.
  Result<void> spell_out(std::size_t names, std::size_t begin, std::size_t parts_before) {
    TRY(part((names - 1) * (parts_.count() - parts_before)));
    const std::size_t length = in_.offset() - begin;
    spelled_out_ += names * length;  // at most (4 MiB)², so it does not wrap
    if (spelled_out_ <= kMaxSchemaSpelledOut) return {};
    return Error(
        Code::Exhausted,
        in_.error("the declarations of several names at once stand for too much").message());
  }

  Result<void> entity(NamespaceSource& out, std::vector<Annotation> annotations) {
    in_.advance();
    EntitySource made;
    made.annotations = std::move(annotations);
    std::vector<std::pair<std::string, Position>> names;
    do {
      const Position where = in_.position();
      TRY(part());
      names.emplace_back(TRY(identifier("the entity type's name")), where);
    } while (take(Token::Comma));
    const std::size_t begin = in_.offset();
    const std::size_t parts_before = parts_.count();
    if (at_word("enum")) {
      in_.advance();
      made.is_enum = true;
      TRY(need(Token::OpenBracket, "`[` and ids"));
      do {
        if (!at(Token::String)) return expected("an id, a string");
        TRY(part());
        made.ids.push_back(TRY(string_literal()));
      } while (take(Token::Comma));
      TRY(need(Token::CloseBracket, "`,` or `]`"));
    } else {
      if (at_word("in")) {
        in_.advance();
        made.parents = TRY(type_names(true));
      }
      const bool assigned = take(Token::Assign);
      if (assigned || at(Token::OpenBrace)) made.shape = TRY(record());
      if (at_word("tags")) {
        in_.advance();
        made.tags = TRY(type());
      }
    }
    TRY(need(Token::Semicolon, "`;`"));
    TRY(spell_out(names.size(), begin, parts_before));
    for (auto& [name, where] : names) {
      EntitySource one = made;
      one.name = std::move(name);
      one.position = where;
      out.entities.push_back(std::move(one));
    }
    return {};
  }

  // One type name, or a list of them in brackets.
  Result<std::vector<std::string>> type_names(bool may_be_empty) {
    std::vector<std::string> out;
    if (!take(Token::OpenBracket)) {
      out.push_back(TRY(path()));
      return out;
    }
    if (may_be_empty && take(Token::CloseBracket)) return out;
    do {
      TRY(part());
      out.push_back(TRY(path()));
    } while (take(Token::Comma));
    TRY(need(Token::CloseBracket, "`,` or `]`"));
    return out;
  }

  Result<void> action(NamespaceSource& out, std::vector<Annotation> annotations) {
    in_.advance();
    ActionSource made;
    made.annotations = std::move(annotations);
    std::vector<std::pair<std::string, Position>> names;
    do {
      const Position where = in_.position();
      TRY(part());
      names.emplace_back(TRY(name("the action's name")), where);
    } while (take(Token::Comma));
    const std::size_t begin = in_.offset();
    const std::size_t parts_before = parts_.count();
    if (at_word("in")) {
      in_.advance();
      if (take(Token::OpenBracket)) {
        do {
          TRY(part());
          made.parents.push_back(TRY(action_ref()));
        } while (take(Token::Comma));
        TRY(need(Token::CloseBracket, "`,` or `]`"));
      } else {
        made.parents.push_back(TRY(action_ref()));
      }
    }
    if (at_word("appliesTo")) {
      in_.advance();
      TRY(applies_to(made));
    }
    if (at_word("attributes")) {
      in_.advance();
      const TypeSource attributes = TRY(record());
      if (!attributes.attributes.empty())
        return in_.error("actions with attributes are not supported");
    }
    TRY(need(Token::Semicolon, "`in`, `appliesTo` or `;`"));
    TRY(spell_out(names.size(), begin, parts_before));
    for (auto& [id, where] : names) {
      ActionSource one = made;
      one.id = std::move(id);
      one.position = where;
      out.actions.push_back(std::move(one));
    }
    return {};
  }

  Result<ActionRefSource> action_ref() {
    if (at(Token::String)) return ActionRefSource{"", TRY(string_literal())};
    std::string first = TRY(identifier("an action"));
    if (!at(Token::ColonColon)) return ActionRefSource{"", std::move(first)};
    while (take(Token::ColonColon)) {
      if (at(Token::String)) {
        std::string id = TRY(string_literal());
        return ActionRefSource{std::move(first), std::move(id)};
      }
      first += "::" + TRY(identifier("the action's id, a string"));
    }
    return expected("`::` and the action's id");
  }

  Result<void> applies_to(ActionSource& out) {
    out.applies = true;
    const Lexer here = in_;
    TRY(need(Token::OpenBrace, "`{`"));
    bool principal = false;
    bool resource = false;
    while (!at(Token::CloseBrace)) {
      const Lexer key_at = in_;
      const std::string key = TRY(identifier("`principal`, `resource` or `context`"));
      TRY(need(Token::Colon, "`:`"));
      if (key == "principal" || key == "resource") {
        bool& seen = key == "principal" ? principal : resource;
        if (seen) return key_at.error("`" + key + "` stands twice");
        seen = true;
        auto& list = key == "principal" ? out.principals : out.resources;
        list = TRY(type_names(true));
        if (list.empty()) return key_at.error("the list of `" + key + "` types cannot be empty");
      } else if (key == "context") {
        if (out.context) return key_at.error("`context` stands twice");
        out.context = TRY(type());
        if (out.context->form == TypeSource::Form::Set) {
          return key_at.error("the context must be a record");
        }
      } else {
        return key_at.error("expected `principal`, `resource` or `context`");
      }
      if (!take(Token::Comma)) break;
    }
    TRY(need(Token::CloseBrace, "`,` or `}`"));
    if (!principal || !resource) {
      return here.error("`appliesTo` needs both `principal` and `resource`");
    }
    return {};
  }

  Result<TypeSource> type() {
    if (depth_ >= kMaxNesting) {
      return Error(
          Code::Exhausted,
          in_.error("nested more than " + std::to_string(kMaxNesting) + " levels deep").message());
    }
    ++depth_;
    auto out = type_inner();
    --depth_;
    return out;
  }

  Result<TypeSource> type_inner() {
    if (at(Token::OpenBrace)) return record();
    TRY(part());
    TypeSource out;
    out.position = in_.position();
    out.name = TRY(path());
    if (out.name == "Set" && take(Token::Less)) {
      out.form = TypeSource::Form::Set;
      out.name.clear();
      out.element.push_back(TRY(type()));
      TRY(need(Token::Greater, "`>`"));
    }
    return out;
  }

  Result<TypeSource> record() {
    TypeSource out;
    out.form = TypeSource::Form::Record;
    out.position = in_.position();
    TRY(need(Token::OpenBrace, "`{` and attributes"));
    std::set<std::string> seen;
    while (!at(Token::CloseBrace)) {
      TRY(part());
      AttributeSource attribute;
      attribute.annotations = TRY(read_annotations());
      const Lexer here = in_;
      attribute.name = TRY(name("an attribute name or `}`"));
      if (!seen.insert(attribute.name).second) {
        return here.error("the attribute `" + printable(attribute.name) + "` stands twice");
      }
      attribute.required = !take(Token::Question);
      TRY(need(Token::Colon, "`:` and a type"));
      attribute.type.push_back(TRY(type()));
      out.attributes.push_back(std::move(attribute));
      if (!take(Token::Comma)) break;
    }
    TRY(need(Token::CloseBrace, "`,` or `}`"));
    return out;
  }

  std::size_t depth_ = 0;
  std::size_t spelled_out_ = 0;
  SchemaParts parts_;
};

}  // namespace

Result<SchemaSource> read_schema_text(std::string_view text) {
  if (text.size() > kMaxPolicyText) {
    return Error(Code::Exhausted, "the schema has " + std::to_string(text.size()) +
                                      " bytes; at most " + std::to_string(kMaxPolicyText) +
                                      " are read");
  }
  if (!is_utf8(text)) return Error(Code::Malformed, "the schema is not valid UTF-8");
  return Reader(text).schema();
}

}  // namespace writ::policy
