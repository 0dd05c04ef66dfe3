// Which entries a stranger needs, found in one pass over the log; then the checks are made once
// over the log's own objects, and those that they read are the ones that the bundle needs.
#include <algorithm>
#include <map>

#include "crypto/sha.h"
#include "ledger/joint_proof.h"
#include "ledger/side.h"
#include "ledger/tile.h"
#include "proof/examine_internal.h"

namespace writ::proof {
namespace {

// The log's objects, remembering which were read.
class Recorder final : public ledger::LogSource {
 public:
  explicit Recorder(ledger::LogSource& source) : source_(source) {}
  Result<ByteVec> file(const std::string& path, std::size_t limit) override {
    return source_.file(path, limit);
  }
  Result<ByteVec> object(const Digest32& digest, std::size_t limit) override {
    const auto known = read.find(digest);
    if (known != read.end()) return known->second;
    ByteVec bytes = TRY(source_.object(digest, limit));
    if (crypto::sha256(bytes) != digest) {
      return Error(Code::Conflict, "object " + to_hex(digest) + " was altered");
    }
    read[digest] = bytes;
    return bytes;
  }
  std::map<Digest32, ByteVec> read;

 private:
  ledger::LogSource& source_;
};

// A tile or bundle of the tree, or a fuller one, which begins with it.
struct Found {
  ByteVec bytes;
  unsigned width;
};
Result<Found> read_tile(ledger::LogSource& source, ledger::TileId id, std::size_t limit) {
  for (;; ++id.width) {
    Result<ByteVec> bytes = source.file(ledger::tile_path(id), limit);
    if (bytes) return Found{std::move(*bytes), id.width};
    if (bytes.error().code() != Code::NotFound || id.width >= ledger::kTileWidth) {
      return Error(bytes.error());
    }
  }
}

Result<void> each_entry(ledger::LogSource& source, TreeSize size,
                        const std::function<Result<void>(LeafIndex, Bytes)>& look) {
  for (std::uint64_t first = 0; first < size.get(); first += ledger::kTileWidth) {
    const ledger::TileId id = ledger::bundle_of(LeafIndex(first), size);
    const Found found = TRY(read_tile(source, id, ledger::kMaxBundleBytes));
    const std::vector<Bytes> entries = TRY(ledger::decode_bundle(found.bytes, found.width));
    for (unsigned i = 0; i < id.width; ++i) TRY(look(LeafIndex(first + i), entries[i]));
  }
  return {};
}

// The clear text that the entry commits to, without what was kept beside it for people.
std::optional<ByteVec> clear_text(const ledger::Event& event, const Replay::SideOf& side_of) {
  const std::optional<ledger::Side> kept = side_of(event.id());
  if (!kept) return {};
  ledger::Side side(kept->salt());
  for (const auto& [name, digest] : committed_names(event)) {
    const ByteVec* value = kept->get(name);
    if (value != nullptr) (void)side.put(name, *value);
  }
  const ByteVec* request = has_request(event) ? kept->get("request") : nullptr;
  if (request != nullptr) (void)side.put("request", *request);
  if (side.values().empty()) return {};
  return side.encode();
}

// The run's entries, and those outside runs up to the first after it or the last change of key.
Result<std::vector<ProofEntry>> choose(ledger::LogSource& source, const RunId& run, TreeSize size,
                                       const Replay::SideOf& side_of,
                                       const ProofProgress& progress) {
  std::vector<ProofEntry> inside;
  std::vector<ProofEntry> outside;
  std::size_t needed = 0;  // of those outside
  bool closed = false;     // the first after the run's last is among them
  TRY(each_entry(source, size, [&](LeafIndex index, Bytes bytes) -> Result<void> {
    Result<ledger::Event> event = ledger::decode_event(bytes);
    if (!event) {
      return std::move(event).error().context("entry " + std::to_string(index.get()));
    }
    if (progress && index.get() % 1024 == 0) progress(index.get(), size.get());
    if (event->id().run == run) {
      inside.push_back({index, to_vec(bytes), clear_text(*event, side_of)});
      needed = outside.size();
      closed = false;
    } else if (!event->in_run()) {
      outside.push_back({index, to_vec(bytes), {}});
      if (!closed || event->kind() == ledger::EventKind::Rotate) needed = outside.size();
      closed = true;
    }
    return {};
  }));
  if (inside.empty()) {
    return Error(Code::NotFound, "head " + std::to_string(size.get()) + " covers no entry of run " +
                                     to_string(run));
  }
  outside.resize(needed);
  std::vector<ProofEntry> all;
  std::merge(std::make_move_iterator(inside.begin()), std::make_move_iterator(inside.end()),
             std::make_move_iterator(outside.begin()), std::make_move_iterator(outside.end()),
             std::back_inserter(all),
             [](const ProofEntry& a, const ProofEntry& b) { return a.index < b.index; });
  return all;
}

}  // namespace

Result<ProofBundle> gather_proof(ledger::LogSource& source, const RunId& run, std::string note,
                                 const Replay::SideOf& side_of, const ProofProgress& progress) {
  const ledger::Note parsed = TRY(ledger::parse_note(as_bytes(std::string_view(note))));
  const ledger::Checkpoint head = TRY(ledger::parse_checkpoint(parsed.text));
  ProofBundle bundle;
  bundle.run = run;
  bundle.head = std::move(note);
  bundle.entries = TRY(choose(source, run, head.size, side_of, progress));
  std::vector<LeafIndex> indexes;
  for (const ProofEntry& one : bundle.entries) indexes.push_back(one.index);
  const auto tile = [&](const ledger::TileId& id) -> Result<ByteVec> {
    return TRY(read_tile(source, id, ledger::kMaxTileBytes)).bytes;
  };
  bundle.path =
      TRY(ledger::prove_jointly(indexes, head.size, ledger::hashes_from_tiles(head.size, tile)));
  Recorder objects(source);
  (void)examine(bundle, {}, objects, progress);
  for (auto& [digest, bytes] : objects.read) bundle.objects.push_back(std::move(bytes));
  const Checklist list = check_proof(bundle, claimed_keys(bundle));
  for (const StepResult& step : list.steps) {
    if (step.outcome != Outcome::Fails) continue;
    return Error(Code::Conflict, "the log does not prove this run: " +
                                     std::string(meaning_of(step.step).name) + ": " + step.says);
  }
  return bundle;
}

}  // namespace writ::proof
