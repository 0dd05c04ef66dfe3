// A bar on standard error for work that takes long: shown only on a terminal, and only after half a
// second; gone when the work is done. Thread safety: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"

namespace writ::cli {

class Progress {
 public:
  Progress(const Clock& clock, std::string doing, bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // show draws the bar at most ten times a second.
  void show(std::uint64_t done, std::uint64_t total);
  std::function<void(std::uint64_t, std::uint64_t)> function() {
    return [this](std::uint64_t done, std::uint64_t total) { show(done, total); };
  }

 private:
  const Clock& clock_;
  const std::string doing_;
  const bool wanted_;
  std::int64_t next_;
  bool drawn_ = false;
};

}  // namespace writ::cli
