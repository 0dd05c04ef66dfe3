// OpenSSL's plain functions, not its EVP: fetching a method loads the providers, which takes longer
// than all hashing of a short program like `writ run`. They are deprecated for not letting anybody
// choose an implementation; the code behind them is the same.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "crypto/openssl_internal.h"
#include "crypto/sha.h"

namespace writ::crypto {
namespace {

template <std::size_t kSize, auto kInit, auto kUpdate, auto kFinal, typename Context>
std::array<std::byte, kSize> digest(Context context, std::initializer_list<Bytes> parts) {
  WRIT_ASSERT(kInit(&context) == 1);
  for (const Bytes part : parts) WRIT_ASSERT(kUpdate(&context, part.data(), part.size()) == 1);
  std::array<std::byte, kSize> out{};
  WRIT_ASSERT(kFinal(raw_out(out), &context) == 1);
  return out;
}

}  // namespace

const EVP_MD* sha256_method() {
  static const EVP_MD* const method = [] {
    use_openssl();
    return EVP_MD_fetch(nullptr, "SHA256", nullptr);
  }();
  WRIT_ASSERT(method != nullptr);
  return method;
}

Digest32 sha256(Bytes bytes) {
  return sha256({bytes});
}

Digest32 sha256(std::initializer_list<Bytes> parts) {
  return Digest32(digest<32, SHA256_Init, SHA256_Update, SHA256_Final>(SHA256_CTX(), parts));
}

std::array<std::byte, 48> sha384(Bytes bytes) {
  return digest<48, SHA384_Init, SHA384_Update, SHA384_Final>(SHA512_CTX(), {bytes});
}

std::array<std::byte, 64> sha512(Bytes bytes) {
  return digest<64, SHA512_Init, SHA512_Update, SHA512_Final>(SHA512_CTX(), {bytes});
}

void Sha256::FreeContext::operator()(SHA256state_st* context) const {
  delete context;
}

Sha256::Sha256() : context_(new SHA256_CTX) {
  WRIT_ASSERT(SHA256_Init(context_.get()) == 1);
}

void Sha256::update(Bytes bytes) {
  WRIT_ASSERT(SHA256_Update(context_.get(), bytes.data(), bytes.size()) == 1);
}

Digest32 Sha256::finish() {
  Array32 out{};
  WRIT_ASSERT(SHA256_Final(raw_out(out), context_.get()) == 1);
  WRIT_ASSERT(SHA256_Init(context_.get()) == 1);
  return Digest32(out);
}

}  // namespace writ::crypto
