// Appending.
//
// Locks, in order: mutex_ (this process's threads, never held over input or output), then either
// the ledger lock (ledger/lock, between processes, for one batch) or the head lock
// (ledger/head.lock, between processes, for one head). `writing_` and `syncing_` mark the one
// thread that has left mutex_ to write or to sync for all; whoever is done hands over to the next
// in line, so that a thread is woken once.
//
// INVARIANT: tail_, segment_ and sides_ belong to the thread that set writing_.
// INVARIANT: durable_ <= written_; every entry below durable_ is on the disk.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "cose/key.h"
#include "crypto/sha.h"
#include "ledger/store/files_internal.h"

namespace writ::ledger {
namespace {

constexpr std::size_t kMaxBatchBytes = 4 * 1024 * 1024;
constexpr std::uint64_t kFailMarkBytes = 64;

Error context(Error error, const std::string& doing) {
  return std::move(error).context(doing);
}

struct Request {
  std::vector<Draft>* drafts = nullptr;  // null: only waits for `end` to be durable
  bool needs_sync = false;
  Ticket ticket = {};
  std::uint64_t end = 0;  // index after its last entry
  std::optional<Error> error = {};
  enum { Queued, Written, Done } state = Queued;
  std::condition_variable wake = {};
};

Result<void> check_state_name(const std::string& name) {
  const std::size_t slash = name.find('/');
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
  });
  const std::string first = name.substr(0, slash);
  const bool ours = first == "ledger" || first == "objects" || first == "side";
  if (name.empty() || !plain || ours || first.empty() || first[0] == '.' ||
      (slash != std::string::npos && (slash + 1 == name.size() || name[slash + 1] == '.' ||
                                      name.find('/', slash + 1) != std::string::npos))) {
    return Error(Code::InvalidArgument, "`" + printable(name) + "` cannot name a state file");
  }
  return {};
}

class StoreImpl final : public Store {
 public:
  StoreImpl(Files files, const Clock& clock, const StoreOptions& options)
      : files_(std::move(files)),
        clock_(clock),
        options_(options),
        sides_(files_),
        heads_(files_, nullptr) {}

  Result<void> open_locks();
  // recover takes up the log under its lock. `creating`: it may have no head yet, and is not to
  // be called finished.
  Result<void> recover(bool creating);
  Result<void> finish_creating();

  Result<Ticket> append(std::vector<Draft> batch, Wait wait) override;
  Result<void> wait_durable(const Ticket& ticket) override;
  Result<void> sync() override;
  std::optional<std::int64_t> oldest_unsynced() const override;
  Result<Checkpoint> sign_head(const crypto::PrivateKey& log_key) override;
  Result<void> with_lock(const std::function<Result<void>(LockedState&)>& fn) override;
  Result<Digest32> put_object(Bytes bytes) override;
  Result<void> put_objects(std::span<const Bytes> objects) override {
    return keep_objects(files_, objects);
  }
  Result<void> erase_side(const RunId& run, std::optional<Seq> seq) override;
  const VerifierKey& log_key() const override { return files_.key; }
  LedgerId ledger_id() const override { return ledger_id_; }
  TreeSize size() const override {
    const std::lock_guard<std::mutex> hold(mutex_);
    return TreeSize(written_);
  }
  std::vector<RepairNote> take_repairs() override {
    const std::lock_guard<std::mutex> hold(mutex_);
    return std::exchange(repairs_, {});
  }

 private:
  friend class LockedStateImpl;

  Result<void> run(Request& request);
  void lead_write(std::unique_lock<std::mutex>& hold);
  void lead_sync(std::unique_lock<std::mutex>& hold);
  void fail_all(const Error& error);
  Result<void> wait_for(std::uint64_t end);

  // By the thread that set writing_, under the ledger lock.
  Result<void> lock_ledger();
  void unlock_ledger();
  Result<void> take_up();
  Result<void> cut(const Scan& scan);
  Result<void> write_requests(std::span<Request* const> requests);
  Result<void> stamp(Request& request, Position at, std::vector<ByteVec>& entries);
  Result<void> flush(ByteVec& buffer, const Position& start);
  Result<void> begin_segment();
  Result<void> open_tail_segment(std::uint64_t first);
  Result<bool> scan_tail();
  void mark_failed(const Error& error);
  void note(RepairNote repair) {
    const std::lock_guard<std::mutex> hold(mutex_);
    repairs_.push_back(std::move(repair));
  }

