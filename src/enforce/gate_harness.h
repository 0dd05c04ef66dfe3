// For tests: a run of the test programs under a real boundary and supervisor, and verdicts that
// grant exactly one of them.
//
// Programs come from bin/programs of the build (tests/CMakeLists.txt) and are copied into a
// directory of each test's own, where `work` is the run's writable and executable directory.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "enforce/plan.h"
#include "enforce/probe.h"
#include "enforce/supervisor.h"

namespace writ::enforce::test {

// A directory that is gone afterwards.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Grants gate_play and gate_target by content, and no argument or variable with EVIL in it.
class Grants : public Verdicts {
 public:
  explicit Grants(const std::string& root);
  Result<Courtesy> before(const ExecAttempt& attempt) override;
  Result<StopVerdict> at_stop(const ExecImage& image) override;

  // What was seen, for the tests to look at after the run.
  std::vector<ExecAttempt> attempts();
  std::vector<ExecImage> images();
  std::uint64_t released() const { return released_; }
  // grant also this file's content, as program or script.
  void grant(const std::string& path);
  // keep false: nothing is remembered of attempts and images (long tests).
  void remember(bool keep) { keep_ = keep; }

 protected:
  std::optional<Reason> judge(const ExecImage& image) const;
  std::atomic<std::uint64_t> released_{0};

 private:
  bool keep_ = true;
  std::set<Digest32> digests_;
  std::mutex mutex_;
  std::vector<ExecAttempt> attempts_;
  std::vector<ExecImage> images_;
};

// The same, answering at once what it grants: the loop looks itself (loop.h), as long as one exec
// is under way.
class GrantsAtOnce final : public Grants {
 public:
  using Grants::Grants;
  std::optional<Courtesy> before_at_once(const ExecAttempt& attempt) override;
  std::optional<StopVerdict> at_stop_at_once(const ExecImage& image) override;
  std::uint64_t checked_at_once() const { return checked_; }
  std::uint64_t released_at_once() const { return released_at_once_; }

 private:
  std::atomic<std::uint64_t> checked_{0};
  std::atomic<std::uint64_t> released_at_once_{0};
};

// The control of the race tests: the same first check, and no second one. What it lets through is
// what the second check is for.
class WithoutSecondCheck final : public Grants {
 public:
  using Grants::Grants;
  Result<StopVerdict> at_stop(const ExecImage&) override {
    ++released_;
    return StopVerdict{true, Reason::NotGranted};
  }
};

struct Finished {
  Outcome outcome;
  std::string output;  // standard output and error
};

// One run: start, look, end, finish.
class GovernedRun {
 public:
  // `play` is gate_play's arguments; %T, %F, %W stand for the paths of gate_target,
  // gate_forbidden and the work directory.
  GovernedRun(Scratch& scratch, Verdicts& verdicts, std::vector<std::string> play,
              const Limits& limits = Limits{}, const Clock* clock = nullptr);
  ~GovernedRun();

  Supervisor& supervisor() { return *supervisor_; }
  // wait_for_output waits until the output has `text` (false: the run ended without).
  bool wait_for_output(const std::string& text);
  void write_input(const std::string& text);
  Result<Finished> finish();
  // plan, to be changed before start().
  Plan plan;
  void start();

 private:
  void read_output();
  SystemClock system_clock_;
  Verdicts& verdicts_;
  const Clock& clock_;
  std::unique_ptr<Supervisor> supervisor_;
  UniqueFd input_;
  UniqueFd output_;
  RunStreams streams_;
  std::thread reader_;
  std::thread loop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  bool ended_ = false;
  std::optional<Result<Outcome>> result_;
};

// in starts, waits and returns; the run must not fail to start.
Finished run(Scratch& scratch, Verdicts& verdicts, std::vector<std::string> play,
             const Limits& limits = Limits{});

const Capabilities& kernel();
// forbidden_ran: the mark is in the work directory.
bool forbidden_ran(const Scratch& scratch);
void forget_mark(const Scratch& scratch);
// A whole number from the environment (the long forms of tests), or `otherwise`.
int from_environment(const char* name, int otherwise);

}  // namespace writ::enforce::test
