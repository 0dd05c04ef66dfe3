// Admission: request → verify → decide → compile → record (DESIGN §5). The only way to a run.
//
// Only admit() makes an Admission, and only when its entry is durable; only an Admission can be
// governed (governor/govern.h). Every refusal on the way is a Denial with its reason and, where
// the ledger can still be written, a recorded one.
//
//   Admitted a = TRY(admit(request, installation));
//   if (const Refused* no = std::get_if<Refused>(&a)) …
//
// Order of what is made durable: definitions and objects (permit, bundle, domain, inputs, plan,
// possession), use count, registration, then the admission entry, all but the objects under the
// ledger's lock in one piece. A crash in between leaves at most a use taken and a registration that
// the next one sweeps away; never an admission without its objects.
//
// Hostile: the permit file and the command. Trusted: configuration and state of this account.
// Thread safety: may be called from any thread; one Installation belongs to one process.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "governor/vetting.h"
#include "run/state.h"

namespace writ::governor {

class Admission {
 public:
  const RunId& run() const { return plan_.run; }
  const enforce::Plan& plan() const { return plan_; }
  const permit::VerifiedPermit& permit() const { return permit_; }
  const Standing& standing() const { return standing_; }
  const Digest32& decision() const { return decision_; }
  const std::shared_ptr<const policy::PolicySet>& when() const { return when_; }
  const proof::Facts& facts() const { return facts_; }
  LeafIndex leaf() const { return leaf_; }
  const run::Status& status() const { return status_; }

 private:
  friend class Admitter;
  Admission(permit::VerifiedPermit permit, Standing standing)
      : permit_(std::move(permit)), standing_(std::move(standing)) {}
  permit::VerifiedPermit permit_;
  Standing standing_;
  enforce::Plan plan_;
  proof::Facts facts_;
  Digest32 decision_;
  std::shared_ptr<const policy::PolicySet> when_;  // shared with the verdicts
  LeafIndex leaf_;
  run::Status status_;
};

// A denial before the run. not_found: there is no such program at all (exit status 127).
struct Refused {
  Denial denial;
  bool not_found = false;
  bool recorded = false;
  std::optional<LeafIndex> leaf;
  std::string permit;  // short id, if one was read
};

using Admitted = std::variant<Admission, Refused>;
Result<Admitted> admit(const RunRequest& request, Installation& here, Site& site);
// The same with nothing made ahead.
Result<Admitted> admit(const RunRequest& request, Installation& here,
                       const enforce::Capabilities& kernel);

}  // namespace writ::governor
