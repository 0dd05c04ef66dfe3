#include "permit/place_match.h"

#include <gtest/gtest.h>

namespace writ::permit {
namespace {

Place tree(const std::string& path) {
  return {path, {}, true, {}};
}

Place file(const std::string& path) {
  return {path, {}, false, Digest32()};
}

class PlaceMatchTest : public ::testing::Test {
 protected:
  PlaceMatchTest() {
    grant.read = {tree("/work"), file("/etc/hosts"), tree("/work/out/fixed")};
    grant.write = {tree("/work/out")};
    grant.load = {tree("/usr/lib")};
    ExecRule make;
    make.program = file("/usr/bin/make");
    ExecRule tool;
    tool.program = file("/work/out/tool");
    ExecRule script;
    script.program = file("/usr/bin/python3");
    script.script = Script{file("/work/out/report.py")};
    ExecRule produced;
    produced.kind = ExecKind::Produced;
    produced.program = tree("/work/out/bin");
    grant.exec = {make, tool, script, produced};
  }
  bool may(Access access, const std::string& path) const {
    return std::holds_alternative<PlaceAllowed>(match_place(grant, access, path));
  }
  Denial no(Access access, const std::string& path) const {
    const PlaceMatch match = match_place(grant, access, path);
    const Denial* denial = std::get_if<Denial>(&match);
    EXPECT_NE(denial, nullptr) << path;
    return denial == nullptr ? Denial() : *denial;
  }
  Grant grant;
};

TEST_F(PlaceMatchTest, ReadsWhatLiesInAnyGrantedPlace) {
  for (const char* path : {"/work", "/work/a/b", "/etc/hosts", "/work/out/x", "/usr/lib/libc.so.6",
                           "/usr/bin/make", "/work/out/report.py", "/work/out/bin/new"}) {
    EXPECT_TRUE(may(Access::ToRead, path)) << path;
  }
  for (const char* path :
       {"/", "/workshop", "/etc", "/etc/hosts/x", "/etc/passwd", "/usr/bin/mak", "/usr", "/home"}) {
    EXPECT_FALSE(may(Access::ToRead, path)) << path;
  }
}

TEST_F(PlaceMatchTest, TheDeepestPlaceDecidesWhatCanBeWritten) {
  EXPECT_TRUE(may(Access::ToWrite, "/work/out"));
  EXPECT_TRUE(may(Access::ToWrite, "/work/out/bin/new"));
  for (const char* path : {"/work/x", "/work", "/work/outer", "/work/out/fixed/x", "/work/out/tool",
                           "/work/out/report.py", "/usr/bin/make", "/usr/lib/x.so", "/etc/hosts"}) {
    EXPECT_FALSE(may(Access::ToWrite, path)) << path;
  }
}

TEST_F(PlaceMatchTest, TheRunsPrivatePlacesAreItsOwn) {
  EXPECT_TRUE(may(Access::ToWrite, "/tmp/x"));
  EXPECT_TRUE(may(Access::ToWrite, "/dev/shm/x"));
  EXPECT_TRUE(may(Access::ToRead, "/proc/self/maps"));
  EXPECT_TRUE(may(Access::ToRead, "/dev/null"));
  EXPECT_FALSE(may(Access::ToWrite, "/proc/sys/kernel/x"));
  EXPECT_FALSE(may(Access::ToWrite, "/dev/sda"));
  EXPECT_FALSE(may(Access::ToWrite, "/tmpx"));
  grant.read.push_back(tree("/tmp/given"));
  EXPECT_FALSE(may(Access::ToWrite, "/tmp/given/x"));
}

TEST_F(PlaceMatchTest, ARefusalSaysWhatWouldAllowIt) {
  const Denial read = no(Access::ToRead, "/etc/passwd");
  EXPECT_EQ(read.reason, Reason::NotGranted);
  EXPECT_EQ(read.asked, "read /etc/passwd");
  EXPECT_EQ(read.allow, "[files]\nread = [\"/etc/passwd\"]");
  EXPECT_EQ(no(Access::ToWrite, "/work/x").allow, "[files]\nwrite = [\"/work/x\"]");
  EXPECT_NE(no(Access::ToWrite, "/usr/bin/make").because.find("cannot change"), std::string::npos);
  EXPECT_EQ(no(Access::ToWrite, "/work/out/tool").allow.find("[files]"), std::string::npos);
}

TEST_F(PlaceMatchTest, SaysWhetherPolicyIsAskedAboutThePlace) {
  const auto allowed = [&](Access access, const char* path) {
    return std::get<PlaceAllowed>(match_place(grant, access, path));
  };
  EXPECT_EQ(allowed(Access::ToRead, "/work/a").place->path, "/work");
  EXPECT_TRUE(allowed(Access::ToRead, "/work/a").data);
  EXPECT_TRUE(allowed(Access::ToRead, "/work/out/x").written);
  EXPECT_FALSE(allowed(Access::ToRead, "/usr/bin/make").data);
  EXPECT_EQ(allowed(Access::ToWrite, "/tmp/x").place, nullptr);
}

}  // namespace
}  // namespace writ::permit
