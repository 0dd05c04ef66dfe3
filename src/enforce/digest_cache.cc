#include "enforce/digest_cache.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "crypto/sha.h"
#include "enforce/executable_stack.h"

namespace writ::enforce {
namespace {

// Local file systems, whose inodes only this kernel writes. Numbers as in linux/magic.h where it
// has them.
constexpr std::array<std::uint32_t, 12> kExcludesWriters = {
    EXT4_SUPER_MAGIC,  XFS_SUPER_MAGIC,         BTRFS_SUPER_MAGIC,     TMPFS_MAGIC,
    RAMFS_MAGIC,       F2FS_SUPER_MAGIC,        SQUASHFS_MAGIC,        OVERLAYFS_SUPER_MAGIC,
    ISOFS_SUPER_MAGIC, 0xE0F5E1E2U /* erofs */, 0x2FC12FC1U /* zfs */, 0xCA451A4EU /* bcachefs */};

constexpr std::size_t kMostRemembered = 8192;
constexpr std::size_t kChunk = std::size_t{128} * 1024;
constexpr std::int64_t kSettledMillis = 100;

Result<std::uint32_t> local_type(FdRef file) {
  struct statfs system {};
  if (::fstatfs(file.number(), &system) != 0) return errno_error(errno, "looking at a file system");
  const auto type = static_cast<std::uint32_t>(system.f_type);
  if (!writers_excluded(type)) {
    return Error(Code::Unsupported,
                 "programs on this kind of file system cannot be verified: others may write them "
                 "while they run");
  }
  return type;
}

}  // namespace

bool writers_excluded(std::uint32_t system) {
  return std::find(kExcludesWriters.begin(), kExcludesWriters.end(), system) !=
         kExcludesWriters.end();
}

Result<void> check_writers_excluded(FdRef file) {
  TRY(local_type(file));
  return {};
}

Result<Digest32> DigestCache::compute(FdRef file, std::uint64_t limit) {
  ByteVec chunk(kChunk);
  crypto::Sha256 hash;
  std::uint64_t at = 0;
  for (;;) {
    if (cancelled_) return Error(Code::Unavailable, "hashing was cancelled: the run is ending");
    const ssize_t size = ::pread(file.number(), chunk.data(), chunk.size(), static_cast<off_t>(at));
    if (size < 0) {
      if (errno == EINTR) continue;
      return errno_error(errno, "hashing a file");
    }
    if (size == 0) break;
    at += static_cast<std::uint64_t>(size);
    if (at > limit) return Error(Code::Exhausted, "the file is too large to be hashed");
    hash.update(Bytes(chunk).first(static_cast<std::size_t>(size)));
  }
  ++computed_;
  return hash.finish();
}

Result<Digest32> DigestCache::of_script(FdRef file) {
  return compute(file, kLongestScript);
}

Result<DigestCache::Seen> DigestCache::see(FdRef file) const {
  const std::uint32_t type = TRY(local_type(file));
  constexpr unsigned kWanted =
      STATX_INO | STATX_SIZE | STATX_MTIME | STATX_CTIME | STATX_BTIME | STATX_TYPE;
  struct statx info {};
  if (::statx(file.number(), "", AT_EMPTY_PATH, kWanted, &info) != 0) {
    return errno_error(errno, "looking at a program");
  }
  if (!S_ISREG(info.stx_mode)) return Error(Code::Denied, "the program is no regular file");
  const auto time = [](const struct statx_timestamp& t) { return Time{t.tv_sec, t.tv_nsec}; };
  Seen seen;
  seen.key = {(std::uint64_t{info.stx_dev_major} << 32) | info.stx_dev_minor,
              info.stx_ino,
              info.stx_size,
              time(info.stx_btime),
              time(info.stx_mtime),
              time(info.stx_ctime)};
  seen.identity = {::makedev(info.stx_dev_major, info.stx_dev_minor), info.stx_ino};
  // An overlay's inode and times need not be those of the file that holds the bytes.
  seen.known = remember_ && (info.stx_mask & kWanted) == kWanted && type != OVERLAYFS_SUPER_MAGIC;
  return seen;
}

std::optional<DigestCache::Known> DigestCache::find(const Seen& seen) {
  if (!seen.known) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = digests_.find(seen.key);
  if (found == digests_.end()) return std::nullopt;
  ++found_;
  return found->second;
}

Result<DigestCache::Look> DigestCache::look(FdRef file) {
  const Seen seen = TRY(see(file));
  return Look{seen.identity, find(seen)};
}

Result<DigestCache::Look> DigestCache::look_closely(FdRef file) {
  const Seen seen = TRY(see(file));
  if (const std::optional<Known> found = find(seen)) return Look{seen.identity, found};
  // Read before hashing: the digest must not be of bytes younger than this.
  const std::int64_t now = clock_.now().get();
  const Known known{TRY(compute(file, std::numeric_limits<std::uint64_t>::max())),
                    asks_for_executable_stack(file)};
  const Time& time = seen.key.changed;
  const std::int64_t changed = time.seconds * 1000 + time.nanos / 1'000'000;
  if (seen.known && now - changed >= kSettledMillis) {
    const std::lock_guard lock(mutex_);
    if (digests_.size() >= kMostRemembered) digests_.clear();
    digests_.emplace(seen.key, known);
  }
  return Look{seen.identity, known};
}

Result<Digest32> DigestCache::of_running(FdRef file) {
  return TRY(look_closely(file)).known->digest;
}

}  // namespace writ::enforce
