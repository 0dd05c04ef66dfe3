// What a crash leaves: processes killed between every two operations, and machines whose power was
// cut, rebuilt from the record of every operation.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "ledger/store/testing_internal.h"

namespace writ::ledger {
namespace {

StoreOptions tiny() {
  StoreOptions options;
  options.segment_bytes = 40'000;
  options.grow_bytes = 4'096;
  options.lock_wait_millis = 2'000;
  return options;
}

// Says, over a pipe, how many entries were acknowledged; the death of a process loses none of
// them, durable or not.
void report_to(int pipe, std::uint64_t entries) {
  (void)!::write(pipe, &entries, sizeof entries);
}

// The work that is interrupted: appends of all classes, heads, over several segments.
void work(Storage& storage, const Home& home, const Clock& clock, int pipe, std::uint8_t number,
          std::uint64_t execs) {
  auto store = Store::open(storage, home.state(), clock, tiny());
  const auto stop = [](int status, const Error& error) {
    std::fprintf(stderr, "%s\n", error.message().c_str());
    _exit(status);
  };
  if (!store) stop(3, store.error());
  const RunId run = run_number(number);
  const auto note = [&](const Result<Ticket>& ticket) {
    if (!ticket) stop(4, ticket.error());
    report_to(pipe, ticket->first.get() + ticket->count);
  };
  note((*store)->append(admission(run), Wait::Durable));
  for (std::uint64_t n = 1; n <= execs; ++n) {
    note((*store)->append(exec(run, n), n % 4 == 0 ? Wait::Durable : Wait::Written));
    if (n % 40 == 0) {
      const auto head = (*store)->sign_head(log_key_of());
      if (!head) stop(5, head.error());
    }
  }
  note((*store)->append(end(run, execs + 1, execs), Wait::Durable));
  if (!(*store)->sign_head(log_key_of())) _exit(6);
}

TEST(LedgerCrash, AProcessKilledAtAnyOperationLosesNothingAndTheNextGoesOn) {
  const FakeClock clock(UnixMillis(1'700'000'000'000));
  // How many operations the work takes.
  std::uint64_t operations = 0;
  {
    Home home;
    FaultStorage storage(system_storage());
    ASSERT_TRUE(create_store(storage, home, clock, tiny()));
    storage.plan({});
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    work(storage, home, clock, ends[1], 1, 300);
    operations = storage.count();
    close(ends[0]);
    close(ends[1]);
  }
  ASSERT_GT(operations, 400U);
  unsigned killed = 0;
  for (std::uint64_t at = 1; at <= operations; at += 9 + (at % 13)) {
    Home home;
    {
      FaultStorage storage(system_storage());
      ASSERT_TRUE(create_store(storage, home, clock, tiny()));
    }
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      FaultStorage storage(system_storage());
      const FaultPlan::Action actions[] = {FaultPlan::Kill, FaultPlan::KillShort,
                                           FaultPlan::KillAfter};
      storage.plan({.at = at, .action = actions[at % 3]});
      work(storage, home, clock, ends[1], 1, 300);
      _exit(0);
    }
    close(ends[1]);
    std::uint64_t acknowledged = 0;
    for (std::uint64_t n = 0; ::read(ends[0], &n, sizeof n) == sizeof n;) acknowledged = n;
    close(ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 1 : 0;
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << at << " " << status;

    auto store = Store::open(system_storage(), home.state(), clock, tiny());
    ASSERT_TRUE(store) << at << ": " << store.error().message();
    ASSERT_GE((*store)->size().get(), acknowledged) << at;
    ASSERT_TRUE((*store)->append(denial(), Wait::Durable)) << at;
    const auto head = (*store)->sign_head(log_key_of());
    ASSERT_TRUE(head) << at << ": " << head.error().message();
    const VerifyReport report = look(home.state());
    ASSERT_TRUE(report.ok()) << at << ": " << text_of(report);
    ASSERT_EQ(report.entries, (*store)->size().get());
  }
  EXPECT_GT(killed, 30U);
}

// Power cuts. Every operation is recorded; for many moments, the states that a crash could leave
// (each unsynced operation there or not, writes torn at 512 bytes) are rebuilt and opened as after
// a reboot: nothing acknowledged is lost, no head is ahead of the data, and any head that was
// signed is consistent with the one signed afterwards.
TEST(LedgerCrash, NoPowerCutLosesWhatWasAcknowledged) {
  const FakeClock clock(UnixMillis(1'700'000'000'000));
  Home home;
  FaultStorage storage(system_storage());
  ASSERT_TRUE(create_store(storage, home, clock, tiny()));
  Home start;
  std::filesystem::copy(home.state(), start.state(), std::filesystem::copy_options::recursive);
  auto store = Store::open(storage, home.state(), clock, tiny()).value();
  storage.record(true);
  struct Moment {
    std::size_t operations;
    std::uint64_t durable;
    std::optional<Checkpoint> head;
  };
  std::vector<RecordedOp> record;
  std::vector<Moment> moments{{0, 1, {}}};
  const auto moment = [&](std::uint64_t durable, std::optional<Checkpoint> head = {}) {
    for (RecordedOp& op : storage.take_record()) record.push_back(std::move(op));
    const Moment& last = moments.back();
    moments.push_back({record.size(), std::max(durable, last.durable), head ? head : last.head});
  };
  const RunId run = run_number(1);
  moment(store->append(admission(run), Wait::Durable)->first.get() + 1);
  for (std::uint64_t n = 1; n <= 290; ++n) {
    const Ticket ticket =
        store->append(exec(run, n), n % 3 == 0 ? Wait::Durable : Wait::Written).value();
    moment(ticket.durable ? ticket.first.get() + 1 : 0);
    if (n % 35 == 0) {
      const Checkpoint head = store->sign_head(log_key_of()).value();
      moment(head.size.get(), head);
    }
  }
  store.reset();
  const std::vector<RecordedOp> split = split_writes(record, 512);
  std::vector<std::size_t> piece_of(record.size() + 1, 0);  // where an operation begins in `split`
  for (std::size_t i = 0; i < record.size(); ++i) {
    std::size_t pieces = 1;
    if (record[i].op == DiskOp::Write) pieces = split_writes({record[i]}, 512).size();
    piece_of[i + 1] = piece_of[i] + pieces;
  }
  ASSERT_EQ(piece_of.back(), split.size());

  std::mt19937 random(7);
  unsigned torn = 0;
  for (unsigned round = 0; round < 150; ++round) {
    const std::size_t count = std::uniform_int_distribution<std::size_t>(0, split.size())(random);
    std::vector<bool> kept = durable_at(split, count);
    const unsigned chance = round % 5;
    for (std::size_t i = 0; i < count; ++i) {
      if (!kept[i]) kept[i] = random() % 4 < chance;
    }
    Moment expected = moments.front();
    for (const Moment& m : moments) {
      if (piece_of[m.operations] <= count) expected = m;
    }
    Home left;
    std::filesystem::copy(start.state(), left.state(), std::filesystem::copy_options::recursive);
    const Result<void> rebuilt = rebuild(split, kept, left.state());
    ASSERT_TRUE(rebuilt) << rebuilt.error().message();
    FaultStorage rebooted(system_storage());
    rebooted.pretend_boot("boot " + std::to_string(round));
    auto opened = Store::open(rebooted, left.state(), clock, tiny());
    ASSERT_TRUE(opened) << "round " << round << ", " << count
                        << " operations: " << opened.error().message();
    ASSERT_GE((*opened)->size().get(), expected.durable) << round;
    for (const RepairNote& note : (*opened)->take_repairs()) {
      torn += note.repair == Repair::TornTail ? 1 : 0;
    }
    ASSERT_TRUE((*opened)->append(denial(), Wait::Durable));
    ASSERT_TRUE((*opened)->sign_head(log_key_of()));
    VerifyOptions options;
    options.kept_head = expected.head;  // what a stranger had seen before the cut
    const VerifyReport report = look(left.state(), options);
    ASSERT_TRUE(report.ok()) << "round " << round << ": " << text_of(report);
  }
  EXPECT_GT(torn, 5U);
}

// The same must be seen to fail when the sync before the acknowledgement is taken out.
TEST(LedgerCrash, TheRebuiltStatesFindAnAppendThatDidNotSync) {
  const FakeClock clock(UnixMillis(1'700'000'000'000));
  Home home;
  FaultStorage storage(system_storage());
  ASSERT_TRUE(create_store(storage, home, clock, tiny()));
  Home start;
  std::filesystem::copy(home.state(), start.state(), std::filesystem::copy_options::recursive);
  auto store = Store::open(storage, home.state(), clock, tiny()).value();
  storage.record(true);
  ASSERT_TRUE(store->append(admission(run_number(1)), Wait::Durable));
  std::vector<RecordedOp> record = storage.take_record();
  std::erase_if(record, [](const RecordedOp& op) { return op.op == DiskOp::SyncData; });
  ASSERT_TRUE(rebuild(record, durable_at(record, record.size()), start.state()));
  FaultStorage rebooted(system_storage());
  rebooted.pretend_boot("another");
  auto opened = Store::open(rebooted, start.state(), clock, tiny());
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->size().get(), 1U);  // lost, as it should be here
}

// Real kills at random moments, several processes at once.
TEST(LedgerCrash, RandomKillsOfSeveralWritersLoseNothingAcknowledged) {
  const SystemClock clock;
  Home home;
  ASSERT_TRUE(create_store(system_storage(), home, clock, tiny()));
  std::mt19937 random(3);
  std::uint8_t number = 0;
  std::uint64_t acknowledged = 1;
  for (unsigned round = 0; round < 12; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      const std::uint8_t mine = number++;
      const pid_t child = fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        work(system_storage(), home, clock, ends[1], mine, 5'000);
        _exit(0);
      }
      children.push_back(child);
    }
    close(ends[1]);
    usleep(static_cast<useconds_t>(20'000 + random() % 80'000));
    for (const pid_t child : children) kill(child, SIGKILL);
    for (std::uint64_t n = 0; ::read(ends[0], &n, sizeof n) == sizeof n;) {
      acknowledged = std::max(acknowledged, n);
    }
    close(ends[0]);
    for (const pid_t child : children) {
      int status = 0;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << status;
    }
    auto store = Store::open(system_storage(), home.state(), clock, tiny());
    ASSERT_TRUE(store) << store.error().message();
    ASSERT_GE((*store)->size().get(), acknowledged);
    ASSERT_TRUE((*store)->append(denial(), Wait::Durable));
    const VerifyReport report = look(home.state());
    ASSERT_TRUE(report.ok()) << text_of(report);
  }
  EXPECT_GT(acknowledged, 50U);
}

}  // namespace
}  // namespace writ::ledger
