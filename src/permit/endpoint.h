// Hosts of endpoint rules as text: names, `*.names` and CIDRs (base/ip_address.h).
//
// Pure functions; nothing is resolved. Thread safety: any thread.
#pragma once

#include <string_view>

#include "base/ip_address.h"

namespace writ::permit {

// is_host_name says whether `text` is a lower-case DNS name (letters, digits, `-`, `_`; at most 253
// bytes, 63 a label), optionally with `*.` in front. A dotted number is not a name.
bool is_host_name(std::string_view text);

// host_within says whether every host that `child` stands for is one that `parent` stands for.
bool host_within(std::string_view child, std::string_view parent);

}  // namespace writ::permit
