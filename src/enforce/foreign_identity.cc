// Raw system calls: the C library's wrappers would change every thread.
#include "enforce/foreign_identity.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace writ::enforce {

Result<std::vector<gid_t>> ForeignIdentity::groups() {
  const int count = getgroups(0, nullptr);
  if (count < 0) return errno_error(errno, "reading supplementary groups");
  std::vector<gid_t> out(static_cast<std::size_t>(count));
  if (getgroups(count, out.data()) < 0) return errno_error(errno, "reading supplementary groups");
  return out;
}

ForeignIdentity::ForeignIdentity(const Identity& identity, std::vector<gid_t> groups)
    : groups_(std::move(groups)), gid_(getegid()), dumpable_(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)) {
  taken_ = syscall(SYS_setgroups, 0, nullptr) == 0 &&
           syscall(SYS_setresgid, -1, identity.gid, -1) == 0 &&
           syscall(SYS_setresuid, -1, identity.uid, -1) == 0;
  error_ = errno;
}

ForeignIdentity::~ForeignIdentity() {
  const int saved = errno;  // of what was done as the run
  WRIT_ASSERT(syscall(SYS_setresuid, -1, 0, -1) == 0);
  WRIT_ASSERT(syscall(SYS_setresgid, -1, gid_, -1) == 0);
  WRIT_ASSERT(syscall(SYS_setgroups, groups_.size(), groups_.data()) == 0);
  if (dumpable_ == 1) (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  errno = saved;
}

}  // namespace writ::enforce
