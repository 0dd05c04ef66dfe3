// WebAssembly: hashes and signatures are functions of whoever loads the module (apps/proof-wasm).
// Signing, private keys and the other digests do not exist there; what would use them is not
// linked.
#include "crypto/sha.h"
#include "crypto/verify_internal.h"

namespace writ::crypto {
namespace {

#define WRIT_IMPORT(name) __attribute__((import_module("writ"), import_name(name)))

// Each pointer is to bytes that the function reads, `out` to 32 that it writes. 1 is yes.
extern "C" {
WRIT_IMPORT("sha256") void writ_sha256(const std::byte* bytes, std::size_t size, std::byte* out);
WRIT_IMPORT("is_on_p256") int writ_is_on_p256(const std::byte* xy);
WRIT_IMPORT("verifies_ed25519")
int writ_verifies_ed25519(const std::byte* key, const std::byte* message, std::size_t size,
                          const std::byte* signature);
WRIT_IMPORT("verifies_es256")
int writ_verifies_es256(const std::byte* xy, const std::byte* message, std::size_t size,
                        const std::byte* signature);
}

}  // namespace

Digest32 sha256(Bytes bytes) {
  Array32 out{};
  writ_sha256(bytes.data(), bytes.size(), out.data());
  return Digest32(out);
}

Digest32 sha256(std::initializer_list<Bytes> parts) {
  ByteVec whole;
  for (const Bytes part : parts) append(whole, part);
  return sha256(whole);
}

bool is_on_p256(Bytes xy) {
  return writ_is_on_p256(xy.data()) == 1;
}

bool verifies_ed25519(Bytes key, Bytes message, Bytes signature) {
  return writ_verifies_ed25519(key.data(), message.data(), message.size(), signature.data()) == 1;
}

bool verifies_es256(Bytes xy, Bytes message, Bytes signature) {
  return writ_verifies_es256(xy.data(), message.data(), message.size(), signature.data()) == 1;
}

}  // namespace writ::crypto
