#include "permit/env.h"

#include <gtest/gtest.h>

namespace writ::permit {
namespace {

std::vector<EnvEntry> entries(std::initializer_list<const char*> texts) {
  std::vector<EnvEntry> out;
  for (const char* text : texts) out.push_back(parse_env_entry(text).value());
  return out;
}

TEST(Env, EntriesReadBackAsTheyArePrinted) {
  for (const char* text : {"LANG", "LC_*", "A=b=c", "EMPTY=", "LD_PRELOAD=/usr/lib/x.so"}) {
    EXPECT_EQ(print(parse_env_entry(text).value()), text);
  }
  for (const char* text : {"", "*", "=x", "A*B", "A*=x"}) {
    EXPECT_FALSE(parse_env_entry(text).has_value()) << text;
  }
}

TEST(Env, AControlCannotBeGrantedWithoutItsValue) {
  for (const char* name : {"LD_PRELOAD",
                           "LD_LIBRARY_PATH",
                           "LD_*",
                           "GCONV_PATH",
                           "GLIBC_TUNABLES",
                           "BASH_ENV",
                           "ENV",
                           "IFS",
                           "SHELLOPTS",
                           "BASH_FUNC_ls%%",
                           "PYTHONPATH",
                           "PYTHON*",
                           "PERL5LIB",
                           "PERLLIB",
                           "RUBYOPT",
                           "NODE_OPTIONS",
                           "JAVA_TOOL_OPTIONS",
                           "_JAVA_OPTIONS",
                           "GIT_SSH_COMMAND",
                           "LESSOPEN",
                           "MAKEFILES",
                           "LOCPATH",
                           "HOSTALIASES",
                           "MALLOC_CHECK_",
                           "PYTHONHOME"}) {
    EXPECT_FALSE(parse_env_entry(name).has_value()) << name;
  }
  EXPECT_TRUE(parse_env_entry("MAKEFLAGS").has_value());
  EXPECT_TRUE(parse_env_entry("TMPDIR").has_value());
}

TEST(Env, APrefixOrANameNeverLetsAControlThroughHoweverItIsMade) {
  // Entries that a request could not write, but a signed permit could.
  const std::vector<EnvEntry> wide{{"", true, {}}, {"LD_PRELOAD", false, {}}, {"L", true, {}}};
  EXPECT_TRUE(allows(wide, "LANG", "C"));
  EXPECT_FALSE(allows(wide, "LD_PRELOAD", "/tmp/evil.so"));
  EXPECT_FALSE(allows(wide, "BASH_FUNC_ls%%", "() { evil; }"));
  const std::vector<EnvEntry> exact{{"LD_PRELOAD", false, "/usr/lib/libfaketime.so"}};
  EXPECT_TRUE(allows(exact, "LD_PRELOAD", "/usr/lib/libfaketime.so"));
  EXPECT_FALSE(allows(exact, "LD_PRELOAD", "/usr/lib/libfaketime.so:/tmp/evil.so"));
}

TEST(Env, TheDefaultLetsTheListedNamesThroughAndNothingElse) {
  for (const char* name : {"PATH", "HOME", "LC_ALL", "_", "TMPDIR", "SHLVL"}) {
    EXPECT_TRUE(allows(default_env(), name, "x")) << name;
  }
  for (const char* name : {"LC", "PATHX", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "MAKEFLAGS"}) {
    EXPECT_FALSE(allows(default_env(), name, "x")) << name;
  }
}

TEST(Env, ADenialNamesTheVariableAndNeverItsValue) {
  const auto no = check_env(default_env(), std::vector<std::string>{"PATH=/bin", "TOKEN=s3cret"},
                            "exec /usr/bin/make");
  ASSERT_TRUE(no.has_value());
  EXPECT_EQ(no->reason, Reason::EnvNotGranted);
  EXPECT_EQ(no->because, "the environment variable TOKEN is not granted to this program");
  EXPECT_EQ(no->allow, "env = [\"TOKEN\"]");
  EXPECT_EQ(no->because.find("s3cret"), std::string::npos);
  EXPECT_FALSE(check_env(default_env(), std::vector<std::string>{"PATH=/bin"}, "exec x"));
}

TEST(Env, WhatProgramsReadDifferentlyIsRefused) {
  for (const std::vector<std::string>& environment :
       std::vector<std::vector<std::string>>{{"PATH"}, {"=x"}, {""}, {"PATH=a", "PATH=b"}}) {
    EXPECT_TRUE(check_env(default_env(), environment, "exec x").has_value());
  }
}

TEST(Env, TheFirstProgramGetsACleanedEnvironment) {
  EXPECT_EQ(clean_env(entries({"PATH", "X=1"}),
                      std::vector<std::string>{"PATH=/a", "TOKEN=t", "X=2", "X=1", "PATH=/b",
                                               "junk", "LD_PRELOAD=x"}),
            (std::vector<std::string>{"PATH=/a", "X=1"}));
}

TEST(Env, AChildRuleMayOnlyLetThroughWhatItsParentDoes) {
  EXPECT_TRUE(within_env(entries({"LANG", "LC_ALL", "X=1"}), entries({"LANG", "LC_*", "X=1"})));
  EXPECT_TRUE(within_env(entries({"X=1"}), entries({"X"})));
  EXPECT_TRUE(within_env(entries({"LC_A*"}), entries({"LC_*"})));
  EXPECT_FALSE(within_env(entries({"X"}), entries({"X=1"})));
  EXPECT_FALSE(within_env(entries({"X=2"}), entries({"X=1"})));
  EXPECT_FALSE(within_env(entries({"LC_*"}), entries({"LC_A*"})));
  EXPECT_FALSE(within_env(entries({"LC_*"}), entries({"LC_"})));
  EXPECT_FALSE(within_env(entries({"LD_PRELOAD=x"}), std::vector<EnvEntry>{{"LD_", true, {}}}));
}

}  // namespace
}  // namespace writ::permit
