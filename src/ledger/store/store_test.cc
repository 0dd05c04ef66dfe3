#include "ledger/store/store.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "ledger/store/files_internal.h"
#include "ledger/store/testing_internal.h"

namespace writ::ledger {
namespace {

class LedgerStore : public testing::Test {
 protected:
  std::unique_ptr<Store> create(StoreOptions options = {}) {
    auto store = create_store(storage_, home_, clock_, options);
    EXPECT_TRUE(store) << store.error().message();
    return std::move(store).value();
  }
  Result<std::unique_ptr<Store>> open(StoreOptions options = {}) {
    return Store::open(storage_, home_.state(), clock_, options);
  }
  void expect_sound(std::uint64_t entries) {
    const VerifyReport report = look(home_.state());
    EXPECT_TRUE(report.ok()) << text_of(report);
    EXPECT_EQ(report.entries, entries) << text_of(report);
  }

  FaultStorage storage_{system_storage()};
  Home home_;
  FakeClock clock_{UnixMillis(1'700'000'000'000)};
  crypto::PrivateKey key_ = log_key_of();
};

TEST_F(LedgerStore, ANewLogHasAGenesisEntryUnderASignedHead) {
  auto store = create();
  EXPECT_EQ(store->size().get(), 1U);
  auto reader = LedgerReader::open(storage_, home_.state()).value();
  EXPECT_EQ(reader->head()->size.get(), 1U);
  const ByteVec entry = reader->entry(LeafIndex(0)).value();
  EXPECT_EQ(crypto::sha256(entry).get(), store->ledger_id().get());
  const Event event = decode_event(entry).value();
  EXPECT_EQ(event.as<Genesis>()->origin, "you@host");
  expect_sound(1);
}

TEST_F(LedgerStore, ASecondLogIsNotMadeOverTheFirst) {
  create();
  const auto again = create_store(storage_, home_, clock_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::Conflict);
}

TEST_F(LedgerStore, WhatIsAppendedIsReadBackAndProvable) {
  auto store = create();
  const Ticket written = store->append(admission(run_number(1)), Wait::Durable).value();
  EXPECT_EQ(written.first.get(), 1U);
  EXPECT_TRUE(written.durable);
  ASSERT_TRUE(store->append(exec(run_number(1), 1), Wait::Written));
  ASSERT_TRUE(store->append(end(run_number(1), 2, 1), Wait::Durable));
  expect_sound(4);
  EXPECT_EQ(store->sign_head(key_)->size.get(), 4U);
  expect_sound(4);
  auto reader = LedgerReader::open(storage_, home_.state()).value();
  for (std::uint64_t i = 0; i < 4; ++i) {
    const InclusionProof proof = reader->prove(LeafIndex(i)).value();
    EXPECT_TRUE(check_inclusion(leaf_hash(proof.entry), LeafIndex(i), proof.head.size, proof.path,
                                proof.head.root));
  }
  EXPECT_EQ(reader->prove(LeafIndex(4)).error().code(), Code::NotFound);
}

TEST_F(LedgerStore, AnAppendAtOnceWaitsForNobody) {
  auto store = create();
  const RunId run = run_number(1);
  const auto at_once = [&](std::uint64_t seq) {
    return store->append(exec(run, seq), Wait::AtOnce);
  };
  const auto refused = [&](std::uint64_t seq) {
    const std::uint64_t before = store->size().get();
    const Result<Ticket> ticket = at_once(seq);
    EXPECT_EQ(store->size().get(), before);
    return !ticket && ticket.error().code() == Code::Unavailable;
  };
  ASSERT_TRUE(store->append(admission(run), Wait::Durable));
  ASSERT_TRUE(at_once(1));

  // Another process holds the lock: this one would be waited for.
  {
    const auto lock = open_at(FdRef::cwd(), home_.state() + "/ledger/lock", O_RDWR);
    ASSERT_TRUE(lock);
    ASSERT_TRUE(system_storage().lock(lock->borrow(), 0));
    EXPECT_TRUE(refused(2));
  }
  ASSERT_TRUE(at_once(2));

  // Another process has appended: its entries have to be read first.
  auto other = open();
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->append(denial(), Wait::Written));
  EXPECT_TRUE(refused(3));
  ASSERT_TRUE(store->append(exec(run, 3), Wait::Written));
  ASSERT_TRUE(at_once(4));

