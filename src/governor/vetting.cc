#include "governor/vetting.h"

#include <dirent.h>

#include <algorithm>
#include <array>
#include <memory>

#include "cose/key.h"
#include "crypto/sha.h"
#include "governor/denial.h"

namespace writ::governor {
namespace {

constexpr std::size_t kMaxStoredPermits = 10'000;
constexpr const char* kTier = "sandbox";

}  // namespace

std::string command_line(const std::vector<std::string>& command) {
  std::string line;
  for (const std::string& word : command) line += (line.empty() ? "" : " ") + word;
  return printable(line, 120);
}

bool has_seconds_left(const permit::Permit& permit, UnixSeconds now) {
  return now < permit.claims.expires &&
         (!permit.claims.not_before || *permit.claims.not_before <= now);
}

std::vector<StoredPermit> stored_permits(const Home& home, const std::string& domain) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(home.permits().c_str()), ::closedir);
  std::vector<std::string> names;
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(".permit") && names.size() < kMaxStoredPermits) names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  std::vector<StoredPermit> permits;
  for (const std::string& name : names) {
    Result<ByteVec> file = read_file(home.permits() + "/" + name, permit::kMaxPermitFile);
    if (!file) continue;
    permit::Read read = permit::read_permit(*file);
    permit::Permit* stated = std::get_if<permit::Permit>(&read);
    if (stated == nullptr) continue;
    const std::vector<std::string>& audience = stated->claims.audience;
    if (std::find(audience.begin(), audience.end(), domain) == audience.end()) continue;
    permits.push_back({name.substr(0, 8), std::move(*file), std::move(*stated)});
  }
  return permits;
}

Result<Objection> Vetting::run(const RunRequest& request, Site& site) {
  if (Objection no = TRY(stand())) return no;
  Result<std::string> program =
      find_program(request.command.at(0), request.directory, request.environment);
  if (!program) {
    found.no_program = true;
    return Objection(
        deny(Reason::NoPermit, asked_, program.error().message(), "check its name and PATH"));
  }
  if (request.unreadable) return Objection(*request.unreadable);
  ByteVec file = request.permit_file;
  if (file.empty()) {
    Objection none;
    file = TRY(pick(request, *program, none));
    if (none) return none;
  }
  if (Objection no = TRY(read(file))) {
    // A file that is no permit is best called by the name that it was given.
    if (!found.stated && !request.permit_name.empty()) {
      no->asked = "use the permit " + printable(request.permit_name);
    }
    return no;
  }
  if (Objection no = TRY(prove(request, *program, file))) return no;
  if (Objection no = TRY(decide())) return no;
  return compile(request, site);
}

// The domain, its authorities, its policy; the state under the lock.
Result<Objection> Vetting::stand() {
  MaybeStanding maybe = TRY(load_standing(here_.home, domain_));
  if (Denial* refusal = std::get_if<Denial>(&maybe)) return Objection(std::move(*refusal));
  found.standing = std::move(std::get<Standing>(maybe));
  const Result<void> looked =
      here_.store->with_lock([&](ledger::LockedState& state) -> Result<void> {
        if (purpose_ == Purpose::Admit) (void)TRY(sweep(state, here_.storage, here_.home.state));
        found.revocations = TRY(read_revocations(state));
        return {};
      });
  if (!looked) return Objection(ledger_denial(looked.error(), asked_));
  found.time = here_.clock.now();
  return Objection();
}

permit::VerifyContext Vetting::context() {
  revoked_ = {found.revocations.permits, found.revocations.keys};
  permit::VerifyContext context;
  context.now = seconds_of(found.time);
  context.domain = found.standing->domain.name;
  context.ledger = here_.store->ledger_id();
  context.authorities = found.standing->authorities;
  context.policy = found.standing->bundle;
  context.revoked = &revoked_;
  context.uses_taken = [this](const PermitId& id) -> Result<std::uint64_t> {
    const auto count = [&](ledger::LockedState& state) -> Result<void> {
      found.uses = TRY(uses_taken(state, id));
      return {};
    };
    TRY(here_.store->with_lock(count));
    return found.uses;
  };
  return context;
}

