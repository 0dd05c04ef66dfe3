// Sockets of a run as the net gate handles them: taken, looked at, replaced.
//
// capture() takes a second descriptor of what a caller names by number. late_socket() makes a
// socket of the host's namespace that has the options of a captured one. put_in_place() puts it
// where the captured one is in the caller's table: under the same number and every other that the
// same socket has there, with interest registered with epoll carried over (an epoll set knows its
// entries by file and number, so the entry is made anew with the same events and data).
//
// Hostile: the descriptor numbers and what they stand for, which other threads may change at any
// moment. A replacement that hits another file than it meant to harms the run alone: what is put
// there has been granted and recorded.
// Not covered: the same socket in another process's table (inherited, or passed) stays the run's
// own, unconnected one; so do duplicates in a process that forbids being looked at
// (PR_SET_DUMPABLE).
// Bounds: the first kMostDescriptors of a table are looked at.
// Thread safety: functions may be called from any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/fd.h"
#include "base/result.h"
#include "enforce/net_reach.h"
#include "enforce/notify.h"

namespace writ::enforce {

inline constexpr std::size_t kMostDescriptors = 4096;

struct CapturedSocket {
  UniqueFd fd;
  SocketFacts facts;
  std::uint64_t inode = 0;  // names the socket among all of this machine
  uid_t uid = 0;            // whose it is
};

// namespace_cookie names the network namespace of a socket.
Result<std::uint64_t> namespace_cookie(FdRef socket);

// capture takes descriptor `number` of `thread`, which belongs to process `group`. `outside` is the
// cookie of the namespace that is not the run's. The Error's errno is what the call would give
// (EBADF, ENOTSOCK), or ESRCH when the caller is gone.
Result<CapturedSocket> capture(pid_t thread, pid_t group, int number, std::uint64_t outside);

// late_socket is a non-blocking TCP socket of this thread's own namespace with the options that
// `model` has and that matter to a connected or a listening socket. Never SO_REUSEPORT: it would
// share the port, and who connects to it, with other programs of the same user.
Result<UniqueFd> late_socket(const CapturedSocket& model);

// put_in_place replaces `model`, descriptor `number` of the notification's thread, by `late`.
// False: the caller is gone, or the number stands for something else by now.
bool put_in_place(const Listener& listener, const Notification& asked, pid_t group, int number,
                  const CapturedSocket& model, FdRef late);

// is_blocking and set_blocking read and change O_NONBLOCK of the open file.
bool is_blocking(FdRef socket);
void set_blocking(FdRef socket, bool blocking);

}  // namespace writ::enforce
