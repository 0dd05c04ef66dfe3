// Seccomp user notification: receive, answer, validate (DESIGN §8.1 "Exec gate").
//
// A Listener owns the only copy of a filter's listener; when it closes, later callers get ENOSYS.
// Poll its descriptor; receive() after POLLIN does not block.
//
// Hostile: the number and order of notifications. A notification is unproven until valid() said
// yes after whatever was read about its thread: the thread may be gone and its number reused.
// Thread safety: receive from one thread; valid, answer and let_through from any.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>

#include "base/fd.h"
#include "base/result.h"

namespace writ::enforce {

struct Notification {
  std::uint64_t id = 0;
  pid_t thread = 0;  // of the receiver's pid namespace; 0: not in it
  int call = 0;      // system call number, native ABI (the filter sees to that)
  std::array<std::uint64_t, 6> arguments{};
};

class Listener {
 public:
  // create takes the listener and asks for synchronous wake-up where the kernel has it.
  static Result<Listener> create(UniqueFd fd);

  FdRef fd() const { return fd_.borrow(); }
  // receive takes one; nothing when its caller was killed meanwhile. Errors: the errno.
  Result<std::optional<Notification>> receive();
  // valid: does the caller still wait in this notification?
  bool valid(std::uint64_t id) const;
  // hears: is the descriptor still a listener?
  bool hears() const;
  // answer makes the call fail with `error` (> 0); let_through has the kernel carry it out. Both
  // say whether the caller was still there.
  bool answer(std::uint64_t id, int error);
  bool let_through(std::uint64_t id);
  // succeed makes the call return 0 without the kernel carrying it out. put places `file` under
  // descriptor `number` of the waiting caller; the call still waits for its answer.
  bool succeed(std::uint64_t id);
  bool put(std::uint64_t id, FdRef file, int number, bool close_on_exec) const;

 private:
  explicit Listener(UniqueFd fd) : fd_(std::move(fd)) {}
  bool send(std::uint64_t id, int error, std::uint32_t flags);
  UniqueFd fd_;
};

}  // namespace writ::enforce
