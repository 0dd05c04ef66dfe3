// What keys.cc asks of a library of cryptography. One of two answers is linked: keys_host.cc
// (libsodium, OpenSSL) or, in WebAssembly, imported.cc (the functions of whoever loads the module).
// Both give the same answer for the same bytes, whoever chose these (tests/wasm).
// Sizes were checked: keys of 32 bytes (Ed25519) or 64 (X‖Y), signatures of 64.
#pragma once

#include "base/bytes.h"

namespace writ::crypto {

bool is_on_p256(Bytes xy);
// verifies_ed25519: R is the canonical encoding of s·B - k·A and not of small order, s < L; without
// multiplying by the cofactor, so that torsion in a key or in R cannot pass (RFC 8032 allows both).
bool verifies_ed25519(Bytes key, Bytes message, Bytes signature);
// verifies_es256: r and s in 1..n-1, either s.
bool verifies_es256(Bytes xy, Bytes message, Bytes signature);

}  // namespace writ::crypto
