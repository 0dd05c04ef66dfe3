// Both directions are one walk over the tree from its root. A subtree is entered only where it
// holds an entry, so the recursion is at most 63 deep and every step of it is paid for by an entry.
#include "ledger/joint_proof.h"

#include <algorithm>
#include <bit>
#include <string>

namespace writ::ledger {
namespace {

using Indexes = std::span<const LeafIndex>;

Result<void> check_indexes(Indexes indexes, TreeSize size, Code code) {
  const bool ascending =
      std::adjacent_find(indexes.begin(), indexes.end(), [](LeafIndex a, LeafIndex b) {
        return a.get() >= b.get();
      }) == indexes.end();
  if (!indexes.empty() && ascending && size.get() <= kMaxTreeSize &&
      indexes.back().get() < size.get()) {
    return {};
  }
  return Error(code, "the entries are not in a tree of " + std::to_string(size.get()) +
                         ", each once and in order");
}

// The subtree of the `n` leaves from `start` on, with the indexes that lie in it.
struct Subtree {
  std::uint64_t start;
  std::uint64_t n;
  Indexes indexes;

  // Precondition: n > 1. Split at the largest power of two strictly below n (RFC 9162 §2.1.1).
  std::pair<Subtree, Subtree> halves() const {
    const std::uint64_t left = std::bit_floor(n - 1);
    const auto middle = std::partition_point(indexes.begin(), indexes.end(),
                                             [&](LeafIndex at) { return at.get() < start + left; });
    const auto count = static_cast<std::size_t>(middle - indexes.begin());
    return {{start, left, indexes.first(count)}, {start + left, n - left, indexes.subspan(count)}};
  }
};

Result<NodeHash> hash_of(const Subtree& tree, const HashAt& hash_at) {
  if (std::has_single_bit(tree.n)) {
    const auto level = static_cast<unsigned>(std::countr_zero(tree.n));
    return hash_at(level, tree.start >> level);
  }
  const auto [left, right] = tree.halves();
  const NodeHash first = TRY(hash_of(left, hash_at));
  const NodeHash second = TRY(hash_of(right, hash_at));
  return node_hash(first, second);
}

Result<void> prove(const Subtree& tree, const HashAt& hash_at, Proof& proof) {
  if (tree.indexes.empty()) {
    proof.push_back(TRY(hash_of(tree, hash_at)));
    return {};
  }
  if (tree.n == 1) return {};
  const auto [left, right] = tree.halves();
  TRY(prove(left, hash_at, proof));
  return prove(right, hash_at, proof);
}

// What is still to be used, of each from the front.
struct Rest {
  std::span<const LeafHash> leaves;
  std::span<const NodeHash> proof;
};

template <typename T>
T take(std::span<const T>& from) {
  const T first = from.front();
  from = from.subspan(1);
  return first;
}

Result<NodeHash> root_with(const Subtree& tree, Rest& rest) {
  if (tree.indexes.empty()) {
    if (rest.proof.empty()) return Error(Code::Denied, "the proof has too few hashes");
    return take(rest.proof);
  }
  if (tree.n == 1) return subtree_of(take(rest.leaves));
  const auto [left, right] = tree.halves();
  const NodeHash first = TRY(root_with(left, rest));
  const NodeHash second = TRY(root_with(right, rest));
  return node_hash(first, second);
}

}  // namespace

Result<Proof> prove_jointly(Indexes indexes, TreeSize size, const HashAt& hash_at) {
  TRY(check_indexes(indexes, size, Code::InvalidArgument));
  Proof proof;
  TRY(prove({0, size.get(), indexes}, hash_at, proof));
  return proof;
}

Result<NodeHash> root_of_joint(Indexes indexes, std::span<const LeafHash> leaves, TreeSize size,
                               const Proof& proof) {
  TRY(check_indexes(indexes, size, Code::Denied));
  if (leaves.size() != indexes.size()) {
    return Error(Code::Denied, "there is not one entry for each index");
  }
  Rest rest{leaves, proof};
  const NodeHash root = TRY(root_with({0, size.get(), indexes}, rest));
  if (!rest.proof.empty()) return Error(Code::Denied, "the proof has too many hashes");
  return root;
}

}  // namespace writ::ledger
