// intruder INIT MODE: enters the namespaces of a run from outside, as whoever governs it could, and
// stays there (prints "in") or changes a mount. What continuity must find.
//   bare      a process without the filter
//   capable   under a filter, without a way to gain privileges, but with its capabilities
//   gaining   under a filter and without capabilities, but no_new_privs is not set
//   outside   all of that, but in the host's mounts
//   stranger  a process like any other of the run, whose program was never let through
//   mount     takes a mount away and leaves
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void need(int good, const char* what) {
  if (good) return;
  fprintf(stderr, "intruder: %s: %s\n", what, strerror(errno));
  exit(9);
}

static void drop_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2];
  memset(none, 0, sizeof none);
  need(syscall(SYS_capset, &header, none) == 0, "capset");
}

static void install_filter(void) {
  struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {1, &allow};
  need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0, "seccomp");
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const char* mode = argv[2];
  const int outside = strcmp(mode, "outside") == 0;
  const char* names[] = {"user", "pid", "net", "ipc", "uts", "cgroup", "mnt"};
  int fds[7];
  for (int i = 0; i < 7; ++i) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/ns/%s", argv[1], names[i]);
    fds[i] = open(path, O_RDONLY | O_CLOEXEC);
    need(fds[i] >= 0, path);
  }
  for (int i = 0; i < 7; ++i) {
    if (outside && i == 6) continue;
    need(setns(fds[i], 0) == 0, names[i]);
  }
  if (strcmp(mode, "mount") == 0) {
    need(umount2("/tmp", MNT_DETACH) == 0, "umount");
    return 0;
  }
  const int bare = strcmp(mode, "bare") == 0;
  const int gaining = strcmp(mode, "gaining") == 0;
  if (!bare) {
    if (!gaining) need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    install_filter();  // without no_new_privs: while there is a capability
  } else {
    need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  }
  if (strcmp(mode, "capable") != 0) drop_capabilities();
  (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // so that the governor can look at it
  puts("in");
  fflush(stdout);
  // The child alone is in the run's pid namespace: from its first moment on as it is to be found.
  const pid_t child = fork();
  need(child >= 0, "fork");
  if (child != 0) {
    int status = 0;
    (void)waitpid(child, &status, 0);
    return 0;
  }
  for (;;) pause();
}
