// Requests to a witness, as strangers and a hostile log make them, over a life of it: steps of a
// script that the input is. Restarts, clocks that go wrong and a disk that fails come between.
//
// What a witness cosigned of a log is one history that only grows, each head with a time that does
// not go back; a head that was cosigned is the one remembered and served; every other answer is one
// of the protocol's and changes nothing; 500 is for its own failures alone.
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "base/random.h"
#include "ledger/add_checkpoint.h"
#include "ledger/checkpoint.h"
#include "ledger/cosignature.h"
#include "ledger/note_internal.h"
#include "witness/witness.h"

namespace writ::witness {
namespace {

using ledger::AddCheckpoint;
using ledger::Checkpoint;

constexpr std::uint64_t kMaxSize = 40;  // of the trees that are really there
constexpr std::size_t kMaxSteps = 16;

crypto::PrivateKey key_of(std::uint64_t seed) {
  SeededRandom random(seed);
  return crypto::generate_key(crypto::Algorithm::EdDSA, random);
}

// Files in memory, in one directory. Every change of it can fail.
class MemoryStorage final : public Storage {
 public:
  // fail_after: after so many changes that succeed, `count` fail. A failed write wrote half.
  void fail_after(unsigned changes, unsigned count) {
    changes_ = changes;
    failing_ = count;
  }
  bool failing() const { return failing_ > 0; }

  Result<UniqueFd> open_dir(FdRef, const std::string&) override { return memfd("dir"); }
  Result<void> make_dir(FdRef, const std::string&) override { return {}; }
  Result<UniqueFd> open_file(FdRef, const std::string& name, FileUse use) override {
    auto at = files_.find(name);
    if (at == files_.end()) {
      if (use == FileUse::Read || use == FileUse::ReadWrite) return errno_error(ENOENT, name);
      TRY(change());
      at = files_.emplace(name, TRY(memfd("file"))).first;
    }
    return dup_fd(at->second.borrow());
  }
  Result<std::vector<std::string>> list(FdRef, std::size_t) override {
    return Error(Code::Unsupported, "list");
  }
  Result<std::size_t> read_at(FdRef file, std::uint64_t offset, std::span<std::byte> out) override {
    return system_storage().read_at(file, offset, out);
  }
  Result<std::uint64_t> size_of(FdRef file) override { return system_storage().size_of(file); }
  Result<void> write_at(FdRef file, std::uint64_t offset, Bytes bytes) override {
    if (Result<void> may = change(); !may) {
      TRY(system_storage().write_at(file, offset, bytes.first(bytes.size() / 2)));
      return may;
    }
    return system_storage().write_at(file, offset, bytes);
  }
  Result<void> preallocate(FdRef, std::uint64_t, std::uint64_t) override { return change(); }
  Result<void> truncate(FdRef file, std::uint64_t length) override {
    TRY(change());
    return system_storage().truncate(file, length);
  }
  Result<void> sync_data(FdRef) override { return change(); }
  Result<void> sync_dir(FdRef) override { return change(); }
  Result<void> rename(FdRef, const std::string& from, const std::string& to) override {
    TRY(change());
    auto file = files_.extract(from);
    WRIT_ASSERT(!file.empty());
    files_[to] = std::move(file.mapped());
    return {};
  }
  Result<void> link(FdRef, const std::string&, const std::string&) override {
    return Error(Code::Unsupported, "link");
  }
  Result<void> unlink(FdRef, const std::string& name) override {
    TRY(change());
    files_.erase(name);
    return {};
  }
  Result<void> remove_dir(FdRef, const std::string&) override { return change(); }
  Result<void> lock(FdRef, int) override { return change(); }
  Result<void> unlock(FdRef) override { return {}; }
  Result<std::uint64_t> free_bytes(FdRef) override { return 1U << 30U; }
  Result<std::string> boot_id() override { return std::string("boot"); }

 private:
  Result<void> change() {
    if (failing_ == 0) return {};
    if (changes_ > 0) {
      --changes_;
      return {};
    }
    --failing_;
    return errno_error(EIO, "a disk that fails");
  }

