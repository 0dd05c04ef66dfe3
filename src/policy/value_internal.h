// The shared payloads behind policy/value.h: for the engine's own files.
#pragma once

#include <string>
#include <vector>

#include "policy/value.h"

namespace writ::policy::detail {

struct StringNode : Node {
  std::string text;
  explicit StringNode(std::string_view t) : Node(Kind::String, 0), text(t) {}
};

struct EntityNode : Node {
  std::uint64_t hash;
  std::string type;
  std::string id;
  EntityNode(std::string_view t, std::string_view i);
};

struct SetNode : Node {
  std::vector<Value> elements;  // INVARIANT: sorted, no two equal
  SetNode(std::vector<Value> e, std::uint16_t levels)
      : Node(Kind::Set, levels), elements(std::move(e)) {}
};

struct RecordNode : Node {
  std::vector<Field> fields;  // INVARIANT: sorted by name, no name twice
  RecordNode(std::vector<Field> f, std::uint16_t levels)
      : Node(Kind::Record, levels), fields(std::move(f)) {}
};

struct IpNode : Node {
  IpRange range;
  explicit IpNode(const IpRange& r) : Node(Kind::Ip, 0), range(r) {}
};

inline void retain(const Node* node) {
  node->refs.fetch_add(1, std::memory_order_relaxed);
}
inline void release(const Node* node) {
  if (node != nullptr && node->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(node);
}

}  // namespace writ::policy::detail
