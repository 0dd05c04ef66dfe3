// The extension value `decimal`: a number with up to four digits after the point, kept as a
// 64-bit count of ten-thousandths. Text is a stranger's. Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::policy {

// parse_decimal reads `-?digits.digits` with one to four digits after the point. Malformed
// otherwise and when the value does not fit.
Result<std::int64_t> parse_decimal(std::string_view text);
// decimal_text is the shortest form: "-0.5", "12.0".
std::string decimal_text(std::int64_t ten_thousandths);

}  // namespace writ::policy