  std::map<std::string, UniqueFd> files_;
  unsigned changes_ = 0;
  unsigned failing_ = 0;
};

// Two logs are watched; the first has two keys. A third is known to nobody.
struct Log {
  std::string origin;
  std::vector<crypto::PrivateKey> keys;
};
const std::array<Log, 3>& logs() {
  static const auto* all = [] {
    auto* made = new std::array<Log, 3>;
    (*made)[0].origin = "you@host";
    (*made)[0].keys.push_back(key_of(1));
    (*made)[0].keys.push_back(key_of(2));
    (*made)[1].origin = "other.example/log";
    (*made)[1].keys.push_back(key_of(3));
    (*made)[2].origin = "stranger";
    (*made)[2].keys.push_back(key_of(4));
    return made;
  }();
  return *all;
}
const std::vector<ledger::VerifierKey>& watched() {
  static const auto* keys = [] {
    auto* made = new std::vector<ledger::VerifierKey>;
    for (std::size_t i = 0; i < 2; ++i) {
      for (const crypto::PrivateKey& key : logs()[i].keys) {
        made->push_back(ledger::make_vkey(logs()[i].origin, key.public_key()).value());
      }
    }
    return made;
  }();
  return *keys;
}

// Two histories that part at entry 5.
NodeHash subtree(unsigned history, std::uint64_t from, std::uint64_t to) {
  ledger::Frontier tree;
  for (std::uint64_t i = from; i < to; ++i) {
    const std::string entry = (i < 5 || history == 0 ? "e" : "x") + std::to_string(i);
    tree.push(ledger::leaf_hash(as_bytes(std::string_view(entry))));
  }
  return tree.root();
}
NodeHash root_of(unsigned history, std::uint64_t size) {
  static std::map<std::pair<unsigned, std::uint64_t>, NodeHash> known;
  const auto at = known.find({history, size});
  if (at != known.end()) return at->second;
  return known[{history, size}] = subtree(history, 0, size);
}

// The script, byte by byte; zeros at its end.
class Script {
 public:
  explicit Script(Bytes bytes) : rest_(bytes) {}
  bool ended() const { return rest_.empty(); }
  unsigned number() {
    if (rest_.empty()) return 0;
    const unsigned value = std::to_integer<unsigned>(rest_.front());
    rest_ = rest_.subspan(1);
    return value;
  }
  Bytes bytes() {
    const std::size_t high = number();
    const std::size_t size = std::min(high << 8U | number(), rest_.size());
    const Bytes taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

 private:
  Bytes rest_;
};

class Life {
 public:
  Life() { restart(); }
  void step(Script& script);

 private:
  // What the witness has cosigned of a log, or remembers without having said so.
  struct Known {
    Checkpoint head;
    std::string text;
    std::uint64_t time = 0;
  };

  void restart() {
    Result<std::unique_ptr<Witness>> opened =
        Witness::open(storage_, "witness", "witness.example/w", key_of(7), watched(), clock_);
    if (!opened) WRIT_ASSERT(storage_fails_);
    if (opened) witness_ = std::move(opened).value();
  }
  std::string a_note(Script& script);
  void ask(std::string_view body);
  void check_cosigned(const AddCheckpoint& request, const Answer& answer);
  // What is served of a log, checked; nothing before the first.
  std::optional<Known> served(const std::string& origin);
  std::uint64_t now() const {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(clock_.now().get() / 1000, 0));
  }
  Known& known(const std::string& origin) {
    const auto [at, made] = known_.try_emplace(origin);
    if (made) at->second.head = {origin, TreeSize(0), ledger::empty_root()};
    return at->second;
  }

