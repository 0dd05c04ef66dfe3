// Draft: the request that a run's permit could have come from, and what would have to be added so
// that nothing the gates refused is refused again (`writ draft --from RUN`).
//
// The permit comes from the ledger's objects, the refusals from the run's entries and their clear
// text. What named sets give is said by their names again, and libraries that issuing finds by
// itself are left out, as far as this machine still has both. What was refused stands at the end,
// commented out, each once, with the reason and how often: a person decides.
//
//   Draft draft = TRY(draft_from(reader, run, places));
//
// Hostile: clear text of a run (quoted; no line of it can leave its comment). Bounds: kMaxAdditions
// different refusals, the rest is counted.
// Errors: NotFound without such a run or its permit. Thread safety: one thread a reader.
// Not promised: that it is wise to grant what was refused.
#pragma once

#include <functional>
#include <string>

#include "governor/resolve.h"
#include "ledger/store/reader.h"

namespace writ::governor {

inline constexpr std::size_t kMaxAdditions = 200;

struct Draft {
  std::string text;  // TOML
  std::size_t additions = 0;
  std::uint64_t refusals = 0;    // in all
  std::uint64_t unreadable = 0;  // of these, without clear text
};

// EachEvent calls back for each entry of the run, in order, with its clear text if there is any.
using OnEvent = std::function<void(const ledger::Event&, const ledger::Side*)>;
using EachEvent = std::function<Result<void>(const OnEvent&)>;

Result<Draft> draft_from(ledger::LedgerReader& reader, const RunId& run, const EachEvent& each,
                         const Places& places);

}  // namespace writ::governor
