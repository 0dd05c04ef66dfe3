// Files swapped, cut, set back or unreadable, disks that fail, and readers beside many writers:
// each is named, nothing is acknowledged that is lost, and what can be put back makes all sound
// again.
#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>

#include "ledger/store/fsck.h"
#include "ledger/store/testing_internal.h"
#include "ledger/tile.h"

namespace writ::ledger {
namespace {

namespace fs = std::filesystem;

class LedgerDamage : public testing::Test {
 protected:
  // 771 entries under the head: three full bundles, one of three, in several segments.
  void make() {
    StoreOptions options;
    options.segment_bytes = 60'000;
    auto store = create_store(system_storage(), home_, clock_, options).value();
    for (std::uint8_t number = 1; number <= 7; ++number) {
      const RunId run = run_number(number);
      std::vector<Draft> batch;
      batch.push_back(admission(run));
      for (std::uint64_t n = 1; n <= 108; ++n) batch.push_back(exec(run, n));
      batch.push_back(end(run, 109, 108));
      ASSERT_TRUE(store->append(std::move(batch), Wait::Written));
      if (number == 6) {
        ASSERT_TRUE(store->sign_head(log_key_of()));
        older_ = bytes("checkpoint");
      }
    }
    head_ = store->sign_head(log_key_of()).value();
    ASSERT_EQ(head_->size.get(), 771U);
  }
  std::string path(const std::string& name) const { return home_.state() + "/ledger/" + name; }
  std::string bytes(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << text;
  }
  FsckReport check(bool with_kept_head = false) {
    FsckOptions options;
    if (with_kept_head) options.verify.kept_head = head_;
    const Result<FsckReport> report = fsck(system_storage(), home_.state(), clock_, options);
    EXPECT_TRUE(report) << report.error().message();
    return report ? *report : FsckReport();
  }
  static std::string names(const FsckReport& report) {
    std::string all;
    for (const FsckFinding& finding : report.findings) all += finding.name + " ";
    return all;
  }

