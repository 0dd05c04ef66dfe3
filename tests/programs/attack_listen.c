// Ways to serve where a run may not. ARGS: HOST PORT OTHER SHARED V6: HOST (IPv4) and the ports to
// serve at. PORT is granted; OTHER is not; SHARED is granted, and another program serves there with
// SO_REUSEPORT; V6 is granted for IPv6 alone. Whoever is served says so by a client that comes from
// outside (tests/lib/knock.py): a server of the run's own, on its own loopback, gets none.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#include "attack.h"

static struct sockaddr_in at(int which) {
  struct sockaddr_in out = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)atoi(attack_args[which]))};
  inet_pton(AF_INET, attack_args[0], &out.sin_addr);
  return out;
}
static int fresh(int family) {
  int fd = socket(family, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  return fd;
}
// served: a client from outside has come.
static int served(int fd, int millis) {
  struct pollfd one = {fd, POLLIN, 0};
  if (poll(&one, 1, millis) != 1) return 0;
  int client = accept(fd, NULL, NULL);
  if (client >= 0) close(client);
  return client >= 0;
}
static const char* serve_at(int fd, const void* address, socklen_t size) {
  if (bind(fd, address, size) != 0 || listen(fd, 8) != 0) return NULL;
  if (served(fd, 1000)) return got("served a client");
  return refused(0);
}
// bound is a socket that serves, or may serve, at the granted port.
static int bound(void) {
  struct sockaddr_in here = at(1);
  int fd = fresh(AF_INET);
  return bind(fd, (void*)&here, sizeof here) == 0 ? fd : -1;
}

static const char* granted(void) {
  struct sockaddr_in here = at(1);
  int fd = fresh(AF_INET);
  if (bind(fd, (void*)&here, sizeof here) != 0 || listen(fd, 8) != 0) return NULL;
  return served(fd, 20000) ? got("served a client") : NULL;
}
static const char* other_port(void) {
  struct sockaddr_in here = at(2);
  return serve_at(fresh(AF_INET), &here, sizeof here);
}
static const char* other_every_address(void) {
  struct sockaddr_in here = at(2);
  here.sin_addr.s_addr = htonl(INADDR_ANY);
  return serve_at(fresh(AF_INET), &here, sizeof here);
}
static const char* other_both_families(void) {
  struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = at(2).sin_port};
  return serve_at(fresh(AF_INET6), &here, sizeof here);
}
static const char* other_mapped(void) {
  struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = at(2).sin_port};
  char text[80];
  snprintf(text, sizeof text, "::ffff:%s", attack_args[0]);
  inet_pton(AF_INET6, text, &here.sin6_addr);
  return serve_at(fresh(AF_INET6), &here, sizeof here);
}
// One address of the port is granted, and not all.
static const char* every_address(void) {
  struct sockaddr_in here = at(1);
  here.sin_addr.s_addr = htonl(INADDR_ANY);
  return bind(fresh(AF_INET), (void*)&here, sizeof here) == 0 ? got("bound") : NULL;
}
static const char* every_mapped_address(void) {
  struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = at(1).sin_port};
  inet_pton(AF_INET6, "::ffff:0.0.0.0", &here.sin6_addr);
  return bind(fresh(AF_INET6), (void*)&here, sizeof here) == 0 ? got("bound") : NULL;
}
// What is bound goes elsewhere.
static const char* moved_by_bind(void) {
  int fd = bound();
  struct sockaddr_in here = at(2);
  return fd < 0 ? NULL : serve_at(fd, &here, sizeof here);
}
static const char* moved_by_disconnect(void) {
  int fd = bound();
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  struct sockaddr_in here = at(2);
  if (fd < 0 || connect(fd, &none, sizeof none) != 0) return NULL;
  if (bind(fd, (void*)&here, sizeof here) != 0) return NULL;
  return listen(fd, 8) == 0 && served(fd, 1000) ? got("served a client") : refused(0);
}
static const char* moved_by_shutdown(void) {
  int fd = bound();
  struct sockaddr_in here = at(2);
  if (fd < 0 || listen(fd, 8) != 0) return NULL;
  shutdown(fd, SHUT_RDWR);
  return serve_at(fd, &here, sizeof here);
}
// A client's connection, when it is over, is a socket of the host again that nobody has bound.
static const char* accepted_listens(void) {
  int fd = bound();
  if (fd < 0 || listen(fd, 8) != 0) return NULL;
  struct pollfd one = {fd, POLLIN, 0};
  if (poll(&one, 1, 10000) != 1) return NULL;
  int client = accept(fd, NULL, NULL);
  struct linger now = {1, 0};
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  char rest[64];
  while (recv(client, rest, sizeof rest, 0) > 0) {
  }
  shutdown(client, SHUT_RDWR);
  connect(client, &none, sizeof none);
  return listen(client, 8) == 0 ? got("listens") : NULL;
}
// A port that others share.
static const char* shared_port(void) {
  struct sockaddr_in here = at(3);
  int fd = fresh(AF_INET), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (bind(fd, (void*)&here, sizeof here) != 0 || listen(fd, 8) != 0) return NULL;
  return got("shares the port");
}
static const char* shared_port_of_all(void) {
  struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = at(3).sin_port};
  int fd = fresh(AF_INET6), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (bind(fd, (void*)&here, sizeof here) != 0 || listen(fd, 8) != 0) return NULL;
  return got("shares the port");
}
// IPv6 is granted, and IPv4 at the same port is not: clients from outside come by IPv4.
static const char* v6_for_both(void) {
  struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = at(4).sin_port};
  return serve_at(fresh(AF_INET6), &here, sizeof here);
}
static const char* v6_widened(void) {
  struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = at(4).sin_port};
  int fd = fresh(AF_INET6), one = 1, zero = 0;
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  if (bind(fd, (void*)&here, sizeof here) != 0) return NULL;
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero) != 0) return NULL;
  return listen(fd, 8) == 0 && served(fd, 1000) ? got("served a client") : refused(0);
}

