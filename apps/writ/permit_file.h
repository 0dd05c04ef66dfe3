// Finding the permit that a person means: a file, or the start of a stored one's id.
// Thread safety: functions may be called from any thread.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "governor/home.h"

namespace writ::cli {

// find_permit reads the bytes of `name`. A text of 6 to 64 hex digits that is no file is looked up
// among the stored permits: NotFound for none, Conflict for several.
Result<ByteVec> find_permit(const governor::Home& home, const std::string& name);

}  // namespace writ::cli
