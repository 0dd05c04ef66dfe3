// The exec gate's two questions: of what the caller's memory said, and of what the kernel has
// loaded.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "governor/command.h"
#include "governor/denial.h"
#include "governor/gate_verdicts.h"
#include "governor/resolve.h"

namespace writ::governor {
namespace {

constexpr std::size_t kMaxRemembered = 100'000;  // processes whose exec is remembered
constexpr std::int64_t kAnswerStands = 100;      // ms between the two checks of one exec

std::string line_of(const std::vector<std::string>& argv) {
  std::string line;
  for (const std::string& word : argv) {
    if (line.size() > 200) break;
    line += (line.empty() ? "" : " ") + word;
  }
  return printable(line, 100);
}

permit::ExecFacts facts_of(const enforce::ExecImage& image) {
  permit::ExecFacts facts;
  facts.program = image.program;
  facts.digest = image.digest;
  for (const enforce::Script& script : image.scripts) {
    facts.scripts.push_back({script.path, script.digest});
  }
  facts.argv = image.argv;
  facts.environment = image.environment;
  facts.directory = image.directory;
  facts.executable_stack = image.executable_stack;
  return facts;
}

}  // namespace

// The stop's own facts are compared here with those that were judged: an answer is used again only
// for the same question, within a time in which the clock's part of it cannot matter.
bool GateVerdicts::still_answers(const LetThrough& let_through,
                                 const permit::ExecFacts& facts) const {
  const permit::ExecFacts& asked = let_through.facts;
  const std::int64_t age = clock_.now().get() - let_through.judged.time.get();
  if (age < 0 || age > kAnswerStands || let_through.judged.denial) return false;
  {
    const std::scoped_lock lock(mutex_);
    if (let_through.judged.by.policy != in_force_.policy) return false;
  }
  const bool same_scripts =
      std::equal(asked.scripts.begin(), asked.scripts.end(), facts.scripts.begin(),
                 facts.scripts.end(), [](const permit::ScriptFact& a, const permit::ScriptFact& b) {
                   return a.path == b.path && a.digest == b.digest;
                 });
  return same_scripts && asked.program == facts.program && asked.digest == facts.digest &&
         asked.argv == facts.argv && asked.environment == facts.environment &&
         asked.directory == facts.directory && asked.executable_stack == facts.executable_stack;
}

std::shared_ptr<const GateVerdicts::LetThrough> GateVerdicts::recent(
    const permit::ExecFacts& facts) const {
  std::array<std::shared_ptr<const LetThrough>, 8> all;
  {
    const std::scoped_lock lock(mutex_);
    all = recent_;
  }
  for (const std::shared_ptr<const LetThrough>& one : all) {
    if (one && still_answers(*one, facts)) return one;
  }
  return nullptr;
}

Result<Told> GateVerdicts::record_refusal(const enforce::Caller& caller,
                                          const permit::ExecFacts& facts, const Judged& judged,
                                          Denial denial) {
  Told told;
  told.pid = caller.process.number;
  const ledger::EventId parent = cause_of(caller, nullptr);
  told.event = TRY(recorder_.record(
      parent,
      [&](ledger::Side& side) -> Result<Recorder::Made> {
        ledger::Refusal body;
        body.reason = denial.reason;
        body.gate = "exec";
        body.pid = number_of(caller);
        body.asked = side.put("asked", as_bytes(std::string_view(denial.asked)));
        if (facts.digest != Digest32()) body.file = facts.digest;
        (void)side.put("because", as_bytes(std::string_view(denial.because)));
        (void)side.put("allow", as_bytes(std::string_view(denial.allow)));
        (void)side.put("argv", ledger::encode_list(facts.argv));
        return made(side, judged, std::move(body));
      },
      Class::Ordered));
  told.denial = std::move(denial);
  tell(caller, told);
  return told;
}

Result<GateVerdicts::FileLook> GateVerdicts::look_at(const std::string& path) {
  struct stat now = {};
  if (::lstat(path.c_str(), &now) != 0) return errno_error(errno, printable(path));
  return enforce::look_of(now);
}

// Good enough for an early answer: a file that looks unchanged is not hashed again. What counts is
// the digest that enforce/ takes at the stop.
Result<Digest32> GateVerdicts::courtesy_digest(const std::string& path) {
  const FileLook look = TRY(look_at(path));
  {
    const std::scoped_lock lock(mutex_);
    const auto found = known_.find(look);
    if (found != known_.end()) return found->second.digest;
  }
  const Digest32 digest = TRY(digest_file(path));
  const std::scoped_lock lock(mutex_);
  if (known_.size() > kMaxRemembered) known_.clear();
  known_[look].digest = digest;
  return digest;
}

// What an attempt would become. The same names lead to the same files outside, apart from what
// only the run has (/proc, /tmp); what cannot be looked at here is left to the check at the stop.
Result<permit::ExecFacts> GateVerdicts::courtesy_facts(const enforce::ExecAttempt& attempt,
                                                       permit::ExecFacts facts) {
  const FileLook look = TRY(look_at(attempt.resolved));
  {
    const std::scoped_lock lock(mutex_);
    const auto found = known_.find(look);
    if (found != known_.end() && found->second.binary) {
      facts.program = attempt.resolved;
      facts.digest = found->second.digest;
      facts.executable_stack = found->second.executable_stack;
      return facts;
    }
  }
  permit::ExecFacts looked = TRY(facts_for(
      attempt.resolved, attempt.asked, std::move(facts.argv), std::move(facts.environment),
      facts.directory, [this](const std::string& path) { return courtesy_digest(path); }));
  if (looked.scripts.empty()) {
    const std::scoped_lock lock(mutex_);
    const auto found = known_.find(look);
    if (found != known_.end()) {
      found->second.binary = true;
      found->second.executable_stack = looked.executable_stack;
    }
  }
  return looked;
}

Result<enforce::Courtesy> GateVerdicts::before(const enforce::ExecAttempt& attempt) {
  enforce::Courtesy answer;
  permit::ExecFacts facts;
  facts.argv = attempt.argv;
  if (facts.argv.empty()) facts.argv.emplace_back();
  facts.environment = attempt.environment;
  facts.directory = attempt.directory;
  if (attempt.resolved.empty()) {
    answer.error = attempt.failed != 0 ? attempt.failed : ENOENT;
    const std::optional<std::string> path =
        permit::join_path(attempt.directory.empty() ? "/" : attempt.directory, attempt.asked);
    struct stat host = {};
    if (!path || ::stat(path->c_str(), &host) != 0 || !S_ISREG(host.st_mode) ||
        (host.st_mode & 0111) == 0) {
      return answer;
    }
    facts.program = *path;
  } else {
    Result<permit::ExecFacts> looked = courtesy_facts(attempt, facts);
    if (looked) {
      facts = std::move(*looked);
    } else {
      facts.program = attempt.resolved;
    }
  }
  std::shared_ptr<const LetThrough> answered;
  if (attempt.failed == 0) answered = recent(facts);
  if (!answered) {
    Judged judged = TRY(judge_exec(bounds(), in_force(), facts, false, clock_.now()));
    answered = std::make_shared<const LetThrough>(std::move(facts), std::move(judged));
  }
  const Judged& judged = answered->judged;
  if (!judged.denial) {
    answer.go = attempt.failed == 0;
    if (answer.go) let_through(attempt.caller, std::move(answered));
    return answer;
  }
  (void)TRY(record_refusal(attempt.caller, answered->facts, judged, *judged.denial));
  answer.recorded = true;
  if (answer.error == 0) answer.error = EACCES;
  return answer;
}

void GateVerdicts::let_through(const enforce::Caller& caller,
                               std::shared_ptr<const LetThrough> answered) {
  const std::scoped_lock lock(mutex_);
  if (let_through_.size() > kMaxRemembered) let_through_.clear();
  if (std::find(recent_.begin(), recent_.end(), answered) == recent_.end()) {
    recent_[next_recent_++ % recent_.size()] = answered;
  }
  let_through_[caller.process.number] = std::move(answered);
}

std::shared_ptr<const GateVerdicts::LetThrough> GateVerdicts::was_let_through(
    const enforce::Caller& caller) const {
  const std::scoped_lock lock(mutex_);
  const auto found = let_through_.find(caller.process.number);
  return found == let_through_.end() ? nullptr : found->second;
}

// A yes to a plain program that was looked at before and looks unchanged. Everything else, a no
// too, is for `before`.
std::optional<enforce::Courtesy> GateVerdicts::before_at_once(const enforce::ExecAttempt& attempt) {
  if (attempt.resolved.empty() || attempt.failed != 0 || attempt.argv.empty()) return std::nullopt;
  permit::ExecFacts facts;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = known_.find(attempt.look);
    if (found == known_.end() || !found->second.binary) return std::nullopt;
    facts.digest = found->second.digest;
    facts.executable_stack = found->second.executable_stack;
  }
  facts.program = attempt.resolved;
  facts.argv = attempt.argv;
  facts.environment = attempt.environment;
  facts.directory = attempt.directory;
  std::shared_ptr<const LetThrough> answered = recent(facts);
  if (!answered) {
    Result<Judged> judged = judge_exec(bounds(), in_force(), facts, false, clock_.now());
    if (!judged || judged->denial) return std::nullopt;
    answered = std::make_shared<const LetThrough>(std::move(facts), std::move(*judged));
  }
  let_through(attempt.caller, std::move(answered));
  return enforce::Courtesy{true, 0, false};
}

