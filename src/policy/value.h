// Cedar values: bool, 64-bit long, string, entity id, set, record, and the extension values
// ip, decimal, datetime and duration. (Cedar language 4.5; formal specification: Value.)
//
// A Value is immutable and cheap to copy (16 bytes; strings, sets and records are shared by an
// atomic count). A ValueRef is the same thing borrowed: what evaluation works on; it may stand in
// memory that evaluation uses again, and to_value() copies it out.
// Equality is deep; values of different kinds are unequal. Sets drop duplicates and keep their
// elements in one fixed order, records keep their attributes in byte order of the name, so two
// equal values have the same text, the same JSON and the same iteration order on every host.
//
//   Value context = Value::record({{"tier", Value::string("sandbox")},
//                                  {"time", Value::datetime(1'767'225'600'000)}});
//
// Builders trust the program: they are not for a stranger's text (see the parsers).
// Thread safety: values; sharing one between threads is fine.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace writ::policy {

enum class Kind : std::uint8_t {
  Bool,
  Long,
  String,
  Entity,
  Set,
  Record,
  Ip,
  Decimal,
  Datetime,
  Duration,
};
// kind_name is the word used in messages: "long", "datetime", …
std::string_view kind_name(Kind kind);

class Value;
struct Field;

namespace detail {
class Arena;
// Shared, immutable payload of a value.
struct Node {
  mutable std::atomic<std::uint32_t> refs{1};  // 0: in an arena
  Kind kind;
  std::uint16_t depth;  // levels of sets and records, this one included; saturates
  Node(Kind k, std::uint16_t levels) : kind(k), depth(levels) {}
};
struct StringNode;
struct EntityNode;
bool equal_entities(const EntityNode* a, const EntityNode* b);
struct SetNode;
struct RecordNode;
struct IpNode;
void destroy(const Node* node);
}  // namespace detail

// An entity's identity: a type name ("App::User") and an id (any text).
class EntityUid {
 public:
  // The type must be a normalised name; make() does not look.
  static EntityUid make(std::string_view type, std::string_view id);
  // create checks the type name: identifiers joined by `::`, none reserved. Malformed otherwise.
  static Result<EntityUid> create(std::string_view type, std::string_view id);
  // parse reads `Type::"id"` as written in policy text.
  static Result<EntityUid> parse(std::string_view text);

