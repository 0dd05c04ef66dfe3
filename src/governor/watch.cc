#include "governor/watch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "cose/key.h"
#include "governor/registry.h"

namespace writ::governor {
namespace {

constexpr std::size_t kMaxGreeting = 64;
constexpr std::size_t kMaxRevocations = std::size_t{64} << 20;

// The signal that says that the state directory has changed; several are one.
constexpr int kChanged = SIGIO;

}  // namespace

Result<std::unique_ptr<Watch>> Watch::create(const Admission& admission, Installation& here) {
  ControlSocket socket = TRY(ControlSocket::listen(here.home.runtime, admission.run()));
  std::unique_ptr<Watch> watch(new Watch(admission, here, std::move(socket)));
  sigset_t set;
  ::sigemptyset(&set);
  for (const int one : {SIGINT, SIGTERM, SIGHUP, kChanged}) ::sigaddset(&set, one);
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) return errno_error(errno, "watching for signals");
  watch->signals_ = adopt_fd(signals);
  watch->wake_ = TRY(event_fd());
  return watch;
}

Watch::~Watch() {
  stop(0);
}

void Watch::start(enforce::Supervisor& supervisor, GateVerdicts& verdicts, Recorder& recorder) {
  supervisor_ = &supervisor;
  continuity_.emplace(admission_, here_, supervisor, verdicts, recorder);
  thread_ = std::thread([this] { loop(); });
}

void Watch::stop(std::int64_t end_latency_nanos) {
  if (!thread_.joinable()) return;
  stopping_ = true;
  const std::uint64_t one = 1;
  (void)!::write(wake_.number(), &one, sizeof one);
  thread_.join();
  for (const Waiting& waiting : waiting_) {
    ControlAnswer answer;
    answer.state = "ended";
    answer.processes = waiting.processes;
    answer.latency_nanos = here_.clock.boot_nanos() - waiting.asked_nanos;
    if (end_latency_nanos > 0) answer.latency_nanos = end_latency_nanos;
    (void)send_message(waiting.connection.borrow(), encode(answer));
  }
  waiting_.clear();
}

std::string Watch::state() const {
  if (frozen_) return std::string(run::state_name(run::State::Frozen));
  return std::string(run::state_name(supervisor_->counts().released > 0 ? run::State::Running
                                                                        : run::State::Admitted));
}

// The kernel signals this thread, which reads its signals from a descriptor. An inotify
// descriptor says as much, but closing one takes the kernel 10 to 25 ms, at the end of every run.
Result<void> Watch::watch_state() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, kChanged);
  (void)::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  state_ = TRY(open_at(FdRef::cwd(), here_.home.state, O_RDONLY | O_DIRECTORY));
  const struct f_owner_ex self { F_OWNER_TID, ::gettid() };
  constexpr long kChanges = DN_CREATE | DN_RENAME | DN_DELETE | DN_MODIFY | DN_MULTISHOT;
  if (::fcntl(state_.number(), F_SETOWN_EX, &self) == 0 &&
      ::fcntl(state_.number(), F_NOTIFY, kChanges) == 0) {
    return {};
  }
  const int changes = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (changes < 0) return errno_error(errno, "watching the revocation list");
  changes_ = adopt_fd(changes);
  if (::inotify_add_watch(changes, here_.home.state.c_str(),
                          IN_MOVED_TO | IN_CREATE | IN_CLOSE_WRITE | IN_DELETE) < 0) {
    return errno_error(errno, "watching " + printable(here_.home.state));
  }
  return {};
}

std::vector<struct pollfd> Watch::watched() const {
  std::vector<struct pollfd> wait = {{wake_.number(), POLLIN, 0},
                                     {socket_.fd().number(), POLLIN, 0},
                                     {changes_.number(), POLLIN, 0},
                                     {signals_.number(), POLLIN, 0}};
  for (const UniqueFd& connection : greeting_) wait.push_back({connection.number(), POLLIN, 0});
  return wait;
}

