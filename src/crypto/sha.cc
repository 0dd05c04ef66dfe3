#include "crypto/sha.h"

#include "crypto/openssl_internal.h"

namespace writ::crypto {
namespace {

const EVP_MD* fetch(const char* name) {
  use_openssl();
  const EVP_MD* method = EVP_MD_fetch(nullptr, name, nullptr);
  WRIT_ASSERT(method != nullptr);
  return method;
}

template <std::size_t kSize>
std::array<std::byte, kSize> digest(const EVP_MD* method, std::initializer_list<Bytes> parts) {
  // One context a thread: making one costs as much as hashing a short input.
  thread_local const MdCtxPtr context(EVP_MD_CTX_new());
  WRIT_ASSERT(context != nullptr);
  WRIT_ASSERT(EVP_DigestInit_ex(context.get(), method, nullptr) == 1);
  for (const Bytes part : parts) {
    WRIT_ASSERT(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  }
  std::array<std::byte, kSize> out{};
  unsigned size = 0;
  WRIT_ASSERT(EVP_DigestFinal_ex(context.get(), raw_out(out), &size) == 1);
  WRIT_ASSERT(size == kSize);
  return out;
}

}  // namespace

const EVP_MD* sha256_method() {
  static const EVP_MD* const method = fetch("SHA256");
  return method;
}

Digest32 sha256(Bytes bytes) {
  return Digest32(digest<32>(sha256_method(), {bytes}));
}

Digest32 sha256(std::initializer_list<Bytes> parts) {
  return Digest32(digest<32>(sha256_method(), parts));
}

std::array<std::byte, 48> sha384(Bytes bytes) {
  static const EVP_MD* const method = fetch("SHA384");
  return digest<48>(method, {bytes});
}

std::array<std::byte, 64> sha512(Bytes bytes) {
  static const EVP_MD* const method = fetch("SHA512");
  return digest<64>(method, {bytes});
}

void Sha256::FreeContext::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  WRIT_ASSERT(context_ != nullptr);
  WRIT_ASSERT(EVP_DigestInit_ex(context_.get(), sha256_method(), nullptr) == 1);
}

void Sha256::update(Bytes bytes) {
  WRIT_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

Digest32 Sha256::finish() {
  Array32 out{};
  WRIT_ASSERT(EVP_DigestFinal_ex(context_.get(), raw_out(out), nullptr) == 1);
  WRIT_ASSERT(EVP_DigestInit_ex(context_.get(), sha256_method(), nullptr) == 1);
  return Digest32(out);
}

}  // namespace writ::crypto