  // A thread of this process holds it.
  ASSERT_TRUE(store->with_lock([&](LockedState&) -> Result<void> {
    bool busy = false;
    std::thread([&] { busy = refused(5); }).join();
    EXPECT_TRUE(busy);
    return {};
  }));
  ASSERT_TRUE(at_once(5));
  ASSERT_TRUE(store->sync());
  expect_sound(8);
}

TEST_F(LedgerStore, AnAppendAtOnceMakesNoRoom) {
  StoreOptions small;
  small.grow_bytes = 16 * 1024;  // less than the largest entry
  auto store = create(small);
  ASSERT_TRUE(store->append(admission(run_number(1)), Wait::Durable));
  const auto at_once = store->append(exec(run_number(1), 1), Wait::AtOnce);
  ASSERT_FALSE(at_once);
  EXPECT_EQ(at_once.error().code(), Code::Unavailable);
  ASSERT_TRUE(store->append(exec(run_number(1), 1), Wait::Written));
  ASSERT_TRUE(store->sync());
  expect_sound(3);
}

TEST_F(LedgerStore, ReopeningGoesOnWhereItStopped) {
  create();
  for (std::uint8_t i = 0; i < 20; ++i) {
    auto store = open().value();
    EXPECT_TRUE(store->take_repairs().empty());
    ASSERT_TRUE(store->append(admission(run_number(i)), Wait::Durable));
    ASSERT_TRUE(store->append(denial(), Wait::Durable));
    if (i % 3 == 0) {
      ASSERT_TRUE(store->sign_head(key_));
    }
  }
  expect_sound(41);
}

StoreOptions small_segments() {
  StoreOptions options;
  options.segment_bytes = 60'000;
  options.grow_bytes = 16'384;
  return options;
}

// A run of `execs` execs, signed now and then.
void append_run(Store& store, std::uint8_t number, std::uint64_t execs, Wait wait) {
  const RunId run = run_number(number);
  ASSERT_TRUE(store.append(admission(run), wait));
  for (std::uint64_t i = 1; i <= execs; ++i) ASSERT_TRUE(store.append(exec(run, i), wait));
  ASSERT_TRUE(store.append(end(run, execs + 1, execs), wait));
}

TEST_F(LedgerStore, EntriesMoveFromSegmentsIntoBundlesAndStayReadable) {
  auto store = create(small_segments());
  std::uint64_t entries = 1;
  for (std::uint8_t i = 0; i < 8; ++i) {
    append_run(*store, i, 98, Wait::Written);
    entries += 100;
    ASSERT_TRUE(store->sign_head(key_));
    expect_sound(entries);
  }
  EXPECT_FALSE(std::filesystem::exists(home_.state() + "/ledger/segment-00000000000000000000"));
  EXPECT_TRUE(std::filesystem::exists(home_.state() + "/ledger/tile/entries/000"));
  EXPECT_FALSE(std::filesystem::exists(home_.state() + "/ledger/tile/entries/000.p"));
  auto reader = LedgerReader::open(storage_, home_.state()).value();
  for (std::uint64_t i = 0; i < entries; i += 13) {
    const Result<InclusionProof> proof = reader->prove(LeafIndex(i));
    ASSERT_TRUE(proof) << proof.error().message();
  }
  // A store opened now, with or without the hint, goes on from here.
  std::filesystem::remove(home_.state() + "/ledger/tail");
  auto other = open(small_segments()).value();
  append_run(*other, 100, 10, Wait::Durable);
  ASSERT_TRUE(other->sign_head(key_));
  append_run(*store, 101, 10, Wait::Durable);
  ASSERT_TRUE(store->sign_head(key_));
  expect_sound(entries + 24);
}

TEST_F(LedgerStore, AnotherBootMakesUnsyncedTilesAgain) {
  auto store = create(small_segments());
  for (std::uint8_t i = 0; i < 4; ++i) append_run(*store, i, 98, Wait::Written);
  ASSERT_TRUE(store->sign_head(key_));
  store.reset();
  // As after a power cut: tiles that were never synced are gone or empty.
  for (const char* name : {"tile/0/001", "tile/entries/001.p/145", "tile/1/000.p/1"}) {
    const std::string path = home_.state() + "/ledger/" + name;
    if (std::filesystem::exists(path)) std::filesystem::resize_file(path, 0);
  }
  EXPECT_FALSE(look(home_.state()).ok());
  storage_.pretend_boot("another");
  store = open(small_segments()).value();
  const std::vector<RepairNote> repairs = store->take_repairs();
  ASSERT_EQ(repairs.size(), 1U);
  EXPECT_EQ(repairs[0].repair, Repair::TilesRewritten);
  expect_sound(401);
}

// The last record cut at every byte: what was before it stays, what is left of it is removed, and
// that is said.
TEST_F(LedgerStore, ATailTornAtAnyByteIsCutAndSaid) {
  auto store = create();
  ASSERT_TRUE(store->append(admission(run_number(1)), Wait::Durable));
  ASSERT_TRUE(store->sign_head(key_));
  const std::string segment = home_.state() + "/ledger/segment-00000000000000000000";
  const auto read_segment = [&] {
    std::ifstream file(segment, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(file), {}};
  };
  const std::string before = read_segment();
  ASSERT_TRUE(store->append(exec(run_number(1), 1), Wait::Durable));
  store.reset();
  const std::string after = read_segment();
  std::size_t first = 0;
  while (before[first] == after[first]) ++first;
  std::size_t last = after.size();
  while (after[last - 1] == before[last - 1]) --last;
  ASSERT_GT(last - first, 200U);
  for (std::size_t cut = first; cut <= last; ++cut) {
    for (const bool shorter : {false, true}) {
      std::string torn = after;
      std::fill(torn.begin() + static_cast<std::ptrdiff_t>(cut), torn.end(), '\0');
      if (shorter) torn.resize(cut);
      std::ofstream(segment, std::ios::binary | std::ios::trunc) << torn;
      auto opened = open();
      ASSERT_TRUE(opened) << cut << ": " << opened.error().message();
      const bool whole = cut == last;
      const bool nothing = cut == first;
      const std::vector<RepairNote> repairs = (*opened)->take_repairs();
      ASSERT_EQ(repairs.size(), whole || nothing ? 0U : 1U) << cut << shorter;
      if (!repairs.empty()) {
        EXPECT_EQ(repairs[0].repair, Repair::TornTail);
        EXPECT_EQ(repairs[0].at.get(), 2U);
      }
      EXPECT_EQ((*opened)->size().get(), whole ? 3U : 2U);
      ASSERT_TRUE((*opened)->append(exec(run_number(1), whole ? 2 : 1), Wait::Written));
      if (cut % 29 == 0) {
        expect_sound(whole ? 4 : 3);
      }
    }
  }
}

// Any bit of any file of the log: found, by the store when it opens or by verification.
TEST_F(LedgerStore, AFlippedBitAnywhereIsFound) {
  auto store = create(small_segments());
  append_run(*store, 1, 3, Wait::Durable);
  ASSERT_TRUE(store->sign_head(key_));
  append_run(*store, 2, 2, Wait::Durable);
  ASSERT_TRUE(store->append(denial(), Wait::Durable));
  store.reset();
  expect_sound(11);
  unsigned flips = 0;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(home_.state() + "/ledger")) {
    if (!file.is_regular_file()) continue;
    const std::string name = file.path().filename();
    if (name == "tail" || name == "lock" || name == "head.lock" || name == "boot") continue;
    const bool superseded = file.path().string().find(".p/") != std::string::npos && name != "6";
    if (superseded) continue;  // of older heads
    std::ifstream in(file.path(), std::ios::binary);
    const std::string good{std::istreambuf_iterator<char>(in), {}};
    std::size_t used = good.size();
    while (used > 0 && good[used - 1] == '\0') --used;
    for (std::size_t i = 0; i < used; i += 1 + used / 150) {
      std::string bent = good;
      bent[i] = static_cast<char>(bent[i] ^ (1 << (i % 8)));
      std::ofstream(file.path(), std::ios::binary | std::ios::trunc) << bent;
      const bool sound = look(home_.state()).ok();
      auto opened = open();
      bool repaired = false;
      if (opened) repaired = !(*opened)->take_repairs().empty();
      // Segment entries under the head are double: the bundle is what a stranger reads.
      EXPECT_TRUE(!sound || !opened || repaired || name.starts_with("segment-"))
          << file.path() << " byte " << i;
      if (name.starts_with("segment-")) {
        storage_.pretend_boot("for the full scan " + std::to_string(flips));
        auto full = open();
        // No flipped bit looks like a torn write, not even in the last record.
        EXPECT_FALSE(full) << file.path() << " byte " << i;
      }
      std::ofstream(file.path(), std::ios::binary | std::ios::trunc) << good;
      ++flips;
    }
  }
  EXPECT_GT(flips, 300U);
  storage_.pretend_boot("last");
  ASSERT_TRUE(open());
  expect_sound(11);
}

