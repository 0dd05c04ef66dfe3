// spawn N PROGRAM: starts PROGRAM N times, one after the other, with vfork and execve, and prints
// the nanoseconds that one took.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  int count = atoi(argv[1]);
  struct timespec from, to;
  char* child_argv[] = {argv[2], NULL};
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (int i = 0; i < count; ++i) {
    pid_t pid = vfork();
    if (pid == 0) {
      execve(argv[2], child_argv, environ);
      _exit(127);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) return 1;
  }
  clock_gettime(CLOCK_MONOTONIC, &to);
  printf("%lld\n", ((to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec) / count);
  return 0;
}
