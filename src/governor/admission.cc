#include "governor/admission.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "cose/key.h"
#include "crypto/sha.h"
#include "governor/command.h"
#include "governor/config.h"
#include "governor/denial.h"
#include "governor/keystore.h"
#include "governor/process.h"
#include "governor/registry.h"
#include "ledger/side.h"

namespace writ::governor {
namespace {

constexpr std::size_t kMaxStoredPermits = 10'000;
constexpr int kTries = 8;  // when others take uses of the same permit meanwhile

std::string command_line(const std::vector<std::string>& command) {
  std::string line;
  for (const std::string& word : command) line += (line.empty() ? "" : " ") + word;
  return printable(line, 120);
}

// What is known of a request by the time that it is refused.
struct SoFar {
  std::string asked;
  std::optional<PermitId> permit;
  std::optional<Digest32> decision;
  std::optional<Digest32> inputs;
};

bool has_seconds_left(const permit::Permit& permit, UnixSeconds now) {
  return now < permit.claims.expires &&
         (!permit.claims.not_before || *permit.claims.not_before <= now);
}

}  // namespace

// One admission, step by step. Its members are what the steps have found out so far.
class Admitter {
 public:
  Admitter(const RunRequest& request, Installation& here, Site& site)
      : request_(request), here_(here), site_(site) {}

  Result<Admitted> run() {
    for (int tries = 0; tries < kTries; ++tries) {
      SoFar so_far;
      so_far.asked = "run " + command_line(request_.command);
      bool again = false;
      std::optional<Denial> no;
      std::optional<Admission> admission = TRY(attempt(so_far, no, again));
      if (admission) return Admitted(std::move(*admission));
      if (again) continue;
      WRIT_ASSERT(no.has_value());
      return Admitted(refuse(std::move(*no), so_far));
    }
    SoFar so_far;
    so_far.asked = "run " + command_line(request_.command);
    return Admitted(refuse(
        deny(Reason::Busy, so_far.asked, "others take the uses of the same permit at the same time",
             std::string(describe(Reason::Busy).remedy)),
        so_far));
  }

 private:
  using Maybe = std::optional<Admission>;

