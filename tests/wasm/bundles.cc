// bundles FILE: proof bundles of many kinds of runs, true ones and altered ones, each with a
// request and with the answer that the native verifier gives, for run.mjs to ask proof.wasm the
// same. The same file every time.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/random.h"
#include "cbor/writer.h"
#include "cose/key.h"
#include "crypto/pem.h"
#include "crypto/sha.h"
#include "json/write.h"
#include "ledger/cosignature.h"
#include "ledger/joint_proof.h"
#include "ledger/rotation.h"
#include "ledger/tile.h"
#include "proof/testing_internal.h"
#include "proof/verdict.h"
#include "records.h"

namespace writ::proof {
namespace {

constexpr std::size_t kAlteredOfEachRun = 56;

// A run, its bundle, and a request under which it is true.
struct Made {
  std::string name;
  std::unique_ptr<History> history;
  ProofBundle bundle;
  json::Value request;
};

std::string vkey_of(const crypto::PrivateKey& key) {
  return ledger::to_string(ledger::make_vkey("you@host", key.public_key()).value());
}

json::Value trust_in(const crypto::PrivateKey& key, const char* name = "you.pub") {
  json::Value one = json::Value::object();
  one.set("name", name).set("pem", crypto::to_pem(key.public_key()));
  json::Value list = json::Value::array();
  list.push(std::move(one));
  return list;
}

json::Value request_of(const History& history) {
  json::Value request = json::Value::object();
  request.set("trust", trust_in(history.authority)).set("log_key", vkey_of(history.log));
  return request;
}

// The file as encode_proof writes it, without its check that it can be read.
ByteVec raw_file(const ProofBundle& bundle) {
  cbor::Writer w;
  w.array([&] {
    w.text("writ proof 0").bytes(as_bytes(bundle.run)).text(bundle.head);
    w.array([&] {
      for (const ProofEntry& one : bundle.entries) {
        w.array([&] {
          w.uint(one.index.get()).bytes(one.entry);
          if (one.side) {
            w.bytes(*one.side);
          } else {
            w.null();
          }
        });
      }
    });
    w.array([&] {
      for (const NodeHash& hash : bundle.path) w.bytes(as_bytes(hash));
    });
    w.array([&] {
      for (const ByteVec& object : bundle.objects) w.bytes(object);
    });
  });
  return std::move(w).finish().value();
}

void sort_objects(ProofBundle& bundle) {
  std::sort(bundle.objects.begin(), bundle.objects.end(), [](const ByteVec& a, const ByteVec& b) {
    return crypto::sha256(a) < crypto::sha256(b);
  });
}

// What somebody with the whole log and its key can make of any history, true or not: all entries,
// their clear text, a valid path, all objects.
ProofBundle all_of(const History& history, std::string head) {
  ProofBundle bundle;
  bundle.run = history.run;
  bundle.head = std::move(head);
  std::vector<LeafIndex> indexes;
  std::vector<LeafHash> leaves;
  for (const History::Entry& entry : history.entries) {
    ProofEntry one{LeafIndex(indexes.size()), History::encoded(entry), {}};
    if (const auto side = history.kept_side(entry.id)) one.side = side->encode();
    indexes.push_back(one.index);
    leaves.push_back(ledger::leaf_hash(one.entry));
    bundle.entries.push_back(std::move(one));
  }
  const auto hash_at = [&](unsigned level, std::uint64_t index) -> Result<NodeHash> {
    ledger::Frontier part;
    for (std::uint64_t i = index << level; i < (index + 1) << level; ++i) part.push(leaves.at(i));
    return part.root();
  };
  bundle.path = ledger::prove_jointly(indexes, TreeSize(indexes.size()), hash_at).value();
  for (const auto& [digest, bytes] : history.objects.objects) bundle.objects.push_back(bytes);
  return bundle;
}

class Book {
 public:
  explicit Book(const std::string& path) : records_(path) {}

  void put(const std::string& name, Bytes file, const std::string& request) {
    const std::string answer = check_file(file, request);
    records_.put({as_bytes(name), file, as_bytes(request), as_bytes(answer)});
  }
  void put(const std::string& name, Bytes file, const json::Value& request) {
    put(name, file, json::write(request));
  }

