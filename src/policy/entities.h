// The entities a decision may look at: attributes, tags and parents, by id.
// (Formal specification: Entities.)
//
// A store is built once and then only read. Parents are made transitive when it is built; a cycle
// is refused. A parent need not be in the store itself.
//
//   EntitiesBuilder builder;
//   TRY(builder.add({uid, Value::record({}), {group}}));
//   Entities entities = TRY(std::move(builder).build());
//
// A store can stand over another one (the bundle's), so that a decision adds its own few entities
// without copying. JSON comes from strangers: size, nesting and counts are bounded.
// Thread safety: an Entities may be read from many threads; it never changes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/value.h"

namespace writ::policy {

struct Entity {
  EntityUid uid;
  Value attrs = Value::record({});
  std::vector<EntityUid> parents = {};
  Value tags = Value::record({});
};

class Entities {
 public:
  Entities();
  Entities(Entities&&) noexcept;
  Entities& operator=(Entities&&) noexcept;
  ~Entities();

  // parse_json reads Cedar's entities JSON without a schema: a list of {uid, attrs, parents,
  // tags?}; other keys are ignored. The same entity twice is fine when both are equal.
  static Result<Entities> parse_json(std::string_view text);

  // find is the entity, or null.
  const Entity* find(const EntityUid& uid) const { return find(uid.node()); }
  const Entity* find(const detail::EntityNode* uid) const;
  // is_in says whether `uid` is `ancestor` or below it. True for equal ids, also unknown ones.
  bool is_in(const EntityUid& uid, const EntityUid& ancestor) const {
    return is_in(uid.node(), ancestor.node());
  }
  bool is_in(const detail::EntityNode* uid, const detail::EntityNode* ancestor) const;
  // ancestors of an entity, all levels; empty for one that is not here.
  std::span<const EntityUid> ancestors(const EntityUid& uid) const;
  // all lists the entities in order of their ids (those of the store below included).
  std::vector<const Entity*> all() const;
  std::size_t size() const;

 private:
  friend class EntitiesBuilder;
  struct Store;
  std::unique_ptr<const Store> store_;
};

class EntitiesBuilder {
 public:
  EntitiesBuilder();
  // Over `below`, which must outlive what is built and may not be contradicted: an entity that is
  // there already must be equal, and one that entities there name as parent may not get parents.
  explicit EntitiesBuilder(const Entities& below);
  ~EntitiesBuilder();
  EntitiesBuilder(EntitiesBuilder&&) noexcept;

  // add takes an entity. Conflict when another one has its id and differs.
  Result<void> add(Entity entity);
  // build closes the parents. Malformed on a cycle, naming an entity on it; Exhausted beyond the
  // limits.
  Result<Entities> build() &&;

 private:
  std::unique_ptr<Entities::Store> store_;
};

// to_json is the canonical entities JSON: ordered by id, direct parents only. Reading it back
// gives an equal store.
Result<std::string> to_json(const Entities& entities);

}  // namespace writ::policy
