// Both key kinds have one DER form each, of fixed length, in which only the key bytes vary. So
// reading compares with the form and writing fills it in: there is no ASN.1 parser to attack.
// For P-256 the private form holds the public half too.

#include "crypto/pem.h"

#include <sodium.h>

#include <array>
#include <cstring>

#include "crypto/pem_internal.h"

namespace writ::crypto {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----\n";

using namespace std::string_view_literals;

// RFC 8410 §4 and §7; RFC 5480 §2 with RFC 5915 §3.
constexpr std::string_view kEd25519Public = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"sv;
constexpr std::string_view kEd25519Private =
    "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"sv;
constexpr std::string_view kP256Public =
    "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
    "\x03\x42\x00\x04"sv;
constexpr std::string_view kP256Private =
    "\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce"
    "\x3d\x03\x01\x07\x04\x6d\x30\x6b\x02\x01\x01\x04\x20"sv;
constexpr std::string_view kP256PrivateMiddle = "\xa1\x44\x03\x42\x00\x04"sv;

// The bytes after `prefix` when there are exactly `size` of them; empty otherwise.
Bytes after(Bytes der, std::string_view prefix, std::size_t size) {
  if (der.size() != prefix.size() + size) return {};
  if (!equal(der.first(prefix.size()), as_bytes(prefix))) return {};
  return der.subspan(prefix.size());
}

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

Error malformed(std::string_view label, const char* what) {
  return {Code::Malformed, "not a PEM `" + std::string(label) + "`: " + what};
}

// One SEQUENCE that fills `der`, as every key structure is.
bool is_one_sequence(Bytes der) {
  if (der.size() < 2 || der[0] != std::byte{0x30}) return false;
  auto size = std::to_integer<std::size_t>(der[1]);
  std::size_t head = 2;
  if (size == 0x81 || size == 0x82) {
    head += size - 0x80;
    if (der.size() < head) return false;
    size = 0;
    for (std::size_t i = 2; i < head; ++i) size = size << 8 | std::to_integer<std::size_t>(der[i]);
  }
  return der.size() == head + size;
}

}  // namespace

Result<SecretBytes> pem_decode(std::string_view label, std::string_view text) {
  if (text.size() > kMaxKeyFile) {
    return Error(Code::Exhausted, "a key file of " + std::to_string(text.size()) +
                                      " bytes, the limit is " + std::to_string(kMaxKeyFile));
  }
  const std::string first = std::string(kBegin) + std::string(label) + std::string(kDashes);
  const std::string last = std::string(kEnd) + std::string(label) + std::string(kDashes);
  if (!text.starts_with(first)) return malformed(label, "its first line is not the BEGIN line");
  if (text.size() < first.size() + last.size() || !text.ends_with(last)) {
    return malformed(label, "it does not end with the END line and a line feed");
  }
  std::string_view body = text;
  body.remove_prefix(first.size());
  body.remove_suffix(last.size());
  if (body.empty()) return malformed(label, "it holds nothing");
  SecretBytes der(body.size());
  std::size_t size = 0;
  const auto room = der.fill_in(SecretAccess::for_reason("decoding PEM"));
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(room.data()), room.size(), body.data(),
                        body.size(), "\n", &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      size == 0) {
    return malformed(label, "its text is not base64");
  }
  der.shrink(size);
  // libsodium's reader is lax about bytes beyond ASCII and line breaks; its writer is not.
  const SecretAccess access = SecretAccess::for_reason("decoding PEM");
  const SecretBytes again = pem_encode(label, der.reveal(access));
  if (!equal_constant_time(again.reveal(access), as_bytes(text))) {
    return malformed(label, "its base64 is not in lines of 64 characters, or not canonical");
  }
  return der;
}

SecretBytes pem_encode(std::string_view label, Bytes der) {
  const std::size_t characters = (der.size() + 2) / 3 * 4;
  const std::size_t lines = (characters + kLine - 1) / kLine;
  SecretBytes base64(characters + 1);  // sodium ends it with a NUL
  sodium_bin2base64(
      reinterpret_cast<char*>(base64.fill_in(SecretAccess::for_reason("encoding PEM")).data()),
      base64.size(), reinterpret_cast<const unsigned char*>(der.data()), der.size(),
      sodium_base64_VARIANT_ORIGINAL);
  Bytes rest = base64.reveal(SecretAccess::for_reason("encoding PEM")).first(characters);
  SecretBytes text(kBegin.size() + kEnd.size() + 2 * (label.size() + kDashes.size()) + characters +
                   lines);
  Filler out(text.fill_in(SecretAccess::for_reason("encoding PEM")));
  out.put(kBegin);
  out.put(label);
  out.put(kDashes);
  while (!rest.empty()) {
    const Bytes line = rest.first(std::min(kLine, rest.size()));
    out.put(line);
    out.put("\n"sv);
    rest = rest.subspan(line.size());
  }
  out.put(kEnd);
  out.put(label);
  out.put(kDashes);
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

Result<PemKind> pem_kind(std::string_view text) {
  const std::string_view line = text.substr(0, text.substr(0, 100).find('\n'));
  const auto is = [line](std::string_view label) {
    return line == std::string(kBegin) + std::string(label) + "-----";
  };
  if (is(kPublicLabel)) return PemKind::Public;
  if (is(kPrivateLabel)) return PemKind::Private;
  if (is(kSealedLabel)) return PemKind::Sealed;
  if (is("EC PRIVATE KEY") || is("EC PARAMETERS") || is("RSA PRIVATE KEY") ||
      is("DSA PRIVATE KEY")) {
    return Error(Code::Unsupported, "`" + std::string(line) +
                                        "` is an older key format: convert the file with "
                                        "`openssl pkcs8 -topk8 -nocrypt`");
  }
  if (line.starts_with(kBegin)) {
    return Error(Code::Unsupported, "`" + printable(line) + "` is not a key that Writ reads");
  }
  return Error(Code::Malformed, "not a PEM key file: it does not start with `-----BEGIN `");
}

std::string to_pem(const PublicKey& key) {
  ByteVec der = to_vec(key.algorithm() == Algorithm::EdDSA ? kEd25519Public : kP256Public);
  append(der, key.bytes());
  const SecretBytes text = pem_encode(kPublicLabel, der);
  return std::string(as_text(text.reveal(SecretAccess::for_reason("a public key is public"))));
}

Result<PublicKey> public_key_from_pem(std::string_view text) {
  switch (TRY(pem_kind(text))) {
    case PemKind::Public: break;
    case PemKind::Private:
    case PemKind::Sealed:
      return Error(Code::InvalidArgument,
                   "this is a private key: give the public one (`openssl pkey -pubout` writes it)");
  }
  const SecretBytes held = TRY(pem_decode(kPublicLabel, text));
  const Bytes der = held.reveal(SecretAccess::for_reason("a public key is public"));
  if (const Bytes key = after(der, kEd25519Public, 32); !key.empty()) {
    return PublicKey::create(Algorithm::EdDSA, key);
  }
  if (const Bytes key = after(der, kP256Public, 64); !key.empty()) {
    return PublicKey::create(Algorithm::ES256, key);
  }
  if (!is_one_sequence(der)) return Error(Code::Malformed, "the PEM text holds no public key");
  return Error(Code::Unsupported,
               "the file holds another kind of public key: Writ uses Ed25519 and P-256 "
               "(uncompressed)");
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
