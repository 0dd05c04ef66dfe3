// Permits: issue, read, verify (DESIGN §5 step 2, §6).
//
// A permit is a COSE_Sign1 (RFC 9052) with typ "application/writ-permit+cwt", alg EdDSA or ES256,
// kid the signer's RFC 9679 thumbprint, an empty unprotected header, and claims as payload
// (permit/claims.h). A `.permit` file is a CBOR array of them, root first; delegation is not
// enforced yet, so a longer chain is denied (mechanism_unavailable). Everything is deterministic
// CBOR or it is denied (not_deterministic).
//
//   ByteVec file = TRY(issue(claims, authority_key));
//   Verified v = TRY(verify(file, context, &evidence));
//   if (const Denial* no = std::get_if<Denial>(&v)) …
//   const VerifiedPermit& permit = std::get<VerifiedPermit>(v);
//
// Hostile: the file, the possession proof, the caller's command. Nothing of a permit is used
// before its signature is checked, except to find the key and to show it. A refusal is a Denial,
// a value with its Reason; an Error means that Writ itself failed, and denies too.
// Size: a file is at most kMaxPermitFile bytes, armoured or not.
// Not promised here: whether bearer permits are allowed (policy decides), that host, programs and
// limits can be carried (enforce/), that the `when` text parses (policy/).
// Thread safety: pure functions, values.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/reason.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "permit/claims.h"
#include "permit/possession.h"

namespace writ::permit {

inline constexpr std::size_t kMaxPermitFile = 1024 * 1024;

// The message that a permit was read from, with all that was found in it. Only read_permit makes
// one.
struct ReadMessage;

// A permit as read: what it says, not whether it is true.
struct Permit {
  PermitId id;   // SHA-256 of its Sig_structure
  KeyId signer;  // kid
  crypto::Algorithm algorithm = crypto::Algorithm::EdDSA;
  Claims claims;
  ByteVec file;  // the CBOR it was read from, unarmoured: what `objects/` keeps
  std::shared_ptr<const ReadMessage> origin;  // for check, which believes it and not the above
};

// An issuer that a domain trusts.
struct Authority {
  std::string name;
  crypto::PublicKey key;
  Ceiling ceiling;
};

struct Revoked {
  std::set<PermitId> permits;
  std::set<KeyId> keys;  // an authority's, or a holder's
};

struct VerifyContext {
  UnixSeconds now;
  std::string domain;
  LedgerId ledger;
  std::span<const Authority> authorities;
  BundleDigest policy;               // in force
  const Revoked* revoked = nullptr;  // never null
  // How many admissions this permit has had. Called only for a permit that limits them.
  std::function<Result<std::uint64_t>(const PermitId&)> uses_taken;
};

// What the caller wants to run and its proof that it may speak for the holder. For a bearer permit
// `proof` is empty.
struct Evidence {
  Bytes proof;
  std::span<const std::string> argv;
  std::span<const std::string> environment;
  std::string directory;
  ByteVec nonce;  // the one that the governor expects; empty: any (it keeps the returned one)
};

// A permit that passed every check of verify, for one command. Only verify makes one.
class VerifiedPermit {
 public:
  const Permit& permit() const { return permit_; }
  const Claims& claims() const { return permit_.claims; }
  const Grant& grant() const { return permit_.claims.grant; }
  const PermitId& id() const { return permit_.id; }
  const std::string& authority() const { return authority_; }  // name of the trusted issuer
  // intent is what the holder signed; absent for a bearer permit.
  const std::optional<Intent>& intent() const { return intent_; }
  bool bearer() const { return !intent_.has_value(); }

  class Key {  // passkey
    friend Result<std::variant<VerifiedPermit, Denial>> verify(Bytes, const VerifyContext&,
                                                               const Evidence&);
    Key() = default;
  };
  VerifiedPermit(Key, Permit permit, std::string authority, std::optional<Intent> intent)
      : permit_(std::move(permit)), authority_(std::move(authority)), intent_(std::move(intent)) {}

 private:
  Permit permit_;
  std::string authority_;
  std::optional<Intent> intent_;
};

using Read = std::variant<Permit, Denial>;
using Verified = std::variant<VerifiedPermit, Denial>;

// issue signs `claims` and returns a file of one permit. SelfIssued, bounds and ceilings are the
// verifier's to judge, but a grant that check_grant refuses, a lifetime that is over before it
// begins, or a holder that is the signer is InvalidArgument here too.
Result<ByteVec> issue(const Claims& claims, const crypto::PrivateKey& authority);

// read_permit reads a file, armoured or not, without any key: for `permit show` and for finding
// the stored permit that fits. Denials: malformed, not_deterministic, mechanism_unavailable.
Read read_permit(Bytes file);

// check is everything but possession, for `permit verify` and continuity: the first denial in the
// order unknown_key, bad_signature, self_issued, revoked, not_yet_valid, expired, wrong_audience,
// wrong_host, uses_exhausted, policy_pin_mismatch, above_ceiling, mechanism_unavailable. Nothing
// when the permit holds. What counts is the message that `permit` was read from; Internal when the
// permit says anything else.
Result<std::optional<Denial>> check(const Permit& permit, const VerifyContext& context);

// verify is read, check and the holder's possession (no_possession).
Result<Verified> verify(Bytes file, const VerifyContext& context, const Evidence& evidence);

// armour writes "-----BEGIN WRIT PERMIT-----", base64 in lines of 64, and the closing line;
// unarmour reads exactly that (Malformed otherwise). is_armoured looks at the first characters.
std::string armour(Bytes file);
Result<ByteVec> unarmour(std::string_view text);
bool is_armoured(Bytes file);

// print is for people: who, for whom, until when, where, and the grant; `now` for "in 2 h".
std::vector<std::string> print(const Permit& permit);

}  // namespace writ::permit
