// One pass over the entries, in the order of the log.
//
// The head says how many entries there are and what their root is. Bundles are read in order;
// from their entries the level-0 tiles are made again and compared with the stored ones, and so
// are the higher ones as they fill; at the end the frontier's root must be the head's. So an
// altered byte anywhere is found, and named: an entry that differs from its stored leaf hash is an
// altered entry, a tile that differs while the root agrees is an altered tile.
#include "ledger/verify.h"

#include <algorithm>

#include "ledger/entry_walk.h"
#include "ledger/tile.h"

namespace writ::ledger {
namespace {

std::string at(LeafIndex index) {
  return "entry " + std::to_string(index.get());
}

class Verifier {
 public:
  Verifier(LogSource& source, const VerifyOptions& options)
      : source_(source),
        options_(options),
        walk_(options, &source, EntryWalk::Scope::Whole, report_) {}

  VerifyReport run();

 private:
  void report(FindingKind kind, std::optional<LeafIndex> index, std::string message) {
    walk_.found({kind, index, {}, std::move(message)});
  }

  bool read_head();
  void entries_of_head(const Checkpoint& head);
  void unsigned_tail(std::uint64_t from);
  void compare_tile(const TileId& id, std::span<const NodeHash> hashes);
  void root_at(std::uint64_t size);
  void progress(std::uint64_t done, std::uint64_t total) {
    if (options_.progress && (done % 1024 == 0 || done == total)) options_.progress(done, total);
  }

