// Care of the log that needs this installation's keys: changing the log key, erasing clear text.
//
//   RotateDone done = TRY(rotate_log_key(home, storage, clock, random));
//   Erased erased = TRY(erase_clear_text(home, storage, clock, random, run, seq, "asked to"));
//
// Trusted: the configuration directory. Errors: Conflict while runs are alive (their governors hold
// the old key), NotFound, the store's own. After a crash the same call finishes what was begun.
// Thread safety: one call at a time for one home.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/durable.h"
#include "base/random.h"
#include "base/result.h"
#include "governor/home.h"
#include "ledger/checkpoint.h"
#include "ledger/event.h"

namespace writ::governor {

struct RotateDone {
  ledger::VerifierKey before, after;
  ledger::Checkpoint head;  // signed by both
  bool finished_earlier = false;
};
// rotate_log_key makes a new log key, hands the log over to it (ledger/store/store.h, rotate) and
// puts it in the place of the old one, which is gone afterwards. Until then it lies in
// keys/log.next.pem.
Result<RotateDone> rotate_log_key(const Home& home, Storage& storage, const Clock& clock,
                                  Random& random);

struct Erased {
  LeafIndex entry;  // of the Erase event
};
// erase_clear_text records that the clear text of one event, or of a whole run, is erased, and then
// erases it. NotFound when none is kept there: then nothing is recorded.
Result<Erased> erase_clear_text(const Home& home, Storage& storage, const Clock& clock,
                                Random& random, const RunId& run, std::optional<Seq> seq,
                                std::string_view reason);

}  // namespace writ::governor
