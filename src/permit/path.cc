#include "permit/path.h"

#include <algorithm>

#include "base/bytes.h"

namespace writ::permit {
namespace {

constexpr int kMaxFollowed = 40;  // as the kernel (path_resolution(7))

// next_component splits the first component off `rest`, with no slash in front of it.
std::string_view next_component(std::string_view& rest) {
  while (!rest.empty() && rest.front() == '/') rest.remove_prefix(1);
  const std::size_t end = std::min(rest.find('/'), rest.size());
  const std::string_view component = rest.substr(0, end);
  rest.remove_prefix(end);
  return component;
}

// apply takes one component in normal `path`; false when `..` goes above `/`.
bool apply(std::string& path, std::string_view component) {
  if (component.empty() || component == ".") return true;
  if (component == "..") {
    if (path == "/") return false;
    path.erase(std::max<std::size_t>(path.rfind('/'), 1));
    return true;
  }
  if (path != "/") path += '/';
  path += component;
  return true;
}

}  // namespace

bool is_normal(std::string_view path) {
  if (path.empty() || path.front() != '/' || path.size() > kMaxPath) return false;
  if (path.find('\0') != std::string_view::npos || !is_utf8(path)) return false;
  if (path == "/") return true;
  if (path.back() == '/') return false;
  std::string_view rest = path;
  while (!rest.empty()) {
    rest.remove_prefix(1);  // exactly one slash
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view component = rest.substr(0, end);
    if (component.empty() || component == "." || component == "..") return false;
    rest.remove_prefix(end);
  }
  return true;
}

std::optional<std::string> join_path(std::string_view directory, std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) return std::nullopt;
  std::string joined = "/";
  if (path.front() != '/') {
    if (directory.empty() || directory.front() != '/') return std::nullopt;
    while (!directory.empty()) {
      if (!apply(joined, next_component(directory))) return std::nullopt;
    }
  }
  while (!path.empty()) {
    if (!apply(joined, next_component(path))) return std::nullopt;
  }
  return joined;
}

bool lies_under(std::string_view path, std::string_view tree) {
  if (tree == "/") return !path.empty() && path.front() == '/';
  return path.size() >= tree.size() && path.substr(0, tree.size()) == tree &&
         (path.size() == tree.size() || path[tree.size()] == '/');
}

std::string_view last_component(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::optional<std::string> follow(std::string_view path, std::span<const Link> links) {
  if (path.empty() || path.front() != '/' || path.size() > kMaxPath) return std::nullopt;
  std::string done = "/";
  std::string rest(path);
  for (int followed = 0; followed <= kMaxFollowed;) {
    std::string_view view = rest;
    const std::string_view component = next_component(view);
    if (component.empty()) return done;
    std::string candidate = done;
    if (!apply(candidate, component)) return std::nullopt;
    const bool named = component != "." && component != "..";
    const auto link = std::find_if(links.begin(), links.end(), [&](const Link& known) {
      return named && known.path == candidate;
    });
    if (link == links.end()) {
      done = std::move(candidate);
      rest = std::string(view);
      if (done.size() > 2 * kMaxPath) return std::nullopt;
      continue;
    }
    ++followed;
    if (link->target.empty() || link->target.size() + view.size() > 4 * kMaxPath) {
      return std::nullopt;
    }
    if (link->target.front() == '/') done = "/";
    rest = link->target + std::string(view);
  }
  return std::nullopt;
}

}  // namespace writ::permit
