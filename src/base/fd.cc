#include "base/fd.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace writ {
namespace {

std::string quoted(const std::string& path) {
  return "`" + printable(path) + "`";
}

}  // namespace

FdRef FdRef::cwd() {
  return FdRef(AT_FDCWD);
}

void UniqueFd::reset() {
  if (number_ >= 0) (void)::close(std::exchange(number_, -1));
}

Result<void> UniqueFd::close() {
  if (number_ >= 0 && ::close(std::exchange(number_, -1)) != 0) return errno_error(errno, "close");
  return {};
}

UniqueFd adopt_fd(int number) {
  return UniqueFd(number);
}

Result<UniqueFd> open_at(FdRef dir, const std::string& path, int flags, std::uint64_t resolve,
                         unsigned mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  for (;;) {
    const long fd = syscall(SYS_openat2, dir.number(), path.c_str(), &how, sizeof how);
    if (fd >= 0) return adopt_fd(static_cast<int>(fd));
    if (errno == ENOSYS && resolve == 0) break;
    if (errno != EINTR && errno != EAGAIN) return errno_error(errno, "open " + quoted(path));
  }
  // A sandbox hides openat2 from its programs, ours too; openat does the same when nothing is to be
  // resolved in a special way.
  for (;;) {
    const int fd = ::openat(dir.number(), path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return adopt_fd(fd);
    if (errno != EINTR) return errno_error(errno, "open " + quoted(path));
  }
}

Result<UniqueFd> memfd(const char* name) {
  const int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return errno_error(errno, "memfd_create");
  return adopt_fd(fd);
}

Result<UniqueFd> event_fd() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return errno_error(errno, "eventfd");
  return adopt_fd(fd);
}

Result<FdPair> pipe_pair() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return errno_error(errno, "pipe");
  return FdPair{adopt_fd(fds[0]), adopt_fd(fds[1])};
}

Result<FdPair> socket_pair(int type) {
  int fds[2];
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0)
    return errno_error(errno, "socketpair");
  return FdPair{adopt_fd(fds[0]), adopt_fd(fds[1])};
}

Result<UniqueFd> dup_fd(FdRef fd) {
  const int copy = fcntl(fd.number(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return errno_error(errno, "duplicate descriptor");
  return adopt_fd(copy);
}

Result<ByteVec> read_all(FdRef fd, std::size_t limit) {
  ByteVec bytes;
  for (;;) {
    const std::size_t had = bytes.size();
    bytes.resize(std::min(limit + 1, had + 65536));
    const ssize_t got = ::read(fd.number(), bytes.data() + had, bytes.size() - had);
    if (got < 0 && errno != EINTR) return errno_error(errno, "read");
    bytes.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return bytes;
    if (bytes.size() > limit) {
      return Error(Code::Exhausted, "more than the limit of " + std::to_string(limit) + " bytes");
    }
  }
}

Result<void> write_all(FdRef fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd.number(), bytes.data(), bytes.size());
    if (done < 0) {
      if (errno == EINTR) continue;
      return errno_error(errno, "write");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

Result<struct stat> stat_fd(FdRef fd) {
  struct stat info {};
  if (fstat(fd.number(), &info) != 0) return errno_error(errno, "stat");
  return info;
}

Result<UniqueFd> open_regular(FdRef dir, const std::string& path, std::size_t limit) {
  // O_NONBLOCK: a FIFO put in the file's place must not hold us up before it is refused.
  UniqueFd file = TRY(open_at(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  const struct stat info = TRY(stat_fd(file.borrow()));
  if (!S_ISREG(info.st_mode)) {
    return Error(Code::InvalidArgument, quoted(path) + " is not a regular file");
  }
  if (static_cast<std::uint64_t>(info.st_size) > limit) {
    return Error(Code::Exhausted, quoted(path) + " has " + std::to_string(info.st_size) +
                                      " bytes, more than the limit of " + std::to_string(limit));
  }
  return file;
}

Result<ByteVec> read_file_at(FdRef dir, const std::string& name, std::size_t limit) {
  const UniqueFd file = TRY(open_regular(dir, name, limit));
  Result<ByteVec> bytes = read_all(file.borrow(), limit);
  if (!bytes) return std::move(bytes).error().context(quoted(name));
  return bytes;
}

Result<ByteVec> read_file(const std::string& path, std::size_t limit) {
  return read_file_at(FdRef::cwd(), path, limit);
}

}  // namespace writ
