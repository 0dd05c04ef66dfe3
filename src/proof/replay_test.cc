// Every kind of altered record is found: a small true history is made, one thing of it is changed,
// and replay must say so. What an attacker can reach is everything here but the log's own
// signature, which ledger/verify_test covers.
#include "proof/replay.h"

#include <gtest/gtest.h>

#include "cose/key.h"
#include "crypto/sha.h"
#include "proof/testing_internal.h"

namespace writ::proof {
namespace {

using ledger::EventId;
using ledger::PermitAuthority;

Array32 filled(unsigned char byte) {
  Array32 raw{};
  raw.fill(std::byte{byte});
  return raw;
}

class ReplayTest : public testing::Test, protected History {
 protected:
  // What replay finds in the history, as "AT: message".
  std::vector<std::string> findings() {
    std::vector<std::string> found;
    Replay replay(objects, [&](const EventId& id) -> std::optional<ledger::Side> {
      const auto side = sides.find(id);
      if (side == sides.end()) return std::nullopt;
      return side->second;
    });
    ledger::VerifyOptions options;
    replay.attach(options);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const ledger::Event event = event_of(entries[i]);
      const ByteVec bytes = ledger::encode_event(event).value();
      options.on_event(LeafIndex(i), event, bytes, [&](const ledger::Finding& finding) {
        EXPECT_EQ(finding.index, LeafIndex(i));
        found.push_back(std::to_string(i) + ": " + finding.message);
      });
    }
    counts = replay.counts();
    return found;
  }
  // The one finding that there must be, at entry `at`, with these words.
  void expect_found(std::size_t at, const std::string& words) {
    const std::vector<std::string> found = findings();
    ASSERT_FALSE(found.empty()) << "nothing found; expected: " << words;
    EXPECT_TRUE(found[0].starts_with(std::to_string(at) + ": ")) << found[0];
    EXPECT_NE(found[0].find(words), std::string::npos) << found[0];
  }

  ReplayCounts counts;
};

TEST_F(ReplayTest, ATrueHistoryReplaysWhole) {
  make();
  for (const std::string& finding : findings()) ADD_FAILURE() << finding;
  EXPECT_EQ(counts.replayed, 5U);
  EXPECT_EQ(counts.not_replayable, 0U);
}

TEST_F(ReplayTest, ErasedClearTextIsCountedAndNotJudged) {
  make();
  sides.clear();
  EXPECT_TRUE(findings().empty());
  EXPECT_EQ(counts.replayed, 1U);
  EXPECT_EQ(counts.not_replayable, 4U);
}

TEST_F(ReplayTest, EveryObjectIsNeededAndHeldAgainstItsName) {
  make();
  const std::map<Digest32, ByteVec> whole = objects.objects;
  for (const auto& [digest, bytes] : whole) {
    objects.objects = whole;
    objects.objects.erase(digest);
    EXPECT_FALSE(findings().empty()) << "missing: " << to_hex(digest);
    objects.objects = whole;
    objects.objects[digest].back() ^= std::byte{1};
    EXPECT_FALSE(findings().empty()) << "altered: " << to_hex(digest);
  }
}

// What stands.

TEST_F(ReplayTest, AnAuthorityRecordOfAnotherKeyIsFound) {
  make();
  body_at<ledger::Trust>(1).key = cose::key_id(stranger.public_key());
  expect_found(1, "of another authority");
}

TEST_F(ReplayTest, AnAuthorityRecordOfAnotherNameIsFound) {
  make();
  body_at<ledger::Trust>(1).name = "me";
  expect_found(1, "of another authority");
}

TEST_F(ReplayTest, TrustThatTheLogDoesNotRecordIsFound) {
  make();
  entries[1].body = ledger::Revocation{ledger::Revocation::What::Key, ByteVec(32, std::byte{9}),
                                       Digest32(filled(1))};
  expect_found(admission_at, "does not record trust in authority `you`");
}

TEST_F(ReplayTest, AnAdmissionByAnAuthorityThatWasRemovedIsFound) {
  make();
  Entry removed = entries[1];
  std::get<ledger::Trust>(removed.body).act = ledger::Trust::Act::Removed;
  entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(admission_at), removed);
  expect_found(admission_at + 1, "does not record trust in authority `you`");
}

