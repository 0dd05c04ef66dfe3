// What a poisoned dependency would try. Each verb makes one attempt and says plainly what came of
// it; exit status 0: it got through, 3: it was refused.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static int refused(const char* what) {
  printf("%s: %s\n", what, strerror(errno));
  return 3;
}

static int try_exec(char** argv) {
  execv(argv[0], argv);
  return refused(argv[0]);
}

static int try_write(const char* path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || write(fd, "mine\n", 5) != 5) return refused(path);
  printf("%s: written\n", path);
  return 0;
}

static int copy_and_exec(const char* target) {
  char buffer[65536];
  ssize_t got;
  int from = open("/proc/self/exe", O_RDONLY);
  int to = open(target, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  if (from < 0 || to < 0) return refused(target);
  while ((got = read(from, buffer, sizeof buffer)) > 0) {
    if (write(to, buffer, (size_t)got) != got) return refused(target);
  }
  close(from);
  close(to);
  char* argv[] = {(char*)target, "hello", NULL};
  return try_exec(argv);
}

static int preload(const char* library, const char* self) {
  char setting[4200];
  snprintf(setting, sizeof setting, "LD_PRELOAD=%s", library);
  char* argv[] = {(char*)self, "hello", NULL};
  char* environment[] = {setting, NULL};
  execve("/proc/self/exe", argv, environment);
  return refused(library);
}

// Walks what it can see and counts files that could be keys of Writ's.
static int found;
static void look(const char* directory, int depth) {
  DIR* dir = depth > 0 ? opendir(directory) : NULL;
  if (dir == NULL) return;
  for (struct dirent* entry; (entry = readdir(dir)) != NULL;) {
    char path[4096];
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    char text[4096] = "";
    struct stat info;
    if (stat(path, &info) != 0) continue;
    if (S_ISDIR(info.st_mode)) {
      struct stat link;
      if (lstat(path, &link) == 0 && !S_ISLNK(link.st_mode)) look(path, depth - 1);
      continue;
    }
    if (!S_ISREG(info.st_mode)) continue;
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (got > 0 && strstr(text, "PRIVATE KEY-----") != NULL) {
      printf("found a key: %s\n", path);
      ++found;
    }
    if (fd >= 0) close(fd);
  }
  closedir(dir);
}

static int keys(int count, char** places) {
  for (int i = 0; i < count; ++i) look(places[i], 8);
  look(".", 8);
  if (getenv("HOME") != NULL) look(getenv("HOME"), 8);
  for (int pid = 1; pid < 64; ++pid) {
    static const char* const views[] = {"root", "cwd", "fd"};
    for (int i = 0; i < 3; ++i) {
      char path[64];
      snprintf(path, sizeof path, "/proc/%d/%s", pid, views[i]);
      look(path, i == 0 ? 5 : 6);
    }
  }
  for (int fd = 3; fd < 1024; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) {
      printf("inherited descriptor %d\n", fd);
      ++found;
    }
  }
  if (found == 0) puts("looked everywhere: no key found");
  return found == 0 ? 3 : 0;
}

// Asks for the granted program while another thread swaps the path under the kernel's nose.
static char asked[4096];
static const char *granted, *forbidden;
static volatile int stop;
static void* swapper(void* unused) {
  while (!stop) {
    strcpy(asked, forbidden);
    strcpy(asked, granted);
  }
  return unused;
}

static int swap(int rounds) {
  pthread_t thread;
  strcpy(asked, granted);
  if (pthread_create(&thread, NULL, swapper, NULL) != 0) return refused("thread");
  for (int i = 0; i < rounds; ++i) {
    pid_t child = vfork();
    if (child == 0) {
      char* argv[] = {(char*)granted, NULL};
      execve(asked, argv, environ);
      _exit(3);
    }
    if (child > 0) waitpid(child, NULL, 0);
  }
  stop = 1;
  pthread_join(thread, NULL);
  puts("all rounds done");
  return 3;
}

_Noreturn static void wait_for_ever(void) {
  for (int i = 0; i < 20; ++i) {
    if (fork() == 0) {
      signal(SIGTERM, SIG_IGN);
      if (i % 2 == 0) setsid();
      for (;;) pause();
    }
  }
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}

int main(int argc, char** argv) {
  const char* verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "hello") == 0) return printf("hello from %s\n", argv[0]) < 0;
  if (strcmp(verb, "exec") == 0 && argc > 2) return try_exec(argv + 2);
  if (strcmp(verb, "write") == 0 && argc == 3) return try_write(argv[2]);
  if (strcmp(verb, "drop") == 0 && argc == 3) return copy_and_exec(argv[2]);
  if (strcmp(verb, "preload") == 0 && argc == 3) return preload(argv[2], argv[0]);
  if (strcmp(verb, "keys") == 0) return keys(argc - 2, argv + 2);
  if (strcmp(verb, "wait") == 0) wait_for_ever();
  if (strcmp(verb, "swap") == 0 && argc == 5) {
    granted = argv[2];
    forbidden = argv[3];
    return swap(atoi(argv[4]));
  }
  fputs("usage: poison hello|exec|write|drop|preload|keys|wait|swap ...\n", stderr);
  return 2;
}
