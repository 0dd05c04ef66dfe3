#include "crypto/keys.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include <algorithm>

#include "crypto/openssl_internal.h"

namespace writ::crypto {
namespace {

constexpr std::size_t kSeedSize = 32;

// use_sodium does what the library asks of every process before its first call.
void use_sodium() {
  static const int ready = sodium_init();
  WRIT_ASSERT(ready >= 0);
}

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

const EC_GROUP* p256() {
  static const EC_GROUP* const group = [] {
    use_openssl();
    return EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  }();
  WRIT_ASSERT(group != nullptr);
  return group;
}

using Uncompressed = std::array<unsigned char, 65>;  // 04 X Y

Uncompressed uncompressed(Bytes xy) {
  Uncompressed out{4};
  std::copy_n(raw(xy), 64, out.begin() + 1);
  return out;
}

bool is_on_p256(Bytes xy) {
  const Uncompressed form = uncompressed(xy);
  const EcPointPtr point(EC_POINT_new(p256()));
  WRIT_ASSERT(point != nullptr);
  const int ok = EC_POINT_oct2point(p256(), point.get(), form.data(), form.size(), nullptr);
  ERR_clear_error();
  return ok == 1;
}

// The public half X‖Y of a scalar; Malformed unless 1 <= scalar < n.
Result<std::array<std::byte, 64>> p256_public(Bytes scalar) {
  const BnPtr number(BN_secure_new());
  const EcPointPtr point(EC_POINT_new(p256()));
  WRIT_ASSERT(number != nullptr && point != nullptr);
  WRIT_ASSERT(BN_bin2bn(raw(scalar), static_cast<int>(scalar.size()), number.get()) != nullptr);
  BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  if (BN_is_zero(number.get()) || BN_cmp(number.get(), EC_GROUP_get0_order(p256())) >= 0) {
    return Error(Code::Malformed, "the P-256 private key is not between 1 and n-1");
  }
  Uncompressed form{};
  if (EC_POINT_mul(p256(), point.get(), number.get(), nullptr, nullptr, nullptr) != 1 ||
      EC_POINT_point2oct(p256(), point.get(), POINT_CONVERSION_UNCOMPRESSED, form.data(),
                         form.size(), nullptr) != form.size()) {
    ERR_clear_error();
    return Error(Code::Internal, "computing a P-256 public key failed");
  }
  std::array<std::byte, 64> xy{};
  std::transform(form.begin() + 1, form.end(), xy.begin(),
                 [](unsigned char c) { return static_cast<std::byte>(c); });
  return xy;
}

// An OpenSSL key object; `scalar` empty for a public one. Null when OpenSSL refuses.
PkeyPtr es256_object(const PublicKey& key, Bytes scalar) {
  use_openssl();
  Uncompressed form = uncompressed(key.bytes());
  char group[] = "prime256v1";
  // OSSL_PARAM numbers are in native byte order; every machine of ours is little-endian.
  SecretBytes native = SecretBytes::copy_of(scalar);
  const auto digits = native.fill_in(SecretAccess::for_reason("ES256 key for OpenSSL"));
  std::reverse(digits.begin(), digits.end());
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, form.data(), form.size()),
      scalar.empty()
          ? OSSL_PARAM_construct_end()
          : OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, raw_out(digits), digits.size()),
      OSSL_PARAM_construct_end(),
  };
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  WRIT_ASSERT(context != nullptr);
  EVP_PKEY* made = nullptr;
  const int selection = scalar.empty() ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, selection, const_cast<OSSL_PARAM*>(params)) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return PkeyPtr(made);
}

Error refused() {
  return {Code::Denied, "the signature does not verify under this key"};
}