  Home home_;
  FakeClock clock_{UnixMillis(1'700'000'000'000)};
  std::optional<Checkpoint> head_;
  std::string older_;
};

// The status of a finding is what scripts act on: each is written down here once more.
TEST(LedgerFindings, EachHasANameOfItsOwnAndTheStatusThatIsDocumented) {
  std::set<std::string_view> all;
  for (int i = 0; i <= static_cast<int>(FindingKind::SourceFailed); ++i) {
    const FindingKind kind = static_cast<FindingKind>(i);
    const std::string_view name = finding_name(kind);
    EXPECT_NE(name, "?") << i;
    EXPECT_TRUE(all.insert(name).second) << name;
    int status = 10;
    if (name == "head_missing" || name == "head_behind_kept" || name == "bundle_missing") {
      status = 12;
    } else if (name == "key_mismatch") {
      status = 13;
    } else if (name == "tile_missing") {
      status = 14;
    }
    EXPECT_EQ(static_cast<int>(damage_of(kind)), status) << name;
  }
  EXPECT_EQ(all.size(), 30U);
  // Of several, the gravest decides.
  FsckReport report;
  EXPECT_EQ(report.status(), Damage::None);
  for (const Damage damage : {Damage::IndexOnly, Damage::TornWrite, Damage::LostTail,
                              Damage::KeyMismatch, Damage::Tampering}) {
    report.findings.push_back({"x", damage, ""});
    EXPECT_EQ(report.status(), damage);
  }
}

TEST_F(LedgerDamage, AFileInThePlaceOfAnotherIsTampering) {
  make();
  const std::pair<const char*, const char*> swaps[] = {{"tile/0/000", "tile/0/001"},
                                                       {"tile/0/002", "tile/entries/002"},
                                                       {"tile/entries/000", "tile/entries/001"},
                                                       {"tile/entries/001", "tile/entries/002"},
                                                       {"tile/entries/003.p/3", "tile/0/003.p/3"},
                                                       {"tile/1/000.p/3", "tile/0/003.p/3"}};
  for (const auto& [one, other] : swaps) {
    const std::string a = bytes(one), b = bytes(other);
    ASSERT_FALSE(a.empty() || b.empty()) << one << " " << other;
    put(one, b);
    put(other, a);
    const FsckReport report = check();
    EXPECT_EQ(report.status(), Damage::Tampering) << one << ": " << names(report);
    put(one, a);
    put(other, b);
    EXPECT_EQ(names(check()), "") << one;
  }
}

TEST_F(LedgerDamage, AnOlderHeadIsFoundByWhoKeptTheNewer) {
  make();
  const std::string newest = bytes("checkpoint");
  put("checkpoint", older_);
  const FsckReport report = check(true);
  EXPECT_EQ(report.status(), Damage::LostTail) << names(report);
  EXPECT_NE(names(report).find("head_behind_kept"), std::string::npos) << names(report);
  put("checkpoint", newest);
  EXPECT_EQ(names(check(true)), "");
}

// Every file that the head rests on, cut to nothing, in its middle and by its last byte: it has a
// name, looking at it changes nothing else, and with the file back all of it is sound.
TEST_F(LedgerDamage, AFileCutAnywhereIsNamedAndPuttingItBackMendsIt) {
  make();
  std::vector<std::string> all{"checkpoint", "vkey"};
  for (const TileId& id : tiles_for(head_->size)) all.push_back(tile_path(id));
  EXPECT_EQ(all.size(), 11U);  // four tiles of level 0, one of level 1, four bundles
  for (const std::string& name : all) {
    const std::string whole = bytes(name);
    for (const std::size_t length : {std::size_t{0}, whole.size() / 2, whole.size() - 1}) {
      put(name, whole.substr(0, length));
      // A line feed less at the end of the key's line changes nothing that it says.
      const FsckReport report = check();
      if (name != "vkey" || length + 1 < whole.size()) {
        EXPECT_NE(report.status(), Damage::None) << name << " cut to " << length;
        EXPECT_NE(report.status(), Damage::TornWrite) << name << " cut to " << length;
      }
      put(name, whole);
      ASSERT_EQ(names(check()), "") << name << " was cut to " << length;
    }
  }
  EXPECT_EQ(check().verified.entries, 771U);
}

// Every operation of appending, of signing and of beginning segments fails from then on, with each
// error of a disk: whatever was acknowledged is there afterwards, and the log is sound.
TEST_F(LedgerDamage, AnErrorOfTheDiskAtAnyOperationLosesNothingThatWasAcknowledged) {
  StoreOptions options;
  options.segment_bytes = 4'000;
  options.grow_bytes = 1'024;
  bool through = false;
  unsigned refused = 0;
  for (std::uint64_t at = 1; !through; at += 1 + at / 40) {
    ASSERT_LT(at, 2'000U);
    const bool once = at % 5 == 0;
    Home home("/dev/shm");  // where syncs cost nothing
    FaultStorage storage(system_storage());
    auto store = create_store(storage, home, clock_, options).value();
    storage.plan({.at = at,
                  .action = at % 2 == 0 ? FaultPlan::Fail : FaultPlan::FailShort,
                  .error = at % 3 == 0 ? ENOSPC : EIO,
                  .for_good = !once});
    std::uint64_t acknowledged = 1, signed_size = 1;
    bool failed = false;
    for (std::uint8_t number = 1; number <= 10; ++number) {
      const RunId run = run_number(number);
      const auto ticket = [&](Draft draft) {
        const auto done = store->append(std::move(draft), Wait::Durable);
        if (done) acknowledged = done->first.get() + done->count;
        failed |= !done.has_value();
        return done.has_value();
      };
      const bool whole = ticket(admission(run)) && ticket(exec(run, 1)) && ticket(end(run, 2, 1));
      const auto head = store->sign_head(log_key_of());
      if (head) signed_size = head->size.get();
      failed |= !head.has_value();
      if (!whole) break;
    }
    through = storage.count() < at;
    refused += failed ? 1 : 0;
    // A single failure may concern what can be done without.
    EXPECT_TRUE(failed || through || once) << at;
    storage.plan({});
    store.reset();
    storage.pretend_boot("after " + std::to_string(at));
    auto again = Store::open(storage, home.state(), clock_, options);
    ASSERT_TRUE(again) << at << ": " << again.error().message();
    ASSERT_GE((*again)->size().get(), acknowledged) << at;
    const auto head = (*again)->sign_head(log_key_of());
    ASSERT_TRUE(head) << at << ": " << head.error().message();
    ASSERT_GE(head->size.get(), signed_size) << at;
    const VerifyReport report = look(home.state());
    ASSERT_TRUE(report.ok()) << at << ": " << text_of(report);
  }
  EXPECT_GT(refused, 30U);
}

TEST_F(LedgerDamage, AReadOnlyDirectoryIsReadAndProvenAndRefusesEveryAppend) {
  make();
  FaultStorage storage(system_storage());
  storage.plan({.at = 1, .error = EROFS, .for_good = true});
  auto reader = LedgerReader::open(storage, home_.state()).value();
  EXPECT_EQ(reader->prove(LeafIndex(300))->head.size.get(), 771U);
  const VerifyReport report = verify_log(*reader, {.log_key = reader->log_key()});
  EXPECT_TRUE(report.ok()) << text_of(report);
  EXPECT_EQ(report.entries, 771U);
  auto store = Store::open(storage, home_.state(), clock_, {});
  if (store) {
    const auto refused = (*store)->append(admission(run_number(9)), Wait::Durable);
    ASSERT_FALSE(refused);
    EXPECT_EQ(reason_of(refused.error()), Reason::LedgerUnavailable);
  } else {
    EXPECT_EQ(reason_of(store.error()), Reason::LedgerUnavailable) << store.error().message();
  }
  storage.plan({});
  EXPECT_EQ(look(home_.state()).entries, 771U);
}

// One reader goes through the log once. While it looks at an entry others append, sign heads and
// turn the segments that it is in, and those that it comes to, into bundles: it sees every entry
// once.
TEST_F(LedgerDamage, AReaderThatIsInNoHurrySeesEachEntryOnceWhileManyAppend) {
  StoreOptions options;
  options.segment_bytes = 20'000;
  std::vector<std::unique_ptr<Store>> writers;
  writers.push_back(create_store(system_storage(), home_, clock_, options).value());
  while (writers.size() < 8) {
    writers.push_back(Store::open(system_storage(), home_.state(), clock_, options).value());
  }
  std::uint8_t runs = 0;
  const auto write = [&](Store& writer) {
    const RunId run = run_number(++runs);
    std::vector<Draft> batch;
    batch.push_back(admission(run));
    for (std::uint64_t n = 1; n <= 38; ++n) batch.push_back(exec(run, n));
    batch.push_back(end(run, 39, 38));
    EXPECT_TRUE(writer.append(std::move(batch), Wait::Written));
  };
  for (int round = 0; round < 2; ++round) {
    for (const auto& writer : writers) write(*writer);  // in segments, under no head
  }
  auto reader = LedgerReader::open(system_storage(), home_.state()).value();
  const auto segments = [&] {
    return std::count_if(
        fs::directory_iterator(path("")), fs::directory_iterator(),
        [](const auto& file) { return file.path().filename().string().starts_with("segment-"); });
  };
  const auto segments_at_first = segments();
  EXPECT_GT(segments_at_first, 2);
  std::vector<LeafHash> seen;
  const auto take = [&](LeafIndex at, Bytes entry) -> Result<bool> {
    EXPECT_EQ(at.get(), seen.size());
    seen.push_back(leaf_hash(entry));
    if (seen.size() % 50 == 10 && runs < 60) {
      for (const auto& writer : writers) write(*writer);
      EXPECT_TRUE(writers[runs % 8]->sign_head(log_key_of()));
      EXPECT_LT(segments(), segments_at_first);
    }
    return true;
  };
  ASSERT_TRUE(reader->for_each(LeafIndex(0), take));
  ASSERT_TRUE(reader->for_each(LeafIndex(seen.size()), take));
  const Checkpoint head = writers[0]->sign_head(log_key_of()).value();
  ASSERT_EQ(seen.size(), head.size.get());
  Frontier tree;
  for (const LeafHash& leaf : seen) tree.push(leaf);
  EXPECT_EQ(tree.root(), head.root);
}

}  // namespace
}  // namespace writ::ledger
