#include "base/durable.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <memory>

#include "base/clock.h"
#include "base/durable_public.h"

namespace writ {
namespace {

std::string quoted(const std::string& name) {
  return "`" + printable(name) + "`";
}

// Below an open directory nothing leads out of it; the first path may be any.
std::uint64_t resolve_for(FdRef dir) {
  return dir.number() == AT_FDCWD ? 0 : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
}

class SystemStorage final : public Storage {
 public:
  SystemStorage(mode_t file_mode, mode_t dir_mode) : file_mode_(file_mode), dir_mode_(dir_mode) {}

  Result<UniqueFd> open_dir(FdRef dir, const std::string& name) override {
    return open_at(dir, name, O_RDONLY | O_DIRECTORY, resolve_for(dir));
  }

  Result<void> make_dir(FdRef dir, const std::string& name) override {
    if (::mkdirat(dir.number(), name.c_str(), dir_mode_) != 0 && errno != EEXIST) {
      return errno_error(errno, "make directory " + quoted(name));
    }
    return {};
  }

  Result<UniqueFd> open_file(FdRef dir, const std::string& name, FileUse use) override {
    int flags = O_NONBLOCK | O_NOCTTY;  // a FIFO in the file's place must not hold us up
    switch (use) {
      case FileUse::Read: flags |= O_RDONLY; break;
      case FileUse::ReadWrite: flags |= O_RDWR; break;
      case FileUse::ReadWriteCreate: flags |= O_RDWR | O_CREAT; break;
      case FileUse::CreateNew: flags |= O_RDWR | O_CREAT | O_EXCL; break;
    }
    UniqueFd file =
        TRY(open_at(dir, name, flags, resolve_for(dir), (flags & O_CREAT) != 0 ? file_mode_ : 0U));
    const struct stat info = TRY(stat_fd(file.borrow()));
    if (!S_ISREG(info.st_mode)) {
      return Error(Code::InvalidArgument, quoted(name) + " is not a regular file");
    }
    return file;
  }

