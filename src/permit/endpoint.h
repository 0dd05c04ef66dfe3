// Hosts of endpoint rules as text: names, `*.names` and CIDRs.
//
// Pure functions; nothing is resolved. Thread safety: any thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace writ::permit {

struct Cidr {
  std::array<std::byte, 16> address{};  // IPv4 in the first four
  unsigned bits = 0;
  bool v4 = false;
};

// parse_cidr reads "ADDRESS/BITS" in its one form: the address as inet_ntop(3) writes it, the bits
// behind the prefix zero. Nothing otherwise.
std::optional<Cidr> parse_cidr(std::string_view text);

// is_host_name says whether `text` is a lower-case DNS name (letters, digits, `-`, `_`; at most 253
// bytes, 63 a label), optionally with `*.` in front. A dotted number is not a name.
bool is_host_name(std::string_view text);

// host_within says whether every host that `child` stands for is one that `parent` stands for.
bool host_within(std::string_view child, std::string_view parent);

}  // namespace writ::permit
