#include "base/ids.h"

namespace writ {
namespace {

constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kTextLength = 26;  // 130 bits, the first two zero

}  // namespace

RunId make_run_id(UnixMillis now, std::array<std::byte, 10> random) {
  RunId::rep raw{};
  const auto millis = static_cast<std::uint64_t>(now.get());
  for (std::size_t i = 0; i < 6; ++i)
    raw[i] = static_cast<std::byte>(millis >> (40 - 8 * i) & 0xff);
  for (std::size_t i = 0; i < random.size(); ++i) raw[6 + i] = random[i];
  return RunId(raw);
}

std::string to_string(const RunId& id) {
  std::string text(kTextLength, '0');
  for (std::size_t digit = 0; digit < kTextLength; ++digit) {
    unsigned value = 0;
    for (std::size_t k = 0; k < 5; ++k) {
      const std::size_t bit = digit * 5 + k;  // counted in the 130 bits
      unsigned one = 0;
      if (bit >= 2) {
        const auto byte = std::to_integer<unsigned>(id.get()[(bit - 2) / 8]);
        one = byte >> (7 - (bit - 2) % 8) & 1U;
      }
      value = value << 1U | one;
    }
    text[digit] = kCrockford[value];
  }
  return text;
}

Result<RunId> parse_run_id(std::string_view text) {
  if (text.size() != kTextLength) {
    return Error(Code::Malformed, "a run id has 26 characters, got " + std::to_string(text.size()));
  }
  RunId::rep raw{};
  for (std::size_t digit = 0; digit < kTextLength; ++digit) {
    const std::size_t value = kCrockford.find(text[digit]);
    if (value == std::string_view::npos || (digit == 0 && value > 7)) {
      return Error(Code::Malformed, "not a run id: `" + printable(text) + "`");
    }
    for (std::size_t k = 0; k < 5; ++k) {
      const std::size_t bit = digit * 5 + k;
      if (bit < 2 || (value >> (4 - k) & 1U) == 0) continue;
      raw[(bit - 2) / 8] |= static_cast<std::byte>(1U << (7 - (bit - 2) % 8));
    }
  }
  return RunId(raw);
}

}  // namespace writ
