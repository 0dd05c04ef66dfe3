// Paths as a process of the run sees them: its root, its directory, its descriptors, its /proc.
//
// The governor resolves a caller's path from outside, without ever acting as the caller: it walks
// from /proc/THREAD/root and /proc/THREAD/cwd, one component at a time, with O_PATH (nothing is
// opened for reading, so a FIFO or a device costs nothing), keeps ".." under the caller's root,
// gives /proc/self and /proc/thread-self the caller's meaning and follows the links of /proc/N/fd.
//
// Hostile: the path, and every directory and link on it, which may change at any moment: a result
// is true of one moment. Bounds: 4096 bytes, 40 links, as the kernel.
// Thread safety: any thread.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <variant>

#include "base/fd.h"
#include "base/result.h"
#include "enforce/plan.h"

namespace writ::enforce {

struct ResolvedFile {
  UniqueFd fd;       // O_PATH
  std::string path;  // absolute in the run
  struct stat info {};
  std::uint32_t system = 0;  // the file system's type, as in linux/magic.h
  FileIdentity identity() const { return {info.st_dev, info.st_ino}; }
};

// Where a path starts when it is not absolute.
struct CurrentDirectory {};
struct Descriptor {
  int number = -1;
};
using PathStart = std::variant<CurrentDirectory, Descriptor>;

// resolve_for follows `path` as `thread` would; follow_last false leaves a final link alone. `root`
// is the thread's root directory where that is known and cannot change, -1: looked up. The Error's
// errno is what the thread would get (ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EBADF …).
Result<ResolvedFile> resolve_for(pid_t thread, PathStart start, const std::string& path,
                                 bool follow_last = true, FdRef root = FdRef(-1));
// resolve_cached follows an absolute path below `root` by what the kernel has in memory: no disk is
// waited for. An Error says nothing about the path; ask resolve_for.
Result<ResolvedFile> resolve_cached(FdRef root, const std::string& path);
// descriptor_of is the file behind a descriptor of `thread` (EBADF).
Result<ResolvedFile> descriptor_of(pid_t thread, int number);
// directory_of is the thread's working directory, absolute in the run.
Result<std::string> directory_of(pid_t thread);
// path_of is the path of an open file of this process, as /proc has it.
Result<std::string> path_of(FdRef file);
// all_local: no mount that `process` sees is served over a network or by another process, so that
// reading memory and looking at files waits for this machine's own disks at most.
bool all_local(pid_t process);
// read_link reads a link's text (ENAMETOOLONG over 4096 bytes).
Result<std::string> read_link(FdRef directory, const std::string& name);
// open_readable opens a resolved regular file for reading without ever waiting; EACCES for
// anything that is no regular file.
Result<UniqueFd> open_readable(const ResolvedFile& file);

}  // namespace writ::enforce