Result<void> check_es256(const PublicKey& key, Bytes message, Bytes signature) {
  Signature fixed{};
  std::copy(signature.begin(), signature.end(), fixed.begin());
  const ByteVec der = es256_to_der(fixed);
  const PkeyPtr object = es256_object(key, {});
  const MdCtxPtr context(EVP_MD_CTX_new());
  WRIT_ASSERT(object != nullptr && context != nullptr);
  const int verdict =
      EVP_DigestVerifyInit(context.get(), nullptr, sha256_method(), nullptr, object.get()) == 1
          ? EVP_DigestVerify(context.get(), raw(der), der.size(), raw(message), message.size())
          : -1;
  ERR_clear_error();
  if (verdict != 1) return refused();
  return {};
}

Result<Signature> sign_es256(const PublicKey& key, Bytes scalar, Bytes message) {
  const PkeyPtr object = es256_object(key, scalar);
  const MdCtxPtr context(EVP_MD_CTX_new());
  WRIT_ASSERT(context != nullptr);
  std::array<std::byte, 80> der{};
  std::size_t size = der.size();
  if (object == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, sha256_method(), nullptr, object.get()) != 1 ||
      EVP_DigestSign(context.get(), raw_out(der), &size, raw(message), message.size()) != 1) {
    ERR_clear_error();
    return Error(Code::Internal, "OpenSSL could not make an ES256 signature");
  }
  return es256_from_der(Bytes(der).first(size));
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

Result<PrivateKey> PrivateKey::create(Algorithm algorithm, const SecretBytes& secret) {
  if (secret.size() != kSeedSize) {
    return Error(Code::Malformed,
                 "private keys have 32 bytes, not " + std::to_string(secret.size()));
  }
  const Bytes bytes = secret.reveal(SecretAccess::for_reason("deriving the public key"));
  if (algorithm == Algorithm::ES256) {
    const std::array<std::byte, 64> xy = TRY(p256_public(bytes));
    return PrivateKey(TRY(PublicKey::create(algorithm, xy)), secret.clone());
  }
  static_assert(crypto_sign_ed25519_SECRETKEYBYTES == 64);
  use_sodium();
  SecretBytes pair(64);
  const auto out = pair.fill_in(SecretAccess::for_reason("Ed25519 seed and public key"));
  std::array<std::byte, 32> public_bytes{};
  WRIT_ASSERT(crypto_sign_ed25519_seed_keypair(raw_out(public_bytes), raw_out(out), raw(bytes)) ==
              0);
  return PrivateKey(TRY(PublicKey::create(algorithm, public_bytes)), std::move(pair));
}

PrivateKey generate_key(Algorithm algorithm, Random& random) {
  // A P-256 scalar is out of range once in 2^32 draws; anything but bad luck ends here.
  for (int attempt = 0; attempt < 64; ++attempt) {
    Result<PrivateKey> key = PrivateKey::create(algorithm, SecretBytes::random(kSeedSize, random));
    if (key) return std::move(key).value();
  }
  die("the source of randomness gives no valid key", __FILE__, __LINE__);
}

Result<Signature> sign(const PrivateKey& key, Bytes message) {
  const Bytes secret = key.secret_.reveal(SecretAccess::for_reason("signing"));
  if (key.algorithm() == Algorithm::ES256) {
    return sign_es256(key.public_key(), secret, message);
  }
  use_sodium();
  Signature signature{};
  WRIT_ASSERT(crypto_sign_ed25519_detached(raw_out(signature), nullptr, raw(message),
                                           message.size(), raw(secret)) == 0);
  return signature;
}

Result<void> check_signature(const PublicKey& key, Bytes message, Bytes signature) {
  if (signature.size() != kSignatureSize) {
    return Error(Code::Malformed,
                 "signatures have 64 bytes, not " + std::to_string(signature.size()));
  }
  if (key.algorithm() == Algorithm::ES256) return check_es256(key, message, signature);
  use_sodium();
  if (crypto_sign_ed25519_verify_detached(raw(signature), raw(message), message.size(),
                                          raw(key.bytes())) != 0) {
    return refused();
  }
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
