// The table, row by row: made-up sockets and addresses.
#include "enforce/net_reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

namespace writ::enforce {
namespace {

template <typename T>
ByteVec bytes_of(const T& address, std::size_t size = sizeof(T)) {
  ByteVec out(size);
  std::memcpy(out.data(), &address, std::min(size, sizeof address));
  return out;
}
ByteVec v4(const char* host, std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET, host, &at.sin_addr), 1);
  return bytes_of(at);
}
ByteVec v6(const char* host, std::uint16_t port, std::size_t size = sizeof(sockaddr_in6)) {
  sockaddr_in6 at{};
  at.sin6_family = AF_INET6;
  at.sin6_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET6, host, &at.sin6_addr), 1);
  return bytes_of(at, size);
}
ByteVec unspecified() {
  sockaddr at{};
  at.sa_family = AF_UNSPEC;
  return bytes_of(at);
}
Ask ask(const char* host, std::uint16_t port) {
  return {parse_ip_address(host).value(), port};
}

SocketFacts tcp(int family = AF_INET) {
  return {family, SOCK_STREAM, IPPROTO_TCP, true, TCP_CLOSE, 0};
}
SocketFacts udp(int family = AF_INET) {
  return {family, SOCK_DGRAM, IPPROTO_UDP, true, 0, 0};
}
SocketFacts late(int state, int error = 0) {
  return {AF_INET, SOCK_STREAM, IPPROTO_TCP, false, state, error};
}

NetRules rules(const std::vector<Endpoint>& endpoints) {
  return NetRules::create(endpoints).value();
}
const NetRules& ten() {
  static const NetRules out = rules({{Protocol::Tcp, "10.0.0.0/8", {{443, 443}}},
                                     {Protocol::Tcp, "127.0.0.1/32", {{5432, 5433}}},
                                     {Protocol::Tcp, "::1/128", {{5432, 5432}}}});
  return out;
}

TEST(NetRules, WhatIsOutsideIsAskedAbout) {
  // Granted or not: what is not granted is refused by the verdict, which records it.
  EXPECT_EQ(ten().connect(tcp(), v4("10.1.2.3", 443)), NetStep(ask("10.1.2.3", 443)));
  EXPECT_EQ(ten().connect(tcp(), v4("8.8.8.8", 53)), NetStep(ask("8.8.8.8", 53)));
  EXPECT_EQ(ten().connect(tcp(), v4("169.254.169.254", 80)), NetStep(ask("169.254.169.254", 80)));
  EXPECT_EQ(ten().connect(tcp(AF_INET6), v6("2001:db8::1", 1)), NetStep(ask("2001:db8::1", 1)));
  EXPECT_EQ(ten().connect(tcp(AF_INET6), v6("2001:db8::1", 1, 24)), NetStep(ask("2001:db8::1", 1)));
  EXPECT_EQ(ten().connect(tcp(AF_INET6), v6("::ffff:10.1.2.3", 443)),
            NetStep(ask("10.1.2.3", 443)));
}

TEST(NetRules, TheLoopbackIsTheRunsOwn) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "0.0.0.0"}) {
    EXPECT_EQ(ten().connect(tcp(), v4(host, 8080)), NetStep(Here{})) << host;
  }
  for (const char* host : {"::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"}) {
    EXPECT_EQ(ten().connect(tcp(AF_INET6), v6(host, 8080)), NetStep(Here{})) << host;
  }
}

