#include "permit/possession.h"

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "cose/sign1.h"
#include "crypto/sha.h"

namespace writ::permit {
namespace {

constexpr std::string_view kType = "application/writ-possession+cose";
constexpr std::uint64_t kVersion = 0;
constexpr std::size_t kMinNonce = 16;
constexpr std::size_t kMaxNonce = 64;
constexpr std::size_t kMaxDomain = 255;

ByteVec must(Result<ByteVec> bytes) {
  return std::move(bytes).value();
}

template <typename Id>
Result<Id> read_id(cbor::Reader& r) {
  return id_from_bytes<Id>(TRY(r.bytes()));
}

}  // namespace

Digest32 digest_texts(std::span<const std::string> texts) {
  cbor::Writer w;
  w.array([&] {
    for (const std::string& text : texts) w.bytes(as_bytes(text));
  });
  return crypto::sha256(must(std::move(w).finish()));
}

Digest32 digest_text(std::string_view text) {
  cbor::Writer w;
  w.bytes(as_bytes(text));
  return crypto::sha256(must(std::move(w).finish()));
}

Result<ByteVec> prove_possession(const Intent& intent, const crypto::PrivateKey& holder) {
  if (intent.nonce.size() < kMinNonce || intent.nonce.size() > kMaxNonce) {
    return Error(Code::InvalidArgument, "a nonce has 16 to 64 bytes");
  }
  if (intent.domain.empty() || intent.domain.size() > kMaxDomain) {
    return Error(Code::InvalidArgument, "a domain name has 1 to 255 bytes");
  }
  cbor::Writer w;
  w.map([&] {
    w.key("version").uint(kVersion);
    w.key("permit").bytes(as_bytes(intent.permit));
    w.key("ledger").bytes(as_bytes(intent.ledger));
    w.key("domain").text(intent.domain);
    w.key("time").integer(intent.time.get());
    w.key("nonce").bytes(intent.nonce);
    w.key("argv").bytes(as_bytes(intent.argv));
    w.key("environment").bytes(as_bytes(intent.environment));
    w.key("directory").bytes(as_bytes(intent.directory));
  });
  return cose::sign1(holder, kType, TRY(std::move(w).finish()));
}

Result<Intent> read_possession(Bytes proof, const crypto::PublicKey& holder) {
  if (proof.size() > kMaxPossession) {
    return Error(Code::Malformed, "the proof of possession is too long");
  }
  const cose::Sign1 message = TRY(cose::Sign1::parse(proof, cose::Profile::Writ));
  if (message.header().typ != kType) {
    return Error(Code::Malformed,
                 "not a proof of possession but `" + printable(message.header().typ, 60) + "`");
  }
  const cose::VerifiedSign1 verified = TRY(message.verify(holder));
  cbor::Reader r(verified.payload());
  Intent intent;
  unsigned seen = 0;
  TRY(r.enter_map());
  while (r.more()) {
    const std::string_view key = TRY(r.text());
    ++seen;  // keys are unique: nine known ones are all
    if (key == "version") {
      if (TRY(r.uint()) != kVersion) {
        return Error(Code::Unsupported, "unknown version of a proof of possession");
      }
    } else if (key == "permit") {
      intent.permit = TRY(read_id<PermitId>(r));
    } else if (key == "ledger") {
      intent.ledger = TRY(read_id<LedgerId>(r));
    } else if (key == "domain") {
      intent.domain = std::string(TRY(r.text()));
    } else if (key == "time") {
      intent.time = UnixSeconds(TRY(r.integer()));
    } else if (key == "nonce") {
      intent.nonce = to_vec(TRY(r.bytes()));
    } else if (key == "argv") {
      intent.argv = TRY(read_id<Digest32>(r));
    } else if (key == "environment") {
      intent.environment = TRY(read_id<Digest32>(r));
    } else if (key == "directory") {
      intent.directory = TRY(read_id<Digest32>(r));
    } else {
      return r.refuse("unknown field of a proof of possession");
    }
  }
  TRY(r.leave());
  TRY(r.finish());
  if (seen != 9 || intent.nonce.size() < kMinNonce || intent.nonce.size() > kMaxNonce) {
    return Error(Code::Malformed, "the proof of possession lacks a field or has a bad nonce");
  }
  return intent;
}

}  // namespace writ::permit
