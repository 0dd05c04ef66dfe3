// What the gates' questions have in common: exec_verdicts.cc, connect_verdicts.cc.
#include "governor/gate_verdicts.h"

#include "crypto/sha.h"

namespace writ::governor {

GateVerdicts::GateVerdicts(const Admission& admission, Recorder& recorder, const Clock& clock)
    : admission_(admission),
      recorder_(recorder),
      clock_(clock),
      in_force_{admission.standing().policy, admission.standing().bundle} {}

void GateVerdicts::use_policy(std::shared_ptr<const proof::Policy> policy,
                              const BundleDigest& bundle) {
  const std::scoped_lock lock(mutex_);
  in_force_ = {std::move(policy), bundle};
}

void GateVerdicts::on_refusal(std::function<void(const Told&)> call) {
  const std::scoped_lock lock(mutex_);
  on_refusal_ = std::move(call);
}

std::optional<Told> GateVerdicts::last_violation() const {
  const std::scoped_lock lock(mutex_);
  return violation_;
}

std::vector<Told> GateVerdicts::refusals() const {
  const std::scoped_lock lock(mutex_);
  return {refusals_.begin(), refusals_.end()};
}

InForce GateVerdicts::in_force() const {
  const std::scoped_lock lock(mutex_);
  return in_force_;
}

Result<Recorder::Made> GateVerdicts::made(ledger::Side& side, const Judged& judged,
                                          ledger::Body body, const char* action) {
  (void)side.put("request", as_bytes(std::string_view(judged.request)));
  const ByteVec inputs = proof::encode_exec_inputs(judged.request, judged.by.bundle, side.salt());
  const proof::DecisionRecord decision =
      proof::record_of(action, crypto::sha256(inputs), judged.answer);
  return Recorder::Made{std::move(body), proof::decision_digest(decision)};
}

ledger::EventId GateVerdicts::cause_of(const enforce::Caller& caller, bool* lost) const {
  const std::scoped_lock lock(mutex_);
  for (const Pid& process : caller.ancestry) {
    const auto found = execs_.find(process);
    if (found != execs_.end()) return found->second;
  }
  const auto own = execs_.find(caller.process);
  if (own != execs_.end()) return own->second;
  if (lost != nullptr) *lost = true;
  return {admission_.run(), Seq(0)};
}

// tell completes what people are told of a refusal, and tells them.
void GateVerdicts::tell(const enforce::Caller& caller, Told& told) {
  told.leaf = recorder_.last_leaf();
  std::function<void(const Told&)> call;
  {
    const std::scoped_lock lock(mutex_);
    for (const Pid& process : caller.ancestry) {
      const auto found = commands_.find(process);
      if (found != commands_.end()) {
        told.asked_by = found->second;
        break;
      }
    }
    call = on_refusal_;
    refusals_.push_front(told);
    if (refusals_.size() > kMaxRefusals) refusals_.pop_back();
  }
  if (call) call(told);
}

std::uint32_t GateVerdicts::number_of(const enforce::Caller& caller) {
  return caller.process.number > 0 ? static_cast<std::uint32_t>(caller.process.number) : 0;
}

}  // namespace writ::governor
