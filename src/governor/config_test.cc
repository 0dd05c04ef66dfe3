#include "governor/config.h"

#include <gtest/gtest.h>

namespace writ::governor {
namespace {

TEST(Config, WhatIsPrintedReadsBack) {
  Config config;
  config.log = "you@host";
  config.root_uid = 1000;
  config.root_gid = 1001;
  Result<Config> back = parse_config_file(print_config(config), "writ.toml");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->log, "you@host");
  EXPECT_EQ(back->root_uid, 1000U);
  EXPECT_EQ(back->root_gid, 1001U);
}

TEST(Config, AnUnknownKeyIsAnErrorWithFileAndLine) {
  Result<Config> config = parse_config_file(
      "version = 0\ngovernor = \"embedded\"\nlog = \"a\"\nadvisory = true\n", "writ.toml");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message().find("writ.toml:4"), std::string::npos);
  EXPECT_NE(config.error().message().find("advisory"), std::string::npos);
}

TEST(Config, AnotherGovernorIsNotReplacedByThisOne) {
  EXPECT_FALSE(parse_config_file("version = 0\ngovernor = \"writd\"\nlog = \"a\"\n", "f"));
}

TEST(Config, UidZeroCannotBeConfiguredForRuns) {
  for (const char* root : {"uid = 0\ngid = 5\n", "uid = 5\ngid = 0\n", "uid = -1\ngid = 5\n"}) {
    EXPECT_FALSE(parse_config_file(
        std::string("version = 0\ngovernor = \"embedded\"\nlog = \"a\"\n[root]\n") + root, "f"))
        << root;
  }
}

}  // namespace
}  // namespace writ::governor
