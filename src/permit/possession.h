// Proof of possession: the holder of a permit signs what it is about to do (DESIGN §6).
//
// A COSE_Sign1 by the permit's `cnf` key, typ "application/writ-possession+cose", over permit id,
// ledger id, domain, time, nonce and the digests of argv, environment and directory. It proves
// that the key's owner asked for this one command here and now. It is kept in `objects/`.
//
//   ByteVec proof = TRY(prove_possession(intent, runner_key));
//
// Hostile: the proof. Replay within kPossessionWindow is kept out by the nonce: the governor
// chooses it, or remembers it. Sizes: nonce 16-64 bytes. Thread safety: pure functions.
#pragma once

#include <span>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/keys.h"

namespace writ::permit {

inline constexpr std::int64_t kPossessionWindow = 60;  // seconds a proof is young, either way
inline constexpr std::size_t kMaxPossession = 4096;    // bytes

struct Intent {
  PermitId permit;
  LedgerId ledger;
  std::string domain;
  UnixSeconds time;
  ByteVec nonce;
  Digest32 argv;         // digest_texts of the arguments, argv[0] included
  Digest32 environment;  // digest_texts of NAME=value, as the first program will get it
  Digest32 directory;    // digest_text
  friend bool operator==(const Intent&, const Intent&) = default;
};

// digest_texts is SHA-256 over the CBOR array of the texts as byte strings; digest_text over one.
Digest32 digest_texts(std::span<const std::string> texts);
Digest32 digest_text(std::string_view text);

// prove_possession signs `intent`. InvalidArgument for a nonce of a wrong size.
Result<ByteVec> prove_possession(const Intent& intent, const crypto::PrivateKey& holder);
// read_possession checks the signature with `holder` and returns what was signed: Malformed when
// it is no such proof, Denied when it does not verify. It compares nothing: see permit/permit.h.
Result<Intent> read_possession(Bytes proof, const crypto::PublicKey& holder);

}  // namespace writ::permit
