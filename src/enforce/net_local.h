// Whose Unix socket lies at a path: the run's own, or somebody else's.
//
// The kernel finds a socket that is bound to a path by the file alone, whichever network namespace
// made it: one that lies in a granted tree leads out of the run. sock_diag(7), asked in the run's
// namespace, lists the sockets that were made there, with the files they are bound to: those are
// the run's own. Nobody can bind another socket to a file that has one, so the answer stays true
// for as long as the file is held.
//
// A file that the kernel cannot tell exactly counts as somebody else's: numbers beyond 32 bits, and
// file systems (btrfs, overlayfs) that show another device to stat(2) than to sock_diag(7).
//
// Hostile: the number of sockets of the run; a look costs as much as there are. Thread safety: one
// thread a diagnosis socket.
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "enforce/plan.h"

namespace writ::enforce {

// is_bound_here says whether a socket of the namespace of `diagnosis` is bound to `file`. Errors:
// the kernel has no sock_diag for Unix sockets, or did not answer.
Result<bool> is_bound_here(FdRef diagnosis, const FileIdentity& file);

// lexical_path is `path`, taken at `directory` if it is relative, without "." and ".." and doubled
// slashes; no link is followed.
std::string lexical_path(const std::string& directory, const std::string& path);

}  // namespace writ::enforce
