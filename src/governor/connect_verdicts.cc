// The net gate's question: the same order as for an exec. The connection is made by the gate only
// after its record is written.
#include "governor/gate_verdicts.h"

namespace writ::governor {
namespace {

permit::ConnectFacts facts_of(const enforce::ConnectAttempt& attempt) {
  permit::ConnectFacts facts;
  facts.protocol = static_cast<permit::Protocol>(attempt.protocol);
  facts.host = attempt.host;
  facts.address = attempt.address;
  facts.port = attempt.port;
  if (facts.protocol == permit::Protocol::Unix) facts.host = attempt.path;
  return facts;
}

}  // namespace

Result<GateVerdicts::Judged> GateVerdicts::judge(const permit::ConnectFacts& facts) const {
  Judged judged = under_policy_now();
  const permit::ConnectMatch match = permit::match_connect(admission_.permit().grant(), facts);
  if (const Denial* no = std::get_if<Denial>(&match)) judged.denial = *no;
  TRY(decide(judged, proof::connect_question(admission_.facts(), facts, judged.time)));
  return judged;
}

Result<void> GateVerdicts::record_refusal(const enforce::Caller& caller, const Judged& judged) {
  Told told;
  told.pid = caller.process.number;
  told.denial = *judged.denial;
  told.event = TRY(recorder_.record(
      cause_of(caller, nullptr),
      [&](ledger::Side& side) -> Result<Recorder::Made> {
        ledger::Refusal body;
        body.reason = told.denial.reason;
        body.gate = "connect";
        body.pid = number_of(caller);
        body.asked = side.put("asked", as_bytes(std::string_view(told.denial.asked)));
        (void)side.put("because", as_bytes(std::string_view(told.denial.because)));
        (void)side.put("allow", as_bytes(std::string_view(told.denial.allow)));
        return made(side, judged, std::move(body), "connect");
      },
      Class::Ordered));
  tell(caller, told);
  return {};
}

Result<bool> GateVerdicts::connect(const enforce::ConnectAttempt& attempt) {
  const permit::ConnectFacts facts = facts_of(attempt);
  const Judged judged = TRY(judge(facts));
  if (judged.denial) {
    TRY(record_refusal(attempt.caller, judged));
    return false;
  }
  const std::string endpoint = permit::endpoint_text(facts);
  (void)TRY(recorder_.record(
      cause_of(attempt.caller, nullptr),
      [&](ledger::Side& side) -> Result<Recorder::Made> {
        ledger::Connect body;
        body.pid = number_of(attempt.caller);
        body.protocol = endpoint.substr(0, endpoint.find(':'));
        body.endpoint = side.put("endpoint", as_bytes(std::string_view(endpoint)));
        return made(side, judged, std::move(body), "connect");
      },
      Class::Ordered));
  return true;
}

}  // namespace writ::governor
