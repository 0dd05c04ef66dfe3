// Names are resolved once all declarations are known: an unqualified name means its own namespace
// first, then the empty one, and in each a common type before an entity type; after that the
// built-in types. Common types are resolved on demand, each once, so that types share structure.

#include "policy/schema.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "policy/lexer.h"
#include "policy/limits.h"
#include "policy/schema_source.h"
#include "policy/suggest.h"

namespace writ::policy {

const AttributeType* Type::attribute(std::string_view name) const {
  const auto at =
      std::lower_bound(attributes.begin(), attributes.end(), name,
                       [](const AttributeType& a, std::string_view n) { return a.name < n; });
  return at != attributes.end() && at->name == name ? &*at : nullptr;
}

bool same_type(const Type& a, const Type& b) {
  if (&a == &b) return true;
  if (a.tag != b.tag) return false;
  switch (a.tag) {
    case Type::Tag::Entity: return a.entity == b.entity;
    case Type::Tag::Set: return same_type(*a.element, *b.element);
    case Type::Tag::Record:
      return std::equal(a.attributes.begin(), a.attributes.end(), b.attributes.begin(),
                        b.attributes.end(), [](const AttributeType& x, const AttributeType& y) {
                          return x.name == y.name && x.required == y.required &&
                                 same_type(*x.type, *y.type);
                        });
    default: return true;
  }
}

std::string type_text(const Type& type) {
  switch (type.tag) {
    case Type::Tag::Never: return "nothing";
    case Type::Tag::True: return "True";
    case Type::Tag::False: return "False";
    case Type::Tag::Bool: return "Bool";
    case Type::Tag::Long: return "Long";
    case Type::Tag::String: return "String";
    case Type::Tag::Entity: return type.entity;
    case Type::Tag::Ip: return "ipaddr";
    case Type::Tag::Decimal: return "decimal";
    case Type::Tag::Datetime: return "datetime";
    case Type::Tag::Duration: return "duration";
    case Type::Tag::Set: return "Set<" + type_text(*type.element) + ">";
    case Type::Tag::Record: {
      std::string out = "{";
      for (const AttributeType& attribute : type.attributes) {
        if (out.size() > 200) return out + ", …}";
        if (out.size() > 1) out += ", ";
        out += attribute.name + (attribute.required ? ": " : "?: ") + type_text(*attribute.type);
      }
      return out + "}";
    }
  }
  return "";
}

class SchemaResolver {
 public:
  explicit SchemaResolver(const SchemaSource& source) : source_(source) {
    const auto primitive = [&](const char* name, Type::Tag tag) {
      Type type;
      type.tag = tag;
      builtin_.emplace(name, keep(std::move(type)));
    };
    primitive("Bool", Type::Tag::Bool);
    primitive("Boolean", Type::Tag::Bool);
    primitive("Long", Type::Tag::Long);
    primitive("String", Type::Tag::String);
    primitive("ipaddr", Type::Tag::Ip);
    primitive("decimal", Type::Tag::Decimal);
    primitive("datetime", Type::Tag::Datetime);
    primitive("duration", Type::Tag::Duration);
    Type record;
    record.tag = Type::Tag::Record;
    empty_record_ = keep(std::move(record));
  }

  // fault is where the text has what resolve() refused; line 0 when that is not known.
  Position fault() const { return fault_; }

  Result<Schema> resolve() {
    TRY(declare());
    TRY(check_shadowing());
    for (auto& [name, common] : commons_) {
      (void)common;
      TRY(common_type(name));
    }
    for (const NamespaceSource& space : source_.namespaces) {
      for (const EntitySource& entity : space.entities) {
        fault_ = entity.position;
        auto done = fill_entity(space, entity);
        if (!done) {
          return std::move(done).error().context("entity `" + full(space, entity.name) + "`");
        }
      }
      for (const ActionSource& action : space.actions) {
        fault_ = action.position;
        auto done = fill_action(space, action);
        if (!done) {
          return std::move(done).error().context("action `" + printable(action.id, 60) + "`");
        }
      }
    }
    TRY(close_entities());
    fault_ = {};
    TRY(close_actions());
    return std::move(out_);
  }

 private:
  struct Common {
    const NamespaceSource* space;
    const CommonSource* source;
    const Type* type = nullptr;
    bool open = false;  // being resolved
  };

