#include "policy/ext_decimal.h"

#include "base/bytes.h"

namespace writ::policy {

namespace {
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
Error bad(std::string_view text, const char* why) {
  return Error(Code::Malformed, "`" + printable(text) + "` is not a decimal: " + why);
}
}  // namespace

Result<std::int64_t> parse_decimal(std::string_view text) {
  std::size_t at = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) at = 1;
  std::int64_t value = 0;
  std::size_t whole = 0;
  std::size_t fraction = 0;
  bool point = false;
  bool fits = true;
  // Digits accumulate with the sign, so that the least value has a way in.
  const auto push = [&](std::int64_t digit) {
    fits = fits && !__builtin_mul_overflow(value, std::int64_t{10}, &value) &&
           !__builtin_add_overflow(value, negative ? -digit : digit, &value);
  };
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_digit(text[at])) return bad(text, "expected digits, a point, digits");
    (point ? fraction : whole) += 1;
    if (fraction <= 4) push(text[at] - '0');
  }
  if (whole == 0 || fraction == 0) return bad(text, "digits are needed on both sides of the point");
  if (fraction > 4) return bad(text, "at most four digits after the point");
  for (; fraction < 4; ++fraction) push(0);
  if (!fits) return bad(text, "it does not fit in 64 bits");
  return value;
}

std::string decimal_text(std::int64_t ten_thousandths) {
  const bool negative = ten_thousandths < 0;
  const std::uint64_t size = negative ? 0 - static_cast<std::uint64_t>(ten_thousandths)
                                      : static_cast<std::uint64_t>(ten_thousandths);
  std::string fraction = std::to_string(10'000 + size % 10'000).substr(1);
  while (fraction.size() > 1 && fraction.back() == '0') fraction.pop_back();
  return (negative ? "-" : "") + std::to_string(size / 10'000) + "." + fraction;
}

}  // namespace writ::policy
