// bare_gate COMMAND…: the exec gate's mechanism with nothing in it, for bench/run.
//
// Every execve of COMMAND and of what it starts is a notification; its caller is seized, asked to
// stop, let through, and detached at its exec stop. Nothing is looked at, compared or recorded, one
// thread does it all, and it keeps to the caller's processor meanwhile, as the real gate does: what
// this costs, no gate that looks at what the kernel has loaded can save.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#define SET_FLAGS _IOW('!', 4, unsigned long long)  // Linux 6.6
#define SYNC_WAKE_UP 1UL

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static int filter(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof code[0], code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("no_new_privs");
  const int fd = (int)syscall(
      SYS_seccomp, SECCOMP_SET_MODE_FILTER,
      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
  if (fd < 0) fail("seccomp");
  return fd;
}

// One descriptor over a socket; `give` < 0 takes one.
static int pass(int socket, int give) {
  char byte = 0;
  struct iovec data = {&byte, 1};
  union {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  struct msghdr message = {0};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.room;
  message.msg_controllen = sizeof control.room;
  memset(&control, 0, sizeof control);
  if (give < 0) {
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1) fail("recvmsg");
    memcpy(&give, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof give);
    return give;
  }
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof give);
  memcpy(CMSG_DATA(header), &give, sizeof give);
  if (sendmsg(socket, &message, 0) != 1) fail("sendmsg");
  return give;
}

static void serve(int listener, const cpu_set_t* all) {
  union {
    struct seccomp_notif asked;
    struct seccomp_notif_resp answer;
    char room[512];
  } buffer;
  memset(&buffer, 0, sizeof buffer);
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &buffer) != 0) return;
  const unsigned long long id = buffer.asked.id;
  const pid_t thread = (pid_t)buffer.asked.pid;
  unsigned here = 0;
  cpu_set_t near;
  CPU_ZERO(&near);
  if (getcpu(&here, NULL) == 0) CPU_SET(here, &near);
  (void)sched_setaffinity(0, sizeof near, &near);
  if (ptrace(PTRACE_SEIZE, thread, NULL, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) != 0)
    fail("seize");
  if (ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) != 0) fail("interrupt");
  memset(&buffer, 0, sizeof buffer);
  buffer.answer.id = id;
  buffer.answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &buffer) != 0) fail("continue");
  int status = 0;
  if (waitpid(thread, &status, __WALL) == thread && WIFSTOPPED(status)) {
    (void)ptrace(PTRACE_DETACH, thread, NULL, NULL);
  }
  (void)sched_setaffinity(0, sizeof *all, all);
}

int main(int argc, char** argv) {
  (void)argc;
  int pair[2];
  cpu_set_t all;
  if (argv[1] == NULL || sched_getaffinity(0, sizeof all, &all) != 0) return 2;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) fail("socketpair");
  const pid_t child = fork();
  if (child == 0) {
    const int listener = filter();
    (void)pass(pair[1], listener);
    close(listener);
    execv(argv[1], argv + 1);
    fail(argv[1]);
  }
  const int listener = pass(pair[0], -1);
  (void)ioctl(listener, SET_FLAGS, SYNC_WAKE_UP);
  for (;;) {
    struct pollfd ready = {listener, POLLIN, 0};
    if (poll(&ready, 1, -1) < 0 && errno != EINTR) fail("poll");
    if (ready.revents & POLLIN) serve(listener, &all);
    if (ready.revents & (POLLHUP | POLLERR)) break;
  }
  int status = 0;
  (void)waitpid(child, &status, __WALL);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
