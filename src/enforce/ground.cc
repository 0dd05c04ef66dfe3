#include "enforce/ground.h"

#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace writ::enforce {

// One thread and what it is to do, in order. Everything but the line itself belongs to it until
// it has said that it is done.
struct Ground::State {
  State(const Identity& the_identity, RunStreams the_streams)
      : identity(the_identity), streams(std::move(the_streams)) {}

  void post(std::function<void()> work) {
    {
      const std::lock_guard hold(mutex);
      line.push_back(std::move(work));
    }
    wake.notify_all();
  }
  void loop() {
    std::unique_lock hold(mutex);
    for (;;) {
      wake.wait(hold, [&] { return !line.empty(); });
      const std::function<void()> work = std::move(line.front());
      line.pop_front();
      if (!work) return;
      hold.unlock();
      work();
      hold.lock();
      ++done;
      wake.notify_all();
    }
  }
  void wait_for(unsigned count) {
    std::unique_lock hold(mutex);
    wake.wait(hold, [&] { return done >= count; });
  }

  const Identity identity;
  RunStreams streams;
  std::optional<Result<Prepared>> prepared;
  std::optional<Capabilities> kernel;
  std::optional<Result<Boundary>> boundary;
  std::optional<Result<Outcome>> outcome;

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> line;
  unsigned done = 0;
  unsigned posted = 0;
  std::thread thread;
};

Ground::Ground(const Identity& identity, RunStreams streams)
    : state_(std::make_unique<State>(identity, std::move(streams))) {
  State& s = *state_;
  s.post([&s] {
    s.prepared.emplace(prepare(s.identity, s.streams));
    if (*s.prepared && s.prepared->value().kernel.sandbox_ready()) {
      s.kernel = s.prepared->value().kernel;
    } else {
      s.prepared.reset();
      s.kernel = probe();
    }
  });
  s.posted = 1;
  s.thread = std::thread([&s] { s.loop(); });
}

Ground::~Ground() {
  State& s = *state_;
  s.post([&s] {
    s.prepared.reset();
    if (s.boundary && *s.boundary) end_boundary(**s.boundary);
  });
  s.post({});
  s.thread.join();
}

const Capabilities& Ground::kernel() {
  state_->wait_for(1);
  return *state_->kernel;
}

void Ground::build(const Plan& plan) {
  State& s = *state_;
  s.post([&s, plan] {
    if (!s.prepared) s.prepared.emplace(prepare(s.identity, s.streams));
    const auto build_it = [&]() -> Result<Boundary> {
      Prepared prepared = TRY(std::move(*s.prepared));
      return enforce::build(plan, std::move(prepared), *s.kernel);
    };
    s.boundary.emplace(build_it());
    s.prepared.reset();
    s.streams = {};
  });
  ++s.posted;
}

UniqueFd Ground::take_terminal() {
  state_->wait_for(state_->posted);
  if (!state_->boundary || !*state_->boundary) return {};
  return std::move((*state_->boundary)->terminal);
}

UniqueFd Ground::take_inquiry() {
  state_->wait_for(state_->posted);
  if (!state_->boundary || !*state_->boundary) return {};
  return std::move((*state_->boundary)->inquiry);
}

void Ground::keep(Supervisor& supervisor, FdRef finished) {
  State& s = *state_;
  s.post([&s, &supervisor, finished] {
    const auto keep_it = [&]() -> Result<Outcome> {
      if (!s.boundary) return Error(Code::Internal, "a run without a boundary");
      Boundary boundary = TRY(std::move(*s.boundary));
      return supervisor.keep(std::move(boundary), *s.kernel);
    };
    s.outcome.emplace(keep_it());
    s.boundary.reset();
    const std::uint64_t one = 1;
    (void)!::write(finished.number(), &one, sizeof one);
  });
  ++s.posted;
}

Result<Outcome> Ground::wait() {
  state_->wait_for(state_->posted);
  if (!state_->outcome) return Error(Code::Internal, "a run that nobody kept");
  return std::move(*state_->outcome);
}

}  // namespace writ::enforce