  LogSource& source_;
  const VerifyOptions& options_;
  VerifyReport report_;
  std::vector<Checkpoint> kept_;
  ByteVec head_note_;
  std::optional<VerifierKey> key_;  // the one trusted
  TileFrontier frontier_;
  EntryWalk walk_;
};

// The first entry, for its key when none was given.
Result<Event> first_entry(LogSource& source) {
  ByteVec bytes;
  bool found = false;
  for (unsigned width = 256; width > 0 && !found; --width) {
    Result<ByteVec> bundle = source.file(tile_path({TileId::kEntries, 0, width}), kMaxBundleBytes);
    if (!bundle) continue;
    const std::vector<Bytes> entries = TRY(decode_bundle(*bundle, width));
    bytes = to_vec(entries.front());
    found = true;
  }
  if (!found) return Error(Code::NotFound, "the first entry bundle is missing");
  return decode_event(bytes);
}

bool Verifier::read_head() {
  Result<ByteVec> note = source_.file("checkpoint", kMaxNote);
  if (!note) {
    report(FindingKind::HeadMissing, {},
           "the signed head cannot be read: " + note.error().message());
    return false;
  }
  key_ = options_.log_key;
  if (!key_) {
    const Result<Event> first = first_entry(source_);
    const Genesis* genesis = first ? first->as<Genesis>() : nullptr;
    Result<VerifierKey> own = genesis != nullptr
                                  ? parse_vkey(genesis->vkey)
                                  : Result<VerifierKey>(Error(Code::NotFound, "no genesis entry"));
    if (!own) {
      report(FindingKind::GenesisMissing, LeafIndex(0),
             "the log does not begin with an entry that names its key");
      return false;
    }
    key_ = *own;
  }
  Result<Checkpoint> head = verify_checkpoint(*note, *key_);
  if (!head && head.error().code() == Code::Denied) {
    // Another key may have taken over: read it, believe nothing, and judge at the end.
    const Result<Note> parsed = parse_note(*note);
    const bool by_known =
        parsed &&
        std::any_of(parsed->signatures.begin(), parsed->signatures.end(), [&](const auto& line) {
          return line.name == key_->name && line.id == key_->id;
        });
    if (parsed && !by_known) head = parse_checkpoint(parsed->text);
  }
  if (!head) {
    const bool bad = head.error().code() == Code::Denied;
    report(bad ? FindingKind::HeadBadSignature : FindingKind::HeadMalformed, {},
           "the signed head: " + head.error().message());
    return false;
  }
  head_note_ = *note;
  report_.head = *head;
  kept_ = options_.further_heads;
  if (options_.kept_head) kept_.push_back(*options_.kept_head);
  for (const Checkpoint& kept : kept_) {
    if (kept.size.get() > head->size.get()) {
      report(FindingKind::HeadBehindKept, {},
             "the log has " + std::to_string(head->size.get()) + " entries; it had " +
                 std::to_string(kept.size.get()) + " when the kept head was signed");
    }
    if (kept.origin != head->origin) {
      report(FindingKind::HeadInconsistent, {}, "the kept head is of another log");
    }
  }
  return true;
}

void Verifier::compare_tile(const TileId& id, std::span<const NodeHash> hashes) {
  Result<ByteVec> stored = source_.file(tile_path(id), kMaxTileBytes);
  std::string path = tile_path(id);
  if (!stored && id.width != kTileWidth) {
    // A partial tile may have gone once the full one is there, which begins with it.
    stored = source_.file(tile_path({id.level, id.index, kTileWidth}), kMaxTileBytes);
  }
  const LeafIndex first(id.index << (8 * (id.level + 1)));
  if (!stored) {
    report(FindingKind::TileMissing, first,
           "`" + path + "` cannot be read: " + stored.error().message());
    return;
  }
  const std::size_t size = hashes.size() * 32;
  const ByteVec expected = encode_tile(hashes);
  const bool whole = stored->size() == size || (id.width != kTileWidth && stored->size() > size &&
                                                stored->size() == kMaxTileBytes);
  if (whole && equal(Bytes(*stored).first(size), expected)) return;
  if (id.level != 0 || !whole) {
    report(FindingKind::TileDiffers, first,
           "`" + path + "` does not hold the hashes of the entries");
    return;
  }
  // At level 0 each hash is one entry's: name those that differ.
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (equal(Bytes(*stored).subspan(i * 32, 32), as_bytes(hashes[i]))) continue;
    const LeafIndex index(first.get() + i);
    report(FindingKind::EntryAltered, index,
           at(index) + " does not have the hash that stands in `" + path + "`: one was altered");
  }
}

void Verifier::root_at(std::uint64_t size) {
  for (const Checkpoint& kept : kept_) {
    if (kept.size.get() != size || frontier_.root() == kept.root) continue;
    report(FindingKind::HeadInconsistent, {},
           "the first " + std::to_string(size) +
               " entries are not those of the kept head: history was rewritten");
  }
}

void Verifier::entries_of_head(const Checkpoint& head) {
  const std::uint64_t size = head.size.get();
  bool complete = true;
  root_at(0);
  for (std::uint64_t first = 0; first < size; first += kTileWidth) {
    const TileId id = bundle_of(LeafIndex(first), head.size);
    Result<ByteVec> bundle = source_.file(tile_path(id), kMaxBundleBytes);
    unsigned stored_width = id.width;
    if (!bundle && id.width != kTileWidth) {
      bundle = source_.file(tile_path({id.level, id.index, kTileWidth}), kMaxBundleBytes);
      stored_width = kTileWidth;
    }
    if (!bundle) {
      report(FindingKind::BundleMissing, LeafIndex(first),
             "`" + tile_path(id) + "` cannot be read: " + bundle.error().message());
      complete = false;
      break;
    }
    const Result<std::vector<Bytes>> entries = decode_bundle(*bundle, stored_width);
    if (!entries) {
      report(FindingKind::BundleMalformed, LeafIndex(first),
             "`" + tile_path(id) + "`: " + entries.error().message());
      complete = false;
      break;
    }
    for (unsigned i = 0; i < id.width; ++i) {
      const LeafIndex index(first + i);
      frontier_.push(leaf_hash((*entries)[i]),
                     [&](const TileId& tile, std::span<const NodeHash> hashes) {
                       compare_tile(tile, hashes);
                     });
      root_at(first + i + 1);
      walk_.entry(index, (*entries)[i]);
      progress(first + i + 1, size);
    }
  }
  if (!complete) {
    report(FindingKind::RootDiffers, {},
           "the root of the signed head cannot be made again: entries are missing");
    return;
  }
  for (std::size_t level = 0; level < frontier_.levels().size(); ++level) {
    const std::vector<NodeHash>& row = frontier_.levels()[level];
    if (row.empty()) continue;
    compare_tile(
        {static_cast<int>(level), size >> (8 * level) >> 8, static_cast<unsigned>(row.size())},
        row);
  }
  if (frontier_.root() != head.root) {
    report(FindingKind::RootDiffers, {},
           "the entries do not give the root of the signed head: the log was altered");
  }
}

void Verifier::unsigned_tail(std::uint64_t from) {
  std::uint64_t next = from;
  Result<void> done = source_.tail(LeafIndex(from), [&](Bytes bytes) -> Result<void> {
    walk_.entry(LeafIndex(next), bytes);
    ++next;
    ++report_.tail;
    return {};
  });
  if (!done) {
    report(FindingKind::TailMalformed, LeafIndex(next),
           "the entries after the signed head: " + done.error().message());
  }
}

VerifyReport Verifier::run() {
  if (!read_head()) return std::move(report_);
  entries_of_head(*report_.head);
  // A rotation that no head covers yet is not in force for the head.
  walk_.check_head_key(head_note_, key_, walk_.key());
  if (options_.with_tail) unsigned_tail(report_.head->size.get());
  walk_.close();
  return std::move(report_);
}

}  // namespace

