// Init and everybody outside: their memory, descriptors, signals, priorities; and rights of its
// own that a program could raise. ARGS: pids of the host that it must not reach, by number.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "attack.h"

static const char* reads(const char* path) {
  char buffer[256];
  int fd = open(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return NULL;
  ssize_t size = read(fd, buffer, sizeof buffer);
  return size > 0 ? got("%d bytes of %s", (int)size, path) : NULL;
}
static const char* follows(const char* path) {
  struct stat info;
  char target[256];
  ssize_t size = readlink(path, target, sizeof target - 1);
  if (size > 0) return got("%s leads to %.*s", path, (int)size, target);
  return stat(path, &info) == 0 ? got("%s can be entered", path) : NULL;
}
static const char* init_memory(void) {
  static char byte;
  int fd = open("/proc/1/mem", O_RDONLY);
  if (fd < 0) return NULL;
  return pread(fd, &byte, 1, 0x400000) >= 0 ? got("init's memory") : got("/proc/1/mem is open");
}
static const char* init_memory_write(void) {
  return open("/proc/1/mem", O_WRONLY) >= 0 ? got("/proc/1/mem is open for writing") : NULL;
}
static const char* init_environment(void) {
  return reads("/proc/1/environ");
}
static const char* init_maps(void) {
  return reads("/proc/1/maps");
}
static const char* init_pages(void) {
  return reads("/proc/1/pagemap");
}
static const char* init_stack(void) {
  return reads("/proc/1/syscall");
}
static const char* init_auxiliary(void) {
  return reads("/proc/1/auxv");
}
static const char* init_root(void) {
  return follows("/proc/1/root");
}
static const char* init_directory(void) {
  return follows("/proc/1/cwd");
}
static const char* init_program(void) {
  return follows("/proc/1/exe");
}
static const char* init_task_root(void) {
  return follows("/proc/1/task/1/root");
}
static const char* init_namespace(void) {
  return follows("/proc/1/ns/mnt");
}
static const char* init_descriptors(void) {
  for (int fd = 0; fd < 64; ++fd) {
    char path[64];
    snprintf(path, sizeof path, "/proc/1/fd/%d", fd);
    if (open(path, O_RDWR | O_NONBLOCK) >= 0 || open(path, O_RDONLY | O_NONBLOCK) >= 0) {
      return got("init's descriptor %d", fd);
    }
    if (follows(path) != NULL) return got("init's descriptor %d", fd);
  }
  return NULL;
}
static const char* init_mapped_files(void) {
  return open("/proc/1/map_files", O_RDONLY | O_DIRECTORY) >= 0 &&
                 open("/proc/1/map_files/400000-401000", O_RDONLY) >= 0
             ? got("init's image")
             : NULL;
}
static const char* init_killed(void) {
  // The kernel takes the signal and drops it: init is alive afterwards.
  for (int one = 1; one < 64; ++one) (void)kill(1, one == SIGCONT ? 0 : one);
  usleep(20000);
  return kill(1, 0) == 0 || errno == EPERM ? refused(EPERM) : got("init is gone");
}
static const char* init_stopped(void) {
  char text[512] = "";
  (void)kill(1, SIGSTOP);
  usleep(20000);
  int fd = open("/proc/1/stat", O_RDONLY);
  (void)!read(fd, text, sizeof text - 1);
  const char* state = strrchr(text, ')');
  if (state == NULL) return NULL;
  return state[2] == 'T' || state[2] == 't' ? got("init is stopped") : refused(EPERM);
}
static const char* init_killed_by_descriptor(void) {
  int fd = (int)syscall(SYS_pidfd_open, 1, 0);
  if (fd < 0) return NULL;
  (void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
  usleep(20000);
  return kill(1, 0) == 0 || errno == EPERM ? refused(EPERM) : got("init is gone");
}
static const char* init_traced(void) {
  return ptrace(PTRACE_SEIZE, 1, NULL, NULL) == 0 ? got("init is traced") : NULL;
}
static const char* init_vm(void) {
  static char byte;
  struct iovec here = {&byte, 1}, there = {(void*)0x400000, 1};
  return process_vm_readv(1, &here, 1, &there, 1, 0) == 1 ? got("init's memory") : NULL;
}
static const char* init_limit(int resource) {
  struct rlimit now, none = {0, 0};
  if (prlimit(1, (enum __rlimit_resource)resource, NULL, &now) != 0) return NULL;
  return prlimit(1, (enum __rlimit_resource)resource, &none, NULL) == 0
             ? got("init has a limit of 0")
             : NULL;
}
static const char* init_descriptor_limit(void) {
  return init_limit(RLIMIT_NOFILE);
}
static const char* init_time_limit(void) {
  return init_limit(RLIMIT_CPU);
}
static const char* init_priority(void) {
  return setpriority(PRIO_PROCESS, 1, 19) == 0 ? got("init has the lowest priority") : NULL;
}
static const char* init_idle(void) {
  struct sched_param none = {0};
  return sched_setscheduler(1, SCHED_IDLE, &none) == 0 ? got("init runs when nobody else does")
                                                       : NULL;
}
static const char* init_processor(void) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  return sched_setaffinity(1, sizeof one, &one) == 0 ? got("init is bound to one processor") : NULL;
}
static const char* init_disk_priority(void) {
  return syscall(SYS_ioprio_set, 1, 1, 3 << 13) == 0 ? got("init has idle disk priority") : NULL;
}

static const char* sees_outside(void) {
  int found = 0;
  for (int pid = 2; pid < 70000; ++pid) {
    if (kill(pid, 0) != 0 && errno == ESRCH) continue;
    if (++found > 16) return got("more than 16 processes");
  }
  return refused(ESRCH);
}
static const char* signals_outside(void) {
  for (char** one = attack_args; *one != NULL; ++one) {
    if (kill(atoi(*one), SIGTERM) == 0) return got("a signal to %s", *one);
    if (kill(-atoi(*one), SIGTERM) == 0) return got("a signal to group %s", *one);
  }
  return refused(ESRCH);
}
static const char* signals_own_group(void) {
  (void)kill(0, SIGTERM);  // main ignores it; judged by what it is seen to do outside
  return refused(ESRCH);
}
static const char* owner_of_pipes(void) {
  // A pipe that the governor holds the other end of, told to signal an outside process.
  for (char** one = attack_args; *one != NULL; ++one) {
    if (fcntl(1, F_SETOWN, atoi(*one)) == 0 && fcntl(1, F_GETOWN) == atoi(*one)) {
      return got("signals of a pipe go to %s", *one);
    }
  }
  return NULL;
}
static const char* priority_outside(void) {
  for (char** one = attack_args; *one != NULL; ++one) {
    if (setpriority(PRIO_PROCESS, (id_t)atoi(*one), 19) == 0) return got("priority of %s", *one);
  }
  return NULL;
}
// PRIO_USER reaches every process of the account, those outside too, were they seen.
static const char* priority_of_account(void) {
  if (setpriority(PRIO_USER, getuid(), 5) != 0) return NULL;
  return refused(0);  // judged from outside
}
static const char* limits_outside(void) {
  struct rlimit none = {0, 0};
  for (char** one = attack_args; *one != NULL; ++one) {
    if (prlimit(atoi(*one), RLIMIT_CORE, &none, NULL) == 0) return got("limits of %s", *one);
  }
  return NULL;
}

static const char* becomes_root(void) {
  return setuid(0) == 0 || setresuid(0, 0, 0) == 0 || setgid(0) == 0 ? got("uid or gid 0") : NULL;
}
static const char* becomes_another(void) {
  return setresuid(1, 1, 1) == 0 || setresgid(1, 1, 1) == 0 ? got("another account") : NULL;
}
static const char* changes_groups(void) {
  gid_t group = 0;
  return syscall(SYS_setgroups, 1, &group) == 0 ? got("group 0") : NULL;
}
static const char* has_capabilities(void) {
  char text[4096] = "";
  int fd = open("/proc/self/status", O_RDONLY);
  if (fd < 0) return NULL;
  (void)!read(fd, text, sizeof text - 1);
  const char* names[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
  for (int i = 0; i < 5; ++i) {
    const char* at = strstr(text, names[i]);
    if (at != NULL && strtoull(at + 7, NULL, 16) != 0) return got("%.24s", at);
  }
  return refused(EPERM);
}
static const char* dumps_core(void) {
  struct rlimit core;
  getrlimit(RLIMIT_CORE, &core);
  if (core.rlim_max != 0) return got("cores may be dumped");
  struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
  return setrlimit(RLIMIT_CORE, &more) == 0 ? got("the core limit was raised") : NULL;
}
static const char* more_tasks(void) {
  struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
  return setrlimit(RLIMIT_NPROC, &more) == 0 ? got("the task limit was raised") : NULL;
}
static const char* privileges_again(void) {
  return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? refused(EPERM) : got("new privileges");
}
static const char* terminal(void) {
  return open("/dev/tty", O_RDWR) >= 0 || open("/dev/console", O_RDWR) >= 0 ||
                 open("/dev/pts/0", O_RDWR) >= 0 || open("/dev/ptmx", O_RDWR) >= 0
             ? got("a terminal")
             : NULL;
}
static const char* takes_terminal(void) {
  for (int fd = 0; fd < 3; ++fd) {
    if (ioctl(fd, TIOCSCTTY, 1) == 0) return got("a controlling terminal");
  }
  return NULL;
}
static const char* inherited(void) {
  for (int fd = 3; fd < 4096; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) return got("descriptor %d", fd);
  }
  return refused(EBADF);
}
static const char* streams_are_files(void) {
  struct stat info;
  for (int fd = 0; fd < 3; ++fd) {
    if (fstat(fd, &info) == 0 && !S_ISFIFO(info.st_mode)) return got("stream %d is no pipe", fd);
  }
  return refused(EBADF);
}
static const char* real_time(void) {
  struct sched_param high = {50};
  return sched_setscheduler(0, SCHED_FIFO, &high) == 0 || setpriority(PRIO_PROCESS, 0, -20) == 0
             ? got("priority over everybody")
             : NULL;
}

// What is granted: power over its own.
static const char* kills_its_child(void) {
  int status = 0;
  pid_t pid = fork();
  if (pid == 0) {
    for (;;) pause();
  }
  if (kill(pid, SIGSTOP) != 0 || waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
    return NULL;
  if (kill(pid, SIGCONT) != 0 || kill(pid, SIGKILL) != 0) return NULL;
  return waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL ? got("stopped, killed")
                                                                        : NULL;
}
static const char* is_nice(void) {
  struct rlimit fewer = {16, 16};
  return setpriority(PRIO_PROCESS, 0, 5) == 0 && setrlimit(RLIMIT_NOFILE, &fewer) == 0
             ? got("priority and limits of its own")
             : NULL;
}
static const char* leads_a_session(void) {
  return setsid() == getpid() ? got("a session") : NULL;
}

#define ONE(name) \
  { #name, name }
int main(int argc, char** argv) {
  static const struct attack list[] = {ONE(init_memory),
                                       ONE(init_memory_write),
                                       ONE(init_environment),
                                       ONE(init_maps),
                                       ONE(init_pages),
                                       ONE(init_stack),
                                       ONE(init_auxiliary),
                                       ONE(init_root),
                                       ONE(init_directory),
                                       ONE(init_program),
                                       ONE(init_task_root),
                                       ONE(init_namespace),
                                       ONE(init_descriptors),
                                       ONE(init_mapped_files),
                                       ONE(init_killed),
                                       ONE(init_stopped),
                                       ONE(init_killed_by_descriptor),
                                       ONE(init_traced),
                                       ONE(init_vm),
                                       ONE(init_priority),
                                       ONE(init_idle),
                                       ONE(init_processor),
                                       ONE(init_disk_priority),
                                       ONE(sees_outside),
                                       ONE(signals_outside),
                                       ONE(signals_own_group),
                                       ONE(owner_of_pipes),
                                       ONE(priority_outside),
                                       ONE(priority_of_account),
                                       ONE(limits_outside),
                                       ONE(becomes_root),
                                       ONE(becomes_another),
                                       ONE(changes_groups),
                                       ONE(has_capabilities),
                                       ONE(dumps_core),
                                       ONE(more_tasks),
                                       ONE(privileges_again),
                                       ONE(terminal),
                                       ONE(takes_terminal),
                                       ONE(inherited),
                                       ONE(streams_are_files),
                                       ONE(real_time),
                                       ONE(init_descriptor_limit),
                                       ONE(init_time_limit),
                                       {NULL, NULL}};
  signal(SIGTERM, SIG_IGN);
  static const struct attack acts[] = {
      ONE(kills_its_child), ONE(is_nice), ONE(leads_a_session), {NULL, NULL}};
  return attack_suite(list, acts, argc, argv);
}
