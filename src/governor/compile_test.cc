#include "governor/compile.h"

#include "crypto/sha.h"
#include "governor/resolve.h"
#include "governor/testing_internal.h"
#include "permit/pattern.h"

namespace writ::governor {
namespace {

using permit::Grant;
using permit::Limits;

enforce::Capabilities able() {
  enforce::Capabilities kernel = enforce::probe();
  return kernel;
}

class CompileTest : public ::testing::Test {
 protected:
  CompileTest() {
    std::filesystem::create_directories(t.root + "/data");
    program = t.file("bin/tool",
                     "\x7f"
                     "ELF not really",
                     0755);
    permit::ExecRule rule;
    rule.name = program;
    rule.program.path = program;
    rule.program.digest = *digest_file(program);
    grant.exec.push_back(rule);
    Result<Reserved> found = Reserved::find(t.home, t.account);
    EXPECT_TRUE(found);
    reserved = *found;
    std::filesystem::create_directories(t.home.config);
    std::filesystem::create_directories(t.home.state);
    std::filesystem::create_directories(t.home.runtime);
  }

  Result<Compiled> compiled() {
    CompileRequest request{.run = RunId(),
                           .grant = grant,
                           .limits = limits,
                           .least_tier = tier,
                           .reserved = reserved,
                           .who = who,
                           .program = program,
                           .argv = {program},
                           .environment = {},
                           .directory = directory};
    return compile(request, kernel);
  }
  // The reason of the denial, or "allowed".
  std::string outcome() {
    Result<Compiled> c = compiled();
    if (!c) return c.error().message();
    if (const Denial* no = std::get_if<Denial>(&*c)) {
      EXPECT_FALSE(no->because.empty());
      EXPECT_FALSE(no->allow.empty());
      return std::string(code_of(no->reason));
    }
    return "allowed";
  }
  permit::Place tree(const std::string& path) {
    permit::Place place;
    place.path = path;
    place.tree = true;
    return place;
  }

