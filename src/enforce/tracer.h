// Tracing as the exec gate needs it: seize, interrupt, reap, detach (enforcement-facts: exec gate).
//
// Tracing belongs to the thread that seizes: every function here is called by that one thread, and
// its end kills what it traces (PTRACE_O_EXITKILL). reap() takes the children of that thread too
// (the run's init): whoever calls it owns waiting for all of them.
//
//   ChildSignal signal = TRY(ChildSignal::create());  // poll signal.fd(); drain(); then
//   while (std::optional<TaskEvent> event = reap()) …
//
// Thread safety: the tracing thread only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/fd.h"
#include "base/result.h"

namespace writ::enforce {

// seize_thread traces one thread, with exec stops and exit-kill, without stopping it.
// 0, or the errno: EPERM also when another traces it, ESRCH when it is gone.
int seize_thread(pid_t thread);
// interrupt_thread asks a seized thread to stop before it returns to user mode.
bool interrupt_thread(pid_t thread);
// detach_thread lets a stopped thread go on, with `signal` if not 0. False: it was killed
// meanwhile and will be reaped.
bool detach_thread(pid_t thread, int signal);
// still_stopped says whether a seized thread is in a stop right now.
bool still_stopped(pid_t thread);

// The stack pointer of a stopped thread and the size of its words: 8, or 4 for a 32-bit program.
struct StackPointer {
  std::uint64_t address = 0;
  unsigned word = 8;
};
std::optional<StackPointer> stack_pointer(pid_t thread);

struct TaskEvent {
  enum class Kind : std::uint8_t { Exec, Stop, SignalStop, Exited };
  Kind kind = Kind::Exited;
  pid_t thread = 0;
  pid_t former = 0;  // Exec: the thread that called execve
  int signal = 0;    // SignalStop
  int status = 0;    // Exited: the wait status
};
// reap takes one state change of any tracee or child of this thread, without waiting.
std::optional<TaskEvent> reap();

// ChildSignal makes state changes visible to poll: a SIGCHLD handler that writes to an eventfd.
// SIGCHLD belongs to the process; several at once share the handler, and the last one restores
// what was there. At most 64 at once (Exhausted).
class ChildSignal {
 public:
  static Result<ChildSignal> create();
  ChildSignal(ChildSignal&& other) noexcept;
  ChildSignal& operator=(ChildSignal&&) = delete;
  ChildSignal(const ChildSignal&) = delete;
  ChildSignal& operator=(const ChildSignal&) = delete;
  ~ChildSignal();

  FdRef fd() const { return fd_.borrow(); }
  void drain() const;

 private:
  ChildSignal(UniqueFd fd, int slot) : fd_(std::move(fd)), slot_(slot) {}
  UniqueFd fd_;
  int slot_ = -1;
};

}  // namespace writ::enforce
