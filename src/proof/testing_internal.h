// A history for the tests of proof/: what stands, one run with two execs, a refusal and a connect,
// its end. Each part is true; a test bends one thing and looks whether it is found.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "crypto/keys.h"
#include "ledger/checkpoint.h"
#include "proof/replay.h"

namespace writ::proof {

// A log's files and objects in memory.
class Objects final : public ledger::LogSource {
 public:
  Result<ByteVec> file(const std::string& path, std::size_t limit) override;
  Result<ByteVec> object(const Digest32& digest, std::size_t limit) override;
  Digest32 keep(Bytes bytes);
  std::map<Digest32, ByteVec> objects;
  std::map<std::string, ByteVec> files;
};

struct History {
  struct Entry {
    ledger::EventId id;
    ledger::EventId parent;
    ledger::Authority authority;
    ledger::Body body;
    std::int64_t time;
  };
  // Each hook is called where its part has been made and before anything is derived from it;
  // `after` when all is there.
  struct Hooks {
    std::function<void(permit::Claims&)> claims = [](auto&) {};
    std::function<void(AdmissionInputs&)> inputs = [](auto&) {};
    std::function<void(DecisionRecord&)> decision = [](auto&) {};
    std::function<void(permit::Intent&)> intent = [](auto&) {};
    std::function<void(ledger::Admission&)> admission = [](auto&) {};
    std::function<void()> after = [] {};
    permit::EndpointFacts connect = endpoint(7, 443);
    permit::Way way = permit::Way::Connect;  // or it is a listen
  };

  History();
  // make builds the whole history.
  void make(const Hooks& hooks);
  void make() { make(Hooks()); }

  static Digest32 program_digest(std::string_view path);
  permit::ExecFacts facts_of_exec(const std::string& program, std::vector<std::string> words);
  void put_bundle(const domain::Bundle& next);
  // decide is the digest of a gate's decision about one question, its clear text kept in `side`.
  Digest32 decide(ledger::Side& side, const char* gate, const Question& question, Answer& answer);
  void exec(std::uint64_t seq, const permit::ExecFacts& of, bool first);
  void refuse(std::uint64_t seq, const permit::ExecFacts& of);
  // endpoint is 192.0.2.LAST:PORT, in the documentation's own block of addresses (RFC 5737).
  static permit::EndpointFacts endpoint(int last, std::uint16_t port);
  void connect(std::uint64_t seq, permit::Way way, const permit::EndpointFacts& to);
  // connect_request is the request of a connect to `to`, as clear text.
  std::string connect_request(const permit::EndpointFacts& to);
  void outside(ledger::Body body);
  void in_run(std::uint64_t seq, ledger::Body body, const Digest32& decision);
  ledger::Side& side_of(const ledger::EventId& id);
  // rewrite replaces one value of a side, the digest in the log untouched.
  void rewrite(const ledger::EventId& id, const std::string& name, std::string_view value);

  static ledger::Event event_of(const Entry& entry);
  static ByteVec encoded(const Entry& entry);
  template <typename Body>
  Body& body_at(std::size_t at) {
    return std::get<Body>(entries.at(at).body);
  }
  std::optional<ledger::Side> kept_side(const ledger::EventId& id) const;
  // seal makes tiles and bundle files of all entries and gives their head, signed by `by`.
  std::string seal(const crypto::PrivateKey& by);
  std::string seal() { return seal(log); }

  static constexpr std::int64_t kNow = 1'767'225'600'000;
  SeededRandom random{17};
  crypto::PrivateKey authority, stranger, holder, log;
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
  std::map<ledger::EventId, ledger::Side> sides;
  std::size_t admission_at = 0, exec_at = 0, script_at = 0, refusal_at = 0, connect_at = 0,
              end_at = 0;
};

}  // namespace writ::proof