  TestHome t;
  std::string program;
  std::string directory = "/";
  Grant grant;
  Limits limits;
  domain::Tier tier = domain::Tier::Sandbox;
  Reserved reserved;
  RunAs who{.uid = 1000, .gid = 1000, .other_uid = {}, .other_gid = {}};
  enforce::Capabilities kernel = able();
};

TEST_F(CompileTest, AnEmptyGrantOfOneProgramIsAllowed) {
  ASSERT_TRUE(kernel.sandbox_ready());
  EXPECT_EQ(outcome(), "allowed");
}

TEST_F(CompileTest, ConnectByDatagramIsInThePlanWithItsMechanism) {
  grant.connect = {{permit::Protocol::Udp, "192.0.2.0/24", {{123, 123}}}};
  Result<Compiled> c = compiled();
  ASSERT_TRUE(c);
  const enforce::Plan* plan = std::get_if<enforce::Plan>(&*c);
  ASSERT_NE(plan, nullptr);
  const std::vector<enforce::Endpoint> expected = {
      {enforce::Protocol::Udp, "192.0.2.0/24", {{123, 123}}}};
  EXPECT_EQ(plan->connect, expected);
  EXPECT_EQ(plan->resolv_conf, "");
  const auto relayed = [](const enforce::Plan& one) {
    return std::count(one.mechanisms.begin(), one.mechanisms.end(), "net:datagram-relay");
  };
  EXPECT_EQ(relayed(*plan), 1);
  grant.connect = {{permit::Protocol::Tcp, "192.0.2.0/24", {{1, 65535}}}};
  c = compiled();
  ASSERT_TRUE(c);
  EXPECT_EQ(relayed(std::get<enforce::Plan>(*c)), 0);
  grant.connect = {{permit::Protocol::Udp, "a.example", {{123, 123}}}};
  c = compiled();
  ASSERT_TRUE(c);
  EXPECT_NE(std::get<enforce::Plan>(*c).resolv_conf, "");
}
TEST_F(CompileTest, MoreDatagramPortsThanTheRelayHoldsAreDenied) {
  grant.connect = {{permit::Protocol::Udp, "192.0.2.0/24", {{1, 40}}},
                   {permit::Protocol::Udp, "a.example", {{17, 64}}}};
  EXPECT_EQ(outcome(), "allowed");
  grant.connect[1].ports[0].last = 65;
  EXPECT_EQ(outcome(), "mechanism_unavailable");
}
// One test a field that nothing here enforces yet (DESIGN §8).
TEST_F(CompileTest, ConnectByTcpToAddressesIsInThePlanWithItsMechanism) {
  grant.connect = {{permit::Protocol::Tcp, "10.0.0.0/8", {{443, 443}, {8000, 8010}}}};
  Result<Compiled> c = compiled();
  ASSERT_TRUE(c);
  const enforce::Plan* plan = std::get_if<enforce::Plan>(&*c);
  ASSERT_NE(plan, nullptr);
  const std::vector<enforce::Endpoint> expected = {
      {enforce::Protocol::Tcp, "10.0.0.0/8", {{443, 443}, {8000, 8010}}}};
  EXPECT_EQ(plan->connect, expected);
  const auto has = [&](const char* name) {
    return std::find(plan->mechanisms.begin(), plan->mechanisms.end(), name) !=
           plan->mechanisms.end();
  };
  EXPECT_TRUE(has("net:late-socket"));
  grant.connect.clear();
  c = compiled();
  plan = std::get_if<enforce::Plan>(&*c);
  ASSERT_NE(plan, nullptr);
  EXPECT_TRUE(plan->connect.empty());
  EXPECT_FALSE(has("net:late-socket"));
}
TEST_F(CompileTest, ANameNeedsAResolverInTheRun) {
  grant.connect = {{permit::Protocol::Tcp, "10.0.0.0/8", {{443, 443}}},
                   {permit::Protocol::Unix, "/run/x.sock", {}}};
  Result<Compiled> c = compiled();
  ASSERT_TRUE(c);
  EXPECT_EQ(std::get<enforce::Plan>(*c).resolv_conf, "");
  grant.connect.push_back({permit::Protocol::Tcp, "a.example", {{443, 443}}});
  c = compiled();
  ASSERT_TRUE(c);
  const enforce::Plan& plan = std::get<enforce::Plan>(*c);
  EXPECT_TRUE(plan.resolv_conf.starts_with("/")) << plan.resolv_conf;
  EXPECT_NE(std::find(plan.mechanisms.begin(), plan.mechanisms.end(), "net:resolver"),
            plan.mechanisms.end());
}
TEST_F(CompileTest, WithoutTheLateSocketConnectIsDenied) {
  grant.connect = {{permit::Protocol::Tcp, "10.0.0.0/8", {{443, 443}}}};
  kernel.late_socket = false;
  EXPECT_EQ(outcome(), "mechanism_unavailable");
  kernel = able();
  EXPECT_EQ(outcome(), "allowed");
}
TEST_F(CompileTest, ListenByTcpAtAddressesIsInThePlanAndNothingElseIs) {
  const permit::Endpoint served{permit::Protocol::Tcp, "127.0.0.0/8", {{80, 80}}};
  grant.listen = {served};
  Result<Compiled> c = compiled();
  ASSERT_TRUE(c);
  const enforce::Plan* plan = std::get_if<enforce::Plan>(&*c);
  ASSERT_NE(plan, nullptr);
  const std::vector<enforce::Endpoint> expected = {
      {enforce::Protocol::Tcp, "127.0.0.0/8", {{80, 80}}}};
  EXPECT_EQ(plan->listen, expected);
  EXPECT_TRUE(plan->outward());
  EXPECT_NE(std::find(plan->mechanisms.begin(), plan->mechanisms.end(), "net:late-socket"),
            plan->mechanisms.end());
  const permit::Endpoint others[] = {{permit::Protocol::Tcp, "a.example", {{80, 80}}},
                                     {permit::Protocol::Udp, "127.0.0.0/8", {{80, 80}}},
                                     {permit::Protocol::Unix, "/run/x.sock", {}}};
  for (const permit::Endpoint& other : others) {
    grant.listen = {served, other};
    EXPECT_EQ(outcome(), "mechanism_unavailable") << other.host;
  }
  grant.listen = {served};
  kernel.late_socket = false;
  EXPECT_EQ(outcome(), "mechanism_unavailable");
}
TEST_F(CompileTest, ToolsAreDenied) {
  grant.tools.push_back({*permit::Pattern::exact("s"), *permit::Pattern::exact("t")});
  EXPECT_EQ(outcome(), "mechanism_unavailable");
}
TEST_F(CompileTest, ModelsAreDenied) {
  grant.models.push_back({*permit::Pattern::exact("s"), *permit::Pattern::exact("t")});
  EXPECT_EQ(outcome(), "mechanism_unavailable");
}
TEST_F(CompileTest, ApproveIsDenied) {
  permit::ApproveRule rule;
  rule.action = "exec";
  rule.by = {"alice"};
  grant.approve.push_back(rule);
  EXPECT_EQ(outcome(), "mechanism_unavailable");
}
TEST_F(CompileTest, DelegateIsDenied) {
  grant.delegate_depth = 1;
  EXPECT_EQ(outcome(), "mechanism_unavailable");
}
TEST_F(CompileTest, TheKernelTierIsDenied) {
  tier = domain::Tier::Kernel;
  EXPECT_EQ(outcome(), "mechanism_unavailable");
}
TEST_F(CompileTest, TheMemoryLimitIsDenied) {
  limits.memory = 1 << 30;
  EXPECT_EQ(outcome(), "limits_unavailable");
}
TEST_F(CompileTest, TheBytesLimitIsDenied) {
  limits.bytes = 1 << 30;
  EXPECT_EQ(outcome(), "limits_unavailable");
}
TEST_F(CompileTest, PtraceUsernsAndIoUringAreDenied) {
  for (const permit::Feature feature :
       {permit::Feature::Ptrace, permit::Feature::Userns, permit::Feature::IoUring}) {
    grant.features = {feature};
    EXPECT_EQ(outcome(), "feature_not_granted") << permit::feature_name(feature);
  }
  grant.features = {permit::Feature::Jit};
  EXPECT_EQ(outcome(), "allowed");
}
TEST_F(CompileTest, AKernelWithoutAMechanismIsDeniedNotServedWeaker) {
  kernel.notification = false;
  EXPECT_EQ(outcome(), "mechanism_unavailable");
  kernel = able();
  kernel.user_namespaces = false;
  EXPECT_EQ(outcome(), "mechanism_unavailable");
}

TEST_F(CompileTest, EnforcedLimitsReachThePlan) {
  limits.wall_ms = 1;
  limits.cpu_ms = 2;
  limits.process_memory = 3;
  limits.tasks = 4;
  limits.execs = 5;
  limits.events = 6;
  Result<Compiled> c = compiled();
  ASSERT_TRUE(c);
  const enforce::Plan& plan = std::get<enforce::Plan>(*c);
  EXPECT_EQ(plan.limits.wall_ms, 1U);
  EXPECT_EQ(plan.limits.cpu_ms, 2U);
  EXPECT_EQ(plan.limits.process_memory, 3U);
  EXPECT_EQ(plan.limits.tasks, 4U);
  EXPECT_EQ(plan.limits.execs, 5U);
  EXPECT_EQ(plan.limits.gate_events, 6U);
}

TEST_F(CompileTest, AProgramThatIsGoneOrBehindALinkIsDenied) {
  std::filesystem::rename(program, program + ".moved");
  EXPECT_EQ(outcome(), "digest_mismatch");
  std::filesystem::create_symlink(program + ".moved", program);
  EXPECT_EQ(outcome(), "digest_mismatch");
}

TEST_F(CompileTest, AChangedLibraryOrScriptIsDenied) {
  permit::Place library;
  library.path = t.file("lib/a.so", "one");
  library.digest = *digest_file(library.path);
  grant.load.push_back(library);
  EXPECT_EQ(outcome(), "allowed");
  t.file("lib/a.so", "two");
  EXPECT_EQ(outcome(), "load_mismatch");
  grant.load.clear();
  permit::Script script;
  script.file.path = t.file("s.py", "one");
  script.file.digest = *digest_file(script.file.path);
  grant.exec[0].script = script;
  EXPECT_EQ(outcome(), "allowed");
  t.file("s.py", "two");
  EXPECT_EQ(outcome(), "script_mismatch");
}

TEST_F(CompileTest, P13AGrantOfAReservedPlaceIsDeniedAtAdmissionToo) {
  for (const std::string& place : {t.home.config, t.home.state, t.home.runtime, t.home.whole}) {
    grant.read = {tree(place)};
    EXPECT_EQ(outcome(), "reserved_path") << place;
    grant.read.clear();
    grant.write = {tree(place)};
    EXPECT_EQ(outcome(), "reserved_path") << place;
    grant.write.clear();
  }
}

TEST_F(CompileTest, P13ATreeAboveAReservedPlaceIsCovered) {
  grant.read = {tree(t.root)};
  std::filesystem::create_directories(t.account.directory + "/.config/writ");
  std::filesystem::create_directories(t.account.directory + "/.local/state/writ");
  Result<Compiled> c = compiled();
  ASSERT_TRUE(c);
  const enforce::Plan* plan = std::get_if<enforce::Plan>(&*c);
  ASSERT_NE(plan, nullptr);
  const std::string user = t.account.directory;
  EXPECT_EQ(plan->covers, (std::vector<std::string>{user + "/.config/writ",
                                                    user + "/.local/state/writ", t.home.whole}));
}

TEST_F(CompileTest, P13AReadTreeInWhichAReservedPlaceMayAppearDuringTheRunIsDenied) {
  // What is made there later could not be covered any more.
  grant.read = {tree(t.account.directory)};
  EXPECT_EQ(outcome(), "reserved_path");
  std::filesystem::create_directories(t.account.directory + "/.config/writ");
  EXPECT_EQ(outcome(), "reserved_path") << "one of two";
  std::filesystem::create_directories(t.account.directory + "/.local/state/writ");
  EXPECT_EQ(outcome(), "allowed");
  // Only root makes /etc/writ, and only root reads it.
  grant.read = {tree("/etc")};
  EXPECT_EQ(outcome(), "allowed");
}

TEST_F(CompileTest, P13TheWholeFileSystemAndTheKernelsPlacesCannotBeGranted) {
  for (const char* path : {"/", "/proc", "/proc/1", "/dev", "/dev/shm"}) {
    grant.read = {tree(path)};
    EXPECT_EQ(outcome(), "reserved_path") << path;
    grant.read.clear();
    grant.write = {tree(path)};
    EXPECT_EQ(outcome(), "reserved_path") << path;
    grant.write.clear();
  }
}

TEST_F(CompileTest, P13AWriteTreeInWhichAReservedPlaceCouldBeMadeIsDenied) {
  // The account's default places are not there, and the tree above them is to be writable.
  grant.write = {tree(t.account.directory)};
  EXPECT_EQ(outcome(), "reserved_path");
}

TEST_F(CompileTest, RootNeverRunsAsTheHostsUidZero) {
  who = {.uid = 0, .gid = 0, .other_uid = {}, .other_gid = {}};
  EXPECT_EQ(outcome(), "mechanism_unavailable");
  who.other_uid = 0;
  EXPECT_EQ(outcome(), "mechanism_unavailable");
  who.other_uid = 65534;
  who.other_gid = 65534;
  Result<Compiled> c = compiled();
  ASSERT_TRUE(c);
  EXPECT_EQ(std::get<enforce::Plan>(*c).identity.uid, 65534U);
}

TEST_F(CompileTest, WriteWinsOverReadAndProducedOverWriteForOnePath) {
  const std::string data = t.root + "/data";
  grant.read = {tree(data)};
  grant.write = {tree(data)};
  permit::ExecRule produced;
  produced.kind = permit::ExecKind::Produced;
  produced.program = tree(data);
  grant.exec.push_back(produced);
  Result<Compiled> c = compiled();
  ASSERT_TRUE(c);
  for (const enforce::Mount& mount : std::get<enforce::Plan>(*c).mounts) {
    if (mount.path == data) {
      EXPECT_EQ(mount.kind, enforce::MountKind::Produced);
    }
  }
}

}  // namespace
}  // namespace writ::governor
