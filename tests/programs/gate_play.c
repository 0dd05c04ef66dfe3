// The first program of the gate's tests: `gate_play PLAY ARGUMENT...`. It tries to get past the
// exec gate, or into its way, and says on standard output what happened.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char* no_environment[] = {NULL};

static void say(const char* what) {
  (void)!write(1, what, strlen(what));
}
static void say_error(const char* what, int error) {
  char line[128];
  snprintf(line, sizeof line, "%s: %s\n", what, error == 0 ? "ok" : strerrorname_np(error));
  say(line);
}
static uint64_t random_state = 88172645463325252U;
static unsigned draw(unsigned bound) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (unsigned)(random_state >> 11) % bound;
}
static void nap(unsigned micros) {
  struct timespec time = {micros / 1000000, (long)(micros % 1000000) * 1000};
  nanosleep(&time, NULL);
}
// Status of a child that tries an exec: 0 it ran, 100 + errno it did not.
static int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}
static int spawn(const char* path, char* const argv[]) {
  pid_t child = fork();
  if (child == 0) {
    execve(path, argv, no_environment);
    _exit(100 + errno);
  }
  return wait_for(child);
}
static void say_status(const char* what, int status) {
  if (status >= 100 && status < 1000) return say_error(what, status - 100);
  char line[128];
  snprintf(line, sizeof line, "%s: %d\n", what, status);
  say(line);
}

// ---- exec that fails, in this very process, which must live on
static int play_exec(char** arguments) {
  char* argv[] = {"gate_target", NULL};
  for (; *arguments != NULL; ++arguments) {
    execve(*arguments, argv, no_environment);
    say_error(*arguments, errno);
  }
  return 0;
}
static int play_big(char** arguments) {
  static char large[100 * 1024];
  memset(large, 'x', sizeof large - 1);
  char* argv[40];
  for (int i = 0; i < 39; ++i) argv[i] = large;
  argv[39] = NULL;
  execve(arguments[0], argv, no_environment);
  say_error("big", errno);
  return 0;
}
static int play_bad_pointers(char** arguments) {
  char* argv[] = {(char*)8, NULL};
  syscall(SYS_execve, (char*)16, argv, no_environment);
  say_error("path", errno);
  syscall(SYS_execve, arguments[0], argv, no_environment);
  say_error("argv", errno);
  syscall(SYS_execveat, 9999, "x", no_environment, no_environment, 0);
  say_error("descriptor", errno);
  return 0;
}
// Argument and environment vector absent: the kernel makes argv one empty string.
static int play_no_arguments(char** arguments) {
  syscall(SYS_execve, arguments[0], NULL, NULL);
  say_error("no arguments", errno);
  return 0;
}
static int play_path_walk(char** arguments) {
  (void)arguments;
  char* argv[] = {"no-such-command", NULL};
  setenv("PATH", "/a:/b:/c:/usr/local/bin:/usr/bin:/bin:/sbin", 1);
  for (int i = 0; i < 20; ++i) {
    execvp(argv[0], argv);
    if (errno != ENOENT) say_error("walk", errno);
  }
  say("walked\n");
  return 0;
}
static int play_fifo(char** arguments) {
  if (mkfifo("pipe", 0777) != 0) say_error("mkfifo", errno);
  char* argv[] = {"pipe", NULL};
  say_status("fifo", spawn("./pipe", argv));
  say_status("directory", spawn(".", argv));
  char* good[] = {"gate_target", NULL};
  say_status("then", spawn(arguments[0], good));
  return 0;
}
// One program through every name it has.
static int play_names(char** arguments) {
  char* argv[] = {"gate_target", NULL};
  char name[64];
  int fd = open(arguments[0], O_PATH | O_CLOEXEC);
  if (fork() == 0) {
    syscall(SYS_execveat, fd, "", argv, no_environment, AT_EMPTY_PATH);
    _exit(100 + errno);
  }
  int status = 0;
  wait(&status);
  say_status("descriptor", WEXITSTATUS(status));
  fd = open(arguments[0], O_RDONLY);
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  say_status("proc", spawn(name, argv));
  snprintf(name, sizeof name, "/dev/fd/%d", fd);
  say_status("dev", spawn(name, argv));
  (void)!symlink(arguments[0], "link");
  say_status("link", spawn("link", argv));
  (void)!symlink("nowhere", "dangling");
  say_status("dangling", spawn("dangling", argv));
  (void)!symlink("loop", "loop");
  say_status("loop", spawn("loop", argv));
  char* again[] = {"gate_play", "quit", NULL};
  say_status("self", spawn("/proc/self/exe", again));
  return 0;
}

