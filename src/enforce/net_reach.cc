#include "enforce/net_reach.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <set>

namespace writ::enforce {
namespace {

constexpr std::size_t kShortestV6 = 24;  // without sin6_scope_id (RFC 2133), as the kernel has it

int family_of(Bytes address) {
  sa_family_t family = 0;
  std::memcpy(&family, address.data(), sizeof family);
  return family;
}

bool is_tcp(const SocketFacts& socket) {
  return (socket.family == AF_INET || socket.family == AF_INET6) && socket.type == SOCK_STREAM &&
         socket.protocol == IPPROTO_TCP;
}
bool is_udp(const SocketFacts& socket) {
  return (socket.family == AF_INET || socket.family == AF_INET6) && socket.type == SOCK_DGRAM &&
         socket.protocol == IPPROTO_UDP;
}

bool is_local(const SocketFacts& socket) {
  return socket.family == AF_UNIX && (socket.type == SOCK_STREAM || socket.type == SOCK_SEQPACKET);
}

// A Unix stream to `bytes`. What is no path (abstract, unnamed, malformed) the kernel looks up
// among the sockets of the run's own namespace.
NetStep connect_local(const SocketFacts& socket, Bytes bytes) {
  constexpr std::size_t kPath = offsetof(sockaddr_un, sun_path);
  if (!socket.own) return Fail{EACCES};
  if (socket.state == TCP_ESTABLISHED) return Fail{EISCONN};
  if (socket.state != TCP_CLOSE) return Fail{EINVAL};
  if (family_of(bytes) != AF_UNIX || bytes.size() > sizeof(sockaddr_un)) return Fail{EINVAL};
  if (bytes.size() <= kPath || bytes[kPath] == std::byte{0}) return Here{};
  const std::string_view path = as_text(bytes.subspan(kPath));
  return File{std::string(path.substr(0, path.find('\0')))};
}

struct Target {
  IpAddress address;
  std::uint16_t port = 0;
};

// The address a TCP socket of `family` is asked to connect to, or the errno that the kernel has.
std::variant<Target, Fail> target_of(int family, Bytes bytes) {
  Target out;
  if (family == AF_INET) {
    sockaddr_in at{};
    if (bytes.size() < sizeof at) return Fail{EINVAL};
    std::memcpy(&at, bytes.data(), sizeof at);
    if (at.sin_family != AF_INET) return Fail{EAFNOSUPPORT};
    out.address.v4 = true;
    std::memcpy(out.address.bytes.data(), &at.sin_addr, 4);
    out.port = ntohs(at.sin_port);
    return out;
  }
  sockaddr_in6 at{};
  if (bytes.size() < kShortestV6) return Fail{EINVAL};
  std::memcpy(&at, bytes.data(), std::min(bytes.size(), sizeof at));
  if (at.sin6_family != AF_INET6) return Fail{EAFNOSUPPORT};
  std::memcpy(out.address.bytes.data(), &at.sin6_addr, 16);
  out.address = plain(out.address);
  out.port = ntohs(at.sin6_port);
  return out;
}

bool holds(const std::vector<PortRange>& ports, std::uint16_t port) {
  return std::any_of(ports.begin(), ports.end(), [&](const PortRange& range) {
    return range.first <= port && port <= range.last;
  });
}

// A rule's host, `name` or `*.name`, as permits have it.
bool covers(const std::string& rule, const std::string& host) {
  if (!rule.starts_with("*.")) return rule == host;
  const std::string_view suffix = std::string_view(rule).substr(1);
  return host.size() > suffix.size() && host.ends_with(suffix);
}

// A netlink address that stands for the kernel and no group: what a program without rights may use.
bool is_plain_netlink(Bytes bytes) {
  sockaddr_nl at{};
  if (bytes.size() < sizeof at) return false;
  std::memcpy(&at, bytes.data(), sizeof at);
  return at.nl_family == AF_NETLINK && at.nl_pid == 0 && at.nl_groups == 0;
}

Error not_carried(const Endpoint& endpoint) {
  return Error(Code::Unsupported,
               "the net gate cannot carry the endpoint `" + printable(endpoint.host) + "`");
}

}  // namespace

std::optional<std::vector<std::uint16_t>> datagram_ports(const std::vector<Endpoint>& connect) {
  std::set<std::uint16_t> ports;
  for (const Endpoint& endpoint : connect) {
    if (endpoint.protocol != Protocol::Udp) continue;
    for (const PortRange& range : endpoint.ports) {
      for (unsigned port = range.first; port <= range.last; ++port) {
        ports.insert(static_cast<std::uint16_t>(port));
        if (ports.size() > kMostDatagramPorts) return std::nullopt;
      }
    }
  }
  return std::vector<std::uint16_t>(ports.begin(), ports.end());
}

bool is_named(const Endpoint& endpoint) {
  return endpoint.protocol != Protocol::Unix && !parse_cidr(endpoint.host);
}

bool carried_listen(const Endpoint& endpoint) {
  return endpoint.protocol == Protocol::Tcp && parse_cidr(endpoint.host);
}

Result<NetRules> NetRules::create(const std::vector<Endpoint>& connect,
                                  const std::vector<Endpoint>& listen) {
  NetRules out;
  if (!datagram_ports(connect)) {
    return Error(Code::Unsupported, "more UDP ports than the net gate can carry");
  }
  for (const Endpoint& endpoint : connect) {
    if (endpoint.protocol == Protocol::Unix) {
      out.paths_.push_back(endpoint.host);
      continue;
    }
    if (is_named(endpoint)) {
      out.hosts_.push_back(endpoint);
      continue;
    }
    auto& rules = endpoint.protocol == Protocol::Udp ? out.datagrams_ : out.rules_;
    rules.push_back({*parse_cidr(endpoint.host), endpoint.ports});
  }
  for (const Endpoint& endpoint : listen) {
    if (!carried_listen(endpoint)) return not_carried(endpoint);
    out.listen_.push_back({*parse_cidr(endpoint.host), endpoint.ports});
  }
  return out;
}

bool NetRules::any_holds(const std::vector<Rule>& rules, const IpAddress& address,
                         std::uint16_t port) {
  return std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) {
    return contains(rule.cidr, address) && holds(rule.ports, port);
  });
}

