// The exec gate's protocol against the real kernel, under the real boundary. Long forms:
// WRIT_GATE_HERD=300 WRIT_GATE_KILLS=4000 WRIT_GATE_SUPERVISOR_KILLS=250.
#include "enforce/supervisor.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>

#include "crypto/sha.h"
#include "enforce/gate_harness.h"
#include "enforce/loop.h"
#include "enforce/tracer.h"

namespace writ::enforce::test {
namespace {

class ExecGate : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_FALSE(forbidden_ran(scratch)); }
  void write_script(const std::string& name, const std::string& text) {
    const std::string path = scratch.path() + "/" + name;
    std::ofstream(path) << text;
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  }
  Scratch scratch;
  Grants grants{scratch.path()};
};

TEST_F(ExecGate, TheFirstProgramRunsAndItsStatusIsTheOutcome) {
  const Finished done = run(scratch, grants, {"quit"});
  EXPECT_EQ(done.outcome.end, EndReason::Exited) << done.outcome.detail;
  EXPECT_EQ(done.outcome.exit_status, 0);
  EXPECT_EQ(done.outcome.counts.released, 1U);
  ASSERT_EQ(grants.images().size(), 1U);
  const ExecImage image = grants.images()[0];
  EXPECT_EQ(image.program, scratch.path() + "/gate_play");
  EXPECT_TRUE(image.first);
  EXPECT_TRUE(image.scripts.empty());
  EXPECT_EQ(image.argv, (std::vector<std::string>{"gate_play", "quit"}));
  EXPECT_EQ(image.directory, scratch.path() + "/work");
  EXPECT_GT(done.outcome.started_boot_nanos, 0);
  EXPECT_GE(done.outcome.ended_boot_nanos, done.outcome.started_boot_nanos);
}

TEST_F(ExecGate, AProgramThatEndsBySignalIsSignalled) {
  const Finished done = run(scratch, grants, {"die", "15"});
  EXPECT_EQ(done.outcome.end, EndReason::Signalled);
  EXPECT_EQ(done.outcome.exit_status, SIGTERM);
}

TEST_F(ExecGate, AFirstProgramThatIsRefusedIsNotStarted) {
  const Finished done = run(scratch, grants, {"EVIL"});
  EXPECT_EQ(done.outcome.end, EndReason::NotStarted) << done.outcome.detail;
  EXPECT_EQ(done.outcome.counts.refused, 1U);
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

// The first check sees the program; it is gone when the kernel looks.
class RemovesIt final : public Grants {
 public:
  using Grants::Grants;
  Result<Courtesy> before(const ExecAttempt& attempt) override {
    const Result<Courtesy> out = Grants::before(attempt);
    if (attempt.asked == "./not-a-program") (void)::unlink(attempt.resolved.c_str());
    return out;
  }
};

TEST_F(ExecGate, AProgramGoneAfterContinueFailsWithEnoent) {
  RemovesIt removes(scratch.path());
  const Finished done = run(scratch, removes, {"exec", "./not-a-program", "%T"});
  EXPECT_EQ(done.output, "./not-a-program: ENOENT\n");
  EXPECT_EQ(done.outcome.counts.released, 2U);
  EXPECT_EQ(done.outcome.counts.failed, 1U);
}

TEST_F(ExecGate, BadPointersGetEfaultWithoutAVerdict) {
  const Finished done = run(scratch, grants, {"bad-pointers", "%T"});
  EXPECT_EQ(done.output, "path: EFAULT\nargv: EFAULT\ndescriptor: EBADF\n");
  EXPECT_EQ(done.outcome.counts.failed, 3U);
}

TEST_F(ExecGate, NoArgumentsAreOneEmptyString) {
  const Finished done = run(scratch, grants, {"no-arguments", "%T"});
  EXPECT_EQ(done.outcome.end, EndReason::Exited) << done.outcome.detail;
  ASSERT_EQ(grants.images().size(), 2U);
  EXPECT_EQ(grants.images()[1].argv, std::vector<std::string>{""});
  EXPECT_EQ(grants.attempts()[1].argv, std::vector<std::string>{""});
}

TEST_F(ExecGate, AShellsWalkThroughPathIsNoRefusal) {
  const Finished done = run(scratch, grants, {"path-walk"});
  EXPECT_EQ(done.output, "walked\n");
  EXPECT_EQ(done.outcome.counts.refused, 0U);
  EXPECT_EQ(done.outcome.counts.failed, 140U);
}

TEST_F(ExecGate, AFifoOfferedToExecStallsNobody) {
  const Finished done = run(scratch, grants, {"fifo", "%T"});
  EXPECT_EQ(done.output, "fifo: EACCES\ndirectory: EACCES\nthen: 0\n");
}

TEST_F(ExecGate, EveryNameOfAProgramIsResolvedAsTheCallerWould) {
  const Finished done = run(scratch, grants, {"names", "%T"});
  EXPECT_EQ(done.output,
            "descriptor: 0\nproc: 0\ndev: 0\nlink: 0\ndangling: ENOENT\nloop: ELOOP\nself: 0\n")
      << done.outcome.detail;
  EXPECT_EQ(done.outcome.end, EndReason::Exited) << done.outcome.detail;
  const auto images = grants.images();
  ASSERT_EQ(images.size(), 6U);
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_EQ(images[i].program, scratch.path() + "/gate_target");
    EXPECT_TRUE(images[i].scripts.empty());
  }
  EXPECT_EQ(images[5].program, scratch.path() + "/gate_play");  // its own /proc/self/exe
}

