// Damage of each kind, and what is said of it: by fsck, and by the sentence on completeness.
#include "ledger/store/fsck.h"

#include <fstream>
#include <map>
#include <set>

#include "ledger/completeness.h"
#include "ledger/store/files_internal.h"
#include "ledger/store/testing_internal.h"
#include "ledger/tile.h"

namespace writ::ledger {
namespace {

namespace fs = std::filesystem;

class LedgerFsck : public testing::Test {
 protected:
  LedgerFsck() {
    store_ = create_store(storage_, home_, clock_).value();
    for (std::uint8_t i = 1; i <= 3; ++i) run(i, 100);
    head_ = store_->sign_head(log_key_of()).value();
  }
  void run(std::uint8_t number, std::uint64_t execs) {
    const RunId id = run_number(number);
    ASSERT_TRUE(store_->append(admission(id), Wait::Durable));
    for (std::uint64_t n = 1; n <= execs; ++n) {
      ASSERT_TRUE(store_->append(exec(id, n), Wait::Written));
    }
    ASSERT_TRUE(store_->append(end(id, execs + 1, execs), Wait::Durable));
  }
  std::string path(const std::string& name) const { return home_.state() + "/ledger/" + name; }
  std::string bytes(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << text;
  }
  FsckReport check(FsckOptions options = {}) {
    store_.reset();
    Result<FsckReport> report = fsck(storage_, home_.state(), clock_, options);
    EXPECT_TRUE(report) << report.error().message();
    return report ? *report : FsckReport();
  }
  static std::string names(const FsckReport& report) {
    std::string all;
    for (const FsckFinding& finding : report.findings) all += finding.name + " ";
    return all;
  }
  void expect(const FsckReport& report, Damage damage, const std::string& name) {
    EXPECT_EQ(static_cast<int>(report.status()), static_cast<int>(damage)) << names(report);
    EXPECT_NE(names(report).find(name), std::string::npos) << names(report);
  }

