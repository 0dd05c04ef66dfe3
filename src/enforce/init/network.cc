// The run's own network: a loopback, and the sockets by which the governor serves it.
//
// A run with granted UDP has one route more: every address is local. What is sent anywhere arrives
// on the loopback, at the governor's socket if the port is a granted one, and nowhere otherwise.
// The way out of the run's network is no wider by it: there is none.
#include <errno.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "enforce/init/sys.h"

namespace writ::enforce::init {
namespace {

constexpr std::uint32_t kLoopbackIndex = 1;  // of `lo` in every network namespace
constexpr int kIpv6Freebind = 78;            // IPV6_FREEBIND, 4.15: answers come from any address

// A request for one route, with its two attributes.
struct RouteRequest {
  nlmsghdr header;
  rtmsg route;
  rtattr device_header;
  std::uint32_t device;
};

struct RouteAnswer {
  nlmsghdr header;
  nlmsgerr error;
};

// route_all makes every address of the family local. Returns the errno, 0 for success.
int route_all(int family) {
  const int fd =
      static_cast<int>(need(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "routing"));
  RouteRequest request;
  memset(&request, 0, sizeof request);
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  request.route.rtm_family = static_cast<unsigned char>(family);
  request.route.rtm_table = RT_TABLE_LOCAL;
  request.route.rtm_protocol = RTPROT_BOOT;
  request.route.rtm_scope = family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  request.route.rtm_type = RTN_LOCAL;
  request.device_header.rta_len = RTA_LENGTH(sizeof request.device);
  request.device_header.rta_type = RTA_OIF;
  request.device = kLoopbackIndex;
  need(send(fd, &request, sizeof request, 0), "routing");
  RouteAnswer answer;
  memset(&answer, 0, sizeof answer);
  const long got = need(recv(fd, &answer, sizeof answer, 0), "routing");
  (void)close(fd);
  if (got < static_cast<long>(sizeof answer.header + sizeof answer.error.error) ||
      answer.header.nlmsg_type != NLMSG_ERROR) {
    return EPROTO;
  }
  return -answer.error.error;
}

void set(int fd, int level, int name, int value) {
  need(setsockopt(fd, level, name, &value, sizeof value), "making a datagram port");
}

void send_socket(wire::Kind kind, std::uint32_t port, int fd) {
  wire::Message message;
  message.kind = kind;
  message.value = static_cast<std::int32_t>(port);
  if (!send_message(message, fd)) _exit(0);
}

// Where the run's programs ask for names: the governor answers there.
int make_resolver() {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(53);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = static_cast<int>(
      need(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "making the resolver"));
  set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  need(bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), "making the resolver");
  send_socket(wire::Kind::Resolver, 53, fd);
  return fd;
}

// Shared with nobody: who else could bind the port would get what is meant for the governor.
int make_port4(std::uint32_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  const int fd = static_cast<int>(need(
      socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "making a datagram port"));
  set(fd, IPPROTO_IP, IP_PKTINFO, 1);
  // For the moment of the bind: the resolver has port 53 of one address, and that stays its own.
  set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  need(bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), "making a datagram port");
  set(fd, SOL_SOCKET, SO_REUSEADDR, 0);
  return fd;
}

int make_port6(std::uint32_t port) {
  sockaddr_in6 at{};
  at.sin6_family = AF_INET6;
  at.sin6_port = htons(static_cast<std::uint16_t>(port));
  const int fd = static_cast<int>(need(
      socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "making a datagram port"));
  set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  set(fd, IPPROTO_IPV6, kIpv6Freebind, 1);
  need(bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), "making a datagram port");
  return fd;
}

// True: datagrams of IPv6 exist here. A kernel without leaves the run without, as it does the host.
bool route_datagrams() {
  errno = route_all(AF_INET);
  if (errno != 0) fail("routing the run's datagrams");
  const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  (void)close(fd);
  errno = route_all(AF_INET6);
  if (errno == EACCES || errno == EOPNOTSUPP || errno == EAFNOSUPPORT) return false;
  if (errno != 0) fail("routing the run's datagrams of IPv6");
  return true;
}

}  // namespace

void bring_up_loopback() {
  const int fd = static_cast<int>(
      need(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "bringing up the loopback"));
  ifreq request{};
  memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  need(ioctl(fd, SIOCSIFFLAGS, &request), "bringing up the loopback");
  (void)close(fd);
}

void make_sockets(const Script& script) {
  const wire::Table& table = script.head().datagrams;
  const int resolver = script.head().resolver != 0 ? make_resolver() : -1;
  if (table.count > 0) {
    const bool v6 = route_datagrams();
    const auto* ports = script.table<std::uint32_t>(table);
    for (std::uint32_t i = 0; i < table.count; ++i) {
      const int four = make_port4(ports[i]);
      send_socket(wire::Kind::Datagrams, ports[i], four);
      (void)close(four);
      const int six = v6 ? make_port6(ports[i]) : -1;
      send_socket(wire::Kind::Datagrams6, ports[i], six);
      if (six >= 0) (void)close(six);
    }
  }
  if (resolver < 0) return;
  set(resolver, SOL_SOCKET, SO_REUSEADDR, 0);
  (void)close(resolver);
}

}  // namespace writ::enforce::init
