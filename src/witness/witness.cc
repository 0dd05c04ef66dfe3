#include "witness/witness.h"

#include <mutex>

#include "crypto/sha.h"
#include "ledger/add_checkpoint.h"
#include "ledger/checkpoint.h"
#include "ledger/note_internal.h"

namespace writ::witness {
namespace {

constexpr int kLockMillis = 5'000;

Answer refuse(int status, const std::string& why) {
  return {status, why + "\n"};
}

class WitnessImpl final : public Witness {
 public:
  WitnessImpl(Storage& storage, UniqueFd dir, UniqueFd lock, ledger::CosignerKey key,
              crypto::PrivateKey secret, std::vector<ledger::VerifierKey> logs, const Clock& clock)
      : storage_(storage),
        dir_(std::move(dir)),
        lock_(std::move(lock)),
        key_(std::move(key)),
        secret_(std::move(secret)),
        logs_(std::move(logs)),
        clock_(clock) {}

  Answer add_checkpoint(Bytes body) override;
  Answer checkpoint(std::string_view origin_digest_hex) override;
  const ledger::CosignerKey& key() const override { return key_; }

 private:
  // What is remembered of one log: its last cosigned head, as it was served.
  struct Remembered {
    ledger::Checkpoint head;
    std::uint64_t time = 0;
  };
  Result<Remembered> remembered(const std::string& origin) const;
  Result<Answer> judge(const ledger::AddCheckpoint& request, const ledger::Note& note,
                       const ledger::Checkpoint& head,
                       const std::vector<ledger::VerifierKey>& keys);

