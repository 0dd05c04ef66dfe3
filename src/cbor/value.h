// One CBOR item as an owned tree, for what has no fixed shape: claims, entities, decision inputs.
//
// decode() accepts deterministic CBOR only (cbor/reader.h); encode() gives deterministic CBOR.
// encode(decode(x)) is x. Maps are kept sorted in the order of their encoding and hold a key once,
// so equal trees have equal encodings.
//
//   Value claims = TRY(decode(payload));
//   if (const Value* issuer = claims.find(1)) use(issuer->as_text());
//   Value v = Value::map();
//   v.set("tasks", Value::integer(12));
//
// The accessors return nothing when the value is of another type. Copying and destroying recurse
// as deep as the tree; decode() bounds that, who builds by hand bounds it too.
// Thread safety: values.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "cbor/reader.h"

namespace writ::cbor {

struct Pair;

class Value {
 public:
  using Array = std::vector<Value>;
  using Map = std::vector<Pair>;  // sorted by key

  // Default: null.
  Value();
  static Value null() { return Value(); }
  static Value uint(std::uint64_t value);
  static Value negative(std::uint64_t n);  // the number -1 - n
  static Value integer(std::int64_t value);
  static Value bytes(ByteVec value);
  static Value text(std::string value);
  static Value boolean(bool value);
  static Value simple(std::uint8_t value);  // dies for 24…31
  static Value floating(double value);
  static Value array(Array items = {});
  static Value map();
  static Value tag(std::uint64_t number, Value content);

  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  Type type() const;
  bool is_null() const { return type() == Type::Null; }
  std::optional<std::uint64_t> as_uint() const;
  std::optional<std::uint64_t> as_negative() const;  // n of -1 - n
  std::optional<std::int64_t> as_integer() const;    // either sign, when it fits
  const ByteVec* as_bytes() const;
  const std::string* as_text() const;
  std::optional<bool> as_boolean() const;
  std::optional<std::uint8_t> as_simple() const;  // also false, true and null
  std::optional<double> as_floating() const;
  const Array* as_array() const;
  const Map* as_map() const;
  std::optional<std::uint64_t> tag_number() const;
  const Value* tag_content() const;

  // find looks a key up by binary search; null when there is none or this is no map.
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  const Value* find(std::int64_t key) const;
  // set adds or replaces a pair. Precondition: a map. Returns *this.
  Value& set(Value key, Value value);
  Value& set(std::string_view key, Value value);
  Value& set(std::int64_t key, Value value);
  // push appends an item. Precondition: an array. Returns *this.
  Value& push(Value item);

  // The order is that of the encodings (RFC 8949 §4.2.1). All NaNs are one value.
  friend std::strong_ordering operator<=>(const Value& a, const Value& b);
  friend bool operator==(const Value& a, const Value& b) { return (a <=> b) == 0; }

 private:
  struct Nint {
    std::uint64_t n;
  };
  struct Simple {
    std::uint8_t number;
  };
  struct Tagged {
    std::uint64_t number;
    std::vector<Value> content;  // INVARIANT: exactly one
  };
  using State =
      std::variant<std::uint64_t, Nint, ByteVec, std::string, Array, Map, Tagged, Simple, double>;
  explicit Value(State state);
  friend class Builder;

  State state_;
};

struct Pair {
  Value key;
  Value value;
};

// decode() never goes deeper than kDepthCap, whatever `depth` says.
inline constexpr std::size_t kDepthCap = 512;

struct Limits {
  std::size_t depth = kMaxDepth;
  std::size_t values = 250'000;  // nodes of the tree; what bounds memory
};

// decode reads exactly one item. Malformed as Reader does (fault kind: see find_fault);
// Exhausted when there are more values than the limit.
Result<Value> decode(Bytes bytes, const Limits& limits = {});

// encode fails only for text that is not UTF-8 (InvalidArgument).
Result<ByteVec> encode(const Value& value);

}  // namespace writ::cbor
