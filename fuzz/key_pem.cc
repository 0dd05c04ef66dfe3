// Key files that are not sealed: what is read is written back as the same bytes, so that one key
// has one file.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "crypto/pem.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  using namespace writ::crypto;
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  const std::string_view text = as_text(bytes);
  const Result<PemKind> kind = pem_kind(text);
  if (!kind) WRIT_ASSERT(is_utf8(kind.error().message()));

  const Result<PublicKey> open = public_key_from_pem(text);
  if (open) {
    WRIT_ASSERT(*kind == PemKind::Public && to_pem(*open) == text);
  } else {
    WRIT_ASSERT(is_utf8(open.error().message()));
  }
  if (size > kMaxKeyFile) {  // no secret is that long: whoever reads a key file refuses it before
    WRIT_ASSERT(!open);
    return 0;
  }
  if (size > kMaxKeyFile) {  // no secret is that long: whoever reads a key file refuses it before
    WRIT_ASSERT(!open);
    return 0;
  }
  const Result<PrivateKey> secret = private_key_from_pem(SecretBytes::copy_of(bytes));
  if (secret) {
    WRIT_ASSERT(*kind == PemKind::Private);
    const SecretBytes again = private_to_pem(*secret);
    const SecretAccess access = SecretAccess::for_reason("a fuzzed key is nobody's");
    WRIT_ASSERT(equal(again.reveal(access), bytes));
  } else {
    WRIT_ASSERT(is_utf8(secret.error().message()));
  }
  WRIT_ASSERT(!open || !secret);
  return 0;
}
