// Keys and signatures with libsodium and OpenSSL.
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include <algorithm>

#include "crypto/keys.h"
#include "crypto/openssl_internal.h"
#include "crypto/verify_internal.h"

namespace writ::crypto {
namespace {

constexpr std::size_t kSeedSize = 32;

// use_sodium does what the library asks of every process before its first call.
void use_sodium() {
  static const int ready = sodium_init();
  WRIT_ASSERT(ready >= 0);
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
PkeyPtr es256_object(Bytes xy, Bytes scalar) {
  use_openssl();
  Uncompressed form = uncompressed(xy);
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

Result<Signature> sign_es256(const PublicKey& key, Bytes scalar, Bytes message) {
  const PkeyPtr object = es256_object(key.bytes(), scalar);
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

}  // namespace

bool is_on_p256(Bytes xy) {
  const Uncompressed form = uncompressed(xy);
  const EcPointPtr point(EC_POINT_new(p256()));
  WRIT_ASSERT(point != nullptr);
  const int ok = EC_POINT_oct2point(p256(), point.get(), form.data(), form.size(), nullptr);
  ERR_clear_error();
  return ok == 1;
}

bool verifies_ed25519(Bytes key, Bytes message, Bytes signature) {
  use_sodium();
  return crypto_sign_ed25519_verify_detached(raw(signature), raw(message), message.size(),
                                             raw(key)) == 0;
}

bool verifies_es256(Bytes key, Bytes message, Bytes signature) {
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
  return verdict == 1;
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

}  // namespace writ::crypto
