// One hash table of the store's own entities, and a pointer to the store below. What an entity is
// below is closed when the store is built and kept sorted by hash, so that `in` is one look-up and
// one binary search.

#include "policy/entities.h"

#include <algorithm>

#include "base/bytes.h"
#include "policy/limits.h"
#include "policy/value_internal.h"
#include "policy/value_json_internal.h"

namespace writ::policy {

namespace {

// Order for searching: by hash, ties by text.
bool search_less(const detail::EntityNode* a, const detail::EntityNode* b) {
  if (a->hash != b->hash) return a->hash < b->hash;
  if (a->id != b->id) return a->id < b->id;
  return a->type < b->type;
}

}  // namespace

struct Entities::Store {
  struct Item {
    Entity entity;
    std::vector<EntityUid> ancestors;  // INVARIANT once built: sorted by search_less, all levels
  };

  const Store* below = nullptr;
  std::vector<Item> items;
  std::vector<std::uint32_t> table;  // position in items + 1, or 0; size a power of two
  std::vector<EntityUid> absent;     // named as ancestor, not here and not below; sorted

  const Item* find_own(const detail::EntityNode* uid) const {
    if (table.empty()) return nullptr;
    const std::size_t mask = table.size() - 1;
    for (std::size_t at = uid->hash & mask; table[at] != 0; at = (at + 1) & mask) {
      const Item& item = items[table[at] - 1];
      if (detail::same_entity(item.entity.uid.node(), uid)) return &item;
    }
    return nullptr;
  }

  const Item* find(const detail::EntityNode* uid) const {
    for (const Store* store = this; store != nullptr; store = store->below) {
      if (const Item* item = store->find_own(uid)) return item;
    }
    return nullptr;
  }

  bool is_absent(const detail::EntityNode* uid) const {
    return std::binary_search(absent.begin(), absent.end(), uid, [](const auto& a, const auto& b) {
      return search_less(node_of(a), node_of(b));
    });
  }

  void insert(Item item) {
    if ((items.size() + 1) * 2 > table.size()) {
      table.assign(std::max<std::size_t>(16, table.size() * 2), 0);
      for (std::size_t i = 0; i < items.size(); ++i) place(i);
    }
    items.push_back(std::move(item));
    place(items.size() - 1);
  }

 private:
  static const detail::EntityNode* node_of(const EntityUid& uid) { return uid.node(); }
  static const detail::EntityNode* node_of(const detail::EntityNode* node) { return node; }

