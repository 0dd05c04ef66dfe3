#include "governor/admission.h"

#include <unistd.h>

#include <array>

#include "cose/key.h"
#include "crypto/sha.h"
#include "governor/denial.h"
#include "governor/process.h"
#include "ledger/side.h"

namespace writ::governor {
namespace {

constexpr int kTries = 8;  // when others take uses of the same permit meanwhile

}  // namespace

// One admission: vetted, then recorded.
class Admitter {
 public:
  Admitter(const RunRequest& request, Installation& here, Site& site)
      : request_(request),
        here_(here),
        site_(site),
        asked_("run " + command_line(request.command)) {}

  Result<Admitted> run() {
    for (int tries = 0; tries < kTries; ++tries) {
      Vetting vetting(here_, Purpose::Admit, request_.domain, asked_);
      if (Objection no = TRY(vetting.run(request_, site_))) {
        return Admitted(refuse(std::move(*no), vetting.found));
      }
      Attempt attempt = TRY(record(vetting.found));
      if (Admission* admission = std::get_if<Admission>(&attempt)) {
        return Admitted(std::move(*admission));
      }
      if (Denial* no = std::get_if<Denial>(&attempt)) {
        return Admitted(refuse(std::move(*no), vetting.found));
      }
    }
    return Admitted(refuse(
        deny(Reason::Busy, asked_, "others take the uses of the same permit at the same time",
             std::string(describe(Reason::Busy).remedy)),
        Found()));
  }

 private:
  struct Again {};
  using Attempt = std::variant<Again, Admission, Denial>;

  // The objects that a decision is replayed from, before any entry that names them.
  Result<void> keep(const Found& found) {
    const std::vector<Bytes> all(found.objects.begin(), found.objects.end());
    return here_.store->put_objects(all);
  }

