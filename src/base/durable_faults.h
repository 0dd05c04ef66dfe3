// Storages for tests: one that fails or kills at the k-th operation, and records every one.
//
// FaultStorage passes each call to another Storage and counts those that change the disk or make
// a change durable (writes, preallocations, truncations, syncs, renames, links, unlinks, new
// files and directories; reads and locks only when asked by `FaultPlan::only`).
//
//   FaultStorage faults(system_storage());
//   faults.plan({.at = 7, .action = FaultPlan::Fail, .error = ENOSPC});
//
// Not linked into any program that is shipped with a way to switch it on. Thread safety: as the
// system storage; the count is atomic.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/durable.h"

namespace writ {

enum class DiskOp {
  MakeDir,
  CreateFile,
  Write,
  Preallocate,
  Truncate,
  SyncData,
  SyncDir,
  Rename,
  Link,
  Unlink,
  RemoveDir,
  Read,
  Lock,
};
const char* disk_op_name(DiskOp op);

struct FaultPlan {
  enum Action {
    Fail,       // return `error` without doing it
    FailShort,  // a write does its first half, then fails with `error`; others as Fail
    Kill,       // SIGKILL this process instead of doing it
    KillShort,  // a write does its first half, then SIGKILL; others as Kill
    KillAfter,  // do it, then SIGKILL this process
  };
  std::uint64_t at = 0;  // the at-th counted operation, from 1; 0: none
  Action action = Fail;
  int error = 5;                    // errno, EIO
  bool for_good = false;            // every later counted operation fails too (not for Kill)
  std::optional<DiskOp> only = {};  // count operations of this kind alone
};

// One recorded operation. `path` is relative to the directories opened from the current one;
// `file` tells open files apart whatever they are called later; `bytes` is what was written, `to`
// the new name of a rename or link.
struct RecordedOp {
  DiskOp op = DiskOp::Write;
  std::uint64_t file = 0;
  std::string path;
  std::string to;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  ByteVec bytes;
};

class FaultStorage final : public Storage {
 public:
  explicit FaultStorage(Storage& below);
  ~FaultStorage() override;

  // plan sets what goes wrong and starts counting from zero.
  void plan(FaultPlan plan);
  // count is the number of counted operations since the last plan.
  std::uint64_t count() const;
  // record keeps every changing operation from now on; take_record gives and forgets them.
  void record(bool on);
  std::vector<RecordedOp> take_record();
  // pretend_boot replaces the boot id, as if the machine had been started again.
  void pretend_boot(std::string id);
  // pretend_free replaces what free_bytes says.
  void pretend_free(std::optional<std::uint64_t> bytes);

  Result<UniqueFd> open_dir(FdRef dir, const std::string& name) override;
  Result<void> make_dir(FdRef dir, const std::string& name) override;
  Result<UniqueFd> open_file(FdRef dir, const std::string& name, FileUse use) override;
  Result<std::vector<std::string>> list(FdRef dir, std::size_t limit) override;
  Result<std::size_t> read_at(FdRef file, std::uint64_t offset, std::span<std::byte> out) override;
  Result<std::uint64_t> size_of(FdRef file) override;
  Result<void> write_at(FdRef file, std::uint64_t offset, Bytes bytes) override;
  Result<void> preallocate(FdRef file, std::uint64_t offset, std::uint64_t length) override;
  Result<void> truncate(FdRef file, std::uint64_t length) override;
  Result<void> sync_data(FdRef file) override;
  Result<void> sync_dir(FdRef dir) override;
  Result<void> rename(FdRef dir, const std::string& from, const std::string& to) override;
  Result<void> link(FdRef dir, const std::string& from, const std::string& to) override;
  Result<void> unlink(FdRef dir, const std::string& name) override;
  Result<void> remove_dir(FdRef dir, const std::string& name) override;
  Result<void> lock(FdRef file, int wait_millis) override;
  Result<void> unlock(FdRef file) override;
  Result<std::uint64_t> free_bytes(FdRef dir) override;
  Result<std::string> boot_id() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// durable_since says for each operation which later sync_data of its file or sync_dir of its
// directory made it durable (the number of that operation); record.size() when none did.
std::vector<std::size_t> durable_since(const std::vector<RecordedOp>& record);
// durable_at says for each of the first `count` operations whether a crash right after them must
// have left it.
std::vector<bool> durable_at(const std::vector<RecordedOp>& record, std::size_t count);

// split_writes is the same record with every write (and preallocation) cut at multiples of `unit`
// bytes, so that a crash may tear it there.
std::vector<RecordedOp> split_writes(const std::vector<RecordedOp>& record, std::uint64_t unit);

// rebuild turns `dir`, which holds what was there when recording began, into what a crash leaves
// if exactly the operations marked true in `kept` (one mark each, the rest of the record did not
// happen) reached the disk. A name can only lead to a file whose creation is in the record or
// that was there before.
Result<void> rebuild(const std::vector<RecordedOp>& record, const std::vector<bool>& kept,
                     const std::string& dir);

}  // namespace writ
