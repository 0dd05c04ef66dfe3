// The extension value `datetime`: milliseconds since 1970-01-01T00:00:00Z, signed, 64 bits,
// proleptic Gregorian calendar, UTC. Text is a stranger's. Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::policy {

// parse_datetime reads YYYY-MM-DD, or with Thh:mm:ss, an optional .SSS, and Z or ±hhmm. No leap
// second, no hour 24. Malformed otherwise.
Result<std::int64_t> parse_datetime(std::string_view text);
// datetime_text is one form per value: "2026-01-02", "2026-01-02T03:04:05.678Z"; nothing for a
// year outside 0000-9999.
std::optional<std::string> datetime_text(std::int64_t unix_millis);
// to_date rounds down to midnight; nothing when that does not fit.
std::optional<std::int64_t> to_date(std::int64_t unix_millis);
// to_time is the time since that midnight, 0 to 86,399,999.
std::int64_t to_time(std::int64_t unix_millis);

}  // namespace writ::policy
