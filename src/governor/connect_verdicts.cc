// The net gate's questions: the same order as for an exec. The connection is made, and the port of
// a server taken, by the gate only after the record is written.
#include "governor/gate_verdicts.h"

namespace writ::governor {
namespace {

permit::EndpointFacts facts_of(const enforce::ConnectAttempt& attempt) {
  permit::EndpointFacts facts;
  facts.protocol = static_cast<permit::Protocol>(attempt.protocol);
  facts.host = attempt.host;
  facts.address = attempt.address;
  facts.port = attempt.port;
  if (facts.protocol == permit::Protocol::Unix) facts.host = attempt.path;
  return facts;
}

// The body of a Connect or a Listen, which have the same parts.
template <class Body>
Body body_of(ledger::Side& side, std::uint32_t pid, const permit::EndpointFacts& facts) {
  const std::string endpoint = permit::endpoint_text(facts);
  Body body;
  body.pid = pid;
  body.protocol = endpoint.substr(0, endpoint.find(':'));
  body.endpoint = side.put("endpoint", as_bytes(std::string_view(endpoint)));
  return body;
}

}  // namespace

Result<void> GateVerdicts::record_refusal(const enforce::Caller& caller, permit::Way way,
                                          const Judged& judged) {
  Told told;
  told.pid = caller.process.number;
  told.denial = *judged.denial;
  told.event = TRY(recorder_.record(
      cause_of(caller, nullptr),
      [&](ledger::Side& side) -> Result<Recorder::Made> {
        ledger::Refusal body;
        body.reason = told.denial.reason;
        body.gate = permit::way_name(way);
        body.pid = number_of(caller);
        body.asked = side.put("asked", as_bytes(std::string_view(told.denial.asked)));
        (void)side.put("because", as_bytes(std::string_view(told.denial.because)));
        (void)side.put("allow", as_bytes(std::string_view(told.denial.allow)));
        return made(side, judged, std::move(body), permit::way_name(way));
      },
      Class::Ordered));
  tell(caller, told);
  return {};
}

Result<void> GateVerdicts::record_endpoint(const enforce::Caller& caller, permit::Way way,
                                           const permit::EndpointFacts& facts,
                                           const Judged& judged) {
  (void)TRY(recorder_.record(
      cause_of(caller, nullptr),
      [&](ledger::Side& side) -> Result<Recorder::Made> {
        const std::uint32_t pid = number_of(caller);
        ledger::Body body = way == permit::Way::Listen
                                ? ledger::Body(body_of<ledger::Listen>(side, pid, facts))
                                : ledger::Body(body_of<ledger::Connect>(side, pid, facts));
        return made(side, judged, std::move(body), permit::way_name(way));
      },
      Class::Ordered));
  return {};
}

Result<bool> GateVerdicts::connect(const enforce::ConnectAttempt& attempt) {
  const permit::EndpointFacts facts = facts_of(attempt);
  const Judged judged =
      TRY(judge_endpoint(bounds(), in_force(), permit::Way::Connect, facts, clock_.now()));
  if (judged.denial) {
    TRY(record_refusal(attempt.caller, permit::Way::Connect, judged));
    return false;
  }
  TRY(record_endpoint(attempt.caller, permit::Way::Connect, facts, judged));
  return true;
}

Result<bool> GateVerdicts::listen(const enforce::ListenAttempt& attempt) {
  // All of it is judged before any of it is recorded as released.
  std::vector<std::pair<permit::EndpointFacts, Judged>> released;
  for (const IpAddress& address : attempt.addresses) {
    permit::EndpointFacts facts;
    facts.address = address;
    facts.port = attempt.port;
    Judged judged =
        TRY(judge_endpoint(bounds(), in_force(), permit::Way::Listen, facts, clock_.now()));
    if (judged.denial) {
      TRY(record_refusal(attempt.caller, permit::Way::Listen, judged));
      return false;
    }
    released.emplace_back(std::move(facts), std::move(judged));
  }
  for (const auto& [facts, judged] : released) {
    TRY(record_endpoint(attempt.caller, permit::Way::Listen, facts, judged));
  }
  return !released.empty();
}

}  // namespace writ::governor
