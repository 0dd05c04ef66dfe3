#include "ledger/tree.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "crypto/sha.h"
#include "ledger/tile.h"

namespace writ::ledger {
namespace {

LeafHash leaf(std::uint64_t i) {
  return leaf_hash(as_bytes("entry-" + std::to_string(i)));
}

// The definition, word for word (RFC 9162 §2.1.1), over leaves [begin, end).
NodeHash naive_root(std::uint64_t begin, std::uint64_t end) {
  if (begin == end) return empty_root();
  if (end - begin == 1) return subtree_of(leaf(begin));
  std::uint64_t k = 1;
  while (k * 2 < end - begin) k *= 2;
  return node_hash(naive_root(begin, begin + k), naive_root(begin + k, end));
}

Result<NodeHash> naive_hash_at(unsigned level, std::uint64_t index) {
  return naive_root(index << level, (index + 1) << level);
}

// A tree held in tiles, in memory, as a log of `size` entries would publish it.
struct Tiles {
  std::map<std::string, ByteVec> files;
  TileFrontier frontier;

  explicit Tiles(std::uint64_t size) {
    while (frontier.size().get() < size) {
      frontier.push(leaf(frontier.size().get()),
                    [&](const TileId& id, std::span<const NodeHash> hashes) {
                      files[tile_path(id)] = encode_tile(hashes);
                    });
    }
    for (std::size_t level = 0; level < frontier.levels().size(); ++level) {
      const auto& row = frontier.levels()[level];
      if (row.empty()) continue;
      files[tile_path({static_cast<int>(level), size >> (8 * level) >> 8,
                       static_cast<unsigned>(row.size())})] = encode_tile(row);
    }
  }
  HashAt hashes() const {
    return hashes_from_tiles(frontier.size(), [this](const TileId& id) -> Result<ByteVec> {
      const auto found = files.find(tile_path(id));
      if (found == files.end()) return Error(Code::NotFound, tile_path(id));
      return found->second;
    });
  }
};

// ledger-facts: made with Go's sumdb/tlog over "entry-0", "entry-1", …
const std::pair<std::uint64_t, const char*> kRoots[] = {
    {1, "40766b2033429026f53d54502679a839706b4741f8dcaf3a8bba5f41b5ffe075"},
    {2, "2f27a5082c1d42afa488ac350a9fc4390c084f54f71ecdff859e98db8429b479"},
    {3, "a64bf26e09128f6fe2fe6f8b2d8c801e166b57c047a7cd9b2b809e7a96a2f1cb"},
    {7, "9139601cc1ca8ab2a7a0c2c134c04845f2b1ba549a83d6c845cfcda439cc585d"},
    {8, "dfcc13b9b0ca932c68de3d59eaaa8fe266a9c8091c0300e8405ebfeb0d0e5832"},
    {255, "45da9f374748e17a372f71c00422b12e2bf96842f1f61c5740fe494e4becff0f"},
    {256, "f85f4ead34080710b4d1e808301543aaab81aa04deb88599350dc26a4f2f58de"},
    {257, "918b1cec64f317c76e3cf55c0536841c039eff06772ebb8828ce7c176028b5ac"},
    {1000, "d03d63b772af99019817ee3e018286d36a26161bdb5bfe8228e92c02abe9115d"},
    {65536, "df2c606d114416fa600bf3495152e09e39e8be3d0e2e5501c352826539abda8e"},
    {65537, "b63007bf60359bdcbc1d1ef1ed256fe359d2b9d15aba68a3cee30a832f40c79e"},
    {70000, "a62a54be33294ffd5a5c4c637fd754630b71a892e8356e3a666a5c8a7ffd1518"}};

TEST(Tree, KnownRoots) {
  EXPECT_EQ(to_base64(as_bytes(empty_root())), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  Frontier tree;
  TileFrontier tiles;
  std::size_t next = 0;
  for (std::uint64_t i = 0; i < 70'000; ++i) {
    tree.push(leaf(i));
    tiles.push(leaf(i), [](const TileId&, std::span<const NodeHash>) {});
    const bool known = next < std::size(kRoots) && kRoots[next].first == i + 1;
    if (known) {
      EXPECT_EQ(to_hex(tree.root()), kRoots[next].second) << i + 1;
    }
    // Every partial width, and samples of larger sizes.
    if (known || i < 600 || i % 997 == 0) {
      EXPECT_EQ(tiles.root(), tree.root()) << i + 1;
    }
    if (known) ++next;
  }
  EXPECT_EQ(next, std::size(kRoots));
}

TEST(Tree, KnownProofs) {
  const Tiles tiles(1000);
  const Proof inclusion = prove_inclusion(LeafIndex(500), TreeSize(1000), tiles.hashes()).value();
  ASSERT_EQ(inclusion.size(), 10U);
  EXPECT_TRUE(to_hex(inclusion[0]).starts_with("b41abcbc"));
  EXPECT_TRUE(to_hex(inclusion[0]).ends_with("d56780"));
  EXPECT_EQ(to_hex(inclusion[8]), kRoots[6].second);
  EXPECT_TRUE(to_hex(inclusion[9]).starts_with("d29503e0"));
  EXPECT_TRUE(to_hex(inclusion[9]).ends_with("1fba29"));
  const Proof consistency =
      prove_consistency(TreeSize(257), TreeSize(1000), tiles.hashes()).value();
  ASSERT_EQ(consistency.size(), 11U);
  EXPECT_TRUE(to_hex(consistency[0]).starts_with("dcb006f0"));
  EXPECT_TRUE(to_hex(consistency[0]).ends_with("a780e7"));
}

TEST(Tree, ProofsHoldAgainstTheDefinition) {
  rc::check([] {
    const std::uint64_t size = *rc::gen::inRange<std::uint64_t>(1, 300);
    const std::uint64_t index = *rc::gen::inRange<std::uint64_t>(0, size);
    const std::uint64_t old_size = *rc::gen::inRange<std::uint64_t>(1, size + 1);
    const NodeHash root = naive_root(0, size);
    const Proof inclusion =
        prove_inclusion(LeafIndex(index), TreeSize(size), naive_hash_at).value();
    RC_ASSERT(check_inclusion(leaf(index), LeafIndex(index), TreeSize(size), inclusion, root)
                  .has_value());
    const Proof consistency =
        prove_consistency(TreeSize(old_size), TreeSize(size), naive_hash_at).value();
    RC_ASSERT(check_consistency(TreeSize(old_size), TreeSize(size), naive_root(0, old_size), root,
                                consistency)
                  .has_value());
  });
}

TEST(Tree, ProofsFromTilesAreThoseOfTheDefinition) {
  for (const std::uint64_t size : {1, 2, 255, 256, 257, 511, 513, 1000}) {
    const Tiles tiles(size);
    ASSERT_EQ(root_of(TreeSize(size), tiles.hashes()).value(), naive_root(0, size));
    for (std::uint64_t index = 0; index < size; index += 37) {
      EXPECT_EQ(prove_inclusion(LeafIndex(index), TreeSize(size), tiles.hashes()).value(),
                prove_inclusion(LeafIndex(index), TreeSize(size), naive_hash_at).value());
    }
  }
}

// Sizes up to 70,000, with every width that a partial tile can have at levels 0, 1 and 2: the files
// are those that tiles_for names, and the proofs that they give lead to the root.
TEST(Tree, EveryPartialWidthGivesItsTilesAndProofs) {
  std::map<std::string, ByteVec> full;
  Frontier tree;
  TileFrontier tiles;
  std::vector<NodeHash> roots{empty_root()};  // by size
  std::uint64_t looked_at = 0;
  for (std::uint64_t size = 1; size <= 70'000; ++size) {
    tree.push(leaf(size - 1));
    roots.push_back(tree.root());
    tiles.push(leaf(size - 1), [&](const TileId& id, std::span<const NodeHash> hashes) {
      full[tile_path(id)] = encode_tile(hashes);
    });
    if (size > 520 && size % 256 > 1 && size % 1021 != 0 && size != 70'000) continue;
    ++looked_at;
    std::map<std::string, ByteVec> partial;
    for (std::size_t level = 0; level < tiles.levels().size(); ++level) {
      const auto& row = tiles.levels()[level];
      if (row.empty()) continue;
      partial[tile_path({static_cast<int>(level), size >> (8 * level) >> 8,
                         static_cast<unsigned>(row.size())})] = encode_tile(row);
    }
    std::size_t named = 0;
    for (const TileId& id : tiles_for(TreeSize(size))) {
      if (id.level == TileId::kEntries) continue;
      ++named;
      ASSERT_TRUE(full.contains(tile_path(id)) || partial.contains(tile_path(id)))
          << size << " " << tile_path(id);
    }
    ASSERT_EQ(named, full.size() + partial.size()) << size;
    const HashAt hashes =
        hashes_from_tiles(TreeSize(size), [&](const TileId& id) -> Result<ByteVec> {
          const auto& files = id.width == kTileWidth ? full : partial;
          const auto found = files.find(tile_path(id));
          if (found == files.end()) return Error(Code::NotFound, tile_path(id));
          return found->second;
        });
    ASSERT_EQ(root_of(TreeSize(size), hashes).value(), tree.root()) << size;
    for (const std::uint64_t index : {std::uint64_t{0}, size / 3, size - 1}) {
      const Proof path = prove_inclusion(LeafIndex(index), TreeSize(size), hashes).value();
      ASSERT_TRUE(check_inclusion(leaf(index), LeafIndex(index), TreeSize(size), path, tree.root()))
          << size << " " << index;
    }
    for (const std::uint64_t old : {std::uint64_t{1}, size - size / 5, size}) {
      const Proof path = prove_consistency(TreeSize(old), TreeSize(size), hashes).value();
      ASSERT_TRUE(check_consistency(TreeSize(old), TreeSize(size), roots[old], tree.root(), path))
          << size << " " << old;
    }
  }
  EXPECT_GT(looked_at, 1'100U);
}

// Everything that a liar can turn: any byte, the length, the place, the sizes.
TEST(Tree, AlteredProofsAreRefused) {
  const std::uint64_t size = 77;
  const NodeHash root = naive_root(0, size);
  for (const std::uint64_t index : {0, 1, 40, 63, 64, 76}) {
    const Proof proof = prove_inclusion(LeafIndex(index), TreeSize(size), naive_hash_at).value();
    const auto holds = [&](std::uint64_t i, std::uint64_t n, const Proof& p, const LeafHash& l) {
      return check_inclusion(l, LeafIndex(i), TreeSize(n), p, root).has_value();
    };
    ASSERT_TRUE(holds(index, size, proof, leaf(index)));
    EXPECT_FALSE(holds(index, size, proof, leaf(index + 1)));
    EXPECT_FALSE(holds(size, size, proof, leaf(index)));
    for (std::uint64_t i = 0; i < size; ++i) {
      if (i != index) {
        EXPECT_FALSE(holds(i, size, proof, leaf(index)));
      }
    }
    Proof longer = proof;
    longer.push_back(root);
    EXPECT_FALSE(holds(index, size, longer, leaf(index)));
    for (std::size_t k = 0; k < proof.size(); ++k) {
      Proof shorter = proof;
      shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(k));
      EXPECT_FALSE(holds(index, size, shorter, leaf(index)));
      Proof bent = proof;
      Array32 bytes = bent[k].get();
      bytes[k % 32] ^= std::byte{1};
      bent[k] = NodeHash(bytes);
      EXPECT_FALSE(holds(index, size, bent, leaf(index)));
    }
  }
  for (std::uint64_t old_size = 1; old_size < size; ++old_size) {
    const Proof proof =
        prove_consistency(TreeSize(old_size), TreeSize(size), naive_hash_at).value();
    const NodeHash old_root = naive_root(0, old_size);
    const auto holds = [&](std::uint64_t n, const NodeHash& r, const Proof& p) {
      return check_consistency(TreeSize(n), TreeSize(size), r, root, p).has_value();
    };
    ASSERT_TRUE(holds(old_size, old_root, proof));
    EXPECT_FALSE(holds(old_size, root, proof));
    EXPECT_FALSE(holds(old_size + 1, old_root, proof));
    Proof longer = proof;
    longer.push_back(root);
    EXPECT_FALSE(holds(old_size, old_root, longer));
    for (std::size_t k = 0; k < proof.size(); ++k) {
      Proof bent = proof;
      Array32 bytes = bent[k].get();
      bytes[31] ^= std::byte{0x80};
      bent[k] = NodeHash(bytes);
      EXPECT_FALSE(holds(old_size, old_root, bent)) << old_size << " " << k;
      Proof shorter = proof;
      shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(k));
      EXPECT_FALSE(holds(old_size, old_root, shorter));
    }
  }
}

TEST(Tree, HugeSizesNeitherLoopNorOverflow) {
  const NodeHash root = empty_root();
  const Proof proof(63, root);
  EXPECT_FALSE(check_inclusion(leaf(0), LeafIndex(0), TreeSize(UINT64_MAX), proof, root));
  EXPECT_FALSE(
      check_inclusion(leaf(0), LeafIndex(kMaxTreeSize - 1), TreeSize(kMaxTreeSize), proof, root));
  EXPECT_FALSE(
      check_consistency(TreeSize(UINT64_MAX - 1), TreeSize(UINT64_MAX), root, root, proof));
  EXPECT_FALSE(check_consistency(TreeSize(5), TreeSize(kMaxTreeSize), root, root, {}));
  EXPECT_FALSE(prove_consistency(TreeSize(0), TreeSize(5), naive_hash_at));
  EXPECT_TRUE(check_consistency(TreeSize(0), TreeSize(5), root, naive_root(0, 5), {}));
  EXPECT_FALSE(check_consistency(TreeSize(5), TreeSize(5), root, naive_root(0, 5), {}));
}

TEST(Tile, PathsOfTheSpecification) {
  const std::pair<TileId, const char*> table[] = {
      {{0, 0, 256}, "tile/0/000"},
      {{0, 999, 256}, "tile/0/999"},
      {{1, 1000, 256}, "tile/1/x001/000"},
      {{0, 1234067, 256}, "tile/0/x001/x234/067"},
      {{63, 5, 8}, "tile/63/005.p/8"},
      {{TileId::kEntries, 1234067, 255}, "tile/entries/x001/x234/067.p/255"}};
  for (const auto& [id, path] : table) {
    EXPECT_EQ(tile_path(id), path);
    EXPECT_EQ(parse_tile_path(path).value(), id);
  }
  for (const char* bad : {"",
                          "tile/0",
                          "tile/00/000",
                          "tile/64/000",
                          "tile/-1/000",
                          "tile/0/0",
                          "tile/0/00",
                          "tile/0/0000",
                          "tile/0/x000/001",
                          "tile/0/001/000",
                          "tile/0/x001/x000",
                          "tile/0/000.p/0",
                          "tile/0/000.p/256",
                          "tile/0/000.p/08",
                          "tile/0/000.p",
                          "tile/0/000/",
                          "tile/0/../000",
                          "tile/entries/000.p/1/",
                          "tile/8/0/000",
                          "tile/0/x018/x446/x744/x073/x709/x551/616"}) {
    EXPECT_FALSE(parse_tile_path(bad)) << bad;
  }
}

TEST(Tile, ATreeConsistsOfTheTilesTheSpecificationNames) {
  const auto count = [](std::uint64_t size, int level, unsigned width) {
    unsigned n = 0;
    for (const TileId& id : tiles_for(TreeSize(size))) {
      n += id.level == level && id.width == width ? 1 : 0;
    }
    return n;
  };
  EXPECT_TRUE(tiles_for(TreeSize(0)).empty());
  EXPECT_EQ(tiles_for(TreeSize(256)).size(), 3U);  // full level 0 and bundle, level 1 of width 1
  EXPECT_EQ(count(256, 1, 1), 1U);
  EXPECT_EQ(count(70'000, 0, 256), 273U);
  EXPECT_EQ(count(70'000, 0, 112), 1U);
  EXPECT_EQ(count(70'000, TileId::kEntries, 256), 273U);
  EXPECT_EQ(count(70'000, 1, 256), 1U);
  EXPECT_EQ(count(70'000, 1, 17), 1U);
  EXPECT_EQ(count(70'000, 2, 1), 1U);
  EXPECT_EQ(tiles_for(TreeSize(70'000), TreeSize(70'000)).size(), 0U);
  EXPECT_EQ(tiles_for(TreeSize(513), TreeSize(512)).size(), 2U);  // new partials of level 0 alone
}

TEST(Tile, OnlyFullTilesThatEndBelowTheMinimumIndexMayBeGone) {
  const auto may = [](int level, std::uint64_t index, unsigned width, std::uint64_t minimum) {
    return may_be_pruned({level, index, width}, LeafIndex(minimum));
  };
  EXPECT_FALSE(may(0, 0, 256, 0));
  EXPECT_FALSE(may(0, 0, 256, 255));
  EXPECT_TRUE(may(0, 0, 256, 256));
  EXPECT_TRUE(may(TileId::kEntries, 0, 256, 256));
  EXPECT_FALSE(may(TileId::kEntries, 1, 256, 511));
  EXPECT_TRUE(may(TileId::kEntries, 1, 256, 512));
  EXPECT_FALSE(may(0, 0, 255, 10'000));  // partial ones never
  EXPECT_FALSE(may(1, 0, 256, 65'535));
  EXPECT_TRUE(may(1, 0, 256, 65'536));
  EXPECT_FALSE(may(63, 0, 256, UINT64_MAX));
}

TEST(Tile, BundlesRoundTripAndAreStrict) {
  const std::string a = "first";
  const std::string empty;
  const Bytes entries[] = {as_bytes(a), as_bytes(empty), as_bytes(a)};
  const ByteVec bundle = encode_bundle(entries).value();
  EXPECT_EQ(to_hex(bundle), "00056669727374000000056669727374");
  ASSERT_EQ(decode_bundle(bundle, 3).value().size(), 3U);
  EXPECT_TRUE(equal(decode_bundle(bundle, 3).value()[2], as_bytes(a)));
  EXPECT_FALSE(decode_bundle(bundle, 2));
  EXPECT_FALSE(decode_bundle(bundle, 4));
  for (std::size_t cut = 0; cut < bundle.size(); ++cut) {
    EXPECT_FALSE(decode_bundle(Bytes(bundle).first(cut), 3)) << cut;
  }
  const ByteVec large(65'536);
  const Bytes too_large[] = {Bytes(large)};
  EXPECT_FALSE(encode_bundle(too_large));
  EXPECT_FALSE(decode_tile(ByteVec(33), 1));
  EXPECT_FALSE(decode_tile(ByteVec(32), 2));
}

TEST(Tile, AFrontierIsOnlyTakenUpWithFittingWidths) {
  const Tiles tiles(70'000);
  auto levels = tiles.frontier.levels();
  EXPECT_EQ(TileFrontier::create(TreeSize(70'000), levels)->root(), tiles.frontier.root());
  EXPECT_FALSE(TileFrontier::create(TreeSize(70'001), levels));
  levels[1].pop_back();
  EXPECT_FALSE(TileFrontier::create(TreeSize(70'000), levels));
}

}  // namespace
}  // namespace writ::ledger
