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
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "crypto/keys.h"
#include "enforce/plan.h"
#include "enforce/probe.h"
#include "governor/compile.h"
#include "governor/home.h"
#include "governor/standing.h"
#include "ledger/store/store.h"
#include "permit/permit.h"
#include "run/state.h"

namespace writ::governor {

// What an embedded governor works with: keys, ledger, clock. Opened once.
struct Installation {
  Home home;
  Account account;
  RunAs who;
  Storage& storage;
  const Clock& clock;
  Random& random;
  crypto::PrivateKey runner;
  crypto::PrivateKey log_key;
  std::unique_ptr<ledger::Store> store;
};

using MaybeInstallation = std::variant<std::unique_ptr<Installation>, Denial>;
// open_installation loads keys and opens the ledger: key_unavailable, ledger_unavailable,
// ledger_damaged, disk_full, busy. An Error means that Writ is not set up here.
Result<MaybeInstallation> open_installation(const Home& home, const Account& account,
                                            Storage& storage, const Clock& clock, Random& random);

struct RunRequest {
  std::string domain = "default";
  std::optional<Denial> unreadable;      // why the permit that was named cannot be read
  ByteVec permit_file;                   // empty: the one stored permit that fits
  std::string permit_name;               // for messages
  std::vector<std::string> command;      // as given, not empty
  std::vector<std::string> environment;  // of the caller
  std::string directory;                 // of the caller
  enforce::Terminal terminal = enforce::Terminal::None;  // of the run
};

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

// Where the run will be, made while it is being admitted (enforce/ground.h).
class Site {
 public:
  virtual ~Site() = default;
  // kernel is what carries a run there.
  virtual const enforce::Capabilities& kernel() = 0;
  // planned says what the run would be; whether it will be is not recorded yet, so nothing of the
  // plan may execute.
  virtual void planned(const enforce::Plan& plan) = 0;
};

using Admitted = std::variant<Admission, Refused>;
Result<Admitted> admit(const RunRequest& request, Installation& here, Site& site);
// The same with nothing made ahead.
Result<Admitted> admit(const RunRequest& request, Installation& here,
                       const enforce::Capabilities& kernel);

}  // namespace writ::governor
