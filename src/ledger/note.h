// Signed notes and verifier keys (C2SP signed-note).
//
// A note is text that ends in a line feed, an empty line, and signature lines `— name base64`.
// Notes come from strangers: parsing is strict and bounded; lines by unknown keys are ignored;
// a line by a known key that does not verify sinks the whole note; at least one known key must
// have signed. Only Ed25519 (type 01) is verified; other kinds of line are skipped, whatever
// their size up to the bound.
//
//   VerifierKey log = TRY(parse_vkey("example.org/log+3f…+AR…"));
//   VerifiedNote note = TRY(verify_note(bytes, {&log, 1}));
//
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/keys.h"

namespace writ::ledger {

inline constexpr std::size_t kMaxNote = 1'000'000;
inline constexpr std::size_t kMaxNoteSignatures = 100;
inline constexpr std::size_t kMaxKeyName = 255;

// check_key_name: not empty, at most 255 bytes of UTF-8, no white space or control character,
// no `+`.
Result<void> check_key_name(std::string_view name);

// A key that verifies notes: `name+<8 hex>+base64(type ‖ key)`.
struct VerifierKey {
  std::string name;
  std::uint32_t id = 0;   // first 4 bytes of SHA-256(name ‖ 0A ‖ type ‖ key)
  crypto::PublicKey key;  // EdDSA
  friend bool operator==(const VerifierKey&, const VerifierKey&) = default;
};
// make_vkey: InvalidArgument for a bad name or a key that is not EdDSA.
Result<VerifierKey> make_vkey(std::string_view name, const crypto::PublicKey& key);
std::string to_string(const VerifierKey& key);
// parse_vkey reads exactly what to_string writes; Unsupported for a type other than 01.
Result<VerifierKey> parse_vkey(std::string_view text);

struct NoteSignature {
  std::string name;
  std::uint32_t id = 0;
  ByteVec bytes;  // after the key id
};
struct Note {
  std::string text;  // with its final line feed
  std::vector<NoteSignature> signatures;
};
// parse_note takes a note apart without verifying anything.
Result<Note> parse_note(Bytes bytes);

struct VerifiedNote {
  std::string text;
  std::vector<std::size_t> by;  // positions in the keys given, each once, in order
};
// verify_note: Malformed as parse_note; Denied when no given key signed, or one that is named
// did not. Two given keys of equal name and id: InvalidArgument.
Result<VerifiedNote> verify_note(Bytes bytes, std::span<const VerifierKey> keys);

// sign_note writes the note with one Ed25519 line. The text must end in a line feed, be UTF-8
// and have no other control character (InvalidArgument).
Result<std::string> sign_note(std::string_view text, std::string_view name,
                              const crypto::PrivateKey& key);

}  // namespace writ::ledger
