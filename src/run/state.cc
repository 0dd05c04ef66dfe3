#include "run/state.h"

#include <string>

namespace writ::run {
namespace {

std::optional<State> next(State state, Event event) {
  switch (state) {
    case State::Requested:
      if (event == Event::PermitVerified) return State::Verified;
      if (event == Event::Failed) return State::Denied;
      break;
    case State::Verified:
      if (event == Event::PolicyAllowed) return State::Authorized;
      if (event == Event::Failed) return State::Denied;
      break;
    case State::Authorized:
      if (event == Event::AdmissionDurable) return State::Admitted;
      if (event == Event::Failed) return State::Denied;
      break;
    case State::Admitted:
      if (event == Event::ProgramReleased) return State::Running;
      if (event == Event::ProcessesGone) return State::Ended;
      break;
    case State::Running:
      if (event == Event::Freeze) return State::Frozen;
      if (event == Event::ProcessesGone) return State::Ended;
      break;
    case State::Frozen:
      if (event == Event::Thaw) return State::Running;
      if (event == Event::ProcessesGone) return State::Ended;
      break;
    case State::Ended:
      if (event == Event::EndDurable) return State::Closed;
      break;
    case State::Closed:
    case State::Denied: break;
  }
  return {};
}

}  // namespace

Result<Status> step(const Status& now, Event event, std::optional<EndReason> reason) {
  if (reason.has_value() != (event == Event::ProcessesGone)) {
    return Error(Code::InvalidArgument,
                 "an end reason belongs to `processes_gone` and to nothing else");
  }
  std::optional<State> to = next(now.state, event);
  if (!to) {
    return Error(Code::Conflict, "a run that is " + std::string(state_name(now.state)) +
                                     " cannot take the event " + std::string(event_name(event)));
  }
  if (now.state == State::Admitted && reason && *reason != EndReason::NotStarted) {
    return Error(Code::InvalidArgument,
                 "before its first program a run can only end as not_started");
  }
  if (now.state != State::Admitted && reason == EndReason::NotStarted) {
    return Error(Code::InvalidArgument, "a run that has started cannot end as not_started");
  }
  Status status;
  status.state = *to;
  status.end = reason ? reason : (*to == State::Closed ? now.end : std::nullopt);
  return status;
}

std::string_view state_name(State state) {
  switch (state) {
    case State::Requested: return "requested";
    case State::Verified: return "verified";
    case State::Authorized: return "authorized";
    case State::Admitted: return "admitted";
    case State::Running: return "running";
    case State::Frozen: return "frozen";
    case State::Ended: return "ended";
    case State::Closed: return "closed";
    case State::Denied: return "denied";
  }
  WRIT_ASSERT(false);
}

std::string_view event_name(Event event) {
  switch (event) {
    case Event::PermitVerified: return "permit_verified";
    case Event::PolicyAllowed: return "policy_allowed";
    case Event::AdmissionDurable: return "admission_durable";
    case Event::ProgramReleased: return "program_released";
    case Event::Freeze: return "freeze";
    case Event::Thaw: return "thaw";
    case Event::Failed: return "failed";
    case Event::ProcessesGone: return "processes_gone";
    case Event::EndDurable: return "end_durable";
  }
  WRIT_ASSERT(false);
}

bool live(State state) {
  return state == State::Admitted || state == State::Running || state == State::Frozen;
}

}  // namespace writ::run