TEST(NetRules, ALoopbackAddressThatIsGrantedIsTheHosts) {
  EXPECT_EQ(ten().connect(tcp(), v4("127.0.0.1", 5432)), NetStep(ask("127.0.0.1", 5432)));
  EXPECT_EQ(ten().connect(tcp(AF_INET6), v6("::1", 5432)), NetStep(ask("::1", 5432)));
  EXPECT_EQ(ten().connect(tcp(AF_INET6), v6("::ffff:127.0.0.1", 5433)),
            NetStep(ask("127.0.0.1", 5433)));
  EXPECT_EQ(ten().connect(tcp(), v4("127.0.0.1", 5434)), NetStep(Here{}));
  EXPECT_EQ(ten().connect(tcp(), v4("127.0.0.2", 5432)), NetStep(Here{}));
  EXPECT_EQ(ten().connect(tcp(AF_INET6), v6("::1", 5433)), NetStep(Here{}));
  EXPECT_EQ(ten().connect(tcp(), v4("0.0.0.0", 5432)), NetStep(Here{}));
}

TEST(NetRules, MalformedAddressesGetTheKernelsErrno) {
  EXPECT_EQ(ten().connect(tcp(), {}), NetStep(Fail{EINVAL}));
  EXPECT_EQ(ten().connect(tcp(), ByteVec(1)), NetStep(Fail{EINVAL}));
  const ByteVec whole = v4("10.0.0.1", 443);
  EXPECT_EQ(ten().connect(tcp(), Bytes(whole).first(15)), NetStep(Fail{EINVAL}));
  EXPECT_EQ(ten().connect(tcp(AF_INET6), v6("fd00::1", 1, 23)), NetStep(Fail{EINVAL}));
  EXPECT_EQ(ten().connect(tcp(), v6("fd00::1", 1)), NetStep(Fail{EAFNOSUPPORT}));
  ByteVec short_family = v4("10.0.0.1", 443);
  short_family.resize(28);
  EXPECT_EQ(ten().connect(tcp(AF_INET6), short_family), NetStep(Fail{EAFNOSUPPORT}));
}

TEST(NetRules, ASocketOfTheRunInUseGetsTheKernelsAnswer) {
  for (const int state : {TCP_ESTABLISHED, TCP_SYN_SENT, TCP_LISTEN, TCP_CLOSE_WAIT}) {
    SocketFacts used = tcp();
    used.state = state;
    EXPECT_EQ(ten().connect(used, v4("10.0.0.1", 443)), NetStep(Here{})) << state;
  }
  EXPECT_EQ(ten().connect(tcp(), unspecified()), NetStep(Here{}));
}

TEST(NetRules, ASocketOfTheHostIsNeverChanged) {
  EXPECT_EQ(ten().connect(late(TCP_SYN_SENT), v4("10.0.0.1", 443)), NetStep(Fail{EALREADY}));
  for (const int state : {TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_CLOSE_WAIT, TCP_LISTEN}) {
    EXPECT_EQ(ten().connect(late(state), v4("10.0.0.1", 443)), NetStep(Fail{EISCONN}));
  }
  EXPECT_EQ(ten().connect(late(TCP_CLOSE, ECONNREFUSED), v4("10.0.0.1", 443)),
            NetStep(Fail{ECONNREFUSED}));
  for (const int state : {TCP_CLOSE, TCP_SYN_SENT, TCP_ESTABLISHED}) {
    EXPECT_EQ(ten().connect(late(state), unspecified()), NetStep(Fail{EOPNOTSUPP}));
    EXPECT_EQ(ten().bind(late(state), v4("0.0.0.0", 0)), NetStep(Fail{EINVAL}));
    EXPECT_EQ(ten().listen(late(state)), NetStep(Fail{EINVAL}));
  }
  // Once it is closed, another socket takes its place; it does not go back to the inside.
  EXPECT_EQ(ten().connect(late(TCP_CLOSE), v4("10.0.0.1", 443)), NetStep(ask("10.0.0.1", 443)));
  EXPECT_EQ(ten().connect(late(TCP_CLOSE), v4("127.0.0.1", 80)), NetStep(Fail{ECONNABORTED}));
}

