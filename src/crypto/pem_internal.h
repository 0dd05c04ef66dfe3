// The parts of PEM and PKCS#8 that pem_public.cc, pem.cc and seal.cc share.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/keys.h"

namespace writ::crypto {

inline constexpr std::string_view kPublicLabel = "PUBLIC KEY";
inline constexpr std::string_view kPrivateLabel = "PRIVATE KEY";
inline constexpr std::string_view kSealedLabel = "ENCRYPTED PRIVATE KEY";

inline constexpr std::size_t kPemLine = 64;  // characters
inline constexpr std::string_view kPemBegin = "-----BEGIN ";
inline constexpr std::string_view kPemEnd = "-----END ";
inline constexpr std::string_view kPemDashes = "-----\n";

// pem_body is the text between the first and the last line, not empty. Malformed when these are not
// those of `label`, Exhausted over kMaxKeyFile.
Result<std::string_view> pem_body(std::string_view label, std::string_view text);
// pem_malformed is the Error for what is no PEM text of `label`.
Error pem_malformed(std::string_view label, const char* what);

// after is what follows `prefix` when that is exactly `size` bytes; empty otherwise.
Bytes after(Bytes der, std::string_view prefix, std::size_t size);
// is_one_sequence says whether one SEQUENCE fills `der`, as every key structure is.
bool is_one_sequence(Bytes der);

// pem_decode is the DER inside one PEM block of `label` with nothing around it. Malformed for any
// text that pem_encode would not have written.
Result<SecretBytes> pem_decode(std::string_view label, std::string_view text);
// pem_encode writes the block.
SecretBytes pem_encode(std::string_view label, Bytes der);

// pkcs8_encode and pkcs8_decode are the unsealed PrivateKeyInfo of a key. Decoding gives
// Malformed for what is no PrivateKeyInfo, Unsupported for one that holds another kind of key.
SecretBytes pkcs8_encode(const PrivateKey& key);
Result<PrivateKey> pkcs8_decode(Bytes der);

}  // namespace writ::crypto
