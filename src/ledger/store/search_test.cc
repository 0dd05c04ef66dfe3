// The index against the log it is made from: same answers with it, without it and with a bad one.
#include "ledger/store/search.h"

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "ledger/store/fsck.h"
#include "ledger/store/testing_internal.h"

namespace writ::ledger {
namespace {

namespace fs = std::filesystem;

// Several runs of other permits, interleaved, with refusals, a denial and ends of both kinds.
class LedgerSearch : public testing::Test {
 protected:
  LedgerSearch() {
    store_ = create_store(system_storage(), home_, clock_).value();
    grow(1);
  }
  static PermitAuthority permit_of(std::uint8_t n) {
    return {PermitId(digest_of("permit " + std::to_string(n)).get()), digest_of("decision")};
  }
  void put(EventId id, EventId parent, std::uint8_t permit, Body body) {
    Event event = make_event(id, parent, permit_of(permit), std::move(body)).value();
    ASSERT_TRUE(store_->append(Draft{std::move(event), {}}, Wait::Written));
  }
  // Two more runs and a denial; the second is ended by Writ.
  void grow(std::uint8_t first) {
    const RunId a = run_number(first);
    const RunId b = run_number(static_cast<std::uint8_t>(first + 1));
    for (const RunId& run : {a, b}) {
      const std::uint8_t permit = run == a ? 1 : 2;
      Admission body = some_admission();
      body.chain = {permit_of(permit).permit};
      put({run, Seq(0)}, kGenesisEvent, permit, std::move(body));
    }
    for (std::uint64_t n = 1; n <= 150; ++n) {
      clock_.advance_millis(1000);
      for (const RunId& run : {a, b}) {
        const EventId id{run, Seq(n)};
        const EventId before{run, Seq(n - 1)};
        if (n % 40 == 0) {
          Refusal refusal;
          refusal.gate = "exec";
          refusal.reason = run == a ? Reason::NotGranted : Reason::PolicyDenied;
          put(id, before, run == a ? 1 : 2, refusal);
        } else {
          Exec body;
          body.path = "/usr/bin/cc";
          put(id, before, run == a ? 1 : 2, body);
        }
      }
    }
    ASSERT_TRUE(store_->append(denial(), Wait::Written));
    End end;
    end.counts = {150, 3, 0, 0, 0, 147, 147};
    put({a, Seq(151)}, {a, Seq(150)}, 1, end);
    end.reason = EndReason::Expired;
    put({b, Seq(151)}, {b, Seq(150)}, 2, end);
    ASSERT_TRUE(store_->sign_head(log_key_of()));
  }

