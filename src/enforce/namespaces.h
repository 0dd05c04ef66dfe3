// Making a run's init: namespaces, identity and a fresh image, from one clone.
//
// Between clone and exec the child is a copy of a process with several threads, so it makes only
// system calls. As root the calling thread takes the run's foreign identity before the user
// namespace exists and puts its own back right after; no other thread changes, and should the own
// identity not come back the process dies.
// Thread safety: any thread, which must live as long as the child (parent-death signal).
#pragma once

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "enforce/plan.h"

namespace writ::enforce {

struct Child {
  pid_t pid = 0;
  UniqueFd pidfd;
};

// spawn_init starts init with the streams on 0-2 and `lifeline` on 3. Unsupported where the
// kernel or the account refuses namespaces (errno in the Error). What fails later is told over
// the lifeline.
Result<Child> spawn_init(const Identity& identity, FdRef in, FdRef out, FdRef error,
                         FdRef lifeline);

// translation is a user namespace that maps the on-disk owner to the run's identity, for idmapped
// mounts. Root only.
Result<UniqueFd> translation(const Identity& identity);

// end_child kills and reaps.
void end_child(const Child& child);

// init_image is the sealed memory file that holds the init program; made once per process.
Result<FdRef> init_image();

}  // namespace writ::enforce
