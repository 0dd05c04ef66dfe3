// The exec gate's protocol: a pure table from event to action (DESIGN §8.1 "Exec gate").
//
// Every execve of a run raises a notification. The gate has it checked (a courtesy), then has the
// caller seized, interrupted and let through, and waits for one of the outcomes: an exec stop (the
// image is judged before its first instruction), another stop (the exec did not happen: detach),
// or an exit. The table makes no system call, reads no clock and never waits: the loop of
// supervisor.h feeds it kernel events and performs the actions, in their order, feeding the
// result of each synchronous action (Seize, Continue, Confirm, Detach) back before any other event.
//
//   for (const GateAction& action : gate.step(GateEvent{Asked{notification, thread}}))
//   perform(action);
//
// What holds after every event, whatever the sequence (gate_test.cc, fuzz/gate_protocol.cc):
//   - one exec in flight per thread group: a second would deadlock the kernel with the tracer;
//   - a notification is answered or let through at most once;
//   - an exec-stopped image is detached only after it was judged Released;
//   - every seized thread stays in the table until its detach succeeded or it was reaped;
//   - after the end nothing is let through and nothing stopped at an exec is detached;
//   - asked = refused + failed + vanished + violated + released + attempts still open, and
//     exec_stops = violated + released + images being judged (DESIGN §9 "Completeness").
// An event that fits no row is either ignored (a late result) or ends the run (a stop or an image
// that no attempt explains): never a release.
//
// Hostile: the order of events is the run's to choose. Attempts open at once are bounded by the
// run's tasks. Thread safety: one thread. Thread and group numbers are of the governor's namespace.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/reason.h"
#include "base/strong.h"
#include "enforce/verdicts.h"

namespace writ::enforce {

// An attempt is one notification's story. Its number is never reused within a run.
using AttemptId = Strong<struct AttemptIdTag, std::uint64_t>;

// Events.
struct Asked {
  std::uint64_t notification = 0;
  pid_t thread = 0;
};
enum class CheckResult : std::uint8_t {
  Go,
  Refused,  // recorded; answer `error`
  Failed,   // not a refusal: the true errno
  Gone,     // the notification is no longer valid
};
struct Checked {
  AttemptId attempt;
  CheckResult result = CheckResult::Gone;
  int error = 0;
  pid_t group = 0;  // Go: the thread group of the caller
};
enum class SeizeResult : std::uint8_t {
  Ok,       // seized, still valid, interrupt requested
  Refused,  // somebody else traces the caller
  Gone,     // not seized: the caller is gone
  Stale,    // seized, but the notification is gone: a dying or another thread; interrupted
};
struct Seized {
  AttemptId attempt;
  SeizeResult result = SeizeResult::Gone;
};
struct Continued {
  AttemptId attempt;
  bool sent = false;
};
struct ExecStop {
  pid_t process = 0;  // reported under the leader's number
  pid_t former = 0;   // the thread that called execve
};
struct OtherStop {  // interrupt or group stop
  pid_t thread = 0;
};
struct SignalStop {
  pid_t thread = 0;
  int signal = 0;
};
struct Exited {  // reaped, exited or killed
  pid_t thread = 0;
};
enum class JudgeResult : std::uint8_t {
  Released,  // recorded
  Violated,
  Unreadable,  // the image could not be read: it may have been killed meanwhile
};
struct Judged {
  AttemptId attempt;
  JudgeResult result = JudgeResult::Violated;
  Reason reason = Reason::ChangedDuringExec;
};
struct Confirmed {  // is the unreadable image still at its exec stop?
  AttemptId attempt;
  bool stopped = true;
};
struct Detached {
  pid_t thread = 0;
  bool ok = false;  // false: it has been killed and will be reaped
};
struct Freeze {};
struct Thaw {};
struct End {};
using GateEvent = std::variant<Asked, Checked, Seized, Continued, ExecStop, OtherStop, SignalStop,
                               Exited, Judged, Confirmed, Detached, Freeze, Thaw, End>;

// Actions.
struct Check {  // on a worker; ends in Checked
  AttemptId attempt;
  std::uint64_t notification = 0;
  pid_t thread = 0;
};
struct Answer {
  std::uint64_t notification = 0;
  int error = 0;
};
struct Seize {  // valid? seize, valid? interrupt; ends in Seized
  AttemptId attempt;
  std::uint64_t notification = 0;
  pid_t thread = 0;
};
struct Continue {  // ends in Continued
  AttemptId attempt;
  std::uint64_t notification = 0;
};
struct Judge {  // on a worker; ends in Judged
  AttemptId attempt;
  pid_t process = 0;
};
struct Confirm {  // ends in Confirmed
  AttemptId attempt;
  pid_t process = 0;
};
struct Detach {  // ends in Detached
  pid_t thread = 0;
  int signal = 0;
};
struct EndRun {  // kill everything; given at most once
  EndReason end = EndReason::Violation;
  Reason reason = Reason::ChangedDuringExec;  // Violation: what was found
  bool unexplained = false;                   // a stop that no attempt accounts for
};
using GateAction = std::variant<Check, Answer, Seize, Continue, Judge, Confirm, Detach, EndRun>;

class Gate {
 public:
  explicit Gate(const Limits& limits) : limits_(limits) {}

