// Schemas: which entity types and actions there are, and what types their attributes, tags and
// contexts have. (Cedar language 4.5, human and JSON form.)
//
// A schema is made once and then only read: names are resolved, hierarchies closed, types shared.
// Text may come from a stranger: size, nesting and counts are bounded.
//
//   Schema schema = TRY(Schema::parse(text));
//
// Thread safety: a Schema may be read from many threads; it never changes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/entities.h"
#include "policy/request.h"
#include "policy/value.h"

namespace writ::policy {

struct Type;

struct AttributeType {
  std::string name;
  const Type* type = nullptr;
  bool required = true;
};

// A type of values. Types belong to a schema or a validator and are named by pointer.
struct Type {
  enum class Tag : std::uint8_t {
    Never,  // of an empty set's elements
    True,   // the bool that is always true
    False,
    Bool,
    Long,
    String,
    Entity,
    Set,
    Record,
    Ip,
    Decimal,
    Datetime,
    Duration,
  };
  Tag tag = Tag::Bool;
  std::string entity;                     // Entity: the type's name
  const Type* element = nullptr;          // Set
  std::vector<AttributeType> attributes;  // Record: in byte order of the name
  std::size_t depth = 0;

  // attribute is the record's attribute of that name, or null.
  const AttributeType* attribute(std::string_view name) const;
};

// same_type compares deeply.
bool same_type(const Type& a, const Type& b);
// type_text is for messages: `Set<Long>`, `{a: Long, b?: User}`.
std::string type_text(const Type& type);

struct EntityType {
  std::string name;
  bool is_enum = false;
  std::set<std::string, std::less<>> ids;        // of an enumerated type
  std::set<std::string, std::less<>> ancestors;  // types it can be in, all levels
  const Type* attributes = nullptr;              // a record
  const Type* tags = nullptr;                    // null: no tags
};

struct ActionType {
  EntityUid uid;
  std::vector<EntityUid> parents;
  std::set<EntityUid> ancestors;  // all levels
  std::vector<std::string> principals;
  std::vector<std::string> resources;
  const Type* context = nullptr;  // a record
};

class Schema {
 public:
  // parse reads the human form, parse_json the JSON form. Errors name the place or the definition.
  static Result<Schema> parse(std::string_view text);
  static Result<Schema> parse_json(std::string_view text);

  const EntityType* entity_type(std::string_view name) const;
  const ActionType* action(const EntityUid& uid) const;
  const std::map<std::string, EntityType, std::less<>>& entity_types() const { return entities_; }
  const std::map<EntityUid, ActionType>& actions() const { return actions_; }

  // parse_entities reads entities JSON guided by the types: entity and extension values may be
  // implicit; every entity is checked; the actions of the schema are added.
  Result<Entities> parse_entities(std::string_view text) const;
  Result<Entities> parse_entities(const json::More& more) const;
  // check_entities: as Entities::check_json.
  Result<void> check_entities(const json::More& more) const;
  // parse_context reads the context of an action.
  Result<Value> parse_context(const EntityUid& action, std::string_view text) const;
  // check_request says why a request cannot be asked under this schema.
  Result<void> check_request(const Request& request) const;
  // check_value says whether `value` has the type, also the ids of enumerated types.
  Result<void> check_value(ValueRef value, const Type& type) const;

 private:
  friend class SchemaResolver;
  Result<void> check_uid(const EntityUid& uid) const;
  Result<void> check_contents(const Entity& entity, const EntityType& type) const;
  Result<void> check_ancestors(const Entity& entity, const Entities& entities) const;
  Result<Entity> entity_from(const json::Value& item) const;
  std::vector<std::unique_ptr<const Type>> types_;
  std::map<std::string, EntityType, std::less<>> entities_;
  std::map<EntityUid, ActionType> actions_;
};

}  // namespace writ::policy