// A yes that `before` has given already, to these very facts.
std::optional<enforce::StopVerdict> GateVerdicts::at_stop_at_once(const enforce::ExecImage& image) {
  if (image.first) return std::nullopt;
  const permit::ExecFacts facts = facts_of(image);
  const std::shared_ptr<const LetThrough> let_through = was_let_through(image.caller);
  if (!let_through || !still_answers(*let_through, facts)) return std::nullopt;
  bool lost = false;
  const ledger::EventId parent = cause_of(image.caller, &lost);
  const std::optional<ledger::EventId> event =
      recorder_.record_at_once(parent, exec_record(image, facts, let_through->judged, lost));
  if (!event) return std::nullopt;
  remember(image, facts, let_through->judged, *event);
  return enforce::StopVerdict{true, Reason::NotGranted};
}

Result<enforce::StopVerdict> GateVerdicts::at_stop(const enforce::ExecImage& image) {
  const permit::ExecFacts facts = facts_of(image);
  const std::shared_ptr<const LetThrough> let_through = was_let_through(image.caller);
  std::shared_ptr<const LetThrough> answered = let_through;
  if (!let_through || image.first || !still_answers(*let_through, facts)) {
    Judged again = TRY(judge_exec(bounds(), in_force(), facts, image.first, clock_.now()));
    answered = std::make_shared<const LetThrough>(permit::ExecFacts(), std::move(again));
  }
  const Judged& judged = answered->judged;
  if (judged.denial) {
    Denial denial = *judged.denial;
    // What was asked for had been granted; so what the kernel loaded is something else.
    const bool same_request = let_through && let_through->facts.program == facts.program &&
                              let_through->facts.argv == facts.argv &&
                              let_through->facts.environment == facts.environment;
    if (let_through && (!same_request || let_through->facts.digest != facts.digest)) {
      denial.because =
          "what the kernel loaded is not what was asked for and checked: " + denial.because;
      denial.reason = Reason::ChangedDuringExec;
      denial.allow = std::string(describe(Reason::ChangedDuringExec).remedy);
    }
    Judged changed = judged;
    changed.answer.denial = denial;
    Told told = TRY(record_refusal(image.caller, facts, changed, denial));
    const Reason reason = denial.reason;
    {
      const std::scoped_lock lock(mutex_);
      told.violation = true;
      violation_ = std::move(told);
    }
    return enforce::StopVerdict{false, reason};
  }

  bool lost = false;
  const ledger::EventId parent = cause_of(image.caller, &lost);
  const Recorder::Make make = exec_record(image, facts, judged, lost && !image.first);
  remember(image, facts, judged, TRY(recorder_.record(parent, make, Class::Ordered)));
  return enforce::StopVerdict{true, Reason::NotGranted};
}

