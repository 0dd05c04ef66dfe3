#include "policy/schema_forms.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "policy/format.h"
#include "policy/schema.h"
#include "policy/schema_source.h"

namespace writ::policy {

namespace {

// --- to JSON ---

// In schemas an annotation without a value is one with an empty value.
void set_annotations(const std::vector<Annotation>& annotations, json::Value& out) {
  if (annotations.empty()) return;
  json::Value::Object made;  // no name stands twice: the schema resolves
  for (const Annotation& annotation : annotations) {
    made.push_back({annotation.key, annotation.value.value_or("")});
  }
  out.set("annotations", std::move(made));
}

json::Value list_json(const std::vector<std::string>& items) {
  json::Value out = json::Value::array();
  for (const std::string& item : items) out.push(item);
  return out;
}

json::Value type_json(const TypeSource& type) {
  json::Value out = json::Value::object();
  switch (type.form) {
    case TypeSource::Form::Set:
      return std::move(out.set("type", "Set").set("element", type_json(type.element.front())));
    case TypeSource::Form::Record: {
      json::Value::Object attributes;
      for (const AttributeSource& attribute : type.attributes) {
        json::Value made = type_json(attribute.type.front());
        if (!attribute.required) made.set("required", false);
        set_annotations(attribute.annotations, made);
        attributes.push_back({attribute.name, std::move(made)});
      }
      return std::move(out.set("type", "Record").set("attributes", std::move(attributes)));
    }
    default: return std::move(out.set("type", "EntityOrCommon").set("name", type.name));
  }
}

json::Value entity_json(const EntitySource& entity) {
  json::Value out = json::Value::object();
  if (entity.is_enum) {
    out.set("enum", list_json(entity.ids));
  } else {
    if (!entity.parents.empty()) out.set("memberOfTypes", list_json(entity.parents));
    if (entity.shape) out.set("shape", type_json(*entity.shape));
    if (entity.tags) out.set("tags", type_json(*entity.tags));
  }
  set_annotations(entity.annotations, out);
  return out;
}

json::Value action_json(const ActionSource& action) {
  json::Value applies = json::Value::object();
  applies.set("principalTypes", list_json(action.principals))
      .set("resourceTypes", list_json(action.resources));
  // A context without attributes is what an action has anyway.
  const bool empty = action.context && action.context->form == TypeSource::Form::Record &&
                     action.context->attributes.empty();
  if (action.context && !empty) applies.set("context", type_json(*action.context));
  json::Value out = json::Value::object();
  out.set("appliesTo", std::move(applies));
  if (!action.parents.empty()) {
    json::Value parents = json::Value::array();
    for (const ActionRefSource& parent : action.parents) {
      json::Value made = json::Value::object();
      made.set("id", parent.id);
      if (!parent.type.empty()) made.set("type", parent.type);
      parents.push(std::move(made));
    }
    out.set("memberOf", std::move(parents));
  }
  set_annotations(action.annotations, out);
  return out;
}

json::Value namespace_json(const NamespaceSource& space) {
  json::Value out = json::Value::object();
  if (!space.commons.empty()) {
    json::Value::Object commons;
    for (const CommonSource& common : space.commons) {
      json::Value made = type_json(common.type);
      set_annotations(common.annotations, made);
      commons.push_back({common.name, std::move(made)});
    }
    out.set("commonTypes", std::move(commons));
  }
  json::Value::Object entities;
  for (const EntitySource& entity : space.entities) {
    entities.push_back({entity.name, entity_json(entity)});
  }
  json::Value::Object actions;
  for (const ActionSource& action : space.actions) {
    actions.push_back({action.id, action_json(action)});
  }
  out.set("entityTypes", std::move(entities)).set("actions", std::move(actions));
  set_annotations(space.annotations, out);
  return out;
}

// --- to text ---

Error cannot_say(const std::string& what) {
  return Error(Code::InvalidArgument, "the human form cannot say " + what);
}

std::string name_text(const std::string& name) {
  return is_identifier(name) && !is_reserved(name) ? name : quoted(name);
}

// Writes one schema; format.h makes lines of it.
class TextWriter {
 public:
  explicit TextWriter(const SchemaSource& source) : source_(source) {
    for (const NamespaceSource& space : source.namespaces) {
      for (const CommonSource& common : space.commons) commons_.insert(full(space, common.name));
      for (const EntitySource& entity : space.entities) entities_.insert(full(space, entity.name));
    }
  }

  Result<std::string> write() {
    for (const NamespaceSource& space : source_.namespaces) {
      if (space.name.empty()) {
        if (!space.annotations.empty()) {
          return cannot_say("annotations of the namespace without a name");
        }
        TRY(declarations(space));
        continue;
      }
      annotations(space.annotations);
      out_ += "namespace " + space.name + " {\n";
      TRY(declarations(space));
      out_ += "}\n\n";
    }
    return std::move(out_);
  }

 private:
  static std::string full(const NamespaceSource& space, const std::string& name) {
    return space.name.empty() ? name : space.name + "::" + name;
  }

  Result<void> declarations(const NamespaceSource& space) {
    space_ = &space;
    const auto gap = [&](bool wanted) {
      if (wanted && !out_.empty() && !out_.ends_with("{\n")) out_ += '\n';
    };
    for (const CommonSource& common : space.commons) {
      annotations(common.annotations);
      out_ += "type " + common.name + " = ";
      TRY(type(common.type));
      out_ += ";\n";
    }
    gap(!space.entities.empty());
    for (const EntitySource& made : space.entities) TRY(entity(made));
    gap(!space.actions.empty());
    for (const ActionSource& made : space.actions) TRY(action(made));
    gap(space.name.empty());
    return {};
  }

