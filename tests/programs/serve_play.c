// What a server of a run does. `serve_play ACT HOST PORT`: listens at that IPv4 or IPv6 address,
// says "listening", and gives each client its line back until one says "bye". One line: "ACT: ok"
// or what was wrong, with exit status 1.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "want.h"

static struct sockaddr_storage at;
static socklen_t at_size;

static int stream(int flags) {
  int fd = socket(at.ss_family, SOCK_STREAM | flags, 0), one = 1;
  WANT(fd >= 0);
  WANT(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
  return fd;
}
static int value(int fd, int level, int name) {
  int out = -1;
  socklen_t size = sizeof out;
  WANT(getsockopt(fd, level, name, &out, &size) == 0);
  return out;
}
static void is_bound(int fd) {
  struct sockaddr_storage got;
  socklen_t size = sizeof got;
  memset(&got, 0, sizeof got);
  WANT(getsockname(fd, (void*)&got, &size) == 0);
  WANT(size == at_size && memcmp(&got, &at, size) == 0);
}
static int is_ready(int fd) {
  struct pollfd one = {fd, POLLIN, 0};
  return poll(&one, 1, 20000) == 1;
}
// One client's line. True: it said "bye".
static int answer(int fd) {
  char text[64];
  size_t size = 0;
  while (size == 0 || text[size - 1] != '\n') {
    WANT(is_ready(fd) && size < sizeof text);
    ssize_t more = recv(fd, text + size, sizeof text - size, 0);
    WANT(more > 0);
    size += (size_t)more;
  }
  WANT(send(fd, text, size, MSG_NOSIGNAL) == (ssize_t)size);
  close(fd);
  return size == 4 && memcmp(text, "bye\n", 4) == 0;
}
static void listening(void) {
  printf("listening\n");
  fflush(stdout);
}
static void serve(int fd, int flags) {
  for (;;) {
    WANT(is_ready(fd));
    int client = accept4(fd, NULL, NULL, flags);
    WANT(client >= 0);
    WANT(((fcntl(client, F_GETFL) & O_NONBLOCK) != 0) == ((flags & SOCK_NONBLOCK) != 0));
    WANT(((fcntl(client, F_GETFD) & FD_CLOEXEC) != 0) == ((flags & SOCK_CLOEXEC) != 0));
    if (answer(client)) return;
  }
}

static void plain(void) {
  int fd = stream(SOCK_CLOEXEC);
  WANT(bind(fd, (void*)&at, at_size) == 0);
  WANT(fcntl(fd, F_GETFD) == FD_CLOEXEC && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
  is_bound(fd);
  WANT(bind(fd, (void*)&at, at_size) == -1 && errno == EINVAL);
  WANT(value(fd, SOL_SOCKET, SO_ACCEPTCONN) == 0);
  WANT(listen(fd, 16) == 0);
  WANT(listen(fd, 4) == 0);
  WANT(value(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1);
  listening();
  serve(fd, 0);
  // A second server at the same place, while the first one is there.
  int other = stream(0);
  WANT(bind(other, (void*)&at, at_size) == -1 && errno == EADDRINUSE);
  close(fd);
  close(other);
  other = stream(0);
  WANT(bind(other, (void*)&at, at_size) == 0 && listen(other, 1) == 0);
}
// Two numbers and an epoll set that know the socket before it is bound.
static void watched(void) {
  int fd = stream(SOCK_NONBLOCK), other = dup(fd), set = epoll_create1(0);
  struct epoll_event event = {EPOLLIN, {.u64 = 0x1122334455667788}}, got;
  WANT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
  WANT(bind(other, (void*)&at, at_size) == 0);
  WANT((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  is_bound(fd);
  WANT(listen(fd, 16) == 0);
  WANT(accept(other, NULL, NULL) == -1 && errno == EAGAIN);
  listening();
  for (int over = 0; !over;) {
    WANT(epoll_wait(set, &got, 1, 20000) == 1 && got.data.u64 == 0x1122334455667788);
    int client = accept4(other, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    WANT(client >= 0);
    WANT(fcntl(client, F_GETFD) == FD_CLOEXEC && (fcntl(client, F_GETFL) & O_NONBLOCK) != 0);
    over = answer(client);
  }
}
// Bound here, served by a child; what clients get are the options of the server.
static void later(void) {
  int fd = stream(0), one = 1, room = 200000;
  WANT(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
  WANT(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) == 0);
  int room_before = value(fd, SOL_SOCKET, SO_RCVBUF);
  WANT(bind(fd, (void*)&at, at_size) == 0);
  WANT(value(fd, SOL_SOCKET, SO_RCVBUF) == room_before);
  fflush(stdout);
  pid_t child = fork();
  WANT(child >= 0);
  if (child == 0) {
    WANT(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) == 0);
    WANT(listen(fd, 16) == 0);
    listening();
    for (int over = 0; !over;) {
      int client = accept(fd, NULL, NULL);
      WANT(client >= 0);
      WANT(value(client, IPPROTO_TCP, TCP_NODELAY) == 1);
      WANT(value(client, SOL_SOCKET, SO_KEEPALIVE) == 1);
      over = answer(client);
    }
    // Closed for a while, then open again: the port stays taken.
    WANT(shutdown(fd, SHUT_RD) == 0);
    WANT(value(fd, SOL_SOCKET, SO_ACCEPTCONN) == 0);
    WANT(listen(fd, 16) == 0);
    exit(0);
  }
  int status = -1;
  WANT(waitpid(child, &status, 0) == child && status == 0);
}
static void v6_only(void) {
  int fd = stream(0), one = 1, zero = 0;
  WANT(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) == 0);
  WANT(bind(fd, (void*)&at, at_size) == 0);
  WANT(value(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1);
  WANT(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero) == -1 && errno == EINVAL);
  WANT(listen(fd, 16) == 0);
  listening();
  serve(fd, SOCK_CLOEXEC);
}
// Servers of the run's own, whatever else it may serve: any port, every address, no bind at all.
static void own(void) {
  const unsigned long hosts[] = {INADDR_LOOPBACK, INADDR_ANY, 0x7f000009};
  for (int i = 0; i < 4; ++i) {
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t size = sizeof here;
    int fd = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    if (i < 3) {
      here.sin_addr.s_addr = htonl((uint32_t)hosts[i]);
      WANT(bind(fd, (void*)&here, size) == 0);
    }
    WANT(listen(fd, 4) == 0);
    WANT(getsockname(fd, (void*)&here, &size) == 0 && here.sin_port != 0);
    WANT(connect(client, (void*)&here, size) == 0);
    int served = accept(fd, NULL, NULL);
    WANT(served >= 0 && send(client, "x\n", 2, 0) == 2 && !answer(served));
    close(fd);
    close(client);
  }
}
static void refused(void) {
  int fd = stream(0);
  WANT(bind(fd, (void*)&at, at_size) == -1 && errno == EACCES);
  // The socket is as it was: the run's own.
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (at.ss_family == AF_INET) WANT(bind(fd, (void*)&here, sizeof here) == 0);
  WANT(listen(fd, 1) == 0);
}
static void taken(void) {
  int fd = stream(0);
  WANT(bind(fd, (void*)&at, at_size) == -1 && errno == EADDRINUSE);
}

int main(int argc, char** argv) {
  static const struct {
    const char* name;
    void (*run)(void);
  } acts[] = {{"plain", plain}, {"watched", watched}, {"later", later}, {"v6_only", v6_only},
              {"own", own},     {"refused", refused}, {"taken", taken}};
  if (argc < 4) return 2;
  act = argv[1];
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
  if (inet_pton(AF_INET, argv[2], &v4.sin_addr) == 1) {
    memcpy(&at, &v4, at_size = sizeof v4);
  } else {
    if (inet_pton(AF_INET6, argv[2], &v6.sin6_addr) != 1) return 2;
    memcpy(&at, &v6, at_size = sizeof v6);
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
