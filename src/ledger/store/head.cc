// From records to signed heads.
//
// Order, and why a crash between any two steps does no harm:
//   1 the records are durable            (the caller's promise; a head never runs ahead of them)
//   2 full tiles and bundles             made from records, could be made again
//   3 partial ones for the new size      likewise; other sizes' stay until the full one is there
//   4 the signed checkpoint              durably; from here on the head is what the log said
//   5 the hint                           worthless if lost
//   6 segments whose entries all lie in full, now synced, tiles and bundles are removed
// Tiles are not synced one by one when written. After another boot `remake` writes again all that
// lie in live segments, from records, which were durable; those of removed segments were synced.
#include <algorithm>

#include "ledger/cosignature.h"
#include "ledger/store/files_internal.h"

namespace writ::ledger {

namespace {

// The note with a signature of another key added.
Result<std::string> signed_also(const std::string& note, const Checkpoint& head,
                                const crypto::PrivateKey& key) {
  const std::string other = TRY(sign_checkpoint(head, key));
  return with_cosignatures(note, other.substr(other.rfind("\n\n") + 2));
}

}  // namespace

Result<void> HeadWriter::make_dirs(const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string dir = path.substr(0, slash);
    if (known_dirs_.contains(dir)) continue;
    TRY(files_.storage->make_dir(files_.dir(), dir));
    known_dirs_.insert(dir);
  }
  return {};
}

Result<void> HeadWriter::write_tile(const TileId& id, Bytes bytes) {
  const std::string path = tile_path(id);
  TRY(make_dirs(path));
  TRY(write_file_atomically(*files_.storage, files_.dir(), path, bytes));
  if (id.width == kTileWidth) TRY(remove_partials(id));
  if (note_ != nullptr) note_->bytes += bytes.size();
  return {};
}

Result<void> HeadWriter::remove_partials(const TileId& id) {
  const std::string dir = tile_path(id) + ".p";
  Result<UniqueFd> partials = files_.storage->open_dir(files_.dir(), dir);
  if (!partials) return {};
  for (const std::string& name : TRY(files_.storage->list(partials->borrow(), 1000))) {
    TRY(files_.storage->unlink(partials->borrow(), name));
  }
  known_dirs_.erase(dir);
  return files_.storage->remove_dir(files_.dir(), dir);
}

Result<void> HeadWriter::write_partials() {
  const TreeSize size = frontier_.size();
  for (std::size_t level = 0; level < frontier_.levels().size(); ++level) {
    const std::vector<NodeHash>& row = frontier_.levels()[level];
    if (row.empty()) continue;
    const TileId id{static_cast<int>(level), size.get() >> (8 * level) >> 8,
                    static_cast<unsigned>(row.size())};
    TRY(write_tile(id, encode_tile(row)));
  }
  if (!bundle_.empty()) {
    TRY(write_tile(bundle_of(LeafIndex(size.get()), size), bundle_));
  }
  return {};
}

// Takes up the records from at_ to `until` and, when asked, writes the tiles they complete.
Result<void> HeadWriter::take(const Position& until, std::uint64_t head_size, bool write) {
  Result<void> failed;
  const auto full = [&](const TileId& id, std::span<const NodeHash> hashes) {
    if (!failed.has_value() || !write) return;
    failed = write_tile(id, encode_tile(hashes));
  };
  const Position reached =
      TRY(walk_records(files_, at_, until, head_size, [&](std::uint64_t index, Bytes entry) {
        bundle_.push_back(static_cast<std::byte>(entry.size() >> 8));
        bundle_.push_back(static_cast<std::byte>(entry.size() & 0xff));
        append(bundle_, entry);
        frontier_.push(leaf_hash(entry), full);
        if ((index + 1) % kTileWidth == 0) {
          if (write && failed.has_value()) {
            failed = write_tile({TileId::kEntries, index / kTileWidth, kTileWidth}, bundle_);
          }
          bundle_.clear();
        }
        return failed.has_value();
      }));
  TRY(std::move(failed));
  if (reached.index != until.index) {
    return damaged("the segments hold entries up to " + std::to_string(reached.index) +
                   " only, not to " + std::to_string(until.index));
  }
  at_ = until;
  return {};
}