TEST_F(ReplayTest, ADefinitionThatTheLogDoesNotRecordIsFound) {
  make();
  body_at<ledger::Domain>(2).definition = objects.keep(as_bytes(std::string_view("x")));
  expect_found(admission_at, "does not record this definition of the domain");
}

TEST_F(ReplayTest, ABundleThatIsNotTheOneInForceIsFound) {
  make();
  domain::Bundle second = bundle;
  second.generation = 2;
  const std::size_t count = entries.size();
  put_bundle(second);
  const Entry policy = entries[count];
  entries.pop_back();
  entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(admission_at), policy);
  expect_found(admission_at + 1, "does not record this policy bundle as in force");
}

TEST_F(ReplayTest, ABundleOfAnotherGenerationThanRecordedIsFound) {
  make();
  body_at<ledger::Policy>(3).generation = 2;
  expect_found(3, "of another generation");
}

TEST_F(ReplayTest, AnOlderBundleThatComesBackIntoForceIsFound) {
  make();
  domain::Bundle second = bundle;
  second.generation = 2;
  put_bundle(second);
  const std::size_t back = entries.size();
  put_bundle(bundle);
  expect_found(back, "an older policy bundle came back into force");
  entries.pop_back();
  entries.push_back(entries.back());
  EXPECT_TRUE(findings().empty()) << "recorded again, as after a crash";
}

TEST_F(ReplayTest, ABundleThatDoesNotValidateIsFound) {
  make();
  domain::Bundle wrong = bundle;
  wrong.generation = 2;
  wrong.policies += "forbid (principal, action, resource) when { context.depht > 1 };";
  const std::size_t at = entries.size();
  put_bundle(wrong);
  expect_found(at, "depht");
}

// The admission.

TEST_F(ReplayTest, ADecisionForAnotherLedgerIsFound) {
  Hooks hooks;
  hooks.inputs = [](AdmissionInputs& in) { in.ledger = LedgerId(filled(9)); };
  make(hooks);
  expect_found(admission_at, "for another ledger");
}

TEST_F(ReplayTest, ADecisionOfAnotherTimeIsFound) {
  for (const std::int64_t apart : {-3'600'000, 3'600'000}) {
    make();
    entries[admission_at].time += apart;
    expect_found(admission_at, "at another time");
    entries.clear();
  }
}

TEST_F(ReplayTest, ADefinitionOfAnotherDomainIsFound) {
  definition.name = "other";
  make();
  expect_found(admission_at, "of another domain");
}

TEST_F(ReplayTest, OtherAuthoritiesThanTheDomainsAreFound) {
  Hooks hooks;
  hooks.inputs = [this](AdmissionInputs& in) {
    in.authorities.push_back(
        objects.keep(encode_authority({"me", stranger.public_key(), "ceiling = \"anything\"\n"})));
  };
  make(hooks);
  expect_found(admission_at, "not those of the domain");
}

TEST_F(ReplayTest, ABundleThatNoAuthoritySignedIsFound) {
  Hooks hooks;
  hooks.inputs = [this](AdmissionInputs& in) {
    in.bundle_file = objects.keep(domain::sign_bundle(bundle, stranger).value());
  };
  make(hooks);
  expect_found(admission_at, "no trusted authority has key");
}

TEST_F(ReplayTest, AnotherBundleThanTheDecisionNamesIsFound) {
  Hooks hooks;
  hooks.inputs = [](AdmissionInputs& in) { in.bundle = BundleDigest(filled(3)); };
  make(hooks);
  expect_found(admission_at, "the policy bundle is another one");
}

TEST_F(ReplayTest, APermitThatDoesNotReadIsFound) {
  Hooks hooks;
  hooks.inputs = [this](AdmissionInputs& in) {
    in.permit_file = objects.keep(as_bytes(std::string_view("no permit")));
  };
  make(hooks);
  expect_found(admission_at, "the permit does not read");
}

TEST_F(ReplayTest, APermitThatDoesNotVerifyIsFound) {
  const std::vector<std::pair<const char*, std::function<void(permit::Claims&)>>> wrong = {
      {"expired", [](permit::Claims& c) { c.expires = UnixSeconds(kNow / 1000 - 1); }},
      {"other domain", [](permit::Claims& c) { c.audience = {"elsewhere"}; }},
      {"other host", [](permit::Claims& c) { c.host = LedgerId(filled(1)); }},
      {"other policy", [](permit::Claims& c) { c.policy = BundleDigest(filled(1)); }},
  };
  for (const auto& [name, change] : wrong) {
    SCOPED_TRACE(name);
    const permit::Claims before = claims;
    Hooks hooks;
    hooks.claims = change;
    make(hooks);
    expect_found(admission_at, "the permit does not verify");
    claims = before;
    entries.clear();
  }
}

