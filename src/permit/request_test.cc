#include "permit/request.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace writ::permit {
namespace {

constexpr std::string_view kTerms = "subject = \"a\"\naudience = [\"default\"]\nttl = \"2h\"\n";

std::string error_of(const std::string& more) {
  const Result<Request> request = parse_request(std::string(kTerms) + more, "job.toml");
  return request ? "parsed" : request.error().message();
}

std::string file(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Request, TheExampleOfTheDocumentationIsReadWhole) {
  const Request request = parse_request(R"(
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
)",
                                        "job.toml")
                              .value();
  EXPECT_EQ(request.subject, "agent/coder");
  EXPECT_EQ(request.ttl_ms, 7'200'000u);
  EXPECT_EQ(request.sets, (std::vector<std::string>{"base", "c-build"}));
  ASSERT_EQ(request.exec.size(), 3u);
  EXPECT_EQ(request.exec[0].program.path, "/usr/bin/make");
  EXPECT_EQ(request.exec[0].at, "job.toml:12:1");
  EXPECT_EQ(request.exec[1].script->path, "tools/report.py");
  EXPECT_EQ(request.exec[1].env->size(), 2u);
  EXPECT_EQ(request.exec[1].cwd.at(0).path, ".");
  EXPECT_FALSE(request.exec[1].args[0].is_anchored());
  EXPECT_TRUE(request.exec[2].produced);
  ASSERT_EQ(request.read.size(), 2u);
  EXPECT_TRUE(request.read[1].digest.has_value());
  EXPECT_EQ(request.write.at(0).path, "build");
  EXPECT_TRUE(request.load.at(0).optional);
  ASSERT_EQ(request.connect.size(), 2u);
  EXPECT_EQ(request.connect[0].ports, (std::vector<PortRange>{{443, 443}, {8000, 8010}}));
  EXPECT_EQ(request.connect[1].protocol, Protocol::Unix);
  EXPECT_EQ(request.listen.at(0).protocol, Protocol::Udp);
  EXPECT_EQ(request.tools.size() + request.models.size(), 2u);
  EXPECT_EQ(request.limits.wall_ms, 600'000u);
  EXPECT_EQ(request.limits.process_memory, 1ULL << 30);
  EXPECT_EQ(request.limits.bytes, 4096u);
  EXPECT_EQ(request.approve.at(0).need, 2u);
  EXPECT_EQ(request.delegate_depth, 2u);
  EXPECT_EQ(request.when, "forbid (principal, action, resource);\n");
  EXPECT_TRUE(request.this_host && request.pin_policy && request.uses == 3u);
  EXPECT_EQ(request.features, std::vector<Feature>{Feature::Jit});
}

TEST(Request, TermsAreRequired) {
  EXPECT_EQ(parse_request("", "f").error().message(), "f:1:1: `subject` is missing");
  EXPECT_EQ(parse_request("subject = \"a\"", "f").error().message(),
            "f:1:1: `audience` is missing");
  EXPECT_EQ(parse_request("subject = \"a\"\naudience=[\"d\"]", "f").error().message(),
            "f:1:1: `ttl` is missing");
  EXPECT_EQ(error_of(""), "parsed");
}

TEST(Request, EveryMistakeNamesItsPlaceAndWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"bogus = 1", "job.toml:4:1: unknown key `bogus`"},
      {"[[exec]]\nprogam = \"x\"", "job.toml:5:1: unknown key `progam`"},
      {"[[exec]]\nargs = []", "job.toml:4:1: a rule names one of"},
      {"[[exec]]\nprogram = \"a\"\nproduced = \"b\"", "job.toml:4:1: a rule names one of"},
      {"[[exec]]\nprogram = \"a\"\nargs = [\"x\", \"{int:9..1}\"]", "job.toml:6:14: pattern"},
      {"[[exec]]\nprogram = \"a\"\nargs = [\"{rest}\", \"x\"]", "job.toml:6:1: argument 1: {rest}"},
      {"[[exec]]\nprogram = \"a\"\nenv = [\"LD_PRELOAD\"]", "job.toml:6:8: environment entry"},
      {"[[exec]]\nprogram = \"a*\"", "job.toml:5:1: `a*`: `*` and `?` are for named sets"},
      {"[[exec]]\nproduced = \"b\"\nscript = \"x\"", "job.toml:6:1: a produced rule has no script"},
      {"[[exec]]\nproduced = \"b\"\nsha256 = \"x\"", "job.toml:6:1: what is built has no digest"},
      {"[[exec]]\nprogram = \"b\"\nsha256 = \"x\"", "job.toml:6:1: a SHA-256 has 64"},
      {"[[exec]]\nprogram = \"b\"\nscript_sha256 = \"x\"", "job.toml:6:1: `script_sha256` without"},
      {"[files]\nexec = []", "job.toml:5:1: unknown key `exec`"},
      {"[files]\nread = \".\"", "job.toml:5:1: expected an array, found text"},
      {"[files]\nread = [{ sha256 = \"x\" }]", "job.toml:5:9: `path` is missing"},
      {"[files]\nread = [\"~bob/x\"]", "job.toml:5:9: `~bob/x`"},
      {"[[connect]]\nhost = \"A.example\"\nports = [1]", "job.toml:5:1: `A.example` is neither"},
      {"[[connect]]\nhost = \"a.example\"", "job.toml:4:1: `ports` is missing"},
      {"[[connect]]\nhost = \"a.example\"\nports = [0]", "job.toml:6:10: expected a number from 1"},
      {"[[connect]]\nhost = \"a.example\"\nports = [\"9-1\"]", "job.toml:6:10: the first port"},
      {"[[connect]]\nhost = \"a.example\"\nports = []", "job.toml:6:1: 1 to 256 ports"},
      {"[limits]\nwall = 5", "job.toml:5:1: expected a duration"},
      {"[limits]\nmemory = \"1GB\"", "job.toml:5:1: `1GB` is no size"},
      {"[limits]\ntasks = 0", "job.toml:5:1: expected a number from 1"},
      {"[limits]\ncpus = 1", "job.toml:5:1: unknown key `cpus`"},
      {"features = [\"fly\"]", "job.toml:4:13: `fly` is no feature"},
      {"[[approve]]\naction = \"exec\"\nneed = 2\nby = [\"a\"]\ntimeout = \"1m\"",
       "job.toml:4:1: grant: approve `exec`: needs at least one approver"},
      {"[[approve]]\naction = \"fly\"\nby = [\"a\"]\ntimeout = \"1m\"",
       "job.toml:4:1: grant: approve `fly`: not an action"},
      {"[delegate]\ndepth = 65", "job.toml:5:1: expected a number from 0 to 64"},
      {"sets = [\"../x\"]", "job.toml:4:9: `../x` is no name"},
      {"host = \"here\"", "job.toml:4:1: a host is \"this\""},
      {"policy = \"x\"", "job.toml:4:1: `policy` is \"pin\""},
      {"uses = 0", "job.toml:4:1: expected a number from 1"},
      {"[when]\ncedar = \"x\"", "job.toml:5:1: unknown key `cedar`"},
      {"exec = 1", "job.toml:4:1: expected an array, found an integer"},
      {"[exec]\nprogram = \"a\"", "job.toml:4:2: expected an array, found a table"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(error_of(text).substr(0, expected.size()), expected) << text;
  }
}

