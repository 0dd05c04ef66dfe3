// Durable files: the one seam through which Writ's stores touch a disk.
//
// `Storage` is every file operation that matters for what is left after a crash or a full disk.
// `system_storage()` is the real one. base/durable_faults.h has one that fails, kills or records at
// the k-th operation, for tests. Names are relative to an open directory and hold no `..`; symbolic
// links are not followed.
//
//   UniqueFd dir = TRY(storage.open_dir(FdRef::cwd(), path));
//   TRY(write_file_durably(storage, dir.borrow(), "checkpoint", bytes));
//
// What is durable when: bytes after sync_data of their file; a name after sync_dir of its
// directory. A failed sync_data says nothing about which bytes are on disk, and asking again
// would lie (the kernel drops the error): whoever gets one stops.
//
// Errors carry the errno: ENOSPC and EDQUOT have Code::Exhausted (full_disk says so), a missing
// name Code::NotFound, an existing one Code::Conflict, all else as errno_error has it.
// Thread safety: the system storage may be used from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"

namespace writ {

enum class FileUse {
  Read,
  ReadWrite,        // must exist
  ReadWriteCreate,  // made when missing, mode 0600
  CreateNew,        // Conflict when it exists
};

class Storage {
 public:
  virtual ~Storage() = default;

  // open_dir opens a directory; make_dir makes one (0700) when it is missing.
  virtual Result<UniqueFd> open_dir(FdRef dir, const std::string& name) = 0;
  virtual Result<void> make_dir(FdRef dir, const std::string& name) = 0;
  // open_file opens a regular file; InvalidArgument for anything else.
  virtual Result<UniqueFd> open_file(FdRef dir, const std::string& name, FileUse use) = 0;
  // list gives the names in a directory, sorted, without `.` and `..`; Exhausted over `limit`.
  virtual Result<std::vector<std::string>> list(FdRef dir, std::size_t limit) = 0;

  // read_at reads up to out.size() bytes at `offset`; fewer only at the end of the file.
  virtual Result<std::size_t> read_at(FdRef file, std::uint64_t offset,
                                      std::span<std::byte> out) = 0;
  // size_of is the file's length in bytes.
  virtual Result<std::uint64_t> size_of(FdRef file) = 0;
  // write_at writes all of `bytes` at `offset`. After a failure any part may have been written.
  virtual Result<void> write_at(FdRef file, std::uint64_t offset, Bytes bytes) = 0;
  // preallocate makes sure that the range has disk blocks which hold zeros, extending the file,
  // so that a later write there needs no room and a later sync_data no metadata.
  // The range starts at or after the end of the file.
  virtual Result<void> preallocate(FdRef file, std::uint64_t offset, std::uint64_t length) = 0;
  virtual Result<void> truncate(FdRef file, std::uint64_t length) = 0;
  // begin_sync starts bringing a file's bytes to the disk, without waiting and without a promise:
  // when several files are to be synced, each sync_data after it finds less to do.
  virtual void begin_sync(FdRef file) { (void)file; }
  // sync_data is fdatasync(2), sync_dir is fsync(2) of a directory.
  virtual Result<void> sync_data(FdRef file) = 0;
  virtual Result<void> sync_dir(FdRef dir) = 0;

  // rename replaces `to` when it exists; link does not (Conflict); unlink and remove_dir
  // succeed when there is nothing.
  virtual Result<void> rename(FdRef dir, const std::string& from, const std::string& to) = 0;
  virtual Result<void> link(FdRef dir, const std::string& from, const std::string& to) = 0;
  virtual Result<void> unlink(FdRef dir, const std::string& name) = 0;
  virtual Result<void> remove_dir(FdRef dir, const std::string& name) = 0;

  // lock takes the exclusive advisory lock of an open file (flock(2)), trying for at most
  // `wait_millis`; Unavailable when another holds it for longer. It belongs to the open file:
  // threads and forked children share it. unlock, closing the file and death release it.
  virtual Result<void> lock(FdRef file, int wait_millis) = 0;
  virtual Result<void> unlock(FdRef file) = 0;

  // free_bytes is what an ordinary user may still write on the directory's file system.
  virtual Result<std::uint64_t> free_bytes(FdRef dir) = 0;
  // boot_id names this boot of the machine; another boot has another.
  virtual Result<std::string> boot_id() = 0;
};

// system_storage is the operating system's.
Storage& system_storage();

// full_disk says whether an error was ENOSPC or EDQUOT.
bool full_disk(const Error& error);

// open_made_dir opens a directory, making it and those above it that are missing; the names of
// those that it made are durable.
Result<UniqueFd> open_made_dir(Storage& storage, const std::string& path);

// read_file reads a whole file; Exhausted, without reading, over `limit` bytes.
Result<ByteVec> read_file(Storage& storage, FdRef dir, const std::string& name, std::size_t limit);

// write_file_durably replaces `name`: temporary file beside it, sync_data, rename, sync_dir.
// After a crash the old contents or the new are there, never a mixture, perhaps a leftover
// `.NAME.tmp`. One writer at a time for one name (hold a lock).
Result<void> write_file_durably(Storage& storage, FdRef dir, const std::string& name, Bytes bytes);

// write_file_atomically is the same without the syncs: whole for every reader, but after a power
// cut it may be missing, empty or older. For what can be made again.
Result<void> write_file_atomically(Storage& storage, FdRef dir, const std::string& name,
                                   Bytes bytes);

// create_file_durably makes `name` with these contents unless it exists (Conflict), never
// replacing: temporary file with a name of its own, sync_data, link, unlink, sync_dir. Several
// processes may try at once; one wins.
Result<void> create_file_durably(Storage& storage, FdRef dir, const std::string& name, Bytes bytes);

}  // namespace writ
