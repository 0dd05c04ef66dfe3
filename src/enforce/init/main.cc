// Init: process 1 of a run, its root's builder and its last line.
//
// It is started with the streams on 0-2 and the lifeline on 3, in fresh namespaces, with an empty
// environment. It tells nobody anything about the governor: its image is a sealed copy, it is not
// dumpable, and it has inherited nothing. When the governor dies it is killed (parent-death
// signal), sees the lifeline close, or misses three heartbeats; when it ends, by whatever cause,
// the kernel kills every process of the run. The run ends with its first program: what that left
// behind ends too.
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "enforce/init/sys.h"

namespace writ::enforce::init {
namespace {

constexpr std::int64_t kMissed = 3 * std::int64_t{wire::kHeartbeatMillis};

std::int64_t now_millis() {
  timespec now{};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// receive reads one message; its descriptors are appended to `passed`. False: the lifeline closed.
bool receive(wire::Message& message, Passed* passed, int flags) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 253)];
  iovec data{&message, sizeof message};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t got = 0;
  do {
    got = recvmsg(wire::kLifeline, &header, MSG_CMSG_CLOEXEC | flags);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return false;
  if (got < 0) {
    if ((flags & MSG_DONTWAIT) != 0 && errno == EAGAIN) {
      message.kind = wire::Kind::Heartbeat;
      return true;
    }
    return false;
  }
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    const unsigned count = static_cast<unsigned>((item->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (unsigned i = 0; i < count; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof fd);
      if (passed != nullptr && passed->count < Passed::kMax) {
        passed->fds[passed->count++] = fd;
      } else {
        (void)close(fd);
      }
    }
  }
  if (got != static_cast<ssize_t>(sizeof message) || (header.msg_flags & MSG_CTRUNC) != 0) {
    errno = EPROTO;
    fail("a message of another version");
  }
  return true;
}

void reset_signals() {
  for (int one = 1; one < NSIG; ++one) {
    if (one == SIGKILL || one == SIGSTOP) continue;
    (void)signal(one, SIG_DFL);
  }
}

// The script is the first descriptor to arrive; the mounts follow.
void receive_script(Script& script, Passed& passed) {
  wire::Message message;
  if (!receive(message, &passed, 0)) _exit(0);
  if (message.kind != wire::Kind::Script || passed.count == 0) {
    errno = EPROTO;
    fail("waiting for the plan");
  }
  script.map(passed.fds[0]);
  while (passed.count < script.head().passed_fds + 1) {
    const unsigned before = passed.count;
    if (!receive(message, &passed, 0)) _exit(0);
    if (message.kind != wire::Kind::Fds || passed.count == before) {
      errno = EPROTO;
      fail("waiting for the plan's mounts");
    }
  }
  --passed.count;
  memmove(passed.fds, passed.fds + 1, passed.count * sizeof(int));
}

// The run's processes as init sees them.
struct Keeping {
  pid_t first;
  bool terminal;        // a stop of the first task is the governor's to know
  bool frozen = false;  // every process was stopped by Freeze
};

// Reaps everybody. True once the first task has ended, with its status told to the governor.
bool reap(const Keeping& run) {
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG | (run.terminal ? WUNTRACED : 0));
    if (pid <= 0) return false;
    if (pid != run.first) continue;
    wire::Message message;
    if (WIFSTOPPED(status)) {
      message.kind = wire::Kind::FirstStopped;
      if (!run.frozen) (void)send_message(message, -1);
      continue;
    }
    message.kind = wire::Kind::FirstExit;
    message.value = status;
    (void)send_message(message, -1);
    return true;
  }
}

// Heartbeats count from the first: until the governor keeps the run, however long its admission
// waits, nothing is released, and the lifeline and the parent-death signal hold.
[[noreturn]] void keep(Keeping run, int children) {
  std::int64_t last = -1;
  for (;;) {
    pollfd watched[2] = {{wire::kLifeline, POLLIN, 0}, {children, POLLIN, 0}};
    const std::int64_t left = last < 0 ? kMissed : last + kMissed - now_millis();
    if (left <= 0) _exit(0);
    if (poll(watched, 2, static_cast<int>(left)) < 0 && errno != EINTR) _exit(125);
    if (watched[1].revents != 0) {
      signalfd_siginfo info;
      (void)!read(children, &info, sizeof info);
      if (reap(run)) _exit(0);
    }
    if (watched[0].revents != 0) {
      wire::Message message;
      if (!receive(message, nullptr, MSG_DONTWAIT)) _exit(0);
      last = now_millis();
      if (message.kind == wire::Kind::Freeze) {
        run.frozen = true;
        (void)kill(-1, SIGSTOP);
      }
      if (message.kind == wire::Kind::Thaw) {
        run.frozen = false;
        (void)kill(-1, SIGCONT);
      }
      if (message.kind == wire::Kind::Resume && !run.frozen) (void)kill(-run.first, SIGCONT);
    }
  }
}

Passed passed_mounts;

}  // namespace

int open_terminal() {
  const int master = static_cast<int>(
      need(open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), "opening the run's terminal"));
  const int unlocked = 0;
  need(ioctl(master, TIOCSPTLCK, &unlocked), "opening the run's terminal");
  const int terminal = static_cast<int>(need(
      ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), "opening the run's terminal"));
  need(ioctl(terminal, TIOCSCTTY, 0), "taking the run's terminal");
  wire::Message message;
  message.kind = wire::Kind::Terminal;
  if (!send_message(message, master)) _exit(0);
  (void)close(master);
  return terminal;
}

namespace {

[[noreturn]] void run() {
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  need(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "binding the run to its governor");
  // Had the governor died before that call, the lifeline is closed: receive() below sees it.
  reset_signals();
  sigset_t all;
  sigfillset(&all);
  need(sigprocmask(SIG_SETMASK, &all, nullptr), "blocking signals");
  need(fcntl(wire::kLifeline, F_SETFD, FD_CLOEXEC), "keeping the lifeline");
  need(setsid(), "making a session");
  (void)umask(0);

  // What every run has, before it is known what this one may do.
  bring_up_loopback();
  make_proc();
  wire::Message ready;
  ready.kind = wire::Kind::Ready;
  const int diagnosis = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (!send_message(ready, diagnosis)) _exit(0);
  if (diagnosis >= 0) (void)close(diagnosis);

  Script script;
  receive_script(script, passed_mounts);
  const char* hostname = script.text(script.head().hostname);
  need(sethostname(hostname, strlen(hostname)), "naming the run");
  make_sockets(script);
  build_root(script, passed_mounts);

  sigset_t child_signals;
  sigemptyset(&child_signals);
  sigaddset(&child_signals, SIGCHLD);
  const int children = static_cast<int>(
      need(signalfd(-1, &child_signals, SFD_CLOEXEC | SFD_NONBLOCK), "watching the run"));
  // Kept open: while init lives, the terminal's other side sees no end of it.
  const int terminal = script.head().terminal != 0 ? open_terminal() : -1;
  const pid_t first = static_cast<pid_t>(need(fork(), "starting the first task"));
  if (first == 0) start_first(script, terminal);
  script.unmap();
  for (int fd = 0; fd <= 2; ++fd) (void)close(fd);  // the run's pipes end with the run's own copies
  keep({first, terminal >= 0}, children);
}

}  // namespace
}  // namespace writ::enforce::init

int main() {
  writ::enforce::init::run();
}
