// Which policies of a set can apply to a request: found from the scopes, without looking at the
// others. For the engine's own files.
//
// Each policy stands under one key of three parts, what its scope wants of principal, action and
// resource: anything, one entity (`==`), an entity or what is below it (`in`), or a type (`is`);
// under one key per action where it lists several. A request fits few keys of each part: anything,
// its type, itself, and itself or an ancestor where some scope names them. The policies under all
// combinations of these are exactly those whose scopes match, but for `is T in E`, which stands
// under E and is looked at again. When there are more combinations than policies, every scope is
// looked at instead: no request costs more than that.
//
// Scopes cannot fail, so a policy that is not selected could neither decide nor report an error.
// Thread safety: an index is read from many threads; a Selection belongs to one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "policy/entities.h"

namespace writ::policy {

struct Policy;
struct Scope;

// Principal, action and resource of a request, looked up in the entities.
struct KnownRequest {
  detail::KnownEntity principal;
  detail::KnownEntity action;
  detail::KnownEntity resource;
};

// scope_matches says whether one constraint of a scope holds; `slot` fills a template's slot.
bool scope_matches(const Scope& scope, const std::optional<EntityUid>& slot,
                   const detail::KnownEntity& asked);
// scopes_match says whether all three constraints of the policy's scope hold.
bool scopes_match(const Policy& policy, const KnownRequest& request);

// The positions of selected policies. Keeps its memory from use to use.
class Selection {
 public:
  // start empties it and makes room for `count` positions.
  void start(std::size_t count) { words_.assign((count + 63) / 64, 0); }
  void add(std::size_t position) { words_[position / 64] |= std::uint64_t{1} << (position % 64); }
  // each calls `look` with every position, in order.
  template <typename Look>
  void each(const Look& look) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
        look(i * 64 + static_cast<std::size_t>(__builtin_ctzll(word)));
      }
    }
  }

 private:
  friend class ScopeIndex;
  std::vector<std::uint64_t> words_;
  std::vector<std::uint32_t> keys_[3];
};

class ScopeIndex {
 public:
  // Sets of so few policies are not worth an index: finding the keys costs more than the scopes.
  static constexpr std::size_t kFew = 10;

  // build looks at all policies; they must not change while the index is used.
  static const ScopeIndex* build(std::span<const Policy> policies);
  ~ScopeIndex();
  ScopeIndex(const ScopeIndex&) = delete;
  ScopeIndex& operator=(const ScopeIndex&) = delete;

  // select puts exactly the policies whose scopes match into `out`.
  void select(std::span<const Policy> policies, const KnownRequest& request, Selection& out) const;

 private:
  struct Keys;
  struct Tables;
  explicit ScopeIndex(std::unique_ptr<const Tables> tables);
  std::unique_ptr<const Tables> tables_;
};

// Where a set keeps its index: made when first asked for, by whoever comes first, and forgotten
// when the set changes or is copied.
class ScopeIndexSlot {
 public:
  ScopeIndexSlot() = default;
  ScopeIndexSlot(const ScopeIndexSlot& /*other*/) {}
  ScopeIndexSlot(ScopeIndexSlot&& other) noexcept : made_(other.made_.exchange(nullptr)) {}
  ScopeIndexSlot& operator=(const ScopeIndexSlot& /*other*/) {
    forget();
    return *this;
  }
  ScopeIndexSlot& operator=(ScopeIndexSlot&& other) noexcept {
    forget();
    made_.store(other.made_.exchange(nullptr));
    return *this;
  }
  ~ScopeIndexSlot() { forget(); }

  const ScopeIndex& get(std::span<const Policy> policies) const;
  void forget();

 private:
  mutable std::atomic<const ScopeIndex*> made_{nullptr};
};

}  // namespace writ::policy