TEST_F(ReplayTest, AnAdmissionAfterItsRevocationIsFound) {
  make();
  Entry revoked = entries[1];
  for (const bool key : {false, true}) {
    ledger::Revocation body;
    body.what = key ? ledger::Revocation::What::Key : ledger::Revocation::What::Permit;
    body.target =
        to_vec(key ? as_bytes(cose::key_id(authority.public_key())) : as_bytes(permit_id));
    body.sentence = Digest32(filled(1));
    revoked.body = body;
    entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(admission_at), revoked);
    expect_found(admission_at + 1, "the permit does not verify");
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(admission_at));
  }
}

TEST_F(ReplayTest, MoreAdmissionsThanUsesAreFound) {
  Hooks hooks;
  hooks.claims = [](permit::Claims& c) { c.uses = 2; };
  make(hooks);
  Entry again = entries[admission_at];
  run = make_run_id(UnixMillis(kNow), {std::byte{2}});
  again.id.run = run;
  sides.emplace(again.id, sides.at(entries[admission_at].id));
  entries.push_back(again);
  expect_found(entries.size() - 1, "more admissions under the permit");
}

TEST_F(ReplayTest, OtherQuestionsThanWereAskedAreFound) {
  Hooks hooks;
  hooks.inputs = [](AdmissionInputs& in) { in.requests = "[]"; };
  make(hooks);
  expect_found(admission_at, "asked other questions");
}

TEST_F(ReplayTest, ADecisionThatPolicyDoesNotMakeIsFound) {
  Hooks hooks;
  hooks.decision = [](DecisionRecord& decision) { decision.policies = {"bundle/policy7"}; };
  make(hooks);
  expect_found(admission_at, "decides otherwise");
}

TEST_F(ReplayTest, ARunThatPolicyDeniesIsFound) {
  Hooks hooks;
  hooks.claims = [](permit::Claims& c) { c.holder.reset(); };
  bundle.policies += "forbid (principal, action == Action::\"admit\", resource);";
  make(hooks);
  expect_found(admission_at, "a run was admitted that policy denies");
}

TEST_F(ReplayTest, AnAdmissionThatNamesOtherThingsThanItsDecisionIsFound) {
  const std::vector<std::pair<const char*, std::function<void(ledger::Admission&)>>> wrong = {
      {"domain", [](auto& a) { a.domain = "other"; }},
      {"definition", [](auto& a) { a.domain_definition = a.plan; }},
      {"policy", [](auto& a) { a.policy = BundleDigest(filled(6)); }},
      {"permit", [](auto& a) { a.permit_file = a.plan; }},
      {"tier", [](auto& a) { a.tier = "kernel"; }},
      {"chain", [](auto& a) { a.chain = {PermitId(filled(6))}; }},
  };
  for (const auto& [name, change] : wrong) {
    SCOPED_TRACE(name);
    Hooks hooks;
    hooks.admission = change;
    make(hooks);
    expect_found(admission_at, "names other things than its decision");
    entries.clear();
    sides.clear();
  }
  make();
  std::get<PermitAuthority>(entries[admission_at].authority).permit = PermitId(filled(6));
  expect_found(admission_at, "names other things than its decision");
}

// The holder's proof.

TEST_F(ReplayTest, AMissingProofOfPossessionIsFound) {
  Hooks hooks;
  hooks.admission = [](ledger::Admission& a) { a.possession.reset(); };
  make(hooks);
  expect_found(admission_at, "proof of possession is missing");
}

TEST_F(ReplayTest, AProofByAnotherKeyIsFound) {
  Hooks hooks;
  hooks.admission = [this](ledger::Admission& a) {
    const permit::Intent intent =
        permit::read_possession(objects.objects.at(*a.possession), holder.public_key()).value();
    a.possession = objects.keep(permit::prove_possession(intent, stranger).value());
  };
  make(hooks);
  expect_found(admission_at, "");
}

