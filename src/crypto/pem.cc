// Private keys as text; their bytes are in memory of their own all the way (base/secret.h).
// Both key kinds have one DER form each, of fixed length, in which only the key bytes vary
// (crypto/pem_public.cc). For P-256 the private form holds the public half too.

#include "crypto/pem.h"

#include <sodium.h>

#include <array>
#include <cstring>

#include "crypto/pem_internal.h"

namespace writ::crypto {
namespace {

using namespace std::string_view_literals;

// RFC 8410 §7; RFC 5915 §3.
constexpr std::string_view kEd25519Private =
    "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"sv;
constexpr std::string_view kP256Private =
    "\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce"
    "\x3d\x03\x01\x07\x04\x6d\x30\x6b\x02\x01\x01\x04\x20"sv;
constexpr std::string_view kP256PrivateMiddle = "\xa1\x44\x03\x42\x00\x04"sv;

// Writes pieces one after the other into memory of exactly the right size.
class Filler {
 public:
  explicit Filler(std::span<std::byte> room) : room_(room) {}
  void put(Bytes piece) {
    WRIT_ASSERT(piece.size() <= room_.size());
    std::memcpy(room_.data(), piece.data(), piece.size());
    room_ = room_.subspan(piece.size());
  }
  void put(std::string_view piece) { put(as_bytes(piece)); }
  bool full() const { return room_.empty(); }

 private:
  std::span<std::byte> room_;
};

}  // namespace

Result<SecretBytes> pem_decode(std::string_view label, std::string_view text) {
  const std::string_view body = TRY(pem_body(label, text));
  SecretBytes der(body.size());
  std::size_t size = 0;
  const auto room = der.fill_in(SecretAccess::for_reason("decoding PEM"));
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(room.data()), room.size(), body.data(),
                        body.size(), "\n", &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      size == 0) {
    return pem_malformed(label, "its text is not base64");
  }
  der.shrink(size);
  // libsodium's reader is lax about bytes beyond ASCII and line breaks; its writer is not.
  const SecretAccess access = SecretAccess::for_reason("decoding PEM");
  const SecretBytes again = pem_encode(label, der.reveal(access));
  if (!equal_constant_time(again.reveal(access), as_bytes(text))) {
    return pem_malformed(label, "its base64 is not in lines of 64 characters, or not canonical");
  }
  return der;
}

SecretBytes pem_encode(std::string_view label, Bytes der) {
  const std::size_t characters = (der.size() + 2) / 3 * 4;
  const std::size_t lines = (characters + kPemLine - 1) / kPemLine;
  SecretBytes base64(characters + 1);  // sodium ends it with a NUL
  sodium_bin2base64(
      reinterpret_cast<char*>(base64.fill_in(SecretAccess::for_reason("encoding PEM")).data()),
      base64.size(), reinterpret_cast<const unsigned char*>(der.data()), der.size(),
      sodium_base64_VARIANT_ORIGINAL);
  Bytes rest = base64.reveal(SecretAccess::for_reason("encoding PEM")).first(characters);
  SecretBytes text(kPemBegin.size() + kPemEnd.size() + 2 * (label.size() + kPemDashes.size()) +
                   characters + lines);
  Filler out(text.fill_in(SecretAccess::for_reason("encoding PEM")));
  out.put(kPemBegin);
  out.put(label);
  out.put(kPemDashes);
  while (!rest.empty()) {
    const Bytes line = rest.first(std::min(kPemLine, rest.size()));
    out.put(line);
    out.put("\n"sv);
    rest = rest.subspan(line.size());
  }
  out.put(kPemEnd);
  out.put(label);
  out.put(kPemDashes);
  WRIT_ASSERT(out.full());
  return text;
}

SecretBytes pkcs8_encode(const PrivateKey& key) {
  const Bytes secret = key.reveal(SecretAccess::for_reason("encoding PKCS#8"));
  const bool ed = key.algorithm() == Algorithm::EdDSA;
  SecretBytes der(ed ? kEd25519Private.size() + 32
                     : kP256Private.size() + 32 + kP256PrivateMiddle.size() + 64);
  Filler out(der.fill_in(SecretAccess::for_reason("encoding PKCS#8")));
  out.put(ed ? kEd25519Private : kP256Private);
  out.put(secret);
  if (!ed) {
    out.put(kP256PrivateMiddle);
    out.put(key.public_key().bytes());
  }
  WRIT_ASSERT(out.full());
  return der;
}

Result<PrivateKey> pkcs8_decode(Bytes der) {
  if (const Bytes seed = after(der, kEd25519Private, 32); !seed.empty()) {
    return PrivateKey::create(Algorithm::EdDSA, SecretBytes::copy_of(seed));
  }
  const std::size_t tail = 32 + kP256PrivateMiddle.size() + 64;
  if (const Bytes rest = after(der, kP256Private, tail); !rest.empty()) {
    const Bytes xy = after(rest.subspan(32), kP256PrivateMiddle, 64);
    if (!xy.empty()) {
      PrivateKey key =
          TRY(PrivateKey::create(Algorithm::ES256, SecretBytes::copy_of(rest.first(32))));
      if (!equal(key.public_key().bytes(), xy)) {
        return Error(Code::Malformed, "the public half in the key file does not belong to it");
      }
      return key;
    }
  }
  if (!is_one_sequence(der)) return Error(Code::Malformed, "the key file holds no PKCS#8 key");
  return Error(Code::Unsupported,
               "the key file holds another kind of key: Writ uses Ed25519, and P-256 as "
               "`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` writes it");
}

SecretBytes private_to_pem(const PrivateKey& key) {
  const SecretBytes der = pkcs8_encode(key);
  return pem_encode(kPrivateLabel, der.reveal(SecretAccess::for_reason("writing a key file")));
}

Result<PrivateKey> private_key_from_pem(const SecretBytes& text) {
  const std::string_view view =
      as_text(text.reveal(SecretAccess::for_reason("reading a key file")));
  switch (TRY(pem_kind(view))) {
    case PemKind::Private: break;
    case PemKind::Sealed: return Error(Code::Denied, "the key is sealed: its passphrase is needed");
    case PemKind::Public:
      return Error(Code::InvalidArgument, "this is a public key: the private one is needed");
  }
  const SecretBytes der = TRY(pem_decode(kPrivateLabel, view));
  return pkcs8_decode(der.reveal(SecretAccess::for_reason("reading a key file")));
}

}  // namespace writ::crypto
