// The life of a run as one pure function (DESIGN §5).
//
//   requested → verified → authorized → admitted → running ⇄ frozen → ended(reason) → closed
//
// `admitted` means that the admission entry is durable; `ended` that every process is gone;
// `closed` that the end entry is durable. An error before `admitted` is a denial: the run never
// was, and `denied` is where it stays. An error after it and before `running` is
// `ended(not_started)`. "Waiting" (a gate held for an approval) is a running run, not a state.
//
//   Status status;                                           // requested
//   status = TRY(step(status, Event::PermitVerified));
//   …
//   status = TRY(step(status, Event::ProcessesGone, EndReason::Revoked));
//
// Errors: Conflict for an event that cannot come in that state: a broken order of the caller's,
// on which it must stop. Thread safety: pure functions of values.
#pragma once

#include <optional>
#include <string_view>

#include "base/reason.h"
#include "base/result.h"

namespace writ::run {

enum class State {
  Requested,
  Verified,
  Authorized,
  Admitted,
  Running,
  Frozen,
  Ended,
  Closed,
  Denied
};

enum class Event {
  PermitVerified,    // the chain holds, possession is proven
  PolicyAllowed,     // the decision is allow and a plan exists
  AdmissionDurable,  // the admission entry will survive a power cut
  ProgramReleased,   // the first program passed the gate at its exec stop
  Freeze,
  Thaw,
  Failed,         // something that must hold did not
  ProcessesGone,  // with the reason: nothing of the run is left
  EndDurable,     // the end entry will survive a power cut
};

inline constexpr int kStates = 9;
inline constexpr int kEvents = 9;

struct Status {
  State state = State::Requested;
  std::optional<EndReason> end;  // INVARIANT: set exactly in Ended and Closed
  friend bool operator==(const Status&, const Status&) = default;
};

// step is the table. `reason` must be given with ProcessesGone and only with it
// (InvalidArgument); before the first program it must be NotStarted.
Result<Status> step(const Status& now, Event event, std::optional<EndReason> reason = {});

// state_name is the lower-case word that records and messages use.
std::string_view state_name(State state);
std::string_view event_name(Event event);

// live says whether processes of the run may exist.
bool live(State state);

}  // namespace writ::run
