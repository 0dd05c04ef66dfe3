// Appending. The locks and what they guard: store_internal.h.
#include <algorithm>
#include <cerrno>

#include "cose/key.h"
#include "crypto/sha.h"
#include "ledger/cosignature.h"
#include "ledger/rotation.h"
#include "ledger/store/store_internal.h"

namespace writ::ledger {
namespace {

constexpr std::size_t kMaxBatchBytes = 4 * 1024 * 1024;
constexpr const char* kReserve = "reserve";
constexpr const char* kCosigned = "cosigned";

// What closes something is what the reserve is for.
bool closes(EventKind kind) {
  return kind == EventKind::End || kind == EventKind::Interrupted || kind == EventKind::Revocation;
}
bool only_closes(const Request& request) {
  return std::all_of(request.drafts->begin(), request.drafts->end(),
                     [](const Draft& draft) { return closes(draft.event.kind()); });
}
bool admits(const Request& request) {
  return std::any_of(request.drafts->begin(), request.drafts->end(),
                     [](const Draft& draft) { return draft.event.kind() == EventKind::Admission; });
}

Result<void> check_state_name(const std::string& name) {
  const std::size_t slash = name.find('/');
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
  });
  const std::string first = name.substr(0, slash);
  const bool ours =
      first == "ledger" || first == "objects" || first == "side" || first.starts_with("index");
  if (name.empty() || !plain || ours || first.empty() || first[0] == '.' ||
      (slash != std::string::npos && (slash + 1 == name.size() || name[slash + 1] == '.' ||
                                      name.find('/', slash + 1) != std::string::npos))) {
    return Error(Code::InvalidArgument, "`" + printable(name) + "` cannot name a state file");
  }
  return {};
}

}  // namespace

// ---- between processes

Result<void> StoreImpl::open_locks() {
  Storage& storage = *files_.storage;
  lock_file_ = TRY(storage.open_file(files_.dir(), "lock", FileUse::ReadWriteCreate));
  head_lock_file_ = TRY(storage.open_file(files_.dir(), "head.lock", FileUse::ReadWriteCreate));
  boot_ = TRY(storage.boot_id());
  return {};
}

