#include "enforce/notify.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace writ::enforce {
namespace {

// Linux 6.6; absent from older headers.
constexpr unsigned long kSetFlags = _IOW('!', 4, std::uint64_t);
constexpr unsigned long kSyncWakeUp = 1;

// The kernel's structures may be larger than the headers': buffers take either size.
constexpr std::size_t kRoom = 512;

Result<void> check_sizes() {
  struct seccomp_notif_sizes sizes {};
  if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0U, &sizes) != 0) {
    return errno_error(errno, "asking for the size of a notification");
  }
  if (sizes.seccomp_notif > kRoom || sizes.seccomp_notif_resp > kRoom) {
    return Error(Code::Unsupported, "this kernel's notifications are larger than expected");
  }
  return {};
}

}  // namespace

Result<Listener> Listener::create(UniqueFd fd) {
  TRY(check_sizes());
  // A kernel without the flag wakes as it always did: slower, not weaker.
  (void)::ioctl(fd.number(), kSetFlags, kSyncWakeUp);
  return Listener(std::move(fd));
}

Result<std::optional<Notification>> Listener::receive() {
  union {
    struct seccomp_notif notification;
    char room[kRoom];
  } buffer;
  std::memset(&buffer, 0, sizeof buffer);
  if (::ioctl(fd_.number(), SECCOMP_IOCTL_NOTIF_RECV, &buffer) != 0) {
    if (errno == ENOENT || errno == EINTR || errno == EAGAIN) return std::optional<Notification>();
    return errno_error(errno, "receiving a notification");
  }
  const struct seccomp_notif& got = buffer.notification;
  Notification out{got.id, static_cast<pid_t>(got.pid), got.data.nr, {}};
  std::copy(std::begin(got.data.args), std::end(got.data.args), out.arguments.begin());
  return std::optional<Notification>(out);
}

bool Listener::valid(std::uint64_t id) const {
  return ::ioctl(fd_.number(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

bool Listener::hears() const {
  std::uint64_t any = 0;  // whether this one waits is all the same
  return ::ioctl(fd_.number(), SECCOMP_IOCTL_NOTIF_ID_VALID, &any) == 0 || errno == ENOENT ||
         errno == EINTR;
}

bool Listener::send(std::uint64_t id, int error, std::uint32_t flags) {
  union {
    struct seccomp_notif_resp response;
    char room[kRoom];
  } buffer;
  std::memset(&buffer, 0, sizeof buffer);
  buffer.response.id = id;
  buffer.response.error = -error;
  buffer.response.flags = flags;
  return ::ioctl(fd_.number(), SECCOMP_IOCTL_NOTIF_SEND, &buffer) == 0;
}

bool Listener::answer(std::uint64_t id, int error) {
  WRIT_ASSERT(error > 0);
  return send(id, error, 0);
}

bool Listener::let_through(std::uint64_t id) {
  return send(id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

bool Listener::succeed(std::uint64_t id) {
  return send(id, 0, 0);
}

bool Listener::put(std::uint64_t id, FdRef file, int number, bool close_on_exec) const {
  struct seccomp_notif_addfd request {};
  request.id = id;
  request.flags = SECCOMP_ADDFD_FLAG_SETFD;
  request.srcfd = static_cast<std::uint32_t>(file.number());
  request.newfd = static_cast<std::uint32_t>(number);
  request.newfd_flags = close_on_exec ? O_CLOEXEC : 0;
  return ::ioctl(fd_.number(), SECCOMP_IOCTL_NOTIF_ADDFD, &request) >= 0;
}

}  // namespace writ::enforce
