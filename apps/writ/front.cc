#include "writ/front.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace writ::cli {
namespace {

constexpr std::array kPassedOn = {SIGINT, SIGTERM, SIGHUP};

// Stops this process group, as Ctrl-Z would have on a terminal in its ordinary mode. Returns when
// it was continued; at once where nobody could continue it (the kernel ignores the signal then).
void stop_here() {
  (void)::signal(SIGTSTP, SIG_DFL);
  (void)::kill(0, SIGTSTP);
}

// The governor's exit status, as a shell would say it; nothing while it lives.
std::optional<int> ended(pid_t governor, const std::optional<struct termios>& before) {
  int status = 0;
  const pid_t reaped = ::waitpid(governor, &status, WNOHANG);
  if (reaped == 0 || (reaped < 0 && errno == EINTR)) return std::nullopt;
  if (reaped > 0 && WIFEXITED(status)) return WEXITSTATUS(status);
  // It was killed, and the terminal is as it left it.
  if (before && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) {
    (void)::tcsetattr(STDIN_FILENO, TCSANOW, &*before);
  }
  return reaped > 0 ? 128 + WTERMSIG(status) : 125;
}

int attend(pid_t governor, FdRef socket, FdRef signals,
           const std::optional<struct termios>& before) {
  bool listening = true;
  for (;;) {
    if (const std::optional<int> status = ended(governor, before)) return *status;
    std::array<struct pollfd, 2> wait = {
        {{signals.number(), POLLIN, 0}, {listening ? socket.number() : -1, POLLIN, 0}}};
    if (::poll(wait.data(), wait.size(), -1) < 0) continue;
    struct signalfd_siginfo taken = {};
    if (wait[0].revents != 0 && ::read(signals.number(), &taken, sizeof taken) == sizeof taken) {
      if (taken.ssi_signo != SIGCHLD) (void)::kill(governor, static_cast<int>(taken.ssi_signo));
    }
    char word = 0;
    if (wait[1].revents == 0) continue;
    listening = ::recv(socket.number(), &word, 1, MSG_DONTWAIT) == 1;
    if (!listening) continue;
    stop_here();
    word = 'C';
    (void)::send(socket.number(), &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

}  // namespace

Result<Front> Front::split() {
  FdPair sockets = TRY(socket_pair(SOCK_SEQPACKET));
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  for (const int one : kPassedOn) ::sigaddset(&set, one);
  sigset_t mask;
  (void)::pthread_sigmask(SIG_BLOCK, &set, &mask);
  std::optional<struct termios> before(std::in_place);
  if (::tcgetattr(STDIN_FILENO, &*before) != 0) before.reset();
  UniqueFd signals = adopt_fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return errno_error(errno, "watching for signals");

  const pid_t front = ::getpid();
  const pid_t governor = ::fork();
  if (governor < 0) return errno_error(errno, "starting the governor");
  Front out;
  if (governor > 0) {
    sockets.second.reset();
    out.status = attend(governor, sockets.first.borrow(), signals.borrow(), before);
    return out;
  }
  // Signals that came so far wait for the governor's watch, too.
  (void)::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  if (::getppid() != front) (void)::raise(SIGTERM);
  ::sigdelset(&set, SIGCHLD);
  (void)::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  (void)::signal(SIGTSTP, SIG_IGN);
  out.socket = std::move(sockets.second);
  return out;
}

}  // namespace writ::cli