  void place(std::size_t position) {
    const std::size_t mask = table.size() - 1;
    std::size_t at = items[position].entity.uid.node()->hash & mask;
    while (table[at] != 0) at = (at + 1) & mask;
    table[at] = static_cast<std::uint32_t>(position + 1);
  }
};

Entities::Entities() : store_(std::make_unique<Store>()) {}
Entities::Entities(Entities&&) noexcept = default;
Entities& Entities::operator=(Entities&&) noexcept = default;
Entities::~Entities() = default;

const Entity* Entities::find(const detail::EntityNode* uid) const {
  const Store::Item* item = store_->find(uid);
  return item == nullptr ? nullptr : &item->entity;
}

bool Entities::is_in(const detail::EntityNode* uid, const detail::EntityNode* ancestor) const {
  if (detail::same_entity(uid, ancestor)) return true;
  const Store::Item* item = store_->find(uid);
  if (item == nullptr) return false;
  const auto& all = item->ancestors;
  auto at = std::lower_bound(
      all.begin(), all.end(), ancestor->hash,
      [](const EntityUid& a, std::uint64_t hash) { return a.node()->hash < hash; });
  for (; at != all.end() && at->node()->hash == ancestor->hash; ++at) {
    if (detail::same_entity(at->node(), ancestor)) return true;
  }
  return false;
}

std::span<const EntityUid> Entities::ancestors(const EntityUid& uid) const {
  const Store::Item* item = store_->find(uid.node());
  if (item == nullptr) return {};
  return item->ancestors;
}

std::vector<const Entity*> Entities::all() const {
  std::vector<const Entity*> out;
  for (const Store* store = store_.get(); store != nullptr; store = store->below) {
    for (const Store::Item& item : store->items) out.push_back(&item.entity);
  }
  std::sort(out.begin(), out.end(),
            [](const Entity* a, const Entity* b) { return a->uid < b->uid; });
  return out;
}

std::size_t Entities::size() const {
  std::size_t count = 0;
  for (const Store* store = store_.get(); store != nullptr; store = store->below) {
    count += store->items.size();
  }
  return count;
}

// --- building ---

EntitiesBuilder::EntitiesBuilder() : store_(std::make_unique<Entities::Store>()) {}
EntitiesBuilder::EntitiesBuilder(const Entities& below) : EntitiesBuilder() {
  store_->below = below.store_.get();
}
EntitiesBuilder::~EntitiesBuilder() = default;
EntitiesBuilder::EntitiesBuilder(EntitiesBuilder&&) noexcept = default;

Result<void> EntitiesBuilder::add(Entity entity) {
  WRIT_ASSERT(entity.attrs.kind() == Kind::Record && entity.tags.kind() == Kind::Record);
  std::sort(entity.parents.begin(), entity.parents.end());
  entity.parents.erase(std::unique(entity.parents.begin(), entity.parents.end()),
                       entity.parents.end());
  if (const Entities::Store::Item* other = store_->find(entity.uid.node())) {
    if (other->entity.attrs == entity.attrs && other->entity.tags == entity.tags &&
        other->entity.parents == entity.parents) {
      return {};
    }
    return Error(Code::Conflict, "the entity `" + printable(entity.uid.text()) +
                                     "` stands twice, with different contents");
  }
  if (!entity.parents.empty()) {
    for (const Entities::Store* below = store_->below; below != nullptr; below = below->below) {
      if (below->is_absent(entity.uid.node())) {
        return Error(Code::Conflict, "the entity `" + printable(entity.uid.text()) +
                                         "` would give parents to entities of the store below");
      }
    }
  }
  if (store_->items.size() >= kMaxEntities) {
    return Error(Code::Exhausted, "more than " + std::to_string(kMaxEntities) + " entities");
  }
  store_->insert({std::move(entity), {}});
  return {};
}

Result<Entities> EntitiesBuilder::build() && {
  using Item = Entities::Store::Item;
  Entities::Store& store = *store_;
  enum class Mark : std::uint8_t { New, Open, Done };
  std::vector<Mark> marks(store.items.size(), Mark::New);
  struct Visit {
    std::size_t item;
    std::size_t parent;  // the next one to look at
  };
  std::vector<Visit> path;
  std::size_t relations = 0;
  const auto own = [&](const EntityUid& uid) -> std::optional<std::size_t> {
    const Item* item = store.find_own(uid.node());
    if (item == nullptr) return std::nullopt;
    return static_cast<std::size_t>(item - store.items.data());
  };
  for (std::size_t root = 0; root < store.items.size(); ++root) {
    if (marks[root] == Mark::New) {
      marks[root] = Mark::Open;
      path.push_back({root, 0});
    }
    while (!path.empty()) {
      Visit& here = path.back();
      Item& item = store.items[here.item];
      if (here.parent < item.entity.parents.size()) {
        const auto parent = own(item.entity.parents[here.parent++]);
        if (!parent || marks[*parent] == Mark::Done) continue;
        if (marks[*parent] == Mark::Open) {
          return Error(Code::Malformed, "the entity `" + printable(item.entity.uid.text()) +
                                            "` is its own ancestor");
        }
        marks[*parent] = Mark::Open;
        path.push_back({*parent, 0});
        continue;
      }
      std::vector<EntityUid> all = item.entity.parents;
      for (const EntityUid& uid : item.entity.parents) {
        const Item* parent = store.find(uid.node());
        if (parent == nullptr) continue;
        all.insert(all.end(), parent->ancestors.begin(), parent->ancestors.end());
        if (all.size() > kMaxAncestors) break;
      }
      std::sort(all.begin(), all.end(), [](const EntityUid& a, const EntityUid& b) {
        return search_less(a.node(), b.node());
      });
      all.erase(std::unique(all.begin(), all.end()), all.end());
      relations += all.size();
      if (relations > kMaxAncestors) {
        return Error(Code::Exhausted, "the entities have more than " +
                                          std::to_string(kMaxAncestors) + " ancestors together");
      }
      for (const EntityUid& uid : item.entity.parents) {
        if (store.find(uid.node()) == nullptr) store.absent.push_back(uid);
      }
      item.ancestors = std::move(all);
      marks[here.item] = Mark::Done;
      path.pop_back();
    }
  }
  std::sort(store.absent.begin(), store.absent.end(),
            [](const EntityUid& a, const EntityUid& b) { return search_less(a.node(), b.node()); });
  Entities out;
  out.store_ = std::move(store_);
  return out;
}

// --- JSON ---

Result<Entities> Entities::parse_json(std::string_view text) {
  const json::Value json = TRY(json::read(text, json_limits(kMaxEntitiesText)));
  if (json.as_array() == nullptr) {
    return Error(Code::Malformed,
                 "expected a list of entities, found " + std::string(json.type_name()));
  }
  EntitiesBuilder builder;
  for (const json::Value& item : *json.as_array()) {
    const json::Value* uid_json = item.find("uid");
    if (uid_json == nullptr) return Error(Code::Malformed, "an entity lacks `uid`");
    EntityUid uid = TRY(uid_from(*uid_json, "`uid`"));
    const auto of_entity = [&](Error error) {
      return std::move(error).context("entity `" + printable(uid.text(), 120) + "`");
    };
    const json::Value* attrs = item.find("attrs");
    const json::Value* parents = item.find("parents");
    if (attrs == nullptr || parents == nullptr || parents->as_array() == nullptr) {
      return of_entity(Error(Code::Malformed, "needs `attrs`, an object, and `parents`, a list"));
    }
    Entity entity{uid};
    auto record = record_from(*attrs);
    if (!record) return of_entity(std::move(record).error());
    entity.attrs = std::move(record).value();
    for (const json::Value& parent : *parents->as_array()) {
      auto parent_uid = uid_from(parent, "`parents`");
      if (!parent_uid) return of_entity(std::move(parent_uid).error());
      entity.parents.push_back(std::move(parent_uid).value());
    }
    if (const json::Value* tags = item.find("tags")) {
      auto tag_record = record_from(*tags);
      if (!tag_record) return of_entity(std::move(tag_record).error().context("tags"));
      entity.tags = std::move(tag_record).value();
    }
    TRY(builder.add(std::move(entity)));
  }
  return std::move(builder).build();
}

Result<std::string> to_json(const Entities& entities) {
  std::string out = "[";
  const char* separator = "";
  for (const Entity* entity : entities.all()) {
    out += separator;
    out += R"({"uid":)";
    TRY(append_json(entity->uid, out));
    out += R"(,"attrs":)";
    TRY(append_json(entity->attrs.ref(), out));
    out += R"(,"parents":[)";
    const char* parent_separator = "";
    for (const EntityUid& parent : entity->parents) {
      out += parent_separator;
      TRY(append_json(parent, out));
      parent_separator = ",";
    }
    out += ']';
    if (!entity->tags.ref().fields().empty()) {
      out += R"(,"tags":)";
      TRY(append_json(entity->tags.ref(), out));
    }
    out += '}';
    separator = ",";
  }
  return out + "]";
}

}  // namespace writ::policy
