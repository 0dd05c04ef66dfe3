// The filters of filter.h as constant tables, compiled while Writ is built.
//
// libseccomp takes milliseconds for a filter, and the outcome never differs: the host tool
// writ-filters (filter_tables/) calls make_filter for every combination of its options and prints
// what came out; a test compares the tables with freshly made filters. `writ` itself holds no
// libseccomp.
//
// Thread safety: pure functions.
#pragma once

#include <array>
#include <bit>
#include <span>

#include "enforce/filter.h"

namespace writ::enforce {

// One table for each combination; FilterOptions holds nothing but bools.
inline constexpr unsigned kFilterTables = 1u << sizeof(FilterOptions);
using FilterSwitches = std::array<bool, sizeof(FilterOptions)>;

constexpr FilterOptions options_of_table(unsigned index) {
  FilterSwitches switches{};
  for (std::size_t i = 0; i < switches.size(); ++i) switches[i] = (index >> i & 1) != 0;
  return std::bit_cast<FilterOptions>(switches);
}
constexpr unsigned table_of_options(const FilterOptions& options) {
  const auto switches = std::bit_cast<FilterSwitches>(options);
  unsigned index = 0;
  for (std::size_t i = 0; i < switches.size(); ++i) index |= (switches[i] ? 1u : 0u) << i;
  return index;
}

// filter_for is what make_filter gives for these options.
std::span<const wire::FilterOp> filter_for(const FilterOptions& options);

}  // namespace writ::enforce