  std::unique_ptr<LedgerReader> reader() {
    return LedgerReader::open(system_storage(), home_.state()).value();
  }
  // What a search answers, and how.
  struct Answer {
    std::vector<std::uint64_t> entries;
    std::optional<LeafIndex> newest;
    std::uint64_t indexed = 0;
    std::string note;
  };
  Answer ask(const EntryQuery& query, std::uint64_t lag, Storage& storage = system_storage()) {
    auto log = LedgerReader::open(storage, home_.state()).value();
    auto search = Search::open(storage, home_.state(), *log, {.lag = lag});
    Answer answer;
    const auto done = search->each(query, [&](LeafIndex at, const Event&, Bytes) -> Result<bool> {
      answer.entries.push_back(at.get());
      return true;
    });
    EXPECT_TRUE(done) << done.error().message();
    answer.newest = search->newest(query, [](LeafIndex, const Event&) { return true; }).value();
    answer.indexed = search->indexed();
    answer.note = search->note();
    return answer;
  }
  static constexpr std::uint64_t kNever = 1'000'000;  // a lag at which there is no index
  // Every kind of question, each with some entries that answer it.
  std::vector<EntryQuery> questions() const {
    const std::int64_t start = 1'700'000'000'000;
    std::vector<EntryQuery> all;
    all.push_back({.kind = EventKind::Refusal});
    all.push_back({.run = run_number(1)});
    all.push_back({.kind = EventKind::Exec, .run = run_number(2)});
    all.push_back({.run = run_number(2), .seq = Seq(77)});
    all.push_back({.run = kNoRun, .seq = Seq(1)});
    all.push_back({.permit = to_hex(permit_of(2).permit).substr(0, 7)});
    all.push_back({.kind = EventKind::Refusal, .permit = to_hex(permit_of(1).permit)});
    all.push_back({.reason = "policy_denied"});
    all.push_back({.run = run_number(2), .reason = "expired"});
    all.push_back({.refused = true});
    all.push_back({.kind = EventKind::Exec, .since = start + 5'000, .until = start + 9'000});
    all.push_back({.since = start + 140'000});
    all.push_back({.kind = EventKind::Exec, .from = LeafIndex(70), .to = LeafIndex(90)});
    return all;
  }
  void expect_same_answers(const char* when, std::uint64_t lag) {
    for (const EntryQuery& query : questions()) {
      const Answer with = ask(query, lag);
      const Answer without = ask(query, kNever);
      ASSERT_FALSE(without.entries.empty()) << when;
      EXPECT_EQ(with.entries, without.entries) << when;
      EXPECT_EQ(with.newest, without.newest) << when;
    }
  }
  std::string index() const { return home_.state() + "/index"; }
  // One statement against the index file, as somebody else would alter it.
  void alter(const char* sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(index().c_str(), &db), SQLITE_OK);
    char* why = nullptr;
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, &why), SQLITE_OK) << why;
    sqlite3_free(why);
    sqlite3_close(db);
  }

