#include "governor/continuity.h"

#include <gtest/gtest.h>

namespace writ::governor {
namespace {

TEST(Continuity, CountsThatTheRecordsBearOutAreTrue) {
  enforce::GateCounts now{.asked = 9, .refused = 2, .failed = 1, .vanished = 1, .released = 4};
  EXPECT_FALSE(counts_problem(now, {.execs = 4, .refusals = 2}));
  EXPECT_FALSE(counts_problem(now, {.execs = 6, .refusals = 3})) << "under way";
}

TEST(Continuity, MoreReleasedOrRefusedThanRecordedIsFound) {
  const enforce::GateCounts now{.asked = 6, .refused = 2, .released = 4};
  EXPECT_TRUE(counts_problem(now, {.execs = 3, .refusals = 2}));
  EXPECT_TRUE(counts_problem(now, {.execs = 4, .refusals = 1}));
}

}  // namespace
}  // namespace writ::governor
