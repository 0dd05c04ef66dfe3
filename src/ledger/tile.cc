#include "ledger/tile.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <list>
#include <memory>

namespace writ::ledger {
namespace {

constexpr unsigned kTileBits = 8;
constexpr unsigned kMaxLevels = 8;  // 2^63 entries need levels 0 to 7

// How many hashes level `level` of a tree of `size` has.
std::uint64_t hashes_at(std::uint64_t size, unsigned level) {
  return level * kTileBits >= 64 ? 0 : size >> (level * kTileBits);
}

// The root of hashes that are 2^k siblings.
NodeHash complete_root(std::span<const NodeHash> hashes) {
  std::vector<NodeHash> row(hashes.begin(), hashes.end());
  while (row.size() > 1) {
    for (std::size_t i = 0; i < row.size() / 2; ++i) {
      row[i] = node_hash(row[2 * i], row[2 * i + 1]);
    }
    row.resize(row.size() / 2);
  }
  return row.front();
}

void put_number(std::string& path, std::uint64_t n) {
  std::string groups = std::to_string(1000 + n % 1000).substr(1);
  while ((n /= 1000) > 0) {
    groups = "x" + std::to_string(1000 + n % 1000).substr(1) + "/" + groups;
  }
  path += groups;
}

}  // namespace

std::string tile_path(const TileId& id) {
  std::string path = "tile/";
  path += id.level == TileId::kEntries ? "entries" : std::to_string(id.level);
  path += '/';
  put_number(path, id.index);
  if (id.width != kTileWidth) path += ".p/" + std::to_string(id.width);
  return path;
}

Result<TileId> parse_tile_path(std::string_view path) {
  const Error wrong(Code::Malformed, "`" + printable(path) + "` is not a tile path");
  std::string_view rest = path;
  const auto take = [&rest](std::string_view prefix) {
    if (!rest.starts_with(prefix)) return false;
    rest.remove_prefix(prefix.size());
    return true;
  };
  TileId id;
  if (!take("tile/")) return wrong;
  if (take("entries/")) {
    id.level = TileId::kEntries;
  } else {
    const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), id.level);
    if (fault != std::errc() || id.level < 0 || id.level > 63) return wrong;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (!take("/")) return wrong;
  }
  for (bool more = true; more;) {
    more = take("x");
    if (rest.size() < 3) return wrong;
    std::uint64_t group = 0;
    for (const char digit : rest.substr(0, 3)) {
      if (digit < '0' || digit > '9') return wrong;
      group = group * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    if (id.index > (UINT64_MAX - group) / 1000) return wrong;
    id.index = id.index * 1000 + group;
    rest.remove_prefix(3);
    if (more && !take("/")) return wrong;
  }
  if (take(".p/")) {
    const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), id.width);
    if (fault != std::errc() || id.width == 0 || id.width >= kTileWidth) return wrong;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  }
  // One form for each tile: leading zeros and groups fall out by writing it again.
  if (!rest.empty() || tile_path(id) != path) return wrong;
  return id;
}

std::vector<TileId> tiles_for(TreeSize size, TreeSize from) {
  std::vector<TileId> tiles;
  for (unsigned level = 0; level < kMaxLevels; ++level) {
    const std::uint64_t now = hashes_at(size.get(), level);
    const std::uint64_t then = hashes_at(from.get(), level);
    if (now == 0) break;
    if (now == then) continue;
    for (int kind : {static_cast<int>(level), TileId::kEntries}) {
      if (kind == TileId::kEntries && level != 0) continue;
      for (std::uint64_t i = then / kTileWidth; i < now / kTileWidth; ++i) {
        tiles.push_back({kind, i, kTileWidth});
      }
      if (now % kTileWidth != 0) {
        tiles.push_back({kind, now / kTileWidth, static_cast<unsigned>(now % kTileWidth)});
      }
    }
  }
  return tiles;
}

TileId bundle_of(LeafIndex index, TreeSize size) {
  const std::uint64_t number = index.get() / kTileWidth;
  const bool full = number < size.get() / kTileWidth;
  return {
      TileId::kEntries, number,
      full ? static_cast<unsigned>(kTileWidth) : static_cast<unsigned>(size.get() % kTileWidth)};
}

bool may_be_pruned(const TileId& id, LeafIndex minimum) {
  if (id.width != kTileWidth) return false;
  // A tile of level L covers 256^(L+1) entries; compared in those units nothing overflows.
  const unsigned bits =
      kTileBits * (id.level == TileId::kEntries ? 1U : static_cast<unsigned>(id.level) + 1U);
  return bits < 64 && id.index < minimum.get() >> bits;
}

Result<ByteVec> encode_bundle(std::span<const Bytes> entries) {
  ByteVec bundle;
  for (const Bytes entry : entries) {
    if (entry.size() > 65'535) {
      return Error(Code::Exhausted, "an entry of " + std::to_string(entry.size()) +
                                        " bytes is over the limit of 65535");
    }
    bundle.push_back(static_cast<std::byte>(entry.size() >> 8));
    bundle.push_back(static_cast<std::byte>(entry.size() & 0xff));
    append(bundle, entry);
  }
  return bundle;
}