// The signature first: nothing of the grant is used before it holds.
Result<Objection> Vetting::read(Bytes file) {
  permit::Read read = permit::read_permit(file);
  if (const Denial* refusal = std::get_if<Denial>(&read)) return Objection(*refusal);
  found.stated = std::move(std::get<permit::Permit>(read));
  Result<Objection> checked = permit::check(*found.stated, context());
  if (!checked) return Objection(ledger_denial(checked.error(), asked_));
  return std::move(*checked);
}

// The command that the permit names, and what its holder signs of it.
Result<Objection> Vetting::prove(const RunRequest& request, const std::string& program,
                                 Bytes file) {
  const permit::Claims& claims = found.stated->claims;
  Result<Chosen> chosen =
      choose(claims.grant, program, request.command, request.environment, request.directory);
  if (!chosen) {
    return Objection(deny(Reason::NotGranted, asked_, chosen.error().message(),
                          "check the program, or grant what it needs"));
  }
  if (const Denial* refusal = std::get_if<Denial>(&*chosen)) return Objection(*refusal);
  found.command = std::move(std::get<Command>(*chosen));
  const permit::ExecFacts& facts = found.command->facts;

  const permit::VerifyContext here_and_now = context();
  ByteVec nonce(32);
  here_.random.fill(nonce);
  if (claims.holder) {
    permit::Intent intent;
    intent.permit = found.stated->id;
    intent.ledger = here_and_now.ledger;
    intent.domain = here_and_now.domain;
    intent.time = here_and_now.now;
    intent.nonce = nonce;
    intent.argv = permit::digest_texts(request.command);
    intent.environment = permit::digest_texts(facts.environment);
    intent.directory = permit::digest_text(facts.directory);
    found.possession = TRY(permit::prove_possession(intent, here_.runner));
  }
  permit::Evidence evidence;
  evidence.proof = found.possession;
  evidence.argv = request.command;
  evidence.environment = facts.environment;
  evidence.directory = facts.directory;
  evidence.nonce = nonce;
  Result<permit::Verified> verified = permit::verify(file, here_and_now, evidence);
  if (!verified) return Objection(ledger_denial(verified.error(), asked_));
  if (const Denial* refusal = std::get_if<Denial>(&*verified)) return Objection(*refusal);
  found.permit.emplace(std::move(std::get<permit::VerifiedPermit>(*verified)));
  return Objection();
}

Result<Objection> Vetting::decide() {
  const permit::Permit& permit = *found.stated;
  const permit::Claims& claims = permit.claims;
  const Standing& standing = *found.standing;
  Result<std::shared_ptr<const policy::PolicySet>> when =
      proof::parse_when(claims.when, standing.policy.get());
  if (!when) {
    return Objection(
        deny(Reason::PolicyInvalid, asked_, when.error().message(),
             "issue the permit again with a `when` that holds only forbid policies and validates "
             "under the domain's schema"));
  }
  found.when = std::move(*when);
  found.limits = domain::effective_limits(claims.grant.limits, standing.domain);
  const auto issuer = std::find_if(
      standing.authorities.begin(), standing.authorities.end(),
      [&](const permit::Authority& one) { return cose::key_id(one.key) == permit.signer; });
  WRIT_ASSERT(issuer != standing.authorities.end());  // the permit's check has found it
  found.facts = proof::facts_of(claims, permit.id, issuer->name, standing.domain.name, kTier);
  const std::vector<proof::Question> questions =
      proof::admission_questions(found.facts, claims.grant, found.limits, found.time);

  proof::AdmissionInputs& inputs = found.inputs;
  inputs.time = found.time;
  inputs.domain = standing.domain.name;
  inputs.ledger = here_.store->ledger_id();
  inputs.tier = kTier;
  inputs.uses_taken = found.uses;
  inputs.domain_definition = domain::domain_digest(standing.domain);
  inputs.bundle = standing.bundle;
  inputs.bundle_file = crypto::sha256(standing.bundle_file);
  inputs.permit_file = crypto::sha256(permit.file);
  inputs.requests = TRY(proof::questions_text(questions));
  found.objects = {permit.file, standing.bundle_file, standing.bundle_payload,
                   domain::encode_domain(standing.domain)};
  for (const proof::AuthorityRecord& record : standing.records) {
    found.objects.push_back(proof::encode_authority(record));
    inputs.authorities.push_back(crypto::sha256(found.objects.back()));
  }
  found.objects.push_back(proof::encode_inputs(inputs));
  const Digest32 inputs_digest = crypto::sha256(found.objects.back());
  const proof::Answer answer =
      TRY(proof::ask(*standing.policy, found.when.get(), found.facts, questions));
  found.decision = proof::record_of("admit", inputs_digest, answer);
  found.objects.push_back(proof::encode_decision(*found.decision));
  if (answer.allowed) return Objection();
  WRIT_ASSERT(answer.denial.has_value());
  return Objection(*answer.denial);
}

