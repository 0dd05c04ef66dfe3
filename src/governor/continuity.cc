#include "governor/continuity.h"

#include <algorithm>
#include <limits>

#include "cose/key.h"
#include "governor/images.h"
#include "governor/registry.h"

namespace writ::governor {
namespace {

constexpr std::int64_t kMilli = 1'000'000;
constexpr std::int64_t kYoung = 100 * kMilli;  // then what was built is noted
constexpr std::int64_t kSoon = 20 * kMilli;    // until another look at what did not fit
constexpr int kLooks = 100;  // at a program that nobody let through, before it is believed
constexpr std::uint64_t kMissed = 3;
constexpr std::uint64_t kLeastWord = 10'000;  // ms

}  // namespace

std::optional<std::string> counts_problem(const enforce::GateCounts& now,
                                          const Recorder::Totals& written) {
  if (written.execs < now.released) return "the gate let through more than is recorded";
  if (written.refusals < now.refused) return "the gate refused more than is recorded";
  return std::nullopt;
}

Continuity::Continuity(const Admission& admission, Installation& here,
                       enforce::Supervisor& supervisor, GateVerdicts& verdicts, Recorder& recorder)
    : admission_(admission),
      here_(here),
      supervisor_(supervisor),
      verdicts_(verdicts),
      recorder_(recorder),
      interval_(static_cast<std::int64_t>(admission.standing().domain.continuity_ms) * kMilli),
      began_(here.clock.boot_nanos()),
      next_(began_ + std::min(interval_, kYoung)),
      bundle_(admission.standing().bundle),
      generation_(admission.standing().generation) {
  vouch();
}

void Continuity::vouch() {
  supervisor_.vouch(std::max(kMissed * admission_.standing().domain.continuity_ms, kLeastWord));
}

Continuity::Found Continuity::lost(EndReason reason, std::string why) {
  reason_ = reason;
  why_ = std::move(why);
  return Found::Lost;
}

void Continuity::check(const enforce::GiveUp& give_up) {
  if (supervisor_.counts().released == 0) {  // nothing of the run has executed yet
    vouch();
    next_ = here_.clock.boot_nanos() + kSoon;
    return;
  }
  if (!noted_) {
    (void)supervisor_.look(give_up);
    noted_ = true;
    next_ = std::max(began_ + interval_, here_.clock.boot_nanos());
    return;
  }
  switch (examine(give_up)) {
    case Found::Holds:
      strangers_ = 0;
      vouch();
      next_ = here_.clock.boot_nanos() + interval_;
      break;
    case Found::LookAgain: next_ = here_.clock.boot_nanos() + kSoon; break;
    case Found::Lost: supervisor_.end(reason_, why_); [[fallthrough]];
    case Found::Over: next_ = std::numeric_limits<std::int64_t>::max(); break;
  }
}

Continuity::Found Continuity::examine(const enforce::GiveUp& give_up) {
  Result<MaybeStanding> maybe = load_standing(here_.home, admission_.standing().domain.name);
  if (!maybe) return lost(EndReason::ContinuityLost, maybe.error().message());
  if (const Denial* no = std::get_if<Denial>(&*maybe)) {
    return lost(EndReason::ContinuityLost, no->because);
  }
  const Standing& standing = std::get<Standing>(*maybe);
  if (const Found found = examine_policy(standing); found != Found::Holds) return found;
  if (const Found found = examine_permit(standing); found != Found::Holds) return found;
  if (const Found found = examine_run(give_up); found != Found::Holds) return found;
  const enforce::GateCounts counts = supervisor_.counts();
  if (const auto problem = counts_problem(counts, recorder_.totals())) {
    return lost(EndReason::ContinuityLost, *problem);
  }
  if (const Result<void> recorded = record_held(counts); !recorded) {
    return lost(EndReason::ContinuityLost, recorded.error().message());
  }
  return Found::Holds;
}

Continuity::Found Continuity::examine_policy(const Standing& standing) {
  if (standing.bundle == bundle_) return Found::Holds;
  if (standing.generation <= generation_) {
    return lost(EndReason::ContinuityLost,
                "the policy bundle was replaced by one that is not newer");
  }
  const std::string name = "generation " + std::to_string(standing.generation) + " of the policy: ";
  const Result<std::shared_ptr<const policy::PolicySet>> when =
      proof::parse_when(admission_.permit().claims().when, standing.policy.get());
  if (!when) return lost(EndReason::PolicyChanged, name + when.error().message());
  const permit::Limits limits =
      domain::effective_limits(admission_.permit().grant().limits, standing.domain);
  const std::vector<proof::Question> questions = proof::admission_questions(
      admission_.facts(), admission_.permit().grant(), limits, here_.clock.now());
  const Result<proof::Answer> answer =
      proof::ask(*standing.policy, when->get(), admission_.facts(), questions);
  if (!answer) return lost(EndReason::ContinuityLost, answer.error().message());
  if (!answer->allowed) {
    return lost(EndReason::PolicyChanged,
                name + (answer->denial ? answer->denial->because : std::string("denied")));
  }
  // The objects and the record that name the new bundle come before the first decision by it.
  if (const Result<void> recorded = record_definitions(standing); !recorded) {
    return lost(EndReason::ContinuityLost, recorded.error().message());
  }
  verdicts_.use_policy(standing.policy, standing.bundle);
  bundle_ = standing.bundle;
  generation_ = standing.generation;
  return Found::Holds;
}

Result<void> Continuity::record_definitions(const Standing& standing) {
  (void)TRY(here_.store->put_object(standing.bundle_file));
  (void)TRY(here_.store->put_object(standing.bundle_payload));
  (void)TRY(here_.store->put_object(domain::encode_domain(standing.domain)));
  for (const proof::AuthorityRecord& record : standing.records) {
    (void)TRY(here_.store->put_object(proof::encode_authority(record)));
  }
  return here_.store->with_lock([&](ledger::LockedState& state) -> Result<void> {
    std::vector<ledger::Draft> drafts =
        TRY(definition_drafts(state, standing, cose::key_id(here_.runner.public_key())));
    if (drafts.empty()) return {};
    (void)TRY(state.append(std::move(drafts), ledger::Wait::Durable));
    return note_definitions(state, standing);
  });
}

Continuity::Found Continuity::examine_permit(const Standing& standing) {
  const permit::Revoked none;
  permit::VerifyContext context;
  context.now = seconds_of(here_.clock.now());
  context.domain = standing.domain.name;
  context.ledger = here_.store->ledger_id();
  context.authorities = standing.authorities;
  context.policy = bundle_;
  context.revoked = &none;  // the watch reads the list
  context.uses_taken = [](const PermitId&) -> Result<std::uint64_t> { return 0; };
  const Result<std::optional<Denial>> no = permit::check(admission_.permit().permit(), context);
  if (!no) return lost(EndReason::ContinuityLost, no.error().message());
  if (!*no) return Found::Holds;
  switch ((*no)->reason) {
    case Reason::Expired: return lost(EndReason::Expired, (*no)->because);
    case Reason::PolicyPinMismatch: return lost(EndReason::PolicyChanged, (*no)->because);
    default: return lost(EndReason::ContinuityLost, (*no)->because);
  }
}

Continuity::Found Continuity::examine_run(const enforce::GiveUp& give_up) {
  const Result<enforce::Footing::Seen> seen = supervisor_.look(give_up);
  if (!seen) {
    if (seen.error().code() == Code::NotFound) return Found::Over;
    if (give_up()) return Found::LookAgain;
    return lost(EndReason::ContinuityLost, seen.error().message());
  }
  if (const std::optional<std::string> why = verdicts_.images().stranger(seen->running)) {
    // The kernel shows a new program a moment before it holds the process.
    if (++strangers_ < kLooks) return Found::LookAgain;
    return lost(EndReason::ContinuityLost, *why);
  }
  const std::optional<std::string> changed = verdicts_.images().changed(seen->running, give_up);
  if (changed) return lost(EndReason::ContinuityLost, *changed);
  return give_up() ? Found::LookAgain : Found::Holds;
}

Result<void> Continuity::record_held(const enforce::GateCounts& counts) {
  ledger::Continuity body;
  body.processes = static_cast<std::uint32_t>(supervisor_.live_processes());
  if (body.processes == 0) return {};  // it has just ended by itself
  body.counts = {.asked = counts.refused + counts.failed + counts.vanished + counts.violated +
                          counts.released,  // what is under way is not counted yet
                 .refused = counts.refused,
                 .failed = counts.failed,
                 .vanished = counts.vanished,
                 .violated = counts.violated,
                 .released = counts.released,
                 .exec_stops = counts.violated + counts.released};
  body.policy_generation = generation_;
  body.checks = kAllChecks;
  (void)TRY(recorder_.record(
      {admission_.run(), Seq(0)},
      [&](ledger::Side&) -> Result<Recorder::Made> {
        return Recorder::Made{body, admission_.decision()};
      },
      Class::Ordered));
  return {};
}

}  // namespace writ::governor
