// Ways out by sockets. ARGS: TCP-PORT UDP-PORT UNIX-PATH ABSTRACT-NAME, of listeners of the host
// that would notice. Reaching is judged by them too.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "attack.h"

static const char* connected(int fd, const void* address, socklen_t size) {
  if (fd < 0) return NULL;
  int done = connect(fd, address, size);
  if (done != 0 && errno == EINPROGRESS) {
    struct pollfd wait = {fd, POLLOUT, 0};
    int error = ETIMEDOUT;
    socklen_t length = sizeof error;
    if (poll(&wait, 1, 1500) == 1) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    done = error == 0 ? 0 : -1;
    errno = error;
  }
  if (done != 0) return NULL;
  (void)send(fd, "evil\n", 5, MSG_NOSIGNAL);
  return got("connected");
}
static struct sockaddr_in address4(const char* host, int port) {
  struct sockaddr_in out = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, host, &out.sin_addr);
  return out;
}
static const char* tcp(const char* host, int port, int type, int protocol) {
  struct sockaddr_in to = address4(host, port);
  return connected(socket(AF_INET, type | SOCK_NONBLOCK, protocol), &to, sizeof to);
}
static int port(int which) {
  return atoi(attack_args[which]);
}
static const char* loopback(void) {
  return tcp("127.0.0.1", port(0), SOCK_STREAM, 0);
}
static const char* loopback_other(void) {
  return tcp("127.1.2.3", port(0), SOCK_STREAM, 0);
}
static const char* any_address(void) {
  return tcp("0.0.0.0", port(0), SOCK_STREAM, 0);
}
static const char* outside(void) {
  return tcp("1.1.1.1", 53, SOCK_STREAM, 0);
}
static const char* metadata(void) {
  return tcp("169.254.169.254", 80, SOCK_STREAM, 0);
}
static const char* multipath(void) {
  return tcp("127.0.0.1", port(0), SOCK_STREAM, 262);
}
static const char* mapped(void) {
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port(0))};
  inet_pton(AF_INET6, "::ffff:127.0.0.1", &to.sin6_addr);
  return connected(socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), &to, sizeof to);
}
static const char* loopback6(void) {
  struct sockaddr_in6 to = {.sin6_family = AF_INET6,
                            .sin6_port = htons((uint16_t)port(0)),
                            .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  return connected(socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), &to, sizeof to);
}
static const char* fast_open(void) {
  struct sockaddr_in to = address4("127.0.0.1", port(0));
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  return sendto(fd, "evil\n", 5, MSG_FASTOPEN, (void*)&to, sizeof to) == 5 ? got("sent") : NULL;
}
// Judged by the listener: a datagram sent to nobody is no error.
static const char* datagram(void) {
  struct sockaddr_in to = address4("127.0.0.1", port(1));
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  (void)sendto(fd, "evil\n", 5, 0, (void*)&to, sizeof to);
  return refused(ECONNREFUSED);
}
static const char* datagram_outside(void) {
  struct sockaddr_in to = address4("1.1.1.1", 53);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  return sendto(fd, "evil\n", 5, 0, (void*)&to, sizeof to) == 5 ? got("sent") : NULL;
}
static const char* unix_path(int type) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path, sizeof to.sun_path, "%s", attack_args[2]);
  return connected(socket(AF_UNIX, type, 0), &to, sizeof to);
}
static const char* socket_in_tree(void) {
  return unix_path(SOCK_STREAM);
}
static const char* abstract(void) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path + 1, sizeof to.sun_path - 1, "%s", attack_args[3]);
  return connected(
      socket(AF_UNIX, SOCK_STREAM, 0), &to,
      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(attack_args[3])));
}
// One end of a pair, sent or connected elsewhere.
static const char* pair_elsewhere(int type) {
  int ends[2];
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path, sizeof to.sun_path, "%s", attack_args[2]);
  if (socketpair(AF_UNIX, type, 0, ends) != 0) return NULL;
  close(ends[1]);
  (void)connect(ends[0], &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr));
  if (sendto(ends[0], "evil\n", 5, MSG_NOSIGNAL, (void*)&to, sizeof to) == 5) return got("sent");
  return connected(ends[0], &to, sizeof to);
}
static const char* pair_stream(void) {
  return pair_elsewhere(SOCK_STREAM);
}
static const char* pair_packet(void) {
  return pair_elsewhere(SOCK_SEQPACKET);
}
static const char* pair_datagram(void) {
  return pair_elsewhere(SOCK_DGRAM);
}
static const char* pair_raw(void) {
  return pair_elsewhere(SOCK_RAW);
}

