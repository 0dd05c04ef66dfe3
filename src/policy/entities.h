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
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/items.h"
#include "policy/value.h"

namespace writ::policy {

struct Entity {
  EntityUid uid;
  Value attrs = Value::record({});
  std::vector<EntityUid> parents = {};
  Value tags = Value::record({});
};

namespace detail {
// What a store knows of one id: looked up once for all questions about it.
struct KnownEntity {
  const EntityNode* uid = nullptr;
  const Entity* entity = nullptr;           // null when it is not in the store
  std::span<const EntityUid> ancestors;     // all levels, sorted by hash
  const std::uint32_t* prefixes = nullptr;  // the top halves of their hashes
  // is_in says whether this is `ancestor` or below it.
  bool is_in(const EntityNode* ancestor) const;
};
}  // namespace detail

class Entities {
 public:
  Entities();
  Entities(Entities&&) noexcept;
  Entities& operator=(Entities&&) noexcept;
  ~Entities();

  // parse_json reads Cedar's entities JSON without a schema: a list of {uid, attrs, parents,
  // tags?}; other keys are ignored. The same entity twice is fine when both are equal.
  static Result<Entities> parse_json(std::string_view text);
  // The same from a text that is not held: one entity of it at a time.
  static Result<Entities> parse_json(const json::More& more);
  // check_json refuses what parse_json would refuse of any entity on its own, and keeps none, so
  // that refusing a long text takes little memory.
  static Result<void> check_json(const json::More& more);

  // find is the entity, or null.
  const Entity* find(const EntityUid& uid) const { return look_up(uid.node()).entity; }
  // is_in says whether `uid` is `ancestor` or below it. True for equal ids, also unknown ones.
  bool is_in(const EntityUid& uid, const EntityUid& ancestor) const {
    return look_up(uid.node()).is_in(ancestor.node());
  }
  // ancestors of an entity, all levels, in no order that means anything; empty for one that is not
  // here.
  std::span<const EntityUid> ancestors(const EntityUid& uid) const {
    return look_up(uid.node()).ancestors;
  }
  // look_up is what evaluation uses; what it returns is borrowed from the store and from `uid`.
  detail::KnownEntity look_up(const detail::EntityNode* uid) const;
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

  // add takes an entity. Conflict when it contradicts the store below.
  Result<void> add(Entity entity);
  // build closes the parents. Conflict when one id was added twice with different contents;
  // Malformed on a cycle, naming an entity on it; Exhausted beyond the limits.
  Result<Entities> build() &&;

 private:
  Result<void> settle();  // the entities in their order, each once
  void share_parents();   // equal ids are one
  std::unique_ptr<Entities::Store> store_;
};

// to_json is the canonical entities JSON: ordered by id, direct parents only. Reading it back
// gives an equal store.
Result<std::string> to_json(const Entities& entities);

}  // namespace writ::policy
