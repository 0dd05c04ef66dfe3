// Reading a ledger directory: any process, no lock, read-only media too, while others append.
//
// Entries that a head covers come from the bundles; later ones from the write-ahead segment, as
// far as its records are whole. Nothing here is believed by verify_log, for which LedgerReader
// is a LogSource.
//
//   auto reader = TRY(LedgerReader::open(storage, state_dir));
//   TRY(reader->for_each(LeafIndex(0), [&](LeafIndex i, Bytes entry) -> Result<bool> {…}));
//
// Thread safety: one thread at a time for one reader.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/durable.h"
#include "ledger/side.h"
#include "ledger/tree.h"
#include "ledger/verify.h"

namespace writ::ledger {

struct InclusionProof {
  LeafIndex index;
  ByteVec entry;
  Proof path;
  Checkpoint head;
  ByteVec head_note;  // as signed
};

// As a LogSource it also gives the file `cosigned`: the last head that witnesses cosigned.
class LedgerReader : public LogSource {
 public:
  // open: NotFound when there is no log.
  static Result<std::unique_ptr<LedgerReader>> open(Storage& storage, const std::string& state_dir);

  // log_key is the key file beside the log: a convenience, not a root of trust.
  virtual const VerifierKey& log_key() const = 0;
  // head reads and verifies the stored checkpoint (with log_key).
  virtual Result<Checkpoint> head() = 0;
  // for_each visits entries in order from `from` to the last one written; stop by returning false.
  virtual Result<void> for_each(LeafIndex from,
                                const std::function<Result<bool>(LeafIndex, Bytes)>& fn) = 0;
  // entry reads one; NotFound past the end.
  virtual Result<ByteVec> entry(LeafIndex index) = 0;
  // prove makes an inclusion proof under the stored head, or under the last one that witnesses
  // cosigned; NotFound while no such head covers it.
  virtual Result<InclusionProof> prove(LeafIndex index, bool cosigned = false) = 0;
  // consistency proves that the tree of `head` begins with that of `old_size`; both must be at
  // most the stored head's.
  virtual Result<Proof> consistency(TreeSize old_size, TreeSize new_size) = 0;
  // side reads an event's clear text; NotFound when it was erased or never kept.
  virtual Result<Side> side(const EventId& id) = 0;
};

}  // namespace writ::ledger
