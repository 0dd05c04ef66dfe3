#include "writ/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "base/fd.h"

namespace writ::cli {
namespace {

constexpr std::int64_t kFirstAfter = 500'000'000;
constexpr std::int64_t kEvery = 100'000'000;
constexpr std::uint64_t kWidth = 30;
constexpr std::array<int, 3> kStops = {SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t stop_asked = 0;

void ask_to_stop(int number) {
  stop_asked = number;
}

void put(const std::string& text) {
  (void)write_all(FdRef(STDERR_FILENO), as_bytes(std::string_view(text)));
}

}  // namespace

Progress::Progress(const Clock& clock, std::string doing, bool quiet)
    : clock_(clock),
      doing_(std::move(doing)),
      wanted_(!quiet && ::isatty(STDERR_FILENO) == 1),
      next_(clock.boot_nanos() + kFirstAfter) {
  struct sigaction action = {};
  action.sa_handler = ask_to_stop;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  for (std::size_t i = 0; i < kStops.size(); ++i) {
    (void)::sigaction(kStops[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) (void)::sigaction(kStops[i], &action, nullptr);
  }
}

Progress::~Progress() {
  if (drawn_) put("\r\x1b[K");
  for (std::size_t i = 0; i < kStops.size(); ++i) {
    (void)::sigaction(kStops[i], &before_[i], nullptr);
  }
  if (stop_asked != 0) (void)::raise(std::exchange(stop_asked, 0));
}

// Dies of the signal that came, if one did.
void Progress::give_way() {
  if (stop_asked == 0) return;
  if (drawn_) put("\r\x1b[K");
  drawn_ = false;
  (void)std::signal(stop_asked, SIG_DFL);
  (void)::raise(stop_asked);
}

void Progress::show(std::uint64_t done, std::uint64_t total) {
  give_way();
  if (!wanted_ || total == 0 || clock_.boot_nanos() < next_) return;
  next_ = clock_.boot_nanos() + kEvery;
  drawn_ = true;
  const std::uint64_t filled = done * kWidth / total;
  put(fmt::format("\r{} [{:<{}}] {:3}%", doing_, std::string(filled, '#'), kWidth,
                  done * 100 / total));
}

}  // namespace writ::cli