  EntityUid(const EntityUid& other);
  EntityUid(EntityUid&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  EntityUid& operator=(EntityUid other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~EntityUid();

  std::string_view type() const;
  std::string_view id() const;
  // text is `Type::"id"`, escaped as policy text needs it.
  std::string text() const;

  const detail::EntityNode* node() const { return node_; }
  friend bool operator==(const EntityUid& a, const EntityUid& b) {
    return detail::equal_entities(a.node_, b.node_);
  }
  // Order: type, then id, by bytes.
  friend std::strong_ordering operator<=>(const EntityUid& a, const EntityUid& b);

 private:
  friend class Value;
  friend class ValueRef;
  explicit EntityUid(const detail::EntityNode* owned) : node_(owned) {}
  const detail::EntityNode* node_;
};

// An attribute's name: shared text that is copied by taking a share.
class Name {
 public:
  Name(std::string_view text);    // NOLINT implicit
  Name(const std::string& text);  // NOLINT implicit
  Name(const char* text);         // NOLINT implicit
  Name(const Name& other);
  Name(Name&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  Name& operator=(Name other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~Name();

  std::string_view text() const;
  operator std::string_view() const { return text(); }  // NOLINT implicit
  friend bool operator==(const Name& a, const Name& b) {
    return a.node_ == b.node_ || a.text() == b.text();
  }

 private:
  friend class detail::Arena;
  explicit Name(const detail::StringNode* owned) : node_(owned) {}
  const detail::StringNode* node_;
};

// A range of IP addresses: address (host bits kept) and prefix length.
struct IpRange {
  bool v6 = false;
  std::uint8_t prefix = 0;
  std::array<std::uint8_t, 16> address{};  // v4 uses the first four
  friend std::strong_ordering operator<=>(const IpRange&, const IpRange&) = default;
};

// A borrowed value; valid as long as the Value it came from. Accessors need the right kind.
class ValueRef {
 public:
  ValueRef() : kind_(Kind::Bool), number_(0) {}
  inline ValueRef(const Value& value);  // NOLINT implicit
  static ValueRef boolean(bool b) { return {Kind::Bool, b ? 1 : 0}; }
  static ValueRef integer(std::int64_t n) { return {Kind::Long, n}; }
  static ValueRef entity(const EntityUid& uid) { return entity(uid.node()); }
  static ValueRef entity(const detail::EntityNode* uid);
  static ValueRef number(Kind kind, std::int64_t n) { return {kind, n}; }

  Kind kind() const { return kind_; }
  bool as_bool() const { return number_ != 0; }
  // The long itself; decimal × 10^4; datetime and duration in milliseconds.
  std::int64_t as_number() const { return number_; }
  std::string_view as_string() const;
  EntityUid as_entity() const;
  // entity_node is as_entity() without taking a share.
  const detail::EntityNode* entity_node() const;
  std::span<const Value> elements() const;  // of a set, in order
  std::span<const Field> fields() const;    // of a record, in order
  const IpRange& as_ip() const;
  // find is the record's attribute, or nothing.
  std::optional<ValueRef> find(std::string_view name) const;
  // contains says whether the set holds an equal element.
  bool contains(ValueRef element) const;
  // depth counts the levels of sets and records.
  std::size_t depth() const;
  // to_value takes a share, or a copy of what evaluation has made.
  Value to_value() const;

  friend bool operator==(ValueRef a, ValueRef b);
  // compare is a total order over all values: kind first, then contents.
  friend std::strong_ordering compare(ValueRef a, ValueRef b);

 private:
  friend class Value;
  friend class detail::Arena;
  ValueRef(Kind kind, std::int64_t n) : kind_(kind), number_(n) {}
  ValueRef(Kind kind, const detail::Node* node) : kind_(kind), node_(node) {}
  bool shared() const { return kind_ >= Kind::String && kind_ <= Kind::Ip; }
  Kind kind_;
  union {
    std::int64_t number_;
    const detail::Node* node_;
  };
};

class Value {
 public:
  Value() = default;  // false
  static Value boolean(bool b);
  static Value integer(std::int64_t n);
  static Value string(std::string_view text);
  static Value entity(const EntityUid& uid);
  static Value set(std::vector<Value> elements);
  // record: of two fields with one name the later one counts.
  static Value record(std::vector<Field> fields);
  static Value ip(const IpRange& range);
  static Value decimal(std::int64_t ten_thousandths);
  static Value datetime(std::int64_t unix_millis);
  static Value duration(std::int64_t millis);

  Value(const Value& other);
  Value(Value&& other) noexcept : ref_(std::exchange(other.ref_, ValueRef())) {}
  Value& operator=(Value other) noexcept {
    std::swap(ref_, other.ref_);
    return *this;
  }
  ~Value();

  ValueRef ref() const { return ref_; }
  Kind kind() const { return ref_.kind(); }
  friend bool operator==(const Value& a, const Value& b) { return a.ref_ == b.ref_; }
  friend bool operator<(const Value& a, const Value& b) { return compare(a.ref_, b.ref_) < 0; }

 private:
  friend class ValueRef;
  friend class detail::Arena;
  explicit Value(ValueRef owned) : ref_(owned) {}
  ValueRef ref_;
};

inline ValueRef::ValueRef(const Value& value) : ValueRef(value.ref()) {}

struct Field {
  Name name;
  Value value;
};

// to_text writes a value as policy text would: `[1, User::"a"]`, `datetime("…")`.
std::string to_text(ValueRef value);
// quoted is a string literal of policy text.
std::string quoted(std::string_view text);
// is_name says whether `text` is a normalised name: identifiers joined by `::`, none reserved.
bool is_name(std::string_view text);
// is_identifier: [A-Za-z_][A-Za-z0-9_]*; reserved words count as identifiers here.
bool is_identifier(std::string_view text);
bool is_reserved(std::string_view identifier);

}  // namespace writ::policy
