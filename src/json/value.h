// A JSON document as an owned tree (RFC 8259): what entities, --json output and configuration
// answers are made of.
//
// Numbers are integers only, exact, from -2^63 to 2^64-1; there is no double, so nothing is ever
// rounded. Objects keep the order of their members and never hold one name twice. Text is UTF-8
// when it came from read(); write() says what it does with text that is not.
//
//   Value v = Value::object();
//   v.set("name", "build").set("tasks", 12);
//   if (const Value* tasks = v.find("tasks")) use(tasks->as_int64());
//
// The accessors never fail loudly: they return nothing when the value is of another type, so a
// stranger's document cannot stop the program. Copying copies the whole tree; copying and comparing
// recurse as deep as the tree (read() bounds that; who builds by hand bounds it too), moving and
// destroying do not.
//
// Thread safety: values.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace writ::json {

struct Member;

template <typename I>
concept Integer = std::integral<I> && !std::same_as<I, bool> && !std::same_as<I, char>;

class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::vector<Member>;
  enum class Type { Null, Bool, Integer, String, Array, Object };

  // Null, and one value of each type. `char` and pointers other than text do not convert.
  Value();
  Value(std::same_as<bool> auto value) : state_(value) {}  // NOLINT implicit
  Value(Integer auto value) : state_(number(value)) {}     // NOLINT implicit
  Value(std::string text);                                 // NOLINT implicit
  Value(std::string_view text);                            // NOLINT implicit
  Value(const char* text);                                 // NOLINT implicit
  Value(Array items);                                      // NOLINT implicit
  Value(Object members);  // NOLINT implicit. Precondition: no name stands twice in `members`.
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();
  static Value array();
  static Value object();

  Type type() const;
  // type_name is "null", "a boolean", "a number", "a string", "an array" or "an object".
  std::string_view type_name() const;
  bool is_null() const { return type() == Type::Null; }

  // as_*: nothing when the value is of another type, or (integers) does not fit.
  std::optional<bool> as_bool() const;
  std::optional<std::int64_t> as_int64() const;
  std::optional<std::uint64_t> as_uint64() const;
  const std::string* as_string() const;
  const Array* as_array() const;
  const Object* as_object() const;

  // find returns the member `name`, or null when there is none or this is no object. Linear.
  const Value* find(std::string_view name) const;

  // set replaces or appends a member; a Null becomes an object first. Returns *this.
  // Precondition: this is an object or Null.
  Value& set(std::string_view name, Value value);
  // push appends an item; a Null becomes an array first. Returns *this.
  // Precondition: this is an array or Null.
  Value& push(Value value);

  friend bool operator==(const Value&, const Value&);

 private:
  // INVARIANT: unsigned only above the range of int64, so that equal numbers are equal states.
  using Number = std::variant<std::int64_t, std::uint64_t>;
  using State = std::variant<std::monostate, bool, Number, std::string, Array, Object>;
  static Number number(Integer auto value) {
    if (std::in_range<std::int64_t>(value)) return static_cast<std::int64_t>(value);
    return static_cast<std::uint64_t>(value);
  }

  State state_;
};

struct Member {
  std::string name;
  Value value;
};

// Two values are equal when type and content are; the order of an object's members counts.
bool operator==(const Value& a, const Value& b);
bool operator==(const Member& a, const Member& b);

}  // namespace writ::json
