// A copy of a log that any static web server can serve (C2SP tlog-tiles): the tiles, the bundles
// and, last, the checkpoint.
//
//   TRY(export_log(storage, *reader, "/srv/log", progress));
//
// It may be called again on the same directory: full tiles of the head that lies there are left
// alone. A reader of the copy sees the old head or the new one, never a head whose tiles are
// missing. Conflict when the head that lies there is not one that this log continues. What is
// copied is not verified here; a copy of a damaged log is a damaged log.
//
// Thread safety: one call at a time for one directory.
#pragma once

#include <functional>
#include <string>

#include "base/durable.h"
#include "ledger/store/reader.h"

namespace writ::ledger {

struct Exported {
  Checkpoint head;
  std::uint64_t files = 0;  // written now
};
Result<Exported> export_log(
    Storage& storage, LedgerReader& reader, const std::string& directory,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress = {});

}  // namespace writ::ledger
