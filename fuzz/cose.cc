// COSE and what stands inside it: messages, keys and claims. Whatever is accepted has one encoding,
// Writ's profile is a part of the general one, and what a key signs it verifies.
#include <cstddef>
#include <cstdint>

#include "cose/cwt.h"
#include "cose/key.h"
#include "cose/sign1.h"

namespace writ::cose {
namespace {

// The key that signed the seeds: 32 zero bytes.
const crypto::PrivateKey& seed_key() {
  static const crypto::PrivateKey key =
      crypto::PrivateKey::create(crypto::Algorithm::EdDSA, SecretBytes(32)).value();
  return key;
}

void check_writ(Bytes input, const Sign1& message) {
  const auto general = Sign1::parse(input, Profile::General);
  WRIT_ASSERT(general.has_value());
  WRIT_ASSERT(general->structure() == message.structure());
  WRIT_ASSERT(message.header().key().has_value());
  WRIT_ASSERT(!message.header().typ.empty());

  // Signed again by us it is a message like any other; under our key it is the very same bytes.
  const ByteVec again =
      sign1(seed_key(), message.header().typ, message.unverified_payload()).value();
  const Sign1 ours = Sign1::parse(again, Profile::Writ).value();
  WRIT_ASSERT(ours.verify(seed_key().public_key()).has_value());
  if (message.verify(seed_key().public_key())) {
    WRIT_ASSERT(equal(again, input));
  } else {
    WRIT_ASSERT(!equal(again, input));
  }
}

}  // namespace
}  // namespace writ::cose

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  using namespace writ::cose;
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);

  if (const auto message = Sign1::parse(input, Profile::Writ)) check_writ(input, *message);
  if (const auto message = Sign1::parse(input, Profile::General)) {
    const auto verified = message->verify(seed_key().public_key());
    if (verified) {
      WRIT_ASSERT(equal(verified->payload(), message->unverified_payload()));
      WRIT_ASSERT(verified->structure_digest() == message->structure_digest());
    }
    WRIT_ASSERT(message->header().key().has_value() == (message->header().kid.size() == 32));
  }
  if (const auto key = decode_key(input)) {
    WRIT_ASSERT(equal(encode_key(*key), input));
  }
  if (const auto claims = decode_claims(input)) {
    WRIT_ASSERT(equal(encode_claims(*claims).value(), input));
    for (const auto& [name, item] : claims->extra) WRIT_ASSERT(claims->find(name) == &item);
  }
  return 0;
}
