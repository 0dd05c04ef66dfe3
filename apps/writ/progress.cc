#include "writ/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/fd.h"

namespace writ::cli {
namespace {

constexpr std::int64_t kFirstAfter = 500'000'000;
constexpr std::int64_t kEvery = 100'000'000;
constexpr std::uint64_t kWidth = 30;

void put(const std::string& text) {
  (void)write_all(FdRef(STDERR_FILENO), as_bytes(std::string_view(text)));
}

}  // namespace

Progress::Progress(const Clock& clock, std::string doing, bool quiet)
    : clock_(clock),
      doing_(std::move(doing)),
      wanted_(!quiet && ::isatty(STDERR_FILENO) == 1),
      next_(clock.boot_nanos() + kFirstAfter) {}

Progress::~Progress() {
  if (drawn_) put("\r\x1b[K");
}

void Progress::show(std::uint64_t done, std::uint64_t total) {
  if (!wanted_ || total == 0 || clock_.boot_nanos() < next_) return;
  next_ = clock_.boot_nanos() + kEvery;
  drawn_ = true;
  const std::uint64_t filled = done * kWidth / total;
  put(fmt::format("\r{} [{:<{}}] {:3}%", doing_, std::string(filled, '#'), kWidth,
                  done * 100 / total));
}

}  // namespace writ::cli
