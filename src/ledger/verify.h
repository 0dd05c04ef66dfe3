// The verifier: does this log say one consistent, complete thing?
//
// Reads a log through `LogSource` (files of a tlog-tiles directory, objects by digest), trusts
// nothing in it but the key it is given, and reports everything it finds wrong, each with the
// leaf index and a sentence. It checks:
//   the head      signature by the log key in force; the stored tiles; the root built again from
//                 all entries; each rotation signed by the key before and the key after
//   each entry    strict encoding, mandatory fields, time never backwards
//   each run      numbers from 0 without gaps, nothing after its end, parents that exist and come
//                 before; admission first; closing counters that agree with each other and with
//                 the entries that are there
// The same code runs natively and as WebAssembly. Memory: a tile and a bundle, plus about 100
// bytes for each run; entries are streamed. Replaying decisions is proof/'s, on top of `on_event`.
//
//   VerifyReport report = verify_log(source, {.log_key = key});
//   if (!report.ok()) for (const Finding& f : report.findings) ...
//
// Not promised: that the head is the newest one, or that nobody was shown another (that needs a
// witness or a kept head: `kept_head`).
// Thread safety: one call at a time for one source.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "ledger/checkpoint.h"
#include "ledger/event.h"

namespace writ::ledger {

// LogSource gives the bytes of a log. Untrusted: whatever it returns is checked.
class LogSource {
 public:
  virtual ~LogSource() = default;
  // file reads "checkpoint" or a tile path; NotFound when there is none, Exhausted over `limit`.
  virtual Result<ByteVec> file(const std::string& path, std::size_t limit) = 0;
  // object reads objects/DIGEST; NotFound when there is none.
  virtual Result<ByteVec> object(const Digest32& digest, std::size_t limit) = 0;
  // tail gives the entries after `from` that no head covers yet, one by one, in order. The
  // default has none: most logs are looked at through their head only.
  virtual Result<void> tail(LeafIndex from, const std::function<Result<void>(Bytes entry)>& entry) {
    (void)from, (void)entry;
    return {};
  }
};

enum class FindingKind {
  HeadMissing,
  HeadMalformed,
  HeadBadSignature,
  HeadBehindKept,
  HeadInconsistent,
  TileMissing,
  TileDiffers,
  BundleMissing,
  BundleMalformed,
  EntryAltered,
  RootDiffers,
  EntryMalformed,
  GenesisMissing,
  GenesisRepeated,
  KeyMismatch,
  RotationInvalid,
  TimeBackwards,
  SequenceGap,
  SequenceRepeated,
  RunNotAdmitted,
  RunAdmittedTwice,
  AfterEnd,
  ParentMissing,
  CountsDisagree,
  CountsDiffer,
  ObjectMissing,
  ObjectDiffers,
  TailMalformed,
  ReplayDiffers,
  SourceFailed,
};
// finding_name is the stable snake_case name, for --json and people.
std::string_view finding_name(FindingKind kind);

struct Finding {
  FindingKind kind = FindingKind::SourceFailed;
  std::optional<LeafIndex> index;  // where in the log
  std::optional<EventId> event;    // which event, if it could be read
  std::string message;             // for people: what is wrong, in one sentence
};

struct RunSummary {
  RunId run;
  LeafIndex admission;
  std::uint64_t events = 0;  // with its admission
  std::uint64_t execs = 0;   // allowed-exec entries
  std::uint64_t refusals = 0;
  std::optional<LeafIndex> end;  // end or interrupted
  bool interrupted = false;      // then: complete up to the last number only
};

struct VerifyReport {
  std::optional<Checkpoint> head;
  std::optional<LedgerId> ledger;  // SHA-256 of the genesis entry
  std::vector<VerifierKey> keys;   // the log keys, in order; more than one after rotations
  std::uint64_t entries = 0;       // looked at, tail included
  std::uint64_t tail = 0;          // of them after the head
  std::uint64_t runs = 0, open_runs = 0;
  std::uint64_t findings_total = 0;
  std::vector<Finding> findings;  // the first max_findings
  bool ok() const { return findings_total == 0; }
};

struct VerifyOptions {
  // log_key is the key trusted for heads: one of the log's, from which rotations lead to the one in
  // force. Without one the genesis entry's own is used, and the result says nothing about who keeps
  // the log.
  std::optional<VerifierKey> log_key = {};
  // kept_head is a head seen before: the log must contain it.
  std::optional<Checkpoint> kept_head = {};
  std::vector<Checkpoint> further_heads = {};  // likewise
  bool with_tail = true;
  bool check_objects = false;  // every object named by an entry is there and whole
  std::size_t max_findings = 1'000;
  // progress is called about every 1,000 entries with what is done and the total.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
  // on_event sees every well-formed entry in order and may report further findings.
  std::function<void(LeafIndex index, const Event& event, Bytes entry,
                     const std::function<void(Finding)>& report)>
      on_event = {};
  // on_run_closed is called when a run has ended (and, at the end of the log, for open ones).
  std::function<void(const RunSummary& run)> on_run_closed = {};
};

VerifyReport verify_log(LogSource& source, const VerifyOptions& options);

// objects_of lists the objects that an event names.
std::vector<Digest32> objects_of(const Event& event);

}  // namespace writ::ledger
