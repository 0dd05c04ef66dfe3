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

bool fits(const Endpoint& rule, const ConnectFacts& facts) {
  if (rule.protocol != facts.protocol) return false;
  if (rule.protocol == Protocol::Unix) return rule.host == facts.host;
  if (!has_port(rule, facts.port)) return false;
  if (const std::optional<Cidr> cidr = parse_cidr(rule.host)) {
    return contains(*cidr, plain(facts.address));
  }
  return !facts.host.empty() && host_within(facts.host, rule.host) &&
         is_global_unicast(facts.address);
}

}  // namespace

std::string endpoint_text(const ConnectFacts& facts) {
  if (facts.protocol == Protocol::Unix) return "unix:" + facts.host;
  const IpAddress address = plain(facts.address);
  std::string host = facts.host.empty() ? to_string(address) : facts.host;
  if (facts.host.empty() && !address.v4) host = "[" + host + "]";
  return std::string(name_of(facts.protocol)) + ":" + host + ":" + std::to_string(facts.port);
}

ConnectMatch match_connect(const Grant& grant, const ConnectFacts& facts) {
  for (std::size_t i = 0; i < grant.connect.size(); ++i) {
    if (fits(grant.connect[i], facts)) return ConnectAllowed{i};
  }
  if (facts.protocol == Protocol::Unix) {
    Denial denial;
    denial.asked = "connect unix:" + printable(facts.host);
    denial.because = "it is not the run's own, and no connect rule of the permit names it";
    denial.allow = "[[connect]]\nunix = " + toml_text(facts.host);
    return denial;
  }
  const IpAddress address = plain(facts.address);
  const std::string cidr = to_string(address) + (address.v4 ? "/32" : "/128");
  const bool by_name = !facts.host.empty() && is_global_unicast(address);
  Denial denial;
  denial.asked = "connect " + endpoint_text(facts);
  if (!facts.host.empty() && !is_global_unicast(address)) {
    denial.because = printable(facts.host) + " leads to " + to_string(address) +
                     ", which is no address of the public internet: no name opens that";
  } else {
    denial.because = "no connect rule of the permit names this host and port";
  }
  denial.allow = "[[connect]]\nhost = " + toml_text(by_name ? facts.host : cidr) + "\nports = [" +
                 std::to_string(facts.port) + "]";
  if (facts.protocol == Protocol::Udp) denial.allow += "\nprotocol = \"udp\"";
  return denial;
}

}  // namespace writ::permit
