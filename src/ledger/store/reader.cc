#include "ledger/store/reader.h"

#include "ledger/store/files_internal.h"

namespace writ::ledger {
namespace {

class ReaderImpl final : public LedgerReader {
 public:
  explicit ReaderImpl(Files files) : files_(std::move(files)), sides_(files_) {}

  const VerifierKey& log_key() const override { return files_.key; }
  Result<ByteVec> file(const std::string& path, std::size_t limit) override;
  Result<ByteVec> object(const Digest32& digest, std::size_t limit) override;
  Result<void> tail(LeafIndex from, const std::function<Result<void>(Bytes)>& entry) override;
  Result<Checkpoint> head() override;
  Result<void> for_each(LeafIndex from,
                        const std::function<Result<bool>(LeafIndex, Bytes)>& fn) override;
  Result<ByteVec> entry(LeafIndex index) override;
  Result<InclusionProof> prove(LeafIndex index, bool cosigned) override;
  Result<Proof> consistency(TreeSize old_size, TreeSize new_size) override;
  Result<Side> side(const EventId& id) override;

 private:
  HashAt hashes_under(TreeSize size);
  Result<bool> each_in_segments(std::uint64_t segment, LeafIndex& next,
                                const std::function<Result<bool>(LeafIndex, Bytes)>& fn);
  bool take_bundle(const TileId& id);

