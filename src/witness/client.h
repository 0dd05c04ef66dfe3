// Asking witnesses to cosign the head of our own log (C2SP tlog-witness, the client's side).
//
// Each witness of a trust policy that has a URL is asked; what it cosigned is verified with its key
// and kept with the head. An answer 409 says which size the witness knows: then it is asked again
// from there, with a proof of consistency. A witness that cannot be reached, lies or has another
// history is reported, and the others are asked all the same; whether what came together is enough
// is the policy's to say (`met`). A witness whose clock is wrong counts: that the head continues
// the one before holds at any time; but when it saw that is not known then, and said.
//
//   Asked asked = TRY(ask_witnesses(*reader, *store, policy, post, clock.now()));
//
// Witnesses are strangers: answers are bounded, and only lines by their known key count.
// Thread safety: one call at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "ledger/store/reader.h"
#include "ledger/store/store.h"
#include "ledger/trust_policy.h"
#include "witness/witness.h"

namespace writ::witness {

// Post sends a body to a URL; an error when no answer came. The answer's body is at most 64 KiB.
using Post = std::function<Result<Answer>(const std::string& url, const std::string& body)>;

// How far a witness's clock may be from ours before it is said.
inline constexpr std::int64_t kClockSkewSeconds = 300;

struct WitnessNews {
  std::string name;
  bool cosigned = false;
  bool differs = false;          // it knows a history of this log that is not ours: a fork
  std::string why;               // not cosigned: why
  std::int64_t clock_ahead = 0;  // seconds, negative when behind; 0 within kClockSkewSeconds
};
struct Asked {
  ledger::Checkpoint head;
  std::vector<WitnessNews> witnesses;
  bool met = false;  // the policy's quorum
};
// ask_witnesses asks for the stored head. An error only for our own log or store.
Result<Asked> ask_witnesses(ledger::LedgerReader& reader, ledger::Store& store,
                            const ledger::TrustPolicy& policy, const Post& post, UnixMillis now);

}  // namespace writ::witness
