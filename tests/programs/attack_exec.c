// Ways to run what no rule names: `attack_exec NAME FORBIDDEN MARK WRITE-TREE SCRIPT`; FORBIDDEN is
// a program that no rule names, which would make the file MARK; `sh SCRIPT` is granted.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "attack.h"

static char* forbidden;
static char* mark;
static char *tree, *granted_script;
extern char** environ;

static const char* ran(void) {
  struct stat info;
  return stat(mark, &info) == 0 ? got("it ran") : NULL;
}
static int copy_into(int to) {
  static char buffer[65536];
  int from = open(forbidden, O_RDONLY);
  for (ssize_t size; (size = read(from, buffer, sizeof buffer)) > 0;)
    (void)!write(to, buffer, (size_t)size);
  close(from);
  return to;
}
static char* copied(const char* directory) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/copy.%d", directory, (int)getpid());
  close(copy_into(open(path, O_CREAT | O_WRONLY, 0755)));
  return path;
}
// in_child execs and waits; what counts is whether the mark is there.
static const char* run(int fd, const char* path, char* const argv[], char* const environment[],
                       int flags) {
  pid_t pid = fork();
  if (pid == 0) {
    syscall(SYS_execveat, fd, path, argv, environment, flags);
    _exit(errno);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (ran() != NULL) return ran();
  return refused(WIFEXITED(status) ? WEXITSTATUS(status) : EACCES);
}
static const char* plain(char* path) {
  char* argv[] = {path, mark, NULL};
  return run(AT_FDCWD, path, argv, environ, 0);
}
static const char* by_path(void) {
  return plain(forbidden);
}
static const char* as_granted_name(void) {
  char* argv[] = {(char*)"attack_exec", mark, NULL};
  return run(AT_FDCWD, forbidden, argv, environ, 0);
}
static const char* relative(void) {
  char path[4096], *slash;
  snprintf(path, sizeof path, "%s", forbidden);
  slash = strrchr(path, '/');
  *slash = '\0';
  if (chdir(path) != 0) return NULL;
  return plain(slash + 1);
}
static const char* by_steps(void) {
  char path[4096];
  snprintf(path, sizeof path, "/proc/self/root/proc/../%s", forbidden);
  return plain(path);
}
static const char* by_link(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s/attack_exec", tree);
  unlink(path);
  if (symlink(forbidden, path) != 0) return NULL;
  return plain(path);
}
static const char* by_descriptor(void) {
  char* argv[] = {forbidden, mark, NULL};
  return run(open(forbidden, O_RDONLY), "", argv, environ, AT_EMPTY_PATH);
}
static const char* by_path_descriptor(void) {
  char* argv[] = {forbidden, mark, NULL};
  return run(open(forbidden, O_PATH), "", argv, environ, AT_EMPTY_PATH);
}
static const char* by_proc_descriptor(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", open(forbidden, O_RDONLY));
  return plain(path);
}
static const char* copy_in_tree(void) {
  return plain(copied(tree));
}
static const char* copy_in_tmp(void) {
  return plain(copied("/tmp"));
}
static const char* copy_in_shm(void) {
  return plain(copied("/dev/shm"));
}
static const char* unlinked(void) {
  char* path = copied(tree);
  int fd = open(path, O_RDONLY);
  unlink(path);
  char* argv[] = {path, mark, NULL};
  return run(fd, "", argv, environ, AT_EMPTY_PATH);
}
static const char* memory_file(void) {
  int fd = (int)syscall(SYS_memfd_create, "x", 0);
  if (fd < 0) return NULL;
  copy_into(fd);
  char* argv[] = {(char*)"x", mark, NULL};
  return run(fd, "", argv, environ, AT_EMPTY_PATH);
}
static const char* temporary(void) {
  int fd = open(tree, O_TMPFILE | O_RDWR, 0755);
  if (fd < 0) return NULL;
  copy_into(fd);
  char path[64], *argv[] = {(char*)"x", mark, NULL};
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int again = open(path, O_RDONLY);
  close(fd);
  return run(again, "", argv, environ, AT_EMPTY_PATH);
}
static const char* hard_link(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s/linked", tree);
  unlink(path);
  if (link(forbidden, path) != 0) return NULL;
  return plain(path);
}
static const char* by_loader(void) {
  const char* loaders[] = {"/lib64/ld-linux-x86-64.so.2", "/usr/lib64/ld-linux-x86-64.so.2",
                           "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"};
  for (int i = 0; i < 3; ++i) {
    char* argv[] = {(char*)loaders[i], (char*)"/bin/touch", mark, NULL};
    const char* done = run(AT_FDCWD, loaders[i], argv, environ, 0);
    if (done != NULL) return done;
  }
  return refused(EACCES);
}
static const char* script(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s/script", tree);
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
  dprintf(fd, "#!%s %s\n", forbidden, mark);
  close(fd);
  return plain(path);
}
static const char* with_environment(const char* variable) {
  char* argv[] = {(char*)"sh", (char*)"-c", (char*)":", NULL};
  char* environment[] = {(char*)variable, NULL};
  pid_t pid = fork();
  if (pid == 0) {
    execve("/bin/sh", argv, environment);
    _exit(errno);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? got("sh ran with %s", variable)
                                                       : refused(EACCES);
}
static const char* preload(void) {
  return with_environment("LD_PRELOAD=/tmp/x.so");
}
static const char* library_path(void) {
  return with_environment("LD_LIBRARY_PATH=/tmp");
}
static const char* audit(void) {
  return with_environment("LD_AUDIT=/tmp/x.so");
}
static const char* tunables(void) {
  return with_environment("GLIBC_TUNABLES=glibc.malloc.check=3");
}
static const char* shell_startup(void) {
  return with_environment("ENV=/tmp/x");
}
static const char* shell_function(void) {
  return with_environment("BASH_FUNC_ls%%=() { :; }");
}
static const char* nameless(void) {
  return with_environment("nothing");
}
static const char* other_code(void) {
  char* argv[] = {(char*)"sh", (char*)"-c", strdup(got("echo > %s", mark)), NULL};
  return run(AT_FDCWD, "/bin/sh", argv, environ, 0);
}
static const char* other_script(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s/evil.sh", tree);
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
  dprintf(fd, "echo > %s\n", mark);
  close(fd);
  char* argv[] = {(char*)"sh", path, NULL};
  return run(AT_FDCWD, "/bin/sh", argv, environ, 0);
}
static const char* code_from_input(void) {
  int ends[2];
  if (pipe(ends) != 0) return NULL;
  dprintf(ends[1], "echo > %s\n", mark);
  close(ends[1]);
  dup2(ends[0], 0);
  char *argv[] = {(char*)"sh", NULL}, *argv2[] = {(char*)"sh", (char*)"/dev/stdin", NULL},
       *argv3[] = {(char*)"sh", (char*)"-s", NULL};
  const char* done = run(AT_FDCWD, "/bin/sh", argv, environ, 0);
  if (done == NULL) done = run(AT_FDCWD, "/bin/sh", argv2, environ, 0);
  return done != NULL ? done : run(AT_FDCWD, "/bin/sh", argv3, environ, 0);
}
static const char* no_arguments(void) {
  char* argv[] = {NULL};
  return run(AT_FDCWD, forbidden, argv, environ, 0);
}
static const char* odd_flags(void) {
  char* argv[] = {forbidden, mark, NULL};
  return run(AT_FDCWD, forbidden, argv, environ, 0x10000 | 0x4000);
}
// A great many arguments, and a working directory of more than PATH_MAX: an answer, not a hang.
static const char* huge_arguments(void) {
  static char* argv[400000];
  argv[0] = forbidden;
  for (int i = 1; i < 399999; ++i) argv[i] = mark;
  return run(AT_FDCWD, forbidden, argv, environ, 0);
}
static const char* deep_directory(void) {
  char name[201];
  memset(name, 'd', 200);
  name[200] = '\0';
  if (chdir(tree) != 0) return NULL;
  for (int i = 0; i < 40; ++i) {
    (void)mkdir(name, 0755);
    if (chdir(name) != 0) return NULL;
  }
  return plain(forbidden);
}
static volatile int done_flipping;
static volatile unsigned flips;
static char flipped[4096];
static void* flip(void* with) {
  (void)with;
  volatile char* last = flipped + strlen(forbidden) - 1;
  while (!done_flipping) {
    *last = forbidden[strlen(forbidden) - 1];
    for (volatile int i = 0; i < 500; ++i) {
    }
    *last = '#';
    for (volatile int i = 0; i < 500; ++i) {
    }
    ++flips;
  }
  return NULL;
}

static void* exec_one(void* path) {
  char* argv[] = {(char*)path, mark, NULL};
  execv((char*)path, argv);
  return NULL;
}
static const char* many_threads(void) {
  pid_t pid = fork();
  if (pid == 0) {
    pthread_t threads[100];
    int made = 0;
    for (; made < 100; ++made) {
      if (pthread_create(&threads[made], NULL, exec_one, forbidden) != 0) break;
    }
    for (int i = 0; i < made; ++i) pthread_join(threads[i], NULL);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  return ran() != NULL ? ran() : refused(EACCES);
}
static const char* path_flipped(void) {
  pthread_t thread;
  strcpy(flipped, forbidden);
  pthread_create(&thread, NULL, flip, NULL);
  for (int i = 0; i < 200; ++i) {
    char* argv[] = {flipped, mark, NULL};
    // Each try comes after a change: a busy machine may let the other thread wait.
    for (unsigned seen = flips; flips == seen;) sched_yield();
    pid_t pid = vfork();
    if (pid == 0) {
      execve(flipped, argv, environ);
      _exit(1);
    }
    waitpid(pid, NULL, 0);
  }
  done_flipping = 1;
  pthread_join(thread, NULL);
  return ran() != NULL ? ran() : refused(EACCES);
}

// What is looked at and what runs are two: a link, the working directory and a descriptor lead now
// to this program, which may run, now to the forbidden one. Either is told the same.
enum { kFlipLink, kFlipDirectory, kFlipDescriptor };
static struct {
  int which, descriptor, good, bad;
  char link[4096], next[4096], good_place[4096], bad_place[4096];
} turn;
static volatile unsigned turns;
static void* turning(void* unused) {
  (void)unused;
  for (unsigned i = 0;; turns = ++i) {
    if (turn.which == kFlipLink) {
      (void)!symlink(i % 2 == 0 ? "/proc/self/exe" : forbidden, turn.next);
      rename(turn.next, turn.link);
    } else if (turn.which == kFlipDirectory) {
      (void)!chdir(i % 2 == 0 ? turn.good_place : turn.bad_place);
    } else {
      dup2(i % 2 == 0 ? turn.good : turn.bad, turn.descriptor);
    }
  }
  return NULL;
}
static const char* flipped_thing(int which) {
  char path[4200];
  char* argv[] = {(char*)"attack_exec", mark, (char*)"quiet", NULL};
  turn.which = which;
  snprintf(turn.link, sizeof turn.link, "%s/attack_exec", tree);
  snprintf(turn.next, sizeof turn.next, "%s/next", tree);
  snprintf(turn.good_place, sizeof turn.good_place, "%s/good", tree);
  snprintf(turn.bad_place, sizeof turn.bad_place, "%s/bad", tree);
  (void)!mkdir(turn.good_place, 0755);
  (void)!mkdir(turn.bad_place, 0755);
  snprintf(path, sizeof path, "%s/attack_exec", turn.good_place);
  (void)!symlink("/proc/self/exe", path);
  snprintf(path, sizeof path, "%s/attack_exec", turn.bad_place);
  (void)!symlink(forbidden, path);
  turn.good = open("/proc/self/exe", O_PATH);
  turn.bad = open(forbidden, O_PATH);
  turn.descriptor = dup(turn.good);
  time_t start = 0;
  for (int i = 0; i < 100 && ran() == NULL && time_left(&start); ++i) {
    pid_t pid = fork();
    if (pid == 0) {
      pthread_t thread;
      if (pthread_create(&thread, NULL, turning, NULL) != 0) _exit(errno);
      // Each try comes after a change: a busy machine may let the other thread wait.
      while (turns < 1 + (unsigned)i % 16) sched_yield();
      if (which == kFlipLink) execve(turn.link, argv, environ);
      if (which == kFlipDirectory) execve("attack_exec", argv, environ);
      if (which == kFlipDescriptor) {
        syscall(SYS_execveat, turn.descriptor, "", argv, environ, AT_EMPTY_PATH);
      }
      _exit(errno);
    }
    waitpid(pid, NULL, 0);
  }
  return ran() != NULL ? ran() : refused(EACCES);
}
static const char* link_flipped(void) {
  return flipped_thing(kFlipLink);
}
static const char* directory_flipped(void) {
  return flipped_thing(kFlipDirectory);
}
static const char* descriptor_flipped(void) {
  return flipped_thing(kFlipDescriptor);
}
// `sh SCRIPT` is granted. A process that shares its working directory moves it away meanwhile, to
// where another script has that name.
static const char* shared_directory(void) {
  char place[4096], path[4200], *slash;
  snprintf(place, sizeof place, "%s", granted_script);
  slash = strrchr(place, '/');
  *slash = '\0';
  snprintf(path, sizeof path, "%s/%s", tree, slash + 1);
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
  dprintf(fd, "echo > %s\n", mark);
  close(fd);
  char* argv[] = {(char*)"sh", slash + 1, NULL};
  time_t start = 0;
  for (int i = 0; i < 100 && ran() == NULL && time_left(&start); ++i) {
    if (chdir(place) != 0) return NULL;
    long pid = syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0) return NULL;
    if (pid == 0) {
      execve("/bin/sh", argv, environ);
      _exit(errno);
    }
    usleep((useconds_t)(i * 50));
    (void)!chdir(tree);
    waitpid((pid_t)pid, NULL, 0);
  }
  return ran() != NULL ? ran() : refused(EACCES);
}
static const char* from_thread(void) {
  pid_t pid = fork();
  if (pid == 0) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, exec_one, forbidden) == 0) pthread_join(thread, NULL);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  return ran() != NULL ? ran() : refused(EACCES);
}
static const char* vfork_child(void) {
  char* argv[] = {forbidden, mark, NULL};
  pid_t pid = vfork();
  if (pid == 0) {
    execve(forbidden, argv, environ);
    _exit(1);
  }
  waitpid(pid, NULL, 0);
  return ran() != NULL ? ran() : refused(EACCES);
}

