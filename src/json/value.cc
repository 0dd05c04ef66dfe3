#include "json/value.h"

#include "base/result.h"

namespace writ::json {

Value::Value() = default;
Value::Value(std::string text) : state_(std::move(text)) {}
Value::Value(std::string_view text) : state_(std::string(text)) {}
Value::Value(const char* text) : state_(std::string(text)) {}
Value::Value(Array items) : state_(std::move(items)) {}
Value::Value(Object members) : state_(std::move(members)) {}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
// Deep trees are taken apart in a loop: a chain of a hundred thousand levels costs no stack.
Value::~Value() {
  std::vector<Value> open;
  const auto take_children = [&open](Value& from) {
    const auto take = [&open](Value& child) {
      const Array* items = child.as_array();
      const Object* members = child.as_object();
      if ((items != nullptr && !items->empty()) || (members != nullptr && !members->empty())) {
        open.push_back(std::move(child));
      }
    };
    if (auto* items = std::get_if<Array>(&from.state_)) {
      for (Value& item : *items) take(item);
    } else if (auto* members = std::get_if<Object>(&from.state_)) {
      for (Member& member : *members) take(member.value);
    }
  };
  take_children(*this);
  while (!open.empty()) {
    Value next = std::move(open.back());
    open.pop_back();
    take_children(next);
  }
}

Value Value::array() {
  return Array{};
}
Value Value::object() {
  return Object{};
}

Value::Type Value::type() const {
  struct Visitor {
    Type operator()(std::monostate) const { return Type::Null; }
    Type operator()(bool) const { return Type::Bool; }
    Type operator()(const Number&) const { return Type::Integer; }
    Type operator()(const std::string&) const { return Type::String; }
    Type operator()(const Array&) const { return Type::Array; }
    Type operator()(const Object&) const { return Type::Object; }
  };
  return std::visit(Visitor{}, state_);
}

std::string_view Value::type_name() const {
  switch (type()) {
    case Type::Null: return "null";
    case Type::Bool: return "a boolean";
    case Type::Integer: return "a number";
    case Type::String: return "a string";
    case Type::Array: return "an array";
    case Type::Object: return "an object";
  }
  return "an unknown value";
}

std::optional<bool> Value::as_bool() const {
  if (const bool* value = std::get_if<bool>(&state_)) return *value;
  return std::nullopt;
}

std::optional<std::int64_t> Value::as_int64() const {
  if (const Number* number = std::get_if<Number>(&state_)) {
    if (const auto* value = std::get_if<std::int64_t>(number)) return *value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Value::as_uint64() const {
  const Number* number = std::get_if<Number>(&state_);
  if (number == nullptr) return std::nullopt;
  if (const auto* value = std::get_if<std::uint64_t>(number)) return *value;
  const std::int64_t value = *std::get_if<std::int64_t>(number);
  if (value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

const std::string* Value::as_string() const {
  return std::get_if<std::string>(&state_);
}
const Value::Array* Value::as_array() const {
  return std::get_if<Array>(&state_);
}
const Value::Object* Value::as_object() const {
  return std::get_if<Object>(&state_);
}

const Value* Value::find(std::string_view name) const {
  const Object* members = as_object();
  if (members == nullptr) return nullptr;
  for (const Member& member : *members) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

Value& Value::set(std::string_view name, Value value) {
  if (is_null()) state_ = Object{};
  Object* members = std::get_if<Object>(&state_);
  WRIT_ASSERT(members != nullptr);
  for (Member& member : *members) {
    if (member.name == name) {
      member.value = std::move(value);
      return *this;
    }
  }
  members->push_back({std::string(name), std::move(value)});
  return *this;
}

Value& Value::push(Value value) {
  if (is_null()) state_ = Array{};
  Array* items = std::get_if<Array>(&state_);
  WRIT_ASSERT(items != nullptr);
  items->push_back(std::move(value));
  return *this;
}

bool operator==(const Value& a, const Value& b) {
  return a.state_ == b.state_;
}
bool operator==(const Member& a, const Member& b) {
  return a.name == b.name && a.value == b.value;
}

}  // namespace writ::json
