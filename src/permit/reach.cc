#include "permit/reach.h"

#include <algorithm>

#include "permit/endpoint.h"
#include "permit/match.h"

namespace writ::permit {
namespace {

const char* name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::Tcp: return "tcp";
    case Protocol::Udp: return "udp";
    case Protocol::Unix: return "unix";
  }
  WRIT_ASSERT(false);
}

bool has_port(const Endpoint& rule, std::uint16_t port) {
  return std::any_of(rule.ports.begin(), rule.ports.end(), [&](const PortRange& range) {
    return range.first <= port && port <= range.last;
  });
}

// An address that stands for many hosts: multicast, and everybody on the link.
bool is_group(const IpAddress& address) {
  const auto byte = [&](std::size_t i) { return std::to_integer<unsigned>(address.bytes.at(i)); };
  if (!address.v4) return byte(0) == 0xff;
  return byte(0) >> 4 == 0xe || (byte(0) & byte(1) & byte(2) & byte(3)) == 0xff;
}

// A datagram goes to whoever the address stands for; a connection goes to one host.
bool is_for_many(const EndpointFacts& facts) {
  return facts.protocol == Protocol::Udp && is_group(plain(facts.address));
}

bool fits(const Endpoint& rule, Way way, const EndpointFacts& facts) {
  if (rule.protocol != facts.protocol || is_for_many(facts)) return false;
  if (rule.protocol == Protocol::Unix) return rule.host == facts.host;
  if (!has_port(rule, facts.port)) return false;
  const IpAddress address = plain(facts.address);
  if (const std::optional<Cidr> cidr = parse_cidr(rule.host)) {
    const bool all = way == Way::Listen && is_unspecified(address);
    return contains(*cidr, address) && (!all || cidr->bits == 0);
  }
  return way == Way::Connect && !facts.host.empty() && host_within(facts.host, rule.host) &&
         is_global_unicast(address);
}

// What would allow the address: itself, or for the one that stands for all, all.
std::string cidr_of(Way way, const IpAddress& address) {
  const bool all = way == Way::Listen && is_unspecified(address);
  return to_string(address) + (all ? "/0" : address.v4 ? "/32" : "/128");
}

std::string why_not(Way way, const EndpointFacts& facts) {
  const IpAddress address = plain(facts.address);
  if (way == Way::Listen) {
    if (facts.port == 0) {
      return "it leaves the port to the kernel, and a listen rule names the ports";
    }
    if (is_unspecified(address)) {
      return std::string("it listens at every ") + (address.v4 ? "IPv4" : "IPv6") +
             " address of this machine, and no listen rule of the permit grants all of them";
    }
    return "no listen rule of the permit names this address and port";
  }
  if (is_for_many(facts)) {
    return "the address is one of many hosts (multicast, broadcast), which no connect rule grants";
  }
  if (!facts.host.empty() && !is_global_unicast(address)) {
    return printable(facts.host) + " leads to " + to_string(address) +
           ", which is no address of the public internet: no name opens that";
  }
  return "no connect rule of the permit names this host and port";
}

}  // namespace

const char* way_name(Way way) {
  return way == Way::Listen ? "listen" : "connect";
}

std::string endpoint_text(const EndpointFacts& facts) {
  if (facts.protocol == Protocol::Unix) return "unix:" + facts.host;
  const IpAddress address = plain(facts.address);
  std::string host = facts.host.empty() ? to_string(address) : facts.host;
  if (facts.host.empty() && !address.v4) host = "[" + host + "]";
  return std::string(name_of(facts.protocol)) + ":" + host + ":" + std::to_string(facts.port);
}

EndpointMatch match_endpoint(const Grant& grant, Way way, const EndpointFacts& facts) {
  const std::vector<Endpoint>& rules = way == Way::Listen ? grant.listen : grant.connect;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (fits(rules[i], way, facts)) return EndpointAllowed{i};
  }
  const std::string part = std::string("[[") + way_name(way) + "]]\n";
  Denial denial;
  if (facts.protocol == Protocol::Unix) {
    denial.asked = "connect unix:" + printable(facts.host);
    denial.because = "it is not the run's own, and no connect rule of the permit names it";
    denial.allow = part + "unix = " + toml_text(facts.host);
    return denial;
  }
  const IpAddress address = plain(facts.address);
  const bool by_name = !facts.host.empty() && is_global_unicast(address);
  denial.asked = std::string(way_name(way)) + " " + endpoint_text(facts);
  denial.because = why_not(way, facts);
  if (way == Way::Listen && facts.port == 0) {
    denial.allow = "bind one port, and grant it: " + part +
                   "host = " + toml_text(cidr_of(way, address)) + "\nports = [PORT]";
    return denial;
  }
  if (is_for_many(facts)) {
    denial.allow = "send to the address of one host, and grant that: " + part +
                   "host = \"ADDRESS/32\"\nports = [" + std::to_string(facts.port) +
                   "]\nprotocol = \"udp\"";
    return denial;
  }
  denial.allow = part + "host = " + toml_text(by_name ? facts.host : cidr_of(way, address)) +
                 "\nports = [" + std::to_string(facts.port) + "]";
  if (facts.protocol == Protocol::Udp) denial.allow += "\nprotocol = \"udp\"";
  return denial;
}

}  // namespace writ::permit
