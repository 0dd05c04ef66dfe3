#include "base/clock.h"

#include <cstdio>
#include <ctime>

namespace writ {

UnixSeconds seconds_of(UnixMillis time) {
  std::int64_t seconds = time.get() / 1000;
  if (time.get() % 1000 < 0) --seconds;
  return UnixSeconds(seconds);
}

std::string to_rfc3339(UnixMillis time) {
  const std::time_t seconds = seconds_of(time).get();
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return std::to_string(time.get());
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(time.get() - seconds * 1000));
  return text;
}

}  // namespace writ
