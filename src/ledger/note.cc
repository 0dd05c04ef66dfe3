#include "ledger/note.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "crypto/sha.h"
#include "ledger/note_internal.h"

namespace writ::ledger {
namespace {

constexpr std::string_view kDash = "\xE2\x80\x94 ";  // em dash, space

// Unicode's white space beyond ASCII (property White_Space), as UTF-8.
constexpr std::array<std::string_view, 19> kSpaces = {
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
    "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
    "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
    "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; });
}

Error malformed(const char* what) {
  return Error(Code::Malformed, std::string("not a signed note: ") + what);
}

std::array<std::byte, 4> big_endian(std::uint32_t n) {
  return {static_cast<std::byte>(n >> 24), static_cast<std::byte>(n >> 16 & 0xff),
          static_cast<std::byte>(n >> 8 & 0xff), static_cast<std::byte>(n & 0xff)};
}
std::uint32_t from_big_endian(Bytes bytes) {
  std::uint32_t n = 0;
  for (const std::byte b : bytes.first(4)) n = n << 8 | std::to_integer<std::uint32_t>(b);
  return n;
}

ByteVec typed(const crypto::PublicKey& key) {
  ByteVec bytes{kEd25519Note};
  append(bytes, key.bytes());
  return bytes;
}

Result<void> check_text(std::string_view text) {
  if (text.empty() || text.back() != '\n' || !is_utf8(text) || has_control(text)) {
    return Error(Code::InvalidArgument,
                 "the text of a note is lines of UTF-8 without control characters");
  }
  return {};
}

}  // namespace

std::uint32_t key_hash(std::string_view name, Bytes typed_key) {
  const Digest32 digest = crypto::sha256({as_bytes(name), as_bytes("\n"), typed_key});
  return from_big_endian(as_bytes(digest));
}

std::string signature_line(std::string_view name, std::uint32_t id, Bytes signature) {
  ByteVec blob = to_vec(Bytes(big_endian(id)));
  append(blob, signature);
  return std::string(kDash) + std::string(name) + " " + to_base64(blob) + "\n";
}

Result<VkeyParts> split_vkey(std::string_view text) {
  const Error wrong(Code::Malformed,
                    "`" + printable(text) + "` is not a verifier key (name+hash+key)");
  const std::size_t first = text.find('+');
  if (first == std::string_view::npos) return wrong;
  const std::size_t second = text.find('+', first + 1);
  if (second == std::string_view::npos) return wrong;
  const std::string_view name = text.substr(0, first);
  const Result<ByteVec> id = from_hex(text.substr(first + 1, second - first - 1));
  const Result<ByteVec> typed_key = from_base64(text.substr(second + 1));
  if (!check_key_name(name) || !id || id->size() != 4 || !typed_key || typed_key->empty()) {
    return wrong;
  }
  if (key_hash(name, *typed_key) != from_big_endian(*id)) {
    return Error(Code::Malformed, "the hash in `" + printable(text) + "` is not that of the key");
  }
  return VkeyParts{std::string(name), from_big_endian(*id), *typed_key};
}

std::string join_vkey(std::string_view name, std::uint32_t id, Bytes typed_key) {
  return std::string(name) + "+" + to_hex(big_endian(id)) + "+" + to_base64(typed_key);
}

std::optional<std::string_view> take_text_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

std::optional<std::uint64_t> parse_plain_number(std::string_view digits) {
  std::uint64_t n = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (fault != std::errc() || std::to_string(n) != digits) return std::nullopt;
  return n;
}

Result<void> check_key_name(std::string_view name) {
  const bool space = std::any_of(kSpaces.begin(), kSpaces.end(), [&](std::string_view s) {
    return name.find(s) != std::string_view::npos;
  });
  const bool bad = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == '+' || c == 0x7f;
  });
  if (name.empty() || name.size() > kMaxKeyName || bad || space || !is_utf8(name)) {
    return Error(Code::InvalidArgument,
                 "`" + printable(name) +
                     "` cannot name a log key: 1 to 255 bytes without white space or `+`");
  }
  return {};
}

