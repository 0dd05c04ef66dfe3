// One thread owns the listener, all tracing, init's pidfd, the timer, the lifeline and the mailbox.
// Each kernel event goes through the gate's table; the actions that come out are performed at
// once, and the result of a synchronous one is the next event.
//
// Whatever may wait, for a file, for another process's memory or for the governor, is a job of the
// workers, whose completion comes back through an eventfd. The usual exec needs nothing of that
// kind: while it is the only one under way, it is looked at here, "at once" (inspect.h,
// verdicts.h), and given to a worker only when that gives no yes. Two hand-overs and as many
// switches are saved. Meanwhile a worker stands in for this thread (StandIn): should it hang all
// the same, heartbeats go on, deadlines hold, and who asks for the end kills init (Mailbox::end).
//
// Ending: the first cause stands, init is killed through its pidfd, and the kernel kills the pid
// namespace. Init can be reaped only after every other process was, so its exit, seen by the
// same reaping that serves the tracees, means that the last process is gone.
#include "enforce/loop.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>

#include "enforce/census.h"
#include "enforce/init/wire.h"
#include "enforce/landlock.h"

namespace writ::enforce {
namespace {

constexpr unsigned kWorkers = 2;
constexpr int kTickMillis = wire::kHeartbeatMillis / 2;
constexpr unsigned kCensusTicks = 2;
constexpr std::int64_t kMilli = 1'000'000;
// What a run on a few processors can use between two counts.
constexpr std::uint64_t kCpuSlack = std::uint64_t{4} * kCensusTicks * kTickMillis;

void kill_by(FdRef pidfd) {
  if (pidfd.number() >= 0) {
    (void)::syscall(SYS_pidfd_send_signal, pidfd.number(), SIGKILL, nullptr, 0U);
  }
}

void kill_init(const Boundary& boundary) {
  kill_by(boundary.init_pidfd.borrow());
}

Result<UniqueFd> make_tick() {
  UniqueFd fd = adopt_fd(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fd) return errno_error(errno, "making a timer");
  struct itimerspec often {};
  often.it_interval.tv_nsec = kTickMillis * kMilli;
  often.it_value = often.it_interval;
  if (::timerfd_settime(fd.number(), 0, &often, nullptr) != 0) {
    return errno_error(errno, "setting a timer");
  }
  return fd;
}

void empty(FdRef fd) {
  std::uint64_t count = 0;
  (void)!::read(fd.number(), &count, sizeof count);
}

}  // namespace

void Mailbox::ring() {
  const std::uint64_t one = 1;
  (void)!::write(event_.number(), &one, sizeof one);
}

void Mailbox::end(EndReason reason, std::string detail) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
    wishes_.end = EndWish{reason, std::move(detail), clock_.boot_nanos()};
    // The wish stands before init is gone: the loop takes it as the cause.
    kill_by(init_pidfd_.borrow());
  }
  ring();
}

Result<void> Mailbox::govern(pid_t the_init, FdRef pidfd) {
  UniqueFd copy = TRY(dup_fd(pidfd));
  const std::lock_guard lock(mutex_);
  init_pidfd_ = std::move(copy);
  init = the_init;
  if (ended_) kill_by(init_pidfd_.borrow());
  return {};
}

void Mailbox::expire_at(UnixMillis time) {
  {
    const std::lock_guard lock(mutex_);
    wishes_.expires = time;
  }
  ring();
}

void Mailbox::set_frozen(bool frozen) {
  {
    const std::lock_guard lock(mutex_);
    wishes_.frozen = frozen;
  }
  ring();
}

std::optional<Mailbox::EndWish> Mailbox::take_end() {
  const std::lock_guard lock(mutex_);
  return std::exchange(wishes_.end, std::nullopt);
}

void Mailbox::vouch(std::uint64_t millis) {
  {
    const std::lock_guard lock(mutex_);
    wishes_.vouched_millis = millis;
  }
  ring();
}

void Mailbox::resume() {
  {
    const std::lock_guard lock(mutex_);
    wishes_.resumed = true;
  }
  ring();
}

Mailbox::Wishes Mailbox::take() {
  empty(event_.borrow());
  const std::lock_guard lock(mutex_);
  return std::exchange(wishes_, {});
}

