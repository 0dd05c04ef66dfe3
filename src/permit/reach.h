// Which connect or listen rule allows one endpoint, or the denial that says what would.
//
// Facts come from the net gate (enforce/verdicts.h): the address really connected to or listened
// at, and the granted name that had led there, if the run used one. A rule fits when protocol and
// port are its own and
//   host is a CIDR       it contains the address
//   host is a path       of a Unix socket: it is the socket's
//   host is a name       the name that was used is that name (or below a `*.name`), and the address
//                        is one of the public internet: a name never opens the inside of a network,
//                        whatever it resolves to (rebinding, metadata services). For those a CIDR
//                        must be granted.
// 0.0.0.0 and :: stand for every address of their family where a server listens: only a CIDR that
// holds them all (0.0.0.0/0, ::/0) fits these. UDP to a multicast or broadcast address fits no
// rule, as it names no host. IPv4-mapped addresses are the IPv4 addresses inside
// (base/ip_address.h).
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

struct EndpointFacts {
  Protocol protocol = Protocol::Tcp;
  std::string host;  // the name that was resolved; empty: the address was used as it is. Unix: the
                     // path of the socket's file, and neither address nor port
  IpAddress address;
  std::uint16_t port = 0;
};

enum class Way : std::uint8_t { Connect = 0, Listen = 1 };
// way_name is "connect" or "listen": of the grant's part, of policy's action, of the gate.
const char* way_name(Way way);

struct EndpointAllowed {
  std::size_t rule = 0;  // index in Grant::connect or Grant::listen
};
using EndpointMatch = std::variant<EndpointAllowed, Denial>;

// match_endpoint finds the first rule of that part of the grant that fits; otherwise not_granted,
// with TOML that would allow it.
EndpointMatch match_endpoint(const Grant& grant, Way way, const EndpointFacts& facts);

// endpoint_text is "tcp:HOST:PORT", HOST the name or else the address, or "unix:PATH": how records
// and policies name an endpoint.
std::string endpoint_text(const EndpointFacts& facts);

}  // namespace writ::permit
