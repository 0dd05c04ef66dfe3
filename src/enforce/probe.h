// What this kernel and this account really offer, found by really trying, once.
//
// probe() makes a throw-away child for each mechanism and reports what happened; nothing is
// inferred from version numbers. The governor compiles plans against the result, and
// `writ doctor` prints it. A promise that no mechanism here can carry makes the admission fail
// (DESIGN §8): never silently weaker.
//
// Thread safety: probe() may be called from any thread; Capabilities is a value.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace writ::enforce {

struct Mechanism {
  std::string name;  // "user namespaces", "landlock", …
  bool present = false;
  std::string detail;  // present: version or form; absent: what was refused, and the remedy
};

struct Capabilities {
  bool user_namespaces = false;   // with mount, pid, net … inside
  bool own_proc = false;          // a fresh read-only /proc can be mounted
  int landlock_abi = 0;           // 0: none
  bool notification = false;      // seccomp user notification with the wait-killable flag
  bool trace = false;             // a child of a child namespace can be seized
  bool mdwe = false;              // PR_SET_MDWE
  bool writers_excluded = false;  // the kernel refuses writers of a running executable
  bool pidfd = false;
  bool late_socket = false;      // sockets of a run can be taken, told apart and replaced
  bool idmapped_mounts = false;  // root only
  bool cgroup_kill = false;
  bool memory_controller = false;     // a delegated memory controller
  bool root = false;                  // the governor runs as uid 0
  std::vector<Mechanism> mechanisms;  // everything tried, for people, in a fixed order

  // sandbox_ready says whether tier `sandbox` can be carried here; missing() names what is not.
  bool sandbox_ready() const;
  std::vector<std::string> missing() const;
};

Capabilities probe();

// For a run's own init (boundary.h), which is the trial of everything else:
// found_here is what can be found without a child; all that takes one is false.
Capabilities found_here();
// can_trace seizes the waiting init, as the gate seizes whoever starts a program, and lets it go.
bool can_trace(pid_t init);
// excludes_writers asks to write the program that is being executed.
bool excludes_writers(FdRef running);

}  // namespace writ::enforce
