#include "base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace writ {
namespace {

constexpr std::size_t kLongest = 64;  // bytes of text

bool bit_of(const IpAddress& address, unsigned bit) {
  return (std::to_integer<unsigned>(address.bytes[bit / 8]) >> (7 - bit % 8) & 1U) != 0;
}

bool any_of(const IpAddress& address, const auto& list) {
  return std::any_of(std::begin(list), std::end(list), [&](const char* text) {
    const std::optional<Cidr> cidr = parse_cidr(text);
    return cidr && contains(*cidr, address);
  });
}

// What IANA's special-purpose registries take out of the public internet.
constexpr const char* kSpecialV4[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4"};
constexpr const char* kSpecialV6[] = {"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"};

}  // namespace

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  if (text.size() > kLongest || text.find('\0') != text.npos) return std::nullopt;
  const std::string terminated(text);
  IpAddress out;
  out.v4 = text.find(':') == text.npos;
  if (inet_pton(out.v4 ? AF_INET : AF_INET6, terminated.c_str(), out.bytes.data()) != 1) {
    return std::nullopt;
  }
  return out;
}

std::string to_string(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  (void)inet_ntop(address.v4 ? AF_INET : AF_INET6, address.bytes.data(), text.data(), text.size());
  return text.data();
}

IpAddress plain(const IpAddress& address) {
  constexpr Cidr kMapped{
      {false,
       {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0},
        std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0xff}, std::byte{0xff}}},
      96};
  if (!contains(kMapped, address)) return address;
  IpAddress out;
  out.v4 = true;
  std::copy(address.bytes.begin() + 12, address.bytes.end(), out.bytes.begin());
  return out;
}

bool is_loopback(const IpAddress& address) {
  const IpAddress one = plain(address);
  if (one.v4) return one.bytes[0] == std::byte{127};
  IpAddress loopback;
  loopback.bytes[15] = std::byte{1};
  return one == loopback;
}

bool is_unspecified(const IpAddress& address) {
  const IpAddress one = plain(address);
  return one.bytes == IpAddress{}.bytes;
}

bool is_global_unicast(const IpAddress& address) {
  const IpAddress one = plain(address);
  if (one.v4) return !any_of(one, kSpecialV4);
  const bool unicast = (one.bytes[0] & std::byte{0xe0}) == std::byte{0x20};  // 2000::/3
  return unicast && !any_of(one, kSpecialV6);
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == text.npos || text.size() > kLongest) return std::nullopt;
  const std::optional<IpAddress> address = parse_ip_address(text.substr(0, slash));
  if (!address || to_string(*address) != text.substr(0, slash)) return std::nullopt;
  const std::string_view bits = text.substr(slash + 1);
  Cidr out{*address, 0};
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), out.bits);
  if (error != std::errc() || end != bits.data() + bits.size()) return std::nullopt;
  const unsigned total = address->v4 ? 32 : 128;
  if (std::to_string(out.bits) != bits || out.bits > total) return std::nullopt;
  for (unsigned bit = out.bits; bit < total; ++bit) {
    if (bit_of(*address, bit)) return std::nullopt;
  }
  return out;
}

bool contains(const Cidr& cidr, const IpAddress& address) {
  if (cidr.address.v4 != address.v4) return false;
  for (unsigned bit = 0; bit < cidr.bits; ++bit) {
    if (bit_of(cidr.address, bit) != bit_of(address, bit)) return false;
  }
  return true;
}

bool contains(const Cidr& outer, const Cidr& inner) {
  return inner.bits >= outer.bits && contains(outer, inner.address);
}

}  // namespace writ
