// Changing the log key: one entry, signed by the old key and by the new one.
//
// The Rotate entry's proof is the old key's signature followed by the new key's, each over
//   "writ rotate 0" LF  ledger id in hex LF  old vkey LF  new vkey LF
// So only the holder of the key in force can hand over, only to somebody who holds the new one, and
// the statement is worth nothing in another log. From that entry on heads are signed by the new
// key; the first head that covers it carries both signatures. A verifier that trusts any key of
// the chain follows it to the last (ledger/verify.h).
//
// Not promised: that the old key was destroyed. Who has it can still fork the log at a point before
// the change; a witness or a kept head shows that.
// Thread safety: pure functions.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "ledger/bodies.h"
#include "ledger/note.h"

namespace writ::ledger {

// make_rotation: InvalidArgument when the keys are the same or not Ed25519.
Result<Rotate> make_rotation(const LedgerId& ledger, std::string_view origin,
                             const crypto::PrivateKey& old_key, const crypto::PrivateKey& new_key);

// check_rotation gives the new key; Denied unless both signatures verify, `current` being the key
// in force, and the new key has the same name.
Result<VerifierKey> check_rotation(const LedgerId& ledger, const VerifierKey& current,
                                   const Rotate& rotate);

}  // namespace writ::ledger