  Files files_;
  const Clock& clock_;
  StoreOptions options_;
  UniqueFd lock_file_;
  UniqueFd head_lock_file_;
  std::string boot_;
  LedgerId ledger_id_;

  Position tail_;
  std::shared_ptr<UniqueFd> segment_;
  std::uint64_t head_size_ = 0;  // a signed head that was seen: at least so much is covered
  std::atomic<std::uint64_t> durable_mark_{0};  // durable_, for record headers
  SideFiles sides_;

  mutable std::mutex mutex_;
  std::deque<Request*> queue_;
  std::deque<Request*> unsynced_;
  std::condition_variable idle_;  // for with_lock
  unsigned exclusive_waiting_ = 0;
  bool writing_ = false;
  bool syncing_ = false;
  std::uint64_t written_ = 0;
  std::uint64_t durable_ = 0;
  std::shared_ptr<UniqueFd> sync_target_;      // the segment that holds written_
  std::optional<std::int64_t> pending_since_;  // first write that no started sync covers
  std::optional<std::int64_t> syncing_since_;
  std::optional<Error> failed_;
  std::vector<RepairNote> repairs_;

  std::mutex head_mutex_;
  HeadWriter heads_;
};

// ---- between processes

Result<void> StoreImpl::open_locks() {
  Storage& storage = *files_.storage;
  lock_file_ = TRY(storage.open_file(files_.dir(), "lock", FileUse::ReadWriteCreate));
  head_lock_file_ = TRY(storage.open_file(files_.dir(), "head.lock", FileUse::ReadWriteCreate));
  boot_ = TRY(storage.boot_id());
  return {};
}

Result<void> StoreImpl::lock_ledger() {
  TRY(files_.storage->lock(lock_file_.borrow(), options_.lock_wait_millis));
  std::array<std::byte, kFailMarkBytes> mark{};
  Result<std::size_t> size = files_.storage->read_at(lock_file_.borrow(), 0, mark);
  if (size && *size == 0) return {};
  unlock_ledger();
  if (!size) return std::move(size).error();
  return Error(Code::Unavailable,
               "a write to the ledger could not be made durable since this machine was started; "
               "nothing more is acknowledged until it has been started anew (check the disk)",
               EIO);
}

void StoreImpl::unlock_ledger() {
  (void)files_.storage->unlock(lock_file_.borrow());
}

// Stops this process and tells every other, now and later in this boot, that what was written may
// not be on the disk.
void StoreImpl::mark_failed(const Error& error) {
  {
    const std::lock_guard<std::mutex> hold(mutex_);
    if (!failed_) failed_ = error;
  }
  (void)files_.storage->write_at(lock_file_.borrow(), 0, as_bytes(boot_.substr(0, 64)));
}

Result<void> StoreImpl::open_tail_segment(std::uint64_t first) {
  OpenSegment opened = TRY(open_segment(files_, first, FileUse::ReadWrite));
  segment_ = std::make_shared<UniqueFd>(std::move(opened.file));
  ledger_id_ = opened.header.ledger;
  tail_ = start_of(opened.header);
  return {};
}

Result<void> StoreImpl::cut(const Scan& scan) {
  const std::uint64_t end =
      std::min(scan.last_used, TRY(files_.storage->size_of(segment_->borrow())));
  if (end > scan.at.offset) {
    TRY(files_.storage->write_at(segment_->borrow(), scan.at.offset,
                                 ByteVec(static_cast<std::size_t>(end - scan.at.offset))));
    TRY(files_.storage->sync_data(segment_->borrow()));
  }
  note({Repair::TornTail, LeafIndex(scan.at.index), scan.last_used - scan.at.offset,
        scan.why + "; it had not been acknowledged as durable and was removed"});
  return {};
}

