// For tests and fuzzing: a Gate with an independent witness of what its header promises.
//
// feed() hands one event to the gate and checks every invariant afterwards, from its own account
// of the actions; broken() names the first that did not hold. kernel() in the tests additionally
// plays the kernel's part, so that only event orders which can happen are fed.
#pragma once

#include <map>
#include <set>
#include <string>

#include "enforce/gate.h"

namespace writ::enforce {

class GateModel {
 public:
  explicit GateModel(const Limits& limits) : gate(limits) {}

  std::vector<GateAction> feed(const GateEvent& event) {
    const bool ending_before = gate.ending();
    note(event);
    std::vector<GateAction> actions = gate.step(event);
    for (const GateAction& action : actions) note(action, ending_before);
    check_counts();
    return actions;
  }

  const std::string& broken() const { return broken_; }
  Gate gate;

 private:
  void fail(const char* what) {
    if (broken_.empty()) broken_ = what;
  }
  void note(const GateEvent& event) {
    if (const auto* stop = std::get_if<ExecStop>(&event)) at_exec_[stop->process] = false;
    if (const auto* gone = std::get_if<Exited>(&event)) at_exec_.erase(gone->thread);
    if (const auto* gone = std::get_if<Detached>(&event)) {
      if (gone->ok) at_exec_.erase(gone->thread);
    }
    if (const auto* judged = std::get_if<Judged>(&event)) {
      const auto judge = judging_.find(judged->attempt);
      if (judge != judging_.end()) {
        if (judged->result == JudgeResult::Released) {
          const auto stop = at_exec_.find(judge->second);
          if (stop != at_exec_.end()) stop->second = true;
        }
        judging_.erase(judge);
      }
    }
  }
  void note(const GateAction& action, bool ending_before) {
    if (const auto* one = std::get_if<Answer>(&action)) {
      if (!answered_.insert(one->notification).second) fail("a notification is answered once");
      if (one->error <= 0) fail("an answer is an errno");
      if (ending_before) fail("nothing is answered after the end");
    } else if (const auto* go = std::get_if<Continue>(&action)) {
      if (!answered_.insert(go->notification).second) fail("a notification is answered once");
      if (ending_before) fail("nothing is let through after the end");
    } else if (const auto* seize = std::get_if<Seize>(&action)) {
      if (ending_before) fail("nothing is seized after the end");
      (void)seize;
    } else if (const auto* judge = std::get_if<Judge>(&action)) {
      judging_[judge->attempt] = judge->process;
    } else if (const auto* detach = std::get_if<Detach>(&action)) {
      const auto stop = at_exec_.find(detach->thread);
      if (stop != at_exec_.end() && !stop->second) fail("an unjudged image is never detached");
      if (stop != at_exec_.end() && ending_before) fail("no image is detached after the end");
    } else if (std::holds_alternative<EndRun>(action)) {
      if (ended_) fail("the run is ended once");
      ended_ = true;
    }
  }
  void check_counts() {
    const GateCounts& c = gate.counts();
    if (c.asked != c.refused + c.failed + c.vanished + c.violated + c.released + gate.open()) {
      fail("asked is the sum of all outcomes and the open attempts");
    }
    const std::uint64_t decided = c.violated + c.released;
    if (c.exec_stops < decided || c.exec_stops > decided + gate.open()) {
      fail("exec stops are the violated, the released and those being judged");
    }
    for (pid_t group = 0; group < 8; ++group) {
      if (gate.in_flight(group) > 1) fail("one exec in flight per thread group");
    }
  }

  std::set<std::uint64_t> answered_;
  std::map<AttemptId, pid_t> judging_;
  std::map<pid_t, bool> at_exec_;  // at an exec stop: released?
  bool ended_ = false;
  std::string broken_;
};

}  // namespace writ::enforce