void Mailbox::show(const GateCounts& counts) {
  const std::lock_guard lock(mutex_);
  counts_ = counts;
}

GateCounts Mailbox::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::optional<std::pair<EndReason, std::string>> Deadlines::passed(const Clock& clock,
                                                                   const Limits& limits) const {
  const std::int64_t boot = clock.boot_nanos();
  if (wall && boot >= *wall) {
    return std::pair(EndReason::LimitWall, std::to_string(*limits.wall_ms) + " ms");
  }
  if (expiry_wall && (clock.now() >= *expiry_wall || boot >= *expiry_boot)) {
    return std::pair(EndReason::Expired, "at " + to_rfc3339(*expiry_wall));
  }
  return std::nullopt;
}

StandIn::Watch::Watch(StandIn& by, const Deadlines& deadlines) : by_(by) {
  const std::lock_guard lock(by_.mutex_);
  by_.deadlines_ = deadlines;
}

StandIn::Watch::~Watch() {
  const std::lock_guard lock(by_.mutex_);
  by_.deadlines_.reset();
}

// The lock is held throughout: the loop goes on only after this, and with it may end all this is
// about. Nothing here waits.
void StandIn::step(const Clock& clock, const Limits& limits, const Boundary& boundary,
                   Mailbox& mailbox) {
  const std::lock_guard lock(mutex_);
  if (!deadlines_) return;
  if (auto over = deadlines_->passed(clock, limits)) {
    mailbox.end(over->first, std::move(over->second));
  }
  (void)send(boundary, LifelineMessage::Heartbeat);
}

Loop::Loop(Boundary boundary, const Plan& plan, Verdicts& verdicts, const Clock& clock,
           const Capabilities& kernel, Mailbox& mailbox, Listener listener, ChildSignal children,
           UniqueFd tick, UniqueFd jobs_done)
    : plan_(plan),
      verdicts_(verdicts),
      clock_(clock),
      mailbox_(mailbox),
      boundary_(std::move(boundary)),
      listener_(std::move(listener)),
      children_(std::move(children)),
      tick_(std::move(tick)),
      gate_(plan.limits),
      inspector_(clock, boundary_.init, kernel.writers_excluded),
      workers_(std::move(jobs_done)) {}

Loop::~Loop() = default;

Result<std::unique_ptr<Loop>> Loop::create(Boundary boundary, const Plan& plan, Verdicts& verdicts,
                                           const Clock& clock, const Capabilities& kernel,
                                           Mailbox& mailbox) {
  const pid_t init = boundary.init;
  const auto make = [&]() -> Result<std::unique_ptr<Loop>> {
    Listener listener = TRY(Listener::create(std::move(boundary.listener)));
    ChildSignal children = TRY(ChildSignal::create());
    UniqueFd tick = TRY(make_tick());
    UniqueFd jobs_done = TRY(event_fd());
    std::unique_ptr<Loop> loop(new Loop(std::move(boundary), plan, verdicts, clock, kernel, mailbox,
                                        std::move(listener), std::move(children), std::move(tick),
                                        std::move(jobs_done)));
    Result<void> started =
        loop->workers_.start(kWorkers, kTickMillis, [made = loop.get()] { made->stand_in(); });
    if (!started) {
      boundary = std::move(loop->boundary_);
      return std::move(started).error();
    }
    loop->no_tcp_ = landlock::network(kernel.landlock_abi) != 0;
    if (loop->boundary_.resolver || !loop->boundary_.datagrams.empty()) {
      if (Result<void> made = loop->make_net(); !made) {
        boundary = std::move(loop->boundary_);
        return std::move(made).error();
      }
    }
    Result<void> governed = mailbox.govern(init, loop->boundary_.init_pidfd.borrow());
    if (!governed) {
      boundary = std::move(loop->boundary_);
      return std::move(governed).error();
    }
    // The first, before any exec is answered: from now on init counts those that are missed.
    (void)send(loop->boundary_, LifelineMessage::Heartbeat);
    return loop;
  };
  Result<std::unique_ptr<Loop>> made = make();
  if (!made) {
    kill_init(boundary);
    (void)::waitpid(init, nullptr, __WALL);
  }
  return made;
}

