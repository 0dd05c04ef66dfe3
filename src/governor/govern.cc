#include "governor/govern.h"

#include <sys/resource.h>
#include <unistd.h>

#include "governor/inquiry.h"
#include "governor/registry.h"
#include "governor/watch.h"

namespace writ::governor {
namespace {

std::uint64_t children_cpu_millis() {
  struct rusage used = {};
  if (::getrusage(RUSAGE_CHILDREN, &used) != 0) return 0;
  const auto millis = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1000 +
           static_cast<std::uint64_t>(time.tv_usec) / 1000;
  };
  return millis(used.ru_utime) + millis(used.ru_stime);
}

ledger::GateCounts as_recorded(const enforce::GateCounts& counts) {
  return {.asked = counts.asked,
          .refused = counts.refused,
          .failed = counts.failed,
          .vanished = counts.vanished,
          .violated = counts.violated,
          .released = counts.released,
          .exec_stops = counts.exec_stops};
}

}  // namespace

Result<RunEnd> govern(const Admission& admission, Installation& here, RunSite& site,
                      const GovernOptions& options) {
  run::Status status = admission.status();
  Recorder recorder(*here.store, here.log_key, here.clock, here.random,
                    {.run = admission.run(),
                     .permit = admission.permit().id(),
                     .strict = admission.standing().domain.record == domain::Recording::Strict,
                     .next_seq = 1});
  GateVerdicts verdicts(admission, recorder, here.clock);
  if (options.on_refusal) verdicts.on_refusal(options.on_refusal);
  enforce::Supervisor supervisor(admission.plan(), verdicts, here.clock);
  supervisor.expire_at(UnixMillis(admission.permit().claims().expires.get() * 1000));
  recorder.on_failure([&](const Error& error) {
    supervisor.end(EndReason::ContinuityLost, "a record could not be made: " + error.message());
  });

  RunEnd end;
  end.first = admission.leaf();
  std::optional<enforce::Outcome> outcome;
  std::string not_started;
  const std::int64_t began = here.clock.boot_nanos();
  const Result<void> ran = [&]() -> Result<void> {
    std::unique_ptr<Watch> watch = TRY(Watch::create(admission, here));
    UniqueFd finished = TRY(event_fd());
    WRIT_ASSERT(site.ground() != nullptr);
    CallerTerminal* terminal = options.terminal;
    WRIT_ASSERT((terminal != nullptr) == (admission.plan().terminal != enforce::Terminal::None));
    if (terminal != nullptr) {
      supervisor.on_stopped(terminal->stopped());
      terminal->take(site.ground()->take_terminal());
    }
    UniqueFd inquiry;
    if (admission.plan().inquiry) inquiry = site.ground()->take_inquiry();
    site.ground()->keep(supervisor, finished.borrow());
    watch->start(supervisor, verdicts, recorder);
    std::optional<InquiryDesk> desk;
    if (admission.plan().inquiry) {
      desk.emplace(std::move(inquiry), admission.run(), admission.permit().id(), verdicts);
    }
    if (terminal == nullptr) {
      site.streams().copy(finished.borrow());
    } else {
      const bool apart = admission.plan().terminal == enforce::Terminal::InputAndOutput;
      terminal->copy(finished.borrow(), apart ? site.streams().take_error() : UniqueFd(),
                     [&] { supervisor.resume(); });
    }
    Result<enforce::Outcome> result = site.ground()->wait();
    watch->stop(result ? result->end_latency_nanos : 0);
    if (!result) return Error(std::move(result).error());
    outcome = std::move(*result);
    return {};
  }();
  if (!ran) {
    not_started = ran.error().message();
    site.clear();
  }

  ledger::End body;
  if (outcome && outcome->counts.released > 0) {
    status = TRY(run::step(status, run::Event::ProgramReleased));
    end.reason = outcome->end;
    end.detail = outcome->detail;
  } else {
    end.reason = EndReason::NotStarted;
    end.detail = outcome ? outcome->detail : not_started;
  }
  if (outcome) {
    end.status = outcome->exit_status;
    end.counts = outcome->counts;
    end.wall_nanos = outcome->ended_boot_nanos -
                     (outcome->started_boot_nanos > 0 ? outcome->started_boot_nanos : began);
    end.end_latency_nanos = outcome->end_latency_nanos;
  }
  end.violation = verdicts.last_violation();
  status = TRY(run::step(status, run::Event::ProcessesGone, end.reason));

  body.reason = end.reason;
  if (end.reason == EndReason::Exited) body.status = end.status;
  if (end.reason == EndReason::Signalled) body.status = -end.status;
  body.counts = as_recorded(end.counts);
  body.wall_millis =
      end.wall_nanos > 0 ? static_cast<std::uint64_t>(end.wall_nanos / 1'000'000) : 0;
  body.cpu_millis = children_cpu_millis();
  if (end.reason != EndReason::Exited && end.reason != EndReason::Signalled &&
      end.end_latency_nanos > 0) {
    body.kill_micros = static_cast<std::uint64_t>(end.end_latency_nanos / 1000);
  }
  (void)TRY(recorder.record(
      {admission.run(), Seq(0)},
      [&](ledger::Side& side) -> Result<Recorder::Made> {
        if (!end.detail.empty()) {
          (void)side.put("detail", as_bytes(std::string_view(end.detail)));
        }
        return Recorder::Made{body, admission.decision()};
      },
      Class::Durable));
  end.last = recorder.last_leaf();
  status = TRY(run::step(status, run::Event::EndDurable));
  TRY(here.store->with_lock([&](ledger::LockedState& state) -> Result<void> {
    return remove_run(state, admission.run());
  }));
  end.head = TRY(recorder.close());
  return end;
}

}  // namespace writ::governor
