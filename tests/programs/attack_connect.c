// Ways to more than the granted connections. ARGS: HOST PORT OTHER FULL: echo servers at HOST
// (IPv4). PORT is granted; OTHER must never be reached, its listener says what reached it; FULL is
// granted, and connecting to it never ends.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "attack.h"

static struct sockaddr_in at(int which) {
  struct sockaddr_in out = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)atoi(attack_args[which]))};
  inet_pton(AF_INET, attack_args[0], &out.sin_addr);
  return out;
}
static int go(int fd, int which) {
  struct sockaddr_in to = at(which);
  return connect(fd, (void*)&to, sizeof to);
}
// is_other: connected to what was not granted. Told to the listener too.
static int is_other(int fd) {
  struct sockaddr_in peer;
  socklen_t size = sizeof peer;
  if (getpeername(fd, (void*)&peer, &size) != 0) return 0;
  return peer.sin_port == at(2).sin_port;
}
static int late(int flags) {
  int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  if (go(fd, 1) != 0 && errno != EINPROGRESS) return -1;
  return fd;
}
static int settled(int fd) {
  struct pollfd one = {fd, POLLOUT, 0};
  return poll(&one, 1, 3000) == 1;
}

static const char* other_port(void) {
  return go(socket(AF_INET, SOCK_STREAM, 0), 2) == 0 ? got("connected") : NULL;
}
static const char* other_address(void) {
  struct sockaddr_in to = at(1);
  to.sin_addr.s_addr = htonl(ntohl(to.sin_addr.s_addr) + 1);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (void*)&to, sizeof to) != 0) return NULL;
  return is_other(fd) || errno == 0 ? got("connected") : NULL;
}
static const char* other_mapped(void) {
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = at(2).sin_port};
  char text[80];
  snprintf(text, sizeof text, "::ffff:%s", attack_args[0]);
  inet_pton(AF_INET6, text, &to.sin6_addr);
  int fd = socket(AF_INET6, SOCK_STREAM, 0);
  return connect(fd, (void*)&to, sizeof to) == 0 ? got("connected") : NULL;
}
static const char* other_multipath(void) {
  return go(socket(AF_INET, SOCK_STREAM, 262), 2) == 0 ? got("connected") : NULL;
}
static const char* other_fast_open(void) {
  struct sockaddr_in to = at(2);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  return sendto(fd, "evil\n", 5, MSG_FASTOPEN, (void*)&to, sizeof to) == 5 ? got("sent") : NULL;
}
static const char* other_fast_open_message(void) {
  struct sockaddr_in to = at(2);
  struct iovec data = {"evil\n", 5};
  struct msghdr message = {
      .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &data, .msg_iovlen = 1};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  return sendmsg(fd, &message, MSG_FASTOPEN) == 5 ? got("sent") : NULL;
}
static const char* other_deferred(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (setsockopt(fd, IPPROTO_TCP, 30 /* TCP_FASTOPEN_CONNECT */, &one, sizeof one) != 0)
    return NULL;
  if (go(fd, 2) != 0) return NULL;
  return send(fd, "evil\n", 5, MSG_NOSIGNAL) == 5 ? got("sent") : NULL;
}

// Another thread changes the address while the call is pending.
static struct sockaddr_in flipped;
static volatile in_port_t* const flipped_port = &flipped.sin_port;
static volatile int flipping = 1;
static volatile unsigned flips;
static void* flip(void* argument) {
  (void)argument;
  const in_port_t ports[2] = {at(1).sin_port, at(2).sin_port};
  for (; flipping; ++flips) *flipped_port = ports[flips & 1];
  return NULL;
}
static const char* race(int flags) {
  pthread_t thread;
  flipped = at(1);
  pthread_create(&thread, NULL, flip, NULL);
  const char* out = refused(EACCES);
  time_t start = 0;
  for (int i = 0; i < 100 && out == NULL && time_left(&start); ++i) {
    // Each try comes after a change: a busy machine may let the other thread wait.
    for (unsigned seen = flips; flips == seen;) sched_yield();
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    int done = connect(fd, (void*)&flipped, sizeof flipped);
    if (done == 0 || errno == EINPROGRESS) {
      settled(fd);
      if (is_other(fd)) out = got("connected to the other port at try %d", i);
    }
    close(fd);
  }
  flipping = 0;
  pthread_join(thread, NULL);
  if (out == NULL) errno = EACCES;
  return out;
}
static const char* race_address(void) {
  return race(0);
}
static const char* race_address_nonblocking(void) {
  return race(SOCK_NONBLOCK);
}
// Another thread puts other sockets, files and numbers in the place of the descriptor.
static int raced;
static void* replace(void* argument) {
  (void)argument;
  while (flipping) {
    int other = socket(AF_INET, SOCK_STREAM, 0);
    dup2(other, raced);
    close(other);
    int ends[2];
    if (pipe(ends) == 0) {
      dup2(ends[1], raced);
      close(ends[0]);
      close(ends[1]);
    }
  }
  return NULL;
}
static const char* race_descriptor(void) {
  pthread_t thread;
  raced = socket(AF_INET, SOCK_STREAM, 0);
  pthread_create(&thread, NULL, replace, NULL);
  const char* out = NULL;
  time_t start = 0;
  for (int i = 0; i < 300 && out == NULL && time_left(&start); ++i) {
    (void)go(raced, 1 + i % 2);
    if (is_other(raced)) out = got("connected to the other port");
  }
  flipping = 0;
  pthread_join(thread, NULL);
  if (out == NULL) errno = EACCES;
  return out;
}

