// COSE_Sign1 (RFC 9052 §4.2): one payload under one signature.
//
// The bytes are a stranger's until verify has succeeded; what was verified is a type of its own,
// and the payload of anything else is only to be had under the name unverified_payload.
//
//   Sign1 message = TRY(Sign1::parse(bytes, Profile::Writ));
//   const PublicKey& key = TRY(trusted.find(message.header().kid));
//   VerifiedSign1 permit = TRY(message.verify(key));
//   use(permit.payload());
//
// Writ's own profile has one encoding: tag 18, deterministic CBOR, unprotected header the empty
// map, protected header exactly alg (1), kid (4, the 32-byte key id of cose/key.h) and typ (16,
// RFC 9596, text), payload inside, 64-byte signature. The general profile reads what others
// write: with or without the tag, any headers, alg in either header, kid of any length or none;
// still deterministic CBOR (inside the protected header too), still EdDSA and ES256 only, no
// detached payload, and a `crit` header (2) is refused, since no extension is understood.
//
// An ES256 signature is malleable: a message is named by structure_digest, not by a hash of its
// bytes. Errors: Malformed, Unsupported (another algorithm, crit, detached payload), Denied (the
// signature, or a key that does not fit). Sizes: the caller bounds the input; memory is a small
// multiple of it. Thread safety: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/keys.h"

namespace writ::cose {

inline constexpr std::uint64_t kSign1Tag = 18;

enum class Profile { Writ, General };

// What the headers say, protected and unprotected together (a label in both is Malformed). Only
// protected labels are under the signature; in the Writ profile that is all of them.
struct Header {
  crypto::Algorithm alg = crypto::Algorithm::EdDSA;
  ByteVec kid;      // empty when absent (general profile); else in the Writ profile 32 bytes
  std::string typ;  // empty when absent or not text (general profile)
  // key is kid as a KeyId; NotFound when it is not 32 bytes.
  Result<KeyId> key() const;
};

class VerifiedSign1;

class Sign1 {
 public:
  // parse reads exactly one message.
  static Result<Sign1> parse(Bytes bytes, Profile profile);

  const Header& header() const { return header_; }
  // unverified_payload is what a stranger wrote. For display, and to say what was refused.
  Bytes unverified_payload() const { return Bytes(signed_).last(payload_size_); }
  // structure is the Sig_structure (RFC 9052 §4.4), the bytes under the signature.
  ByteVec structure(Bytes external_aad = {}) const;
  // structure_digest is SHA-256 of structure(): a permit's id.
  Digest32 structure_digest(Bytes external_aad = {}) const;

  // verify checks the signature over structure(external_aad). Denied when alg is not the key's,
  // when the Writ profile's kid is not the key's id, or when the signature does not verify.
  Result<VerifiedSign1> verify(const crypto::PublicKey& key, Bytes external_aad = {}) const;

 private:
  Sign1() = default;
  Profile profile_ = Profile::Writ;
  Header header_;
  ByteVec protected_;  // as signed: empty for an empty map
  ByteVec signed_;     // structure() without external_aad; the payload is its end
  std::size_t payload_size_ = 0;
  Digest32 digest_;  // of signed_
  ByteVec signature_;
};

// A message whose signature was checked. Only Sign1::verify makes one.
class VerifiedSign1 {
 public:
  const Header& header() const { return header_; }
  const crypto::PublicKey& signer() const { return signer_; }
  Bytes payload() const { return payload_; }
  const Digest32& structure_digest() const { return structure_digest_; }

 private:
  friend class Sign1;
  VerifiedSign1(Header header, crypto::PublicKey signer, ByteVec payload, Digest32 digest)
      : header_(std::move(header)),
        signer_(signer),
        payload_(std::move(payload)),
        structure_digest_(digest) {}
  Header header_;
  crypto::PublicKey signer_;
  ByteVec payload_;
  Digest32 structure_digest_;
};

// sign1 makes a message in the Writ profile; kid and alg are the key's. InvalidArgument for an
// empty typ or one that is not UTF-8.
Result<ByteVec> sign1(const crypto::PrivateKey& key, std::string_view typ, Bytes payload,
                      Bytes external_aad = {});

// sig_structure is ["Signature1", protected, external_aad, payload], for headers already encoded.
ByteVec sig_structure(Bytes protected_header, Bytes external_aad, Bytes payload);

}  // namespace writ::cose
