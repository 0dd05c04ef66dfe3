// The store as a class, for the files that it is written in: store.cc appends and hands over
// between threads, opening.cc creates, opens and recovers.
//
// Locks, in order: mutex_ (this process's threads, never held over input or output), then either
// the ledger lock (ledger/lock, between processes, for one batch) or the head lock
// (ledger/head.lock, between processes, for one head). `writing_` and `syncing_` mark the one
// thread that has left mutex_ to write or to sync for all; whoever is done hands over to the next
// in line, so that a thread is woken once.
//
// INVARIANT: tail_, segment_, segment_size_, reserve_whole_ and sides_ belong to the thread that
// set writing_. INVARIANT: durable_ <= written_; every entry below durable_ is on the disk.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ledger/store/files_internal.h"
#include "ledger/store/store.h"

namespace writ::ledger {

inline constexpr std::uint64_t kFailMarkBytes = 64;

struct Request {
  std::vector<Draft>* drafts = nullptr;  // null: only waits for `end` to be durable
  bool needs_sync = false;
  bool at_once = false;
  Ticket ticket = {};
  std::uint64_t end = 0;  // index after its last entry
  std::optional<Error> error = {};
  enum { Queued, Written, Done } state = Queued;
  std::condition_variable wake = {};
};

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
  Result<Checkpoint> rotate(const crypto::PrivateKey& old_key, const crypto::PrivateKey& new_key,
                            bool recorded) override;
  Result<void> add_cosignatures(const std::string& note_text, std::string_view lines) override;
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
  Result<void> lock_ledger(int wait_millis);
  void unlock_ledger();
  Result<void> take_up();
  Result<void> nothing_to_wait_for(std::size_t entries);
  Result<bool> reaches(std::uint64_t end);
  Result<void> cut(const Scan& scan);
  Result<void> write_requests(std::span<Request* const> requests);
  Result<void> write_all(std::span<Request* const> requests);
  Result<void> set_aside();
  Result<void> give_up_reserve();
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
  std::uint64_t segment_size_ = 0;  // its file is at least so long
  bool reserve_whole_ = false;      // as this process last saw it
  std::uint64_t head_size_ = 0;     // a signed head that was seen: at least so much is covered
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

}  // namespace writ::ledger
