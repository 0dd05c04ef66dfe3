// Every kind of altered record is found: a small true history is made, one thing of it is changed,
// and replay must say so. What an attacker can reach is everything here but the log's own
// signature, which ledger/verify_test covers.
#include "proof/replay.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "base/clock.h"
#include "base/random.h"
#include "cose/key.h"
#include "cose/sign1.h"
#include "crypto/sha.h"

namespace writ::proof {
namespace {

using ledger::EventId;
using ledger::PermitAuthority;

Array32 filled(unsigned char byte) {
  Array32 raw{};
  raw.fill(std::byte{byte});
  return raw;
}

class Objects final : public ledger::LogSource {
 public:
  Result<ByteVec> file(const std::string&, std::size_t) override {
    return Error(Code::NotFound, "no files here");
  }
  Result<ByteVec> object(const Digest32& digest, std::size_t) override {
    const auto found = objects.find(digest);
    if (found == objects.end()) return Error(Code::NotFound, "no such object");
    return found->second;
  }
  Digest32 keep(Bytes bytes) {
    const Digest32 digest = crypto::sha256(bytes);
    objects[digest] = to_vec(bytes);
    return digest;
  }
  std::map<Digest32, ByteVec> objects;
};

// A history: what stands, one run with two execs, a refusal and a connect, its end. Each hook is
// called where its part has been made and before anything is derived from it; `after` when all is
// there.
class ReplayTest : public testing::Test {
 protected:
  struct Entry {
    EventId id;
    EventId parent;
    ledger::Authority authority;
    ledger::Body body;
    std::int64_t time;
  };
  struct Hooks {
    std::function<void(permit::Claims&)> claims = [](auto&) {};
    std::function<void(AdmissionInputs&)> inputs = [](auto&) {};
    std::function<void(DecisionRecord&)> decision = [](auto&) {};
    std::function<void(permit::Intent&)> intent = [](auto&) {};
    std::function<void(ledger::Admission&)> admission = [](auto&) {};
    std::function<void()> after = [] {};
    permit::ConnectFacts connect = endpoint(7, 443);
  };

  ReplayTest()
      : authority(crypto::generate_key(crypto::Algorithm::EdDSA, random)),
        stranger(crypto::generate_key(crypto::Algorithm::EdDSA, random)),
        holder(crypto::generate_key(crypto::Algorithm::EdDSA, random)),
        record{"you", authority.public_key(), "ceiling = \"anything\"\n"} {
    std::ifstream in("config/writ.cedarschema");
    bundle.name = "default";
    bundle.generation = 1;
    bundle.schema = {std::istreambuf_iterator<char>(in), {}};
    bundle.policies =
        "permit (principal, action, resource);\n"
        "forbid (principal, action == Action::\"exec\", resource) when { resource.path == "
        "\"/bin/forbidden\" };\n"
        "forbid (principal, action == Action::\"admit\", resource) when { context.bearer };\n";
    definition.name = "default";
    definition.authorities = {"you"};
    definition.policy = "default";
    claims.issuer = "you";
    claims.subject = "agent/test";
    claims.audience = {"default"};
    claims.issued = UnixSeconds(kNow / 1000 - 60);
    claims.expires = UnixSeconds(kNow / 1000 + 3600);
    claims.token_id = ByteVec(16, std::byte{7});
    claims.holder = holder.public_key();
    for (const char* program : {"/bin/tool", "/bin/forbidden", "/bin/shell"}) {
      permit::ExecRule rule;
      rule.name = program;
      rule.program.path = program;
      rule.program.digest = program_digest(program);
      rule.args = {permit::Pattern::parse("{rest}").value()};
      if (std::string_view(program) == "/bin/shell") {
        rule.args.clear();
        permit::Place script;
        script.path = "/work/job.sh";
        script.digest = program_digest("/work/job.sh");
        rule.script = permit::Script{script};
      }
      claims.grant.exec.push_back(std::move(rule));
    }
    claims.grant.connect.push_back({permit::Protocol::Tcp, "192.0.2.0/24", {{443, 443}}});
  }

