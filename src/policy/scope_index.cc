#include "policy/scope_index.h"

#include <algorithm>
#include <array>
#include <compare>
#include <memory>
#include <string_view>
#include <tuple>

#include "policy/policy.h"
#include "policy/uid_table.h"
#include "policy/value_internal.h"

namespace writ::policy {

using detail::EntityNode;
using detail::kNowhere;
using detail::KnownEntity;

namespace {

const EntityUid& wanted(const Scope& scope, const std::optional<EntityUid>& slot) {
  return scope.slot ? *slot : scope.entities[0];
}

const std::optional<EntityUid> kNoSlot;

// The constraints of a policy in order: principal, action, resource.
struct Constraint {
  const Scope& scope;
  const std::optional<EntityUid>& slot;
};
std::array<Constraint, 3> constraints_of(const Policy& policy) {
  return {{{policy.body->principal, policy.principal},
           {policy.body->action, kNoSlot},
           {policy.body->resource, policy.resource}}};
}

std::uint64_t combined(std::uint32_t principal, std::uint32_t action, std::uint32_t resource) {
  std::uint64_t hash = principal * 0x9e3779b97f4a7c15ULL;
  hash = (hash ^ (hash >> 32U) ^ action) * 0xd6e8feb86659fd93ULL;
  hash = (hash ^ (hash >> 32U) ^ resource) * 0x9e3779b97f4a7c15ULL;
  return hash;
}

}  // namespace

bool scope_matches(const Scope& scope, const std::optional<EntityUid>& slot,
                   const KnownEntity& asked) {
  switch (scope.op) {
    case Scope::Op::All: return true;
    case Scope::Op::Eq: return same_entity(asked.uid, wanted(scope, slot).node());
    case Scope::Op::In: return asked.is_in(wanted(scope, slot).node());
    case Scope::Op::InList:
      return std::any_of(scope.entities.begin(), scope.entities.end(),
                         [&](const EntityUid& uid) { return asked.is_in(uid.node()); });
    case Scope::Op::Is: return asked.uid->type() == scope.type;
    case Scope::Op::IsIn:
      return asked.uid->type() == scope.type && asked.is_in(wanted(scope, slot).node());
  }
  return false;
}

bool scopes_match(const Policy& policy, const KnownRequest& request) {
  return scope_matches(policy.body->principal, policy.principal, request.principal) &&
         scope_matches(policy.body->action, kNoSlot, request.action) &&
         scope_matches(policy.body->resource, policy.resource, request.resource);
}

// --- the tables ---

// A key is a number: 0 is anything; each entity that a scope names has two, for `==` and for `in`;
// then the types.
struct ScopeIndex::Tables {
  static constexpr std::uint32_t kAnything = 0;
  static std::uint32_t same_key(std::uint32_t uid) { return 1 + 2 * uid; }
  static std::uint32_t below_key(std::uint32_t uid) { return 2 + 2 * uid; }
  std::uint32_t type_key(std::uint32_t type) const {
    return 1 + 2 * static_cast<std::uint32_t>(uids.size()) + type;
  }

  struct Type {
    std::uint32_t hash;
    std::string_view name;  // of a policy's body
    friend std::strong_ordering operator<=>(const Type&, const Type&) = default;
  };
  // The policies under one key: a range of `positions` that ends where the next bucket's begins.
  struct Bucket {
    std::uint64_t hash;
    std::array<std::uint32_t, 3> keys;
    std::uint32_t first;
    auto order() const { return std::tie(hash, keys); }
  };

  std::vector<EntityUid> owned;    // the ids of:
  detail::UidTable uids;           // every entity that a scope names
  std::vector<Type> types;         // every type, sorted
  std::vector<std::uint8_t> used;  // by key: bit 0 for a principal's, 1 an action's, 2 a resource's
  std::vector<Bucket> buckets;     // sorted, and one more that ends the last
  std::vector<std::uint32_t> positions;
  std::vector<bool> look_again;  // by position: has an `is T in E`
  detail::HashDirectory directory;
  std::size_t policies = 0;