  static std::string full(const NamespaceSource& space, std::string_view name) {
    return space.name.empty() ? std::string(name) : space.name + "::" + std::string(name);
  }
  static Error bad(std::string message) { return Error(Code::Malformed, std::move(message)); }

  const Type* keep(Type type) {
    out_.types_.push_back(std::make_unique<const Type>(std::move(type)));
    return out_.types_.back().get();
  }

  static Result<void> check_length(const std::string& name) {
    if (name.size() <= kMaxTypeName) return {};
    return Error(Code::Exhausted, "the name `" + printable(name, 60) + "` is longer than " +
                                      std::to_string(kMaxTypeName) + " bytes");
  }

  // One more that something can be in.
  Result<void> one_above() {
    if (++ancestors_ <= kMaxSchemaAncestors) return {};
    return Error(Code::Exhausted, "the schema's types and actions are in more than " +
                                      std::to_string(kMaxSchemaAncestors) + " others together");
  }

  Result<void> declare() {
    constexpr std::array<std::string_view, 8> kTaken = {"Bool", "Boolean", "Entity", "Extension",
                                                        "Long", "Record",  "Set",    "String"};
    for (const NamespaceSource& space : source_.namespaces) {
      TRY(check_length(space.name));
      if (!space.name.empty() && !is_name(space.name)) {
        return bad("`" + printable(space.name) + "` cannot be the name of a namespace");
      }
      for (const CommonSource& common : space.commons) {
        fault_ = common.position;
        if (!is_identifier(common.name) || is_reserved(common.name) ||
            std::find(kTaken.begin(), kTaken.end(), common.name) != kTaken.end()) {
          return bad("`" + printable(common.name) + "` cannot be the name of a common type");
        }
        TRY(check_length(common.name));
        if (!commons_.emplace(full(space, common.name), Common{&space, &common}).second) {
          return bad("the type `" + full(space, common.name) + "` is declared twice");
        }
      }
      for (const EntitySource& entity : space.entities) {
        fault_ = entity.position;
        if (!is_identifier(entity.name) || is_reserved(entity.name) || entity.name == "Action") {
          return bad("`" + printable(entity.name) + "` cannot be the name of an entity type");
        }
        EntityType type;
        TRY(check_length(entity.name));
        type.name = full(space, entity.name);
        TRY(check_length(type.name));
        type.is_enum = entity.is_enum;
        type.ids.insert(entity.ids.begin(), entity.ids.end());
        type.attributes = empty_record_;
        if (!out_.entities_.emplace(type.name, type).second) {
          return bad("the entity type `" + type.name + "` is declared twice");
        }
      }
      for (const ActionSource& action : space.actions) {
        fault_ = action.position;
        const EntityUid uid = EntityUid::make(full(space, "Action"), action.id);
        if (!out_.actions_.emplace(uid, ActionType{uid, {}, {}, {}, {}, empty_record_}).second) {
          return bad("the action `" + printable(uid.text()) + "` is declared twice");
        }
      }
    }
    return {};
  }

  // A name of the empty namespace may not be declared again in another one.
  Result<void> check_shadowing() {
    for (const NamespaceSource& space : source_.namespaces) {
      if (space.name.empty()) continue;
      const auto taken = [&](const std::string& name) {
        return commons_.contains(name) || out_.entities_.contains(name);
      };
      const auto refuse = [&](const std::string& name) {
        return bad("`" + full(space, name) + "` shadows `" + name +
                   "`: rename one of them or move `" + name + "` into a namespace");
      };
      for (const CommonSource& common : space.commons) {
        fault_ = common.position;
        if (taken(common.name)) return refuse(common.name);
      }
      for (const EntitySource& entity : space.entities) {
        fault_ = entity.position;
        if (taken(entity.name)) return refuse(entity.name);
      }
      for (const ActionSource& action : space.actions) {
        fault_ = action.position;
        if (out_.actions_.contains(EntityUid::make("Action", action.id))) {
          return bad("the action `" + printable(action.id, 60) + "` of `" + space.name +
                     "` shadows the one without a namespace");
        }
      }
    }
    return {};
  }

  // The declared names that `name` can mean, best first.
  static std::vector<std::string> candidates(const NamespaceSource& space,
                                             const std::string& name) {
    if (name.find("::") != std::string::npos || space.name.empty()) return {name};
    return {space.name + "::" + name, name};
  }

