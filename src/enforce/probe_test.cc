#include "enforce/probe.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

namespace writ::enforce {
namespace {

TEST(Probe, TriesEachMechanismOnceAndSaysSomethingOfEach) {
  const Capabilities found = probe();
  std::set<std::string> names;
  for (const Mechanism& one : found.mechanisms) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    EXPECT_FALSE(one.detail.empty()) << one.name;
  }
  EXPECT_EQ(names.size(), 12u);
  EXPECT_EQ(found.root, geteuid() == 0);
}

TEST(Probe, LeavesNoChildBehind) {
  (void)probe();
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(Probe, WhatIsMissingIsNamedWithItsRemedy) {
  Capabilities none;
  none.mechanisms = {{"landlock", false, "boot with it"}};
  EXPECT_FALSE(none.sandbox_ready());
  const auto missing = none.missing();
  EXPECT_EQ(missing.size(), 7u);
  EXPECT_NE(std::find(missing.begin(), missing.end(), "landlock: boot with it"), missing.end());
  Capabilities all;
  all.user_namespaces = all.own_proc = all.notification = all.trace = all.writers_excluded =
      all.pidfd = true;
  all.landlock_abi = 1;
  EXPECT_TRUE(all.sandbox_ready());  // W^X is the filter's where the kernel has none
}

// In a child whose limit on user namespaces is spent, the probe must see it by trying.
TEST(Probe, ARefusedNamespaceIsSeen) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const pid_t pid = fork();
  if (pid == 0) {
    if (setgid(62003) != 0 || setuid(62003) != 0) _exit(9);
    if (unshare(CLONE_NEWUSER) != 0) _exit(8);
    // In a namespace without mapped ids no further one can be made.
    const Capabilities found = probe();
    _exit(found.user_namespaces || found.sandbox_ready() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace writ::enforce