// apply feeds an event and everything that follows from it at once.
void Loop::apply(const GateEvent& event) {
  std::deque<GateEvent> events{event};
  while (!events.empty()) {
    const GateEvent next = events.front();
    events.pop_front();
    for (const GateAction& action : gate_.step(next)) {
      std::optional<GateEvent> result =
          std::visit([this](const auto& one) { return perform(one); }, action);
      if (result) events.push_back(*result);
    }
  }
}

// What a lone caller asks for, if that is all plain and answered with yes: the usual exec.
std::optional<Checked> Loop::check_at_once(AttemptId attempt) {
  const StandIn::Watch watch(stand_in_, deadlines_);
  Result<Sight> sight = inspector_.sight(incoming_, Pace::AtOnce);
  if (!sight || sight->error != 0 || sight->attempt.failed != 0) return std::nullopt;
  // Whatever was read is only about this caller if it still waits.
  if (!listener_.valid(incoming_.id)) return Checked{attempt, CheckResult::Gone, 0, 0};
  const std::optional<Courtesy> courtesy = verdicts_.before_at_once(sight->attempt);
  if (!courtesy || !courtesy->go) return std::nullopt;
  callers_[attempt.get()] = std::move(sight->attempt.caller);
  forget_callers();
  return Checked{attempt, CheckResult::Go, 0, sight->group};
}

std::optional<Judged> Loop::judge_at_once(const Judge& action, StackPointer stack) {
  const auto caller = callers_.find(action.attempt.get());
  if (!started_ || caller == callers_.end()) return std::nullopt;
  const StandIn::Watch watch(stand_in_, deadlines_);
  const Result<ExecImage> image =
      inspector_.image(action.process, stack, caller->second, Pace::AtOnce);
  if (!image) return std::nullopt;
  const std::optional<StopVerdict> verdict = verdicts_.at_stop_at_once(*image);
  if (!verdict || !verdict->released) return std::nullopt;
  callers_.erase(caller);
  return Judged{action.attempt, JudgeResult::Released};
}

std::optional<GateEvent> Loop::perform(const Check& action) {
  if (gate_.open() == 1) {
    if (const std::optional<Checked> done = check_at_once(action.attempt)) return *done;
  }
  hand_over([this, attempt = action.attempt, asked = incoming_]() -> Workers::Completion {
    Result<Sight> sight = inspector_.sight(asked, Pace::AtLength);
    Checked checked{attempt, CheckResult::Gone, 0, 0};
    Caller caller;
    // Whatever was read is only about this caller if it still waits.
    if (listener_.valid(asked.id)) {
      if (!sight) {
        checked.result = CheckResult::Failed;
        checked.error = EACCES;
      } else if (sight->error != 0) {
        checked.result = CheckResult::Failed;
        checked.error = sight->error;
      } else {
        const Result<Courtesy> courtesy = verdicts_.before(sight->attempt);
        const int failed = sight->attempt.failed;
        checked.group = sight->group;
        if (!courtesy) {
          checked.result = CheckResult::Failed;
          checked.error = EACCES;
        } else if (courtesy->go) {
          checked.result = failed == 0 ? CheckResult::Go : CheckResult::Failed;
          checked.error = failed;
          caller = std::move(sight->attempt.caller);
        } else {
          checked.result = courtesy->recorded ? CheckResult::Refused : CheckResult::Failed;
          checked.error = courtesy->error;
        }
      }
    }
    return [this, checked, caller = std::move(caller)]() mutable {
      if (checked.result == CheckResult::Go) {
        callers_[checked.attempt.get()] = std::move(caller);
        forget_callers();
      }
      apply(checked);
    };
  });
  return std::nullopt;
}

std::optional<GateEvent> Loop::perform(const Answer& action) {
  (void)listener_.answer(action.notification, action.error);  // false: killed meanwhile
  return std::nullopt;
}

