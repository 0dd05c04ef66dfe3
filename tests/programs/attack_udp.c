// Datagrams to where a run may not send. ARGS: HOST PORT OTHER OTHERPORT GROUP GROUPPORT V6: HOST
// (IPv4) and PORT are granted; OTHER is another host, of the same port, OTHERPORT another port of
// HOST, both not granted; GROUP is a multicast group, whose port is granted for every IPv4 address;
// V6 is a host at PORT, not granted. Servers there answer what they are sent, and say what they
// heard.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#include "attack.h"

static struct sockaddr_in at(int host, int port) {
  struct sockaddr_in out = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)atoi(attack_args[port]))};
  inet_pton(AF_INET, attack_args[host], &out.sin_addr);
  return out;
}
static struct sockaddr_in granted_place(void) {
  return at(0, 1);
}
static struct sockaddr_in other_place(void) {
  return at(2, 1);
}
static int datagrams(int family) {
  return socket(family, SOCK_DGRAM, 0);
}
// answered: somebody has heard it.
static const char* answered(int fd, int millis) {
  struct pollfd one = {fd, POLLIN, 0};
  char room[64];
  if (poll(&one, 1, millis) != 1) return refused(ETIMEDOUT);
  return recv(fd, room, sizeof room, 0) >= 0 ? got("was answered") : NULL;
}
static const char* send_to(int fd, const void* to, socklen_t size) {
  for (int i = 0; i < 3; ++i) {
    if (sendto(fd, "attack", 6, 0, to, size) != 6) return NULL;
    const char* out = answered(fd, 200);
    if (out != NULL) return out;
  }
  return NULL;
}
// A socket whose flow to the granted place is open.
static int with_flow(int connected) {
  struct sockaddr_in to = granted_place();
  int fd = datagrams(AF_INET);
  if (connected && connect(fd, (void*)&to, sizeof to) != 0) return -1;
  for (int i = 0; i < 20; ++i) {
    if (sendto(fd, "granted", 7, 0, connected ? NULL : (void*)&to, connected ? 0 : sizeof to) != 7)
      return -1;
    if (answered(fd, 500) != NULL) return fd;
  }
  return -1;
}

