#include "permit/endpoint.h"

#include <optional>

namespace writ::permit {

bool is_host_name(std::string_view text) {
  if (text.substr(0, 2) == "*.") text.remove_prefix(2);
  if (text.empty() || text.size() > 253) return false;
  bool letter = false;
  std::size_t label = 0;
  char before = '.';
  for (const char c : text) {
    if (c == '.') {
      if (label == 0 || before == '-') return false;
      label = 0;
    } else {
      const bool alpha = (c >= 'a' && c <= 'z') || c == '_';
      const bool inner = c == '-' && label > 0;
      if (!alpha && !inner && !(c >= '0' && c <= '9')) return false;
      letter = letter || alpha;
      if (++label > 63) return false;
    }
    before = c;
  }
  return label > 0 && before != '-' && letter;
}

bool host_within(std::string_view child, std::string_view parent) {
  if (child == parent) return true;
  const std::optional<Cidr> inner = parse_cidr(child);
  const std::optional<Cidr> outer = parse_cidr(parent);
  if (inner || outer) {
    return inner && outer && contains(*outer, *inner);
  }
  if (parent.substr(0, 2) != "*.") return false;
  const std::string_view suffix = parent.substr(1);  // ".example.org"
  return child.size() > suffix.size() && child.substr(child.size() - suffix.size()) == suffix;
}

}  // namespace writ::permit
