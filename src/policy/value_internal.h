// The shared payloads behind policy/value.h: for the engine's own files.
//
// Each payload is one block of memory: a fixed part and its text, elements or fields right behind.
// A payload whose count of users is 0 lies in an Arena: it is never given back by a Value and is
// copied when somebody wants to keep it.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "policy/value.h"

namespace writ::policy::detail {

struct StringNode : Node {
  std::size_t size;

  static const StringNode* make(std::string_view text);
  std::string_view text() const { return {reinterpret_cast<const char*>(this + 1), size}; }

 private:
  explicit StringNode(std::size_t s) : Node(Kind::String, 0), size(s) {}
};

struct EntityNode : Node {
  std::uint64_t hash;       // of type and id
  std::uint32_t type_hash;  // of the type alone
  std::uint32_t type_size;
  std::size_t id_size;

  static const EntityNode* make(std::string_view type, std::string_view id);
  std::string_view type() const { return {reinterpret_cast<const char*>(this + 1), type_size}; }
  std::string_view id() const {
    return {reinterpret_cast<const char*>(this + 1) + type_size, id_size};
  }
  std::string_view type_and_id() const {
    return {reinterpret_cast<const char*>(this + 1), type_size + id_size};
  }

 private:
  EntityNode(std::string_view type, std::string_view id);
};

struct alignas(Value) SetNode : Node {
  std::size_t count;

  // INVARIANT: sorted, no two equal.
  std::span<const Value> elements() const {
    return {reinterpret_cast<const Value*>(this + 1), count};
  }
  SetNode(std::size_t n, std::uint16_t levels) : Node(Kind::Set, levels), count(n) {}
};

struct alignas(Field) RecordNode : Node {
  std::size_t count;

  // INVARIANT: sorted by name, no name twice.
  std::span<const Field> fields() const {
    return {reinterpret_cast<const Field*>(this + 1), count};
  }
  RecordNode(std::size_t n, std::uint16_t levels) : Node(Kind::Record, levels), count(n) {}
};

struct IpNode : Node {
  IpRange range;
  explicit IpNode(const IpRange& r) : Node(Kind::Ip, 0), range(r) {}
};

// type_hash is EntityNode::type_hash of a type name.
std::uint32_t type_hash(std::string_view type);

inline bool same_entity(const EntityNode* a, const EntityNode* b) {
  return a == b || (a->hash == b->hash && a->type_size == b->type_size &&
                    a->type_and_id() == b->type_and_id());
}

// search_less is an order of entity ids for searching: by hash, ties by text.
bool search_less(const EntityNode* a, const EntityNode* b);

inline void retain(const Node* node) {
  node->refs.fetch_add(1, std::memory_order_relaxed);
}
inline void release(const Node* node) {
  if (node != nullptr && node->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(node);
}

}  // namespace writ::policy::detail