// ---- threads
static const char* target;
static atomic_int waiting;
static atomic_int started;
static void* exec_thread(void* unused) {
  (void)unused;
  char* argv[] = {"gate_target", NULL};
  atomic_fetch_add(&waiting, 1);
  while (atomic_load(&started) == 0) sched_yield();
  execve(target, argv, no_environment);
  _exit(100 + errno);
}
static int play_thread(char** arguments) {
  target = arguments[0];
  atomic_store(&started, 1);
  pthread_t thread;
  pthread_create(&thread, NULL, exec_thread, NULL);
  for (;;) pause();
  return 0;
}
static int play_herd(char** arguments) {
  target = arguments[0];
  const int threads = atoi(arguments[1]);
  const int rounds = atoi(arguments[2]);
  for (int round = 0; round < rounds; ++round) {
    pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < threads; ++i) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, exec_thread, NULL) != 0) _exit(99);
      }
      while (atomic_load(&waiting) < threads) sched_yield();
      atomic_store(&started, 1);
      for (;;) pause();
    }
    const int status = wait_for(child);
    if (status != 0) {
      say_status("herd", status);
      return 1;
    }
  }
  say("herded\n");
  return 0;
}
// Execs that fail from many threads at once: all must come back.
static void* fail_thread(void* rounds) {
  char* argv[] = {"gate_target", NULL};
  for (int i = 0; i < *(int*)rounds; ++i) {
    execve(target, argv, no_environment);
    if (errno != ENOEXEC) say_error("failing", errno);
  }
  return NULL;
}
static int play_failing_herd(char** arguments) {
  target = arguments[0];
  int rounds = atoi(arguments[2]);
  pthread_t threads[64];
  const int count = atoi(arguments[1]);
  // The kernel makes no thread (EAGAIN) while another one of the process is in execve.
  for (int i = 0; i < count; ++i) {
    while (pthread_create(&threads[i], NULL, fail_thread, &rounds) == EAGAIN) sched_yield();
  }
  for (int i = 0; i < count; ++i) pthread_join(threads[i], NULL);
  say("all came back\n");
  return 0;
}
static int play_killing(char** arguments) {
  const int rounds = atoi(arguments[1]);
  const unsigned longest = (unsigned)atoi(arguments[2]);
  char* argv[] = {"gate_target", NULL};
  char* evil[] = {"gate_target", "EVIL", NULL};
  random_state ^= (uint64_t)getpid() << 20;
  for (int round = 0; round < rounds; ++round) {
    const int forbidden = draw(2) == 0;
    pid_t child = fork();
    if (child == 0) {
      for (;;) execve(arguments[0], forbidden ? evil : argv, no_environment);
    }
    nap(draw(longest));
    kill(child, SIGKILL);
    wait_for(child);
  }
  say("killed\n");
  return 0;
}
// Signals while it execs: stops, continues, and one that interrupts.
static void ignore(int signal) {
  (void)signal;
}
static int play_signals(char** arguments) {
  const int rounds = atoi(arguments[1]);
  char* argv[] = {"gate_target", NULL};
  const int kinds[] = {SIGSTOP, SIGCONT, SIGTSTP, SIGUSR1, SIGURG};
  for (int round = 0; round < rounds; ++round) {
    pid_t child = fork();
    if (child == 0) {
      signal(SIGUSR1, ignore);
      for (int i = 0; i < 3; ++i) execve("./not-a-program", argv, no_environment);
      execve(arguments[0], argv, no_environment);
      _exit(100 + errno);
    }
    for (int i = 0; i < 12; ++i) {
      nap(draw(150));
      kill(child, kinds[draw(5)]);
    }
    int status = 0;
    for (;;) {
      kill(child, SIGCONT);
      const pid_t got = waitpid(child, &status, WNOHANG);
      if (got == child) break;
      nap(200);
    }
    const int ended = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    if (ended != 0 && ended != 1000 + SIGUSR1 && ended != 1000 + SIGTSTP) {
      say_status("signals", ended);
    }
  }
  say("signalled\n");
  return 0;
}

// ---- races: a thread changes what another, through vfork, is about to execute
static char* race_path;
static char race_argument[16] = "GRANTED";
static char race_variable[16] = "V=GRANTED";
static const char* race_other;
static atomic_int racing = 1;
static atomic_int race_kind;
static char* race_texts[2];
static size_t race_sizes[2];