static const char* granted(void) {
  return with_flow(0) >= 0 && with_flow(1) >= 0 ? got("was answered") : NULL;
}
static const char* other_host(void) {
  struct sockaddr_in to = other_place();
  return send_to(datagrams(AF_INET), &to, sizeof to);
}
static const char* other_port(void) {
  struct sockaddr_in to = at(0, 3);
  return send_to(datagrams(AF_INET), &to, sizeof to);
}
static const char* other_v6(void) {
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = at(0, 1).sin_port};
  inet_pton(AF_INET6, attack_args[6], &to.sin6_addr);
  return send_to(datagrams(AF_INET6), &to, sizeof to);
}
static const char* mapped(void) {
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = at(0, 1).sin_port};
  char text[80];
  snprintf(text, sizeof text, "::ffff:%s", attack_args[2]);
  inet_pton(AF_INET6, text, &to.sin6_addr);
  return send_to(datagrams(AF_INET6), &to, sizeof to);
}
static const char* host_loopback(void) {
  struct sockaddr_in to = at(0, 1);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return send_to(datagrams(AF_INET), &to, sizeof to);
}
static const char* no_address(void) {
  struct sockaddr_in to = at(0, 1);
  to.sin_addr.s_addr = htonl(INADDR_ANY);
  return send_to(datagrams(AF_INET), &to, sizeof to);
}
static const char* port_zero(void) {
  struct sockaddr_in to = at(0, 1);
  to.sin_port = 0;
  return send_to(datagrams(AF_INET), &to, sizeof to);
}
// A socket that may send somewhere sends elsewhere.
static const char* elsewhere_unconnected(void) {
  struct sockaddr_in to = other_place();
  int fd = with_flow(0);
  return fd < 0 ? NULL : send_to(fd, &to, sizeof to);
}
static const char* elsewhere_connected(void) {
  struct sockaddr_in to = other_place();
  int fd = with_flow(1);
  return fd < 0 ? NULL : send_to(fd, &to, sizeof to);
}
static const char* reconnected(void) {
  struct sockaddr_in to = other_place();
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  int fd = with_flow(1);
  if (fd < 0) return NULL;
  (void)!connect(fd, &none, sizeof none);
  if (connect(fd, (void*)&to, sizeof to) != 0) return NULL;
  return send_to(fd, NULL, 0);
}
static const char* from_the_granted_address(void) {
  struct sockaddr_in here = granted_place(), to = other_place();
  int fd = datagrams(AF_INET);
  here.sin_port = 0;
  (void)!bind(fd, (void*)&here, sizeof here);
  return send_to(fd, &to, sizeof to);
}
// What stands beside the address in a message: a source, an interface, options of the packet.
static const char* beside(int type, const void* data, size_t size) {
  struct sockaddr_in to = granted_place();
  _Alignas(struct cmsghdr) char control[128] = {0};
  struct iovec text = {"beside", 6};
  struct msghdr message = {.msg_name = &to,
                           .msg_namelen = sizeof to,
                           .msg_iov = &text,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = CMSG_SPACE(size)};
  struct cmsghdr* one = CMSG_FIRSTHDR(&message);
  one->cmsg_level = IPPROTO_IP;
  one->cmsg_type = type;
  one->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(one), data, size);
  int fd = datagrams(AF_INET);
  struct sockaddr_in from;
  socklen_t from_size = sizeof from;
  char room[64];
  for (int i = 0; i < 3; ++i) {
    if (sendmsg(fd, &message, 0) != 6) return NULL;
    struct pollfd ready = {fd, POLLIN, 0};
    if (poll(&ready, 1, 200) != 1) continue;
    if (recvfrom(fd, room, sizeof room, 0, (void*)&from, &from_size) < 0) continue;
    if (from.sin_addr.s_addr == other_place().sin_addr.s_addr)
      return got("the other host answered");
  }
  return refused(0);
}
static const char* source_beside(void) {
  struct in_pktinfo info = {.ipi_ifindex = 1, .ipi_spec_dst = other_place().sin_addr};
  return beside(IP_PKTINFO, &info, sizeof info);
}
static const char* route_beside(void) {
  unsigned char options[8] = {131 /* loose source route */, 7, 4};
  struct sockaddr_in other = other_place();
  memcpy(options + 3, &other.sin_addr, 4);
  return beside(IP_RETOPTS, options, sizeof options);
}
static const char* many_at_once(void) {
  struct sockaddr_in to[2] = {granted_place(), other_place()};
  struct iovec text = {"attack", 6};
  struct mmsghdr all[20];
  memset(all, 0, sizeof all);
  for (int i = 0; i < 20; ++i) {
    all[i].msg_hdr.msg_name = &to[i % 2];
    all[i].msg_hdr.msg_namelen = sizeof to[0];
    all[i].msg_hdr.msg_iov = &text;
    all[i].msg_hdr.msg_iovlen = 1;
  }
  int fd = with_flow(0);
  if (fd < 0 || sendmmsg(fd, all, 20, 0) < 0) return NULL;
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  char room[64];
  for (struct pollfd one = {fd, POLLIN, 0}; poll(&one, 1, 300) == 1;) {
    if (recvfrom(fd, room, sizeof room, 0, (void*)&from, &size) < 0) continue;
    if (from.sin_addr.s_addr == to[1].sin_addr.s_addr) return got("the other host answered");
  }
  return refused(0);
}
static const char* corked(void) {
  struct sockaddr_in to = granted_place(), other = other_place();
  int fd = datagrams(AF_INET);
  if (sendto(fd, "half", 4, MSG_MORE, (void*)&to, sizeof to) != 4) return NULL;
  if (sendto(fd, "attack", 6, MSG_MORE, (void*)&other, sizeof other) < 0) return NULL;
  if (sendto(fd, "attack", 6, 0, (void*)&other, sizeof other) < 0) return NULL;
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  char room[64];
  struct pollfd one = {fd, POLLIN, 0};
  if (poll(&one, 1, 500) != 1 || recvfrom(fd, room, sizeof room, 0, (void*)&from, &size) < 0) {
    return refused(ETIMEDOUT);
  }
  return from.sin_addr.s_addr == other.sin_addr.s_addr ? got("the other host answered")
                                                       : refused(0);
}
static const char* segmented(void) {
  static char large[20000];
  struct sockaddr_in to = other_place();
  int fd = datagrams(AF_INET), size = 500;
  setsockopt(fd, IPPROTO_UDP, 103 /* UDP_SEGMENT */, &size, sizeof size);
  if (sendto(fd, large, sizeof large, 0, (void*)&to, sizeof to) < 0) return NULL;
  return answered(fd, 300);
}
static const char* largest(void) {
  static char large[65507];
  struct sockaddr_in to = other_place();
  int fd = datagrams(AF_INET);
  if (sendto(fd, large, sizeof large, 0, (void*)&to, sizeof to) < 0) return NULL;
  return answered(fd, 300);
}
static const char* group(void) {
  struct sockaddr_in to = at(4, 5);
  int fd = datagrams(AF_INET), ttl = 2;
  setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl);
  return send_to(fd, &to, sizeof to);
}
// The group that every host is in.
static const char* all_hosts(void) {
  struct sockaddr_in to = at(4, 5);
  inet_pton(AF_INET, "224.0.0.1", &to.sin_addr);
  return send_to(datagrams(AF_INET), &to, sizeof to);
}
static const char* everybody(void) {
  struct sockaddr_in to = at(4, 5);
  int fd = datagrams(AF_INET), one = 1;
  to.sin_addr.s_addr = htonl(INADDR_BROADCAST);
  setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof one);
  return send_to(fd, &to, sizeof to);
}
// A granted port inside the run: whoever has it gets what others of the run send out.
static const char* bind_at(const struct sockaddr_in* here) {
  int fd = datagrams(AF_INET), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  return bind(fd, (const void*)here, sizeof *here) == 0 ? got("bound") : NULL;
}
static const char* take_port(void) {
  struct sockaddr_in here = granted_place();
  return bind_at(&here);
}
static const char* take_every_address(void) {
  struct sockaddr_in here = granted_place();
  here.sin_addr.s_addr = htonl(INADDR_ANY);
  return bind_at(&here);
}
static const char* take_both_families(void) {
  struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = granted_place().sin_port};
  int fd = datagrams(AF_INET6), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  return bind(fd, (void*)&here, sizeof here) == 0 ? got("bound") : NULL;
}
// Another process's flow: its answers, by its own address and port.
static const char* take_flow(void) {
  int fd = with_flow(1);
  if (fd < 0) return NULL;
  struct sockaddr_in here;
  socklen_t size = sizeof here;
  if (getsockname(fd, (void*)&here, &size) != 0) return NULL;
  return bind_at(&here);
}
static const char* options(void) {
  int fd = datagrams(AF_INET), one = 1;
  if (setsockopt(fd, IPPROTO_IP, 19 /* IP_TRANSPARENT */, &one, sizeof one) == 0)
    return got("transparent");
  if (setsockopt(fd, SOL_SOCKET, SO_MARK, &one, sizeof one) == 0) return got("marked");
  if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0) return got("bound to a device");
  if (setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof one) == 0) return got("free of bind");
  struct ip_mreqn membership = {.imr_multiaddr = at(4, 5).sin_addr, .imr_ifindex = 1};
  if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) == 0)
    return got("joined a group");
  return NULL;
}
static const char* other_protocols(void) {
  const int all[][2] = {{SOCK_RAW, IPPROTO_UDP},          {SOCK_RAW, IPPROTO_RAW},
                        {SOCK_DGRAM, IPPROTO_ICMP},       {SOCK_DGRAM, 136 /* UDP-Lite */},
                        {SOCK_SEQPACKET, 132 /* SCTP */}, {6 /* DCCP */, 33}};
  for (unsigned i = 0; i < sizeof all / sizeof all[0]; ++i) {
    if (socket(AF_INET, all[i][0], all[i][1]) >= 0) return got("protocol %d", all[i][1]);
  }
  return NULL;
}
// TCP is not what was granted, and is refused as ever.
static const char* by_tcp(void) {
  struct sockaddr_in to[2] = {granted_place(), other_place()};
  for (int i = 0; i < 2; ++i) {
    if (connect(socket(AF_INET, SOCK_STREAM, 0), (void*)&to[i], sizeof to[i]) == 0)
      return got("connected");
    if (errno != EACCES) return got("refused with %s", strerror(errno));
  }
  struct sockaddr_in here = granted_place();
  if (bind(socket(AF_INET, SOCK_STREAM, 0), (void*)&here, sizeof here) == 0) return got("bound");
  return NULL;
}
static struct sockaddr_in flipped;
static volatile in_addr_t* const flipped_address = &flipped.sin_addr.s_addr;
static volatile int flipping = 1;
static void* flip(void* argument) {
  (void)argument;
  const in_addr_t all[2] = {granted_place().sin_addr.s_addr, other_place().sin_addr.s_addr};
  for (unsigned i = 0; flipping; ++i) *flipped_address = all[i & 1];
  return NULL;
}
static const char* race_address(void) {
  pthread_t thread;
  flipped = granted_place();
  pthread_create(&thread, NULL, flip, NULL);
  const char* out = NULL;
  int fd = with_flow(0);
  time_t start = 0;
  for (int i = 0; fd >= 0 && i < 2000 && out == NULL && time_left(&start); ++i) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    char room[64];
    (void)!sendto(fd, "race", 4, 0, (void*)&flipped, sizeof flipped);
    if (i % 16 == 0) sched_yield();
    while (recvfrom(fd, room, sizeof room, MSG_DONTWAIT, (void*)&from, &size) >= 0) {
      if (from.sin_addr.s_addr == other_place().sin_addr.s_addr) out = got("try %d", i);
    }
  }
  flipping = 0;
  pthread_join(thread, NULL);
  return out != NULL ? out : refused(0);
}
// A flood, from as many ports as there are, delays no gate: connects of the run's own go on.
static void* flood(void* argument) {
  struct sockaddr_in to[3] = {granted_place(), other_place(), at(4, 5)};
  (void)argument;
  while (flipping) {
    int fd = datagrams(AF_INET);
    for (int i = 0; i < 30; ++i) {
      (void)!sendto(fd, "flood", 5, MSG_DONTWAIT, (void*)&to[i % 3], sizeof to[0]);
    }
    close(fd);
  }
  return NULL;
}
static const char* stall(void) {
  pthread_t threads[2];
  for (int i = 0; i < 2; ++i) pthread_create(&threads[i], NULL, flood, NULL);
  struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_port = htons(9)};
  nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  time_t start = 0;
  int done = 0;
  while (done < 50 && time_left(&start)) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (void*)&nobody, sizeof nobody) != 0 && errno == ECONNREFUSED) ++done;
    close(fd);
  }
  flipping = 0;
  for (int i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
  return done < 50 ? got("%d of 50 connects in 8 s", done) : refused(0);
}

#define ONE(name) \
  { #name, name }
int main(int argc, char** argv) {
  if (argc < 9) return 2;
  static const struct attack list[] = {ONE(other_host),
                                       ONE(other_port),
                                       ONE(other_v6),
                                       ONE(mapped),
                                       ONE(host_loopback),
                                       ONE(no_address),
                                       ONE(port_zero),
                                       ONE(elsewhere_unconnected),
                                       ONE(elsewhere_connected),
                                       ONE(reconnected),
                                       ONE(from_the_granted_address),
                                       ONE(source_beside),
                                       ONE(route_beside),
                                       ONE(many_at_once),
                                       ONE(corked),
                                       ONE(segmented),
                                       ONE(largest),
                                       ONE(group),
                                       ONE(all_hosts),
                                       ONE(everybody),
                                       ONE(take_port),
                                       ONE(take_every_address),
                                       ONE(take_both_families),
                                       ONE(take_flow),
                                       ONE(options),
                                       ONE(other_protocols),
                                       ONE(by_tcp),
                                       ONE(race_address),
                                       ONE(stall),
                                       {NULL, NULL}};
  static const struct attack acts[] = {ONE(granted), {NULL, NULL}};
  return attack_suite(list, acts, argc, argv);
}
