// Cosignatures: what a witness says of a checkpoint (C2SP tlog-cosignature, Ed25519, type 04).
//
// A cosignature is one more signature line of the checkpoint's note: "at this time this was the
// largest consistent tree of this origin that I had seen". It signs the whole text of the note but
// not the witness's name, so one key must never serve two witnesses. ML-DSA-44 lines (type 06) and
// any others are passed over: whoever asks names the keys it knows.
//
//   CosignerKey witness = TRY(parse_cosigner_key("witness.example/w+6fe…+BGd…"));
//   std::string line = TRY(cosign(note.text, now, witness.name, key));
//   std::vector<Cosigned> by = TRY(verify_cosignatures(note, {&witness, 1}));
//
// Notes and keys may be a stranger's. Not promised: that the witness's clock is right.
// Thread safety: values and pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/keys.h"
#include "ledger/note.h"

namespace writ::ledger {

struct CosignerKey {
  std::string name;
  std::uint32_t id = 0;   // first 4 bytes of SHA-256(name ‖ 0A ‖ 04 ‖ key)
  crypto::PublicKey key;  // EdDSA
  friend bool operator==(const CosignerKey&, const CosignerKey&) = default;
};
// make_cosigner_key: InvalidArgument for a bad name or a key that is not EdDSA.
Result<CosignerKey> make_cosigner_key(std::string_view name, const crypto::PublicKey& key);
std::string to_string(const CosignerKey& key);
// parse_cosigner_key reads a vkey of type 04; Unsupported for another type.
Result<CosignerKey> parse_cosigner_key(std::string_view text);

// cosign writes the signature line, with its line feed, for a note's text. InvalidArgument for a
// time of 0 or over 2^63-1 seconds, a bad name, or a key that is not EdDSA.
Result<std::string> cosign(std::string_view note_text, std::uint64_t unix_seconds,
                           std::string_view name, const crypto::PrivateKey& key);

// A cosignature that verified.
struct Cosigned {
  std::size_t by = 0;              // position in the keys given
  std::uint64_t unix_seconds = 0;  // as the witness's clock had it; the latest if there are several
  friend bool operator==(const Cosigned&, const Cosigned&) = default;
};
// verify_cosignatures gives the keys that cosigned, each once, in their order; perhaps none.
// Denied when a line by a known key does not verify, is cut short, or has the time 0.
// InvalidArgument when two given keys have the same key bytes.
Result<std::vector<Cosigned>> verify_cosignatures(const Note& note,
                                                  std::span<const CosignerKey> keys);

// with_cosignatures is the note with further signature lines (each with its line feed), leaving
// out lines that stand there already. Malformed unless the result is a note.
Result<std::string> with_cosignatures(std::string_view note, std::string_view lines);

}  // namespace writ::ledger
