#include "base/ip_address.h"

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

// The C library's readers differ between libraries in what they take and write; an address in a
// permit must be the same wherever the permit is checked.

// Four decimal numbers up to 255 without leading zeros, and nothing else.
bool read_v4(std::string_view text, std::byte* out) {
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) {
      if (text.empty() || text[0] != '.') return false;
      text.remove_prefix(1);
    }
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || value > 255 || (text[0] == '0' && digits > 1)) return false;
    out[i] = static_cast<std::byte>(value);
    text.remove_prefix(digits);
  }
  return text.empty();
}

// Eight groups of up to four hexadecimal digits, a run of zero groups as `::`, the last two groups
// as an IPv4 address if wanted.
bool read_v6(std::string_view text, std::array<std::byte, 16>& out) {
  std::array<std::byte, 16> bytes{};
  std::size_t size = 0;
  std::optional<std::size_t> gap;
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    const std::string_view group = text.substr(0, text.find(':'));
    if (group.find('.') != group.npos) {
      if (group.size() != text.size() || size + 4 > 16 || !read_v4(group, &bytes[size])) {
        return false;
      }
      size += 4;
      break;
    }
    unsigned value = 0;
    const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), value, 16);
    if (error != std::errc() || end != group.data() + group.size()) return false;
    if (group.size() > 4 || size == 16) return false;
    bytes[size++] = static_cast<std::byte>(value >> 8U);
    bytes[size++] = static_cast<std::byte>(value & 0xffU);
    text.remove_prefix(group.size());
    if (text.empty()) break;
    text.remove_prefix(1);
    if (text.empty()) return false;  // a single colon at the end
    if (text[0] != ':') continue;
    if (gap) return false;
    gap = size;
    text.remove_prefix(1);
  }
  if (gap) {
    if (size == 16) return false;  // `::` stands for one group at least
    std::rotate(bytes.begin() + static_cast<std::ptrdiff_t>(*gap),
                bytes.begin() + static_cast<std::ptrdiff_t>(size), bytes.end());
  } else if (size != 16) {
    return false;
  }
  out = bytes;
  return true;
}

std::string write_v4(const std::byte* bytes) {
  std::string text;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) text += '.';
    text += std::to_string(std::to_integer<unsigned>(bytes[i]));
  }
  return text;
}

std::string write_v6(const std::array<std::byte, 16>& bytes) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) {
    groups[i] =
        std::to_integer<unsigned>(bytes[2 * i]) << 8U | std::to_integer<unsigned>(bytes[2 * i + 1]);
  }
  // The first of the longest runs of at least two zero groups.
  std::size_t gap = 8;
  std::size_t length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i <= length) continue;
    gap = i;
    length = end - i;
  }
  const bool embedded = gap == 0 && (length == 6 || (length == 5 && groups[5] == 0xffff));
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == gap) {
      text += "::";
      i += length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    if (embedded && i == 6) return text + write_v4(&bytes[12]);
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), groups[i], 16).ptr;
    text.append(digits.data(), end);
  }
  return text;
}

}  // namespace

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  IpAddress out;
  out.v4 = text.find(':') == text.npos;
  const bool read = out.v4 ? read_v4(text, out.bytes.data()) : read_v6(text, out.bytes);
  return read ? std::optional(out) : std::nullopt;
}

std::string to_string(const IpAddress& address) {
  return address.v4 ? write_v4(address.bytes.data()) : write_v6(address.bytes);
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
