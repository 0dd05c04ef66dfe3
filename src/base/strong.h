// Strong<Tag, Rep>: a value that refuses to mix with others of the same representation.
//
// Construction is explicit, comparison is by value, arithmetic is not offered. Two ids of
// different tags do not compile together.
//
//   using LeafIndex = Strong<struct LeafIndexTag, std::uint64_t>;
//
// Thread safety: values.
#pragma once

#include <compare>
#include <utility>

namespace writ {

template <typename Tag, typename Rep>
class Strong {
 public:
  using rep = Rep;
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(std::move(value)) {}
  constexpr const Rep& get() const { return value_; }
  friend constexpr std::strong_ordering operator<=>(const Strong&, const Strong&) = default;
  friend constexpr bool operator==(const Strong&, const Strong&) = default;

 private:
  Rep value_{};
};

}  // namespace writ
