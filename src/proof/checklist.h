// The checklist: what a proof bundle proves to somebody who has the bundle, some public keys and
// nothing else (DESIGN §9, P10).
//
// Steps, in this order, each with an outcome and a sentence. What a step proves, what it does not,
// and whom that rests on stands in one table (meaning_of), which the docs and --json repeat.
//   Head        a log key that is trusted, or one it handed over to, signed the head
//   Records     the entries are under that head, untouched
//   InForce     trust, domain, policy and revocations by then: none left out
//   Permit      the permit holds, by an authority that is trusted, and the holder asked for this
//   run Policy      every decision made again by Cedar, and equal Continuity  the run was verified
//   anew all along Complete    the run's numbers have no gap, its closing totals agree with its
//   entries Witnessed   others saw this head Host        what no file can prove
// Fails: it does not hold, and the bundle does not verify. Open: not shown; the sentence says what.
// A bundle verifies when no step fails. Where Head or Records fail, nothing after them is judged.
//
//   Checklist list = check_proof(bundle, {{ops_key}, ledger::policy_of(log_key), {}});
//   if (!list.verified()) …
//
// Hostile: the bundle. Pure: the same bundle and keys give the same checklist on any machine,
// natively or as WebAssembly. Memory: about that of the bundle again, and its policies parsed.
// Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/keys.h"
#include "ledger/trust_policy.h"
#include "ledger/verify.h"
#include "proof/proof_bundle.h"
#include "proof/replay.h"

namespace writ::proof {

// The bits of a continuity entry that holds (docs/formats/ledger.md).
inline constexpr std::uint64_t kEveryCheck = 31;

enum class Step : std::uint8_t {
  Head,
  Records,
  InForce,
  Permit,
  Policy,
  Continuity,
  Complete,
  Witnessed,
  Host,
};
inline constexpr std::size_t kSteps = 9;

struct Meaning {
  std::string_view name;  // "permit chain"
  std::string_view proves;
  std::string_view does_not;
  std::string_view rests_on;
};
const Meaning& meaning_of(Step step);

enum class Outcome : std::uint8_t { Holds, Open, Fails };
// outcome_name is "ok", "--" or "no".
std::string_view outcome_name(Outcome outcome);

struct StepResult {
  Step step = Step::Head;
  Outcome outcome = Outcome::Open;
  std::string says;  // for people, in one sentence
  friend bool operator==(const StepResult&, const StepResult&) = default;
};

struct Checklist {
  std::vector<StepResult> steps;          // one for each Step, in order
  std::vector<ledger::Finding> findings;  // what was found wrong, the first hundred
  ReplayCounts replay;
  std::vector<std::string> witnesses;  // names of those that cosigned
  bool verified() const;
};

// Whom the reader believes. He has these from elsewhere, never from the bundle.
struct Trusted {
  std::vector<crypto::PublicKey> authorities;  // of permits and policy bundles
  ledger::TrustPolicy logs;                    // log keys, witnesses, and how many it takes
  std::optional<ledger::Checkpoint> head;      // the bundle must be under this very head
};

using ProofProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

Checklist check_proof(const ProofBundle& bundle, const Trusted& trusted,
                      const ProofProgress& progress = {});

// claimed_keys are those that the bundle names itself: the first log key, and every authority whose
// trust it records. For showing, and for whoever made the bundle; they prove nothing to others.
Trusted claimed_keys(const ProofBundle& bundle);

// gather_proof makes the bundle of `run` under the head `note` (a checkpoint of the log in
// `source`, perhaps an older one than the newest): its entries, all outside runs up to the first
// after it (or the last change of the log key, if that is later), the objects that checking them
// reads, and the clear text that `side_of` still has. NotFound when no entry of the run is under
// the head. What comes out verifies with claimed_keys: Conflict, with what fails, where it does
// not.
Result<ProofBundle> gather_proof(ledger::LogSource& source, const RunId& run, std::string note,
                                 const Replay::SideOf& side_of, const ProofProgress& progress = {});

}  // namespace writ::proof
