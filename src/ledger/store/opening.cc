// Creating, opening and recovering. What a crash leaves, and what is done: docs/formats/ledger.md.
#include <algorithm>
#include <cerrno>

#include "cose/key.h"
#include "crypto/sha.h"
#include "ledger/store/store_internal.h"

namespace writ::ledger {
namespace {

Error context(Error error, const std::string& doing) {
  return std::move(error).context(doing);
}

}  // namespace

Result<void> StoreImpl::recover(bool creating) {
  Storage& storage = *files_.storage;
  TRY(storage.lock(lock_file_.borrow(), options_.lock_wait_millis));
  const auto under_lock = [&]() -> Result<void> {
    const Result<ByteVec> last_boot = read_file(storage, files_.dir(), "boot", 256);
    if (!last_boot && !creating) {
      if (last_boot.error().code() != Code::NotFound) return last_boot.error();
      return Error(Code::NotFound, "the ledger was not finished being made; create it again");
    }
    const bool same_boot = last_boot && as_text(*last_boot) == boot_;
    const ByteVec mark = TRY(read_range(storage, lock_file_.borrow(), 0, kFailMarkBytes));
    if (!mark.empty() && same_boot) {
      return Error(Code::Unavailable,
                   "a write to the ledger could not be made durable since this machine was "
                   "started; start it anew (and check the disk) before going on",
                   EIO);
    }
    // The list first: a signer may be removing segments that the head covers by now.
    std::vector<std::uint64_t> segments = TRY(list_segments(files_));
    const std::optional<Checkpoint> head = TRY(stored_head(files_));
    head_size_ = head ? head->size.get() : 0;
    if (segments.empty()) return damaged("the ledger has no segment");
    if (!head && !creating) return damaged("the signed head is missing");
    if (head && segments.front() > head_size_) {
      return damaged("the signed head covers " + std::to_string(head_size_) +
                     " entries, the segments begin with entry " + std::to_string(segments.front()));
    }
    // A segment that its predecessor does not lead to never came into use.
    std::size_t current = same_boot ? segments.size() - 1 : 0;
    std::optional<Position> hint;
    if (same_boot) hint = TRY(read_hint(files_));
    if (hint && (!head || hint->index != head_size_)) hint.reset();
    if (hint) {
      const auto found = std::find(segments.begin(), segments.end(), hint->segment);
      if (found == segments.end()) {
        hint.reset();
      } else {
        current = static_cast<std::size_t>(found - segments.begin());
      }
    }
    if (!hint && current > 0) --current;  // its seal says whether the last one counts
    TRY(open_tail_segment(segments[current]));
    if (hint) tail_ = *hint;
    while (TRY(scan_tail())) {
      ++current;
      if (current >= segments.size() || segments[current] != tail_.index) {
        return damaged("the segment after entry " + std::to_string(tail_.index) + " is missing");
      }
      TRY(open_tail_segment(segments[current]));
    }
    if (tail_.index < head_size_) {
      return lost_tail("the signed head covers " + std::to_string(head_size_) +
                       " entries, the files hold " + std::to_string(tail_.index));
    }
    for (std::size_t i = current + 1; i < segments.size(); ++i) {
      TRY(storage.unlink(files_.dir(), segment_name(segments[i])));
      note({Repair::SegmentRemoved, LeafIndex(segments[i]), 0,
            "a new segment had been made but was not in use yet"});
    }
    written_ = tail_.index;
    sync_target_ = segment_;
    (void)set_aside();  // no room: then nothing is admitted, but what runs may go on
    if (same_boot) return {};

    // After another boot: what is there was read from the disk. Make sure that it stays, and make
    // the tiles again that had not been synced.
    TRY(storage.sync_data(segment_->borrow()));
    durable_ = written_;
    durable_mark_.store(durable_);
    for (const std::string& name : TRY(storage.list(files_.dir(), 100'000))) {
      if (!name.starts_with('.')) continue;
      TRY(storage.unlink(files_.dir(), name));
      note({Repair::Leftovers, LeafIndex(written_), 0,
            "`" + name + "` was left by an interrupted write"});
    }
    TRY(storage.lock(head_lock_file_.borrow(), options_.lock_wait_millis));
    Result<void> remade;
    if (head) {
      RepairNote tiles{Repair::TilesRewritten, LeafIndex(segments.front()), 0,
                       "the machine was started anew: tiles were made again from entries"};
      HeadWriter writer(files_, &tiles);
      remade = writer.remake(*head);
      if (remade) note(std::move(tiles));
    }
    (void)storage.unlock(head_lock_file_.borrow());
    TRY(std::move(remade));
    if (!mark.empty()) {
      note({Repair::SyncFailure, LeafIndex(written_), 0,
            "a write could not be synced before the machine was started anew; what is there now "
            "was read back from the disk"});
      TRY(storage.truncate(lock_file_.borrow(), 0));
    }
    return creating ? Result<void>() : finish_creating();
  };
  Result<void> done = under_lock();
  unlock_ledger();
  return done;
}

// The boot file says that all of the log that this boot relies on is durable.
Result<void> StoreImpl::finish_creating() {
  return write_file_durably(*files_.storage, files_.dir(), "boot", as_bytes(boot_));
}

Result<std::unique_ptr<Store>> Store::open(Storage& storage, const std::string& state_dir,
                                           const Clock& clock, const StoreOptions& options) {
  Files files = TRY(open_files(storage, state_dir));
  auto store = std::make_unique<StoreImpl>(std::move(files), clock, options);
  TRY(store->open_locks());
  Result<void> recovered = store->recover(false);
  for (int again = 0; !recovered && recovered.error().code() == Code::NotFound && again < 20;
       ++again) {
    recovered = store->recover(false);  // a segment was removed while it was being looked at
  }
  if (!recovered) return context(std::move(recovered).error(), "opening the ledger");
  return std::unique_ptr<Store>(std::move(store));
}

Result<std::unique_ptr<Store>> Store::create(Storage& storage, const std::string& state_dir,
                                             const Clock& clock, const StoreOptions& options,
                                             std::string_view origin,
                                             const crypto::PrivateKey& log_key,
                                             const Array32& nonce) {
  const VerifierKey key = TRY(make_vkey(origin, log_key.public_key()));
  UniqueFd root = TRY(open_made_dir(storage, state_dir));
  for (const char* name : {"ledger", "objects", "side"}) TRY(storage.make_dir(root.borrow(), name));
  UniqueFd dir = TRY(storage.open_dir(root.borrow(), "ledger"));
  UniqueFd lock = TRY(storage.open_file(dir.borrow(), "lock", FileUse::ReadWriteCreate));
  TRY(storage.lock(lock.borrow(), options.lock_wait_millis));
  // A crash may have left any part of this undone. Before the segment there is no log, and all is
  // begun anew; after it, its genesis entry stays; once the boot file is there, it is finished.
  const std::string first = segment_name(0);
  bool begun = false;
  for (const std::string& name : TRY(storage.list(dir.borrow(), 100'000))) {
    if (name == "boot") {
      return Error(Code::Conflict, "`" + printable(state_dir) + "` has a ledger already");
    }
    begun = begun || name == first;
  }
  if (!begun) {
    Event event = TRY(make_event(kGenesisEvent, std::nullopt,
                                 KeyAuthority{cose::key_id(log_key.public_key())},
                                 Genesis{std::string(origin), to_string(key), nonce}));
    event = stamped(std::move(event), Seq(0), clock.now());
    const ByteVec entry = TRY(encode_event(event));
    const SegmentHeader header{0, 0, 0, LedgerId(crypto::sha256(entry).get())};
    ByteVec bytes = encode_segment_header(header);
    Position at = start_of(header);
    append_record(bytes, at, entry, event.time().get(), 1, 0);
    TRY(write_file_durably(storage, dir.borrow(), "vkey", as_bytes(to_string(key) + "\n")));
    TRY(storage.sync_dir(root.borrow()));
    TRY(write_file_durably(storage, dir.borrow(), first, bytes));
  }
  Files files = TRY(open_files(storage, state_dir));
  auto store = std::make_unique<StoreImpl>(std::move(files), clock, options);
  TRY(store->open_locks());
  TRY(lock.close());
  TRY(store->recover(true));
  TRY(store->sign_head(log_key));
  TRY(store->finish_creating());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace writ::ledger
