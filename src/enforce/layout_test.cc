#include "enforce/layout.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>

#include "enforce/landlock.h"

namespace writ::enforce {
namespace {

using wire::Op;

Plan plan_with(std::vector<Mount> mounts) {
  Plan out;
  out.mounts = std::move(mounts);
  out.program = "/usr/bin/true";
  out.directory = "/";
  return out;
}

Mount tree(const char* path, MountKind kind) {
  return {path, kind, true, {1, 2}};
}
Mount file(const char* path, MountKind kind) {
  return {path, kind, false, {1, 3}};
}

// The steps as text: "bind /a", in order.
std::vector<std::string> words(const Layout& layout, const std::string& under = "/") {
  static constexpr const char* kNames[] = {"",      "directory", "file",    "link",
                                           "bind",  "device",    "scratch", "proc",
                                           "cover", "seal",      "text"};
  std::vector<std::string> out;
  for (const LayoutStep& step : layout.steps) {
    if (!is_under(step.path, under)) continue;
    out.push_back(std::string(kNames[static_cast<unsigned>(step.op)]) + " " + step.path);
  }
  return out;
}

const LayoutStep* bind_of(const Layout& layout, const std::string& path) {
  const auto at = std::find_if(
      layout.steps.begin(), layout.steps.end(),
      [&](const LayoutStep& step) { return step.op == Op::Bind && step.path == path; });
  return at == layout.steps.end() ? nullptr : &*at;
}

using Words = std::vector<std::string>;

TEST(Layout, ParentsAreMadeAndMountedBeforeWhatLiesInThem) {
  const Layout layout = lay_out(plan_with({file("/usr/lib/a/x.so", MountKind::Load),
                                           tree("/usr/lib/a.b", MountKind::Read),
                                           tree("/usr/lib/a", MountKind::Read)}),
                                7)
                            .value();
  EXPECT_EQ(
      words(layout, "/usr"),
      (Words{"directory /usr", "directory /usr/lib", "directory /usr/lib/a", "bind /usr/lib/a",
             "bind /usr/lib/a/x.so", "directory /usr/lib/a.b", "bind /usr/lib/a.b"}));
  EXPECT_EQ(layout.steps.back().op, Op::Seal);
  EXPECT_EQ(layout.steps.back().path, "/");
}

TEST(Layout, TheResolversFileIsWhereThePlanSaysOverWhatIsGrantedThere) {
  Plan plan = plan_with({});
  EXPECT_EQ(words(lay_out(plan, 7).value(), "/etc"), Words{});
  plan.resolv_conf = "/etc/resolv.conf";
  const Layout layout = lay_out(plan, 7).value();
  EXPECT_EQ(words(layout, "/etc"),
            (Words{"directory /etc", "file /etc/resolv.conf", "text /etc/resolv.conf"}));
  for (const LayoutStep& step : layout.steps) {
    if (step.op == Op::Text) {
      EXPECT_EQ(step.target, "nameserver 127.0.0.1\n");
    }
  }
  plan.mounts = {tree("/etc", MountKind::Read)};
  EXPECT_EQ(words(lay_out(plan, 7).value(), "/etc"),
            (Words{"directory /etc", "bind /etc", "text /etc/resolv.conf"}));
  plan.mounts = {file("/etc/resolv.conf", MountKind::Read)};
  EXPECT_EQ(words(lay_out(plan, 7).value(), "/etc"),
            (Words{"directory /etc", "file /etc/resolv.conf", "bind /etc/resolv.conf",
                   "text /etc/resolv.conf"}));
  plan.resolv_conf = "etc/resolv.conf";
  EXPECT_FALSE(lay_out(plan, 7));
}

TEST(Layout, OnlyProgramLoadAndProducedAreExecutable) {
  constexpr std::uint64_t kNoexec = MOUNT_ATTR_NOEXEC;
  constexpr std::uint64_t kReadonly = MOUNT_ATTR_RDONLY;
  EXPECT_EQ(attributes_of(MountKind::Read) & (kNoexec | kReadonly), kNoexec | kReadonly);
  EXPECT_EQ(attributes_of(MountKind::Write) & (kNoexec | kReadonly), kNoexec);
  EXPECT_EQ(attributes_of(MountKind::Program) & (kNoexec | kReadonly), kReadonly);
  EXPECT_EQ(attributes_of(MountKind::Load) & (kNoexec | kReadonly), kReadonly);
  EXPECT_EQ(attributes_of(MountKind::Produced) & (kNoexec | kReadonly), 0u);
  for (const MountKind kind : {MountKind::Read, MountKind::Write, MountKind::Program,
                               MountKind::Load, MountKind::Produced}) {
    constexpr std::uint64_t kAlways = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    EXPECT_EQ(attributes_of(kind) & kAlways, kAlways);
  }
}

TEST(Layout, AProgramInAWriteTreeIsPinnedAllTheWayUp) {
  const Layout layout =
      lay_out(plan_with({tree("/w", MountKind::Write), file("/w/a/b/tool", MountKind::Program),
                         tree("/w/a/z", MountKind::Produced)}),
              7)
          .value();
  EXPECT_EQ(words(layout, "/w"), (Words{"directory /w", "bind /w", "bind /w/a", "bind /w/a/b",
                                        "bind /w/a/b/tool", "bind /w/a/z"}));
  EXPECT_FALSE(bind_of(layout, "/w/a")->identified);
  EXPECT_EQ(bind_of(layout, "/w/a")->kind, MountKind::Write);
  EXPECT_EQ(bind_of(layout, "/w/a/b/tool")->kind, MountKind::Program);
}

TEST(Layout, PinsReachThroughNestedWritableTrees) {
  const Layout layout =
      lay_out(plan_with({tree("/w", MountKind::Write), tree("/w/x/out", MountKind::Produced),
                         file("/w/x/out/d/tool", MountKind::Program)}),
              7)
          .value();
  EXPECT_EQ(words(layout, "/w"), (Words{"directory /w", "bind /w", "bind /w/x", "bind /w/x/out",
                                        "bind /w/x/out/d", "bind /w/x/out/d/tool"}));
  EXPECT_EQ(bind_of(layout, "/w/x/out/d")->kind, MountKind::Produced);
}

TEST(Layout, AReservedPathInAGrantedTreeIsCoveredAndPinned) {
  Plan plan = plan_with({tree("/home/u", MountKind::Write)});
  plan.covers = {"/home/u/.local/state/writ", "/elsewhere/writ"};
  const Layout layout = lay_out(plan, 7).value();
  EXPECT_EQ(words(layout, "/home"),
            (Words{"directory /home", "directory /home/u", "bind /home/u", "bind /home/u/.local",
                   "bind /home/u/.local/state", "cover /home/u/.local/state/writ"}));
  EXPECT_TRUE(words(layout, "/elsewhere").empty());
}

TEST(Layout, AMountOfAReservedPathIsRefused) {
  for (const char* path : {"/home/u/.writ", "/home/u/.writ/keys", "/home/u/.writ/keys/a.pem"}) {
    Plan plan = plan_with({tree(path, MountKind::Read)});
    plan.covers = {"/home/u/.writ"};
    const Result<Layout> layout = lay_out(plan, 7);
    ASSERT_FALSE(layout) << path;
    EXPECT_EQ(layout.error().code(), Code::Denied);
  }
  Plan plan = plan_with({tree("/home/u/.writable", MountKind::Read)});
  plan.covers = {"/home/u/.writ"};
  EXPECT_TRUE(lay_out(plan, 7));
}

TEST(Layout, AGrantBelowTmpStandsOnItsOwnIsland) {
  const Layout layout =
      lay_out(
          plan_with({tree("/tmp/one", MountKind::Write), tree("/tmp/two/a/b", MountKind::Write)}),
          7)
          .value();
  EXPECT_EQ(words(layout, "/tmp"),
            (Words{"directory /tmp", "scratch /tmp", "directory /tmp/one", "bind /tmp/one",
                   "directory /tmp/two", "scratch /tmp/two", "directory /tmp/two/a",
                   "directory /tmp/two/a/b", "bind /tmp/two/a/b", "seal /tmp/two"}));
}

TEST(Layout, AWorkingDirectoryThatNoGrantShowsIsAnEmptyOne) {
  Plan plan = plan_with({tree("/usr", MountKind::Load)});
  plan.directory = "/home/u";
  EXPECT_EQ(words(lay_out(plan, 7).value(), "/home"),
            (Words{"directory /home", "directory /home/u"}));
  plan.directory = "/usr/share";
  EXPECT_EQ(words(lay_out(plan, 7).value(), "/usr"), (Words{"directory /usr", "bind /usr"}));
}

TEST(Layout, AGrantedTmpIsTheHosts) {
  const Layout layout = lay_out(plan_with({tree("/tmp", MountKind::Write)}), 7).value();
  EXPECT_EQ(words(layout, "/tmp"), (Words{"directory /tmp", "bind /tmp"}));
}

TEST(Layout, TheSamePathTwiceIsTheFixedAndExecutableOne) {
  const Layout layout =
      lay_out(plan_with({file("/w/x", MountKind::Write), file("/w/x", MountKind::Program),
                         file("/w/x", MountKind::Read)}),
              7)
          .value();
  EXPECT_EQ(words(layout, "/w"), (Words{"directory /w", "file /w/x", "bind /w/x"}));
  EXPECT_EQ(bind_of(layout, "/w/x")->kind, MountKind::Program);
  Mount other = file("/w/x", MountKind::Read);
  other.identity.inode = 99;
  EXPECT_FALSE(lay_out(plan_with({file("/w/x", MountKind::Read), other}), 7));
}

TEST(Layout, OwnAndUnplainNamesAreRefused) {
  for (const char* path : {"/", "relative", "/a/../b", "/a//b", "/a/", "/a/.", "", "/proc",
                           "/proc/self", "/dev", "/dev/sda"}) {
    EXPECT_FALSE(lay_out(plan_with({tree(path, MountKind::Read)}), 7)) << path;
  }
}

TEST(Layout, LinksAreMadeOnlyWhereNoTreeShowsItsOwn) {
  Plan plan = plan_with({tree("/usr", MountKind::Load)});
  plan.links = {{"/bin", "usr/bin"}, {"/usr/bin/cc", "gcc"}};
  const Layout layout = lay_out(plan, 7).value();
  EXPECT_EQ(words(layout, "/bin"), (Words{"link /bin"}));
  EXPECT_EQ(words(layout, "/usr"), (Words{"directory /usr", "bind /usr"}));
  plan.links = {{"/usr", "elsewhere"}};
  EXPECT_FALSE(lay_out(plan, 7));
  plan.links = {{"/bin", "usr/bin"}, {"/bin", "evil"}};
  EXPECT_FALSE(lay_out(plan, 7));
}

TEST(Landlock, NoRuleGivesWritingOnProcOrMakesDevices) {
  const Layout layout =
      lay_out(plan_with({tree("/w", MountKind::Write), tree("/p", MountKind::Produced),
                         tree("/r", MountKind::Read), tree("/l", MountKind::Load)}),
              7)
          .value();
  constexpr std::uint64_t kDevices = landlock::kMakeCharacterDevice | landlock::kMakeBlockDevice;
  for (const LayoutRule& rule : layout.rules) {
    EXPECT_EQ(rule.rights & kDevices, 0u) << rule.path;
    EXPECT_EQ(rule.rights & ~landlock::handled(7), 0u) << rule.path;
    const bool writes = (rule.rights & landlock::kWriteFile) != 0;
    const bool executes = (rule.rights & landlock::kExecute) != 0;
    EXPECT_EQ(executes, rule.path == "/p" || rule.path == "/l") << rule.path;
    if (rule.path == "/proc" || rule.path == "/" || rule.path == "/r" || rule.path == "/l") {
      EXPECT_FALSE(writes) << rule.path;
    }
  }
  EXPECT_TRUE(lay_out(plan_with({}), 0).value().rules.empty());
}

TEST(Landlock, EachVersionHandlesWhatItKnows) {
  EXPECT_EQ(landlock::handled(0), 0u);
  EXPECT_EQ(landlock::handled(1), 0x1fffu);
  EXPECT_EQ(landlock::handled(2), 0x3fffu);
  EXPECT_EQ(landlock::handled(3), 0x7fffu);
  EXPECT_EQ(landlock::handled(4), 0x7fffu);
  EXPECT_EQ(landlock::handled(5), 0xffffu);
  EXPECT_EQ(landlock::scopes(5), 0u);
  EXPECT_EQ(landlock::scopes(6), 3u);
  for (int abi = 0; abi < 8; ++abi) {
    for (const bool directory : {false, true}) {
      EXPECT_EQ(landlock::rights(MountKind::Write, directory, abi) & ~landlock::handled(abi), 0u);
    }
  }
  EXPECT_EQ(landlock::rights(MountKind::Write, false, 7) & landlock::kReadDirectory, 0u);
}

}  // namespace
}  // namespace writ::enforce
