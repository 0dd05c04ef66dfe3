// Inspect: what a caller asks for, and what the kernel has loaded, as facts for a verdict.
//
// sight() reads the caller's memory while it waits in its notification: unproven, as it can be
// changed by others; ask the listener whether the notification is still valid before using it.
// image() reads a new image at its exec stop: the kernel's own copy (facts: exec gate, 6). Both
// look at files with O_PATH first and open regular files only, so that nothing waits.
//
// Both come in two paces. At once, they look only at what can be had without waiting: memory of a
// usual size, names the kernel has at hand, digests that are remembered; and only in runs all of
// whose mounts are local. Every Error of that pace means: look at length.
//
// Hostile: everything read. Bounds: path 4096 bytes, one string 128 KiB, argv and environment
// together 6 MiB, ancestry 64, scripts within scripts 5.
// Thread safety: any thread, several at once.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "enforce/digest_cache.h"
#include "enforce/notify.h"
#include "enforce/tracer.h"
#include "enforce/verdicts.h"

namespace writ::enforce {

// What was seen of a waiting caller. error: the errno that the kernel would give for its arguments
// (EFAULT, E2BIG, ENAMETOOLONG …), to be answered without a verdict.
struct Sight {
  pid_t group = 0;
  int error = 0;
  ExecAttempt attempt;
};

enum class Pace : std::uint8_t { AtOnce, AtLength };

// process_of names a live process with its start time, and its parent.
struct ProcessInfo {
  Pid process;
  pid_t parent = 0;
};
Result<ProcessInfo> process_of(pid_t process);
// group_of is the process that a thread belongs to.
Result<pid_t> group_of(pid_t thread);

class Inspector {
 public:
  // `init` bounds ancestries: the run's first process, which no process of the run descends past.
  // No process of a run can change its root (no capability, and chroot is no call of the filter).
  Inspector(const Clock& clock, pid_t init, bool writers_excluded)
      : init_(init), digests_(clock, writers_excluded) {}

  // sight: an Error means that the caller is gone or cannot be read.
  Result<Sight> sight(const Notification& notification, Pace pace);
  // image: an Error means that it could not be read or explained; Code::Conflict: what is loaded is
  // not what its own arguments say (a race). `caller` is carried over from the sight.
  Result<ExecImage> image(pid_t process, StackPointer stack, const Caller& caller, Pace pace);

  // caller names the process of a waiting thread, with what it descends from.
  Result<Caller> caller(pid_t thread);

  // cancel ends long work (hashing) soon: the run is over.
  void cancel() { digests_.cancel(); }
  DigestCache& digests() { return digests_; }

 private:
  Result<std::vector<Script>> scripts(pid_t process, const ExecImage& image,
                                      const std::string& executed);

  Result<Caller> caller_of(pid_t group, pid_t thread);
  Result<ProcessInfo> ancestor(pid_t process);
  FdRef root();
  bool waits_for_nobody();

  const pid_t init_;
  DigestCache digests_;

  // An ancestor as it was read, and what says that it still lives: then its number and start time
  // are its own, and reading them again would say the same.
  struct Ancestor {
    UniqueFd pidfd;
    ProcessInfo info;
  };
  std::mutex mutex_;  // ancestors_, root_, local_
  std::unordered_map<pid_t, Ancestor> ancestors_;
  UniqueFd root_;              // of the run, once it was asked for
  std::optional<bool> local_;  // all its mounts; they do not change once it has started
};

}  // namespace writ::enforce
