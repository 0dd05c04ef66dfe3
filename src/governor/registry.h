// The run registry, the revocation list and the use counts: state that changes under the ledger's
// lock only, in one piece with the records about it (DESIGN §9).
//
//   runs/RUN    one file for each run that may be alive: who governs it and under what
//   revoked     permits, keys and runs that are revoked here
//   uses        admissions taken of permits that limit them
//   recorded    which definitions the ledger already holds (domains, bundles, authorities)
//
// Trusted: the state directory, as far as its owner goes. All forms are deterministic CBOR,
// version 0; one that cannot be read is an error and denies.
// Thread safety: functions may be called from any thread; LockedState serialises.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "governor/standing.h"
#include "ledger/store/store.h"
#include "permit/permit.h"

namespace writ::governor {

struct Registration {
  RunId run;
  Pid governor;
  std::string boot;  // of the machine, when it was registered
  PermitId permit;
  KeyId authority;
  std::optional<KeyId> holder;
  Digest32 decision;  // of the admission
  std::string domain, subject, command;
  UnixMillis started;
  UnixSeconds expires;
  LeafIndex from;  // no event of the run lies before
};
ByteVec encode_registration(const Registration& registration);
Result<Registration> decode_registration(Bytes bytes);

struct Revocations {
  std::set<PermitId> permits;
  std::set<KeyId> keys;
  std::set<RunId> runs;
  // hits says whether a registered run is meant.
  bool hits(const Registration& run) const;
};
ByteVec encode_revocations(const Revocations& revocations);
Result<Revocations> decode_revocations(Bytes bytes);

Result<Revocations> read_revocations(ledger::LockedState& state);
Result<std::uint64_t> uses_taken(ledger::LockedState& state, const PermitId& permit);
Result<void> take_use(ledger::LockedState& state, const PermitId& permit);

Result<void> add_run(ledger::LockedState& state, const Registration& run);
Result<void> remove_run(ledger::LockedState& state, const RunId& run);
Result<std::vector<Registration>> list_runs(ledger::LockedState& state);

// definition_drafts are the records that a standing domain still lacks in the ledger (trust,
// domain, policy), by `actor`. Denied when its bundle is older than one that was in force.
// note_definitions remembers that they were written.
Result<std::vector<ledger::Draft>> definition_drafts(ledger::LockedState& state,
                                                     const Standing& standing, const KeyId& actor);
Result<void> note_definitions(ledger::LockedState& state, const Standing& standing);

// sweep finds registered runs whose governor is gone, records how they ended (governor_lost in
// the same boot, interrupted after another) unless their end is there, and forgets them.
// Returns those it found.
struct Lost {
  Registration run;
  EndReason reason = EndReason::GovernorLost;
  bool recorded = false;  // false: its end stood in the ledger already, or it was never admitted
};
Result<std::vector<Lost>> sweep(ledger::LockedState& state, Storage& storage,
                                const std::string& state_dir);

}  // namespace writ::governor
