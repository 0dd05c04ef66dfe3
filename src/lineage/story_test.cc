#include "lineage/story.h"

#include <gtest/gtest.h>

namespace writ::lineage {
namespace {

using namespace ledger;

Array32 filled(unsigned char byte) {
  Array32 raw{};
  raw.fill(std::byte{byte});
  return raw;
}
const RunId kRun = make_run_id(UnixMillis(1'700'000'000'000), {std::byte{1}});

Event event(std::uint64_t seq, std::optional<std::uint64_t> parent, Body body) {
  EventId cause = parent ? EventId{kRun, Seq(*parent)} : kGenesisEvent;
  return make_event({kRun, Seq(seq)}, cause,
                    PermitAuthority{PermitId(filled(7)), Digest32(filled(8))}, std::move(body))
      .value();
}

Admission admission() {
  Admission body;
  body.domain = "default";
  body.chain = {PermitId(filled(7))};
  body.permit_file = body.plan = body.domain_definition = body.inputs = Digest32(filled(1));
  body.policy = BundleDigest(filled(2));
  body.tier = "sandbox";
  body.host = "host";
  body.command = "/usr/bin/make";
  body.argv = body.env = body.cwd = Digest32(filled(3));
  return body;
}

Exec exec(const std::string& path, Digest32 argv = Digest32(filled(3))) {
  Exec body;
  body.pid = 2;
  body.path = path;
  body.file = Digest32(filled(4));
  body.argv = argv;
  body.env = body.cwd = Digest32(filled(3));
  return body;
}

Side side_with(const std::vector<std::string>& argv) {
  Side side(Salt{std::byte{9}});
  side.put("argv", encode_list(argv));
  return side;
}
Digest32 digest_of(const std::vector<std::string>& argv) {
  return salted_digest(Salt{std::byte{9}}, "argv", encode_list(argv));
}

TEST(Story, EveryExecHangsUnderItsCause) {
  const std::vector<std::string> argv{"cc", "-c", "a b.c"};
  std::vector<Step> steps;
  steps.push_back({event(0, std::nullopt, admission()), std::nullopt});
  steps.push_back({event(1, 0, exec("/usr/bin/make")), std::nullopt});
  steps.push_back({event(2, 1, exec("/usr/bin/cc", digest_of(argv))), side_with(argv)});
  steps.push_back({event(3, 2, exec("/usr/bin/as")), std::nullopt});
  steps.push_back({event(4, 1, exec("/usr/bin/ld")), std::nullopt});
  const Story story = Story::build(steps, {"you", "agent/coder"}).value();
  EXPECT_EQ(story.children(1), (std::vector<std::size_t>{2, 4}));
  EXPECT_EQ(story.parent(3), 2u);
  const std::vector<std::string> lines = story.lines();
  ASSERT_EQ(lines.size(), 7u);
  EXPECT_EQ(lines[0], "you (authority)");
  EXPECT_EQ(lines[1], "└─ permit 07070707… agent/coder");
  EXPECT_EQ(lines[4], "         ├─ #2 /usr/bin/cc -c 'a b.c'");
  EXPECT_EQ(lines[5], "         │  └─ #3 /usr/bin/as (arguments erased)");
  EXPECT_EQ(lines[6], "         └─ #4 /usr/bin/ld (arguments erased)");
}

TEST(Story, ClearTextThatDoesNotMatchItsEntryIsNotShown) {
  std::vector<Step> steps;
  steps.push_back({event(0, std::nullopt, admission()), std::nullopt});
  steps.push_back({event(1, 0, exec("/bin/sh", digest_of({"sh", "-c", "true"}))),
                   side_with({"sh", "-c", "harmless lie"})});
  const std::string line = Story::build(steps).value().lines().back();
  EXPECT_EQ(line.find("lie"), std::string::npos) << line;
  EXPECT_NE(line.find("do not match"), std::string::npos) << line;
}

TEST(Story, AProgramNameCannotSteerTheTerminal) {
  const std::vector<std::string> argv{"x", "\x1b[2J"};
  std::vector<Step> steps;
  steps.push_back({event(0, std::nullopt, admission()), std::nullopt});
  steps.push_back({event(1, 0, exec("/bin/x", digest_of(argv))), side_with(argv)});
  EXPECT_EQ(Story::build(steps).value().lines().back().find('\x1b'), std::string::npos);
}

TEST(Story, AGapTwoRunsOrAMissingAdmissionAreRefused) {
  const Step first{event(0, std::nullopt, admission()), std::nullopt};
  const Step third{event(2, 0, exec("/bin/x")), std::nullopt};
  EXPECT_FALSE(Story::build({}));
  EXPECT_FALSE(Story::build({third}));
  EXPECT_FALSE(Story::build({first, third}));
}

TEST(Story, AVeryLongChainIsDrawnWithinBounds) {
  std::vector<Step> steps;
  steps.push_back({event(0, std::nullopt, admission()), std::nullopt});
  for (std::uint64_t i = 1; i < 5000; ++i)
    steps.push_back({event(i, i - 1, exec("/bin/x")), std::nullopt});
  for (const std::string& line : Story::build(steps).value().lines()) EXPECT_LT(line.size(), 600u);
}

}  // namespace
}  // namespace writ::lineage
