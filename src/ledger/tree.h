// The Merkle tree of the log: RFC 6962 §2.1 = RFC 9162 §2.1, SHA-256.
//
// Leaf and inner hashes are different types, so that one can never stand for the other (the
// prefixes 00 and 01 exist for that). Proofs come from a stranger: their length is checked
// against the tree's shape before anything is hashed, and sizes may be anything up to 2^63.
//
//   Frontier tree;
//   tree.push(leaf_hash(entry));
//   TRY(check_inclusion(leaf, index, size, proof, root));
//
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace writ::ledger {

inline constexpr std::uint64_t kMaxTreeSize = std::uint64_t{1} << 63;

// leaf_hash is H(00 ‖ entry).
LeafHash leaf_hash(Bytes entry);
// node_hash is H(01 ‖ left ‖ right).
NodeHash node_hash(const NodeHash& left, const NodeHash& right);
// subtree_of is the tree of one leaf: its hash as a node.
NodeHash subtree_of(const LeafHash& leaf);
// empty_root is the root of the tree without entries, H("").
NodeHash empty_root();

// Frontier is a tree that grows at its right edge and keeps only the O(log n) hashes it needs
// (the roots of its complete subtrees, largest first).
class Frontier {
 public:
  Frontier() = default;
  // create takes up a tree of `size` from the roots of its complete subtrees, largest first;
  // InvalidArgument unless there is one for each one-bit of the size.
  static Result<Frontier> create(TreeSize size, std::vector<NodeHash> subtrees);

  void push(const LeafHash& leaf);
  TreeSize size() const { return TreeSize(size_); }
  NodeHash root() const;
  const std::vector<NodeHash>& subtrees() const { return subtrees_; }

 private:
  std::uint64_t size_ = 0;
  std::vector<NodeHash> subtrees_;
};

using Proof = std::vector<NodeHash>;

// HashAt gives the root of the complete subtree of 2^level leaves that begins at leaf
// index·2^level; it is only asked for subtrees that lie wholly inside the tree at hand.
using HashAt = std::function<Result<NodeHash>(unsigned level, std::uint64_t index)>;

// root_of is the root of the first `size` entries.
Result<NodeHash> root_of(TreeSize size, const HashAt& hash_at);

// prove_inclusion: sibling of the leaf first, child of the root last. InvalidArgument unless
// index < size.
Result<Proof> prove_inclusion(LeafIndex index, TreeSize size, const HashAt& hash_at);
// check_inclusion: Denied unless the proof leads from `leaf` at `index` to `root` of `size`.
Result<void> check_inclusion(const LeafHash& leaf, LeafIndex index, TreeSize size,
                             const Proof& proof, const NodeHash& root);
// root_by_inclusion is the root that the proof leads to; Denied for a proof of a wrong length.
Result<NodeHash> root_by_inclusion(const LeafHash& leaf, LeafIndex index, TreeSize size,
                                   const Proof& proof);

// prove_consistency (RFC 6962 §2.1.2): empty between equal sizes; InvalidArgument from size 0 or
// when the old size is larger.
Result<Proof> prove_consistency(TreeSize old_size, TreeSize new_size, const HashAt& hash_at);
// check_consistency: Denied unless the tree `new_root` of `new_size` begins with `old_root` of
// `old_size`. Size 0 is consistent with everything, with an empty proof and the empty root.
Result<void> check_consistency(TreeSize old_size, TreeSize new_size, const NodeHash& old_root,
                               const NodeHash& new_root, const Proof& proof);
// root_by_consistency is the root of `new_size` that the proof leads to from `old_root`, for
// 0 < old < new; Denied when it does not begin there or has a wrong length.
Result<NodeHash> root_by_consistency(TreeSize old_size, TreeSize new_size, const NodeHash& old_root,
                                     const Proof& proof);

}  // namespace writ::ledger