// Reads the records after tail_ in its segment. True when the log goes on in another one.
Result<bool> StoreImpl::scan_tail() {
  const ByteVec bytes = TRY(read_used(*files_.storage, segment_->borrow(), tail_.offset));
  const Scan scan = scan_records(bytes, tail_, head_size_,
                                 [](std::uint64_t, std::uint64_t, Bytes) { return true; });
  if (scan.end == ScanEnd::Damaged) return damaged(scan.why);
  tail_ = scan.at;
  if (scan.end == ScanEnd::Torn) TRY(cut(scan));
  return scan.end == ScanEnd::Sealed;
}

// Takes up what other processes have appended.
Result<void> StoreImpl::take_up() {
  for (;;) {
    std::array<std::byte, 1> next{};
    const std::size_t got = TRY(files_.storage->read_at(segment_->borrow(), tail_.offset, next));
    if (got == 0 || next[0] == std::byte{0}) break;
    if (!TRY(scan_tail())) break;
    Result<void> opened = open_tail_segment(tail_.index);
    if (opened) continue;
    if (opened.error().code() != Code::NotFound) return opened;
    // More than one segment further: the next one is gone already.
    const std::vector<std::uint64_t> segments = TRY(list_segments(files_));
    if (segments.empty() || segments.back() <= tail_.index) {
      return damaged("the segment after entry " + std::to_string(tail_.index) + " is missing");
    }
    TRY(open_tail_segment(segments.back()));
  }
  const std::lock_guard<std::mutex> hold(mutex_);
  written_ = tail_.index;
  sync_target_ = segment_;
  return {};
}

// ---- writing

Result<void> StoreImpl::begin_segment() {
  Storage& storage = *files_.storage;
  const Position old = tail_;
  // 1 all of the old one is durable, so that a seal says that much
  if (Result<void> synced = storage.sync_data(segment_->borrow()); !synced) {
    mark_failed(synced.error());
    return synced;
  }
  // 2 the new one stands, complete
  const std::string name = segment_name(old.index);
  const std::string temporary = "." + name + ".tmp";
  TRY(storage.unlink(files_.dir(), temporary));
  UniqueFd file = TRY(storage.open_file(files_.dir(), temporary, FileUse::CreateNew));
  const SegmentHeader header{old.index, old.last_time, old.next_outside, ledger_id_};
  TRY(storage.write_at(file.borrow(), 0, encode_segment_header(header)));
  TRY(storage.preallocate(file.borrow(), kSegmentHeader, options_.grow_bytes));
  TRY(storage.sync_data(file.borrow()));
  TRY(storage.rename(files_.dir(), temporary, name));
  TRY(storage.sync_dir(files_.dir()));
  // 3 the old one says so; from here on it is not written again
  ByteVec seal;
  append_seal(seal, old);
  TRY(storage.write_at(segment_->borrow(), old.offset, seal));
  if (Result<void> synced = storage.sync_data(segment_->borrow()); !synced) {
    mark_failed(synced.error());
    return synced;
  }
  segment_ = std::make_shared<UniqueFd>(std::move(file));
  tail_ = start_of(header);
  return {};
}

// Gives the events of a request their time and numbers, as if the log stood at `at`, and encodes
// them. The request alone fails when it cannot be.
Result<void> StoreImpl::stamp(Request& request, Position at, std::vector<ByteVec>& entries) {
  const std::int64_t now = clock_.now().get();
  const std::int64_t time = std::max(now, at.last_time);
  const std::uint64_t behind = static_cast<std::uint64_t>(time - now);
  request.ticket = Ticket{};
  request.ticket.first = LeafIndex(at.index);
  request.ticket.time = UnixMillis(time);
  for (Draft& draft : *request.drafts) {
    Event& event = draft.event;
    if (behind > 0 && !grants_nothing(event.kind())) {
      return clock_behind("the clock is " + std::to_string(behind) +
                          " ms behind the ledger's last entry");
    }
    Seq seq = event.seq();
    if (!event.in_run()) seq = Seq(at.next_outside++);
    event = stamped(std::move(event), seq, UnixMillis(time), behind);
    entries.push_back(TRY(encode_event(event)));
    request.ticket.ids.push_back(event.id());
  }
  request.ticket.count = request.drafts->size();
  return {};
}

