#include "governor/streams.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

namespace writ::governor {
namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;

Result<void> set_nonblocking(FdRef fd) {
  const int flags = ::fcntl(fd.number(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.number(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return errno_error(errno, "preparing a pipe");
  }
  return {};
}

bool again() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

// One direction. The caller's descriptors are shared with others and stay blocking: they are
// read or written only when poll says that they are ready, so that nothing here waits for long.
class Flow {
 public:
  Flow(int from, int to) : from_(from), to_(to) {}

  bool open() const { return from_ >= 0 && to_ >= 0; }
  // The descriptor and event to wait for now.
  struct pollfd interest() const {
    if (!open()) return {-1, 0, 0};
    return begin_ < end_ ? pollfd{to_, POLLOUT, 0} : pollfd{from_, POLLIN, 0};
  }
  // step moves bytes after poll said `events`; false when this direction is over.
  bool step(short events) {
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
  bool idle() const { return begin_ == end_; }

 private:
  bool close() {
    from_ = -1;
    to_ = -1;
    begin_ = end_ = 0;
    return false;
  }
  int from_;
  int to_;
  std::array<std::byte, kChunk> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace

Result<Streams> Streams::create() {
  FdPair in = TRY(pipe_pair());
  FdPair out = TRY(pipe_pair());
  FdPair error = TRY(pipe_pair());
  TRY(set_nonblocking(in.second.borrow()));
  TRY(set_nonblocking(out.first.borrow()));
  TRY(set_nonblocking(error.first.borrow()));
  Streams streams;
  streams.run_.in = std::move(in.first);
  streams.in_ = std::move(in.second);
  streams.out_ = std::move(out.first);
  streams.run_.out = std::move(out.second);
  streams.error_ = std::move(error.first);
  streams.run_.error = std::move(error.second);
  return streams;
}

void Streams::copy(FdRef finished) {
  Flow in(STDIN_FILENO, in_.number());
  Flow out(out_.number(), STDOUT_FILENO);
  Flow error(error_.number(), STDERR_FILENO);
  bool over = false;
  while (!over || out.open() || error.open()) {
    std::array<struct pollfd, 4> wait = {in.interest(),
                                         out.interest(),
                                         error.interest(),
                                         {over ? -1 : finished.number(), POLLIN, 0}};
    // While input waits for the program, its going away shows as an error on the pipe.
    const int ready = ::poll(wait.data(), wait.size(), over ? 0 : -1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return;
    if (!in.step(wait[0].revents)) in_.reset();
    if (!out.step(wait[1].revents)) out_.reset();
    if (!error.step(wait[2].revents)) error_.reset();
    if (wait[3].revents != 0) {
      over = true;
      in_.reset();
      in = Flow(-1, -1);
    }
    // After the end nothing writes any more: what the pipes hold is all there is.
    if (over && ready == 0 && out.idle() && error.idle()) return;
    if (over && ready == 0) {
      // The caller's side is full: wait for it, the program is gone already.
      std::array<struct pollfd, 2> room = {out.interest(), error.interest()};
      (void)::poll(room.data(), room.size(), 1000);
    }
  }
}

}  // namespace writ::governor
