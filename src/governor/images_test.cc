#include "governor/images.h"

#include "enforce/inspect.h"
#include "governor/resolve.h"
#include "governor/testing_internal.h"

namespace writ::governor {
namespace {

class ImagesTest : public ::testing::Test {
 protected:
  ImagesTest() : program(t.file("tool", "one", 0755)) {
    named.kind = permit::ExecKind::Named;
    produced.kind = permit::ExecKind::Produced;
  }

  static enforce::FileIdentity identity(const std::string& path) {
    struct stat facts = {};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0);
    return {facts.st_dev, facts.st_ino};
  }
  enforce::ExecImage image(const std::string& path) const {
    enforce::ExecImage made;
    made.program = path;
    made.identity = identity(path);
    made.digest = digest_file(path).value();
    // This process itself: one that lives as long as the test.
    made.caller.process = enforce::process_of(::getpid()).value().process;
    return made;
  }
  std::optional<std::string> changed() { return images.changed({{identity_, false}}, never); }
  static bool never() { return false; }

  TestHome t;
  permit::ExecRule named;
  permit::ExecRule produced;
  std::string program;
  RunningImages images;
  enforce::FileIdentity identity_ = identity(program);
};

TEST_F(ImagesTest, WhatWasLetThroughIsNoStrangerAndEverythingElseIs) {
  EXPECT_TRUE(images.stranger({{identity_, false}}));
  EXPECT_FALSE(images.stranger({{identity_, true}})) << "held at its exec stop, not judged yet";
  images.started(image(program), named);
  EXPECT_FALSE(images.stranger({{identity_, false}}));
  EXPECT_TRUE(images.stranger({{identity_, false}, {identity("/proc/self/exe"), false}}));
}

TEST_F(ImagesTest, AProgramWithOtherBytesOnDiskIsFoundAndTheSameBytesAreNot) {
  images.started(image(program), named);
  EXPECT_FALSE(changed());
  std::filesystem::rename(t.file("same", "one"), program);
  EXPECT_FALSE(changed()) << "the same bytes in another file";
  std::filesystem::rename(t.file("other", "two"), program);
  ASSERT_TRUE(changed());
  std::filesystem::remove(program);
  EXPECT_TRUE(changed()->find("not on disk") != std::string::npos);
}

TEST_F(ImagesTest, AProgramChangedInPlaceIsFoundAlsoAfterManyLooks) {
  images.started(image(program), named);
  EXPECT_FALSE(changed());
  EXPECT_FALSE(changed());
  t.file("tool", "three");
  EXPECT_TRUE(changed());
}

TEST_F(ImagesTest, WhatTheRunProducedMayBeBuiltAgain) {
  images.started(image(program), produced);
  std::filesystem::rename(t.file("other", "two"), program);
  EXPECT_FALSE(changed());
  EXPECT_FALSE(images.stranger({{identity_, false}}));
}

TEST_F(ImagesTest, TheInterpreterOfAProducedScriptIsStillHeldToItsBytes) {
  enforce::ExecImage made = image(program);
  made.scripts.push_back({t.file("w/job.sh", "x"), Digest32(), {}});
  images.started(made, produced);
  std::filesystem::rename(t.file("other", "two"), program);
  EXPECT_TRUE(changed());
}

TEST_F(ImagesTest, AProgramThatIsNamedOnceStaysHeldToItsBytes) {
  images.started(image(program), named);
  images.started(image(program), produced);
  std::filesystem::rename(t.file("other", "two"), program);
  EXPECT_TRUE(changed());
}

TEST_F(ImagesTest, AScriptIsHeldToItsBytesWhileItsProcessLives) {
  const std::string script = t.file("job.sh", "echo one");
  enforce::ExecImage made = image(program);
  made.scripts.push_back({script, digest_file(script).value(), {}});
  images.started(made, named);
  EXPECT_FALSE(changed());
  t.file("job.sh", "echo two");
  EXPECT_TRUE(changed());
  // Another exec of the same process: the script no longer runs.
  images.started(image(program), named);
  EXPECT_FALSE(changed());
  // A process that is gone: the same number, another start.
  made.caller.process.start_ticks += 1;
  images.started(made, named);
  EXPECT_FALSE(changed());
}

TEST_F(ImagesTest, TheScriptOfARuleIsHeldToItsBytesToo) {
  const std::string script = t.file("job.sh", "echo one");
  permit::ExecRule rule = named;
  rule.script = permit::Script{{script, {}, false, digest_file(script).value()}};
  images.started(image(program), rule);
  EXPECT_FALSE(changed());
  t.file("job.sh", "echo two");
  EXPECT_TRUE(changed());
}

TEST_F(ImagesTest, WhatDoesNotRunAnyMoreMayChange) {
  images.started(image(program), named);
  std::filesystem::remove(program);
  EXPECT_FALSE(images.changed({}, never));
  EXPECT_FALSE(images.stranger({{identity_, false}})) << "of few programs none is forgotten";
}

TEST_F(ImagesTest, OfManyProgramsThoseThatNoLongerRunAreForgottenButNotWhatCameMeanwhile) {
  enforce::ExecImage many = image(program);
  for (std::size_t i = 0; i <= RunningImages::kMany; ++i) {
    many.identity.inode = 1'000'000 + i;
    images.started(many, produced);
  }
  EXPECT_FALSE(images.changed({}, never));
  EXPECT_FALSE(images.stranger({{many.identity, false}})) << "noted since the look before";
  images.started(image(program), named);
  EXPECT_FALSE(images.changed({}, never));
  EXPECT_TRUE(images.stranger({{many.identity, false}}));
  EXPECT_FALSE(images.stranger({{identity_, false}}));
}

TEST_F(ImagesTest, ItGivesUpWhenItIsToldAndLooksTheNextTime) {
  images.started(image(program), named);
  std::filesystem::rename(t.file("other", "two"), program);
  EXPECT_FALSE(images.changed({{identity_, false}}, [] { return true; }));
  EXPECT_TRUE(changed());
}

}  // namespace
}  // namespace writ::governor
