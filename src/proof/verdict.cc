#include "proof/verdict.h"

#include <algorithm>

#include "crypto/pem.h"
#include "json/read.h"
#include "json/write.h"
#include "ledger/checkpoint.h"

namespace writ::proof {
namespace {

json::Value answer() {
  json::Value value = json::Value::object();
  value.set("schema", 0);
  return value;
}

json::Value no_answer(const Error& error) {
  json::Value body = json::Value::object();
  body.set("code", code_name(error.code())).set("message", printable(error.message(), 1000));
  json::Value value = answer();
  value.set("error", std::move(body));
  return value;
}

Error senseless(const std::string& what) {
  return {Code::InvalidArgument, "the request: " + what};
}

Result<void> only(const json::Value& value, const std::string& what,
                  std::initializer_list<std::string_view> names) {
  if (value.as_object() == nullptr) return senseless(what + " is no object");
  for (const json::Member& member : *value.as_object()) {
    if (std::find(names.begin(), names.end(), member.name) == names.end()) {
      return senseless("`" + printable(member.name, 40) + "` is not known in " + what);
    }
  }
  return {};
}

// The text of a member, or null when it is not there.
Result<const std::string*> text_of(const json::Value& value, const char* name) {
  const json::Value* found = value.find(name);
  if (found == nullptr) return nullptr;
  if (found->as_string() == nullptr) return senseless("`" + std::string(name) + "` is no text");
  return found->as_string();
}

struct Request {
  Trusted trusted;
  std::vector<std::string> authorities;  // their names
  bool by_policy = false;
};

Result<void> read_authorities(const json::Value& value, Request& request) {
  const json::Value* trust = value.find("trust");
  const json::Value::Array* keys = trust == nullptr ? nullptr : trust->as_array();
  if (keys == nullptr || keys->empty()) {
    return senseless("whom to trust?  `trust` needs the public key of an authority");
  }
  if (keys->size() > kMaxTrusted) {
    return senseless("at most " + std::to_string(kMaxTrusted) + " keys in `trust`");
  }
  for (const json::Value& one : *keys) {
    TRY(only(one, "a key of `trust`", {"name", "pem"}));
    const std::string* name = TRY(text_of(one, "name"));
    const std::string* pem = TRY(text_of(one, "pem"));
    if (name == nullptr || pem == nullptr) return senseless("a key needs `name` and `pem`");
    Result<crypto::PublicKey> key = crypto::public_key_from_pem(*pem);
    if (!key) return senseless(printable(*name, 100) + ": " + key.error().message());
    request.authorities.push_back(*name);
    request.trusted.authorities.push_back(*key);
  }
  return {};
}

Result<void> read_logs(const json::Value& value, Request& request) {
  const std::string* key = TRY(text_of(value, "log_key"));
  const std::string* policy = TRY(text_of(value, "policy"));
  if ((key == nullptr) == (policy == nullptr)) {
    return senseless("whom to trust?  either `log_key` or `policy`");
  }
  request.by_policy = policy != nullptr;
  if (policy != nullptr) {
    if (policy->size() > ledger::kMaxTrustPolicy) return senseless("`policy` is too long");
    Result<ledger::TrustPolicy> read = ledger::parse_trust_policy(*policy);
    if (!read) return senseless("`policy`: " + read.error().message());
    request.trusted.logs = std::move(*read);
    return {};
  }
  const Result<ledger::VerifierKey> read = ledger::parse_vkey(*key);
  if (!read) return senseless("`log_key`: " + read.error().message());
  request.trusted.logs = ledger::policy_of(*read);
  return {};
}

Result<Request> read_request(std::string_view text) {
  const json::Value value = TRY(json::read(text, {.bytes = kMaxRequest}));
  TRY(only(value, "it", {"trust", "log_key", "policy", "head"}));
  Request request;
  TRY(read_authorities(value, request));
  TRY(read_logs(value, request));
  if (const std::string* head = TRY(text_of(value, "head"))) {
    const auto read = [&]() -> Result<ledger::Checkpoint> {
      const ledger::Note note = TRY(ledger::parse_note(as_bytes(std::string_view(*head))));
      return ledger::parse_checkpoint(note.text);
    };
    Result<ledger::Checkpoint> checkpoint = read();
    if (!checkpoint) return senseless("`head`: " + checkpoint.error().message());
    request.trusted.head = std::move(*checkpoint);
  }
  return request;
}

json::Value of_step(const StepResult& one) {
  const Meaning& meaning = meaning_of(one.step);
  json::Value step = json::Value::object();
  step.set("step", meaning.name).set("outcome", outcome_name(one.outcome));
  step.set("says", printable(one.says, 1000)).set("proves", meaning.proves);
  step.set("does_not", meaning.does_not).set("rests_on", meaning.rests_on);
  return step;
}

json::Value of_finding(const ledger::Finding& finding) {
  json::Value one = json::Value::object();
  one.set("kind", ledger::finding_name(finding.kind));
  if (finding.index) one.set("entry", finding.index->get());
  one.set("message", printable(finding.message, 1000));
  return one;
}

}  // namespace

json::Value verdict(const ProofBundle& bundle, const Checklist& list, std::string_view trusting) {
  json::Value value = answer();
  value.set("ok", list.verified()).set("run", to_string(bundle.run));
  json::Value steps = json::Value::array();
  for (const StepResult& one : list.steps) steps.push(of_step(one));
  value.set("steps", std::move(steps));
  json::Value findings = json::Value::array();
  for (const ledger::Finding& finding : list.findings) findings.push(of_finding(finding));
  value.set("findings", std::move(findings)).set("replayed", list.replay.replayed);
  value.set("not_replayable", list.replay.not_replayable);
  value.set("trusting", trusting);
  return value;
}

json::Value no_bundle(const Error& error) {
  json::Value value = answer();
  value.set("ok", false).set("because", error.message());
  return value;
}

std::string trusting(const std::vector<std::string>& authorities, bool by_policy,
                     const Checklist& list) {
  std::string text;
  for (const std::string& name : authorities) text += printable(name, 100) + " (given), ";
  text += by_policy ? "logs of the policy (given)" : "log key (given)";
  text += ", witnesses: ";
  for (std::size_t i = 0; i < list.witnesses.size(); ++i) {
    text += (i == 0 ? "" : " ") + list.witnesses[i];
  }
  return text + (list.witnesses.empty() ? "none" : "");
}

std::string check_file(Bytes file, std::string_view request) {
  const Result<ProofBundle> bundle = decode_proof(file);
  if (!bundle) return json::write(no_bundle(bundle.error()));
  const Result<Request> asked = read_request(request);
  if (!asked) return json::write(no_answer(asked.error()));
  const Checklist list = check_proof(*bundle, asked->trusted);
  return json::write(verdict(*bundle, list, trusting(asked->authorities, asked->by_policy, list)));
}

}  // namespace writ::proof
