// The seccomp filter of a run: which system calls exist in it (DESIGN §8.1 "Seccomp").
//
// An allow-list; what is not on it answers ENOSYS, so that software falls back as on an older
// kernel. execve and execveat raise a user notification: the exec gate. So does connect: the net
// gate, since a Unix socket that lies in a granted tree leads out of the run. A call through
// another interface of the processor (i386, x32) kills the process. Arguments are compared where
// they are values; whatever lies behind a pointer the filter cannot see, so calls that hide flags
// there (clone3, openat2) are absent.
//
// Refused although common: datagram sockets of the UNIX family, pairs too (they send to any path
// that they are told in memory), set-user-id and set-group-id modes, new namespaces, sharing of the
// working directory with another process, file leases, and without `jit` whatever makes memory
// executable that was writable. With `net` (a plan that grants endpoints) bind and listen raise
// notifications too, and as descriptors may then be the host's sockets: no fast open (a connect in
// a send), socket options and requests by list only (no binding to devices, source routes,
// multicast, host interfaces).
//
// Not covered: flock() of a readable file (docs/security-model.md).
//
// Hostile: every system call of the run. Thread safety: pure function.
#pragma once

#include <vector>

#include "base/result.h"
#include "enforce/init/wire.h"

namespace writ::enforce {

struct FilterOptions {
  bool jit = false;   // writable memory may become executable
  bool mdwe = false;  // PR_SET_MDWE is set, so the filter need not judge mmap and mprotect
  bool net = false;   // the net gate serves bind and listen too
};

// make_filter is the program for seccomp(2), at most 4096 instructions.
Result<std::vector<wire::FilterOp>> make_filter(const FilterOptions& options);

}  // namespace writ::enforce
