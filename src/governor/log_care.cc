#include "governor/log_care.h"

#include "cose/key.h"
#include "crypto/pem.h"
#include "governor/keystore.h"
#include "ledger/store/reader.h"
#include "ledger/store/store.h"

namespace writ::governor {
namespace {

constexpr std::string_view kNextLogKey = "log.next";

// Whether the log holds a change to this key.
Result<bool> change_recorded(Storage& storage, const std::string& state, const std::string& vkey) {
  auto reader = TRY(ledger::LedgerReader::open(storage, state));
  bool found = false;
  const auto look = [&](LeafIndex, Bytes entry) -> Result<bool> {
    const ledger::Event event = TRY(ledger::decode_event(entry));
    const ledger::Rotate* rotate = event.as<ledger::Rotate>();
    found = rotate != nullptr && rotate->vkey == vkey;
    return !found;
  };
  TRY(reader->for_each(LeafIndex(0), look));
  return found;
}

// nobody_runs: Conflict while runs are registered.
Result<void> nobody_runs(ledger::LockedState& state) {
  const std::vector<std::string> runs = TRY(state.list("runs"));
  if (runs.empty()) return {};
  return Error(Code::Conflict, std::to_string(runs.size()) +
                                   " runs are alive and sign with the key in force; wait for their "
                                   "end, or end them (writ ps, writ revoke)");
}

// something_kept: NotFound unless the log has this event and clear text of it, or with `whole_run`
// of any event of its run, is kept. An Erase entry names its event as its cause, for ever.
Result<void> something_kept(Storage& storage, const std::string& state, const ledger::EventId& id,
                            bool whole_run) {
  auto reader = TRY(ledger::LedgerReader::open(storage, state));
  bool exists = false, kept = false;
  const auto look = [&](LeafIndex, Bytes entry) -> Result<bool> {
    const ledger::Event event = TRY(ledger::decode_event(entry));
    if (event.id() == id) exists = true;
    if (event.id() == id || (whole_run && event.id().run == id.run)) {
      kept = kept || reader->side(event.id()).has_value();
    }
    return !(exists && kept);
  };
  TRY(reader->for_each(LeafIndex(0), look));
  const std::string name = whole_run ? to_string(id.run) : ledger::to_string(id);
  if (!exists) return Error(Code::NotFound, "the ledger has no `" + name + "`");
  if (!kept) return Error(Code::NotFound, "no clear text of `" + name + "` is kept");
  return {};
}

}  // namespace

Result<RotateDone> rotate_log_key(const Home& home, Storage& storage, const Clock& clock,
                                  Random& random) {
  UniqueFd keys = TRY(storage.open_dir(FdRef::cwd(), home.config + "/keys"));
  const std::string next_file = std::string(kNextLogKey) + ".pem";
  Result<crypto::PrivateKey> next = load_key(home, kNextLogKey);
  const bool begun = next.has_value();
  if (!begun) {
    if (next.error().code() != Code::NotFound) return Error(std::move(next).error());
    next = crypto::generate_key(crypto::Algorithm::EdDSA, random);
    const SecretBytes text = crypto::private_to_pem(*next);
    TRY(write_file_durably(
        storage, keys.borrow(), next_file,
        text.reveal(SecretAccess::for_reason("a new log key is written to its file"))));
  }
  auto store = TRY(ledger::Store::open(storage, home.state, clock, {}));
  const ledger::VerifierKey after =
      TRY(ledger::make_vkey(store->log_key().name, next->public_key()));
  RotateDone done{store->log_key(), after, {}, begun};
  if (store->log_key() != after) {
    const crypto::PrivateKey old_key = TRY(load_key(home, kLogKey));
    TRY(store->with_lock(&nobody_runs));
    const bool recorded =
        begun && TRY(change_recorded(storage, home.state, ledger::to_string(after)));
    done.head = TRY(store->rotate(old_key, *next, recorded));
  } else {
    done.head = TRY(store->sign_head(*next));
  }
  TRY(storage.rename(keys.borrow(), next_file, std::string(kLogKey) + ".pem"));
  TRY(storage.sync_dir(keys.borrow()));
  return done;
}

Result<Erased> erase_clear_text(const Home& home, Storage& storage, const Clock& clock,
                                Random& random, const RunId& run, std::optional<Seq> seq,
                                std::string_view reason) {
  const crypto::PrivateKey runner = TRY(load_key(home, kRunnerKey));
  const crypto::PrivateKey log_key = TRY(load_key(home, kLogKey));
  const ledger::EventId cause{run, seq.value_or(Seq(0))};
  TRY(something_kept(storage, home.state, cause, !seq));
  auto store = TRY(ledger::Store::open(storage, home.state, clock, {}));
  ledger::Salt salt{};
  random.fill(salt);
  ledger::Side side(salt);
  ledger::Erase body;
  body.run = run;
  body.seq = seq;
  body.sentence = side.put("sentence", as_bytes(reason));
  ledger::Event event =
      TRY(ledger::make_event({ledger::kNoRun, Seq(0)}, cause,
                             ledger::KeyAuthority{cose::key_id(runner.public_key())}, body));
  const ledger::Ticket ticket =
      TRY(store->append({std::move(event), side.encode()}, ledger::Wait::Durable));
  TRY(store->erase_side(run, seq));
  TRY(store->sign_head(log_key));
  return Erased{ticket.first};
}

}  // namespace writ::governor
