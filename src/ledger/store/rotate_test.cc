// The log key's change, cosigned heads, and the room set aside for ends.
#include <fstream>

#include "cose/key.h"
#include "ledger/completeness.h"
#include "ledger/cosignature.h"
#include "ledger/rotation.h"
#include "ledger/store/testing_internal.h"
#include "ledger/trust_policy.h"

namespace writ::ledger {
namespace {

class LedgerRotate : public testing::Test {
 protected:
  LedgerRotate() { store_ = create_store(storage_, home_, clock_).value(); }
  void run(std::uint8_t number) {
    const RunId id = run_number(number);
    ASSERT_TRUE(store_->append(admission(id), Wait::Durable));
    ASSERT_TRUE(store_->append(exec(id, 1), Wait::Written));
    ASSERT_TRUE(store_->append(end(id, 2, 1), Wait::Durable));
  }
  static VerifierKey vkey(std::uint64_t seed) {
    return make_vkey("you@host", log_key_of(seed).public_key()).value();
  }
  // What a stranger finds who trusts the key of `seed`.
  VerifyReport look_with(std::uint64_t seed) const {
    VerifyOptions options;
    options.log_key = vkey(seed);
    return look(home_.state(), options);
  }
  std::string file(const std::string& name) const {
    std::ifstream in(home_.state() + "/ledger/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  FaultStorage storage_{system_storage()};
  Home home_;
  FakeClock clock_{UnixMillis(1'700'000'000'000)};
  std::unique_ptr<Store> store_;
};

bool has(const VerifyReport& report, FindingKind kind) {
  return std::any_of(report.findings.begin(), report.findings.end(),
                     [&](const Finding& finding) { return finding.kind == kind; });
}

TEST_F(LedgerRotate, AVerifierWhoTrustsAnyKeyOfTheChainFollowsIt) {
  run(1);
  const Checkpoint head = store_->rotate(log_key_of(1), log_key_of(2), false).value();
  // The head that covers the entry is signed by both.
  const VerifierKey both[] = {vkey(1), vkey(2)};
  EXPECT_EQ(verify_note(as_bytes(file("checkpoint")), both)->by.size(), 2U);
  for (const std::uint64_t seed : {1, 2}) {
    EXPECT_TRUE(look_with(seed).ok()) << text_of(look_with(seed));
  }
  run(2);
  ASSERT_TRUE(store_->sign_head(log_key_of(2)));
  ASSERT_TRUE(store_->rotate(log_key_of(2), log_key_of(3), false));
  run(3);
  ASSERT_TRUE(store_->sign_head(log_key_of(3)));
  for (const std::uint64_t seed : {1, 2, 3}) {
    VerifyOptions options;
    options.log_key = vkey(seed);
    options.kept_head = head;
    const VerifyReport report = look(home_.state(), options);
    EXPECT_TRUE(report.ok()) << text_of(report);
    EXPECT_EQ(report.keys.size(), 3U);
  }
  EXPECT_TRUE(has(look_with(4), FindingKind::KeyMismatch));
  // The old key signs nothing more, here or in a store opened now.
  ASSERT_TRUE(store_->append(denial(), Wait::Durable));
  EXPECT_EQ(store_->sign_head(log_key_of(1)).error().code(), Code::Denied);
  store_ = Store::open(storage_, home_.state(), clock_, {}).value();
  EXPECT_EQ(store_->log_key(), vkey(3));
  EXPECT_TRUE(store_->sign_head(log_key_of(3)));
}

TEST_F(LedgerRotate, OnlyTheKeyInForceHandsOver) {
  EXPECT_EQ(store_->rotate(log_key_of(2), log_key_of(3), false).error().code(), Code::Denied);
  EXPECT_FALSE(store_->rotate(log_key_of(1), log_key_of(1), false));
  // A stranger's entry, however it is signed, changes nothing: heads under it do not verify.
  Rotate forged =
      make_rotation(store_->ledger_id(), "you@host", log_key_of(2), log_key_of(3)).value();
  Draft draft{make_event({kNoRun, Seq(0)}, kGenesisEvent,
                         KeyAuthority{cose::key_id(log_key_of(1).public_key())}, forged)
                  .value(),
              {}};
  ASSERT_TRUE(store_->append(draft, Wait::Durable));
  ASSERT_TRUE(store_->sign_head(log_key_of(1)));
  const VerifyReport report = look_with(1);
  EXPECT_TRUE(has(report, FindingKind::RotationInvalid)) << text_of(report);
  EXPECT_FALSE(has(report, FindingKind::HeadBadSignature)) << text_of(report);
  // Each half of the proof counts, and so do ledger and name.
  const Rotate good =
      make_rotation(store_->ledger_id(), "you@host", log_key_of(1), log_key_of(2)).value();
  EXPECT_EQ(check_rotation(store_->ledger_id(), vkey(1), good).value(), vkey(2));
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{63}, std::size_t{64}, std::size_t{127}}) {
    Rotate bent = good;
    bent.proof[at] ^= std::byte{1};
    EXPECT_FALSE(check_rotation(store_->ledger_id(), vkey(1), bent)) << at;
  }
  EXPECT_FALSE(check_rotation(LedgerId(digest_of("other").get()), vkey(1), good));
  EXPECT_FALSE(check_rotation(store_->ledger_id(), vkey(2), good));
}

TEST_F(LedgerRotate, AHeadOnlyByTheRetiredKeyIsRefused) {
  run(1);
  ASSERT_TRUE(store_->rotate(log_key_of(1), log_key_of(2), false));
  // Whoever stole the old key signs the same head again, alone.
  const Checkpoint head = parse_checkpoint(parse_note(as_bytes(file("checkpoint")))->text).value();
  std::ofstream(home_.state() + "/ledger/checkpoint", std::ios::trunc)
      << sign_checkpoint(head, log_key_of(1)).value();
  for (const std::uint64_t seed : {1, 2}) {
    EXPECT_TRUE(has(look_with(seed), FindingKind::KeyMismatch)) << text_of(look_with(seed));
  }
}

TEST_F(LedgerRotate, AnotherStoreThatWasOpenStopsSigning) {
  auto other = Store::open(storage_, home_.state(), clock_, {}).value();
  ASSERT_TRUE(store_->rotate(log_key_of(1), log_key_of(2), false));
  ASSERT_TRUE(other->append(denial(), Wait::Durable));
  EXPECT_EQ(other->sign_head(log_key_of(1)).error().code(), Code::Conflict);
}

// Every operation of a rotation fails once: the log stays sound, and the same call finishes it.
TEST_F(LedgerRotate, ACutShortRotationIsFinishedByTheNext) {
  for (std::uint64_t at = 1; at < 60; ++at) {
    Home home;
    auto store = create_store(storage_, home, clock_).value();
    ASSERT_TRUE(store->append(denial(), Wait::Durable));
    storage_.plan({.at = at, .error = EIO, .for_good = true});
    const bool done = store->rotate(log_key_of(1), log_key_of(2), false).has_value();
    storage_.plan({});
    store.reset();
    storage_.pretend_boot("after " + std::to_string(at));  // EIO on a sync stops until then
    store = Store::open(storage_, home.state(), clock_, {}).value();
    bool recorded = false;
    auto reader = LedgerReader::open(storage_, home.state()).value();
    ASSERT_TRUE(reader->for_each(LeafIndex(0), [&](LeafIndex, Bytes entry) -> Result<bool> {
      recorded = recorded || TRY(decode_event(entry)).kind() == EventKind::Rotate;
      return true;
    }));
    if (store->log_key() == vkey(1)) {
      ASSERT_FALSE(done);
      const auto again = store->rotate(log_key_of(1), log_key_of(2), recorded);
      ASSERT_TRUE(again) << at << ": " << again.error().message();
    }
    ASSERT_TRUE(store->append(denial(), Wait::Durable));
    ASSERT_TRUE(store->sign_head(log_key_of(2))) << at;
    VerifyOptions options;
    options.log_key = vkey(1);
    const VerifyReport report = look(home.state(), options);
    ASSERT_TRUE(report.ok()) << at << ": " << text_of(report);
    ASSERT_EQ(report.keys.size(), 2U) << at;
    if (done) return;  // every operation has been tried
  }
  FAIL() << "the rotation never went through";
}

// The entry stands there, then the old key signs on before the change is finished.
TEST_F(LedgerRotate, AHeadSignedBetweenTheEntryAndTheChangeIsSignedByBothAfterwards) {
  Draft draft{
      make_event(
          {kNoRun, Seq(0)}, kGenesisEvent, KeyAuthority{cose::key_id(log_key_of(1).public_key())},
          make_rotation(store_->ledger_id(), "you@host", log_key_of(1), log_key_of(2)).value())
          .value(),
      {}};
  ASSERT_TRUE(store_->append(draft, Wait::Durable));
  ASSERT_TRUE(store_->sign_head(log_key_of(1)));
  EXPECT_TRUE(has(look_with(1), FindingKind::KeyMismatch));
  ASSERT_TRUE(store_->rotate(log_key_of(1), log_key_of(2), true));
  EXPECT_TRUE(look_with(1).ok()) << text_of(look_with(1));
  run(1);
  EXPECT_TRUE(store_->sign_head(log_key_of(2)));
}

TEST_F(LedgerRotate, CosignaturesStayWithTheHeadAndTheLastCosignedOneIsKept) {
  run(1);
  ASSERT_TRUE(store_->sign_head(log_key_of(1)));
  const CosignerKey witness = make_cosigner_key("w", log_key_of(9).public_key()).value();
  const std::string text = parse_note(as_bytes(file("checkpoint")))->text;
  const std::string line = cosign(text, 1'700'000'000, "w", log_key_of(9)).value();
  ASSERT_TRUE(store_->add_cosignatures(text, line));
  ASSERT_TRUE(store_->add_cosignatures(text, line));  // once is enough
  TrustPolicy policy = policy_of(vkey(1));
  policy.witnesses.push_back({"w", witness, {}});
  policy.quorum = PolicyMember{false, 0};
  EXPECT_EQ(verify_head(as_bytes(file("checkpoint")), policy)->checkpoint.size.get(), 4U);
  EXPECT_EQ(file("checkpoint"), file("cosigned"));
  run(2);
  ASSERT_TRUE(store_->sign_head(log_key_of(1)));
  EXPECT_FALSE(verify_head(as_bytes(file("checkpoint")), policy));
  EXPECT_EQ(verify_head(as_bytes(file("cosigned")), policy)->checkpoint.size.get(), 4U);
  const std::string next = parse_note(as_bytes(file("checkpoint")))->text;
  ASSERT_TRUE(
      store_->add_cosignatures(next, cosign(next, 1'700'000'001, "w", log_key_of(9)).value()));
  EXPECT_EQ(store_->add_cosignatures(text, line).error().code(), Code::Conflict);
  EXPECT_TRUE(look_with(1).ok());
}

// The disk is full: no run begins, but those that run are recorded to their end.
TEST_F(LedgerRotate, AFullDiskStillRecordsTheEndAndAdmitsNothing) {
  StoreOptions options;
  options.grow_bytes = 1;  // every append needs room
  options.reserve_bytes = 64 * 1024;
  auto store = Store::open(storage_, home_.state(), clock_, options).value();
  // Fill what is preallocated already, so that the next append must grow the file.
  const RunId open_run = run_number(1);
  ASSERT_TRUE(store->append(admission(open_run), Wait::Durable));
  std::uint64_t seq = 1;
  const std::string segment = home_.state() + "/ledger/segment-00000000000000000000";
  const auto before = std::filesystem::file_size(segment);
  while (std::filesystem::file_size(segment) == before) {
    ASSERT_TRUE(store->append(exec(open_run, seq++), Wait::Written));
  }
  // Only the room of the reserve is left: growing fails until it is given up.
  storage_.plan({.at = 1, .error = ENOSPC, .only = DiskOp::Preallocate});
  const auto ended = store->append(end(open_run, seq, seq - 1), Wait::Durable);
  ASSERT_TRUE(ended) << ended.error().message();
  EXPECT_EQ(std::filesystem::file_size(home_.state() + "/ledger/reserve"), 0U);
  // Without the reserve nothing is admitted while the disk is full; then it is made whole first.
  storage_.plan({.at = 1, .error = ENOSPC, .for_good = true, .only = DiskOp::Preallocate});
  const auto refused = store->append(admission(run_number(2)), Wait::Durable);
  ASSERT_FALSE(refused);
  EXPECT_EQ(reason_of(refused.error()), Reason::DiskFull) << refused.error().message();
  storage_.plan({});
  ASSERT_TRUE(store->append(admission(run_number(2)), Wait::Durable));
  EXPECT_EQ(std::filesystem::file_size(home_.state() + "/ledger/reserve"), 64U * 1024);
  // An exec that finds the disk full gets nothing from the reserve.
  storage_.plan({.at = 1, .error = ENOSPC, .for_good = true, .only = DiskOp::Preallocate});
  bool full = false;
  for (std::uint64_t n = 1; n < 1'000 && !full; ++n) {
    full = !store->append(exec(run_number(2), n), Wait::Written).has_value();
  }
  EXPECT_TRUE(full);
  EXPECT_EQ(std::filesystem::file_size(home_.state() + "/ledger/reserve"), 64U * 1024);
  storage_.plan({});
  EXPECT_TRUE(look_with(1).ok()) << text_of(look_with(1));
}

// The clear text of an end and the head over it need room too.
TEST_F(LedgerRotate, AFullDiskStillKeepsTheClearTextOfAnEndAndSignsItsHead) {
  StoreOptions options;
  options.reserve_bytes = 64 * 1024;
  auto store = Store::open(storage_, home_.state(), clock_, options).value();
  const std::string reserve = home_.state() + "/ledger/reserve";
  const auto with_text = [](Draft draft) {
    Side side({});
    (void)side.put("detail", as_bytes(std::string_view("why")));
    draft.side = side.encode();
    return draft;
  };
  const RunId run = run_number(1);
  ASSERT_TRUE(store->append(admission(run), Wait::Durable));
  storage_.plan({.at = 1, .error = ENOSPC, .only = DiskOp::Write});
  const auto refused = store->append(with_text(exec(run, 1)), Wait::Written);
  ASSERT_FALSE(refused);
  EXPECT_EQ(reason_of(refused.error()), Reason::DiskFull);
  EXPECT_NE(std::filesystem::file_size(reserve), 0U) << "not for that";
  storage_.plan({.at = 1, .error = ENOSPC, .only = DiskOp::Write});
  const auto ended = store->append(with_text(end(run, 1, 0)), Wait::Durable);
  ASSERT_TRUE(ended) << ended.error().message();
  EXPECT_EQ(std::filesystem::file_size(reserve), 0U);
  auto log = LedgerReader::open(system_storage(), home_.state()).value();
  EXPECT_TRUE(log->side({run, Seq(1)}));
  storage_.plan({.at = 1, .error = ENOSPC, .only = DiskOp::Write});
  const auto head = store->sign_head(log_key_of());
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ(head->size, store->size());
}

}  // namespace
}  // namespace writ::ledger