Result<void> StoreImpl::lock_ledger(int wait_millis) {
  TRY(files_.storage->lock(lock_file_.borrow(), wait_millis));
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
  segment_size_ = 0;
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
  if (scan.end == ScanEnd::Damaged) return bad_scan(scan);
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

// Whether the segment's file has room up to `end`. The kernel is asked only when what is known does
// not do: once a file's times were looked at, its next write gives it a new one, and the sync after
// that has an inode to write too, which costs a third of a lone append.
Result<bool> StoreImpl::reaches(std::uint64_t end) {
  if (end > segment_size_) segment_size_ = TRY(files_.storage->size_of(segment_->borrow()));
  return end <= segment_size_;
}

// No other process has appended since, and these entries fit into what is preallocated.
Result<void> StoreImpl::nothing_to_wait_for(std::size_t entries) {
  std::array<std::byte, 1> next{};
  const std::size_t got = TRY(files_.storage->read_at(segment_->borrow(), tail_.offset, next));
  const std::uint64_t room =
      tail_.offset + entries * (kMaxEntry + kRecordOverhead) + kRecordOverhead;
  if (got == 0 || next[0] != std::byte{0} || tail_.offset >= options_.segment_bytes ||
      !TRY(reaches(room))) {
    return Error(Code::Unavailable, "an append at once has something to wait for");
  }
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
  segment_size_ = 0;
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
  const std::uint64_t need = start.offset + buffer.size() + kRecordOverhead;  // and a seal
  if (!TRY(reaches(need))) {
    const std::uint64_t grow = std::max(need - segment_size_, options_.grow_bytes);
    TRY(storage.preallocate(file, segment_size_, grow));
    segment_size_ += grow;
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
        // There is room set aside for what closes something, its clear text too.
        if (!ready && full_disk(ready.error()) && only_closes(*request)) return ready;
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

// Makes the reserve whole. Under the ledger lock.
Result<void> StoreImpl::set_aside() {
  if (options_.reserve_bytes == 0 || reserve_whole_) return {};
  Storage& storage = *files_.storage;
  UniqueFd file = TRY(storage.open_file(files_.dir(), kReserve, FileUse::ReadWriteCreate));
  const std::uint64_t size = TRY(storage.size_of(file.borrow()));
  if (size < options_.reserve_bytes) {
    TRY(storage.preallocate(file.borrow(), size, options_.reserve_bytes - size));
  }
  reserve_whole_ = true;
  return {};
}

Result<void> StoreImpl::give_up_reserve() {
  reserve_whole_ = false;
  UniqueFd file = TRY(files_.storage->open_file(files_.dir(), kReserve, FileUse::ReadWriteCreate));
  return files_.storage->truncate(file.borrow(), 0);
}

// Writes requests; on a full disk those that close something are written in the room set aside.
Result<void> StoreImpl::write_all(std::span<Request* const> requests) {
  std::vector<Request*> wanted;
  for (Request* request : requests) {
    if (admits(*request)) {
      if (Result<void> whole = set_aside(); !whole) {
        request->error = std::move(whole).error().context("setting room aside for its end");
        continue;
      }
    }
    wanted.push_back(request);
  }
  const Position before = tail_;
  Result<void> done = write_requests(wanted);
  // A full disk is found before anything is written; a part that did get written stays as it is.
  if (done || !full_disk(done.error()) || tail_ != before) return done;
  const auto rest = std::stable_partition(
      wanted.begin(), wanted.end(), [](const Request* request) { return only_closes(*request); });
  if (rest == wanted.begin() || options_.reserve_bytes == 0) return done;
  for (auto at = rest; at != wanted.end(); ++at) (*at)->error = done.error();
  wanted.erase(rest, wanted.end());
  for (Request* request : wanted) request->error.reset();
  TRY(give_up_reserve());
  const std::uint64_t usual = std::exchange(options_.grow_bytes, std::uint64_t{16} * 1024);
  done = write_requests(wanted);
  options_.grow_bytes = usual;
  return done;
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
  const bool at_once = batch.front()->at_once;
  Result<void> done = lock_ledger(at_once ? 0 : options_.lock_wait_millis);
  if (done) {
    done = at_once ? nothing_to_wait_for(batch.front()->drafts->size()) : take_up();
    if (done) done = write_all(batch);
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
    const bool busy = writing_ || syncing_ || exclusive_waiting_ > 0 || !queue_.empty();
    if (request.at_once && busy) return Error(Code::Unavailable, "the ledger is busy");
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
  request.at_once = wait == Wait::AtOnce;
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
      const std::string dir = name.substr(0, slash);
      if (!storage().open_dir(root(), dir)) {
        TRY(storage().make_dir(root(), dir));
        TRY(storage().sync_dir(root()));
      }
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
    TRY(store_.write_all(one));
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
  Result<void> done = failed ? Result<void>(*failed) : lock_ledger(options_.lock_wait_millis);
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
  const auto advance = [&]() -> Result<Checkpoint> {
    TRY(files_.storage->lock(head_lock_file_.borrow(), options_.lock_wait_millis));
    Result<Checkpoint> head = heads_.advance(until, log_key);
    (void)files_.storage->unlock(head_lock_file_.borrow());
    return head;
  };
  Result<Checkpoint> head = advance();
  if (head || !full_disk(head.error())) return head;
  // The end of a run is worth little without a head over it.
  TRY(with_lock([&](LockedState&) { return give_up_reserve(); }));
  return advance();
}

Result<Checkpoint> StoreImpl::rotate(const crypto::PrivateKey& old_key,
                                     const crypto::PrivateKey& new_key, bool recorded) {
  Storage& storage = *files_.storage;
  const VerifierKey next = TRY(make_vkey(files_.key.name, new_key.public_key()));
  if (TRY(make_vkey(files_.key.name, old_key.public_key())) != files_.key) {
    return Error(Code::Denied, "this key is not the log's: " + to_string(files_.key));
  }
  const std::lock_guard<std::mutex> one_at_a_time(head_mutex_);
  // Nobody signs between the entry and the head that both keys sign.
  TRY(storage.lock(head_lock_file_.borrow(), options_.lock_wait_millis));
  const auto hand_over = [&]() -> Result<Checkpoint> {
    if (!recorded) {
      Rotate body = TRY(make_rotation(ledger_id_, files_.key.name, old_key, new_key));
      std::vector<Draft> batch;
      batch.push_back(
          {TRY(make_event(EventId{kNoRun, Seq(0)}, kGenesisEvent,
                          KeyAuthority{cose::key_id(old_key.public_key())}, std::move(body))),
           {}});
      TRY(append(std::move(batch), Wait::Durable));
    }
    Position until;
    TRY(with_lock([&](LockedState&) -> Result<void> {
      until = tail_;
      return {};
    }));
    TRY(wait_for(until.index));
    Checkpoint head = TRY(heads_.advance(until, old_key, &new_key));
    TRY(write_file_durably(storage, files_.dir(), "vkey", as_bytes(to_string(next) + "\n")));
    files_.key = next;
    return head;
  };
  Result<Checkpoint> head = hand_over();
  (void)storage.unlock(head_lock_file_.borrow());
  return head;
}

Result<void> StoreImpl::add_cosignatures(const std::string& note_text, std::string_view lines) {
  Storage& storage = *files_.storage;
  const Checkpoint witnessed = TRY(parse_checkpoint(note_text));
  const std::lock_guard<std::mutex> one_at_a_time(head_mutex_);
  TRY(storage.lock(head_lock_file_.borrow(), options_.lock_wait_millis));
  const auto add = [&]() -> Result<void> {
    const ByteVec current = TRY(read_file(storage, files_.dir(), "checkpoint", kMaxNote));
    const bool is_head = TRY(parse_note(current)).text == note_text;
    std::string base(as_text(current));
    if (Result<ByteVec> kept = read_file(storage, files_.dir(), kCosigned, kMaxNote); kept) {
      const Result<Note> note = parse_note(*kept);
      const Result<Checkpoint> held = note ? parse_checkpoint(note->text) : note.error();
      if (held && held->size.get() > witnessed.size.get()) {
        return Error(Code::Conflict, "a larger head is cosigned already");
      }
      if (held && note->text == note_text) base = std::string(as_text(*kept));
    }
    if (TRY(parse_note(as_bytes(base))).text != note_text) {
      return Error(Code::Conflict, "the log has another head by now");
    }
    const std::string cosigned = TRY(with_cosignatures(base, lines));
    TRY(write_file_durably(storage, files_.dir(), kCosigned, as_bytes(cosigned)));
    if (!is_head) return {};
    return write_file_durably(storage, files_.dir(), "checkpoint", as_bytes(cosigned));
  };
  Result<void> added = add();
  (void)storage.unlock(head_lock_file_.borrow());
  return added;
}

Result<Digest32> StoreImpl::put_object(Bytes bytes) {
  const Bytes one[] = {bytes};
  TRY(put_objects(one));
  return crypto::sha256(bytes);
}

Result<void> StoreImpl::erase_side(const RunId& run, std::optional<Seq> seq) {
  return with_lock([&](LockedState&) { return sides_.erase(run, seq); });
}

Reason reason_of(const Error& error) {
  if (full_disk(error)) return Reason::DiskFull;
  switch (error.sys_errno()) {
    case EUCLEAN:
    case ENODATA: return Reason::LedgerDamaged;
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

}  // namespace writ::ledger
