// One sentence: is any exec of a run between two entries of the log unrecorded?
//
// It rests on what verify_log found and on nothing else: the numbers of each run without a gap, the
// closing totals of the gate equal to the exec entries that are there, the tree and its head. What
// the numbers cannot say is said with them: runs that are open or were interrupted are proven up
// to their last number only, and whether this is the newest state of the log takes a kept head or a
// witness.
//
//   Completeness completeness({LeafIndex(5), LeafIndex(70)});
//   completeness.attach(options);
//   VerifyReport report = verify_log(source, options);
//   say(completeness.sentence(report, Freshness{…}));
//
// Thread safety: one call at a time. It must outlive the call of verify_log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/ids.h"
#include "ledger/verify.h"

namespace writ::ledger {

// What is known of the log's newest state from outside the log.
struct Freshness {
  std::optional<TreeSize> kept;        // a kept head of this size, which the log contains
  std::optional<std::string> witness;  // "W at 2026-…": who cosigned
  std::optional<TreeSize> witnessed;   // and what size
};

class Completeness {
 public:
  // With a range, only runs that have an entry in first…second (both included) count.
  explicit Completeness(std::optional<std::pair<LeafIndex, LeafIndex>> range = {})
      : range_(range) {}

  // attach adds itself to options.on_run_closed, keeping what is there.
  void attach(VerifyOptions& options);

  // complete: nothing was found wrong and every run that counts has ended by an End entry.
  bool complete(const VerifyReport& report) const;
  // sentence is the answer for people. freshness_sentence says what is known of the newest state.
  std::string sentence(const VerifyReport& report) const;
  static std::string freshness_sentence(const Freshness& freshness);

  std::uint64_t runs() const { return ended_ + interrupted_ + open_; }

 private:
  bool counts(const RunSummary& run) const;

  std::optional<std::pair<LeafIndex, LeafIndex>> range_;
  std::uint64_t ended_ = 0, interrupted_ = 0, open_ = 0;
  std::uint64_t execs_ = 0;
};

}  // namespace writ::ledger
