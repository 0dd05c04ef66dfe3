// Verbs of the ledger: show and verify.
#include <fmt/format.h>

#include <map>

#include "governor/config.h"
#include "ledger/store/reader.h"
#include "lineage/story.h"
#include "permit/permit.h"
#include "proof/replay.h"
#include "writ/event_json.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

std::string last_component(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// is_program: the run's first program has this name, as it was resolved or as it was asked for.
bool is_program(ledger::LedgerReader& reader, const ledger::Event& event, const std::string& name) {
  const std::string& command = event.as<ledger::Admission>()->command;
  if (command == name || last_component(command) == name) return true;
  const Result<ledger::Side> side = reader.side(event.id());
  const ByteVec* bytes = side ? side->get("argv") : nullptr;
  if (bytes == nullptr) return false;
  const Result<std::vector<std::string>> argv = ledger::decode_list(*bytes);
  return argv && !argv->empty() && ((*argv)[0] == name || last_component((*argv)[0]) == name);
}

// above_of names who stands above a run, as its permit says; nothing when the permit is not there.
lineage::Above above_of(ledger::LedgerReader& reader, const ledger::Event& event) {
  const ledger::Admission* admission = event.as<ledger::Admission>();
  if (admission == nullptr) return {};
  const Result<ByteVec> file = reader.object(admission->permit_file, permit::kMaxPermitFile);
  if (!file) return {};
  const permit::Read read = permit::read_permit(*file);
  const permit::Permit* permit = std::get_if<permit::Permit>(&read);
  if (permit == nullptr) return {};
  return {permit->claims.issuer, permit->claims.subject};
}

}  // namespace

Result<int> ledger_show(const Options& options, Machine& machine) {
  auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));
  std::optional<RunId> wanted;
  if (!options.target.empty()) wanted = TRY(parse_run_id(options.target));
  const bool by_run = options.tree || options.last || wanted || !options.program.empty();

  // First pass: which runs; second: their entries. Everything else is streamed.
  std::vector<RunId> chosen;
  if (by_run) {
    const Result<void> looked =
        reader->for_each(LeafIndex(0), [&](LeafIndex, Bytes entry) -> Result<bool> {
          const ledger::Event event = TRY(ledger::decode_event(entry));
          const ledger::Admission* admission = event.as<ledger::Admission>();
          if (admission == nullptr) return true;
          if (wanted && event.id().run != *wanted) return true;
          if (!options.program.empty() && !is_program(*reader, event, options.program)) return true;
          chosen.push_back(event.id().run);
          return true;
        });
    if (!looked) return Error(looked.error());
    if (options.last && chosen.size() > 1) chosen.erase(chosen.begin(), chosen.end() - 1);
    if (chosen.empty()) {
      if (!options.quiet) say("writ: the ledger holds no such run");
      return kNo;
    }
  }
  const auto is_chosen = [&](const RunId& run) {
    return !by_run || std::find(chosen.begin(), chosen.end(), run) != chosen.end();
  };
  std::map<RunId, std::vector<lineage::Step>> runs;
  std::string json_entries;
  const Result<void> shown =
      reader->for_each(LeafIndex(0), [&](LeafIndex index, Bytes entry) -> Result<bool> {
        const ledger::Event event = TRY(ledger::decode_event(entry));
        if (!is_chosen(event.id().run)) return true;
        std::optional<ledger::Side> side;
        if (Result<ledger::Side> kept = reader->side(event.id()); kept) side = std::move(*kept);
        if (options.tree) {
          runs[event.id().run].push_back({event, std::move(side)});
        } else if (options.json) {
          if (!json_entries.empty()) json_entries.push_back(',');
          json_entries += json_line(event_json(index, event, side ? &*side : nullptr));
        } else {
          answer(fmt::format("{:>6}  {}  {}", index.get(), to_rfc3339(event.time()),
                             ledger::describe(event)));
        }
        return true;
      });
  if (!shown) return Error(shown.error());
  if (options.tree) {
    for (const RunId& run : chosen) {
      std::vector<lineage::Step> steps = std::move(runs[run]);
      lineage::Above above = above_of(*reader, steps.at(0).event);
      const lineage::Story story = TRY(lineage::Story::build(std::move(steps), std::move(above)));
      for (const std::string& line : story.lines()) answer(line);
    }
  } else if (options.json) {
    answer("{\"schema\":0,\"entries\":[" + json_entries + "]}");
  }
  return kYes;
}

Result<int> ledger_verify(const Options& options, Machine& machine) {
  auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));
  ledger::VerifyOptions wanted;
  wanted.check_objects = true;
  if (!options.log_key.empty()) wanted.log_key = TRY(ledger::parse_vkey(options.log_key));
  proof::Replay replay(*reader, [&](const ledger::EventId& id) -> std::optional<ledger::Side> {
    Result<ledger::Side> side = reader->side(id);
    if (!side) return {};
    return std::move(*side);
  });
  replay.attach(wanted);
  const ledger::VerifyReport report = ledger::verify_log(*reader, wanted);
  const proof::ReplayCounts& counts = replay.counts();
  if (options.json) {
    json::Value value = new_answer();
    value.set("ok", report.ok()).set("entries", report.entries).set("tail", report.tail);
    value.set("runs", report.runs).set("open_runs", report.open_runs);
    if (report.head) value.set("head", report.head->size.get());
    value.set("replayed", counts.replayed).set("not_replayable", counts.not_replayable);
    json::Value findings = json::Value::array();
    for (const ledger::Finding& finding : report.findings) {
      json::Value one = json::Value::object();
      one.set("kind", ledger::finding_name(finding.kind));
      if (finding.index) one.set("entry", finding.index->get());
      if (finding.event) one.set("event", ledger::to_string(*finding.event));
      one.set("message", finding.message);
      findings.push(std::move(one));
    }
    value.set("findings", std::move(findings)).set("findings_total", report.findings_total);
    put_answer(value);
    return report.ok() ? kYes : kNo;
  }
  if (report.ok()) {
    if (options.quiet) return kYes;
    answer(fmt::format(" ok  records     {} entries, {} under head {}, {} runs, {} of them open",
                       report.entries, report.entries - report.tail,
                       report.head ? report.head->size.get() : 0, report.runs, report.open_runs));
    answer(fmt::format(" ok  decisions   {} replayed, all equal{}", counts.replayed,
                       counts.not_replayable > 0
                           ? fmt::format("; {} recorded, not replayable", counts.not_replayable)
                           : ""));
    answer(
        " --  not witnessed  the owner of this account could have rewritten what came before "
        "the head");
    answer("verified   trusting: " +
           std::string(options.log_key.empty() ? "the log's own key" : "the given log key"));
    return kYes;
  }
  for (const ledger::Finding& finding : report.findings) {
    const std::string place =
        finding.index ? fmt::format("entry {}: ", finding.index->get()) : std::string();
    say(fmt::format("writ: does not verify: {}{}  ({})", place, printable(finding.message, 500),
                    ledger::finding_name(finding.kind)));
  }
  if (report.findings_total > report.findings.size()) {
    say(fmt::format("writ: and {} more findings", report.findings_total - report.findings.size()));
  }
  return kNo;
}

}  // namespace writ::cli
