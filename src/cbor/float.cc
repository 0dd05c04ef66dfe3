// All conversions work on the bits, so that the compiler's and the processor's rounding have no
// say: a number is narrowed only when the bits that would be cut off are all zero.
#include "cbor/float.h"

#include <bit>
#include <cmath>

namespace writ::cbor {
namespace {

// A binary interchange format: how many bits exponent and fraction have.
struct Format {
  unsigned exponent_bits;
  unsigned fraction_bits;
  constexpr int bias() const { return (1 << (exponent_bits - 1U)) - 1; }
  constexpr std::uint64_t exponent_mask() const { return (1ULL << exponent_bits) - 1; }
  constexpr std::uint64_t fraction_mask() const { return (1ULL << fraction_bits) - 1; }
};

constexpr Format kHalf{5, 10};
constexpr Format kSingle{8, 23};
constexpr Format kDouble{11, 52};

// Widens to a double. Every value of a smaller format is a double.
double widen(std::uint64_t bits, Format from) {
  const std::uint64_t sign = bits >> (from.exponent_bits + from.fraction_bits) & 1U;
  const std::uint64_t exponent = bits >> from.fraction_bits & from.exponent_mask();
  const std::uint64_t fraction = bits & from.fraction_mask();
  double magnitude = 0;
  if (exponent == from.exponent_mask()) {
    magnitude = fraction == 0 ? HUGE_VAL : std::nan("");
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<double>(fraction),
                           1 - from.bias() - static_cast<int>(from.fraction_bits));
  } else {
    const std::uint64_t significand = fraction | (1ULL << from.fraction_bits);
    magnitude =
        std::ldexp(static_cast<double>(significand),
                   static_cast<int>(exponent) - from.bias() - static_cast<int>(from.fraction_bits));
  }
  return sign != 0 ? -magnitude : magnitude;
}

// Narrows a finite or infinite double to `to`; false when that would change the value.
bool narrow(double value, Format to, std::uint64_t& out) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t sign = bits >> 63U << (to.exponent_bits + to.fraction_bits);
  const std::uint64_t exponent = bits >> kDouble.fraction_bits & kDouble.exponent_mask();
  const std::uint64_t fraction = bits & kDouble.fraction_mask();
  if (exponent == kDouble.exponent_mask()) {  // infinity
    out = sign | to.exponent_mask() << to.fraction_bits;
    return true;
  }
  if (exponent == 0) {  // zero; a subnormal double is below every smaller format
    out = sign;
    return fraction == 0;
  }
  const unsigned cut = kDouble.fraction_bits - to.fraction_bits;
  const int scaled = static_cast<int>(exponent) - kDouble.bias() + to.bias();
  if (scaled >= static_cast<int>(to.exponent_mask())) return false;
  if (scaled > 0) {
    if ((fraction & ((1ULL << cut) - 1)) != 0) return false;
    out = sign | static_cast<std::uint64_t>(scaled) << to.fraction_bits | fraction >> cut;
    return true;
  }
  // Subnormal in the smaller format: the hidden bit becomes part of the fraction.
  const unsigned shift = cut + 1 + static_cast<unsigned>(-scaled);
  if (shift > kDouble.fraction_bits) return false;
  const std::uint64_t significand = fraction | (1ULL << kDouble.fraction_bits);
  if ((significand & ((1ULL << shift) - 1)) != 0) return false;
  out = sign | significand >> shift;
  return true;
}

}  // namespace

double float_value(std::uint64_t bits, std::size_t width) {
  if (width == 8) return std::bit_cast<double>(bits);
  return widen(bits, width == 4 ? kSingle : kHalf);
}

FloatBits shortest_float(double value) {
  if (std::isnan(value)) return {kCanonicalNan, 2};
  FloatBits shortest;
  if (narrow(value, kHalf, shortest.bits)) {
    shortest.width = 2;
  } else if (narrow(value, kSingle, shortest.bits)) {
    shortest.width = 4;
  } else {
    shortest = {std::bit_cast<std::uint64_t>(value), 8};
  }
  return shortest;
}

}  // namespace writ::cbor
