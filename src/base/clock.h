// Time as a parameter: wall-clock and boot-time, real or given.
//
// Wall-clock time is for what is written down and for expiry; boot time (CLOCK_BOOTTIME, runs on
// while the machine is suspended, never jumps) is for limits and deadlines. Nothing else in Writ
// asks the operating system for the time.
//
// Thread safety: now() and boot_nanos() may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/ids.h"

namespace writ {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixMillis now() const = 0;
  virtual std::int64_t boot_nanos() const = 0;
};

// seconds_of rounds down.
UnixSeconds seconds_of(UnixMillis time);
// to_rfc3339 is UTC to the millisecond: "2026-01-02T03:04:05.678Z".
std::string to_rfc3339(UnixMillis time);

class SystemClock final : public Clock {
 public:
  UnixMillis now() const override;
  std::int64_t boot_nanos() const override;
};

// FakeClock stands still until it is moved.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(UnixMillis start) : wall_(start.get()) {}
  UnixMillis now() const override { return UnixMillis(wall_.load()); }
  std::int64_t boot_nanos() const override { return boot_.load(); }
  void advance_millis(std::int64_t millis) {
    wall_ += millis;
    boot_ += millis * 1'000'000;
  }
  void set_wall(UnixMillis time) { wall_ = time.get(); }

 private:
  std::atomic<std::int64_t> wall_;
  std::atomic<std::int64_t> boot_{0};
};

}  // namespace writ
