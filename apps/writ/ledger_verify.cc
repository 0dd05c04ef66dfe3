// ledger verify: is this log one consistent, complete thing, and does every recorded decision come
// out the same again?
#include <fmt/format.h>

#include <algorithm>

#include "ledger/completeness.h"
#include "ledger/store/reader.h"
#include "proof/replay.h"
#include "writ/ledger_files.h"
#include "writ/print.h"
#include "writ/progress.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

bool signed_by_any(Bytes note, const std::vector<ledger::VerifierKey>& keys) {
  return std::any_of(keys.begin(), keys.end(), [&](const ledger::VerifierKey& key) {
    return ledger::verify_note(note, {&key, 1}).has_value();
  });
}

// Everything that was found out, ready to be said.
struct Verdict {
  ledger::VerifyReport report;
  std::optional<std::string> not_witnessed;  // why, when witnesses were asked for
  proof::ReplayCounts replay;
  bool complete = false;
  std::string completeness;
  ledger::Freshness freshness;
  std::string trusting;
  bool ok() const { return report.ok() && !not_witnessed; }
};

// When a witness saw a head, as its own clock had it. A time that is yet to come says nothing.
std::string when(std::uint64_t unix_seconds, UnixMillis now) {
  constexpr std::uint64_t kSkewSeconds = 300;
  const std::uint64_t ours =
      static_cast<std::uint64_t>(std::max<std::int64_t>(now.get(), 0)) / 1000;
  if (unix_seconds > ours + kSkewSeconds) {
    return "its clock is ahead of ours: when is not known";
  }
  return to_rfc3339(UnixMillis(static_cast<std::int64_t>(unix_seconds) * 1000));
}

// What witnesses say: the last cosigned head is one that the log must contain. Denied: they do not
// say it.
Result<void> judge_witnesses(const ledger::TrustPolicy& policy, ledger::LedgerReader& reader,
                             ledger::VerifyOptions& wanted, ledger::Freshness& freshness,
                             UnixMillis now) {
  // Without a quorum no cosignature is asked for; the head itself has to do.
  Result<ByteVec> note = reader.file(policy.quorum ? "cosigned" : "checkpoint", ledger::kMaxNote);
  if (!note && note.error().code() == Code::NotFound) {
    return Error(Code::Denied, "no head of this log is cosigned");
  }
  if (!note) return Error(note.error());
  const ledger::TrustedHead head = TRY(ledger::verify_head(*note, policy));
  wanted.further_heads.push_back(head.checkpoint);
  if (!wanted.log_key) wanted.log_key = policy.logs[head.log].key;
  if (head.witnesses.empty()) return {};
  std::string who;
  for (const ledger::Cosigned& one : head.witnesses) {
    who += (who.empty() ? "" : ", ") + printable(policy.witnesses[one.by].name) + " (" +
           when(one.unix_seconds, now) + ")";
  }
  freshness.witness = who;
  freshness.witnessed = head.checkpoint.size;
  return {};
}

Result<Verdict> judge(const Options& options, Machine& machine) {
  ledger::VerifyOptions wanted;
  wanted.check_objects = true;
  wanted.log_key = TRY(log_key_given(options));
  const std::optional<KeptHead> kept = TRY(kept_head_given(options));
  const auto range = TRY(entry_range(options.ledger));
  std::optional<ledger::TrustPolicy> policy;
  if (!options.ledger.policy.empty()) policy = TRY(policy_given(options));
  auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));

  Verdict verdict;
  verdict.trusting = !options.log_key.empty() || policy ? "the given log key" : "the log's own key";
  if (policy) {
    const Result<void> judged =
        judge_witnesses(*policy, *reader, wanted, verdict.freshness, machine.clock.now());
    if (!judged && judged.error().code() != Code::Denied) return Error(judged.error());
    if (!judged) verdict.not_witnessed = judged.error().message();
    if (verdict.freshness.witness) verdict.trusting += ", the policy's witnesses";
  }
  proof::Replay replay(*reader, [&](const ledger::EventId& id) -> std::optional<ledger::Side> {
    Result<ledger::Side> side = reader->side(id);
    if (!side) return {};
    return std::move(*side);
  });
  replay.attach(wanted);
  ledger::Completeness completeness(range);
  completeness.attach(wanted);
  if (kept) wanted.kept_head = kept->checkpoint;
  {
    Progress progress(machine.clock, "verifying", options.quiet || options.json);
    wanted.progress = progress.function();
    verdict.report = ledger::verify_log(*reader, wanted);
  }
  if (kept && !signed_by_any(kept->note, verdict.report.keys)) {
    ++verdict.report.findings_total;
    verdict.report.findings.push_back({ledger::FindingKind::HeadInconsistent,
                                       {},
                                       {},
                                       "the kept head is signed by no key of this log"});
  } else if (kept) {
    verdict.freshness.kept = kept->checkpoint.size;
  }
  verdict.replay = replay.counts();
  verdict.complete = completeness.complete(verdict.report);
  verdict.completeness = completeness.sentence(verdict.report);
  return verdict;
}

