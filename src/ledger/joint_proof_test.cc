#include "ledger/joint_proof.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace writ::ledger {
namespace {

// A tree of the entries "entry-0", "entry-1", …
struct Tree {
  explicit Tree(std::uint64_t size) {
    for (std::uint64_t i = 0; i < size; ++i) {
      leaves.push_back(leaf_hash(as_bytes("entry-" + std::to_string(i))));
      frontier.push(leaves.back());
    }
  }
  Result<NodeHash> at(unsigned level, std::uint64_t index) const {
    Frontier part;
    for (std::uint64_t i = index << level; i < (index + 1) << level; ++i) part.push(leaves.at(i));
    return part.root();
  }
  HashAt hash_at() const {
    return [this](unsigned level, std::uint64_t index) { return at(level, index); };
  }
  TreeSize size() const { return frontier.size(); }
  std::vector<LeafHash> of(const std::vector<LeafIndex>& indexes) const {
    std::vector<LeafHash> some;
    for (const LeafIndex index : indexes) some.push_back(leaves.at(index.get()));
    return some;
  }
  std::vector<LeafHash> leaves;
  Frontier frontier;
};

std::vector<LeafIndex> indexes_of(std::uint64_t set) {
  std::vector<LeafIndex> indexes;
  for (std::uint64_t i = 0; i < 64; ++i) {
    if ((set >> i & 1) != 0) indexes.push_back(LeafIndex(i));
  }
  return indexes;
}

TEST(JointProof, EverySetOfEveryTreeUpToTenEntriesLeadsToItsRootAndNoneWithOneHashBent) {
  for (std::uint64_t size = 1; size <= 10; ++size) {
    const Tree tree(size);
    for (std::uint64_t set = 1; set < std::uint64_t{1} << size; ++set) {
      const std::vector<LeafIndex> indexes = indexes_of(set);
      const Proof proof = prove_jointly(indexes, tree.size(), tree.hash_at()).value();
      const std::vector<LeafHash> leaves = tree.of(indexes);
      const NodeHash root = root_of_joint(indexes, leaves, tree.size(), proof).value();
      ASSERT_EQ(root, tree.frontier.root()) << size << "/" << set;
      if (set % 7 != 0) continue;
      for (std::size_t i = 0; i < proof.size(); ++i) {
        Proof bent = proof;
        Array32 raw = bent[i].get();
        raw[31] ^= std::byte{1};
        bent[i] = NodeHash(raw);
        EXPECT_NE(root_of_joint(indexes, leaves, tree.size(), bent).value(), root);
      }
    }
  }
}

TEST(JointProof, ForOneEntryItHasTheHashesOfItsInclusionPath) {
  const Tree tree(13);
  for (std::uint64_t i = 0; i < 13; ++i) {
    const LeafIndex index(i);
    Proof joint = prove_jointly({&index, 1}, tree.size(), tree.hash_at()).value();
    Proof path = prove_inclusion(index, tree.size(), tree.hash_at()).value();
    std::sort(joint.begin(), joint.end());
    std::sort(path.begin(), path.end());
    EXPECT_EQ(joint, path);
  }
}

TEST(JointProof, ProofsThatAreTooShortOrTooLongAndLeavesThatDoNotFitAreRefused) {
  const Tree tree(9);
  const std::vector<LeafIndex> indexes = {LeafIndex(2), LeafIndex(5)};
  const std::vector<LeafHash> leaves = tree.of(indexes);
  const Proof proof = prove_jointly(indexes, tree.size(), tree.hash_at()).value();
  Proof shorter = proof;
  shorter.pop_back();
  EXPECT_FALSE(root_of_joint(indexes, leaves, tree.size(), shorter));
  EXPECT_FALSE(root_of_joint(indexes, leaves, tree.size(), {}));
  Proof longer = proof;
  longer.push_back(proof[0]);
  EXPECT_FALSE(root_of_joint(indexes, leaves, tree.size(), longer));
  EXPECT_FALSE(root_of_joint(indexes, tree.of({LeafIndex(2)}), tree.size(), proof));
  const std::vector<LeafHash> swapped = {leaves[1], leaves[0]};
  EXPECT_NE(root_of_joint(indexes, swapped, tree.size(), proof).value(), tree.frontier.root());
}

TEST(JointProof, IndexesMustAscendAndLieInTheTree) {
  const Tree tree(9);
  const std::vector<std::vector<LeafIndex>> wrong = {
      {}, {LeafIndex(9)}, {LeafIndex(3), LeafIndex(3)}, {LeafIndex(4), LeafIndex(3)}};
  for (const std::vector<LeafIndex>& indexes : wrong) {
    const std::vector<LeafHash> leaves(indexes.size(), tree.leaves[0]);
    EXPECT_FALSE(prove_jointly(indexes, tree.size(), tree.hash_at()));
    EXPECT_FALSE(root_of_joint(indexes, leaves, tree.size(), {}));
  }
  const LeafIndex last(kMaxTreeSize - 1);
  const LeafHash leaf = tree.leaves[0];
  EXPECT_TRUE(root_of_joint({&last, 1}, {&leaf, 1}, TreeSize(kMaxTreeSize), Proof(63)));
  EXPECT_FALSE(root_of_joint({&last, 1}, {&leaf, 1}, TreeSize(kMaxTreeSize + 1), Proof(64)));
}

}  // namespace
}  // namespace writ::ledger
