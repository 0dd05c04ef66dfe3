#include "permit/match.h"

#include <gtest/gtest.h>

#include "permit/test_permit.h"

namespace writ::permit {
namespace {

using namespace testing;

ExecFacts facts(std::vector<std::string> argv, const std::string& program = "/usr/bin/make") {
  ExecFacts facts;
  facts.program = program;
  facts.digest = digest(0xaa);
  facts.argv = std::move(argv);
  facts.environment = {"PATH=/usr/bin"};
  facts.directory = "/srv/job";
  return facts;
}

std::string result(const Grant& grant, const ExecFacts& of) {
  const ExecMatch match = match_exec(grant, of);
  if (const ExecAllowed* yes = std::get_if<ExecAllowed>(&match)) {
    return "rule " + std::to_string(yes->rule) + (yes->produced ? " produced" : "");
  }
  return std::string(code_of(std::get<Denial>(match).reason));
}

Grant make_grant() {
  Grant grant;
  grant.exec.push_back(named("/usr/bin/make", {"-j{int:1..16}", "test"}));
  return grant;
}

Grant script_grant() {
  Grant grant;
  ExecRule rule = named("/usr/bin/python3.11", {"{under:/srv/job/data}", "{rest}"});
  rule.name = "/usr/bin/python3";
  rule.program.links = {{"/usr/bin/python3", "python3.11"}, {"/bin", "usr/bin"}};
  rule.script = Script{{"/srv/job/tools/report.py", {}, false, digest(0xbb)}};
  grant.exec.push_back(rule);
  return grant;
}

Grant produced_grant() {
  Grant grant;
  grant.write.push_back({"/srv/job/build", {}, true, {}});
  ExecRule rule;
  rule.kind = ExecKind::Produced;
  rule.name = "/srv/job/build/bin";
  rule.program = {"/srv/job/build/bin", {}, true, {}};
  rule.args = patterns({"{rest}"});
  grant.exec.push_back(rule);
  grant.exec.push_back(named("/usr/bin/dash", {"-c", "exit"}));
  return grant;
}

TEST(Match, ANamedProgramWithFittingArgumentsIsAllowed) {
  EXPECT_EQ(result(make_grant(), facts({"make", "-j4", "test"})), "rule 0");
  EXPECT_EQ(result(make_grant(), facts({"/usr/bin/make", "-j4", "test"})), "rule 0");
}

TEST(Match, EachReasonHasItsOwnCode) {
  const Grant grant = make_grant();
  EXPECT_EQ(result(grant, facts({"curl", "x"}, "/usr/bin/curl")), "not_granted");
  EXPECT_EQ(result({}, facts({"make"})), "not_granted");
  ExecFacts changed = facts({"make", "-j4", "test"});
  changed.digest = digest(1);
  EXPECT_EQ(result(grant, changed), "digest_mismatch");
  EXPECT_EQ(result(grant, facts({"make", "-j17", "test"})), "args_mismatch");
  EXPECT_EQ(result(grant, facts({"make", "-j4"})), "args_mismatch");
  EXPECT_EQ(result(grant, facts({"make", "-j4", "test", "x"})), "args_mismatch");
  EXPECT_EQ(result(grant, facts({})), "args_mismatch");
  ExecFacts env = facts({"make", "-j4", "test"});
  env.environment.push_back("LD_PRELOAD=/srv/job/evil.so");
  EXPECT_EQ(result(grant, env), "env_not_granted");
  Grant bound = grant;
  bound.exec[0].cwd = {"/srv/other"};
  EXPECT_EQ(result(bound, facts({"make", "-j4", "test"})), "cwd_not_granted");
  bound.exec[0].cwd = {"/srv/other", "/srv"};
  EXPECT_EQ(result(bound, facts({"make", "-j4", "test"})), "rule 0");
}

TEST(Match, ARuleWithoutArgsAllowsNone) {
  Grant grant;
  grant.exec.push_back(named("/usr/bin/true"));
  EXPECT_EQ(result(grant, facts({"true"}, "/usr/bin/true")), "rule 0");
  EXPECT_EQ(result(grant, facts({"true", "x"}, "/usr/bin/true")), "args_mismatch");
}

TEST(Match, TheFirstRuleThatFitsWinsAndTheFurthestExplains) {
  Grant grant = make_grant();
  grant.exec.push_back(named("/usr/bin/make", {"clean"}));
  EXPECT_EQ(result(grant, facts({"make", "clean"})), "rule 1");
  grant.exec[1].cwd = {"/elsewhere"};
  const ExecMatch match = match_exec(grant, facts({"make", "clean"}));
  EXPECT_EQ(std::get<Denial>(match).reason, Reason::CwdNotGranted);
}

TEST(Match, ADenialShowsTheRuleThatWouldAllowIt) {
  const ExecMatch match = match_exec(
      make_grant(), facts({"curl", "-fsS", "https://x.example/{a}", "a\"\x01"}, "/usr/bin/curl"));
  const Denial& no = std::get<Denial>(match);
  EXPECT_EQ(no.because, "no exec rule of the permit names /usr/bin/curl");
  EXPECT_EQ(no.allow,
            "[[exec]]\nprogram = \"/usr/bin/curl\"\n"
            "args    = [\"-fsS\", \"https://x.example/{{a}}\", \"a\\\"\\u0001\"]");
  EXPECT_EQ(no.asked.substr(0, 24), "exec /usr/bin/curl -fsS ");
}

TEST(Match, HostileArgumentsNeverReachATerminalRaw) {
  ExecFacts hostile = facts({"\x1b[2J", "\x1b]0;x\x07", "\xff"}, "/usr/bin/\x1b[2J");
  const ExecMatch match = match_exec(make_grant(), hostile);
  const Denial& no = std::get<Denial>(match);
  for (const std::string& text : {no.asked, no.because, no.allow}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_TRUE(is_utf8(text));
  }
}

TEST(Match, Argv0CannotSelectAnotherApplet) {
  Grant grant;
  ExecRule ls = named("/usr/bin/busybox", {"{rest}"});
  ls.name = "/usr/bin/ls";
  ls.program.links = {{"/usr/bin/ls", "busybox"}, {"/bin", "usr/bin"}};
  grant.exec.push_back(ls);
  ASSERT_TRUE(check_grant(grant).has_value());
  const auto as = [&](const std::string& argv0) {
    return result(grant, facts({argv0, "rm", "x"}, "/usr/bin/busybox"));
  };
  EXPECT_EQ(as("ls"), "rule 0");
  EXPECT_EQ(as("/usr/bin/ls"), "rule 0");
  EXPECT_EQ(as("/bin/ls"), "rule 0");
  for (const char* argv0 : {"busybox", "/usr/bin/busybox", "rm", "/tmp/ls", "/usr/bin/../bin/ls",
                            "", "ls/", "/srv/job/ls", "./ls", "-ls"}) {
    EXPECT_EQ(as(argv0), "args_mismatch") << argv0;
  }
  grant.exec[0].argv0 = {"busybox"};
  EXPECT_EQ(as("busybox"), "rule 0");
}

TEST(Match, AScriptIsFoundBehindItsInterpreter) {
  const Grant grant = script_grant();
  ASSERT_TRUE(check_grant(grant).has_value());
  const auto direct = [&](std::vector<std::string> argv) {
    return result(grant, facts(std::move(argv), "/usr/bin/python3.11"));
  };
  EXPECT_EQ(direct({"python3", "tools/report.py", "data/a.csv", "x"}), "rule 0");
  EXPECT_EQ(direct({"python3", "/srv/job/tools/report.py", "data/a.csv"}), "rule 0");
  EXPECT_EQ(direct({"python3", "tools/report.py", "/etc/passwd"}), "args_mismatch");
  EXPECT_EQ(direct({"python3", "other.py", "data/a.csv"}), "script_mismatch");
  EXPECT_EQ(direct({"python3", "-c", "import os"}), "script_mismatch");
  EXPECT_EQ(direct({"python3", "-i", "tools/report.py", "data/a.csv"}), "script_mismatch");
  EXPECT_EQ(direct({"python3"}), "script_mismatch");
  EXPECT_EQ(direct({"python3.11", "tools/report.py", "data/a.csv"}), "args_mismatch");
}

TEST(Match, ASymlinkWithDotDotCannotStandForTheScript) {
  // build/evil is a symlink of the job's; for the kernel build/evil/.. is not build.
  const Grant grant = script_grant();
  for (const char* path :
       {"build/evil/../../tools/report.py", "../job/tools/report.py", "tools/../tools/report.py",
        "/srv/job/build/evil/../../tools/report.py", "tools/report.py/.."}) {
    EXPECT_EQ(result(grant, facts({"python3", path, "data/a"}, "/usr/bin/python3.11")),
              "script_mismatch")
        << path;
  }
}

TEST(Match, AKernelScriptChainIsHeldAgainstDigestAndPath) {
  const Grant grant = script_grant();
  ExecFacts chain =
      facts({"/usr/bin/python3", "-B", "./tools/report.py", "data/a.csv"}, "/usr/bin/python3.11");
  chain.scripts = {{"/srv/job/tools/report.py", digest(0xbb)}};
  EXPECT_EQ(result(grant, chain), "rule 0");
  chain.scripts[0].digest = digest(1);
  EXPECT_EQ(result(grant, chain), "script_mismatch");
  chain.scripts[0] = {"/srv/job/build/report.py", digest(0xbb)};
  EXPECT_EQ(result(grant, chain), "script_mismatch");
  // A script of the job's that hands the granted one over as an argument.
  ExecFacts nested =
      facts({"/usr/bin/python3", "tools/report.py", "data/a.csv"}, "/usr/bin/python3.11");
  nested.scripts = {{"/srv/job/tools/report.py", digest(0xbb)}, {"/srv/job/x.py", digest(2)}};
  EXPECT_EQ(result(grant, nested), "script_mismatch");
}

TEST(Match, ProducedProgramsRunOnlyBelowTheirTree) {
  const Grant grant = produced_grant();
  ASSERT_TRUE(check_grant(grant).has_value());
  EXPECT_EQ(result(grant, facts({"build/bin/t", "x"}, "/srv/job/build/bin/t")), "rule 0 produced");
  EXPECT_EQ(result(grant, facts({"t"}, "/srv/job/build/bin/t")), "rule 0 produced");
  EXPECT_EQ(result(grant, facts({"t"}, "/srv/job/build/t")), "not_granted");
  EXPECT_EQ(result(grant, facts({"t"}, "/srv/job/build/bin2/t")), "not_granted");
  EXPECT_EQ(result(grant, facts({"t"}, "/srv/job/build/bin/../t")), "not_granted");
  EXPECT_EQ(result(grant, facts({"sh"}, "/srv/job/build/bin/t")), "args_mismatch");
}

TEST(Match, AProducedScriptNeedsAGrantedInterpreter) {
  const Grant grant = produced_grant();
  ExecFacts script = facts({"/bin/sh", "build/bin/t.sh", "x"}, "/usr/bin/dash");
  script.scripts = {{"/srv/job/build/bin/t.sh", digest(5)}};
  EXPECT_EQ(result(grant, script), "rule 0 produced");
  script.digest = digest(1);
  EXPECT_EQ(result(grant, script), "not_granted");
  script.program = "/usr/bin/perl";
  script.digest = digest(0xaa);
  EXPECT_EQ(result(grant, script), "not_granted");
  // Outside the tree it is no produced script, and dash may only `exit`.
  script.program = "/usr/bin/dash";
  script.scripts[0].path = "/srv/job/t.sh";
  EXPECT_EQ(result(grant, script), "args_mismatch");
}

TEST(Match, AnyNeverFitsAnExec) {
  Grant grant;
  ExecRule any;
  any.kind = ExecKind::Any;
  any.name = "/";
  any.program = {"/", {}, true, {}};
  any.args = patterns({"{rest}"});
  grant.exec.push_back(any);
  EXPECT_EQ(result(grant, facts({"make"})), "not_granted");
  EXPECT_FALSE(may_run(grant, "/usr/bin/make", digest(0xaa)));
}

TEST(Match, AddedEnvironmentHoldsForEveryRule) {
  Grant grant = make_grant();
  ExecFacts with = facts({"make", "-j4", "test"});
  with.environment.push_back("MAKELEVEL=1");
  EXPECT_EQ(result(grant, with), "env_not_granted");
  grant.env.push_back(parse_env_entry("MAKELEVEL").value());
  EXPECT_EQ(result(grant, with), "rule 0");
  grant.exec[0].env.emplace();
  EXPECT_EQ(result(grant, with), "env_not_granted");  // PATH is no longer allowed
}

TEST(Match, AnExecutableStackTakesTheFeatureJit) {
  Grant grant = make_grant();
  ExecFacts asking = facts({"make", "-j4", "test"});
  asking.executable_stack = true;
  EXPECT_EQ(result(grant, asking), "feature_not_granted");
  grant.features = {Feature::Ptrace};
  EXPECT_EQ(result(grant, asking), "feature_not_granted");
  grant.features = {Feature::Jit};
  EXPECT_EQ(result(grant, asking), "rule 0");
}

TEST(Match, LongHostileArgumentsStayCheap) {
  ExecFacts long_path = facts({"/usr/bin" + std::string(128 * 1024, '/') + "make", "-j4", "test"});
  EXPECT_EQ(result(make_grant(), long_path), "rule 0");
  std::string deep;
  for (int i = 0; i < 40'000; ++i) deep += "/a";
  EXPECT_EQ(result(script_grant(), facts({"python3", deep}, "/usr/bin/python3.11")),
            "script_mismatch");
}

}  // namespace
}  // namespace writ::permit
