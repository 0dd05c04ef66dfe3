#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "domain/bundle.h"
#include "governor/gate_verdicts.h"
#include "governor/init.h"
#include "governor/issue.h"
#include "governor/keystore.h"
#include "governor/resolve.h"
#include "governor/testing_internal.h"
#include "ledger/store/reader.h"

namespace writ::governor {
namespace {

constexpr std::string_view kPolicy =
    "permit (principal, action, resource);\n"
    "forbid (principal, action == Action::\"exec\", resource)\n"
    "  when { context.argv == \"true no\" || context.directory == \"/tmp\" ||\n"
    "         context.environment.contains(\"NO\") };\n";

// An admitted run of one program, and the verdicts of its exec gate under a clock that stands
// still.
class ExecVerdictsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    InitSettings settings;
    settings.host = "test";
    settings.policies = kPolicy;
    settings.schema = schema;
    const auto made = initialise(t.home, t.account, settings, system_storage(), clock, random);
    ASSERT_TRUE(made) << made.error().message();
    auto opened = open_installation(t.home, t.account, system_storage(), clock, random);
    ASSERT_TRUE(opened && std::holds_alternative<std::unique_ptr<Installation>>(*opened));
    here = std::move(std::get<std::unique_ptr<Installation>>(*opened));
    RunRequest run;
    run.permit_file = permit();
    run.command = {"/bin/busybox", "true"};
    run.environment = {"PATH=/usr/bin:/bin"};
    run.directory = "/";
    Result<Admitted> admitted = admit(run, *here, enforce::probe());
    ASSERT_TRUE(admitted) << admitted.error().message();
    const Refused* no = std::get_if<Refused>(&*admitted);
    ASSERT_EQ(no, nullptr) << no->denial.because;
    admission.emplace(std::move(std::get<Admission>(*admitted)));
    begin(false);
  }

  ByteVec permit() {
    const std::string file =
        t.file("job.toml",
               "subject = \"agent/test\"\naudience = [\"default\"]\nttl = \"1h\"\n"
               "[[exec]]\nprogram = \"/bin/busybox\"\nargv0 = [\"true\"]\nargs = [\"{rest}\"]\n"
               "cwd = [\"/\"]\nenv = [\"PATH\", \"NO\"]\n");
    const Result<Reserved> reserved = Reserved::find(t.home, t.account);
    const Result<crypto::PrivateKey> authority = load_key(t.home, kAuthorityKey);
    const Result<crypto::PrivateKey> runner = load_key(t.home, kRunnerKey);
    const Result<MaybeStanding> standing = load_standing(t.home, "default");
    EXPECT_TRUE(reserved && authority && runner && standing);
    const Places places{t.root, t.account.directory, t.home, *reserved};
    const Result<permit::Request> wanted = read_request(file, places);
    EXPECT_TRUE(wanted) << wanted.error().message();
    IssueSettings settings;
    settings.now = clock.now();
    settings.holder = runner->public_key();
    const auto answer = issue(*wanted, places, settings,
                              std::get<Standing>(*standing).authorities.at(0), *authority, random);
    EXPECT_TRUE(answer) << answer.error().message();
    return std::get<Issued>(*answer).file;
  }

  void begin(bool strict) {
    verdicts.reset();
    const std::uint64_t next = recorder ? recorder_next : 1;
    recorder.reset();
    recorder = std::make_unique<Recorder>(
        *here->store, here->log_key, clock, random,
        RecorderOptions{admission->run(), admission->permit().id(), strict, next});
    verdicts = std::make_unique<GateVerdicts>(*admission, *recorder, clock);
  }

  enforce::ExecAttempt attempt() {
    enforce::ExecAttempt out;
    out.caller.process = {++last_process, 7};
    out.caller.ancestry = {out.caller.process};
    out.asked = "/bin/busybox";
    out.resolved = std::filesystem::canonical(out.asked).string();
    struct stat info {};
    EXPECT_EQ(::stat(out.resolved.c_str(), &info), 0);
    out.identity = {info.st_dev, info.st_ino};
    out.look = enforce::look_of(info);
    out.argv = {"true"};
    out.environment = {"PATH=/usr/bin:/bin"};
    out.directory = "/";
    return out;
  }

