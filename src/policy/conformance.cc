// Entities, contexts and requests against a schema: reading guided by types, and checking.

#include <algorithm>

#include "base/bytes.h"
#include "policy/evaluator.h"
#include "policy/limits.h"
#include "policy/schema.h"
#include "policy/value_json_internal.h"

namespace writ::policy {

namespace {

Error bad(std::string message) {
  return Error(Code::Malformed, std::move(message));
}

Error mismatch(const Type& type, ValueRef value) {
  return bad("expected " + type_text(type) + ", got `" + printable(to_text(value), 120) + "`");
}

std::optional<Function> constructor_of(Type::Tag tag) {
  switch (tag) {
    case Type::Tag::Ip: return Function::Ip;
    case Type::Tag::Decimal: return Function::Decimal;
    case Type::Tag::Datetime: return Function::Datetime;
    case Type::Tag::Duration: return Function::Duration;
    default: return std::nullopt;
  }
}

// What the type allows to be left out is filled in; everything else is read as without a schema
// and left to check_value.
Result<Value> typed_value(const json::Value& json, const Type& type) {
  const json::Value* extension = json.find("__extn");
  const bool entity = json.find("__entity") != nullptr;
  const bool expression = json.find("__expr") != nullptr;
  const bool escaped = entity || expression || extension != nullptr;
  const bool plain = !escaped && json.as_object() != nullptr;
  // Where a type asks for it, an escape counts also with other keys beside it.
  if (type.tag == Type::Tag::Entity && !expression && (entity || plain)) {
    return Value::entity(TRY(uid_from(json, "an entity")));
  }
  if (const auto function = constructor_of(type.tag); function && !expression) {
    if (const std::string* text = json.as_string()) {
      const Value argument = Value::string(*text);
      const ValueRef ref = argument.ref();
      return call_function(*function, {&ref, 1});
    }
    if (extension != nullptr) return extension_from(*extension);
    if (plain) return extension_from(json);
  }
  if (type.tag == Type::Tag::Set && json.as_array() != nullptr) {
    std::vector<Value> elements;
    for (const json::Value& item : *json.as_array()) {
      elements.push_back(TRY(typed_value(item, *type.element)));
    }
    return Value::set(std::move(elements));
  }
  if (type.tag == Type::Tag::Record && plain) {
    std::vector<Field> fields;
    for (const json::Member& member : *json.as_object()) {
      const AttributeType* attribute = type.attribute(member.name);
      if (attribute == nullptr) {
        return bad("the attribute `" + printable(member.name, 60) + "` is not in the schema");
      }
      auto value = typed_value(member.value, *attribute->type);
      if (!value) {
        return std::move(value).error().context("attribute `" + printable(member.name, 60) + "`");
      }
      fields.push_back({member.name, std::move(value).value()});
    }
    return Value::record(std::move(fields));
  }
  return value_from(json);
}

}  // namespace

Result<void> Schema::check_uid(const EntityUid& uid) const {
  if (is_action_type(uid.type())) {
    if (actions_.contains(uid)) return {};
    return bad("the action `" + printable(uid.text()) + "` is not in the schema");
  }
  const EntityType* type = entity_type(uid.type());
  if (type == nullptr) {
    return bad("the entity type `" + printable(uid.type()) + "` is not in the schema");
  }
  if (type->is_enum && !type->ids.contains(uid.id())) {
    return bad("`" + printable(uid.text()) + "` is not one of the ids of its enumerated type");
  }
  return {};
}

Result<void> Schema::check_value(ValueRef value, const Type& type) const {
  const auto kind_is = [&](Kind kind) -> Result<void> {
    if (value.kind() == kind) return {};
    return mismatch(type, value);
  };
  switch (type.tag) {
    case Type::Tag::Never: return mismatch(type, value);
    case Type::Tag::True:
    case Type::Tag::False:
    case Type::Tag::Bool: return kind_is(Kind::Bool);
    case Type::Tag::Long: return kind_is(Kind::Long);
    case Type::Tag::String: return kind_is(Kind::String);
    case Type::Tag::Ip: return kind_is(Kind::Ip);
    case Type::Tag::Decimal: return kind_is(Kind::Decimal);
    case Type::Tag::Datetime: return kind_is(Kind::Datetime);
    case Type::Tag::Duration: return kind_is(Kind::Duration);
    case Type::Tag::Entity:
      if (value.kind() != Kind::Entity || value.as_entity().type() != type.entity) {
        return mismatch(type, value);
      }
      return check_uid(value.as_entity());
    case Type::Tag::Set:
      TRY(kind_is(Kind::Set));
      for (const Value& element : value.elements()) TRY(check_value(element, *type.element));
      return {};
    case Type::Tag::Record:
      TRY(kind_is(Kind::Record));
      for (const AttributeType& attribute : type.attributes) {
        if (attribute.required && !value.find(attribute.name)) {
          return bad("the attribute `" + printable(attribute.name, 60) + "` is missing");
        }
      }
      for (const Field& field : value.fields()) {
        const AttributeType* attribute = type.attribute(field.name);
        if (attribute == nullptr) {
          return bad("the attribute `" + printable(field.name, 60) + "` is not in the schema");
        }
        auto checked = check_value(field.value, *attribute->type);
        if (!checked) {
          return std::move(checked).error().context("attribute `" + printable(field.name, 60) +
                                                    "`");
        }
      }
      return {};
  }
  return mismatch(type, value);
}

// Attributes and tags.
Result<void> Schema::check_contents(const Entity& entity, const EntityType& type) const {
  TRY(check_value(entity.attrs.ref(), *type.attributes));
  for (const Field& tag : entity.tags.ref().fields()) {
    if (type.tags == nullptr) return bad("entities of type `" + type.name + "` have no tags");
    auto checked = check_value(tag.value, *type.tags);
    if (!checked)
      return std::move(checked).error().context("tag `" + printable(tag.name, 60) + "`");
  }
  return {};
}

// What it is below; for an action of the schema, that it is that one.
Result<void> Schema::check_ancestors(const Entity& entity, const Entities& entities) const {
  const EntityUid& uid = entity.uid;
  if (const ActionType* schema_action = action(uid)) {
    bool same = entity.attrs.ref().fields().empty() && entity.tags.ref().fields().empty();
    for (const EntityUid& above : entities.ancestors(uid)) {
      same = same && schema_action->ancestors.contains(above);
    }
    if (!same || entities.ancestors(uid).size() != schema_action->ancestors.size()) {
      return bad("the action `" + printable(uid.text()) +
                 "` is not the one of the schema (it may simply be left out)");
    }
    return {};
  }
  const EntityType& type = *entity_type(uid.type());
  for (const EntityUid& above : entities.ancestors(uid)) {
    TRY(check_uid(above));
    if (!type.ancestors.contains(above.type())) {
      return bad("an entity of type `" + type.name + "` cannot be in one of type `" +
                 printable(above.type()) + "`");
    }
  }
  return {};
}

// An entity of the text, as its type reads it.
Result<Entity> Schema::entity_from(const json::Value& item) const {
  const json::Value* uid_json = item.find("uid");
  if (uid_json == nullptr) return bad("an entity lacks `uid`");
  const EntityUid uid = TRY(uid_from(*uid_json, "`uid`"));
  auto entity = [&]() -> Result<Entity> {
    TRY(check_uid(uid));
    const json::Value* attrs = item.find("attrs");
    const json::Value* parents = item.find("parents");
    if (attrs == nullptr || parents == nullptr || parents->as_array() == nullptr) {
      return bad("needs `attrs`, an object, and `parents`, a list");
    }
    const EntityType* type = entity_type(uid.type());
    Entity out{uid};
    if (type == nullptr) {
      out.attrs = TRY(record_from(*attrs));
    } else {
      if (attrs->as_object() == nullptr) return bad("`attrs` must be an object");
      out.attrs = TRY(typed_value(*attrs, *type->attributes));
      if (out.attrs.kind() != Kind::Record) return bad("`attrs` must be a record");
    }
    for (const json::Value& parent : *parents->as_array()) {
      out.parents.push_back(TRY(uid_from(parent, "`parents`")));
    }
    if (const json::Value* tags = item.find("tags")) {
      if (tags->as_object() == nullptr) return bad("`tags` must be an object");
      std::vector<Field> fields;
      for (const json::Member& tag : *tags->as_object()) {
        if (type == nullptr || type->tags == nullptr) {
          return bad("entities of type `" + std::string(uid.type()) + "` have no tags");
        }
        Value value = TRY(typed_value(tag.value, *type->tags));
        fields.push_back({tag.name, std::move(value)});
      }
      out.tags = Value::record(std::move(fields));
    }
    if (type != nullptr) TRY(check_contents(out, *type));
    return out;
  }();
  if (!entity) {
    return std::move(entity).error().context("entity `" + printable(uid.text(), 120) + "`");
  }
  return entity;
}

Result<void> Schema::check_entities(const json::More& more) const {
  return each_item(more, [&](const json::Value& item) -> Result<void> {
    (void)TRY(entity_from(item));
    return {};
  });
}

Result<Entities> Schema::parse_entities(std::string_view text) const {
  return parse_entities(json::whole(text));
}

Result<Entities> Schema::parse_entities(const json::More& more) const {
  EntitiesBuilder builder;
  const auto add = [&](const json::Value& item) -> Result<void> {
    return builder.add(TRY(entity_from(item)));
  };
  TRY(each_item(more, add));
  const Entities given = TRY(std::move(builder).build());
  EntitiesBuilder whole;
  for (const Entity* entity : given.all()) {
    auto checked = check_ancestors(*entity, given);
    if (!checked) {
      return std::move(checked).error().context("entity `" + printable(entity->uid.text(), 120) +
                                                "`");
    }
    if (!is_action_type(entity->uid.type())) TRY(whole.add(*entity));
  }
  for (const auto& [uid, action_type] : actions_) {
    TRY(whole.add({uid, Value::record({}), action_type.parents}));
  }
  return std::move(whole).build();
}

Result<Value> Schema::parse_context(const EntityUid& action_uid, std::string_view text) const {
  const ActionType* action_type = action(action_uid);
  if (action_type == nullptr) {
    return bad("the action `" + printable(action_uid.text()) + "` is not in the schema");
  }
  const json::Value json = TRY(json::read(text, json_limits(kMaxEntitiesText)));
  auto value = typed_value(json, *action_type->context);
  if (!value) return std::move(value).error().context("context");
  auto checked = check_value(*value, *action_type->context);
  if (!checked) return std::move(checked).error().context("context");
  return value;
}

Result<void> Schema::check_request(const Request& request) const {
  for (const EntityUid* uid : {&request.principal, &request.resource}) {
    if (entity_type(uid->type()) == nullptr) {
      return bad("the entity type `" + printable(uid->type()) + "` is not in the schema");
    }
    TRY(check_uid(*uid));
  }
  const ActionType* action_type = action(request.action);
  if (action_type == nullptr) {
    return bad("the action `" + printable(request.action.text()) + "` is not in the schema");
  }
  const auto applies = [&](const std::vector<std::string>& types, const EntityUid& uid,
                           const char* what) -> Result<void> {
    if (std::find(types.begin(), types.end(), uid.type()) != types.end()) return {};
    return bad(std::string("the ") + what + " type `" + printable(uid.type()) +
               "` is not one that `" + printable(request.action.text()) + "` applies to");
  };
  TRY(applies(action_type->principals, request.principal, "principal"));
  TRY(applies(action_type->resources, request.resource, "resource"));
  auto checked = check_value(request.context, *action_type->context);
  if (!checked) return std::move(checked).error().context("context");
  return {};
}

}  // namespace writ::policy
