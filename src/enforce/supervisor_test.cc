#include "enforce/supervisor.h"

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "enforce/gate_harness.h"

namespace writ::enforce::test {
namespace {

class ExecGate : public ::testing::Test {
 protected:
  Scratch scratch;
  Grants grants{scratch.path()};
};

TEST_F(ExecGate, TheFirstProgramRunsAndItsStatusIsTheOutcome) {
  const Finished done = run(scratch, grants, {"quit"});
  EXPECT_EQ(done.outcome.end, EndReason::Exited) << done.outcome.detail;
  EXPECT_EQ(done.outcome.exit_status, 0);
  EXPECT_EQ(done.outcome.counts.released, 1U);
  EXPECT_EQ(grants.images().at(0).program, scratch.path() + "/gate_play");
  EXPECT_TRUE(grants.images().at(0).first);
  EXPECT_EQ(grants.images().at(0).argv, (std::vector<std::string>{"gate_play", "quit"}));
  EXPECT_EQ(grants.images().at(0).directory, scratch.path() + "/work");
}

TEST_F(ExecGate, AnExecThatFailsAfterContinueLeavesTheCallerAlive) {
  const Finished done = run(scratch, grants, {"exec", "./not-a-program", "./not-a-program", "%T"});
  EXPECT_EQ(done.output, "./not-a-program: ENOEXEC\n./not-a-program: ENOEXEC\n");
  EXPECT_EQ(done.outcome.end, EndReason::Exited) << done.outcome.detail;
  EXPECT_EQ(done.outcome.counts.failed, 2U);
  EXPECT_EQ(done.outcome.counts.released, 2U);
}

TEST_F(ExecGate, TooManyArgumentsFailAfterContinueWithE2big) {
  const Finished done = run(scratch, grants, {"big", "%T"});
  EXPECT_EQ(done.output, "big: E2BIG\n");
  EXPECT_EQ(done.outcome.counts.failed, 1U);
}

}  // namespace
}  // namespace writ::enforce::test