  Result<Maybe> attempt(SoFar& so_far, std::optional<Denial>& no, bool& again) {
    const auto denied = [&](Denial denial) -> Result<Maybe> {
      no = std::move(denial);
      return Maybe();
    };
    run::Status status;

    // Request: the domain, its authorities, its policy; the state under the lock.
    MaybeStanding maybe = TRY(load_standing(here_.home, request_.domain));
    if (Denial* refusal = std::get_if<Denial>(&maybe)) return denied(std::move(*refusal));
    Standing& standing = std::get<Standing>(maybe);
    Revocations revocations;
    const Result<void> looked =
        here_.store->with_lock([&](ledger::LockedState& state) -> Result<void> {
          (void)TRY(sweep(state, here_.storage, here_.home.state));
          revocations = TRY(read_revocations(state));
          return {};
        });
    if (!looked) return denied(ledger_denial(looked.error(), so_far.asked));
    const Reserved reserved = TRY(Reserved::find(here_.home, here_.account));

    Result<std::string> program =
        find_program(request_.command.at(0), request_.directory, request_.environment);
    if (!program) {
      not_found_ = true;
      return denied(deny(Reason::NoPermit, so_far.asked, program.error().message(),
                         "check its name and PATH"));
    }
    const UnixMillis time = here_.clock.now();

    // Verify: the permit and what its holder signs of this one command.
    if (request_.unreadable) return denied(*request_.unreadable);
    ByteVec file = request_.permit_file;
    if (file.empty()) {
      std::optional<Denial> none;
      file = TRY(pick(*program, seconds_of(time), none));
      if (none) return denied(std::move(*none));
    }
    const permit::Read read = permit::read_permit(file);
    if (const Denial* refusal = std::get_if<Denial>(&read)) {
      Denial named = *refusal;
      if (!request_.permit_name.empty()) {
        named.asked = "use the permit " + printable(request_.permit_name);
      }
      return denied(std::move(named));
    }
    const permit::Permit& stated = std::get<permit::Permit>(read);
    so_far.permit = stated.id;
    permit_name_ = short_hex(stated.id);

    std::uint64_t uses = 0;
    permit::Revoked revoked{revocations.permits, revocations.keys};
    permit::VerifyContext context;
    context.now = seconds_of(time);
    context.domain = standing.domain.name;
    context.ledger = here_.store->ledger_id();
    context.authorities = standing.authorities;
    context.policy = standing.bundle;
    context.revoked = &revoked;
    context.uses_taken = [&](const PermitId& id) -> Result<std::uint64_t> {
      const Result<void> counted =
          here_.store->with_lock([&](ledger::LockedState& state) -> Result<void> {
            uses = TRY(uses_taken(state, id));
            return {};
          });
      if (!counted) return Error(counted.error());
      return uses;
    };
    // The signature first: nothing of the grant is used before it holds.
    Result<std::optional<Denial>> checked = permit::check(stated, context);
    if (!checked) return denied(ledger_denial(checked.error(), so_far.asked));
    if (*checked) return denied(std::move(**checked));

    Result<Chosen> chosen = choose(stated.claims.grant, *program, request_.command,
                                   request_.environment, request_.directory);
    if (!chosen) {
      return denied(deny(Reason::NotGranted, so_far.asked, chosen.error().message(),
                         "check the program, or grant what it needs"));
    }
    if (const Denial* refusal = std::get_if<Denial>(&*chosen)) return denied(*refusal);
    const Command& command = std::get<Command>(*chosen);

    ByteVec nonce(32);
    here_.random.fill(nonce);
    ByteVec proof;
    if (stated.claims.holder) {
      permit::Intent intent;
      intent.permit = stated.id;
      intent.ledger = context.ledger;
      intent.domain = context.domain;
      intent.time = context.now;
      intent.nonce = nonce;
      intent.argv = permit::digest_texts(request_.command);
      intent.environment = permit::digest_texts(command.facts.environment);
      intent.directory = permit::digest_text(command.facts.directory);
      proof = TRY(permit::prove_possession(intent, here_.runner));
    }
    permit::Evidence evidence;
    evidence.proof = proof;
    evidence.argv = request_.command;
    evidence.environment = command.facts.environment;
    evidence.directory = command.facts.directory;
    evidence.nonce = nonce;
    Result<permit::Verified> verified = permit::verify(file, context, evidence);
    if (!verified) return denied(ledger_denial(verified.error(), so_far.asked));
    if (const Denial* refusal = std::get_if<Denial>(&*verified)) return denied(*refusal);
    const permit::VerifiedPermit& permit = std::get<permit::VerifiedPermit>(*verified);
    status = TRY(run::step(status, run::Event::PermitVerified));

    // Decide.
    Result<std::shared_ptr<const policy::PolicySet>> when =
        proof::parse_when(permit.claims().when, standing.policy.get());
    if (!when) {
      return denied(
          deny(Reason::PolicyInvalid, so_far.asked, when.error().message(),
               "issue the permit again with a `when` that holds only forbid policies and validates "
               "under the domain's schema"));
    }
    const permit::Limits limits = domain::effective_limits(permit.grant().limits, standing.domain);
    const proof::Facts facts = proof::facts_of(permit.claims(), permit.id(), permit.authority(),
                                               standing.domain.name, "sandbox");
    const std::vector<proof::Question> questions =
        proof::admission_questions(facts, permit.grant(), limits, time);
    proof::AdmissionInputs inputs;
    inputs.time = time;
    inputs.domain = standing.domain.name;
    inputs.ledger = context.ledger;
    inputs.tier = "sandbox";
    inputs.uses_taken = uses;
    inputs.domain_definition = domain::domain_digest(standing.domain);
    inputs.bundle = standing.bundle;
    inputs.bundle_file = crypto::sha256(standing.bundle_file);
    inputs.permit_file = crypto::sha256(permit.permit().file);
    for (const proof::AuthorityRecord& record : standing.records) {
      inputs.authorities.push_back(crypto::sha256(proof::encode_authority(record)));
    }
    inputs.requests = TRY(proof::questions_text(questions));
    const ByteVec inputs_bytes = proof::encode_inputs(inputs);
    const proof::Answer answer = TRY(proof::ask(*standing.policy, when->get(), facts, questions));
    const proof::DecisionRecord decision =
        proof::record_of("admit", crypto::sha256(inputs_bytes), answer);
    so_far.decision = proof::decision_digest(decision);
    std::vector<ByteVec> objects = {inputs_bytes,
                                    proof::encode_decision(decision),
                                    permit.permit().file,
                                    standing.bundle_file,
                                    standing.bundle_payload,
                                    domain::encode_domain(standing.domain)};
    for (const proof::AuthorityRecord& record : standing.records) {
      objects.push_back(proof::encode_authority(record));
    }
    // Before any entry that names them: the denial's, or the admission's.
    const auto keep_objects = [&]() -> Result<void> {
      const std::vector<Bytes> all(objects.begin(), objects.end());
      return here_.store->put_objects(all);
    };
    const auto denied_as_decided = [&](Denial denial) -> Result<Maybe> {
      if (Result<void> kept = keep_objects(); !kept) {
        return denied(ledger_denial(kept.error(), so_far.asked));
      }
      so_far.inputs = decision.inputs;
      return denied(std::move(denial));
    };
    if (!answer.allowed) {
      WRIT_ASSERT(answer.denial.has_value());
      return denied_as_decided(*answer.denial);
    }

    // Compile.
    std::array<std::byte, 10> random{};
    here_.random.fill(random);
    const RunId id = make_run_id(time, random);
    CompileRequest compiling{.run = id,
                             .grant = permit.grant(),
                             .limits = limits,
                             .least_tier = standing.domain.least_tier,
                             .reserved = reserved,
                             .who = here_.who,
                             .program = command.program,
                             .argv = request_.command,
                             .environment = command.facts.environment,
                             .directory = command.facts.directory,
                             .terminal = request_.terminal};
    Compiled compiled = TRY(compile(compiling, site_.kernel()));
    if (const Denial* refusal = std::get_if<Denial>(&compiled)) return denied_as_decided(*refusal);
    enforce::Plan& plan = std::get<enforce::Plan>(compiled);
    status = TRY(run::step(status, run::Event::PolicyAllowed));

    // Record, while the boundary is being built. With a number of uses the plan may be one of
    // several attempts.
    const bool only_attempt = !permit.claims().uses;
    if (only_attempt) site_.planned(plan);
    const ByteVec plan_bytes = enforce::encode(plan);
    objects.push_back(plan_bytes);
    if (!proof.empty()) objects.push_back(proof);
    if (Result<void> kept = keep_objects(); !kept) {
      return denied(ledger_denial(kept.error(), so_far.asked));
    }
    so_far.inputs = decision.inputs;
    ledger::Salt salt{};
    here_.random.fill(salt);
    ledger::Side side(salt);
    ledger::Admission body;
    body.domain = standing.domain.name;
    body.chain = {permit.id()};
    body.permit_file = crypto::sha256(permit.permit().file);
    if (!proof.empty()) body.possession = crypto::sha256(proof);
    body.plan = crypto::sha256(plan_bytes);
    body.domain_definition = inputs.domain_definition;
    body.policy = standing.bundle;
    body.inputs = decision.inputs;
    body.tier = "sandbox";
    body.mechanisms = plan.mechanisms;
    std::array<char, 256> host{};
    body.host = ::gethostname(host.data(), host.size() - 1) == 0 ? printable(host.data()) : "?";
    body.command = command.program;
    body.argv = side.put("argv", ledger::encode_list(request_.command));
    body.env = side.put("env", ledger::encode_list(command.facts.environment));
    body.cwd = side.put("cwd", as_bytes(std::string_view(command.facts.directory)));
    ledger::Event event = TRY(ledger::make_event(
        {id, Seq(0)}, ledger::kGenesisEvent, ledger::PermitAuthority{permit.id(), *so_far.decision},
        std::move(body)));

    Registration registration;
    registration.run = id;
    registration.governor = TRY(this_process());
    registration.boot = TRY(here_.storage.boot_id());
    registration.permit = permit.id();
    registration.authority = permit.permit().signer;
    if (permit.claims().holder) registration.holder = cose::key_id(*permit.claims().holder);
    registration.decision = *so_far.decision;
    registration.domain = standing.domain.name;
    registration.subject = permit.claims().subject;
    registration.command = command_line(request_.command);
    registration.started = time;
    registration.expires = permit.claims().expires;

    Admission admission(permit, std::move(standing));
    std::optional<Denial> last_moment;
    const Result<void> recorded =
        here_.store->with_lock([&](ledger::LockedState& state) -> Result<void> {
          // What may have changed since the look at the start.
          const Revocations now = TRY(read_revocations(state));
          if (now.hits(registration)) {
            last_moment = deny(Reason::Revoked, so_far.asked, "the permit was revoked just now",
                               std::string(describe(Reason::Revoked).remedy));
            return {};
          }
          if (permit.claims().uses) {
            const std::uint64_t taken = TRY(uses_taken(state, permit.id()));
            if (taken != uses) {
              again = true;
              return {};
            }
            TRY(take_use(state, permit.id()));
          }
          Result<std::vector<ledger::Draft>> definitions = definition_drafts(
              state, admission.standing_, cose::key_id(here_.runner.public_key()));
          if (!definitions) {
            last_moment = deny(Reason::PolicyInvalid, so_far.asked, definitions.error().message(),
                               std::string(describe(Reason::PolicyInvalid).remedy));
            return {};
          }
          if (!definitions->empty()) {
            (void)TRY(state.append(std::move(*definitions), ledger::Wait::Durable));
            TRY(note_definitions(state, admission.standing_));
          }
          registration.from = LeafIndex(here_.store->size().get());
          TRY(add_run(state, registration));
          std::vector<ledger::Draft> batch;
          batch.push_back({std::move(event), side.encode()});
          Result<ledger::Ticket> ticket = state.append(std::move(batch), ledger::Wait::Durable);
          if (!ticket) {
            (void)remove_run(state, id);  // else the next one sweeps it away
            return Error(std::move(ticket).error());
          }
          admission.leaf_ = ticket->first;
          return {};
        });
    if (!recorded) return denied(ledger_denial(recorded.error(), so_far.asked));
    if (last_moment) return denied(std::move(*last_moment));
    if (again) return Maybe();
    if (!only_attempt) site_.planned(plan);
    admission.status_ = TRY(run::step(status, run::Event::AdmissionDurable));
    admission.plan_ = std::move(plan);
    admission.facts_ = facts;
    admission.decision_ = *so_far.decision;
    admission.when_ = *when;
    return Maybe(std::move(admission));
  }

