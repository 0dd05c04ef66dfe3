#include "ledger/entry_walk.h"

#include <algorithm>

#include "cose/key.h"
#include "crypto/sha.h"
#include "ledger/rotation.h"

namespace writ::ledger {
namespace {

constexpr std::size_t kMaxObject = 64 * 1024 * 1024;

std::string at(LeafIndex index) {
  return "entry " + std::to_string(index.get());
}

}  // namespace

std::size_t EntryWalk::RunHash::operator()(const RunId& id) const {
  // Run ids end in random bytes; a stranger's need not, and costs himself only.
  std::size_t hash = 0;
  for (const std::byte b : id.get())
    hash = hash * static_cast<std::size_t>(1'099'511'628'211U) + std::to_integer<std::size_t>(b);
  return hash;
}

void EntryWalk::found(Finding finding) {
  ++report_.findings_total;
  if (report_.findings.size() < options_.max_findings) {
    report_.findings.push_back(std::move(finding));
  }
}

void EntryWalk::genesis(LeafIndex index, const Event& event, Bytes bytes) {
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
  key_ = *own;
  report_.keys.push_back(*own);
}

void EntryWalk::rotation(LeafIndex index, const Event& event) {
  const auto* acting = std::get_if<KeyAuthority>(&event.authority());
  if (!key_ || !report_.ledger || acting == nullptr) return;
  Result<VerifierKey> next = check_rotation(*report_.ledger, *key_, *event.as<Rotate>());
  if (!next || cose::key_id(key_->key) != acting->key) {
    report(FindingKind::RotationInvalid, index,
           at(index) + " changes the log key, but " +
               (next ? "is not by the key in force" : next.error().message()),
           event.id());
    return;
  }
  key_ = *next;
  report_.keys.push_back(*next);
}

void EntryWalk::check_head_key(Bytes note, const std::optional<VerifierKey>& trusted,
                               const std::optional<VerifierKey>& in_force) {
  const std::vector<VerifierKey>& keys = report_.keys;
  if (keys.empty()) return;  // said already: no genesis
  if (trusted && std::find(keys.begin(), keys.end(), *trusted) == keys.end()) {
    report(
        FindingKind::KeyMismatch, LeafIndex(0),
        "the log is not one of the key that is trusted: it began with " + to_string(keys.front()));
    return;
  }
  const VerifierKey& now = in_force ? *in_force : keys.front();
  const Result<Checkpoint> head = verify_checkpoint(note, now);
  if (head) return;
  const bool by_older = std::any_of(keys.begin(), keys.end(), [&](const VerifierKey& key) {
    return verify_checkpoint(note, key).has_value();
  });
  if (by_older) {
    report(FindingKind::KeyMismatch, {},
           "the signed head is by a log key that was retired; in force is " + to_string(now));
    return;
  }
  report(FindingKind::HeadBadSignature, {},
         "the signed head is not by the log key in force, " + to_string(now) + ": " +
             head.error().message());
}

void EntryWalk::parent(LeafIndex index, const Event& event) {
  if (!event.parent()) return;
  const EventId& id = *event.parent();
  bool there = false;
  if (id.run == kNoRun) {
    there = id.seq.get() < next_outside_;
  } else {
    const auto found = runs_.find(id.run);
    there = found != runs_.end() && id.seq.get() < found->second.next;
    if (found == runs_.end() && scope_ == Scope::Part) return;
  }
  if (!there) {
    report(FindingKind::ParentMissing, index,
           at(index) + " names " + to_string(id) + " as its cause, which does not come before it",
           event.id());
  }
}

void EntryWalk::outside(LeafIndex index, const Event& event) {
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

void EntryWalk::closing(LeafIndex index, const Event& event, const Run& run) {
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

void EntryWalk::closed(const RunId& id, const Run& run, std::optional<LeafIndex> end,
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

void EntryWalk::in_run(LeafIndex index, const Event& event) {
  const EventId& id = event.id();
  auto found = runs_.find(id.run);
  if (event.kind() == EventKind::Admission) {
    if (found != runs_.end()) {
      report(FindingKind::RunAdmittedTwice, index,
             at(index) + " admits run " + to_string(id.run) + " a second time", id);
      return;
    }
    Run run;
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
    Run run;
    run.next = id.seq.get();
    run.admission = index.get();
    run.permit = std::get<PermitAuthority>(event.authority()).permit;
    found = runs_.emplace(id.run, run).first;
    ++report_.runs;
    ++report_.open_runs;
  }
  Run& run = found->second;
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

void EntryWalk::named_objects(LeafIndex index, const Event& event) {
  for (const Digest32& digest : objects_of(event)) {
    const Result<ByteVec> object = objects_->object(digest, kMaxObject);
    if (!object) {
      report(FindingKind::ObjectMissing, index,
             at(index) + " names object " + to_hex(digest) + ": " + object.error().message(),
             event.id());
    } else if (crypto::sha256(*object) != digest) {
      report(FindingKind::ObjectDiffers, index,
             "object " + to_hex(digest) + ", named by " + at(index) + ", was altered", event.id());
    }
  }
}

void EntryWalk::entry(LeafIndex index, Bytes bytes) {
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
  if (options_.check_objects) named_objects(index, event);
  if (options_.on_event) options_.on_event(index, event, bytes, further_);
}

void EntryWalk::close() {
  for (const auto& [id, run] : runs_) {
    if (!run.ended) closed(id, run, std::nullopt, false);
  }
}

}  // namespace writ::ledger
