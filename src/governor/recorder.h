// The recorder of one run: every record of a run goes through it, in order, to the ledger.
//
// It gives each event the next number of the run and its parent, in the order of writing, and
// answers when the record is where its class demands (DESIGN §9): in the log (exec, refusal) or on
// the disk (end; in `strict` domains everything). While the oldest record that is not on the disk
// is 20 ms old, the next one waits for the disk first: gates hold. A thread of its own brings
// records to the disk within half of that and signs a head for every 100 ms of change.
//
//   Recorder recorder(store, log_key, clock, random, {run, permit, strict});
//   EventId exec = TRY(recorder.record(parent, make, Class::Ordered));
//
// After an error nothing more is recorded: `failure()` says why, and the run must end.
// Thread safety: all functions may be called from any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "ledger/side.h"
#include "ledger/store/store.h"

namespace writ::governor {

enum class Class {
  Ordered,  // written before effect, durable within 20 ms; in strict domains durable before effect
  Durable,  // durable before effect
};

struct RecorderOptions {
  RunId run;
  PermitId permit;
  bool strict = false;
  std::uint64_t next_seq = 1;  // the admission is 0
};

class Recorder {
 public:
  // What a record says, and the digest of the decision that it carries out. Both are made with the
  // salt of the record's own clear text; what is put into `side` is kept beside the log.
  struct Made {
    ledger::Body body;
    Digest32 decision;
  };
  using Make = std::function<Result<Made>(ledger::Side& side)>;

  Recorder(ledger::Store& store, const crypto::PrivateKey& log_key, const Clock& clock,
           Random& random, const RecorderOptions& options);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  Result<ledger::EventId> record(const ledger::EventId& parent, const Make& make, Class wanted);
  // record_at_once is record for Class::Ordered where nobody has to be waited for: no other record,
  // no sync that is due or under way, no other process. Otherwise nothing: ask record.
  std::optional<ledger::EventId> record_at_once(const ledger::EventId& parent, const Make& make);

  // on_failure is called once, from any thread, when a record could not be written or synced.
  void on_failure(std::function<void(const Error&)> call);
  std::optional<Error> failure() const;

  // close stops the thread, makes everything durable and signs the last head.
  Result<ledger::Checkpoint> close();

  LeafIndex last_leaf() const;

  // totals of what was written, by kind.
  struct Totals {
    std::uint64_t execs = 0;
    std::uint64_t refusals = 0;
  };
  Totals totals() const;

 private:
  Result<ledger::Draft> next(const ledger::EventId& parent, const Make& make);
  Result<ledger::Ticket> write(ledger::Draft draft, ledger::Wait wait);
  bool sync_is_due() const;
  void wake_keeper();
  void keep_synced();
  void fail(const Error& error);

  ledger::Store& store_;
  const crypto::PrivateKey& log_key_;
  const Clock& clock_;
  Random& random_;
  const RecorderOptions options_;

  mutable std::mutex
      mutex_;  // held while a record is numbered and written, and what that waits for
  std::uint64_t next_seq_;
  LeafIndex last_leaf_;
  Totals totals_;
  std::optional<Error> failure_;
  std::function<void(const Error&)> on_failure_;

  std::mutex wake_mutex_;  // INVARIANT: never taken before mutex_
  std::condition_variable wake_;
  bool dirty_ = false;  // written since the last sync
  bool stop_ = false;
  std::thread keeper_;
};

}  // namespace writ::governor
