#include "cose/key.h"

#include <algorithm>
#include <array>

#include "cbor/writer.h"
#include "crypto/sha.h"

namespace writ::cose {
namespace {

// RFC 9052 §7.1, RFC 9053 §7.
constexpr std::int64_t kKty = 1;
constexpr std::int64_t kCrv = -1;
constexpr std::int64_t kX = -2;
constexpr std::int64_t kY = -3;
constexpr std::int64_t kKtyOkp = 1;
constexpr std::int64_t kKtyEc2 = 2;
constexpr std::int64_t kCrvP256 = 1;
constexpr std::int64_t kCrvEd25519 = 6;

// RFC 9053 §2.1 and §2.2.
constexpr std::int64_t kAlgEs256 = -7;
constexpr std::int64_t kAlgEdDsa = -8;

constexpr std::size_t kCoordinate = 32;

Result<void> expect_label(cbor::Reader& reader, std::int64_t label, std::string_view what) {
  if (TRY(reader.integer()) != label) return reader.refuse(what);
  return {};
}

Error unsupported_key() {
  return {Code::Unsupported, "this COSE_Key is not an Ed25519 or P-256 signature key"};
}

}  // namespace

ByteVec encode_key(const crypto::PublicKey& key) {
  cbor::Writer writer;
  const Bytes bytes = key.bytes();
  writer.map([&] {
    if (key.algorithm() == crypto::Algorithm::EdDSA) {
      writer.key(kKty).integer(kKtyOkp);
      writer.key(kCrv).integer(kCrvEd25519);
      writer.key(kX).bytes(bytes);
    } else {
      writer.key(kKty).integer(kKtyEc2);
      writer.key(kCrv).integer(kCrvP256);
      writer.key(kX).bytes(bytes.first(kCoordinate));
      writer.key(kY).bytes(bytes.last(kCoordinate));
    }
  });
  return std::move(writer).finish().value();
}

Result<crypto::PublicKey> read_key(cbor::Reader& reader) {
  // Deterministic order of the labels: 1, -1, -2, -3.
  const std::size_t members = TRY(reader.enter_map());
  TRY(expect_label(reader, kKty, "a COSE_Key starts with kty (1)"));
  const std::int64_t kty = TRY(reader.integer());
  if (kty != kKtyOkp && kty != kKtyEc2) return unsupported_key();
  const bool okp = kty == kKtyOkp;
  if (members != (okp ? 3U : 4U)) {
    return reader.refuse("a COSE_Key holds kty, crv, x and, for EC2, y, and nothing else");
  }
  TRY(expect_label(reader, kCrv, "expected crv (-1) in a COSE_Key"));
  if (TRY(reader.integer()) != (okp ? kCrvEd25519 : kCrvP256)) return unsupported_key();
  TRY(expect_label(reader, kX, "expected x (-2) in a COSE_Key"));
  const Bytes x = TRY(reader.bytes());
  if (x.size() != kCoordinate) return reader.refuse("x of a COSE_Key has 32 bytes");
  if (okp) {
    TRY(reader.leave());
    return crypto::PublicKey::create(crypto::Algorithm::EdDSA, x);
  }
  TRY(expect_label(reader, kY, "expected y (-3) in a COSE_Key"));
  const Bytes y = TRY(reader.bytes());
  if (y.size() != kCoordinate) return reader.refuse("y of a COSE_Key has 32 bytes");
  TRY(reader.leave());
  std::array<std::byte, 2 * kCoordinate> xy{};
  std::copy(x.begin(), x.end(), xy.begin());
  std::copy(y.begin(), y.end(), xy.begin() + kCoordinate);
  return crypto::PublicKey::create(crypto::Algorithm::ES256, xy);
}

Result<crypto::PublicKey> decode_key(Bytes bytes) {
  cbor::Reader reader(bytes);
  const crypto::PublicKey key = TRY(read_key(reader));
  TRY(reader.finish());
  return key;
}

KeyId key_id(const crypto::PublicKey& key) {
  return KeyId(crypto::sha256(encode_key(key)).get());
}

std::int64_t algorithm_label(crypto::Algorithm algorithm) {
  return algorithm == crypto::Algorithm::EdDSA ? kAlgEdDsa : kAlgEs256;
}

Result<crypto::Algorithm> algorithm_from_label(std::int64_t label) {
  if (label == kAlgEdDsa) return crypto::Algorithm::EdDSA;
  if (label == kAlgEs256) return crypto::Algorithm::ES256;
  return Error(Code::Unsupported, "COSE algorithm " + std::to_string(label) +
                                      " is not one that Writ verifies (EdDSA -8, ES256 -7)");
}

}  // namespace writ::cose
