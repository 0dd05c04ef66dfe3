// What the ledger's verbs share: naming an entry, and whom the caller trusts.
// Thread safety: one verb at a time.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "ledger/store/search.h"
#include "ledger/trust_policy.h"
#include "writ/options.h"

namespace writ::cli {

// find_entry reads an entry's number, or RUN/SEQ; outside runs `-/SEQ` or `outside/SEQ`. NotFound
// when the log has no such event; a number is taken as it is.
Result<LeafIndex> find_entry(ledger::Search& search, const std::string& text);

// find_run is the run that the target names, whole or by its start, or with --last the one that was
// admitted last. NotFound, or InvalidArgument when several fit; `verb` is for the message.
Result<RunId> find_run(const Options& options, ledger::LedgerReader& reader, const char* verb);

// entry_range is --from and --to, both included; nothing when neither is given. InvalidArgument
// when it holds nothing.
Result<std::optional<std::pair<LeafIndex, LeafIndex>>> entry_range(const LedgerOptions& options);

// log_key_given is --log-key; InvalidArgument when it is no key.
Result<std::optional<ledger::VerifierKey>> log_key_given(const Options& options);

// policy_given is --policy FILE, or trust in --log-key alone. InvalidArgument without either: an
// offline check must say whom it trusts.
Result<ledger::TrustPolicy> policy_given(const Options& options);

// A head that somebody kept. Nothing in it was verified.
struct KeptHead {
  ByteVec note;
  ledger::Checkpoint checkpoint;
};
// kept_head_given is --head FILE; Malformed when it is no checkpoint.
Result<std::optional<KeptHead>> kept_head_given(const Options& options);

}  // namespace writ::cli
