// Tiles and entry bundles: how the tree and its entries lie in files (C2SP tlog-tiles).
//
// A tile holds up to 256 hashes of 32 bytes: at level 0 leaf hashes, at level L the roots of full
// tiles of level L-1. A bundle holds the entries of a level-0 tile, each behind a 16-bit length.
// Paths are `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`. The bytes may come from a
// stranger: reading is strict and total.
//
//   for (const TileId& id : tiles_for(size)) ...            // what a tree of this size consists of
//   std::vector<Bytes> entries = TRY(decode_bundle(bytes, id.width));
//
// Thread safety: values and pure functions.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "ledger/tree.h"

namespace writ::ledger {

inline constexpr std::uint64_t kTileWidth = 256;
inline constexpr std::size_t kMaxTileBytes = 256 * 32;
inline constexpr std::size_t kMaxBundleBytes = 256 * (2 + 65'535);

struct TileId {
  // level 0-63 of hashes, or kEntries for a bundle.
  static constexpr int kEntries = -1;
  int level = 0;
  std::uint64_t index = 0;
  unsigned width = 256;  // 1-256; below 256 the tile is partial
  friend std::strong_ordering operator<=>(const TileId&, const TileId&) = default;
};

// tile_path is "tile/0/x001/x234/067.p/8" for level 0, index 1234067, width 8.
std::string tile_path(const TileId& id);
// parse_tile_path reads exactly what tile_path writes.
Result<TileId> parse_tile_path(std::string_view path);

// tiles_for lists the tiles and bundles of a tree of `size`: at each level the full ones from
// `from` on (0: all) and the partial one at its right edge, if any. With `from` set to the size of
// an older tree it lists what the newer tree has and the older has not.
std::vector<TileId> tiles_for(TreeSize size, TreeSize from = TreeSize(0));

// bundle_of and tile_of say which bundle or level-L tile of a tree of `size` holds leaf `index`,
// or the hash that covers it.
TileId bundle_of(LeafIndex index, TreeSize size);

// may_be_pruned: whether a log that has published the minimum index `minimum` may answer an error
// for this tile or bundle: full ones whose last entry lies below it. With 0 nothing may.
bool may_be_pruned(const TileId& id, LeafIndex minimum);

// encode_bundle writes entries one after another; Exhausted for an entry over 65,535 bytes.
Result<ByteVec> encode_bundle(std::span<const Bytes> entries);
// decode_bundle reads `width` entries and nothing after them. The views live as long as `bundle`.
Result<std::vector<Bytes>> decode_bundle(Bytes bundle, unsigned width);

// decode_tile reads `width` hashes; Malformed unless it is exactly 32·width bytes.
Result<std::vector<NodeHash>> decode_tile(Bytes tile, unsigned width);
ByteVec encode_tile(std::span<const NodeHash> hashes);

// TileFrontier is the right edge of the tree in tiles: what is needed to add leaves, to write the
// tiles they complete, and to know the root. At most 255 hashes a level.
class TileFrontier {
 public:
  TileFrontier() = default;
  // create takes up a tree of `size` from the hashes of its partial tiles, level 0 first (an
  // empty list for a level that ends on a full tile). InvalidArgument when the widths do not fit.
  static Result<TileFrontier> create(TreeSize size, std::vector<std::vector<NodeHash>> levels);

  // push adds a leaf. Every tile that it completes is given to `full`, level 0 first.
  void push(const LeafHash& leaf,
            const std::function<void(const TileId&, std::span<const NodeHash>)>& full);
  TreeSize size() const { return TreeSize(size_); }
  NodeHash root() const;
  // levels are the hashes of the partial tiles, level 0 first.
  const std::vector<std::vector<NodeHash>>& levels() const { return levels_; }

 private:
  std::uint64_t size_ = 0;
  std::vector<std::vector<NodeHash>> levels_;
};

// ReadTile gives the bytes of a tile as stored (its width may be that of a fuller tile).
using ReadTile = std::function<Result<ByteVec>(const TileId& id)>;
// hashes_from_tiles reads the hashes of a tree of `size` from its tiles, keeping the last few.
HashAt hashes_from_tiles(TreeSize size, ReadTile read_tile);

}  // namespace writ::ledger
