// What is the same with every library: the forms that are accepted.
#include "crypto/keys.h"

#include <algorithm>

#include "crypto/verify_internal.h"

namespace writ::crypto {
namespace {

// The y coordinates of the eight points of small order, little-endian, without the sign of x
// (the canonical ones: 0, 1, p-1 and the two of order 8). The test asks libsodium about each.
constexpr std::array<std::string_view, 5> kSmallOrder = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
};

bool is_small_order(Bytes point) {
  static const std::array<ByteVec, kSmallOrder.size()> points = [] {
    std::array<ByteVec, kSmallOrder.size()> out;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = from_hex(kSmallOrder[i]).value();
    return out;
  }();
  ByteVec y = to_vec(point);
  y[31] &= std::byte{0x7f};
  return std::find(points.begin(), points.end(), y) != points.end();
}

// y < p = 2^255 - 19, ignoring the sign of x.
bool is_canonical_y(Bytes point) {
  if ((point[31] & std::byte{0x7f}) != std::byte{0x7f}) return true;
  for (std::size_t i = 30; i >= 1; --i) {
    if (point[i] != std::byte{0xff}) return true;
  }
  return point[0] < std::byte{0xed};
}

// One positive DER INTEGER of at most 256 bits from the front of `in`, into 32 bytes.
Result<void> take_der_integer(Bytes& in, std::span<std::byte> out) {
  const auto malformed = [](const char* what) {
    return Error(Code::Malformed, std::string("an ECDSA signature in DER: ") + what);
  };
  if (in.size() < 3 || in[0] != std::byte{0x02}) return malformed("an INTEGER is missing");
  const auto size = std::to_integer<std::size_t>(in[1]);
  if (size == 0 || size > 33 || in.size() - 2 < size) return malformed("bad INTEGER length");
  Bytes number = in.subspan(2, size);
  in = in.subspan(2 + size);
  if ((number[0] & std::byte{0x80}) != std::byte{0}) return malformed("a negative INTEGER");
  if (size > 1 && number[0] == std::byte{0}) {
    if ((number[1] & std::byte{0x80}) == std::byte{0}) return malformed("an INTEGER is padded");
    number = number.subspan(1);
  }
  if (number.size() > 32) return malformed("an INTEGER over 256 bits");
  std::copy(number.begin(), number.end(),
            out.begin() + static_cast<std::ptrdiff_t>(32 - number.size()));
  return {};
}

void put_der_integer(ByteVec& out, Bytes number) {
  while (number.size() > 1 && number[0] == std::byte{0}) number = number.subspan(1);
  const bool pad = (number[0] & std::byte{0x80}) != std::byte{0};
  out.push_back(std::byte{0x02});
  out.push_back(static_cast<std::byte>(number.size() + (pad ? 1 : 0)));
  if (pad) out.push_back(std::byte{0});
  append(out, number);
}

}  // namespace

std::string_view algorithm_name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::EdDSA: return "EdDSA";
    case Algorithm::ES256: return "ES256";
  }
  return "";
}

Result<PublicKey> PublicKey::create(Algorithm algorithm, Bytes bytes) {
  const std::size_t size = algorithm == Algorithm::EdDSA ? 32 : 64;
  if (bytes.size() != size) {
    return Error(Code::Malformed, std::string(algorithm_name(algorithm)) + " public keys have " +
                                      std::to_string(size) + " bytes, not " +
                                      std::to_string(bytes.size()));
  }
  if (algorithm == Algorithm::EdDSA) {
    if (!is_canonical_y(bytes)) {
      return Error(Code::Malformed, "the Ed25519 public key is not canonically encoded");
    }
    if (is_small_order(bytes)) {
      return Error(Code::Malformed, "the Ed25519 public key is a point of small order");
    }
  } else if (!is_on_p256(bytes)) {
    return Error(Code::Malformed, "the ES256 public key is not a point on P-256");
  }
  PublicKey key;
  key.algorithm_ = algorithm;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
  return key;
}

Result<void> check_signature(const PublicKey& key, Bytes message, Bytes signature) {
  if (signature.size() != kSignatureSize) {
    return Error(Code::Malformed,
                 "signatures have 64 bytes, not " + std::to_string(signature.size()));
  }
  const bool holds = key.algorithm() == Algorithm::ES256
                         ? verifies_es256(key.bytes(), message, signature)
                         : verifies_ed25519(key.bytes(), message, signature);
  if (!holds) return Error(Code::Denied, "the signature does not verify under this key");
  return {};
}

ByteVec es256_to_der(const Signature& signature) {
  ByteVec body;
  put_der_integer(body, Bytes(signature).first(32));
  put_der_integer(body, Bytes(signature).last(32));
  ByteVec der = {std::byte{0x30}, static_cast<std::byte>(body.size())};
  append(der, body);
  return der;
}

Result<Signature> es256_from_der(Bytes der) {
  // At most 2 + 2·35 bytes, so the length is always one byte below 0x80.
  if (der.size() < 2 || der[0] != std::byte{0x30} ||
      std::to_integer<std::size_t>(der[1]) != der.size() - 2 || der.size() > 72) {
    return Error(Code::Malformed, "an ECDSA signature in DER: not one SEQUENCE of two INTEGERs");
  }
  Signature signature{};
  Bytes rest = der.subspan(2);
  TRY(take_der_integer(rest, std::span(signature).first(32)));
  TRY(take_der_integer(rest, std::span(signature).last(32)));
  if (!rest.empty()) {
    return Error(Code::Malformed, "an ECDSA signature in DER: bytes after the second INTEGER");
  }
  return signature;
}

}  // namespace writ::crypto
