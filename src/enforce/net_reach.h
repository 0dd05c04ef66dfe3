// The net gate's table: what one connect, bind or listen of a run, and what one datagram comes to
// (DESIGN §8.1).
//
// A run's sockets live in its own network namespace, where there is nothing but its own loopback.
// Each connect, and under a plan that grants endpoints each bind and listen, waits in a
// notification, and the gate (net_gate.h) does for the caller what this table says:
//
//   Fail     the call fails with an errno
//   Here     the gate makes the same call on the captured socket: the run's own loopback, its
//            datagrams, and listening on a socket of the host that is bound where it may listen
//   Ask      a TCP connection out of the run, or a port of the host to serve at: ask, record,
//            connect or bind a socket of the host and put it in the place of the run's (the late
//            socket)
//   File     a stream to the Unix socket at a path: find out whose it is (net_local.h)
//   Through  the kernel carries the call out: the bind of a Unix socket, see below
//
// Where is outside? Every address but the loopback's. A loopback address (and 0.0.0.0, ::) is the
// run's own, unless the plan grants that address and port by CIDR: then it is the host's, and the
// run cannot reach a server of its own there. Likewise for a server: its loopback is the run's own
// unless that address and port are granted to listen at. 0.0.0.0 and :: are the host's as soon as
// any rule names the port, so that a server is never somewhere else than its permit says: then all
// addresses must be granted, of both families for a socket that serves both.
//
// A socket that came by Ask belongs to the host's namespace. It is connected, or bound, when the
// run gets it and nothing here ever changes that: it is never bound again, is not connected
// elsewhere, and listens only where it is bound to what the plan grants, which the kernel is asked.
//
// A Unix socket is bound by the run itself, as itself: the file that comes of it has the run's
// owner, mode and Landlock rules. That is harmless however the call's arguments change after the
// look at them: Landlock denies each bind of TCP, and other sockets of the run may be bound as it
// likes. Where Landlock cannot (before ABI 4), the gate refuses.
//
// A datagram socket stays in the run's network, whatever it is bound or connected to. What it sends
// is asked about where it arrives (datagram_relay.h): Ask, or Here (the run's own loopback: nobody
// is there).
//
// Hostile: the address bytes, the kind and the state of the socket. Pure; a table over values.
// Thread safety: NetRules is immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "enforce/plan.h"

namespace writ::enforce {

// The longest address a call may give (struct sockaddr_storage).
inline constexpr std::size_t kLongestAddress = 128;

struct SocketFacts {
  int family = 0;          // AF_*
  int type = 0;            // SOCK_*
  int protocol = 0;        // IPPROTO_*
  bool own = true;         // of the run's namespace; false: it came by Ask
  int state = 0;           // of a TCP or Unix stream, TCP_*
  int error = 0;           // pending; only of one that came by Ask
  IpAddress address{};     // of TCP: where it is bound, plain
  std::uint16_t port = 0;  // 0: nowhere
  bool both = false;       // IPv6 that takes IPv4 too
};

struct Fail {
  int error = 0;
  friend bool operator==(const Fail&, const Fail&) = default;
};
struct Here {
  friend bool operator==(const Here&, const Here&) = default;
};
struct Ask {
  IpAddress address;  // plain
  std::uint16_t port = 0;
  bool both = false;  // a server at :: of IPv4 too
  friend bool operator==(const Ask&, const Ask&) = default;
};
struct File {
  std::string path;  // as given; not empty
  friend bool operator==(const File&, const File&) = default;
};
struct Through {
  friend bool operator==(const Through&, const Through&) = default;
};
using NetStep = std::variant<Fail, Here, Ask, File, Through>;

class NetRules {
 public:
  // create reads the plan's endpoints; Unsupported names what of them this gate cannot carry.
  static Result<NetRules> create(const std::vector<Endpoint>& connect,
                                 const std::vector<Endpoint>& listen = {});

  NetStep connect(const SocketFacts& socket, Bytes address) const;
  NetStep bind(const SocketFacts& socket, Bytes address) const;
  NetStep listen(const SocketFacts& socket) const;
  NetStep datagram(const IpAddress& to, std::uint16_t port) const;
  // names says whether the plan grants the Unix socket at `path`, which is normal.
  bool names(const std::string& path) const;
  // names_host: a rule for this host (lower case), or for `*.` what it ends with; grants_host: for
  // this port.
  bool names_host(const std::string& host) const;
  bool grants_host(Protocol protocol, const std::string& host, std::uint16_t port) const;

 private:
  struct Rule {
    Cidr cidr;
    std::vector<PortRange> ports;
  };
  static bool any_holds(const std::vector<Rule>& rules, const IpAddress& address,
                        std::uint16_t port);
  bool serves(const IpAddress& address, std::uint16_t port) const;
  bool serves_outside(const IpAddress& address, std::uint16_t port) const;
  std::vector<Rule> rules_;      // TCP
  std::vector<Rule> datagrams_;  // UDP
  std::vector<Rule> listen_;
  std::vector<Endpoint> hosts_;  // by name
  std::vector<std::string> paths_;
};

// datagram_ports are those that UDP is granted for, in order, each once. Nothing: they are more
// than kMostDatagramPorts, as each takes a socket in the run's network.
inline constexpr std::size_t kMostDatagramPorts = 64;
std::optional<std::vector<std::uint16_t>> datagram_ports(const std::vector<Endpoint>& connect);

// carried_listen says whether this gate can enforce a listen rule: TCP at addresses.
bool carried_listen(const Endpoint& endpoint);
// is_named: a rule by a host's name, which needs the resolver.
bool is_named(const Endpoint& endpoint);

}  // namespace writ::enforce
