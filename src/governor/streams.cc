#include "governor/streams.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "governor/flow.h"

namespace writ::governor {

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