TEST(NetRules, DatagramsAndServersStayInside) {
  EXPECT_EQ(ten().connect(udp(), v4("10.0.0.1", 443)), NetStep(Here{}));
  EXPECT_EQ(ten().connect(udp(AF_INET6), unspecified()), NetStep(Here{}));
  EXPECT_EQ(ten().bind(tcp(), v4("0.0.0.0", 80)), NetStep(Here{}));
  EXPECT_EQ(ten().bind(udp(AF_INET6), v6("::", 80)), NetStep(Here{}));
  EXPECT_EQ(ten().listen(tcp(AF_INET6)), NetStep(Here{}));
  EXPECT_EQ(ten().listen(udp()), NetStep(Fail{EOPNOTSUPP}));
  EXPECT_EQ(ten().bind(tcp(), ByteVec(1)), NetStep(Fail{EINVAL}));
}

const NetRules& serving() {
  static const NetRules out =
      NetRules::create({}, {{Protocol::Tcp, "127.0.0.1/32", {{80, 81}}},
                            {Protocol::Tcp, "0.0.0.0/0", {{443, 443}}},
                            {Protocol::Tcp, "::/0", {{443, 444}}},
                            {Protocol::Tcp, "0.0.0.0/8", {{90, 90}}},
                            {Protocol::Tcp, "fd00::/8", {{7, 7}, {443, 443}}}})
          .value();
  return out;
}
// A socket of the host that is bound, as the kernel tells.
SocketFacts bound(const char* host, std::uint16_t port, bool both = false, int state = TCP_CLOSE) {
  const IpAddress address = parse_ip_address(host).value();
  SocketFacts out = late(state);
  out.family = address.v4 ? AF_INET : AF_INET6;
  out.address = address;
  out.port = port;
  out.both = both;
  return out;
}

TEST(NetRules, AServerIsTheHostsWhereThePlanNamesItsPort) {
  EXPECT_EQ(serving().bind(tcp(), v4("127.0.0.1", 80)), NetStep(ask("127.0.0.1", 80)));
  EXPECT_EQ(serving().bind(tcp(), v4("10.0.0.1", 80)), NetStep(ask("10.0.0.1", 80)));
  EXPECT_EQ(serving().bind(tcp(), v4("10.0.0.1", 0)), NetStep(ask("10.0.0.1", 0)));
  EXPECT_EQ(serving().bind(tcp(AF_INET6), v6("::ffff:127.0.0.1", 81)),
            NetStep(ask("127.0.0.1", 81)));
  // Granted in part only: refused by the verdict, not served inside.
  EXPECT_EQ(serving().bind(tcp(), v4("0.0.0.0", 80)), NetStep(ask("0.0.0.0", 80)));
  EXPECT_EQ(serving().bind(tcp(AF_INET6), v6("::", 80)), NetStep(ask("::", 80)));
  SocketFacts dual = tcp(AF_INET6);
  dual.both = true;
  EXPECT_EQ(serving().bind(dual, v6("::", 443)), NetStep(Ask{ask("::", 443).address, 443, true}));
  EXPECT_EQ(serving().bind(dual, v6("fd00::1", 443)), NetStep(ask("fd00::1", 443)));
  // The run's own.
  EXPECT_EQ(serving().bind(tcp(), v4("127.0.0.2", 81)), NetStep(Here{}));
  EXPECT_EQ(serving().bind(tcp(AF_INET6), v6("::1", 80)), NetStep(Here{}));
  for (const std::uint16_t port : {std::uint16_t{0}, std::uint16_t{79}}) {
    EXPECT_EQ(serving().bind(tcp(), v4("0.0.0.0", port)), NetStep(Here{})) << port;
    EXPECT_EQ(serving().bind(tcp(), v4("127.0.0.1", port)), NetStep(Here{})) << port;
  }
}

