// Running images: which program files a run was let start, and whether those files are still what
// they were (DESIGN §5 step 8, continuity).
//
// The gate notes each program before its first instruction. At each interval the files that really
// run (enforce/footing.h) are held against that: one that nobody let through is a finding, and so
// is a program or script that stands on disk with other bytes than those that were judged. What the
// run produced itself may be built again while it runs; its digest stands in its own entry.
//
//   images.started(image, rule);                               // gate
//   if (auto why = images.stranger(seen.running)) …            // continuity
//   if (auto why = images.changed(seen.running, give_up)) …
//
// A file is read once and then only when its times or its identity changed. A script is looked at
// as long as the process lives that was started with it.
// Hostile: paths and files of the host, and how many. Of many programs those that no longer run are
// forgotten; a run that starts kMaxImages between two looks is no longer told from strangers.
// Thread safety: started from any thread; the others from one.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "enforce/footing.h"
#include "enforce/verdicts.h"
#include "permit/grant.h"

namespace writ::governor {

class RunningImages {
 public:
  static constexpr std::size_t kMany = 1'000;
  static constexpr std::size_t kMaxImages = 100'000;
  using Running = std::vector<enforce::Footing::Running>;

  // started notes a program that is about to be released, and the rule that allows it.
  void started(const enforce::ExecImage& image, const permit::ExecRule& rule);

  // stranger says that a program runs which was never let through, or nothing. A process held at
  // its exec stop is not yet one; neither is, for a moment, one that the kernel is loading: look
  // again before acting on it.
  std::optional<std::string> stranger(const Running& running) const;

  // changed says which of the running programs, or which script, is not on disk as it was judged,
  // or nothing. What give_up left out is looked at the next time.
  std::optional<std::string> changed(const Running& running, const enforce::GiveUp& give_up);

 private:
  // Device, inode, size, mtime, ctime.
  using Look = std::array<std::int64_t, 7>;
  struct File {
    std::string path;
    Digest32 digest;
    std::optional<Look> looked;  // as it was when its bytes were last held against the digest
  };
  struct Program {
    File file;
    bool produced = false;
    bool fresh = true;  // noted since the last look
  };
  static std::optional<std::string> problem_of(File& file, const enforce::GiveUp& give_up);

  mutable std::mutex mutex_;
  std::map<enforce::FileIdentity, Program> programs_;
  std::map<Pid, std::vector<File>> scripts_;
  bool overflow_ = false;  // not every program was noted
};

}  // namespace writ::governor