std::optional<GateEvent> Loop::perform(const Seize& action) {
  if (!listener_.valid(action.notification)) return Seized{action.attempt, SeizeResult::Gone};
  const int failed = seize_thread(action.thread);
  const bool valid = listener_.valid(action.notification);
  if (failed != 0) {
    const bool gone = failed == ESRCH || !valid;
    return Seized{action.attempt, gone ? SeizeResult::Gone : SeizeResult::Refused};
  }
  // Before it is let through, so that an exec that fails ends in a stop.
  const bool asked_to_stop = interrupt_thread(action.thread);
  return Seized{action.attempt, valid && asked_to_stop ? SeizeResult::Ok : SeizeResult::Stale};
}

std::optional<GateEvent> Loop::perform(const Continue& action) {
  return Continued{action.attempt, listener_.let_through(action.notification)};
}

std::optional<GateEvent> Loop::perform(const Judge& action) {
  const std::optional<StackPointer> stack = stack_pointer(action.process);
  if (!stack) {
    unreadable_ = "its registers could not be read";
    return Judged{action.attempt, JudgeResult::Unreadable};
  }
  if (gate_.open() == 1) {
    if (const std::optional<Judged> done = judge_at_once(action, *stack)) return *done;
  }
  Caller caller;
  const auto found = callers_.find(action.attempt.get());
  if (found != callers_.end()) {
    caller = std::move(found->second);
    callers_.erase(found);
  }
  hand_over([this, action, stack = *stack, first = !started_,
             caller = std::move(caller)]() -> Workers::Completion {
    Judged judged{action.attempt, JudgeResult::Unreadable};
    std::string detail;
    Result<ExecImage> image = inspector_.image(action.process, stack, caller, Pace::AtLength);
    if (!image) {
      detail = image.error().message();
      if (image.error().code() == Code::Conflict) judged.result = JudgeResult::Violated;
    } else {
      image->first = first;
      const Result<StopVerdict> verdict = verdicts_.at_stop(*image);
      judged.result = verdict && verdict->released ? JudgeResult::Released : JudgeResult::Violated;
      detail = "exec " + printable(image->program);
      if (!verdict) {
        judged.reason = Reason::LedgerUnavailable;
        detail += ": " + verdict.error().message();
      } else {
        judged.reason = verdict->reason;
      }
    }
    return [this, judged, detail = std::move(detail)] {
      if (judged.result == JudgeResult::Unreadable) unreadable_ = detail;
      if (judged.result == JudgeResult::Violated) violation_ = detail;
      if (judged.result == JudgeResult::Released && !started_) {
        started_ = true;
        outcome_.started_boot_nanos = clock_.boot_nanos();
        if (plan_.limits.wall_ms) {
          const auto most = static_cast<std::uint64_t>(INT64_MAX / 2 / kMilli);
          deadlines_.wall =
              outcome_.started_boot_nanos +
              static_cast<std::int64_t>(std::min(*plan_.limits.wall_ms, most)) * kMilli;
        }
      }
      apply(judged);
    };
  });
  return std::nullopt;
}

std::optional<GateEvent> Loop::perform(const Confirm& action) {
  const bool stopped = still_stopped(action.process);
  if (stopped) violation_ = "a new program could not be verified: " + unreadable_;
  return Confirmed{action.attempt, stopped};
}

std::optional<GateEvent> Loop::perform(const Detach& action) {
  return Detached{action.thread, detach_thread(action.thread, action.signal)};
}

std::optional<GateEvent> Loop::perform(const EndRun& action) {
  std::string detail;
  if (action.end == EndReason::LimitEvents) {
    detail = "more than " + std::to_string(plan_.limits.gate_events) + " gate events";
  } else if (action.end == EndReason::LimitExecs) {
    detail = "more than " + std::to_string(plan_.limits.execs) + " execs";
  } else {
    detail = std::string(code_of(action.reason)) + ": " +
             (action.unexplained ? "a program was about to start that nobody had asked for"
                                 : violation_);
  }
  end(action.end, std::move(detail));
  return std::nullopt;
}

// The table bounds what is open, so this map only has to be swept now and then.
void Loop::forget_callers() {
  if (callers_.size() < 2 * gate_.open() + 64) return;
  std::erase_if(callers_, [this](const auto& one) { return !gate_.knows(AttemptId(one.first)); });
}

