#include "governor/admission.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/durable_faults.h"
#include "governor/init.h"
#include "governor/issue.h"
#include "governor/keystore.h"
#include "governor/registry.h"
#include "governor/testing_internal.h"
#include "ledger/store/reader.h"
#include "proof/replay.h"

namespace writ::governor {
namespace {

constexpr std::string_view kPolicy =
    "permit (principal, action, resource);\n"
    "forbid (principal, action == Action::\"admit\", resource) when { context.bearer };\n";

// A home as `writ init` makes it, and a permit for one static program.
class AdmissionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    InitSettings settings;
    settings.host = "test";
    settings.policies = kPolicy;
    schema = shipped_schema();
    settings.schema = schema;
    Result<InitDone> done =
        initialise(t.home, t.account, settings, system_storage(), clock, random);
    ASSERT_TRUE(done) << done.error().message();
    request = "subject = \"agent/test\"\naudience = [\"default\"]\nttl = \"1h\"\n";
    permit = issued(request +
                    "[[exec]]\nprogram = \"/bin/busybox\"\nargv0 = [\"true\"]\n"
                    "args = [\"{rest}\"]\n");
  }

  ByteVec issued(const std::string& text, bool bearer = false) {
    const std::string file = t.file("job.toml", text);
    Result<Reserved> reserved = Reserved::find(t.home, t.account);
    EXPECT_TRUE(reserved);
    Places places{t.root, t.account.directory, t.home, *reserved};
    Result<permit::Request> wanted = read_request(file, places);
    EXPECT_TRUE(wanted) << wanted.error().message();
    Result<crypto::PrivateKey> key = load_key(t.home, kAuthorityKey);
    EXPECT_TRUE(key);
    Result<crypto::PrivateKey> runner = load_key(t.home, kRunnerKey);
    EXPECT_TRUE(runner);
    Result<MaybeStanding> standing = load_standing(t.home, "default");
    EXPECT_TRUE(standing);
    IssueSettings settings;
    settings.now = UnixMillis(clock.now().get() - earlier_ms);
    if (!bearer) settings.holder = runner->public_key();
    if (!when_of_another_schema) {
      settings.in_force = std::get<Standing>(*standing).policy.get();
    }
    auto answer = issue(*wanted, places, settings, std::get<Standing>(*standing).authorities.at(0),
                        *key, random);
    EXPECT_TRUE(answer) << answer.error().message();
    return std::get<Issued>(*answer).file;
  }

  // put_bundle signs a bundle and puts it in force.
  void put_bundle(const domain::Bundle& bundle, std::string_view signer = kAuthorityKey) {
    Result<crypto::PrivateKey> key = load_key(t.home, signer);
    ASSERT_TRUE(key);
    Result<ByteVec> file = domain::sign_bundle(bundle, *key);
    ASSERT_TRUE(file);
    t.file("writ/config/policy/default.bundle", std::string(as_text(*file)), 0600);
  }

  RunRequest command() const {
    RunRequest run;
    run.permit_file = permit;
    run.command = {"/bin/busybox", "true"};
    run.environment = {"PATH=/usr/bin:/bin"};
    run.directory = "/";
    return run;
  }

  // The reason of the refusal, or "admitted", or the message of an error.
  std::string outcome(const RunRequest& run, Storage& storage, const Clock& time) {
    Result<MaybeInstallation> here = open_installation(t.home, t.account, storage, time, random);
    if (!here) return "error: " + here.error().message();
    if (const Denial* no = std::get_if<Denial>(&*here)) return std::string(code_of(no->reason));
    Result<Admitted> admitted = admit(run, *std::get<std::unique_ptr<Installation>>(*here), kernel);
    if (!admitted) return "error: " + admitted.error().message();
    if (const Refused* no = std::get_if<Refused>(&*admitted)) {
      return std::string(code_of(no->denial.reason));
    }
    return "admitted";
  }
  std::string outcome() { return outcome(command(), system_storage(), clock); }

  // Everything that the ledger says verifies, every decision is replayed; how many admissions.
  std::uint64_t verified() {
    auto reader = ledger::LedgerReader::open(system_storage(), t.home.state);
    EXPECT_TRUE(reader) << reader.error().message();
    if (!reader) return 0;
    ledger::VerifyOptions options;
    options.check_objects = true;
    std::uint64_t admissions = 0;
    options.on_event = [&](LeafIndex, const ledger::Event& event, Bytes,
                           const std::function<void(ledger::Finding)>&) {
      if (event.kind() == ledger::EventKind::Admission) ++admissions;
    };
    proof::Replay replay(**reader, [&](const ledger::EventId& id) -> std::optional<ledger::Side> {
      Result<ledger::Side> side = (*reader)->side(id);
      if (!side) return {};
      return *side;
    });
    replay.attach(options);
    const ledger::VerifyReport report = ledger::verify_log(**reader, options);
    for (const ledger::Finding& finding : report.findings) {
      ADD_FAILURE() << ledger::finding_name(finding.kind) << ": " << finding.message;
    }
    EXPECT_GE(replay.counts().replayed, admissions);
    return admissions;
  }