// Writes `buffer`, whose first byte belongs at `start`, making room first: a full disk is found
// before anything is written.
Result<void> StoreImpl::flush(ByteVec& buffer, const Position& start) {
  if (buffer.empty()) return {};
  Storage& storage = *files_.storage;
  const FdRef file = segment_->borrow();
  const std::uint64_t size = TRY(storage.size_of(file));
  const std::uint64_t need = start.offset + buffer.size() + kRecordOverhead;  // and a seal
  if (need > size) {
    const std::uint64_t grow = std::max(need - size, options_.grow_bytes);
    TRY(storage.preallocate(file, size, grow));
  }
  if (Result<void> written = storage.write_at(file, start.offset, buffer); !written) {
    // Part of it may stand there. Nobody has been told of it: put the zeros back, or stop.
    Result<void> undone = storage.write_at(file, start.offset, ByteVec(buffer.size()));
    if (!undone) mark_failed(undone.error());
    return written;
  }
  buffer.clear();
  return {};
}

// Stamps and writes requests, in order, in as few writes as there are segments. Those that cannot
// be written carry their own error; an error returned concerns all.
Result<void> StoreImpl::write_requests(std::span<Request* const> requests) {
  ByteVec buffer;
  const std::uint64_t durable = durable_mark_.load();
  Position start = tail_;  // where `buffer` belongs
  Position at = tail_;     // after it
  for (Request* request : requests) {
    std::vector<ByteVec> entries;
    Result<void> ready = stamp(*request, at, entries);
    if (ready) {
      for (std::size_t i = 0; ready && i < entries.size(); ++i) {
        const Draft& draft = (*request->drafts)[i];
        if (!draft.side.empty()) ready = sides_.append(draft.event.id(), draft.side);
      }
    }
    if (!ready) {
      request->error = std::move(ready).error();
      continue;
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (at.offset >= options_.segment_bytes && at.index % kTileWidth == 0) {
        TRY(flush(buffer, start));
        tail_ = at;
        TRY(begin_segment());
        start = at = tail_;
      }
      const Event& event = (*request->drafts)[i].event;
      const std::uint64_t outside = at.next_outside + (event.in_run() ? 0 : 1);
      append_record(buffer, at, entries[i], event.time().get(), outside, durable);
    }
    request->end = at.index;
  }
  TRY(flush(buffer, start));
  tail_ = at;
  return {};
}

// ---- between threads

void StoreImpl::fail_all(const Error& error) {
  failed_ = error;
  for (std::deque<Request*>* line : {&queue_, &unsynced_}) {
    for (Request* request : *line) {
      request->error = error;
      request->state = Request::Done;
      request->wake.notify_one();
    }
    line->clear();
  }
}

void StoreImpl::lead_write(std::unique_lock<std::mutex>& hold) {
  writing_ = true;
  std::vector<Request*> batch;
  for (std::size_t bytes = 0; !queue_.empty() && bytes < kMaxBatchBytes; queue_.pop_front()) {
    batch.push_back(queue_.front());
    bytes += 512 * queue_.front()->drafts->size();
  }
  hold.unlock();
  Result<void> done = lock_ledger();
  if (done) {
    done = take_up();
    if (done) done = write_requests(batch);
    unlock_ledger();
  }
  const std::int64_t now = clock_.boot_nanos();
  hold.lock();
  writing_ = false;
  if (done) {
    written_ = std::max(written_, tail_.index);
    sync_target_ = segment_;
    if (!pending_since_) pending_since_ = now;
  }
  for (Request* request : batch) {
    if (!done && !request->error) request->error = done.error();
    if (!request->error && request->needs_sync) {
      request->state = Request::Written;
      unsynced_.push_back(request);
    } else {
      request->state = Request::Done;
      request->wake.notify_one();
    }
  }
  if (failed_) return fail_all(*failed_);
  if (exclusive_waiting_ > 0) {
    idle_.notify_one();
  } else if (!queue_.empty()) {
    queue_.front()->wake.notify_one();
  }
  if (!syncing_ && !unsynced_.empty()) unsynced_.front()->wake.notify_one();
}

