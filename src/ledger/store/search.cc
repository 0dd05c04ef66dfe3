// Who brings the index up to date holds `index.lock`, opens the file by its name under it, and
// removes it there when it is wrong: a file that was removed is never written again.
#include "ledger/store/search.h"

#include <algorithm>
#include <cerrno>

#include "crypto/sha.h"
#include "ledger/store/files_internal.h"
#include "ledger/store/index_internal.h"
#include "ledger/tree.h"

namespace writ::ledger {
namespace {

constexpr std::uint64_t kEntriesAStep = 20'000;
constexpr std::uint64_t kBytesAnEntry = 100;  // of the index, with room to spare
constexpr std::uint64_t kRoomToLeave = std::uint64_t{32}
                                       << 20;  // on the disk, for what matters more
constexpr int kLockMillis = 2'000;

bool by_writ(EndReason reason) {
  return reason != EndReason::Exited && reason != EndReason::Signalled;
}

Result<void> remove_files(Storage& storage, FdRef root) {
  TRY(storage.unlink(root, kIndexJournal));
  return storage.unlink(root, kIndexName);
}

// The log's name: the hash of its first entry.
Result<LedgerId> ledger_of(LedgerReader& reader) {
  const ByteVec genesis = TRY(reader.entry(LeafIndex(0)));
  return LedgerId(crypto::sha256(genesis).get());
}

}  // namespace

IndexRow row_of(const Event& event) {
  IndexRow row;
  row.kind = event.kind();
  row.id = event.id();
  row.time = event.time().get();
  if (const auto* by = std::get_if<PermitAuthority>(&event.authority())) row.permit = by->permit;
  if (const Denial* denial = event.as<Denial>()) row.reason = code_of(denial->reason);
  if (const Refusal* refusal = event.as<Refusal>()) row.reason = code_of(refusal->reason);
  if (const End* end = event.as<End>()) {
    row.reason = code_of(end->reason);
    row.refused = by_writ(end->reason);
  }
  if (const Interrupted* cut = event.as<Interrupted>()) row.reason = code_of(cut->reason);
  row.refused = row.refused || row.kind == EventKind::Denial || row.kind == EventKind::Refusal;
  return row;
}

bool EntryQuery::takes(LeafIndex index, const Event& event) const {
  if (index < from || index > to) return false;
  if (kind && event.kind() != *kind) return false;
  if (run && event.id().run != *run) return false;
  if (seq && event.seq() != *seq) return false;
  if (event.time().get() < since || event.time().get() > until) return false;
  if (permit.empty() && reason.empty() && !refused) return true;
  const IndexRow row = row_of(event);
  if (refused && !row.refused) return false;
  if (!reason.empty() && row.reason != reason) return false;
  return permit.empty() || (row.permit && to_hex(*row.permit).starts_with(permit));
}

bool EntryQuery::narrow() const {
  const EntryQuery all;
  return kind || run || seq || !permit.empty() || !reason.empty() || refused ||
         since != all.since || until != all.until;
}

namespace {

class SearchImpl final : public Search {
 public:
  SearchImpl(Storage& storage, std::string state_dir, LedgerReader& reader, SearchOptions options)
      : storage_(storage),
        state_dir_(std::move(state_dir)),
        reader_(reader),
        options_(std::move(options)) {}

  Result<void> each(const EntryQuery& query, const Visit& visit) override;
  Result<std::optional<LeafIndex>> newest(
      const EntryQuery& query, const std::function<bool(LeafIndex, const Event&)>& accept) override;
  std::uint64_t indexed() const override { return index_ ? covered_ : 0; }
  const std::string& note() const override { return note_; }

 private:
  void prepare(const EntryQuery& query);
  Result<void> open_index();
  Result<bool> covers(const IndexCover& cover, const Checkpoint& head);
  Result<void> update(const Checkpoint& head);
  Result<void> extend(std::uint64_t from, const Checkpoint& head);
  void condemn(const std::string& why);
  std::string path() const { return state_dir_ + "/" + kIndexName; }

