#include "proof/checklist.h"

#include <algorithm>
#include <map>
#include <set>

#include "crypto/sha.h"
#include "proof/examine_internal.h"

namespace writ::proof {
namespace {

constexpr Meaning kMeanings[kSteps] = {
    {"head", "somebody with a trusted log key signed this state of the log",
     "that the log has no other state, or that this is the newest", "the log key"},
    {"records", "each entry here stands at its place in the log, as it was written",
     "that what an entry says is true", "SHA-256"},
    {"in force",
     "the trust, domain, policy and revocations that the log had by then, none left out here",
     "that the log's keeper wrote down every one of them", "whoever keeps the log"},
    {"permit chain",
     "a trusted authority signed the permit, it held when the run was admitted, and its holder "
     "asked "
     "for this command",
     "that nobody else had the authority's or the holder's key; how often the permit was used "
     "elsewhere",
     "the authority's key"},
    {"policy",
     "a trusted authority signed the policy, and each recorded decision follows from it, from the "
     "permit and from what was asked",
     "decisions whose clear text is not here", "the authority's key"},
    {"continuity", "permit, policy, boundary and images were checked again all along",
     "what happened between two checks", "the governor of the run"},
    {"complete", "no record of the run is missing here, and the gate released as many as are here",
     "that the gate counted truly", "the governor of the run"},
    {"witnessed", "witnesses saw this very head, so the log cannot show others another history",
     "anything of what came after", "the witnesses, as many as the policy asks for"},
    {"host", "nothing", "that kernel, firmware and governor did what they say",
     "whoever runs the host"},
};

// The objects of a bundle, and which of them were needed.
class Objects final : public ledger::LogSource {
 public:
  explicit Objects(const ProofBundle& bundle) {
    for (const ByteVec& object : bundle.objects) objects_[crypto::sha256(object)] = &object;
  }
  Result<ByteVec> file(const std::string&, std::size_t) override {
    return Error(Code::NotFound, "a proof bundle has no files");
  }
  Result<ByteVec> object(const Digest32& digest, std::size_t limit) override {
    const auto found = objects_.find(digest);
    if (found == objects_.end()) {
      return Error(Code::NotFound, "object " + to_hex(digest) + " is not in the bundle");
    }
    if (found->second->size() > limit) {
      return Error(Code::Exhausted, "object " + to_hex(digest) + " is too large");
    }
    read_.insert(digest);
    return *found->second;
  }
  std::size_t unread() const { return objects_.size() - read_.size(); }

 private:
  std::map<Digest32, const ByteVec*> objects_;
  std::set<Digest32> read_;
};

}  // namespace

const Meaning& meaning_of(Step step) {
  return kMeanings[static_cast<std::size_t>(step)];
}

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::Holds: return "ok";
    case Outcome::Open: return "--";
    case Outcome::Fails: return "no";
  }
  return "no";
}

bool Checklist::verified() const {
  return steps.size() == kSteps && std::none_of(steps.begin(), steps.end(), [](const auto& one) {
           return one.outcome == Outcome::Fails;
         });
}

Checklist check_proof(const ProofBundle& bundle, const Trusted& trusted,
                      const ProofProgress& progress) {
  Objects objects(bundle);
  Checklist list = examine(bundle, trusted, objects, progress);
  if (!list.verified() || objects.unread() == 0) return list;
  ledger::Finding more;
  more.kind = ledger::FindingKind::EntryMalformed;
  more.message = "the bundle holds an object that nothing in it needs";
  StepResult& records = list.steps[static_cast<std::size_t>(Step::Records)];
  records = {Step::Records, Outcome::Fails, more.message};
  list.findings.push_back(std::move(more));
  return list;
}

Trusted claimed_keys(const ProofBundle& bundle) {
  Trusted claimed;
  Objects objects(bundle);
  for (const ProofEntry& one : bundle.entries) {
    const Result<ledger::Event> event = ledger::decode_event(one.entry);
    if (!event) continue;
    if (const auto* genesis = event->as<ledger::Genesis>()) {
      const Result<ledger::VerifierKey> key = ledger::parse_vkey(genesis->vkey);
      if (key && claimed.logs.logs.empty()) claimed.logs = ledger::policy_of(*key);
    } else if (const auto* trust = event->as<ledger::Trust>()) {
      const Result<ByteVec> object = objects.object(trust->ceiling, domain::kMaxBundleFile);
      if (!object) continue;
      const Result<AuthorityRecord> record = decode_authority(*object);
      if (record) claimed.authorities.push_back(record->key);
    }
  }
  return claimed;
}

}  // namespace writ::proof
