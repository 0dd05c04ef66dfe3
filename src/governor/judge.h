// Judge: the answer to one question of a run's gates, the permit's rules first, then policy.
//
// There is one such answer, whoever asks: the gates before something happens (gate_verdicts.h), and
// `writ can`, from outside (forecast.h) or from inside a run (inquiry.h), where nothing happens.
//
//   Judged judged = TRY(judge_exec(bounds, in_force, facts, first, clock.now()));
//   if (judged.denial) …
//
// Hostile: facts of a run. Errors: policy cannot be asked at all; a policy that fails denies.
// Thread safety: pure functions; bounds are borrowed for the call.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/clock.h"
#include "permit/match.h"
#include "permit/place_match.h"
#include "permit/reach.h"
#include "proof/decision.h"

namespace writ::governor {

// What a run was admitted with.
struct Bounds {
  const permit::Grant& grant;
  const proof::Facts& facts;
  const policy::PolicySet* when = nullptr;  // the permit's own; null: none
};

// Policy as it is in force when a question is asked.
struct InForce {
  std::shared_ptr<const proof::Policy> policy;  // shared with decisions under way
  BundleDigest bundle;
};

struct AskEndpoint {
  permit::Way way = permit::Way::Connect;
  permit::EndpointFacts facts;
};
struct AskPlace {
  permit::Access access = permit::Access::ToRead;
  std::string path;  // absolute
};
using GateQuestion = std::variant<permit::ExecFacts, AskEndpoint, AskPlace>;

struct Judged {
  std::optional<Denial> denial;
  bool produced = false;
  const permit::ExecRule* rule = nullptr;  // of the grant, that allows it: not with a denial
  std::string request;                     // canonical JSON of what policy was asked
  proof::Answer answer;
  InForce by;
  UnixMillis time;  // that policy was asked about
};

Result<Judged> judge_exec(const Bounds& bounds, InForce in_force, const permit::ExecFacts& facts,
                          bool first, UnixMillis time);
Result<Judged> judge_endpoint(const Bounds& bounds, InForce in_force, permit::Way way,
                              const permit::EndpointFacts& facts, UnixMillis time);
// No gate asks this: the run's mounts are made of the whole grant, which policy saw at admission.
Result<Judged> judge_place(const Bounds& bounds, InForce in_force, permit::Access access,
                           const std::string& path, UnixMillis time);

// judge is the one of these that fits; an exec is not the run's first.
Result<Judged> judge(const Bounds& bounds, InForce in_force, const GateQuestion& question,
                     UnixMillis time);

}  // namespace writ::governor
