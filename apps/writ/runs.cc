// Verbs about runs that are alive: ps, freeze, thaw and revoke.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <map>

#include "cose/key.h"
#include "governor/control.h"
#include "governor/keystore.h"
#include "governor/process.h"
#include "governor/registry.h"
#include "ledger/side.h"
#include "permit/permit.h"
#include "writ/log_search.h"
#include "writ/permit_file.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

constexpr int kAskMillis = 2'000;
constexpr int kEndMillis = 60'000;

struct Target {
  ledger::Revocation::What what = ledger::Revocation::What::Permit;
  ByteVec bytes;
  std::string name;  // for people
};

// What a person names: a permit file, a permit or run id (or the start of one), or a key.
Result<Target> find_target(const Options& options, const Machine& machine,
                           const std::vector<governor::Registration>& runs) {
  Target target;
  const std::string& text = options.target;
  if (options.key) {
    const KeyId key = TRY(id_from_hex<KeyId>(text));
    target.what = ledger::Revocation::What::Key;
    target.bytes = to_vec(as_bytes(key));
    target.name = "key " + short_hex(key);
    return target;
  }
  if (Result<RunId> run = parse_run_id(text)) {
    target.what = ledger::Revocation::What::Run;
    target.bytes = to_vec(as_bytes(*run));
    target.name = "run " + text;
    return target;
  }
  const auto permit = [&](const PermitId& id) {
    target.bytes = to_vec(as_bytes(id));
    target.name = short_hex(id);
    return target;
  };
  if (Result<PermitId> whole = id_from_hex<PermitId>(text)) return permit(*whole);
  Result<ByteVec> file = find_permit(machine.home, text);
  if (file) {
    permit::Read read = permit::read_permit(*file);
    if (const Denial* no = std::get_if<Denial>(&read)) {
      return Error(Code::Malformed, printable(text) + ": " + no->because);
    }
    return permit(std::get<permit::Permit>(read).id);
  }
  for (const governor::Registration& run : runs) {
    if (text.size() >= 6 && to_hex(run.permit).starts_with(text)) return permit(run.permit);
    if (text.size() >= 6 && to_string(run.run).starts_with(text)) {
      target.what = ledger::Revocation::What::Run;
      target.bytes = to_vec(as_bytes(run.run));
      target.name = "run " + to_string(run.run);
      return target;
    }
  }
  return Error(Code::NotFound, "`" + printable(text) +
                                   "` is no permit file, permit id or run id that is known here");
}

// wait_gone waits for a process to end; false when it is still there after `millis`.
bool wait_gone(const Pid& process, int millis) {
  for (int waited = 0; waited < millis; waited += 5) {
    if (!governor::alive(process)) return true;
    (void)::poll(nullptr, 0, 5);
  }
  return !governor::alive(process);
}

// living_runs are the runs that have a governor now.
Result<std::vector<governor::Registration>> living_runs(Machine& machine) {
  auto store = TRY(ledger::Store::open(machine.storage, machine.home.state, machine.clock, {}));
  std::vector<governor::Registration> runs;
  const auto look = [&](ledger::LockedState& state) -> Result<void> {
    (void)TRY(governor::sweep(state, machine.storage, machine.home.state));
    runs = TRY(governor::list_runs(state));
    return {};
  };
  TRY(store->with_lock(look));
  return runs;
}

// hold freezes or thaws the one living run whose id starts as the person says.
Result<int> hold(const Options& options, Machine& machine, governor::ControlVerb verb) {
  const std::string& text = options.target;
  std::vector<governor::Registration> runs = TRY(living_runs(machine));
  std::erase_if(runs, [&](const governor::Registration& run) {
    return text.size() < 6 || !to_string(run.run).starts_with(text);
  });
  if (runs.size() != 1) {
    const char* what = runs.empty() ? "is no run that is alive here: writ ps shows them"
                                    : "is the start of several runs: say more of it";
    return Error(Code::NotFound, "`" + printable(text) + "` " + what);
  }
  const RunId& run = runs.front().run;
  const bool freeze = verb == governor::ControlVerb::Freeze;
  governor::ControlQuestion question;
  question.verb = verb;
  const governor::ControlAnswer now =
      TRY(governor::ask_governor(machine.home.runtime, run, question, kAskMillis));
  if (!now.problem.empty()) return Error(Code::Unavailable, now.problem);
  if (options.json) {
    json::Value value = new_answer();
    value.set("run", to_string(run)).set("state", now.state).set("processes", now.processes);
    put_answer(value);
  } else if (!options.quiet) {
    answer(fmt::format(
        "{} {}: {} process{} {}", freeze ? "froze" : "thawed", to_string(run), now.processes,
        now.processes == 1 ? "" : "es",
        freeze ? "held; its permit and limits go on to run out · writ thaw lets it go on"
               : "running again"));
  }
  return kYes;
}

