#include "enforce/tracer.h"

#include <elf.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>

namespace writ::enforce {

int seize_thread(pid_t thread) {
  const long options = PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  return ::ptrace(PTRACE_SEIZE, thread, nullptr, options) == 0 ? 0 : errno;
}

bool interrupt_thread(pid_t thread) {
  return ::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0;
}

bool detach_thread(pid_t thread, int signal) {
  return ::ptrace(PTRACE_DETACH, thread, nullptr, static_cast<long>(signal)) == 0;
}

bool still_stopped(pid_t thread) {
  unsigned long message = 0;
  return ::ptrace(PTRACE_GETEVENTMSG, thread, nullptr, &message) == 0;
}

std::optional<StackPointer> stack_pointer(pid_t thread) {
#if defined(__x86_64__)
  struct user_regs_struct registers {};
  struct iovec room {
    &registers, sizeof registers
  };
  if (::ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &room) != 0) return std::nullopt;
  if (room.iov_len == sizeof registers) return StackPointer{registers.rsp, 8};
  // A 32-bit program: 17 words, the stack pointer is the 16th (struct user_regs_struct of i386).
  constexpr std::size_t kSmall = std::size_t{17} * 4;
  if (room.iov_len != kSmall) return std::nullopt;
  const auto* words = reinterpret_cast<const std::uint32_t*>(&registers);
  return StackPointer{words[15], 4};
#elif defined(__aarch64__)
  struct user_regs_struct registers {};
  struct iovec room {
    &registers, sizeof registers
  };
  if (::ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &room) != 0) return std::nullopt;
  if (room.iov_len != sizeof registers) return std::nullopt;
  return StackPointer{registers.sp, 8};
#else
#error "the exec gate reads the stack pointer: say where it is on this architecture"
#endif
}

std::optional<TaskEvent> reap() {
  int status = 0;
  pid_t thread = 0;
  unsigned long former = 0;
  for (;;) {
    thread = ::waitpid(-1, &status, __WALL | __WNOTHREAD | WNOHANG);
    if (thread <= 0) return std::nullopt;
    if (!WIFSTOPPED(status) || status >> 16 != PTRACE_EVENT_EXEC) break;
    if (::ptrace(PTRACE_GETEVENTMSG, thread, nullptr, &former) == 0) break;
    // Killed since it stopped: there is no stop any more, and its exit follows.
  }
  TaskEvent event;
  event.thread = thread;
  event.status = status;
  if (WIFEXITED(status) || WIFSIGNALED(status)) return event;
  const int trace_event = status >> 16;
  if (trace_event == PTRACE_EVENT_EXEC) {
    event.kind = TaskEvent::Kind::Exec;
    event.former = static_cast<pid_t>(former);
    return event;
  }
  if (trace_event != 0) {
    event.kind = TaskEvent::Kind::Stop;
    return event;
  }
  event.kind = TaskEvent::Kind::SignalStop;
  event.signal = WSTOPSIG(status);
  return event;
}

namespace {

constexpr int kSlots = 64;
std::array<std::atomic<int>, kSlots>& slots() {
  static std::array<std::atomic<int>, kSlots>* all = [] {
    auto* made = new std::array<std::atomic<int>, kSlots>();
    for (auto& slot : *made) slot.store(-1);
    return made;  // never freed: a handler may look at it at any time
  }();
  return *all;
}
std::array<std::atomic<int>, kSlots>* handler_slots = nullptr;

// Protects the count of users and the saved disposition.
std::mutex& users_mutex() {
  static auto* mutex = new std::mutex();
  return *mutex;
}
int users = 0;
struct sigaction previous {};

void on_child(int) {
  const int saved = errno;
  for (auto& slot : *handler_slots) {
    const int fd = slot.load(std::memory_order_relaxed);
    if (fd >= 0) {
      const std::uint64_t one = 1;
      (void)!::write(fd, &one, sizeof one);
    }
  }
  errno = saved;
}

}  // namespace

Result<ChildSignal> ChildSignal::create() {
  UniqueFd fd = TRY(event_fd());
  const std::lock_guard lock(users_mutex());
  handler_slots = &slots();
  int free = -1;
  for (int i = 0; i < kSlots && free < 0; ++i) {
    if (slots()[static_cast<std::size_t>(i)].load() < 0) free = i;
  }
  if (free < 0) return Error(Code::Exhausted, "too many supervisors in one process");
  if (users == 0) {
    struct sigaction action {};
    action.sa_handler = on_child;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    if (::sigaction(SIGCHLD, &action, &previous) != 0) {
      return errno_error(errno, "setting a handler for SIGCHLD");
    }
  }
  ++users;
  slots()[static_cast<std::size_t>(free)].store(fd.number());
  return ChildSignal(std::move(fd), free);
}

ChildSignal::ChildSignal(ChildSignal&& other) noexcept
    : fd_(std::move(other.fd_)), slot_(std::exchange(other.slot_, -1)) {}

ChildSignal::~ChildSignal() {
  if (slot_ < 0) return;
  const std::lock_guard lock(users_mutex());
  slots()[static_cast<std::size_t>(slot_)].store(-1);
  if (--users == 0) (void)::sigaction(SIGCHLD, &previous, nullptr);
}

void ChildSignal::drain() const {
  std::uint64_t count = 0;
  (void)!::read(fd_.number(), &count, sizeof count);
}

}  // namespace writ::enforce