 private:
  Records records_;
};

// The runs.

using Prepare = std::function<void(History&)>;

Made made(std::string name, const Prepare& before, const Prepare& after,
          History::Hooks hooks = {}) {
  Made out;
  out.name = std::move(name);
  out.history = std::make_unique<History>();
  History& history = *out.history;
  before(history);
  history.make(hooks);
  after(history);
  out.bundle =
      gather_proof(history.objects, history.run, history.seal(), [&](const ledger::EventId& id) {
        return history.kept_side(id);
      }).value();
  out.request = request_of(history);
  return out;
}

void nothing(History&) {}

void use_es256(History& history) {
  history.authority = crypto::generate_key(crypto::Algorithm::ES256, history.random);
  history.holder = crypto::generate_key(crypto::Algorithm::ES256, history.random);
  history.record.key = history.authority.public_key();
  history.claims.holder = history.holder.public_key();
}

// Every extension type, operators, templates of text, and nesting up to the limit.
void use_rich_policy(History& history) {
  std::string deep = "false";
  for (int i = 0; i < 190; ++i) deep = "(" + deep + ")";
  history.bundle.policies +=
      "forbid (principal, action == Action::\"connect\", resource) when {\n"
      "  context.time > datetime(\"2099-01-01T00:00:00.000Z\").offset(duration(\"1d2h3m4s5ms\"))\n"
      "  || ip(\"192.0.2.7\").isInRange(ip(\"198.51.100.0/24\")) || ip(\"::1\").isMulticast()\n"
      "  || decimal(\"1.5000\").lessThan(decimal(\"-0.25\")) || " +
      deep +
      " };\n"
      "forbid (principal in Group::\"nobody\", action, resource);\n"
      "forbid (principal, action == Action::\"exec\", resource) unless {\n"
      "  resource.path like \"/bin/*\" && context.depth * 7 - 3 < 9223372036854775807\n"
      "  && [1, 2, context.depth].contains(context.depth) && {a: {b: \"x\"}}.a.b == \"x\"\n"
      "  && (if context.bearer then false else true) };\n";
  history.bundle.entities = to_vec(
      "[{\"uid\": {\"type\": \"Agent\", \"id\": \"agent/test\"}, \"attrs\": {}, \"parents\": "
      "[{\"type\": \"Group\", \"id\": \"coders\"}]}, {\"uid\": {\"type\": \"Group\", \"id\": "
      "\"coders\"}, \"attrs\": {}, \"parents\": []}]");
}

void use_ipv6(History& history) {
  for (const char* host : {"2001:db8::/32", "::/0", "::ffff:192.0.2.0/120", "::192.0.2.0/120",
                           "2001:db8:0:1::/64", "fe80::/10", "2001:db8:1:0:2::/80"}) {
    history.claims.grant.connect.push_back({permit::Protocol::Tcp, host, {{443, 444}}});
  }
}
permit::EndpointFacts over_ipv6() {
  permit::EndpointFacts facts;
  facts.address.bytes = {std::byte{0x20}, std::byte{1}, std::byte{0xd}, std::byte{0xb8}};
  facts.address.bytes[15] = std::byte{9};
  facts.port = 443;
  return facts;
}

std::vector<Made> true_runs() {
  std::vector<Made> all;
  all.push_back(made("plain", nothing, nothing));
  all.push_back(made("es256", use_es256, nothing));
  all.push_back(made("rich policy", use_rich_policy, nothing));
  History::Hooks ipv6;
  ipv6.connect = over_ipv6();
  all.push_back(made("ipv6", use_ipv6, nothing, ipv6));
  all.push_back(made(
      "bearer",
      [](History& history) {
        history.claims.holder.reset();
        history.bundle.policies =
            "permit (principal, action, resource);\n"
            "forbid (principal, action == Action::\"exec\", resource) when "
            "{ resource.path == \"/bin/forbidden\" };\n";
      },
      nothing));
  all.push_back(made(
      "ceiling",
      [](History& history) {
        history.record.ceiling = "# of the authority\n\nceiling = 'anything'  # so far\n";
      },
      nothing));
  all.push_back(made("no clear text", nothing, [](History& history) { history.sides.clear(); }));
  all.push_back(made("open", nothing, [](History& history) { history.entries.pop_back(); }));
  all.push_back(made("interrupted", nothing, [](History& history) {
    history.entries.pop_back();
    ledger::Interrupted cut;
    cut.last_durable = Seq(4);
    cut.unproven_millis = 20;
    history.in_run(5, cut, history.decision_object);
    history.entries.back().time += 3'600'000;
  }));
  all.push_back(made("watched", nothing, [](History& history) {
    const ledger::Body end = history.entries.back().body;
    history.entries.pop_back();
    ledger::Continuity check;
    check.checks = kEveryCheck;
    for (std::uint64_t i = 0; i < 3; ++i) {
      history.in_run(5 + i, check, history.decision_object);
      history.entries.back().time += static_cast<std::int64_t>(i + 1) * 5100;
    }
    history.in_run(8, end, history.decision_object);
    history.entries.back().time += 18'000;
  }));
  all.push_back(made("newer policy", nothing, [](History& history) {
    domain::Bundle second = history.bundle;
    second.generation = 2;
    history.put_bundle(second);
    std::swap(history.entries[history.entries.size() - 1],
              history.entries[history.entries.size() - 2]);
  }));
  all.push_back(made("later", nothing, [](History& history) {
    history.outside(ledger::Policy{"other", BundleDigest(Array32{std::byte{7}}), 1});
    history.outside(ledger::Revocation{
        ledger::Revocation::What::Permit, to_vec(as_bytes(history.permit_id)), {}});
  }));

  // Under a head that a witness saw; by a log key that was handed over.
  Made witnessed = made("witnessed", nothing, nothing);
  History& history = *witnessed.history;
  const crypto::PrivateKey witness = crypto::generate_key(crypto::Algorithm::EdDSA, history.random);
  const auto cosigner = ledger::make_cosigner_key("w.example/w", witness.public_key()).value();
  const std::string text =
      ledger::parse_note(as_bytes(std::string_view(witnessed.bundle.head)))->text;
  const std::string line = ledger::cosign(text, 1'767'225'660, "w.example/w", witness).value();
  witnessed.bundle.head = ledger::with_cosignatures(witnessed.bundle.head, line).value();
  witnessed.request = json::Value::object();
  witnessed.request.set("trust", trust_in(history.authority));
  witnessed.request.set("policy", "log " + vkey_of(history.log) + "\nwitness w " +
                                      ledger::to_string(cosigner) + "\nquorum w\n");
  all.push_back(std::move(witnessed));

  Made rotated = made("rotated", nothing, nothing);
  History& older = *rotated.history;
  const crypto::PrivateKey next = crypto::generate_key(crypto::Algorithm::EdDSA, older.random);
  older.outside(ledger::make_rotation(older.ledger_id, "you@host", older.log, next).value());
  older.entries.back().authority = ledger::KeyAuthority{cose::key_id(older.log.public_key())};
  rotated.bundle =
      gather_proof(older.objects, older.run, older.seal(next), [&](const ledger::EventId& id) {
        return older.kept_side(id);
      }).value();
  all.push_back(std::move(rotated));
  return all;
}

// Histories that are wrong, under a head that the log key truly signed: what the keeper of a log
// could write.
void put_false_runs(Book& book) {
  using Bend = std::function<void(History::Hooks&, History&)>;
  const std::pair<const char*, Bend> bends[] = {
      {"expired", [](auto& h, auto&) { h.claims = [](permit::Claims& c) { c.expires = UnixSeconds(c.issued.get() + 30); }; }},
      {"not yet", [](auto& h, auto&) {
         h.claims = [](permit::Claims& c) { c.issued = UnixSeconds(c.issued.get() + 3000); };
       }},
      {"audience", [](auto& h, auto&) { h.claims = [](permit::Claims& c) { c.audience = {"x"}; }; }},
      {"issuer", [](auto& h, auto&) { h.claims = [](permit::Claims& c) { c.issuer = "them"; }; }},
      {"no grant", [](auto& h, auto&) { h.claims = [](permit::Claims& c) { c.grant.connect.clear(); }; }},
      {"when", [](auto& h, auto&) {
         h.claims = [](permit::Claims& c) { c.when = "forbid (principal, action, resource);"; };
       }},
      {"malformed when", [](auto& h, auto&) {
         h.claims = [](permit::Claims& c) { c.when = "forbid (principal, action, resource"; };
       }},
      {"other key", [](auto&, auto& s) { s.record.key = s.stranger.public_key(); }},
      {"other ceiling", [](auto&, auto& s) { s.record.ceiling = "ceiling = { exec = [] }\n"; }},
      {"fraction in the ceiling", [](auto&, auto& s) { s.record.ceiling = "ceiling = 1.5e999\n"; }},
      {"a number in the ceiling", [](auto&, auto& s) { s.record.ceiling = "ceiling = 0x1_0\n"; }},
      {"a date in the ceiling", [](auto&, auto& s) { s.record.ceiling = "ceiling = 2026-02-30\n"; }},
      {"torn ceiling", [](auto&, auto& s) { s.record.ceiling = "ceiling = [\"any\\u00zz\"\n"; }},
      {"malformed policy", [](auto&, auto& s) { s.definition.policy = "other"; }},
      {"time of inputs", [](auto& h, auto&) {
         h.inputs = [](AdmissionInputs& i) { i.time = UnixMillis(i.time.get() + 1); };
       }},
      {"domain of inputs", [](auto& h, auto&) { h.inputs = [](AdmissionInputs& i) { i.domain = "x"; }; }},
      {"tier of inputs", [](auto& h, auto&) { h.inputs = [](AdmissionInputs& i) { i.tier = "kernel"; }; }},
      {"uses", [](auto& h, auto&) { h.inputs = [](AdmissionInputs& i) { i.uses_taken = 1; }; }},
      {"ledger of inputs", [](auto& h, auto&) { h.inputs = [](AdmissionInputs& i) { i.ledger = {}; }; }},
      {"requests", [](auto& h, auto&) { h.inputs = [](AdmissionInputs& i) { i.requests += " "; }; }},
      {"decision", [](auto& h, auto&) { h.decision = [](DecisionRecord& d) { d.action = "x"; }; }},
      {"denied", [](auto& h, auto&) { h.decision = [](DecisionRecord& d) { d.allowed = false; }; }},
      {"nonce", [](auto& h, auto&) { h.intent = [](permit::Intent& i) { i.nonce[0] ^= std::byte{1}; }; }},
      {"intent", [](auto& h, auto&) { h.intent = [](permit::Intent& i) { i.argv = {}; }; }},
      {"intent's domain", [](auto& h, auto&) { h.intent = [](permit::Intent& i) { i.domain = "x"; }; }},
      {"tier", [](auto& h, auto&) { h.admission = [](ledger::Admission& a) { a.tier = "kernel"; }; }},
      {"plan", [](auto& h, auto&) { h.admission = [](ledger::Admission& a) { a.plan = {}; }; }},
      {"possession", [](auto& h, auto&) { h.admission = [](ledger::Admission& a) { a.possession.reset(); }; }},
      {"chain", [](auto& h, auto&) { h.admission = [](ledger::Admission& a) { a.chain[0] = {}; }; }},
      {"endpoint", [](auto& h, auto&) { h.connect = History::endpoint(7, 444); }},
      {"totals", [](auto& h, auto& s) {
         h.after = [&s] {
           s.template body_at<ledger::End>(s.end_at).counts = {
               .asked = 2, .refused = 1, .released = 1, .exec_stops = 1};
         };
       }},
      {"exec", [](auto& h, auto& s) {
         h.after = [&s] { s.template body_at<ledger::Exec>(s.exec_at).path = "/bin/other"; };
       }},
      {"script", [](auto& h, auto& s) {
         h.after = [&s] { s.template body_at<ledger::Exec>(s.script_at).script.reset(); };
       }},
      {"refusal", [](auto& h, auto& s) {
         h.after = [&s] {
           s.template body_at<ledger::Refusal>(s.refusal_at).reason = Reason::NotGranted;
         };
       }},
      {"gap", [](auto& h, auto& s) {
         h.after = [&s] { s.entries.erase(s.entries.begin() + static_cast<std::ptrdiff_t>(s.exec_at)); };
       }},
      {"twice", [](auto& h, auto& s) { h.after = [&s] { s.entries.push_back(s.entries.back()); }; }},
      {"backwards", [](auto& h, auto& s) { h.after = [&s] { s.entries.back().time -= 60'000; }; }},
      {"checks", [](auto& h, auto& s) {
         h.after = [&s] {
           ledger::Continuity check;
           check.checks = 3;
           s.entries.pop_back();
           s.in_run(5, check, s.decision_object);
         };
       }},
      {"long silence", [](auto& h, auto& s) { h.after = [&s] { s.entries.back().time += 60'000; }; }},
      {"revoked", [](auto& h, auto& s) {
         h.after = [&s] {
           s.outside(ledger::Revocation{
               ledger::Revocation::What::Permit, to_vec(as_bytes(s.permit_id)), {}});
           std::rotate(s.entries.begin() + static_cast<std::ptrdiff_t>(s.admission_at),
                       s.entries.end() - 1, s.entries.end());
         };
       }},
      {"no trust", [](auto& h, auto& s) { h.after = [&s] { s.entries.erase(s.entries.begin() + 1); }; }},
      {"no domain", [](auto& h, auto& s) { h.after = [&s] { s.entries.erase(s.entries.begin() + 2); }; }},
      {"no genesis", [](auto& h, auto& s) { h.after = [&s] { s.entries.erase(s.entries.begin()); }; }},
      {"no admission", [](auto& h, auto& s) {
         h.after = [&s] {
           s.entries.erase(s.entries.begin() + static_cast<std::ptrdiff_t>(s.admission_at));
         };
       }},
      {"erased words", [](auto& h, auto& s) {
         h.after = [&s] { s.rewrite({s.run, Seq(1)}, "argv", "\x80"); };
       }},
      {"another request", [](auto& h, auto& s) {
         h.after = [&s] { s.rewrite({s.run, Seq(1)}, "request", "{\"principal\":"); };
       }},
  };
  for (const auto& [name, bend] : bends) {
    History history;
    History::Hooks hooks;
    bend(hooks, history);
    history.make(hooks);
    const json::Value request = request_of(history);
    book.put(std::string("false: ") + name, raw_file(all_of(history, history.seal())), request);
    book.put(std::string("false, by a stranger: ") + name,
             raw_file(all_of(history, history.seal(history.stranger))), request);
  }
}

// Whom the reader believes: true and false answers about true bundles, and requests that make none.
void put_requests(Book& book, const Made& one) {
  const ByteVec file = raw_file(one.bundle);
  const History& history = *one.history;
  const auto with = [&](const char* name, json::Value value) {
    json::Value request = one.request;
    request.set(name, std::move(value));
    return request;
  };
  const std::string at = one.name + ", asked with ";
  book.put(at + "its own keys", file, one.request);
  book.put(at + "another authority", file, with("trust", trust_in(history.stranger)));
  json::Value two = trust_in(history.stranger, "a \x1b[31m\"name\"\n");
  two.push(trust_in(history.authority).as_array()->front());
  book.put(at + "two authorities", file, with("trust", two));
  json::Value other = json::Value::object();
  other.set("trust", trust_in(history.authority)).set("log_key", vkey_of(history.stranger));
  book.put(at + "another log", file, other);
  book.put(at + "its head", file, with("head", one.bundle.head));
  const ledger::Checkpoint nine{"you@host", TreeSize(9), {}};
  book.put(at + "another head", file,
           with("head", ledger::sign_checkpoint(nine, history.log).value()));
  other = json::Value::object();
  other.set("trust", trust_in(history.authority));
  book.put(at + "no log", file, other);
  const crypto::PublicKey witness = history.stranger.public_key();
  other.set("policy",
            "log " + vkey_of(history.log) + "\nwitness w " +
                ledger::to_string(ledger::make_cosigner_key("w.example/w", witness).value()) +
                "\nquorum w\n");
  book.put(at + "a witness who did not see it", file, other);
  other.set("policy", "log " + vkey_of(history.log) + "\nquorum none\n");
  book.put(at + "no witness", file, other);
  other.set("policy", "log nonsense\n");
  book.put(at + "a malformed policy", file, other);
}

void put_senseless_requests(Book& book, const Made& one) {
  const ByteVec file = raw_file(one.bundle);
  const std::string key = json::write(*one.request.find("trust"));
  const std::string log = json::write(*one.request.find("log_key"));
  int number = 0;
  for (const std::string& request : std::initializer_list<std::string>{
           "", "{}", "[]", "null", "{\"trust\":" + key, "{\"trust\":[],\"log_key\":" + log + "}",
           "{\"trust\":" + key + ",\"log_key\":\"\"}", "{\"trust\":" + key + ",\"log_key\":7}",
           "{\"trust\":" + key + ",\"log_key\":" + log + ",\"policy\":\"\"}",
           "{\"trust\":" + key + ",\"log_key\":" + log + ",\"more\":1}",
           "{\"trust\":" + key + ",\"trust\":" + key + ",\"log_key\":" + log + "}",
           "{\"trust\":[{\"name\":\"x\"}],\"log_key\":" + log + "}",
           "{\"trust\":[{\"name\":\"x\",\"pem\":\"\"}],\"log_key\":" + log + "}",
           "{\"trust\":[{\"name\":\"x\",\"pem\":\"-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END "
           "PUBLIC KEY-----\\n\"}],\"log_key\":" +
               log + "}",
           "{\"trust\":[{\"name\":\"x\",\"pem\":\"-----BEGIN PRIVATE KEY-----\\nAAAA\\n\"}],"
           "\"log_key\":" +
               log + "}",
           "{\"trust\":[1],\"log_key\":" + log + "}",
           "{\"trust\":" + key + ",\"log_key\":" + log + ",\"head\":\"\"}",
           "{\"trust\":" + key + ",\"log_key\":" + log + ",\"head\":\"x\\n\"}",
           "{\"trust\":" + key + ",\"log_key\":1.5}"}) {
    book.put("senseless request " + std::to_string(number++), file, request);
  }
}

// Alterations of a bundle as a value.
class Bender {
 public:
  explicit Bender(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t limit) {
    std::array<std::byte, 4> bytes{};
    random_.fill(bytes);
    std::size_t value = 0;
    for (const std::byte b : bytes) value = value << 8U | std::to_integer<std::size_t>(b);
    return value % limit;
  }

  ByteVec altered_file(ByteVec file, std::size_t kind) {
    const std::size_t at = below(file.size());
    const auto place = file.begin() + static_cast<std::ptrdiff_t>(at);
    switch (kind % 8) {
      case 0: *place ^= std::byte{1} << below(8); break;
      case 1: file.resize(at); break;
      case 2: file.erase(place); break;
      case 3: file.insert(place, static_cast<std::byte>(below(256))); break;
      case 4: append(file, Bytes(file).first(1 + below(40))); break;
      case 5: *place = static_cast<std::byte>(below(256)); break;
      case 6: std::swap(*place, file[below(file.size())]); break;
      default: widen(file, below(400), kind % 16 < 8);
    }
    return file;
  }

  std::string altered(ProofBundle& bundle, std::size_t kind) {
    const auto flip = [&](auto& bytes) {
      using Byte = std::remove_reference_t<decltype(bytes[0])>;
      auto& byte = bytes[below(bytes.size())];
      byte = static_cast<Byte>(static_cast<unsigned>(byte) ^ 1U << below(8));
    };
    // CBOR's text is UTF-8; what is none is among the altered files.
    const auto flip_text = [&](std::string& text) {
      std::string other = text;
      flip(other);
      if (is_utf8(other)) text = other;
    };
    const std::size_t i = below(bundle.entries.size());
    const std::size_t j = below(bundle.entries.size());
    ProofEntry& entry = bundle.entries[i];
    ByteVec& object = bundle.objects[below(bundle.objects.size())];
    switch (kind % 17) {
      case 0: flip_text(bundle.head); return "a bit of the head";
      case 1: flip(entry.entry); return "a bit of an entry";
      case 2:
        if (entry.side) flip(*entry.side);
        return "a bit of a clear text";
      case 3:
        flip(object);
        sort_objects(bundle);
        return "a bit of an object";
      case 4:
        bundle.entries.erase(bundle.entries.begin() + static_cast<std::ptrdiff_t>(i));
        return "an entry left out";
      case 5: std::swap(entry.entry, bundle.entries[j].entry); return "two entries exchanged";
      case 6: std::swap(entry, bundle.entries[j]); return "two entries in another order";
      case 7: std::swap(entry.side, bundle.entries[j].side); return "two clear texts exchanged";
      case 8: entry.side.reset(); return "a clear text left out";
      case 9:
        for (ProofEntry& one : bundle.entries) one.side.reset();
        return "no clear text";
      case 10:
        std::swap(object, bundle.objects[below(bundle.objects.size())]);
        return "objects in another order";
      case 11:
        object = bundle.objects.back();
        bundle.objects.pop_back();
        sort_objects(bundle);
        return "an object left out";
      case 12:
        bundle.objects.push_back(to_vec("more"));
        sort_objects(bundle);
        return "an object more";
      case 13: entry.index = LeafIndex(entry.index.get() + 1 + below(3)); return "another place";
      case 14:
        if (below(2) == 0 && !bundle.path.empty()) {
          bundle.path.pop_back();
        } else {
          bundle.path.push_back(NodeHash(crypto::sha256(object).get()));
        }
        return "another path";
      case 15: bundle.run = make_run_id(UnixMillis(1), {std::byte{9}}); return "another run";
      default:
        bundle.head += "\xe2\x80\x94 nobody.example AAAAAGFiYw==\n";
        return "a line of a key that nobody knows";
    }
  }

 private:
  // A head of CBOR in eight bytes, its number as it was, or with a bit that 32 do not hold.
  void widen(ByteVec& file, std::size_t from, bool beyond) {
    for (std::size_t at = from; at < file.size(); ++at) {
      const unsigned head = std::to_integer<unsigned>(file[at]);
      if (head < 0x40 || head >= 0xc0 || (head & 0x1fU) > 24) continue;
      const bool one_byte = (head & 0x1fU) == 24;
      const std::byte number = one_byte ? file[at + 1] : static_cast<std::byte>(head & 0x1fU);
      file[at] = static_cast<std::byte>((head & 0xe0U) | 27U);
      ByteVec wide(8);
      wide[3] = static_cast<std::byte>(beyond ? 1 : 0);
      wide[7] = number;
      const auto after = file.begin() + static_cast<std::ptrdiff_t>(at) + 1;
      file.insert(one_byte ? file.erase(after) : after, wide.begin(), wide.end());
      return;
    }
  }

  SeededRandom random_;
};

void put_altered(Book& book, const Made& one, std::uint64_t seed) {
  Bender bender(seed);
  const ByteVec file = raw_file(one.bundle);
  for (std::size_t i = 0; i < kAlteredOfEachRun; ++i) {
    if (i % 2 == 0) {
      book.put(one.name + ", altered file", bender.altered_file(file, seed + i / 2), one.request);
      continue;
    }
    ProofBundle other = one.bundle;
    const std::string what = bender.altered(other, seed + i / 2);
    book.put(one.name + ", " + what, raw_file(other), one.request);
  }
}

}  // namespace
}  // namespace writ::proof

int main(int argc, char** argv) {
  using namespace writ::proof;
  if (argc != 2) return 2;
  Book book(argv[1]);
  const std::vector<Made> runs = true_runs();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    put_requests(book, runs[i]);
    put_altered(book, runs[i], i * 1000);
  }
  put_senseless_requests(book, runs[0]);
  put_false_runs(book);
  return 0;
}
