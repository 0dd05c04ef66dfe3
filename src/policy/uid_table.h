// Finding by hash without a hash table: what is looked for lies sorted by hash, and a directory of
// the hash's top bits says where to look. For the engine's own files.
//
// Ids are a stranger's, and their hashes can be made to collide. Here that costs a binary search
// within one bucket, never a walk along it, and building is a sort whatever the hashes are.
//
// Thread safety: values; read from many threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "policy/value_internal.h"

namespace writ::policy::detail {

inline constexpr std::uint32_t kNowhere = UINT32_MAX;

// Which part of a sorted list of hashes can hold a hash.
class HashDirectory {
 public:
  // build takes fewer than 2^32 hashes, sorted.
  void build(std::span<const std::uint64_t> sorted) {
    unsigned bits = 1;
    while ((std::size_t{1} << bits) < sorted.size()) ++bits;
    shift_ = 64 - bits;
    starts_.assign((std::size_t{1} << bits) + 1, 0);
    for (const std::uint64_t hash : sorted) ++starts_[slot(hash) + 1];
    for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  }
  // bucket is the range of positions, empty before build().
  std::pair<std::uint32_t, std::uint32_t> bucket(std::uint64_t hash) const {
    if (starts_.empty()) return {0, 0};
    const std::size_t at = slot(hash);
    return {starts_[at], starts_[at + 1]};
  }

 private:
  std::size_t slot(std::uint64_t hash) const { return static_cast<std::size_t>(hash >> shift_); }
  std::vector<std::uint32_t> starts_;
  unsigned shift_ = 63;
};

// Ids and their positions.
class UidTable {
 public:
  // build takes distinct ids in order of search_less; they must outlive the table.
  void build(std::span<const EntityNode* const> sorted) {
    slots_.clear();
    slots_.reserve(sorted.size());
    std::vector<std::uint64_t> hashes;
    hashes.reserve(sorted.size());
    for (const EntityNode* uid : sorted) {
      slots_.push_back({uid->hash, uid});
      hashes.push_back(uid->hash);
    }
    directory_.build(hashes);
  }
  // find is the position of an id, or kNowhere.
  std::uint32_t find(const EntityNode* uid) const {
    auto [at, end] = directory_.bucket(uid->hash);
    if (end - at > kFew) {
      const auto first =
          std::lower_bound(slots_.begin() + at, slots_.begin() + end, uid,
                           [](const Slot& a, auto* b) { return search_less(a.uid, b); });
      at = static_cast<std::uint32_t>(first - slots_.begin());
      end = std::min(end, at + 1);
    }
    for (; at < end; ++at) {
      if (slots_[at].hash == uid->hash && same_entity(slots_[at].uid, uid)) return at;
    }
    return kNowhere;
  }
  std::size_t size() const { return slots_.size(); }

 private:
  static constexpr std::uint32_t kFew = 8;
  struct Slot {
    std::uint64_t hash;
    const EntityNode* uid;
  };
  std::vector<Slot> slots_;
  HashDirectory directory_;
};

}  // namespace writ::policy::detail
