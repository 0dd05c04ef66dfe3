#include "permit/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace writ::permit {
namespace {

bool bits_are_zero_after(const Cidr& cidr) {
  const unsigned total = cidr.v4 ? 32 : 128;
  for (unsigned bit = cidr.bits; bit < total; ++bit) {
    const auto byte = std::to_integer<unsigned>(cidr.address[bit / 8]);
    if ((byte >> (7 - bit % 8) & 1U) != 0) return false;
  }
  return true;
}

bool same_prefix(const Cidr& a, const Cidr& b, unsigned bits) {
  for (unsigned bit = 0; bit < bits; ++bit) {
    const unsigned shift = 7 - bit % 8;
    const auto left = std::to_integer<unsigned>(a.address[bit / 8]) >> shift & 1U;
    const auto right = std::to_integer<unsigned>(b.address[bit / 8]) >> shift & 1U;
    if (left != right) return false;
  }
  return true;
}

}  // namespace

std::optional<Cidr> parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || text.size() > 64) return std::nullopt;
  const std::string address(text.substr(0, slash));
  const std::string_view bits = text.substr(slash + 1);
  if (address.find('\0') != std::string::npos) return std::nullopt;
  Cidr cidr;
  cidr.v4 = address.find(':') == std::string::npos;
  const int family = cidr.v4 ? AF_INET : AF_INET6;
  if (inet_pton(family, address.c_str(), cidr.address.data()) != 1) return std::nullopt;
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), cidr.bits);
  if (error != std::errc() || end != bits.data() + bits.size()) return std::nullopt;
  if (std::to_string(cidr.bits) != bits || cidr.bits > (cidr.v4 ? 32U : 128U)) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> written{};
  if (inet_ntop(family, cidr.address.data(), written.data(), written.size()) == nullptr ||
      address != written.data()) {
    return std::nullopt;
  }
  if (!bits_are_zero_after(cidr)) return std::nullopt;
  return cidr;
}

bool is_host_name(std::string_view text) {
  if (text.substr(0, 2) == "*.") text.remove_prefix(2);
  if (text.empty() || text.size() > 253) return false;
  bool letter = false;
  std::size_t label = 0;
  char before = '.';
  for (const char c : text) {
    if (c == '.') {
      if (label == 0 || before == '-') return false;
      label = 0;
    } else {
      const bool alpha = (c >= 'a' && c <= 'z') || c == '_';
      const bool inner = c == '-' && label > 0;
      if (!alpha && !inner && !(c >= '0' && c <= '9')) return false;
      letter = letter || alpha;
      if (++label > 63) return false;
    }
    before = c;
  }
  return label > 0 && before != '-' && letter;
}

bool host_within(std::string_view child, std::string_view parent) {
  if (child == parent) return true;
  const std::optional<Cidr> inner = parse_cidr(child);
  const std::optional<Cidr> outer = parse_cidr(parent);
  if (inner || outer) {
    return inner && outer && inner->v4 == outer->v4 && inner->bits >= outer->bits &&
           same_prefix(*inner, *outer, outer->bits);
  }
  if (parent.substr(0, 2) != "*.") return false;
  const std::string_view suffix = parent.substr(1);  // ".example.org"
  return child.size() > suffix.size() && child.substr(child.size() - suffix.size()) == suffix;
}

}  // namespace writ::permit
