// Objects, named by their SHA-256 and durable before the entry that names them.
//
// Order: all new ones are written under names of their own and their syncs begun, so that one
// commit of the file system's journal carries them; then each is waited for, gets its name, and
// the directory is synced once. Thus whatever has an object's name and is whole was synced before.
#include <unistd.h>

#include "crypto/sha.h"
#include "ledger/store/files_internal.h"

namespace writ::ledger {
namespace {

struct Staged {
  Bytes bytes;
  std::string name;
  std::string temporary;  // empty: it stands there whole already
  UniqueFd file;
};

class Objects {
 public:
  Objects(Storage& storage, FdRef dir) : storage_(storage), dir_(dir) {}
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;
  ~Objects() {
    for (const Staged& one : staged_) {
      if (!one.temporary.empty()) (void)storage_.unlink(dir_, one.temporary);
    }
  }

  Result<void> stage(Bytes bytes) {
    Staged one{bytes, to_hex(crypto::sha256(bytes)), {}, {}};
    for (const Staged& other : staged_) {
      if (other.name == one.name) return {};
    }
    if (!stands(one)) {
      // Of this process and thread alone, so that two who try at once do not share it.
      const std::string temporary = "." + one.name + "." + std::to_string(::getpid()) + "." +
                                    std::to_string(::gettid()) + ".tmp";
      one.file = TRY(storage_.open_file(dir_, temporary, FileUse::ReadWriteCreate));
      one.temporary = temporary;
    }
    staged_.push_back(std::move(one));
    const Staged& last = staged_.back();
    if (last.temporary.empty()) return {};
    TRY(storage_.truncate(last.file.borrow(), 0));  // one may have been left by a crash
    TRY(storage_.write_at(last.file.borrow(), 0, bytes));
    storage_.begin_sync(last.file.borrow());
    return {};
  }

  Result<void> finish() {
    for (Staged& one : staged_) {
      if (one.temporary.empty()) continue;
      TRY(storage_.sync_data(one.file.borrow()));
      TRY(one.file.close());
    }
    for (Staged& one : staged_) {
      if (one.temporary.empty()) continue;
      const Result<void> named = storage_.link(dir_, one.temporary, one.name);
      if (named) continue;
      if (named.error().code() != Code::Conflict) return named;
      // Others have made it meanwhile, or it is not whole.
      if (!stands(one)) TRY(storage_.rename(dir_, one.temporary, one.name));
    }
    if (staged_.empty()) return {};
    return storage_.sync_dir(dir_);
  }

 private:
  bool stands(const Staged& one) {
    const Result<ByteVec> held = read_file(storage_, dir_, one.name, one.bytes.size());
    return held && equal(*held, one.bytes);
  }

  Storage& storage_;
  FdRef dir_;
  std::vector<Staged> staged_;
};

}  // namespace

Result<void> keep_objects(const Files& files, std::span<const Bytes> objects) {
  Storage& storage = *files.storage;
  TRY(storage.make_dir(files.root.borrow(), "objects"));
  const UniqueFd dir = TRY(storage.open_dir(files.root.borrow(), "objects"));
  Objects staged(storage, dir.borrow());
  for (const Bytes bytes : objects) TRY(staged.stage(bytes));
  return staged.finish();
}

}  // namespace writ::ledger
