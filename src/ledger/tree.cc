#include "ledger/tree.h"

#include <algorithm>
#include <array>
#include <bit>

#include "crypto/sha.h"

namespace writ::ledger {
namespace {

constexpr std::array<std::byte, 1> kLeafPrefix{std::byte{0}};
constexpr std::array<std::byte, 1> kNodePrefix{std::byte{1}};

// The largest power of two strictly below n (RFC 9162 §2.1.1). Precondition: n > 1.
std::uint64_t split(std::uint64_t n) {
  return std::bit_floor(n - 1);
}

NodeHash fold(const std::vector<NodeHash>& subtrees) {
  NodeHash root = subtrees.back();
  for (std::size_t i = subtrees.size() - 1; i-- > 0;) root = node_hash(subtrees[i], root);
  return root;
}

// The root of the `n` > 0 leaves from `start` on, which is a multiple of every complete subtree
// that the range falls into.
Result<NodeHash> range_hash(std::uint64_t start, std::uint64_t n, const HashAt& hash_at) {
  std::vector<NodeHash> subtrees;
  while (n > 0) {
    const std::uint64_t width = std::bit_floor(n);
    const unsigned level = static_cast<unsigned>(std::countr_zero(width));
    subtrees.push_back(TRY(hash_at(level, start >> level)));
    start += width;
    n -= width;
  }
  return fold(subtrees);
}

Error refused(const char* what) {
  return Error(Code::Denied, what);
}

}  // namespace

LeafHash leaf_hash(Bytes entry) {
  return LeafHash(crypto::sha256({Bytes(kLeafPrefix), entry}).get());
}

NodeHash node_hash(const NodeHash& left, const NodeHash& right) {
  return NodeHash(crypto::sha256({Bytes(kNodePrefix), as_bytes(left), as_bytes(right)}).get());
}

NodeHash subtree_of(const LeafHash& leaf) {
  return NodeHash(leaf.get());
}

NodeHash empty_root() {
  return NodeHash(crypto::sha256(Bytes()).get());
}

Result<Frontier> Frontier::create(TreeSize size, std::vector<NodeHash> subtrees) {
  if (size.get() > kMaxTreeSize ||
      static_cast<std::size_t>(std::popcount(size.get())) != subtrees.size()) {
    return Error(Code::InvalidArgument, "a tree of " + std::to_string(size.get()) +
                                            " entries does not have " +
                                            std::to_string(subtrees.size()) + " complete subtrees");
  }
  Frontier frontier;
  frontier.size_ = size.get();
  frontier.subtrees_ = std::move(subtrees);
  return frontier;
}

void Frontier::push(const LeafHash& leaf) {
  NodeHash hash = subtree_of(leaf);
  // Each trailing one-bit of the size is a complete subtree that the new one pairs with.
  for (std::uint64_t bits = size_; (bits & 1) != 0; bits >>= 1) {
    hash = node_hash(subtrees_.back(), hash);
    subtrees_.pop_back();
  }
  subtrees_.push_back(hash);
  ++size_;
}

NodeHash Frontier::root() const {
  return size_ == 0 ? empty_root() : fold(subtrees_);
}

Result<NodeHash> root_of(TreeSize size, const HashAt& hash_at) {
  if (size.get() > kMaxTreeSize) return Error(Code::InvalidArgument, "no tree is that large");
  if (size.get() == 0) return empty_root();
  return range_hash(0, size.get(), hash_at);
}

Result<Proof> prove_inclusion(LeafIndex index, TreeSize size, const HashAt& hash_at) {
  if (size.get() > kMaxTreeSize || index.get() >= size.get()) {
    return Error(Code::InvalidArgument, "entry " + std::to_string(index.get()) +
                                            " is not in a tree of " + std::to_string(size.get()));
  }
  Proof proof;
  std::uint64_t start = 0;
  std::uint64_t n = size.get();
  while (n > 1) {
    const std::uint64_t left = split(n);
    if (index.get() < start + left) {
      proof.push_back(TRY(range_hash(start + left, n - left, hash_at)));
      n = left;
    } else {
      proof.push_back(TRY(range_hash(start, left, hash_at)));
      start += left;
      n -= left;
    }
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

Result<NodeHash> root_by_inclusion(const LeafHash& leaf, LeafIndex index, TreeSize size,
                                   const Proof& proof) {
  if (size.get() > kMaxTreeSize || index.get() >= size.get()) {
    return refused("the entry is not in a tree of that size");
  }
  std::uint64_t node = index.get();
  std::uint64_t last = size.get() - 1;
  // Below the point where the path meets the right edge each level has a sibling; above it only
  // the levels where the path turns left (RFC 9162 §2.1.3).
  const unsigned inner = static_cast<unsigned>(std::bit_width(node ^ last));
  const std::size_t length = inner + static_cast<std::size_t>(std::popcount(node >> inner));
  if (proof.size() != length) return refused("the inclusion proof has a wrong length");
  NodeHash hash = subtree_of(leaf);
  for (const NodeHash& sibling : proof) {
    if ((node & 1) != 0 || node == last) {
      hash = node_hash(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return refused("the inclusion proof does not lead to the root");
  return hash;
}

Result<void> check_inclusion(const LeafHash& leaf, LeafIndex index, TreeSize size,
                             const Proof& proof, const NodeHash& root) {
  if (TRY(root_by_inclusion(leaf, index, size, proof)) == root) return {};
  return refused("the inclusion proof does not lead to the root");
}

Result<Proof> prove_consistency(TreeSize old_size, TreeSize new_size, const HashAt& hash_at) {
  std::uint64_t m = old_size.get();
  std::uint64_t n = new_size.get();
  if (m == 0 || m > n || n > kMaxTreeSize) {
    return Error(Code::InvalidArgument, "no consistency proof leads from size " +
                                            std::to_string(m) + " to " + std::to_string(n));
  }
  Proof proof;
  std::uint64_t start = 0;
  bool whole = true;  // the old tree is still the whole left side: its root is known
  while (m != n) {
    const std::uint64_t left = split(n);
    if (m <= left) {
      proof.push_back(TRY(range_hash(start + left, n - left, hash_at)));
      n = left;
    } else {
      proof.push_back(TRY(range_hash(start, left, hash_at)));
      start += left;
      m -= left;
      n -= left;
      whole = false;
    }
  }
  if (!whole) proof.push_back(TRY(range_hash(start, m, hash_at)));
  std::reverse(proof.begin(), proof.end());
  return proof;
}

Result<NodeHash> root_by_consistency(TreeSize old_size, TreeSize new_size, const NodeHash& old_root,
                                     const Proof& proof) {
  if (old_size.get() == 0 || old_size.get() >= new_size.get() || new_size.get() > kMaxTreeSize) {
    return refused("the older tree is empty or not smaller than the newer one");
  }
  std::uint64_t node = old_size.get() - 1;
  std::uint64_t last = new_size.get() - 1;
  while ((node & 1) != 0) {
    node >>= 1;
    last >>= 1;
  }
  std::size_t next = 0;
  NodeHash from_old = old_root;
  if (!std::has_single_bit(old_size.get())) {
    if (proof.empty()) return refused("the consistency proof has a wrong length");
    from_old = proof[next++];
  }
  NodeHash from_new = from_old;
  for (; next < proof.size(); ++next) {
    if (last == 0) return refused("the consistency proof has a wrong length");
    if ((node & 1) != 0 || node == last) {
      from_old = node_hash(proof[next], from_old);
      from_new = node_hash(proof[next], from_new);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      from_new = node_hash(from_new, proof[next]);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return refused("the consistency proof has a wrong length");
  if (from_old != old_root) return refused("the consistency proof does not lead to the old root");
  return from_new;
}

Result<void> check_consistency(TreeSize old_size, TreeSize new_size, const NodeHash& old_root,
                               const NodeHash& new_root, const Proof& proof) {
  if (old_size.get() > new_size.get() || new_size.get() > kMaxTreeSize) {
    return refused("the older tree is larger than the newer one");
  }
  if (old_size == new_size || old_size.get() == 0) {
    if (!proof.empty()) return refused("the consistency proof has a wrong length");
    const NodeHash& expected = old_size == new_size ? new_root : empty_root();
    if (old_root != expected) return refused("the roots of these sizes cannot differ");
    if (new_size.get() == 0 && new_root != empty_root()) {
      return refused("the empty tree has another root");
    }
    return {};
  }
  if (TRY(root_by_consistency(old_size, new_size, old_root, proof)) == new_root) return {};
  return refused("the consistency proof does not lead to the new root");
}

}  // namespace writ::ledger
