// Vetting: may this command run? Request → verify → decide → compile (DESIGN §5, steps 1 to 4), all
// that comes before the record. It changes nothing but this: with Purpose::Admit, what dead runs
// left in the ledger's state is swept away first.
//
// admit() makes an admission of what was vetted; `writ can` stops here (forecast.h).
//
//   Vetting vetting(installation, Purpose::Admit, request.domain, asked);
//   if (Objection no = TRY(vetting.run(request, site))) …  // vetting.found says how far it came
//
// Hostile: the permit file and the command. Trusted: configuration and state of this account.
// Errors: what has a reason code is an Objection; an Error is a failure of Writ itself.
// Thread safety: one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "enforce/plan.h"
#include "enforce/probe.h"
#include "governor/command.h"
#include "governor/installation.h"
#include "governor/registry.h"
#include "governor/standing.h"
#include "permit/permit.h"

namespace writ::governor {

using Objection = std::optional<Denial>;

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

// No place at all: what the kernel can carry was found out by trying, here and now.
class ProbedSite final : public Site {
 public:
  explicit ProbedSite(enforce::Capabilities found = enforce::probe()) : kernel_(std::move(found)) {}
  const enforce::Capabilities& kernel() override { return kernel_; }
  void planned(const enforce::Plan&) override {}

 private:
  enforce::Capabilities kernel_;
};

// What is found out, in the order in which it is.
struct Found {
  std::optional<Standing> standing;  // the domain, its authorities and policy
  Revocations revocations;
  UnixMillis time;
  bool no_program = false;  // there is no such program at all
  std::optional<permit::Permit> stated;
  std::uint64_t uses = 0;
  std::optional<Command> command;
  ByteVec possession;  // the holder's proof; empty for a bearer
  std::optional<permit::VerifiedPermit> permit;
  std::shared_ptr<const policy::PolicySet> when;
  permit::Limits limits;  // effective
  proof::Facts facts;
  proof::AdmissionInputs inputs;
  std::optional<proof::DecisionRecord> decision;
  std::vector<ByteVec> objects;  // of the decision: what replays it
  enforce::Plan plan;
};

enum class Purpose : std::uint8_t { Admit, Forecast };

class Vetting {
 public:
  Vetting(Installation& here, Purpose purpose, std::string domain, std::string asked)
      : here_(here), purpose_(purpose), domain_(std::move(domain)), asked_(std::move(asked)) {}

  // run takes all the steps for one command.
  Result<Objection> run(const RunRequest& request, Site& site);

  // The steps one by one, for questions that are not about a run's first command.
  Result<Objection> stand();           // what is in force here now
  Result<Objection> read(Bytes file);  // a permit that holds here and now; after stand()
  Result<Objection> decide();          // what policy says of a run under it; after read()

  Found found;

 private:
  Result<Objection> prove(const RunRequest& request, const std::string& program, Bytes file);
  Result<Objection> compile(const RunRequest& request, Site& site);
  Result<ByteVec> pick(const RunRequest& request, const std::string& program, Objection& none);
  permit::VerifyContext context();

  Installation& here_;
  Purpose purpose_;
  std::string domain_;
  std::string asked_;
  permit::Revoked revoked_;
};

// command_line is a command for people, one line, bounded.
std::string command_line(const std::vector<std::string>& command);

// stored_permits reads the stored permits whose audience has the domain, by name.
struct StoredPermit {
  std::string name;  // the short id
  ByteVec file;
  permit::Permit stated;
};
std::vector<StoredPermit> stored_permits(const Home& home, const std::string& domain);
// has_seconds_left says whether its time has come and is not over.
bool has_seconds_left(const permit::Permit& permit, UnixSeconds now);

}  // namespace writ::governor