  Storage& storage_;
  const UniqueFd dir_;
  const UniqueFd lock_;
  const ledger::CosignerKey key_;
  const crypto::PrivateKey secret_;
  const std::vector<ledger::VerifierKey> logs_;
  const Clock& clock_;
  std::mutex mutex_;  // threads share the file lock
};

Result<WitnessImpl::Remembered> WitnessImpl::remembered(const std::string& origin) const {
  const Result<ByteVec> bytes =
      read_file(storage_, dir_.borrow(), origin_hex(origin), ledger::kMaxNote);
  if (!bytes) {
    if (bytes.error().code() != Code::NotFound) return bytes.error();
    return Remembered{{origin, TreeSize(0), ledger::empty_root()}, 0};
  }
  // Our own file: what is not ours in it is damage, and damage cosigns nothing.
  const ledger::Note note = TRY(ledger::parse_note(*bytes));
  const auto by_us = TRY(ledger::verify_cosignatures(note, {&key_, 1}));
  if (by_us.empty()) return Error(Code::Malformed, "the remembered head is not cosigned by us");
  return Remembered{TRY(ledger::parse_checkpoint(note.text)), by_us.front().unix_seconds};
}

// Under the lock: check, remember durably, and only then answer. `keys` are those of the head's
// origin, whose signatures verify.
Result<Answer> WitnessImpl::judge(const ledger::AddCheckpoint& request, const ledger::Note& note,
                                  const ledger::Checkpoint& head,
                                  const std::vector<ledger::VerifierKey>& keys) {
  const Remembered last = TRY(remembered(head.origin));
  if (request.old != last.head.size) {
    return Answer{409, std::to_string(last.head.size.get()) + "\n", "text/x.tlog.size"};
  }
  if (Result<void> continues = ledger::check_consistency(last.head.size, head.size, last.head.root,
                                                         head.root, request.path);
      !continues) {
    return refuse(422, continues.error().message());
  }
  const std::int64_t now = clock_.now().get() / 1000;
  if (now <= 0 || static_cast<std::uint64_t>(now) < last.time) {
    return Error(Code::Unavailable, "the witness's clock is behind its last cosignature");
  }
  const std::string line =
      TRY(ledger::cosign(note.text, static_cast<std::uint64_t>(now), key_.name, secret_));
  // Of the signatures that came along only those that were checked are kept, each once: the log's.
  // What a stranger adds to a note is not his to have served, nor to make our own file too long.
  std::string kept = note.text + "\n";
  for (const ledger::VerifierKey& log : keys) {
    for (const ledger::NoteSignature& signature : note.signatures) {
      if (log.name != signature.name || log.id != signature.id) continue;
      kept += ledger::signature_line(signature.name, signature.id, signature.bytes);
      break;
    }
  }
  if (kept.size() + line.size() > ledger::kMaxNote) {
    return refuse(400, "the checkpoint is too long to be cosigned");
  }
  TRY(write_file_durably(storage_, dir_.borrow(), origin_hex(head.origin),
                         as_bytes(std::string_view(kept + line))));
  return Answer{200, line};
}

Answer WitnessImpl::add_checkpoint(Bytes body) {
  const Result<ledger::AddCheckpoint> request = ledger::parse_add_checkpoint(body);
  if (!request) return refuse(400, request.error().message());
  const Result<ledger::Note> note = ledger::parse_note(as_bytes(request->note));
  if (!note) return refuse(400, note.error().message());
  const Result<ledger::Checkpoint> head = ledger::parse_claimed_checkpoint(note->text);
  if (!head) return refuse(400, head.error().message());
  std::vector<ledger::VerifierKey> keys;
  for (const ledger::VerifierKey& log : logs_) {
    if (log.name == head->origin) keys.push_back(log);
  }
  if (keys.empty()) return refuse(404, "no log of that origin is known here");
  if (Result<ledger::VerifiedNote> by = ledger::verify_note(as_bytes(request->note), keys); !by) {
    return refuse(403, by.error().message());
  }
  if (request->old.get() > head->size.get()) {
    return refuse(400, "the old size is larger than the checkpoint's");
  }
  const std::lock_guard<std::mutex> one_at_a_time(mutex_);
  if (Result<void> locked = storage_.lock(lock_.borrow(), kLockMillis); !locked) {
    return refuse(500, "the witness is busy");
  }
  Result<Answer> answer = judge(*request, *note, *head, keys);
  (void)storage_.unlock(lock_.borrow());
  // Why a witness fails is its operator's business, not a stranger's.
  if (!answer) return refuse(500, "the witness cannot answer now");
  return std::move(answer).value();
}

Answer WitnessImpl::checkpoint(std::string_view origin_digest_hex) {
  for (const ledger::VerifierKey& log : logs_) {
    if (origin_hex(log.name) != origin_digest_hex) continue;
    const Result<ByteVec> note =
        read_file(storage_, dir_.borrow(), origin_hex(log.name), ledger::kMaxNote);
    if (note) return {200, std::string(as_text(*note))};
    if (note.error().code() != Code::NotFound) return refuse(500, "the witness cannot answer now");
    break;
  }
  return refuse(404, "nothing of that log was cosigned here");
}

}  // namespace

std::string origin_hex(std::string_view origin) {
  return to_hex(crypto::sha256(as_bytes(origin)));
}

Result<std::unique_ptr<Witness>> Witness::open(Storage& storage, const std::string& directory,
                                               std::string_view name, crypto::PrivateKey key,
                                               std::vector<ledger::VerifierKey> logs,
                                               const Clock& clock) {
  ledger::CosignerKey cosigner = TRY(ledger::make_cosigner_key(name, key.public_key()));
  for (const ledger::VerifierKey& log : logs) {
    if (log.key != key.public_key()) continue;
    return Error(Code::InvalidArgument, "a witness cannot have the key of a log that it watches");
  }
  UniqueFd dir = TRY(open_made_dir(storage, directory));
  UniqueFd lock = TRY(storage.open_file(dir.borrow(), "lock", FileUse::ReadWriteCreate));
  return std::unique_ptr<Witness>(
      std::make_unique<WitnessImpl>(storage, std::move(dir), std::move(lock), std::move(cosigner),
                                    std::move(key), std::move(logs), clock));
}

}  // namespace writ::witness