TEST_F(ExecGate, TheCallerAndWhatItDescendsFromAreNamed) {
  run(scratch, grants, {"many", "%T", "1"});
  const auto images = grants.images();
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(images[0].caller.ancestry.size(), 1U);
  ASSERT_EQ(images[1].caller.ancestry.size(), 2U);
  EXPECT_EQ(images[1].caller.ancestry[0], images[1].caller.process);
  EXPECT_EQ(images[1].caller.ancestry[1], images[0].caller.process);
  EXPECT_GT(images[1].caller.process.start_ticks, 0U);
}

TEST_F(ExecGate, AScriptIsNamedWithItsDigestBesideItsInterpreter) {
  const std::string play = scratch.path() + "/gate_play";
  write_script("script", "#!" + play + " quit\n");
  write_script("outer", "#! " + scratch.path() + "/script  one word \nrest\n");
  grants.grant(scratch.path() + "/script");
  grants.grant(scratch.path() + "/outer");
  GovernedRun one(scratch, grants, {"exec", scratch.path() + "/outer"});
  for (const char* name : {"/script", "/outer"}) {
    const std::string path = scratch.path() + name;
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    one.plan.mounts.push_back(Mount{path, MountKind::Program, false, {info.st_dev, info.st_ino}});
  }
  one.start();
  const Result<Finished> done = one.finish();
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->outcome.end, EndReason::Exited) << done->outcome.detail << done->output;
  const auto images = grants.images();
  ASSERT_EQ(images.size(), 2U);
  const ExecImage image = images[1];
  EXPECT_EQ(image.program, play);
  ASSERT_EQ(image.scripts.size(), 2U);
  EXPECT_EQ(image.scripts[0].path, scratch.path() + "/outer");
  EXPECT_EQ(image.scripts[1].path, scratch.path() + "/script");
  EXPECT_EQ(image.scripts[0].digest, crypto::sha256(*read_file(scratch.path() + "/outer", 4096)));
  EXPECT_EQ(image.argv, (std::vector<std::string>{play, "quit", scratch.path() + "/script",
                                                  "one word", scratch.path() + "/outer"}));
}

