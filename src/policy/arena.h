// Memory for the values that evaluation makes: taken in order, given back all at once, kept for
// the next decision. For the engine's own files.
//
// A Value whose payload lies here is borrowed: it may be looked at until reset(), and copying it
// (Value, ValueRef::to_value) makes an independent one. An arena keeps the memory of its largest
// decision until it is destroyed; what one decision can take is bounded by its policies (limits.h).
//
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "policy/value.h"

namespace writ::policy::detail {

class Arena {
 public:
  // reset takes back everything handed out.
  void reset() {
    chunk_ = 0;
    used_ = 0;
  }
  // set is the set of `elements`; record has them under `names`, of two equal names the later one
  // counts (as many names as elements). ip as Value::ip.
  ValueRef set(std::span<const ValueRef> elements);
  ValueRef record(std::span<const Name> names, std::span<const ValueRef> elements);
  ValueRef ip(const IpRange& range);
  // keep copies the references, not what they refer to.
  std::span<const ValueRef> keep(std::span<const ValueRef> values);

 private:
  struct Chunk {
    std::unique_ptr<std::byte[]> memory;
    std::size_t size;
  };
  void* take(std::size_t bytes);

  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0;  // the one in use
  std::size_t used_ = 0;   // bytes of it
};

}  // namespace writ::policy::detail
