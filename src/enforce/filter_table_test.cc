#include "enforce/filter_table.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace writ::enforce {
namespace {

TEST(FilterTable, EveryTableIsWhatTheRulesSay) {
  for (unsigned index = 0; index < kFilterTables; ++index) {
    const FilterOptions options = options_of_table(index);
    const std::vector<wire::FilterOp> fresh = make_filter(options).value();
    const std::span<const wire::FilterOp> built_in = filter_for(options);
    ASSERT_EQ(fresh.size(), built_in.size()) << index;
    EXPECT_EQ(std::memcmp(fresh.data(), built_in.data(), built_in.size_bytes()), 0) << index;
  }
}

TEST(FilterTable, EachOptionHasAPlaceOfItsOwn) {
  EXPECT_EQ(table_of_options({}), 0U);
  EXPECT_NE(table_of_options({.jit = true}), table_of_options({.mdwe = true}));
  for (unsigned index = 0; index < kFilterTables; ++index) {
    EXPECT_EQ(table_of_options(options_of_table(index)), index);
  }
  EXPECT_TRUE(options_of_table(table_of_options({.jit = true})).jit);
  EXPECT_TRUE(options_of_table(table_of_options({.mdwe = true})).mdwe);
}

}  // namespace
}  // namespace writ::enforce
