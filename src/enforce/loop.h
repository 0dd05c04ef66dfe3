// The loop behind Supervisor: keeps one built boundary until its last process is gone.
//
// Internal to enforce/: tests drive it with a boundary of their own. One thread, the one that made
// init, runs it; a Mailbox carries what other threads ask for and what they may read.
//
// Thread safety: Loop: its thread. Mailbox: any thread.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "enforce/boundary.h"
#include "enforce/gate.h"
#include "enforce/inspect.h"
#include "enforce/net_gate.h"
#include "enforce/notify.h"
#include "enforce/supervisor.h"
#include "enforce/tracer.h"
#include "enforce/verdicts.h"
#include "enforce/workers.h"

namespace writ::enforce {

// What other threads ask of the loop, and the counts it shows them.
class Mailbox {
 public:
  Mailbox(UniqueFd event, const Clock& clock) : event_(std::move(event)), clock_(clock) {}

  struct EndWish {
    EndReason reason = EndReason::Interrupted;
    std::string detail;
    std::int64_t boot_nanos = 0;  // when it was asked for
  };
  struct Wishes {
    std::optional<EndWish> end;
    std::optional<UnixMillis> expires;
    std::optional<bool> frozen;  // the last of freeze and thaw
    std::optional<std::uint64_t> vouched_millis;
    bool resumed = false;
  };
  // end: the first one stands. It kills init by itself, whatever the loop is doing.
  void end(EndReason reason, std::string detail);
  void expire_at(UnixMillis time);
  void set_frozen(bool frozen);
  void vouch(std::uint64_t millis);
  void resume();
  Wishes take();
  // take_end takes the end alone, if it was asked for.
  std::optional<EndWish> take_end();

  // govern names init, once it runs. A copy of its pidfd is kept.
  Result<void> govern(pid_t the_init, FdRef pidfd);
  void show(const GateCounts& counts);
  GateCounts counts() const;
  std::atomic<pid_t> init{0};
  FdRef stopped{-1};  // rings when the first program was stopped; set before the loop
  FdRef fd() const { return event_.borrow(); }

 private:
  void ring();
  UniqueFd event_;
  const Clock& clock_;
  mutable std::mutex mutex_;  // init_pidfd_, wishes_, ended_, counts_
  UniqueFd init_pidfd_;
  Wishes wishes_;
  bool ended_ = false;
  GateCounts counts_;
};

// When a run is over, on the clocks that say so.
struct Deadlines {
  std::optional<std::int64_t> wall;         // boot time, nanoseconds
  std::optional<std::int64_t> expiry_boot;  // both clocks: one may be set back, the other not
  std::optional<UnixMillis> expiry_wall;
  // passed says why the run is over, if it is.
  std::optional<std::pair<EndReason, std::string>> passed(const Clock& clock,
                                                          const Limits& limits) const;
};

// What the loop's thread leaves to others while it looks at an exec itself, which may take longer
// than it should: a page of the caller that has to come from a disk, a disk that is slow to take
// the record. Heartbeats go on and deadlines hold; requests to end need no loop anyway.
class StandIn {
 public:
  // A Watch is one look of the loop's; the deadlines are those in force when it begins.
  class Watch {
   public:
    Watch(StandIn& by, const Deadlines& deadlines);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    StandIn& by_;
  };
  // step does what the loop would do now, if it is looking at an exec: any thread, often.
  void step(const Clock& clock, const Limits& limits, const Boundary& boundary, Mailbox& mailbox);

 private:
  std::mutex mutex_;                    // the one lock: deadlines_
  std::optional<Deadlines> deadlines_;  // none: the loop is not looking
};

class Loop {
 public:
  // create takes the boundary; on an Error it has ended it.
  static Result<std::unique_ptr<Loop>> create(Boundary boundary, const Plan& plan,
                                              Verdicts& verdicts, const Clock& clock,
                                              const Capabilities& kernel, Mailbox& mailbox);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // run blocks until the last process is gone and every verdict is in.
  Outcome run();

 private:
  Loop(Boundary boundary, const Plan& plan, Verdicts& verdicts, const Clock& clock,
       const Capabilities& kernel, Mailbox& mailbox, Listener listener, ChildSignal children,
       UniqueFd tick, UniqueFd jobs_done);

  void apply(const GateEvent& event);
  std::optional<GateEvent> perform(const Check& action);
  std::optional<GateEvent> perform(const Answer& action);
  std::optional<GateEvent> perform(const Seize& action);
  std::optional<GateEvent> perform(const Continue& action);
  std::optional<GateEvent> perform(const Judge& action);
  std::optional<GateEvent> perform(const Confirm& action);
  std::optional<GateEvent> perform(const Detach& action);
  std::optional<GateEvent> perform(const EndRun& action);

  // While one of these looks, somebody stands in for the loop.
  std::optional<Checked> check_at_once(AttemptId attempt);
  std::optional<Judged> judge_at_once(const Judge& action, StackPointer stack);
  void take_notification();
  void take_net(const Notification& asked);
  bool spend_for_datagrams();
  Result<void> make_net();
  void hold_net(bool held);
  void take_children();
  void take_wishes();
  void take_lifeline();
  void take_tick();
  void check_deadlines();
  void stand_in();
  void hand_over(Workers::Job job);
  void end(EndReason reason, std::string detail, std::optional<std::int64_t> since = {});
  void init_is_gone();
  int wait_millis() const;
  bool finished() const;
  void forget_callers();
  void stay_near_caller();
  void spread();

  const Plan& plan_;
  Verdicts& verdicts_;
  const Clock& clock_;
  Mailbox& mailbox_;
  Boundary boundary_;
  Listener listener_;
  ChildSignal children_;
  UniqueFd tick_;  // timerfd: heartbeats, and a look at both clocks
  Gate gate_;
  Inspector inspector_;
  StandIn stand_in_;
  Workers workers_;                          // after everything that jobs use
  std::unique_ptr<NetGate> net_;             // null: nothing has been connected yet
  bool net_held_ = false;                    // it takes nothing for now
  bool no_tcp_ = false;                      // Landlock can deny the run all TCP
  std::atomic<std::uint64_t> net_asked_{0};  // by calls, and by datagrams

  Outcome outcome_;
  std::unordered_map<std::uint64_t, Caller> callers_;  // by attempt, from check to judgement
  Notification incoming_;                              // of the Asked being applied
  std::string unreadable_;                             // why the last image was not read
  std::string violation_;                              // what the last violation was
  Deadlines deadlines_;
  std::int64_t cause_boot_ = 0;   // when the end's cause came
  std::uint64_t cpu_millis_ = 0;  // at the last census
  unsigned ticks_ = 0;
  std::optional<std::uint64_t> ticks_left_;  // within which somebody has to vouch for the run
  bool started_ = false;                     // the first program is released
  bool ended_ = false;                       // a cause is set
  bool hung_up_ = false;                     // the listener has no filter any more
  bool init_gone_ = false;
  bool counting_ = false;              // a census is under way
  cpu_set_t processors_{};             // that this process may use
  std::optional<unsigned> near_;       // the one that this thread keeps to
  std::optional<unsigned> jobs_near_;  // the one that the workers keep to
};

}  // namespace writ::enforce
