#include "ledger/cosignature.h"

#include <algorithm>

#include "ledger/note_internal.h"

namespace writ::ledger {
namespace {

constexpr std::uint64_t kMaxTime = (std::uint64_t{1} << 63) - 1;
constexpr std::size_t kTimeSize = 8;

ByteVec typed(const crypto::PublicKey& key) {
  ByteVec bytes{kEd25519Cosignature};
  append(bytes, key.bytes());
  return bytes;
}

// What an Ed25519 cosignature signs.
std::string message(std::string_view note_text, std::uint64_t unix_seconds) {
  return "cosignature/v1\ntime " + std::to_string(unix_seconds) + "\n" + std::string(note_text);
}

std::uint64_t time_of(Bytes blob) {
  std::uint64_t time = 0;
  for (const std::byte b : blob.first(kTimeSize)) {
    time = time << 8 | std::to_integer<std::uint64_t>(b);
  }
  return time;
}

}  // namespace

Result<CosignerKey> make_cosigner_key(std::string_view name, const crypto::PublicKey& key) {
  TRY(check_key_name(name));
  if (key.algorithm() != crypto::Algorithm::EdDSA) {
    return Error(Code::InvalidArgument, "a witness key must be an Ed25519 key");
  }
  return CosignerKey{std::string(name), key_hash(name, typed(key)), key};
}

std::string to_string(const CosignerKey& key) {
  return join_vkey(key.name, key.id, typed(key.key));
}

Result<CosignerKey> parse_cosigner_key(std::string_view text) {
  const VkeyParts parts = TRY(split_vkey(text));
  if (parts.typed_key.front() != kEd25519Cosignature) {
    return Error(Code::Unsupported,
                 "`" + printable(text) + "` is not an Ed25519 witness key (type 04)");
  }
  crypto::PublicKey key =
      TRY(crypto::PublicKey::create(crypto::Algorithm::EdDSA, Bytes(parts.typed_key).subspan(1)));
  return CosignerKey{parts.name, parts.id, key};
}

Result<std::string> cosign(std::string_view note_text, std::uint64_t unix_seconds,
                           std::string_view name, const crypto::PrivateKey& key) {
  if (unix_seconds == 0 || unix_seconds > kMaxTime) {
    return Error(Code::InvalidArgument, "a cosignature needs a time");
  }
  const CosignerKey cosigner = TRY(make_cosigner_key(name, key.public_key()));
  const crypto::Signature signature =
      TRY(crypto::sign(key, as_bytes(message(note_text, unix_seconds))));
  ByteVec blob;
  for (unsigned i = kTimeSize; i-- > 0;) {
    blob.push_back(static_cast<std::byte>(unix_seconds >> (8 * i) & 0xff));
  }
  append(blob, signature);
  return signature_line(name, cosigner.id, blob);
}

Result<std::vector<Cosigned>> verify_cosignatures(const Note& note,
                                                  std::span<const CosignerKey> keys) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (keys[i].key != keys[j].key) continue;
      return Error(Code::InvalidArgument, "`" + printable(keys[j].name) + "` and `" +
                                              printable(keys[i].name) + "` are the same key");
    }
  }
  std::vector<std::uint64_t> times(keys.size(), 0);
  for (const NoteSignature& line : note.signatures) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].name != line.name || keys[i].id != line.id) continue;
      const Error bad(Code::Denied, "the cosignature by `" + printable(line.name) +
                                        "` does not verify: the note was altered or it is forged");
      if (line.bytes.size() != kTimeSize + crypto::kSignatureSize) return bad;
      const std::uint64_t time = time_of(line.bytes);
      if (time == 0 || time > kMaxTime ||
          !crypto::check_signature(keys[i].key, as_bytes(message(note.text, time)),
                                   Bytes(line.bytes).subspan(kTimeSize))) {
        return bad;
      }
      times[i] = std::max(times[i], time);
    }
  }
  std::vector<Cosigned> cosigned;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (times[i] != 0) cosigned.push_back({i, times[i]});
  }
  return cosigned;
}

Result<std::string> with_cosignatures(std::string_view note, std::string_view lines) {
  const std::size_t parting = note.rfind("\n\n");
  if (parting == std::string_view::npos) {
    return Error(Code::Malformed, "not a signed note: no empty line");
  }
  const std::size_t signatures = parting + 1;  // the line feed before the first line
  std::string result(note);
  while (!lines.empty()) {
    const auto line = take_text_line(lines);
    if (!line || line->empty()) {
      return Error(Code::Malformed, "not signature lines: one has no end or is empty");
    }
    const std::string whole = "\n" + std::string(*line) + "\n";
    if (result.find(whole, signatures) == std::string::npos) result += whole.substr(1);
  }
  TRY(parse_note(as_bytes(result)));
  return result;
}

}  // namespace writ::ledger
