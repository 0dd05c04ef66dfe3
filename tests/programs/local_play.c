// What Unix sockets do in a run. `local_play own DIR`: servers of the run's own below DIR and of
// abstract names. `local_play talk PATH`: says hello to an echo server at PATH and wants it back.
// `local_play refused PATH ERRNO`: connecting there fails with ERRNO. One line: "ACT: ok" or what
// was wrong, with exit status 1.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "want.h"

static struct sockaddr_un to;
static socklen_t to_size;

static void name(const char* path) {
  memset(&to, 0, sizeof to);
  to.sun_family = AF_UNIX;
  snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
  to_size = sizeof to;
}
static void abstract_name(void) {
  memset(&to, 0, sizeof to);
  to.sun_family = AF_UNIX;
  memcpy(to.sun_path, "\0own", 4);
  to_size = offsetof(struct sockaddr_un, sun_path) + 4;
}
static int local(int type) {
  int fd = socket(AF_UNIX, type, 0);
  WANT(fd >= 0);
  return fd;
}
static int go(int fd) {
  return connect(fd, (struct sockaddr*)&to, to_size);
}
static int serve(int type, int room) {
  int fd = local(type);
  WANT(bind(fd, (struct sockaddr*)&to, to_size) == 0);
  WANT(listen(fd, room) == 0);
  return fd;
}
static void hear(int from, int at) {
  char text[8] = "";
  struct pollfd one = {at, POLLIN, 0};
  WANT(send(from, "hello", 5, MSG_NOSIGNAL) == 5);
  WANT(poll(&one, 1, 10000) == 1);
  WANT(recv(at, text, sizeof text, 0) == 5 && memcmp(text, "hello", 5) == 0);
}
static void meet(int type, int flags) {
  int server = serve(type, 4);
  int fd = local(type | flags);
  WANT(go(fd) == 0);
  WANT(go(fd) == -1 && errno == EISCONN);
  WANT(((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) == (flags != 0));
  struct sockaddr_un peer;
  socklen_t size = sizeof peer;
  WANT(getpeername(fd, (struct sockaddr*)&peer, &size) == 0);
  WANT(memcmp(peer.sun_path, to.sun_path, 4) == 0);
  int other = accept(server, NULL, NULL);
  WANT(other >= 0);
  struct ucred who;
  size = sizeof who;
  WANT(getsockopt(other, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == getuid());
  hear(fd, other);
  hear(other, fd);
  close(fd);
  close(other);
  close(server);
}
static void* accept_all(void* server) {
  usleep(50000);
  for (int i = 0; i < 6; ++i) WANT(accept(*(int*)server, NULL, NULL) >= 0);
  return NULL;
}
// More callers than the queue holds: who does not wait is told so, who waits gets in.
static void queue(void) {
  int server = serve(SOCK_STREAM, 0), held = 0, fd;
  for (;; ++held) {
    fd = local(SOCK_STREAM | SOCK_NONBLOCK);
    if (go(fd) != 0) break;
    WANT(held < 5);
  }
  WANT(errno == EAGAIN && held > 0);
  struct timeval limit = {0, 50000};
  WANT(fcntl(fd, F_SETFL, 0) == 0);
  WANT(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
  WANT(go(fd) == -1 && errno == EAGAIN);
  pthread_t thread;
  WANT(pthread_create(&thread, NULL, accept_all, &server) == 0);
  for (; held < 6; ++held) WANT(go(local(SOCK_STREAM)) == 0);
  WANT(pthread_join(thread, NULL) == 0);
  close(server);
}
static void own(const char* dir) {
  char path[200];
  snprintf(path, sizeof path, "%s/socket", dir);
  static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      name(path);
      meet(types[i], j == 0 ? 0 : SOCK_NONBLOCK);
      WANT(unlink(path) == 0);
      abstract_name();
      meet(types[i], j == 0 ? 0 : SOCK_NONBLOCK);
    }
  }
  name(path);
  queue();
  WANT(unlink(path) == 0);
  // By another way to it, and by another name.
  char renamed[220], link[220];
  snprintf(renamed, sizeof renamed, "%s/renamed", dir);
  snprintf(link, sizeof link, "%s/link", dir);
  int server = serve(SOCK_STREAM, 4);
  WANT(rename(path, renamed) == 0 && symlink("renamed", link) == 0 && chdir(dir) == 0);
  static const char* const ways[] = {"renamed", "./link", "link"};
  for (int i = 0; i < 3; ++i) {
    name(ways[i]);
    WANT(go(local(SOCK_STREAM)) == 0);
  }
  // Its mode counts.
  if (getuid() != 0) {
    WANT(chmod(renamed, 0) == 0);
    name(renamed);
    WANT(go(local(SOCK_STREAM)) == -1 && errno == EACCES);
  }
  close(server);
  WANT(unlink(renamed) == 0 && unlink(link) == 0);
  name(renamed);
  WANT(go(local(SOCK_STREAM)) == -1 && errno == ENOENT);
  int fd = local(SOCK_STREAM);
  WANT(go(99) == -1 && errno == EBADF);
  WANT(connect(fd, (void*)&to, 1) == -1 && errno == EINVAL);
  WANT(connect(fd, (void*)&to, 4096) == -1 && errno == EINVAL);
  fd = open("plain", O_CREAT | O_WRONLY, 0600);
  name("plain");
  WANT(fd >= 0 && go(local(SOCK_STREAM)) == -1 && errno == ECONNREFUSED);
  WANT(unlink("plain") == 0);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  act = argv[1];
  alarm(60);
  if (strcmp(act, "own") == 0) {
    own(argv[2]);
  } else if (strcmp(act, "talk") == 0) {
    name(argv[2]);
    int fd = local(SOCK_STREAM);
    WANT(go(fd) == 0);
    hear(fd, fd);
  } else if (strcmp(act, "refused") == 0 && argc == 4) {
    name(argv[2]);
    WANT(go(local(SOCK_STREAM)) == -1 && errno == atoi(argv[3]));
  } else {
    return 2;
  }
  printf("%s: ok\n", act);
  return 0;
}
