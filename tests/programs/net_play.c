// What a granted connection must do. `net_play ACT HOST PORT`: connects (HOST is an IPv4 or IPv6
// address), says "hello ACT" to an echo server and wants it back. One line: "ACT: ok" or what was
// wrong, with exit status 1.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "want.h"

static struct sockaddr_storage to;
static socklen_t to_size;

static int stream(int flags) {
  int fd = socket(to.ss_family, SOCK_STREAM | flags, 0);
  WANT(fd >= 0);
  return fd;
}
static int go(int fd) {
  return connect(fd, (struct sockaddr*)&to, to_size);
}
static void finish(int fd) {
  struct pollfd one = {fd, POLLOUT, 0};
  int error = -1;
  socklen_t size = sizeof error;
  WANT(poll(&one, 1, 10000) == 1);
  WANT(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0);
  errno = error;
  WANT(error == 0);
}
static void talk(int fd) {
  char sent[64], got[64];
  size_t size = (size_t)snprintf(sent, sizeof sent, "hello %s\n", act), at = 0;
  WANT(send(fd, sent, size, MSG_NOSIGNAL) == (ssize_t)size);
  while (at < size) {
    struct pollfd one = {fd, POLLIN, 0};
    WANT(poll(&one, 1, 10000) == 1);
    ssize_t more = recv(fd, got + at, size - at, 0);
    WANT(more > 0);
    at += (size_t)more;
  }
  WANT(memcmp(sent, got, size) == 0);
}
static void is_peer(int fd) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  memset(&peer, 0, sizeof peer);
  WANT(getpeername(fd, (struct sockaddr*)&peer, &size) == 0);
  WANT(size == to_size && memcmp(&peer, &to, 8) == 0);
}

