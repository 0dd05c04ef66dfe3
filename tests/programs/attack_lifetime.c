// Processes that try to outlive their run: `attack_lifetime WAY WORD leave|stay`. Each has WORD in
// its command line, and makes the file w/WORD when it is ready; the first one leaves or stays.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char* word;

static void deaf(void) {
  for (int one = 1; one < 65; ++one) signal(one, SIG_IGN);
}
static void wait_for_ever(void) {
  for (;;) pause();
}
static void spin(void) {
  for (volatile unsigned long i = 0;; ++i) {
  }
}
static void* threads_spin(void* unused) {
  (void)unused;
  spin();
  return NULL;
}
static void daemon_of(int depth) {
  if (fork() != 0) return;
  setsid();
  if (depth > 0) {
    daemon_of(depth - 1);
    _exit(0);
  }
  deaf();
  wait_for_ever();
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const char* way = argv[1];
  word = argv[2];
  if (strcmp(way, "daemon") == 0) daemon_of(3);
  if (strcmp(way, "sessions") == 0) {
    for (int i = 0; i < 8; ++i) daemon_of(0);
  }
  if (strcmp(way, "deaf") == 0 || strcmp(way, "stopped") == 0 || strcmp(way, "spinning") == 0) {
    for (int i = 0; i < 16; ++i) {
      if (fork() != 0) continue;
      deaf();
      if (way[1] == 't') raise(SIGSTOP);
      if (way[1] == 'p') spin();
      wait_for_ever();
    }
  }
  if (strcmp(way, "execs") == 0) {
    for (int i = 0; i < 4; ++i) {
      if (fork() == 0) execl("/proc/self/exe", argv[0], "again", word, "x", (char*)NULL);
    }
  }
  if (strcmp(way, "again") == 0) {
    execl("/proc/self/exe", argv[0], "again", word, "x", (char*)NULL);
    return 1;
  }
  if (strcmp(way, "forks") == 0 && fork() == 0) {  // a new pid all the time
    deaf();
    for (;;) {
      pid_t pid = fork();
      if (pid > 0) _exit(0);
      if (pid < 0) usleep(1000);
    }
  }
  if (strcmp(way, "threads") == 0 && fork() == 0) {  // a leader that is gone, threads that are not
    for (int i = 0; i < 32; ++i) {
      pthread_t thread;
      pthread_create(&thread, NULL, threads_spin, NULL);
    }
    pthread_exit(NULL);
  }
  if (strcmp(way, "parents") == 0 && fork() == 0) {  // reaps others, dies last
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (int i = 0; i < 32; ++i) daemon_of(1);
    deaf();
    wait_for_ever();
  }
  usleep(30000);
  char path[256];
  snprintf(path, sizeof path, "w/%s", word);
  close(open(path, O_CREAT | O_WRONLY, 0644));
  if (strcmp(argv[3], "stay") == 0) wait_for_ever();
  return 0;
}
