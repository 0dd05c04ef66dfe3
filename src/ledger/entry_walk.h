// The entries of a log one after another: what must hold of each, and between them.
//
// Strict encoding, mandatory fields, time never backwards, the genesis entry, each rotation signed
// by the key before and the key after; of each run and of what stands outside runs: numbers from 0
// without gaps, parents that come before, admission first, nothing after the end, closing counters
// that agree with each other and with the entries. Whether the entries are those of a signed head
// is its callers' to check: verify_log with the whole tree, a proof bundle with a joint proof.
//
//   VerifyReport report;
//   EntryWalk walk(options, &source, EntryWalk::Scope::Whole, report);
//   walk.entry(LeafIndex(0), bytes); …
//   walk.check_head_key(note, trusted, walk.key());
//   walk.close();
//
// Hostile: the entries. Findings go to the report, at most options.max_findings of them, all are
// counted. Memory: about 100 bytes for each run.
// Thread safety: one thread. Options and report must outlive it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "ledger/verify.h"

namespace writ::ledger {

class EntryWalk {
 public:
  // Part: entries of other runs were left out, and a cause among them is no finding.
  enum class Scope { Whole, Part };
  // `objects` is asked only with options.check_objects and may be null without.
  EntryWalk(const VerifyOptions& options, LogSource* objects, Scope scope, VerifyReport& report)
      : options_(options), objects_(objects), scope_(scope), report_(report) {}
  EntryWalk(const EntryWalk&) = delete;
  EntryWalk& operator=(const EntryWalk&) = delete;

  // entry looks at the next one; `bytes` need not be an event.
  void entry(LeafIndex index, Bytes bytes);
  // key is the log key in force after the entries so far; nothing without a genesis entry.
  const std::optional<VerifierKey>& key() const { return key_; }
  // check_head_key: `trusted` is one of the log's keys, and the one in force signed the head.
  void check_head_key(Bytes note, const std::optional<VerifierKey>& trusted,
                      const std::optional<VerifierKey>& in_force);
  // close tells of the runs that are still open (options.on_run_closed).
  void close();
  // found adds to the report.
  void found(Finding finding);

 private:
  struct RunHash {
    std::size_t operator()(const RunId& id) const;
  };
  struct Run {
    std::uint64_t next = 0;  // the number of its next event
    std::uint64_t execs = 0;
    std::uint64_t refusals = 0;
    std::uint64_t admission = 0;
    PermitId permit;
    bool ended = false;
  };
  void report(FindingKind kind, std::optional<LeafIndex> index, std::string message,
              std::optional<EventId> event = {}) {
    found({kind, index, event, std::move(message)});
  }
  void genesis(LeafIndex index, const Event& event, Bytes bytes);
  void rotation(LeafIndex index, const Event& event);
  void parent(LeafIndex index, const Event& event);
  void outside(LeafIndex index, const Event& event);
  void in_run(LeafIndex index, const Event& event);
  void closing(LeafIndex index, const Event& event, const Run& run);
  void closed(const RunId& id, const Run& run, std::optional<LeafIndex> end, bool interrupted);
  void named_objects(LeafIndex index, const Event& event);

  const VerifyOptions& options_;
  LogSource* objects_;
  Scope scope_;
  VerifyReport& report_;
  std::optional<VerifierKey> key_;
  std::int64_t last_time_ = 0;
  std::uint64_t next_outside_ = 0;
  std::unordered_map<RunId, Run, RunHash> runs_;
  std::function<void(Finding)> further_ = [this](Finding finding) { found(std::move(finding)); };
};

}  // namespace writ::ledger
