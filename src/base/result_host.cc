// What of base/result.h needs a host: its errno and its standard error.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/result.h"

namespace writ {
namespace {

Code code_of_errno(int sys_errno) {
  switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH: return Code::NotFound;
    case EACCES:
    case EPERM:
    case EROFS: return Code::Denied;
    case EEXIST:
    case ETXTBSY:
    case EBUSY: return Code::Conflict;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG: return Code::Exhausted;
    case ENOSYS:
    case EOPNOTSUPP: return Code::Unsupported;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP: return Code::InvalidArgument;
    default: return Code::Unavailable;
  }
}

}  // namespace

Error errno_error(int sys_errno, std::string what) {
  char buffer[128];
  std::string message = std::move(what) + ": " + strerror_r(sys_errno, buffer, sizeof buffer);
  std::size_t reason_at = message.rfind(": ") + 2;
  if (message[reason_at] >= 'A' && message[reason_at] <= 'Z' && message.size() > reason_at + 1 &&
      message[reason_at + 1] >= 'a') {
    message[reason_at] = static_cast<char>(message[reason_at] - 'A' + 'a');
  }
  return Error(code_of_errno(sys_errno), std::move(message), sys_errno);
}

void die(const char* what, const char* file, int line) {
  std::fprintf(stderr, "writ: broken invariant: %s (%s:%d)\n", what, file, line);
  std::abort();
}

}  // namespace writ
