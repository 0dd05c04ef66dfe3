// Internet addresses and prefixes as values: text forms, containment, and what an address is for.
//
// An address is 4 or 16 bytes, most significant first. Kernels treat an IPv4-mapped IPv6 address
// (::ffff:a.b.c.d) as the IPv4 address inside: plain() does the same, and every question about what
// an address is for is answered for plain(address).
//
//   const auto prefix = parse_cidr("192.0.2.0/24");
//   if (prefix && contains(*prefix, address)) …
//
// Pure functions on values; nothing is resolved. Thread safety: any thread.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace writ {

struct IpAddress {
  bool v4 = false;
  std::array<std::byte, 16> bytes{};  // IPv4 in the first four, the rest zero
  friend std::strong_ordering operator<=>(const IpAddress&, const IpAddress&) = default;
};

// parse_ip_address reads an address as inet_pton(3) of the GNU C library does; nothing otherwise.
std::optional<IpAddress> parse_ip_address(std::string_view text);
// to_string writes it as inet_ntop(3) of the GNU C library does.
std::string to_string(const IpAddress& address);
// plain is the IPv4 address inside an IPv4-mapped one, and the address itself otherwise.
IpAddress plain(const IpAddress& address);

// 127.0.0.0/8 and ::1; 0.0.0.0 and ::, which a connect takes for the loopback.
bool is_loopback(const IpAddress& address);
bool is_unspecified(const IpAddress& address);
// is_global_unicast says whether the address belongs to one host of the public internet (RFC 6890
// and the registries it began): not private, shared, loopback, link-local, documentation,
// benchmarking, multicast or reserved, and no form that carries another address inside (6to4,
// Teredo, NAT64). IPv6 outside 2000::/3 is none.
bool is_global_unicast(const IpAddress& address);

struct Cidr {
  IpAddress address;
  unsigned bits = 0;  // of the prefix
  friend bool operator==(const Cidr&, const Cidr&) = default;
};

// parse_cidr reads "ADDRESS/BITS" in its one form: the address as to_string writes it, the bits
// behind the prefix zero. Nothing otherwise.
std::optional<Cidr> parse_cidr(std::string_view text);
// contains: false across families, so no IPv6 prefix contains an IPv4-mapped address's plain form.
bool contains(const Cidr& cidr, const IpAddress& address);
bool contains(const Cidr& outer, const Cidr& inner);

}  // namespace writ