void put_json(const Verdict& verdict) {
  const ledger::VerifyReport& report = verdict.report;
  json::Value value = new_answer();
  value.set("ok", verdict.ok()).set("entries", report.entries).set("tail", report.tail);
  value.set("runs", report.runs).set("open_runs", report.open_runs);
  if (report.head) value.set("head", report.head->size.get());
  value.set("complete", verdict.complete).set("completeness", verdict.completeness);
  value.set("freshness", ledger::Completeness::freshness_sentence(verdict.freshness));
  value.set("replayed", verdict.replay.replayed);
  value.set("not_replayable", verdict.replay.not_replayable);
  json::Value findings = json::Value::array();
  for (const ledger::Finding& finding : report.findings) {
    json::Value one = json::Value::object();
    one.set("kind", ledger::finding_name(finding.kind));
    if (finding.index) one.set("entry", finding.index->get());
    if (finding.event) one.set("event", ledger::to_string(*finding.event));
    one.set("message", finding.message);
    findings.push(std::move(one));
  }
  if (verdict.not_witnessed) {
    json::Value one = json::Value::object();
    one.set("kind", "not_witnessed").set("message", *verdict.not_witnessed);
    findings.push(std::move(one));
  }
  value.set("findings", std::move(findings));
  value.set("findings_total", report.findings_total + (verdict.not_witnessed ? 1 : 0));
  put_answer(value);
}

void put_findings(const Verdict& verdict) {
  const ledger::VerifyReport& report = verdict.report;
  if (!report.ok()) say("writ: " + verdict.completeness);
  for (const ledger::Finding& finding : report.findings) {
    const std::string place =
        finding.index ? fmt::format("entry {}: ", finding.index->get()) : std::string();
    say(fmt::format("writ: does not verify: {}{}  ({})", place, printable(finding.message, 500),
                    ledger::finding_name(finding.kind)));
  }
  if (report.findings_total > report.findings.size()) {
    say(fmt::format("writ: and {} more findings", report.findings_total - report.findings.size()));
  }
  if (verdict.not_witnessed) {
    say("writ: does not verify: " + printable(*verdict.not_witnessed, 1000) + "  (not_witnessed)");
  }
}

std::string replayed(const proof::ReplayCounts& counts) {
  return fmt::format("{} replayed, all equal{}", counts.replayed,
                     counts.not_replayable > 0
                         ? fmt::format("; {} recorded, not replayable", counts.not_replayable)
                         : "");
}

}  // namespace

Result<int> ledger_verify(const Options& options, Machine& machine) {
  const Verdict verdict = TRY(judge(options, machine));
  const int status = verdict.ok() ? kYes : kNo;
  if (options.json) {
    put_json(verdict);
    return status;
  }
  if (!verdict.ok()) {
    put_findings(verdict);
    return status;
  }
  if (options.quiet) return status;
  const ledger::VerifyReport& report = verdict.report;
  const ledger::Freshness& freshness = verdict.freshness;
  const auto line = [](bool ok, std::string_view name, const std::string& text) {
    answer(fmt::format(" {}  {:<13} {}", ok ? "ok" : "--", name, text));
  };
  line(true, "records",
       fmt::format("{} entries, {} under head {}, {} runs, {} of them open", report.entries,
                   report.entries - report.tail, report.head ? report.head->size.get() : 0,
                   report.runs, report.open_runs));
  line(true, "decisions", replayed(verdict.replay));
  line(verdict.complete, "complete", verdict.completeness);
  line(freshness.kept || freshness.witness, "newest",
       ledger::Completeness::freshness_sentence(freshness));
  if (!freshness.witness) {
    line(false, "not witnessed",
         "the owner of this account could have rewritten what came before the head");
  }
  answer("verified   trusting: " + verdict.trusting);
  return status;
}

Result<int> policy_replay(const Options& options, Machine& machine) {
  const Verdict verdict = TRY(judge(options, machine));
  const int status = verdict.ok() ? kYes : kNo;
  if (options.json) {
    put_json(verdict);
  } else if (!verdict.ok()) {
    put_findings(verdict);
  } else if (!options.quiet) {
    answer(replayed(verdict.replay));
  }
  return status;
}

}  // namespace writ::cli
