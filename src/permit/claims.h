// The claims of a permit: a CWT claims set (RFC 8392) with names of our own (DESIGN §6).
//
// Registered claims have their registered integer keys (iss 1, sub 2, aud 3, exp 4, nbf 5, iat 6,
// cti 7, cnf 8 per RFC 8747); ours have text keys: version, grant, parent, policy, host, uses,
// when. Deterministic CBOR; docs/formats/permit.md shows it. Times are whole seconds (integers;
// CWT also allows fractions, this profile does not).
//
// Hostile: the bytes, until the signature over them is checked; decode is total and bounded.
// Thread safety: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "permit/grant.h"

namespace writ::permit {

inline constexpr std::uint64_t kPermitVersion = 0;
inline constexpr std::size_t kMaxAudience = 64;
inline constexpr std::size_t kMaxWhen = 256 * 1024;        // bytes of Cedar text
inline constexpr std::int64_t kMaxTime = 253'402'300'799;  // 9999-12-31T23:59:59Z

struct Claims {
  std::string issuer;                       // iss: the authority's name
  std::string subject;                      // sub: the agent, "agent/coder"
  std::vector<std::string> audience;        // aud: domain names, at least one
  UnixSeconds expires;                      // exp: not valid from this second on
  std::optional<UnixSeconds> not_before;    // nbf: valid from this second on
  UnixSeconds issued;                       // iat
  ByteVec token_id;                         // cti: 16 random bytes
  std::optional<crypto::PublicKey> holder;  // cnf; absent: bearer
  Grant grant;
  std::optional<PermitId> parent;
  std::optional<BundleDigest> policy;
  std::optional<LedgerId> host;
  std::optional<std::uint64_t> uses;  // admissions, at least 1
  std::string when;                   // Cedar forbid policies; empty: none
  friend bool operator==(const Claims&, const Claims&) = default;
};

// encode_claims writes the wire form; InvalidArgument or Malformed when a claim breaks a rule.
Result<ByteVec> encode_claims(const Claims& claims);
// decode_claims reads exactly that: Malformed names the claim, Unsupported another version.
Result<Claims> decode_claims(Bytes bytes);

}  // namespace writ::permit
