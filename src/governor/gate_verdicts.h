// The verdicts of one run's gates: the permit's rules, then policy, then the record.
//
// `before` looks at what the caller's memory said and at the host's files of the same names; a
// refusal is recorded and answered with EACCES. A name that is nowhere is no refusal (shells walk
// PATH). `at_stop` judges the kernel's own facts, records the exec before it is released, or
// records the violation that ends the run. Where these facts are, byte for byte, those that
// `before` has just judged by the same policy, its answer stands, under the time it was asked at;
// so it does for the same question asked again within that time.
// Strings are the run's own and hostile.
//
//   GateVerdicts verdicts(admission, recorder, clock);
//   verdicts.on_refusal([](const Told& told) { … });
//
// Thread safety: all functions may be called from any thread.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "enforce/verdicts.h"
#include "governor/admission.h"
#include "governor/images.h"
#include "governor/judge.h"
#include "governor/recorder.h"

namespace writ::governor {

// A refusal as people are told of it.
struct Told {
  Denial denial;
  std::int32_t pid = 0;
  std::string asked_by;  // the command line of the caller's program, if its exec is known
  ledger::EventId event;
  LeafIndex leaf;
  bool violation = false;
};

class GateVerdicts final : public enforce::Verdicts {
 public:
  GateVerdicts(const Admission& admission, Recorder& recorder, const Clock& clock);

  // exec_verdicts.cc: the exec gate's two questions.
  Result<enforce::Courtesy> before(const enforce::ExecAttempt& attempt) override;
  Result<enforce::StopVerdict> at_stop(const enforce::ExecImage& image) override;
  std::optional<enforce::Courtesy> before_at_once(const enforce::ExecAttempt& attempt) override;
  std::optional<enforce::StopVerdict> at_stop_at_once(const enforce::ExecImage& image) override;
  // connect_verdicts.cc: the permit's connect or listen rules, policy, the record.
  Result<bool> connect(const enforce::ConnectAttempt& attempt) override;
  Result<bool> listen(const enforce::ListenAttempt& attempt) override;

  // use_policy puts another bundle in force, for the decisions from now on.
  void use_policy(std::shared_ptr<const proof::Policy> policy, const BundleDigest& bundle);
  // on_refusal is called after each recorded refusal or violation, from a worker thread.
  void on_refusal(std::function<void(const Told&)> call);
  // last_violation is what ended the run, if something did.
  std::optional<Told> last_violation() const;
  // judge answers what nothing depends on (inquiry.h); nothing is recorded.
  Result<Judged> judge(const GateQuestion& question) const {
    return governor::judge(bounds(), in_force(), question, clock_.now());
  }
  // refusals are the last that were recorded, newest first, at most kMaxRefusals.
  static constexpr std::size_t kMaxRefusals = 64;
  std::vector<Told> refusals() const;
  // images are the programs that were released.
  RunningImages& images() { return images_; }

 private:
  // What `before` let through, until the stop.
  struct LetThrough {
    LetThrough(permit::ExecFacts of, Judged answer)
        : facts(std::move(of)), judged(std::move(answer)) {}
    permit::ExecFacts facts;
    Judged judged;
  };
  Bounds bounds() const {
    return {admission_.permit().grant(), admission_.facts(), admission_.when().get()};
  }
  InForce in_force() const;
  static Result<Recorder::Made> made(ledger::Side& side, const Judged& judged, ledger::Body body,
                                     const char* action = "exec");
  bool still_answers(const LetThrough& let_through, const permit::ExecFacts& facts) const;
  std::shared_ptr<const LetThrough> recent(const permit::ExecFacts& facts) const;
  void let_through(const enforce::Caller& caller, std::shared_ptr<const LetThrough> answered);
  std::shared_ptr<const LetThrough> was_let_through(const enforce::Caller& caller) const;
  // The record of an exec that is released; it refers to its arguments. Then remember: it stands.
  static Recorder::Make exec_record(const enforce::ExecImage& image, const permit::ExecFacts& facts,
                                    const Judged& judged, bool ancestry_lost);
  void remember(const enforce::ExecImage& image, const permit::ExecFacts& facts,
                const Judged& judged, const ledger::EventId& event);
  ledger::EventId cause_of(const enforce::Caller& caller, bool* lost) const;
  Result<Told> record_refusal(const enforce::Caller& caller, const permit::ExecFacts& facts,
                              const Judged& judged, Denial denial);
  Result<void> record_refusal(const enforce::Caller& caller, permit::Way way, const Judged& judged);
  Result<void> record_endpoint(const enforce::Caller& caller, permit::Way way,
                               const permit::EndpointFacts& facts, const Judged& judged);
  void tell(const enforce::Caller& caller, Told& told);
  static std::uint32_t number_of(const enforce::Caller& caller);

  using FileLook = enforce::FileLook;
  static Result<FileLook> look_at(const std::string& path);
  Result<Digest32> courtesy_digest(const std::string& path);
  Result<permit::ExecFacts> courtesy_facts(const enforce::ExecAttempt& attempt,
                                           permit::ExecFacts facts);

  const Admission& admission_;
  Recorder& recorder_;
  const Clock& clock_;

  mutable std::mutex mutex_;
  InForce in_force_;
  std::map<Pid, ledger::EventId> execs_;                     // each process's last exec
  std::map<Pid, std::string> commands_;                      // and its command line, for people
  std::array<std::shared_ptr<const LetThrough>, 8> recent_;  // answers that may still stand
  std::size_t next_recent_ = 0;
  std::map<std::int32_t, std::shared_ptr<const LetThrough>>
      let_through_;  // by process, between the two checks
  // A file as it was when it looked so; binary: no script, so that it needs no second look either.
  struct Known {
    Digest32 digest;
    bool binary = false;
    bool executable_stack = false;  // of a binary
  };
  std::map<FileLook, Known> known_;
  RunningImages images_;
  std::deque<Told> refusals_;  // newest first
  std::optional<Told> violation_;
  std::function<void(const Told&)> on_refusal_;
};

}  // namespace writ::governor
