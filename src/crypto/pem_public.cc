// Both key kinds have one DER form each, of fixed length, in which only the key bytes vary. So
// reading compares with the form and writing fills it in: there is no ASN.1 parser to attack.
// For P-256 the private form holds the public half too.

#include <algorithm>

#include "crypto/pem.h"
#include "crypto/pem_internal.h"

namespace writ::crypto {
namespace {

using namespace std::string_view_literals;

// RFC 8410 §4; RFC 5480 §2.
constexpr std::string_view kEd25519Public = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"sv;
constexpr std::string_view kP256Public =
    "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
    "\x03\x42\x00\x04"sv;

std::string public_pem(Bytes der) {
  const std::string base64 = to_base64(der);
  std::string text = std::string(kPemBegin) + std::string(kPublicLabel) + std::string(kPemDashes);
  for (std::size_t at = 0; at < base64.size(); at += kPemLine) {
    text += base64.substr(at, kPemLine) + "\n";
  }
  return text + std::string(kPemEnd) + std::string(kPublicLabel) + std::string(kPemDashes);
}

Result<ByteVec> public_der(std::string_view text) {
  std::string base64(TRY(pem_body(kPublicLabel, text)));
  base64.erase(std::remove(base64.begin(), base64.end(), '\n'), base64.end());
  Result<ByteVec> der = from_base64(base64);
  if (!der || der->empty()) return pem_malformed(kPublicLabel, "its text is not base64");
  if (public_pem(*der) != text) {
    return pem_malformed(kPublicLabel, "its base64 is not in lines of 64 characters");
  }
  return der;
}

}  // namespace

Error pem_malformed(std::string_view label, const char* what) {
  return {Code::Malformed, "not a PEM `" + std::string(label) + "`: " + what};
}

Bytes after(Bytes der, std::string_view prefix, std::size_t size) {
  if (der.size() != prefix.size() + size) return {};
  if (!equal(der.first(prefix.size()), as_bytes(prefix))) return {};
  return der.subspan(prefix.size());
}

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

Result<std::string_view> pem_body(std::string_view label, std::string_view text) {
  if (text.size() > kMaxKeyFile) {
    return Error(Code::Exhausted, "a key file of " + std::to_string(text.size()) +
                                      " bytes, the limit is " + std::to_string(kMaxKeyFile));
  }
  const std::string first = std::string(kPemBegin) + std::string(label) + std::string(kPemDashes);
  const std::string last = std::string(kPemEnd) + std::string(label) + std::string(kPemDashes);
  if (!text.starts_with(first)) return pem_malformed(label, "its first line is not the BEGIN line");
  if (text.size() < first.size() + last.size() || !text.ends_with(last)) {
    return pem_malformed(label, "it does not end with the END line and a line feed");
  }
  std::string_view body = text;
  body.remove_prefix(first.size());
  body.remove_suffix(last.size());
  if (body.empty()) return pem_malformed(label, "it holds nothing");
  return body;
}

Result<PemKind> pem_kind(std::string_view text) {
  const std::string_view line = text.substr(0, text.substr(0, 100).find('\n'));
  const auto is = [line](std::string_view label) {
    return line == std::string(kPemBegin) + std::string(label) + "-----";
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
  if (line.starts_with(kPemBegin)) {
    return Error(Code::Unsupported, "`" + printable(line) + "` is not a key that Writ reads");
  }
  return Error(Code::Malformed, "not a PEM key file: it does not start with `-----BEGIN `");
}

std::string to_pem(const PublicKey& key) {
  ByteVec der = to_vec(key.algorithm() == Algorithm::EdDSA ? kEd25519Public : kP256Public);
  append(der, key.bytes());
  return public_pem(der);
}

Result<PublicKey> public_key_from_pem(std::string_view text) {
  switch (TRY(pem_kind(text))) {
    case PemKind::Public: break;
    case PemKind::Private:
    case PemKind::Sealed:
      return Error(Code::InvalidArgument,
                   "this is a private key: give the public one (`openssl pkey -pubout` writes it)");
  }
  const ByteVec der = TRY(public_der(text));
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

}  // namespace writ::crypto
