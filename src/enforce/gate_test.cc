#include "enforce/gate.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cerrno>
#include <csignal>

#include "enforce/gate_model.h"

namespace writ::enforce {
namespace {

constexpr AttemptId kFirst(1);
constexpr AttemptId kSecond(2);

template <typename T>
const T* only(const std::vector<GateAction>& actions) {
  return actions.size() == 1 ? std::get_if<T>(&actions[0]) : nullptr;
}

class GateTable : public ::testing::Test {
 protected:
  // ask and check: the attempt is seized next if its group is free.
  std::vector<GateAction> go(AttemptId attempt, pid_t thread, pid_t group) {
    model.feed(Asked{100 + attempt.get(), thread});
    return model.feed(Checked{attempt, CheckResult::Go, 0, group});
  }
  void load(AttemptId attempt, pid_t thread, pid_t group) {
    ASSERT_TRUE(only<Seize>(go(attempt, thread, group)));
    ASSERT_TRUE(only<Continue>(model.feed(Seized{attempt, SeizeResult::Ok})));
    ASSERT_TRUE(model.feed(Continued{attempt, true}).empty());
  }
  void TearDown() override {
    model.gate.close();
    EXPECT_EQ(model.broken(), "");
  }
  const GateCounts& counts() { return model.gate.counts(); }
  GateModel model{Limits{}};
};

TEST_F(GateTable, AnExecIsCheckedSeizedContinuedJudgedAndDetached) {
  const auto check = model.feed(Asked{7, 10});
  ASSERT_TRUE(only<Check>(check));
  EXPECT_EQ(only<Check>(check)->notification, 7U);
  ASSERT_TRUE(only<Seize>(model.feed(Checked{kFirst, CheckResult::Go, 0, 10})));
  const auto go_on = model.feed(Seized{kFirst, SeizeResult::Ok});
  ASSERT_TRUE(only<Continue>(go_on));
  EXPECT_EQ(only<Continue>(go_on)->notification, 7U);
  EXPECT_TRUE(model.feed(Continued{kFirst, true}).empty());
  const auto judge = model.feed(ExecStop{10, 10});
  ASSERT_TRUE(only<Judge>(judge));
  EXPECT_EQ(only<Judge>(judge)->process, 10);
  const auto detach = model.feed(Judged{kFirst, JudgeResult::Released});
  ASSERT_TRUE(only<Detach>(detach));
  EXPECT_EQ(only<Detach>(detach)->thread, 10);
  EXPECT_EQ(model.gate.traced(), 1U);
  EXPECT_TRUE(model.feed(Detached{10, true}).empty());
  EXPECT_EQ(model.gate.traced(), 0U);
  EXPECT_EQ(counts().released, 1U);
  EXPECT_EQ(counts().exec_stops, 1U);
}

TEST_F(GateTable, ARefusalAndATrueErrnoAreAnsweredAndCountedApart) {
  model.feed(Asked{1, 10});
  const auto refused = model.feed(Checked{kFirst, CheckResult::Refused, EACCES, 10});
  ASSERT_TRUE(only<Answer>(refused));
  EXPECT_EQ(only<Answer>(refused)->error, EACCES);
  model.feed(Asked{2, 10});
  const auto failed = model.feed(Checked{kSecond, CheckResult::Failed, ENOENT, 10});
  ASSERT_TRUE(only<Answer>(failed));
  EXPECT_EQ(only<Answer>(failed)->error, ENOENT);
  EXPECT_EQ(counts().refused, 1U);
  EXPECT_EQ(counts().failed, 1U);
}

TEST_F(GateTable, AnAnswerWithoutAnErrnoBecomesEacces) {
  model.feed(Asked{1, 10});
  const auto answer = model.feed(Checked{kFirst, CheckResult::Refused, 0, 10});
  ASSERT_TRUE(only<Answer>(answer));
  EXPECT_EQ(only<Answer>(answer)->error, EACCES);
}

TEST_F(GateTable, AnExecThatFailsAfterContinueLeavesTheCallerAliveAndTheGroupFree) {
  load(kFirst, 10, 10);
  const auto detach = model.feed(OtherStop{10});
  ASSERT_TRUE(only<Detach>(detach));
  EXPECT_EQ(only<Detach>(detach)->signal, 0);
  model.feed(Detached{10, true});
  EXPECT_EQ(counts().failed, 1U);
  EXPECT_EQ(model.gate.traced(), 0U);
  EXPECT_TRUE(only<Seize>(go(kSecond, 10, 10)));
}

TEST_F(GateTable, AStopWithASignalIsDetachedWithThatSignal) {
  load(kFirst, 10, 10);
  const auto detach = model.feed(SignalStop{10, SIGUSR1});
  ASSERT_TRUE(only<Detach>(detach));
  EXPECT_EQ(only<Detach>(detach)->signal, SIGUSR1);
}

TEST_F(GateTable, ASecondThreadOfTheGroupWaitsUntilTheFirstIsDetached) {
  load(kFirst, 11, 10);
  EXPECT_TRUE(go(kSecond, 12, 10).empty());
  EXPECT_TRUE(only<Detach>(model.feed(OtherStop{11})));
  const auto next = model.feed(Detached{11, true});
  ASSERT_TRUE(only<Seize>(next));
  EXPECT_EQ(only<Seize>(next)->attempt, kSecond);
  // The thread is gone by then, as after a successful exec of the first: counted, not waited for.
  EXPECT_TRUE(model.feed(Seized{kSecond, SeizeResult::Gone}).empty());
  EXPECT_EQ(counts().vanished, 1U);
}

TEST_F(GateTable, ThreadsOfOtherGroupsDoNotWait) {
  load(kFirst, 10, 10);
  EXPECT_TRUE(only<Seize>(go(kSecond, 20, 20)));
}

TEST_F(GateTable, AnExecFromAnotherThreadIsJudgedUnderTheLeadersNumber) {
  load(kFirst, 13, 10);
  const auto judge = model.feed(ExecStop{10, 13});
  ASSERT_TRUE(only<Judge>(judge));
  EXPECT_EQ(only<Judge>(judge)->process, 10);
  const auto detach = model.feed(Judged{kFirst, JudgeResult::Released});
  ASSERT_TRUE(only<Detach>(detach));
  EXPECT_EQ(only<Detach>(detach)->thread, 10);
}

TEST_F(GateTable, AThreadKilledAfterItTookItsLeadersNumberIsNotWaitedForUnderItsOwn) {
  load(kFirst, 13, 10);
  model.feed(Exited{10});
  EXPECT_EQ(model.gate.traced(), 0U);
  EXPECT_EQ(model.gate.in_flight(10), 0U);
  EXPECT_EQ(counts().vanished, 1U);
}

TEST_F(GateTable, AnAlreadyTracedCallerIsRefusedWithEacces) {
  ASSERT_TRUE(only<Seize>(go(kFirst, 10, 10)));
  const auto answer = model.feed(Seized{kFirst, SeizeResult::Refused});
  ASSERT_TRUE(only<Answer>(answer));
  EXPECT_EQ(only<Answer>(answer)->error, EACCES);
  EXPECT_EQ(counts().failed, 1U);
  EXPECT_EQ(model.gate.traced(), 0U);
}

TEST_F(GateTable, AThreadSeizedTooLateIsDetachedAtItsNextStop) {
  ASSERT_TRUE(only<Seize>(go(kFirst, 10, 10)));
  EXPECT_TRUE(model.feed(Seized{kFirst, SeizeResult::Stale}).empty());
  EXPECT_EQ(model.gate.traced(), 1U);
  EXPECT_TRUE(go(kSecond, 10, 10).empty());  // its number waits until the old one is done
  EXPECT_TRUE(only<Detach>(model.feed(OtherStop{10})));
  EXPECT_TRUE(only<Seize>(model.feed(Detached{10, true})));
}

TEST_F(GateTable, AnExecStopOfAThreadThatWasNeverLetThroughEndsTheRun) {
  ASSERT_TRUE(only<Seize>(go(kFirst, 10, 10)));
  model.feed(Seized{kFirst, SeizeResult::Stale});
  const auto end = model.feed(ExecStop{10, 10});
  ASSERT_TRUE(only<EndRun>(end));
  EXPECT_TRUE(only<EndRun>(end)->unexplained);
  EXPECT_TRUE(model.feed(OtherStop{10}).empty());  // never detached again
  model.feed(Exited{10});
  EXPECT_EQ(model.gate.traced(), 0U);
}

TEST_F(GateTable, AnExecStopThatNoAttemptExplainsEndsTheRun) {
  EXPECT_TRUE(only<EndRun>(model.feed(ExecStop{10, 10})));
  EXPECT_TRUE(model.gate.ending());
}

TEST_F(GateTable, ALostContinueIsAVanishedCaller) {
  ASSERT_TRUE(only<Seize>(go(kFirst, 10, 10)));
  model.feed(Seized{kFirst, SeizeResult::Ok});
  EXPECT_TRUE(model.feed(Continued{kFirst, false}).empty());
  EXPECT_EQ(counts().vanished, 1U);
  EXPECT_EQ(model.gate.traced(), 1U);
  model.feed(Exited{10});
  EXPECT_EQ(model.gate.traced(), 0U);
}

TEST_F(GateTable, AViolationEndsTheRunAndIsNeverDetached) {
  load(kFirst, 10, 10);
  model.feed(ExecStop{10, 10});
  const auto end = model.feed(Judged{kFirst, JudgeResult::Violated, Reason::DigestMismatch});
  ASSERT_TRUE(only<EndRun>(end));
  EXPECT_EQ(only<EndRun>(end)->reason, Reason::DigestMismatch);
  EXPECT_TRUE(model.feed(OtherStop{10}).empty());
  EXPECT_TRUE(model.feed(Thaw{}).empty());
  EXPECT_EQ(counts().violated, 1U);
  model.feed(Exited{10});
}

TEST_F(GateTable, AnImageKilledWhileItIsReadHasVanished) {
  load(kFirst, 10, 10);
  model.feed(ExecStop{10, 10});
  ASSERT_TRUE(only<Confirm>(model.feed(Judged{kFirst, JudgeResult::Unreadable})));
  EXPECT_TRUE(model.feed(Confirmed{kFirst, false}).empty());
  EXPECT_EQ(counts().vanished, 1U);
  EXPECT_EQ(counts().exec_stops, 0U);
  EXPECT_FALSE(model.gate.ending());
  model.feed(Exited{10});
}

TEST_F(GateTable, AnUnreadableImageThatStillStandsIsAViolation) {
  load(kFirst, 10, 10);
  model.feed(ExecStop{10, 10});
  ASSERT_TRUE(only<Confirm>(model.feed(Judged{kFirst, JudgeResult::Unreadable})));
  EXPECT_TRUE(only<EndRun>(model.feed(Confirmed{kFirst, true})));
  EXPECT_EQ(counts().violated, 1U);
  model.feed(Exited{10});
}

TEST_F(GateTable, AnImageKilledBeforeItsVerdictCountsAsRecorded) {
  load(kFirst, 10, 10);
  model.feed(ExecStop{10, 10});
  EXPECT_TRUE(model.feed(Exited{10}).empty());
  EXPECT_EQ(model.gate.open(), 1U);
  EXPECT_TRUE(model.feed(Judged{kFirst, JudgeResult::Released}).empty());
  EXPECT_EQ(counts().released, 1U);
  EXPECT_EQ(counts().exec_stops, 1U);
}

TEST_F(GateTable, ALateVerdictDoesNotReachANewProcessOfTheSameNumber) {
  load(kFirst, 10, 10);
  model.feed(ExecStop{10, 10});
  model.feed(Exited{10});
  load(kSecond, 10, 10);
  model.feed(ExecStop{10, 10});
  EXPECT_TRUE(model.feed(Judged{kFirst, JudgeResult::Released}).empty());
  EXPECT_EQ(model.gate.traced(), 1U);
}

TEST_F(GateTable, AnImageReapedWhileItIsConfirmedHasVanished) {
  load(kFirst, 10, 10);
  model.feed(ExecStop{10, 10});
  model.feed(Judged{kFirst, JudgeResult::Unreadable});
  model.feed(Exited{10});
  EXPECT_TRUE(model.feed(Confirmed{kFirst, true}).empty());
  EXPECT_EQ(counts().exec_stops, 0U);
  EXPECT_EQ(counts().vanished, 1U);
}

TEST_F(GateTable, ADetachOfAKilledThreadWaitsForItsExit) {
  load(kFirst, 10, 10);
  model.feed(ExecStop{10, 10});
  model.feed(Judged{kFirst, JudgeResult::Released});
  model.feed(Detached{10, false});
  EXPECT_EQ(model.gate.traced(), 1U);
  EXPECT_EQ(model.gate.in_flight(10), 1U);
  model.feed(Exited{10});
  EXPECT_EQ(model.gate.traced(), 0U);
}

TEST_F(GateTable, FrozenGatesHoldAttemptsAndReleasedImagesUntilTheThaw) {
  load(kFirst, 10, 10);
  model.feed(ExecStop{10, 10});
  model.feed(Freeze{});
  EXPECT_TRUE(go(kSecond, 20, 20).empty());
  EXPECT_TRUE(model.feed(Judged{kFirst, JudgeResult::Released}).empty());
  const auto thaw = model.feed(Thaw{});
  ASSERT_EQ(thaw.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<Detach>(thaw[0]));
  EXPECT_TRUE(std::holds_alternative<Seize>(thaw[1]));
}

TEST_F(GateTable, AfterTheEndNothingIsLetThroughAndEverythingIsCounted) {
  load(kFirst, 10, 10);
  go(kSecond, 11, 10);         // waits
  model.feed(Asked{300, 12});  // being checked
  model.feed(End{});
  EXPECT_TRUE(model.feed(ExecStop{10, 10}).empty());
  EXPECT_TRUE(model.feed(Checked{AttemptId(3), CheckResult::Refused, EACCES, 10}).empty());
  EXPECT_TRUE(model.feed(Asked{301, 13}).empty());
  model.feed(Exited{10});
  EXPECT_EQ(counts().asked, 4U);
  EXPECT_EQ(counts().refused, 1U);  // it is recorded, so it counts
  EXPECT_EQ(counts().vanished, 3U);
  EXPECT_EQ(counts().exec_stops, 0U);
}

TEST(GateBudget, TheBudgetOfGateEventsEndsTheRun) {
  Limits limits;
  limits.gate_events = 2;
  GateModel model(limits);
  model.feed(Asked{1, 10});
  model.feed(Asked{2, 11});
  const auto end = model.feed(Asked{3, 12});
  ASSERT_TRUE(only<EndRun>(end));
  EXPECT_EQ(only<EndRun>(end)->end, EndReason::LimitEvents);
  EXPECT_EQ(model.broken(), "");
}

TEST(GateBudget, TheBudgetOfExecsCountsReleasedImagesOnly) {
  Limits limits;
  limits.execs = 1;
  GateModel model(limits);
  const auto load = [&](AttemptId id, pid_t thread) {
    model.feed(Asked{id.get(), thread});
    model.feed(Checked{id, CheckResult::Go, 0, thread});
    model.feed(Seized{id, SeizeResult::Ok});
    model.feed(Continued{id, true});
  };
  load(kFirst, 10);
  model.feed(OtherStop{10});  // a failed exec costs nothing
  model.feed(Detached{10, true});
  load(kSecond, 10);
  ASSERT_TRUE(only<Judge>(model.feed(ExecStop{10, 10})));
  load(AttemptId(3), 20);
  const auto end = model.feed(ExecStop{20, 20});  // while the other is still being judged
  ASSERT_TRUE(only<EndRun>(end));
  EXPECT_EQ(only<EndRun>(end)->end, EndReason::LimitExecs);
  EXPECT_EQ(model.broken(), "");
}

// Any events at all, in any order.
rc::Gen<GateEvent> any_event() {
  const auto id = rc::gen::map(rc::gen::inRange(1, 12),
                               [](int n) { return AttemptId(static_cast<std::uint64_t>(n)); });
  const auto thread = rc::gen::inRange<pid_t>(1, 7);
  using rc::gen::apply;
  return rc::gen::oneOf(
      rc::gen::map(thread,
                   [](pid_t t) {
                     return GateEvent(Asked{0, t});
                   }),
      apply(
          [](AttemptId a, int r, pid_t g) {
            return GateEvent(Checked{a, static_cast<CheckResult>(r), EACCES, (g + 2) / 3});
          },
          id, rc::gen::elementOf(std::vector<int>{0, 0, 0, 1, 2, 3}), thread),
      apply(
          [](AttemptId a, int r) {
            return GateEvent(Seized{a, static_cast<SeizeResult>(r)});
          },
          id, rc::gen::elementOf(std::vector<int>{0, 0, 0, 1, 2, 3})),
      apply(
          [](AttemptId a, bool s) {
            return GateEvent(Continued{a, s});
          },
          id, rc::gen::arbitrary<bool>()),
      apply(
          [](pid_t p, pid_t f) {
            return GateEvent(ExecStop{p, f});
          },
          thread, thread),
      rc::gen::map(thread, [](pid_t t) { return GateEvent(OtherStop{t}); }),
      apply(
          [](pid_t t) {
            return GateEvent(SignalStop{t, SIGUSR1});
          },
          thread),
      rc::gen::map(thread, [](pid_t t) { return GateEvent(Exited{t}); }),
      apply(
          [](AttemptId a, int r) {
            return GateEvent(Judged{a, static_cast<JudgeResult>(r)});
          },
          id, rc::gen::elementOf(std::vector<int>{0, 0, 0, 1, 2})),
      apply(
          [](AttemptId a, bool s) {
            return GateEvent(Confirmed{a, s});
          },
          id, rc::gen::arbitrary<bool>()),
      apply(
          [](pid_t t, bool ok) {
            return GateEvent(Detached{t, ok});
          },
          thread, rc::gen::arbitrary<bool>()),
      rc::gen::elementOf(std::vector<GateEvent>{Freeze{}, Thaw{}, Thaw{}}));
}

RC_GTEST_PROP(GateProperty, NoSequenceOfEventsBreaksAnInvariant, ()) {
  Limits limits;
  limits.gate_events = *rc::gen::inRange<std::uint64_t>(1, 40);
  limits.execs = *rc::gen::inRange<std::uint64_t>(1, 10);
  GateModel model(limits);
  std::uint64_t notification = 1;
  for (GateEvent event : *rc::gen::container<std::vector<GateEvent>>(any_event())) {
    if (auto* asked = std::get_if<Asked>(&event)) asked->notification = notification++;
    model.feed(event);
    RC_ASSERT(model.broken() == "");
  }
  model.gate.close();
}

// A small kernel: threads that ask, fail, exec, stop, and are killed, in an order that is drawn.
// Only what can happen is fed; then everything must come to an end without the run being ended.
class SmallKernel {
 public:
  SmallKernel(GateModel& model, std::uint64_t seed) : model_(model), random_(seed) {
    for (pid_t group = 1; group <= 2; ++group) {
      for (pid_t k = 0; k < 3; ++k) threads_[group + 2 * k] = Thread{group, State::Runs};
    }
  }

