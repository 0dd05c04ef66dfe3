#include "permit/grant.h"

#include <gtest/gtest.h>

#include "cbor/check.h"
#include "cbor/writer.h"
#include "permit/endpoint.h"
#include "permit/test_permit.h"

namespace writ::permit {
namespace {

using namespace testing;

// full_grant has every field of DESIGN §6 at once.
Grant full_grant() {
  Grant grant;
  ExecRule make = named("/usr/bin/make", {"-j{int:1..16}", "{rest}"});
  make.argv0 = {"gmake"};
  make.env = {parse_env_entry("PATH").value(), parse_env_entry("LC_*").value(),
              parse_env_entry("LD_PRELOAD=/usr/lib/x.so").value()};
  make.cwd = {"/srv/job"};
  grant.exec.push_back(make);
  ExecRule script = named("/usr/bin/python3.11", {"{under:/srv/job/data}"});
  script.name = "/usr/bin/python3";
  script.program.links = {{"/usr/bin/python3", "python3.11"}};
  script.script = Script{{"/srv/job/tools/report.py", {}, false, digest(0xbb)}};
  grant.exec.push_back(script);
  ExecRule produced;
  produced.kind = ExecKind::Produced;
  produced.name = "/srv/job/build";
  produced.program = {"/srv/job/build", {}, true, {}};
  produced.args = patterns({"{rest}"});
  grant.exec.push_back(produced);
  grant.env = {parse_env_entry("MAKEFLAGS").value()};
  grant.load = {{"/usr/lib/libc.so.6", {{"/lib", "usr/lib"}}, false, digest(1)},
                {"/usr/lib/python3.11/lib-dynload", {}, true, {}}};
  grant.read = {{"/srv/job", {}, true, {}}, {"/etc/passwd", {}, false, digest(2)}};
  grant.write = {{"/srv/job/build", {}, true, {}}, {"/srv/out.txt", {}, false, {}}};
  grant.connect = {{Protocol::Tcp, "packages.example.org", {{443, 443}, {8000, 8010}}},
                   {Protocol::Udp, "192.0.2.0/24", {{53, 53}}},
                   {Protocol::Unix, "/run/x.sock", {}}};
  grant.listen = {{Protocol::Tcp, "127.0.0.1/32", {{8080, 8080}}}};
  grant.tools = {{Pattern::parse("files").value(), Pattern::parse("{glob:read_*}").value()}};
  grant.models = {{Pattern::parse("local").value(), Pattern::parse("{one:a|b}").value()}};
  grant.limits = {600'000, 300'000, 1ULL << 30, 1ULL << 29, 64, 1000, 5000, 1ULL << 20};
  grant.features = {Feature::Jit, Feature::IoUring};
  grant.approve = {{"exec",
                    "/usr/bin/terraform",
                    patterns({"apply", "{rest}"}),
                    2,
                    {"alice", "bob", "carol"},
                    900'000}};
  grant.delegate_depth = 2;
  return grant;
}

TEST(Grant, EveryFieldReadsBackAsWritten) {
  const Grant grant = full_grant();
  const ByteVec bytes = encode_grant(grant).value();
  EXPECT_FALSE(cbor::find_fault(bytes).has_value());
  EXPECT_EQ(decode_grant(bytes).value(), grant);
  EXPECT_EQ(encode_grant(decode_grant(bytes).value()).value(), bytes);
}

TEST(Grant, TheEmptyGrantIsTheEmptyMap) {
  EXPECT_EQ(encode_grant({}).value(), ByteVec{std::byte{0xa0}});
  EXPECT_EQ(decode_grant(ByteVec{std::byte{0xa0}}).value(), Grant{});
}

TEST(Grant, WhatDecodesEncodesToTheSameBytes) {
  // Every single-byte change of a full grant: refused, or another grant with its one encoding.
  const ByteVec good = encode_grant(full_grant()).value();
  std::size_t accepted = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned flip : {0x01U, 0x20U, 0x80U}) {
      ByteVec bad = good;
      bad[at] ^= std::byte(flip);
      const Result<Grant> grant = decode_grant(bad);
      if (!grant) continue;
      ++accepted;
      EXPECT_EQ(encode_grant(*grant).value(), bad);
      EXPECT_NE(*grant, full_grant());
    }
  }
  EXPECT_GT(accepted, 100u);
}

TEST(Grant, AnUnknownKeyIsRefusedAtEveryLevel) {
  const auto decodes = [](auto&& body) {
    cbor::Writer w;
    body(w);
    return decode_grant(std::move(w).finish().value()).has_value();
  };
  const auto place = [](cbor::Writer& w, bool extra) {
    w.map([&] {
      w.key("path").text("/srv");
      w.key("tree").boolean(true);
      if (extra) w.key("bogus").uint(1);
    });
  };
  for (const bool extra : {false, true}) {
    EXPECT_NE(extra, decodes([&](cbor::Writer& w) {
                w.map([&] {
                  w.key("delegate").uint(1);
                  if (extra) w.key("bogus").uint(1);
                });
              }));
    EXPECT_NE(extra, decodes([&](cbor::Writer& w) {
                w.map([&] { w.key("read").array([&] { place(w, extra); }); });
              }));
    EXPECT_NE(extra, decodes([&](cbor::Writer& w) {
                w.map([&] {
                  w.key("exec").array([&] {
                    w.map([&] {
                      w.key("any");
                      place(w, false);
                      if (extra) w.key("bogus").uint(1);
                    });
                  });
                });
              }));
    EXPECT_NE(extra, decodes([&](cbor::Writer& w) {
                w.map([&] {
                  w.key("limits").map([&] {
                    w.key("tasks").uint(1);
                    if (extra) w.key("bogus").uint(1);
                  });
                });
              }));
  }
}

TEST(Grant, ABrokenRuleIsNeitherEncodedNorDecoded) {
  const auto refused = [](auto&& change) {
    Grant grant = full_grant();
    change(grant);
    return !check_grant(grant).has_value() && !encode_grant(grant).has_value();
  };
  EXPECT_FALSE(refused([](Grant&) {}));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[0].program.path = "usr/bin/make"; }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[0].program.path = "/usr/../bin/make"; }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[0].program.digest.reset(); }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[0].program.tree = true; }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[0].name = "/usr/bin/gmake"; }));  // leads nowhere
  EXPECT_TRUE(refused([](Grant& g) { g.exec[1].program.links.clear(); }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[0].args = {Pattern::parse("{under:x}").value()}; }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[0].env = {{"LD_PRELOAD", false, {}}}; }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[0].env = {{"LD_", true, {}}}; }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[0].env = {{"A*", false, {}}}; }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[0].cwd = {"job"}; }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[1].script->file.digest.reset(); }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[1].script->file.path = "/srv/job/build/x.py"; }));
  EXPECT_TRUE(refused([](Grant& g) {
    g.exec[1].script->file.links = {{"/srv/job/build/x.py", "/srv/job/tools/report.py"}};
  }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec[2].script = g.exec[1].script; }));
  EXPECT_TRUE(refused([](Grant& g) { g.write.erase(g.write.begin()); }));  // produced outside
  EXPECT_TRUE(refused([](Grant& g) { g.load[0].digest.reset(); }));
  EXPECT_TRUE(refused([](Grant& g) { g.load[1].digest = digest(1); }));
  EXPECT_TRUE(refused([](Grant& g) { g.write[1].digest = digest(1); }));
  EXPECT_TRUE(refused([](Grant& g) { g.read[0].links = {{"rel", "x"}}; }));
  EXPECT_TRUE(refused([](Grant& g) { g.connect[0].host = "Packages.example.org"; }));
  EXPECT_TRUE(refused([](Grant& g) { g.connect[0].ports.clear(); }));
  EXPECT_TRUE(refused([](Grant& g) { g.connect[0].ports = {{0, 1}}; }));
  EXPECT_TRUE(refused([](Grant& g) { g.connect[0].ports = {{2, 1}}; }));
  EXPECT_TRUE(refused([](Grant& g) { g.connect[1].host = "192.0.2.1/24"; }));
  EXPECT_TRUE(refused([](Grant& g) { g.connect[2].host = "x.sock"; }));
  EXPECT_TRUE(refused([](Grant& g) { g.tools[0].what = Pattern::parse("{rest}").value(); }));
  EXPECT_TRUE(refused([](Grant& g) { g.limits.tasks = 0; }));
  EXPECT_TRUE(refused([](Grant& g) { g.limits.bytes = 1ULL << 63; }));
  EXPECT_TRUE(refused([](Grant& g) { g.features = {Feature::IoUring, Feature::Jit}; }));
  EXPECT_TRUE(refused([](Grant& g) { g.approve[0].need = 4; }));
  EXPECT_TRUE(refused([](Grant& g) { g.approve[0].need = 0; }));
  EXPECT_TRUE(refused([](Grant& g) { g.approve[0].by = {"a", "a", "b"}; }));
  EXPECT_TRUE(refused([](Grant& g) { g.approve[0].action = "fly"; }));
  EXPECT_TRUE(refused([](Grant& g) { g.approve[0].timeout_ms = 0; }));
  EXPECT_TRUE(refused([](Grant& g) { g.delegate_depth = kMaxDelegation + 1; }));
  EXPECT_TRUE(refused([](Grant& g) { g.exec.resize(kMaxExecRules + 1, g.exec[0]); }));
  EXPECT_TRUE(refused([](Grant& g) { g.read.resize(kMaxPlaces + 1, g.read[0]); }));
}

