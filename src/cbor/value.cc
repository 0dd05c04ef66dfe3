// encode and compare recurse only as deep as the tree, which decode bounds by kDepthCap.
#include "cbor/value.h"

#include <algorithm>
#include <compare>

#include "cbor/float.h"
#include "cbor/writer.h"

namespace writ::cbor {
namespace {

constexpr std::uint8_t kFalse = 20;
constexpr std::uint8_t kTrue = 21;
constexpr std::uint8_t kNull = 22;

// The rank of a value's major type: the first thing that differs between two encodings.
int major_of(const Value& value) {
  switch (value.type()) {
    case Type::Uint: return 0;
    case Type::Nint: return 1;
    case Type::Bytes: return 2;
    case Type::Text: return 3;
    case Type::Array: return 4;
    case Type::Map: return 5;
    case Type::Tag: return 6;
    case Type::Bool:
    case Type::Null:
    case Type::Simple:
    case Type::Float: return 7;
  }
  return 8;
}

// Shorter strings first, then bytewise: the length stands in the head.
std::strong_ordering compare_strings(Bytes a, Bytes b) {
  if (a.size() != b.size()) return a.size() <=> b.size();
  const auto [at, other] = std::mismatch(a.begin(), a.end(), b.begin());
  return at == a.end() ? std::strong_ordering::equal : *at <=> *other;
}

// Simple values and floats: by the width that follows the first byte, then by content.
struct Seventh {
  std::size_t width;
  std::uint64_t bits;
  friend auto operator<=>(const Seventh&, const Seventh&) = default;
};

Seventh seventh_of(const Value& value) {
  if (auto number = value.as_simple()) return {*number < 24 ? 0U : 1U, *number};
  const FloatBits shortest = shortest_float(value.as_floating().value_or(0));
  return {shortest.width, shortest.bits};
}

}  // namespace

Value::Value() : state_(Simple{kNull}) {}
Value::Value(State state) : state_(std::move(state)) {}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

Value Value::uint(std::uint64_t value) {
  return Value(State(std::in_place_index<0>, value));
}
Value Value::negative(std::uint64_t n) {
  return Value(State(Nint{n}));
}
Value Value::integer(std::int64_t value) {
  if (value >= 0) return uint(static_cast<std::uint64_t>(value));
  return negative(static_cast<std::uint64_t>(-1 - value));
}
Value Value::bytes(ByteVec value) {
  return Value(State(std::move(value)));
}
Value Value::text(std::string value) {
  return Value(State(std::move(value)));
}
Value Value::boolean(bool value) {
  return Value(State(Simple{value ? kTrue : kFalse}));
}
Value Value::simple(std::uint8_t value) {
  WRIT_ASSERT(value < 24 || value >= 32);
  return Value(State(Simple{value}));
}
Value Value::floating(double value) {
  return Value(State(value));
}
Value Value::array(Array items) {
  return Value(State(std::move(items)));
}
Value Value::map() {
  return Value(State(Map{}));
}
Value Value::tag(std::uint64_t number, Value content) {
  Tagged tagged{number, {}};
  tagged.content.push_back(std::move(content));
  return Value(State(std::move(tagged)));
}

Type Value::type() const {
  struct Visitor {
    Type operator()(std::uint64_t) const { return Type::Uint; }
    Type operator()(const Nint&) const { return Type::Nint; }
    Type operator()(const ByteVec&) const { return Type::Bytes; }
    Type operator()(const std::string&) const { return Type::Text; }
    Type operator()(const Array&) const { return Type::Array; }
    Type operator()(const Map&) const { return Type::Map; }
    Type operator()(const Tagged&) const { return Type::Tag; }
    Type operator()(const Simple& simple) const {
      if (simple.number == kFalse || simple.number == kTrue) return Type::Bool;
      return simple.number == kNull ? Type::Null : Type::Simple;
    }
    Type operator()(double) const { return Type::Float; }
  };
  return std::visit(Visitor{}, state_);
}

std::optional<std::uint64_t> Value::as_uint() const {
  if (const auto* value = std::get_if<std::uint64_t>(&state_)) return *value;
  return std::nullopt;
}

std::optional<std::uint64_t> Value::as_negative() const {
  if (const auto* value = std::get_if<Nint>(&state_)) return value->n;
  return std::nullopt;
}

std::optional<std::int64_t> Value::as_integer() const {
  if (auto value = as_uint(); value && std::in_range<std::int64_t>(*value)) {
    return static_cast<std::int64_t>(*value);
  }
  if (auto n = as_negative(); n && std::in_range<std::int64_t>(*n)) {
    return -1 - static_cast<std::int64_t>(*n);
  }
  return std::nullopt;
}

const ByteVec* Value::as_bytes() const {
  return std::get_if<ByteVec>(&state_);
}
const std::string* Value::as_text() const {
  return std::get_if<std::string>(&state_);
}

std::optional<bool> Value::as_boolean() const {
  if (type() != Type::Bool) return std::nullopt;
  return *as_simple() == kTrue;
}

std::optional<std::uint8_t> Value::as_simple() const {
  if (const auto* value = std::get_if<Simple>(&state_)) return value->number;
  return std::nullopt;
}

std::optional<double> Value::as_floating() const {
  if (const auto* value = std::get_if<double>(&state_)) return *value;
  return std::nullopt;
}

const Value::Array* Value::as_array() const {
  return std::get_if<Array>(&state_);
}
const Value::Map* Value::as_map() const {
  return std::get_if<Map>(&state_);
}

std::optional<std::uint64_t> Value::tag_number() const {
  if (const auto* value = std::get_if<Tagged>(&state_)) return value->number;
  return std::nullopt;
}

const Value* Value::tag_content() const {
  const auto* value = std::get_if<Tagged>(&state_);
  return value != nullptr ? &value->content.front() : nullptr;
}

const Value* Value::find(const Value& key) const {
  const Map* map = as_map();
  if (map == nullptr) return nullptr;
  const auto at = std::lower_bound(map->begin(), map->end(), key,
                                   [](const Pair& pair, const Value& k) { return pair.key < k; });
  return at != map->end() && at->key == key ? &at->value : nullptr;
}

const Value* Value::find(std::string_view key) const {
  return find(text(std::string(key)));
}
const Value* Value::find(std::int64_t key) const {
  return find(integer(key));
}

Value& Value::set(Value key, Value value) {
  Map* map = std::get_if<Map>(&state_);
  WRIT_ASSERT(map != nullptr);
  const auto at = std::lower_bound(map->begin(), map->end(), key,
                                   [](const Pair& pair, const Value& k) { return pair.key < k; });
  if (at != map->end() && at->key == key) {
    at->value = std::move(value);
  } else {
    map->insert(at, Pair{std::move(key), std::move(value)});
  }
  return *this;
}

Value& Value::set(std::string_view key, Value value) {
  return set(text(std::string(key)), std::move(value));
}
Value& Value::set(std::int64_t key, Value value) {
  return set(integer(key), std::move(value));
}

Value& Value::push(Value item) {
  Array* array = std::get_if<Array>(&state_);
  WRIT_ASSERT(array != nullptr);
  array->push_back(std::move(item));
  return *this;
}

std::strong_ordering operator<=>(const Value& a, const Value& b) {
  const int major = major_of(a);
  if (major != major_of(b)) return major <=> major_of(b);
  switch (a.type()) {
    case Type::Uint: return *a.as_uint() <=> *b.as_uint();
    case Type::Nint: return *a.as_negative() <=> *b.as_negative();
    case Type::Bytes: return compare_strings(*a.as_bytes(), *b.as_bytes());
    case Type::Text: return compare_strings(as_bytes(*a.as_text()), as_bytes(*b.as_text()));
    case Type::Array: {
      const auto& x = *a.as_array();
      const auto& y = *b.as_array();
      if (x.size() != y.size()) return x.size() <=> y.size();
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (const auto order = x[i] <=> y[i]; order != 0) return order;
      }
      return std::strong_ordering::equal;
    }
    case Type::Map: {
      const auto& x = *a.as_map();
      const auto& y = *b.as_map();
      if (x.size() != y.size()) return x.size() <=> y.size();
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (const auto order = x[i].key <=> y[i].key; order != 0) return order;
        if (const auto order = x[i].value <=> y[i].value; order != 0) return order;
      }
      return std::strong_ordering::equal;
    }
    case Type::Tag:
      if (*a.tag_number() != *b.tag_number()) return *a.tag_number() <=> *b.tag_number();
      return *a.tag_content() <=> *b.tag_content();
    case Type::Bool:
    case Type::Null:
    case Type::Simple:
    case Type::Float: break;
  }
  return seventh_of(a) <=> seventh_of(b);
}

namespace {

void write(Writer& out, const Value& value) {
  switch (value.type()) {
    case Type::Uint: out.uint(*value.as_uint()); break;
    case Type::Nint: out.negative(*value.as_negative()); break;
    case Type::Bytes: out.bytes(*value.as_bytes()); break;
    case Type::Text: out.text(*value.as_text()); break;
    case Type::Array:
      out.array([&] {
        for (const Value& item : *value.as_array()) write(out, item);
      });
      break;
    case Type::Map:
      out.map([&] {
        for (const Pair& pair : *value.as_map()) {
          write(out, pair.key);
          write(out, pair.value);
        }
      });
      break;
    case Type::Tag:
      out.tag(*value.tag_number());
      write(out, *value.tag_content());
      break;
    case Type::Bool:
    case Type::Null:
    case Type::Simple: out.simple(*value.as_simple()); break;
    case Type::Float: out.floating(*value.as_floating()); break;
  }
}

}  // namespace

Result<ByteVec> encode(const Value& value) {
  Writer out;
  write(out, value);
  return std::move(out).finish();
}

}  // namespace writ::cbor
