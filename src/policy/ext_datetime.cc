#include "policy/ext_datetime.h"

#include <array>

#include "base/bytes.h"

namespace writ::policy {

namespace {

constexpr std::int64_t kDay = 86'400'000;

bool is_leap(std::int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

std::int64_t days_in_month(std::int64_t year, std::int64_t month) {
  constexpr std::array<std::int64_t, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

// Years begin in March here, so that the leap day is the last of its year.
std::int64_t days_from_civil(std::int64_t year, std::int64_t month, std::int64_t day) {
  const std::int64_t y = month <= 2 ? year - 1 : year;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const std::int64_t of_era = y - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

Error bad(std::string_view text, const char* why) {
  return Error(Code::Malformed, "`" + printable(text) + "` is not a datetime: " + why);
}

// A cursor over fixed-width digits; anything unexpected makes it fail for good.
struct Reader {
  std::string_view rest;
  bool good = true;

  std::int64_t digits(std::size_t count) {
    std::int64_t value = 0;
    if (rest.size() < count) good = false;
    for (std::size_t i = 0; i < count && good; ++i) {
      if (rest[i] < '0' || rest[i] > '9') good = false;
      value = value * 10 + (rest[i] - '0');
    }
    if (good) rest.remove_prefix(count);
    return value;
  }
  void expect(char c) {
    if (!rest.starts_with(c)) good = false;
    if (good) rest.remove_prefix(1);
  }
};

std::string padded(std::int64_t number, std::size_t width) {
  std::string text = std::to_string(number);
  return std::string(width > text.size() ? width - text.size() : 0, '0') + text;
}

}  // namespace

Result<std::int64_t> parse_datetime(std::string_view text) {
  constexpr const char* kForm =
      "expected YYYY-MM-DD, or YYYY-MM-DDThh:mm:ss with an optional .SSS and then Z or +hhmm";
  Reader in{text};
  const std::int64_t year = in.digits(4);
  in.expect('-');
  const std::int64_t month = in.digits(2);
  in.expect('-');
  const std::int64_t day = in.digits(2);
  if (!in.good) return bad(text, kForm);
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
    return bad(text, "there is no such day");
  }
  std::int64_t value = days_from_civil(year, month, day) * kDay;
  if (in.rest.empty()) return value;

  in.expect('T');
  const std::int64_t hour = in.digits(2);
  in.expect(':');
  const std::int64_t minute = in.digits(2);
  in.expect(':');
  const std::int64_t second = in.digits(2);
  std::int64_t millis = 0;
  if (in.good && in.rest.starts_with('.')) {
    in.expect('.');
    millis = in.digits(3);
  }
  if (!in.good) return bad(text, kForm);
  if (hour > 23 || minute > 59 || second > 59) return bad(text, "there is no such time of day");
  value += hour * 3'600'000 + minute * 60'000 + second * 1'000 + millis;

  if (in.rest == "Z") return value;
  const bool east = in.rest.starts_with('+');
  if (!east && !in.rest.starts_with('-')) return bad(text, kForm);
  in.rest.remove_prefix(1);
  const std::int64_t offset_hour = in.digits(2);
  const std::int64_t offset_minute = in.digits(2);
  if (!in.good || !in.rest.empty()) return bad(text, kForm);
  if (offset_hour > 23 || offset_minute > 59) return bad(text, "there is no such offset");
  const std::int64_t offset = offset_hour * 3'600'000 + offset_minute * 60'000;
  return east ? value - offset : value + offset;
}

std::int64_t to_time(std::int64_t unix_millis) {
  const std::int64_t rest = unix_millis % kDay;
  return rest < 0 ? rest + kDay : rest;
}

std::optional<std::int64_t> to_date(std::int64_t unix_millis) {
  std::int64_t out = 0;
  if (__builtin_sub_overflow(unix_millis, to_time(unix_millis), &out)) return std::nullopt;
  return out;
}

std::optional<std::string> datetime_text(std::int64_t unix_millis) {
  const auto date = to_date(unix_millis);
  if (!date) return std::nullopt;
  const std::int64_t shifted = *date / kDay + 719'468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const std::int64_t of_era = shifted - era * 146'097;
  const std::int64_t year_of_era =
      (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t march_month = (5 * of_year + 2) / 153;
  const std::int64_t day = of_year - (153 * march_month + 2) / 5 + 1;
  const std::int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
  const std::int64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
  if (year < 0 || year > 9999) return std::nullopt;
  std::string out = padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2);
  const std::int64_t time = to_time(unix_millis);
  if (time == 0) return out;
  out += "T" + padded(time / 3'600'000, 2) + ":" + padded(time / 60'000 % 60, 2) + ":" +
         padded(time / 1'000 % 60, 2);
  if (time % 1'000 != 0) out += "." + padded(time % 1'000, 3);
  return out + "Z";
}

}  // namespace writ::policy
