// Digests of executables, taken where the kernel excludes writers, and remembered (facts: F11).
//
// A digest says what runs only if nobody can write the file while it is read and executed. The
// kernel sees to that for the main program from its exec stop on, on local file systems; a call
// here for a file that is not being executed is a mistake. Remembered under device, inode, birth
// time, size, mtime and ctime, and only when ctime is at least 100 ms old: within one tick of a
// coarse clock a file can change without its times changing.
//
// Hostile: files, their sizes and times. A digest of a huge file can be cancelled.
// Thread safety: any thread, several at once.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/result.h"
#include "enforce/plan.h"

namespace writ::enforce {

// check_writers_excluded is Unsupported where a program's file could be written while it runs
// (FUSE, NFS, 9p and everything not known to be local). O_PATH descriptors will do.
Result<void> check_writers_excluded(FdRef file);
// writers_excluded says the same of a file system's type (linux/magic.h).
bool writers_excluded(std::uint32_t system);

class DigestCache {
 public:
  // remember false: every digest is computed (a kernel that does not exclude writers).
  DigestCache(const Clock& clock, bool remember) : clock_(clock), remember_(remember) {}

  // of_running is SHA-256 of the open file of a program at its exec stop. Unsupported on file
  // systems where writers are not excluded (FUSE, NFS, 9p, …).
  Result<Digest32> of_running(FdRef file);
  // Known is what its bytes say of a program.
  struct Known {
    Digest32 digest;
    bool executable_stack = false;  // it asks for one: executable_stack.h
  };
  // look says which file it is, and what is remembered of it: no byte of it is read, and O_PATH
  // descriptors will do. Errors as of_running.
  struct Look {
    FileIdentity identity;
    std::optional<Known> known;
  };
  Result<Look> look(FdRef file);
  // look_closely does the same and computes what is not remembered.
  Result<Look> look_closely(FdRef file);
  // of_script is SHA-256 of any regular file of at most kLongestScript bytes, never remembered:
  // nothing excludes its writers.
  Result<Digest32> of_script(FdRef file);
  static constexpr std::uint64_t kLongestScript = std::uint64_t{64} << 20;

  // cancel makes every digest fail from now on, also those being computed.
  void cancel() { cancelled_ = true; }

  struct Totals {
    std::uint64_t computed = 0;
    std::uint64_t remembered = 0;
  };
  Totals totals() const { return {computed_, found_}; }

 private:
  struct Time {
    std::int64_t seconds = 0;
    std::uint32_t nanos = 0;
    friend auto operator<=>(const Time&, const Time&) = default;
  };
  struct Key {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    Time birth, modified, changed;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Seen {
    Key key;
    FileIdentity identity;
    bool known = false;  // its key says which bytes it has
  };
  Result<Seen> see(FdRef file) const;
  std::optional<Known> find(const Seen& seen);
  Result<Digest32> compute(FdRef file, std::uint64_t limit);

  const Clock& clock_;
  const bool remember_;
  std::atomic<bool> cancelled_{false};
  std::atomic<std::uint64_t> computed_{0};
  std::atomic<std::uint64_t> found_{0};
  std::mutex mutex_;  // digests_
  std::map<Key, Known> digests_;
};

}  // namespace writ::enforce
