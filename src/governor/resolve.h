// Resolve: a permit request, looked at on this machine, becomes a grant that stands alone.
//
// Every path is followed to the file it means and remembered with the symlinks it was named by;
// every program and script gets its digest; every program's loader and libraries become `load`
// files with digests; named sets are read, merged and forgotten. A path that is reserved (P13) is
// a denial, not an error. What the request leaves out is not added, but for the `load` set.
//
//   permit::Request request = TRY(read_request("job.toml", places));
//   Resolved resolved = TRY(resolve(request, places));
//
// Hostile: the request's text and the files it names (read as data only). The digests are those of
// now: what changes afterwards is refused when the permit is used.
// Errors: at FILE:LINE:COLUMN of the request. Thread safety: functions may be called from any
// thread.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "base/reason.h"
#include "base/result.h"
#include "governor/home.h"
#include "permit/request.h"

namespace writ::governor {

inline constexpr std::uint64_t kMaxProgram = std::uint64_t{4} << 30;  // bytes that are hashed

// Where names in a request lead.
struct Places {
  std::string directory;  // of the request file: relative paths start here
  std::string home;       // "~/…"
  Home writ;              // sets/
  Reserved reserved;
};

// read_request reads FILE and merges the sets that it names.
Result<permit::Request> read_request(const std::string& file, const Places& places);

// follow_path resolves `path` (absolute) and collects the symlinks on the way. NotFound when
// nothing is there; `tree` is set for a directory; anything but a file or directory is
// InvalidArgument.
Result<permit::Place> follow_path(const std::string& path);

// digest_file hashes a regular file without following symlinks; Exhausted over kMaxProgram.
Result<Digest32> digest_file(const std::string& path);
// digest_file_unless asks give_up between the reads: Unavailable when it said so.
Result<Digest32> digest_file_unless(const std::string& path, const std::function<bool()>& give_up);

using Resolved = std::variant<permit::Grant, Denial>;
Result<Resolved> resolve(const permit::Request& request, const Places& places);

// reserved_denial says why `path` of a grant is refused, or nothing.
std::optional<Denial> reserved_denial(const permit::Grant& grant, const Reserved& reserved);

}  // namespace writ::governor