TEST_F(LedgerStore, WhatWasDurableIsNeverTakenForATornTail) {
  auto store = create();
  append_run(*store, 1, 5, Wait::Durable);  // each record says what was durable before it
  store.reset();
  const std::string segment = home_.state() + "/ledger/segment-00000000000000000000";
  std::ifstream in(segment, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  // Zero a whole record in the middle, as a lost write would leave it.
  std::string bent = good;
  const std::size_t at = good.find("/usr/bin/cc");
  std::fill_n(bent.begin() + static_cast<std::ptrdiff_t>(at - 200), 512, '\0');
  std::ofstream(segment, std::ios::binary | std::ios::trunc) << bent;
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(reason_of(opened.error()), Reason::LedgerDamaged) << opened.error().message();
}

TEST_F(LedgerStore, ALongHoleInWhatWasDurableIsNeverTakenForTheEnd) {
  auto store = create();
  std::vector<Draft> batch = {admission(run_number(1))};
  for (std::uint64_t seq = 1; seq <= 1000; ++seq) batch.push_back(exec(run_number(1), seq));
  ASSERT_TRUE(store->append(std::move(batch), Wait::Durable));
  ASSERT_TRUE(store->append(exec(run_number(1), 1001), Wait::Durable));
  store.reset();
  const std::string segment = home_.state() + "/ledger/segment-00000000000000000000";
  std::ifstream in(segment, std::ios::binary);
  std::string bent{std::istreambuf_iterator<char>(in), {}};
  const std::size_t last = bent.rfind("/usr/bin/cc");
  ASSERT_GT(last, 300'000U);
  std::fill(bent.begin() + 2000, bent.begin() + static_cast<std::ptrdiff_t>(last - 2000), '\0');
  std::ofstream(segment, std::ios::binary | std::ios::trunc) << bent;
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(reason_of(opened.error()), Reason::LedgerDamaged) << opened.error().message();
}

TEST_F(LedgerStore, AHeadAheadOfTheFilesIsALostTail) {
  auto store = create();
  append_run(*store, 1, 5, Wait::Durable);
  ASSERT_TRUE(store->sign_head(key_));
  store.reset();
  std::filesystem::resize_file(home_.state() + "/ledger/segment-00000000000000000000", 900);
  for (const char* boot : {"same", "another"}) {
    if (std::string(boot) == "another") storage_.pretend_boot(boot);
    std::filesystem::remove(home_.state() + "/ledger/tail");
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(reason_of(opened.error()), Reason::LedgerDamaged) << opened.error().message();
  }
}

TEST_F(LedgerStore, AHeadThatWentBackOrIsMissingStopsTheSigner) {
  auto store = create();
  const std::string head = home_.state() + "/ledger/checkpoint";
  std::filesystem::copy_file(head, home_.path() + "/old");
  append_run(*store, 1, 5, Wait::Durable);
  ASSERT_TRUE(store->sign_head(key_));
  std::filesystem::copy_file(home_.path() + "/old", head,
                             std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE(store->append(denial(), Wait::Durable));
  const auto signed_again = store->sign_head(key_);
  ASSERT_FALSE(signed_again);
  EXPECT_EQ(reason_of(signed_again.error()), Reason::LedgerDamaged);
  std::filesystem::remove(head);
  EXPECT_FALSE(store->sign_head(key_));
  EXPECT_FALSE(open());
}

TEST_F(LedgerStore, OnlyTheLogsKeySignsHeads) {
  auto store = create();
  ASSERT_TRUE(store->append(denial(), Wait::Durable));
  const auto refused = store->sign_head(log_key_of(2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::Denied);
}

TEST_F(LedgerStore, AClockSetBackRefusesWhatGrantsAndRecordsWhatDoesNot) {
  auto store = create();
  ASSERT_TRUE(store->append(admission(run_number(1)), Wait::Durable));
  clock_.advance_millis(-1);
  const auto refused = store->append(exec(run_number(1), 1), Wait::Durable);
  ASSERT_FALSE(refused);
  EXPECT_EQ(reason_of(refused.error()), Reason::ClockBackwards);
  const Ticket ticket = store->append(denial(), Wait::Durable).value();
  EXPECT_EQ(ticket.time.get(), clock_.now().get() + 1);
  auto reader = LedgerReader::open(storage_, home_.state()).value();
  EXPECT_EQ(decode_event(reader->entry(ticket.first).value())->behind(), 1U);
  // Another process finds the same.
  auto other = open().value();
  EXPECT_EQ(reason_of(other->append(exec(run_number(1), 1), Wait::Written).error()),
            Reason::ClockBackwards);
  clock_.advance_millis(1);
  EXPECT_TRUE(other->append(exec(run_number(1), 1), Wait::Durable));
  expect_sound(4);
}

TEST_F(LedgerStore, AFullDiskIsSaidBeforeAnythingIsWrittenAndPassesWhenThereIsRoom) {
  StoreOptions options;
  options.grow_bytes = 1;  // every append needs room
  auto store = create(options);
  storage_.plan({.at = 1, .error = ENOSPC, .for_good = true, .only = DiskOp::Preallocate});
  for (int i = 0; i < 3; ++i) {
    const auto refused = store->append(admission(run_number(1)), Wait::Durable);
    ASSERT_FALSE(refused);
    EXPECT_EQ(reason_of(refused.error()), Reason::DiskFull) << refused.error().message();
  }
  storage_.plan({});
  append_run(*store, 1, 3, Wait::Durable);
  EXPECT_EQ(store->size().get(), 6U);
  expect_sound(6);
}

TEST_F(LedgerStore, AfterAFailedSyncNobodyIsToldThatAnythingIsDurable) {
  auto store = create();
  auto neighbour = open().value();
  storage_.plan({.at = 1, .error = EIO, .only = DiskOp::SyncData});
  const auto refused = store->append(admission(run_number(1)), Wait::Durable);
  ASSERT_FALSE(refused);
  EXPECT_EQ(reason_of(refused.error()), Reason::LedgerUnavailable);
  storage_.plan({});  // the next sync would succeed, and lie
  EXPECT_FALSE(store->sync());
  EXPECT_FALSE(store->append(denial(), Wait::Written));
  EXPECT_FALSE(store->sign_head(key_));
  EXPECT_FALSE(neighbour->append(denial(), Wait::Written));
  EXPECT_FALSE(open());
  storage_.pretend_boot("another");
  auto after = open().value();
  bool said = false;
  for (const RepairNote& note : after->take_repairs()) said |= note.repair == Repair::SyncFailure;
  EXPECT_TRUE(said);
  EXPECT_TRUE(after->append(denial(), Wait::Durable));
}

TEST_F(LedgerStore, AFailedWriteIsUndoneAndTheLogGoesOn) {
  auto store = create();
  for (const auto action : {FaultPlan::Fail, FaultPlan::FailShort}) {
    storage_.plan({.at = 2, .action = action, .error = EIO, .only = DiskOp::Write});
    bool failed = false;
    for (int i = 0; i < 3; ++i) failed |= !store->append(denial(), Wait::Written).has_value();
    EXPECT_TRUE(failed);
  }
  storage_.plan({});
  ASSERT_TRUE(store->append(denial(), Wait::Durable));
  const VerifyReport report = look(home_.state());
  EXPECT_TRUE(report.ok()) << text_of(report);
}

TEST_F(LedgerStore, AnEntryThatIsTooLargeIsRefusedAloneWithBothSizes) {
  auto store = create();
  Admission large = some_admission();
  large.mechanisms.assign(kMaxBodyList, std::string(kMaxBodyText, 'x'));
  const RunId run = run_number(1);
  Draft draft{make_event({run, Seq(0)}, kGenesisEvent, some_permit(), large).value(), {}};
  const auto refused = store->append(std::move(draft), Wait::Durable);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("65535"), std::string::npos);
  EXPECT_TRUE(store->append(denial(), Wait::Durable));
  expect_sound(2);
}

TEST_F(LedgerStore, ClearTextIsKeptBesideAndErased) {
  auto store = create();
  Side side(Salt{});
  const Digest32 argv = side.put("argv", as_bytes("secret"));
  Draft first = denial();
  first.side = side.encode();
  const Ticket ticket = store->append(first, Wait::Durable).value();
  const Ticket other = store->append(first, Wait::Durable).value();
  auto reader = LedgerReader::open(storage_, home_.state()).value();
  EXPECT_TRUE(reader->side(ticket.ids[0])->check("argv", argv));
  ASSERT_TRUE(store->erase_side(kNoRun, ticket.ids[0].seq));
  EXPECT_EQ(reader->side(ticket.ids[0]).error().code(), Code::NotFound);
  EXPECT_TRUE(reader->side(other.ids[0]));
  std::ifstream in(home_.state() + "/side/outside", std::ios::binary);
  const std::string left{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(left.find("secret"), left.rfind("secret"));
  expect_sound(3);
}

// The clear text of a long run is read by one walk of its file, not by one for each event; and what
// is added or erased meanwhile is seen.
TEST_F(LedgerStore, ReadingAllOfTheClearTextCostsOneWalkOfItsFile) {
  constexpr std::uint64_t kEvents = 200;
  auto store = create();
  const auto add = [&](const std::string& word) {
    Side side(Salt{});
    (void)side.put("argv", as_bytes(word));
    Draft draft = denial();
    draft.side = side.encode();
    return store->append(draft, Wait::Written).value().ids[0];
  };
  std::vector<EventId> ids;
  for (std::uint64_t i = 0; i < kEvents; ++i) ids.push_back(add("word " + std::to_string(i)));
  auto reader = LedgerReader::open(storage_, home_.state()).value();
  storage_.plan({.only = DiskOp::Read});
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    const Side side = reader->side(ids[i]).value();
    EXPECT_EQ(as_text(*side.get("argv")), "word " + std::to_string(i));
  }
  EXPECT_LE(storage_.count(), 3 * kEvents);
  storage_.plan({});
  ids.push_back(add("later"));
  EXPECT_EQ(as_text(*reader->side(ids.back())->get("argv")), "later");
  ASSERT_TRUE(store->erase_side(kNoRun, ids[7].seq));
  EXPECT_EQ(reader->side(ids[7]).error().code(), Code::NotFound);
  EXPECT_EQ(as_text(*reader->side(ids[8])->get("argv")), "word 8");
}

TEST_F(LedgerStore, ObjectsLieUnderTheirDigestAndDamagedOnesAreReplaced) {
  auto store = create();
  const Digest32 digest = store->put_object(as_bytes("permit bytes")).value();
  auto reader = LedgerReader::open(storage_, home_.state()).value();
  EXPECT_EQ(as_text(reader->object(digest, 100).value()), "permit bytes");
  std::ofstream(home_.state() + "/objects/" + to_hex(digest)) << "other";
  EXPECT_EQ(store->put_object(as_bytes("permit bytes")).value(), digest);
  EXPECT_EQ(as_text(reader->object(digest, 100).value()), "permit bytes");
}

TEST_F(LedgerStore, StateUnderTheLockIsReadWrittenAndAppendedInOnePiece) {
  auto store = create();
  ASSERT_TRUE(store->with_lock([&](LockedState& state) -> Result<void> {
    EXPECT_EQ(state.read("uses", 100).error().code(), Code::NotFound);
    TRY(state.write("uses", as_bytes("1")));
    TRY(state.write("runs/A", as_bytes("a")));
    std::vector<Draft> batch;
    batch.push_back(admission(run_number(1)));
    TRY(state.append(std::move(batch), Wait::Durable));
    return {};
  }));
  ASSERT_TRUE(store->with_lock([&](LockedState& state) -> Result<void> {
    EXPECT_EQ(as_text(TRY(state.read("uses", 100))), "1");
    EXPECT_EQ(TRY(state.list("runs")), std::vector<std::string>{"A"});
    for (const char* bad : {"", "../x", "ledger/lock", "objects/x", "/etc/x", "runs/", ".x",
                            "runs/../x", "runs/a/b", "side"}) {
      EXPECT_FALSE(state.write(bad, as_bytes("x"))) << bad;
    }
    return state.remove("runs/A");
  }));
  expect_sound(2);
}

TEST_F(LedgerStore, SixtyFourThreadsShareOneStoreWithoutGaps) {
  auto store = create(small_segments());
  std::vector<std::thread> threads;
  for (std::uint8_t i = 0; i < 64; ++i) {
    threads.emplace_back([&, i] {
      const RunId run = run_number(i);
      EXPECT_TRUE(store->append(admission(run), Wait::Durable));
      for (std::uint64_t n = 1; n <= 20; ++n) {
        const auto ticket = store->append(exec(run, n), n % 2 == 0 ? Wait::Durable : Wait::Written);
        ASSERT_TRUE(ticket) << ticket.error().message();
        if (n % 5 == 0) {
          EXPECT_TRUE(store->wait_durable(*ticket));
        }
      }
      EXPECT_TRUE(store->append(end(run, 21, 20), Wait::Durable));
      if (i % 16 == 0) {
        EXPECT_TRUE(store->sign_head(key_));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(store->oldest_unsynced());
  ASSERT_TRUE(store->sign_head(key_));
  expect_sound(1 + 64 * 22);
}

// A head that ends exactly where a segment does leaves the segment to the next head.
TEST_F(LedgerStore, AHeadAtTheEndOfASegmentIsFollowedByTheNext) {
  auto store = create(small_segments());
  append_run(*store, 1, 253, Wait::Written);
  ASSERT_EQ(store->size().get(), 256U);
  auto signer = open(small_segments()).value();
  auto other = open(small_segments()).value();
  ASSERT_TRUE(signer->append(admission(run_number(2)), Wait::Written));  // begins segment 256
  const std::string ledger = home_.state() + "/ledger/";
  ASSERT_TRUE(std::filesystem::exists(ledger + segment_name(256)));
  // `store` still believes that the log ends in the first segment; its head is at the border.
  const Files files = open_files(storage_, home_.state()).value();
  HeadWriter writer(files, nullptr);
  Position border;
  ASSERT_TRUE(store->sync());
  const OpenSegment first = open_segment(files, 0, FileUse::Read).value();
  border =
      walk_records(files, start_of(first.header), std::nullopt, 0, [](std::uint64_t index, Bytes) {
        return index < 255;
      }).value();
  const Position last = border;
  border =
      walk_records(files, last, std::nullopt, 0, [](std::uint64_t, Bytes) { return true; }).value();
  EXPECT_EQ(border.segment, 256U);
  Position at_border = last;
  const ByteVec entry =
      LedgerReader::open(storage_, home_.state()).value()->entry(LeafIndex(255)).value();
  at_border.index = 256;
  at_border.offset += kRecordOverhead + entry.size();
  const auto head = writer.advance(at_border, key_);
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ(head->size.get(), 256U);
  EXPECT_TRUE(std::filesystem::exists(ledger + segment_name(0)));
  const auto next = other->sign_head(key_);
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_EQ(next->size.get(), 257U);
  EXPECT_FALSE(std::filesystem::exists(ledger + segment_name(0)));
  expect_sound(257);
}

// P7: sixteen embedded governors share one ledger; a reader watches meanwhile.
TEST_F(LedgerStore, SixteenProcessesAppendWithoutGapsWhileAReaderWatches) {
  create(small_segments());
  std::vector<pid_t> children;
  for (std::uint8_t i = 0; i < 16; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const SystemClock clock;
      auto store = Store::open(system_storage(), home_.state(), clock, small_segments());
      if (!store) _exit(2);
      const RunId run = run_number(i);
      bool well = (*store)->append(admission(run), Wait::Durable).has_value();
      const auto sign = [&] {
        const auto head = (*store)->sign_head(log_key_of());
        if (!head) std::fprintf(stderr, "%s\n", head.error().message().c_str());
        return head.has_value();
      };
      for (std::uint64_t n = 1; well && n <= 60; ++n) {
        well =
            (*store)->append(exec(run, n), n % 10 == 0 ? Wait::Durable : Wait::Written).has_value();
        if (n % 20 == 0) {
          well = well && (*store)->append(denial(), Wait::Written).has_value();
          well = well && sign();
        }
      }
      well = well && (*store)->append(end(run, 61, 60), Wait::Durable).has_value();
      _exit(well ? 0 : 1);
    }
    children.push_back(child);
  }
  for (int i = 0; i < 10; ++i) {
    const VerifyReport report = look(home_.state());
    EXPECT_TRUE(report.ok()) << text_of(report);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  const SystemClock clock;
  auto store = Store::open(system_storage(), home_.state(), clock, small_segments()).value();
  ASSERT_TRUE(store->sign_head(key_));
  expect_sound(1 + 16 * (62 + 3));
}

}  // namespace
}  // namespace writ::ledger
