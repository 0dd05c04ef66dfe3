#include "policy/value.h"

#include <algorithm>
#include <memory>

#include "base/bytes.h"
#include "policy/ext_datetime.h"
#include "policy/ext_decimal.h"
#include "policy/ext_duration.h"
#include "policy/ext_ip.h"
#include "policy/lexer.h"
#include "policy/limits.h"
#include "policy/value_internal.h"

namespace writ::policy {

namespace {

constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325ULL;
constexpr std::uint64_t kFnvPrime = 0x100000001b3ULL;

std::uint64_t fnv(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kFnvPrime;
  return hash;
}

std::uint64_t mix(std::uint64_t h) {
  h ^= h >> 32U;
  h *= 0xd6e8feb86659fd93ULL;
  h ^= h >> 32U;
  return h;
}

std::uint16_t levels_above(std::size_t below) {
  return static_cast<std::uint16_t>(std::min<std::size_t>(below + 1, UINT16_MAX));
}

}  // namespace

namespace detail {

const StringNode* StringNode::make(std::string_view text) {
  void* memory = ::operator new(sizeof(StringNode) + text.size());
  auto* node = new (memory) StringNode(text.size());
  if (!text.empty()) std::memcpy(static_cast<void*>(node + 1), text.data(), text.size());
  return node;
}

EntityNode::EntityNode(std::string_view type, std::string_view id)
    : Node(Kind::Entity, 0), id_size(id.size()) {
  const std::uint64_t of_type = fnv(kFnvBasis, type);
  hash = mix(fnv(of_type * kFnvPrime, id));
  type_hash = static_cast<std::uint32_t>(mix(of_type));
  type_size = static_cast<std::uint32_t>(type.size());
}

const EntityNode* EntityNode::make(std::string_view type, std::string_view id) {
  WRIT_ASSERT(type.size() <= UINT32_MAX);
  void* memory = ::operator new(sizeof(EntityNode) + type.size() + id.size());
  auto* node = new (memory) EntityNode(type, id);
  char* text = reinterpret_cast<char*>(node + 1);
  if (!type.empty()) std::memcpy(text, type.data(), type.size());
  if (!id.empty()) std::memcpy(text + type.size(), id.data(), id.size());
  return node;
}

std::uint32_t type_hash(std::string_view type) {
  return static_cast<std::uint32_t>(mix(fnv(kFnvBasis, type)));
}

bool equal_entities(const EntityNode* a, const EntityNode* b) {
  return same_entity(a, b);
}

bool search_less(const EntityNode* a, const EntityNode* b) {
  if (a->hash != b->hash) return a->hash < b->hash;
  if (const int order = a->id().compare(b->id()); order != 0) return order < 0;
  return a->type() < b->type();
}

void destroy(const Node* node) {
  if (node->kind == Kind::Set) {
    for (const Value& element : static_cast<const SetNode*>(node)->elements()) element.~Value();
  } else if (node->kind == Kind::Record) {
    for (const Field& field : static_cast<const RecordNode*>(node)->fields()) field.~Field();
  }
  node->~Node();
  ::operator delete(const_cast<void*>(static_cast<const void*>(node)));
}

}  // namespace detail

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::Bool: return "bool";
    case Kind::Long: return "long";
    case Kind::String: return "string";
    case Kind::Entity: return "entity";
    case Kind::Set: return "set";
    case Kind::Record: return "record";
    case Kind::Ip: return "ipaddr";
    case Kind::Decimal: return "decimal";
    case Kind::Datetime: return "datetime";
    case Kind::Duration: return "duration";
  }
  return "";
}

// --- entity ids ---

EntityUid EntityUid::make(std::string_view type, std::string_view id) {
  return EntityUid(detail::EntityNode::make(type, id));
}

Result<EntityUid> EntityUid::create(std::string_view type, std::string_view id) {
  if (!is_name(type)) {
    return Error(Code::Malformed, "`" + printable(type) + "` is not an entity type name");
  }
  return make(type, id);
}

EntityUid::EntityUid(const EntityUid& other) : node_(other.node_) {
  detail::retain(node_);
}
EntityUid::~EntityUid() {
  detail::release(node_);
}
std::string_view EntityUid::type() const {
  return node_->type();
}
std::string_view EntityUid::id() const {
  return node_->id();
}
std::string EntityUid::text() const {
  return std::string(node_->type()) + "::" + quoted(node_->id());
}

std::strong_ordering operator<=>(const EntityUid& a, const EntityUid& b) {
  if (const auto order = a.type().compare(b.type()); order != 0) return order <=> 0;
  return a.id().compare(b.id()) <=> 0;
}

