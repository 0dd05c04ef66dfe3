// One attempt a verb, its outcome in words and as the exit status: 0 it worked, 3 it was refused.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static int refused(const char* what) {
  printf("%s: %s\n", what, strerror(errno));
  return 3;
}

int main(int argc, char** argv) {
  const char* verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "say") == 0) {
    for (int i = 2; i < argc; ++i) printf("%s\n", argv[i]);
    return 0;
  }
  if (strcmp(verb, "env") == 0) {
    for (char** e = environ; *e != NULL; ++e) puts(*e);
    return 0;
  }
  if (strcmp(verb, "exit") == 0 && argc == 3) return atoi(argv[2]);
  if (strcmp(verb, "signal") == 0 && argc == 3) return raise(atoi(argv[2]));
  if (strcmp(verb, "ids") == 0) {
    printf("uid %d gid %d pid %d\n", (int)getuid(), (int)getgid(), (int)getpid());
    return 0;
  }
  if (strcmp(verb, "cat") == 0 && argc == 3) {
    char buffer[4096];
    int fd = open(argv[2], O_RDONLY | O_NONBLOCK);
    if (fd < 0) return refused(argv[2]);
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) != 0;) {
      struct pollfd more = {fd, POLLIN, 0};
      if (got < 0 && errno == EAGAIN && poll(&more, 1, 10000) == 1) continue;  // not yet
      if (got < 0) return refused(argv[2]);
      fwrite(buffer, 1, (size_t)got, stdout);
    }
    return 0;
  }
  if (strcmp(verb, "write") == 0 && argc == 3) {
    int fd = open(argv[2], O_WRONLY | O_CREAT, 0644);
    if (fd < 0 || write(fd, "x", 1) != 1) return refused(argv[2]);
    return 0;
  }
  if (strcmp(verb, "exec") == 0 && argc > 2) {
    execv(argv[2], argv + 2);
    return refused(argv[2]);
  }
  if (strcmp(verb, "exec0") == 0 && argc > 3) {  // exec0 PROGRAM ARGV0 ARGS...
    execv(argv[2], argv + 3);
    return refused(argv[2]);
  }
  if (strcmp(verb, "execenv") == 0 && argc > 3) {  // execenv NAME=value PROGRAM ARGS...
    char* environment[] = {argv[2], NULL};
    execve(argv[3], argv + 3, environment);
    return refused(argv[3]);
  }
  if (strcmp(verb, "copy") == 0 && argc == 3) {
    char buffer[65536];
    int from = open("/proc/self/exe", O_RDONLY), to = open(argv[2], O_CREAT | O_WRONLY, 0755);
    if (from < 0 || to < 0) return refused(argv[2]);
    for (ssize_t got; (got = read(from, buffer, sizeof buffer)) > 0;) {
      if (write(to, buffer, (size_t)got) != got) return refused(argv[2]);
    }
    return 0;
  }
  if (strcmp(verb, "forks") == 0 && argc == 3) {  // how many of N children can be had at once
    int had = 0;
    for (int i = 0; i < atoi(argv[2]); ++i) {
      pid_t pid = fork();
      if (pid == 0) {
        pause();
        _exit(0);
      }
      if (pid > 0) ++had;
    }
    printf("%d children\n", had);
    return 0;
  }
  if (strcmp(verb, "wait") == 0) {  // N processes that wait, some in sessions of their own
    int count = argc > 2 ? atoi(argv[2]) : 1;
    for (int i = 1; i < count; ++i) {
      if (fork() == 0) {
        if (i % 2 == 0) setsid();
        for (;;) pause();
      }
    }
    puts("ready");
    fflush(stdout);
    for (;;) pause();
  }
  if (strcmp(verb, "spin") == 0) {
    for (volatile unsigned long i = 0;; ++i) {
    }
  }
  if (strcmp(verb, "daemon") == 0 && argc == 3) {  // leaves a process behind and ends
    if (fork() == 0) {
      setsid();
      if (fork() == 0) {
        sleep(2);
        int fd = open(argv[2], O_CREAT | O_WRONLY, 0644);
        close(fd);
      }
      _exit(0);
    }
    return 0;
  }
  if (strcmp(verb, "again") == 0 && argc == 4) {  // execs itself N times, then says the word
    int left = atoi(argv[2]);
    char number[16];
    if (left == 0) return puts(argv[3]) < 0;
    snprintf(number, sizeof number, "%d", left - 1);
    char* next[] = {argv[0], (char*)"again", number, argv[3], NULL};
    execv("/proc/self/exe", next);
    return refused(argv[0]);
  }
  if (strcmp(verb, "refusals") == 0 && argc == 4) {  // N times exec of what is not granted
    for (int i = 0; i < atoi(argv[2]); ++i) execl(argv[3], argv[3], (char*)NULL);
    return 0;
  }
  if (strcmp(verb, "fds") == 0) {
    int found = 0;
    for (int fd = 3; fd < 4096; ++fd) {
      if (fcntl(fd, F_GETFD) >= 0) printf("descriptor %d\n", fd), ++found;
    }
    return found == 0 ? 3 : 0;
  }
  if (strcmp(verb, "fill") == 0) {  // fills standard error and says so on standard output
    char buffer[4096];
    memset(buffer, 'e', sizeof buffer);
    fcntl(2, F_SETFL, O_NONBLOCK);
    while (write(2, buffer, sizeof buffer) > 0) {
    }
    execl(argv[2], argv[2], (char*)NULL);
    puts("went on");
    return 0;
  }
  fputs("usage: probe VERB ...\n", stderr);
  return 2;
}