TEST_F(ExecGate, AnExecFromAnotherThreadIsJudgedUnderTheLeader) {
  const Finished done = run(scratch, grants, {"thread", "%T"});
  EXPECT_EQ(done.outcome.end, EndReason::Exited) << done.outcome.detail;
  EXPECT_EQ(done.outcome.counts.released, 2U);
  EXPECT_NE(grants.attempts()[1].caller.thread, grants.attempts()[1].caller.process.number);
  EXPECT_EQ(grants.images()[1].caller.process, grants.attempts()[1].caller.process);
}

TEST_F(ExecGate, SixtyFourThreadsInExecveAtOnce) {
  grants.remember(false);
  const int rounds = from_environment("WRIT_GATE_HERD", 10);
  const Finished done = run(scratch, grants, {"herd", "%T", "64", std::to_string(rounds)});
  EXPECT_EQ(done.output, "herded\n");
  EXPECT_EQ(done.outcome.end, EndReason::Exited) << done.outcome.detail;
  EXPECT_EQ(done.outcome.counts.released, static_cast<std::uint64_t>(rounds) + 1);
}

TEST_F(ExecGate, SixtyFourThreadsWhoseExecsFailAllComeBack) {
  grants.remember(false);
  const Finished done = run(scratch, grants, {"failing-herd", "./not-a-program", "64", "5"});
  EXPECT_EQ(done.output, "all came back\n");
  EXPECT_EQ(done.outcome.counts.failed, 320U);
}

TEST_F(ExecGate, TargetsKilledAtRandomMomentsLeaveNothingBehind) {
  grants.remember(false);
  const int rounds = from_environment("WRIT_GATE_KILLS", 200);
  const Finished done = run(scratch, grants, {"killing", "%T", std::to_string(rounds), "3000"});
  EXPECT_EQ(done.output, "killed\n");
  EXPECT_EQ(done.outcome.end, EndReason::Exited) << done.outcome.detail;
  EXPECT_GT(done.outcome.counts.vanished, 0U);
}

TEST_F(ExecGate, SignalsAtRandomMomentsDisturbNoExec) {
  grants.remember(false);
  const Finished done = run(scratch, grants, {"signals", "%T", "40"});
  EXPECT_EQ(done.output, "signalled\n");
  EXPECT_EQ(done.outcome.end, EndReason::Exited) << done.outcome.detail;
}

