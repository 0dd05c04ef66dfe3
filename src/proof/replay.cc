#include "proof/replay.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "cose/key.h"
#include "crypto/sha.h"
#include "policy/value_json.h"

namespace writ::proof {
namespace {

constexpr std::size_t kMaxObject = domain::kMaxBundleFile;
constexpr std::int64_t kMaxApart = 600'000;  // ms between a decision and its record
constexpr std::size_t kMaxParsed = 16;

Error differs(const std::string& what) {
  return Error(Code::Conflict, what);
}

// The canonical text of one request in a list of them is found by making it again, so requests
// are compared as text.
Result<UnixMillis> time_in(const policy::Request& request) {
  const std::optional<policy::ValueRef> time = request.context.ref().find("time");
  if (!time || time->kind() != policy::Kind::Datetime) {
    return Error(Code::Malformed, "the recorded request has no time");
  }
  return UnixMillis(time->as_number());
}

// What a recorded connect or listen was asked about: TCP or UDP by address, or by the name that had
// led there, or a Unix socket by its path.
Result<permit::EndpointFacts> endpoint_facts_in(const policy::Request& request) {
  const policy::ValueRef context = request.context.ref();
  const auto protocol = context.find("protocol");
  const auto host = context.find("host");
  const auto address = context.find("address");
  const auto port = context.find("port");
  permit::EndpointFacts facts;
  const std::string carried = protocol && protocol->kind() == policy::Kind::String
                                  ? std::string(protocol->as_string())
                                  : std::string();
  if (carried == "unix" && host && host->kind() == policy::Kind::String && !address && !port) {
    facts.protocol = permit::Protocol::Unix;
    facts.host = host->as_string();
    return facts;
  }
  if (carried == "udp") facts.protocol = permit::Protocol::Udp;
  if ((carried != "tcp" && carried != "udp") || !host || host->kind() != policy::Kind::String ||
      !address || address->kind() != policy::Kind::Ip || !port ||
      port->kind() != policy::Kind::Long || port->as_number() < 0 ||
      port->as_number() > UINT16_MAX) {
    return Error(Code::Malformed, "the recorded request names no endpoint");
  }
  facts.address.v4 = !address->as_ip().v6;
  std::transform(address->as_ip().address.begin(), address->as_ip().address.end(),
                 facts.address.bytes.begin(), [](std::uint8_t one) { return std::byte{one}; });
  facts.port = static_cast<std::uint16_t>(port->as_number());
  if (host->as_string() != to_string(facts.address)) facts.host = host->as_string();
  return facts;
}

Result<void> check_time(const ledger::Event& event, UnixMillis decided) {
  const std::int64_t apart = event.time().get() - decided.get();
  if (apart <= kMaxApart && apart >= -kMaxApart) return {};
  return differs("it was decided at another time than it was recorded");
}

}  // namespace

Replay::Replay(ledger::LogSource& source, SideOf side_of)
    : source_(source), side_of_(std::move(side_of)) {}

void Replay::attach(ledger::VerifyOptions& options) {
  options.on_event = [this, before = std::move(options.on_event)](
                         LeafIndex index, const ledger::Event& event, Bytes entry,
                         const std::function<void(ledger::Finding)>& report) {
    if (before) before(index, event, entry, report);
    if (Result<void> again = look(event, entry); !again) {
      ledger::Finding finding;
      finding.kind = again.error().code() == Code::NotFound ? ledger::FindingKind::ObjectMissing
                                                            : ledger::FindingKind::ReplayDiffers;
      finding.index = index;
      finding.event = event.id();
      finding.message = again.error().message();
      report(std::move(finding));
    }
  };
}

Result<ByteVec> Replay::object(const Digest32& digest, const char* what) {
  ByteVec bytes = TRY(source_.object(digest, kMaxObject));
  if (crypto::sha256(bytes) != digest) {
    return differs(std::string("the ") + what + " under objects/ is not what its name says");
  }
  return bytes;
}

Result<std::shared_ptr<const Policy>> Replay::policy_of(const BundleDigest& bundle) {
  const auto found = parsed_.find(bundle);
  if (found != parsed_.end()) return found->second;
  return Error(Code::Conflict, "a decision was made by a policy bundle that no admission named");
}

Result<void> Replay::look(const ledger::Event& event, Bytes entry) {
  using ledger::EventKind;
  switch (event.kind()) {
    case EventKind::Genesis: ledger_ = LedgerId(crypto::sha256(entry).get()); return {};
    case EventKind::Trust: {
      const ledger::Trust& body = *event.as<ledger::Trust>();
      if (body.act == ledger::Trust::Act::Removed) {
        trust_.erase(body.name);
        return {};
      }
      const ByteVec bytes = TRY(object(body.ceiling, "authority record"));
      const AuthorityRecord record = TRY(decode_authority(bytes));
      if (record.name != body.name || cose::key_id(record.key) != body.key) {
        return differs("the authority record is of another authority");
      }
      trust_[body.name] = body.ceiling;
      return {};
    }
    case EventKind::Domain: {
      const ledger::Domain& body = *event.as<ledger::Domain>();
      domains_[body.name] = body.definition;
      return {};
    }
    case EventKind::Policy: {
      const ledger::Policy& body = *event.as<ledger::Policy>();
      const ByteVec payload = TRY(object(Digest32(body.bundle.get()), "policy bundle"));
      const domain::Bundle bundle = TRY(domain::read_bundle_payload(payload));
      if (bundle.generation != body.generation) {
        return differs("the policy bundle is of another generation");
      }
      // The same one may be recorded twice, by a governor that was killed in between.
      std::uint64_t& generation = generations_[body.domain];
      const bool same = body.generation == generation && policies_[body.domain] == body.bundle;
      if (body.generation <= generation && !same) {
        return differs("an older policy bundle came back into force");
      }
      generation = body.generation;
      if (parsed_.size() >= kMaxParsed) parsed_.clear();
      parsed_[body.bundle] = TRY(Policy::parse(bundle));
      policies_[body.domain] = body.bundle;
      return {};
    }
    case EventKind::Revocation: {
      const ledger::Revocation& body = *event.as<ledger::Revocation>();
      if (body.what == ledger::Revocation::What::Permit) {
        revoked_.permits.insert(TRY(id_from_bytes<PermitId>(body.target)));
      } else if (body.what == ledger::Revocation::What::Key) {
        revoked_.keys.insert(TRY(id_from_bytes<KeyId>(body.target)));
      }
      return {};
    }
    case EventKind::Admission: {
      const ledger::Admission& body = *event.as<ledger::Admission>();
      const auto& authority = std::get<ledger::PermitAuthority>(event.authority());
      return admission({event, body.inputs, authority.decision, &body, {}});
    }
    case EventKind::Denial: {
      const ledger::Denial& body = *event.as<ledger::Denial>();
      if (!body.inputs || !body.decision) return {};
      return admission({event, *body.inputs, *body.decision, nullptr, body.reason});
    }
    case EventKind::Exec: return exec(event, *event.as<ledger::Exec>());
    case EventKind::Connect: {
      const ledger::Connect& body = *event.as<ledger::Connect>();
      return endpoint(event, permit::Way::Connect, body.protocol, body.endpoint);
    }
    case EventKind::Listen: {
      const ledger::Listen& body = *event.as<ledger::Listen>();
      return endpoint(event, permit::Way::Listen, body.protocol, body.endpoint);
    }
    case EventKind::Refusal: return refusal(event, *event.as<ledger::Refusal>());
    case EventKind::Continuity:
    case EventKind::End:
    case EventKind::Interrupted: {
      const auto run = runs_.find(event.id().run);
      const auto& authority = std::get<ledger::PermitAuthority>(event.authority());
      const bool known = run != runs_.end();
      const bool equal = known && run->second.decision == authority.decision;
      if (event.kind() != EventKind::Continuity && known) runs_.erase(run);
      if (known && !equal) return differs("it names another decision than the run's admission");
      return {};
    }
    default: return {};
  }
}

Result<void> Replay::admission(const Decided& decided) {
  const ByteVec inputs_bytes = TRY(object(decided.inputs, "decision's inputs"));
  const AdmissionInputs inputs = TRY(decode_inputs(inputs_bytes));
  if (!ledger_ || inputs.ledger != *ledger_) return differs("it was decided for another ledger");
  TRY(check_time(decided.event, inputs.time));

  // The domain and its authorities, as the log had them by then.
  const ByteVec definition = TRY(object(inputs.domain_definition, "domain definition"));
  const domain::Domain domain = TRY(domain::decode_domain(definition));
  if (domain.name != inputs.domain) return differs("the domain definition is of another domain");
  std::vector<permit::Authority> authorities;
  for (const Digest32& digest : inputs.authorities) {
    const ByteVec bytes = TRY(object(digest, "authority record"));
    AuthorityRecord record = TRY(decode_authority(bytes));
    permit::Ceiling ceiling = TRY(domain::parse_ceiling(record.ceiling, record.name + ".toml"));
    authorities.push_back({record.name, record.key, std::move(ceiling)});
  }
  const bool as_defined = std::equal(
      authorities.begin(), authorities.end(), domain.authorities.begin(), domain.authorities.end(),
      [](const permit::Authority& a, const std::string& name) { return a.name == name; });
  if (!as_defined) return differs("the authorities are not those of the domain");
  const ByteVec bundle_file = TRY(object(inputs.bundle_file, "signed policy bundle"));
  const domain::VerifiedBundle bundle = TRY(domain::verify_bundle(bundle_file, authorities));
  if (bundle.digest() != inputs.bundle) return differs("the policy bundle is another one");
  if (parsed_.find(inputs.bundle) == parsed_.end()) {
    if (parsed_.size() >= kMaxParsed) parsed_.clear();
    parsed_[inputs.bundle] = TRY(Policy::parse(bundle.bundle()));
  }
  const Policy& policy = *parsed_[inputs.bundle];

  // The permit.
  const ByteVec file = TRY(object(inputs.permit_file, "permit"));
  const permit::Read read = permit::read_permit(file);
  if (const Denial* no = std::get_if<Denial>(&read)) {
    return differs("the permit does not read: " + no->because);
  }
  const permit::Permit& permit = std::get<permit::Permit>(read);
  permit::VerifyContext context;
  context.now = seconds_of(inputs.time);
  context.domain = inputs.domain;
  context.ledger = *ledger_;
  context.authorities = authorities;
  context.policy = inputs.bundle;
  context.revoked = &revoked_;
  context.uses_taken = [&](const PermitId&) -> Result<std::uint64_t> { return inputs.uses_taken; };
  const std::optional<Denial> refused = TRY(permit::check(permit, context));
  if (refused) return differs("the permit does not verify: " + refused->because);
  std::string authority;
  for (const permit::Authority& one : authorities) {
    if (cose::key_id(one.key) == permit.signer) authority = one.name;
  }

  // The decision.
  const permit::Limits limits = domain::effective_limits(permit.claims.grant.limits, domain);
  const Facts facts = facts_of(permit.claims, permit.id, authority, inputs.domain, inputs.tier);
  const std::vector<Question> questions =
      admission_questions(facts, permit.claims.grant, limits, inputs.time);
  const std::string asked = TRY(questions_text(questions));
  if (asked != inputs.requests) return differs("policy was asked other questions");
  std::shared_ptr<const policy::PolicySet> when = TRY(parse_when(permit.claims.when, &policy));
  const Answer answer = TRY(ask(policy, when.get(), facts, questions));
  const DecisionRecord record = record_of("admit", decided.inputs, answer);
  if (decision_digest(record) != decided.decision) {
    return differs("policy now decides otherwise than was recorded");
  }
  (void)TRY(object(decided.decision, "decision"));
  if (decided.admission == nullptr) {
    if (answer.denial && answer.denial->reason != decided.reason) {
      return differs("the denial gives another reason than its decision");
    }
    ++counts_.replayed;
    return {};
  }

  // What an admission says besides.
  const ledger::Admission& body = *decided.admission;
  const RunId& run = decided.event.id().run;
  if (!answer.allowed) return differs("a run was admitted that policy denies");
  if (body.domain != inputs.domain || body.domain_definition != inputs.domain_definition ||
      body.policy != inputs.bundle || body.permit_file != inputs.permit_file ||
      body.tier != inputs.tier || body.chain != std::vector<PermitId>{permit.id} ||
      std::get<ledger::PermitAuthority>(decided.event.authority()).permit != permit.id) {
    return differs("the admission names other things than its decision");
  }
  for (std::size_t i = 0; i < authorities.size(); ++i) {
    const auto known = trust_.find(authorities[i].name);
    if (known == trust_.end() || known->second != inputs.authorities[i]) {
      return differs("the log does not record trust in authority `" +
                     printable(authorities[i].name) + "` as it was used");
    }
  }
  const auto defined = domains_.find(inputs.domain);
  if (defined == domains_.end() || defined->second != inputs.domain_definition) {
    return differs("the log does not record this definition of the domain");
  }
  const auto in_force = policies_.find(inputs.domain);
  if (in_force == policies_.end() || in_force->second != inputs.bundle) {
    return differs("the log does not record this policy bundle as in force");
  }
  if (permit.claims.uses && inputs.uses_taken < admissions_[permit.id]) {
    return differs("more admissions under the permit were recorded than were counted");
  }
  ++admissions_[permit.id];
  (void)TRY(object(body.plan, "plan"));
  if (permit.claims.holder) {
    if (!body.possession) return differs("the holder's proof of possession is missing");
    const ByteVec proof = TRY(object(*body.possession, "proof of possession"));
    const permit::Intent intent = TRY(permit::read_possession(proof, *permit.claims.holder));
    if (intent.permit != permit.id || intent.ledger != *ledger_ || intent.domain != inputs.domain ||
        intent.time != seconds_of(inputs.time)) {
      return differs("the holder's proof is for something else");
    }
    if (std::optional<ledger::Side> side = side_of_(decided.event.id())) {
      TRY(side->check("argv", body.argv));
      TRY(side->check("env", body.env));
      TRY(side->check("cwd", body.cwd));
      const std::vector<std::string> argv = TRY(ledger::decode_list(*side->get("argv")));
      const std::vector<std::string> env = TRY(ledger::decode_list(*side->get("env")));
      if (intent.argv != permit::digest_texts(argv) ||
          intent.environment != permit::digest_texts(env) ||
          intent.directory != permit::digest_text(as_text(*side->get("cwd")))) {
        return differs("the holder's proof is for another command");
      }
    }
  }
  runs_[run] = OpenRun{permit.claims, facts, decided.decision, inputs.bundle, std::move(when)};
  ++counts_.replayed;
  return {};
}

// The decision over one recorded request, made again and compared by its digest.
Result<void> Replay::decided_again(const std::string& action, const ledger::Event& event,
                                   const Asked& asked, const policy::Request& request, bool allowed,
                                   Reason reason) {
  const OpenRun& run = *asked.run;
  const auto& authority = std::get<ledger::PermitAuthority>(event.authority());
  std::vector<BundleDigest> bundles = {run.bundle};
  const auto in_force = policies_.find(run.facts.domain);
  if (in_force != policies_.end() && in_force->second != run.bundle) {
    bundles.push_back(in_force->second);
  }
  const bool asked_policy =
      allowed || reason == Reason::PolicyDenied || reason == Reason::PolicyError;
  for (const BundleDigest& bundle : bundles) {
    const Digest32 inputs =
        crypto::sha256(encode_exec_inputs(asked.text, bundle, asked.side.salt()));
    Answer answer;
    if (asked_policy) {
      Result<std::shared_ptr<const Policy>> policy = policy_of(bundle);
      if (!policy) continue;
      answer = TRY(ask(**policy, run.when.get(), run.facts, {Question{request, ""}}));
      if (answer.allowed != allowed) continue;
    } else {
      answer.denial = Denial{reason, "", "", ""};
    }
    if (answer.denial) answer.denial->reason = reason;
    if (decision_digest(record_of(action, inputs, answer)) == authority.decision) {
      ++counts_.replayed;
      return {};
    }
  }
  return differs("the decision made again is not the recorded one");
}

// What a gate was asked, with the clear text of it; nothing where its run has no admission (a
// finding of its own) or the clear text was erased (counted).
Result<std::optional<Replay::Asked>> Replay::asked(const ledger::Event& event) {
  const auto run = runs_.find(event.id().run);
  if (run == runs_.end()) return std::optional<Asked>();
  std::optional<ledger::Side> side = side_of_(event.id());
  if (!side || side->get("request") == nullptr) {
    ++counts_.not_replayable;
    return std::optional<Asked>();
  }
  std::string text(as_text(*side->get("request")));
  policy::Request request = TRY(policy::Request::parse_json(text));
  const UnixMillis time = TRY(time_in(request));
  TRY(check_time(event, time));
  return std::optional(
      Asked{&run->second, std::move(*side), std::move(text), std::move(request), time});
}

Result<void> Replay::exec(const ledger::Event& event, const ledger::Exec& body) {
  const auto started = runs_.find(event.id().run);
  const bool first = started != runs_.end() && !std::exchange(started->second.started, true);
  const std::optional<Asked> asked = TRY(this->asked(event));
  if (!asked) return {};
  const ledger::Side& side = asked->side;
  TRY(side.check("argv", body.argv));
  TRY(side.check("env", body.env));
  TRY(side.check("cwd", body.cwd));
  permit::ExecFacts facts;
  facts.program = body.path;
  facts.digest = body.file;
  facts.argv = TRY(ledger::decode_list(*side.get("argv")));
  facts.environment = TRY(ledger::decode_list(*side.get("env")));
  facts.directory = as_text(*side.get("cwd"));
  if (body.script) {
    const std::optional<policy::ValueRef> path = asked->request.context.ref().find("script");
    if (!path || path->kind() != policy::Kind::String) {
      return differs("the recorded request does not name the script");
    }
    facts.scripts.push_back({std::string(path->as_string()), *body.script});
  }
  const permit::ExecMatch match = permit::match_exec(asked->run->claims.grant, facts);
  if (const Denial* no = std::get_if<Denial>(&match)) {
    return differs("the permit does not grant what was executed: " + no->because);
  }
  if (std::get<permit::ExecAllowed>(match).produced != body.produced) {
    return differs("the entry says otherwise whether the run made the program itself");
  }
  const Question again = exec_question(asked->run->facts, facts, body.produced, first, asked->time);
  const std::string canonical = TRY(policy::to_json(again.request));
  if (canonical != asked->text)
    return differs("policy was asked about something else than was executed");
  return decided_again("exec", event, *asked, again.request, true, Reason::NotGranted);
}

Result<void> Replay::endpoint(const ledger::Event& event, permit::Way way,
                              const std::string& protocol, const Digest32& endpoint) {
  const std::optional<Asked> asked = TRY(this->asked(event));
  if (!asked) return {};
  const std::string done = way == permit::Way::Listen ? "listened at" : "connected to";
  TRY(asked->side.check("endpoint", endpoint));
  const std::string_view text = as_text(*asked->side.get("endpoint"));
  const permit::EndpointFacts facts = TRY(endpoint_facts_in(asked->request));
  if (permit::endpoint_text(facts) != text || !text.starts_with(protocol + ":")) {
    return differs("policy was asked about another endpoint than was " + done);
  }
  const permit::EndpointMatch match = permit::match_endpoint(asked->run->claims.grant, way, facts);
  if (const Denial* no = std::get_if<Denial>(&match)) {
    return differs("the permit does not grant what was " + done + ": " + no->because);
  }
  const Question again = endpoint_question(asked->run->facts, way, facts, asked->time);
  const std::string canonical = TRY(policy::to_json(again.request));
  if (canonical != asked->text) {
    return differs("policy was asked about something else than was recorded");
  }
  return decided_again(permit::way_name(way), event, *asked, again.request, true,
                       Reason::NotGranted);
}

Result<void> Replay::refusal(const ledger::Event& event, const ledger::Refusal& body) {
  const std::optional<Asked> asked = TRY(this->asked(event));
  if (!asked) return {};
  TRY(asked->side.check("asked", body.asked));
  return decided_again(body.gate, event, *asked, asked->request, false, body.reason);
}

}  // namespace writ::proof
