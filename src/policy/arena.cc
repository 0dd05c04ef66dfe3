#include "policy/arena.h"

#include <algorithm>

#include "policy/value_internal.h"

namespace writ::policy::detail {

namespace {

constexpr std::size_t kFirstChunk = 4096;
constexpr std::size_t kAlign = alignof(std::max_align_t);

static_assert(alignof(Field) <= kAlign && alignof(SetNode) <= kAlign);
static_assert(sizeof(SetNode) % alignof(Value) == 0 && sizeof(RecordNode) % alignof(Field) == 0);

std::uint16_t levels_above(std::size_t below) {
  return static_cast<std::uint16_t>(std::min<std::size_t>(below + 1, UINT16_MAX));
}

}  // namespace

void* Arena::take(std::size_t bytes) {
  bytes = (bytes + kAlign - 1) / kAlign * kAlign;
  while (chunk_ < chunks_.size() && chunks_[chunk_].size - used_ < bytes) {
    ++chunk_;
    used_ = 0;
  }
  if (chunk_ == chunks_.size()) {
    std::size_t size = chunks_.empty() ? kFirstChunk : chunks_.back().size * 2;
    size = std::max(size, bytes);
    chunks_.push_back({std::unique_ptr<std::byte[]>(new std::byte[size]), size});
  }
  std::byte* out = chunks_[chunk_].memory.get() + used_;
  used_ += bytes;
  return out;
}

ValueRef Arena::set(std::span<const ValueRef> elements) {
  auto* sorted = static_cast<ValueRef*>(take(elements.size_bytes()));
  std::uninitialized_copy(elements.begin(), elements.end(), sorted);
  ValueRef* end = sorted + elements.size();
  std::sort(sorted, end, [](ValueRef a, ValueRef b) { return compare(a, b) < 0; });
  end = std::unique(sorted, end);
  const auto count = static_cast<std::size_t>(end - sorted);
  std::size_t below = 0;
  for (const ValueRef* v = sorted; v != end; ++v) below = std::max(below, v->depth());
  auto* node =
      new (take(sizeof(SetNode) + count * sizeof(Value))) SetNode(count, levels_above(below));
  node->refs.store(0, std::memory_order_relaxed);
  auto* place = reinterpret_cast<Value*>(node + 1);
  for (std::size_t i = 0; i < count; ++i) new (place + i) Value(sorted[i]);
  return ValueRef(Kind::Set, node);
}

ValueRef Arena::record(std::span<const Name> names, std::span<const ValueRef> elements) {
  auto* order = static_cast<std::uint32_t*>(take(names.size() * sizeof(std::uint32_t)));
  for (std::size_t i = 0; i < names.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
  std::sort(order, order + names.size(), [&](std::uint32_t a, std::uint32_t b) {
    const int by_name = names[a].text().compare(names[b].text());
    return by_name != 0 ? by_name < 0 : a < b;
  });
  std::size_t kept = 0;
  std::size_t below = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (kept > 0 && names[order[kept - 1]] == names[order[i]]) --kept;
    order[kept++] = order[i];
  }
  for (std::size_t i = 0; i < kept; ++i) below = std::max(below, elements[order[i]].depth());
  auto* node =
      new (take(sizeof(RecordNode) + kept * sizeof(Field))) RecordNode(kept, levels_above(below));
  node->refs.store(0, std::memory_order_relaxed);
  auto* place = reinterpret_cast<Field*>(node + 1);
  for (std::size_t i = 0; i < kept; ++i) {
    new (place + i) Field{Name(names[order[i]].node_), Value(elements[order[i]])};
  }
  return ValueRef(Kind::Record, node);
}

ValueRef Arena::ip(const IpRange& range) {
  auto* node = new (take(sizeof(IpNode))) IpNode(range);
  node->refs.store(0, std::memory_order_relaxed);
  return ValueRef(Kind::Ip, node);
}

std::span<const ValueRef> Arena::keep(std::span<const ValueRef> values) {
  auto* out = static_cast<ValueRef*>(take(values.size_bytes()));
  std::uninitialized_copy(values.begin(), values.end(), out);
  return {out, values.size()};
}

}  // namespace writ::policy::detail
