// Proof bundles: the file, and the whole check of what it holds, believing the keys that it names
// itself, so that a forged history gets as far as it can. What verifies has one encoding, verifies
// for nobody who trusts other keys, and not with one bit changed. Inputs are also read as the
// objects of proof/records.h, and what begins with `{` as a request (proof/verdict.h).
#include "proof/proof_bundle.h"

#include <cstddef>
#include <cstdint>

#include "crypto/sha.h"
#include "json/read.h"
#include "json/write.h"
#include "proof/records.h"
#include "proof/verdict.h"

namespace writ::proof {
namespace {

// A bundle that decodes, for requests to be asked about.
const ByteVec& some_file() {
  static const ByteVec file = [] {
    ProofBundle bundle;
    bundle.run = make_run_id(UnixMillis(1), {std::byte{1}});
    bundle.head = "head\n";
    return encode_proof(bundle).value();
  }();
  return file;
}

void use_request(std::string_view request) {
  const std::string answer = check_file(some_file(), request);
  const json::Value value = json::read(answer, {}).value();
  WRIT_ASSERT((value.find("error") != nullptr) != (value.find("ok") != nullptr));
  if (const json::Value* ok = value.find("ok")) WRIT_ASSERT(!ok->as_bool().value());
}

// use_verified: `bundle` verifies for whoever trusts `claimed`. A bit that `choice` names is
// changed.
void use_verified(const ProofBundle& bundle, const Trusted& claimed, const Digest32& choice) {
  WRIT_ASSERT(!check_proof(bundle, {{}, claimed.logs, {}}).verified());
  WRIT_ASSERT(!check_proof(bundle, {claimed.authorities, {}, {}}).verified());
  std::size_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) {
    number = number << 8U | std::to_integer<std::size_t>(choice.get()[i]);
  }
  const auto flip = [number](ByteVec& bytes) {
    bytes[number / 8 % bytes.size()] ^= std::byte{1} << (number % 8);
  };
  ProofBundle other = bundle;
  ProofEntry& entry = other.entries[number % other.entries.size()];
  flip(entry.side && number % 2 == 0 ? *entry.side : entry.entry);
  WRIT_ASSERT(!check_proof(other, claimed).verified());
  other = bundle;
  flip(other.objects[number % other.objects.size()]);
  WRIT_ASSERT(!check_proof(other, claimed).verified());
}

}  // namespace
}  // namespace writ::proof

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  using namespace writ::proof;
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);

  if (size > 0 && data[0] == '{') use_request(as_text(input));
  if (const auto record = decode_authority(input)) {
    WRIT_ASSERT(equal(encode_authority(*record), input));
  }
  if (const auto inputs = decode_inputs(input)) WRIT_ASSERT(equal(encode_inputs(*inputs), input));
  const Result<ProofBundle> bundle = decode_proof(input);
  if (!bundle) {
    WRIT_ASSERT(is_utf8(json::write(no_bundle(bundle.error()))));
    return 0;
  }
  WRIT_ASSERT(equal(encode_proof(*bundle).value(), input));
  const Trusted claimed = claimed_keys(*bundle);
  const Checklist list = check_proof(*bundle, claimed);
  WRIT_ASSERT(list.steps.size() == kSteps);
  const std::string answer = json::write(verdict(*bundle, list, trusting({"seed"}, false, list)));
  WRIT_ASSERT(is_utf8(answer));
  if (list.verified()) use_verified(*bundle, claimed, crypto::sha256(input));
  return 0;
}
