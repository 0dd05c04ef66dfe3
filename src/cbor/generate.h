// Test only: random CBOR values for property tests, and a plain description of a value that other
// implementations' values can be described in too (cbor2_oracle.py writes the same).
#pragma once

#include <rapidcheck.h>

#include <bit>
#include <cmath>
#include <string>

#include "cbor/diagnostic.h"
#include "cbor/value.h"

namespace writ::cbor {

inline rc::Gen<std::uint64_t> any_width() {
  // Every head width is as likely as another.
  return rc::gen::map(rc::gen::pair(rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange(0, 65)),
                      [](const std::pair<std::uint64_t, int>& drawn) {
                        return drawn.second == 64 ? UINT64_MAX : drawn.first >> (63 - drawn.second);
                      });
}

inline std::string any_text() {
  std::string text;
  for (unsigned point : *rc::gen::container<std::vector<unsigned>>(rc::gen::oneOf(
           rc::gen::inRange(0U, 0x80U), rc::gen::inRange(0x80U, 0x800U),
           rc::gen::inRange(0x800U, 0xd800U), rc::gen::inRange(0xe000U, 0x110000U)))) {
    const auto byte = [&](unsigned bits) { text += static_cast<char>(bits); };
    if (point < 0x80) {
      byte(point);
    } else if (point < 0x800) {
      byte(0xc0 | point >> 6U), byte(0x80 | (point & 0x3fU));
    } else if (point < 0x10000) {
      byte(0xe0 | point >> 12U), byte(0x80 | (point >> 6U & 0x3fU)), byte(0x80 | (point & 0x3fU));
    } else {
      byte(0xf0 | point >> 18U), byte(0x80 | (point >> 12U & 0x3fU));
      byte(0x80 | (point >> 6U & 0x3fU)), byte(0x80 | (point & 0x3fU));
    }
  }
  return text;
}

inline ByteVec any_bytes() {
  ByteVec bytes;
  for (std::uint8_t b : *rc::gen::arbitrary<std::vector<std::uint8_t>>())
    bytes.push_back(std::byte{b});
  return bytes;
}

inline double any_float() {
  const std::uint64_t bits = *rc::gen::arbitrary<std::uint64_t>();
  switch (*rc::gen::inRange(0, 4)) {
    case 0: return std::ldexp(static_cast<double>(bits % 2048), *rc::gen::inRange(-26, 7));
    case 1: return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    case 2: return std::bit_cast<double>(bits);
    default:
      return *rc::gen::element(0.0, -0.0, std::nan(""), HUGE_VAL, -HUGE_VAL, 65504.0, 65520.0,
                               5.960464477539063e-8, 1e300, 5e-324);
  }
}

// Which values a peer understands.
struct Dialect {
  bool simple = true;   // simple values but false, true, null, undefined
  bool any_key = true;  // keys of every type; else integers and strings
  bool tags = true;     // every tag; else only tags nobody gives a meaning to
};

inline Value any_value(const Dialect& dialect, int depth);

inline Value any_key(const Dialect& dialect, int depth) {
  if (dialect.any_key) return any_value(dialect, depth);
  switch (*rc::gen::inRange(0, 4)) {
    case 0: return Value::uint(*any_width());
    case 1: return Value::negative(*any_width());
    case 2: return Value::bytes(any_bytes());
    default: return Value::text(any_text());
  }
}

inline Value any_tag(const Dialect& dialect, int depth) {
  std::uint64_t number = *any_width();
  if (!dialect.tags) number = 1'000'000 + number % 1'000'000;
  if (number != 2 && number != 3) return Value::tag(number, any_value(dialect, depth));
  ByteVec digits = any_bytes();  // a bignum has no shorter form
  digits.resize(digits.size() + 9);
  digits[0] = std::byte{1};
  return Value::tag(number, Value::bytes(std::move(digits)));
}

inline Value any_value(const Dialect& dialect, int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 10 : 7)) {
    case 0: return Value::uint(*any_width());
    case 1: return Value::negative(*any_width());
    case 2: return Value::bytes(any_bytes());
    case 3: return Value::text(any_text());
    case 4: return Value::simple(*rc::gen::element<std::uint8_t>(20, 21, 22, 23));
    case 5:
      if (!dialect.simple) return Value::null();
      return Value::simple(static_cast<std::uint8_t>(
          *rc::gen::oneOf(rc::gen::inRange(0, 24), rc::gen::inRange(32, 256))));
    case 6: return Value::floating(any_float());
    case 7: {
      Value array = Value::array();
      for (int n = *rc::gen::inRange(0, 5); n > 0; --n) array.push(any_value(dialect, depth - 1));
      return array;
    }
    case 8: {
      Value map = Value::map();
      for (int n = *rc::gen::inRange(0, 5); n > 0; --n) {
        map.set(any_key(dialect, depth - 1), any_value(dialect, depth - 1));
      }
      return map;
    }
    default: return any_tag(dialect, depth - 1);
  }
}

// describe writes a value for comparison: numbers in decimal, floats as 16 hex digits of the
// double, strings in hex, maps in their order; a bignum as the number it is.
inline std::string describe(const Value& value) {
  switch (value.type()) {
    case Type::Uint:
    case Type::Nint: return diagnose(*encode(value)).value();
    case Type::Bytes: return "b" + to_hex(*value.as_bytes());
    case Type::Text: return "t" + to_hex(as_bytes(*value.as_text()));
    case Type::Bool:
    case Type::Null:
    case Type::Simple: return "s" + std::to_string(*value.as_simple());
    case Type::Float: {
      const double number = *value.as_floating();
      if (std::isnan(number)) return "fnan";
      auto bits = std::bit_cast<std::uint64_t>(number);
      ByteVec bytes(8);
      for (std::size_t i = 8; i-- > 0; bits >>= 8U) bytes[i] = static_cast<std::byte>(bits & 0xffU);
      return "f" + to_hex(bytes);
    }
    case Type::Array: {
      std::string text = "[";
      for (const Value& item : *value.as_array()) text += describe(item) + " ";
      return text + "]";
    }
    case Type::Map: {
      std::string text = "{";
      for (const Pair& pair : *value.as_map()) {
        text += describe(pair.key) + "=" + describe(pair.value) + " ";
      }
      return text + "}";
    }
    case Type::Tag:
      if (*value.tag_number() == 2 || *value.tag_number() == 3) {
        return diagnose(*encode(value)).value();
      }
      return std::to_string(*value.tag_number()) + "(" + describe(*value.tag_content()) + ")";
  }
  return "?";
}

}  // namespace writ::cbor