Recorder::Make GateVerdicts::exec_record(const enforce::ExecImage& image,
                                         const permit::ExecFacts& facts, const Judged& judged,
                                         bool ancestry_lost) {
  return [&image, &facts, &judged, ancestry_lost](ledger::Side& side) -> Result<Recorder::Made> {
    ledger::Exec body;
    body.pid = number_of(image.caller);
    body.path = printable(facts.program, ledger::kMaxBodyText);
    body.file = facts.digest;
    if (!facts.scripts.empty()) body.script = facts.scripts.back().digest;
    body.produced = judged.produced;
    body.ancestry_lost = ancestry_lost;
    body.argv = side.put("argv", ledger::encode_list(facts.argv));
    body.env = side.put("env", ledger::encode_list(facts.environment));
    body.cwd = side.put("cwd", as_bytes(std::string_view(facts.directory)));
    return made(side, judged, std::move(body));
  };
}

void GateVerdicts::remember(const enforce::ExecImage& image, const permit::ExecFacts& facts,
                            const Judged& judged, const ledger::EventId& event) {
  images_.started(image, *judged.rule);
  const std::scoped_lock lock(mutex_);
  if (execs_.size() > kMaxRemembered) {
    execs_.clear();
    commands_.clear();
  }
  execs_[image.caller.process] = event;
  commands_[image.caller.process] = line_of(facts.argv);
  let_through_.erase(image.caller.process.number);
}

}  // namespace writ::governor
