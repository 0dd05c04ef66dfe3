// Checkpoints: the signed head of a log (C2SP tlog-checkpoint).
//
// The body of a signed note: origin, size in plain decimal, base64 root hash, then extension
// lines that Writ does not write and ignores when reading. A checkpoint may come from a stranger;
// reading is strict. The log key's name equals the origin.
//
//   std::string note = TRY(sign_checkpoint({origin, size, root}, key));
//   Checkpoint head = TRY(verify_checkpoint(bytes, log_key));
//
// Thread safety: values and pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "ledger/note.h"

namespace writ::ledger {

struct Checkpoint {
  std::string origin;
  TreeSize size;
  NodeHash root;
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// encode_checkpoint is the text to be signed.
std::string encode_checkpoint(const Checkpoint& checkpoint);
// parse_checkpoint reads a note's text. Malformed for a size with leading zeros or over 2^63,
// a root that is not 32 bytes, an empty origin or extension line, size 0 with another root than
// the empty tree's.
Result<Checkpoint> parse_checkpoint(std::string_view text);
// parse_claimed_checkpoint takes any root for size 0 too: a witness has an answer of its own to it.
Result<Checkpoint> parse_claimed_checkpoint(std::string_view text);

// sign_checkpoint signs with the log key, under the origin as key name.
Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const crypto::PrivateKey& key);
// verify_checkpoint opens the note with `log_key`; Denied also when the origin is not the key's
// name.
Result<Checkpoint> verify_checkpoint(Bytes note, const VerifierKey& log_key);

}  // namespace writ::ledger
