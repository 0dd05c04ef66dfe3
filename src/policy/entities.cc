// A store's entities lie in order of their ids' hashes (uid_table.h). What an entity is below is
// closed when the store is built: all ancestors of all entities lie in one list, each entity's in
// order of hash, with the top halves of the hashes beside them, so that `in` walks over a few
// neighbouring words and reads an id only when it is very likely the one. A store below is asked
// when the own one does not know an id.

#include "policy/entities.h"

#include <algorithm>

#include "base/bytes.h"
#include "policy/limits.h"
#include "policy/uid_table.h"
#include "policy/value_internal.h"
#include "policy/value_json_internal.h"

namespace writ::policy {

using detail::EntityNode;
using detail::kNowhere;
using detail::KnownEntity;
using detail::search_less;

struct Entities::Store {
  struct Item {
    Entity entity;
    std::uint32_t first = 0;  // of its ancestors
    std::uint32_t count = 0;
  };

  const Store* below = nullptr;
  std::vector<Item> items;  // INVARIANT once built: sorted by search_less, distinct
  detail::UidTable table;   // of the items
  std::vector<EntityUid> ancestors;
  std::vector<std::uint32_t> prefixes;
  std::vector<const EntityNode*> absent;  // parents that are not here and not below; sorted

  KnownEntity look_up(const EntityNode* uid) const {
    for (const Store* store = this; store != nullptr; store = store->below) {
      const std::uint32_t at = store->table.find(uid);
      if (at == kNowhere) continue;
      const Item& item = store->items[at];
      return {uid,
              &item.entity,
              {store->ancestors.data() + item.first, item.count},
              store->prefixes.data() + item.first};
    }
    return {uid, nullptr, {}, nullptr};
  }