  static enforce::ExecImage image_of(const enforce::ExecAttempt& attempt) {
    enforce::ExecImage out;
    out.caller = attempt.caller;
    out.program = attempt.resolved;
    const Result<Digest32> digest = digest_file(out.program);
    EXPECT_TRUE(digest);
    out.digest = *digest;
    out.identity = attempt.identity;
    out.argv = attempt.argv;
    out.environment = attempt.environment;
    out.directory = attempt.directory;
    return out;
  }

  // What policy was asked about the exec that is recorded now.
  std::string exec() {
    const enforce::ExecAttempt asked = attempt();
    const auto courtesy = verdicts->before(asked);
    EXPECT_TRUE(courtesy && courtesy->go);
    const auto verdict = verdicts->at_stop(image_of(asked));
    EXPECT_TRUE(verdict && verdict->released);
    return last_request();
  }

  // A yes at once, as soon as the recorder has nothing else to do.
  bool released_at_once(const enforce::ExecImage& image) {
    for (int i = 0; i < 1000; ++i) {
      if (const auto verdict = verdicts->at_stop_at_once(image)) return verdict->released;
      ::usleep(10'000);
    }
    return false;
  }

  std::string last_request() {
    auto reader = ledger::LedgerReader::open(system_storage(), t.home.state);
    EXPECT_TRUE(reader);
    const Result<ledger::Side> side = (*reader)->side({admission->run(), Seq(recorder_next++)});
    EXPECT_TRUE(side) << side.error().message();
    const ByteVec* request = side->get("request");
    EXPECT_NE(request, nullptr);
    return std::string(as_text(*request));
  }

  void put_in_force(const std::string& policies) {
    const domain::Bundle bundle{"default", 2, policies, schema, {}};
    const auto policy = proof::Policy::parse(bundle);
    const auto digest = domain::bundle_digest(bundle);
    ASSERT_TRUE(policy && digest);
    verdicts->use_policy(*policy, *digest);
  }

  TestHome t;
  const std::string schema = shipped_schema();
  FakeClock clock{SystemClock().now()};
  SystemRandom random;
  std::unique_ptr<Installation> here;
  std::optional<Admission> admission;
  std::unique_ptr<Recorder> recorder;
  std::unique_ptr<GateVerdicts> verdicts;
  std::int32_t last_process = 1000;
  std::uint64_t recorder_next = 1;
};

TEST_F(ExecVerdictsTest, AnAnswerStandsForTheSameQuestionForAHundredMilliseconds) {
  const std::string first = exec();
  clock.advance_millis(100);
  EXPECT_EQ(exec(), first);  // its time too: what was asked then
  clock.advance_millis(1);
  EXPECT_NE(exec(), first);
}

TEST_F(ExecVerdictsTest, NoAnswerOutlivesThePolicyThatGaveIt) {
  (void)exec();
  const enforce::ExecAttempt under_way = attempt();
  ASSERT_TRUE(verdicts->before(under_way)->go);
  put_in_force("permit (principal, action == Action::\"admit\", resource);\n");
  const auto courtesy = verdicts->before(attempt());
  ASSERT_TRUE(courtesy);
  EXPECT_FALSE(courtesy->go);
  EXPECT_TRUE(courtesy->recorded);
  EXPECT_FALSE(verdicts->before_at_once(attempt()));
  EXPECT_FALSE(verdicts->at_stop_at_once(image_of(under_way)));
  const auto verdict = verdicts->at_stop(image_of(under_way));
  ASSERT_TRUE(verdict);
  EXPECT_FALSE(verdict->released);
  EXPECT_EQ(verdict->reason, Reason::PolicyDenied);
}

TEST_F(ExecVerdictsTest, EveryFactOfTheStopIsPartOfTheQuestion) {
  const auto change = [this](const std::function<void(enforce::ExecImage&)>& it) {
    const enforce::ExecAttempt asked = attempt();
    ASSERT_TRUE(verdicts->before(asked)->go);
    enforce::ExecImage image = image_of(asked);
    it(image);
    EXPECT_FALSE(verdicts->at_stop_at_once(image));
    const auto verdict = verdicts->at_stop(image);
    ASSERT_TRUE(verdict);
    EXPECT_FALSE(verdict->released);
  };
  (void)exec();
  change([](auto& image) { image.argv = {"true", "no"}; });
  change([](auto& image) { image.argv = {"false"}; });
  change([](auto& image) { image.environment.emplace_back("NO=1"); });
  change([](auto& image) { image.directory = "/tmp"; });
  change([](auto& image) { image.digest = Digest32(); });
  change([](auto& image) { image.program = "/bin/other"; });
  change([](auto& image) { image.executable_stack = true; });
  const enforce::ExecAttempt asked = attempt();
  ASSERT_TRUE(verdicts->before(asked)->go);
  enforce::ExecImage image = image_of(asked);
  image.scripts.push_back({"/bin/script", Digest32(), {}});
  EXPECT_FALSE(verdicts->at_stop_at_once(image));
}

TEST_F(ExecVerdictsTest, ARefusalIsNoAnswerForTheNextOne) {
  (void)exec();
  for (int i = 0; i < 2; ++i) {
    enforce::ExecAttempt asked = attempt();
    asked.argv = {"true", "no"};
    EXPECT_FALSE(verdicts->before_at_once(asked));  // a no is recorded, by `before`
    const LeafIndex last = recorder->last_leaf();
    const auto courtesy = verdicts->before(asked);
    ASSERT_TRUE(courtesy);
    EXPECT_TRUE(courtesy->recorded);
    EXPECT_EQ(recorder->last_leaf().get(), last.get() + 1);
  }
}

TEST_F(ExecVerdictsTest, AtOnceIsOnlyForProgramsThatWereLookedAtAndOnceForEach) {
  const enforce::ExecAttempt unseen = attempt();
  EXPECT_FALSE(verdicts->before_at_once(unseen));
  EXPECT_FALSE(verdicts->at_stop_at_once(image_of(unseen)));  // nothing was let through
  (void)exec();
  enforce::ExecAttempt asked = attempt();
  asked.look[2] += 1;  // another size
  EXPECT_FALSE(verdicts->before_at_once(asked));
  asked = attempt();
  asked.failed = ENOENT;
  EXPECT_FALSE(verdicts->before_at_once(asked));
  asked = attempt();
  ASSERT_TRUE(verdicts->before_at_once(asked));
  enforce::ExecImage image = image_of(asked);
  image.first = true;
  EXPECT_FALSE(verdicts->at_stop_at_once(image));
  image.first = false;
  const LeafIndex last = recorder->last_leaf();
  EXPECT_TRUE(released_at_once(image));
  EXPECT_EQ(recorder->last_leaf().get(), last.get() + 1);
  const std::string request = last_request();
  EXPECT_NE(request.find("busybox"), std::string::npos);
  EXPECT_FALSE(verdicts->at_stop_at_once(image)) << "one yes is for one exec";
}

TEST_F(ExecVerdictsTest, NothingIsReleasedAtOnceWhereTheDiskIsWaitedFor) {
  (void)exec();
  begin(true);
  const enforce::ExecAttempt asked = attempt();
  ASSERT_TRUE(verdicts->before(asked)->go);
  EXPECT_FALSE(verdicts->at_stop_at_once(image_of(asked)));
  EXPECT_TRUE(verdicts->at_stop(image_of(asked))->released);
}

TEST_F(ExecVerdictsTest, NothingIsReleasedAtOnceWhileAnotherHoldsTheLedger) {
  (void)exec();
  const enforce::ExecAttempt asked = attempt();
  ASSERT_TRUE(verdicts->before(asked)->go);
  {
    const auto lock = open_at(FdRef::cwd(), t.home.ledger() + "/lock", O_RDWR);
    ASSERT_TRUE(lock);
    ASSERT_TRUE(system_storage().lock(lock->borrow(), 10'000));
    EXPECT_FALSE(verdicts->at_stop_at_once(image_of(asked)));
  }
  EXPECT_TRUE(released_at_once(image_of(asked)));
}

TEST_F(ExecVerdictsTest, ANewBundleIsAskedWithinTheHundredMilliseconds) {
  const std::string first = exec();
  put_in_force("permit (principal, action, resource);\n");
  clock.advance_millis(1);
  EXPECT_NE(exec(), first) << "asked anew under the new bundle";
}

}  // namespace
}  // namespace writ::governor
