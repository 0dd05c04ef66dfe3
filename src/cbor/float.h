// Floating-point numbers as CBOR carries them: half, single and double (IEEE 754), and the
// shortest of the three that keeps a value (RFC 8949 §4.2.1). Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace writ::cbor {

inline constexpr std::uint64_t kCanonicalNan = 0x7e00;

struct FloatBits {
  std::uint64_t bits = 0;
  std::size_t width = 0;  // 2, 4 or 8 bytes
};

// float_value widens `bits` of a half, single or double (`width` 2, 4, 8). Any NaN becomes a NaN.
double float_value(std::uint64_t bits, std::size_t width);

// shortest_float is the shortest form that widens to exactly `value`; every NaN is f97e00.
FloatBits shortest_float(double value);

}  // namespace writ::cbor
