// Sockets, close-on-exec and non-blocking from birth.
// Thread safety: functions may be called from any thread.
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace writ {

// local_socket makes an AF_UNIX socket of `type` (SOCK_*).
Result<UniqueFd> local_socket(int type);
// tcp_socket and udp_socket make one of family AF_INET or AF_INET6, in this thread's network
// namespace.
Result<UniqueFd> tcp_socket(int family);
Result<UniqueFd> udp_socket(int family);

}  // namespace writ