  Result<std::string> entity_name(const NamespaceSource& space, const std::string& name) {
    for (std::string& candidate : candidates(space, name)) {
      if (out_.entities_.contains(candidate)) return std::move(candidate);
    }
    std::vector<std::string_view> known;
    for (const auto& entry : out_.entities_) known.push_back(entry.first);
    return bad("there is no entity type `" + printable(name) + "`" + did_you_mean(name, known));
  }

  Result<const Type*> common_type(const std::string& name) {
    Common& common = commons_.at(name);
    if (common.type != nullptr) return common.type;
    if (common.open) return bad("the type `" + name + "` is defined by itself");
    common.open = true;
    fault_ = common.source->position;
    auto type = resolve(*common.space, common.source->type);
    if (!type) return std::move(type).error().context("type `" + name + "`");
    common.open = false;
    common.type = *type;
    return common.type;
  }

  const Type* entity_reference(const std::string& name) {
    Type type;
    type.tag = Type::Tag::Entity;
    type.entity = name;
    return keep(std::move(type));
  }

  Result<const Type*> resolve(const NamespaceSource& space, const TypeSource& source) {
    if (level_ >= kMaxNesting) {
      return Error(Code::Exhausted,
                   "types are nested more than " + std::to_string(kMaxNesting) + " levels deep");
    }
    ++level_;
    auto out = resolve_inner(space, source);
    --level_;
    if (out && (*out)->depth > kMaxNesting) {
      return Error(Code::Exhausted,
                   "types are nested more than " + std::to_string(kMaxNesting) + " levels deep");
    }
    return out;
  }

  Result<const Type*> resolve_inner(const NamespaceSource& space, const TypeSource& source) {
    constexpr std::string_view kCedar = "__cedar::";
    switch (source.form) {
      case TypeSource::Form::Set: {
        Type type;
        type.tag = Type::Tag::Set;
        type.element = TRY(resolve(space, source.element.front()));
        type.depth = type.element->depth + 1;
        return keep(std::move(type));
      }
      case TypeSource::Form::Record: {
        Type type;
        type.tag = Type::Tag::Record;
        for (const AttributeSource& attribute : source.attributes) {
          auto inner = resolve(space, attribute.type.front());
          if (!inner) {
            return std::move(inner).error().context("attribute `" + printable(attribute.name, 60) +
                                                    "`");
          }
          type.depth = std::max(type.depth, (*inner)->depth + 1);
          type.attributes.push_back({attribute.name, *inner, attribute.required});
        }
        std::sort(type.attributes.begin(), type.attributes.end(),
                  [](const AttributeType& a, const AttributeType& b) { return a.name < b.name; });
        return keep(std::move(type));
      }
      case TypeSource::Form::Primitive: return builtin_.at(source.name);
      case TypeSource::Form::Extension: {
        std::string_view name = source.name;
        if (name.starts_with(kCedar)) name.remove_prefix(kCedar.size());
        const auto found = builtin_.find(name);
        if (found == builtin_.end() || found->second->tag < Type::Tag::Ip) {
          return bad("there is no extension type `" + printable(source.name) + "`");
        }
        return found->second;
      }
      case TypeSource::Form::Entity: return entity_reference(TRY(entity_name(space, source.name)));
      case TypeSource::Form::Common:
      case TypeSource::Form::Name: break;
    }
    const bool only_common = source.form == TypeSource::Form::Common;
    for (const std::string& candidate : candidates(space, source.name)) {
      if (commons_.contains(candidate)) return common_type(candidate);
      if (!only_common && out_.entities_.contains(candidate)) return entity_reference(candidate);
    }
    if (!only_common || source.name.starts_with(kCedar)) {
      std::string_view name = source.name;
      if (name.starts_with(kCedar)) name.remove_prefix(kCedar.size());
      const auto found = builtin_.find(name);
      if (found != builtin_.end()) return found->second;
    }
    fault_ = source.position;
    std::vector<std::string_view> known;
    for (const auto& entry : builtin_) known.push_back(entry.first);
    for (const auto& entry : commons_) known.push_back(entry.first);
    if (!only_common) {
      for (const auto& entry : out_.entities_) known.push_back(entry.first);
    }
    return bad("there is no type `" + printable(source.name) + "`" +
               did_you_mean(source.name, known));
  }

  Result<const Type*> record(const NamespaceSource& space, const TypeSource& source,
                             const char* what) {
    const Type* type = TRY(resolve(space, source));
    if (type->tag != Type::Tag::Record) return bad(std::string(what) + " must be a record");
    return type;
  }

