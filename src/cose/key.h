// Public keys as COSE_Key maps (RFC 9052 §7, RFC 9053 §7) and their thumbprints (RFC 9679), which
// are Writ's key ids.
//
// Reading is strict: exactly the members that the thumbprint is taken of, deterministic encoding.
//   Ed25519: {1: 1, -1: 6, -2: x}           kty OKP, crv Ed25519, 32 bytes
//   P-256:   {1: 2, -1: 1, -2: x, -3: y}    kty EC2, crv P-256, 32 bytes each, y never compressed
// So a key has one COSE_Key and one id. The bytes may be a stranger's; other members (kid, alg,
// key_ops, a private d) are refused, other key types are Unsupported.
//
// Sizes: an encoded key has 40 or 75 bytes. Thread safety: pure functions.
#pragma once

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "cbor/reader.h"
#include "crypto/keys.h"

namespace writ::cose {

// encode_key writes the map.
ByteVec encode_key(const crypto::PublicKey& key);

// decode_key reads exactly one map; read_key reads one where `reader` stands. Malformed or
// Unsupported; a key that PublicKey::create refuses is Malformed.
Result<crypto::PublicKey> decode_key(Bytes bytes);
Result<crypto::PublicKey> read_key(cbor::Reader& reader);

// key_id is the SHA-256 thumbprint of the key (RFC 9679 §4).
KeyId key_id(const crypto::PublicKey& key);

// The COSE names (RFC 9053 §2): EdDSA is -8, ES256 is -7. Unsupported for another number.
std::int64_t algorithm_label(crypto::Algorithm algorithm);
Result<crypto::Algorithm> algorithm_from_label(std::int64_t label);

}  // namespace writ::cose
