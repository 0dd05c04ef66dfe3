#include "base/local_socket.h"

#include <sys/socket.h>

#include <cerrno>

namespace writ {

Result<UniqueFd> local_socket(int type) {
  const int number = ::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (number < 0) return errno_error(errno, "making a socket");
  return adopt_fd(number);
}

Result<UniqueFd> tcp_socket(int family) {
  const int number = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (number < 0) return errno_error(errno, "making a socket");
  return adopt_fd(number);
}

Result<UniqueFd> udp_socket(int family) {
  const int number = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (number < 0) return errno_error(errno, "making a socket");
  return adopt_fd(number);
}

}  // namespace writ
