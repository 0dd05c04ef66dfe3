// One pass over the entries, in the order of the log.
//
// The head says how many entries there are and what their root is. Bundles are read in order;
// from their entries the level-0 tiles are made again and compared with the stored ones, and so
// are the higher ones as they fill; at the end the frontier's root must be the head's. So an
// altered byte anywhere is found, and named: an entry that differs from its stored leaf hash is an
// altered entry, a tile that differs while the root agrees is an altered tile.
#include "ledger/verify.h"

#include <algorithm>
#include <unordered_map>

#include "cose/key.h"
#include "crypto/sha.h"
#include "ledger/rotation.h"
#include "ledger/tile.h"

namespace writ::ledger {
namespace {

constexpr std::size_t kMaxObject = 64 * 1024 * 1024;

struct RunHash {
  std::size_t operator()(const RunId& id) const {
    // Run ids end in random bytes; a stranger's need not, and costs himself only.
    std::size_t hash = 0;
    for (const std::byte b : id.get())
      hash = hash * 1'099'511'628'211U + std::to_integer<std::size_t>(b);
    return hash;
  }
};

struct RunState {
  std::uint64_t next = 0;  // the number of its next event
  std::uint64_t execs = 0;
  std::uint64_t refusals = 0;
  std::uint64_t admission = 0;
  PermitId permit;
  bool ended = false;
};

std::string at(LeafIndex index) {
  return "entry " + std::to_string(index.get());
}

class Verifier {
 public:
  Verifier(LogSource& source, const VerifyOptions& options) : source_(source), options_(options) {}

  VerifyReport run();

 private:
  void report(Finding finding) {
    ++report_.findings_total;
    if (report_.findings.size() < options_.max_findings) {
      report_.findings.push_back(std::move(finding));
    }
  }
  void report(FindingKind kind, std::optional<LeafIndex> index, std::string message,
              std::optional<EventId> event = {}) {
    report({kind, index, event, std::move(message)});
  }

  bool read_head();
  void entries_of_head(const Checkpoint& head);
  void unsigned_tail(std::uint64_t from);
  void compare_tile(const TileId& id, std::span<const NodeHash> hashes);
  void root_at(std::uint64_t size);
  void entry(LeafIndex index, Bytes bytes);
  void genesis(LeafIndex index, const Event& event, Bytes bytes);
  void rotation(LeafIndex index, const Event& event);
  void head_key();
  void in_run(LeafIndex index, const Event& event);
  void outside(LeafIndex index, const Event& event);
  void parent(LeafIndex index, const Event& event);
  void closing(LeafIndex index, const Event& event, const RunState& run);
  void closed(const RunId& id, const RunState& run, std::optional<LeafIndex> end, bool interrupted);
  void progress(std::uint64_t done, std::uint64_t total) {
    if (options_.progress && (done % 1024 == 0 || done == total)) options_.progress(done, total);
  }

  LogSource& source_;
  const VerifyOptions& options_;
  VerifyReport report_;
  std::vector<Checkpoint> kept_;
  ByteVec head_note_;
  std::optional<VerifierKey> key_;       // the one trusted
  std::optional<VerifierKey> current_;   // the one in force at the entry at hand
  std::optional<VerifierKey> head_key_;  // the one in force where the head ends
  TileFrontier frontier_;
  std::int64_t last_time_ = 0;
  std::uint64_t next_outside_ = 0;
  std::unordered_map<RunId, RunState, RunHash> runs_;
  std::function<void(Finding)> further_ = [this](Finding finding) { report(std::move(finding)); };
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
      entry(index, (*entries)[i]);
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
    entry(LeafIndex(next), bytes);
    ++next;
    ++report_.tail;
    return {};
  });
  if (!done) {
    report(FindingKind::TailMalformed, LeafIndex(next),
           "the entries after the signed head: " + done.error().message());
  }
}

void Verifier::genesis(LeafIndex index, const Event& event, Bytes bytes) {
  const Genesis& body = *event.as<Genesis>();
  if (index.get() != 0) {
    report(FindingKind::GenesisRepeated, index, at(index) + " is a second genesis entry");
    return;
  }
  report_.ledger = LedgerId(crypto::sha256(bytes).get());
  const Result<VerifierKey> own = parse_vkey(body.vkey);
  const auto* acting = std::get_if<KeyAuthority>(&event.authority());
  if (!own || acting == nullptr || cose::key_id(own->key) != acting->key ||
      own->name != body.origin) {
    report(FindingKind::KeyMismatch, index, "the genesis entry is not of the key that it names");
    return;
  }
  current_ = *own;
  report_.keys.push_back(*own);
}