Result<VerifierKey> make_vkey(std::string_view name, const crypto::PublicKey& key) {
  TRY(check_key_name(name));
  if (key.algorithm() != crypto::Algorithm::EdDSA) {
    return Error(Code::InvalidArgument, "a log key must be an Ed25519 key");
  }
  return VerifierKey{std::string(name), key_hash(name, typed(key)), key};
}

std::string to_string(const VerifierKey& key) {
  return join_vkey(key.name, key.id, typed(key.key));
}

Result<VerifierKey> parse_vkey(std::string_view text) {
  const VkeyParts parts = TRY(split_vkey(text));
  if (parts.typed_key.front() != kEd25519Note) {
    return Error(Code::Unsupported, "`" + printable(text) + "` is not an Ed25519 verifier key");
  }
  crypto::PublicKey key =
      TRY(crypto::PublicKey::create(crypto::Algorithm::EdDSA, Bytes(parts.typed_key).subspan(1)));
  return VerifierKey{parts.name, parts.id, key};
}

Result<Note> parse_note(Bytes bytes) {
  if (bytes.size() > kMaxNote) {
    return Error(Code::Exhausted, "a note of " + std::to_string(bytes.size()) +
                                      " bytes is over the limit of " + std::to_string(kMaxNote));
  }
  const std::string_view text = as_text(bytes);
  if (!is_utf8(text)) return malformed("it is not UTF-8");
  if (has_control(text)) return malformed("it holds control characters");
  const std::size_t parting = text.rfind("\n\n");
  if (parting == std::string_view::npos) return malformed("no empty line");
  Note note;
  note.text = std::string(text.substr(0, parting + 1));
  std::string_view rest = text.substr(parting + 2);
  if (rest.empty()) return malformed("no signature");
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return malformed("the last line has no end");
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (!line.starts_with(kDash)) return malformed("a signature line without its dash");
    line.remove_prefix(kDash.size());
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return malformed("a signature line without a space");
    const std::string_view name = line.substr(0, space);
    if (!check_key_name(name)) return malformed("a signature line without a key name");
    const Result<ByteVec> blob = from_base64(line.substr(space + 1));
    if (!blob || blob->size() < 5) return malformed("a signature line without a signature");
    if (note.signatures.size() == kMaxNoteSignatures) return malformed("too many signatures");
    note.signatures.push_back(
        {std::string(name), from_big_endian(*blob), to_vec(Bytes(*blob).subspan(4))});
  }
  return note;
}

Result<VerifiedNote> verify_note(Bytes bytes, std::span<const VerifierKey> keys) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (keys[i].name == keys[j].name && keys[i].id == keys[j].id) {
        return Error(Code::InvalidArgument,
                     "two keys named `" + printable(keys[i].name) + "` have the same id");
      }
    }
  }
  Note note = TRY(parse_note(bytes));
  std::vector<bool> signed_by(keys.size(), false);
  for (const NoteSignature& line : note.signatures) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].name != line.name || keys[i].id != line.id) continue;
      if (!crypto::check_signature(keys[i].key, as_bytes(note.text), line.bytes)) {
        return Error(Code::Denied, "the signature by `" + printable(line.name) +
                                       "` does not verify: the note was altered or it is forged");
      }
      signed_by[i] = true;
    }
  }
  VerifiedNote verified;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (signed_by[i]) verified.by.push_back(i);
  }
  if (verified.by.empty()) return Error(Code::Denied, "no known key signed the note");
  verified.text = std::move(note.text);
  return verified;
}

Result<std::string> sign_note(std::string_view text, std::string_view name,
                              const crypto::PrivateKey& key) {
  TRY(check_text(text));
  const VerifierKey verifier = TRY(make_vkey(name, key.public_key()));
  const crypto::Signature signature = TRY(crypto::sign(key, as_bytes(text)));
  return std::string(text) + "\n" + signature_line(name, verifier.id, signature);
}

}  // namespace writ::ledger
