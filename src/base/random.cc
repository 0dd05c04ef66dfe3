#include "base/random.h"

#include <sys/random.h>

#include <cerrno>

#include "base/result.h"

namespace writ {

void SystemRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    WRIT_ASSERT(got > 0);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

// SplitMix64: every seed, zero too, gives a full-period sequence.
void SeededRandom::fill(std::span<std::byte> out) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 8 == 0) {
      state_ += 0x9e3779b97f4a7c15U;
      word = state_;
      word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9U;
      word = (word ^ (word >> 27)) * 0x94d049bb133111ebU;
      word ^= word >> 31;
    }
    out[i] = static_cast<std::byte>(word >> (8 * (i % 8)) & 0xff);
  }
}

}  // namespace writ