  FakeClock clock_{UnixMillis(1'700'000'000'000)};
  Home home_;
  std::unique_ptr<Store> store_;
  std::string seen_;  // what fsck said
};

TEST_F(LedgerSearch, EveryQuestionHasTheSameAnswerWithAnIndexAndWithout) {
  expect_same_answers("new", 1);
  EXPECT_EQ(ask({.refused = true}, 1).indexed, store_->size().get());
  EXPECT_EQ(fs::status(index()).permissions() & fs::perms(0777), fs::perms(0600));
}

TEST_F(LedgerSearch, ASmallLogHasNoIndex) {
  expect_same_answers("small", 5'000);
  EXPECT_FALSE(fs::exists(index()));
}

TEST_F(LedgerSearch, WhatCameAfterTheIndexedEntriesIsRead) {
  (void)ask({.refused = true}, 1);
  const std::uint64_t before = store_->size().get();
  ASSERT_TRUE(store_->append(denial(), Wait::Written));  // not under a head
  Answer answer = ask({.kind = EventKind::Denial}, 1);
  EXPECT_EQ(answer.indexed, before);
  EXPECT_EQ(answer.entries.size(), 2U);
  EXPECT_EQ(answer.newest, LeafIndex(before));
  grow(5);
  expect_same_answers("less than the lag", 1'000);
  EXPECT_EQ(ask({.refused = true}, 1'000).indexed, before) << "so few are read";
  expect_same_answers("more", 100);
  EXPECT_EQ(ask({.refused = true}, 100).indexed, store_->size().get());
}

TEST_F(LedgerSearch, AnAlteredIndexNeverGivesAnEntryThatDoesNotAnswer) {
  for (const char* sql :
       {"UPDATE entries SET run = 3 - run", "UPDATE entries SET kind = 8 WHERE kind = 7",
        "UPDATE entries SET reason = 'expired', refused = 1", "UPDATE entries SET time = time + 9",
        "UPDATE entries SET permit = 1", "UPDATE permits SET key = randomblob(32)"}) {
    (void)ask({.refused = true}, 1);
    ASSERT_TRUE(fs::exists(index())) << sql;
    alter(sql);
    auto log = reader();
    ASSERT_NE(index_fault(system_storage(), home_.state(), *log), "") << sql;
    std::uint64_t condemned = 0;
    for (const EntryQuery& query : questions()) {
      const Answer answer = ask(query, 1);
      const Answer truth = ask(query, kNever);
      EXPECT_TRUE(std::includes(truth.entries.begin(), truth.entries.end(), answer.entries.begin(),
                                answer.entries.end()))
          << sql;
      if (answer.note.find("was wrong") == std::string::npos) continue;
      ++condemned;
      EXPECT_EQ(answer.entries, truth.entries) << sql << ": the rest is read";
      break;
    }
    if (condemned == 0) {
      ASSERT_TRUE(discard_index(system_storage(), home_.state()));
    }
    expect_same_answers(sql, 1);
  }
}

TEST_F(LedgerSearch, WhatAnIndexLeavesOutIsFoundByFsckWhichRemovesIt) {
  (void)ask({.refused = true}, 1);
  alter("DELETE FROM entries WHERE kind = 8");
  FsckOptions options;
  const auto names = [&] {
    std::string all;
    const FsckReport report = fsck(system_storage(), home_.state(), clock_, options).value();
    for (const FsckFinding& finding : report.findings)
      all += finding.name + " ", seen_ += finding.message + "\n";
    EXPECT_EQ(report.status(), all.empty() ? Damage::None : Damage::IndexOnly);
    return all;
  };
  store_.reset();
  options.repair = false;
  EXPECT_EQ(names(), "index_differs ") << seen_;
  EXPECT_TRUE(fs::exists(index())) << "only looked at";
  options.repair = true;
  EXPECT_EQ(names(), "index_differs ");
  EXPECT_FALSE(fs::exists(index()));
  EXPECT_EQ(names(), "");
  expect_same_answers("afterwards", 1);
  EXPECT_EQ(names(), "") << "a sound index is no finding";
}

TEST_F(LedgerSearch, AFileThatIsNoIndexOfThisLogIsReplaced) {
  (void)ask({.refused = true}, 1);
  fs::copy_file(index(), home_.path() + "/kept");
  const auto again = [&](const char* what) {
    const Answer answer = ask({.refused = true}, 1);
    EXPECT_EQ(answer.indexed, store_->size().get()) << what;
    EXPECT_EQ(answer.entries, ask({.refused = true}, kNever).entries) << what;
  };
  std::ofstream(index(), std::ios::binary) << std::string(50'000, 'x');
  again("no database");
  std::ofstream(index(), std::ios::binary).close();
  again("an empty file");
  alter("CREATE VIEW more AS SELECT 1");
  again("another schema");
  alter("PRAGMA user_version = 9");
  again("another version");
  alter("UPDATE about SET size = size + 1");
  again("more than the log has");
  alter("UPDATE about SET last = zeroblob(32)");
  again("another last entry");
  alter("UPDATE about SET ledger = zeroblob(32)");
  again("another ledger");
  alter("DELETE FROM entries WHERE leaf = 0");
  again("it lacks the first");
  // Cut anywhere, or with bytes of every page overwritten: replaced at once, or found while read.
  std::ifstream file(home_.path() + "/kept", std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  for (std::size_t at = 0; at < whole.size(); at += 9'700) {
    std::ofstream(index(), std::ios::binary) << whole.substr(0, at);
    expect_same_answers("cut", 1);
    std::string bent = whole;
    for (std::size_t i = at % 4096; i < bent.size(); i += 4096)
      bent[i] = static_cast<char>(~bent[i]);
    std::ofstream(index(), std::ios::binary) << bent;
    const Answer answer = ask({.refused = true}, 1);
    const Answer truth = ask({.refused = true}, kNever);
    EXPECT_TRUE(std::includes(truth.entries.begin(), truth.entries.end(), answer.entries.begin(),
                              answer.entries.end()));
    ASSERT_TRUE(discard_index(system_storage(), home_.state()));
  }
}

TEST_F(LedgerSearch, WhereThereCanBeNoIndexTheLogIsReadAndTheReasonIsSaid) {
  FaultStorage storage(system_storage());
  storage.plan({.at = 1, .error = EROFS, .for_good = true, .only = DiskOp::CreateFile});
  Answer answer = ask({.refused = true}, 1, storage);
  EXPECT_EQ(answer.entries, ask({.refused = true}, kNever).entries);
  EXPECT_EQ(answer.indexed, 0U);
  EXPECT_NE(answer.note.find("read as a whole"), std::string::npos) << answer.note;
  EXPECT_FALSE(fs::exists(index()));
  // Little room: it is left for what matters more.
  storage.plan({});
  storage.pretend_free(std::uint64_t{30} << 20);
  answer = ask({.refused = true}, 1, storage);
  EXPECT_EQ(answer.entries, ask({.refused = true}, kNever).entries);
  EXPECT_NE(answer.note.find("30 MiB free"), std::string::npos) << answer.note;
  // One that is there serves, though it cannot be brought up to date.
  storage.pretend_free({});
  EXPECT_EQ(ask({.refused = true}, 1, storage).indexed, store_->size().get());
  const std::uint64_t before = store_->size().get();
  grow(5);
  fs::remove(index() + ".lock");
  storage.plan({.at = 1, .error = EROFS, .for_good = true, .only = DiskOp::CreateFile});
  answer = ask({.refused = true}, 1, storage);
  EXPECT_EQ(answer.indexed, before);
  EXPECT_EQ(answer.entries, ask({.refused = true}, kNever).entries);
}

TEST_F(LedgerSearch, ALogSetBackToAnOlderStateHasItsIndexMadeAnew) {
  Home older;
  fs::copy(home_.state(), older.state(), fs::copy_options::recursive);
  grow(5);
  (void)ask({.refused = true}, 1);
  fs::copy_file(index(), older.state() + "/index");
  store_.reset();
  fs::remove_all(home_.state());
  fs::copy(older.state(), home_.state(), fs::copy_options::recursive);
  store_ = Store::open(system_storage(), home_.state(), clock_, {}).value();
  expect_same_answers("set back", 1);
  EXPECT_EQ(ask({.refused = true}, 1).indexed, store_->size().get());
}

TEST_F(LedgerSearch, SeveralProcessesSearchAndBringItUpToDateWhileTheLogGrows) {
  std::vector<pid_t> children;
  for (int child = 0; child < 4; ++child) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      for (int round = 0; round < 20; ++round) {
        auto log = LedgerReader::open(system_storage(), home_.state());
        if (!log) _exit(2);
        auto search = Search::open(system_storage(), home_.state(), **log, {.lag = 1});
        std::uint64_t count = 0;
        const auto done = search->each({.run = run_number(1)},
                                       [&](LeafIndex, const Event&, Bytes) -> Result<bool> {
                                         ++count;
                                         return true;
                                       });
        if (!done || count != 152) _exit(3);
        if (search->note().find("was wrong") != std::string::npos) _exit(4);
      }
      _exit(0);
    }
    children.push_back(pid);
  }
  for (std::uint8_t n = 10; n < 16; n = static_cast<std::uint8_t>(n + 2)) grow(n);
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  expect_same_answers("afterwards", 1);
}

TEST_F(LedgerSearch, ASearcherKilledWhileItIndexesLeavesNothingWrong) {
  for (int round = 0; round < 12; ++round) {
    (void)discard_index(system_storage(), home_.state());
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      auto log = LedgerReader::open(system_storage(), home_.state());
      auto search = Search::open(system_storage(), home_.state(), **log, {.lag = 1});
      (void)search->each({.refused = true},
                         [](LeafIndex, const Event&, Bytes) -> Result<bool> { return true; });
      _exit(0);
    }
    ::usleep(static_cast<useconds_t>(1'000 * round));
    kill(pid, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    expect_same_answers("after a kill", 1);
    EXPECT_EQ(ask({.refused = true}, 1).indexed, store_->size().get());
    EXPECT_FALSE(fs::exists(index() + "-journal"));
  }
}

}  // namespace
}  // namespace writ::ledger
