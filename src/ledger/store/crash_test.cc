// What a crash leaves: processes killed between every two operations, and machines whose power was
// cut, rebuilt from the record of every operation.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <random>

#include "ledger/store/testing_internal.h"

namespace writ::ledger {
namespace {

StoreOptions tiny() {
  StoreOptions options;
  options.segment_bytes = 40'000;
  options.grow_bytes = 4'096;
  options.lock_wait_millis = 60'000;  // however slow the disk
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
class LedgerPowerCut : public testing::Test {
 protected:
  struct Moment {
    std::size_t operations;
    std::uint64_t durable;
    std::optional<Checkpoint> head;
  };

  // The work that is cut: appends of both classes and heads, over two segments.
  LedgerPowerCut() {
    FaultStorage storage(system_storage());
    EXPECT_TRUE(create_store(storage, home_, clock_, tiny()));
    std::filesystem::copy(home_.state(), start_.state(), std::filesystem::copy_options::recursive);
    auto store = Store::open(storage, home_.state(), clock_, tiny()).value();
    storage.record(true);
    const auto moment = [&](std::uint64_t durable, std::optional<Checkpoint> head = {}) {
      for (RecordedOp& op : storage.take_record()) record_.push_back(std::move(op));
      const Moment& last = moments_.back();
      moments_.push_back(
          {record_.size(), std::max(durable, last.durable), head ? head : last.head});
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
  }

  // The record cut into pieces, as a crash may leave them.
  struct Cut {
    std::vector<RecordedOp> pieces;
    std::vector<std::size_t> piece_of;  // where an operation of the record begins in `pieces`
  };
  Cut cut() const {
    Cut made;
    made.piece_of.push_back(0);
    for (const RecordedOp& op : record_) {
      for (RecordedOp& piece : split_writes({op}, 512)) made.pieces.push_back(std::move(piece));
      made.piece_of.push_back(made.pieces.size());
    }
    return made;
  }

  // What is wrong with one state: the first `count` pieces happened, those in `kept` reached the
  // disk. Empty: nothing.
  std::string fault_of(const Cut& made, std::size_t count, const std::vector<bool>& kept) {
    Moment expected = moments_.front();
    for (const Moment& m : moments_) {
      if (made.piece_of[m.operations] <= count) expected = m;
    }
    Home left("/dev/shm");  // where syncs cost nothing
    std::filesystem::copy(start_.state(), left.state(), std::filesystem::copy_options::recursive);
    if (Result<void> rebuilt = rebuild(made.pieces, kept, left.state()); !rebuilt) {
      return "rebuilding: " + rebuilt.error().message();
    }
    FaultStorage rebooted(system_storage());
    rebooted.pretend_boot("boot " + std::to_string(++boots_));
    auto opened = Store::open(rebooted, left.state(), clock_, tiny());
    if (!opened) return opened.error().message();
    if ((*opened)->size().get() < expected.durable) {
      return "of " + std::to_string(expected.durable) + " acknowledged entries " +
             std::to_string((*opened)->size().get()) + " are there";
    }
    for (const RepairNote& note : (*opened)->take_repairs()) {
      torn_ += note.repair == Repair::TornTail ? 1 : 0;
    }
    if (!(*opened)->append(denial(), Wait::Durable)) return "it does not take another entry";
    if (!(*opened)->sign_head(log_key_of())) return "it does not sign another head";
    VerifyOptions options;
    options.kept_head = expected.head;  // what a stranger had seen before the cut
    const VerifyReport report = look(left.state(), options);
    return report.ok() ? "" : text_of(report);
  }
  // Some state chosen at random.
  std::string random_fault(const Cut& made, std::mt19937& random, unsigned chance) {
    const std::size_t count =
        std::uniform_int_distribution<std::size_t>(0, made.pieces.size())(random);
    std::vector<bool> kept = durable_at(made.pieces, count);
    for (std::size_t i = 0; i < count; ++i) {
      if (!kept[i]) kept[i] = random() % 4 < chance;
    }
    return fault_of(made, count, kept);
  }

  FakeClock clock_{UnixMillis(1'700'000'000'000)};
  Home home_, start_;
  std::vector<RecordedOp> record_;
  std::vector<Moment> moments_{{0, 1, {}}};
  unsigned boots_ = 0;
  unsigned torn_ = 0;
};

TEST_F(LedgerPowerCut, LosesNothingThatWasAcknowledged) {
  const Cut made = cut();
  std::mt19937 random(7);
  for (unsigned round = 0; round < 120; ++round) {
    ASSERT_EQ(random_fault(made, random, round % 5), "") << "round " << round;
  }
  EXPECT_GT(torn_, 5U);
}

// Every subset of the newest unsynced pieces: the last 12 (4,096 states a moment) in the long form,
// the last 4 otherwise. Older ones (tiles are not synced one by one) are there, missing or mixed.
TEST_F(LedgerPowerCut, EverySubsetOfTheNewestUnsyncedWritesIsSound) {
  const std::size_t most = thorough() ? 12 : 4;
  const std::size_t moments = thorough() ? 20 : 8;
  const Cut made = cut();
  std::mt19937 random(5);
  unsigned states = 0;
  for (std::size_t i = 1; i <= moments; ++i) {
    const std::size_t count = made.pieces.size() * i / moments;
    const std::vector<bool> synced = durable_at(made.pieces, count);
    std::vector<std::size_t> open;  // the newest, newest first
    for (std::size_t at = count; at-- > 0 && open.size() < most;) {
      if (!synced[at]) open.push_back(at);
    }
    for (std::uint32_t mask = 0; mask < 1U << open.size(); ++mask) {
      std::vector<bool> kept = synced;
      const auto older = random() % 3;  // none, all, some
      for (std::size_t at = 0; at < count; ++at) {
        if (!kept[at]) kept[at] = older == 1 || (older == 2 && random() % 2 == 0);
      }
      for (std::size_t k = 0; k < open.size(); ++k) kept[open[k]] = (mask >> k & 1) != 0;
      ASSERT_EQ(fault_of(made, count, kept), "") << count << " pieces, subset " << mask;
      ++states;
    }
  }
  EXPECT_GT(states, thorough() ? 40'000U : 100U);
}

// Real kills at random moments, several processes at once.
TEST(LedgerCrash, RandomKillsOfSeveralWritersLoseNothingAcknowledged) {
  const SystemClock clock;
  std::unique_ptr<Home> place;
  std::mt19937 random(3);
  std::uint8_t number = 0;
  std::uint64_t acknowledged = 1;
  for (unsigned round = 0; round < (thorough() ? 600U : 12U); ++round) {
    if (round % 60 == 0) {  // run numbers are one byte
      place = std::make_unique<Home>();
      ASSERT_TRUE(create_store(system_storage(), *place, clock, tiny()));
      number = 0;
      acknowledged = 1;
    }
    const Home& home = *place;
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
    // The moment is chosen by what was done, not by a clock: a slow disk makes it later, no more.
    const auto take = [&](std::uint64_t most) {
      std::uint64_t n = 0;
      for (std::uint64_t i = 0; i < most && ::read(ends[0], &n, sizeof n) == sizeof n; ++i) {
        acknowledged = std::max(acknowledged, n);
      }
    };
    take(5 + random() % 60);
    for (const pid_t child : children) kill(child, SIGKILL);
    take(UINT64_MAX);
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