  MemoryStorage storage_;
  FakeClock clock_{UnixMillis(1'700'000'000'000)};
  std::unique_ptr<Witness> witness_;
  std::map<std::string, Known> known_;
  bool storage_fails_ = false;
};

// A head that one of the logs, or somebody in its name, signed; with further lines below it.
std::string Life::a_note(Script& script) {
  const Log& log = logs()[script.number() % 3];
  const unsigned signer = script.number();
  const unsigned what = script.number();
  Checkpoint head{log.origin, TreeSize(what % (kMaxSize + 1)), {}};
  head.root = root_of(what >> 7U, head.size.get());
  std::string text = ledger::encode_checkpoint(head);
  switch (script.number() % 4) {
    case 1: text += std::string(as_text(script.bytes())) + "\n"; break;
    case 2: text = std::string(as_text(script.bytes())); break;
    default: break;
  }
  const auto& keys = signer % 8 < 6 ? log.keys : logs()[signer % 2].keys;
  const auto note = ledger::sign_note(text, log.origin, keys[signer % keys.size()]);
  if (!note) return text + "\n";
  std::string whole = *note;
  const std::string line = whole.substr(text.size() + 1);
  for (unsigned more = script.number() % 128; more > 0; --more) whole += line;
  if (signer >= 128) {
    const ledger::VerifierKey& other = watched()[signer % watched().size()];
    whole += ledger::signature_line(other.name, other.id, script.bytes());
  }
  return whole + std::string(as_text(script.bytes()));
}

std::optional<Life::Known> Life::served(const std::string& origin) {
  const Answer answer = witness_->checkpoint(origin_hex(origin));
  if (answer.status == 404) return {};
  WRIT_ASSERT(answer.status == 200);
  const Bytes body = as_bytes(std::string_view(answer.body));
  // Whoever knows every key finds no false line in it.
  const auto verified = ledger::verify_note(body, watched());
  const auto note = ledger::parse_note(body);
  WRIT_ASSERT(verified && note);
  const auto by = ledger::verify_cosignatures(*note, {&witness_->key(), 1});
  WRIT_ASSERT(by && by->size() == 1);
  const auto head = ledger::parse_checkpoint(note->text);
  WRIT_ASSERT(head && head->origin == origin);
  return Known{*head, note->text, by->front().unix_seconds};
}

// A 200 cosigns the head that was asked for, now, and that head continues all that was cosigned.
void Life::check_cosigned(const AddCheckpoint& request, const Answer& answer) {
  const auto whole = ledger::with_cosignatures(request.note, answer.body);
  // A note may be as long as a note may be already; then the line is looked at alone.
  const auto note = ledger::parse_note(as_bytes(std::string_view(request.note)));
  WRIT_ASSERT(note.has_value());
  const std::string alone = note->text + "\n" + answer.body;
  const auto signed_by_us = ledger::parse_note(as_bytes(std::string_view(alone)));
  WRIT_ASSERT(signed_by_us && (whole || note->signatures.size() == ledger::kMaxNoteSignatures));
  const auto by = ledger::verify_cosignatures(*signed_by_us, {&witness_->key(), 1});
  WRIT_ASSERT(by && by->size() == 1 && by->front().unix_seconds == now() && now() > 0);
  const auto head = ledger::parse_checkpoint(note->text);
  WRIT_ASSERT(head.has_value());
  Known& last = known(head->origin);
  WRIT_ASSERT(request.old == last.head.size && head->size >= last.head.size);
  WRIT_ASSERT(now() >= last.time);
  WRIT_ASSERT(ledger::check_consistency(last.head.size, head->size, last.head.root, head->root,
                                        request.path));
  // What is known of trees, without a proof: no head of one history follows one of the other.
  for (unsigned history = 0; history < 2; ++history) {
    const std::uint64_t before = last.head.size.get(), after = head->size.get();
    if (before <= 5 || after > kMaxSize || last.head.root != root_of(history, before)) continue;
    WRIT_ASSERT(head->root == root_of(history, after));
  }
  last = {*head, note->text, now()};
}

void Life::ask(std::string_view body) {
  const Answer answer = witness_->add_checkpoint(as_bytes(body));
  const auto request = ledger::parse_add_checkpoint(as_bytes(body));
  const auto note = request ? ledger::parse_note(as_bytes(std::string_view(request->note)))
                            : Result<ledger::Note>(request.error());
  const auto head =
      note ? ledger::parse_claimed_checkpoint(note->text) : Result<Checkpoint>(note.error());
  const bool for_us =
      head && (head->origin == logs()[0].origin || head->origin == logs()[1].origin);
  switch (answer.status) {
    case 200: check_cosigned(request.value(), answer); break;
    case 400: WRIT_ASSERT(!head || request->old > head->size || body.size() > 900'000); break;
    case 403: WRIT_ASSERT(for_us); break;
    case 404: WRIT_ASSERT(head && !for_us); break;
    case 409:
      WRIT_ASSERT(for_us && request->old != known(head->origin).head.size);
      WRIT_ASSERT(answer.body == std::to_string(known(head->origin).head.size.get()) + "\n");
      WRIT_ASSERT(answer.type == "text/x.tlog.size");
      break;
    case 422: WRIT_ASSERT(for_us && request->old == known(head->origin).head.size); break;
    case 500:
      WRIT_ASSERT(for_us && (storage_fails_ || now() == 0 || now() < known(head->origin).time));
      break;
    default: WRIT_ASSERT(false); break;
  }
  // What is served is what was cosigned last. After a failure of the disk it may be the head that
  // was asked for and not cosigned: then the witness goes on from there.
  for (const std::size_t i : {0, 1}) {
    Known& last = known(logs()[i].origin);
    const std::optional<Known> there = served(logs()[i].origin);
    if (there && answer.status == 500 && storage_fails_ && head && there->head == *head &&
        there->text != last.text) {
      WRIT_ASSERT(ledger::check_consistency(last.head.size, head->size, last.head.root, head->root,
                                            request->path));
      WRIT_ASSERT(there->time == now());
      last = *there;
    }
    WRIT_ASSERT(there.has_value() == !last.text.empty());
    if (there) WRIT_ASSERT(there->text == last.text && there->time == last.time);
  }
  if (!storage_.failing()) storage_fails_ = false;
}

void Life::step(Script& script) {
  switch (script.number() % 6) {
    case 0: ask(as_text(script.bytes())); break;
    case 1: {
      // A head with a proof, true when the script wants it so.
      const unsigned old = script.number();
      AddCheckpoint request{TreeSize(old & 127U), {}, a_note(script)};
      const auto note = ledger::parse_note(as_bytes(std::string_view(request.note)));
      const auto head =
          note ? ledger::parse_claimed_checkpoint(note->text) : Result<Checkpoint>(note.error());
      if (head && (old & 127U) == 127) request.old = known(head->origin).head.size;
      const unsigned history = old >> 7U;
      if (head && head->size.get() <= kMaxSize) {
        const auto path = ledger::prove_consistency(
            request.old, head->size, [&](unsigned level, std::uint64_t index) -> Result<NodeHash> {
              return subtree(history, index << level, (index + 1) << level);
            });
        if (path) request.path = *path;
      }
      ask(ledger::encode_add_checkpoint(request));
      break;
    }
    case 2: {
      // The proof is the script's.
      AddCheckpoint request{TreeSize(script.number()), {}, a_note(script)};
      for (Bytes hashes = script.bytes(); hashes.size() >= 32; hashes = hashes.subspan(32)) {
        request.path.push_back(id_from_bytes<NodeHash>(hashes.first(32)).value());
      }
      ask(ledger::encode_add_checkpoint(request));
      break;
    }
    case 3: restart(); break;
    case 4: {
      const unsigned how = script.number();
      if (how == 0) {
        clock_.set_wall(UnixMillis(0));
      } else {
        clock_.advance_millis((static_cast<std::int64_t>(how) - 128) * 500);
      }
      break;
    }
    case 5: {
      const unsigned changes = script.number() % 12;
      storage_.fail_after(changes, 1 + script.number() % 4);
      storage_fails_ = true;
      break;
    }
    default: break;
  }
}

}  // namespace
}  // namespace writ::witness

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  witness::Script script({reinterpret_cast<const std::byte*>(data), size});
  witness::Life life;
  for (std::size_t steps = 0; steps < witness::kMaxSteps && !script.ended(); ++steps) {
    life.step(script);
  }
  return 0;
}