  TestHome t;
  SystemClock clock;
  SystemRandom random;
  enforce::Capabilities kernel = enforce::probe();
  std::string schema;
  std::string request;
  ByteVec permit;
  bool when_of_another_schema = false;  // permits are issued where this domain's is not known
  std::int64_t earlier_ms = 0;          // by which permits are issued in the past
};

TEST_F(AdmissionTest, AGrantedCommandIsAdmittedAndItsDecisionReplays) {
  EXPECT_EQ(outcome(), "admitted");
  EXPECT_EQ(verified(), 1U);
}

TEST_F(AdmissionTest, AnAlteredPermitIsDeniedAndRecorded) {
  RunRequest run = command();
  run.permit_file.back() ^= std::byte{1};
  EXPECT_EQ(outcome(run, system_storage(), clock), "bad_signature");
  EXPECT_EQ(verified(), 0U);
}

TEST_F(AdmissionTest, AnotherCommandIsNotGranted) {
  RunRequest run = command();
  run.command = {"/usr/bin/env"};
  EXPECT_EQ(outcome(run, system_storage(), clock), "not_granted");
}

TEST_F(AdmissionTest, WithoutAPermitNothingIsAdmitted) {
  RunRequest run = command();
  run.permit_file.clear();
  EXPECT_EQ(outcome(run, system_storage(), clock), "no_permit");
}

TEST_F(AdmissionTest, AnUnknownDomainIsDenied) {
  RunRequest run = command();
  run.domain = "nowhere";
  EXPECT_EQ(outcome(run, system_storage(), clock), "unknown_domain");
  run.domain = "../../etc";
  EXPECT_EQ(outcome(run, system_storage(), clock), "unknown_domain");
}

TEST_F(AdmissionTest, PolicyForbidsBearerPermitsAndTheDenialReplays) {
  permit = issued(request + "[[exec]]\nprogram = \"/bin/busybox\"\nargs = [\"{rest}\"]\n", true);
  EXPECT_EQ(outcome(), "policy_denied");
  EXPECT_EQ(verified(), 0U);
}

TEST_F(AdmissionTest, APermitsOwnWhenCanForbid) {
  permit = issued(request +
                  "[[exec]]\nprogram = \"/bin/busybox\"\nargs = [\"{rest}\"]\n[when]\npolicy = "
                  "'''forbid (principal, action == Action::\"admit\", resource);'''\n");
  EXPECT_EQ(outcome(), "policy_denied");
  EXPECT_EQ(verified(), 0U);
}

TEST_F(AdmissionTest, UsesAreCountedAndSurviveReopening) {
  permit = issued("uses = 2\n" + request +
                  "[[exec]]\nprogram = \"/bin/busybox\"\nargs = [\"{rest}\"]\n");
  EXPECT_EQ(outcome(), "admitted");
  EXPECT_EQ(outcome(), "admitted");
  EXPECT_EQ(outcome(), "uses_exhausted");
  EXPECT_EQ(verified(), 2U);
}