// --- names ---

Name::Name(std::string_view text) : node_(detail::StringNode::make(text)) {}
Name::Name(const std::string& text) : Name(std::string_view(text)) {}
Name::Name(const char* text) : Name(std::string_view(text)) {}
Name::Name(const Name& other) : node_(other.node_) {
  detail::retain(node_);
}
Name::~Name() {
  detail::release(node_);
}
std::string_view Name::text() const {
  return node_->text();
}

// --- borrowed values ---

ValueRef ValueRef::entity(const detail::EntityNode* uid) {
  return {Kind::Entity, uid};
}
std::string_view ValueRef::as_string() const {
  return static_cast<const detail::StringNode*>(node_)->text();
}
EntityUid ValueRef::as_entity() const {
  detail::retain(node_);
  return EntityUid(entity_node());
}
const detail::EntityNode* ValueRef::entity_node() const {
  return static_cast<const detail::EntityNode*>(node_);
}
std::span<const Value> ValueRef::elements() const {
  return static_cast<const detail::SetNode*>(node_)->elements();
}
std::span<const Field> ValueRef::fields() const {
  return static_cast<const detail::RecordNode*>(node_)->fields();
}
const IpRange& ValueRef::as_ip() const {
  return static_cast<const detail::IpNode*>(node_)->range;
}

std::optional<ValueRef> ValueRef::find(std::string_view name) const {
  const auto all = fields();
  if (all.size() <= 8) {
    for (const Field& field : all) {
      if (field.name.text() == name) return field.value.ref();
    }
    return std::nullopt;
  }
  const auto at =
      std::lower_bound(all.begin(), all.end(), name,
                       [](const Field& f, std::string_view n) { return f.name.text() < n; });
  if (at == all.end() || at->name.text() != name) return std::nullopt;
  return at->value.ref();
}

bool ValueRef::contains(ValueRef element) const {
  const auto all = elements();
  const auto at = std::lower_bound(all.begin(), all.end(), element,
                                   [](const Value& v, ValueRef e) { return compare(v, e) < 0; });
  return at != all.end() && at->ref() == element;
}

std::size_t ValueRef::depth() const {
  return shared() ? node_->depth : 0;
}

Value ValueRef::to_value() const {
  if (!shared()) return Value(*this);
  if (node_->refs.load(std::memory_order_relaxed) != 0) {
    detail::retain(node_);
    return Value(*this);
  }
  switch (kind_) {
    case Kind::Ip: return Value::ip(as_ip());
    case Kind::Set: return Value::set({elements().begin(), elements().end()});
    default: return Value::record({fields().begin(), fields().end()});
  }
}

bool operator==(ValueRef a, ValueRef b) {
  if (a.kind_ != b.kind_) return false;
  if (!a.shared()) return a.number_ == b.number_;
  if (a.node_ == b.node_) return true;
  switch (a.kind_) {
    case Kind::String: return a.as_string() == b.as_string();
    case Kind::Entity: return detail::same_entity(a.entity_node(), b.entity_node());
    case Kind::Ip: return a.as_ip() == b.as_ip();
    case Kind::Set: {
      const auto left = a.elements();
      const auto right = b.elements();
      return std::equal(left.begin(), left.end(), right.begin(), right.end());
    }
    default: {
      const auto left = a.fields();
      const auto right = b.fields();
      return std::equal(
          left.begin(), left.end(), right.begin(), right.end(),
          [](const Field& x, const Field& y) { return x.name == y.name && x.value == y.value; });
    }
  }
}

std::strong_ordering compare(ValueRef a, ValueRef b) {
  if (a.kind_ != b.kind_) return a.kind_ <=> b.kind_;
  if (!a.shared()) return a.number_ <=> b.number_;
  if (a.node_ == b.node_) return std::strong_ordering::equal;
  switch (a.kind_) {
    case Kind::String: return a.as_string().compare(b.as_string()) <=> 0;
    case Kind::Entity: {
      const auto* left = a.entity_node();
      const auto* right = b.entity_node();
      if (const int order = left->type().compare(right->type()); order != 0) return order <=> 0;
      return left->id().compare(right->id()) <=> 0;
    }
    case Kind::Ip: return a.as_ip() <=> b.as_ip();
    case Kind::Set: {
      const auto left = a.elements();
      const auto right = b.elements();
      for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
        if (const auto order = compare(left[i], right[i]); order != 0) return order;
      }
      return left.size() <=> right.size();
    }
    default: {
      const auto left = a.fields();
      const auto right = b.fields();
      for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
        const int order_of_names = left[i].name.text().compare(right[i].name.text());
        if (order_of_names != 0) return order_of_names <=> 0;
        if (const auto order = compare(left[i].value, right[i].value); order != 0) return order;
      }
      return left.size() <=> right.size();
    }
  }
}