void StoreImpl::lead_sync(std::unique_lock<std::mutex>& hold) {
  syncing_ = true;
  const std::uint64_t target = written_;
  const std::shared_ptr<UniqueFd> file = sync_target_;
  syncing_since_ = std::exchange(pending_since_, std::nullopt);
  hold.unlock();
  const Result<void> done = files_.storage->sync_data(file->borrow());
  if (!done) mark_failed(done.error());
  hold.lock();
  syncing_ = false;
  if (!done || failed_) {
    // The kernel has dropped the error; a second sync would succeed and lie.
    if (!pending_since_) pending_since_ = syncing_since_;
    return fail_all(done ? *failed_ : done.error());
  }
  syncing_since_.reset();
  durable_ = std::max(durable_, target);
  durable_mark_.store(durable_);
  for (auto at = unsynced_.begin(); at != unsynced_.end();) {
    if ((*at)->end <= durable_) {
      (*at)->ticket.durable = true;
      (*at)->state = Request::Done;
      (*at)->wake.notify_one();
      at = unsynced_.erase(at);
    } else {
      ++at;
    }
  }
  if (!unsynced_.empty()) unsynced_.front()->wake.notify_one();
}

Result<void> StoreImpl::run(Request& request) {
  std::unique_lock<std::mutex> hold(mutex_);
  if (failed_) return *failed_;
  if (request.drafts != nullptr) {
    queue_.push_back(&request);
  } else {
    if (request.end <= durable_) return {};
    if (request.end > written_) return Error(Code::InvalidArgument, "no such entry was written");
    request.state = Request::Written;
    unsynced_.push_back(&request);
  }
  while (request.state != Request::Done) {
    if (failed_) {
      fail_all(*failed_);
      // A request that is just being written or synced is answered by who does it.
      if (request.state != Request::Done) request.wake.wait(hold);
    } else if (request.state == Request::Queued && !writing_ && exclusive_waiting_ == 0) {
      lead_write(hold);
    } else if (request.state == Request::Written && !syncing_) {
      lead_sync(hold);
    } else {
      request.wake.wait(hold);
    }
  }
  if (request.error) return *request.error;
  return {};
}

Result<Ticket> StoreImpl::append(std::vector<Draft> batch, Wait wait) {
  if (batch.empty()) return Error(Code::InvalidArgument, "an append of nothing");
  Request request;
  request.drafts = &batch;
  request.needs_sync = wait == Wait::Durable;
  TRY(run(request));
  return request.ticket;
}

Result<void> StoreImpl::wait_for(std::uint64_t end) {
  Request request;
  request.end = end;
  return run(request);
}

Result<void> StoreImpl::wait_durable(const Ticket& ticket) {
  return wait_for(ticket.first.get() + ticket.count);
}

Result<void> StoreImpl::sync() {
  return wait_for(size().get());
}

std::optional<std::int64_t> StoreImpl::oldest_unsynced() const {
  const std::lock_guard<std::mutex> hold(mutex_);
  return syncing_since_ ? syncing_since_ : pending_since_;
}

// ---- under the lock

class LockedStateImpl final : public LockedState {
 public:
  explicit LockedStateImpl(StoreImpl& store) : store_(store) {}