TEST(NetRules, WhatIsBoundOrMalformedGetsTheKernelsAnswerInside) {
  SocketFacts used = tcp();
  used.port = 5;
  EXPECT_EQ(serving().bind(used, v4("127.0.0.1", 80)), NetStep(Here{}));
  used = tcp();
  used.state = TCP_LISTEN;
  EXPECT_EQ(serving().bind(used, v4("127.0.0.1", 80)), NetStep(Here{}));
  EXPECT_EQ(serving().bind(tcp(), unspecified()), NetStep(Here{}));
  EXPECT_EQ(serving().bind(tcp(), v6("::1", 80)), NetStep(Here{}));
  EXPECT_EQ(serving().bind(tcp(AF_INET6), v4("127.0.0.1", 80)), NetStep(Here{}));
}

TEST(NetRules, ASocketOfTheHostListensWhereThePlanSaysOrNotAtAll) {
  for (const int state : {TCP_CLOSE, TCP_LISTEN}) {
    EXPECT_EQ(serving().listen(bound("127.0.0.1", 80, false, state)), NetStep(Here{}));
    EXPECT_EQ(serving().listen(bound("0.0.0.0", 443, false, state)), NetStep(Here{}));
    EXPECT_EQ(serving().listen(bound("::", 443, true, state)), NetStep(Here{}));
    EXPECT_EQ(serving().listen(bound("::", 444, false, state)), NetStep(Here{}));
    EXPECT_EQ(serving().listen(bound("fd00::1", 7, true, state)), NetStep(Here{}));
    // IPv4 too, where that is not granted; a part of all; a wrong port; none.
    EXPECT_EQ(serving().listen(bound("::", 444, true, state)), NetStep(Fail{EINVAL}));
    EXPECT_EQ(serving().listen(bound("0.0.0.0", 80, false, state)), NetStep(Fail{EINVAL}));
    EXPECT_EQ(serving().listen(bound("0.0.0.0", 90, false, state)), NetStep(Fail{EINVAL}));
    EXPECT_EQ(serving().listen(bound("127.0.0.1", 82, false, state)), NetStep(Fail{EINVAL}));
    EXPECT_EQ(serving().listen(bound("0.0.0.0", 0, false, state)), NetStep(Fail{EINVAL}));
  }
  for (const int state : {TCP_ESTABLISHED, TCP_SYN_SENT, TCP_FIN_WAIT1, TCP_CLOSE_WAIT}) {
    EXPECT_EQ(serving().listen(bound("127.0.0.1", 80, false, state)), NetStep(Fail{EINVAL}));
  }
}

TEST(NetRules, NothingElseIsDoneForTheRun) {
  const SocketFacts others[] = {{AF_UNIX, SOCK_DGRAM, 0, true, TCP_CLOSE, 0},
                                {AF_INET, SOCK_RAW, IPPROTO_ICMP, true, 0, 0},
                                {AF_INET, SOCK_STREAM, 262, true, TCP_CLOSE, 0},
                                {AF_INET, SOCK_DGRAM, IPPROTO_UDP, false, 0, 0},
                                {AF_PACKET, SOCK_RAW, 0, true, 0, 0}};
  for (const SocketFacts& one : others) {
    EXPECT_TRUE(std::holds_alternative<Fail>(ten().connect(one, v4("10.0.0.1", 443))));
    EXPECT_TRUE(std::holds_alternative<Fail>(ten().bind(one, v4("0.0.0.0", 1))) ||
                one.own == false);
    EXPECT_TRUE(std::holds_alternative<Fail>(ten().listen(one)));
  }
}

ByteVec local(std::string_view path, std::size_t size = sizeof(sockaddr_un)) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, path.data(), path.size());
  return bytes_of(at, size);
}