  FaultStorage storage_{system_storage()};
  Home home_;
  FakeClock clock_{UnixMillis(1'700'000'000'000)};
  std::unique_ptr<Store> store_;
  std::optional<Checkpoint> head_;
};

TEST_F(LedgerFsck, ASoundLedgerHasNothingToSay) {
  const FsckReport report = check();
  EXPECT_TRUE(report.findings.empty()) << names(report);
  EXPECT_EQ(report.verified.entries, 307U);
}

TEST_F(LedgerFsck, AnAlteredEntryIsTampering) {
  std::string bundle = bytes("tile/entries/000");
  bundle[5000] = static_cast<char>(bundle[5000] ^ 1);
  put("tile/entries/000", bundle);
  expect(check(), Damage::Tampering, "entry_altered");
}

TEST_F(LedgerFsck, AnAlteredTileIsTampering) {
  std::string tile = bytes("tile/1/000.p/1");
  tile[7] = static_cast<char>(tile[7] ^ 4);
  put("tile/1/000.p/1", tile);
  expect(check(), Damage::Tampering, "tile_differs");
}

TEST_F(LedgerFsck, AMissingTileIsOnlyAnIndex) {
  fs::remove(path("tile/0/000"));
  expect(check(), Damage::IndexOnly, "tile_missing");
}

TEST_F(LedgerFsck, AMissingBundleIsALostTail) {
  fs::remove(path("tile/entries/000"));
  expect(check(), Damage::LostTail, "bundle_missing");
}

TEST_F(LedgerFsck, SegmentsThatEndBeforeTheHeadAreALostTail) {
  fs::remove(path("tail"));
  fs::resize_file(path("segment-00000000000000000000"), 900);
  expect(check(), Damage::LostTail, "lost_tail");
}

TEST_F(LedgerFsck, AMissingHeadIsALostTail) {
  fs::remove(path("checkpoint"));
  expect(check(), Damage::LostTail, "head_missing");
}

TEST_F(LedgerFsck, AForeignHeadIsTamperingAndAForeignKeyAMismatch) {
  const std::string good = bytes("checkpoint");
  put("checkpoint", sign_checkpoint(*head_, log_key_of(7)).value());
  expect(check(), Damage::Tampering, "head_bad_signature");
  put("checkpoint", good);
  const VerifierKey other = make_vkey("you@host", log_key_of(7).public_key()).value();
  FsckOptions options;
  options.verify.log_key = other;
  expect(check(options), Damage::KeyMismatch, "key_mismatch");
  put("vkey", to_string(other) + "\n");
  const FsckReport report = check();
  expect(report, Damage::KeyMismatch, "key_mismatch");
}

TEST_F(LedgerFsck, ATornWriteIsRepairedAndSaid) {
  ASSERT_TRUE(store_->append(exec(run_number(9), 1), Wait::Written));
  store_.reset();
  const std::string segment = "segment-00000000000000000000";
  std::string cut = bytes(segment);
  std::size_t used = cut.size();
  while (cut[used - 1] == '\0') --used;
  std::fill(cut.begin() + static_cast<std::ptrdiff_t>(used) - 60, cut.end(), '\0');
  put(segment, cut);
  FsckOptions look_only;
  look_only.repair = false;
  EXPECT_EQ(names(check(look_only)).find("torn_write"), std::string::npos);
  EXPECT_EQ(bytes(segment), cut);  // looking changes nothing
  expect(check(), Damage::TornWrite, "torn_write");
  EXPECT_TRUE(check().findings.empty());
}

TEST_F(LedgerFsck, AFlippedBitInTheUnsignedTailIsTampering) {
  ASSERT_TRUE(store_->append(denial(), Wait::Durable));
  ASSERT_TRUE(store_->append(denial(), Wait::Durable));
  store_.reset();
  const std::string segment = "segment-00000000000000000000";
  std::string bent = bytes(segment);
  std::size_t used = bent.size();
  while (bent[used - 1] == '\0') --used;
  bent[used - 200] = static_cast<char>(bent[used - 200] ^ 1);
  put(segment, bent);
  storage_.pretend_boot("for the full scan");
  const FsckReport report = check();
  EXPECT_EQ(report.status(), Damage::Tampering) << names(report);
}

TEST_F(LedgerFsck, EveryKindOfDamageHasItsOwnAdvice) {
  std::set<std::string_view> all;
  for (const Damage damage : {Damage::None, Damage::Tampering, Damage::TornWrite, Damage::LostTail,
                              Damage::KeyMismatch, Damage::IndexOnly}) {
    EXPECT_FALSE(advice_for(damage).empty());
    all.insert(advice_for(damage));
  }
  EXPECT_EQ(all.size(), 6U);
}

// ---- completeness: a liar who holds the log key and signs whatever he likes

class LedgerCompleteness : public testing::Test {
 protected:
  LedgerCompleteness() {
    home_ = std::make_unique<Home>();
    auto store = create_store(system_storage(), *home_, clock_).value();
    const RunId run = run_number(1);
    EXPECT_TRUE(store->append(admission(run), Wait::Durable));
    for (std::uint64_t n = 1; n <= 5; ++n) EXPECT_TRUE(store->append(exec(run, n), Wait::Durable));
    EXPECT_TRUE(store->append(end(run, 6, 5), Wait::Durable));
    EXPECT_TRUE(store->append(denial(), Wait::Durable));
    EXPECT_TRUE(store->sign_head(log_key_of()));
    auto reader = LedgerReader::open(system_storage(), home_->state()).value();
    EXPECT_TRUE(reader->for_each(LeafIndex(0), [&](LeafIndex, Bytes entry) -> Result<bool> {
      entries_.push_back(to_vec(entry));
      return true;
    }));
  }
  // A log of these entries, as anyone with the key can publish it.
  class Rewritten final : public LogSource {
   public:
    explicit Rewritten(const std::vector<ByteVec>& entries) {
      std::vector<Bytes> views(entries.begin(), entries.end());
      std::vector<NodeHash> leaves;
      Frontier tree;
      for (const ByteVec& entry : entries) {
        tree.push(leaf_hash(entry));
        leaves.push_back(subtree_of(leaf_hash(entry)));
      }
      const unsigned width = static_cast<unsigned>(entries.size());
      files_[tile_path({TileId::kEntries, 0, width})] = encode_bundle(views).value();
      files_[tile_path({0, 0, width})] = encode_tile(leaves);
      head = Checkpoint{"you@host", tree.size(), tree.root()};
      files_["checkpoint"] = to_vec(sign_checkpoint(head, log_key_of()).value());
    }
    Result<ByteVec> file(const std::string& name, std::size_t) override {
      const auto found = files_.find(name);
      if (found == files_.end()) return Error(Code::NotFound, "no " + name);
      return found->second;
    }
    Result<ByteVec> object(const Digest32&, std::size_t) override {
      return Error(Code::NotFound, "no objects");
    }
    Checkpoint head;

   private:
    std::map<std::string, ByteVec> files_;
  };
  struct Answer {
    bool complete = false;
    std::string sentence;
    VerifyReport report;
  };
  Answer ask(const std::vector<ByteVec>& entries, std::optional<Checkpoint> kept = {},
             std::optional<std::pair<LeafIndex, LeafIndex>> range = {}) const {
    Rewritten source(entries);
    VerifyOptions options;
    options.log_key = make_vkey("you@host", log_key_of().public_key()).value();
    options.kept_head = std::move(kept);
    Completeness completeness(range);
    completeness.attach(options);
    VerifyReport report = verify_log(source, options);
    return {completeness.complete(report), completeness.sentence(report), std::move(report)};
  }
  Checkpoint head_of(const std::vector<ByteVec>& entries) const { return Rewritten(entries).head; }