static void blocking(void) {
  int fd = stream(SOCK_CLOEXEC);
  WANT(go(fd) == 0);
  is_peer(fd);
  WANT((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
  WANT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
  WANT(go(fd) == -1 && errno == EISCONN);
  talk(fd);
}
static void nonblocking(void) {
  int fd = stream(SOCK_NONBLOCK);
  WANT(go(fd) == -1 && errno == EINPROGRESS);
  WANT((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  WANT(fcntl(fd, F_GETFD) == 0);
  finish(fd);
  is_peer(fd);
  WANT(go(fd) == 0 || errno == EISCONN);
  talk(fd);
}
// Two numbers of one socket before the connect are two numbers of one socket after it.
static void duplicated(void) {
  int fd = stream(0);
  int other = fcntl(fd, F_DUPFD_CLOEXEC, 50);
  int third = dup(fd);
  WANT(other >= 50 && third >= 0);
  WANT(go(third) == 0);
  WANT(fcntl(other, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFD) == 0);
  talk(other);
  close(third);
  close(other);
  talk(fd);
}
// Interest registered before the connect, as some event loops do.
static void epolled(void) {
  int fd = stream(SOCK_NONBLOCK);
  int set = epoll_create1(0), other = dup(fd);
  struct epoll_event event = {EPOLLOUT | EPOLLONESHOT, {.u64 = 0x1122334455667788}};
  struct epoll_event second = {EPOLLIN, {.u64 = 7}}, got;
  WANT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
  WANT(epoll_ctl(set, EPOLL_CTL_ADD, other, &second) == 0);
  WANT(go(fd) == -1 && errno == EINPROGRESS);
  WANT(epoll_wait(set, &got, 1, 10000) == 1);
  WANT(got.data.u64 == 0x1122334455667788 && (got.events & EPOLLOUT) != 0);
  finish(fd);
  WANT(send(fd, "x\n", 2, MSG_NOSIGNAL) == 2);
  WANT(epoll_wait(set, &got, 1, 10000) == 1);
  WANT(got.data.u64 == 7 && (got.events & EPOLLIN) != 0);
  char drain[8];
  WANT(recv(fd, drain, 2, MSG_WAITALL) > 0);
  event.events = EPOLLOUT;
  WANT(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event) == 0);
  WANT(epoll_ctl(set, EPOLL_CTL_DEL, other, NULL) == 0);
  WANT(epoll_wait(set, &got, 1, 10000) == 1 && got.data.u64 == 0x1122334455667788);
  WANT(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == 0);
  WANT(epoll_wait(set, &got, 1, 100) == 0);
}
static int value(int fd, int level, int name) {
  int out = -1;
  socklen_t size = sizeof out;
  WANT(getsockopt(fd, level, name, &out, &size) == 0);
  return out;
}
static void options(void) {
  int fd = stream(0), one = 1, idle = 77, room = 300000;
  struct linger linger = {1, 9}, got_linger = {0, 0};
  struct timeval limit = {7, 0}, got_limit = {0, 0};
  socklen_t size = sizeof got_linger;
  WANT(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
  WANT(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) == 0);
  WANT(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) == 0);
  WANT(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
  WANT(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
  WANT(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
  int room_before = value(fd, SOL_SOCKET, SO_SNDBUF);
  WANT(go(fd) == 0);
  WANT(value(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
  WANT(value(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
  WANT(value(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 77);
  WANT(getsockopt(fd, SOL_SOCKET, SO_LINGER, &got_linger, &size) == 0);
  WANT(got_linger.l_onoff == 1 && got_linger.l_linger == 9);
  size = sizeof got_limit;
  WANT(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &got_limit, &size) == 0);
  WANT(got_limit.tv_sec == 7);
  WANT(value(fd, SOL_SOCKET, SO_SNDBUF) == room_before);
  int zero = 0;
  WANT(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &zero, sizeof zero) == 0);
  WANT(value(fd, IPPROTO_TCP, TCP_NODELAY) == 0);
  talk(fd);
}
// A server of the run's own and a connection out of it, in one process.
static void* serve_one(void* argument) {
  int server = *(int*)argument;
  int fd = accept(server, NULL, NULL);
  char text[32];
  ssize_t size = recv(fd, text, sizeof text, 0);
  if (size > 0) (void)!send(fd, text, (size_t)size, MSG_NOSIGNAL);
  close(fd);
  return NULL;
}
static void both(void) {
  int blocked[2] = {0, SOCK_NONBLOCK};
  for (int i = 0; i < 2; ++i) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    WANT(bind(server, (void*)&at, size) == 0);
    WANT(listen(server, 4) == 0);
    WANT(getsockname(server, (void*)&at, &size) == 0);
    pthread_t thread;
    WANT(pthread_create(&thread, NULL, serve_one, &server) == 0);
    int inside = socket(AF_INET, SOCK_STREAM | blocked[i], 0);
    int done = connect(inside, (void*)&at, sizeof at);
    WANT(done == 0 || (i == 1 && errno == EINPROGRESS));
    finish(inside);
    WANT(connect(inside, (void*)&at, sizeof at) == 0 || errno == EISCONN);
    talk(inside);
    pthread_join(thread, NULL);
    close(inside);
    int outside = stream(0);
    WANT(go(outside) == 0);
    talk(outside);
    close(outside);
    close(server);
  }
  // Nobody listens there.
  struct sockaddr_in nobody = {
      .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  WANT(connect(fd, (void*)&nobody, sizeof nobody) == -1 && errno == ECONNREFUSED);
}
// A granted port at which nobody listens: ACT HOST PORT.
static void nobody(void) {
  int fd = stream(0);
  WANT(go(fd) == -1 && errno == ECONNREFUSED);
  WANT(go(fd) == -1 && errno == ECONNREFUSED);
  close(fd);
  fd = stream(SOCK_NONBLOCK);
  int done = go(fd);
  WANT(done == -1 && (errno == EINPROGRESS || errno == ECONNREFUSED));
  if (errno == EINPROGRESS) {
    struct pollfd one = {fd, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    WANT(poll(&one, 1, 10000) == 1);
    WANT(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == ECONNREFUSED);
    // Again, on the same socket: another attempt, or the kernel's word that the last one is over.
    done = go(fd);
    WANT(done == -1 && (errno == EINPROGRESS || errno == ECONNREFUSED || errno == ECONNABORTED));
  }
}
// A listener whose queue is full lets nobody in: the send timeout ends a connect that blocks.
static void timeout(void) {
  struct timeval limit = {0, 400000};
  struct timespec before, after;
  int fd = stream(0);
  WANT(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
  clock_gettime(CLOCK_MONOTONIC, &before);
  WANT(go(fd) == -1 && errno == EINPROGRESS);
  clock_gettime(CLOCK_MONOTONIC, &after);
  WANT(after.tv_sec - before.tv_sec < 10);
  WANT(go(fd) == -1 && errno == EALREADY);
}
static void* one_of_many(void* argument) {
  (void)argument;
  for (int i = 0; i < 10; ++i) {
    int fd = stream(i % 2 == 0 ? 0 : SOCK_NONBLOCK);
    WANT(go(fd) == 0 || errno == EINPROGRESS);
    finish(fd);
    talk(fd);
    close(fd);
  }
  return NULL;
}
static void many(void) {
  pthread_t threads[16];
  for (int i = 0; i < 16; ++i) WANT(pthread_create(&threads[i], NULL, one_of_many, NULL) == 0);
  for (int i = 0; i < 16; ++i) pthread_join(threads[i], NULL);
}
// What one connection costs: the least and the median of 500, in microseconds.
static int by_size(const void* left, const void* right) {
  return *(const int*)left - *(const int*)right;
}
static void rounds(void) {
  enum { kRounds = 500 };
  static int took[kRounds];
  for (int i = 0; i < kRounds; ++i) {
    struct timespec before, after;
    int fd = stream(0);
    clock_gettime(CLOCK_MONOTONIC, &before);
    WANT(go(fd) == 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    took[i] =
        (int)((after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000);
    close(fd);
  }
  qsort(took, kRounds, sizeof *took, by_size);
  printf("least %d us, median %d us\n", took[0], took[kRounds / 2]);
}
// Errno where the kernel has one.
static void wrong(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(1)};
  int fd = stream(0), ends[2];
  WANT(connect(99, (void*)&at, sizeof at) == -1 && errno == EBADF);
  WANT(pipe(ends) == 0);
  WANT(connect(ends[0], (void*)&at, sizeof at) == -1 && errno == ENOTSOCK);
  WANT(connect(fd, (void*)8, sizeof at) == -1 && errno == EFAULT);
  WANT(connect(fd, (void*)&at, 1) == -1 && errno == EINVAL);
  WANT(connect(fd, (void*)&at, 4096) == -1 && errno == EINVAL);
  WANT(bind(99, (void*)&at, sizeof at) == -1 && errno == EBADF);
  WANT(listen(ends[0], 1) == -1 && errno == ENOTSOCK);
  // A datagram socket: nothing leads out, and nothing hangs.
  int datagram = socket(AF_INET, SOCK_DGRAM, 0);
  WANT(inet_pton(AF_INET, "192.0.2.7", &at.sin_addr) == 1);
  WANT(connect(datagram, (void*)&at, sizeof at) == -1 && errno == ENETUNREACH);
}
static void refused(void) {
  int fd = stream(0);
  WANT(go(fd) == -1 && errno == EACCES);
  close(fd);
  fd = stream(SOCK_NONBLOCK);
  WANT(go(fd) == -1 && errno == EACCES);
}

int main(int argc, char** argv) {
  static const struct {
    const char* name;
    void (*run)(void);
  } acts[] = {{"blocking", blocking},
              {"nonblocking", nonblocking},
              {"duplicated", duplicated},
              {"epolled", epolled},
              {"options", options},
              {"both", both},
              {"nobody", nobody},
              {"timeout", timeout},
              {"many", many},
              {"rounds", rounds},
              {"wrong", wrong},
              {"refused", refused}};
  if (argc < 4) return 2;
  act = argv[1];
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
  if (inet_pton(AF_INET, argv[2], &v4.sin_addr) == 1) {
    memcpy(&to, &v4, to_size = sizeof v4);
  } else {
    if (inet_pton(AF_INET6, argv[2], &v6.sin6_addr) != 1) return 2;
    memcpy(&to, &v6, to_size = sizeof v6);
  }
  for (size_t i = 0; i < sizeof acts / sizeof *acts; ++i) {
    if (strcmp(acts[i].name, act) != 0) continue;
    alarm(60);
    acts[i].run();
    printf("%s: ok\n", act);
    return 0;
  }
  return 2;
}
