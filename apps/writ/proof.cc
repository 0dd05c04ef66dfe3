// proof export, proof verify: one run's evidence in a file, and what that file proves to somebody
// who has nothing but it and some public keys.
#include <fmt/format.h>
#include <unistd.h>

#include "cose/key.h"
#include "crypto/pem.h"
#include "governor/continuity.h"
#include "ledger/store/reader.h"
#include "proof/verdict.h"
#include "writ/ledger_files.h"
#include "writ/output_file.h"
#include "writ/print.h"
#include "writ/progress.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

static_assert(governor::kAllChecks == proof::kEveryCheck);

Result<std::string> head_for(const Options& options, ledger::LedgerReader& reader) {
  if (options.ledger.cosigned && !options.ledger.head.empty()) {
    return Error(Code::InvalidArgument, "one head: --head FILE or --cosigned");
  }
  if (const std::optional<KeptHead> kept = TRY(kept_head_given(options))) {
    return std::string(as_text(kept->note));
  }
  Result<ByteVec> note =
      reader.file(options.ledger.cosigned ? "cosigned" : "checkpoint", ledger::kMaxNote);
  if (!note && note.error().code() == Code::NotFound && options.ledger.cosigned) {
    return Error(Code::NotFound, "no head of this log is cosigned: writ witness ask");
  }
  return std::string(as_text(TRY(std::move(note))));
}

// trusted_given is --trust, --log-key or --policy, and --head. A check must say whom it trusts.
Result<proof::Trusted> trusted_given(const Options& options, const proof::ProofBundle& bundle) {
  const bool no_log = options.log_key.empty() && options.ledger.policy.empty();
  if (options.trust.empty() || no_log) {
    const proof::Trusted claimed = proof::claimed_keys(bundle);
    std::string text =
        "whom to trust?  --trust AUTHORITY.pub and --log-key VKEY (or --policy FILE)\n"
        "  the bundle's own word, which proves nothing; ask those who should have them:";
    for (const ledger::PolicyLog& log : claimed.logs.logs) {
      text += "\n  log key    " + printable(ledger::to_string(log.key));
    }
    for (const crypto::PublicKey& key : claimed.authorities) {
      text += "\n  authority  key id " + to_hex(cose::key_id(key));
    }
    return Error(Code::InvalidArgument, text);
  }
  proof::Trusted trusted;
  trusted.logs = TRY(policy_given(options));
  for (const std::string& file : options.trust) {
    const ByteVec text = TRY(read_file(file, crypto::kMaxKeyFile));
    Result<crypto::PublicKey> key = crypto::public_key_from_pem(as_text(text));
    if (!key) return std::move(key).error().context(printable(file));
    trusted.authorities.push_back(*key);
  }
  if (const std::optional<KeptHead> kept = TRY(kept_head_given(options))) {
    trusted.head = kept->checkpoint;
  }
  return trusted;
}

std::string trusting(const Options& options, const proof::Checklist& list) {
  return proof::trusting(options.trust, !options.ledger.policy.empty(), list);
}

// What is no bundle is answered like a bundle that does not verify.
int say_no(const Options& options, const Error& error) {
  if (options.json) {
    put_answer(proof::no_bundle(error));
  } else {
    say("writ: does not verify: " + printable(error.message(), 500));
  }
  return kNo;
}

}  // namespace

Result<int> proof_export(const Options& options, Machine& machine) {
  if (options.output.empty() && ::isatty(STDOUT_FILENO) == 1) {
    return Error(Code::InvalidArgument, "a proof is no text for a terminal: -o FILE");
  }
  if (options.output.empty() && options.json) {
    return Error(Code::InvalidArgument, "where does the proof go, with --json?  -o FILE");
  }
  auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));
  const RunId run = TRY(find_run(options, *reader, "proof export"));
  const auto side_of = [&](const ledger::EventId& id) -> std::optional<ledger::Side> {
    Result<ledger::Side> side = reader->side(id);
    if (!side) return {};
    return std::move(*side);
  };
  Result<proof::ProofBundle> bundle = [&] {
    Progress progress(machine.clock, "gathering", options.quiet || options.json);
    Result<std::string> head = head_for(options, *reader);
    if (!head) return Result<proof::ProofBundle>(head.error());
    return proof::gather_proof(*reader, run, std::move(*head), side_of, progress.function());
  }();
  if (!bundle) return Error(bundle.error());
  const ByteVec file = TRY(proof::encode_proof(*bundle));
  TRY(put_output(options.output, file));
  if (options.json) {
    json::Value value = new_answer();
    value.set("run", to_string(run)).set("file", printable(options.output));
    value.set("bytes", file.size()).set("entries", bundle->entries.size());
    value.set("objects", bundle->objects.size());
    put_answer(value);
  } else if (!options.quiet && !options.output.empty()) {
    answer(fmt::format("run {} → {}: {} entries, {} objects, {} bytes", to_string(run),
                       printable(options.output), bundle->entries.size(), bundle->objects.size(),
                       file.size()));
  }
  return kYes;
}

Result<int> proof_verify(const Options& options, Machine& machine) {
  const ByteVec file = TRY(read_file(options.target, proof::kMaxProofFile));
  const Result<proof::ProofBundle> bundle = proof::decode_proof(file);
  if (!bundle) return say_no(options, bundle.error());
  const proof::Trusted trusted = TRY(trusted_given(options, *bundle));
  const proof::Checklist list = [&] {
    Progress progress(machine.clock, "verifying", options.quiet || options.json);
    return proof::check_proof(*bundle, trusted, progress.function());
  }();
  const int status = list.verified() ? kYes : kNo;
  if (options.json) {
    put_answer(proof::verdict(*bundle, list, trusting(options, list)));
    return status;
  }
  for (const proof::StepResult& one : list.steps) {
    const std::string line =
        fmt::format(" {}  {:<13} {}", proof::outcome_name(one.outcome),
                    proof::meaning_of(one.step).name, printable(one.says, 1000));
    if (!options.quiet) answer(line);
    if (one.outcome == proof::Outcome::Fails) {
      say(fmt::format("writ: does not verify: {}: {}", proof::meaning_of(one.step).name,
                      printable(one.says, 1000)));
    }
  }
  if (list.verified() && !options.quiet) {
    answer(fmt::format("verified   run {}   trusting: {}", to_string(bundle->run),
                       trusting(options, list)));
  }
  return status;
}

}  // namespace writ::cli
