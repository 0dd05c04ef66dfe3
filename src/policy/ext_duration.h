// The extension value `duration`: milliseconds, signed, 64 bits. Text is a stranger's.
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::policy {

// parse_duration reads `-?` and at least one of `Nd Nh Nm Ns Nms`, each once, in this order.
// Malformed otherwise and when the value does not fit.
Result<std::int64_t> parse_duration(std::string_view text);
// duration_text is one form per value: "0ms", "1d2h", "-90s" as "-1m30s".
std::string duration_text(std::int64_t millis);

}  // namespace writ::policy
