#include "enforce/ground.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "enforce/gate_harness.h"

namespace writ::enforce::test {
namespace {

class GroundOfARun : public ::testing::Test {
 protected:
  void SetUp() override {
    FdPair in = pipe_pair().value();
    FdPair out = pipe_pair().value();
    UniqueFd error = dup_fd(out.second.borrow()).value();
    streams = RunStreams{std::move(in.first), std::move(out.second), std::move(error)};
    input = std::move(in.second);
    output = std::move(out.first);
  }
  // All that the run has written; it, or its ground, must be gone.
  std::string written() {
    const Result<ByteVec> bytes = read_all(output.borrow(), std::size_t{1} << 20);
    return bytes ? std::string(as_text(*bytes)) : "the output cannot be read";
  }

  Scratch scratch;
  Grants grants{scratch.path()};
  SystemClock clock;
  GovernedRun planned{scratch, grants, {"many", "%T", "0"}};
  RunStreams streams;
  UniqueFd input, output;
};

TEST_F(GroundOfARun, ItsMechanismsAreThoseThatReallyTryingFinds) {
  Ground ground(planned.plan.identity, std::move(streams));
  const Capabilities& found = ground.kernel();
  const Capabilities& tried = kernel();
  EXPECT_TRUE(found.sandbox_ready());
  EXPECT_EQ(found.missing(), tried.missing());
  EXPECT_EQ(found.landlock_abi, tried.landlock_abi);
  EXPECT_EQ(found.mdwe, tried.mdwe);
  EXPECT_EQ(found.writers_excluded, tried.writers_excluded);
  EXPECT_EQ(found.late_socket, tried.late_socket);
  EXPECT_EQ(found.idmapped_mounts, tried.idmapped_mounts);
  EXPECT_EQ(found.root, tried.root);
}

TEST_F(GroundOfARun, ARunThatIsKeptRuns) {
  Ground ground(planned.plan.identity, std::move(streams));
  ASSERT_TRUE(ground.kernel().sandbox_ready());
  ground.build(planned.plan);
  Supervisor supervisor(planned.plan, grants, clock);
  const UniqueFd finished = event_fd().value();
  ground.keep(supervisor, finished.borrow());
  const Result<Outcome> outcome = ground.wait();
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->end, EndReason::Exited) << outcome->detail;
  EXPECT_EQ(outcome->counts.released, 1U);
  struct pollfd told = {finished.number(), POLLIN, 0};
  EXPECT_EQ(::poll(&told, 1, 0), 1);
  EXPECT_EQ(written(), "done\n");
}

TEST_F(GroundOfARun, WhatIsBuiltAndNotKeptNeverExecutes) {
  {
    Ground ground(planned.plan.identity, std::move(streams));
    ASSERT_TRUE(ground.kernel().sandbox_ready());
    ground.build(planned.plan);
  }
  EXPECT_EQ(written(), "");  // to its end: nothing holds the run's side open any more
  EXPECT_TRUE(grants.attempts().empty());
}

TEST_F(GroundOfARun, AGroundThatNobodyPlansForGoesAway) {
  { const Ground ground(planned.plan.identity, std::move(streams)); }
  EXPECT_EQ(written(), "");
}

TEST_F(GroundOfARun, TheBoundaryOfAnotherRunIsNotKept) {
  Ground ground(planned.plan.identity, std::move(streams));
  ground.build(planned.plan);
  Plan other = planned.plan;
  RunId::rep rep{};
  rep[3] = std::byte{9};
  other.run = RunId(rep);
  Supervisor supervisor(other, grants, clock);
  const UniqueFd finished = event_fd().value();
  ground.keep(supervisor, finished.borrow());
  const Result<Outcome> outcome = ground.wait();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(written(), "");
  EXPECT_TRUE(grants.attempts().empty());
}

TEST_F(GroundOfARun, APlanThatCannotBeBuiltIsTheOutcome) {
  Ground ground(planned.plan.identity, std::move(streams));
  Plan plan = planned.plan;
  plan.mounts[0].identity.inode += 1;
  ground.build(plan);
  Supervisor supervisor(plan, grants, clock);
  const UniqueFd finished = event_fd().value();
  ground.keep(supervisor, finished.borrow());
  const Result<Outcome> outcome = ground.wait();
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message().find("another file"), std::string::npos)
      << outcome.error().message();
  EXPECT_EQ(written(), "");
}

}  // namespace
}  // namespace writ::enforce::test
