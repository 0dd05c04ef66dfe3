// ledger prove: proofs for strangers, and their check, offline.
#include <fmt/format.h>

#include "ledger/add_checkpoint.h"
#include "ledger/tlog_proof.h"
#include "writ/event_json.h"
#include "writ/ledger_files.h"
#include "writ/log_search.h"
#include "writ/output_file.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

// say_checked answers that a proof holds: `what` for people, `value` with more for programs.
int say_checked(const Options& options, const ledger::TrustPolicy& policy,
                const ledger::TrustedHead& head, const std::string& what, json::Value value) {
  std::string by;
  json::Value names = json::Value::array();
  for (const ledger::Cosigned& witness : head.witnesses) {
    const std::string& name = policy.witnesses[witness.by].name;
    by += (by.empty() ? "" : ", ") + printable(name);
    names.push(printable(name));
  }
  if (options.json) {
    value.set("ok", true).set("origin", printable(head.checkpoint.origin));
    value.set("size", head.checkpoint.size.get()).set("witnesses", std::move(names));
    put_answer(value);
  } else if (!options.quiet) {
    answer(fmt::format("{}   head of {} entries of {}, witnesses: {}", what,
                       head.checkpoint.size.get(), printable(head.checkpoint.origin),
                       by.empty() ? "none" : by));
  }
  return kYes;
}

// refuse says that a proof does not hold. Other errors are errors.
Result<int> refuse(const Options& options, const Error& error) {
  if (error.code() != Code::Denied) return Error(error);
  if (options.json) {
    json::Value value = new_answer();
    value.set("ok", false).set("because", error.message());
    put_answer(value);
  } else {
    say("writ: does not hold: " + printable(error.message(), 1000));
  }
  return kNo;
}

Result<int> check_continued(const Options& options, const ledger::TrustPolicy& policy,
                            Bytes bytes) {
  const ledger::AddCheckpoint proof = TRY(ledger::parse_add_checkpoint(bytes));
  const std::optional<KeptHead> kept = TRY(kept_head_given(options));
  if (!kept) {
    return Error(Code::InvalidArgument,
                 "this proves that an older head is continued; which one?  --head FILE");
  }
  const ledger::Checkpoint& old = kept->checkpoint;
  const Result<ledger::TrustedHead> head = ledger::verify_head(as_bytes(proof.note), policy);
  if (!head) return refuse(options, head.error());
  if (old.size != proof.old || old.origin != head->checkpoint.origin) {
    return refuse(options, Error(Code::Denied, "the proof is not one from this older head"));
  }
  const Result<void> holds = ledger::check_consistency(old.size, head->checkpoint.size, old.root,
                                                       head->checkpoint.root, proof.path);
  if (!holds) return refuse(options, Error(Code::Denied, holds.error().message()));
  json::Value value = new_answer();
  value.set("old", old.size.get());
  return say_checked(options, policy, *head,
                     fmt::format("the head of {} entries is continued", old.size.get()),
                     std::move(value));
}

// Checks a proof file, offline: nothing of this installation is looked at.
Result<int> check_proof(const Options& options) {
  const ledger::TrustPolicy policy = TRY(policy_given(options));
  const ByteVec bytes = TRY(read_file(options.ledger.check, ledger::kMaxTlogProof));
  if (as_text(bytes).starts_with("old ")) return check_continued(options, policy, bytes);
  const ledger::TlogProof proof = TRY(ledger::parse_tlog_proof(bytes));
  ByteVec entry;
  if (!options.ledger.entry.empty()) {
    entry = TRY(read_file(options.ledger.entry, ledger::kMaxEntry));
  } else if (proof.extra) {
    entry = *proof.extra;
  } else {
    return Error(Code::InvalidArgument, "the proof does not hold its entry: --entry FILE");
  }
  const Result<ledger::TrustedHead> head = ledger::verify_tlog_proof(proof, entry, policy);
  if (!head) return refuse(options, head.error());
  const Result<ledger::Event> event = ledger::decode_event(entry);
  json::Value value = new_answer();
  value.set("index", proof.index.get());
  if (event) value.set("event", event_json(proof.index, *event, nullptr));
  return say_checked(options, policy, *head,
                     fmt::format("entry {} is in the log: {}", proof.index.get(),
                                 event ? ledger::describe(*event) : "no event of Writ"),
                     std::move(value));
}

// deliver hands a proof out: to the file that was named, else as the answer.
Result<int> deliver(const Options& options, const std::string& proof, json::Value value) {
  if (!options.output.empty() || !options.json) {
    TRY(put_output(options.output, as_bytes(std::string_view(proof))));
  } else {
    value.set("proof", proof);
  }
  if (options.json) put_answer(value);
  return kYes;
}

Result<int> prove_continued(const Options& options, ledger::LedgerReader& reader,
                            const ledger::Checkpoint& old) {
  const ByteVec note = TRY(reader.file("checkpoint", ledger::kMaxNote));
  const ledger::Checkpoint head = TRY(ledger::verify_checkpoint(note, reader.log_key()));
  if (old.size > head.size) {
    return refuse(options,
                  Error(Code::Denied, fmt::format("the log has a head of {} entries, fewer "
                                                  "than the {} of the older one",
                                                  head.size.get(), old.size.get())));
  }
  ledger::Proof path;
  if (old.size != head.size) path = TRY(reader.consistency(old.size, head.size));
  const Result<void> holds =
      ledger::check_consistency(old.size, head.size, old.root, head.root, path);
  if (!holds) return refuse(options, Error(Code::Denied, holds.error().message()));
  json::Value value = new_answer();
  value.set("old", old.size.get()).set("size", head.size.get());
  return deliver(options,
                 ledger::encode_add_checkpoint({old.size, path, std::string(as_text(note))}),
                 std::move(value));
}

}  // namespace

Result<int> ledger_prove(const Options& options, Machine& machine) {
  const bool checking = !options.ledger.check.empty();
  const bool of_entry = !options.target.empty();
  if (checking ? of_entry || !options.output.empty() || options.ledger.cosigned
               : of_entry == !options.ledger.head.empty()) {
    return Error(Code::InvalidArgument,
                 "prove one thing: an entry (writ ledger prove ENTRY), that an older head is "
                 "continued (--head FILE), or check a proof (--check FILE)");
  }
  if (checking) return check_proof(options);
  auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));
  if (const std::optional<KeptHead> old = TRY(kept_head_given(options))) {
    return prove_continued(options, *reader, old->checkpoint);
  }
  LogSearch search(options, machine, *reader);
  const LeafIndex index = TRY(find_entry(*search, options.target));
  const ledger::InclusionProof proof = TRY(reader->prove(index, options.ledger.cosigned));
  ledger::TlogProof file;
  file.index = index;
  file.path = proof.path;
  file.checkpoint = std::string(as_text(proof.head_note));
  if (options.ledger.entry.empty()) {
    file.extra = proof.entry;
  } else {
    TRY(write_output(options.ledger.entry, proof.entry));
  }
  json::Value value = new_answer();
  value.set("index", index.get()).set("size", proof.head.size.get());
  return deliver(options, ledger::encode_tlog_proof(file), std::move(value));
}

}  // namespace writ::cli
