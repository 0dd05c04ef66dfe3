// Sealed key files, opened with the passphrase "words": whatever a file asks for, opening it ends
// with a key or an error, within the limits of crypto/seal.h. A key that opens is sealed anew.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/pem.h"
#include "crypto/seal.h"

static bool is_one_key(const writ::crypto::PrivateKey& key,
                       const writ::Result<writ::crypto::PrivateKey>& other) {
  return other.has_value() && other->public_key() == key.public_key();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  using namespace writ::crypto;
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  const SecretBytes words = SecretBytes::copy_of(as_bytes(std::string_view("words")));
  const Result<PrivateKey> key = open_sealed(as_text(bytes), words);
  if (key) {
    WRIT_ASSERT(*pem_kind(as_text(bytes)) == PemKind::Sealed);
    SeededRandom random(size);
    const Result<std::string> again = seal(*key, words, random);
    WRIT_ASSERT(again.has_value() && is_one_key(*key, open_sealed(*again, words)));
  } else {
    WRIT_ASSERT(is_utf8(key.error().message()));
    WRIT_ASSERT(key.error().code() != Code::Internal);
  }
  return 0;
}
