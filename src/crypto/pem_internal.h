// The parts of PEM and PKCS#8 that pem.cc and seal.cc share.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/keys.h"

namespace writ::crypto {

inline constexpr std::string_view kPublicLabel = "PUBLIC KEY";
inline constexpr std::string_view kPrivateLabel = "PRIVATE KEY";
inline constexpr std::string_view kSealedLabel = "ENCRYPTED PRIVATE KEY";

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