TEST_F(ReplayTest, AProofForSomethingElseIsFound) {
  const std::vector<std::pair<const char*, std::function<void(permit::Intent&)>>> wrong = {
      {"permit", [](auto& i) { i.permit = PermitId(filled(6)); }},
      {"ledger", [](auto& i) { i.ledger = LedgerId(filled(6)); }},
      {"domain", [](auto& i) { i.domain = "other"; }},
      {"time", [](auto& i) { i.time = UnixSeconds(i.time.get() + 1); }},
      {"argv", [](auto& i) { i.argv = Digest32(filled(6)); }},
      {"environment", [](auto& i) { i.environment = Digest32(filled(6)); }},
      {"directory", [](auto& i) { i.directory = Digest32(filled(6)); }},
  };
  for (const auto& [name, change] : wrong) {
    SCOPED_TRACE(name);
    Hooks hooks;
    hooks.intent = change;
    make(hooks);
    expect_found(admission_at, "the holder's proof is for");
    entries.clear();
    sides.clear();
  }
}

TEST_F(ReplayTest, ClearTextThatTheLogDoesNotCommitToIsFound) {
  make();
  const auto whole = sides;
  const std::vector<std::pair<std::size_t, std::vector<const char*>>> places = {
      {admission_at, {"argv", "env", "cwd"}},
      {exec_at, {"argv", "env", "cwd"}},
      {refusal_at, {"asked"}},
      {connect_at, {"endpoint"}}};
  for (const auto& [at, names] : places) {
    for (const char* name : names) {
      SCOPED_TRACE(std::string(name) + " of " + std::to_string(at));
      sides = whole;
      rewrite(entries[at].id, name, std::string_view("other\0", 6));
      expect_found(at, "");
    }
  }
}

// What went through the gate.

TEST_F(ReplayTest, AnotherRequestThanWasExecutedIsFound) {
  make();
  const EventId id = entries[exec_at].id;
  const EventId other = entries[script_at].id;
  rewrite(id, "request", as_text(*sides.at(other).get("request")));
  expect_found(exec_at, "asked about something else");
}

TEST_F(ReplayTest, AnExecThatThePermitDoesNotGrantIsFound) {
  make();
  body_at<ledger::Exec>(exec_at).file = Digest32(filled(6));
  expect_found(exec_at, "the permit does not grant what was executed");
}

TEST_F(ReplayTest, AnotherScriptThanIsGrantedIsFound) {
  make();
  body_at<ledger::Exec>(script_at).script = Digest32(filled(6));
  expect_found(script_at, "the permit does not grant what was executed");
}

TEST_F(ReplayTest, AScriptThatTheRequestDoesNotNameIsFound) {
  make();
  body_at<ledger::Exec>(exec_at).script = Digest32(filled(6));
  expect_found(exec_at, "does not name the script");
}

TEST_F(ReplayTest, AProgramCalledProducedThatWasNotIsFound) {
  make();
  body_at<ledger::Exec>(exec_at).produced = true;
  expect_found(exec_at, "whether the run made the program itself");
}

TEST_F(ReplayTest, AnotherDecisionAboutAnExecIsFound) {
  make();
  for (const std::size_t at : {exec_at, script_at, refusal_at, connect_at}) {
    const ledger::Authority before = entries[at].authority;
    std::get<PermitAuthority>(entries[at].authority).decision = Digest32(filled(6));
    expect_found(at, "not the recorded one");
    entries[at].authority = before;
  }
}

TEST_F(ReplayTest, AGatesDecisionOfAnotherTimeThanRecordedIsFound) {
  make();
  for (const std::size_t at : {exec_at, refusal_at, connect_at}) {
    entries[at].time += 3'600'000;
    expect_found(at, "at another time");
    entries[at].time -= 3'600'000;
  }
}

TEST_F(ReplayTest, AConnectToAnotherEndpointThanPolicyWasAskedAboutIsFound) {
  make();
  rewrite(entries[connect_at].id, "request", connect_request(endpoint(8, 443)));
  expect_found(connect_at, "about another endpoint");
}

TEST_F(ReplayTest, AConnectByAnotherProtocolIsFound) {
  make();
  body_at<ledger::Connect>(connect_at).protocol = "udp";
  expect_found(connect_at, "about another endpoint");
}

