// Search: the entries that answer a question, without reading the whole log where an index helps.
//
//   auto search = Search::open(storage, state_dir, *reader, {});
//   EntryQuery wanted{.run = run};
//   TRY(search->each(wanted, [&](LeafIndex at, const Event& event, Bytes) -> Result<bool> {…}));
//
// The index (DESIGN §9) is the SQLite file `index` in the state directory. It covers entries under
// the signed head, is brought up to date here, by whoever searches, and is made anew from the log
// when it is missing, old, of another log or unreadable. It holds what the entries themselves say
// (kind, run, number, time, permit, reason), nothing of the clear text beside them.
// Not trusted: every entry it points to is read from the log and held against the question; one
// that does not answer it condemns the index, and the rest of the log is read instead. What an
// altered index leaves out is found by fsck alone: no verdict rests on it.
// Where there can be no index (a directory that cannot be written, a full disk, a log of fewer
// than `lag` entries) the log is read; `note` says why, for people.
// Several processes may search one log: one of them brings the index up to date, the others use
// what is there and read the rest.
// Thread safety: one thread at a time for one search.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "base/durable.h"
#include "ledger/event.h"
#include "ledger/store/reader.h"

namespace writ::ledger {

// What is asked for: entries of which all of this holds.
struct EntryQuery {
  std::optional<EventKind> kind = {};
  std::optional<RunId> run = {};  // kNoRun: events outside runs
  std::optional<Seq> seq = {};    // its number there
  std::string permit = {};        // the start of the permit's id in hex, lower case
  std::string reason = {};        // the code of a denial, refusal, end or interruption
  bool refused = false;           // denials, refusals, and ends by Writ
  std::int64_t since = std::numeric_limits<std::int64_t>::min();  // milliseconds, both included
  std::int64_t until = std::numeric_limits<std::int64_t>::max();
  LeafIndex from = LeafIndex(0);  // both included
  LeafIndex to = LeafIndex(std::numeric_limits<std::uint64_t>::max());

  bool takes(LeafIndex index, const Event& event) const;
  // narrow: it asks for more than a range of entries, so that an index can help.
  bool narrow() const;
};

struct SearchOptions {
  // So many entries after the indexed ones are read rather than indexed.
  std::uint64_t lag = 2'048;
  // progress is called between two steps of bringing the index up to date: nothing is half done.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
};

class Search {
 public:
  using Visit = std::function<Result<bool>(LeafIndex index, const Event& event, Bytes entry)>;

  // open looks at nothing yet; the first narrow question opens the index.
  static std::unique_ptr<Search> open(Storage& storage, const std::string& state_dir,
                                      LedgerReader& reader, const SearchOptions& options);
  virtual ~Search() = default;

  // each visits the entries in their order, those after the signed head too, until `visit` says
  // false. Malformed for an entry that does not decode, when it is come by.
  virtual Result<void> each(const EntryQuery& query, const Visit& visit) = 0;
  // newest is the last entry that `query` takes and `accept` agrees to; nothing when none.
  virtual Result<std::optional<LeafIndex>> newest(
      const EntryQuery& query, const std::function<bool(LeafIndex, const Event&)>& accept) = 0;

  // indexed is how many entries the index covers; 0: it is not used.
  virtual std::uint64_t indexed() const = 0;
  // note says why a log that is worth an index has none, or that it was wrong; else empty.
  virtual const std::string& note() const = 0;
};

// index_fault compares the whole index with the log: what is wrong with it, in one sentence;
// empty when it is sound or there is none. discard_index removes it, to be made anew.
std::string index_fault(Storage& storage, const std::string& state_dir, LedgerReader& reader);
Result<void> discard_index(Storage& storage, const std::string& state_dir);

}  // namespace writ::ledger