TEST(NetRules, AUnixStreamIsLookedUpByItsPath) {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
    SocketFacts socket{AF_UNIX, type, 0, true, TCP_CLOSE, 0};
    EXPECT_EQ(ten().connect(socket, local("/run/x")), NetStep(File{"/run/x"}));
    EXPECT_EQ(ten().connect(socket, local("/run/x", 8)), NetStep(File{"/run/x"}));
    EXPECT_EQ(ten().connect(socket, local("x", 3)), NetStep(File{"x"}));
    // All of sun_path, and no byte that ends it.
    const std::string longest(sizeof(sockaddr_un{}.sun_path), 'x');
    EXPECT_EQ(ten().connect(socket, local(longest)), NetStep(File{longest}));
    // Names of the run's own namespace, and what the kernel refuses.
    using namespace std::string_view_literals;
    EXPECT_EQ(ten().connect(socket, local("\0own"sv)), NetStep(Here{}));
    EXPECT_EQ(ten().connect(socket, local("", 2)), NetStep(Here{}));
    EXPECT_EQ(ten().connect(socket, ByteVec(1)), NetStep(Fail{EINVAL}));
    EXPECT_EQ(ten().connect(socket, local("/run/x", 111)), NetStep(Fail{EINVAL}));
    EXPECT_EQ(ten().connect(socket, v4("10.0.0.1", 443)), NetStep(Fail{EINVAL}));
    EXPECT_EQ(ten().bind(socket, local("/run/x")), NetStep(Through{}));
    EXPECT_EQ(ten().listen(socket), NetStep(Here{}));
    socket.state = TCP_ESTABLISHED;
    EXPECT_EQ(ten().connect(socket, local("/run/x")), NetStep(Fail{EISCONN}));
    socket.state = TCP_LISTEN;
    EXPECT_EQ(ten().connect(socket, local("/run/x")), NetStep(Fail{EINVAL}));
    socket.own = false;
    EXPECT_EQ(ten().connect(socket, local("/run/x")), NetStep(Fail{EACCES}));
    EXPECT_EQ(ten().bind(socket, local("/run/x")), NetStep(Fail{EINVAL}));
  }
  const NetRules named = rules({{Protocol::Unix, "/run/x", {}}});
  EXPECT_TRUE(named.names("/run/x"));
  EXPECT_FALSE(named.names("/run/x/y"));
  EXPECT_FALSE(ten().names("/run/x"));
}

TEST(NetRules, NetlinkSpeaksToTheKernelOnly) {
  const SocketFacts netlink{AF_NETLINK, SOCK_RAW, 0, true, 0, 0};
  sockaddr_nl at{};
  at.nl_family = AF_NETLINK;
  EXPECT_EQ(ten().connect(netlink, bytes_of(at)), NetStep(Here{}));
  EXPECT_EQ(ten().bind(netlink, bytes_of(at)), NetStep(Here{}));
  at.nl_groups = 1;
  EXPECT_EQ(ten().connect(netlink, bytes_of(at)), NetStep(Fail{EPERM}));
  at.nl_groups = 0;
  at.nl_pid = 7;
  EXPECT_EQ(ten().connect(netlink, bytes_of(at)), NetStep(Fail{EPERM}));
}

TEST(NetRules, AHostIsNamedByItselfOrByWhatItEndsWith) {
  const NetRules named = rules({{Protocol::Tcp, "a.example", {{443, 443}}},
                                {Protocol::Tcp, "*.b.example", {{80, 90}}},
                                {Protocol::Tcp, "10.0.0.0/8", {{1, 1}}}});
  for (const char* host : {"a.example", "x.b.example", "x.y.b.example"}) {
    EXPECT_TRUE(named.names_host(host)) << host;
  }
  for (const char* host :
       {"x.a.example", "b.example", ".b.example", "xb.example", "example", "10.0.0.0", ""}) {
    EXPECT_FALSE(named.names_host(host)) << host;
  }
  EXPECT_TRUE(named.grants_host(Protocol::Tcp, "a.example", 443));
  EXPECT_FALSE(named.grants_host(Protocol::Tcp, "a.example", 80));
  EXPECT_TRUE(named.grants_host(Protocol::Tcp, "x.b.example", 80));
  EXPECT_FALSE(named.grants_host(Protocol::Tcp, "x.b.example", 91));
  // A name by itself opens no address.
  EXPECT_EQ(named.connect(tcp(), v4("127.0.0.1", 443)), NetStep(Here{}));
  EXPECT_TRUE(is_named({Protocol::Tcp, "a.example", {}}));
  EXPECT_FALSE(is_named({Protocol::Tcp, "10.0.0.0/8", {}}));
  EXPECT_TRUE(is_named({Protocol::Udp, "a.example", {}}));
  EXPECT_FALSE(is_named({Protocol::Udp, "10.0.0.0/8", {}}));
  EXPECT_FALSE(is_named({Protocol::Unix, "/a", {}}));
}

