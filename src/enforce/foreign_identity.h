// The run's identity on one thread of a governor that is root.
//
// A ForeignIdentity gives the calling thread the run's effective ids, no supplementary groups and
// so no capability, and its destructor puts root's back; no other thread changes. Should the own
// identity not come back the process dies. The real and saved ids stay root's: no process of the
// run's uid may signal the thread.
//
//   const ForeignIdentity foreign(identity, TRY(ForeignIdentity::groups()));
//   if (!foreign.taken()) return errno_error(foreign.error(), "…");
//
// Root only. Thread safety: changes the calling thread; any thread.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/result.h"
#include "enforce/plan.h"

namespace writ::enforce {

class ForeignIdentity {
 public:
  // groups is what the destructor puts back: the thread's supplementary groups.
  static Result<std::vector<gid_t>> groups();

  ForeignIdentity(const Identity& identity, std::vector<gid_t> groups);
  ForeignIdentity(const ForeignIdentity&) = delete;
  ForeignIdentity& operator=(const ForeignIdentity&) = delete;
  ~ForeignIdentity();

  bool taken() const { return taken_; }
  int error() const { return error_; }

 private:
  std::vector<gid_t> groups_;
  gid_t gid_;
  int dumpable_ = 0;
  bool taken_ = false;
  int error_ = 0;
};

}  // namespace writ::enforce
