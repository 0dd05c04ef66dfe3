// The supervisor: one thread that keeps a built boundary until its last process is gone.
//
// run() is the loop of DESIGN §8.1: it owns the listener, all tracing, the pidfd, timers and the
// lifeline, and turns every kernel event through the pure table of gate.h into one action. Lookups,
// hashing, memory reads and verdicts that may have to wait happen on its worker threads. Every
// released exec has passed Verdicts::at_stop (or at_stop_at_once) with the kernel's own facts.
//
//   Supervisor supervisor(plan, verdicts, clock);      // any thread
//   Outcome outcome = TRY(supervisor.run(streams, kernel));  // builds the boundary on this thread
//
// run() blocks the calling thread, which must be the one that stays (tracing and init belong to
// it). Everything else may be called from any thread at any time (look: from one at a time).
// Errors: only from before the first program (the run was `not_started`); afterwards every
// failure ends the run and is an Outcome.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/reason.h"
#include "enforce/boundary.h"
#include "enforce/footing.h"
#include "enforce/verdicts.h"

namespace writ::enforce {

struct Outcome {
  EndReason end = EndReason::Exited;
  std::string detail;   // for people: what the violation was, which limit
  int exit_status = 0;  // Exited: of the first program; Signalled: the signal number
  GateCounts counts;
  std::uint64_t peak_tasks = 0;
  std::int64_t started_boot_nanos = 0;  // first program released
  std::int64_t ended_boot_nanos = 0;    // last process gone
  std::int64_t end_latency_nanos = 0;   // from the end's cause to the last process gone
};

class Supervisor {
 public:
  Supervisor(const Plan& plan, Verdicts& verdicts, const Clock& clock);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  Result<Outcome> run(RunStreams streams, const Capabilities& kernel);
  // keep is run() for a boundary that this thread has built already (ground.h).
  Result<Outcome> keep(Boundary boundary, const Capabilities& kernel);

  // end asks for the run's end: every process is killed. The first reason given stands.
  void end(EndReason reason, std::string detail);
  // expire_at ends the run as Expired at this wall-clock time (re-checked against both clocks).
  void expire_at(UnixMillis time);
  void freeze();
  void thaw();
  // on_stopped: `event` (an eventfd, which outlives the run) rings each time that the first program
  // of a run with a terminal was stopped; resume lets it go on. Before run() or keep().
  void on_stopped(FdRef event);
  void resume();
  GateCounts counts() const;
  std::uint64_t live_processes() const;

  // vouch lets the run go on for this long; without another word by then it ends as
  // ContinuityLost. Counted in heartbeats, so that a machine asleep loses none. Unasked, a run
  // needs nobody's word.
  void vouch(std::uint64_t millis);
  // look is Footing::look at the run; the first one notes what the later ones compare with.
  // NotFound before the boundary is built and when init is gone. One thread at a time.
  Result<Footing::Seen> look(const GiveUp& give_up);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace writ::enforce
