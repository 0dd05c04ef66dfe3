// taken_away MECHANISM COMMAND...: runs the command where the kernel seems to lack a mechanism: a
// filter answers its system calls as a kernel, a boot option, a container or a sysctl would.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct rule {
  const char* name;
  long call;
  unsigned argument;  // which argument must have one of `flags`; 0 flags: any
  unsigned flags;
  int error;
};
#define LISTENER SECCOMP_FILTER_FLAG_NEW_LISTENER
static const struct rule rules[] = {
    {"landlock_absent", SYS_landlock_create_ruleset, 0, 0, ENOSYS},
    {"landlock_disabled", SYS_landlock_create_ruleset, 0, 0, EOPNOTSUPP},
    {"namespaces_forbidden", SYS_unshare, 0, CLONE_NEWUSER, EPERM},
    {"namespaces_forbidden", SYS_clone, 0, CLONE_NEWUSER, EPERM},
    {"namespaces_forbidden", SYS_clone3, 0, 0, ENOSYS},
    {"namespaces_full", SYS_unshare, 0, CLONE_NEWUSER, ENOSPC},
    {"namespaces_full", SYS_clone, 0, CLONE_NEWUSER, ENOSPC},
    {"namespaces_full", SYS_clone3, 0, 0, ENOSYS},
    // As AppArmor has it on some systems: the namespace is there, and gives no power.
    {"namespaces_powerless", SYS_fsopen, 0, 0, EACCES},
    {"namespaces_powerless", SYS_mount, 0, 0, EACCES},
    {"namespaces_powerless", SYS_open_tree, 0, 0, EACCES},
    {"namespaces_powerless", SYS_move_mount, 0, 0, EACCES},
    {"namespaces_powerless", SYS_mount_setattr, 0, 0, EACCES},
    {"notification_old", SYS_seccomp, 1, LISTENER, EINVAL},
    {"notification_taken", SYS_seccomp, 1, LISTENER, EBUSY},
    {"ptrace", SYS_ptrace, 0, 0, EPERM},
    {"pidfd", SYS_pidfd_open, 0, 0, ENOSYS},
    {"late_socket", SYS_pidfd_getfd, 0, 0, EPERM},
};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

int main(int argc, char** argv) {
  struct sock_filter code[8 * COUNT(rules) + 4];
  unsigned short size = 0;
  if (argc < 3) return 2;
#define ADD(...) code[size++] = (struct sock_filter)__VA_ARGS__
  ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
  ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
  ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  int known = 0;
  for (size_t i = 0; i < COUNT(rules); ++i) {
    const struct rule* one = &rules[i];
    if (strcmp(one->name, argv[1]) != 0) continue;
    known = 1;
    ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)one->call, 0, one->flags != 0 ? 3 : 1));
    if (one->flags != 0) {
      ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                   (unsigned)(offsetof(struct seccomp_data, args) + 8 * one->argument)));
      ADD(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, one->flags, 0, 1));
    }
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)one->error));
  }
  ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  if (!known) {
    fprintf(stderr, "taken_away: no mechanism %s\n", argv[1]);
    return 2;
  }
  const struct sock_fprog program = {size, code};
  if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 3;
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return 3;
  execv(argv[2], argv + 2);
  return 4;
}
