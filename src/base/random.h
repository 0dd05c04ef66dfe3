// Randomness as a parameter: the kernel's, or a given sequence.
//
// Whoever needs random bytes takes a `Random&`; nothing else in Writ asks for any. (OpenSSL mixes
// its own into ES256 signing, see crypto/keys.h; no result depends on it.)
//
// Thread safety: SystemRandom may be used from any thread; SeededRandom from one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace writ {

class Random {
 public:
  virtual ~Random() = default;
  // fill overwrites all of `out`. There is no failure a caller could handle: an implementation
  // that cannot fill ends the process.
  virtual void fill(std::span<std::byte> out) = 0;
};

// SystemRandom is getrandom(2): it waits until the kernel's pool is ready and never repeats.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
};

// SeededRandom is the same sequence for the same seed. For tests and benchmarks: whoever knows
// the seed knows every byte.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::byte> out) override;

 private:
  std::uint64_t state_;
};

}  // namespace writ