TEST_F(ExecGate, ALoneExecOfAKnownProgramNeedsNoWorker) {
  GrantsAtOnce at_once(scratch.path());
  ::usleep(200'000);  // a digest is remembered when its file has been as it is for 100 ms
  const Finished done = run(scratch, at_once, {"many", "%T", "20"});
  EXPECT_EQ(done.outcome.end, EndReason::Exited) << done.outcome.detail;
  EXPECT_EQ(done.outcome.counts.released, 21U);
  EXPECT_GT(at_once.checked_at_once(), 0U);
  EXPECT_GT(at_once.released_at_once(), 0U);
  // The digest of a program that is new has to be computed, on a worker.
  EXPECT_LE(at_once.released_at_once(), 19U);
  const auto images = at_once.images();
  ASSERT_EQ(images.size(), 21U);
  for (std::size_t i = 2; i < images.size(); ++i) {
    EXPECT_EQ(images[i].program, images[1].program);
    EXPECT_EQ(images[i].digest, images[1].digest);
    EXPECT_EQ(images[i].identity, images[1].identity);
    EXPECT_EQ(images[i].argv, images[1].argv);
    EXPECT_EQ(images[i].environment, images[1].environment);
    EXPECT_EQ(images[i].directory, images[1].directory);
  }
}

TEST_F(ExecGate, HerdsKillsAndSignalsDisturbNothingThatIsLookedAtAtOnce) {
  GrantsAtOnce at_once(scratch.path());
  at_once.remember(false);
  EXPECT_EQ(run(scratch, at_once, {"herd", "%T", "64", "5"}).output, "herded\n");
  EXPECT_EQ(run(scratch, at_once, {"failing-herd", "./not-a-program", "64", "2"}).output,
            "all came back\n");
  EXPECT_EQ(run(scratch, at_once, {"killing", "%T", "100", "3000"}).output, "killed\n");
  EXPECT_EQ(run(scratch, at_once, {"signals", "%T", "20"}).output, "signalled\n");
  EXPECT_GT(at_once.released_at_once(), 0U);
}

TEST_F(ExecGate, BudgetsHoldForWhatIsLookedAtAtOnce) {
  GrantsAtOnce at_once(scratch.path());
  Limits few;
  few.execs = 5;
  const Finished execs = run(scratch, at_once, {"many", "%T", "20"}, few);
  EXPECT_EQ(execs.outcome.end, EndReason::LimitExecs);
  EXPECT_EQ(execs.outcome.counts.released, 5U);
}

// Hangs in its second look, in the loop's thread, until the caller is gone.
class HangsAtOnce final : public Grants {
 public:
  using Grants::Grants;
  std::optional<Courtesy> before_at_once(const ExecAttempt& attempt) override {
    if (++looks_ < 2) return std::nullopt;
    hung_ = true;
    for (int i = 0; i < 1000 && ::kill(attempt.caller.process.number, 0) == 0; ++i) {
      ::usleep(10'000);
    }
    gone_ = ::kill(attempt.caller.process.number, 0) != 0;
    return std::nullopt;
  }
  bool hung() const { return hung_; }
  bool gone() const { return gone_; }

 private:
  std::atomic<int> looks_{0};
  std::atomic<bool> hung_{false};
  std::atomic<bool> gone_{false};
};

TEST_F(ExecGate, ALoopThatHangsHoldsUpNoDeadline) {
  HangsAtOnce hangs(scratch.path());
  Limits short_one;
  short_one.wall_ms = 2000;
  const Finished done = run(scratch, hangs, {"many", "%T", "20"}, short_one);
  EXPECT_TRUE(hangs.gone() || !hangs.hung()) << "the caller lived until the loop went on";
  EXPECT_EQ(done.outcome.end, EndReason::LimitWall) << done.outcome.detail;
}

TEST_F(ExecGate, ALoopThatHangsHoldsUpNoEnd) {
  HangsAtOnce hangs(scratch.path());
  GovernedRun one(scratch, hangs, {"many", "%T", "20"});
  one.start();
  for (int i = 0; i < 1000 && !hangs.hung(); ++i) ::usleep(10'000);
  EXPECT_TRUE(hangs.hung());
  one.supervisor().end(EndReason::Revoked, "by a test");
  const Result<Finished> done = one.finish();
  ASSERT_TRUE(done);
  EXPECT_TRUE(hangs.gone()) << "the caller lived until the loop went on";
  EXPECT_EQ(done->outcome.end, EndReason::Revoked) << done->outcome.detail;
}

TEST(StandIn, DoesWhatTheLoopWouldWhileItLooksAndNothingOtherwise) {
  FakeClock clock(UnixMillis(1'000'000));
  Result<UniqueFd> event = event_fd();
  Result<FdPair> lifeline = socket_pair(SOCK_SEQPACKET);
  ASSERT_TRUE(event && lifeline);
  Mailbox mailbox(std::move(event).value(), clock);
  Boundary boundary;
  boundary.lifeline = std::move(lifeline->first);
  const auto heartbeats = [&] {
    int count = 0;
    char buffer[256];
    while (::recv(lifeline->second.number(), buffer, sizeof buffer, MSG_DONTWAIT) > 0) ++count;
    return count;
  };
  Deadlines deadlines;
  deadlines.expiry_wall = UnixMillis(1'000'100);
  deadlines.expiry_boot = clock.boot_nanos() + 100'000'000;
  StandIn stand_in;
  const auto step = [&] { stand_in.step(clock, Limits{}, boundary, mailbox); };
  step();
  EXPECT_EQ(heartbeats(), 0);
  {
    const StandIn::Watch watch(stand_in, deadlines);
    step();
    EXPECT_EQ(heartbeats(), 1);
    EXPECT_FALSE(mailbox.take().end);
  }
  clock.advance_millis(100);
  step();
  EXPECT_FALSE(mailbox.take().end) << "the loop does that itself";
  const StandIn::Watch watch(stand_in, deadlines);
  step();
  const auto wish = mailbox.take().end;
  ASSERT_TRUE(wish);
  EXPECT_EQ(wish->reason, EndReason::Expired);
}

// Who asks for the end kills by itself, whatever the loop is doing.
TEST(Mailbox, AnEndKillsInitWithoutTheLoop) {
  const SystemClock clock;
  Result<UniqueFd> event = event_fd();
  ASSERT_TRUE(event);
  Mailbox mailbox(std::move(event).value(), clock);
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  const int opened = static_cast<int>(::syscall(SYS_pidfd_open, child, 0U));
  ASSERT_GE(opened, 0);
  const UniqueFd pidfd = adopt_fd(opened);
  ASSERT_TRUE(mailbox.govern(child, pidfd.borrow()));
  mailbox.end(EndReason::Revoked, "by a test");
  int status = 0;
  pid_t ended = 0;
  for (int i = 0; i < 1000 && ended == 0; ++i) {
    ended = ::waitpid(child, &status, WNOHANG);
    if (ended == 0) ::usleep(10'000);
  }
  EXPECT_EQ(ended, child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  if (ended == 0) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  const Mailbox::Wishes wishes = mailbox.take();
  ASSERT_TRUE(wishes.end);
  EXPECT_EQ(wishes.end->reason, EndReason::Revoked);
}

TEST_F(ExecGate, AnAlreadyTracedCallerIsRefused) {
  GovernedRun one(scratch, grants, {"when-told", "%T"});
  one.start();
  ASSERT_TRUE(one.wait_for_output("ready"));
  const pid_t victim = grants.images().at(0).caller.process.number;
  Result<FdPair> ready = pipe_pair();
  Result<FdPair> over = pipe_pair();
  ASSERT_TRUE(ready && over);
  const pid_t tracer = ::fork();
  if (tracer == 0) {  // a stranger who traces the caller until told otherwise
    char byte = ::ptrace(PTRACE_SEIZE, victim, nullptr, nullptr) == 0 ? 'y' : 'n';
    (void)!::write(ready->second.number(), &byte, 1);
    (void)!::read(over->first.number(), &byte, 1);
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready->first.number(), &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  one.write_input("x");
  EXPECT_TRUE(one.wait_for_output("EACCES"));
  (void)!::write(over->second.number(), "x", 1);
  EXPECT_EQ(::waitpid(tracer, nullptr, 0), tracer);
  const Result<Finished> done = one.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome.end, EndReason::Exited) << done->outcome.detail;
  EXPECT_EQ(done->outcome.counts.failed, 1U);
}

TEST_F(ExecGate, ADifferenceAtTheStopEndsTheRunAsAViolation) {
  // The first check sees nothing wrong: its answer was true when it was given.
  class Late final : public Grants {
   public:
    using Grants::Grants;
    Result<Courtesy> before(const ExecAttempt&) override { return Courtesy{true, 0, false}; }
  } late(scratch.path());
  const Finished done = run(scratch, late, {"exec", "%F"});
  EXPECT_EQ(done.outcome.end, EndReason::Violation);
  EXPECT_NE(done.outcome.detail.find("digest_mismatch"), std::string::npos);
  EXPECT_EQ(done.outcome.counts.violated, 1U);
}

TEST_F(ExecGate, AVerdictThatFailsReleasesNothing) {
  class Broken final : public Grants {
   public:
    using Grants::Grants;
    Result<StopVerdict> at_stop(const ExecImage& image) override {
      if (image.first) return Grants::at_stop(image);
      return Error(Code::Unavailable, "the disk is full");
    }
  } broken(scratch.path());
  const Finished done = run(scratch, broken, {"exec", "%T"});
  EXPECT_EQ(done.outcome.end, EndReason::Violation);
  EXPECT_NE(done.outcome.detail.find("the disk is full"), std::string::npos);
}

TEST_F(ExecGate, ACourtesyThatFailsIsEacces) {
  class Broken final : public Grants {
   public:
    using Grants::Grants;
    Result<Courtesy> before(const ExecAttempt& attempt) override {
      if (attempt.argv.at(0) == "gate_play") return Grants::before(attempt);
      return Error(Code::Unavailable, "no verdict");
    }
  } broken(scratch.path());
  const Finished done = run(scratch, broken, {"exec", "%T"});
  EXPECT_NE(done.output.find("EACCES"), std::string::npos);
  EXPECT_EQ(done.outcome.end, EndReason::Exited);
}

TEST_F(ExecGate, TheBudgetsOfExecsAndGateEventsEndTheRun) {
  Limits few;
  few.execs = 5;
  const Finished execs = run(scratch, grants, {"many", "%T", "20"}, few);
  EXPECT_EQ(execs.outcome.end, EndReason::LimitExecs);
  EXPECT_EQ(execs.outcome.counts.released, 5U);
  Limits quiet;
  quiet.gate_events = 30;
  const Finished events = run(scratch, grants, {"path-walk"}, quiet);
  EXPECT_EQ(events.outcome.end, EndReason::LimitEvents);
  EXPECT_EQ(events.outcome.counts.asked, 31U);
}

TEST_F(ExecGate, TheWallLimitEndsTheRun) {
  Limits brief;
  brief.wall_ms = 200;
  const Finished done = run(scratch, grants, {"wait"}, brief);
  EXPECT_EQ(done.outcome.end, EndReason::LimitWall);
  EXPECT_GE(done.outcome.ended_boot_nanos - done.outcome.started_boot_nanos, 200'000'000);
}

TEST_F(ExecGate, TheProcessorLimitEndsTheRun) {
  Limits brief;
  brief.cpu_ms = 1000;
  const Finished done = run(scratch, grants, {"burn"}, brief);
  EXPECT_EQ(done.outcome.end, EndReason::LimitCpu) << done.outcome.detail;
}

TEST_F(ExecGate, AnExpiredRunEndsAlthoughTheWallClockIsSetBack) {
  class SetBack final : public Clock {
   public:
    UnixMillis now() const override {
      return UnixMillis(real.now().get() - (back.load() ? 3'600'000 : 0));
    }
    std::int64_t boot_nanos() const override { return real.boot_nanos(); }
    SystemClock real;
    std::atomic<bool> back{false};
  } clock;
  GovernedRun one(scratch, grants, {"wait"}, Limits{}, &clock);
  one.start();
  ASSERT_TRUE(one.wait_for_output("ready"));
  one.supervisor().expire_at(UnixMillis(clock.now().get() + 300));
  ::usleep(100'000);
  clock.back = true;
  const Result<Finished> done = one.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome.end, EndReason::Expired);
}

TEST_F(ExecGate, AnExpiryIsSeenWhenTheWallClockJumpsForward) {
  FakeClock clock(UnixMillis(1'800'000'000'000));
  GovernedRun one(scratch, grants, {"wait"}, Limits{}, &clock);
  one.start();
  ASSERT_TRUE(one.wait_for_output("ready"));
  one.supervisor().expire_at(UnixMillis(clock.now().get() + 3'600'000));
  ::usleep(50'000);
  clock.set_wall(UnixMillis(clock.now().get() + 7'200'000));
  const Result<Finished> done = one.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome.end, EndReason::Expired);
}

TEST_F(ExecGate, ARevokedRunIsGoneWithAllItsProcesses) {
  GovernedRun one(scratch, grants, {"crowd", "50"});
  one.start();
  ASSERT_TRUE(one.wait_for_output("ready"));
  EXPECT_EQ(one.supervisor().live_processes(), 51U);
  one.supervisor().end(EndReason::Revoked, "by the test");
  one.supervisor().end(EndReason::Expired, "the first reason stands");
  const Result<Finished> done = one.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome.end, EndReason::Revoked);
  EXPECT_EQ(done->outcome.detail, "by the test");
  EXPECT_GT(done->outcome.end_latency_nanos, 0);
  EXPECT_EQ(one.supervisor().live_processes(), 0U);
}

TEST_F(ExecGate, ARunThatExecsWithoutPauseIsEndedAllTheSame) {
  grants.remember(false);
  GovernedRun one(scratch, grants, {"busy", "%T"});
  one.start();
  ASSERT_TRUE(one.wait_for_output("......"));
  EXPECT_GT(one.supervisor().counts().released, 5U);
  one.supervisor().end(EndReason::Revoked, "");
  const Result<Finished> done = one.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome.end, EndReason::Revoked);
}

TEST_F(ExecGate, AFrozenRunDoesNothingUntilItIsThawed) {
  grants.remember(false);
  GovernedRun one(scratch, grants, {"busy", "%T"});
  one.start();
  ASSERT_TRUE(one.wait_for_output("..."));
  one.supervisor().freeze();
  ::usleep(150'000);
  const std::uint64_t released = one.supervisor().counts().released;
  ::usleep(300'000);
  EXPECT_EQ(one.supervisor().counts().released, released);
  one.supervisor().thaw();
  for (int i = 0; i < 100 && one.supervisor().counts().released < released + 3; ++i) {
    ::usleep(50'000);
  }
  EXPECT_GE(one.supervisor().counts().released, released + 3);
  one.supervisor().end(EndReason::Revoked, "");
  EXPECT_TRUE(one.finish());
}

TEST_F(ExecGate, ARunOutlivesThreeHeartbeatsOnlyBecauseTheyAreSent) {
  GovernedRun one(scratch, grants, {"wait"});
  one.start();
  ASSERT_TRUE(one.wait_for_output("ready"));
  ::usleep(3'600'000);
  EXPECT_EQ(one.supervisor().live_processes(), 1U);
  one.supervisor().end(EndReason::Revoked, "");
  const Result<Finished> done = one.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome.end, EndReason::Revoked);
  EXPECT_GE(done->outcome.peak_tasks, 2U);
}

// DESIGN §5 step 8: a check that is missed ends the run.
TEST_F(ExecGate, ARunThatNobodyVouchesForAnyMoreEnds) {
  GovernedRun one(scratch, grants, {"crowd", "5"});
  one.start();
  ASSERT_TRUE(one.wait_for_output("ready"));
  one.supervisor().vouch(600'000);
  EXPECT_EQ(one.supervisor().live_processes(), 6U);
  one.supervisor().vouch(1);
  const Result<Finished> done = one.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome.end, EndReason::ContinuityLost);
  EXPECT_NE(done->outcome.detail.find("checks of the run were missed"), std::string::npos);
}

// The one file of this process that is called so.
int descriptor_of(const std::string& name) {
  for (int number = 0; number < 1024; ++number) {
    char target[64] = {};
    const std::string path = "/proc/self/fd/" + std::to_string(number);
    if (::readlink(path.c_str(), target, sizeof target - 1) > 0 && name == target) return number;
  }
  return -1;
}

TEST_F(ExecGate, ARunWhoseListenerIsGoneEnds) {
  GovernedRun one(scratch, grants, {"crowd", "5"});
  one.start();
  ASSERT_TRUE(one.wait_for_output("ready"));
  const int listener = descriptor_of("anon_inode:seccomp notify");
  ASSERT_GE(listener, 0);
  const UniqueFd other = event_fd().value();
  ASSERT_EQ(::dup2(other.number(), listener), listener);
  const Result<Finished> done = one.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome.end, EndReason::ContinuityLost);
  EXPECT_EQ(done->outcome.detail, "the exec gate's listener is gone");
}

bool never() {
  return false;
}

TEST_F(ExecGate, ARunningRunStandsWhereItWasPut) {
  GovernedRun one(scratch, grants, {"crowd", "5"});
  one.start();
  ASSERT_TRUE(one.wait_for_output("ready"));
  for (int i = 0; i < 2; ++i) {
    const Result<Footing::Seen> seen = one.supervisor().look(never);
    ASSERT_TRUE(seen) << seen.error().message();
    EXPECT_EQ(seen->threads, 6U);
    ASSERT_EQ(seen->running.size(), 1U);
    EXPECT_EQ(seen->running[0].file, grants.images().at(0).identity);
    EXPECT_FALSE(seen->running[0].held);
  }
  const Result<Footing::Seen> given_up = one.supervisor().look([] { return true; });
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code(), Code::Unavailable);
  one.supervisor().end(EndReason::Revoked, "");
  ASSERT_TRUE(one.finish());
  const Result<Footing::Seen> gone = one.supervisor().look(never);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), Code::NotFound);
}

TEST_F(ExecGate, AnInitThatIsKilledIsALostBoundary) {
  GovernedRun one(scratch, grants, {"wait"});
  one.start();
  ASSERT_TRUE(one.wait_for_output("ready"));
  const Result<ByteVec> stat = read_file(
      "/proc/" + std::to_string(grants.images().at(0).caller.process.number) + "/stat", 4096);
  ASSERT_TRUE(stat);
  const std::string text(as_text(*stat));
  const pid_t init = std::stoi(text.substr(text.rfind(')') + 4));
  ASSERT_EQ(::kill(init, SIGKILL), 0);
  const Result<Finished> done = one.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->outcome.end, EndReason::ContinuityLost);
}