TEST_F(AdmissionTest, AClockThatIsSetBackDeniesWithItsCode) {
  earlier_ms = 1'800'000;
  permit = issued(request + "[[exec]]\nprogram = \"/bin/busybox\"\nargs = [\"{rest}\"]\n");
  const FakeClock past(UnixMillis(clock.now().get() - 600'000));
  EXPECT_EQ(outcome(command(), system_storage(), past), "clock_backwards");
  EXPECT_EQ(outcome(), "admitted") << "positive control";
}

TEST_F(AdmissionTest, AMissingKeyDenies) {
  for (const char* name : {"runner", "log"}) {
    const std::string path = t.home.key_file(name);
    std::filesystem::rename(path, path + ".aside");
    EXPECT_EQ(outcome(), "key_unavailable") << name;
    std::filesystem::rename(path + ".aside", path);
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
    EXPECT_EQ(outcome(), "key_unavailable") << name << " readable by others";
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  }
  EXPECT_EQ(outcome(), "admitted");
}

TEST_F(AdmissionTest, AnUnparsableOrUnsignedPolicyDenies) {
  put_bundle({"default", 2, "permit (principal, action", schema, {}});
  EXPECT_EQ(outcome(), "policy_invalid");
  put_bundle({"default", 2, std::string(kPolicy), schema, {}}, kRunnerKey);
  EXPECT_EQ(outcome(), "policy_invalid") << "signed by no authority";
  put_bundle({"default", 2, std::string(kPolicy), schema, {}});
  EXPECT_EQ(outcome(), "admitted") << "positive control";
}

TEST_F(AdmissionTest, ABundleThatDoesNotValidateStrictlyDenies) {
  const std::string policies(kPolicy);
  const std::vector<domain::Bundle> wrong = {
      {"default",
       2,
       policies + "forbid (principal, action, resource) when { context.depht > 8 };",
       schema,
       {}},
      {"default", 2, policies, "entity Agent;", {}},
      {"default", 2, policies, schema + "entity", {}},
      {"default", 2, policies, "", {}},
      {"default", 2, policies, schema,
       to_vec(as_bytes(std::string_view(
           R"([{"uid": {"type": "Robot", "id": "a"}, "attrs": {}, "parents": []}])")))},
  };
  for (const domain::Bundle& bundle : wrong) {
    put_bundle(bundle);
    EXPECT_EQ(outcome(), "policy_invalid") << bundle.policies << bundle.schema.size();
  }
  EXPECT_EQ(verified(), 0U);
  domain::Bundle right{"default", 2, policies, schema, {}};
  right.entities = to_vec(as_bytes(std::string_view(
      R"([{"uid": {"type": "Agent", "id": "agent/test"}, "attrs": {}, "parents": []}])")));
  put_bundle(right);
  EXPECT_EQ(outcome(), "admitted") << "positive control";
  EXPECT_EQ(verified(), 1U);
}

TEST_F(AdmissionTest, APermitsWhenThatDoesNotValidateStrictlyDenies) {
  when_of_another_schema = true;
  permit = issued(request +
                  "[[exec]]\nprogram = \"/bin/busybox\"\nargs = [\"{rest}\"]\n[when]\npolicy = "
                  "'''forbid (principal, action, resource) when { context.depht > 8 };'''\n");
  EXPECT_EQ(outcome(), "policy_invalid");
  EXPECT_EQ(verified(), 0U);
}

TEST_F(AdmissionTest, PoliciesCanNameTreesByTheirPath) {
  put_bundle({"default",
              2,
              std::string(kPolicy) + "forbid (principal, action == Action::\"read\", resource)\n"
                                     "when { resource.path like \"/usr/share/*\" };",
              schema,
              {}});
  const std::string program = "[[exec]]\nprogram = \"/bin/busybox\"\nargs = [\"{rest}\"]\n";
  permit = issued(request + program + "[files]\nread = [\"/usr/share/doc\"]\n");
  EXPECT_EQ(outcome(), "policy_denied");
  permit = issued(request + program + "[files]\nread = [\"/usr/lib\"]\n");
  EXPECT_EQ(outcome(), "admitted") << "positive control";
  EXPECT_EQ(verified(), 1U);
}

TEST_F(AdmissionTest, AnOlderPolicyThanWasInForceDenies) {
  const std::string first(as_text(*read_file(t.home.bundle_file("default"), 1 << 20)));
  put_bundle({"default", 2, std::string(kPolicy), schema, {}});
  EXPECT_EQ(outcome(), "admitted");
  t.file("writ/config/policy/default.bundle", first, 0600);
  EXPECT_EQ(outcome(), "policy_invalid");
  EXPECT_EQ(verified(), 1U);
}

TEST_F(AdmissionTest, P2AFullOrFailingDiskAtEveryStepDenies) {
  for (const int error : {ENOSPC, EIO}) {
    bool admitted = false;
    for (std::uint64_t k = 1; !admitted; ++k) {
      ASSERT_LT(k, 500U);
      FaultStorage faults(system_storage());
      faults.plan({.at = k, .action = FaultPlan::Fail, .error = error, .for_good = true});
      const std::string code = outcome(command(), faults, clock);
      admitted = faults.count() < k;
      if (admitted) {
        EXPECT_EQ(code, "admitted");
      } else {
        EXPECT_TRUE(code == "disk_full" || code == "ledger_unavailable") << k << ": " << code;
      }
      // A failed sync stops this ledger until the next boot of the machine: begin anew.
      if (error == EIO && !admitted) {
        TestHome fresh;
        std::filesystem::remove_all(t.home.whole);
        SetUp();
      }
    }
  }
}

TEST_F(AdmissionTest, P11KilledAtEveryStepNothingAcknowledgedIsLostAndNothingHalfIsLeft) {
  std::uint64_t acknowledged = 0;
  for (std::uint64_t k = 1;; ++k) {
    ASSERT_LT(k, 500U);
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      FaultStorage faults(system_storage());
      faults.plan({.at = k, .action = FaultPlan::Kill});
      const std::string code = outcome(command(), faults, clock);
      if (code == "admitted") (void)!::write(pipe[1], "y", 1);
      ::_exit(faults.count() < k ? 0 : 9);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ::close(pipe[1]);
    char answer = 0;
    if (::read(pipe[0], &answer, 1) == 1) ++acknowledged;
    ::close(pipe[0]);
    const std::uint64_t recorded = verified();
    EXPECT_GE(recorded, acknowledged) << "after a kill at step " << k;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
  }
  EXPECT_GE(acknowledged, 1U);
  // The next one sweeps what the killed ones left, and says how they ended.
  EXPECT_EQ(outcome(), "admitted");
  (void)verified();
}

}  // namespace
}  // namespace writ::governor
