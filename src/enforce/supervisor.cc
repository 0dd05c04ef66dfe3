#include "enforce/supervisor.h"

#include <optional>

#include "enforce/census.h"
#include "enforce/loop.h"

namespace writ::enforce {

struct Supervisor::State {
  State(const Plan& the_plan, Verdicts& the_verdicts, const Clock& the_clock, UniqueFd event)
      : plan(the_plan),
        verdicts(the_verdicts),
        clock(the_clock),
        mailbox(std::move(event), the_clock) {}
  const Plan plan;
  Verdicts& verdicts;
  const Clock& clock;
  Mailbox mailbox;
  std::optional<Footing> footing;  // once noted
};

Supervisor::Supervisor(const Plan& plan, Verdicts& verdicts, const Clock& clock) {
  Result<UniqueFd> event = event_fd();
  // Without one, run() reports it: nothing can be asked of a supervisor that cannot be woken.
  state_ =
      std::make_unique<State>(plan, verdicts, clock, event ? std::move(event).value() : UniqueFd());
}

Supervisor::~Supervisor() = default;

Result<Outcome> Supervisor::run(RunStreams streams, const Capabilities& kernel) {
  return keep(TRY(build(state_->plan, std::move(streams), kernel)), kernel);
}

Result<Outcome> Supervisor::keep(Boundary boundary, const Capabilities& kernel) {
  if (state_->mailbox.fd().number() < 0) {
    end_boundary(boundary);
    return Error(Code::Exhausted, "no descriptor is left for the supervisor");
  }
  if (boundary.run != state_->plan.run) {
    end_boundary(boundary);
    return Error(Code::Internal, "the boundary was built for another run");
  }
  const std::unique_ptr<Loop> loop = TRY(Loop::create(
      std::move(boundary), state_->plan, state_->verdicts, state_->clock, kernel, state_->mailbox));
  return loop->run();
}

void Supervisor::end(EndReason reason, std::string detail) {
  state_->mailbox.end(reason, std::move(detail));
}
void Supervisor::expire_at(UnixMillis time) {
  state_->mailbox.expire_at(time);
}
void Supervisor::freeze() {
  state_->mailbox.set_frozen(true);
}
void Supervisor::thaw() {
  state_->mailbox.set_frozen(false);
}
void Supervisor::on_stopped(FdRef event) {
  state_->mailbox.stopped = event;
}
void Supervisor::resume() {
  state_->mailbox.resume();
}
GateCounts Supervisor::counts() const {
  return state_->mailbox.counts();
}

void Supervisor::vouch(std::uint64_t millis) {
  state_->mailbox.vouch(millis);
}

Result<Footing::Seen> Supervisor::look(const GiveUp& give_up) {
  if (!state_->footing) {
    const pid_t init = state_->mailbox.init;
    if (init == 0) return Error(Code::NotFound, "no run stands here");
    state_->footing = TRY(Footing::note(init));
  }
  return state_->footing->look(give_up);
}

std::uint64_t Supervisor::live_processes() const {
  const pid_t init = state_->mailbox.init;
  if (init == 0) return 0;
  const Result<Census> census = take_census(init, false);
  return census ? census->processes : 0;
}

}  // namespace writ::enforce