void Watch::loop() {
  if (const Result<void> watching = watch_state(); !watching) {
    supervisor_->end(EndReason::ContinuityLost, watching.error().message());
  }
  check_revocations();  // what came between the admission and the watch
  while (!stopping_) {
    std::vector<struct pollfd> wait = watched();
    const std::int64_t left = continuity_->next() - here_.clock.boot_nanos();
    const int millis =
        left <= 0 ? 0 : static_cast<int>(std::min<std::int64_t>(left / 1'000'000 + 1, 60'000));
    const int ready = ::poll(wait.data(), wait.size(), millis);
    if (ready < 0 && errno != EINTR) return;
    if (stopping_) return;
    if (ready > 0 && wait[2].revents != 0) {
      std::array<char, 4096> events{};
      while (::read(changes_.number(), events.data(), events.size()) > 0) {
      }
      check_revocations();
    }
    if (ready > 0 && wait[3].revents != 0) {
      struct signalfd_siginfo taken = {};
      if (::read(signals_.number(), &taken, sizeof taken) == sizeof taken) {
        if (static_cast<int>(taken.ssi_signo) == kChanged) {
          check_revocations();
        } else {
          const char* name = ::sigabbrev_np(static_cast<int>(taken.ssi_signo));
          supervisor_->end(EndReason::GovernorLost,
                           std::string("the governor was told to stop (SIG") +
                               (name != nullptr ? name : "?") + ")");
        }
      }
    }
    if (ready > 0) {
      std::vector<UniqueFd> still;
      for (std::size_t i = 0; i < greeting_.size(); ++i) {
        if (wait[4 + i].revents != 0) {
          answer(std::move(greeting_[i]));
        } else {
          still.push_back(std::move(greeting_[i]));
        }
      }
      greeting_ = std::move(still);
      if (wait[1].revents != 0) {
        while (greeting_.size() < kMaxGreeting) {
          Result<UniqueFd> connection = socket_.accept();
          if (!connection) break;
          greeting_.push_back(std::move(*connection));
        }
        if (greeting_.size() >= kMaxGreeting) greeting_.erase(greeting_.begin());
      }
    }
    if (here_.clock.boot_nanos() >= continuity_->next()) {
      check_revocations();
      // Whatever comes meanwhile goes first.
      std::vector<struct pollfd> meanwhile = watched();
      continuity_->check([&] { return ::poll(meanwhile.data(), meanwhile.size(), 0) > 0; });
    }
  }
}

void Watch::answer(UniqueFd connection) {
  ControlAnswer reply;
  const Result<ByteVec> message = receive_message(connection.borrow());
  if (!message) return;
  const Result<ControlQuestion> question = decode_question(*message);
  if (!question) {
    reply.problem = question.error().message();
    (void)send_message(connection.borrow(), encode(reply));
    return;
  }
  const enforce::GateCounts counts = supervisor_->counts();
  reply.processes = supervisor_->live_processes();
  reply.released = counts.released;
  reply.refused = counts.refused;
  switch (question->verb) {
    case ControlVerb::Status: break;
    case ControlVerb::Freeze:
      supervisor_->freeze();
      frozen_ = true;
      break;
    case ControlVerb::Thaw:
      supervisor_->thaw();
      frozen_ = false;
      break;
    case ControlVerb::End: {
      const std::optional<EndReason> reason = find_end(question->reason);
      if (!reason || (*reason != EndReason::Revoked && *reason != EndReason::ParentEnded)) {
        reply.problem = "that is no reason to end a run from outside";
        break;
      }
      const std::int64_t asked = here_.clock.boot_nanos();
      supervisor_->end(*reason, question->detail);
      waiting_.push_back({std::move(connection), std::max(reply.processes, alive_at_end_), asked});
      return;
    }
  }
  reply.state = state();
  (void)send_message(connection.borrow(), encode(reply));
}

void Watch::check_revocations() {
  Registration run;
  run.run = admission_.run();
  run.permit = admission_.permit().id();
  run.authority = admission_.permit().permit().signer;
  if (admission_.permit().claims().holder) {
    run.holder = cose::key_id(*admission_.permit().claims().holder);
  }
  Result<ByteVec> bytes = read_file(here_.home.revoked_file(), kMaxRevocations);
  if (!bytes && (bytes.error().sys_errno() == ENOENT || bytes.error().code() == Code::NotFound)) {
    return;
  }
  const Result<Revocations> revoked =
      bytes ? decode_revocations(*bytes) : Result<Revocations>(bytes.error());
  if (!revoked) {
    supervisor_->end(EndReason::ContinuityLost,
                     "the revocation list cannot be read: " + revoked.error().message());
  } else if (revoked->hits(run)) {
    // Whoever revoked asks how many there were, and may come after this.
    if (alive_at_end_ == 0) alive_at_end_ = supervisor_->live_processes();
    supervisor_->end(EndReason::Revoked, "the permit was revoked");
  }
}

}  // namespace writ::governor
