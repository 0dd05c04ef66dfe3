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
  explicit Mailbox(UniqueFd event) : event_(std::move(event)) {}

  struct Wishes {
    std::optional<std::pair<EndReason, std::string>> end;
    std::optional<UnixMillis> expires;
    std::optional<bool> frozen;  // the last of freeze and thaw
  };
  void end(EndReason reason, std::string detail);  // the first one stands
  void expire_at(UnixMillis time);
  void set_frozen(bool frozen);
  Wishes take();

  void show(const GateCounts& counts);
  GateCounts counts() const;
  std::atomic<pid_t> init{0};
  FdRef fd() const { return event_.borrow(); }

 private:
  void ring();
  UniqueFd event_;
  mutable std::mutex mutex_;  // wishes_, ended_, counts_
  Wishes wishes_;
  bool ended_ = false;
  GateCounts counts_;
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

  void take_notifications();
  void take_net(const Notification& asked);
  void take_children();
  void take_wishes();
  void take_lifeline();
  void take_tick();
  void check_deadlines();
  void end(EndReason reason, std::string detail);
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
  Workers workers_;               // after everything that jobs use
  std::unique_ptr<NetGate> net_;  // null: the plan grants no endpoint
  std::uint64_t net_asked_ = 0;

  Outcome outcome_;
  std::unordered_map<std::uint64_t, Caller> callers_;  // by attempt, from check to judgement
  Notification incoming_;                              // of the Asked being applied
  std::string unreadable_;                             // why the last image was not read
  std::string violation_;                              // what the last violation was
  std::optional<std::int64_t> wall_deadline_;          // boot time, nanoseconds
  std::optional<std::int64_t> expiry_boot_;
  std::optional<UnixMillis> expiry_wall_;
  std::int64_t cause_boot_ = 0;   // when the end's cause came
  std::uint64_t cpu_millis_ = 0;  // at the last census
  unsigned ticks_ = 0;
  bool started_ = false;  // the first program is released
  bool ended_ = false;    // a cause is set
  bool hung_up_ = false;  // the listener has no filter any more
  bool init_gone_ = false;
  bool counting_ = false;              // a census is under way
  cpu_set_t processors_{};             // that this process may use
  std::optional<unsigned> near_;       // the one that this thread keeps to
  std::optional<unsigned> jobs_near_;  // the one that the workers keep to
};

}  // namespace writ::enforce
