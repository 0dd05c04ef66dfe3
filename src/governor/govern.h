// Govern: an admitted run, from its boundary to its end (DESIGN §5, steps 6 to 9).
//
// The calling thread copies the streams, or keeps the terminal. A thread that lives as long as the
// run keeps the boundary (enforce/supervisor.h); another watches: the control socket, the
// revocation list, the policy in force, signals for this process, and every few seconds (the
// domain's `continuity`) whether all that held at admission still holds. Every process is gone
// before the end is recorded, and the end is durable, under a signed head, before govern() returns.
//
//   RunEnd end = TRY(govern(admission, installation, site, {.on_refusal = print}));
//
// An Error means that the end could not be recorded; nothing of the run is left all the same, and
// whoever next takes the ledger's lock records what can still be said.
// Thread safety: one call for one Admission; several runs in one process are not meant.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "enforce/supervisor.h"
#include "governor/admission.h"
#include "governor/gate_verdicts.h"
#include "governor/site.h"
#include "governor/terminal.h"
#include "ledger/checkpoint.h"

namespace writ::governor {

struct GovernOptions {
  CallerTerminal* terminal = nullptr;           // needed exactly when the plan has one
  std::function<void(const Told&)> on_refusal;  // from another thread
};

struct RunEnd {
  EndReason reason = EndReason::Exited;
  std::string detail;
  int status = 0;  // Exited: the program's; Signalled: the signal
  enforce::GateCounts counts;
  std::int64_t wall_nanos = 0;
  std::int64_t end_latency_nanos = 0;
  std::optional<Told> violation;
  LeafIndex first;  // the admission's entry
  LeafIndex last;   // the end's
  ledger::Checkpoint head;
};

Result<RunEnd> govern(const Admission& admission, Installation& here, RunSite& site,
                      const GovernOptions& options);

}  // namespace writ::governor