std::string_view finding_name(FindingKind kind) {
  switch (kind) {
    case FindingKind::HeadMissing: return "head_missing";
    case FindingKind::HeadMalformed: return "head_malformed";
    case FindingKind::HeadBadSignature: return "head_bad_signature";
    case FindingKind::HeadBehindKept: return "head_behind_kept";
    case FindingKind::HeadInconsistent: return "head_inconsistent";
    case FindingKind::TileMissing: return "tile_missing";
    case FindingKind::TileDiffers: return "tile_differs";
    case FindingKind::BundleMissing: return "bundle_missing";
    case FindingKind::BundleMalformed: return "bundle_malformed";
    case FindingKind::EntryAltered: return "entry_altered";
    case FindingKind::RootDiffers: return "root_differs";
    case FindingKind::EntryMalformed: return "entry_malformed";
    case FindingKind::GenesisMissing: return "genesis_missing";
    case FindingKind::GenesisRepeated: return "genesis_repeated";
    case FindingKind::KeyMismatch: return "key_mismatch";
    case FindingKind::RotationInvalid: return "rotation_invalid";
    case FindingKind::TimeBackwards: return "time_backwards";
    case FindingKind::SequenceGap: return "sequence_gap";
    case FindingKind::SequenceRepeated: return "sequence_repeated";
    case FindingKind::RunNotAdmitted: return "run_not_admitted";
    case FindingKind::RunAdmittedTwice: return "run_admitted_twice";
    case FindingKind::AfterEnd: return "after_end";
    case FindingKind::ParentMissing: return "parent_missing";
    case FindingKind::CountsDisagree: return "counts_disagree";
    case FindingKind::CountsDiffer: return "counts_differ";
    case FindingKind::ObjectMissing: return "object_missing";
    case FindingKind::ObjectDiffers: return "object_differs";
    case FindingKind::TailMalformed: return "tail_malformed";
    case FindingKind::ReplayDiffers: return "replay_differs";
    case FindingKind::SourceFailed: return "source_failed";
  }
  return "?";
}

VerifyReport verify_log(LogSource& source, const VerifyOptions& options) {
  return Verifier(source, options).run();
}

}  // namespace writ::ledger
