#include "proof/records.h"

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "cose/key.h"
#include "crypto/sha.h"

namespace writ::proof {
namespace {

constexpr std::uint64_t kVersion = 0;

// What is written here holds UTF-8 and counts of our own: finish cannot fail.
ByteVec finished(cbor::Writer&& writer) {
  Result<ByteVec> bytes = std::move(writer).finish();
  WRIT_ASSERT(bytes.has_value());
  return std::move(*bytes);
}

Result<void> expect_version(cbor::Reader& reader) {
  const std::uint64_t version = TRY(reader.uint());
  if (version == kVersion) return {};
  return Error(Code::Unsupported, "record version " + std::to_string(version) + " is not known");
}

template <typename Id>
Result<Id> read_id(cbor::Reader& reader) {
  return id_from_bytes<Id>(TRY(reader.bytes()));
}

}  // namespace

ByteVec encode_authority(const AuthorityRecord& record) {
  cbor::Writer w;
  w.array([&] {
    w.uint(kVersion).text(record.name).item(cose::encode_key(record.key)).text(record.ceiling);
  });
  return finished(std::move(w));
}

Result<AuthorityRecord> decode_authority(Bytes bytes) {
  cbor::Reader r(bytes);
  TRY(r.enter_array_of(4));
  TRY(expect_version(r));
  std::string name(TRY(r.text()));
  crypto::PublicKey key = TRY(cose::read_key(r));
  std::string ceiling(TRY(r.text()));
  TRY(r.leave());
  TRY(r.finish());
  return AuthorityRecord{std::move(name), key, std::move(ceiling)};
}

ByteVec encode_inputs(const AdmissionInputs& inputs) {
  cbor::Writer w;
  w.array([&] {
    w.uint(kVersion).integer(inputs.time.get()).text(inputs.domain).bytes(as_bytes(inputs.ledger));
    w.text(inputs.tier);
    w.array([&] {
      for (const Digest32& authority : inputs.authorities) w.bytes(as_bytes(authority));
    });
    w.bytes(as_bytes(inputs.domain_definition)).bytes(as_bytes(inputs.bundle_file));
    w.bytes(as_bytes(inputs.bundle))
        .bytes(as_bytes(inputs.permit_file))
        .uint(inputs.uses_taken)
        .text(inputs.requests);
  });
  return finished(std::move(w));
}

Result<AdmissionInputs> decode_inputs(Bytes bytes) {
  cbor::Reader r(bytes);
  AdmissionInputs inputs;
  TRY(r.enter_array_of(12));
  TRY(expect_version(r));
  inputs.time = UnixMillis(TRY(r.integer()));
  inputs.domain = TRY(r.text());
  inputs.ledger = TRY(read_id<LedgerId>(r));
  inputs.tier = TRY(r.text());
  const std::size_t authorities = TRY(r.enter_array());
  for (std::size_t i = 0; i < authorities; ++i) {
    inputs.authorities.push_back(TRY(read_id<Digest32>(r)));
  }
  TRY(r.leave());
  inputs.domain_definition = TRY(read_id<Digest32>(r));
  inputs.bundle_file = TRY(read_id<Digest32>(r));
  inputs.bundle = TRY(read_id<BundleDigest>(r));
  inputs.permit_file = TRY(read_id<Digest32>(r));
  inputs.uses_taken = TRY(r.uint());
  inputs.requests = TRY(r.text());
  TRY(r.leave());
  TRY(r.finish());
  return inputs;
}

ByteVec encode_decision(const DecisionRecord& record) {
  cbor::Writer w;
  w.array([&] {
    w.uint(kVersion).text(record.action).bytes(as_bytes(record.inputs)).boolean(record.allowed);
    if (record.reason) {
      w.text(code_of(*record.reason));
    } else {
      w.null();
    }
    w.array([&] {
      for (const std::string& policy : record.policies) w.text(policy);
    });
    w.array([&] {
      for (const std::string& policy : record.errors) w.text(policy);
    });
  });
  return finished(std::move(w));
}

Digest32 decision_digest(const DecisionRecord& record) {
  return crypto::sha256(encode_decision(record));
}

}  // namespace writ::proof
