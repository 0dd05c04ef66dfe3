// The ledger of one state directory: its files, its lock, and the right to append.
//
//   ledger/   lock, vkey, checkpoint, tile/…, segment-N (write-ahead), boot, tail, reserve,
//   cosigned (docs/formats/ledger.md) objects/  SHA256 → bytes          side/  RUN → clear text
//   uses, revoked, runs/…: state
//
// Several processes may have one ledger open. Appending takes the exclusive lock for one batch,
// takes up what others have written, stamps time and (outside runs) number, writes once and
// releases; syncing needs no lock. Threads that append together share writes and syncs.
//
//   auto store = TRY(Store::open(storage, dir, clock, {}));
//   Ticket ticket = TRY(store->append(draft, Wait::Written));      // in the file
//   TRY(store->wait_durable(ticket));                              // on the disk
//   TRY(store->sign_head(log_key));
//
// Trusted: the directory, against rollback and denial only; an altered byte is found by
// verification, not prevented. Fail stop: after a failed sync nothing more is acknowledged by any
// process until the machine has been started anew and the log read back. A clock that is behind
// the last entry's time, by however little, refuses whatever grants something; what grants nothing
// is recorded under that time with the difference (ledger/event.h). Errors map to reasons by
// `reason_of`.
// Full disk: room for the ends of runs is set aside in `reserve`. A run is admitted only while that
// room is whole; an end, interruption or revocation that finds the disk full gives it up and is
// recorded, with its clear text; so does a head that is to be signed.
// Not promised: use after fork (open again in the child), network file systems.
//
// Thread safety: a Store may be used from any number of threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/durable.h"
#include "base/ids.h"
#include "base/reason.h"
#include "crypto/keys.h"
#include "ledger/checkpoint.h"
#include "ledger/event.h"

namespace writ::ledger {

// reason_of names the reason for a store's error: disk_full, clock_backwards, ledger_damaged,
// busy, or ledger_unavailable for all else.
Reason reason_of(const Error& error);

struct Draft {
  Event event;   // outside runs its number is given by the store
  ByteVec side;  // ledger/side.h, kept in side/ under the event id; empty: none
};

enum class Wait {
  Written,  // in the file: survives the death of this process, not a power cut
  Durable,  // synced: survives both
  // Written, where that needs no waiting for another thread or process, for a sync or for room on
  // the disk. Otherwise Unavailable, and nothing was acknowledged: ask again with Written.
  AtOnce,
};

// Where a batch went: entries first … first+count-1.
struct Ticket {
  LeafIndex first;
  std::uint64_t count = 0;
  std::vector<EventId> ids;  // as stamped, in order
  UnixMillis time;           // as stamped
  bool durable = false;
};

enum class Repair {
  TornTail,        // a record written but not synced before a crash was incomplete: cut
  SegmentRemoved,  // a new segment that never came into use
  TilesRewritten,  // after another boot: tiles past the synced ones made again
  Leftovers,       // temporary files
  SyncFailure,     // an earlier boot could not sync; what is there has been read back
};
struct RepairNote {
  Repair repair = Repair::Leftovers;
  LeafIndex at;             // first entry concerned
  std::uint64_t bytes = 0;  // cut or rewritten
  std::string sentence;     // for people
};

struct StoreOptions {
  std::uint64_t segment_bytes = 8 * 1024 * 1024;  // a new segment is begun after this many
  std::uint64_t grow_bytes = 1024 * 1024;         // preallocation step
  std::uint64_t reserve_bytes = 1024 * 1024;      // set aside for ends; 0: none
  int lock_wait_millis = 10'000;
};

// LockedState is what may be done under the ledger's lock, in one piece with appends.
// Names are `uses`, `revoked`, `runs/NAME` or another plain name in the state directory.
class LockedState {
 public:
  virtual ~LockedState() = default;
  // read: NotFound when there is none. write is durable on return (write_file_durably).
  virtual Result<ByteVec> read(const std::string& name, std::size_t limit) = 0;
  virtual Result<void> write(const std::string& name, Bytes bytes) = 0;
  virtual Result<void> remove(const std::string& name) = 0;
  virtual Result<std::vector<std::string>> list(const std::string& dir) = 0;
  // append writes a batch, durable on return when asked.
  virtual Result<Ticket> append(std::vector<Draft> batch, Wait wait) = 0;
};

class Store {
 public:
  // create makes the directories and a log with its genesis entry, signs its first head, and
  // opens it. Conflict when a log is there. After a crash it may be called again and goes on.
  // `nonce` is random.
  static Result<std::unique_ptr<Store>> create(Storage& storage, const std::string& state_dir,
                                               const Clock& clock, const StoreOptions& options,
                                               std::string_view origin,
                                               const crypto::PrivateKey& log_key,
                                               const Array32& nonce);
  // open recovers: a torn tail is cut and noted, files that a crash left are cleared, tiles are
  // made again when the machine was started anew. NotFound: no log. Errors with reason
  // ledger_damaged when the files contradict each other or the signed head.
  static Result<std::unique_ptr<Store>> open(Storage& storage, const std::string& state_dir,
                                             const Clock& clock, const StoreOptions& options);
  virtual ~Store() = default;