// An address that stands for all of its family needs a rule that holds them all.
bool NetRules::serves(const IpAddress& address, std::uint16_t port) const {
  return std::any_of(listen_.begin(), listen_.end(), [&](const Rule& rule) {
    return contains(rule.cidr, address) && holds(rule.ports, port) &&
           (!is_unspecified(address) || rule.cidr.bits == 0);
  });
}

bool NetRules::serves_outside(const IpAddress& address, std::uint16_t port) const {
  if (is_loopback(address)) return serves(address, port);
  if (!is_unspecified(address)) return true;
  return std::any_of(listen_.begin(), listen_.end(),
                     [&](const Rule& rule) { return holds(rule.ports, port); });
}

bool NetRules::names_host(const std::string& host) const {
  return std::any_of(hosts_.begin(), hosts_.end(),
                     [&](const Endpoint& rule) { return covers(rule.host, host); });
}

bool NetRules::grants_host(Protocol protocol, const std::string& host, std::uint16_t port) const {
  return std::any_of(hosts_.begin(), hosts_.end(), [&](const Endpoint& rule) {
    return rule.protocol == protocol && covers(rule.host, host) && holds(rule.ports, port);
  });
}

bool NetRules::names(const std::string& path) const {
  return std::find(paths_.begin(), paths_.end(), path) != paths_.end();
}

NetStep NetRules::connect(const SocketFacts& socket, Bytes address) const {
  if (address.size() < sizeof(sa_family_t)) return Fail{EINVAL};
  const bool disconnect = family_of(address) == AF_UNSPEC;
  if (socket.own && is_udp(socket)) return Here{};
  if (socket.own && socket.family == AF_NETLINK) {
    return is_plain_netlink(address) ? NetStep(Here{}) : NetStep(Fail{EPERM});
  }
  if (is_local(socket)) return connect_local(socket, address);
  if (!is_tcp(socket)) return Fail{EACCES};
  if (!socket.own) {
    if (disconnect) return Fail{EOPNOTSUPP};
    if (socket.state == TCP_SYN_SENT || socket.state == TCP_SYN_RECV) return Fail{EALREADY};
    if (socket.state != TCP_CLOSE) return Fail{EISCONN};
    if (socket.error != 0) return Fail{socket.error};
  } else if (disconnect || socket.state != TCP_CLOSE) {
    return Here{};  // the kernel's own answer: nothing is connected by it
  }
  const auto read = target_of(socket.family, address);
  if (const Fail* fail = std::get_if<Fail>(&read)) return *fail;
  const auto& [to, port] = std::get<Target>(read);
  const bool inside = is_unspecified(to) || (is_loopback(to) && !any_holds(rules_, to, port));
  if (!inside) return Ask{to, port};
  // What was connected outside does not come back to the inside.
  return socket.own ? NetStep(Here{}) : NetStep(Fail{ECONNABORTED});
}

NetStep NetRules::bind(const SocketFacts& socket, Bytes address) const {
  if (address.size() < sizeof(sa_family_t)) return Fail{EINVAL};
  if (!socket.own) return Fail{EINVAL};
  if (is_udp(socket) || socket.family == AF_NETLINK) return Here{};
  if (is_local(socket)) return Through{};
  if (!is_tcp(socket)) return Fail{EACCES};
  // The kernel's own answer: in the run's namespace nothing comes of it outside.
  if (socket.state != TCP_CLOSE || socket.port != 0) return Here{};
  const auto read = target_of(socket.family, address);
  const Target* at = std::get_if<Target>(&read);
  if (at == nullptr || !serves_outside(at->address, at->port)) return Here{};
  return Ask{at->address, at->port, socket.both && !at->address.v4 && is_unspecified(at->address)};
}

NetStep NetRules::listen(const SocketFacts& socket) const {
  if (socket.own) {
    if (is_tcp(socket) || is_local(socket)) return Here{};
    return Fail{EOPNOTSUPP};
  }
  // INVARIANT: what is closed and has a port was bound by this gate, to what had been granted; a
  // connection that is over has none. Whatever it is, it listens where the plan says or not at all.
  if (!is_tcp(socket) || (socket.state != TCP_CLOSE && socket.state != TCP_LISTEN) ||
      socket.port == 0 || !serves(socket.address, socket.port)) {
    return Fail{EINVAL};
  }
  const bool all = socket.both && !socket.address.v4 && is_unspecified(socket.address);
  if (all && !serves(IpAddress{true, {}}, socket.port)) return Fail{EINVAL};
  return Here{};
}

NetStep NetRules::datagram(const IpAddress& to, std::uint16_t port) const {
  const IpAddress at = plain(to);
  const bool inside = is_unspecified(at) || (is_loopback(at) && !any_holds(datagrams_, at, port));
  return inside ? NetStep(Here{}) : NetStep(Ask{at, port});
}

}  // namespace writ::enforce
