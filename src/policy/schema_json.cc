// The JSON form of schemas: {namespace: {commonTypes, entityTypes, actions, annotations}}.

#include <algorithm>
#include <initializer_list>

#include "base/bytes.h"
#include "policy/limits.h"
#include "policy/schema_source.h"
#include "policy/value_json_internal.h"

namespace writ::policy {

namespace {

Error bad(std::string message) {
  return Error(Code::Malformed, std::move(message));
}

Result<void> only(const json::Value& object, std::initializer_list<std::string_view> keys,
                  const char* what) {
  if (object.as_object() == nullptr) {
    return bad(std::string("expected ") + what + ", an object, found " +
               std::string(object.type_name()));
  }
  for (const json::Member& member : *object.as_object()) {
    if (std::find(keys.begin(), keys.end(), member.name) == keys.end()) {
      return bad(std::string(what) + " has no `" + printable(member.name, 60) + "`");
    }
  }
  return {};
}

// An optional member of an action: null counts as absent there, and nowhere else.
const json::Value* optional(const json::Value& object, std::string_view name) {
  const json::Value* found = object.find(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

Result<std::string> text(const json::Value* json, const char* what) {
  if (json == nullptr || json->as_string() == nullptr) {
    return bad(std::string(what) + " must be a string");
  }
  return *json->as_string();
}

// Reads one schema, counting what it declares.
class Reader {
 public:
  Result<std::vector<std::string>> names(const json::Value* json, const char* what) {
    std::vector<std::string> out;
    if (json == nullptr) return out;
    if (json->as_array() == nullptr) return bad(std::string(what) + " must be a list");
    for (const json::Value& item : *json->as_array()) {
      TRY(parts_.add());
      out.push_back(TRY(text(&item, what)));
    }
    return out;
  }

  Result<std::vector<Annotation>> annotations(const json::Value& object) {
    std::vector<Annotation> out;
    const json::Value* found = object.find("annotations");
    if (found == nullptr) return out;
    if (found->as_object() == nullptr) return bad("`annotations` must be an object");
    for (const json::Member& member : *found->as_object()) {
      if (!is_identifier(member.name)) {
        return bad("`" + printable(member.name, 60) + "` is no name of an annotation");
      }
      TRY(parts_.add());
      Annotation made{member.name, std::nullopt};
      if (!member.value.is_null()) made.value = TRY(text(&member.value, "an annotation"));
      out.push_back(std::move(made));
    }
    return out;
  }

  Result<std::vector<AttributeSource>> attributes_from(const json::Value& json) {
    std::vector<AttributeSource> out;
    if (json.as_object() == nullptr) return bad("`attributes` must be an object");
    for (const json::Member& member : *json.as_object()) {
      TRY(parts_.add());
      AttributeSource attribute;
      attribute.name = member.name;
      if (const json::Value* required = member.value.find("required")) {
        if (!required->as_bool()) return bad("`required` must be true or false");
        attribute.required = *required->as_bool();
      }
      auto type = type_from(member.value);
      if (!type) {
        return std::move(type).error().context("attribute `" + printable(member.name, 60) + "`");
      }
      attribute.annotations = TRY(annotations(member.value));
      attribute.type.push_back(std::move(type).value());
      out.push_back(std::move(attribute));
    }
    return out;
  }

  // The members `required` and `annotations` are an attribute's and read there.
  Result<TypeSource> type_from(const json::Value& json) {
    TRY(parts_.add());
    TypeSource out;
    const std::string kind = TRY(text(json.find("type"), "`type`"));
    if (kind == "Set") {
      TRY(only(json, {"type", "element", "required", "annotations"}, "a set type"));
      const json::Value* element = json.find("element");
      if (element == nullptr) return bad("a set type needs `element`");
      out.form = TypeSource::Form::Set;
      out.element.push_back(TRY(type_from(*element)));
      return out;
    }
    if (kind == "Record") {
      TRY(only(json, {"type", "attributes", "additionalAttributes", "required", "annotations"},
               "a record type"));
      out.form = TypeSource::Form::Record;
      if (const json::Value* more = json.find("additionalAttributes")) {
        if (more->as_bool() != false) return bad("`additionalAttributes` is not supported");
      }
      const json::Value* attributes = json.find("attributes");
      if (attributes == nullptr) return bad("a record type needs `attributes`");
      out.attributes = TRY(attributes_from(*attributes));
      return out;
    }
    if (kind == "Entity" || kind == "Extension" || kind == "EntityOrCommon") {
      TRY(only(json, {"type", "name", "required", "annotations"}, "a named type"));
      out.form = kind == "Entity"      ? TypeSource::Form::Entity
                 : kind == "Extension" ? TypeSource::Form::Extension
                                       : TypeSource::Form::Name;
      out.name = TRY(text(json.find("name"), "`name`"));
      return out;
    }
    TRY(only(json, {"type", "required", "annotations"}, "a type"));
    const bool primitive =
        kind == "Long" || kind == "String" || kind == "Boolean" || kind == "Bool";
    out.form = primitive ? TypeSource::Form::Primitive : TypeSource::Form::Common;
    out.name = kind;
    return out;
  }

  Result<EntitySource> entity_from(const std::string& name, const json::Value& json) {
    TRY(parts_.add());
    EntitySource out;
    out.name = name;
    out.annotations = TRY(annotations(json));
    if (json.find("enum") != nullptr) {
      TRY(only(json, {"enum", "annotations"}, "an enumerated entity type"));
      out.is_enum = true;
      out.ids = TRY(names(json.find("enum"), "`enum`"));
      if (out.ids.empty()) return bad("`enum` cannot be empty");
      return out;
    }
    TRY(only(json, {"memberOfTypes", "shape", "tags", "annotations"}, "an entity type"));
    out.parents = TRY(names(json.find("memberOfTypes"), "`memberOfTypes`"));
    if (const json::Value* shape = json.find("shape")) out.shape = TRY(type_from(*shape));
    if (const json::Value* tags = json.find("tags")) out.tags = TRY(type_from(*tags));
    return out;
  }

  Result<ActionSource> action_from(const std::string& id, const json::Value& json) {
    TRY(only(json, {"memberOf", "appliesTo", "attributes", "annotations"}, "an action"));
    TRY(parts_.add());
    ActionSource out;
    out.id = id;
    out.annotations = TRY(annotations(json));
    if (const json::Value* attributes = optional(json, "attributes")) {
      if (attributes->as_object() == nullptr || !attributes->as_object()->empty()) {
        return bad("actions with attributes are not supported");
      }
    }
    if (const json::Value* parents = optional(json, "memberOf")) {
      if (parents->as_array() == nullptr) return bad("`memberOf` must be a list");
      for (const json::Value& parent : *parents->as_array()) {
        TRY(only(parent, {"id", "type"}, "a member of `memberOf`"));
        TRY(parts_.add());
        ActionRefSource ref;
        ref.id = TRY(text(parent.find("id"), "`id`"));
        if (const json::Value* type = optional(parent, "type"))
          ref.type = TRY(text(type, "`type`"));
        out.parents.push_back(std::move(ref));
      }
    }
    if (const json::Value* applies = optional(json, "appliesTo")) {
      TRY(only(*applies, {"principalTypes", "resourceTypes", "context"}, "`appliesTo`"));
      if (applies->find("principalTypes") == nullptr || applies->find("resourceTypes") == nullptr) {
        return bad("`appliesTo` needs both `principalTypes` and `resourceTypes`");
      }
      out.applies = true;
      out.principals = TRY(names(applies->find("principalTypes"), "`principalTypes`"));
      out.resources = TRY(names(applies->find("resourceTypes"), "`resourceTypes`"));
      if (const json::Value* context = applies->find("context")) {
        out.context = TRY(type_from(*context));
      }
    }
    return out;
  }

  Result<NamespaceSource> namespace_from(const std::string& name, const json::Value& json) {
    TRY(only(json, {"commonTypes", "entityTypes", "actions", "annotations"}, "a namespace"));
    TRY(parts_.add());
    NamespaceSource out;
    out.name = name;
    out.annotations = TRY(annotations(json));
    if (const json::Value* commons = json.find("commonTypes")) {
      if (commons->as_object() == nullptr) return bad("`commonTypes` must be an object");
      for (const json::Member& member : *commons->as_object()) {
        auto type = type_from(member.value);
        if (!type) {
          return std::move(type).error().context("type `" + printable(member.name, 60) + "`");
        }
        CommonSource common{member.name, std::move(type).value(), {}, {}};
        common.annotations = TRY(annotations(member.value));
        out.commons.push_back(std::move(common));
      }
    }
    const json::Value* entities = json.find("entityTypes");
    const json::Value* actions = json.find("actions");
    if (entities == nullptr || entities->as_object() == nullptr || actions == nullptr ||
        actions->as_object() == nullptr) {
      return bad("a namespace needs `entityTypes` and `actions`, both objects");
    }
    for (const json::Member& member : *entities->as_object()) {
      auto entity = entity_from(member.name, member.value);
      if (!entity) {
        return std::move(entity).error().context("entity `" + printable(member.name, 60) + "`");
      }
      out.entities.push_back(std::move(entity).value());
    }
    for (const json::Member& member : *actions->as_object()) {
      auto action = action_from(member.name, member.value);
      if (!action) {
        return std::move(action).error().context("action `" + printable(member.name, 60) + "`");
      }
      out.actions.push_back(std::move(action).value());
    }
    return out;
  }

 private:
  SchemaParts parts_;
};

}  // namespace

Result<SchemaSource> read_schema_json(std::string_view text_of_schema) {
  const json::Value json =
      TRY(json::read(text_of_schema, json_limits(kMaxPolicyText, kMaxSchemaJsonValues)));
  if (json.as_object() == nullptr) return bad("a schema must be a JSON object");
  SchemaSource out;
  Reader reader;
  for (const json::Member& member : *json.as_object()) {
    auto space = reader.namespace_from(member.name, member.value);
    if (!space) {
      return std::move(space).error().context("namespace `" + printable(member.name, 60) + "`");
    }
    out.namespaces.push_back(std::move(space).value());
  }
  return out;
}

}  // namespace writ::policy