  // record makes what was vetted an admission, while the boundary is being built.
  Result<Attempt> record(Found& found) {
    const permit::VerifiedPermit& permit = *found.permit;
    const RunId id = found.plan.run;
    run::Status status = TRY(run::step({}, run::Event::PermitVerified));
    status = TRY(run::step(status, run::Event::PolicyAllowed));
    // With a number of uses the plan may be one of several attempts.
    const bool only_attempt = !permit.claims().uses;
    if (only_attempt) site_.planned(found.plan);
    const ByteVec plan_bytes = enforce::encode(found.plan);
    found.objects.push_back(plan_bytes);
    if (!found.possession.empty()) found.objects.push_back(found.possession);
    if (Result<void> kept = keep(found); !kept) {
      return Attempt(ledger_denial(kept.error(), asked_));
    }
    const Digest32 decision = proof::decision_digest(*found.decision);
    ledger::Salt salt{};
    here_.random.fill(salt);
    ledger::Side side(salt);
    ledger::Event event = TRY(ledger::make_event({id, Seq(0)}, ledger::kGenesisEvent,
                                                 ledger::PermitAuthority{permit.id(), decision},
                                                 body_of(found, crypto::sha256(plan_bytes), side)));
    const Registration registration = TRY(registration_of(found, decision));

    Admission admission(permit, std::move(*found.standing));
    Objection last_moment;
    bool again = false;
    const Result<void> recorded =
        here_.store->with_lock([&](ledger::LockedState& state) -> Result<void> {
          // What may have changed since the look at the start.
          const Revocations now = TRY(read_revocations(state));
          if (now.hits(registration)) {
            last_moment = deny(Reason::Revoked, asked_, "the permit was revoked just now",
                               std::string(describe(Reason::Revoked).remedy));
            return {};
          }
          if (permit.claims().uses) {
            const std::uint64_t taken = TRY(uses_taken(state, permit.id()));
            if (taken != found.uses) {
              again = true;
              return {};
            }
            TRY(take_use(state, permit.id()));
          }
          Result<std::vector<ledger::Draft>> definitions = definition_drafts(
              state, admission.standing_, cose::key_id(here_.runner.public_key()));
          if (!definitions) {
            last_moment = deny(Reason::PolicyInvalid, asked_, definitions.error().message(),
                               std::string(describe(Reason::PolicyInvalid).remedy));
            return {};
          }
          if (!definitions->empty()) {
            (void)TRY(state.append(std::move(*definitions), ledger::Wait::Durable));
            TRY(note_definitions(state, admission.standing_));
          }
          Registration registered = registration;
          registered.from = LeafIndex(here_.store->size().get());
          TRY(add_run(state, registered));
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
    if (!recorded) return Attempt(ledger_denial(recorded.error(), asked_));
    if (last_moment) return Attempt(std::move(*last_moment));
    if (again) return Attempt(Again());
    if (!only_attempt) site_.planned(found.plan);
    admission.status_ = TRY(run::step(status, run::Event::AdmissionDurable));
    admission.plan_ = std::move(found.plan);
    admission.facts_ = std::move(found.facts);
    admission.decision_ = decision;
    admission.when_ = std::move(found.when);
    return Attempt(std::move(admission));
  }

  ledger::Admission body_of(const Found& found, const Digest32& plan, ledger::Side& side) const {
    const permit::VerifiedPermit& permit = *found.permit;
    const Command& command = *found.command;
    ledger::Admission body;
    body.domain = found.inputs.domain;
    body.chain = {permit.id()};
    body.permit_file = found.inputs.permit_file;
    if (!found.possession.empty()) body.possession = crypto::sha256(found.possession);
    body.plan = plan;
    body.domain_definition = found.inputs.domain_definition;
    body.policy = found.inputs.bundle;
    body.inputs = found.decision->inputs;
    body.tier = found.inputs.tier;
    body.mechanisms = found.plan.mechanisms;
    std::array<char, 256> host{};
    body.host = ::gethostname(host.data(), host.size() - 1) == 0 ? printable(host.data()) : "?";
    body.command = command.program;
    body.argv = side.put("argv", ledger::encode_list(request_.command));
    body.env = side.put("env", ledger::encode_list(command.facts.environment));
    body.cwd = side.put("cwd", as_bytes(std::string_view(command.facts.directory)));
    return body;
  }

  Result<Registration> registration_of(const Found& found, const Digest32& decision) const {
    const permit::VerifiedPermit& permit = *found.permit;
    Registration registration;
    registration.run = found.plan.run;
    registration.governor = TRY(this_process());
    registration.boot = TRY(here_.storage.boot_id());
    registration.permit = permit.id();
    registration.authority = permit.permit().signer;
    if (permit.claims().holder) registration.holder = cose::key_id(*permit.claims().holder);
    registration.decision = decision;
    registration.domain = found.inputs.domain;
    registration.subject = permit.claims().subject;
    registration.command = command_line(request_.command);
    registration.started = found.time;
    registration.expires = permit.claims().expires;
    return registration;
  }

  // refuse records a denial as far as the ledger can be written.
  Refused refuse(Denial denial, const Found& found) {
    Refused refused;
    refused.not_found = found.no_program;
    if (found.stated) refused.permit = short_hex(found.stated->id);
    bool kept = false;
    if (found.decision) {
      const Result<void> put = keep(found);
      kept = put.has_value();
      if (!put) denial = ledger_denial(put.error(), asked_);
    }
    ledger::Salt salt{};
    here_.random.fill(salt);
    ledger::Side side(salt);
    ledger::Denial body;
    body.domain = printable(request_.domain, 64);
    body.reason = denial.reason;
    if (found.stated) body.permit = found.stated->id;
    if (found.decision && kept) {
      body.decision = proof::decision_digest(*found.decision);
      body.inputs = found.decision->inputs;
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
  std::string asked_;
};

Result<Admitted> admit(const RunRequest& request, Installation& here, Site& site) {
  if (request.command.empty()) return Error(Code::InvalidArgument, "there is no command");
  return Admitter(request, here, site).run();
}

Result<Admitted> admit(const RunRequest& request, Installation& here,
                       const enforce::Capabilities& kernel) {
  ProbedSite nowhere(kernel);
  return admit(request, here, nowhere);
}

}  // namespace writ::governor