  void name_uids(std::span<const Policy> all);
  void name_types(std::span<const Policy> all);
  std::uint32_t type_at(std::uint32_t hash, std::string_view name) const;
  void keys_of(const Constraint& constraint, std::vector<std::uint32_t>& out) const;
  void fill(std::span<const Policy> all);
  void keys_for(const KnownEntity& asked, std::size_t part, std::vector<std::uint32_t>& out) const;
  const Bucket* find(const std::array<std::uint32_t, 3>& keys) const;
};

void ScopeIndex::Tables::name_uids(std::span<const Policy> all) {
  for (const Policy& policy : all) {
    for (const auto& [scope, slot] : constraints_of(policy)) {
      if (scope.slot) owned.push_back(*slot);
      owned.insert(owned.end(), scope.entities.begin(), scope.entities.end());
    }
  }
  std::sort(owned.begin(), owned.end(),
            [](const EntityUid& a, const EntityUid& b) { return search_less(a.node(), b.node()); });
  owned.erase(std::unique(owned.begin(), owned.end()), owned.end());
  owned.shrink_to_fit();
  std::vector<const EntityNode*> nodes;
  nodes.reserve(owned.size());
  for (const EntityUid& uid : owned) nodes.push_back(uid.node());
  uids.build(nodes);
}

void ScopeIndex::Tables::name_types(std::span<const Policy> all) {
  for (const Policy& policy : all) {
    for (const auto& [scope, slot] : constraints_of(policy)) {
      if (scope.op == Scope::Op::Is) types.push_back({detail::type_hash(scope.type), scope.type});
    }
  }
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  types.shrink_to_fit();
}

std::uint32_t ScopeIndex::Tables::type_at(std::uint32_t hash, std::string_view name) const {
  const Type type{hash, name};
  const auto at = std::lower_bound(types.begin(), types.end(), type);
  if (at == types.end() || *at != type) return kNowhere;
  return static_cast<std::uint32_t>(at - types.begin());
}

void ScopeIndex::Tables::keys_of(const Constraint& constraint,
                                 std::vector<std::uint32_t>& out) const {
  const auto& [scope, slot] = constraint;
  out.clear();
  switch (scope.op) {
    case Scope::Op::All: out.push_back(kAnything); return;
    case Scope::Op::Eq: out.push_back(same_key(uids.find(wanted(scope, slot).node()))); return;
    case Scope::Op::In:
    case Scope::Op::IsIn: out.push_back(below_key(uids.find(wanted(scope, slot).node()))); return;
    case Scope::Op::InList:
      for (const EntityUid& uid : scope.entities) {
        out.push_back(below_key(uids.find(uid.node())));
      }
      return;
    case Scope::Op::Is:
      out.push_back(type_key(type_at(detail::type_hash(scope.type), scope.type)));
      return;
  }
}

void ScopeIndex::Tables::fill(std::span<const Policy> all) {
  policies = all.size();
  used.assign(type_key(static_cast<std::uint32_t>(types.size())), 0);
  look_again.assign(all.size(), false);
  // Every policy's keys, `first` being its position for the moment.
  std::vector<Bucket> entries;
  entries.reserve(all.size());
  std::array<std::vector<std::uint32_t>, 3> keys;
  for (std::uint32_t position = 0; position < all.size(); ++position) {
    const auto constraints = constraints_of(all[position]);
    for (std::size_t part = 0; part < 3; ++part) {
      keys_of(constraints[part], keys[part]);
      for (const std::uint32_t key : keys[part]) {
        used[key] = static_cast<std::uint8_t>(used[key] | (1U << part));
      }
      if (constraints[part].scope.op == Scope::Op::IsIn) look_again[position] = true;
    }
    // Only actions come in lists.
    for (const std::uint32_t action : keys[1]) {
      const std::array<std::uint32_t, 3> key = {keys[0][0], action, keys[2][0]};
      entries.push_back({combined(key[0], key[1], key[2]), key, position});
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Bucket& a, const Bucket& b) {
    return std::tie(a.hash, a.keys, a.first) < std::tie(b.hash, b.keys, b.first);
  });
  std::vector<std::uint64_t> hashes;
  positions.reserve(entries.size());
  for (const Bucket& entry : entries) {
    if (buckets.empty() || buckets.back().keys != entry.keys) {
      buckets.push_back(entry);
      buckets.back().first = static_cast<std::uint32_t>(positions.size());
      hashes.push_back(entry.hash);
    }
    positions.push_back(entry.first);
  }
  buckets.push_back({UINT64_MAX, {}, static_cast<std::uint32_t>(positions.size())});
  buckets.shrink_to_fit();
  directory.build(hashes);
}

// --- selecting ---

void ScopeIndex::Tables::keys_for(const KnownEntity& asked, std::size_t part,
                                  std::vector<std::uint32_t>& out) const {
  const auto offer = [&](std::uint32_t key) {
    if ((used[key] >> part & 1U) != 0) out.push_back(key);
  };
  out.clear();
  offer(kAnything);
  const std::uint32_t type = type_at(asked.uid->type_hash, asked.uid->type());
  if (type != kNowhere) offer(type_key(type));
  const std::uint32_t self = uids.find(asked.uid);
  if (self != kNowhere) {
    offer(same_key(self));
    offer(below_key(self));
  }
  // The shorter list is walked.
  if (asked.ancestors.size() <= owned.size()) {
    for (const EntityUid& above : asked.ancestors) {
      const std::uint32_t at = uids.find(above.node());
      if (at != kNowhere) offer(below_key(at));
    }
  } else {
    for (std::uint32_t at = 0; at < owned.size(); ++at) {
      if (at != self && asked.is_in(owned[at].node())) offer(below_key(at));
    }
  }
}

const ScopeIndex::Tables::Bucket* ScopeIndex::Tables::find(
    const std::array<std::uint32_t, 3>& keys) const {
  const std::uint64_t hash = combined(keys[0], keys[1], keys[2]);
  auto [at, end] = directory.bucket(hash);
  if (end - at > 8) {  // more than are looked through one by one as fast
    const auto first =
        std::lower_bound(buckets.begin() + at, buckets.begin() + end, std::tie(hash, keys),
                         [](const Bucket& a, const auto& b) { return a.order() < b; });
    at = static_cast<std::uint32_t>(first - buckets.begin());
    end = std::min(end, at + 1);
  }
  for (; at < end; ++at) {
    if (buckets[at].hash == hash && buckets[at].keys == keys) return &buckets[at];
  }
  return nullptr;
}

ScopeIndex::ScopeIndex(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
ScopeIndex::~ScopeIndex() = default;

const ScopeIndex* ScopeIndex::build(std::span<const Policy> policies) {
  auto tables = std::make_unique<Tables>();
  tables->name_uids(policies);
  tables->name_types(policies);
  tables->fill(policies);
  return new ScopeIndex(std::move(tables));
}

void ScopeIndex::select(std::span<const Policy> policies, const KnownRequest& request,
                        Selection& out) const {
  const Tables& tables = *tables_;
  out.start(tables.policies);
  auto& [principals, actions, resources] = out.keys_;
  tables.keys_for(request.principal, 0, principals);
  tables.keys_for(request.action, 1, actions);
  tables.keys_for(request.resource, 2, resources);
  const std::size_t combinations = principals.size() * actions.size() * resources.size();
  if (combinations > policies.size()) {
    for (std::size_t i = 0; i < policies.size(); ++i) {
      if (scopes_match(policies[i], request)) out.add(i);
    }
    return;
  }
  for (const std::uint32_t principal : principals) {
    for (const std::uint32_t action : actions) {
      for (const std::uint32_t resource : resources) {
        const Tables::Bucket* bucket = tables.find({principal, action, resource});
        if (bucket == nullptr) continue;
        for (std::uint32_t i = bucket->first; i < bucket[1].first; ++i) {
          const std::uint32_t position = tables.positions[i];
          if (tables.look_again[position] && !scopes_match(policies[position], request)) continue;
          out.add(position);
        }
      }
    }
  }
}

// --- where a set keeps it ---

const ScopeIndex& ScopeIndexSlot::get(std::span<const Policy> policies) const {
  if (const ScopeIndex* made = made_.load(std::memory_order_acquire)) return *made;
  const ScopeIndex* mine = ScopeIndex::build(policies);
  const ScopeIndex* first = nullptr;
  if (made_.compare_exchange_strong(first, mine, std::memory_order_acq_rel)) return *mine;
  delete mine;
  return *first;
}

void ScopeIndexSlot::forget() {
  delete made_.exchange(nullptr);
}

}  // namespace writ::policy