TEST_F(ReplayTest, ADatagramFlowIsDecidedAgain) {
  Hooks hooks;
  hooks.connect.protocol = permit::Protocol::Udp;
  hooks.claims = [](permit::Claims& c) {
    c.grant.connect.push_back({permit::Protocol::Udp, "192.0.2.0/24", {{443, 443}}});
  };
  make(hooks);
  EXPECT_TRUE(findings().empty());
}

TEST_F(ReplayTest, ADatagramFlowThatThePermitGrantsToTcpAloneIsFound) {
  Hooks hooks;
  hooks.connect.protocol = permit::Protocol::Udp;
  make(hooks);
  expect_found(connect_at, "does not grant");
}

TEST_F(ReplayTest, AConnectToAUnixSocketIsDecidedAgain) {
  Hooks hooks;
  hooks.connect.protocol = permit::Protocol::Unix;
  hooks.connect.host = "/run/x.sock";
  hooks.claims = [](permit::Claims& c) {
    c.grant.connect.push_back({permit::Protocol::Unix, "/run/x.sock", {}});
  };
  make(hooks);
  EXPECT_TRUE(findings().empty());
}

TEST_F(ReplayTest, AConnectToAUnixSocketThatThePermitDoesNotNameIsFound) {
  Hooks hooks;
  hooks.connect.protocol = permit::Protocol::Unix;
  hooks.connect.host = "/run/x.sock";
  make(hooks);
  expect_found(connect_at, "the permit does not grant what was connected to");
}

TEST_F(ReplayTest, AConnectThatThePermitDoesNotGrantIsFound) {
  Hooks hooks;
  hooks.claims = [](permit::Claims& c) { c.grant.connect[0].ports = {{80, 80}}; };
  make(hooks);
  expect_found(connect_at, "the permit does not grant what was connected to");
}

TEST_F(ReplayTest, AListenIsDecidedAgain) {
  Hooks hooks;
  hooks.way = permit::Way::Listen;
  hooks.claims = [](permit::Claims& c) {
    c.grant.listen = {{permit::Protocol::Tcp, "192.0.2.7/32", {{443, 443}}}};
  };
  make(hooks);
  EXPECT_TRUE(findings().empty());
  rewrite(entries[connect_at].id, "endpoint", "tcp:192.0.2.7:444");
  expect_found(connect_at, "");
}

TEST_F(ReplayTest, AListenThatThePermitDoesNotGrantIsFound) {
  Hooks hooks;
  hooks.way = permit::Way::Listen;
  make(hooks);  // to connect there is granted
  expect_found(connect_at, "the permit does not grant what was listened at");
}

TEST_F(ReplayTest, AListenThatWasDecidedAsAConnectIsFound) {
  Hooks hooks;
  hooks.claims = [](permit::Claims& c) { c.grant.listen = c.grant.connect; };
  make(hooks);
  const ledger::Connect made = body_at<ledger::Connect>(connect_at);
  entries[connect_at].body = ledger::Listen{made.pid, made.protocol, made.endpoint};
  expect_found(connect_at, "about something else");
}

TEST_F(ReplayTest, AConnectWithAnotherQuestionIsFound) {
  make();
  std::string request = connect_request(endpoint(7, 443));
  const std::size_t host = request.find("\"host\"");
  ASSERT_NE(host, std::string::npos);
  request.insert(host, "\"extra\":1,");
  rewrite(entries[connect_at].id, "request", request);
  expect_found(connect_at, "about something else");
}

TEST_F(ReplayTest, ARequestThatSaysNoEndpointOrNoTimeIsFound) {
  make();
  const EventId id = entries[connect_at].id;
  const std::string request = connect_request(endpoint(7, 443));
  const auto expect_without = [&](const std::string& part, const std::string& with,
                                  const char* words) {
    SCOPED_TRACE(part);
    std::string other = request;
    const std::size_t at = other.find(part);
    ASSERT_NE(at, std::string::npos) << request;
    rewrite(id, "request", other.replace(at, part.size(), with));
    expect_found(connect_at, words);
  };
  for (const char* field : {"protocol", "host", "address", "port"}) {
    expect_without(std::string("\"") + field + "\":", "\"other\":", "names no endpoint");
  }
  expect_without("\"port\":443", "\"port\":65536", "names no endpoint");
  expect_without("\"port\":443", "\"port\":-1", "names no endpoint");
  expect_without("\"port\":443", "\"port\":\"443\"", "names no endpoint");
  expect_without("\"protocol\":\"tcp\"", "\"protocol\":\"sctp\"", "names no endpoint");
  expect_without("\"protocol\":\"tcp\"", "\"protocol\":\"udp\"", "about another endpoint");
  expect_without("\"time\":", "\"other\":", "has no time");
}

