#include "domain/bundle.h"

#include <algorithm>

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "cose/key.h"
#include "cose/sign1.h"
#include "crypto/sha.h"
#include "domain/domain.h"

namespace writ::domain {
namespace {

constexpr std::string_view kType = "application/writ-policy+cose";
constexpr std::uint64_t kVersion = 0;

Error too_large(const char* what) {
  return {Code::Exhausted, std::string("policy bundle: ") + what + " larger than allowed"};
}

Result<void> check_bundle(const Bundle& bundle) {
  TRY(check_name(bundle.name));
  if (bundle.generation == 0) return Error(Code::InvalidArgument, "generations begin at 1");
  if (bundle.policies.size() > kMaxPolicyText) return too_large("policies are");
  if (bundle.schema.size() > kMaxPolicyText) return too_large("the schema is");
  if (bundle.entities.size() > kMaxEntities) return too_large("entities are");
  return {};
}

Result<ByteVec> payload_of(const Bundle& bundle) {
  TRY(check_bundle(bundle));
  cbor::Writer w;
  w.map([&] {
    w.key("version").uint(kVersion);
    w.key("name").text(bundle.name);
    w.key("generation").uint(bundle.generation);
    w.key("policies").text(bundle.policies);
    w.key("schema").text(bundle.schema);
    w.key("entities").bytes(bundle.entities);
  });
  return std::move(w).finish();
}

}  // namespace

Result<Bundle> read_bundle_payload(Bytes payload) {
  cbor::Reader r(payload);
  Bundle bundle;
  unsigned seen = 0;
  TRY(r.enter_map());
  while (r.more()) {
    const std::string_view key = TRY(r.text());
    ++seen;  // keys are unique: six known ones are all
    if (key == "version") {
      if (TRY(r.uint()) != kVersion) {
        return Error(Code::Unsupported, "unknown version of a policy bundle");
      }
    } else if (key == "name") {
      bundle.name = std::string(TRY(r.text()));
    } else if (key == "generation") {
      bundle.generation = TRY(r.uint());
    } else if (key == "policies") {
      bundle.policies = std::string(TRY(r.text()));
    } else if (key == "schema") {
      bundle.schema = std::string(TRY(r.text()));
    } else if (key == "entities") {
      bundle.entities = to_vec(TRY(r.bytes()));
    } else {
      return r.refuse("unknown field of a policy bundle");
    }
  }
  TRY(r.leave());
  TRY(r.finish());
  if (seen != 6) return Error(Code::Malformed, "a policy bundle lacks a field");
  TRY(check_bundle(bundle));
  return bundle;
}

Result<ByteVec> sign_bundle(const Bundle& bundle, const crypto::PrivateKey& authority) {
  const ByteVec payload = TRY(payload_of(bundle));
  return cose::sign1(authority, kType, payload);
}

Result<BundleDigest> bundle_digest(const Bundle& bundle) {
  const ByteVec payload = TRY(payload_of(bundle));
  return BundleDigest(crypto::sha256(payload).get());
}

Result<VerifiedBundle> verify_bundle(Bytes file, std::span<const permit::Authority> authorities) {
  if (file.size() > kMaxBundleFile) return too_large("the file is");
  const cose::Sign1 message = TRY(cose::Sign1::parse(file, cose::Profile::Writ));
  if (message.header().typ != kType) {
    return Error(Code::Malformed,
                 "not a policy bundle but `" + printable(message.header().typ, 60) + "`");
  }
  const KeyId signer = TRY(message.header().key());
  const auto authority = std::find_if(
      authorities.begin(), authorities.end(),
      [&](const permit::Authority& known) { return cose::key_id(known.key) == signer; });
  if (authority == authorities.end()) {
    return Error(Code::NotFound,
                 "no trusted authority has key " + short_hex(signer) + "… of the policy bundle");
  }
  const cose::VerifiedSign1 verified = TRY(message.verify(authority->key));
  Bundle bundle = TRY(read_bundle_payload(verified.payload()));
  const BundleDigest digest(crypto::sha256(verified.payload()).get());
  return VerifiedBundle(std::move(bundle), digest, authority->name);
}

}  // namespace writ::domain
