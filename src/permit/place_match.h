// What a grant makes of one path: whether a run may read or write there, by which granted place.
//
// A forecast of what the run's mounts will be (enforce/layout.h): of the granted places that hold
// the path, the deepest decides, as the deepest mount does. Programs, scripts and libraries can be
// read; inside a tree that may be written they cannot be changed. A run's private places (/tmp,
// /dev/shm, /proc, /dev) are its own whatever the grant says, but for what is granted below them.
//
// `path` is normal and resolved; it may be hostile and need not exist. Pure. Thread safety: any
// thread.
// Not promised: that the file exists, that its mode lets the run's user in, or that policy admits
// the place.
#pragma once

#include <string>
#include <variant>

#include "base/reason.h"
#include "permit/grant.h"

namespace writ::permit {

enum class Access : std::uint8_t { ToRead = 0, ToWrite = 1 };
// access_name is "read" or "write": of the grant's part and of policy's action.
const char* access_name(Access access);

struct PlaceAllowed {
  const Place* place = nullptr;  // of the grant; null: the run's own private place
  bool data = false;             // it is one of [files] read or write: policy is asked about it
  bool written = false;          // of [files] write
};
using PlaceMatch = std::variant<PlaceAllowed, Denial>;

// match_place finds the place that decides; otherwise not_granted, with TOML that would allow it.
PlaceMatch match_place(const Grant& grant, Access access, const std::string& path);

}  // namespace writ::permit