static const char* family(int which, int type, int protocol) {
  return socket(which, type, protocol) >= 0 ? got("a socket") : NULL;
}
static const char* machines(void) {
  return family(40 /* VSOCK */, SOCK_STREAM, 0);
}
static const char* packets(void) {
  return family(AF_PACKET, SOCK_RAW, 0);
}
static const char* raw(void) {
  return family(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}
static const char* ping(void) {
  return family(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
}
static const char* unix_datagram(void) {
  return family(AF_UNIX, SOCK_DGRAM, 0);
}
static const char* crypto(void) {
  return family(38 /* ALG */, SOCK_SEQPACKET, 0);
}
static const char* stream_control(void) {
  return family(AF_INET, SOCK_STREAM, 132);
}
static const char* other_families(void) {
  for (int one = 3; one < 64; ++one) {
    if (one == AF_INET || one == AF_INET6 || one == AF_NETLINK) continue;
    for (int type = 1; type <= 5; ++type) {
      if (socket(one, type, 0) >= 0) return got("family %d, type %d", one, type);
    }
  }
  return refused(EAFNOSUPPORT);
}
static const char* other_netlink(void) {
  for (int one = 1; one < 32; ++one) {
    if (socket(AF_NETLINK, SOCK_RAW, one) >= 0) return got("netlink protocol %d", one);
  }
  return NULL;
}
static const char* sees_interfaces(void) {
  FILE* list = fopen("/proc/net/dev", "r");
  char line[512];
  while (list != NULL && fgets(line, sizeof line, list) != NULL) {
    if (strchr(line, ':') != NULL && strstr(line, " lo:") == NULL && strncmp(line, "lo:", 3) != 0) {
      return got("an interface: %.20s", line);
    }
  }
  return refused(ENODEV);
}
static const char* adds_route(void) {
  struct {
    struct nlmsghdr head;
    struct ifinfomsg link;
  } ask = {{sizeof ask, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
           {.ifi_index = 1, .ifi_flags = 0, .ifi_change = 1}};
  char answer[512];
  int fd = socket(AF_NETLINK, SOCK_RAW, 0);
  if (fd < 0 || send(fd, &ask, sizeof ask, 0) < 0 || recv(fd, answer, sizeof answer, 0) < 0)
    return NULL;
  int error = *(int*)(answer + sizeof(struct nlmsghdr));
  return error == 0 ? got("the loopback was taken down") : refused(-error);
}
// The run's own loopback works: without it the refusals above would say little.
static const char* own_loopback(void) {
  struct sockaddr_in at = address4("127.0.0.1", 0);
  socklen_t size = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (void*)&at, size) != 0 || listen(fd, 1) != 0 ||
      getsockname(fd, (void*)&at, &size) != 0)
    return NULL;
  return connected(socket(AF_INET, SOCK_STREAM, 0), &at, size);
}

#define ONE(name) \
  { #name, name }
int main(int argc, char** argv) {
  if (argc < 6) return 2;
  static const struct attack list[] = {
      ONE(loopback),       ONE(loopback_other), ONE(any_address),      ONE(outside),
      ONE(metadata),       ONE(multipath),      ONE(mapped),           ONE(loopback6),
      ONE(fast_open),      ONE(datagram),       ONE(datagram_outside), ONE(socket_in_tree),
      ONE(abstract),       ONE(pair_stream),    ONE(pair_packet),      ONE(pair_datagram),
      ONE(pair_raw),       ONE(machines),       ONE(packets),          ONE(raw),
      ONE(ping),           ONE(unix_datagram),  ONE(crypto),           ONE(stream_control),
      ONE(other_families), ONE(other_netlink),  ONE(sees_interfaces),  ONE(adds_route),
      {NULL, NULL}};
  static const struct attack acts[] = {ONE(own_loopback), {NULL, NULL}};
  return attack_suite(list, acts, argc, argv);
}
