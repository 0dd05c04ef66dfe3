// Paths as text: normal forms and "lies under", without looking at any file.
//
// A normal path is absolute, UTF-8, at most kMaxPath bytes, with no empty, `.` or `..` component
// and no closing slash (but `/` itself). Grants hold normal, resolved paths only.
// Symlinks are the governor's and the kernel's to resolve; only links that a grant names are
// followed here.
//
// Thread safety: pure functions.
#pragma once

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::permit {

inline constexpr std::size_t kMaxPath = 4096;

// A symlink: `path` (normal) holds `target` (as readlink gives it).
struct Link {
  std::string path;
  std::string target;
  friend std::strong_ordering operator<=>(const Link&, const Link&) = default;
};

// is_normal says whether `path` is a normal path.
bool is_normal(std::string_view path);

// join_path takes `path` from `directory` (normal) unless it is absolute, and makes it normal by
// removing components one by one. Nothing when `..` goes above `/` or `path` is empty or has NUL.
std::optional<std::string> join_path(std::string_view directory, std::string_view path);

// lies_under says whether normal `path` is `tree` or below it.
bool lies_under(std::string_view path, std::string_view tree);

// last_component of a path ("" for "/" and for a path that ends in a slash).
std::string_view last_component(std::string_view path);

// follow resolves `path` through `links` alone, in directory components too, as the kernel would;
// nothing after 40 links. A path without links gives itself.
std::optional<std::string> follow(std::string_view path, std::span<const Link> links);

}  // namespace writ::permit
