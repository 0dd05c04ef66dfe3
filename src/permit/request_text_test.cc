#include "permit/request_text.h"

#include <gtest/gtest.h>

#include "permit/match.h"

namespace writ::permit {
namespace {

// Places in the text are no part of what is said.
Request unplaced(Request request) {
  const auto clear = [](WantedPath& path) { path.at.clear(); };
  request.file.clear();
  for (WantedExec& rule : request.exec) {
    rule.at.clear();
    clear(rule.program);
    if (rule.script) clear(*rule.script);
    for (WantedPath& tree : rule.cwd) clear(tree);
  }
  for (auto* list : {&request.load, &request.read, &request.write}) {
    for (WantedPath& path : *list) clear(path);
  }
  return request;
}

void expect_same_again(const std::string& text) {
  const Result<Request> request = parse_request(text, "a");
  ASSERT_TRUE(request) << request.error().message();
  const std::string printed = print_request(*request);
  const Result<Request> again = parse_request(printed, "b");
  ASSERT_TRUE(again) << again.error().message() << "\n" << printed;
  EXPECT_EQ(unplaced(*again), unplaced(*request)) << printed;
  EXPECT_EQ(print_request(*again), printed);
}

TEST(RequestText, ARequestWithEveryPartReadsBackAsItself) {
  expect_same_again(R"(
subject  = "agent/coder"
audience = ["default"]
ttl      = "2h"
sets     = ["base", "c-build"]
host     = "this"
policy   = "pin"
uses     = 3
env      = ["CI=1"]
features = ["jit"]

[[exec]]
program = "/usr/bin/make"
args    = ["-j{int:1..16}", "test"]

[[exec]]
program = "/usr/bin/python3"
script  = "tools/report.py"
args    = ["{under:data}", "{rest}"]
env     = ["LANG", "TZ"]
cwd     = "."

[[exec]]
produced = "build"
args     = ["{rest}"]

[files]
read  = [".", { path = "/etc/hosts", sha256 = "0101010101010101010101010101010101010101010101010101010101010101" }]
write = ["build"]
load  = [{ path = "/opt/x.so", optional = true }]

[[connect]]
host  = "packages.example.org"
ports = [443, "8000-8010"]

[[connect]]
unix = "/run/x.sock"

[[listen]]
host = "127.0.0.1/32"
ports = [8080]
protocol = "udp"

[[tools]]
server = "files"
tool = "{glob:read_*}"

[[models]]
endpoint = "local"
model = "m"

[limits]
wall = "10m"
tasks = 64
process_memory = "1GiB"
bytes = 4096

[[approve]]
action  = "exec"
program = "/usr/bin/terraform"
args    = ["apply", "{under:plans}", "{rest}"]
need    = 2
by      = ["alice", "bob", "carol"]
timeout = "15m"

[delegate]
depth = 2

[when]
policy = '''
forbid (principal, action, resource);
'''
)");
}

TEST(RequestText, HostileTextsStayTexts) {
  expect_same_again(
      "subject = \"a\\\"]\\n[[exec]]\\u0001\"\naudience = [\"x\"]\nttl = \"1d\"\n"
      "[[exec]]\nprogram = \"/a\\nb\"\nargs = [\"{{x}}\", \"\\t\\\"\", \"{one:a||b|c}\"]\n"
      "[when]\npolicy = \"forbid (principal, action, resource); // ''' \\n\"\n");
  expect_same_again(
      "subject = \"a\"\naudience = [\"x\"]\nttl = \"1h\"\n"
      "[when]\npolicy = '''\nforbid (principal, action, resource)\nwhen { 1 == 1 };\n'''\n");
  expect_same_again(
      "subject = \"a\"\naudience = [\"x\"]\nttl = \"1h\"\n"
      "[when]\npolicy = \"\\nforbid (principal, action, resource); // '\"\n");
}

TEST(RequestText, LimitsKeepTheirExactValues) {
  expect_same_again(
      "subject = \"a\"\naudience = [\"x\"]\nttl = \"1h30m\"\n[limits]\nwall = \"90s\"\n"
      "cpu = \"1ms\"\nmemory = 1\nprocess_memory = \"3MiB\"\ntasks = 1\nexecs = 1000001\n"
      "events = 7\nbytes = 1000\n");
}

Claims claims_with(Grant grant) {
  Claims claims;
  claims.subject = "agent/x";
  claims.audience = {"default"};
  claims.issued = UnixSeconds(1'000);
  claims.expires = UnixSeconds(1'000 + 7200);
  claims.grant = std::move(grant);
  return claims;
}

TEST(RequestText, APlaceIsNamedByTheLinksThatLedThere) {
  Grant grant;
  grant.read = {{"/usr/lib/x", {{"/lib", "usr/lib"}}, true, {}},
                {"/srv/data-3", {{"/data", "/srv/now"}, {"/srv/now", "data-3"}}, true, {}},
                {"/etc/hosts", {}, false, Digest32()}};
  const Request request = request_of(claims_with(grant));
  ASSERT_EQ(request.read.size(), 3U);
  EXPECT_EQ(request.read[0].path, "/lib/x");
  EXPECT_EQ(request.read[1].path, "/data");
  EXPECT_EQ(request.read[2].path, "/etc/hosts");
  EXPECT_FALSE(request.read[2].digest);
}

// Links that lead in a circle, as only a stranger's permit has them, come to an end.
TEST(RequestText, LinksInACircleComeToAnEnd) {
  Grant grant;
  grant.read = {{"/a", {{"/b", "/a"}, {"/a", "/b"}, {"/a/c", "/a"}}, true, {}}};
  EXPECT_LE(request_of(claims_with(grant)).read.size(), 2 * kMaxLinks);
}

TEST(RequestText, APermitsClaimsBecomeARequestOfTheSameTerms) {
  Grant grant;
  ExecRule rule;
  rule.name = "/usr/bin/cc";
  rule.program = {"/usr/bin/gcc-12", {{"/usr/bin/cc", "gcc-12"}}, false, Digest32()};
  rule.args = {*Pattern::parse("{rest}")};
  ExecRule built;
  built.kind = ExecKind::Produced;
  built.program = {"/work/build", {}, true, {}};
  grant.exec = {rule, built};
  grant.write = {{"/work/build", {}, true, {}}};
  Claims claims = claims_with(grant);
  claims.uses = 3;
  claims.not_before = UnixSeconds(1'000 + 3600);
  const Request request = request_of(claims);
  EXPECT_EQ(request.ttl_ms, 3'600'000U);
  EXPECT_EQ(request.exec[0].program.path, "/usr/bin/cc");
  EXPECT_TRUE(request.exec[1].produced);
  EXPECT_EQ(request.uses, 3U);
  const std::string text = print_request(request);
  EXPECT_NE(text.find("produced = \"/work/build\""), std::string::npos) << text;
  EXPECT_TRUE(parse_request(text, "x")) << text;
}

}  // namespace
}  // namespace writ::permit
