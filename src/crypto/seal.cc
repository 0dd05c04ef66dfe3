#include "crypto/seal.h"

#include <openssl/asn1t.h>

#include <variant>

#include "crypto/openssl_internal.h"
#include "crypto/pem_internal.h"

namespace writ::crypto {
namespace {

constexpr std::uint64_t kScryptN = 16384;
constexpr std::uint64_t kScryptR = 8;
constexpr std::uint64_t kScryptP = 5;
constexpr std::size_t kSaltSize = 16;
constexpr std::size_t kIvSize = 16;

using Pbe2Ptr = std::unique_ptr<PBE2PARAM, Free<PBE2PARAM_free>>;
using Pbkdf2Ptr = std::unique_ptr<PBKDF2PARAM, Free<PBKDF2PARAM_free>>;
using ScryptPtr = std::unique_ptr<SCRYPT_PARAMS, Free<SCRYPT_PARAMS_free>>;

struct Scrypt {
  std::uint64_t n = 0;
  std::uint64_t r = 0;
  std::uint64_t p = 0;
};
struct Pbkdf2 {
  std::uint64_t rounds = 0;
  const EVP_MD* hash = nullptr;
};
// What a sealed file says about how it was sealed. Views into the parsed structure.
struct Recipe {
  const EVP_CIPHER* cipher = nullptr;
  Bytes iv;
  Bytes salt;
  std::variant<Scrypt, Pbkdf2> stretch;
};

Error malformed() {
  return {Code::Malformed, "the sealed key file is damaged"};
}
Error unsupported(const std::string& what) {
  return {Code::Unsupported, "the key is sealed with " + what +
                                 ", which Writ does not open: seal it again with "
                                 "`openssl pkcs8 -topk8 -scrypt`"};
}
Error too_much(const std::string& what) {
  return {Code::Exhausted, "opening this sealed key would take " + what};
}

std::string name_of(const ASN1_OBJECT* object) {
  char text[80] = {};
  OBJ_obj2txt(text, sizeof text, object, 0);
  return "`" + printable(text) + "`";
}

Bytes view(const ASN1_STRING* string) {
  return {reinterpret_cast<const std::byte*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

Result<std::uint64_t> number(const ASN1_INTEGER* integer) {
  std::uint64_t value = 0;
  if (integer == nullptr || ASN1_INTEGER_get_uint64(&value, integer) != 1) return malformed();
  return value;
}

// The key length may be said twice; it has to be what the cipher needs.
Result<void> check_key_length(const ASN1_INTEGER* said, const EVP_CIPHER* cipher) {
  if (said == nullptr) return {};
  if (TRY(number(said)) != static_cast<std::uint64_t>(EVP_CIPHER_get_key_length(cipher))) {
    return malformed();
  }
  return {};
}

Result<Recipe> read_scrypt(const SCRYPT_PARAMS& params, Recipe recipe) {
  TRY(check_key_length(params.keyLength, recipe.cipher));
  const Scrypt cost{TRY(number(params.costParameter)), TRY(number(params.blockSize)),
                    TRY(number(params.parallelizationParameter))};
  if (cost.n < 2 || (cost.n & (cost.n - 1)) != 0 || cost.r == 0 || cost.p == 0) {
    return malformed();
  }
  // Divisions, so that nothing overflows: 128·N·r and N·r·p.
  if (cost.n > kMaxScryptMemory / 128 / cost.r) {
    return too_much("more than 32 MiB of memory (scrypt N=" + std::to_string(cost.n) +
                    ", r=" + std::to_string(cost.r) + ")");
  }
  if (cost.p > kMaxScryptWork / (cost.n * cost.r)) {
    return too_much("more work than the limit (scrypt N=" + std::to_string(cost.n) +
                    ", r=" + std::to_string(cost.r) + ", p=" + std::to_string(cost.p) + ")");
  }
  recipe.salt = view(params.salt);
  recipe.stretch = cost;
  return recipe;
}

Result<Recipe> read_pbkdf2(const PBKDF2PARAM& params, Recipe recipe) {
  TRY(check_key_length(params.keylength, recipe.cipher));
  Pbkdf2 cost{TRY(number(params.iter)), nullptr};
  if (params.salt == nullptr || params.salt->type != V_ASN1_OCTET_STRING || cost.rounds == 0) {
    return malformed();
  }
  if (cost.rounds > kMaxPbkdf2Rounds) {
    return too_much(std::to_string(cost.rounds) + " rounds of PBKDF2, the limit is " +
                    std::to_string(kMaxPbkdf2Rounds));
  }
  if (params.prf == nullptr) return unsupported("PBKDF2 with HMAC-SHA-1");
  // RFC 8018 §B.1.2: the parameters are NULL.
  if (params.prf->parameter == nullptr || params.prf->parameter->type != V_ASN1_NULL) {
    return malformed();
  }
  switch (OBJ_obj2nid(params.prf->algorithm)) {
    case NID_hmacWithSHA256: cost.hash = EVP_sha256(); break;
    case NID_hmacWithSHA384: cost.hash = EVP_sha384(); break;
    case NID_hmacWithSHA512: cost.hash = EVP_sha512(); break;
    default: return unsupported("PBKDF2 with " + name_of(params.prf->algorithm));
  }
  recipe.salt = view(params.salt->value.octet_string);
  recipe.stretch = cost;
  return recipe;
}

// The owners keep what the recipe views.
struct Parsed {
  X509SigPtr file;
  Pbe2Ptr pbe2;
  ScryptPtr scrypt;
  Pbkdf2Ptr pbkdf2;
  Recipe recipe;
  Bytes sealed;
};

template <typename T>
T* unpack(const ASN1_ITEM* item, const ASN1_TYPE* value) {
  return value == nullptr ? nullptr : static_cast<T*>(ASN1_TYPE_unpack_sequence(item, value));
}

Result<Parsed> parse(Bytes der) {
  use_openssl();
  Parsed parsed;
  const unsigned char* at = raw(der);
  parsed.file.reset(d2i_X509_SIG(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (parsed.file == nullptr || at != raw(der) + der.size()) return malformed();
  // OpenSSL reads BER too; what it would write is DER.
  if (i2d_X509_SIG(parsed.file.get(), nullptr) != static_cast<int>(der.size())) return malformed();
  const X509_ALGOR* how = nullptr;
  const ASN1_OCTET_STRING* sealed = nullptr;
  X509_SIG_get0(parsed.file.get(), &how, &sealed);
  if (OBJ_obj2nid(how->algorithm) != NID_pbes2) return unsupported(name_of(how->algorithm));
  parsed.sealed = view(sealed);
  parsed.pbe2.reset(unpack<PBE2PARAM>(ASN1_ITEM_rptr(PBE2PARAM), how->parameter));
  ERR_clear_error();
  if (parsed.pbe2 == nullptr) return malformed();

  const X509_ALGOR& cipher = *parsed.pbe2->encryption;
  switch (OBJ_obj2nid(cipher.algorithm)) {
    case NID_aes_128_cbc: parsed.recipe.cipher = EVP_aes_128_cbc(); break;
    case NID_aes_192_cbc: parsed.recipe.cipher = EVP_aes_192_cbc(); break;
    case NID_aes_256_cbc: parsed.recipe.cipher = EVP_aes_256_cbc(); break;
    default: return unsupported(name_of(cipher.algorithm));
  }
  if (cipher.parameter == nullptr || cipher.parameter->type != V_ASN1_OCTET_STRING) {
    return malformed();
  }
  parsed.recipe.iv = view(cipher.parameter->value.octet_string);
  if (parsed.recipe.iv.size() != kIvSize) return malformed();

  const X509_ALGOR& stretch = *parsed.pbe2->keyfunc;
  switch (OBJ_obj2nid(stretch.algorithm)) {
    case NID_id_scrypt:
      parsed.scrypt.reset(unpack<SCRYPT_PARAMS>(ASN1_ITEM_rptr(SCRYPT_PARAMS), stretch.parameter));
      ERR_clear_error();
      if (parsed.scrypt == nullptr) return malformed();
      parsed.recipe = TRY(read_scrypt(*parsed.scrypt, parsed.recipe));
      break;
    case NID_id_pbkdf2:
      parsed.pbkdf2.reset(unpack<PBKDF2PARAM>(ASN1_ITEM_rptr(PBKDF2PARAM), stretch.parameter));
      ERR_clear_error();
      if (parsed.pbkdf2 == nullptr) return malformed();
      parsed.recipe = TRY(read_pbkdf2(*parsed.pbkdf2, parsed.recipe));
      break;
    default: return unsupported(name_of(stretch.algorithm));
  }
  return parsed;
}

Result<SecretBytes> stretch(const Recipe& recipe, const SecretBytes& passphrase) {
  SecretBytes key(static_cast<std::size_t>(EVP_CIPHER_get_key_length(recipe.cipher)));
  const auto out = key.fill_in(SecretAccess::for_reason("deriving the sealing key"));
  const std::string_view words =
      as_text(passphrase.reveal(SecretAccess::for_reason("deriving the sealing key")));
  int ok = 0;
  if (const auto* scrypt = std::get_if<Scrypt>(&recipe.stretch)) {
    // The library counts its buffers too; p·128·r is bounded by the work limit.
    ok = EVP_PBE_scrypt(words.data(), words.size(), raw(recipe.salt), recipe.salt.size(), scrypt->n,
                        scrypt->r, scrypt->p, 2 * kMaxScryptMemory, raw_out(out), out.size());
  } else {
    const auto& pbkdf2 = std::get<Pbkdf2>(recipe.stretch);
    ok = PKCS5_PBKDF2_HMAC(words.data(), static_cast<int>(words.size()), raw(recipe.salt),
                           static_cast<int>(recipe.salt.size()), static_cast<int>(pbkdf2.rounds),
                           pbkdf2.hash, static_cast<int>(out.size()), raw_out(out));
  }
  ERR_clear_error();
  if (ok != 1) return too_much("parameters or memory that OpenSSL refuses");
  return key;
}

// AES-CBC with PKCS#7 padding; nothing when the padding is wrong.
std::optional<SecretBytes> run_cipher(const Recipe& recipe, const SecretBytes& key, Bytes in,
                                      bool encrypt) {
  const CipherCtxPtr context(EVP_CIPHER_CTX_new());
  WRIT_ASSERT(context != nullptr);
  SecretBytes out(in.size() + kIvSize);
  const auto room = out.fill_in(SecretAccess::for_reason("sealing or opening a key"));
  int size = 0;
  int last = 0;
  const bool ok =
      EVP_CipherInit_ex(context.get(), recipe.cipher, nullptr,
                        raw(key.reveal(SecretAccess::for_reason("sealing or opening a key"))),
                        raw(recipe.iv), encrypt ? 1 : 0) == 1 &&
      EVP_CipherUpdate(context.get(), raw_out(room), &size, raw(in), static_cast<int>(in.size())) ==
          1 &&
      EVP_CipherFinal_ex(context.get(), raw_out(room) + size, &last) == 1;
  ERR_clear_error();
  if (!ok) return std::nullopt;
  out.shrink(static_cast<std::size_t>(size) + static_cast<std::size_t>(last));
  return out;
}

Error wrong_passphrase() {
  return {Code::Denied, "the passphrase does not open this key (or the file is damaged)"};
}

Result<void> check_passphrase(const SecretBytes& passphrase) {
  if (passphrase.empty()) return Error(Code::InvalidArgument, "the passphrase is empty");
  if (passphrase.size() > kMaxPassphrase) {
    return Error(Code::InvalidArgument,
                 "the passphrase is longer than " + std::to_string(kMaxPassphrase) + " bytes");
  }
  return {};
}

}  // namespace

Result<std::string> seal(const PrivateKey& key, const SecretBytes& passphrase, Random& random) {
  use_openssl();
  TRY(check_passphrase(passphrase));
  std::array<std::byte, kSaltSize> salt{};
  std::array<std::byte, kIvSize> iv{};
  random.fill(salt);
  random.fill(iv);
  const Recipe recipe{EVP_aes_256_cbc(), iv, salt, Scrypt{kScryptN, kScryptR, kScryptP}};
  const SecretBytes plain = pkcs8_encode(key);
  const std::optional<SecretBytes> sealed =
      run_cipher(recipe, TRY(stretch(recipe, passphrase)),
                 plain.reveal(SecretAccess::for_reason("sealing a key")), true);
  WRIT_ASSERT(sealed.has_value());
  const Bytes text = sealed->reveal(SecretAccess::for_reason("sealed bytes are not secret"));

  const X509AlgorPtr how(PKCS5_pbe2_set_scrypt(recipe.cipher, raw_out(salt), kSaltSize, raw_out(iv),
                                               kScryptN, kScryptR, kScryptP));
  const X509SigPtr file(X509_SIG_new());
  WRIT_ASSERT(how != nullptr && file != nullptr);
  X509_ALGOR* file_how = nullptr;
  ASN1_OCTET_STRING* file_sealed = nullptr;
  X509_SIG_getm(file.get(), &file_how, &file_sealed);
  WRIT_ASSERT(X509_ALGOR_copy(file_how, how.get()) == 1);
  WRIT_ASSERT(ASN1_OCTET_STRING_set(file_sealed, raw(text), static_cast<int>(text.size())) == 1);
  const int size = i2d_X509_SIG(file.get(), nullptr);
  WRIT_ASSERT(size > 0);
  ByteVec der(static_cast<std::size_t>(size));
  unsigned char* at = raw_out(der);
  WRIT_ASSERT(i2d_X509_SIG(file.get(), &at) == size);
  const SecretBytes pem = pem_encode(kSealedLabel, der);
  return std::string(as_text(pem.reveal(SecretAccess::for_reason("sealed bytes are not secret"))));
}

Result<PrivateKey> open_sealed(std::string_view text, const SecretBytes& passphrase) {
  if (TRY(pem_kind(text)) != PemKind::Sealed) {
    return Error(Code::InvalidArgument, "this key file is not sealed with a passphrase");
  }
  TRY(check_passphrase(passphrase));
  const SecretBytes der = TRY(pem_decode(kSealedLabel, text));
  const Parsed parsed =
      TRY(parse(der.reveal(SecretAccess::for_reason("sealed bytes are not secret"))));
  const std::optional<SecretBytes> plain =
      run_cipher(parsed.recipe, TRY(stretch(parsed.recipe, passphrase)), parsed.sealed, false);
  if (!plain) return wrong_passphrase();
  Result<PrivateKey> key = pkcs8_decode(plain->reveal(SecretAccess::for_reason("opened key")));
  // One wrong passphrase in 256 leaves valid padding, and then noise.
  if (!key && key.error().code() == Code::Malformed) return wrong_passphrase();
  return key;
}

}  // namespace writ::crypto
