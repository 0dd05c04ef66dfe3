// The rows of the table, one `on` per event. Two indexes change together: an attempt exists until
// its outcome is counted, a trace from the request to seize until detach or reap; `groups_` counts
// the traces of each thread group, and is what "in flight" means.
#include "enforce/gate.h"

#include <cerrno>

namespace writ::enforce {

std::vector<GateAction> Gate::step(const GateEvent& event) {
  actions_.clear();
  std::visit([this](const auto& one) { on(one); }, event);
  return std::move(actions_);
}

Gate::Attempts::iterator Gate::find(AttemptId attempt, Phase phase) {
  const auto found = attempts_.find(attempt);
  return found != attempts_.end() && found->second.phase == phase ? found : attempts_.end();
}

// A thread that execs takes its leader's number before the exec stop: from then on the kernel
// reports it under that number, also when it is killed first.
Gate::Traces::iterator Gate::trace_of(pid_t thread) {
  const auto found = traces_.find(thread);
  if (found != traces_.end()) return found;
  for (auto it = traces_.begin(); it != traces_.end(); ++it) {
    if (it->second.group == thread && it->second.hold == Hold::Attempt) return it;
  }
  return traces_.end();
}

bool Gate::busy(const Attempt& attempt) const {
  return groups_.contains(attempt.group) || traces_.contains(attempt.thread);
}

std::size_t Gate::in_flight(pid_t group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? 0 : found->second;
}

bool Gate::awaits_worker() const {
  for (const auto& [id, attempt] : attempts_) {
    if (attempt.phase == Phase::Checking || attempt.phase == Phase::Judging) return true;
  }
  return false;
}

namespace {
void leave(std::unordered_map<pid_t, std::size_t>& groups, pid_t group) {
  const auto found = groups.find(group);
  if (found != groups.end() && --found->second == 0) groups.erase(found);
}
}  // namespace

void Gate::admit_waiting() {
  if (frozen_ || ending_) return;
  for (auto& [id, attempt] : attempts_) {
    if (attempt.phase != Phase::Waiting || busy(attempt)) continue;
    attempt.phase = Phase::Seizing;
    ++groups_[attempt.group];
    traces_[attempt.thread] = Trace{attempt.group, Hold::Attempt, id};
    actions_.emplace_back(Seize{id, attempt.notification, attempt.thread});
  }
}

void Gate::begin_end() {
  if (ending_) return;
  ending_ = true;
  for (auto it = attempts_.begin(); it != attempts_.end();) {
    if (it->second.phase == Phase::Waiting) {
      ++counts_.vanished;
      it = attempts_.erase(it);
    } else {
      ++it;
    }
  }
  for (auto& [thread, trace] : traces_) {
    if (trace.hold == Hold::Released) trace.hold = Hold::Doomed;
  }
}

void Gate::end_run(EndReason end, Reason reason, bool unexplained) {
  if (ending_) return;
  begin_end();
  actions_.emplace_back(EndRun{end, reason, unexplained});
}

void Gate::detach(Traces::iterator trace, int signal) {
  trace->second.hold = Hold::Detaching;
  actions_.emplace_back(Detach{trace->first, signal});
}

void Gate::on(const Asked& event) {
  ++counts_.asked;
  if (ending_) {
    ++counts_.vanished;
    return;
  }
  if (counts_.asked > limits_.gate_events) {
    ++counts_.vanished;
    end_run(EndReason::LimitEvents, Reason::BudgetExhausted, false);
    return;
  }
  const AttemptId id(next_++);
  attempts_.emplace(id, Attempt{event.notification, event.thread, 0, Phase::Checking, false});
  actions_.emplace_back(Check{id, event.notification, event.thread});
}

void Gate::on(const Checked& event) {
  const auto it = find(event.attempt, Phase::Checking);
  if (it == attempts_.end()) return;
  Attempt& attempt = it->second;
  switch (event.result) {
    case CheckResult::Go:
      if (!ending_) {
        attempt.group = event.group;
        attempt.phase = Phase::Waiting;
        admit_waiting();
        return;
      }
      ++counts_.vanished;
      break;
    case CheckResult::Gone: ++counts_.vanished; break;
    case CheckResult::Refused: ++counts_.refused; break;
    case CheckResult::Failed: ++counts_.failed; break;
  }
  const bool answer = event.result == CheckResult::Refused || event.result == CheckResult::Failed;
  // Never 0: that would tell the caller that its exec succeeded.
  if (answer && !ending_) {
    actions_.emplace_back(Answer{attempt.notification, event.error > 0 ? event.error : EACCES});
  }
  attempts_.erase(it);
}

void Gate::on(const Seized& event) {
  const auto it = find(event.attempt, Phase::Seizing);
  if (it == attempts_.end()) return;
  Attempt& attempt = it->second;
  switch (event.result) {
    case SeizeResult::Ok:
      if (!ending_) {
        attempt.phase = Phase::Continuing;
        actions_.emplace_back(Continue{it->first, attempt.notification});
        return;
      }
      [[fallthrough]];  // it waits in its notification, to be killed
    case SeizeResult::Stale:
      ++counts_.vanished;
      traces_[attempt.thread] = Trace{attempt.group, Hold::Drain, AttemptId()};
      attempts_.erase(it);
      return;
    case SeizeResult::Refused:
      ++counts_.failed;
      if (!ending_) actions_.emplace_back(Answer{attempt.notification, EACCES});
      break;
    case SeizeResult::Gone: ++counts_.vanished; break;
  }
  leave(groups_, attempt.group);
  traces_.erase(attempt.thread);
  attempts_.erase(it);
  admit_waiting();
}

void Gate::on(const Continued& event) {
  const auto it = find(event.attempt, Phase::Continuing);
  if (it == attempts_.end()) return;
  if (event.sent) {
    it->second.phase = Phase::Loading;
    return;
  }
  ++counts_.vanished;
  const auto trace = traces_.find(it->second.thread);
  if (trace != traces_.end()) trace->second.hold = Hold::Drain;
  attempts_.erase(it);
}

// doom: whatever this thread was about, it is at an exec stop that nothing explains, as `process`.
void Gate::doom(pid_t thread, pid_t process) {
  const auto trace = trace_of(thread);
  if (trace == traces_.end()) return;
  Trace doomed = trace->second;
  if (doomed.hold == Hold::Attempt) give_up(doomed.attempt);
  doomed.hold = Hold::Doomed;
  traces_.erase(trace);
  if (!traces_.emplace(process, doomed).second) leave(groups_, doomed.group);
}

// give_up ends the attempt of a thread that is lost; one being judged counts by its verdict.
void Gate::give_up(AttemptId attempt) {
  const auto it = attempts_.find(attempt);
  WRIT_ASSERT(it != attempts_.end());
  if (it->second.phase == Phase::Judging) {
    it->second.dead = true;
    return;
  }
  if (it->second.phase == Phase::Confirming) {
    --counts_.exec_stops;
    --judging_;
  }
  ++counts_.vanished;
  attempts_.erase(it);
}

void Gate::on(const ExecStop& event) {
  const auto trace = traces_.find(event.former);
  const auto attempt = trace != traces_.end() && trace->second.hold == Hold::Attempt
                           ? find(trace->second.attempt, Phase::Loading)
                           : attempts_.end();
  const bool taken = event.process != event.former && traces_.contains(event.process);
  const bool same_group = attempt != attempts_.end() && attempt->second.group == event.process;
  if (attempt == attempts_.end() || taken || !same_group) {
    doom(event.former, event.process);
    doom(event.process, event.process);
    end_run(EndReason::Violation, Reason::ChangedDuringExec, true);
    return;
  }
  Trace moved = trace->second;
  traces_.erase(trace);
  attempt->second.thread = event.process;
  const bool over_budget = counts_.released + judging_ >= limits_.execs;
  if (ending_ || over_budget) {
    ++counts_.vanished;
    attempts_.erase(attempt);
    moved.hold = Hold::Doomed;
    traces_[event.process] = moved;
    end_run(EndReason::LimitExecs, Reason::BudgetExhausted, false);
    return;
  }
  traces_[event.process] = moved;
  ++counts_.exec_stops;
  ++judging_;
  attempt->second.phase = Phase::Judging;
  actions_.emplace_back(Judge{attempt->first, event.process});
}

void Gate::stopped(pid_t thread, int signal) {
  const auto trace = trace_of(thread);
  if (trace == traces_.end()) {
    end_run(EndReason::Violation, Reason::ChangedDuringExec, true);
    return;
  }
  switch (trace->second.hold) {
    case Hold::Attempt: {
      const auto attempt = find(trace->second.attempt, Phase::Loading);
      if (attempt == attempts_.end()) {  // it is being judged, and yet it ran
        end_run(EndReason::Violation, Reason::ChangedDuringExec, true);
        return;
      }
      ++counts_.failed;
      attempts_.erase(attempt);
      if (trace->first != thread) {  // it took its leader's number
        const Trace moved = trace->second;
        traces_.erase(trace);
        detach(traces_.insert_or_assign(thread, moved).first, signal);
      } else {
        detach(trace, signal);
      }
      return;
    }
    case Hold::Drain: detach(trace, signal); return;
    case Hold::Detaching:
    case Hold::Released:
    case Hold::Doomed: return;  // killed: its exit follows
  }
}

void Gate::on(const OtherStop& event) {
  stopped(event.thread, 0);
}
void Gate::on(const SignalStop& event) {
  stopped(event.thread, event.signal);
}

void Gate::on(const Exited& event) {
  const auto trace = trace_of(event.thread);
  if (trace == traces_.end()) return;
  if (trace->second.hold == Hold::Attempt) give_up(trace->second.attempt);
  leave(groups_, trace->second.group);
  traces_.erase(trace);
  admit_waiting();
}

void Gate::on(const Judged& event) {
  const auto it = find(event.attempt, Phase::Judging);
  if (it == attempts_.end()) return;
  const bool dead = it->second.dead;
  const auto trace = dead ? traces_.end() : traces_.find(it->second.thread);
  switch (event.result) {
    case JudgeResult::Released:
      ++counts_.released;
      --judging_;
      attempts_.erase(it);
      if (trace == traces_.end()) return;
      if (ending_) {
        trace->second.hold = Hold::Doomed;
      } else if (frozen_) {
        trace->second.hold = Hold::Released;
      } else {
        detach(trace, 0);
      }
      return;
    case JudgeResult::Violated:
      ++counts_.violated;
      --judging_;
      attempts_.erase(it);
      if (trace != traces_.end()) trace->second.hold = Hold::Doomed;
      end_run(EndReason::Violation, event.reason, false);
      return;
    case JudgeResult::Unreadable:
      if (!dead) {
        it->second.phase = Phase::Confirming;
        actions_.emplace_back(Confirm{it->first, it->second.thread});
        return;
      }
      ++counts_.vanished;
      --counts_.exec_stops;
      --judging_;
      attempts_.erase(it);
      return;
  }
}

void Gate::on(const Confirmed& event) {
  const auto it = find(event.attempt, Phase::Confirming);
  if (it == attempts_.end()) return;
  const auto trace = traces_.find(it->second.thread);
  if (trace != traces_.end()) trace->second.hold = Hold::Doomed;
  --judging_;
  attempts_.erase(it);
  if (event.stopped) {
    ++counts_.violated;
    end_run(EndReason::Violation, Reason::ChangedDuringExec, false);
  } else {
    ++counts_.vanished;
    --counts_.exec_stops;
  }
}

void Gate::on(const Detached& event) {
  const auto trace = traces_.find(event.thread);
  if (trace == traces_.end() || trace->second.hold != Hold::Detaching) return;
  if (!event.ok) {
    trace->second.hold = Hold::Doomed;
    return;
  }
  leave(groups_, trace->second.group);
  traces_.erase(trace);
  admit_waiting();
}

void Gate::on(const Freeze&) {
  frozen_ = true;
}

void Gate::on(const Thaw&) {
  if (!frozen_) return;
  frozen_ = false;
  for (auto it = traces_.begin(); it != traces_.end(); ++it) {
    if (it->second.hold == Hold::Released) detach(it, 0);
  }
  admit_waiting();
}

void Gate::on(const End&) {
  begin_end();
}

void Gate::close() {
  ending_ = true;
  for (const auto& [id, attempt] : attempts_) {
    ++counts_.vanished;
    if (attempt.phase == Phase::Judging || attempt.phase == Phase::Confirming) {
      --counts_.exec_stops;
    }
  }
  attempts_.clear();
  traces_.clear();
  groups_.clear();
  judging_ = 0;
  WRIT_ASSERT(counts_.asked == counts_.refused + counts_.failed + counts_.vanished +
                                   counts_.violated + counts_.released);
  WRIT_ASSERT(counts_.exec_stops == counts_.violated + counts_.released);
}

}  // namespace writ::enforce
