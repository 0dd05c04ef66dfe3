// Which connect rule allows one connection, or the denial that says what would.
//
// Facts come from the net gate (enforce/verdicts.h): the address really connected to, and the
// granted name that had led there, if the run used one. A rule fits when protocol and port are its
// own and
//   host is a CIDR       it contains the address
//   host is a path       of a Unix socket: it is the socket's
//   host is a name       the name that was used is that name (or below a `*.name`), and the address
//                        is one of the public internet: a name never opens the inside of a network,
//                        whatever it resolves to (rebinding, metadata services). For those a CIDR
//                        must be granted.
// IPv4-mapped addresses are the IPv4 addresses inside (base/ip_address.h).
//
// The address is proven, the name is what the run's own resolver had been asked for. Pure
// functions. Thread safety: any thread.
#pragma once

#include <string>
#include <variant>

#include "base/ip_address.h"
#include "base/reason.h"
#include "permit/grant.h"

namespace writ::permit {

struct ConnectFacts {
  Protocol protocol = Protocol::Tcp;
  std::string host;  // the name that was resolved; empty: the address was used as it is. Unix: the
                     // path of the socket's file, and neither address nor port
  IpAddress address;
  std::uint16_t port = 0;
};

struct ConnectAllowed {
  std::size_t rule = 0;  // index in Grant::connect
};
using ConnectMatch = std::variant<ConnectAllowed, Denial>;

// match_connect finds the first rule that fits; otherwise not_granted, with TOML that would allow
// it.
ConnectMatch match_connect(const Grant& grant, const ConnectFacts& facts);

// endpoint_text is "tcp:HOST:PORT", HOST the name or else the address, or "unix:PATH": how records
// and policies name an endpoint.
std::string endpoint_text(const ConnectFacts& facts);

}  // namespace writ::permit
