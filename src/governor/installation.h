// The installation: what an embedded governor works with, opened once.
//
//   MaybeInstallation opened = TRY(open_installation(home, account, storage, clock, random));
//   if (const Denial* no = std::get_if<Denial>(&opened)) …
//
// Trusted: configuration and state of this account. Thread safety: one Installation belongs to one
// process; its members have their own rules.
#pragma once

#include <memory>
#include <variant>

#include "base/clock.h"
#include "base/random.h"
#include "base/reason.h"
#include "crypto/keys.h"
#include "governor/compile.h"
#include "governor/home.h"
#include "ledger/store/store.h"

namespace writ::governor {

struct Installation {
  Home home;
  Account account;
  RunAs who;
  Storage& storage;
  const Clock& clock;
  Random& random;
  crypto::PrivateKey runner;
  crypto::PrivateKey log_key;
  std::unique_ptr<ledger::Store> store;
};

using MaybeInstallation = std::variant<std::unique_ptr<Installation>, Denial>;
// open_installation loads keys and opens the ledger: key_unavailable, ledger_unavailable,
// ledger_damaged, disk_full, busy. An Error means that Writ is not set up here.
Result<MaybeInstallation> open_installation(const Home& home, const Account& account,
                                            Storage& storage, const Clock& clock, Random& random);

}  // namespace writ::governor