void Verifier::rotation(LeafIndex index, const Event& event) {
  const auto* acting = std::get_if<KeyAuthority>(&event.authority());
  if (!current_ || !report_.ledger || acting == nullptr) return;
  Result<VerifierKey> next = check_rotation(*report_.ledger, *current_, *event.as<Rotate>());
  if (!next || cose::key_id(current_->key) != acting->key) {
    report(FindingKind::RotationInvalid, index,
           at(index) + " changes the log key, but " +
               (next ? "is not by the key in force" : next.error().message()),
           event.id());
    return;
  }
  current_ = *next;
  report_.keys.push_back(*next);
}

// At the end: the key that was trusted is one of the log's, and the one in force signed the head.
void Verifier::head_key() {
  if (report_.keys.empty()) return;  // said already: no genesis
  if (key_ && std::find(report_.keys.begin(), report_.keys.end(), *key_) == report_.keys.end()) {
    report(FindingKind::KeyMismatch, LeafIndex(0),
           "the log is not one of the key that is trusted: it began with " +
               to_string(report_.keys.front()));
    return;
  }
  // A rotation that no head covers yet is not in force for the head.
  const VerifierKey& in_force = head_key_ ? *head_key_ : report_.keys.front();
  const Result<Checkpoint> head = verify_checkpoint(head_note_, in_force);
  if (head) return;
  const bool by_older = std::any_of(report_.keys.begin(), report_.keys.end(), [&](const auto& key) {
    return verify_checkpoint(head_note_, key).has_value();
  });
  if (by_older) {
    report(FindingKind::KeyMismatch, {},
           "the signed head is by a log key that was retired; in force is " + to_string(in_force));
    return;
  }
  report(FindingKind::HeadBadSignature, {},
         "the signed head is not by the log key in force, " + to_string(in_force) + ": " +
             head.error().message());
}

void Verifier::parent(LeafIndex index, const Event& event) {
  if (!event.parent()) return;
  const EventId& id = *event.parent();
  bool there = false;
  if (id.run == kNoRun) {
    there = id.seq.get() < next_outside_;
  } else {
    const auto found = runs_.find(id.run);
    there = found != runs_.end() && id.seq.get() < found->second.next;
  }
  if (!there) {
    report(FindingKind::ParentMissing, index,
           at(index) + " names " + to_string(id) + " as its cause, which does not come before it",
           event.id());
  }
}

void Verifier::outside(LeafIndex index, const Event& event) {
  const std::uint64_t seq = event.seq().get();
  if (seq != next_outside_) {
    const bool gap = seq > next_outside_;
    report(gap ? FindingKind::SequenceGap : FindingKind::SequenceRepeated, index,
           at(index) + " has number " + std::to_string(seq) + " outside runs, expected " +
               std::to_string(next_outside_) + (gap ? ": an entry was removed" : ""),
           event.id());
  }
  next_outside_ = std::max(next_outside_, seq + 1);
}

void Verifier::closing(LeafIndex index, const Event& event, const RunState& run) {
  const End* end = event.as<End>();
  if (end == nullptr) return;
  if (!end->counts.agree()) {
    report(FindingKind::CountsDisagree, index,
           at(index) +
               ": the run's closing totals do not add up (asked = refused + failed + "
               "vanished + violated + released; exec stops = violated + released)",
           event.id());
  }
  if (end->counts.released != run.execs) {
    report(FindingKind::CountsDiffer, index,
           at(index) + ": the supervisor released " + std::to_string(end->counts.released) +
               " execs, the log has " + std::to_string(run.execs),
           event.id());
  }
}

void Verifier::closed(const RunId& id, const RunState& run, std::optional<LeafIndex> end,
                      bool interrupted) {
  if (!options_.on_run_closed) return;
  RunSummary summary;
  summary.run = id;
  summary.admission = LeafIndex(run.admission);
  summary.events = run.next;
  summary.execs = run.execs;
  summary.refusals = run.refusals;
  summary.end = end;
  summary.interrupted = interrupted;
  options_.on_run_closed(summary);
}

