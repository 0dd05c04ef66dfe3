#include "proof/testing_internal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/clock.h"
#include "cose/key.h"
#include "cose/sign1.h"
#include "crypto/sha.h"
#include "ledger/tile.h"

namespace writ::proof {

using ledger::EventId;
using ledger::PermitAuthority;

Result<ByteVec> Objects::file(const std::string& path, std::size_t) {
  const auto found = files.find(path);
  if (found == files.end()) return Error(Code::NotFound, "no such file");
  return found->second;
}
Result<ByteVec> Objects::object(const Digest32& digest, std::size_t) {
  const auto found = objects.find(digest);
  if (found == objects.end()) return Error(Code::NotFound, "no such object");
  return found->second;
}
Digest32 Objects::keep(Bytes bytes) {
  const Digest32 digest = crypto::sha256(bytes);
  objects[digest] = to_vec(bytes);
  return digest;
}

History::History()
    : authority(crypto::generate_key(crypto::Algorithm::EdDSA, random)),
      stranger(crypto::generate_key(crypto::Algorithm::EdDSA, random)),
      holder(crypto::generate_key(crypto::Algorithm::EdDSA, random)),
      log(crypto::generate_key(crypto::Algorithm::EdDSA, random)),
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

Digest32 History::program_digest(std::string_view path) {
  return crypto::sha256(as_bytes(path));
}

void History::make(const Hooks& hooks) {
  const KeyId actor = cose::key_id(authority.public_key());
  ledger::Genesis genesis;
  genesis.origin = "you@host";
  genesis.vkey = ledger::to_string(ledger::make_vkey("you@host", log.public_key()).value());
  outside(genesis);
  entries[0].authority = ledger::KeyAuthority{cose::key_id(log.public_key())};
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
  connect(4, hooks.way, hooks.connect);
  end_at = entries.size();
  ledger::End end;
  end.counts = {.asked = 3, .refused = 1, .released = 2, .exec_stops = 2};
  in_run(5, end, decision_object);
  hooks.after();
}

permit::ExecFacts History::facts_of_exec(const std::string& program,
                                         std::vector<std::string> words) {
  permit::ExecFacts exec;
  exec.program = program;
  exec.digest = program_digest(program);
  exec.argv = std::move(words);
  exec.environment = env;
  exec.directory = "/work";
  return exec;
}

void History::put_bundle(const domain::Bundle& next) {
  bundle_object = objects.keep(domain::sign_bundle(next, authority).value());
  bundle_digest = domain::bundle_digest(next).value();
  const ByteVec file = objects.objects[bundle_object];
  const auto message = cose::Sign1::parse(file, cose::Profile::Writ);
  objects.keep(message->unverified_payload());
  outside(ledger::Policy{"default", bundle_digest, next.generation});
}

Digest32 History::decide(ledger::Side& side, const char* gate, const Question& question,
                         Answer& answer) {
  const std::shared_ptr<const Policy> policy = Policy::parse(bundle).value();
  answer = ask(*policy, nullptr, facts, {question}).value();
  const std::string request = policy::to_json(question.request).value();
  (void)side.put("request", as_bytes(std::string_view(request)));
  const ByteVec from = encode_exec_inputs(request, bundle_digest, side.salt());
  return decision_digest(record_of(gate, crypto::sha256(from), answer));
}

void History::exec(std::uint64_t seq, const permit::ExecFacts& of, bool first) {
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

void History::refuse(std::uint64_t seq, const permit::ExecFacts& of) {
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

permit::EndpointFacts History::endpoint(int last, std::uint16_t port) {
  permit::EndpointFacts facts;
  facts.address.v4 = true;
  facts.address.bytes = {std::byte{192}, std::byte{0}, std::byte{2}, static_cast<std::byte>(last)};
  facts.port = port;
  return facts;
}

void History::connect(std::uint64_t seq, permit::Way way, const permit::EndpointFacts& to) {
  ledger::Side& side = side_of({run, Seq(seq)});
  Answer answer;
  const Digest32 decision = decide(side, permit::way_name(way),
                                   endpoint_question(facts, way, to, UnixMillis(kNow)), answer);
  const std::string text = permit::endpoint_text(to);
  const std::string protocol = text.substr(0, text.find(':'));
  const Digest32 kept = side.put("endpoint", as_bytes(std::string_view(text)));
  if (way == permit::Way::Listen) {
    in_run(seq, ledger::Listen{2, protocol, kept}, decision);
  } else {
    in_run(seq, ledger::Connect{2, protocol, kept}, decision);
  }
}

std::string History::connect_request(const permit::EndpointFacts& to) {
  return policy::to_json(
             endpoint_question(facts, permit::Way::Connect, to, UnixMillis(kNow)).request)
      .value();
}

void History::outside(ledger::Body body) {
  const auto before = std::count_if(entries.begin(), entries.end(),
                                    [](const Entry& one) { return one.id.run == ledger::kNoRun; });
  entries.push_back({{ledger::kNoRun, Seq(static_cast<std::uint64_t>(before))},
                     ledger::kGenesisEvent,
                     ledger::KeyAuthority{cose::key_id(authority.public_key())},
                     std::move(body),
                     kNow});
}

void History::in_run(std::uint64_t seq, ledger::Body body, const Digest32& decision) {
  entries.push_back({{run, Seq(seq)},
                     seq == 0 ? ledger::kGenesisEvent : EventId{run, Seq(0)},
                     PermitAuthority{permit_id, decision},
                     std::move(body),
                     kNow});
}

ledger::Side& History::side_of(const EventId& id) {
  ledger::Salt salt{};
  salt[0] = static_cast<std::byte>(id.seq.get() + 1);
  return sides.emplace(id, ledger::Side(salt)).first->second;
}

void History::rewrite(const EventId& id, const std::string& name, std::string_view value) {
  (void)sides.at(id).put(name, as_bytes(value));
}

ledger::Event History::event_of(const Entry& entry) {
  const bool genesis = std::holds_alternative<ledger::Genesis>(entry.body);
  std::optional<EventId> parent;
  if (!genesis) parent = entry.parent;
  Result<ledger::Event> event =
      ledger::make_event({entry.id.run, entry.id.run == ledger::kNoRun ? Seq(0) : entry.id.seq},
                         parent, entry.authority, entry.body);
  EXPECT_TRUE(event) << event.error().message();
  return ledger::stamped(std::move(*event), entry.id.seq, UnixMillis(entry.time));
}

ByteVec History::encoded(const Entry& entry) {
  return ledger::encode_event(event_of(entry)).value();
}

std::optional<ledger::Side> History::kept_side(const EventId& id) const {
  const auto side = sides.find(id);
  if (side == sides.end()) return std::nullopt;
  return side->second;
}

std::string History::seal(const crypto::PrivateKey& by) {
  std::vector<ByteVec> all;
  std::vector<Bytes> views;
  std::vector<NodeHash> hashes;
  ledger::Frontier tree;
  for (const Entry& entry : entries) all.push_back(encoded(entry));
  for (const ByteVec& entry : all) {
    views.emplace_back(entry);
    hashes.push_back(ledger::subtree_of(ledger::leaf_hash(entry)));
    tree.push(ledger::leaf_hash(entry));
  }
  const auto width = static_cast<unsigned>(all.size());
  objects.files[ledger::tile_path({ledger::TileId::kEntries, 0, width})] =
      ledger::encode_bundle(views).value();
  objects.files[ledger::tile_path({0, 0, width})] = ledger::encode_tile(hashes);
  return ledger::sign_checkpoint({"you@host", tree.size(), tree.root()}, by).value();
}

}  // namespace writ::proof