  static Digest32 program_digest(std::string_view path) { return crypto::sha256(as_bytes(path)); }

  // make builds the whole history.
  void make(const Hooks& hooks) {
    const KeyId actor = cose::key_id(authority.public_key());
    ledger::Genesis genesis;
    genesis.origin = "you@host";
    genesis.vkey = "you@host+00000000+AA==";
    outside(genesis);
    entries[0].parent = ledger::kGenesisEvent;
    const ByteVec first = encoded(entries[0]);
    ledger_id = LedgerId(crypto::sha256(first).get());

    trust_object = objects.keep(encode_authority(record));
    outside(ledger::Trust{ledger::Trust::Act::Added, "you", actor, trust_object});
    domain_object = objects.keep(domain::encode_domain(definition));
    outside(ledger::Domain{"default", domain_object});
    put_bundle(bundle);

    hooks.claims(claims);
    permit_file = permit::issue(claims, authority).value();
    permit::Read read = permit::read_permit(permit_file);
    permit_id = std::get<permit::Permit>(read).id;
    facts = facts_of(claims, permit_id, "you", "default", "sandbox");

    const std::vector<Question> questions =
        admission_questions(facts, claims.grant, {}, UnixMillis(kNow));
    inputs.time = UnixMillis(kNow);
    inputs.domain = "default";
    inputs.ledger = ledger_id;
    inputs.tier = "sandbox";
    inputs.authorities = {trust_object};
    inputs.domain_definition = domain_object;
    inputs.bundle = bundle_digest;
    inputs.bundle_file = bundle_object;
    inputs.permit_file = objects.keep(permit_file);
    inputs.requests = questions_text(questions).value();
    hooks.inputs(inputs);
    inputs_object = objects.keep(encode_inputs(inputs));
    const std::shared_ptr<const Policy> policy = Policy::parse(bundle).value();
    const Answer answer = ask(*policy, nullptr, facts, questions).value();
    DecisionRecord decision = record_of("admit", inputs_object, answer);
    hooks.decision(decision);
    decision_object = objects.keep(encode_decision(decision));

    ledger::Side& side = side_of({run, Seq(0)});
    ledger::Admission body;
    body.domain = "default";
    body.chain = {permit_id};
    body.permit_file = inputs.permit_file;
    permit::Intent intent;
    intent.permit = permit_id;
    intent.ledger = ledger_id;
    intent.domain = "default";
    intent.time = seconds_of(UnixMillis(kNow));
    intent.nonce = ByteVec(32, std::byte{5});
    intent.argv = permit::digest_texts(argv);
    intent.environment = permit::digest_texts(env);
    intent.directory = permit::digest_text("/work");
    hooks.intent(intent);
    if (claims.holder) {
      body.possession = objects.keep(permit::prove_possession(intent, holder).value());
    }
    body.plan = objects.keep(as_bytes(std::string_view("plan")));
    body.domain_definition = domain_object;
    body.policy = bundle_digest;
    body.inputs = inputs_object;
    body.tier = "sandbox";
    body.host = "host";
    body.command = "/bin/tool";
    body.argv = side.put("argv", ledger::encode_list(argv));
    body.env = side.put("env", ledger::encode_list(env));
    body.cwd = side.put("cwd", as_bytes(std::string_view("/work")));
    hooks.admission(body);
    admission_at = entries.size();
    in_run(0, std::move(body), decision_object);

    exec_at = entries.size();
    exec(1, facts_of_exec("/bin/tool", argv), true);
    permit::ExecFacts script = facts_of_exec("/bin/shell", {"/bin/shell", "/work/job.sh"});
    script.scripts.push_back({"/work/job.sh", program_digest("/work/job.sh")});
    script_at = entries.size();
    exec(2, script, false);
    refusal_at = entries.size();
    refuse(3, facts_of_exec("/bin/forbidden", {"/bin/forbidden"}));
    connect_at = entries.size();
    connect(4, hooks.connect);
    end_at = entries.size();
    ledger::End end;
    end.counts = {.asked = 3, .refused = 1, .released = 2, .exec_stops = 2};
    in_run(5, end, decision_object);
    hooks.after();
  }
  void make() { make(Hooks()); }