TEST(NetRules, ADatagramIsAskedAboutUnlessItStaysOnTheLoopback) {
  const NetRules rules = NetRules::create({{Protocol::Udp, "10.0.0.0/8", {{53, 53}}},
                                           {Protocol::Udp, "127.0.0.2/32", {{53, 53}}},
                                           {Protocol::Tcp, "127.0.0.3/32", {{53, 53}}}})
                             .value();
  const auto ip = [](const char* text) { return *parse_ip_address(text); };
  for (const char* to : {"10.0.0.1", "192.0.2.1", "224.0.0.1", "2001:db8::1", "fe80::1"}) {
    EXPECT_EQ(rules.datagram(ip(to), 53), NetStep(Ask{ip(to), 53})) << to;
  }
  EXPECT_EQ(rules.datagram(ip("::ffff:10.0.0.1"), 53), NetStep(Ask{ip("10.0.0.1"), 53}));
  // A rule of one protocol says nothing about another.
  EXPECT_EQ(rules.datagram(ip("127.0.0.2"), 53), NetStep(Ask{ip("127.0.0.2"), 53}));
  EXPECT_EQ(rules.connect(tcp(), v4("127.0.0.2", 53)), NetStep(Here{}));
  for (const char* to : {"127.0.0.1", "127.0.0.3", "0.0.0.0", "::", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(rules.datagram(ip(to), 53), NetStep(Here{})) << to;
  }
}

TEST(NetRules, TheGrantedDatagramPortsAreFewAndEachIsThereOnce) {
  using Ports = std::vector<std::uint16_t>;
  EXPECT_EQ(datagram_ports({}), Ports());
  EXPECT_EQ(datagram_ports({{Protocol::Udp, "10.0.0.0/8", {{53, 54}}},
                            {Protocol::Tcp, "10.0.0.0/8", {{1, 65535}}},
                            {Protocol::Udp, "a.example", {{54, 55}, {65535, 65535}}}}),
            Ports({53, 54, 55, 65535}));
  EXPECT_EQ(datagram_ports({{Protocol::Udp, "::/0", {{1, 64}}}})->size(), kMostDatagramPorts);
  EXPECT_FALSE(datagram_ports({{Protocol::Udp, "::/0", {{1, 65}}}}));
  EXPECT_FALSE(datagram_ports({{Protocol::Udp, "::/0", {{1, 65535}}}}));
}

TEST(NetRules, WhatCannotBeCarriedIsNamed) {
  const Result<NetRules> many = NetRules::create({{Protocol::Udp, "10.0.0.0/8", {{1, 65}}}});
  ASSERT_FALSE(many);
  EXPECT_NE(many.error().message().find("UDP ports"), std::string::npos);
  for (const Endpoint& one :
       {Endpoint{Protocol::Udp, "10.0.0.0/8", {{53, 53}}},
        Endpoint{Protocol::Tcp, "a.example", {{80, 80}}}, Endpoint{Protocol::Unix, "/run/x", {}}}) {
    EXPECT_FALSE(carried_listen(one));
    EXPECT_FALSE(NetRules::create({}, {one}));
  }
}

}  // namespace
}  // namespace writ::enforce