void Loop::end(EndReason reason, std::string detail, std::optional<std::int64_t> since) {
  if (ended_) return;
  ended_ = true;
  outcome_.end = reason;
  outcome_.detail = std::move(detail);
  cause_boot_ = since ? *since : clock_.boot_nanos();
  kill_init(boundary_);
  hold_net(true);
  inspector_.cancel();
  apply(End{});
}

// One exec at a time, the usual case, is a chain of hand-overs in which nobody has anything else to
// do: on one processor each is a switch, over two of them an interrupt and a wake from sleep. A
// synchronous notification wakes this thread on the caller's processor; it and the workers keep to
// that one until the exec is over. As soon as two are under way, all use what there is.
void Loop::stay_near_caller() {
  if (gate_.open() > 0) return spread();
  unsigned here = 0;
  if (::getcpu(&here, nullptr) != 0 || here >= CPU_SETSIZE) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(here, &one);
  if (::sched_setaffinity(0, sizeof one, &one) != 0) return;
  near_ = here;
}

// hand_over gives a job about the exec under way to a worker, on the same processor.
void Loop::hand_over(Workers::Job job) {
  if (near_ && jobs_near_ != near_) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(*near_, &one);
    workers_.keep_on(one);
    jobs_near_ = near_;
  }
  workers_.submit(std::move(job));
}

void Loop::spread() {
  if (near_) (void)::sched_setaffinity(0, sizeof processors_, &processors_);
  if (jobs_near_) workers_.keep_on(processors_);
  near_.reset();
  jobs_near_.reset();
}

void Loop::take_notification() {
  if (gate_.ending()) return;
  Result<std::optional<Notification>> got = listener_.receive();
  if (!got) return end(EndReason::ContinuityLost, got.error().message());
  if (!*got) return;
  const int call = (**got).call;
  if (call != SYS_execve && call != SYS_execveat) return take_net(**got);
  incoming_ = **got;
  stay_near_caller();
  apply(Asked{incoming_.id, incoming_.thread});
}

void Loop::hold_net(bool held) {
  net_held_ = held;
  if (net_) net_->hold(held);
}

Result<void> Loop::make_net() {
  net_ = TRY(NetGate::create(plan_, verdicts_, listener_, inspector_, clock_,
                             boundary_.diagnosis.borrow(), no_tcp_ && plan_.outward(),
                             {std::move(boundary_.resolver), std::move(boundary_.datagrams)},
                             [this] { return spend_for_datagrams(); }));
  net_->hold(net_held_);
  return {};
}

// On the relay's thread, which knows the exec gate's events as of the last turn of the loop.
bool Loop::spend_for_datagrams() {
  const std::uint64_t net = ++net_asked_;
  if (mailbox_.counts().asked + net <= plan_.limits.gate_events) return true;
  mailbox_.end(EndReason::LimitEvents,
               "more than " + std::to_string(plan_.limits.gate_events) + " gate events");
  return false;
}

// The net gate is there from the first connect on, which most runs do not have, or for names and
// datagrams. Its events use the same budget: what is refused is recorded.
void Loop::take_net(const Notification& asked) {
  if (!net_) {
    Result<void> made = make_net();
    if (!made) return end(EndReason::ContinuityLost, made.error().message());
  }
  if (gate_.counts().asked + ++net_asked_ <= plan_.limits.gate_events) return net_->take(asked);
  end(EndReason::LimitEvents,
      "more than " + std::to_string(plan_.limits.gate_events) + " gate events");
}

void Loop::take_children() {
  while (const std::optional<TaskEvent> event = reap()) {
    switch (event->kind) {
      case TaskEvent::Kind::Exec: apply(ExecStop{event->thread, event->former}); break;
      case TaskEvent::Kind::Stop: apply(OtherStop{event->thread}); break;
      case TaskEvent::Kind::SignalStop: apply(SignalStop{event->thread, event->signal}); break;
      case TaskEvent::Kind::Exited:
        if (event->thread == boundary_.init) {
          init_is_gone();
        } else {
          apply(Exited{event->thread});
        }
        break;
    }
  }
}