  bool is_absent(const EntityNode* uid) const {
    const auto at = std::lower_bound(absent.begin(), absent.end(), uid, search_less);
    return at != absent.end() && same_entity(*at, uid);
  }
};

namespace detail {

bool KnownEntity::is_in(const EntityNode* ancestor) const {
  if (same_entity(uid, ancestor)) return true;
  const auto prefix = static_cast<std::uint32_t>(ancestor->hash >> 32U);
  std::size_t at = 0;
  std::size_t end = ancestors.size();
  constexpr std::size_t kFew = 16;
  if (end > kFew) {
    // Crafted ids may share their hash: the order by text below the hash bounds the search.
    const auto first =
        std::lower_bound(ancestors.begin(), ancestors.end(), ancestor,
                         [](const EntityUid& a, auto* b) { return search_less(a.node(), b); });
    at = static_cast<std::size_t>(first - ancestors.begin());
    end = std::min(end, at + 1);
  }
  for (; at < end; ++at) {
    if (prefixes[at] == prefix && same_entity(ancestors[at].node(), ancestor)) return true;
  }
  return false;
}

}  // namespace detail

Entities::Entities() : store_(std::make_unique<Store>()) {}
Entities::Entities(Entities&&) noexcept = default;
Entities& Entities::operator=(Entities&&) noexcept = default;
Entities::~Entities() = default;

KnownEntity Entities::look_up(const EntityNode* uid) const {
  return store_->look_up(uid);
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

namespace {

bool same_contents(const Entity& a, const Entity& b) {
  return a.attrs == b.attrs && a.tags == b.tags && a.parents == b.parents;
}

Error stands_twice(const EntityUid& uid) {
  return Error(Code::Conflict,
               "the entity `" + printable(uid.text()) + "` stands twice, with different contents");
}

}  // namespace

Result<void> EntitiesBuilder::add(Entity entity) {
  WRIT_ASSERT(entity.attrs.kind() == Kind::Record && entity.tags.kind() == Kind::Record);
  if (entity.parents.size() > 1) {
    std::sort(entity.parents.begin(), entity.parents.end());
    entity.parents.erase(std::unique(entity.parents.begin(), entity.parents.end()),
                         entity.parents.end());
  }
  if (const Entities::Store* below = store_->below) {
    if (const Entity* other = below->look_up(entity.uid.node()).entity) {
      if (same_contents(*other, entity)) return {};
      return stands_twice(entity.uid);
    }
    for (; below != nullptr && !entity.parents.empty(); below = below->below) {
      if (below->is_absent(entity.uid.node())) {
        return Error(Code::Conflict, "the entity `" + printable(entity.uid.text()) +
                                         "` would give parents to entities of the store below");
      }
    }
  }
  if (store_->items.size() >= kMaxEntities) {
    return Error(Code::Exhausted, "more than " + std::to_string(kMaxEntities) + " entities");
  }
  store_->items.push_back({std::move(entity)});
  return {};
}

Result<void> EntitiesBuilder::settle() {
  Entities::Store& store = *store_;
  struct Place {
    std::uint64_t hash;
    std::uint32_t at;
  };
  std::vector<Place> order;
  order.reserve(store.items.size());
  for (const Entities::Store::Item& item : store.items) {
    order.push_back({item.entity.uid.node()->hash, static_cast<std::uint32_t>(order.size())});
  }
  std::sort(order.begin(), order.end(), [&](const Place& a, const Place& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    const EntityNode* left = store.items[a.at].entity.uid.node();
    const EntityNode* right = store.items[b.at].entity.uid.node();
    return same_entity(left, right) ? a.at < b.at : search_less(left, right);
  });
  std::vector<Entities::Store::Item> sorted;
  sorted.reserve(order.size());
  for (const Place& place : order) {
    Entity& entity = store.items[place.at].entity;
    if (!sorted.empty() && sorted.back().entity.uid == entity.uid) {
      if (!same_contents(sorted.back().entity, entity)) return stands_twice(entity.uid);
      continue;
    }
    sorted.push_back({std::move(entity)});
  }
  store.items = std::move(sorted);
  std::vector<const EntityNode*> ids;
  ids.reserve(store.items.size());
  for (const Entities::Store::Item& item : store.items) ids.push_back(item.entity.uid.node());
  store.table.build(ids);
  return {};
}

void EntitiesBuilder::share_parents() {
  Entities::Store& store = *store_;
  for (Entities::Store::Item& item : store.items) {
    for (EntityUid& parent : item.entity.parents) {
      const Entity* known = store.look_up(parent.node()).entity;
      if (known != nullptr) {
        parent = known->uid;
      } else {
        store.absent.push_back(parent.node());
      }
    }
  }
  std::sort(store.absent.begin(), store.absent.end(), search_less);
}

Result<Entities> EntitiesBuilder::build() && {
  TRY(settle());
  share_parents();
  Entities::Store& store = *store_;
  const std::size_t count = store.items.size();
  enum class Mark : std::uint8_t { New, Open, Done };
  std::vector<Mark> marks(count, Mark::New);
  struct Visit {
    std::uint32_t entity;
    std::uint32_t parent;  // the next one to look at
  };
  std::vector<Visit> path;
  std::vector<const EntityNode*> all;  // of one entity
  for (std::uint32_t root = 0; root < count; ++root) {
    if (marks[root] == Mark::New) {
      marks[root] = Mark::Open;
      path.push_back({root, 0});
    }
    while (!path.empty()) {
      Visit& here = path.back();
      Entities::Store::Item& item = store.items[here.entity];
      const Entity& entity = item.entity;
      if (here.parent < entity.parents.size()) {
        const std::uint32_t parent = store.table.find(entity.parents[here.parent++].node());
        if (parent == kNowhere || marks[parent] == Mark::Done) continue;
        if (marks[parent] == Mark::Open) {
          return Error(Code::Malformed,
                       "the entity `" + printable(entity.uid.text()) + "` is its own ancestor");
        }
        marks[parent] = Mark::Open;
        path.push_back({parent, 0});
        continue;
      }
      all.clear();
      for (const EntityUid& uid : entity.parents) {
        all.push_back(uid.node());
        for (const EntityUid& above : store.look_up(uid.node()).ancestors) {
          all.push_back(above.node());
        }
        if (all.size() > kMaxAncestors) break;
      }
      std::sort(all.begin(), all.end(), search_less);
      all.erase(std::unique(all.begin(), all.end(), detail::same_entity), all.end());
      if (store.ancestors.size() + all.size() > kMaxAncestors) {
        return Error(Code::Exhausted, "the entities have more than " +
                                          std::to_string(kMaxAncestors) + " ancestors together");
      }
      item.first = static_cast<std::uint32_t>(store.ancestors.size());
      item.count = static_cast<std::uint32_t>(all.size());
      for (const EntityNode* node : all) {
        store.ancestors.push_back(ValueRef::entity(node).as_entity());
        store.prefixes.push_back(static_cast<std::uint32_t>(node->hash >> 32U));
      }
      marks[here.entity] = Mark::Done;
      path.pop_back();
    }
  }
  Entities out;
  out.store_ = std::move(store_);
  return out;
}

// --- JSON ---

namespace {

Result<Entity> entity_from(const json::Value& item, NameCache& names) {
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
  auto record = record_from(*attrs, names);
  if (!record) return of_entity(std::move(record).error());
  entity.attrs = std::move(record).value();
  for (const json::Value& parent : *parents->as_array()) {
    auto parent_uid = uid_from(parent, "`parents`");
    if (!parent_uid) return of_entity(std::move(parent_uid).error());
    if (is_action_type(uid.type()) && !is_action_type(parent_uid->type())) {
      return of_entity(Error(Code::Malformed, "an action can be in actions only, not in `" +
                                                  printable(parent_uid->text(), 120) + "`"));
    }
    entity.parents.push_back(std::move(parent_uid).value());
  }
  if (const json::Value* tags = item.find("tags")) {
    auto tag_record = record_from(*tags, names);
    if (!tag_record) return of_entity(std::move(tag_record).error().context("tags"));
    entity.tags = std::move(tag_record).value();
  }
  return entity;
}

}  // namespace

Result<void> each_item(const json::More& more,
                       const std::function<Result<void>(const json::Value&)>& fn) {
  constexpr json::ListLimits kLimits = {
      .each = {.bytes = kMaxEntityText, .depth = kMaxNesting - 1, .values = kMaxEntityValues},
      .values = kMaxEntitiesValues,
      .bytes = kMaxEntitiesText};
  json::ItemReader items(more, kLimits);
  while (const std::optional<json::Value> item = TRY(items.next())) {
    const Result<void> taken = fn(*item);
    if (!taken) return items.place().error(taken.error().code(), taken.error().message());
  }
  return {};
}

Result<Entities> Entities::parse_json(const json::More& more) {
  EntitiesBuilder builder;
  NameCache names;
  const auto add = [&](const json::Value& item) -> Result<void> {
    return builder.add(TRY(entity_from(item, names)));
  };
  TRY(each_item(more, add));
  return std::move(builder).build();
}

Result<Entities> Entities::parse_json(std::string_view text) {
  return parse_json(json::whole(text));
}

Result<void> Entities::check_json(const json::More& more) {
  NameCache names;
  return each_item(more, [&](const json::Value& item) -> Result<void> {
    (void)TRY(entity_from(item, names));
    return {};
  });
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
