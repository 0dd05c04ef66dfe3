#include "enforce/filter_table.h"

namespace writ::enforce {
namespace {

#include "filter_tables.inc"

static_assert(std::size(kTables) == kFilterTables);

}  // namespace

std::span<const wire::FilterOp> filter_for(const FilterOptions& options) {
  return kTables[table_of_options(options)];
}

}  // namespace writ::enforce
