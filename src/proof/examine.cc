// What is found wrong is a finding with its place (as ledger verify has them); each finding is a
// step's. A step without one says what was seen.
#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "cose/key.h"
#include "ledger/entry_walk.h"
#include "ledger/joint_proof.h"
#include "proof/examine_internal.h"

namespace writ::proof {
namespace {

using ledger::EventKind;
using ledger::Finding;
using ledger::FindingKind;

constexpr std::size_t kMaxFindings = 100;
constexpr std::int64_t kMissedIntervals = 3;  // after these a governor that stalls ends its run

Step step_of(const Finding& finding) {
  const bool in_run = finding.event && finding.event->run != ledger::kNoRun;
  switch (finding.kind) {
    case FindingKind::HeadMissing:
    case FindingKind::HeadMalformed:
    case FindingKind::HeadBadSignature:
    case FindingKind::HeadBehindKept:
    case FindingKind::HeadInconsistent:
    case FindingKind::KeyMismatch:
    case FindingKind::RotationInvalid: return Step::Head;
    case FindingKind::SequenceGap:
    case FindingKind::SequenceRepeated: return in_run ? Step::Complete : Step::InForce;
    case FindingKind::RunNotAdmitted:
    case FindingKind::RunAdmittedTwice:
    case FindingKind::AfterEnd:
    case FindingKind::CountsDisagree:
    case FindingKind::CountsDiffer: return Step::Complete;
    case FindingKind::ObjectMissing:
    case FindingKind::ObjectDiffers:
    case FindingKind::ReplayDiffers:
      if (!in_run) return Step::InForce;
      return finding.event->seq.get() == 0 ? Step::Permit : Step::Policy;
    case FindingKind::TileMissing:
    case FindingKind::TileDiffers:
    case FindingKind::BundleMissing:
    case FindingKind::BundleMalformed:
    case FindingKind::EntryAltered:
    case FindingKind::RootDiffers:
    case FindingKind::EntryMalformed:
    case FindingKind::GenesisMissing:
    case FindingKind::GenesisRepeated:
    case FindingKind::TimeBackwards:
    case FindingKind::ParentMissing:
    case FindingKind::TailMalformed:
    case FindingKind::SourceFailed: return Step::Records;
  }
  return Step::Records;
}

std::string counted(std::uint64_t n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}
std::string seconds(std::int64_t millis) {
  return fmt::format("{}.{} s", millis / 1000, millis % 1000 / 100);
}

class Examiner {
 public:
  Examiner(const ProofBundle& bundle, const Trusted& trusted, ledger::LogSource& objects)
      : bundle_(bundle),
        trusted_(trusted),
        objects_(objects),
        replay_(objects, [this](const ledger::EventId&) { return side_; }),
        walk_(options_, nullptr, ledger::EntryWalk::Scope::Part, report_) {
    options_.max_findings = kMaxFindings;
    replay_.attach(options_);
    replay_one_ = std::move(options_.on_event);
    options_.on_event = [this](LeafIndex index, const ledger::Event& event, Bytes entry,
                               const std::function<void(Finding)>& report) {
      look(index, event, entry, report);
    };
    options_.on_run_closed = [this](const ledger::RunSummary& run) {
      if (run.run == bundle_.run) run_ = run;
    };
  }

  Checklist run(const ProofProgress& progress);

 private:
  void found(FindingKind kind, std::string message, std::optional<LeafIndex> index = {},
             std::optional<ledger::EventId> event = {}) {
    walk_.found({kind, index, event, std::move(message)});
  }
  bool read_head();
  bool stands_under_head();
  void find_domain();
  void walk(const ProofProgress& progress);
  void look(LeafIndex index, const ledger::Event& event, Bytes entry,
            const std::function<void(Finding)>& report);
  Result<void> clear_text(const ledger::Event& event);
  std::optional<ledger::VerifierKey> trusted_log() const;
  bool left_out_nothing() const;

