// The governor itself: each attack keeps it busy, confuses it or takes away what it works with, and
// then has the forbidden program run. ARGS: FORBIDDEN MARK TREE: FORBIDDEN would make the file
// MARK; TREE may be written.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "attack.h"

extern char** environ;

static const char* ran(void) {
  struct stat info;
  return stat(attack_args[1], &info) == 0 ? got("it ran") : NULL;
}
static void exec_it(const char* path) {
  char* argv[] = {attack_args[0], attack_args[1], NULL};
  execve(path, argv, environ);
}
// attempt has the forbidden program run, the plain way.
static const char* attempt_by(const char* path) {
  pid_t pid = fork();
  if (pid == 0) {
    exec_it(path);
    _exit(errno);
  }
  int status = 0;
  if (pid > 0) waitpid(pid, &status, 0);
  if (ran() != NULL) return ran();
  return refused(pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EACCES);
}
static const char* attempt(void) {
  return attempt_by(attack_args[0]);
}
static char* in_tree(const char* name) {
  static char path[2][4096];
  static int next;
  char* at = path[next++ % 2];
  snprintf(at, sizeof path[0], "%s/%s", attack_args[2], name);
  return at;
}

// Helpers that go on until the attack is over.
enum { kHelpers = 24 };
static pid_t helpers[kHelpers];
static int helping;
static void help(void (*forever)(void)) {
  for (int i = 0; i < kHelpers; ++i) {
    pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) forever();
    }
    if (pid > 0) helpers[helping++] = pid;
  }
}
static const char* with_helpers(void) {
  const char* done = NULL;
  for (int i = 0; i < 10 && done == NULL; ++i) {
    usleep(20000);
    done = attempt();
  }
  int error = errno;
  for (int i = 0; i < helping; ++i) kill(helpers[i], SIGKILL);
  for (int i = 0; i < helping; ++i) waitpid(helpers[i], NULL, 0);
  errno = error;
  return done;
}
static void asks_for_nothing(void) {
  char* none[] = {NULL};
  execve("/nowhere/at/all", none, none);
}
static void spins(void) {
  for (volatile int i = 0; i < 1000000; ++i) {
  }
}
static void dies_asking(void) {
  pid_t pid = fork();
  if (pid == 0) {
    exec_it(attack_args[0]);
    _exit(1);
  }
  if (pid < 0) return;
  usleep((useconds_t)(rand() % 2000));
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}
static void stops_asking(void) {
  pid_t pid = fork();
  if (pid == 0) {
    exec_it(attack_args[0]);
    _exit(1);
  }
  if (pid < 0) return;
  kill(pid, SIGSTOP);
  usleep((useconds_t)(rand() % 2000));
  kill(pid, SIGCONT);
  waitpid(pid, NULL, 0);
}
static void changes_links(void) {
  char path[4200], next[4240];
  snprintf(path, sizeof path, "%s/%d", attack_args[2], rand() % 8);
  snprintf(next, sizeof next, "%s.%d", path, (int)getpid());
  (void)!symlink(rand() % 2 ? attack_args[0] : path, next);
  rename(next, path);
}
static const char* flood(void) {
  help(asks_for_nothing);
  return with_helpers();
}
static const char* no_processor(void) {
  help(spins);
  return with_helpers();
}
static const char* killed_asking(void) {
  help(dies_asking);
  return with_helpers();
}
static const char* stopped_asking(void) {
  help(stops_asking);
  return with_helpers();
}
static const char* link_storm(void) {
  help(changes_links);
  const char* done = NULL;
  for (int i = 0; i < 50 && done == NULL; ++i) {
    char name[8];
    snprintf(name, sizeof name, "%d", i % 8);
    done = attempt_by(in_tree(name));
  }
  return done != NULL ? done : with_helpers();
}
static const char* many_links(void) {
  char from[4200], to[4200];
  for (int i = 0; i < 39; ++i) {
    snprintf(from, sizeof from, "%s/l%d", attack_args[2], i);
    snprintf(to, sizeof to, "%s/./../%s/l%d", attack_args[2], strrchr(attack_args[2], '/') + 1,
             i + 1);
    unlink(from);
    if (symlink(i == 38 ? attack_args[0] : to, from) != 0) return NULL;
  }
  return attempt_by(in_tree("l0"));
}
static const char* link_loop(void) {
  unlink(in_tree("loop"));
  if (symlink("loop", in_tree("loop")) != 0) return NULL;
  for (int i = 0; i < 20; ++i) (void)attempt_by(in_tree("loop"));
  return attempt();
}
static const char* longest_path(void) {
  static char path[4096];
  size_t size = strlen(attack_args[0]), at = 0;
  while (at + size + 2 < sizeof path) path[at++] = '/';
  strcpy(path + at, attack_args[0]);
  return attempt_by(path);
}
static const char* path_of_steps(void) {
  static char path[4096];
  size_t at = 0;
  while (at + strlen(attack_args[0]) + 12 < sizeof path)
    at += (size_t)sprintf(path + at, "/proc/..");
  strcpy(path + at, attack_args[0]);
  return attempt_by(path);
}
static const char* pipe_as_program(void) {
  unlink(in_tree("fifo"));
  if (mkfifo(in_tree("fifo"), 0755) != 0) return NULL;
  (void)attempt_by(in_tree("fifo"));
  return attempt();
}
static const char* path_at_edge(void) {
  char* at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  size_t size = strlen(attack_args[0]) + 1;
  munmap(at + 4096, 4096);
  memcpy(at + 4096 - size, attack_args[0], size);
  return attempt_by(at + 4096 - size);
}
// The strings lie in a file that another process keeps cutting: whoever reads them may find
// nothing.
static char* cut_strings;
static void* cuts(void* file) {
  for (;;) {
    (void)!ftruncate(*(int*)file, 0);
    (void)!pwrite(*(int*)file, attack_args[0], strlen(attack_args[0]) + 1, 0);
  }
  return NULL;
}
static const char* path_that_vanishes(void) {
  int file = open(in_tree("strings"), O_RDWR | O_CREAT | O_TRUNC, 0644);
  (void)!write(file, attack_args[0], strlen(attack_args[0]) + 1);
  cut_strings = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
  if (cut_strings == MAP_FAILED) return NULL;
  pid_t cutter = fork();
  if (cutter == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    cuts(&file);
  }
  const char* done = NULL;
  for (int i = 0; i < 200 && done == NULL; ++i) done = attempt_by(cut_strings);
  int error = errno;
  kill(cutter, SIGKILL);
  waitpid(cutter, NULL, 0);
  errno = error;
  return done;
}
static const char* bad_pointers(void) {
  const unsigned long wrong[] = {0, 1, 0xfff, 0x7ffffffff000UL, 0xffffffff81000000UL, ~0UL};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; ++i) {
    for (int which = 0; which < 3; ++which) {
      pid_t pid = fork();
      if (pid == 0) {
        unsigned long call[3] = {(unsigned long)attack_args[0], (unsigned long)attack_args,
                                 (unsigned long)environ};
        call[which] = wrong[i];
        syscall(SYS_execve, call[0], call[1], call[2]);
        _exit(errno);
      }
      waitpid(pid, NULL, 0);
    }
  }
  unlink(attack_args[1]);  // a null environment is none: that may have run it
  return attempt();
}
static const char* everything_closed(void) {
  syscall(SYS_close_range, 3, ~0U, 0);
  for (int i = 3; i < 4096; ++i) close(i);
  return attempt();
}
static const char* no_descriptors(void) {
  // All but the few that the program itself needs.
  int last = 0, one;
  while ((one = dup(1)) >= 0) last = one;
  for (int i = 0; i < 4; ++i) close(last - i);
  return attempt();
}
static const char* no_limits_left(void) {
  struct rlimit files = {8, 8}, size = {64, 64};
  setrlimit(RLIMIT_NOFILE, &files);
  setrlimit(RLIMIT_MSGQUEUE, &size);
  setrlimit(RLIMIT_SIGPENDING, &size);
  setrlimit(RLIMIT_MEMLOCK, &size);
  return attempt();
}
static long own_filter(unsigned action) {
  struct sock_filter ops[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
                              {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SYS_execve},
                              {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_execveat},
                              {BPF_RET | BPF_K, 0, 0, action},
                              {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  struct sock_fprog program = {5, ops};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}
static const char* own_filter_allows(void) {
  (void)own_filter(SECCOMP_RET_ALLOW);
  return attempt();
}
static const char* own_filter_logs(void) {
  (void)own_filter(SECCOMP_RET_LOG);
  return attempt();
}
static const char* own_filters_many(void) {
  for (int i = 0; i < 500 && own_filter(SECCOMP_RET_ALLOW) == 0; ++i) {
  }
  return attempt();
}
static void ignored(int signal_number) {
  (void)signal_number;
}
// With a handler that interrupts every call; what is executed by then has none, and lives on.
static const char* signals_rain(void) {
  struct sigaction action = {.sa_handler = ignored};
  sigaction(SIGWINCH, &action, NULL);
  pid_t pid = fork();
  if (pid == 0) {
    for (int i = 0; i < 100; ++i) exec_it(attack_args[0]);
    _exit(1);
  }
  if (pid < 0) return refused(errno);
  while (waitpid(pid, NULL, WNOHANG) == 0) kill(pid, SIGWINCH);
  return ran() != NULL ? ran() : refused(EACCES);
}
static const char* not_dumpable(void) {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return attempt();
}
static const char* already_traced(void) {
  pid_t pid = fork();
  if (pid == 0) {
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    exec_it(attack_args[0]);
    _exit(1);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
    (void)ptrace(PTRACE_CONT, pid, NULL, NULL);
  }
  return ran() != NULL ? ran() : refused(EACCES);
}
static void* execs(void* unused) {
  (void)unused;
  exec_it(attack_args[0]);
  return NULL;
}
// As many threads as there may be, all in execve at once, then with a leader that is gone.
static const char* thread_herd(void) {
  for (int round = 0; round < 3; ++round) {
    pid_t pid = fork();
    if (pid == 0) {
      pthread_attr_t small;
      pthread_attr_init(&small);
      pthread_attr_setstacksize(&small, 65536);
      for (int i = 0; i < 2000; ++i) {
        pthread_t thread;
        if (pthread_create(&thread, &small, execs, NULL) != 0) break;
      }
      usleep(20000);
      _exit(0);
    }
    waitpid(pid, NULL, 0);
  }
  return ran() != NULL ? ran() : refused(EACCES);
}
static void* execs_later(void* unused) {
  usleep(20000);
  return execs(unused);
}
static const char* leader_gone(void) {
  pid_t pid = fork();
  if (pid == 0) {
    pthread_t thread;
    (void)!pthread_create(&thread, NULL, execs_later, NULL);
    pthread_exit(NULL);
  }
  waitpid(pid, NULL, 0);
  return ran() != NULL ? ran() : refused(EACCES);
}
static const char* huge_block(void) {
  static char text[100000];
  static char* argv[20];
  memset(text, 'x', sizeof text - 1);
  argv[0] = attack_args[0], argv[1] = attack_args[1];
  for (int i = 2; i < 19; ++i) argv[i] = text;
  for (int i = 0; i < 8; ++i) {
    pid_t pid = fork();
    if (pid == 0) {
      execve(attack_args[0], argv, environ);
      _exit(1);
    }
    if (pid > 0) helpers[helping++] = pid;
  }
  for (int i = 0; i < helping; ++i) waitpid(helpers[i], NULL, 0);
  helping = 0;
  return attempt();
}

// What is granted, after all that: itself.
static const char* runs_itself(void) {
  char* argv[] = {(char*)"attack_governor", NULL};
  pid_t pid = fork();
  if (pid == 0) {
    execve("/proc/self/exe", argv, environ);
    _exit(1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 2 ? got("it ran itself") : NULL;
}

#define ONE(name) \
  { #name, name }
int main(int argc, char** argv) {
  if (argc < 5) return 2;
  static const struct attack list[] = {ONE(flood),
                                       ONE(no_processor),
                                       ONE(killed_asking),
                                       ONE(stopped_asking),
                                       ONE(link_storm),
                                       ONE(many_links),
                                       ONE(link_loop),
                                       ONE(longest_path),
                                       ONE(path_of_steps),
                                       ONE(pipe_as_program),
                                       ONE(path_at_edge),
                                       ONE(path_that_vanishes),
                                       ONE(bad_pointers),
                                       ONE(everything_closed),
                                       ONE(no_descriptors),
                                       ONE(no_limits_left),
                                       ONE(own_filter_allows),
                                       ONE(own_filter_logs),
                                       ONE(own_filters_many),
                                       ONE(signals_rain),
                                       ONE(not_dumpable),
                                       ONE(already_traced),
                                       ONE(thread_herd),
                                       ONE(leader_gone),
                                       ONE(huge_block),
                                       {NULL, NULL}};
  static const struct attack acts[] = {ONE(runs_itself), {NULL, NULL}};
  return attack_suite(list, acts, argc, argv);
}