  void step() {
    const std::uint64_t draw = next(10);
    if (draw < 3)
      ask();
    else if (draw < 5)
      work();
    else if (draw < 9)
      progress();
    else
      kill();
  }
  // settle lets every open thing finish: no further asking or killing.
  void settle() {
    feed(Thaw{});
    for (int i = 0; i < 2000 && (model_.gate.open() > 0 || model_.gate.traced() > 0); ++i) {
      work();
      progress();
    }
  }

 private:
  enum class State { Runs, Asks, Loads, AtExec, Stopped, Dead };
  struct Thread {
    pid_t group = 0;
    State state = State::Runs;
    bool traced = false;
    std::uint64_t notification = 0;
  };
  std::uint64_t next(std::uint64_t bound) {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    return (random_ >> 33) % bound;
  }
  pid_t any_thread() { return static_cast<pid_t>(1 + next(6)); }
  Thread* asking(std::uint64_t notification) {
    for (auto& [number, thread] : threads_) {
      if (thread.state == State::Asks && thread.notification == notification) return &thread;
    }
    return nullptr;
  }

  void feed(const GateEvent& event) {
    std::vector<GateAction> todo = model_.feed(event);
    for (std::size_t i = 0; i < todo.size(); ++i) {
      const GateAction action = todo[i];
      perform(action);
    }
  }
  void perform(const GateAction& action) {
    if (const auto* check = std::get_if<Check>(&action)) {
      checks_.push_back(*check);
    } else if (const auto* judge = std::get_if<Judge>(&action)) {
      judges_.push_back(*judge);
    } else if (const auto* answer = std::get_if<Answer>(&action)) {
      if (Thread* thread = asking(answer->notification)) thread->state = State::Runs;
    } else if (const auto* seize = std::get_if<Seize>(&action)) {
      Thread* caller = asking(seize->notification);
      if (caller == nullptr) return feed(Seized{seize->attempt, SeizeResult::Gone});
      EXPECT_FALSE(caller->traced);
      for (const auto& [number, other] : threads_) {
        EXPECT_FALSE(other.group == caller->group && other.traced) << "would deadlock";
      }
      caller->traced = true;
      feed(Seized{seize->attempt, SeizeResult::Ok});
    } else if (const auto* go = std::get_if<Continue>(&action)) {
      Thread* caller = asking(go->notification);
      if (caller != nullptr) caller->state = State::Loads;
      feed(Continued{go->attempt, caller != nullptr});
    } else if (const auto* confirm = std::get_if<Confirm>(&action)) {
      feed(Confirmed{confirm->attempt, threads_[confirm->process].state == State::AtExec});
    } else if (const auto* detach = std::get_if<Detach>(&action)) {
      Thread& thread = threads_[detach->thread];
      const bool ok = thread.state == State::AtExec || thread.state == State::Stopped;
      if (ok) {
        thread.state = State::Runs;
        thread.traced = false;
      }
      feed(Detached{detach->thread, ok});
    } else if (std::holds_alternative<EndRun>(action)) {
      ADD_FAILURE() << "the run was ended";
    }
  }
  void ask() {
    Thread& thread = threads_[any_thread()];
    if (thread.state != State::Runs) return;
    thread.state = State::Asks;
    thread.notification = notification_++;
    for (auto& [number, other] : threads_) {
      if (&other == &thread) feed(Asked{thread.notification, number});
    }
  }
  void work() {
    if (!checks_.empty() && next(2) == 0) {
      const std::size_t pick = next(checks_.size());
      const Check check = checks_[pick];
      checks_.erase(checks_.begin() + static_cast<std::ptrdiff_t>(pick));
      const Thread* caller = asking(check.notification);
      if (caller == nullptr) return feed(Checked{check.attempt, CheckResult::Gone, 0, 0});
      const std::uint64_t draw = next(6);
      feed(Checked{check.attempt,
                   draw == 0   ? CheckResult::Refused
                   : draw == 1 ? CheckResult::Failed
                               : CheckResult::Go,
                   EACCES, caller->group});
    } else if (!judges_.empty()) {
      const std::size_t pick = next(judges_.size());
      const Judge judge = judges_[pick];
      judges_.erase(judges_.begin() + static_cast<std::ptrdiff_t>(pick));
      const bool there = threads_[judge.process].state == State::AtExec;
      feed(Judged{judge.attempt,
                  there || next(2) == 0 ? JudgeResult::Released : JudgeResult::Unreadable});
    }
  }
  void progress() {
    const pid_t number = any_thread();
    Thread& thread = threads_[number];
    if (thread.state == State::Dead && thread.traced) {
      thread.traced = false;
      return feed(Exited{number});
    }
    if (thread.state != State::Loads) return;
    const std::uint64_t draw = next(4);
    if (draw == 0) {
      thread.state = State::Stopped;
      return feed(OtherStop{number});
    }
    if (draw == 1) {
      thread.state = State::Stopped;
      return feed(SignalStop{number, SIGUSR1});
    }
    // The exec: the other threads of the group die, and this one takes the leader's number.
    const pid_t leader = thread.group;
    for (auto& [other, state] : threads_) {
      if (state.group == leader && other != number) {
        EXPECT_FALSE(state.traced);
        state.state = State::Dead;
      }
    }
    Thread moved = thread;
    moved.state = State::AtExec;
    if (number != leader) thread = Thread{leader, State::Dead};
    threads_[leader] = moved;
    if (number != leader && next(4) == 0) {  // killed before the stop
      threads_[leader].state = State::Dead;
      return;
    }
    feed(ExecStop{leader, number});
  }
  void kill() {
    const pid_t group = static_cast<pid_t>(1 + next(2));
    if (next(4) == 0) {  // the number comes back as a new process
      for (auto& [number, thread] : threads_) {
        if (thread.group == group && thread.state == State::Dead && !thread.traced) {
          thread = Thread{group, State::Runs};
        }
      }
      return;
    }
    for (auto& [number, thread] : threads_) {
      if (thread.group == group) thread.state = State::Dead;
    }
  }

  GateModel& model_;
  std::uint64_t random_;
  std::map<pid_t, Thread> threads_;
  std::vector<Check> checks_;
  std::vector<Judge> judges_;
  std::uint64_t notification_ = 1;
};

TEST(GateProperty, WhateverTheKernelDoesEveryAttemptEndsAndNoThreadStaysTraced) {
  GateCounts sum;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    GateModel model{Limits{}};
    SmallKernel kernel(model, seed);
    for (int i = 0; i < 400; ++i) kernel.step();
    kernel.settle();
    ASSERT_EQ(model.broken(), "") << "seed " << seed;
    ASSERT_EQ(model.gate.open(), 0U) << "seed " << seed;
    ASSERT_EQ(model.gate.traced(), 0U) << "seed " << seed;
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
    model.gate.close();
    const GateCounts& counts = model.gate.counts();
    sum.released += counts.released;
    sum.failed += counts.failed;
    sum.refused += counts.refused;
    sum.vanished += counts.vanished;
  }
  for (const std::uint64_t outcome : {sum.released, sum.failed, sum.refused, sum.vanished}) {
    EXPECT_GT(outcome, 1000U) << "the play does not exercise every outcome";
  }
}

}  // namespace
}  // namespace writ::enforce
