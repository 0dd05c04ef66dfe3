#include "governor/recorder.h"

#include <chrono>
#include <utility>

namespace writ::governor {
namespace {

constexpr std::int64_t kMaxUnsynced = 20'000'000;          // ns: gates hold
constexpr auto kSyncAfter = std::chrono::milliseconds(8);  // leaves room for the sync itself
constexpr std::int64_t kHeadEvery = 100'000'000;           // ns

}  // namespace

Recorder::Recorder(ledger::Store& store, const crypto::PrivateKey& log_key, const Clock& clock,
                   Random& random, const RecorderOptions& options)
    : store_(store),
      log_key_(log_key),
      clock_(clock),
      random_(random),
      options_(options),
      next_seq_(options.next_seq),
      keeper_([this] { keep_synced(); }) {}

Recorder::~Recorder() {
  (void)close();
}

// Under mutex_: the next record.
Result<ledger::Draft> Recorder::next(const ledger::EventId& parent, const Make& make) {
  ledger::Salt salt{};
  random_.fill(salt);
  ledger::Side side(salt);
  Made made = TRY(make(side));
  const ledger::EventId id{options_.run, Seq(next_seq_)};
  ledger::Event event = TRY(ledger::make_event(
      id, parent, ledger::PermitAuthority{options_.permit, made.decision}, std::move(made.body)));
  return ledger::Draft{std::move(event), side.values().empty() ? ByteVec() : side.encode()};
}

// Under mutex_: writes it. Its number is used up only when that succeeds.
Result<ledger::Ticket> Recorder::write(ledger::Draft draft, ledger::Wait wait) {
  const ledger::EventKind kind = draft.event.kind();
  ledger::Ticket ticket = TRY(store_.append(std::move(draft), wait));
  ++next_seq_;
  last_leaf_ = ticket.first;
  if (kind == ledger::EventKind::Exec) ++totals_.execs;
  if (kind == ledger::EventKind::Refusal) ++totals_.refusals;
  return ticket;
}

bool Recorder::sync_is_due() const {
  const std::optional<std::int64_t> oldest = store_.oldest_unsynced();
  return oldest && clock_.boot_nanos() - *oldest >= kMaxUnsynced;
}

// The keeper is woken by the first record after a sync began; it sleeps until that sync is due.
void Recorder::wake_keeper() {
  {
    const std::scoped_lock lock(wake_mutex_);
    if (std::exchange(dirty_, true)) return;
  }
  wake_.notify_one();
}

Result<ledger::EventId> Recorder::record(const ledger::EventId& parent, const Make& make,
                                         Class wanted) {
  const bool durable = wanted == Class::Durable || options_.strict;
  ledger::Ticket ticket;
  {
    std::unique_lock lock(mutex_);
    if (failure_) return Error(*failure_);
    if (!durable && sync_is_due()) {
      if (Result<void> synced = store_.sync(); !synced) {
        lock.unlock();
        fail(synced.error());
        return Error(synced.error());
      }
    }
    Result<ledger::Ticket> written = write(TRY(next(parent, make)), ledger::Wait::Written);
    if (!written) {
      lock.unlock();
      fail(written.error());
      return Error(written.error());
    }
    ticket = std::move(*written);
  }
  if (durable) {
    if (Result<void> synced = store_.wait_durable(ticket); !synced) {
      fail(synced.error());
      return Error(synced.error());
    }
  }
  wake_keeper();
  return ticket.ids.at(0);
}

std::optional<ledger::EventId> Recorder::record_at_once(const ledger::EventId& parent,
                                                        const Make& make) {
  if (options_.strict) return std::nullopt;
  ledger::EventId id;
  {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || failure_ || sync_is_due()) return std::nullopt;
    Result<ledger::Draft> draft = next(parent, make);
    if (!draft) return std::nullopt;
    const Result<ledger::Ticket> written = write(std::move(*draft), ledger::Wait::AtOnce);
    if (!written) return std::nullopt;  // whatever it was, record meets it too
    id = written->ids.at(0);
  }
  wake_keeper();
  return id;
}

void Recorder::on_failure(std::function<void(const Error&)> call) {
  const std::scoped_lock lock(mutex_);
  on_failure_ = std::move(call);
}

std::optional<Error> Recorder::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

LeafIndex Recorder::last_leaf() const {
  const std::scoped_lock lock(mutex_);
  return last_leaf_;
}

Recorder::Totals Recorder::totals() const {
  const std::scoped_lock lock(mutex_);
  return totals_;
}

void Recorder::fail(const Error& error) {
  std::function<void(const Error&)> call;
  {
    const std::scoped_lock lock(mutex_);
    if (failure_) return;
    failure_ = error;
    call = on_failure_;
  }
  if (call) call(error);
}

void Recorder::keep_synced() {
  std::int64_t last_head = 0;
  bool head_due = false;
  for (;;) {
    {
      std::unique_lock lock(wake_mutex_);
      const auto ready = [&] { return stop_ || dirty_; };
      if (head_due) {
        wake_.wait_for(lock, std::chrono::nanoseconds(kHeadEvery), ready);
      } else {
        wake_.wait(lock, ready);
      }
      if (stop_) return;
      if (dirty_) wake_.wait_for(lock, kSyncAfter, [&] { return stop_; });
      dirty_ = false;
    }
    if (failure()) continue;
    head_due = true;
    Result<void> done = store_.sync();
    if (done && clock_.boot_nanos() - last_head >= kHeadEvery) {
      Result<ledger::Checkpoint> head = store_.sign_head(log_key_);
      if (!head) done = head.error();
      last_head = clock_.boot_nanos();
      head_due = false;
    }
    if (!done) fail(done.error());
  }
}

Result<ledger::Checkpoint> Recorder::close() {
  {
    const std::scoped_lock lock(wake_mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  if (!keeper_.joinable()) return Error(Code::Conflict, "the recorder is closed");
  keeper_.join();
  if (std::optional<Error> failed = failure()) return Error(*failed);
  return store_.sign_head(log_key_);
}

}  // namespace writ::governor
