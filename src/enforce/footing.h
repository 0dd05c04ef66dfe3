// Footing: does a running run still stand where it was put? (DESIGN §5 step 8, continuity.)
//
// Looks from outside, through the /proc entries of init and of the run, at what the kernel says
// now; nothing here asks the loop, the gate or the run. note() takes what was built as it is seen
// shortly after; look() compares and looks at every thread of the run's pid namespace:
//   init       lives and is in the namespaces it was put in
//   mounts     are those that were made, with the restrictions that they had
//   threads    each is in init's namespaces, under a seccomp filter, with no_new_privs and without
//              a capability
// and says which program files run, so that the caller can hold them against what it let through.
//
//   Footing footing = TRY(Footing::note(init));
//   Footing::Seen seen = TRY(footing.look(give_up));  // Conflict: what has changed, in a sentence
//
// Hostile: the run, whose processes come and go meanwhile; what is gone or has only its exit left
// executes nothing and is passed over. Work is bounded by the run's tasks; nothing here waits for
// a process (no command line, map or memory is read).
// Thread safety: any thread, one at a time. Not promised: that nothing changed and changed back
// between two looks; that a mount which its host file system altered inside is noticed; that the
// filter is the one which was made and not another.
#pragma once

#include <sys/types.h>

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "enforce/plan.h"

namespace writ::enforce {

// Asked between the steps of something long: true ends it early.
using GiveUp = std::function<bool()>;

class Footing {
 public:
  // A program file that runs in the run, once for all threads that run it.
  struct Running {
    FileIdentity file;
    bool held = false;  // every such thread is in a stop of the tracer, as at its exec
  };
  struct Seen {
    std::vector<Running> running;  // without init's own
    std::uint64_t threads = 0;     // without init's own
  };

  // note looks at a run whose init is alive. NotFound when it is not.
  static Result<Footing> note(pid_t init);

  // look: NotFound when init is gone; Conflict names what is not as it was; Unavailable when it
  // gave up; other errors when /proc cannot be read.
  Result<Seen> look(const GiveUp& give_up) const;

 private:
  static constexpr std::size_t kNamespaces = 7;
  using Namespaces = std::array<FileIdentity, kNamespaces>;

  explicit Footing(pid_t init) : init_(init) {}
  static Result<Namespaces> namespaces_of(FdRef task);
  static Result<std::string> mounts_of(FdRef process);
  // look_at_thread: an error by which the thread is gone is for the caller to pass over.
  Result<void> look_at_thread(FdRef thread, std::string_view process, Seen& seen) const;

  pid_t init_;
  FileIdentity own_image_;  // init's
  Namespaces namespaces_;
  std::string mounts_;  // what must not change of each mount, a line each
};

}  // namespace writ::enforce