void Verifier::in_run(LeafIndex index, const Event& event) {
  const EventId& id = event.id();
  auto found = runs_.find(id.run);
  if (event.kind() == EventKind::Admission) {
    if (found != runs_.end()) {
      report(FindingKind::RunAdmittedTwice, index,
             at(index) + " admits run " + to_string(id.run) + " a second time", id);
      return;
    }
    RunState run;
    run.next = 1;
    run.admission = index.get();
    run.permit = std::get<PermitAuthority>(event.authority()).permit;
    runs_.emplace(id.run, run);
    ++report_.runs;
    ++report_.open_runs;
    if (event.as<Admission>()->chain.back() != run.permit) {
      report(FindingKind::EntryMalformed, index,
             at(index) + ": the permit that the run acts under is not the last of its chain", id);
    }
    return;
  }
  if (found == runs_.end()) {
    report(FindingKind::RunNotAdmitted, index,
           at(index) + " belongs to run " + to_string(id.run) + ", which was not admitted", id);
    // Follow it from here, so that one missing admission is one finding.
    RunState run;
    run.next = id.seq.get();
    run.admission = index.get();
    run.permit = std::get<PermitAuthority>(event.authority()).permit;
    found = runs_.emplace(id.run, run).first;
    ++report_.runs;
    ++report_.open_runs;
  }
  RunState& run = found->second;
  if (run.ended) {
    report(FindingKind::AfterEnd, index, at(index) + " comes after the end of its run", id);
  }
  const std::uint64_t seq = id.seq.get();
  if (seq != run.next) {
    const bool gap = seq > run.next;
    report(gap ? FindingKind::SequenceGap : FindingKind::SequenceRepeated, index,
           at(index) + " has number " + std::to_string(seq) + " of run " + to_string(id.run) +
               ", expected " + std::to_string(run.next) +
               (gap ? ": an entry was removed or lost" : ": an entry was repeated or moved"),
           id);
  }
  run.next = std::max(run.next, seq + 1);
  if (event.kind() == EventKind::Exec) ++run.execs;
  if (event.kind() == EventKind::Refusal) ++run.refusals;
  closing(index, event, run);
  const bool interrupted = event.kind() == EventKind::Interrupted;
  if ((event.kind() == EventKind::End || interrupted) && !run.ended) {
    run.ended = true;
    --report_.open_runs;
    closed(id.run, run, index, interrupted);
  }
}

void Verifier::entry(LeafIndex index, Bytes bytes) {
  ++report_.entries;
  const Result<Event> decoded = decode_event(bytes);
  if (!decoded) {
    report(FindingKind::EntryMalformed, index, at(index) + ": " + decoded.error().message());
    if (index.get() == 0) {
      report(FindingKind::GenesisMissing, index, "the log does not begin with a genesis entry");
    }
    return;
  }
  const Event& event = *decoded;
  if (event.kind() == EventKind::Genesis) {
    genesis(index, event, bytes);
  } else if (event.kind() == EventKind::Rotate) {
    rotation(index, event);
  } else if (index.get() == 0) {
    report(FindingKind::GenesisMissing, index, "the log does not begin with a genesis entry");
  }
  if (event.time().get() < last_time_) {
    report(FindingKind::TimeBackwards, index,
           at(index) + " is " + std::to_string(last_time_ - event.time().get()) +
               " ms earlier than the entry before it",
           event.id());
  }
  last_time_ = std::max(last_time_, event.time().get());
  parent(index, event);
  if (event.in_run()) {
    in_run(index, event);
  } else {
    outside(index, event);
  }
  if (options_.check_objects) {
    for (const Digest32& digest : objects_of(event)) {
      const Result<ByteVec> object = source_.object(digest, kMaxObject);
      if (!object) {
        report(FindingKind::ObjectMissing, index,
               at(index) + " names object " + to_hex(digest) + ": " + object.error().message(),
               event.id());
      } else if (crypto::sha256(*object) != digest) {
        report(FindingKind::ObjectDiffers, index,
               "object " + to_hex(digest) + ", named by " + at(index) + ", was altered",
               event.id());
      }
    }
  }
  if (options_.on_event) options_.on_event(index, event, bytes, further_);
}

VerifyReport Verifier::run() {
  if (!read_head()) return std::move(report_);
  entries_of_head(*report_.head);
  head_key_ = current_;
  head_key();
  if (options_.with_tail) unsigned_tail(report_.head->size.get());
  for (const auto& [id, state] : runs_) {
    if (!state.ended) closed(id, state, std::nullopt, false);
  }
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
