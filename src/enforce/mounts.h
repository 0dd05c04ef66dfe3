// Root's detached mounts: what a run under a foreign uid cannot open itself, opened for it.
//
// The governor, as root, opens each source without following symlinks, compares device and inode
// with the plan, takes a detached copy with the run's restrictions on it (and with owners
// translated where the run stands for the owner), and passes that over the lifeline.
// System trees keep their owners, so that a run never reads what only root may read there.
// Thread safety: any thread.
#pragma once

#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "enforce/layout.h"

namespace writ::enforce {

// detach makes a mount for each Bind step, in order.
Result<std::vector<UniqueFd>> detach(const Layout& layout, const Identity& identity);

// is_system_path says whether `path` belongs to the installed system, whose owners are kept.
bool is_system_path(const std::string& path);

}  // namespace writ::enforce
