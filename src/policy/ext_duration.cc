#include "policy/ext_duration.h"

#include <array>

#include "base/bytes.h"

namespace writ::policy {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t millis;
};
constexpr std::array<Unit, 5> kUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

Error bad(std::string_view text, const char* why) {
  return Error(Code::Malformed, "`" + printable(text) + "` is not a duration: " + why);
}

}  // namespace

Result<std::int64_t> parse_duration(std::string_view text) {
  constexpr const char* kForm = "expected numbers with the units d, h, m, s, ms in this order";
  const bool negative = text.starts_with('-');
  std::size_t at = negative ? 1 : 0;
  if (at == text.size()) return bad(text, kForm);
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  bool fits = true;
  while (at < text.size()) {
    const std::size_t digits = at;
    std::int64_t part = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      const std::int64_t digit = text[at] - '0';
      fits = fits && !__builtin_mul_overflow(part, std::int64_t{10}, &part) &&
             !__builtin_add_overflow(part, negative ? -digit : digit, &part);
    }
    if (at == digits) return bad(text, kForm);
    std::size_t end = at;
    while (end < text.size() && (text[end] < '0' || text[end] > '9')) ++end;
    const std::string_view name = text.substr(at, end - at);
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kUnits.size()) return bad(text, kForm);
    fits = fits && !__builtin_mul_overflow(part, kUnits[next_unit].millis, &part) &&
           !__builtin_add_overflow(total, part, &total);
    ++next_unit;
    at = end;
  }
  if (!fits) return bad(text, "it does not fit in 64 bits of milliseconds");
  return total;
}

std::string duration_text(std::int64_t millis) {
  if (millis == 0) return "0ms";
  std::string out = millis < 0 ? "-" : "";
  std::uint64_t rest =
      millis < 0 ? 0 - static_cast<std::uint64_t>(millis) : static_cast<std::uint64_t>(millis);
  for (const Unit& unit : kUnits) {
    const auto size = static_cast<std::uint64_t>(unit.millis);
    if (rest >= size) {
      out += std::to_string(rest / size);
      out += unit.name;
      rest %= size;
    }
  }
  return out;
}

}  // namespace writ::policy