// How a run ended, as the ledger has it.
struct Ending {
  std::string reason;
  std::optional<std::int32_t> status;
  std::optional<ledger::GateCounts> counts;
};

// list_ended puts the runs that are in the ledger and not alive, the earliest first.
Result<void> list_ended(const Options& options, Machine& machine,
                        const std::vector<governor::Registration>& alive, json::Value& list) {
  auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));
  LogSearch search(options, machine, *reader);
  std::map<RunId, Ending> endings;
  const auto note = [&](LeafIndex, const ledger::Event& event, Bytes) -> Result<bool> {
    if (const auto* end = event.as<ledger::End>()) {
      endings[event.id().run] = {std::string(code_of(end->reason)), end->status, end->counts};
    } else if (const auto* cut = event.as<ledger::Interrupted>()) {
      endings[event.id().run] = {std::string(code_of(cut->reason)), {}, {}};
    }
    return true;
  };
  TRY(search->each({.kind = ledger::EventKind::End}, note));
  TRY(search->each({.kind = ledger::EventKind::Interrupted}, note));
  const auto show = [&](LeafIndex, const ledger::Event& event, Bytes) -> Result<bool> {
    const RunId run = event.id().run;
    if (std::any_of(alive.begin(), alive.end(),
                    [&](const governor::Registration& one) { return one.run == run; })) {
      return true;
    }
    const auto found = endings.find(run);
    // Its governor is gone, and nobody has written that down yet.
    const Ending ending = found == endings.end() ? Ending{"unknown", {}, {}} : found->second;
    const auto* admission = event.as<ledger::Admission>();
    const auto& permit = std::get<ledger::PermitAuthority>(event.authority()).permit;
    if (options.json) {
      json::Value value = json::Value::object();
      value.set("run", to_string(run)).set("domain", admission->domain);
      value.set("permit", to_hex(permit)).set("tier", admission->tier).set("state", "ended");
      value.set("began", to_rfc3339(event.time())).set("reason", ending.reason);
      if (ending.status) value.set("status", std::int64_t{*ending.status});
      if (ending.counts) {
        value.set("execs", ending.counts->released).set("denied", ending.counts->refused);
      }
      value.set("command", admission->command);
      list.push(std::move(value));
    } else {
      const auto count = [&](std::uint64_t ledger::GateCounts::*which) {
        return ending.counts ? std::to_string((*ending.counts).*which) : std::string("?");
      };
      answer(fmt::format("{:<26}  {:<10} {:<16} {:<8}  {:<7}  {:<8} {:>6} {:>7} {:>7}  {}",
                         to_string(run), printable(admission->domain, 20), "-", short_hex(permit),
                         printable(admission->tier, 20), ending.reason, "-",
                         count(&ledger::GateCounts::released), count(&ledger::GateCounts::refused),
                         printable(admission->command)));
    }
    return true;
  };
  return search->each({.kind = ledger::EventKind::Admission}, show);
}

}  // namespace

Result<int> freeze(const Options& options, Machine& machine) {
  return hold(options, machine, governor::ControlVerb::Freeze);
}

Result<int> thaw(const Options& options, Machine& machine) {
  return hold(options, machine, governor::ControlVerb::Thaw);
}

