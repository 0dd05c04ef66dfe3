#include "governor/home.h"

#include "governor/testing_internal.h"

namespace writ::governor {
namespace {

TEST(Home, RootUsesTheMachinesPlacesAndOthersTheirOwn) {
  Account root;
  root.uid = 0;
  root.directory = "/root";
  Result<Home> home = find_home(root);
  ASSERT_TRUE(home);
  EXPECT_EQ(home->config, "/etc/writ");
  EXPECT_EQ(home->state, "/var/lib/writ");
  EXPECT_EQ(home->runtime, "/run/writ");
  Account user;
  user.uid = 1000;
  user.directory = "/home/u";
  user.xdg_runtime_dir = "/run/user/1000";
  home = find_home(user);
  ASSERT_TRUE(home);
  EXPECT_EQ(home->config, "/home/u/.config/writ");
  EXPECT_EQ(home->state, "/home/u/.local/state/writ");
  EXPECT_EQ(home->runtime, "/run/user/1000/writ");
}

TEST(Home, WritHomePutsAllUnderOneDirectory) {
  Account root;
  root.writ_home = "/srv/w";
  Result<Home> home = find_home(root);
  ASSERT_TRUE(home);
  EXPECT_EQ(home->config, "/srv/w/config");
  EXPECT_EQ(home->state, "/srv/w/state");
  EXPECT_EQ(home->runtime, "/srv/w/run");
  EXPECT_EQ(home->ledger(), "/srv/w/state/ledger");
}

TEST(Home, VariablesThatAreNoNormalPathsAreRefusedByName) {
  for (const char* bad : {"relative", "/a/../b", "/a//b", "/", "/a/"}) {
    Account account;
    account.uid = 1000;
    account.directory = "/home/u";
    account.writ_home = bad;
    Result<Home> home = find_home(account);
    ASSERT_FALSE(home) << bad;
    EXPECT_NE(home.error().message().find("WRIT_HOME"), std::string::npos);
  }
}

TEST(Home, NamesThatBecomeFileNamesCannotLeaveTheirDirectory) {
  for (const char* bad : {"", ".", "..", ".x", "-x", "a/b", "a b", "a\n"}) {
    EXPECT_FALSE(valid_name(bad)) << bad;
  }
  EXPECT_TRUE(valid_name("c-build.2"));
  EXPECT_FALSE(valid_name(std::string(65, 'a')));
}

TEST(Home, AFileThatOthersMayWriteOrReadIsNotPrivate) {
  TestHome t;
  const std::string path = t.file("f", "x", 0600);
  EXPECT_TRUE(check_private(path, true));
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_TRUE(check_private(path, false));
  EXPECT_FALSE(check_private(path, true));
  ASSERT_EQ(::chmod(path.c_str(), 0620), 0);
  EXPECT_FALSE(check_private(path, false));
  const std::string link = t.root + "/link";
  ASSERT_EQ(::symlink(path.c_str(), link.c_str()), 0);
  EXPECT_FALSE(check_private(link, false));
  EXPECT_EQ(check_private(t.root + "/none", false).error().code(), Code::NotFound);
}

TEST(ReservedPaths, P13NamesItsOwnPlacesByAnyName) {
  TestHome t;
  for (const std::string& dir : {t.home.config, t.home.state, t.home.runtime}) {
    std::filesystem::create_directories(dir + "/inner");
  }
  t.file("writ/config/keys/log.pem", "x");
  Result<Reserved> reserved = Reserved::find(t.home, t.account);
  ASSERT_TRUE(reserved);
  EXPECT_TRUE(reserved->names(t.home.whole));
  EXPECT_TRUE(reserved->names(t.home.config));
  EXPECT_TRUE(reserved->names(t.home.config + "/keys/log.pem"));
  EXPECT_TRUE(reserved->names(t.home.state + "/not/there/yet"));
  EXPECT_TRUE(reserved->names("/etc/writ"));
  EXPECT_TRUE(reserved->names("/var/lib/writ/ledger"));
  EXPECT_TRUE(reserved->names(t.account.directory + "/.config/writ"));
  EXPECT_FALSE(reserved->names(t.root));
  EXPECT_FALSE(reserved->names(t.home.whole + "-not"));
  EXPECT_FALSE(reserved->names("/usr/bin"));
  // A symlink to them, and a path through it.
  const std::string link = t.root + "/innocent";
  ASSERT_EQ(::symlink(t.home.config.c_str(), link.c_str()), 0);
  EXPECT_TRUE(reserved->names(link));
  EXPECT_TRUE(reserved->names(link + "/keys"));
}

TEST(ReservedPaths, P13AHomeThatIsItselfASymlinkIsKnownByBothNames) {
  TestHome t;
  std::filesystem::create_directories(t.root + "/elsewhere/config");
  ASSERT_EQ(::symlink((t.root + "/elsewhere").c_str(), t.home.whole.c_str()), 0);
  Result<Reserved> reserved = Reserved::find(t.home, t.account);
  ASSERT_TRUE(reserved);
  EXPECT_TRUE(reserved->names(t.home.config));
  EXPECT_TRUE(reserved->names(t.root + "/elsewhere/config"));
}

}  // namespace
}  // namespace writ::governor