// Another thread changes what was looked at: the port in memory, the families of the socket.
static struct sockaddr_in flipped;
static volatile in_port_t* const flipped_port = &flipped.sin_port;
static volatile int flipping = 1;
static volatile int flipped_socket = -1;
static volatile unsigned flips;
static void* flip_port(void* argument) {
  (void)argument;
  const in_port_t ports[2] = {at(1).sin_port, at(2).sin_port};
  for (; flipping; ++flips) *flipped_port = ports[flips & 1];
  return NULL;
}
static void* flip_families(void* argument) {
  (void)argument;
  for (; flipping; ++flips) {
    int only = (int)(flips & 1);
    setsockopt(flipped_socket, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  }
  return NULL;
}
static const char* race(void* (*flip)(void*), int family, void* address, socklen_t size) {
  pthread_t thread;
  pthread_create(&thread, NULL, flip, NULL);
  const char* out = NULL;
  time_t start = 0;
  for (int i = 0; i < 60 && out == NULL && time_left(&start); ++i) {
    int fd = flipped_socket = fresh(family);
    // Each try comes after a change: a busy machine may let the other thread wait.
    for (unsigned seen = flips; flips == seen;) sched_yield();
    if (bind(fd, address, size) == 0 && listen(fd, 8) == 0) {
      struct sockaddr_in6 where;
      socklen_t room = sizeof where;
      getsockname(fd, (void*)&where, &room);
      if (where.sin6_port != at(1).sin_port && served(fd, 100)) {
        out = got("served a client at try %d", i);
      }
    }
    close(fd);
  }
  flipping = 0;
  pthread_join(thread, NULL);
  return out != NULL ? out : refused(0);
}
static const char* race_port(void) {
  flipped = at(1);
  return race(flip_port, AF_INET, &flipped, sizeof flipped);
}
static const char* race_families(void) {
  struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = at(4).sin_port};
  return race(flip_families, AF_INET6, &here, sizeof here);
}

#define ONE(name) \
  { #name, name }
int main(int argc, char** argv) {
  if (argc < 7) return 2;
  static const struct attack list[] = {ONE(other_port),
                                       ONE(other_every_address),
                                       ONE(other_both_families),
                                       ONE(other_mapped),
                                       ONE(every_address),
                                       ONE(every_mapped_address),
                                       ONE(moved_by_bind),
                                       ONE(moved_by_disconnect),
                                       ONE(moved_by_shutdown),
                                       ONE(accepted_listens),
                                       ONE(shared_port),
                                       ONE(shared_port_of_all),
                                       ONE(v6_for_both),
                                       ONE(v6_widened),
                                       ONE(race_port),
                                       ONE(race_families),
                                       {NULL, NULL}};
  static const struct attack acts[] = {ONE(granted), {NULL, NULL}};
  return attack_suite(list, acts, argc, argv);
}