  permit::ExecFacts facts_of_exec(const std::string& program, std::vector<std::string> words) {
    permit::ExecFacts exec;
    exec.program = program;
    exec.digest = program_digest(program);
    exec.argv = std::move(words);
    exec.environment = env;
    exec.directory = "/work";
    return exec;
  }

  void put_bundle(const domain::Bundle& next) {
    bundle_object = objects.keep(domain::sign_bundle(next, authority).value());
    bundle_digest = domain::bundle_digest(next).value();
    const ByteVec file = objects.objects[bundle_object];
    const auto message = cose::Sign1::parse(file, cose::Profile::Writ);
    objects.keep(message->unverified_payload());
    outside(ledger::Policy{"default", bundle_digest, next.generation});
  }

  // The digest of a gate's decision about one question, its clear text kept in `side`.
  Digest32 decide(ledger::Side& side, const char* gate, const Question& question, Answer& answer) {
    const std::shared_ptr<const Policy> policy = Policy::parse(bundle).value();
    answer = ask(*policy, nullptr, facts, {question}).value();
    const std::string request = policy::to_json(question.request).value();
    (void)side.put("request", as_bytes(std::string_view(request)));
    const ByteVec from = encode_exec_inputs(request, bundle_digest, side.salt());
    return decision_digest(record_of(gate, crypto::sha256(from), answer));
  }

  void exec(std::uint64_t seq, const permit::ExecFacts& of, bool first) {
    ledger::Side& side = side_of({run, Seq(seq)});
    Answer answer;
    const Digest32 decision =
        decide(side, "exec", exec_question(facts, of, false, first, UnixMillis(kNow)), answer);
    EXPECT_TRUE(answer.allowed);
    ledger::Exec body;
    body.pid = 2;
    body.path = of.program;
    body.file = of.digest;
    if (!of.scripts.empty()) body.script = of.scripts.back().digest;
    body.argv = side.put("argv", ledger::encode_list(of.argv));
    body.env = side.put("env", ledger::encode_list(of.environment));
    body.cwd = side.put("cwd", as_bytes(std::string_view(of.directory)));
    in_run(seq, std::move(body), decision);
  }

  void refuse(std::uint64_t seq, const permit::ExecFacts& of) {
    ledger::Side& side = side_of({run, Seq(seq)});
    Answer answer;
    const Digest32 decision =
        decide(side, "exec", exec_question(facts, of, false, false, UnixMillis(kNow)), answer);
    EXPECT_FALSE(answer.allowed);
    ledger::Refusal body;
    body.reason = Reason::PolicyDenied;
    body.gate = "exec";
    body.asked = side.put("asked", as_bytes(std::string_view("exec /bin/forbidden")));
    in_run(seq, std::move(body), decision);
  }

  // 192.0.2.LAST:PORT, in the documentation's own block of addresses (RFC 5737).
  static permit::ConnectFacts endpoint(int last, std::uint16_t port) {
    permit::ConnectFacts facts;
    facts.address.v4 = true;
    facts.address.bytes = {std::byte{192}, std::byte{0}, std::byte{2},
                           static_cast<std::byte>(last)};
    facts.port = port;
    return facts;
  }
  void connect(std::uint64_t seq, const permit::ConnectFacts& to) {
    ledger::Side& side = side_of({run, Seq(seq)});
    Answer answer;
    const Digest32 decision =
        decide(side, "connect", connect_question(facts, to, UnixMillis(kNow)), answer);
    ledger::Connect body;
    body.pid = 2;
    const std::string text = permit::endpoint_text(to);
    body.protocol = text.substr(0, text.find(':'));
    body.endpoint = side.put("endpoint", as_bytes(std::string_view(text)));
    in_run(seq, std::move(body), decision);
  }
  // The request of a connect to `to`, as clear text.
  std::string connect_request(const permit::ConnectFacts& to) {
    return policy::to_json(connect_question(facts, to, UnixMillis(kNow)).request).value();
  }