Result<bool> HeadWriter::load_from_hint(const Checkpoint& head) {
  const std::optional<Position> hint = TRY(read_hint(files_));
  if (!hint || hint->index != head.size.get()) return false;
  std::vector<std::vector<NodeHash>> levels;
  const auto read = [&](const TileId& id) {
    return read_file(*files_.storage, files_.dir(), tile_path(id), kMaxBundleBytes);
  };
  for (unsigned level = 0; (head.size.get() >> (8 * level)) != 0 && level < 8; ++level) {
    const std::uint64_t count = head.size.get() >> (8 * level);
    levels.emplace_back();
    if (count % kTileWidth == 0) continue;
    const TileId id{static_cast<int>(level), count / kTileWidth,
                    static_cast<unsigned>(count % kTileWidth)};
    const Result<ByteVec> bytes = read(id);
    if (!bytes) return false;
    Result<std::vector<NodeHash>> hashes = decode_tile(*bytes, id.width);
    if (!hashes) return false;
    levels.back() = std::move(hashes).value();
  }
  Result<TileFrontier> frontier = TileFrontier::create(head.size, levels);
  if (!frontier || frontier->root() != head.root) return false;
  ByteVec bundle;
  if (const unsigned width = static_cast<unsigned>(head.size.get() % kTileWidth); width != 0) {
    Result<ByteVec> bytes = read(bundle_of(LeafIndex(head.size.get()), head.size));
    if (!bytes) return false;
    const Result<std::vector<Bytes>> entries = decode_bundle(*bytes, width);
    if (!entries) return false;
    for (unsigned i = 0; i < width; ++i) {
      if (subtree_of(leaf_hash((*entries)[i])) != levels[0][i]) return false;
    }
    bundle = std::move(bytes).value();
  }
  at_ = *hint;
  frontier_ = std::move(frontier).value();
  bundle_ = std::move(bundle);
  return true;
}

Result<void> HeadWriter::load_from_segments(const Checkpoint& head, bool write) {
  const std::vector<std::uint64_t> segments = TRY(list_segments(files_));
  std::optional<std::uint64_t> base;
  for (const std::uint64_t first : segments) {
    if (first > head.size.get()) break;
    // With `write` everything in live segments is made again, else only the edge is wanted.
    if (!base || !write) base = first;
  }
  if (!base) return damaged("no segment reaches back to the signed head");
  // Segments begin at full tiles; what lies before them is on disk for good.
  std::vector<std::vector<NodeHash>> levels;
  for (unsigned level = 0; level < 8 && (*base >> (8 * level)) != 0; ++level) {
    const std::uint64_t count = *base >> (8 * level);
    levels.emplace_back();
    for (std::uint64_t i = count / kTileWidth * kTileWidth; i < count; ++i) {
      const TileId below{static_cast<int>(level) - 1, i, kTileWidth};
      if (level == 0) return damaged("a segment does not begin at a full tile");
      const Result<ByteVec> bytes =
          read_file(*files_.storage, files_.dir(), tile_path(below), kMaxTileBytes);
      if (!bytes) return damaged("`" + tile_path(below) + "`: " + bytes.error().message());
      const Result<std::vector<NodeHash>> hashes = decode_tile(*bytes, kTileWidth);
      if (!hashes) return damaged("`" + tile_path(below) + "`: " + hashes.error().message());
      std::vector<NodeHash> row = *hashes;
      for (; row.size() > 1; row.resize(row.size() / 2)) {
        for (std::size_t k = 0; k < row.size() / 2; ++k) {
          row[k] = node_hash(row[2 * k], row[2 * k + 1]);
        }
      }
      levels.back().push_back(row.front());
    }
  }
  frontier_ = TRY(TileFrontier::create(TreeSize(*base), std::move(levels)));
  bundle_.clear();
  const OpenSegment segment = TRY(open_segment(files_, *base, FileUse::Read));
  at_ = start_of(segment.header);
  // The offset of the head's end is only known by walking there.
  const Position end =
      TRY(walk_records(files_, at_, std::nullopt, head.size.get(),
                       [&](std::uint64_t index, Bytes) { return index < head.size.get(); }));
  if (end.index < head.size.get()) {
    return lost_tail("the signed head covers " + std::to_string(head.size.get()) +
                     " entries, the files hold " + std::to_string(end.index));
  }
  return take(end, head.size.get(), write);
}

Result<void> HeadWriter::load(const Checkpoint& head) {
  loaded_ = TRY(load_from_hint(head));
  if (loaded_) return {};
  TRY(load_from_segments(head, false));
  if (frontier_.root() != head.root) {
    return damaged("the entries do not give the root of the signed head");
  }
  loaded_ = true;
  return {};
}

