#include "base/durable.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/durable_faults.h"

namespace writ {
namespace {

class Durable : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "writ-durable-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
    dir_ = storage_.open_dir(FdRef::cwd(), path_).value();
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::string read(const std::string& name) {
    return std::string(as_text(read_file(storage_, dir_.borrow(), name, 1 << 20).value()));
  }

  Storage& storage_ = system_storage();
  std::string path_;
  UniqueFd dir_;
};

TEST_F(Durable, WriteFileDurablyReplacesAndLeavesNothingElse) {
  ASSERT_TRUE(write_file_durably(storage_, dir_.borrow(), "a", as_bytes("one")));
  ASSERT_TRUE(write_file_durably(storage_, dir_.borrow(), "a", as_bytes("second")));
  EXPECT_EQ(read("a"), "second");
  EXPECT_EQ(storage_.list(dir_.borrow(), 10).value(), std::vector<std::string>{"a"});
}

TEST_F(Durable, CreateFileDurablyNeverReplaces) {
  ASSERT_TRUE(create_file_durably(storage_, dir_.borrow(), "a", as_bytes("one")));
  const Result<void> again = create_file_durably(storage_, dir_.borrow(), "a", as_bytes("two"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::Conflict);
  EXPECT_EQ(read("a"), "one");
  EXPECT_EQ(storage_.list(dir_.borrow(), 10).value(), std::vector<std::string>{"a"});
}

TEST_F(Durable, ADirectoryThatIsMadeWithThoseAboveItHasItsNameOnTheDisk) {
  FaultStorage faults(storage_);
  faults.record(true);
  ASSERT_TRUE(open_made_dir(faults, path_ + "/a/b//c/"));
  EXPECT_TRUE(std::filesystem::is_directory(path_ + "/a/b/c"));
  const std::vector<RecordedOp> record = faults.take_record();
  ASSERT_EQ(record.size(), 6U);
  EXPECT_EQ(durable_at(record, record.size()), std::vector<bool>(record.size(), true));
  ASSERT_TRUE(open_made_dir(faults, path_ + "/a/b/c"));
  ASSERT_TRUE(open_made_dir(faults, "/"));
  EXPECT_TRUE(faults.take_record().empty());
  std::ofstream(path_ + "/file") << "x";
  EXPECT_FALSE(open_made_dir(faults, path_ + "/file/d"));
  EXPECT_FALSE(open_made_dir(faults, ""));
}

TEST_F(Durable, NamesDoNotLeadOutOfTheDirectoryAndLinksAreNotFollowed) {
  std::filesystem::create_symlink("/etc/passwd", path_ + "/link");
  EXPECT_FALSE(storage_.open_file(dir_.borrow(), "link", FileUse::Read));
  EXPECT_FALSE(storage_.open_file(dir_.borrow(), "../x", FileUse::ReadWriteCreate));
  EXPECT_FALSE(storage_.open_file(dir_.borrow(), "/etc/passwd", FileUse::Read));
}

TEST_F(Durable, OnlyRegularFilesAreOpened) {
  ASSERT_EQ(mkfifo((path_ + "/fifo").c_str(), 0600), 0);
  const Result<UniqueFd> fifo = storage_.open_file(dir_.borrow(), "fifo", FileUse::Read);
  ASSERT_FALSE(fifo);
  EXPECT_EQ(fifo.error().code(), Code::InvalidArgument);
}

TEST_F(Durable, AFileOverTheLimitIsNotRead) {
  ASSERT_TRUE(write_file_durably(storage_, dir_.borrow(), "a", as_bytes("123456")));
  const Result<ByteVec> bytes = read_file(storage_, dir_.borrow(), "a", 5);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), Code::Exhausted);
}

