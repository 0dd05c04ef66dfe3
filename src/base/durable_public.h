// Files that anybody may read: base/durable.h with other modes, for what is made for strangers.
// Thread safety: as system_storage().
#pragma once

#include "base/durable.h"

namespace writ {

// public_storage is system_storage() except that what it makes has the mode 0644 (files) and 0755
// (directories), less the umask.
Storage& public_storage();

}  // namespace writ