  void annotations(const std::vector<Annotation>& list) {
    for (const Annotation& annotation : list) {
      out_ += "@" + annotation.key;
      if (annotation.value) out_ += "(" + quoted(*annotation.value) + ")";
      out_ += ' ';
    }
  }

  void names(const std::vector<std::string>& list) {
    out_ += '[';
    for (std::size_t i = 0; i < list.size(); ++i) out_ += (i > 0 ? ", " : "") + list[i];
    out_ += ']';
  }

  Result<void> entity(const EntitySource& source) {
    annotations(source.annotations);
    out_ += "entity " + source.name;
    if (source.is_enum) {
      out_ += " enum [";
      for (std::size_t i = 0; i < source.ids.size(); ++i) {
        out_ += (i > 0 ? ", " : "") + quoted(source.ids[i]);
      }
      out_ += "];\n";
      return {};
    }
    if (!source.parents.empty()) {
      out_ += " in ";
      names(source.parents);
    }
    if (source.shape) {
      const TypeSource* shape = record_of(*source.shape);
      if (shape == nullptr) {
        return cannot_say("that the attributes of `" + source.name +
                          "` are a type of another namespace: write them out");
      }
      out_ += " = ";
      TRY(type(*shape));
    }
    if (source.tags) {
      out_ += " tags ";
      TRY(type(*source.tags));
    }
    out_ += ";\n";
    return {};
  }

  // An entity's attributes are written out: a common type of this namespace is followed, so that
  // all names mean the same.
  const TypeSource* record_of(const TypeSource& type) const {
    const TypeSource* at = &type;
    while (at->form != TypeSource::Form::Record) {
      const auto found = std::find_if(
          space_->commons.begin(), space_->commons.end(), [&](const CommonSource& common) {
            return common.name == at->name || full(*space_, common.name) == at->name;
          });
      if (found == space_->commons.end()) return nullptr;
      at = &found->type;
    }
    return at;
  }

  Result<void> action(const ActionSource& source) {
    annotations(source.annotations);
    out_ += "action " + name_text(source.id);
    for (std::size_t i = 0; i < source.parents.size(); ++i) {
      const ActionRefSource& parent = source.parents[i];
      out_ += i == 0 ? " in [" : ", ";
      out_ += parent.type.empty() ? name_text(parent.id) : parent.type + "::" + quoted(parent.id);
    }
    if (!source.parents.empty()) out_ += ']';
    const bool nobody = source.principals.empty() || source.resources.empty();
    const bool something =
        !source.principals.empty() || !source.resources.empty() || source.context.has_value();
    if (nobody && something) {
      return cannot_say("that the action `" + printable(source.id, 60) +
                        "` applies to no principal or no resource, but has the rest");
    }
    if (!nobody) {
      out_ += " appliesTo { principal: ";
      names(source.principals);
      out_ += ", resource: ";
      names(source.resources);
      if (source.context) {
        out_ += ", context: ";
        TRY(type(*source.context));
      }
      out_ += " }";
    }
    out_ += ";\n";
    return {};
  }

  Result<void> type(const TypeSource& source) {
    switch (source.form) {
      case TypeSource::Form::Set:
        out_ += "Set<";
        TRY(type(source.element.front()));
        out_ += '>';
        return {};
      case TypeSource::Form::Record: {
        out_ += '{';
        const char* separator = "";
        for (const AttributeSource& attribute : source.attributes) {
          out_ += separator;
          annotations(attribute.annotations);
          out_ += name_text(attribute.name) + (attribute.required ? ": " : "?: ");
          TRY(type(attribute.type.front()));
          separator = ", ";
        }
        out_ += '}';
        return {};
      }
      case TypeSource::Form::Primitive:
        out_ += builtin(source.name == "Boolean" ? "Bool" : source.name);
        return {};
      case TypeSource::Form::Extension: out_ += builtin(source.name); return {};
      case TypeSource::Form::Entity: return entity_name(source.name);
      default: out_ += source.name; return {};
    }
  }

  // The declared names that an unqualified name can mean, best first.
  std::vector<std::string> candidates(const std::string& name) const {
    if (space_->name.empty() || name.find("::") != std::string::npos) return {name};
    return {full(*space_, name), name};
  }

  std::string builtin(const std::string& name) const {
    const std::vector<std::string> options = candidates(name);
    const bool taken = std::any_of(options.begin(), options.end(), [&](const std::string& option) {
      return commons_.contains(option) || entities_.contains(option);
    });
    return taken ? "__cedar::" + name : name;
  }

  // A common type of the same name would be meant before the entity type.
  Result<void> entity_name(const std::string& name) {
    for (const std::string& candidate : candidates(name)) {
      if (!entities_.contains(candidate)) continue;
      if (commons_.contains(candidate)) {
        return cannot_say("the entity type `" + candidate +
                          "` where a common type has the same name");
      }
      break;
    }
    out_ += name;
    return {};
  }

  const SchemaSource& source_;
  const NamespaceSource* space_ = nullptr;
  std::set<std::string> commons_;
  std::set<std::string> entities_;
  std::string out_;
};

}  // namespace

Result<std::string> schema_text_to_json(std::string_view text, json::Style style) {
  TRY(Schema::parse(text));
  const SchemaSource source = TRY(read_schema_text(text));
  json::Value::Object out;
  for (const NamespaceSource& space : source.namespaces) {
    out.push_back({space.name, namespace_json(space)});
  }
  return json::write(std::move(out), style);
}

Result<std::string> schema_json_to_text(std::string_view text) {
  TRY(Schema::parse_json(text));
  const SchemaSource source = TRY(read_schema_json(text));
  return format_schema(TRY(TextWriter(source).write()));
}

}  // namespace writ::policy