static void* load(const char* path, size_t* size) {
  int fd = open(path, O_RDONLY);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0) {
    say_error(path, errno);
    exit(3);
  }
  char* text = malloc((size_t)info.st_size);
  if (read(fd, text, (size_t)info.st_size) != info.st_size) exit(3);
  close(fd);
  *size = (size_t)info.st_size;
  return text;
}
static void store(const char* path, int which) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  if (fd < 0) return;
  (void)!write(fd, race_texts[which], race_sizes[which]);
  fchmod(fd, 0755);
  close(fd);
}
static void flip(int which) {
  switch (atomic_load(&race_kind)) {
    case 0: memcpy(race_argument, which ? "EVIL!!!" : "GRANTED", 7); break;
    case 1: memcpy(race_variable, which ? "V=EVIL!!!" : "V=GRANTED", 9); break;
    case 2: memcpy(race_path, which ? race_texts[1] : race_texts[0], strlen(race_texts[0])); break;
    case 3:  // the names change places
      syscall(SYS_renameat2, AT_FDCWD, "program", AT_FDCWD, "other", 2 /* RENAME_EXCHANGE */);
      break;
    case 4:  // a link is turned round
      unlink("turn");
      (void)!symlink(which ? "other" : "program", "turn");
      rename("turn", "link");
      break;
    case 5: {  // the bytes are written in place
      int fd = open("program", O_WRONLY);
      if (fd < 0) break;
      (void)!pwrite(fd, race_texts[which], race_sizes[which], 0);
      close(fd);
      nap(draw(300));
      break;
    }
    case 6: {  // through a shared mapping
      int fd = open("program", O_RDWR);
      if (fd < 0) break;
      char* map = mmap(NULL, race_sizes[which], PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      close(fd);
      if (map == MAP_FAILED) break;
      memcpy(map, race_texts[which], race_sizes[which]);
      munmap(map, race_sizes[which]);
      nap(draw(300));
      break;
    }
    default: break;
  }
}
static void* flipper(void* unused) {
  (void)unused;
  for (int i = 0; atomic_load(&racing) != 0; ++i) {
    flip(i & 1);
    if (atomic_load(&race_kind) < 3) {
      for (volatile int spin = (int)draw(4000); spin > 0; --spin) {
      }
    }
  }
  return NULL;
}
// race KIND ROUNDS GRANTED OTHER: the two programs have names of one length.
static int play_race(char** arguments) {
  const char* names[] = {"argv", "env", "path", "rename", "symlink", "write", "mapping"};
  int kind = 0;
  while (strcmp(names[kind], arguments[0]) != 0) ++kind;
  const int rounds = atoi(arguments[1]);
  random_state ^= (uint64_t)time(NULL) * 2654435761U;
  race_other = arguments[3];
  race_path = strdup(arguments[2]);
  if (kind == 2) {
    race_texts[0] = strdup(arguments[2]);
    race_texts[1] = strdup(arguments[3]);
  } else if (kind >= 3) {
    race_texts[0] = load(arguments[2], &race_sizes[0]);
    race_texts[1] = load(arguments[3], &race_sizes[1]);
    store("program", 0);
    store("other", 1);
    (void)!symlink("program", "link");
    race_path = kind == 4 ? "./link" : "./program";
  }
  atomic_store(&race_kind, kind);
  pthread_t thread;
  pthread_create(&thread, NULL, flipper, NULL);
  char* argv[] = {"gate_target", race_argument, NULL};
  char* envp[] = {race_variable, NULL};
  for (int round = 0; round < rounds; ++round) {
    pid_t child = vfork();
    if (child == 0) {
      execve(race_path, argv, envp);
      _exit(99);
    }
    wait_for(child);
  }
  atomic_store(&racing, 0);
  pthread_join(thread, NULL);
  say("raced\n");
  return 0;
}

// ---- time, ends
static int play_wait(char** arguments) {
  (void)arguments;
  say("ready\n");
  for (;;) pause();
  return 0;
}
static int play_when_told(char** arguments) {
  char byte;
  say("ready\n");
  if (read(0, &byte, 1) != 1) return 3;
  return play_exec(arguments);
}
static int play_crowd(char** arguments) {
  const int count = atoi(arguments[0]);
  for (int i = 0; i < count; ++i) {
    if (fork() == 0) {
      setsid();
      for (;;) pause();
    }
  }
  return play_wait(arguments);
}
// Counts as fast as it can, and execs in between; each line is work done.
static int play_busy(char** arguments) {
  say("ready\n");
  char* argv[] = {"gate_target", NULL};
  for (;;) {
    if (spawn(arguments[0], argv) == 0) say(".");
  }
  return 0;
}
static int play_many(char** arguments) {
  char* argv[] = {"gate_target", NULL};
  for (int i = atoi(arguments[1]); i > 0; --i) {
    const int status = spawn(arguments[0], argv);
    if (status != 0) say_status("many", status);
  }
  say("done\n");
  return 0;
}
static int play_burn(char** arguments) {
  (void)arguments;
  for (volatile unsigned long i = 0;; ++i) {
  }
  return 0;
}
static int play_quit(char** arguments) {
  (void)arguments;
  return 0;
}
static int play_die(char** arguments) {
  return raise(atoi(arguments[0]));
}

int main(int argc, char** argv) {
  static const struct {
    const char* name;
    int (*play)(char**);
  } plays[] = {{"exec", play_exec},
               {"big", play_big},
               {"bad-pointers", play_bad_pointers},
               {"no-arguments", play_no_arguments},
               {"path-walk", play_path_walk},
               {"fifo", play_fifo},
               {"names", play_names},
               {"thread", play_thread},
               {"herd", play_herd},
               {"failing-herd", play_failing_herd},
               {"killing", play_killing},
               {"signals", play_signals},
               {"race", play_race},
               {"wait", play_wait},
               {"when-told", play_when_told},
               {"crowd", play_crowd},
               {"busy", play_busy},
               {"many", play_many},
               {"burn", play_burn},
               {"die", play_die},
               {"quit", play_quit}};
  for (size_t i = 0; argc > 1 && i < sizeof plays / sizeof plays[0]; ++i) {
    if (strcmp(plays[i].name, argv[1]) == 0) return plays[i].play(argv + 2);
  }
  return 2;
}
