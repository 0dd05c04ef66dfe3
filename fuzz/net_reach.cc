// The net gate's table, with sockets and addresses as a run could have them: what leads out is
// asked about, what is the host's is never changed, and nothing but the run's own is served without
// asking.
#include "enforce/net_reach.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>

namespace {

using namespace writ;
using namespace writ::enforce;

void must(bool held) {
  if (!held) std::abort();
}

const NetRules& rules() {
  static const NetRules out = NetRules::create({{Protocol::Tcp, "10.0.0.0/8", {{1, 65535}}},
                                                {Protocol::Tcp, "127.0.0.1/32", {{80, 90}}},
                                                {Protocol::Tcp, "::1/128", {{80, 90}}}},
                                               {{Protocol::Tcp, "127.0.0.1/32", {{8000, 8010}}},
                                                {Protocol::Tcp, "::/0", {{8001, 8001}}},
                                                {Protocol::Tcp, "192.0.2.1/32", {{1, 65535}}}})
                                  .value();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr int kFamilies[] = {AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_PACKET};
  constexpr int kTypes[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW};
  constexpr int kProtocols[] = {IPPROTO_TCP, IPPROTO_UDP, 0, 262};
  static const IpAddress kBound[] = {*parse_ip_address("127.0.0.1"), *parse_ip_address("192.0.2.1"),
                                     *parse_ip_address("0.0.0.0"), *parse_ip_address("::")};
  constexpr std::uint16_t kPorts[] = {0, 8000, 8001, 9000};
  constexpr std::size_t kFacts = 6;
  if (size < kFacts || size > kFacts + kLongestAddress) return 0;
  SocketFacts socket;
  socket.family = kFamilies[data[0] % 5];
  socket.type = kTypes[data[1] % 3];
  socket.protocol = kProtocols[data[2] % 4];
  socket.own = data[3] % 2 == 0;
  socket.state = data[4] % 13;
  socket.error = data[5] % 2 == 0 ? 0 : ECONNREFUSED;
  socket.both = data[3] / 2 % 2 == 1;
  socket.address = kBound[data[4] / 16 % 4];
  socket.port = kPorts[data[5] / 2 % 4];
  const Bytes address(reinterpret_cast<const std::byte*>(data) + kFacts, size - kFacts);

  const NetStep connect = rules().connect(socket, address);
  if (const Ask* ask = std::get_if<Ask>(&connect)) {
    must(socket.type == SOCK_STREAM && socket.protocol == IPPROTO_TCP);
    must(socket.state == TCP_CLOSE && socket.error * !socket.own == 0);
    must(!is_unspecified(ask->address) && plain(ask->address) == ask->address);
    must(!is_loopback(ask->address) || (ask->port >= 80 && ask->port <= 90));
  }
  if (std::holds_alternative<Here>(connect)) must(socket.own);
  if (const File* file = std::get_if<File>(&connect)) {
    must(socket.own && socket.family == AF_UNIX && socket.state == TCP_CLOSE);
    must(!file->path.empty() && file->path.find('\0') == std::string::npos);
  }
  must(!std::holds_alternative<Through>(connect));
  const NetStep bind = rules().bind(socket, address);
  if (const Ask* ask = std::get_if<Ask>(&bind)) {
    must(socket.type == SOCK_STREAM && socket.protocol == IPPROTO_TCP);
    must(socket.own && socket.state == TCP_CLOSE && socket.port == 0);
    must(plain(ask->address) == ask->address);
    must(!is_loopback(ask->address) || (ask->port >= 8000 && ask->port <= 8010));
    must(!ask->both || (socket.both && is_unspecified(ask->address) && !ask->address.v4));
  }
  if (std::holds_alternative<Through>(bind)) must(socket.own && socket.family == AF_UNIX);
  if (!socket.own) must(std::holds_alternative<Fail>(bind));

  const NetStep listen = rules().listen(socket);
  must(std::holds_alternative<Fail>(listen) || std::holds_alternative<Here>(listen));
  if (!socket.own && std::holds_alternative<Here>(listen)) {
    must(socket.type == SOCK_STREAM && socket.protocol == IPPROTO_TCP && socket.port != 0);
    must(socket.state == TCP_CLOSE || socket.state == TCP_LISTEN);
    if (socket.address == kBound[0]) must(socket.port == 8000 || socket.port == 8001);
    // All of IPv4 is granted nowhere, all of IPv6 at one port.
    must(!(socket.address == kBound[2]));
    if (socket.address == kBound[3]) must(socket.port == 8001 && !socket.both);
  }
  for (const NetStep* step : {&connect, &bind, &listen}) {
    if (const Fail* fail = std::get_if<Fail>(step)) must(fail->error > 0);
  }
  return 0;
}
