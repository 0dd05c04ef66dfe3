// Replay: every recorded decision made again from the ledger and its objects alone (P9).
//
// Attached to ledger/verify.h, which streams the entries. For each admission (and each denial that
// had come to a decision): the permit verifies at the recorded time, under the authorities,
// ceilings, revocations and uses that the log itself had recorded by then; the domain and the
// bundle are those that the log says were in force; the same questions give the same answer, and
// that answer's digest is the one that the entry carries. For each exec, connect, listen and
// refusal whose clear text is kept: the same question, asked again, gives the recorded decision,
// and the permit's rules let through exactly what was let through. What was erased is counted as
// not replayable.
//
//   Replay replay(source, side_of);
//   replay.attach(options);
//   VerifyReport report = verify_log(source, options);     // findings: replay_differs, …
//
// Hostile: the log, its objects and the clear text. Pure but for the source it is given. Memory: a
// few kB for each open run.
// Thread safety: one use at a time. Not promised: that a plan is what the permit compiles to on the
// recorded host; its bytes are checked against their digest.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ledger/side.h"
#include "ledger/verify.h"
#include "proof/decision.h"

namespace writ::proof {

struct ReplayCounts {
  std::uint64_t replayed = 0;        // decisions made again, equal
  std::uint64_t not_replayable = 0;  // their clear text is gone
};

class Replay {
 public:
  using SideOf = std::function<std::optional<ledger::Side>(const ledger::EventId&)>;
  Replay(ledger::LogSource& source, SideOf side_of);

  // attach sets options.on_event, calling what was set there before as well.
  void attach(ledger::VerifyOptions& options);
  const ReplayCounts& counts() const { return counts_; }

 private:
  struct OpenRun {
    permit::Claims claims;
    Facts facts;
    Digest32 decision;
    BundleDigest bundle;
    std::shared_ptr<const policy::PolicySet> when;  // shared: copied with the run
    bool started = false;
  };
  // What both an admission and a denial say of a decision.
  struct Decided {
    const ledger::Event& event;
    Digest32 inputs;
    Digest32 decision;
    const ledger::Admission* admission = nullptr;
    std::optional<Reason> reason;  // of a denial
  };
  // What a gate was asked, from the clear text beside its entry.
  struct Asked {
    const OpenRun* run = nullptr;  // in runs_, until the run's end
    ledger::Side side;
    std::string text;  // of the request
    policy::Request request;
    UnixMillis time;
  };

  Result<void> look(const ledger::Event& event, Bytes entry);
  Result<void> admission(const Decided& decided);
  Result<void> exec(const ledger::Event& event, const ledger::Exec& body);
  // Of a connect or a listen.
  Result<void> endpoint(const ledger::Event& event, permit::Way way, const std::string& protocol,
                        const Digest32& endpoint);
  Result<void> refusal(const ledger::Event& event, const ledger::Refusal& body);
  Result<std::optional<Asked>> asked(const ledger::Event& event);
  Result<void> decided_again(const std::string& action, const ledger::Event& event,
                             const Asked& asked, const policy::Request& request, bool allowed,
                             Reason reason);
  Result<ByteVec> object(const Digest32& digest, const char* what);
  Result<std::shared_ptr<const Policy>> policy_of(const BundleDigest& bundle);

  ledger::LogSource& source_;
  SideOf side_of_;
  ReplayCounts counts_;
  std::optional<LedgerId> ledger_;
  std::map<std::string, Digest32> trust_;             // name → authority record
  std::map<std::string, Digest32> domains_;           // name → definition
  std::map<std::string, BundleDigest> policies_;      // domain → bundle in force
  std::map<std::string, std::uint64_t> generations_;  // domain → its generation
  permit::Revoked revoked_;
  std::map<PermitId, std::uint64_t> admissions_;
  std::map<RunId, OpenRun> runs_;
  std::map<BundleDigest, std::shared_ptr<const Policy>> parsed_;
};

}  // namespace writ::proof
