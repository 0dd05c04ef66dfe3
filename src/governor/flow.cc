#include "governor/flow.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace writ::governor {
namespace {

bool again() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

struct pollfd Flow::interest() const {
  if (!open()) return {-1, 0, 0};
  return begin_ < end_ ? pollfd{to_, POLLOUT, 0} : pollfd{from_, POLLIN, 0};
}

bool Flow::step(short events) {
  if (!open() || events == 0) return open();
  if (begin_ == end_) {
    const ssize_t got = ::read(from_, buffer_.data(), buffer_.size());
    if (got < 0 && again()) return true;
    if (got <= 0) return close();
    begin_ = 0;
    end_ = static_cast<std::size_t>(got);
    return true;
  }
  // PIPE_BUF bytes never block a writer that poll called ready.
  const std::size_t size = std::min<std::size_t>(end_ - begin_, 4096);
  const ssize_t put = ::write(to_, buffer_.data() + begin_, size);
  if (put < 0 && again()) return true;
  if (put < 0) return close();
  begin_ += static_cast<std::size_t>(put);
  return true;
}

bool Flow::close() {
  from_ = -1;
  to_ = -1;
  begin_ = end_ = 0;
  return false;
}

Result<void> set_nonblocking(FdRef fd) {
  const int flags = ::fcntl(fd.number(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.number(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return errno_error(errno, "preparing a stream");
  }
  return {};
}

}  // namespace writ::governor