  Storage& storage_;
  const std::string state_dir_;
  LedgerReader& reader_;
  const SearchOptions options_;
  UniqueFd root_;
  std::unique_ptr<LogIndex> index_;
  LedgerId ledger_;
  std::uint64_t covered_ = 0;
  bool prepared_ = false;
  std::string note_;
};

// Whether the index speaks of this log and of no more than its signed head does.
Result<bool> SearchImpl::covers(const IndexCover& cover, const Checkpoint& head) {
  if (cover.ledger != ledger_ || cover.size > head.size.get()) return false;
  const ByteVec last = TRY(reader_.entry(LeafIndex(cover.size - 1)));
  return leaf_hash(last) == cover.last;
}

void SearchImpl::prepare(const EntryQuery& query) {
  if (prepared_ || !query.narrow()) return;
  prepared_ = true;
  if (Result<void> opened = open_index(); !opened) {
    index_.reset();
    note_ = "the log has no index and is read as a whole: " + opened.error().message();
  }
}

Result<void> SearchImpl::open_index() {
  const Result<Checkpoint> head = reader_.head();
  if (!head || head->size.get() == 0) return {};
  root_ = TRY(storage_.open_dir(FdRef::cwd(), state_dir_));
  if (head->size.get() < options_.lag &&
      !storage_.open_file(root_.borrow(), kIndexName, FileUse::Read)) {
    return {};  // not worth one
  }
  ledger_ = TRY(ledger_of(reader_));
  Result<UniqueFd> lock = storage_.open_file(root_.borrow(), kIndexLock, FileUse::ReadWriteCreate);
  Result<void> held = lock ? storage_.lock(lock->borrow(), 0) : Result<void>(lock.error());
  if (held) {
    const auto say = [&](std::uint64_t done) {
      if (options_.progress) options_.progress(done, head->size.get());
    };
    say(0);
    const Result<void> updated = update(*head);
    say(head->size.get());
    (void)storage_.unlock(lock->borrow());
    if (updated || index_) return {};
    return updated;
  }
  // Somebody else is at it, or this directory cannot be written: what is there will do.
  Result<std::unique_ptr<LogIndex>> there = LogIndex::open_to_read(path());
  if (!there) {
    if (held.error().sys_errno() == EWOULDBLOCK) return {};  // it is just being made
    return held;
  }
  const auto cover = TRY((*there)->cover());
  if (!cover) return {};
  if (!TRY(covers(*cover, *head))) return Error(Code::Conflict, "the index is of another log");
  index_ = std::move(*there);
  covered_ = cover->size;
  return {};
}

// Under the lock: opens the index, anew when it is wrong, and brings it up to the head.
Result<void> SearchImpl::update(const Checkpoint& head) {
  for (bool anew : {false, true}) {
    if (anew) TRY(remove_files(storage_, root_.borrow()));
    (void)TRY(storage_.open_file(root_.borrow(), kIndexName, FileUse::ReadWriteCreate));
    Result<std::unique_ptr<LogIndex>> opened = LogIndex::open_to_write(path());
    if (!opened) {
      if (anew || full_disk(opened.error())) return std::move(opened).error();
      continue;
    }
    const Result<std::optional<IndexCover>> cover = (*opened)->cover();
    if (!cover) continue;
    const bool fits = *cover ? TRY(covers(**cover, head)) : true;
    if (!fits) continue;
    index_ = std::move(*opened);
    covered_ = *cover ? (*cover)->size : 0;
    break;
  }
  if (!index_) return Error(Code::Unavailable, "a new index does not read back");
  if (head.size.get() - covered_ < options_.lag) return {};
  Result<void> extended = extend(covered_, head);
  if (extended) return {};
  index_->rollback();
  note_ = "the index could not be brought up to date: " + extended.error().message();
  if (covered_ == 0) index_.reset();
  return {};
}

Result<void> SearchImpl::extend(std::uint64_t from, const Checkpoint& head) {
  const std::uint64_t to = head.size.get();
  const std::uint64_t room = TRY(storage_.free_bytes(root_.borrow()));
  if (room < kRoomToLeave + (to - from) * kBytesAnEntry) {
    return Error(Code::Exhausted, "the disk has " + std::to_string(room >> 20) + " MiB free");
  }
  std::uint64_t in_step = 0;
  const auto take = [&](LeafIndex at, Bytes entry) -> Result<bool> {
    if (in_step == 0) TRY(index_->begin());
    const Event event = TRY(decode_event(entry));
    TRY(index_->add(at, row_of(event)));
    ++in_step;
    const std::uint64_t next = at.get() + 1;
    if (in_step < kEntriesAStep && next < to) return true;
    TRY(index_->commit({ledger_, next, leaf_hash(entry)}));
    in_step = 0;
    covered_ = next;
    if (options_.progress) options_.progress(next, to);
    return next < to;
  };
  return reader_.for_each(LeafIndex(from), take);
}

// The index said something that is not so: it goes, and is made anew by the next search.
void SearchImpl::condemn(const std::string& why) {
  index_.reset();
  note_ = "the index was wrong (" + why + "); the log is read as a whole, and the index made anew";
  (void)discard_index(storage_, state_dir_);
}

Result<void> SearchImpl::each(const EntryQuery& query, const Visit& visit) {
  prepare(query);
  LeafIndex next = query.from;
  if (index_ && query.narrow()) {
    Result<bool> going = true;
    std::string fault;
    const Result<void> looked = index_->find(query, false, [&](LeafIndex at) {
      const Result<ByteVec> entry = reader_.entry(at);
      const Result<Event> event = entry ? decode_event(*entry) : entry.error();
      if (at < next || !event || !query.takes(at, *event)) {
        fault = "entry " + std::to_string(at.get()) + " is not what it says";
        return false;
      }
      going = visit(at, *event, *entry);
      next = LeafIndex(at.get() + 1);
      return going && *going;
    });
    if (!going) return std::move(going).error();
    if (!*going) return {};
    if (!looked) fault = looked.error().message();
    if (fault.empty()) {
      next = std::max(next, LeafIndex(covered_));
    } else {
      condemn(fault);  // what came before `next` was right; the rest is read
    }
  }
  return reader_.for_each(next, [&](LeafIndex at, Bytes entry) -> Result<bool> {
    if (at > query.to) return false;
    const Event event = TRY(decode_event(entry));
    return query.takes(at, event) ? visit(at, event, entry) : Result<bool>(true);
  });
}

Result<std::optional<LeafIndex>> SearchImpl::newest(
    const EntryQuery& query, const std::function<bool(LeafIndex, const Event&)>& accept) {
  prepare(query);
  std::optional<LeafIndex> last;
  const auto read_from = [&](std::uint64_t first) {
    return reader_.for_each(LeafIndex(first), [&](LeafIndex at, Bytes entry) -> Result<bool> {
      if (at > query.to) return false;
      const Event event = TRY(decode_event(entry));
      if (query.takes(at, event) && accept(at, event)) last = at;
      return true;
    });
  };
  const bool use = index_ && query.narrow();
  TRY(read_from(std::max(query.from.get(), use ? covered_ : 0)));
  if (last || !use) return last;
  std::string fault;
  const Result<void> looked = index_->find(query, true, [&](LeafIndex at) {
    const Result<ByteVec> entry = reader_.entry(at);
    const Result<Event> event = entry ? decode_event(*entry) : entry.error();
    if (!event || !query.takes(at, *event)) {
      fault = "entry " + std::to_string(at.get()) + " is not what it says";
      return false;
    }
    if (accept(at, *event)) last = at;
    return !last;
  });
  if (!looked) fault = looked.error().message();
  if (fault.empty()) return last;
  condemn(fault);
  last.reset();
  TRY(read_from(query.from.get()));
  return last;
}

}  // namespace

std::unique_ptr<Search> Search::open(Storage& storage, const std::string& state_dir,
                                     LedgerReader& reader, const SearchOptions& options) {
  return std::make_unique<SearchImpl>(storage, state_dir, reader, options);
}

Result<void> discard_index(Storage& storage, const std::string& state_dir) {
  UniqueFd root = TRY(storage.open_dir(FdRef::cwd(), state_dir));
  UniqueFd lock = TRY(storage.open_file(root.borrow(), kIndexLock, FileUse::ReadWriteCreate));
  TRY(storage.lock(lock.borrow(), kLockMillis));
  Result<void> removed = remove_files(storage, root.borrow());
  (void)storage.unlock(lock.borrow());
  return removed;
}

std::string index_fault(Storage& storage, const std::string& state_dir, LedgerReader& reader) {
  const std::string path = state_dir + "/" + kIndexName;
  const auto look = [&]() -> Result<void> {
    UniqueFd root = TRY(storage.open_dir(FdRef::cwd(), state_dir));
    Result<UniqueFd> file = storage.open_file(root.borrow(), kIndexName, FileUse::Read);
    if (!file && file.error().code() == Code::NotFound) return {};
    if (!file) return std::move(file).error();
    if (TRY(storage.size_of(file->borrow())) == 0) return {};  // just being made
    auto index = TRY(LogIndex::open_to_read(path));
    TRY(index->check());
    const std::optional<IndexCover> cover = TRY(index->cover());
    if (!cover) return {};
    if (cover->ledger != TRY(ledger_of(reader))) {
      return Error(Code::Malformed, "the index is of another log");
    }
    // Both in their order, a bundle of the log at a time.
    std::uint64_t next = 0;
    Result<void> read;
    const auto same = [&](LeafIndex at, const IndexRow& row) -> Result<void> {
      const ByteVec entry = TRY(reader.entry(LeafIndex(next)));
      const Event event = TRY(decode_event(entry));
      if (at != LeafIndex(next) || row != row_of(event) ||
          (next + 1 == cover->size && leaf_hash(entry) != cover->last)) {
        return Error(Code::Malformed,
                     "the index differs from the log at entry " + std::to_string(next));
      }
      ++next;
      return {};
    };
    TRY(index->each_row([&](LeafIndex at, const IndexRow& row) {
      read = same(at, row);
      return read.has_value();
    }));
    TRY(std::move(read));
    if (next != cover->size) return Error(Code::Malformed, "the index lacks entries");
    return {};
  };
  const Result<void> sound = look();
  return sound ? std::string() : sound.error().message();
}

}  // namespace writ::ledger
