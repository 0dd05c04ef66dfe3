#include "ledger/store/export.h"

#include <set>

#include "ledger/tile.h"

namespace writ::ledger {
namespace {

// The tile as the tree of the head has it: a fuller one stands in for a partial one that has gone.
Result<ByteVec> tile_bytes(LedgerReader& reader, const TileId& id) {
  Result<ByteVec> bytes = reader.file(tile_path(id), kMaxBundleBytes);
  if (bytes || id.width == kTileWidth) return bytes;
  const unsigned full = static_cast<unsigned>(kTileWidth);
  const ByteVec whole = TRY(reader.file(tile_path({id.level, id.index, full}), kMaxBundleBytes));
  if (id.level != TileId::kEntries) return to_vec(Bytes(whole).first(std::size_t{32} * id.width));
  std::vector<Bytes> entries = TRY(decode_bundle(whole, full));
  entries.resize(id.width);
  return encode_bundle(entries);
}

// How much of the log the directory holds already, by the checkpoint that lies there. Conflict when
// that is of another log: its tiles and ours must not be mixed.
Result<TreeSize> copied_before(Storage& storage, FdRef root, LedgerReader& reader,
                               const Checkpoint& head) {
  const Result<ByteVec> bytes = read_file(storage, root, "checkpoint", kMaxNote);
  if (!bytes && bytes.error().code() == Code::NotFound) return TreeSize(0);
  if (!bytes) return Error(bytes.error());
  const auto continued = [&]() -> Result<TreeSize> {
    const Note note = TRY(parse_note(*bytes));
    const Checkpoint old = TRY(parse_checkpoint(note.text));
    Proof path;
    if (old.size < head.size) path = TRY(reader.consistency(old.size, head.size));
    TRY(check_consistency(old.size, head.size, old.root, head.root, path));
    return old.size;
  };
  const Result<TreeSize> size = continued();
  if (size) return size;
  return Error(Code::Conflict, "the directory holds another log, or a newer state of this one: " +
                                   size.error().message());
}

}  // namespace

Result<Exported> export_log(
    Storage& storage, LedgerReader& reader, const std::string& directory,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress) {
  const ByteVec note = TRY(reader.file("checkpoint", kMaxNote));
  Exported exported;
  exported.head = TRY(verify_checkpoint(note, reader.log_key()));
  TRY(storage.make_dir(FdRef::cwd(), directory));
  UniqueFd root = TRY(storage.open_dir(FdRef::cwd(), directory));
  const TreeSize before = TRY(copied_before(storage, root.borrow(), reader, exported.head));
  std::set<std::string> made;
  const std::vector<TileId> tiles = tiles_for(exported.head.size);
  const std::vector<TileId> new_ones = tiles_for(exported.head.size, before);
  const std::set<TileId> fresh(new_ones.begin(), new_ones.end());
  std::uint64_t done = 0;
  for (const TileId& id : tiles) {
    const std::string path = tile_path(id);
    for (std::size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      if (made.insert(path.substr(0, slash)).second) {
        TRY(storage.make_dir(root.borrow(), path.substr(0, slash)));
      }
    }
    if (progress) progress(done, tiles.size());
    ++done;
    if (id.width == kTileWidth && !fresh.contains(id) &&
        storage.open_file(root.borrow(), path, FileUse::Read)) {
      continue;
    }
    const ByteVec bytes = TRY(tile_bytes(reader, id));
    TRY(write_file_atomically(storage, root.borrow(), path, bytes));
    ++exported.files;
  }
  TRY(write_file_durably(storage, root.borrow(), "checkpoint", note));
  if (progress) progress(tiles.size(), tiles.size());
  return exported;
}

}  // namespace writ::ledger