void Loop::take_wishes() {
  const Mailbox::Wishes wishes = mailbox_.take();
  if (wishes.expires) {
    deadlines_.expiry_wall = *wishes.expires;
    const std::int64_t left = wishes.expires->get() - clock_.now().get();
    // Both clocks: the wall clock may be set back, boot time may not.
    deadlines_.expiry_boot =
        clock_.boot_nanos() + std::clamp<std::int64_t>(left, 0, INT64_MAX / 4 / kMilli) * kMilli;
  }
  // Rounded up, and one more: the first tick may come at once.
  if (wishes.vouched_millis) ticks_left_ = *wishes.vouched_millis / kTickMillis + 2;
  if (wishes.end) end(wishes.end->reason, wishes.end->detail, wishes.end->boot_nanos);
  if (wishes.resumed && !ended_) (void)send(boundary_, LifelineMessage::Resume);
  if (wishes.frozen && !ended_) {
    if (*wishes.frozen) {
      apply(Freeze{});
      hold_net(true);
      if (!send(boundary_, LifelineMessage::Freeze)) {
        end(EndReason::ContinuityLost, "init does not take messages");
      }
    } else {
      if (!send(boundary_, LifelineMessage::Thaw)) {
        end(EndReason::ContinuityLost, "init does not take messages");
      }
      apply(Thaw{});
      hold_net(false);
    }
  }
}

// The first program has ended: so does the run, by init. Nothing more is let through.
void Loop::take_lifeline() {
  // Who asked for the end has killed init, perhaps before the wish was taken.
  if (const auto wish = mailbox_.take_end()) end(wish->reason, wish->detail, wish->boot_nanos);
  if (ended_) return;
  const Result<FirstExit> exit = receive_first_exit(boundary_);
  if (!exit) {
    if (exit.error().code() != Code::NotFound && init_gone_) {
      end(EndReason::ContinuityLost, "the run's init ended unexpectedly");
    }
    return;
  }
  if (exit->stopped) {
    const std::uint64_t one = 1;
    if (mailbox_.stopped.number() >= 0) (void)!::write(mailbox_.stopped.number(), &one, sizeof one);
    return;
  }
  ended_ = true;
  cause_boot_ = clock_.boot_nanos();
  const int status = exit->wait_status;
  if (exit->exec_error != 0 || !started_) {
    outcome_.end = EndReason::NotStarted;
    outcome_.detail = exit->exec_error != 0
                          ? errno_error(exit->exec_error, "the first program").message()
                          : "the first program was never started";
    outcome_.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  } else if (WIFSIGNALED(status)) {
    // RLIMIT_CPU sends SIGXCPU, and SIGKILL to a process that has used up the hard limit too.
    const bool used_up = plan_.limits.cpu_ms && cpu_millis_ + kCpuSlack >= *plan_.limits.cpu_ms;
    const bool cpu = plan_.limits.cpu_ms &&
                     (WTERMSIG(status) == SIGXCPU || (WTERMSIG(status) == SIGKILL && used_up));
    outcome_.end = cpu ? EndReason::LimitCpu : EndReason::Signalled;
    outcome_.exit_status = WTERMSIG(status);
  } else {
    outcome_.end = EndReason::Exited;
    outcome_.exit_status = WEXITSTATUS(status);
  }
  hold_net(true);
  apply(End{});
}

void Loop::init_is_gone() {
  init_gone_ = true;
  mailbox_.init = 0;
  take_lifeline();  // its last word may still be there
  outcome_.ended_boot_nanos = clock_.boot_nanos();
  if (!ended_) end(EndReason::ContinuityLost, "the run's init ended unexpectedly");
}