TEST(Grant, PrintSaysEverythingInWords) {
  std::string all;
  for (const std::string& line : print(full_grant())) all += line + "\n";
  for (const char* part :
       {"runs /usr/bin/make  sha256 aaaaaaaa…", "runs /usr/bin/python3 → /usr/bin/python3.11",
        "script /srv/job/tools/report.py", "runs what it builds under /srv/job/build/",
        "-j{int:1..16} {rest}", "packages.example.org:443,8000-8010", "192.0.2.0/24:53 udp",
        "unix /run/x.sock", "wall 10m, cpu 5m, memory 1GiB", "jit io_uring",
        "exec /usr/bin/terraform apply {rest}: 2 of alice, bob, carol within 15m", "MAKEFLAGS",
        "/etc/passwd  sha256 02020202…", "2 deep", "files {glob:read_*}", "local {one:a|b}"}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n" << all;
  }
  EXPECT_EQ(print(Grant{}), std::vector<std::string>{"grants nothing"});
}

TEST(Ceiling, AnythingBoundsNothingAndTheEmptyOneEverything) {
  EXPECT_FALSE(above(full_grant(), {true, {}}).has_value());
  EXPECT_TRUE(above(full_grant(), {false, {}}).has_value());
  EXPECT_FALSE(above({}, {false, {}}).has_value());
}

