#include "governor/shebang.h"

#include <gtest/gtest.h>

namespace writ::governor {
namespace {

TEST(ShebangLine, InterpreterAndOneArgumentAsTheKernelSplitsThem) {
  const auto plain = parse_shebang("#!/bin/sh\necho\n");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->interpreter, "/bin/sh");
  EXPECT_FALSE(plain->argument);
  const auto both = parse_shebang("#! /usr/bin/env  python3 -u \nx");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->interpreter, "/usr/bin/env");
  EXPECT_EQ(both->argument, "python3 -u");
}

TEST(ShebangLine, WhatIsNoScriptIsNone) {
  EXPECT_FALSE(parse_shebang(""));
  EXPECT_FALSE(parse_shebang("#!"));
  EXPECT_FALSE(parse_shebang("#!   \n/bin/sh"));
  EXPECT_FALSE(
      parse_shebang("\x7f"
                    "ELF"));
  EXPECT_FALSE(parse_shebang("# !/bin/sh\n"));
  EXPECT_FALSE(parse_shebang("#!" + std::string(300, 'a') + "\n")) << "cut inside the name";
}

}  // namespace
}  // namespace writ::governor