TEST_F(ReplayTest, AConnectThatPolicyForbidsIsFound) {
  bundle.policies +=
      "forbid (principal, action == Action::\"connect\", resource) when { context has port };";
  make();
  expect_found(connect_at, "not the recorded one");
}

// Who keeps a log can write any digest down, so also that of the very decision that policy makes.
TEST_F(ReplayTest, AConnectIsFoundThatGivesItsOwnDenialForItsDecision) {
  bundle.policies +=
      "forbid (principal, action == Action::\"connect\", resource) when { context has port };";
  make();
  const ledger::Side& side = sides.at(entries[connect_at].id);
  const ByteVec from =
      encode_exec_inputs(as_text(*side.get("request")), bundle_digest, side.salt());
  const Question question =
      endpoint_question(facts, permit::Way::Connect, endpoint(7, 443), UnixMillis(kNow));
  Answer answer = ask(*Policy::parse(bundle).value(), nullptr, facts, {question}).value();
  ASSERT_TRUE(answer.denial.has_value());
  for (const Reason reason : {Reason::PolicyDenied, Reason::PolicyError, Reason::NotGranted}) {
    answer.denial->reason = reason;
    std::get<PermitAuthority>(entries[connect_at].authority).decision =
        decision_digest(record_of("connect", crypto::sha256(from), answer));
    expect_found(connect_at, "not the recorded one");
  }
}

TEST_F(ReplayTest, ARefusalIsFoundThatGivesItsOwnPermissionForItsDecision) {
  make();
  ledger::Side& side = sides.at(entries[refusal_at].id);
  Answer answer;
  std::get<PermitAuthority>(entries[refusal_at].authority).decision =
      decide(side, "exec",
             exec_question(facts, facts_of_exec("/bin/tool", argv), false, false, UnixMillis(kNow)),
             answer);
  ASSERT_TRUE(answer.allowed);
  expect_found(refusal_at, "not the recorded one");
}

TEST_F(ReplayTest, ARefusalOfWhatPolicyAllowsIsFound) {
  make();
  const EventId allowed = entries[exec_at].id;
  rewrite(entries[refusal_at].id, "request", as_text(*sides.at(allowed).get("request")));
  expect_found(refusal_at, "not the recorded one");
}

TEST_F(ReplayTest, ARefusalForAnotherReasonIsFound) {
  make();
  body_at<ledger::Refusal>(refusal_at).reason = Reason::NotGranted;
  expect_found(refusal_at, "not the recorded one");
}

TEST_F(ReplayTest, AnEndUnderAnotherDecisionIsFound) {
  make();
  std::get<PermitAuthority>(entries[end_at].authority).decision = Digest32(filled(6));
  expect_found(end_at, "another decision than the run's admission");
}

TEST_F(ReplayTest, AContinuityEntryUnderAnotherDecisionIsFound) {
  make();
  entries[end_at].body = ledger::Continuity{};
  std::get<PermitAuthority>(entries[end_at].authority).decision = Digest32(filled(6));
  expect_found(end_at, "another decision than the run's admission");
}

// Denials that had come to a decision.

TEST_F(ReplayTest, ADenialReplaysAndItsReasonIsTheDecisions) {
  Hooks hooks;
  hooks.claims = [](permit::Claims& c) { c.holder.reset(); };
  hooks.after = [this] {
    ledger::Denial body;
    body.domain = "default";
    body.reason = Reason::PolicyDenied;
    body.permit = permit_id;
    body.decision = decision_object;
    body.inputs = inputs_object;
    body.asked = body.sentence = Digest32(filled(1));
    entries.resize(admission_at);
    outside(body);
  };
  make(hooks);
  EXPECT_TRUE(findings().empty());
  EXPECT_EQ(counts.replayed, 1U);
  body_at<ledger::Denial>(admission_at).reason = Reason::PolicyError;
  expect_found(admission_at, "another reason");
  body_at<ledger::Denial>(admission_at).reason = Reason::PolicyDenied;
  body_at<ledger::Denial>(admission_at).decision = Digest32(filled(6));
  expect_found(admission_at, "decides otherwise");
}

}  // namespace
}  // namespace writ::proof