  Result<ByteVec> read(const std::string& name, std::size_t limit) override {
    TRY(check_state_name(name));
    return read_file(storage(), root(), name, limit);
  }
  Result<void> write(const std::string& name, Bytes bytes) override {
    TRY(check_state_name(name));
    if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
      TRY(storage().make_dir(root(), name.substr(0, slash)));
    }
    return write_file_durably(storage(), root(), name, bytes);
  }
  Result<void> remove(const std::string& name) override {
    TRY(check_state_name(name));
    return storage().unlink(root(), name);
  }
  Result<std::vector<std::string>> list(const std::string& dir) override {
    TRY(check_state_name(dir));
    Result<UniqueFd> opened = storage().open_dir(root(), dir);
    if (!opened && opened.error().code() == Code::NotFound) return std::vector<std::string>();
    if (!opened) return std::move(opened).error();
    std::vector<std::string> names = TRY(storage().list(opened->borrow(), 1'000'000));
    std::erase_if(names, [](const std::string& name) { return name[0] == '.'; });
    return names;
  }
  Result<Ticket> append(std::vector<Draft> batch, Wait wait) override {
    if (batch.empty()) return Error(Code::InvalidArgument, "an append of nothing");
    Request request;
    request.drafts = &batch;
    Request* const one[] = {&request};
    TRY(store_.write_requests(one));
    if (request.error) return *request.error;
    {
      const std::lock_guard<std::mutex> hold(store_.mutex_);
      store_.written_ = store_.tail_.index;
      store_.sync_target_ = store_.segment_;
      if (!store_.pending_since_) store_.pending_since_ = store_.clock_.boot_nanos();
    }
    if (wait == Wait::Durable) {
      TRY(store_.wait_for(request.end));
      request.ticket.durable = true;
    }
    return request.ticket;
  }

 private:
  Storage& storage() { return *store_.files_.storage; }
  FdRef root() { return store_.files_.root.borrow(); }
  StoreImpl& store_;
};

Result<void> StoreImpl::with_lock(const std::function<Result<void>(LockedState&)>& fn) {
  std::unique_lock<std::mutex> hold(mutex_);
  ++exclusive_waiting_;
  idle_.wait(hold, [&] { return !writing_; });
  --exclusive_waiting_;
  writing_ = true;
  const std::optional<Error> failed = failed_;
  hold.unlock();
  Result<void> done = failed ? Result<void>(*failed) : lock_ledger();
  if (done) {
    done = take_up();
    if (done) {
      LockedStateImpl state(*this);
      done = fn(state);
    }
    unlock_ledger();
  }
  hold.lock();
  writing_ = false;
  if (exclusive_waiting_ > 0) {
    idle_.notify_one();
  } else if (!queue_.empty()) {
    queue_.front()->wake.notify_one();
  }
  return done;
}

Result<Checkpoint> StoreImpl::sign_head(const crypto::PrivateKey& log_key) {
  const std::lock_guard<std::mutex> one_at_a_time(head_mutex_);
  // What stands in the log now, by whomever, is what the head will cover, once it is durable.
  Position until;
  TRY(with_lock([&](LockedState&) -> Result<void> {
    until = tail_;
    return {};
  }));
  TRY(wait_for(until.index));
  TRY(files_.storage->lock(head_lock_file_.borrow(), options_.lock_wait_millis));
  Result<Checkpoint> head = heads_.advance(until, log_key);
  (void)files_.storage->unlock(head_lock_file_.borrow());
  return head;
}

Result<Digest32> StoreImpl::put_object(Bytes bytes) {
  const Bytes one[] = {bytes};
  TRY(put_objects(one));
  return crypto::sha256(bytes);
}

Result<void> StoreImpl::erase_side(const RunId& run, std::optional<Seq> seq) {
  return with_lock([&](LockedState&) { return sides_.erase(run, seq); });
}

// ---- opening

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
      return damaged("the signed head covers " + std::to_string(head_size_) +
                     " entries, the files hold " + std::to_string(tail_.index));
    }
    for (std::size_t i = current + 1; i < segments.size(); ++i) {
      TRY(storage.unlink(files_.dir(), segment_name(segments[i])));
      note({Repair::SegmentRemoved, LeafIndex(segments[i]), 0,
            "a new segment had been made but was not in use yet"});
    }
    written_ = tail_.index;
    sync_target_ = segment_;
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

}  // namespace

Reason reason_of(const Error& error) {
  if (full_disk(error)) return Reason::DiskFull;
  switch (error.sys_errno()) {
    case EUCLEAN: return Reason::LedgerDamaged;
    case ETIME: return Reason::ClockBackwards;
    case EWOULDBLOCK: return Reason::Busy;
    default: return Reason::LedgerUnavailable;
  }
}

Result<Ticket> Store::append(Draft draft, Wait wait) {
  std::vector<Draft> batch;
  batch.push_back(std::move(draft));
  return append(std::move(batch), wait);
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
  TRY(storage.make_dir(FdRef::cwd(), state_dir));
  UniqueFd root = TRY(storage.open_dir(FdRef::cwd(), state_dir));
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
