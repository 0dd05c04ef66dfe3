// docs/reasons.md is printed from the one table; this test fails when it is not up to date.
// WRIT_UPDATE_DOCS=1 writes it.
#include "base/reason.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace writ {
namespace {

std::string markdown() {
  std::ostringstream out;
  out << "# Reason codes\n\n"
         "Printed from the table `src/base/reason.def`. Codes are stable: never renamed, never\n"
         "reused. `writ explain --codes` prints the same table. `expired`, `revoked` and\n"
         "`governor_lost` stand twice: as a denial before a run, and as the end of one.\n";
  ReasonGroup group = ReasonGroup::End;
  bool first = true;
  for (const ReasonRow& row : all_reasons()) {
    if (first || row.group != group) {
      const bool end = row.group == ReasonGroup::End;
      out << "\n## " << group_name(row.group) << "\n\n"
          << (end ? "| code | means |\n| --- | --- |\n"
                  : "| code | means | what would allow it |\n| --- | --- | --- |\n");
    }
    first = false;
    group = row.group;
    out << "| `" << row.code << "` | " << row.meaning;
    if (!row.remedy.empty()) out << " | " << row.remedy;
    out << " |\n";
  }
  return out.str();
}

TEST(Reason, TheDocumentListsTheWholeTable) {
  constexpr const char* kPath = "docs/reasons.md";
  if (std::getenv("WRIT_UPDATE_DOCS") != nullptr) std::ofstream(kPath) << markdown();
  std::ifstream file(kPath);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), markdown());
}

}  // namespace
}  // namespace writ