  Result<void> fill_entity(const NamespaceSource& space, const EntitySource& source) {
    EntityType& type = out_.entities_.at(full(space, source.name));
    for (const std::string& parent : source.parents) {
      type.ancestors.insert(TRY(entity_name(space, parent)));
    }
    if (source.shape) type.attributes = TRY(record(space, *source.shape, "the attributes"));
    if (source.tags) type.tags = TRY(resolve(space, *source.tags));
    return {};
  }

  Result<void> fill_action(const NamespaceSource& space, const ActionSource& source) {
    const EntityUid uid = EntityUid::make(full(space, "Action"), source.id);
    ActionType& action = out_.actions_.find(uid)->second;
    for (const ActionRefSource& parent : source.parents) {
      std::vector<EntityUid> options;
      if (parent.type.empty()) {
        options.push_back(EntityUid::make(full(space, "Action"), parent.id));
        options.push_back(EntityUid::make("Action", parent.id));
      } else {
        for (const std::string& type : candidates(space, parent.type)) {
          options.push_back(EntityUid::make(type, parent.id));
        }
      }
      const auto found = std::find_if(options.begin(), options.end(), [&](const EntityUid& option) {
        return out_.actions_.contains(option);
      });
      if (found == options.end()) {
        std::vector<std::string_view> known;
        for (const auto& entry : out_.actions_) known.push_back(entry.first.id());
        return bad("there is no action `" + printable(options.front().text()) + "`" +
                   did_you_mean(parent.id, known));
      }
      action.parents.push_back(*found);
      action.ancestors.insert(*found);
    }
    if (!source.applies) return {};
    for (const std::string& name : source.principals) {
      action.principals.push_back(TRY(entity_name(space, name)));
    }
    for (const std::string& name : source.resources) {
      action.resources.push_back(TRY(entity_name(space, name)));
    }
    if (source.context) action.context = TRY(record(space, *source.context, "the context"));
    return {};
  }

  // Types may contain each other in rings; the closure is by repeated search.
  Result<void> close_entities() {
    for (auto& [name, type] : out_.entities_) {
      (void)name;
      std::vector<std::string> open(type.ancestors.begin(), type.ancestors.end());
      while (!open.empty()) {
        const std::string next = std::move(open.back());
        open.pop_back();
        for (const std::string& above : direct_parents(next)) {
          if (!type.ancestors.insert(above).second) continue;
          TRY(one_above());
          open.push_back(above);
        }
      }
    }
    return {};
  }

  const std::set<std::string, std::less<>>& direct_parents(const std::string& name) {
    return out_.entities_.at(name).ancestors;
  }

  Result<void> close_actions() {
    for (auto& [uid, action] : out_.actions_) {
      std::vector<EntityUid> open = action.parents;
      while (!open.empty()) {
        const EntityUid next = open.back();
        open.pop_back();
        if (next == uid) return bad("the action `" + printable(uid.text()) + "` contains itself");
        for (const EntityUid& above : out_.actions_.find(next)->second.parents) {
          if (!action.ancestors.insert(above).second) continue;
          TRY(one_above());
          open.push_back(above);
        }
      }
    }
    return {};
  }

  const SchemaSource& source_;
  Schema out_;
  std::map<std::string, Common, std::less<>> commons_;
  std::map<std::string, const Type*, std::less<>> builtin_;
  const Type* empty_record_ = nullptr;
  std::size_t level_ = 0;
  std::size_t ancestors_ = 0;
  Position fault_;  // of the declaration at hand, or of the name in it
};

Result<Schema> Schema::parse(std::string_view text) {
  const SchemaSource source = TRY(read_schema_text(text));
  SchemaResolver resolver(source);
  auto schema = resolver.resolve();
  if (schema || resolver.fault().line == 0) return schema;
  return Error(schema.error().code(),
               error_in(text, resolver.fault(), schema.error().message()).message());
}

Result<Schema> Schema::parse_json(std::string_view text) {
  const SchemaSource source = TRY(read_schema_json(text));
  return SchemaResolver(source).resolve();
}

const EntityType* Schema::entity_type(std::string_view name) const {
  const auto found = entities_.find(name);
  return found == entities_.end() ? nullptr : &found->second;
}

const ActionType* Schema::action(const EntityUid& uid) const {
  const auto found = actions_.find(uid);
  return found == actions_.end() ? nullptr : &found->second;
}

}  // namespace writ::policy