TEST(Set, ASetHoldsNoTermsNoNetNoWriteNothingProduced) {
  const auto error = [](const std::string& text) {
    const Result<NamedSet> set = parse_set("about = \"x\"\n" + text, "x", "x.toml");
    return set ? "parsed" : set.error().message();
  };
  EXPECT_EQ(error(""), "parsed");
  EXPECT_EQ(error("[[exec]]\nprograms = [\"/usr/bin/gcc-1?\"]\noptional = true"), "parsed");
  for (const char* text :
       {"subject = \"a\"", "sets = [\"b\"]", "features = [\"jit\"]", "[files]\nwrite = [\"/tmp\"]",
        "[[connect]]\nhost = \"a.example\"\nports = [1]", "[[exec]]\nproduced = \"/b\"",
        "[[exec]]\nprogram = \"bin/x\"", "[files]\nread = [\".\"]", "[files]\nread = [\"~/x\"]",
        "[[exec]]\nprogram = \"/bin/x\"\nscript = \"/x\""}) {
    EXPECT_NE(error(text), "parsed") << text;
  }
  EXPECT_FALSE(parse_set("", "x", "x.toml").has_value());
  EXPECT_FALSE(parse_set("about = \"x\"", "../x", "x.toml").has_value());
}

TEST(Set, ApplyingAddsBehindAndNeverLoosensALimit) {
  Request request =
      parse_request(std::string(kTerms) + "[[exec]]\nprogram = \"/bin/a\"\n[limits]\ntasks = 5",
                    "f")
          .value();
  const NamedSet set =
      parse_set(
          "about = \"x\"\nenv = [\"E\"]\n[[exec]]\nprogram = \"/bin/b\"\n[files]\nread = "
          "[\"/r\"]\nload = [\"/l\"]\n[limits]\ntasks = 50\nexecs = 7",
          "x", "x.toml")
          .value();
  apply_set(request, set);
  apply_set(request, set);
  EXPECT_EQ(request.exec[0].program.path, "/bin/a");
  EXPECT_EQ(request.exec[1].program.path, "/bin/b");
  EXPECT_EQ(request.env.size(), 1u);
  EXPECT_EQ(request.read[0].path, "/r");
  EXPECT_EQ(request.load[0].path, "/l");
  EXPECT_EQ(request.limits.tasks, 5u);
  EXPECT_EQ(request.limits.execs, 7u);
  EXPECT_EQ(request.subject, "a");
}

TEST(Set, TheShippedSetsAreWellFormedAndBaseHasNoShell) {
  for (const char* name : {"base", "c-build", "python"}) {
    const std::string path = std::string("config/sets/") + name + ".toml";
    const Result<NamedSet> set = parse_set(file(path), name, path);
    ASSERT_TRUE(set.has_value()) << set.error().message();
    EXPECT_FALSE(set->about.empty());
    for (const WantedExec& rule : set->part.exec) {
      const bool shell = rule.program.path.ends_with("/sh") || rule.program.path.ends_with("bash");
      EXPECT_TRUE(!shell || std::string(name) == "c-build") << rule.program.path;
    }
  }
}

}  // namespace
}  // namespace writ::permit
