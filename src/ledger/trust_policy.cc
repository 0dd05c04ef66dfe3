#include "ledger/trust_policy.h"

#include <algorithm>
#include <map>
#include <set>

#include "ledger/note_internal.h"

namespace writ::ledger {
namespace {

constexpr std::string_view kNone = "none";

// Reads one policy, line by line.
class PolicyReader {
 public:
  Result<TrustPolicy> read(std::string_view text) {
    while (!text.empty()) {
      ++line_;
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      TRY(read_line(line));
    }
    if (!has_quorum_) return Error(Code::Malformed, "the policy has no quorum line");
    return std::move(policy_);
  }

 private:
  Error wrong(const std::string& what) const {
    return Error(Code::Malformed, "line " + std::to_string(line_) + " of the policy: " + what);
  }

  Result<void> read_line(std::string_view line) {
    const bool control = std::any_of(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
    if (control) return wrong("a control character");
    std::vector<std::string_view> words;
    while (!line.empty()) {
      const std::size_t start = line.find_first_not_of(" \t");
      if (start == std::string_view::npos) break;
      line.remove_prefix(start);
      const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
      words.push_back(line.substr(0, end));
      line.remove_prefix(end);
    }
    if (words.empty() || words[0].front() == '#') return {};
    if (words[0] == "log") return read_log(words);
    if (words[0] == "witness") return read_witness(words);
    if (words[0] == "group") return read_group(words);
    if (words[0] == "quorum") return read_quorum(words);
    return wrong("`" + printable(words[0]) + "` is none of log, witness, group, quorum");
  }

  Result<void> read_log(const std::vector<std::string_view>& words) {
    if (words.size() < 2 || words.size() > 3) return wrong("log <vkey> [<url>]");
    Result<VerifierKey> key = parse_vkey(words[1]);
    if (!key) return std::move(key).error().context("line " + std::to_string(line_));
    if (!keys_.insert(to_vec(key->key.bytes())).second) return wrong("a key that stands twice");
    if (policy_.logs.size() == kMaxPolicyItems) return wrong("too many logs");
    policy_.logs.push_back({*key, words.size() > 2 ? std::string(words[2]) : std::string()});
    return {};
  }

  Result<void> define(std::string_view name, PolicyMember member) {
    if (name == kNone) return wrong("`none` cannot be a name");
    if (member.at >= kMaxPolicyItems) return wrong("too many witnesses or groups");
    if (!names_.emplace(std::string(name), member).second) {
      return wrong("`" + printable(name) + "` is defined twice");
    }
    return {};
  }

  Result<void> read_witness(const std::vector<std::string_view>& words) {
    if (words.size() < 3 || words.size() > 4) return wrong("witness <name> <vkey> [<url>]");
    Result<CosignerKey> key = parse_cosigner_key(words[2]);
    if (!key) return std::move(key).error().context("line " + std::to_string(line_));
    if (!keys_.insert(to_vec(key->key.bytes())).second) return wrong("a key that stands twice");
    TRY(define(words[1], {false, policy_.witnesses.size()}));
    policy_.witnesses.push_back(
        {std::string(words[1]), *key, words.size() > 3 ? std::string(words[3]) : std::string()});
    return {};
  }

  Result<PolicyMember> defined(std::string_view name) const {
    const auto found = names_.find(name);
    if (found == names_.end()) {
      return wrong("`" + printable(name) + "` is not defined before this line");
    }
    return found->second;
  }

  Result<void> read_group(const std::vector<std::string_view>& words) {
    if (words.size() < 4) return wrong("group <name> all|any|<k> <member>…");
    PolicyGroup group;
    group.name = std::string(words[1]);
    for (std::size_t i = 3; i < words.size(); ++i) {
      group.members.push_back(TRY(defined(words[i])));
      if (!grouped_.emplace(words[i]).second) {
        return wrong("`" + printable(words[i]) + "` is in a group already");
      }
    }
    if (words[2] == "all") {
      group.threshold = group.members.size();
    } else if (words[2] != "any") {
      const auto threshold = parse_plain_number(words[2]);
      if (!threshold || *threshold == 0 || *threshold > group.members.size()) {
        return wrong("`" + printable(words[2]) + "` of " + std::to_string(group.members.size()) +
                     " members is no threshold");
      }
      group.threshold = static_cast<std::size_t>(*threshold);
    }
    TRY(define(words[1], {true, policy_.groups.size()}));
    policy_.groups.push_back(std::move(group));
    return {};
  }

  Result<void> read_quorum(const std::vector<std::string_view>& words) {
    if (words.size() != 2) return wrong("quorum <name>|none");
    if (has_quorum_) return wrong("a second quorum");
    if (words[1] != kNone) policy_.quorum = TRY(defined(words[1]));
    has_quorum_ = true;
    return {};
  }

  std::size_t line_ = 0;
  bool has_quorum_ = false;
  std::map<std::string, PolicyMember, std::less<>> names_;
  std::set<std::string, std::less<>> grouped_;
  std::set<ByteVec> keys_;
  TrustPolicy policy_;
};

}  // namespace

Result<TrustPolicy> parse_trust_policy(std::string_view text) {
  if (text.size() > kMaxTrustPolicy) {
    return Error(Code::Exhausted, "a policy of " + std::to_string(text.size()) +
                                      " bytes is over the limit of " +
                                      std::to_string(kMaxTrustPolicy));
  }
  return PolicyReader().read(text);
}

TrustPolicy policy_of(const VerifierKey& log) {
  TrustPolicy policy;
  policy.logs.push_back({log, {}});
  return policy;
}

bool quorum_met(const TrustPolicy& policy, const std::vector<Cosigned>& witnesses) {
  if (!policy.quorum) return true;
  std::vector<bool> cosigned(policy.witnesses.size(), false);
  for (const Cosigned& witness : witnesses) cosigned[witness.by] = true;
  std::vector<bool> groups;  // members come before their group
  const auto holds = [&](const PolicyMember& member) {
    return member.group ? groups[member.at] : cosigned[member.at];
  };
  for (const PolicyGroup& group : policy.groups) {
    const auto met = std::count_if(group.members.begin(), group.members.end(), holds);
    groups.push_back(static_cast<std::size_t>(met) >= group.threshold);
  }
  return holds(*policy.quorum);
}

Result<TrustedHead> verify_head(Bytes note_bytes, const TrustPolicy& policy) {
  const Note note = TRY(parse_note(note_bytes));
  const Checkpoint checkpoint = TRY(parse_checkpoint(note.text));
  std::optional<std::size_t> log;
  for (std::size_t i = 0; i < policy.logs.size() && !log; ++i) {
    if (policy.logs[i].key.name != checkpoint.origin) continue;
    const Result<VerifiedNote> verified = verify_note(note_bytes, {&policy.logs[i].key, 1});
    if (verified) {
      log = i;
    } else if (std::any_of(note.signatures.begin(), note.signatures.end(), [&](const auto& line) {
                 return line.name == policy.logs[i].key.name && line.id == policy.logs[i].key.id;
               })) {
      return verified.error();  // a known key's line that does not verify sinks the note
    }
  }
  if (!log) {
    return Error(Code::Denied, "the checkpoint of `" + printable(checkpoint.origin) +
                                   "` is signed by no log of the policy");
  }
  std::vector<CosignerKey> keys;
  for (const PolicyWitness& witness : policy.witnesses) keys.push_back(witness.key);
  std::vector<Cosigned> witnesses = TRY(verify_cosignatures(note, keys));
  TrustedHead head{checkpoint, *log, std::move(witnesses)};
  if (!quorum_met(policy, head.witnesses)) {
    std::string by;
    for (const Cosigned& witness : head.witnesses) {
      by += (by.empty() ? "" : ", ") + printable(policy.witnesses[witness.by].name);
    }
    const PolicyMember& quorum = *policy.quorum;
    return Error(Code::Denied, "the checkpoint is cosigned by " +
                                   (by.empty() ? "no known witness" : by) +
                                   "; the policy asks for `" +
                                   printable(quorum.group ? policy.groups[quorum.at].name
                                                          : policy.witnesses[quorum.at].name) +
                                   "`");
  }
  return head;
}

}  // namespace writ::ledger