TEST(Ceiling, AGrantIsWithinItself) {
  const std::optional<Denial> no = above(full_grant(), {false, full_grant()});
  EXPECT_FALSE(no.has_value()) << no->asked;
}

TEST(Ceiling, EveryFieldThatGoesBeyondIsFoundAndNamed) {
  const auto named_above = [](auto&& widen) {
    Grant grant = full_grant();
    widen(grant);
    EXPECT_TRUE(check_grant(grant).has_value()) << check_grant(grant).error().message();
    const std::optional<Denial> no = above(grant, {false, full_grant()});
    if (!no) return std::string("within");
    EXPECT_EQ(no->reason, Reason::AboveCeiling);
    return no->asked;
  };
  const std::string make = "exec /usr/bin/make with its arguments and environment";
  EXPECT_EQ(named_above([](Grant& g) { g.exec[0].args = patterns({"{rest}"}); }), make);
  EXPECT_EQ(named_above([](Grant& g) { g.exec[0].program.digest = digest(9); }), make);
  EXPECT_EQ(named_above([](Grant& g) { g.exec[0].argv0.push_back("sh"); }), make);
  EXPECT_EQ(named_above([](Grant& g) { g.exec[0].env.reset(); }), make);
  EXPECT_EQ(named_above([](Grant& g) { g.exec[0].cwd.clear(); }), make);
  EXPECT_EQ(named_above([](Grant& g) { g.exec[0].cwd = {"/srv"}; }), make);
  EXPECT_NE(named_above([](Grant& g) { g.exec[1].script->file.digest = digest(9); }), "within");
  EXPECT_NE(named_above([](Grant& g) { g.exec[1].script.reset(); }), "within");
  EXPECT_NE(named_above([](Grant& g) {
              g.write.push_back({"/srv/job/x", {}, true, {}});
              g.exec[2].program.path = g.exec[2].name = "/srv/job/x";
            }),
            "within");
  EXPECT_NE(named_above([](Grant& g) { g.env.push_back(parse_env_entry("X").value()); }), "within");
  EXPECT_EQ(named_above([](Grant& g) {
              g.load.push_back({"/usr/lib", {}, true, {}});
            }),
            "load /usr/lib");
  EXPECT_EQ(named_above([](Grant& g) { g.load[0].digest = digest(9); }), "load /usr/lib/libc.so.6");
  EXPECT_EQ(named_above([](Grant& g) { g.read.push_back({"/etc", {}, true, {}}); }), "read /etc");
  EXPECT_EQ(named_above([](Grant& g) { g.read[1].digest.reset(); }), "read /etc/passwd");
  EXPECT_EQ(named_above([](Grant& g) {
              g.write.push_back({"/srv/other", {}, true, {}});
            }),
            "write /srv/other");
  EXPECT_EQ(named_above([](Grant& g) {
              g.connect[0].ports = {{443, 8000}};
            }),
            "connect packages.example.org");
  EXPECT_EQ(named_above([](Grant& g) { g.connect[1].host = "192.0.0.0/16"; }),
            "connect 192.0.0.0/16");
  EXPECT_EQ(named_above([](Grant& g) { g.connect[1].protocol = Protocol::Tcp; }),
            "connect 192.0.2.0/24");
  EXPECT_EQ(named_above([](Grant& g) { g.connect[2].host = "/run/y.sock"; }),
            "connect /run/y.sock");
  EXPECT_EQ(named_above([](Grant& g) { g.listen[0].host = "0.0.0.0/0"; }), "listen 0.0.0.0/0");
  EXPECT_EQ(named_above([](Grant& g) { g.tools[0].what = Pattern::parse("{glob:*}").value(); }),
            "tool files {glob:*}");
  EXPECT_EQ(named_above([](Grant& g) { g.models[0].what = Pattern::parse("c").value(); }),
            "model local c");
  EXPECT_EQ(named_above([](Grant& g) { g.limits.wall_ms = 600'001; }), "limit wall");
  EXPECT_EQ(named_above([](Grant& g) { g.limits.tasks.reset(); }), "limit tasks");
  EXPECT_EQ(named_above([](Grant& g) { g.limits.bytes.reset(); }), "limit bytes");
  EXPECT_EQ(named_above([](Grant& g) {
              g.features = {Feature::Jit, Feature::Ptrace};
            }),
            "feature ptrace");
  EXPECT_NE(named_above([](Grant& g) { g.approve.clear(); }), "within");
  EXPECT_NE(named_above([](Grant& g) { g.approve[0].need = 1; }), "within");
  EXPECT_NE(named_above([](Grant& g) { g.approve[0].by.push_back("mallory"); }), "within");
  EXPECT_NE(named_above([](Grant& g) { g.approve[0].args = patterns({"apply"}); }), "within");
  EXPECT_EQ(named_above([](Grant& g) { g.delegate_depth = 3; }), "delegation depth 3");
}

TEST(Ceiling, WhatIsNarrowerPasses) {
  const auto within = [](auto&& narrow) {
    Grant grant = full_grant();
    narrow(grant);
    const std::optional<Denial> no = above(grant, {false, full_grant()});
    return no ? no->asked : std::string("within");
  };
  EXPECT_EQ(within([](Grant& g) { g.exec.clear(); }), "within");
  EXPECT_EQ(within([](Grant& g) {
              g.exec[0].args = patterns({"-j{int:2..4}", "test"});
            }),
            "within");
  EXPECT_EQ(within([](Grant& g) { g.exec[0].cwd = {"/srv/job/sub"}; }), "within");
  EXPECT_EQ(within([](Grant& g) { g.exec[0].env = {parse_env_entry("LC_ALL").value()}; }),
            "within");
  EXPECT_EQ(within([](Grant& g) { g.read = {{"/srv/job/a", {}, false, {}}}; }), "within");
  EXPECT_EQ(within([](Grant& g) { g.read = {{"/srv/job/build/a", {}, true, {}}}; }), "within");
  EXPECT_EQ(within([](Grant& g) { g.connect[0].ports = {{8001, 8002}}; }), "within");
  EXPECT_EQ(within([](Grant& g) { g.connect[1].host = "192.0.2.128/25"; }), "within");
  EXPECT_EQ(within([](Grant& g) { g.limits.wall_ms = 1; }), "within");
  EXPECT_EQ(within([](Grant& g) { g.features.clear(); }), "within");
  EXPECT_EQ(within([](Grant& g) { g.approve[0].need = 3; }), "within");
  EXPECT_EQ(within([](Grant& g) { g.approve[0].args.reset(); }), "within");
  EXPECT_EQ(within([](Grant& g) { g.delegate_depth = 0; }), "within");
}

TEST(Ceiling, AnyProgramBelowATreeCoversNamedOnesButNotProducedOnes) {
  Grant bound;
  ExecRule any;
  any.kind = ExecKind::Any;
  any.name = "/usr";
  any.program = {"/usr", {}, true, {}};
  any.args = patterns({"{rest}"});
  bound.exec.push_back(any);
  Grant grant;
  grant.exec.push_back(named("/usr/bin/make", {"test"}));
  EXPECT_FALSE(above(grant, {false, bound}).has_value());
  grant.exec[0] = named("/opt/bin/make", {"test"});
  EXPECT_TRUE(above(grant, {false, bound}).has_value());
  Grant produced;
  produced.write = bound.write = {{"/usr/x", {}, true, {}}};
  ExecRule rule = any;
  rule.kind = ExecKind::Produced;
  rule.name = rule.program.path = "/usr/x";
  produced.exec.push_back(rule);
  EXPECT_TRUE(above(produced, {false, bound}).has_value());
  bound.exec.push_back(rule);
  EXPECT_FALSE(above(produced, {false, bound}).has_value());
}

TEST(Endpoint, HostsHaveOneSpelling) {
  for (const char* name : {"example.org", "*.example.org", "a-b.c_d", "localhost", "x9"}) {
    EXPECT_TRUE(is_host_name(name)) << name;
  }
  for (const char* name : {"", "Example.org", "example.org.", ".org", "a..b", "-a", "a-", "a-.b",
                           "1.2.3.4", "*", "*.*.x", "a b", "a/b", "x.*", "127.1"}) {
    EXPECT_FALSE(is_host_name(name)) << name;
  }
  for (const char* cidr : {"0.0.0.0/0", "192.0.2.0/24", "::/0", "2001:db8::/32", "127.0.0.1/32"}) {
    EXPECT_TRUE(parse_cidr(cidr).has_value()) << cidr;
  }
  for (const char* cidr :
       {"192.0.2.1/24", "192.0.2.0/33", "192.0.2.0", "192.0.2/24", "2001:DB8::/32",
        "2001:db8:0::/32", "::/129", "1.2.3.4/ 8", "1.2.3.4/032", "/8"}) {
    EXPECT_FALSE(parse_cidr(cidr).has_value()) << cidr;
  }
}

TEST(Endpoint, AHostIsWithinItsSuffixOrItsNetwork) {
  EXPECT_TRUE(host_within("a.example.org", "*.example.org"));
  EXPECT_TRUE(host_within("*.a.example.org", "*.example.org"));
  EXPECT_TRUE(host_within("2001:db8:1::/48", "2001:db8::/32"));
  EXPECT_FALSE(host_within("example.org", "*.example.org"));
  EXPECT_FALSE(host_within("badexample.org", "*.example.org"));
  EXPECT_FALSE(host_within("*.example.org", "a.example.org"));
  EXPECT_FALSE(host_within("10.0.0.0/8", "10.0.0.0/9"));
  EXPECT_FALSE(host_within("10.128.0.0/16", "10.0.0.0/9"));
  EXPECT_FALSE(host_within("0.0.0.0/0", "::/0"));
  EXPECT_FALSE(host_within("example.org", "0.0.0.0/0"));
}

}  // namespace
}  // namespace writ::permit
