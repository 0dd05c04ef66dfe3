// A program of attacks: `PROGRAM NAME ARGS...` tries one, `PROGRAM all ARGS...` each in a process
// of its own, thirty seconds at most. One line an attack: "NAME: got through: …" or "NAME: refused:
// …". An attack returns NULL when it was refused (errno says how), or what it achieved. Exit
// status: 0 nothing got through, 1 something did (or hung).
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

static inline int attack_one(const struct attack* one) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid < 0) {
    printf("%s: got through: no process for it: %s\n", one->name, strerror(errno));
    return 1;
  }
  if (pid == 0) {
    alarm(30);
    errno = 0;
    const char* done = one->run();
    if (done == NULL) {
      printf("%s: refused: %s\n", one->name, errno != 0 ? strerror(errno) : "no effect");
    } else {
      printf("%s: got through: %s\n", one->name, done);
    }
    fflush(stdout);
    _exit(done == NULL ? 0 : 1);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  if (WTERMSIG(status) == SIGALRM) {
    printf("%s: got through: it hung\n", one->name);
    return 1;
  }
  printf("%s: refused: killed by signal %d\n", one->name, WTERMSIG(status));
  return 0;
}

static inline int attack_main(const struct attack* list, int argc, char** argv) {
  if (argc < 2) return 2;
  attack_args = argv + 2;
  int through = 0, tried = 0;
  for (; list->name != NULL; ++list) {
    if (strcmp(argv[1], "all") != 0 && strcmp(argv[1], list->name) != 0) continue;
    through += attack_one(list) != 0;
    ++tried;
  }
  if (tried == 0) return 2;
  printf("tried %d, got through %d\n", tried, through);
  return through != 0;
}
