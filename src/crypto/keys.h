// Signature keys: Ed25519 (RFC 8032) and ECDSA on P-256 with SHA-256 (FIPS 186-4), by their COSE
// names EdDSA and ES256.
//
// Keys, messages and signatures may all come from a stranger. There is one verifier for each
// algorithm in the whole system: libsodium for EdDSA (refuses non-canonical and small-order
// points and s >= L), OpenSSL for ES256 (refuses r or s outside 1..n-1). ES256 signatures are
// malleable ((r, n-s) verifies too): never use a signature as an identity.
//
//   PrivateKey key = generate_key(Algorithm::EdDSA, random);
//   Signature signature = TRY(sign(key, message));
//   TRY(check_signature(key.public_key(), message, signature));
//
// EdDSA signing is deterministic. ES256 signing is not: OpenSSL 3.0 draws a nonce from its own
// generator, hedged with the key and the message.
//
// Thread safety: values; functions may be called from any thread.
#pragma once

#include <array>
#include <compare>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace writ::crypto {

enum class Algorithm { EdDSA, ES256 };

// algorithm_name is the COSE name: "EdDSA" or "ES256".
std::string_view algorithm_name(Algorithm algorithm);

// A signature is 64 bytes for both: R‖S (RFC 8032), or r‖s big-endian (RFC 9053 §2.1).
inline constexpr std::size_t kSignatureSize = 64;
using Signature = std::array<std::byte, kSignatureSize>;

class PublicKey {
 public:
  // create takes the one accepted byte form: EdDSA 32 bytes, ES256 64 bytes X‖Y big-endian.
  // Malformed for another length, a non-canonical or small-order Ed25519 encoding, or a P-256
  // pair that is not on the curve. An Ed25519 encoding without a point costs a square root to
  // detect and is left to check_signature, which refuses every signature under it.
  static Result<PublicKey> create(Algorithm algorithm, Bytes bytes);

  Algorithm algorithm() const { return algorithm_; }
  // bytes is the form create takes; it lives as long as this value.
  Bytes bytes() const { return Bytes(bytes_).first(algorithm_ == Algorithm::EdDSA ? 32 : 64); }
  friend std::strong_ordering operator<=>(const PublicKey&, const PublicKey&) = default;

 private:
  PublicKey() = default;
  Algorithm algorithm_ = Algorithm::EdDSA;
  std::array<std::byte, 64> bytes_{};  // INVARIANT: zero after the algorithm's length
};

// A PrivateKey owns its secret and cannot be copied.
class PrivateKey {
 public:
  // create takes 32 secret bytes: an Ed25519 seed, or a big-endian scalar 1..n-1. Malformed
  // otherwise.
  static Result<PrivateKey> create(Algorithm algorithm, const SecretBytes& secret);

  Algorithm algorithm() const { return public_.algorithm(); }
  const PublicKey& public_key() const { return public_; }
  // reveal views the 32 bytes that create takes, for as long as this value lives.
  Bytes reveal(SecretAccess access) const { return secret_.reveal(access).first(32); }

 private:
  friend Result<Signature> sign(const PrivateKey& key, Bytes message);
  PrivateKey(PublicKey public_key, SecretBytes secret)
      : public_(public_key), secret_(std::move(secret)) {}
  PublicKey public_;
  SecretBytes secret_;  // INVARIANT: 32 bytes; for EdDSA the 32 of the public key follow
};

// generate_key draws a new key from `random`.
PrivateKey generate_key(Algorithm algorithm, Random& random);

// sign signs `message` (the algorithm hashes it). Internal when the library cannot.
Result<Signature> sign(const PrivateKey& key, Bytes message);

// check_signature succeeds only for a signature by `key` over exactly `message`: Malformed when
// it is not 64 bytes long, Denied when it does not verify, for whatever reason.
Result<void> check_signature(const PublicKey& key, Bytes message, Bytes signature);

// es256_to_der and es256_from_der convert to and from the ASN.1 form of RFC 3279 §2.2.3. Reading
// is strict DER: one encoding per pair, each number positive and at most 256 bits; Malformed
// otherwise. Whether the numbers are in range is check_signature's to say.
ByteVec es256_to_der(const Signature& signature);
Result<Signature> es256_from_der(Bytes der);

}  // namespace writ::crypto