  // step is the table. Events about attempts or threads it does not know are late: ignored,
  // except stops, which end the run.
  std::vector<GateAction> step(const GateEvent& event);

  const GateCounts& counts() const { return counts_; }
  bool ending() const { return ending_; }
  // traced is the number of threads that are seized or about to be; open, of attempts without an
  // outcome.
  std::size_t traced() const { return traces_.size(); }
  std::size_t open() const { return attempts_.size(); }
  // awaits_worker: a Check or Judge whose result has not come.
  bool awaits_worker() const;
  // knows: the attempt has no outcome yet.
  bool knows(AttemptId attempt) const { return attempts_.contains(attempt); }
  // close counts what is left as vanished: the last process is gone and the workers are done.
  // The counters then add up (asserted).
  void close();
  // in_flight, for tests and fuzzing: how many attempts of `group` are between seize and outcome.
  std::size_t in_flight(pid_t group) const;

 private:
  enum class Phase : std::uint8_t {
    Checking,
    Waiting,
    Seizing,
    Continuing,
    Loading,
    Judging,
    Confirming
  };
  struct Attempt {
    std::uint64_t notification = 0;
    pid_t thread = 0;
    pid_t group = 0;
    Phase phase = Phase::Checking;
    bool dead = false;  // Judging: the image was reaped meanwhile
  };
  enum class Hold : std::uint8_t {
    Attempt,    // belongs to an attempt
    Drain,      // never let through: detach at the next stop that is no exec stop
    Detaching,  // a Detach is out
    Released,   // judged, held at its exec stop until the thaw
    Doomed,     // at an exec stop that was not released, or dying: only its exit ends it
  };
  struct Trace {
    pid_t group = 0;
    Hold hold = Hold::Attempt;
    AttemptId attempt;  // Hold::Attempt
  };
  using Attempts = std::map<AttemptId, Attempt>;
  using Traces = std::map<pid_t, Trace>;

  void on(const Asked& event);
  void on(const Checked& event);
  void on(const Seized& event);
  void on(const Continued& event);
  void on(const ExecStop& event);
  void on(const OtherStop& event);
  void on(const SignalStop& event);
  void on(const Exited& event);
  void on(const Judged& event);
  void on(const Confirmed& event);
  void on(const Detached& event);
  void on(const Freeze& event);
  void on(const Thaw& event);
  void on(const End& event);

  void stopped(pid_t thread, int signal);
  void doom(pid_t thread, pid_t process);
  void give_up(AttemptId attempt);
  void admit_waiting();
  void end_run(EndReason end, Reason reason, bool unexplained);
  void begin_end();
  void detach(Traces::iterator trace, int signal);
  Attempts::iterator find(AttemptId attempt, Phase phase);
  Traces::iterator trace_of(pid_t thread);
  bool busy(const Attempt& attempt) const;
  std::size_t judging() const;

  Limits limits_;
  GateCounts counts_;
  Attempts attempts_;  // in the order in which they were asked
  Traces traces_;
  std::unordered_map<pid_t, std::size_t> groups_;  // traces of each, 0 or 1
  std::vector<GateAction> actions_;                // of the event being handled
  std::uint64_t next_ = 1;
  std::size_t judging_ = 0;
  bool frozen_ = false;
  bool ending_ = false;
};

}  // namespace writ::enforce