// What is granted.
static const char* runs_script(void) {
  char* argv[] = {(char*)"sh", granted_script, NULL};
  pid_t pid = fork();
  if (pid == 0) {
    execve("/bin/sh", argv, environ);
    _exit(1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return status == 0 ? got("sh ran its script") : NULL;
}
static const char* runs_itself(void) {
  char* argv[] = {(char*)"attack_exec", (char*)"nothing", (char*)"quiet", NULL};
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
  if (argc == 2) {  // started by one of its own attacks: the forbidden program
    int fd = open(argv[1], O_CREAT | O_WRONLY, 0644);
    return fd < 0;
  }
  if (argc < 6) return 2;
  forbidden = argv[2], mark = argv[3], tree = argv[4], granted_script = argv[5];
  static const struct attack list[] = {
      ONE(by_path),          ONE(as_granted_name), ONE(relative),           ONE(by_steps),
      ONE(by_link),          ONE(by_descriptor),   ONE(by_path_descriptor), ONE(by_proc_descriptor),
      ONE(copy_in_tree),     ONE(copy_in_tmp),     ONE(copy_in_shm),        ONE(unlinked),
      ONE(memory_file),      ONE(temporary),       ONE(hard_link),          ONE(by_loader),
      ONE(script),           ONE(preload),         ONE(library_path),       ONE(audit),
      ONE(tunables),         ONE(shell_startup),   ONE(shell_function),     ONE(nameless),
      ONE(other_code),       ONE(other_script),    ONE(code_from_input),    ONE(no_arguments),
      ONE(odd_flags),        ONE(huge_arguments),  ONE(deep_directory),     ONE(path_flipped),
      ONE(many_threads),     ONE(link_flipped),    ONE(directory_flipped),  ONE(descriptor_flipped),
      ONE(shared_directory), ONE(from_thread),     ONE(vfork_child),        {NULL, NULL}};
  static const struct attack acts[] = {ONE(runs_script), ONE(runs_itself), {NULL, NULL}};
  char* names[] = {argv[0], argv[1], NULL};
  return attack_suite(list, acts, 2, names);
}
