// Races against the exec gate (DESIGN P3, P4): threads that change what another is about to execute
// between the first check and the kernel's own look. What was not granted must never run one
// instruction: its constructor would leave a mark. Each race is then run against a control without
// the second check, which must lose within the same number of rounds; otherwise the race was not
// exercised and the test fails. Long form: WRIT_GATE_RACES=5000 (rounds of each race).
#include <gtest/gtest.h>

#include <algorithm>

#include "enforce/gate_harness.h"

namespace writ::enforce::test {
namespace {

struct Raced {
  std::uint64_t rounds = 0;
  std::uint64_t caught = 0;  // runs that ended as violations
  bool lost = false;
};

// A violation ends its run, so a race goes on in the next one until `rounds` execs were tried.
Raced race(Scratch& scratch, Grants& verdicts, const std::string& kind, std::uint64_t rounds,
           bool until_lost) {
  verdicts.remember(false);
  Raced out;
  while (out.rounds < rounds && !(until_lost && out.lost)) {
    const std::uint64_t left = std::min<std::uint64_t>(rounds - out.rounds, until_lost ? 50 : 500);
    const Finished done = run(scratch, verdicts, {"race", kind, std::to_string(left), "%T", "%F"});
    const bool violated = done.outcome.end == EndReason::Violation;
    EXPECT_TRUE(violated || done.outcome.end == EndReason::Exited) << done.outcome.detail;
    EXPECT_TRUE(violated || done.output == "raced\n") << done.output;
    if (violated) ++out.caught;
    if (done.outcome.counts.asked <= 1) {
      ADD_FAILURE() << "the race did not start: " << done.outcome.detail;
      break;
    }
    out.rounds += done.outcome.counts.asked - 1;
    out.lost = out.lost || forbidden_ran(scratch);
  }
  return out;
}

class ExecRace : public ::testing::TestWithParam<const char*> {};

TEST_P(ExecRace, WhatWasNotGrantedNeverRunsAndTheControlLoses) {
  const auto rounds = static_cast<std::uint64_t>(from_environment("WRIT_GATE_RACES", 400));
  Scratch scratch;
  Grants grants(scratch.path());
  const Raced kept = race(scratch, grants, GetParam(), rounds, false);
  EXPECT_FALSE(kept.lost) << "the forbidden program ran, in " << kept.rounds << " rounds";

  // Looked at by the loop itself, as far as it can.
  Scratch third;
  GrantsAtOnce at_once(third.path());
  const Raced quick = race(third, at_once, GetParam(), rounds / 4, false);
  EXPECT_FALSE(quick.lost) << "the forbidden program ran, looked at at once";
  EXPECT_GT(at_once.checked_at_once(), 0U);

  Scratch other;
  WithoutSecondCheck control(other.path());
  const Raced lost =
      race(other, control, GetParam(), std::max<std::uint64_t>(kept.rounds, rounds), true);
  EXPECT_TRUE(lost.lost) << "without the second check nothing happened in " << lost.rounds
                         << " rounds: the race is not exercised";
  RecordProperty("rounds", static_cast<int>(kept.rounds));
  RecordProperty("caught", static_cast<int>(kept.caught));
  std::printf("  %s: %llu rounds, %llu caught at the stop; the control lost after %llu\n",
              GetParam(), static_cast<unsigned long long>(kept.rounds),
              static_cast<unsigned long long>(kept.caught),
              static_cast<unsigned long long>(lost.rounds));
}

INSTANTIATE_TEST_SUITE_P(All, ExecRace,
                         ::testing::Values("argv", "env", "path", "rename", "symlink", "write",
                                           "mapping"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace writ::enforce::test
