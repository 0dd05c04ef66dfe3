#include "enforce/plan.h"

#include <gtest/gtest.h>

namespace writ::enforce {
namespace {

Plan full() {
  Plan out;
  out.run = make_run_id(UnixMillis(1'700'000'000'000), {});
  out.hostname = "h";
  out.identity = {1000, 1001, true, 2, 3};
  out.mounts = {{"/usr/lib", MountKind::Load, true, {5, 6}},
                {"/b\xff", MountKind::Produced, false, {7, 8}}};
  out.links = {{"/bin", "usr/bin"}};
  out.covers = {"/home/u/.writ"};
  out.jit = true;
  out.limits.wall_ms = 9;
  out.limits.process_memory = 10;
  out.program = "/usr/bin/true";
  out.argv = {"true", ""};
  out.environment = {"A=\xff"};
  out.directory = "/";
  out.mechanisms = {"landlock:7"};
  out.resolv_conf = "/etc/resolv.conf";
  out.connect = {{Protocol::Udp, "a.example", {{1, 2}, {3, 3}}}};
  out.inquiry = true;
  out.listen = {{Protocol::Tcp, "0.0.0.0/0", {{80, 80}}}};
  return out;
}

TEST(Plan, DecodesToWhatWasEncoded) {
  const Plan plan = full();
  const ByteVec bytes = encode(plan);
  const Plan back = decode_plan(bytes).value();
  EXPECT_EQ(encode(back), bytes);
  EXPECT_EQ(back.mounts.size(), 2u);
  EXPECT_EQ(back.mounts[1].path, "/b\xff");
  EXPECT_EQ(back.mounts[1].kind, MountKind::Produced);
  EXPECT_EQ(back.limits.wall_ms, 9u);
  EXPECT_FALSE(back.limits.cpu_ms.has_value());
  EXPECT_EQ(back.identity.owner_gid, 3u);
  EXPECT_EQ(back.connect, plan.connect);
  EXPECT_EQ(back.listen, plan.listen);
  EXPECT_TRUE(back.inquiry);
  EXPECT_EQ(digest(back), digest(plan));
}

TEST(Plan, EveryFieldChangesTheDigest) {
  const Digest32 before = digest(full());
  const auto changed = [&](auto change) {
    Plan plan = full();
    change(plan);
    return digest(plan) != before && decode_plan(encode(plan)).has_value();
  };
  EXPECT_TRUE(changed([](Plan& p) { p.run = RunId(); }));
  EXPECT_TRUE(changed([](Plan& p) { p.hostname += "x"; }));
  EXPECT_TRUE(changed([](Plan& p) { p.resolv_conf.clear(); }));
  EXPECT_TRUE(changed([](Plan& p) { p.identity.uid++; }));
  EXPECT_TRUE(changed([](Plan& p) { p.identity.gid++; }));
  EXPECT_TRUE(changed([](Plan& p) { p.identity.idmap = false; }));
  EXPECT_TRUE(changed([](Plan& p) { p.identity.owner_uid++; }));
  EXPECT_TRUE(changed([](Plan& p) { p.identity.owner_gid++; }));
  EXPECT_TRUE(changed([](Plan& p) { p.mounts[0].path += "x"; }));
  EXPECT_TRUE(changed([](Plan& p) { p.mounts[0].kind = MountKind::Write; }));
  EXPECT_TRUE(changed([](Plan& p) { p.mounts[0].directory = false; }));
  EXPECT_TRUE(changed([](Plan& p) { p.mounts[0].identity.device++; }));
  EXPECT_TRUE(changed([](Plan& p) { p.mounts[0].identity.inode++; }));
  EXPECT_TRUE(changed([](Plan& p) { p.mounts.pop_back(); }));
  EXPECT_TRUE(changed([](Plan& p) { p.links[0].path += "x"; }));
  EXPECT_TRUE(changed([](Plan& p) { p.links[0].target += "x"; }));
  EXPECT_TRUE(changed([](Plan& p) { p.covers.clear(); }));
  EXPECT_TRUE(changed([](Plan& p) { p.jit = false; }));
  EXPECT_TRUE(changed([](Plan& p) { p.listen.clear(); }));
  EXPECT_TRUE(changed([](Plan& p) { p.inquiry = false; }));
  EXPECT_TRUE(changed([](Plan& p) { p.limits.wall_ms.reset(); }));
  EXPECT_TRUE(changed([](Plan& p) { p.limits.cpu_ms = 0; }));
  EXPECT_TRUE(changed([](Plan& p) { p.limits.process_memory = 0; }));
  EXPECT_TRUE(changed([](Plan& p) { p.limits.tasks++; }));
  EXPECT_TRUE(changed([](Plan& p) { p.limits.execs++; }));
  EXPECT_TRUE(changed([](Plan& p) { p.limits.gate_events++; }));
  EXPECT_TRUE(changed([](Plan& p) { p.program += "x"; }));
  EXPECT_TRUE(changed([](Plan& p) { p.terminal = Terminal::All; }));
  EXPECT_TRUE(changed([](Plan& p) { p.argv.pop_back(); }));
  EXPECT_TRUE(changed([](Plan& p) { p.environment[0] += "x"; }));
  EXPECT_TRUE(changed([](Plan& p) { p.directory = "/tmp"; }));
  EXPECT_TRUE(changed([](Plan& p) { p.mechanisms.clear(); }));
  EXPECT_TRUE(changed([](Plan& p) { p.connect.clear(); }));
  EXPECT_TRUE(changed([](Plan& p) { p.connect[0].protocol = Protocol::Tcp; }));
  EXPECT_TRUE(changed([](Plan& p) { p.connect[0].host += "x"; }));
  EXPECT_TRUE(changed([](Plan& p) { p.connect[0].ports[0].first = 2; }));
  EXPECT_TRUE(changed([](Plan& p) { p.connect[0].ports[1].last = 9; }));
}

TEST(Plan, NoPrefixAndNoLongerFormDecodes) {
  ByteVec bytes = encode(full());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_plan(Bytes(bytes).first(size))) << size;
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_plan(bytes));
}

TEST(Plan, AnotherVersionIsRefused) {
  ByteVec bytes = encode(full());
  ASSERT_EQ(bytes[1], std::byte{0});  // key 0
  bytes[2] = std::byte{1};
  const Result<Plan> plan = decode_plan(bytes);
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message().find("version"), std::string::npos);
}

}  // namespace
}  // namespace writ::enforce