void Loop::take_tick() {
  empty(tick_.borrow());
  spread();  // what takes this long may wait for others
  if (init_gone_) return;
  // A full lifeline means that init does not read: it will end itself for want of heartbeats.
  (void)send(boundary_, LifelineMessage::Heartbeat);
  if (!ended_ && !listener_.hears()) {
    end(EndReason::ContinuityLost, "the exec gate's listener is gone");
  }
  if (ticks_left_ && *ticks_left_ > 0 && --*ticks_left_ == 0) {
    end(EndReason::ContinuityLost, "three checks of the run were missed");
  }
  if (++ticks_ % kCensusTicks != 0 || counting_ || ended_ || !started_) return;
  counting_ = true;
  workers_.submit([this, init = boundary_.init]() -> Workers::Completion {
    const Result<Census> census = take_census(init, plan_.limits.cpu_ms.has_value());
    const Census seen = census ? *census : Census{};
    return [this, seen] {
      counting_ = false;
      outcome_.peak_tasks = std::max(outcome_.peak_tasks, seen.tasks);
      cpu_millis_ = std::max(cpu_millis_, seen.cpu_millis);
      if (plan_.limits.cpu_ms && seen.cpu_millis > *plan_.limits.cpu_ms) {
        end(EndReason::LimitCpu, std::to_string(seen.cpu_millis) + " ms of processor time");
      }
    };
  });
}

void Loop::check_deadlines() {
  if (ended_) return;
  if (auto over = deadlines_.passed(clock_, plan_.limits))
    end(over->first, std::move(over->second));
}

// On a worker.
void Loop::stand_in() {
  stand_in_.step(clock_, plan_.limits, boundary_, mailbox_);
}

int Loop::wait_millis() const {
  if (ended_) return -1;
  const std::int64_t boot = clock_.boot_nanos();
  std::int64_t least = INT64_MAX;
  if (deadlines_.wall) least = std::min(least, *deadlines_.wall - boot);
  if (deadlines_.expiry_boot) least = std::min(least, *deadlines_.expiry_boot - boot);
  if (least == INT64_MAX) return -1;
  return static_cast<int>(std::clamp<std::int64_t>((least + kMilli - 1) / kMilli, 0, 60'000));
}

bool Loop::finished() const {
  return init_gone_ && gate_.traced() == 0 && !gate_.awaits_worker() && !counting_;
}

Outcome Loop::run() {
  outcome_.peak_tasks = 1;
  (void)::sched_getaffinity(0, sizeof processors_, &processors_);
  while (!finished()) {
    const bool listen = !hung_up_ && !gate_.ending();
    const bool alive = !init_gone_;
    std::array<struct pollfd, 6> watched = {{
        {children_.fd().number(), POLLIN, 0},
        {workers_.fd().number(), POLLIN, 0},
        {mailbox_.fd().number(), POLLIN, 0},
        {tick_.number(), POLLIN, 0},
        {listen ? listener_.fd().number() : -1, POLLIN, 0},
        {alive && !ended_ ? boundary_.lifeline.number() : -1, POLLIN, 0},
    }};
    const bool interrupted = ::poll(watched.data(), watched.size(), wait_millis()) < 0;
    if (interrupted && errno != EINTR) {
      end(EndReason::ContinuityLost, errno_error(errno, "waiting for events").message());
    }
    check_deadlines();
    if (watched[2].revents != 0) take_wishes();
    if (watched[3].revents != 0) take_tick();
    // Every change of a child's state has rung; the tick looks all the same.
    if (interrupted || watched[0].revents != 0 || watched[3].revents != 0) {
      children_.drain();
      take_children();
    }
    if (watched[1].revents != 0) {
      for (const Workers::Completion& done : workers_.completions()) done();
    }
    if ((watched[4].revents & POLLIN) != 0) take_notification();
    if ((watched[4].revents & (POLLHUP | POLLERR)) != 0) hung_up_ = true;
    if (watched[5].revents != 0 && !init_gone_) {
      take_lifeline();
      // Closed, and init not reaped yet: its exit is the next child event.
      if (!ended_ && (watched[5].revents & POLLHUP) != 0) {
        end(EndReason::ContinuityLost, "the run's init ended unexpectedly");
      }
    }
    if (near_ && gate_.open() == 0) {
      (void)::sched_setaffinity(0, sizeof processors_, &processors_);
      near_.reset();
    }
    mailbox_.show(gate_.counts());
  }
  if (net_) net_->stop();  // no verdict is asked after the end
  gate_.close();
  mailbox_.show(gate_.counts());
  outcome_.counts = gate_.counts();
  outcome_.end_latency_nanos = outcome_.ended_boot_nanos - cause_boot_;
  return outcome_;
}

}  // namespace writ::enforce
