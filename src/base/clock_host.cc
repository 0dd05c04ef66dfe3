#include <ctime>

#include "base/clock.h"

namespace writ {

UnixMillis SystemClock::now() const {
  timespec time{};
  WRIT_ASSERT(clock_gettime(CLOCK_REALTIME, &time) == 0);
  return UnixMillis(time.tv_sec * 1000 + time.tv_nsec / 1'000'000);
}

std::int64_t SystemClock::boot_nanos() const {
  timespec time{};
  WRIT_ASSERT(clock_gettime(CLOCK_BOOTTIME, &time) == 0);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace writ