Result<void> HeadWriter::remake(const Checkpoint& head) {
  TRY(load_from_segments(head, true));
  if (frontier_.root() != head.root) {
    return damaged("the entries do not give the root of the signed head");
  }
  TRY(write_partials());
  TRY(write_hint(files_, at_));
  loaded_ = true;
  return {};
}

Result<Checkpoint> HeadWriter::advance(const Position& until, const crypto::PrivateKey& log_key,
                                       const crypto::PrivateKey* also) {
  const VerifierKey given = TRY(make_vkey(files_.key.name, log_key.public_key()));
  if (given != files_.key) {
    return Error(Code::Denied, "this key is not the log's: " + to_string(files_.key));
  }
  if (TRY(read_vkey(*files_.storage, files_.dir())) != files_.key) {
    return Error(Code::Conflict, "the log key was changed meanwhile; open the ledger again");
  }
  const std::optional<Checkpoint> stored = TRY(stored_head(files_));
  Checkpoint head = stored.value_or(Checkpoint{files_.key.name, TreeSize(0), empty_root()});
  if (stored && stored->size.get() >= until.index) {
    if (also != nullptr) {
      const ByteVec note = TRY(read_file(*files_.storage, files_.dir(), "checkpoint", kMaxNote));
      const std::string both = TRY(signed_also(std::string(as_text(note)), *stored, *also));
      TRY(write_file_durably(*files_.storage, files_.dir(), "checkpoint", as_bytes(both)));
    }
    return *stored;
  }
  if (loaded_ && at_.index > head.size.get()) {
    return damaged("the stored head has gone back from " + std::to_string(at_.index) + " to " +
                   std::to_string(head.size.get()) + " entries");
  }
  // Another process may have signed since, and removed the segment that this edge lies in.
  if (!loaded_ || at_.index != head.size.get()) TRY(load(head));
  loaded_ = false;  // until all of this has gone well
  TRY(take(until, head.size.get(), true));
  TRY(write_partials());
  head.size = frontier_.size();
  head.root = frontier_.root();
  std::string note = TRY(sign_checkpoint(head, log_key));
  if (also != nullptr) note = TRY(signed_also(note, head, *also));
  TRY(write_file_durably(*files_.storage, files_.dir(), "checkpoint", as_bytes(note)));
  loaded_ = true;
  TRY(write_hint(files_, at_));
  TRY(retire(head));
  return head;
}

// Whether the segment `first` is whole and its seal leads to `next`.
Result<bool> HeadWriter::leads_to(std::uint64_t first, std::uint64_t next) {
  const OpenSegment segment = TRY(open_segment(files_, first, FileUse::Read));
  const Position start = start_of(segment.header);
  const ByteVec bytes = TRY(read_used(*files_.storage, segment.file.borrow(), start.offset));
  const Scan scan =
      scan_records(bytes, start, next, [](std::uint64_t, std::uint64_t, Bytes) { return true; });
  return scan.end == ScanEnd::Sealed && scan.at.index == next;
}

// Removes segments that lie wholly before the head. The one in which the head ends stays, also
// when it ends with it: the edge and the hint lie there.
Result<void> HeadWriter::retire(const Checkpoint& head) {
  const std::vector<std::uint64_t> segments = TRY(list_segments(files_));
  std::size_t count = 0;
  while (count + 1 < segments.size() && segments[count + 1] < head.size.get() &&
         TRY(leads_to(segments[count], segments[count + 1]))) {
    ++count;
  }
  if (count == 0) return {};
  std::set<std::string> dirs;
  for (const TileId& id : tiles_for(TreeSize(segments[count]), TreeSize(segments[0]))) {
    if (id.width != kTileWidth) continue;
    const std::string path = tile_path(id);
    UniqueFd file = TRY(files_.storage->open_file(files_.dir(), path, FileUse::ReadWrite));
    TRY(files_.storage->sync_data(file.borrow()));
    for (std::size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      dirs.insert(path.substr(0, slash));
    }
  }
  for (const std::string& name : dirs) {
    UniqueFd dir = TRY(files_.storage->open_dir(files_.dir(), name));
    TRY(files_.storage->sync_dir(dir.borrow()));
  }
  // `tile` itself got its name with the checkpoint.
  for (std::size_t i = 0; i < count; ++i) {
    TRY(files_.storage->unlink(files_.dir(), segment_name(segments[i])));
  }
  return {};
}

}  // namespace writ::ledger