  // append stamps and writes a batch in one piece: all of it or, on an error, none is ever
  // acknowledged.
  virtual Result<Ticket> append(std::vector<Draft> batch, Wait wait) = 0;
  Result<Ticket> append(Draft draft, Wait wait);
  // wait_durable returns when the entries of `ticket` are synced.
  virtual Result<void> wait_durable(const Ticket& ticket) = 0;
  // sync makes durable whatever this process has written.
  virtual Result<void> sync() = 0;
  // oldest_unsynced is the boot time in nanoseconds of this process's oldest write that is not
  // durable yet; nothing when all is. Gates hold when it is 20 ms old (DESIGN §9).
  virtual std::optional<std::int64_t> oldest_unsynced() const = 0;

  // sign_head makes everything written durable, writes its tiles and signs a head over it unless
  // one that is as new stands there. Never signs what is not durable, never a smaller or
  // inconsistent tree. Denied when `log_key` is not the log's.
  virtual Result<Checkpoint> sign_head(const crypto::PrivateKey& log_key) = 0;

  // rotate hands the log over from `old_key` to `new_key`: one entry signed by both
  // (ledger/rotation.h), a head that covers it signed by both, then `vkey`. `recorded`: the entry
  // stands there from a rotation that a crash cut short. No other call of this store may run
  // meanwhile; other stores that are open stop signing (Conflict) until they are opened again.
  // Denied when old_key is not the log's.
  virtual Result<Checkpoint> rotate(const crypto::PrivateKey& old_key,
                                    const crypto::PrivateKey& new_key, bool recorded) = 0;

  // add_cosignatures adds signature lines of witnesses to the head that `text` is the text of:
  // kept in `cosigned`, durably, and in `checkpoint` while that is still the head. Conflict when
  // `cosigned` holds a larger head already. The caller has verified the lines.
  virtual Result<void> add_cosignatures(const std::string& note_text, std::string_view lines) = 0;

  // with_lock runs `fn` while holding the ledger's lock (and no append of this process runs).
  virtual Result<void> with_lock(const std::function<Result<void>(LockedState&)>& fn) = 0;

  // put_object keeps bytes under their SHA-256, durable on return.
  virtual Result<Digest32> put_object(Bytes bytes) = 0;
  // put_objects keeps several with their syncs together: much faster than one after another.
  virtual Result<void> put_objects(std::span<const Bytes> objects) = 0;

  // erase_side overwrites the clear text of one event, or of all of the run. The Erase event is
  // the caller's to append first.
  virtual Result<void> erase_side(const RunId& run, std::optional<Seq> seq) = 0;

  virtual const VerifierKey& log_key() const = 0;
  virtual LedgerId ledger_id() const = 0;
  virtual TreeSize size() const = 0;  // as this process last saw it
  // take_repairs gives and forgets what recovery mended, at open or when taking up the tail.
  virtual std::vector<RepairNote> take_repairs() = 0;
};

}  // namespace writ::ledger
