#include "governor/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "governor/flow.h"

namespace writ::governor {
namespace {

// How often it is looked whether the terminal has come back: a shell may bring a running job to
// the foreground without a signal.
constexpr int kLookMillis = 200;

bool same(const struct termios& a, const struct termios& b) {
  return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_cflag == b.c_cflag &&
         a.c_lflag == b.c_lflag && std::memcmp(a.c_cc, b.c_cc, sizeof a.c_cc) == 0;
}

void drain(FdRef fd) {
  std::array<char, sizeof(struct signalfd_siginfo) * 8> buffer{};
  (void)!::read(fd.number(), buffer.data(), buffer.size());
}

}  // namespace

enforce::Terminal CallerTerminal::kind() {
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1) return enforce::Terminal::None;
  return ::isatty(STDERR_FILENO) == 1 ? enforce::Terminal::All : enforce::Terminal::InputAndOutput;
}

Result<std::unique_ptr<CallerTerminal>> CallerTerminal::open(UniqueFd front) {
  std::unique_ptr<CallerTerminal> terminal(new CallerTerminal());
  terminal->front_ = std::move(front);
  terminal->stopped_ = TRY(event_fd());
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGWINCH);
  const int resized = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (resized < 0) return errno_error(errno, "watching the terminal's size");
  terminal->resized_ = adopt_fd(resized);
  // An open file of our own: O_NONBLOCK on the one that was inherited would be the shell's too. It
  // may belong to another account; then the inherited one is written to, as far as poll allows.
  Result<UniqueFd> own = open_at(FdRef::cwd(), "/proc/self/fd/1", O_WRONLY | O_NOCTTY | O_NONBLOCK);
  if (own) terminal->out_ = std::move(*own);
  return terminal;
}

CallerTerminal::~CallerTerminal() {
  detach();
}

bool CallerTerminal::ours() const {
  const pid_t front = ::tcgetpgrp(STDIN_FILENO);
  return front < 0 || front == ::getpgrp();  // without job control there is nobody else
}

void CallerTerminal::attach() {
  struct termios now = {};
  if (saved_ || !master_ || !ours() || ::tcgetattr(STDIN_FILENO, &now) != 0) return;
  raw_ = now;
  ::cfmakeraw(&raw_);
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &raw_) != 0) return;
  (void)::tcgetattr(STDIN_FILENO, &raw_);  // as the driver took it
  saved_ = now;
  copy_size();
}

void CallerTerminal::detach() {
  if (!saved_) return;
  const struct termios before = *saved_;
  saved_.reset();
  struct termios now = {};
  if (::tcgetattr(STDIN_FILENO, &now) != 0 || !same(now, raw_)) return;  // somebody else's by now
  (void)::tcflush(STDIN_FILENO, TCIFLUSH);
  // At once: a terminal that takes no output would hold up anything that waits for it.
  (void)::tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void CallerTerminal::copy_size() {
  struct winsize size = {};
  if (!master_ || ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0) return;
  if (std::memcmp(&size, &size_, sizeof size) == 0) return;
  size_ = size;
  (void)::ioctl(master_.number(), TIOCSWINSZ, &size);
}

void CallerTerminal::take(UniqueFd master) {
  if (!master || !set_nonblocking(master.borrow())) return;
  {
    const std::scoped_lock lock(mutex_);
    master_ = std::move(master);
  }
  struct termios settings = {};
  if (::tcgetattr(STDIN_FILENO, &settings) == 0) {
    (void)::tcsetattr(master_.number(), TCSANOW, &settings);
  }
  copy_size();
  attach();
}

// hang_up ends the run's terminal as a lost line does: its programs get SIGHUP.
void CallerTerminal::hang_up() {
  const std::scoped_lock lock(mutex_);
  master_.reset();
}

bool CallerTerminal::speakable() const {
  const std::scoped_lock lock(mutex_);
  struct termios settings = {};
  if (!master_ || ::tcgetattr(master_.number(), &settings) != 0) return true;
  return (settings.c_lflag & ICANON) != 0;
}

void CallerTerminal::copy(FdRef finished, UniqueFd error_pipe,
                          const std::function<void()>& resume) {
  Flow in(STDIN_FILENO, master_.number());
  Flow out(master_.number(), out_ ? out_.number() : STDOUT_FILENO);
  Flow error(error_pipe.number(), STDERR_FILENO);
  bool over = false;
  bool stopped = false;  // `front` was told, and has not answered
  bool front = true;
  int patience = kPatienceMillis;
  while (!over || out.open() || error.open()) {
    if (!stopped && !over) {
      if (saved_ && !ours()) detach();
      attach();
    }
    // Keys are taken only while the terminal is ours, and sizes are looked at whenever it is.
    const bool listens = saved_.has_value() || !in.idle();
    std::array<struct pollfd, 7> wait = {listens ? in.interest() : pollfd{-1, 0, 0},
                                         out.interest(),
                                         error.interest(),
                                         {over ? -1 : finished.number(), POLLIN, 0},
                                         {over ? -1 : stopped_.number(), POLLIN, 0},
                                         {front ? front_.number() : -1, POLLIN, 0},
                                         {resized_.number(), POLLIN, 0}};
    const int ready = ::poll(wait.data(), wait.size(), over ? 0 : saved_ ? -1 : kLookMillis);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return;
    if (wait[4].revents != 0) {
      drain(stopped_.borrow());
      if (!stopped) {
        stopped = true;
        detach();
        const char word = 'S';
        if (!front || ::send(front_.number(), &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) {
          stopped = false;
          resume();  // nobody is there to stop for
        }
        continue;
      }
    }
    if (wait[5].revents != 0) {
      char word = 0;
      front = ::recv(front_.number(), &word, 1, MSG_DONTWAIT) == 1;
      if (stopped) {
        stopped = false;
        attach();
        resume();
      }
      continue;
    }
    if (wait[6].revents != 0) {
      drain(resized_.borrow());
      if (saved_) copy_size();
    }
    if (wait[0].revents != 0 && (saved_ || !in.idle()) && !in.step(wait[0].revents)) {
      // A line that was cut: but one that was taken away in this moment comes back.
      if (ours()) {
        hang_up();
        out = Flow(-1, -1);
      } else {
        in = Flow(STDIN_FILENO, master_.number());
      }
    }
    if (out.open() && !out.step(wait[1].revents) && !over) {
      hang_up();
      in = Flow(-1, -1);
    }
    if (!error.step(wait[2].revents)) error_pipe.reset();
    if (wait[3].revents != 0) {
      over = true;
      in = Flow(-1, -1);
    }
    // After the end nothing writes any more: what the two sides hold is all there is.
    if (over && ready == 0 && out.idle() && error.idle()) break;
    if (over && ready == 0) {
      // The caller's side is full: wait for it a while, the program is gone already.
      std::array<struct pollfd, 2> room = {out.interest(), error.interest()};
      constexpr int kStep = 100;
      if (::poll(room.data(), room.size(), kStep) > 0) {
        patience = kPatienceMillis;
      } else if ((patience -= kStep) <= 0) {
        out = Flow(-1, -1);
      }
    }
  }
  detach();
}

}  // namespace writ::governor
