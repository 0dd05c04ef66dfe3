// One ledger event as JSON: the fields of its entry, and its clear text where that is kept.
// Thread safety: pure function.
#pragma once

#include "base/ids.h"
#include "json/value.h"
#include "ledger/event.h"
#include "ledger/side.h"

namespace writ::cli {

json::Value event_json(LeafIndex index, const ledger::Event& event, const ledger::Side* side);

}  // namespace writ::cli