  FakeClock clock_{UnixMillis(1'700'000'000'000)};
  std::unique_ptr<Home> home_;
  std::vector<ByteVec> entries_;  // genesis, admission, 5 execs, end, denial
};

TEST_F(LedgerCompleteness, AWholeLogIsSaidToBeCompleteInOneSentence) {
  const Answer answer = ask(entries_);
  EXPECT_TRUE(answer.complete) << text_of(answer.report);
  EXPECT_EQ(answer.sentence,
            "no exec of a run that ended between entries 0 and 8 is unrecorded (1 run, 5 execs, "
            "gate totals equal)");
  EXPECT_EQ(Completeness::freshness_sentence({}),
            "whether this is the newest state of the log cannot be known: no kept head and no "
            "witness were given");
}

TEST_F(LedgerCompleteness, AnyRecordRemovedIsFoundWhoeverSigned) {
  for (std::size_t i = 0; i < 8; ++i) {  // the last one is the tail, below
    std::vector<ByteVec> fewer = entries_;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    const Answer answer = ask(fewer);
    EXPECT_FALSE(answer.complete) << i << ": " << answer.sentence;
  }
}

TEST_F(LedgerCompleteness, AnyTwoRecordsSwappedAreFound) {
  for (std::size_t i = 0; i + 1 < entries_.size(); ++i) {
    std::vector<ByteVec> swapped = entries_;
    std::swap(swapped[i], swapped[i + 1]);
    // The end of a run and an event outside any run may come in either order.
    if (i == 7) continue;
    EXPECT_FALSE(ask(swapped).complete) << i;
  }
}

TEST_F(LedgerCompleteness, AnyRecordRepeatedIsFound) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::vector<ByteVec> twice = entries_;
    twice.push_back(entries_[i]);
    EXPECT_FALSE(ask(twice).complete) << i;
  }
}

TEST_F(LedgerCompleteness, AnExecMadeIntoSomethingElseIsFound) {
  // Rewritten with a valid encoding: as a refusal with the same number.
  std::vector<ByteVec> altered = entries_;
  altered[4] = encode_event(stamped(refusal(run_number(1), 3).event, Seq(3),
                                    decode_event(entries_[4])->time()))
                   .value();
  const Answer answer = ask(altered);
  EXPECT_FALSE(answer.complete) << answer.sentence;
  // Any byte altered under the old head: by whoever has no key.
  std::vector<ByteVec> bent = entries_;
  bent[4][bent[4].size() - 3] ^= std::byte{1};
  EXPECT_FALSE(ask(bent, head_of(entries_)).complete);
}

TEST_F(LedgerCompleteness, ACutTailIsFoundWithAKeptHeadAndElseSaidToBeUnknown) {
  std::vector<ByteVec> shorter(entries_.begin(), entries_.end() - 1);
  EXPECT_FALSE(ask(shorter, head_of(entries_)).complete);
  EXPECT_TRUE(ask(shorter).complete);  // nobody can know without one; the other sentence says so
  // Cut inside a run: the run is open, and that is said.
  std::vector<ByteVec> cut(entries_.begin(), entries_.begin() + 5);
  const Answer answer = ask(cut);
  EXPECT_FALSE(answer.complete);
  EXPECT_NE(answer.sentence.find("1 run is still open"), std::string::npos) << answer.sentence;
}

TEST_F(LedgerCompleteness, AWholeLogRewrittenIsFoundWithAKeptHead) {
  // Another history from the genesis entry on, as long or longer, properly signed.
  std::vector<ByteVec> other{entries_[0]};
  for (std::uint64_t n = 1; n < 20; ++n) {
    other.push_back(
        encode_event(stamped(denial().event, Seq(n), UnixMillis(1'700'000'000'000))).value());
  }
  EXPECT_TRUE(ask(other).complete);
  const Answer answer = ask(other, head_of(entries_));
  EXPECT_FALSE(answer.complete) << answer.sentence;
  // An older state, whole: a backup, a snapshot of the machine.
  const std::vector<ByteVec> older(entries_.begin(), entries_.begin() + 8);
  EXPECT_TRUE(ask(older).complete);
  EXPECT_FALSE(ask(older, head_of(entries_)).complete);
}

TEST_F(LedgerCompleteness, OnlyRunsOfTheRangeCount) {
  EXPECT_NE(ask(entries_, {}, std::pair{LeafIndex(8), LeafIndex(8)}).sentence.find("(0 runs"),
            std::string::npos);
  EXPECT_NE(ask(entries_, {}, std::pair{LeafIndex(3), LeafIndex(4)})
                .sentence.find("between entries 3 and 4 is unrecorded (1 run, 5 execs"),
            std::string::npos);
}

}  // namespace
}  // namespace writ::ledger
