#include "policy/uid_table.h"

#include <gtest/gtest.h>

namespace writ::policy::detail {
namespace {

// Ids as a stranger could craft them: all of one hash, or of few.
class Crafted {
 public:
  Crafted(std::size_t count, std::uint64_t hashes) {
    for (std::size_t i = 0; i < count; ++i) {
      ids_.push_back(EntityUid::make("T", std::to_string(i)));
      auto* node = const_cast<EntityNode*>(ids_.back().node());
      node->hash = i % hashes;
      sorted_.push_back(node);
    }
    std::sort(sorted_.begin(), sorted_.end(), search_less);
  }
  const std::vector<const EntityNode*>& sorted() const { return sorted_; }

 private:
  std::vector<EntityUid> ids_;
  std::vector<const EntityNode*> sorted_;
};

TEST(UidTable, FindsEveryIdAndNoOtherWhateverTheHashes) {
  for (const std::size_t count : {0U, 1U, 2U, 7U, 100U, 3'000U}) {
    for (const std::uint64_t hashes : {1ULL, 3ULL, 50ULL, ~0ULL}) {
      const Crafted crafted(count, hashes);
      UidTable table;
      EXPECT_EQ(table.find(EntityUid::make("T", "0").node()), kNowhere);
      table.build(crafted.sorted());
      ASSERT_EQ(table.size(), count);
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(table.find(crafted.sorted()[i]), i);
        // The same hash, another id; the same text, another type.
        for (const auto& [type, id] : {std::pair("T", "absent"), std::pair("U", "0")}) {
          const EntityUid other = EntityUid::make(type, id);
          const_cast<EntityNode*>(other.node())->hash = crafted.sorted()[i]->hash;
          ASSERT_EQ(table.find(other.node()), kNowhere);
        }
      }
      EXPECT_EQ(table.find(EntityUid::make("T", "0").node()), kNowhere);  // its real hash
    }
  }
}

TEST(HashDirectory, EveryHashIsInItsBucket) {
  for (const std::size_t count : {0U, 1U, 2U, 1'000U}) {
    std::vector<std::uint64_t> hashes;
    for (std::size_t i = 0; i < count; ++i) hashes.push_back(i * 0x9e3779b97f4a7c15ULL);
    if (count > 1) hashes.push_back(UINT64_MAX);
    std::sort(hashes.begin(), hashes.end());
    HashDirectory directory;
    directory.build(hashes);
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      const auto [from, to] = directory.bucket(hashes[i]);
      EXPECT_LE(from, i);
      EXPECT_GT(to, i);
      EXPECT_LE(to, hashes.size());
    }
  }
}

}  // namespace
}  // namespace writ::policy::detail
