// The extension value `ipaddr`: an IPv4 or IPv6 address with a prefix length. Text is a
// stranger's. Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "policy/value.h"

namespace writ::policy {

// parse_ip reads "1.2.3.4", "1.2.3.0/24", "2001:db8::1", "2001:db8::/32". No leading zeros in
// IPv4 or in the prefix, no zone, no brackets, no IPv4 inside IPv6. Malformed otherwise.
Result<IpRange> parse_ip(std::string_view text);
// ip_text is one form per value (RFC 5952), the prefix left out when it is the whole address.
std::string ip_text(const IpRange& range);

bool ip_is_loopback(const IpRange& range);
bool ip_is_multicast(const IpRange& range);
// ip_in_range says whether every address of `inner` is in `outer`; false across families.
bool ip_in_range(const IpRange& inner, const IpRange& outer);

}  // namespace writ::policy