Result<int> revoke(const Options& options, Machine& machine) {
  const std::int64_t began = machine.clock.boot_nanos();
  const crypto::PrivateKey runner = TRY(governor::load_key(machine.home, governor::kRunnerKey));
  const crypto::PrivateKey log_key = TRY(governor::load_key(machine.home, governor::kLogKey));
  auto store = TRY(ledger::Store::open(machine.storage, machine.home.state, machine.clock, {}));
  ledger::Salt salt{};
  machine.random.fill(salt);
  ledger::Side side(salt);
  ledger::Revocation body;
  body.sentence = side.put("sentence", as_bytes(std::string_view(options.reason)));

  Target target;
  LeafIndex leaf;
  std::vector<governor::Registration> hit;
  const Result<void> recorded = store->with_lock([&](ledger::LockedState& state) -> Result<void> {
    (void)TRY(governor::sweep(state, machine.storage, machine.home.state));
    const std::vector<governor::Registration> runs = TRY(governor::list_runs(state));
    target = TRY(find_target(options, machine, runs));
    governor::Revocations list = TRY(governor::read_revocations(state));
    switch (target.what) {
      case ledger::Revocation::What::Permit:
        list.permits.insert(TRY(id_from_bytes<PermitId>(target.bytes)));
        break;
      case ledger::Revocation::What::Key:
        list.keys.insert(TRY(id_from_bytes<KeyId>(target.bytes)));
        break;
      case ledger::Revocation::What::Run: {
        RunId::rep raw{};
        std::copy(target.bytes.begin(), target.bytes.end(), raw.begin());
        list.runs.insert(RunId(raw));
        break;
      }
    }
    body.what = target.what;
    body.target = target.bytes;
    ledger::Event event = TRY(ledger::make_event(
        {ledger::kNoRun, Seq(0)}, ledger::kGenesisEvent,
        ledger::KeyAuthority{cose::key_id(runner.public_key())}, std::move(body)));
    std::vector<ledger::Draft> batch;
    batch.push_back({std::move(event), side.encode()});
    leaf = TRY(state.append(std::move(batch), ledger::Wait::Durable)).first;
    TRY(state.write("revoked", governor::encode_revocations(list)));
    for (const governor::Registration& run : runs) {
      if (list.hits(run)) hit.push_back(run);
    }
    return {};
  });
  if (!recorded) return Error(recorded.error());

  std::uint64_t processes = 0;
  std::size_t left_over = 0;
  std::int64_t gone = 0;
  for (const governor::Registration& run : hit) {
    governor::ControlQuestion question;
    question.verb = governor::ControlVerb::End;
    question.reason = code_of(EndReason::Revoked);
    question.detail = options.reason.empty() ? "the permit was revoked"
                                             : "revoked: " + printable(options.reason, 500);
    const Result<governor::ControlAnswer> ended =
        governor::ask_governor(machine.home.runtime, run.run, question, kEndMillis);
    if (ended) {
      processes += ended->processes;
      gone = machine.clock.boot_nanos();
      // Its governor writes the end and goes; it waits for nobody but a reader of its output.
      (void)wait_gone(run.governor, kAskMillis);
    } else if (!wait_gone(run.governor, kAskMillis)) {
      ++left_over;  // it watches the list too; this answer did not come
    }
  }
  const std::int64_t took = (gone > 0 ? gone : machine.clock.boot_nanos()) - began;
  (void)TRY(store->sign_head(log_key));
  if (options.json) {
    json::Value value = new_answer();
    value.set("revoked", to_hex(target.bytes)).set("runs", hit.size()).set("processes", processes);
    value.set("nanos", took).set("entry", leaf.get()).set("unanswered", left_over);
    put_answer(value);
  } else if (!options.quiet) {
    answer(fmt::format("revoked {}: {} run{}, {} process{} gone in {} · entry {}", target.name,
                       hit.size(), hit.size() == 1 ? "" : "s", processes,
                       processes == 1 ? "" : "es", seconds(took), leaf.get()));
  }
  if (left_over > 0) {
    return Error(Code::Unavailable,
                 std::to_string(left_over) + " governor(s) did not answer: writ ps shows which");
  }
  return kYes;
}

Result<int> ps(const Options& options, Machine& machine) {
  const std::vector<governor::Registration> runs = TRY(living_runs(machine));
  json::Value list = json::Value::array();
  if (!options.json && !options.quiet) {
    answer(fmt::format("{:<26}  {:<10} {:<16} {:<8}  {:<7}  {:<8} {:>6} {:>7} {:>7}  {}", "RUN",
                       "DOMAIN", "AGENT", "PERMIT", "TIER", "STATE", "LEFT", "EXECS", "DENIED",
                       "COMMAND"));
  }
  const std::int64_t now = seconds_of(machine.clock.now()).get();
  for (const governor::Registration& run : runs) {
    const Result<governor::ControlAnswer> status =
        governor::ask_governor(machine.home.runtime, run.run, {}, kAskMillis);
    const std::string state = status ? status->state : "unknown";
    const std::int64_t time_left = run.expires.get() - now;
    if (options.json) {
      json::Value value = json::Value::object();
      value.set("run", to_string(run.run)).set("domain", run.domain).set("agent", run.subject);
      value.set("permit", to_hex(run.permit)).set("tier", "sandbox").set("state", state);
      value.set("left_seconds", time_left).set("command", run.command);
      value.set("pid", run.governor.number);
      if (status) {
        value.set("execs", status->released).set("denied", status->refused);
        value.set("processes", status->processes);
      }
      list.push(std::move(value));
    } else {
      answer(fmt::format("{:<26}  {:<10} {:<16} {:<8}  {:<7}  {:<8} {:>6} {:>7} {:>7}  {}",
                         to_string(run.run), printable(run.domain, 20), printable(run.subject, 30),
                         short_hex(run.permit), "sandbox", state, left(time_left),
                         status ? std::to_string(status->released) : "?",
                         status ? std::to_string(status->refused) : "?", printable(run.command)));
    }
  }
  if (options.all) TRY(list_ended(options, machine, runs, list));
  if (options.json) {
    json::Value value = new_answer();
    value.set("runs", std::move(list));
    put_answer(value);
  }
  return kYes;
}

}  // namespace writ::cli
