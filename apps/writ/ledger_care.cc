// Verbs that take care of the ledger: fsck, export, rotate, erase.
#include <fmt/format.h>

#include "base/durable_public.h"
#include "governor/keystore.h"
#include "governor/log_care.h"
#include "ledger/receipt.h"
#include "ledger/store/export.h"
#include "ledger/store/fsck.h"
#include "writ/ledger_files.h"
#include "writ/log_search.h"
#include "writ/output_file.h"
#include "writ/print.h"
#include "writ/progress.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

Result<int> export_receipt(const Options& options, Machine& machine) {
  if (!options.target.empty() || options.output.empty()) {
    return Error(Code::InvalidArgument, "a receipt is one file: --receipt ENTRY -o FILE");
  }
  auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));
  LogSearch search(options, machine, *reader);
  const LeafIndex index = TRY(find_entry(*search, options.ledger.receipt));
  const ledger::InclusionProof proof = TRY(reader->prove(index));
  const crypto::PrivateKey log_key = TRY(governor::load_key(machine.home, governor::kLogKey));
  const ByteVec receipt = TRY(ledger::inclusion_receipt(
      log_key, proof.head.origin, index, proof.head.size, proof.path, proof.head.root));
  if (!options.ledger.entry.empty()) TRY(write_output(options.ledger.entry, proof.entry));
  TRY(write_output(options.output, receipt));
  if (options.json) {
    json::Value value = new_answer();
    value.set("index", index.get()).set("size", proof.head.size.get());
    put_answer(value);
  }
  return kYes;
}

}  // namespace

Result<int> ledger_fsck(const Options& options, Machine& machine) {
  ledger::FsckOptions wanted;
  wanted.repair = !options.ledger.look_only;
  wanted.verify.check_objects = true;
  wanted.verify.log_key = TRY(log_key_given(options));
  if (const std::optional<KeptHead> kept = TRY(kept_head_given(options))) {
    wanted.verify.kept_head = kept->checkpoint;
  }
  ledger::FsckReport report;
  {
    Progress progress(machine.clock, "checking", options.quiet || options.json);
    wanted.verify.progress = progress.function();
    report = TRY(ledger::fsck(machine.storage, machine.home.state, machine.clock, wanted));
  }
  const ledger::Damage status = report.status();
  if (options.json) {
    json::Value value = new_answer();
    value.set("ok", status == ledger::Damage::None).set("entries", report.verified.entries);
    value.set("status", static_cast<std::uint64_t>(status));
    json::Value list = json::Value::array();
    for (const ledger::FsckFinding& finding : report.findings) {
      json::Value one = json::Value::object();
      one.set("name", finding.name).set("status", static_cast<std::uint64_t>(finding.damage));
      one.set("message", finding.message);
      list.push(std::move(one));
    }
    value.set("findings", std::move(list));
    if (status != ledger::Damage::None) value.set("advice", ledger::advice_for(status));
    put_answer(value);
    return static_cast<int>(status);
  }
  if (!options.quiet) {
    for (const ledger::FsckFinding& finding : report.findings) {
      answer(fmt::format("{:<20} {}", finding.name, printable(finding.message, 1000)));
    }
  }
  if (status != ledger::Damage::None) {
    say("writ: " + std::string(ledger::advice_for(status)));
  } else if (!options.quiet) {
    answer(fmt::format("sound: {} entries, {} under the head", report.verified.entries,
                       report.verified.entries - report.verified.tail));
  }
  return static_cast<int>(status);
}

Result<int> ledger_export(const Options& options, Machine& machine) {
  if (!options.ledger.receipt.empty()) return export_receipt(options, machine);
  if (options.target.empty() || !options.output.empty() || !options.ledger.entry.empty()) {
    return Error(Code::InvalidArgument,
                 "export what?  the log (writ ledger export DIRECTORY), or one entry's receipt "
                 "(--receipt ENTRY -o FILE)");
  }
  auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));
  ledger::Exported done;
  {
    Progress progress(machine.clock, "exporting", options.quiet || options.json);
    // What is exported is for strangers: a web server of another account reads it.
    done = TRY(ledger::export_log(public_storage(), *reader, options.target, progress.function()));
  }
  if (options.json) {
    json::Value value = new_answer();
    value.set("size", done.head.size.get()).set("files", done.files);
    put_answer(value);
  } else if (!options.quiet) {
    answer(fmt::format("exported the head of {} entries to {}: {} files written",
                       done.head.size.get(), printable(options.target), done.files));
  }
  return kYes;
}

Result<int> ledger_rotate(const Options& options, Machine& machine) {
  const governor::RotateDone done =
      TRY(governor::rotate_log_key(machine.home, machine.storage, machine.clock, machine.random));
  if (options.json) {
    json::Value value = new_answer();
    value.set("before", ledger::to_string(done.before)).set("after", ledger::to_string(done.after));
    value.set("head", done.head.size.get()).set("finished_earlier", done.finished_earlier);
    put_answer(value);
  } else if (!options.quiet) {
    answer("log key       " + ledger::to_string(done.after));
    answer("before        " + ledger::to_string(done.before) + "   no longer here");
    answer(fmt::format("head {} signed by both{}", done.head.size.get(),
                       done.finished_earlier ? "; a change begun earlier was finished" : ""));
  }
  return kYes;
}

Result<int> ledger_erase(const Options& options, Machine& machine) {
  const std::string& text = options.target;
  RunId run;
  std::optional<Seq> seq;  // nothing: the whole run
  if (const Result<RunId> whole = parse_run_id(text)) {
    run = *whole;
  } else {
    auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));
    LogSearch search(options, machine, *reader);
    const LeafIndex index = TRY(find_entry(*search, text));
    const ByteVec entry = TRY(reader->entry(index));
    const ledger::Event event = TRY(ledger::decode_event(entry));
    run = event.id().run;
    seq = event.seq();
  }
  const governor::Erased done = TRY(governor::erase_clear_text(
      machine.home, machine.storage, machine.clock, machine.random, run, seq, options.reason));
  if (options.json) {
    json::Value value = new_answer();
    value.set("erased", text).set("entry", done.entry.get());
    put_answer(value);
  } else if (!options.quiet) {
    answer(
        fmt::format("erased the clear text of {} · entry {}", printable(text), done.entry.get()));
  }
  return kYes;
}

}  // namespace writ::cli
