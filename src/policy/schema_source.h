// A schema as it was written, before names are resolved: what the human form and the JSON form
// both say. For the engine's own files; the public way in is Schema (policy/schema.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "policy/expr.h"
#include "policy/limits.h"
#include "policy/policy.h"

namespace writ::policy {

struct TypeSource;

struct AttributeSource {
  std::string name;
  bool required = true;
  std::vector<Annotation> annotations = {};
  std::vector<TypeSource> type;  // exactly one
};

struct TypeSource {
  enum class Form : std::uint8_t {
    Name,       // entity, common or built-in type, whichever `name` is
    Common,     // JSON {"type": name}: a common type
    Entity,     // JSON {"type": "Entity", "name"}
    Extension,  // JSON {"type": "Extension", "name"}
    Primitive,  // JSON "Long", "String", "Boolean", "Bool": name as written
    Set,        // of element[0]
    Record,
  };
  Form form = Form::Name;
  std::string name = {};
  std::vector<TypeSource> element = {};
  std::vector<AttributeSource> attributes = {};
  Position position = {};
};

struct CommonSource {
  std::string name;
  TypeSource type;
  std::vector<Annotation> annotations;
  Position position;
};

struct EntitySource {
  std::string name;
  bool is_enum = false;
  std::vector<std::string> ids = {};      // of an enumerated type
  std::vector<std::string> parents = {};  // type names
  std::optional<TypeSource> shape = {};
  std::optional<TypeSource> tags = {};
  std::vector<Annotation> annotations = {};
  Position position = {};
};

struct ActionRefSource {
  std::string type;  // empty: the action type of the namespace
  std::string id;
};

struct ActionSource {
  std::string id;
  std::vector<ActionRefSource> parents = {};
  bool applies = false;
  std::vector<std::string> principals = {};
  std::vector<std::string> resources = {};
  std::optional<TypeSource> context = {};
  std::vector<Annotation> annotations = {};
  Position position = {};
};

struct NamespaceSource {
  std::string name;
  std::vector<CommonSource> commons = {};
  std::vector<EntitySource> entities = {};
  std::vector<ActionSource> actions = {};
  std::vector<Annotation> annotations = {};
};

// Counts against kMaxSchemaParts while a schema is read.
class SchemaParts {
 public:
  std::size_t count() const { return count_; }
  Result<void> add(std::size_t parts = 1) {
    count_ += parts;
    if (count_ <= kMaxSchemaParts) return {};
    return Error(Code::Exhausted, "the schema declares more than " +
                                      std::to_string(kMaxSchemaParts) +
                                      " types, actions, attributes and list members");
  }

 private:
  std::size_t count_ = 0;
};

struct SchemaSource {
  std::vector<NamespaceSource> namespaces;
};

// read_schema_text reads the human form; read_schema_json the JSON form.
Result<SchemaSource> read_schema_text(std::string_view text);
Result<SchemaSource> read_schema_json(std::string_view text);

}  // namespace writ::policy