  void say(Step step, Outcome outcome, std::string text) {
    list_.steps.push_back({step, outcome, std::move(text)});
  }
  void judge();
  void say_what_was_seen(Step step);
  void say_head();
  void say_records();
  void say_in_force();
  void say_permit();
  void say_policy();
  void say_continuity();
  void say_complete();
  void say_witnessed();
  void say_host();
  Result<permit::Permit> permit() const;
  Result<domain::VerifiedBundle> policy() const;

  const ProofBundle& bundle_;
  const Trusted& trusted_;
  ledger::LogSource& objects_;
  ledger::VerifyOptions options_;
  ledger::VerifyReport report_;
  Replay replay_;
  ledger::EntryWalk walk_;
  decltype(ledger::VerifyOptions::on_event) replay_one_;

  ledger::Note note_;
  ledger::Checkpoint head_;
  std::string domain_;                // of the run
  const ProofEntry* at_ = nullptr;    // the entry being looked at
  std::optional<ledger::Side> side_;  // its clear text
  std::vector<LeafIndex> outside_;    // entries outside runs
  std::vector<LeafIndex> inside_;     // of the run
  std::optional<ledger::Admission> admission_;
  std::optional<ledger::End> end_;
  std::optional<ledger::Interrupted> interrupted_;
  std::vector<ledger::Continuity> checks_;
  std::vector<std::int64_t> times_;   // of admission, checks, and the last entry
  std::int64_t last_time_ = 0;        // of the run's last entry
  std::uint64_t newer_policies_ = 0;  // that came into force while the run was there
  std::optional<ledger::RunSummary> run_;
  Checklist list_;
};

bool Examiner::read_head() {
  Result<ledger::Note> note = ledger::parse_note(as_bytes(std::string_view(bundle_.head)));
  if (!note) {
    found(FindingKind::HeadMalformed, "the head: " + note.error().message());
    return false;
  }
  note_ = std::move(*note);
  Result<ledger::Checkpoint> head = ledger::parse_checkpoint(note_.text);
  if (!head) {
    found(FindingKind::HeadMalformed, "the head: " + head.error().message());
    return false;
  }
  head_ = std::move(*head);
  report_.head = head_;
  if (trusted_.head && *trusted_.head != head_) {
    found(FindingKind::HeadInconsistent,
          fmt::format("the bundle is under a head of {} entries of `{}`, not under the one of {} "
                      "entries of `{}` that was given",
                      head_.size.get(), printable(head_.origin), trusted_.head->size.get(),
                      printable(trusted_.head->origin)));
  }
  return true;
}

bool Examiner::stands_under_head() {
  std::vector<LeafIndex> indexes;
  std::vector<LeafHash> leaves;
  for (const ProofEntry& one : bundle_.entries) {
    indexes.push_back(one.index);
    leaves.push_back(ledger::leaf_hash(one.entry));
  }
  const Result<NodeHash> root = ledger::root_of_joint(indexes, leaves, head_.size, bundle_.path);
  if (root && *root == head_.root) return true;
  found(FindingKind::RootDiffers,
        "the entries are not under the head: " +
            (root ? "they lead to another root; one of them, its place or the proof was altered"
                  : root.error().message()));
  return false;
}

// The domain of the run, so that other domains' policies need not be in the bundle.
void Examiner::find_domain() {
  for (const ProofEntry& one : bundle_.entries) {
    const Result<ledger::Event> event = ledger::decode_event(one.entry);
    if (!event || event->id() != ledger::EventId{bundle_.run, Seq(0)}) continue;
    if (const auto* body = event->as<ledger::Admission>()) domain_ = body->domain;
  }
}

std::optional<ledger::VerifierKey> Examiner::trusted_log() const {
  std::optional<ledger::VerifierKey> key;
  for (const ledger::PolicyLog& log : trusted_.logs.logs) {
    const bool own =
        std::find(report_.keys.begin(), report_.keys.end(), log.key) != report_.keys.end();
    if (own || !key) key = log.key;
    if (own) break;
  }
  return key;
}

void Examiner::walk(const ProofProgress& progress) {
  if (bundle_.entries.front().index != LeafIndex(0)) {
    found(FindingKind::GenesisMissing, "the log's first entry is not in the bundle");
  }
  std::uint64_t done = 0;
  for (const ProofEntry& one : bundle_.entries) {
    at_ = &one;
    walk_.entry(one.index, one.entry);
    if (progress && (++done % 64 == 0 || done == bundle_.entries.size())) {
      progress(done, bundle_.entries.size());
    }
  }
  walk_.close();
  const std::optional<ledger::VerifierKey> trusted = trusted_log();
  if (!trusted) {
    found(FindingKind::KeyMismatch, "no log key is trusted");
    return;
  }
  walk_.check_head_key(as_bytes(std::string_view(bundle_.head)), trusted, walk_.key());
}

// The clear text beside an entry is what the entry commits to, and nothing else.
Result<void> Examiner::clear_text(const ledger::Event& event) {
  side_.reset();
  if (!at_->side) return {};
  ledger::Side side = TRY(ledger::Side::decode(*at_->side));
  const auto wrong = [](const std::string& what) {
    return Error(Code::Conflict, "the clear text beside the entry: " + what);
  };
  if (side.values().empty()) return wrong("there is none");
  const auto names = committed_names(event);
  for (const auto& kept : side.values()) {
    const std::string& name = kept.first;
    if (name == "request" && has_request(event)) continue;
    const auto known = std::find_if(names.begin(), names.end(),
                                    [&](const auto& one) { return one.first == name; });
    if (known == names.end()) return wrong("`" + printable(name, 40) + "` is not committed to");
    if (!side.check(name, known->second)) {
      return wrong("`" + printable(name, 40) + "` is not what the entry commits to");
    }
  }
  side_ = std::move(side);
  return {};
}

void Examiner::look(LeafIndex index, const ledger::Event& event, Bytes entry,
                    const std::function<void(Finding)>& report) {
  if (const Result<void> clear = clear_text(event); !clear) {
    report({FindingKind::ReplayDiffers, index, event.id(), clear.error().message()});
  }
  if (!event.in_run()) {
    outside_.push_back(index);
    const auto* policy = event.as<ledger::Policy>();
    if (policy != nullptr && policy->domain != domain_) return;
    if (policy != nullptr && admission_ && !run_) ++newer_policies_;
    // A denied request is no part of the run; it stands here for its number.
    if (event.kind() == EventKind::Denial) return;
    replay_one_(index, event, entry, report);
    return;
  }
  if (event.id().run != bundle_.run) {
    report({FindingKind::EntryMalformed, index, event.id(),
            fmt::format("entry {} is of another run", index.get())});
    return;
  }
  inside_.push_back(index);
  const std::int64_t time = event.time().get();
  if (const auto* body = event.as<ledger::Admission>(); body != nullptr && !admission_) {
    admission_ = *body;
    times_.push_back(time);
  } else if (const auto* check = event.as<ledger::Continuity>()) {
    checks_.push_back(*check);
    times_.push_back(time);
  } else if (const auto* end = event.as<ledger::End>()) {
    end_ = *end;
  } else if (const auto* cut = event.as<ledger::Interrupted>()) {
    interrupted_ = *cut;
  }
  // What recovery writes, perhaps much later, is not the run's own time.
  if (!event.as<ledger::Interrupted>()) last_time_ = time;
  replay_one_(index, event, entry, report);
}

Checklist Examiner::run(const ProofProgress& progress) {
  if (bundle_.entries.empty()) {
    found(FindingKind::GenesisMissing, "the bundle holds no entries");
  } else if (read_head() && stands_under_head()) {
    find_domain();
    walk(progress);
  }
  judge();
  list_.findings = report_.findings;
  list_.replay = replay_.counts();
  return std::move(list_);
}

// Judging: one sentence a step.

void Examiner::judge() {
  const auto of = [&](Step step) -> const Finding* {
    const auto first = std::find_if(report_.findings.begin(), report_.findings.end(),
                                    [&](const Finding& one) { return step_of(one) == step; });
    return first == report_.findings.end() ? nullptr : &*first;
  };
  const bool stands = of(Step::Head) == nullptr && of(Step::Records) == nullptr;
  for (std::size_t i = 0; i < kSteps; ++i) {
    const Step step = static_cast<Step>(i);
    if (const Finding* first = of(step)) {
      say(step, Outcome::Fails, first->message);
    } else if (stands) {
      say_what_was_seen(step);
    } else {
      say(step, Outcome::Open, "not judged: the entries do not stand under a head that is trusted");
    }
  }
}

void Examiner::say_what_was_seen(Step step) {
  switch (step) {
    case Step::Head: return say_head();
    case Step::Records: return say_records();
    case Step::InForce: return say_in_force();
    case Step::Permit: return say_permit();
    case Step::Policy: return say_policy();
    case Step::Continuity: return say_continuity();
    case Step::Complete: return say_complete();
    case Step::Witnessed: return say_witnessed();
    case Step::Host: return say_host();
  }
}

void Examiner::say_head() {
  std::string text = fmt::format("head {} of {}, signed by the log key", head_.size.get(),
                                 printable(head_.origin));
  if (report_.keys.size() > 1) {
    text += fmt::format(" in force after {}",
                        counted(report_.keys.size() - 1, "change of it, handed over in the log",
                                "changes of it, each handed over in the log"));
  }
  if (trusted_.head) text += "; it is the head that was given";
  say(Step::Head, Outcome::Holds, std::move(text));
}

void Examiner::say_records() {
  say(Step::Records, Outcome::Holds,
      fmt::format("{} of the run and {} outside runs, under head {}",
                  counted(inside_.size(), "entry", "entries"), outside_.size(), head_.size.get()));
}

// Whether no entry outside runs can have been left out up to the run's last one: their numbers have
// no gap, and a later one is there, or nothing lies between the last and the run's end.
bool Examiner::left_out_nothing() const {
  if (inside_.empty() || outside_.empty()) return false;
  const LeafIndex last = inside_.back();
  if (outside_.back() > last) return true;
  const auto after = std::upper_bound(inside_.begin(), inside_.end(), outside_.back());
  return static_cast<std::uint64_t>(inside_.end() - after) == last.get() - outside_.back().get();
}

void Examiner::say_in_force() {
  std::string text =
      fmt::format("trust, domain, policy and revocations as recorded by then: {} without gaps",
                  outside_.size() == 1 ? std::string("entry 0 outside runs")
                                       : fmt::format("0-{} outside runs", outside_.size() - 1));
  if (left_out_nothing()) {
    return say(Step::InForce, Outcome::Holds, text + ", none left out up to the run's last entry");
  }
  say(Step::InForce, Outcome::Open,
      text + fmt::format("; whether others stand between entries {} and {} is not shown",
                         outside_.empty() ? 0 : outside_.back().get(),
                         inside_.empty() ? 0 : inside_.back().get()));
}

Result<permit::Permit> Examiner::permit() const {
  const ByteVec file = TRY(objects_.object(admission_->permit_file, permit::kMaxPermitFile));
  permit::Read read = permit::read_permit(file);
  if (const Denial* no = std::get_if<Denial>(&read)) return Error(Code::Malformed, no->because);
  return std::get<permit::Permit>(std::move(read));
}

void Examiner::say_permit() {
  if (!admission_) return say(Step::Permit, Outcome::Fails, "the run's admission is not here");
  const Result<permit::Permit> permit = this->permit();
  if (!permit) return say(Step::Permit, Outcome::Fails, permit.error().message());
  const std::string issuer = printable(permit->claims.issuer, 60);
  const bool known = std::any_of(
      trusted_.authorities.begin(), trusted_.authorities.end(),
      [&](const crypto::PublicKey& key) { return cose::key_id(key) == permit->signer; });
  if (!known) {
    return say(
        Step::Permit, Outcome::Fails,
        fmt::format("the permit is by key {}… (`{}` in its own words), which is not one that "
                    "is trusted",
                    short_hex(permit->signer), issuer));
  }
  say(Step::Permit, Outcome::Holds,
      fmt::format(
          "{} → {}: permit {}…, {}, held when the run was admitted", issuer,
          printable(permit->claims.subject, 100), short_hex(permit->id),
          permit->claims.holder ? "the holder signed for this command" : "a bearer permit"));
}

Result<domain::VerifiedBundle> Examiner::policy() const {
  std::vector<permit::Authority> signers;
  for (const crypto::PublicKey& key : trusted_.authorities) signers.push_back({"", key, {}});
  const ByteVec bytes = TRY(objects_.object(admission_->inputs, domain::kMaxBundleFile));
  const AdmissionInputs inputs = TRY(decode_inputs(bytes));
  const ByteVec file = TRY(objects_.object(inputs.bundle_file, domain::kMaxBundleFile));
  return domain::verify_bundle(file, signers);
}

void Examiner::say_policy() {
  if (!admission_) return say(Step::Policy, Outcome::Fails, "the run's admission is not here");
  const Result<domain::VerifiedBundle> policy = this->policy();
  if (!policy) return say(Step::Policy, Outcome::Fails, policy.error().message());
  const ReplayCounts& counts = replay_.counts();
  std::string text =
      fmt::format("bundle {}…, generation {}; {} replayed", short_hex(policy->digest()),
                  policy->bundle().generation, counted(counts.replayed, "decision", "decisions"));
  text += counts.replayed == 1 ? ", equal" : ", all equal";
  if (counts.not_replayable > 0) {
    text += fmt::format("; {} recorded, not replayable: the clear text was erased or left out",
                        counts.not_replayable);
  }
  if (newer_policies_ > 0) {
    text += fmt::format("; {} came into force during the run, on the log's word",
                        counted(newer_policies_, "newer bundle", "newer bundles"));
  }
  const bool all = counts.not_replayable == 0 && newer_policies_ == 0;
  say(Step::Policy, all ? Outcome::Holds : Outcome::Open, std::move(text));
}

void Examiner::say_continuity() {
  if (!admission_ || times_.empty()) {
    return say(Step::Continuity, Outcome::Fails, "the run's admission is not here");
  }
  for (const ledger::Continuity& check : checks_) {
    if (check.checks != kEveryCheck || !check.counts.agree()) {
      return say(Step::Continuity, Outcome::Fails,
                 "a continuity entry does not say that everything held");
    }
  }
  const Result<ByteVec> bytes =
      objects_.object(admission_->domain_definition, domain::kMaxBundleFile);
  const Result<domain::Domain> domain =
      bytes ? domain::decode_domain(*bytes) : Result<domain::Domain>(bytes.error());
  if (!domain) return say(Step::Continuity, Outcome::Fails, domain.error().message());
  const auto interval = static_cast<std::int64_t>(domain->continuity_ms);
  std::int64_t longest = 0;
  std::int64_t before = times_.front();
  times_.push_back(last_time_);
  for (const std::int64_t time : times_) {
    longest = std::max(longest, time - before);
    before = time;
  }
  const std::string due = "one is due every " + seconds(interval);
  if (longest > kMissedIntervals * interval) {
    return say(
        Step::Continuity, Outcome::Open,
        fmt::format("{}, longest gap {}, and {}: not shown that the run was governed throughout",
                    counted(checks_.size(), "check", "checks"), seconds(longest), due));
  }
  say(Step::Continuity, Outcome::Holds,
      checks_.empty()
          ? fmt::format("the record ends after {}, before a check was missed; {}", seconds(longest),
                        due)
          : fmt::format("governed throughout: {}, longest gap {}, {}",
                        counted(checks_.size(), "check", "checks"), seconds(longest), due));
}

void Examiner::say_complete() {
  if (!run_ || inside_.empty()) {
    return say(Step::Complete, Outcome::Fails, "the bundle holds no entry of the run");
  }
  const std::string numbers = fmt::format("seq 0-{} without gaps", run_->events - 1);
  if (interrupted_) {
    return say(
        Step::Complete, Outcome::Open,
        fmt::format("{}, then interrupted ({}): complete up to seq {}; {} before the cut are "
                    "not proven",
                    numbers, code_of(interrupted_->reason), interrupted_->last_durable.get(),
                    counted(interrupted_->unproven_millis, "ms", "ms")));
  }
  if (!end_) {
    return say(Step::Complete, Outcome::Open,
               fmt::format("{}; the run had not ended under head {}: what it did later is not here",
                           numbers, head_.size.get()));
  }
  say(Step::Complete, Outcome::Holds,
      fmt::format("{}, ended: {}; the supervisor released {}, the log has {}", numbers,
                  code_of(end_->reason), counted(end_->counts.released, "exec", "execs"),
                  run_->execs));
}

void Examiner::say_witnessed() {
  std::vector<ledger::CosignerKey> keys;
  for (const ledger::PolicyWitness& one : trusted_.logs.witnesses) keys.push_back(one.key);
  const Result<std::vector<ledger::Cosigned>> by = ledger::verify_cosignatures(note_, keys);
  if (!by) return say(Step::Witnessed, Outcome::Fails, by.error().message());
  std::string who;
  for (const ledger::Cosigned& one : *by) {
    const std::string name = printable(trusted_.logs.witnesses[one.by].name, 100);
    list_.witnesses.push_back(name);
    // Within what a time in milliseconds can say: a witness may name any second.
    const std::uint64_t latest = permit::kMaxTime;
    const auto at = static_cast<std::int64_t>(std::min(one.unix_seconds, latest));
    who += (who.empty() ? "" : ", ") + name + " (" + to_rfc3339(UnixMillis(at * 1000)) + ")";
  }
  if (!ledger::quorum_met(trusted_.logs, *by)) {
    return say(Step::Witnessed, Outcome::Fails,
               "the policy asks for more witnesses than cosigned the head: " +
                   (who.empty() ? std::string("none did") : who));
  }
  if (by->empty()) {
    return say(
        Step::Witnessed, Outcome::Open,
        fmt::format("not witnessed: who keeps the log could have rewritten history before head "
                    "{} was signed",
                    head_.size.get()));
  }
  say(Step::Witnessed, Outcome::Holds,
      fmt::format("{} saw head {} and no other history", who, head_.size.get()));
}

void Examiner::say_host() {
  if (!admission_) return say(Step::Host, Outcome::Open, "not proven: anything of the host");
  say(Step::Host, Outcome::Open,
      fmt::format("not proven: that the kernel of \"{}\" was not itself subverted, and that its "
                  "governor (tier {}) counted truly",
                  printable(admission_->host, 100), printable(admission_->tier, 20)));
}

}  // namespace

std::vector<std::pair<std::string_view, Digest32>> committed_names(const ledger::Event& event) {
  if (const auto* body = event.as<ledger::Admission>()) {
    return {{"argv", body->argv}, {"env", body->env}, {"cwd", body->cwd}};
  }
  if (const auto* body = event.as<ledger::Exec>()) {
    return {{"argv", body->argv}, {"env", body->env}, {"cwd", body->cwd}};
  }
  if (const auto* body = event.as<ledger::Refusal>()) return {{"asked", body->asked}};
  if (const auto* body = event.as<ledger::Connect>()) return {{"endpoint", body->endpoint}};
  if (const auto* body = event.as<ledger::Listen>()) return {{"endpoint", body->endpoint}};
  if (const auto* body = event.as<ledger::Call>()) return {{"arguments", body->arguments}};
  return {};
}

bool has_request(const ledger::Event& event) {
  return event.kind() == EventKind::Exec || event.kind() == EventKind::Connect ||
         event.kind() == EventKind::Listen || event.kind() == EventKind::Refusal;
}

Checklist examine(const ProofBundle& bundle, const Trusted& trusted, ledger::LogSource& objects,
                  const ProofProgress& progress) {
  return Examiner(bundle, trusted, objects).run(progress);
}

}  // namespace writ::proof