  void outside(ledger::Body body) {
    entries.push_back({{ledger::kNoRun, Seq(entries.size())},
                       ledger::kGenesisEvent,
                       ledger::KeyAuthority{cose::key_id(authority.public_key())},
                       std::move(body),
                       kNow});
  }
  void in_run(std::uint64_t seq, ledger::Body body, const Digest32& decision) {
    entries.push_back({{run, Seq(seq)},
                       seq == 0 ? ledger::kGenesisEvent : EventId{run, Seq(0)},
                       PermitAuthority{permit_id, decision},
                       std::move(body),
                       kNow});
  }
  ledger::Side& side_of(const EventId& id) {
    ledger::Salt salt{};
    salt[0] = static_cast<std::byte>(id.seq.get() + 1);
    return sides.emplace(id, ledger::Side(salt)).first->second;
  }
  // The same side with one value replaced, the digest in the log untouched.
  void rewrite(const EventId& id, const std::string& name, std::string_view value) {
    (void)sides.at(id).put(name, as_bytes(value));
  }

  static ledger::Event event_of(const Entry& entry) {
    const bool genesis = std::holds_alternative<ledger::Genesis>(entry.body);
    std::optional<EventId> parent;
    if (!genesis) parent = entry.parent;
    Result<ledger::Event> event =
        ledger::make_event({entry.id.run, entry.id.run == ledger::kNoRun ? Seq(0) : entry.id.seq},
                           parent, entry.authority, entry.body);
    EXPECT_TRUE(event) << event.error().message();
    return ledger::stamped(std::move(*event), entry.id.seq, UnixMillis(entry.time));
  }
  static ByteVec encoded(const Entry& entry) {
    return ledger::encode_event(event_of(entry)).value();
  }

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
  template <typename Body>
  Body& body_at(std::size_t at) {
    return std::get<Body>(entries.at(at).body);
  }

  static constexpr std::int64_t kNow = 1'767'225'600'000;
  SeededRandom random{17};
  crypto::PrivateKey authority, stranger, holder;
  Objects objects;
  domain::Bundle bundle;
  domain::Domain definition;
  AuthorityRecord record;
  permit::Claims claims;
  AdmissionInputs inputs;
  Facts facts;
  RunId run = make_run_id(UnixMillis(kNow), {std::byte{1}});
  LedgerId ledger_id;
  PermitId permit_id;
  ByteVec permit_file;
  BundleDigest bundle_digest;
  Digest32 trust_object, domain_object, bundle_object, inputs_object, decision_object;
  const std::vector<std::string> argv = {"/bin/tool", "-x"};
  const std::vector<std::string> env = {"PATH=/bin"};
  std::vector<Entry> entries;
  std::map<EventId, ledger::Side> sides;
  std::size_t admission_at = 0, exec_at = 0, script_at = 0, refusal_at = 0, connect_at = 0,
              end_at = 0;
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
  expect_without("\"protocol\":\"tcp\"", "\"protocol\":\"udp\"", "names no endpoint");
  expect_without("\"time\":", "\"other\":", "has no time");
}

TEST_F(ReplayTest, AConnectThatPolicyForbidsIsFound) {
  bundle.policies +=
      "forbid (principal, action == Action::\"connect\", resource) when { context has port };";
  make();
  expect_found(connect_at, "not the recorded one");
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
