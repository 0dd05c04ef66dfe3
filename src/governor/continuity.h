// Continuity: a running run verified anew at every interval of its domain (DESIGN §5 step 8).
//
// Each check asks, in this order:
//   policy      the domain and the bundle in force; a newer bundle decides again about the run and
//               takes over or ends it (policy_changed)
//   permit      every check of admission but possession, uses and revocation, which the watch has
//               just asked itself: time, trust, ceiling, policy pin
//   boundary    init in its namespaces, mounts unchanged, every thread under the filter (the loop
//               looks after the listener)
//   images      what runs was let through, and is on disk as it was judged
//   counts      nothing was released or refused that is not recorded
// When all hold, a continuity entry says so, and the supervisor is told that the run may go on for
// three intervals, ten seconds at least; without that word it ends by itself. The first check that
// fails ends the run.
//
//   Continuity continuity(admission, here, supervisor, verdicts, recorder);
//   if (here.clock.boot_nanos() >= continuity.next()) continuity.check(give_up);
//
// The run cannot hold a check up: nothing of its processes is waited for, and files that it may
// write are not read. A host file system that hangs can; then the supervisor ends the run.
// Thread safety: one thread, that of the watch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "enforce/supervisor.h"
#include "governor/admission.h"
#include "governor/gate_verdicts.h"
#include "governor/recorder.h"

namespace writ::governor {

// Bits of ledger::Continuity::checks: which checks held (docs/formats/ledger.md).
inline constexpr std::uint64_t kCheckPermit = 1;
inline constexpr std::uint64_t kCheckPolicy = 2;
inline constexpr std::uint64_t kCheckBoundary = 4;
inline constexpr std::uint64_t kCheckImages = 8;
inline constexpr std::uint64_t kCheckCounts = 16;
inline constexpr std::uint64_t kAllChecks = 31;

// counts_problem says why the gate's counts cannot be true, or nothing: it counts what it released
// or refused after the record is written, so that the records are never fewer. `written` is looked
// at after `now`.
std::optional<std::string> counts_problem(const enforce::GateCounts& now,
                                          const Recorder::Totals& written);

class Continuity {
 public:
  Continuity(const Admission& admission, Installation& here, enforce::Supervisor& supervisor,
             GateVerdicts& verdicts, Recorder& recorder);

  // next is when check() has something to do, in boot time.
  std::int64_t next() const { return next_; }
  // check does what is due. The first one, soon after the start, notes what the boundary is; a run
  // that is over before then pays for nothing. Where give_up says so it leaves off and begins anew
  // when it is called again.
  void check(const enforce::GiveUp& give_up);

 private:
  enum class Found { Holds, LookAgain, Lost, Over };  // Over: the loop says how the run ended
  // lost remembers why the run must end.
  Found lost(EndReason reason, std::string why);
  Found examine(const enforce::GiveUp& give_up);
  Found examine_policy(const Standing& standing);
  Found examine_permit(const Standing& standing);
  Found examine_run(const enforce::GiveUp& give_up);
  Result<void> record_definitions(const Standing& standing);
  Result<void> record_held(const enforce::GateCounts& counts);
  void vouch();

  const Admission& admission_;
  Installation& here_;
  enforce::Supervisor& supervisor_;
  GateVerdicts& verdicts_;
  Recorder& recorder_;
  const std::int64_t interval_;  // nanoseconds
  const std::int64_t began_;
  std::int64_t next_;
  bool noted_ = false;   // what the boundary is
  int strangers_ = 0;    // looks at a program that nobody let through
  BundleDigest bundle_;  // in force
  std::uint64_t generation_ = 0;
  EndReason reason_ = EndReason::ContinuityLost;  // of the last Lost
  std::string why_;
};

}  // namespace writ::governor
