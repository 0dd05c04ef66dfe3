#include "policy/ext_ip.h"

#include "base/bytes.h"

namespace writ::policy {

namespace {

constexpr std::size_t kLongest = 43;

Error bad(std::string_view text) {
  return Error(Code::Malformed, "`" + printable(text) + "` is not an IP address or range");
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool read_v4(std::string_view text, IpRange& out) {
  std::size_t at = 0;
  for (std::size_t part = 0; part < 4; ++part) {
    if (part > 0) {
      if (at >= text.size() || text[at] != '.') return false;
      ++at;
    }
    const std::size_t first = at;
    unsigned value = 0;
    while (at < text.size() && is_digit(text[at]) && at - first < 3) {
      value = value * 10 + static_cast<unsigned>(text[at++] - '0');
    }
    if (at == first || value > 255 || (at - first > 1 && text[first] == '0')) return false;
    out.address[part] = static_cast<std::uint8_t>(value);
  }
  return at == text.size();
}

bool read_v6(std::string_view text, IpRange& out) {
  std::array<unsigned, 8> groups{};
  std::size_t count = 0;
  std::size_t gap = 9;  // where `::` stands, counted in groups; 9: nowhere
  std::size_t at = 0;
  if (text.starts_with("::")) {
    gap = 0;
    at = 2;
  }
  bool need_group = gap == 9;
  while (at < text.size()) {
    if (count == 8) return false;
    const std::size_t first = at;
    unsigned value = 0;
    while (at < text.size() && at - first < 4 && hex_digit(text[at]) >= 0) {
      value = value * 16 + static_cast<unsigned>(hex_digit(text[at++]));
    }
    if (at == first) return false;
    groups[count++] = value;
    need_group = false;
    if (at == text.size()) break;
    if (text[at] != ':') return false;
    ++at;
    if (at < text.size() && text[at] == ':') {
      if (gap != 9) return false;
      gap = count;
      ++at;
    } else {
      need_group = true;
    }
  }
  if (need_group || (gap == 9 ? count != 8 : count > 7)) return false;
  const std::size_t missing = 8 - count;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t place = i < gap ? i : i + missing;
    out.address[2 * place] = static_cast<std::uint8_t>(groups[i] >> 8U);
    out.address[2 * place + 1] = static_cast<std::uint8_t>(groups[i] & 0xffU);
  }
  return true;
}

// first_bits says whether the first `count` bits are equal.
bool first_bits(const IpRange& a, const IpRange& b, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    const unsigned bit = 7U - i % 8U;
    if (((a.address[i / 8] ^ b.address[i / 8]) >> bit & 1U) != 0) return false;
  }
  return true;
}

}  // namespace

Result<IpRange> parse_ip(std::string_view text) {
  if (text.size() > kLongest) return bad(text);
  IpRange out;
  std::string_view address = text;
  std::string_view prefix;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    address = text.substr(0, slash);
    prefix = text.substr(slash + 1);
  }
  if (address.find(':') != std::string_view::npos) {
    out.v6 = true;
    if (!read_v6(address, out)) return bad(text);
  } else if (!read_v4(address, out)) {
    return bad(text);
  }
  const unsigned width = out.v6 ? 128 : 32;
  unsigned length = width;
  if (slash != std::string_view::npos) {
    length = 0;
    const std::size_t most = out.v6 ? 3 : 2;
    if (prefix.empty() || prefix.size() > most || (prefix.size() > 1 && prefix[0] == '0')) {
      return bad(text);
    }
    for (const char c : prefix) {
      if (!is_digit(c)) return bad(text);
      length = length * 10 + static_cast<unsigned>(c - '0');
    }
    if (length > width) return bad(text);
  }
  out.prefix = static_cast<std::uint8_t>(length);
  return out;
}

std::string ip_text(const IpRange& range) {
  std::string out;
  if (!range.v6) {
    for (std::size_t i = 0; i < 4; ++i) {
      if (i > 0) out += '.';
      out += std::to_string(range.address[i]);
    }
  } else {
    std::array<unsigned, 8> groups{};
    for (std::size_t i = 0; i < 8; ++i) {
      groups[i] = static_cast<unsigned>(range.address[2 * i]) << 8U | range.address[2 * i + 1];
    }
    std::size_t best = 8;
    std::size_t best_length = 1;  // a single zero group is written out
    for (std::size_t i = 0; i < 8; ++i) {
      std::size_t length = 0;
      while (i + length < 8 && groups[i + length] == 0) ++length;
      if (length > best_length) {
        best = i;
        best_length = length;
      }
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (std::size_t i = 0; i < 8; ++i) {
      if (i == best) {
        out += "::";
        i += best_length - 1;
        continue;
      }
      if (!out.empty() && out.back() != ':') out += ':';
      bool started = false;
      for (unsigned shift = 16; shift > 0; shift -= 4) {
        const unsigned digit = groups[i] >> (shift - 4) & 0xfU;
        started = started || digit != 0 || shift == 4;
        if (started) out += kDigits[digit];
      }
    }
  }
  if (range.prefix != (range.v6 ? 128 : 32)) out += "/" + std::to_string(range.prefix);
  return out;
}

bool ip_is_loopback(const IpRange& range) {
  if (!range.v6) return range.prefix >= 8 && range.address[0] == 127;
  IpRange one;
  one.address[15] = 1;
  return range.prefix == 128 && range.address == one.address;
}

bool ip_is_multicast(const IpRange& range) {
  if (!range.v6) return range.prefix >= 4 && (range.address[0] & 0xf0U) == 0xe0U;
  return range.prefix >= 8 && range.address[0] == 0xff;
}

bool ip_in_range(const IpRange& inner, const IpRange& outer) {
  return inner.v6 == outer.v6 && inner.prefix >= outer.prefix &&
         first_bits(inner, outer, outer.prefix);
}

}  // namespace writ::policy