Result<Objection> Vetting::compile(const RunRequest& request, Site& site) {
  const Reserved reserved = TRY(Reserved::find(here_.home, here_.account));
  std::array<std::byte, 10> random{};
  here_.random.fill(random);
  const CompileRequest compiling{.run = make_run_id(found.time, random),
                                 .grant = found.permit->grant(),
                                 .limits = found.limits,
                                 .least_tier = found.standing->domain.least_tier,
                                 .reserved = reserved,
                                 .who = here_.who,
                                 .program = found.command->program,
                                 .argv = request.command,
                                 .environment = found.command->facts.environment,
                                 .directory = found.command->facts.directory,
                                 .terminal = request.terminal};
  Compiled compiled = TRY(governor::compile(compiling, site.kernel()));
  if (const Denial* refusal = std::get_if<Denial>(&compiled)) return Objection(*refusal);
  found.plan = std::move(std::get<enforce::Plan>(compiled));
  return Objection();
}

// pick finds the one stored permit that fits; otherwise `none` says what is wrong.
Result<ByteVec> Vetting::pick(const RunRequest& request, const std::string& program,
                              Objection& none) {
  std::vector<StoredPermit> fits;
  std::vector<StoredPermit> late;
  Objection nearest;
  for (StoredPermit& stored : stored_permits(here_.home, domain_)) {
    Result<Chosen> chosen = choose(stored.stated.claims.grant, program, request.command,
                                   request.environment, request.directory);
    if (!chosen) continue;
    const bool in_time = has_seconds_left(stored.stated, seconds_of(found.time));
    if (const Denial* no = std::get_if<Denial>(&*chosen)) {
      if (no->reason != Reason::NotGranted && in_time) nearest = *no;
      continue;
    }
    (in_time ? fits : late).push_back(std::move(stored));
  }
  if (fits.size() == 1) return std::move(fits[0].file);
  if (fits.size() > 1) {
    std::string which;
    for (const StoredPermit& fit : fits) which += (which.empty() ? "" : ", ") + fit.name;
    none = deny(Reason::NoPermit, asked_, "more than one stored permit fits: " + which,
                "writ run --permit " + fits[0].name + " -- " + command_line(request.command));
    return ByteVec();
  }
  if (nearest) {
    none = std::move(nearest);
    return ByteVec();
  }
  if (!late.empty()) return std::move(late.back().file);  // its check says what is wrong with it
  none = deny(Reason::NoPermit, asked_, "a command runs here only under a permit that names it",
              "write a request JOB.toml that names it, then:  writ permit issue JOB.toml");
  return ByteVec();
}

}  // namespace writ::governor