  // pick finds the one stored permit that fits; otherwise `none` says what is wrong.
  Result<ByteVec> pick(const std::string& program, UnixSeconds now, std::optional<Denial>& none) {
    const std::string asked = "run " + command_line(request_.command);
    struct Fit {
      std::string name;
      ByteVec file;
    };
    std::vector<Fit> fits;
    std::vector<Fit> late;
    std::optional<Denial> nearest;
    std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(here_.home.permits().c_str()), ::closedir);
    std::vector<std::string> names;
    while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
      const std::string_view name = entry->d_name;
      if (name.ends_with(".permit") && names.size() < kMaxStoredPermits) names.emplace_back(name);
    }
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      Result<ByteVec> file = read_file(here_.home.permits() + "/" + name, permit::kMaxPermitFile);
      if (!file) continue;
      const permit::Read read = permit::read_permit(*file);
      const permit::Permit* stated = std::get_if<permit::Permit>(&read);
      if (stated == nullptr) continue;
      const std::vector<std::string>& audience = stated->claims.audience;
      if (std::find(audience.begin(), audience.end(), request_.domain) == audience.end()) continue;
      Result<Chosen> chosen = choose(stated->claims.grant, program, request_.command,
                                     request_.environment, request_.directory);
      if (!chosen) continue;
      if (const Denial* no = std::get_if<Denial>(&*chosen)) {
        if (no->reason != Reason::NotGranted && has_seconds_left(*stated, now)) nearest = *no;
        continue;
      }
      Fit fit{name.substr(0, 8), std::move(*file)};
      (has_seconds_left(*stated, now) ? fits : late).push_back(std::move(fit));
    }
    if (fits.size() == 1) return fits[0].file;
    if (fits.size() > 1) {
      std::string which;
      for (const Fit& fit : fits) which += (which.empty() ? "" : ", ") + fit.name;
      none = deny(Reason::NoPermit, asked, "more than one stored permit fits: " + which,
                  "writ run --permit " + fits[0].name + " -- " + command_line(request_.command));
      return ByteVec();
    }
    if (nearest) {
      none = std::move(nearest);
      return ByteVec();
    }
    if (!late.empty()) return late.back().file;  // verification says what is wrong with it
    none = deny(Reason::NoPermit, asked, "a command runs here only under a permit that names it",
                "write a request JOB.toml that names it, then:  writ permit issue JOB.toml");
    return ByteVec();
  }

  // refuse records a denial as far as the ledger can be written.
  Refused refuse(Denial denial, const SoFar& so_far) {
    Refused refused;
    refused.not_found = not_found_;
    refused.permit = permit_name_;
    ledger::Salt salt{};
    here_.random.fill(salt);
    ledger::Side side(salt);
    ledger::Denial body;
    body.domain = printable(request_.domain, 64);
    body.reason = denial.reason;
    body.permit = so_far.permit;
    if (so_far.inputs) {
      body.decision = so_far.decision;
      body.inputs = so_far.inputs;
    }
    body.asked = side.put("asked", as_bytes(std::string_view(denial.asked)));
    body.sentence = side.put("sentence", as_bytes(std::string_view(denial.because)));
    (void)side.put("allow", as_bytes(std::string_view(denial.allow)));
    (void)side.put("argv", ledger::encode_list(request_.command));
    Result<ledger::Event> event = ledger::make_event(
        {ledger::kNoRun, Seq(0)}, ledger::kGenesisEvent,
        ledger::KeyAuthority{cose::key_id(here_.runner.public_key())}, std::move(body));
    if (event) {
      ledger::Draft draft{std::move(*event), side.encode()};
      Result<ledger::Ticket> ticket = here_.store->append(std::move(draft), ledger::Wait::Durable);
      if (ticket) {
        refused.recorded = true;
        refused.leaf = ticket->first;
        (void)here_.store->sign_head(here_.log_key);  // the next head covers it otherwise
      }
    }
    refused.denial = std::move(denial);
    return refused;
  }

  const RunRequest& request_;
  Installation& here_;
  Site& site_;
  bool not_found_ = false;
  std::string permit_name_;
};

