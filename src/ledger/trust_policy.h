// Which logs and witnesses are believed, and how many of them it takes (C2SP tlog-policy).
//
//   log <vkey> [<url>]
//   witness <name> <vkey> [<url>]
//   group <name> all|any|<k> <member>…
//   quorum <name>|none
//
// A checkpoint is trusted when one of the logs signed it under its own origin and the quorum
// cosigned it. The file is the reader's own configuration, but it is read strictly: names are
// defined before use, nobody is in two groups, no key stands twice (also under another name), and
// there is exactly one quorum line. Names are bytes. Keys of a kind that Writ cannot verify
// (ML-DSA-44) are refused: a quorum must not hang on a line that nobody can check.
//
//   TrustPolicy policy = TRY(parse_trust_policy(text));
//   TrustedHead head = TRY(verify_head(note, policy));
//
// Limits: 256 logs, witnesses and groups each, 1 MiB of text.
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ledger/checkpoint.h"
#include "ledger/cosignature.h"
#include "ledger/note.h"

namespace writ::ledger {

inline constexpr std::size_t kMaxTrustPolicy = 1024 * 1024;
inline constexpr std::size_t kMaxPolicyItems = 256;

struct PolicyLog {
  VerifierKey key;
  std::string url;  // empty: none given
  friend bool operator==(const PolicyLog&, const PolicyLog&) = default;
};
struct PolicyWitness {
  std::string name;
  CosignerKey key;
  std::string url;  // the submission prefix; empty: none given
  friend bool operator==(const PolicyWitness&, const PolicyWitness&) = default;
};
// A witness or a group, by its position.
struct PolicyMember {
  bool group = false;
  std::size_t at = 0;
  friend bool operator==(const PolicyMember&, const PolicyMember&) = default;
};
struct PolicyGroup {
  std::string name;
  std::size_t threshold = 1;  // 1 … members.size()
  std::vector<PolicyMember> members;
  friend bool operator==(const PolicyGroup&, const PolicyGroup&) = default;
};

struct TrustPolicy {
  std::vector<PolicyLog> logs;
  std::vector<PolicyWitness> witnesses;
  std::vector<PolicyGroup> groups;     // a group's members come before it
  std::optional<PolicyMember> quorum;  // nothing: `quorum none`
};

// parse_trust_policy: Malformed with the line; Unsupported for a key of another kind.
Result<TrustPolicy> parse_trust_policy(std::string_view text);
// policy_of trusts one log key and asks for no witness.
TrustPolicy policy_of(const VerifierKey& log);

// A head that a policy trusts. Only verify_head makes one.
struct TrustedHead {
  Checkpoint checkpoint;
  std::size_t log = 0;              // position in policy.logs
  std::vector<Cosigned> witnesses;  // positions in policy.witnesses, those that cosigned
};
// quorum_met: whether these witnesses (positions) are enough.
bool quorum_met(const TrustPolicy& policy, const std::vector<Cosigned>& witnesses);
// verify_head: Malformed as parse_note and parse_checkpoint; Denied when no log of the policy
// signed, when a known log's or witness's line does not verify, or when the quorum is not met
// (saying who cosigned and what is asked for).
Result<TrustedHead> verify_head(Bytes note, const TrustPolicy& policy);

}  // namespace writ::ledger
