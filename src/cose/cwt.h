// CWT claims (RFC 8392 §3) with a holder's key (RFC 8747 §3.2): the payload of a permit.
//
// A claims set is one deterministic CBOR map. Registered claims have integer labels: iss 1, sub 2,
// aud 3, exp 4, nbf 5, iat 6, cti 7, cnf 8. Times are whole seconds (a float or a tagged date is
// refused), aud is one text, cnf is {1: COSE_Key}. Claims by name are kept as the CBOR they are,
// for whoever knows them; any other label is refused.
//
// Decode only what is verified (cose/sign1.h), or for display. What the claims mean, whether they
// are there at all and what time it is, is for the caller to judge.
//
//   Claims claims = TRY(decode_claims(verified.payload()));
//   if (const ByteVec* grant = claims.find("grant")) ...
//
// Errors: Malformed, naming the claim. Sizes: at most kMaxExtraClaims names.
// Thread safety: pure functions.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/keys.h"

namespace writ::cose {

inline constexpr std::size_t kMaxExtraClaims = 64;

struct Claims {
  std::optional<std::string> iss;
  std::optional<std::string> sub;
  std::optional<std::string> aud;
  std::optional<UnixSeconds> exp;
  std::optional<UnixSeconds> nbf;
  std::optional<UnixSeconds> iat;
  std::optional<ByteVec> cti;
  std::optional<crypto::PublicKey> cnf;
  // Claims by name, each one deterministic CBOR item.
  std::map<std::string, ByteVec, std::less<>> extra;

  // find looks a claim up by name; null when absent. The pointer lives as long as the claims.
  const ByteVec* find(std::string_view name) const;
  friend bool operator==(const Claims&, const Claims&) = default;
};

// decode_claims reads exactly one claims set.
Result<Claims> decode_claims(Bytes bytes);

// encode_claims writes it. InvalidArgument for text that is not UTF-8, an extra that is not one
// deterministic item, or too many extras.
Result<ByteVec> encode_claims(const Claims& claims);

}  // namespace writ::cose
