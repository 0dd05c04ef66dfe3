#include "policy/suggest.h"

#include <algorithm>
#include <numeric>

#include "base/bytes.h"

namespace writ::policy {

namespace {

constexpr std::size_t kMaxKnown = 1000;
constexpr std::size_t kMaxLength = 64;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// How many letters must be changed, added, left out or swapped with their neighbour; capitals and
// small letters are the same.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> two_up(b.size() + 1);
  std::vector<std::size_t> up(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(up.begin(), up.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({up[j] + 1, row[j - 1] + 1, up[j - 1] + (same ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], two_up[j - 2] + 1);
    }
    std::swap(two_up, up);
    std::swap(up, row);
  }
  return up[b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view wrong, const std::vector<std::string_view>& known) {
  if (wrong.size() > kMaxLength) return "";
  std::string_view best;
  std::size_t least = wrong.size() / 3 + 1;  // as many edits are one too many
  if (wrong.size() > 2) ++least;
  for (std::size_t i = 0; i < known.size() && i < kMaxKnown; ++i) {
    if (known[i].empty() || known[i].size() > kMaxLength || known[i] == wrong) continue;
    const std::size_t edits = distance(wrong, known[i]);
    if (edits >= least || edits >= known[i].size()) continue;
    least = edits;
    best = known[i];
  }
  return best.empty() ? "" : ": did you mean `" + printable(best) + "`?";
}

}  // namespace writ::policy
