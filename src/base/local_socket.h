// Unix sockets of this machine, close-on-exec and non-blocking from birth.
// Thread safety: functions may be called from any thread.
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace writ {

// local_socket makes an AF_UNIX socket of `type` (SOCK_*).
Result<UniqueFd> local_socket(int type);

}  // namespace writ