Result<Admitted> admit(const RunRequest& request, Installation& here, Site& site) {
  if (request.command.empty()) return Error(Code::InvalidArgument, "there is no command");
  return Admitter(request, here, site).run();
}

Result<Admitted> admit(const RunRequest& request, Installation& here,
                       const enforce::Capabilities& kernel) {
  class Bare final : public Site {
   public:
    explicit Bare(const enforce::Capabilities& found) : kernel_(found) {}
    const enforce::Capabilities& kernel() override { return kernel_; }
    void planned(const enforce::Plan&) override {}

   private:
    const enforce::Capabilities& kernel_;
  };
  Bare bare(kernel);
  return admit(request, here, bare);
}

Result<MaybeInstallation> open_installation(const Home& home, const Account& account,
                                            Storage& storage, const Clock& clock, Random& random) {
  const Config config = TRY(load_config(home));
  RunAs who;
  who.uid = account.uid;
  who.gid = ::getegid();
  if (account.uid == 0) {
    who.other_uid = account.sudo_uid ? account.sudo_uid : config.root_uid;
    who.other_gid = account.sudo_uid ? account.sudo_gid : config.root_gid;
    who.own_files = !account.sudo_uid.has_value();
  }
  Result<crypto::PrivateKey> runner = load_key(home, kRunnerKey);
  if (!runner) return MaybeInstallation(key_denial(runner.error(), "runner"));
  Result<crypto::PrivateKey> log_key = load_key(home, kLogKey);
  if (!log_key) return MaybeInstallation(key_denial(log_key.error(), "log"));
  Result<std::unique_ptr<ledger::Store>> store =
      ledger::Store::open(storage, home.state, clock, {});
  if (!store) return MaybeInstallation(ledger_denial(store.error(), "open the ledger"));
  if ((*store)->log_key().key != log_key->public_key()) {
    return MaybeInstallation(
        deny(Reason::KeyUnavailable, "use the log key",
             home.key_file(kLogKey) + " is not the key of the ledger in " + home.ledger(),
             "put the log's own key back"));
  }
  return MaybeInstallation(std::unique_ptr<Installation>(
      new Installation{home, account, who, storage, clock, random, std::move(*runner),
                       std::move(*log_key), std::move(*store)}));
}

}  // namespace writ::governor