// What the host's socket may be turned into once the run has it.
static const char* late_reconnect(void) {
  int fd = late(0);
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  if (fd < 0) return refused(EACCES);
  if (connect(fd, &none, sizeof none) == 0) return got("a socket of the host, unconnected");
  return go(fd, 2) == 0 ? got("connected") : NULL;
}
static const char* late_fast_open(void) {
  int fd = late(0);
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  struct sockaddr_in to = at(2);
  (void)sendto(fd, "x", 1, MSG_FASTOPEN, &none, sizeof none);
  (void)shutdown(fd, SHUT_RDWR);
  if (sendto(fd, "evil\n", 5, MSG_FASTOPEN | MSG_NOSIGNAL, (void*)&to, sizeof to) == 5)
    return got("sent");
  return is_other(fd) ? got("connected") : NULL;
}
// shutdown of a connect under way leaves an unconnected socket; of the host's namespace.
static int shut_while_connecting(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  (void)go(fd, 3);
  if (fd >= 0) (void)shutdown(fd, SHUT_RDWR);
  return fd;
}
static const char* late_listen(void) {
  int fd = shut_while_connecting();
  return listen(fd, 1) == 0 ? got("a listener") : NULL;
}
static const char* late_bind(void) {
  int fd = shut_while_connecting();
  struct sockaddr_in any = {.sin_family = AF_INET};
  return bind(fd, (void*)&any, sizeof any) == 0 ? got("a port of the host") : NULL;
}
static const char* late_shut_reconnect(void) {
  int fd = shut_while_connecting();
  return go(fd, 2) == 0 || errno == EINPROGRESS ? got("connected") : NULL;
}
static const char* late_interfaces(void) {
  struct ifreq list[32];
  struct ifconf ask = {.ifc_len = sizeof list, .ifc_req = list};
  int fd = late(0);
  if (ioctl(fd, SIOCGIFCONF, &ask) != 0) return NULL;
  return ask.ifc_len > (int)sizeof *list ? got("interfaces of the host") : refused(ENODEV);
}
static const char* late_namespace(void) {
  return ioctl(late(0), 0x894c /* SIOCGSKNS */) >= 0 ? got("the host's namespace") : NULL;
}
static const char* late_device(void) {
  return setsockopt(late(0), SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0 ? got("a device") : NULL;
}
static const char* late_multicast(void) {
  struct ip_mreq group = {{htonl(0xe0000001)}, {htonl(INADDR_LOOPBACK)}};
  int done = setsockopt(late(0), IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group);
  return done == 0 ? got("a membership") : NULL;
}
static const char* late_upper_protocol(void) {
  return setsockopt(late(0), IPPROTO_TCP, 31 /* TCP_ULP */, "tls", 3) == 0 ? got("tls") : NULL;
}
// A child that inherited the unconnected socket gets nothing by the parent's connect.
static const char* inherited(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), ends[2];
  if (pipe(ends) != 0) return refused(errno);
  pid_t child = fork();
  if (child == 0) {
    char go_on;
    (void)!read(ends[0], &go_on, 1);
    _exit(go(fd, 2) == 0);
  }
  (void)go(fd, 1);
  (void)!write(ends[1], "x", 1);
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0 ? refused(EACCES) : got("connected");
}
static const char* netlink_group(void) {
  struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_groups = 1};
  int fd = socket(AF_NETLINK, SOCK_RAW, 0);
  return connect(fd, (void*)&to, sizeof to) == 0 ? got("a group") : NULL;
}
static const char* datagram(void) {
  struct sockaddr_in to = at(2);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  return sendto(fd, "evil\n", 5, 0, (void*)&to, sizeof to) == 5 &&
                 strncmp(attack_args[0], "127.", 4)
             ? got("sent")
             : refused(ENETUNREACH);
}

// The granted connection works: without it the refusals above would say little.
static const char* granted(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (go(fd, 1) != 0) return NULL;
  return send(fd, "hello\n", 6, MSG_NOSIGNAL) == 6 ? got("connected") : NULL;
}

#define ONE(name) \
  { #name, name }
int main(int argc, char** argv) {
  if (argc < 6) return 2;
  static const struct attack list[] = {ONE(other_port),
                                       ONE(other_address),
                                       ONE(other_mapped),
                                       ONE(other_multipath),
                                       ONE(other_fast_open),
                                       ONE(other_fast_open_message),
                                       ONE(other_deferred),
                                       ONE(race_address),
                                       ONE(race_address_nonblocking),
                                       ONE(race_descriptor),
                                       ONE(late_reconnect),
                                       ONE(late_fast_open),
                                       ONE(late_listen),
                                       ONE(late_bind),
                                       ONE(late_shut_reconnect),
                                       ONE(late_interfaces),
                                       ONE(late_namespace),
                                       ONE(late_device),
                                       ONE(late_multicast),
                                       ONE(late_upper_protocol),
                                       ONE(inherited),
                                       ONE(netlink_group),
                                       ONE(datagram),
                                       {NULL, NULL}};
  static const struct attack acts[] = {ONE(granted), {NULL, NULL}};
  return attack_suite(list, acts, argc, argv);
}