  Result<std::vector<std::string>> list(FdRef dir, std::size_t limit) override {
    UniqueFd copy = TRY(open_at(dir, ".", O_RDONLY | O_DIRECTORY));
    struct Close {
      void operator()(DIR* handle) const { (void)::closedir(handle); }
    };
    const std::unique_ptr<DIR, Close> handle(::fdopendir(copy.number()));
    if (!handle) return errno_error(errno, "list directory");
    (void)copy.release();  // the handle closes it
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(handle.get());
      if (entry == nullptr) {
        if (errno != 0) return errno_error(errno, "list directory");
        break;
      }
      std::string name = static_cast<const char*>(entry->d_name);
      if (name == "." || name == "..") continue;
      if (names.size() == limit) {
        return Error(Code::Exhausted,
                     "the directory has more than " + std::to_string(limit) + " names");
      }
      names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<std::size_t> read_at(FdRef file, std::uint64_t offset, std::span<std::byte> out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got = ::pread(file.number(), out.data() + done, out.size() - done,
                                  static_cast<off_t>(offset + done));
      if (got == 0) break;
      if (got < 0) {
        if (errno == EINTR) continue;
        return errno_error(errno, "read");
      }
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<std::uint64_t> size_of(FdRef file) override {
    const struct stat info = TRY(stat_fd(file));
    return static_cast<std::uint64_t>(info.st_size);
  }

  Result<void> write_at(FdRef file, std::uint64_t offset, Bytes bytes) override {
    while (!bytes.empty()) {
      const ssize_t done =
          ::pwrite(file.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (done < 0) {
        if (errno == EINTR) continue;
        return errno_error(errno, "write");
      }
      bytes = bytes.subspan(static_cast<std::size_t>(done));
      offset += static_cast<std::uint64_t>(done);
    }
    return {};
  }

  Result<void> preallocate(FdRef file, std::uint64_t offset, std::uint64_t length) override {
    // fallocate says early that there is no room; the zeros turn its unwritten extents, whose
    // first use would cost a journal commit, into ordinary blocks.
    if (::fallocate(file.number(), 0, static_cast<off_t>(offset), static_cast<off_t>(length)) !=
            0 &&
        errno != EOPNOTSUPP) {
      return errno_error(errno, "make room for a file");
    }
    static constexpr std::array<std::byte, 65'536> kZeros{};
    while (length > 0) {
      const std::size_t step =
          static_cast<std::size_t>(std::min<std::uint64_t>(length, kZeros.size()));
      TRY(write_at(file, offset, Bytes(kZeros).first(step)));
      offset += step;
      length -= step;
    }
    return {};
  }

  Result<void> truncate(FdRef file, std::uint64_t length) override {
    if (::ftruncate(file.number(), static_cast<off_t>(length)) != 0) {
      return errno_error(errno, "truncate");
    }
    return {};
  }

  void begin_sync(FdRef file) override {
    (void)::sync_file_range(file.number(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }

  Result<void> sync_data(FdRef file) override {
    if (::fdatasync(file.number()) != 0) return errno_error(errno, "sync file");
    return {};
  }

  Result<void> sync_dir(FdRef dir) override {
    if (::fsync(dir.number()) != 0) return errno_error(errno, "sync directory");
    return {};
  }

  Result<void> rename(FdRef dir, const std::string& from, const std::string& to) override {
    if (::renameat(dir.number(), from.c_str(), dir.number(), to.c_str()) != 0) {
      return errno_error(errno, "rename " + quoted(from) + " to " + quoted(to));
    }
    return {};
  }

  Result<void> link(FdRef dir, const std::string& from, const std::string& to) override {
    if (::linkat(dir.number(), from.c_str(), dir.number(), to.c_str(), 0) != 0) {
      return errno_error(errno, "link " + quoted(from) + " to " + quoted(to));
    }
    return {};
  }

  Result<void> unlink(FdRef dir, const std::string& name) override {
    if (::unlinkat(dir.number(), name.c_str(), 0) != 0 && errno != ENOENT) {
      return errno_error(errno, "remove " + quoted(name));
    }
    return {};
  }

  Result<void> remove_dir(FdRef dir, const std::string& name) override {
    if (::unlinkat(dir.number(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      return errno_error(errno, "remove directory " + quoted(name));
    }
    return {};
  }

  Result<void> lock(FdRef file, int wait_millis) override {
    // Polling, because flock(2) has no time-out and a stopped holder must not stop everybody.
    const SystemClock clock;
    const std::int64_t deadline = clock.boot_nanos() + std::int64_t{wait_millis} * 1'000'000;
    std::int64_t pause = 20'000;
    for (;;) {
      if (::flock(file.number(), LOCK_EX | LOCK_NB) == 0) return {};
      if (errno != EWOULDBLOCK && errno != EINTR) return errno_error(errno, "lock");
      const std::int64_t left = deadline - clock.boot_nanos();
      if (left <= 0) {
        return Error(Code::Unavailable,
                     "another process has held the lock for " + std::to_string(wait_millis) + " ms",
                     EWOULDBLOCK);
      }
      const timespec wait{0, static_cast<long>(std::min(pause, left))};
      (void)::nanosleep(&wait, nullptr);
      pause = std::min<std::int64_t>(pause * 2, 1'000'000);
    }
  }

  Result<void> unlock(FdRef file) override {
    if (::flock(file.number(), LOCK_UN) != 0) return errno_error(errno, "unlock");
    return {};
  }

  Result<std::uint64_t> free_bytes(FdRef dir) override {
    struct statvfs info {};
    if (::fstatvfs(dir.number(), &info) != 0) return errno_error(errno, "ask for free space");
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  }

  Result<std::string> boot_id() override {
    const ByteVec text = TRY(writ::read_file("/proc/sys/kernel/random/boot_id", 64));
    std::string id(as_text(text));
    while (!id.empty() && id.back() == '\n') id.pop_back();
    return id;
  }

 private:
  const mode_t file_mode_, dir_mode_;
};

std::string temporary_name(const std::string& name, const std::string& mark) {
  const std::size_t slash = name.rfind('/');
  const std::size_t base = slash == std::string::npos ? 0 : slash + 1;
  return name.substr(0, base) + "." + name.substr(base) + mark + ".tmp";
}

// The directory whose entry `name` is: `dir` itself, or opened into `opened`.
Result<FdRef> directory_of(Storage& storage, FdRef dir, const std::string& name, UniqueFd& opened) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string::npos) return dir;
  opened = TRY(storage.open_dir(dir, name.substr(0, slash)));
  return opened.borrow();
}

Result<void> write_whole(Storage& storage, FdRef dir, const std::string& name, Bytes bytes,
                         bool durably) {
  const std::string temporary = temporary_name(name, "");
  UniqueFd file = TRY(storage.open_file(dir, temporary, FileUse::ReadWriteCreate));
  TRY(storage.truncate(file.borrow(), 0));  // one may have been left by a crash
  TRY(storage.write_at(file.borrow(), 0, bytes));
  if (durably) TRY(storage.sync_data(file.borrow()));
  TRY(file.close());
  TRY(storage.rename(dir, temporary, name));
  if (durably) {
    UniqueFd opened;
    const FdRef parent = TRY(directory_of(storage, dir, name, opened));
    TRY(storage.sync_dir(parent));
  }
  return {};
}

}  // namespace

Storage& system_storage() {
  static SystemStorage storage(0600, 0700);
  return storage;
}
Storage& public_storage() {
  static SystemStorage storage(0644, 0755);
  return storage;
}

bool full_disk(const Error& error) {
  return error.sys_errno() == ENOSPC || error.sys_errno() == EDQUOT;
}

Result<UniqueFd> open_made_dir(Storage& storage, const std::string& path) {
  Result<UniqueFd> there = storage.open_dir(FdRef::cwd(), path);
  if (there || there.error().code() != Code::NotFound) return there;
  std::string above = path;
  while (above.size() > 1 && above.ends_with('/')) above.pop_back();
  const std::size_t slash = above.rfind('/');
  const std::string name = slash == std::string::npos ? above : above.substr(slash + 1);
  if (name.empty()) return there;
  above = slash == std::string::npos ? "." : above.substr(0, std::max<std::size_t>(slash, 1));
  const UniqueFd parent = TRY(open_made_dir(storage, above));
  TRY(storage.make_dir(parent.borrow(), name));
  TRY(storage.sync_dir(parent.borrow()));
  return storage.open_dir(parent.borrow(), name);
}

Result<ByteVec> read_file(Storage& storage, FdRef dir, const std::string& name, std::size_t limit) {
  UniqueFd file = TRY(storage.open_file(dir, name, FileUse::Read));
  const std::uint64_t size = TRY(storage.size_of(file.borrow()));
  if (size > limit) {
    return Error(Code::Exhausted, quoted(name) + " has " + std::to_string(size) +
                                      " bytes, more than the limit of " + std::to_string(limit));
  }
  ByteVec bytes(static_cast<std::size_t>(size));
  bytes.resize(TRY(storage.read_at(file.borrow(), 0, bytes)));
  return bytes;
}

Result<void> write_file_durably(Storage& storage, FdRef dir, const std::string& name, Bytes bytes) {
  Result<void> done = write_whole(storage, dir, name, bytes, true);
  if (!done) return std::move(done).error().context("writing " + quoted(name));
  return {};
}

Result<void> write_file_atomically(Storage& storage, FdRef dir, const std::string& name,
                                   Bytes bytes) {
  Result<void> done = write_whole(storage, dir, name, bytes, false);
  if (!done) return std::move(done).error().context("writing " + quoted(name));
  return {};
}

Result<void> create_file_durably(Storage& storage, FdRef dir, const std::string& name,
                                 Bytes bytes) {
  // A name of our own for each process and thread, so that two who try at once do not share it.
  const std::string temporary =
      temporary_name(name, "." + std::to_string(::getpid()) + "." + std::to_string(::gettid()));
  const auto attempt = [&]() -> Result<void> {
    UniqueFd file = TRY(storage.open_file(dir, temporary, FileUse::ReadWriteCreate));
    TRY(storage.truncate(file.borrow(), 0));
    TRY(storage.write_at(file.borrow(), 0, bytes));
    TRY(storage.sync_data(file.borrow()));
    TRY(file.close());
    return storage.link(dir, temporary, name);
  };
  Result<void> made = attempt();
  Result<void> cleared = storage.unlink(dir, temporary);
  if (!made) return std::move(made).error().context("creating " + quoted(name));
  TRY(std::move(cleared));
  UniqueFd opened;
  const FdRef parent = TRY(directory_of(storage, dir, name, opened));
  return storage.sync_dir(parent);
}

}  // namespace writ