// --- owned values ---

Value::Value(const Value& other) : Value(other.ref_.to_value()) {}
Value::~Value() {
  if (ref_.shared()) detail::release(ref_.node_);
}

Value Value::boolean(bool b) {
  return Value(ValueRef::boolean(b));
}
Value Value::integer(std::int64_t n) {
  return Value(ValueRef::integer(n));
}
Value Value::decimal(std::int64_t n) {
  return Value(ValueRef::number(Kind::Decimal, n));
}
Value Value::datetime(std::int64_t n) {
  return Value(ValueRef::number(Kind::Datetime, n));
}
Value Value::duration(std::int64_t n) {
  return Value(ValueRef::number(Kind::Duration, n));
}
Value Value::string(std::string_view text) {
  return Value(ValueRef(Kind::String, detail::StringNode::make(text)));
}
Value Value::entity(const EntityUid& uid) {
  detail::retain(uid.node_);
  return Value(ValueRef(Kind::Entity, uid.node_));
}
Value Value::ip(const IpRange& range) {
  return Value(ValueRef(Kind::Ip, new detail::IpNode(range)));
}

Value Value::set(std::vector<Value> elements) {
  std::sort(elements.begin(), elements.end());
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  std::size_t below = 0;
  for (const Value& v : elements) below = std::max(below, v.ref().depth());
  void* memory = ::operator new(sizeof(detail::SetNode) + elements.size() * sizeof(Value));
  auto* node = new (memory) detail::SetNode(elements.size(), levels_above(below));
  std::uninitialized_move(elements.begin(), elements.end(), reinterpret_cast<Value*>(node + 1));
  return Value(ValueRef(Kind::Set, node));
}

Value Value::record(std::vector<Field> fields) {
  std::stable_sort(fields.begin(), fields.end(),
                   [](const Field& a, const Field& b) { return a.name.text() < b.name.text(); });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (kept > 0 && fields[kept - 1].name == fields[i].name) {
      fields[kept - 1].value = std::move(fields[i].value);
    } else {
      if (kept != i) fields[kept] = std::move(fields[i]);
      ++kept;
    }
  }
  std::size_t below = 0;
  for (std::size_t i = 0; i < kept; ++i) below = std::max(below, fields[i].value.ref().depth());
  void* memory = ::operator new(sizeof(detail::RecordNode) + kept * sizeof(Field));
  auto* node = new (memory) detail::RecordNode(kept, levels_above(below));
  std::uninitialized_move_n(fields.begin(), kept, reinterpret_cast<Field*>(node + 1));
  return Value(ValueRef(Kind::Record, node));
}

// --- text ---

namespace {

void write_text(ValueRef value, std::string& out) {
  switch (value.kind()) {
    case Kind::Bool: out += value.as_bool() ? "true" : "false"; return;
    case Kind::Long: out += std::to_string(value.as_number()); return;
    case Kind::String: out += quoted(value.as_string()); return;
    case Kind::Entity: out += value.as_entity().text(); return;
    case Kind::Ip: out += "ip(\"" + ip_text(value.as_ip()) + "\")"; return;
    case Kind::Decimal: out += "decimal(\"" + decimal_text(value.as_number()) + "\")"; return;
    case Kind::Duration: out += "duration(\"" + duration_text(value.as_number()) + "\")"; return;
    case Kind::Datetime:
      if (const auto text = datetime_text(value.as_number())) {
        out += "datetime(\"" + *text + "\")";
      } else {
        out += "datetime(\"1970-01-01\").offset(duration(\"" + duration_text(value.as_number()) +
               "\"))";
      }
      return;
    case Kind::Set: {
      out += '[';
      const char* separator = "";
      for (const Value& element : value.elements()) {
        out += separator;
        write_text(element, out);
        separator = ", ";
      }
      out += ']';
      return;
    }
    case Kind::Record: {
      out += '{';
      const char* separator = "";
      for (const Field& field : value.fields()) {
        out += separator;
        const bool plain = is_identifier(field.name) && !is_reserved(field.name);
        out += (plain ? std::string(field.name) : quoted(field.name)) + ": ";
        write_text(field.value, out);
        separator = ", ";
      }
      out += '}';
      return;
    }
  }
}

}  // namespace

std::string to_text(ValueRef value) {
  std::string out;
  write_text(value, out);
  return out;
}

}  // namespace writ::policy