Result<std::vector<Bytes>> decode_bundle(Bytes bundle, unsigned width) {
  std::vector<Bytes> entries;
  for (unsigned i = 0; i < width; ++i) {
    if (bundle.size() < 2) return Error(Code::Malformed, "the entry bundle is cut short");
    const std::size_t length =
        std::to_integer<std::size_t>(bundle[0]) << 8 | std::to_integer<std::size_t>(bundle[1]);
    bundle = bundle.subspan(2);
    if (bundle.size() < length) return Error(Code::Malformed, "the entry bundle is cut short");
    entries.push_back(bundle.first(length));
    bundle = bundle.subspan(length);
  }
  if (!bundle.empty()) return Error(Code::Malformed, "bytes follow the entry bundle's last entry");
  return entries;
}

Result<std::vector<NodeHash>> decode_tile(Bytes tile, unsigned width) {
  if (tile.size() != std::size_t{width} * 32) {
    return Error(Code::Malformed, "a tile of width " + std::to_string(width) + " has " +
                                      std::to_string(width * 32) + " bytes, not " +
                                      std::to_string(tile.size()));
  }
  std::vector<NodeHash> hashes;
  hashes.reserve(width);
  for (; !tile.empty(); tile = tile.subspan(32)) {
    Array32 hash{};
    std::copy_n(tile.begin(), 32, hash.begin());
    hashes.emplace_back(hash);
  }
  return hashes;
}

ByteVec encode_tile(std::span<const NodeHash> hashes) {
  ByteVec tile;
  tile.reserve(hashes.size() * 32);
  for (const NodeHash& hash : hashes) append(tile, as_bytes(hash));
  return tile;
}

Result<TileFrontier> TileFrontier::create(TreeSize size,
                                          std::vector<std::vector<NodeHash>> levels) {
  bool fits = size.get() <= kMaxTreeSize;
  for (unsigned level = 0; fits && level < kMaxLevels; ++level) {
    const std::uint64_t width = hashes_at(size.get(), level) % kTileWidth;
    const std::uint64_t given = level < levels.size() ? levels[level].size() : 0;
    fits = width == given;
  }
  if (!fits || levels.size() > kMaxLevels) {
    return Error(Code::InvalidArgument, "the partial tiles do not fit a tree of " +
                                            std::to_string(size.get()) + " entries");
  }
  TileFrontier frontier;
  frontier.size_ = size.get();
  frontier.levels_ = std::move(levels);
  return frontier;
}

void TileFrontier::push(const LeafHash& leaf,
                        const std::function<void(const TileId&, std::span<const NodeHash>)>& full) {
  ++size_;
  NodeHash hash = subtree_of(leaf);
  for (unsigned level = 0;; ++level) {
    if (levels_.size() <= level) levels_.emplace_back();
    std::vector<NodeHash>& row = levels_[level];
    row.push_back(hash);
    if (row.size() < kTileWidth) return;
    const std::uint64_t number = hashes_at(size_, level + 1) - 1;
    full({static_cast<int>(level), number, kTileWidth}, row);
    hash = complete_root(row);
    row.clear();
  }
}

NodeHash TileFrontier::root() const {
  std::vector<NodeHash> subtrees;
  for (std::size_t level = levels_.size(); level-- > 0;) {
    std::span<const NodeHash> row = levels_[level];
    while (!row.empty()) {
      const std::size_t width = std::bit_floor(row.size());
      subtrees.push_back(complete_root(row.first(width)));
      row = row.subspan(width);
    }
  }
  Result<Frontier> frontier = Frontier::create(TreeSize(size_), std::move(subtrees));
  WRIT_ASSERT(frontier);  // the widths are the base-256 digits of the size
  return frontier->root();
}

HashAt hashes_from_tiles(TreeSize size, ReadTile read_tile) {
  struct Cached {
    TileId id;
    std::vector<NodeHash> hashes;
  };
  constexpr std::size_t kKept = 16;
  auto cache = std::make_shared<std::list<Cached>>();
  return [size, read = std::move(read_tile), cache](unsigned level,
                                                    std::uint64_t index) -> Result<NodeHash> {
    const unsigned tile_level = level / kTileBits;
    const unsigned inner = level % kTileBits;
    const std::uint64_t available = hashes_at(size.get(), tile_level);
    const std::uint64_t first = index << inner;
    const std::uint64_t count = std::uint64_t{1} << inner;
    if (index > (UINT64_MAX >> inner) || available < count || first > available - count) {
      return Error(Code::InvalidArgument, "the subtree is not inside the tree");
    }
    TileId id{static_cast<int>(tile_level), first / kTileWidth, kTileWidth};
    if (id.index == available / kTileWidth) {
      id.width = static_cast<unsigned>(available % kTileWidth);
    }
    auto found = std::find_if(cache->begin(), cache->end(),
                              [&](const Cached& cached) { return cached.id == id; });
    if (found == cache->end()) {
      const ByteVec bytes = TRY(read(id));
      const std::size_t width = bytes.size() / 32;
      if (bytes.size() % 32 != 0 || width < id.width || width > kTileWidth) {
        return Error(Code::Malformed, "`" + tile_path(id) + "` has " +
                                          std::to_string(bytes.size()) + " bytes, not " +
                                          std::to_string(id.width * 32));
      }
      std::vector<NodeHash> hashes = TRY(decode_tile(Bytes(bytes).first(id.width * 32), id.width));
      cache->push_front({id, std::move(hashes)});
      if (cache->size() > kKept) cache->pop_back();
    } else {
      cache->splice(cache->begin(), *cache, found);
    }
    return complete_root(std::span<const NodeHash>(cache->front().hashes)
                             .subspan(static_cast<std::size_t>(first % kTileWidth),
                                      static_cast<std::size_t>(count)));
  };
}

}  // namespace writ::ledger
