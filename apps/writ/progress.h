// A bar on standard error for work that takes long: shown only on a terminal, and only after half a
// second; gone when the work is done.
//
// While there is one, a first SIGINT, SIGTERM or SIGHUP is taken at the next `show`, which is
// called between two steps of the work: nothing half-written is left, and the process dies of that
// signal. A second one kills at once. Signals that were ignored stay so.
//
// Thread safety: one thread, one Progress at a time.
#pragma once

#include <array>
#include <csignal>
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
  void give_way();

  const Clock& clock_;
  const std::string doing_;
  const bool wanted_;
  std::int64_t next_;
  bool drawn_ = false;
  std::array<struct sigaction, 3> before_ = {};
};

}  // namespace writ::cli