// The supervisor in a process of its own, killed at any moment while its run tries to execute what
// is forbidden: nothing of it may run, and everything must be gone.
TEST_F(ExecGate, ASupervisorKilledAtAnyMomentTakesItsRunWithIt) {
  const int rounds = from_environment("WRIT_GATE_SUPERVISOR_KILLS", 15);
  (void)kernel();
  for (int round = 0; round < rounds; ++round) {
    Result<FdPair> alive = pipe_pair();
    ASSERT_TRUE(alive);
    const pid_t supervisor = ::fork();
    if (supervisor == 0) {
      // The run's output is the pipe: it ends when the last process is gone.
      Grants own(scratch.path());
      GovernedRun one(scratch, own, {"killing", "%T", "1000000", "400"});
      Result<FdPair> in = pipe_pair();
      RunStreams streams{std::move(in->first), std::move(alive->second), UniqueFd()};
      Result<UniqueFd> error = dup_fd(streams.out.borrow());
      streams.error = std::move(error).value();
      SystemClock clock;
      Supervisor inner(one.plan, own, clock);
      (void)inner.run(std::move(streams), kernel());
      ::_exit(1);
    }
    alive->second.reset();
    ::usleep(static_cast<useconds_t>(20'000 + (round * 7919) % 60'000));
    ASSERT_EQ(::kill(supervisor, SIGKILL), 0);
    ASSERT_EQ(::waitpid(supervisor, nullptr, 0), supervisor);
    struct pollfd end {
      alive->first.number(), POLLIN, 0
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    char buffer[4096];
    bool gone = false;
    while (!gone && std::chrono::steady_clock::now() < deadline) {
      (void)::poll(&end, 1, 1000);
      gone = end.revents != 0 && ::read(alive->first.number(), buffer, sizeof buffer) <= 0;
    }
    ASSERT_TRUE(gone) << "processes of the run are left in round " << round;
    ASSERT_FALSE(forbidden_ran(scratch)) << "in round " << round;
  }
}

}  // namespace
}  // namespace writ::enforce::test
