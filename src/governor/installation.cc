#include "governor/installation.h"

#include <unistd.h>

#include "governor/config.h"
#include "governor/denial.h"
#include "governor/keystore.h"

namespace writ::governor {

Result<MaybeInstallation> open_installation(const Home& home, const Account& account,
                                            Storage& storage, const Clock& clock, Random& random) {
  const Config config = TRY(load_config(home));
  RunAs who;
  who.uid = account.uid;
  who.gid = ::getegid();
  if (account.uid == 0) {
    who.other_uid = account.sudo_uid ? account.sudo_uid : config.root_uid;
    who.other_gid = account.sudo_uid ? account.sudo_gid : config.root_gid;
    who.own_files = !account.sudo_uid.has_value();
  }
  Result<crypto::PrivateKey> runner = load_key(home, kRunnerKey);
  if (!runner) return MaybeInstallation(key_denial(runner.error(), "runner"));
  Result<crypto::PrivateKey> log_key = load_key(home, kLogKey);
  if (!log_key) return MaybeInstallation(key_denial(log_key.error(), "log"));
  Result<std::unique_ptr<ledger::Store>> store =
      ledger::Store::open(storage, home.state, clock, {});
  if (!store) return MaybeInstallation(ledger_denial(store.error(), "open the ledger"));
  if ((*store)->log_key().key != log_key->public_key()) {
    return MaybeInstallation(
        deny(Reason::KeyUnavailable, "use the log key",
             home.key_file(kLogKey) + " is not the key of the ledger in " + home.ledger(),
             "put the log's own key back"));
  }
  return MaybeInstallation(std::unique_ptr<Installation>(
      new Installation{home, account, who, storage, clock, random, std::move(*runner),
                       std::move(*log_key), std::move(*store)}));
}

}  // namespace writ::governor
