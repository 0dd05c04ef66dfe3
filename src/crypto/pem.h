// Keys as PEM text that `openssl pkey` reads and writes: PKCS#8 private keys (RFC 5958 v1,
// RFC 8410, RFC 5915) and SubjectPublicKeyInfo public keys (RFC 5280, RFC 8410, RFC 5480).
//
// Reading is strict: one PEM block and nothing around it, 64 characters a line, lines ended by
// LF, and for each key exactly the DER that OpenSSL and this module write (EC keys uncompressed
// on the named curve P-256, with their public half inside the private file). The text may be a
// stranger's. What these files hold otherwise (RSA, SEC1 `EC PRIVATE KEY`, certificates) is
// refused by name.
//
//   std::string text = to_pem(key.public_key());
//   PublicKey key = TRY(public_key_from_pem(text));
//
// Sizes: at most kMaxKeyFile bytes. Errors: Malformed, or Unsupported for a well-known kind that
// Writ does not use. Messages never quote key bytes. Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/keys.h"

namespace writ::crypto {

inline constexpr std::size_t kMaxKeyFile = 64 * 1024;

enum class PemKind { Public, Private, Sealed };

// pem_kind looks at the first line only: `PUBLIC KEY`, `PRIVATE KEY` or `ENCRYPTED PRIVATE KEY`
// (crypto/seal.h). Unsupported or Malformed for another.
Result<PemKind> pem_kind(std::string_view text);

// to_pem writes the public key.
std::string to_pem(const PublicKey& key);
Result<PublicKey> public_key_from_pem(std::string_view text);

// private_to_pem writes the private key unsealed; the text is the secret.
SecretBytes private_to_pem(const PrivateKey& key);
// private_key_from_pem reads an unsealed private key. For EC, Malformed when the public half does
// not belong to the private one. A sealed file gives Denied: it needs its passphrase.
Result<PrivateKey> private_key_from_pem(const SecretBytes& text);

}  // namespace writ::crypto
