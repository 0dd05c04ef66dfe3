#include "permit/path.h"

#include <gtest/gtest.h>

namespace writ::permit {
namespace {

TEST(Path, OnlyOneSpellingIsNormal) {
  for (const char* path : {"/", "/a", "/a/b.c", "/...", "/a/..b"}) EXPECT_TRUE(is_normal(path));
  for (const char* path :
       {"", "a", "/a/", "//", "//a", "/a//b", "/.", "/a/.", "/a/../b", "/..", "./a"}) {
    EXPECT_FALSE(is_normal(path)) << path;
  }
  EXPECT_FALSE(is_normal(std::string("/a\0b", 4)));
  EXPECT_FALSE(is_normal("/a\xff"));
  EXPECT_TRUE(is_normal("/" + std::string(kMaxPath - 1, 'a')));
  EXPECT_FALSE(is_normal("/" + std::string(kMaxPath, 'a')));
}

TEST(Path, JoinRemovesDotsOneByOneAndNeverLeavesTheRoot) {
  EXPECT_EQ(join_path("/srv/data", "a.csv"), "/srv/data/a.csv");
  EXPECT_EQ(join_path("/srv/data", "./x/../a"), "/srv/data/a");
  EXPECT_EQ(join_path("/srv/data", "../../../etc"), std::nullopt);
  EXPECT_EQ(join_path("/srv/data", "../../etc"), "/etc");
  EXPECT_EQ(join_path("/srv", "/etc//passwd/"), "/etc/passwd");
  EXPECT_EQ(join_path("/srv", ""), std::nullopt);
  EXPECT_EQ(join_path("srv", "a"), std::nullopt);
  EXPECT_EQ(join_path("/srv", std::string_view("a\0b", 3)), std::nullopt);
}

TEST(Path, LiesUnderComparesWholeComponents) {
  EXPECT_TRUE(lies_under("/a/b", "/a"));
  EXPECT_TRUE(lies_under("/a", "/a"));
  EXPECT_FALSE(lies_under("/ab", "/a"));
  EXPECT_FALSE(lies_under("/", "/a"));
  EXPECT_TRUE(lies_under("/a", "/"));
}

TEST(Path, FollowGoesThroughGrantedLinksInDirectoriesToo) {
  const std::vector<Link> links{{"/bin", "usr/bin"},
                                {"/usr/bin/cc", "/etc/alternatives/cc"},
                                {"/etc/alternatives/cc", "/usr/bin/gcc"},
                                {"/usr/bin/gcc", "gcc-12"}};
  EXPECT_EQ(follow("/bin/cc", links), "/usr/bin/gcc-12");
  EXPECT_EQ(follow("/usr/bin/make", links), "/usr/bin/make");
  EXPECT_EQ(follow("/bin/../bin/sh", links), "/usr/bin/sh");
  EXPECT_EQ(follow("bin/sh", links), std::nullopt);
}

TEST(Path, FollowEndsInALoop) {
  EXPECT_EQ(follow("/a", std::vector<Link>{{"/a", "/b"}, {"/b", "/a"}}), std::nullopt);
  EXPECT_EQ(follow("/a", std::vector<Link>{{"/a", "a/a"}}), std::nullopt);
}

}  // namespace
}  // namespace writ::permit
