// Init: a new installation, whole or not at all.
//
// Everything is made beside its place (`config.making`, `state.making`) and renamed in, state
// first: what has a configuration is complete. A crash in between is finished by the next init.
// Made: three keys; trust/you with a ceiling; domain "default"; the shipped sets; the starter
// policy, signed as generation 1; a ledger with genesis, keys, trust, domain and policy, head
// signed.
//
//   InitDone done = TRY(initialise(home, account, settings, storage, clock, random));
//
// Errors: Conflict when one is there, Denied or Exhausted with the path where a directory cannot be
// written. Thread safety: one call at a time for one home.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/durable.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "governor/home.h"
#include "ledger/checkpoint.h"

namespace writ::governor {

struct InitSettings {
  std::optional<SecretBytes> passphrase;  // of the authority key; none: it stays open
  std::string host;                       // for the ledger's origin
  std::string_view policies;              // the starter policy
  std::string_view schema;
  std::vector<std::pair<std::string, std::string_view>> sets;  // name, text
};

struct InitDone {
  std::string log;  // origin
  ledger::Checkpoint head;
  std::uint64_t entries = 0;
  bool finished_earlier = false;  // a former init had been interrupted; now it is complete
};

Result<InitDone> initialise(const Home& home, const Account& account, const InitSettings& settings,
                            Storage& storage, const Clock& clock, Random& random);

}  // namespace writ::governor