TEST_F(Durable, PreallocatedRangesHoldZeros) {
  UniqueFd file = storage_.open_file(dir_.borrow(), "a", FileUse::CreateNew).value();
  ASSERT_TRUE(storage_.write_at(file.borrow(), 0, as_bytes("x")));
  ASSERT_TRUE(storage_.preallocate(file.borrow(), 1, 200'000));
  EXPECT_EQ(storage_.size_of(file.borrow()).value(), 200'001U);
  ByteVec bytes(200'000, std::byte{7});
  ASSERT_EQ(storage_.read_at(file.borrow(), 1, bytes).value(), 200'000U);
  EXPECT_EQ(bytes, ByteVec(200'000));
}

TEST_F(Durable, ALockHeldByAnotherOpenFileIsReportedAfterTheWait) {
  UniqueFd one = storage_.open_file(dir_.borrow(), "lock", FileUse::ReadWriteCreate).value();
  UniqueFd two = storage_.open_file(dir_.borrow(), "lock", FileUse::ReadWriteCreate).value();
  ASSERT_TRUE(storage_.lock(one.borrow(), 0));
  const Result<void> busy = storage_.lock(two.borrow(), 20);
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code(), Code::Unavailable);
  ASSERT_TRUE(storage_.unlock(one.borrow()));
  EXPECT_TRUE(storage_.lock(two.borrow(), 20));
}

TEST_F(Durable, ALockIsTakenWhenItsHolderLetsGo) {
  UniqueFd one = storage_.open_file(dir_.borrow(), "lock", FileUse::ReadWriteCreate).value();
  UniqueFd two = storage_.open_file(dir_.borrow(), "lock", FileUse::ReadWriteCreate).value();
  ASSERT_TRUE(storage_.lock(one.borrow(), 0));
  std::thread holder([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    EXPECT_TRUE(storage_.unlock(one.borrow()));
  });
  EXPECT_TRUE(storage_.lock(two.borrow(), 10'000));
  holder.join();
}

TEST_F(Durable, TheBootIdIsTheSameTwice) {
  EXPECT_EQ(storage_.boot_id().value(), storage_.boot_id().value());
  EXPECT_EQ(storage_.boot_id().value().size(), 36U);
  EXPECT_GT(storage_.free_bytes(dir_.borrow()).value(), 0U);
}

TEST_F(Durable, TheKthOperationFailsAndOnlyThat) {
  FaultStorage faults(storage_);
  UniqueFd dir = faults.open_dir(FdRef::cwd(), path_).value();
  for (std::uint64_t at = 1; at <= 6; ++at) {
    faults.plan({.at = at, .error = ENOSPC});
    const Result<void> done = write_file_durably(faults, dir.borrow(), "a", as_bytes("new"));
    ASSERT_FALSE(done) << at;
    EXPECT_TRUE(full_disk(done.error())) << done.error().message();
    faults.plan({});
    EXPECT_TRUE(write_file_durably(faults, dir.borrow(), "a", as_bytes("old")));
  }
  faults.plan({.at = 7});
  EXPECT_TRUE(write_file_durably(faults, dir.borrow(), "a", as_bytes("new")));
}

TEST_F(Durable, AWriteCanFailHalfWay) {
  FaultStorage faults(storage_);
  UniqueFd dir = faults.open_dir(FdRef::cwd(), path_).value();
  UniqueFd file = faults.open_file(dir.borrow(), "a", FileUse::CreateNew).value();
  faults.plan({.at = 1, .action = FaultPlan::FailShort});
  EXPECT_FALSE(faults.write_at(file.borrow(), 0, as_bytes("12345678")));
  EXPECT_EQ(read("a"), "1234");
}

TEST_F(Durable, TheProcessIsKilledAtTheKthOperation) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    FaultStorage faults(system_storage());
    UniqueFd dir = faults.open_dir(FdRef::cwd(), path_).value();
    faults.plan({.at = 5, .action = FaultPlan::Kill});  // create, truncate, write, sync | rename
    (void)write_file_durably(faults, dir.borrow(), "a", as_bytes("new"));
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(storage_.list(dir_.borrow(), 10).value(), std::vector<std::string>{".a.tmp"});
}

// Every crash state of a durable replacement, rebuilt from the record: the old contents or the
// new, and never the old once the call has returned.
TEST_F(Durable, EveryCrashStateOfADurableReplacementHoldsOldOrNew) {
  FaultStorage faults(storage_);
  UniqueFd dir = faults.open_dir(FdRef::cwd(), path_).value();
  ASSERT_TRUE(write_file_durably(faults, dir.borrow(), "a", as_bytes("old")));
  const std::string start = path_ + "-start";
  std::filesystem::remove_all(start);
  std::filesystem::copy(path_, start);
  faults.record(true);
  ASSERT_TRUE(write_file_durably(faults, dir.borrow(), "a", as_bytes("new")));
  const std::vector<RecordedOp> record = faults.take_record();
  ASSERT_EQ(record.size(), 6U);  // create, truncate, write, sync, rename, sync directory

  unsigned states = 0;
  unsigned with_new = 0;
  for (std::size_t count = 0; count <= record.size(); ++count) {
    const std::vector<bool> must = durable_at(record, count);
    for (unsigned subset = 0; subset < (1U << count); ++subset) {
      std::vector<bool> kept(count);
      bool possible = true;
      for (std::size_t i = 0; i < count; ++i) {
        kept[i] = ((subset >> i) & 1U) != 0;
        if (must[i] && !kept[i]) possible = false;
      }
      if (!possible) continue;
      const std::string state = path_ + "-state";
      std::filesystem::remove_all(state);
      std::filesystem::copy(start, state);
      const Result<void> rebuilt = rebuild(record, kept, state);
      ASSERT_TRUE(rebuilt) << rebuilt.error().message();
      std::ifstream file(state + "/a");
      const std::string held{std::istreambuf_iterator<char>(file), {}};
      if (count == record.size()) {
        EXPECT_EQ(held, "new");
      } else {
        EXPECT_TRUE(held == "new" || held == "old") << held << " " << count << " " << subset;
      }
      with_new += held == "new" ? 1 : 0;
      ++states;
      std::filesystem::remove_all(state);
    }
  }
  std::filesystem::remove_all(start);
  EXPECT_GT(states, 20U);
  EXPECT_GT(with_new, 1U);
}

// The same without the sync of the data must be seen to lose.
TEST_F(Durable, TheCrashStatesFindAReplacementThatForgotToSync) {
  FaultStorage faults(storage_);
  UniqueFd dir = faults.open_dir(FdRef::cwd(), path_).value();
  faults.record(true);
  ASSERT_TRUE(write_file_atomically(faults, dir.borrow(), "a", as_bytes("new")));
  const std::vector<RecordedOp> record = faults.take_record();
  std::vector<bool> kept(record.size(), true);
  for (std::size_t i = 0; i < record.size(); ++i) kept[i] = record[i].op != DiskOp::Write;
  EXPECT_EQ(durable_at(record, record.size()), std::vector<bool>(record.size(), false));
  const std::string state = path_ + "-state";
  std::filesystem::create_directory(state);
  ASSERT_TRUE(rebuild(record, kept, state));
  EXPECT_EQ(std::filesystem::file_size(state + "/a"), 0U);
  std::filesystem::remove_all(state);
}

TEST_F(Durable, WritesAreSplitAtUnitBorders) {
  RecordedOp write;
  write.offset = 1000;
  write.bytes = ByteVec(600);
  write.length = 600;
  const std::vector<RecordedOp> split = split_writes({write}, 512);
  ASSERT_EQ(split.size(), 3U);
  EXPECT_EQ(split[0].length, 24U);
  EXPECT_EQ(split[1].offset, 1024U);
  EXPECT_EQ(split[1].length, 512U);
  EXPECT_EQ(split[2].length, 64U);
}

}  // namespace
}  // namespace writ
