// A program of attacks: `PROGRAM NAME ARGS...` tries one, `PROGRAM all ARGS...` each in a process
// of its own, thirty seconds at most, and then the acts that are granted; `acts` these alone. One
// line an attack: "NAME: got through: …" or "NAME: refused: …". An attack returns NULL when it was
// refused (errno says how), or what it achieved; an act the same. One line an act: "NAME: works: …"
// or "NAME: does not work: …". Exit status: 0 nothing got through, and what is granted works; 1
// not.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct attack {
  const char* name;
  const char* (*run)(void);
};
static char** attack_args;  // what follows the name

static inline const char* got(const char* format, ...) {
  static char text[300];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  return text;
}
// refused sets errno where the attack was stopped by something else than a system call.
static inline const char* refused(int error) {
  errno = error;
  return NULL;
}

// time_left says whether a race that began at `start` (0: begins now) goes on: on a busy machine it
// has fewer tries, and is not taken for a hang.
static inline int time_left(time_t* start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (*start == 0) *start = now.tv_sec;
  return now.tv_sec - *start < 8;
}

struct attack_words {
  const char *done, *not_done;
};
// attack_one returns whether it was done; a hang is what nobody wants.
static inline int attack_one(const struct attack* one, struct attack_words words, int if_hung) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid < 0) {
    printf("%s: %s: no process for it: %s\n", one->name, if_hung ? words.done : words.not_done,
           strerror(errno));
    return if_hung;
  }
  if (pid == 0) {
    alarm(30);
    errno = 0;
    const char* done = one->run();
    if (done == NULL) {
      const char* why = errno != 0 ? strerror(errno) : "no effect";
      printf("%s: %s: %s\n", one->name, words.not_done, why);
    } else {
      printf("%s: %s: %s\n", one->name, words.done, done);
    }
    fflush(stdout);
    _exit(done == NULL ? 0 : 1);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  if (WTERMSIG(status) == SIGALRM) {
    printf("%s: %s: it hung\n", one->name, if_hung ? words.done : words.not_done);
    return if_hung;
  }
  printf("%s: %s: killed by signal %d\n", one->name, words.not_done, WTERMSIG(status));
  return 0;
}

static inline int attack_suite(const struct attack* list, const struct attack* acts, int argc,
                               char** argv) {
  if (argc < 2) return 2;
  attack_args = argv + 2;
  const int all = strcmp(argv[1], "all") == 0, only_acts = strcmp(argv[1], "acts") == 0;
  const struct attack_words attempt = {"got through", "refused"}, act = {"works", "does not work"};
  int through = 0, tried = 0, working = 0, granted = 0;
  for (; list->name != NULL; ++list) {
    if (!all && strcmp(argv[1], list->name) != 0) continue;
    through += attack_one(list, attempt, 1) != 0;
    ++tried;
  }
  for (; acts != NULL && acts->name != NULL; ++acts) {
    if (!all && !only_acts && strcmp(argv[1], acts->name) != 0) continue;
    working += attack_one(acts, act, 0) != 0;
    ++granted;
  }
  if (tried + granted == 0) return 2;
  printf("tried %d, got through %d; %d of %d granted acts work\n", tried, through, working,
         granted);
  return through != 0 || working != granted;
}
static inline int attack_main(const struct attack* list, int argc, char** argv) {
  return attack_suite(list, NULL, argc, argv);
}