  Files files_;
  SideReader sides_;
  // The bundle read last: entries that were bundled never change.
  std::uint64_t bundle_index_ = 0;
  ByteVec bundle_;
  std::vector<Bytes> bundled_;  // in bundle_
};

Result<ByteVec> ReaderImpl::file(const std::string& path, std::size_t limit) {
  if (path != "checkpoint" && path != "cosigned" && !parse_tile_path(path)) {
    return Error(Code::InvalidArgument, "`" + printable(path) + "` is no file of a log");
  }
  return read_file(*files_.storage, files_.dir(), path, limit);
}

Result<ByteVec> ReaderImpl::object(const Digest32& digest, std::size_t limit) {
  return read_file(*files_.storage, files_.root.borrow(), "objects/" + to_hex(digest), limit);
}

Result<Checkpoint> ReaderImpl::head() {
  const ByteVec note = TRY(file("checkpoint", kMaxNote));
  return verify_checkpoint(note, files_.key);
}

// Visits entries from `next` on that lie in the live segments; `segment` begins at or before it.
// False when `fn` said so.
Result<bool> ReaderImpl::each_in_segments(std::uint64_t segment, LeafIndex& next,
                                          const std::function<Result<bool>(LeafIndex, Bytes)>& fn) {
  const OpenSegment opened = TRY(open_segment(files_, segment, FileUse::Read));
  Position from = start_of(opened.header);
  const Result<std::optional<Position>> hint = read_hint(files_);
  if (hint && *hint && (*hint)->segment == segment && (*hint)->index <= next.get()) from = **hint;
  Result<bool> going = true;
  TRY(walk_records(files_, from, std::nullopt, 0, [&](std::uint64_t index, Bytes entry) {
    if (index < next.get()) return true;
    going = fn(LeafIndex(index), entry);
    if (going) next = LeafIndex(index + 1);
    return going.has_value() && *going;
  }));
  return going;
}

Result<void> ReaderImpl::for_each(LeafIndex from,
                                  const std::function<Result<bool>(LeafIndex, Bytes)>& fn) {
  LeafIndex next = from;
  for (int attempt = 0;; ++attempt) {
    const std::vector<std::uint64_t> segments = TRY(list_segments(files_));
    if (segments.empty()) return damaged("the ledger has no segment");
    // What lies before the live segments is in full bundles.
    while (next.get() < segments.front()) {
      const TileId id{TileId::kEntries, next.get() / kTileWidth, kTileWidth};
      const ByteVec bytes = TRY(file(tile_path(id), kMaxBundleBytes));
      const std::vector<Bytes> entries = TRY(decode_bundle(bytes, kTileWidth));
      for (std::uint64_t i = next.get() % kTileWidth; i < kTileWidth; ++i) {
        if (!TRY(fn(next, entries[i]))) return {};
        next = LeafIndex(next.get() + 1);
      }
    }
    std::uint64_t segment = segments.front();
    for (const std::uint64_t first : segments) {
      if (first <= next.get()) segment = first;
    }
    const Result<bool> walked = each_in_segments(segment, next, fn);
    if (walked) return {};
    // A writer may have moved a segment's entries into bundles meanwhile: look again.
    if (walked.error().code() != Code::NotFound || attempt >= 100) return walked.error();
  }
}

Result<void> ReaderImpl::tail(LeafIndex from, const std::function<Result<void>(Bytes)>& entry) {
  return for_each(from, [&](LeafIndex, Bytes bytes) -> Result<bool> {
    TRY(entry(bytes));
    return true;
  });
}

bool ReaderImpl::take_bundle(const TileId& id) {
  bundled_.clear();
  Result<ByteVec> bytes = file(tile_path(id), kMaxBundleBytes);
  if (!bytes) return false;
  bundle_ = std::move(*bytes);
  Result<std::vector<Bytes>> entries = decode_bundle(bundle_, id.width);
  if (!entries) return false;
  bundle_index_ = id.index;
  bundled_ = std::move(*entries);
  return true;
}

// From its bundle, where one holds it: a segment would have to be read from its beginning.
Result<ByteVec> ReaderImpl::entry(LeafIndex index) {
  const std::uint64_t number = index.get() / kTileWidth;
  const std::size_t at = index.get() % kTileWidth;
  const auto bundled = [&] { return bundle_index_ == number && at < bundled_.size(); };
  if (!bundled() && !take_bundle({TileId::kEntries, number, kTileWidth})) {
    const Result<Checkpoint> stored = head();
    if (stored && index.get() < stored->size.get() && stored->size.get() / kTileWidth == number) {
      (void)take_bundle(bundle_of(LeafIndex(stored->size.get()), stored->size));
    }
  }
  if (bundled()) return to_vec(bundled_[at]);
  std::optional<ByteVec> found;
  TRY(for_each(index, [&](LeafIndex, Bytes bytes) -> Result<bool> {
    found = to_vec(bytes);
    return false;
  }));
  if (!found) {
    return Error(Code::NotFound, "the log has no entry " + std::to_string(index.get()));
  }
  return std::move(*found);
}

// The hashes of the tree of `size`. Its partial tiles may have gone: a fuller one begins with them.
HashAt ReaderImpl::hashes_under(TreeSize size) {
  return hashes_from_tiles(size, [this](const TileId& id) -> Result<ByteVec> {
    Result<ByteVec> bytes = file(tile_path(id), kMaxTileBytes);
    for (unsigned width = static_cast<unsigned>(kTileWidth); !bytes && width > id.width; --width) {
      bytes = file(tile_path({id.level, id.index, width}), kMaxTileBytes);
    }
    return bytes;
  });
}

Result<Proof> ReaderImpl::consistency(TreeSize old_size, TreeSize new_size) {
  const Checkpoint stored = TRY(head());
  if (new_size.get() > stored.size.get()) {
    return Error(Code::NotFound, "the signed head covers " + std::to_string(stored.size.get()) +
                                     " entries, not " + std::to_string(new_size.get()));
  }
  return prove_consistency(old_size, new_size, hashes_under(new_size));
}

Result<InclusionProof> ReaderImpl::prove(LeafIndex index, bool cosigned) {
  InclusionProof proof;
  proof.head_note = TRY(file(cosigned ? "cosigned" : "checkpoint", kMaxNote));
  proof.head = TRY(verify_checkpoint(proof.head_note, files_.key));
  if (index.get() >= proof.head.size.get()) {
    return Error(Code::NotFound, "the signed head covers entries 0 to " +
                                     std::to_string(proof.head.size.get() - 1) + ", not " +
                                     std::to_string(index.get()));
  }
  proof.index = index;
  proof.entry = TRY(entry(index));
  proof.path = TRY(prove_inclusion(index, proof.head.size, hashes_under(proof.head.size)));
  Result<void> holds =
      check_inclusion(leaf_hash(proof.entry), index, proof.head.size, proof.path, proof.head.root);
  if (!holds) {
    return damaged("entry " + std::to_string(index.get()) +
                   " is not under the signed head: " + holds.error().message());
  }
  return proof;
}

Result<Side> ReaderImpl::side(const EventId& id) {
  const ByteVec bytes = TRY(sides_.read(id));
  return Side::decode(bytes);
}

}  // namespace

Result<std::unique_ptr<LedgerReader>> LedgerReader::open(Storage& storage,
                                                         const std::string& state_dir) {
  Files files = TRY(open_files(storage, state_dir));
  return std::unique_ptr<LedgerReader>(std::make_unique<ReaderImpl>(std::move(files)));
}

}  // namespace writ::ledger
