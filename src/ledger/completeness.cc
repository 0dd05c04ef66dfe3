#include "ledger/completeness.h"

#include <fmt/format.h>

#include <algorithm>

namespace writ::ledger {
namespace {

std::string plural(std::uint64_t n, std::string_view one, std::string_view many) {
  return std::to_string(n) + " " + std::string(n == 1 ? one : many);
}

}  // namespace

bool Completeness::counts(const RunSummary& run) const {
  if (!range_) return true;
  const bool begins_after = run.admission.get() > range_->second.get();
  const bool ends_before = run.end && run.end->get() < range_->first.get();
  return !begins_after && !ends_before;
}

void Completeness::attach(VerifyOptions& options) {
  options.on_run_closed = [this, before = std::move(options.on_run_closed)](const RunSummary& run) {
    if (before) before(run);
    if (!counts(run)) return;
    execs_ += run.execs;
    if (!run.end) {
      ++open_;
    } else if (run.interrupted) {
      ++interrupted_;
    } else {
      ++ended_;
    }
  };
}

bool Completeness::complete(const VerifyReport& report) const {
  return report.ok() && open_ == 0 && interrupted_ == 0;
}

std::string Completeness::sentence(const VerifyReport& report) const {
  const std::uint64_t last = report.entries == 0 ? 0 : report.entries - 1;
  const std::string range =
      fmt::format("between entries {} and {}", range_ ? range_->first.get() : 0,
                  range_ ? std::min(range_->second.get(), last) : last);
  if (!report.ok()) {
    return fmt::format("not proven: whether an exec {} is unrecorded cannot be said, {} found",
                       range, plural(report.findings_total, "fault was", "faults were"));
  }
  std::string text =
      fmt::format("no exec of a run that ended {} is unrecorded ({}, {}, gate totals equal)", range,
                  plural(ended_, "run", "runs"), plural(execs_, "exec", "execs"));
  if (interrupted_ > 0) {
    text += fmt::format("; {} interrupted: proven up to the last durable number only",
                        plural(interrupted_, "run was", "runs were"));
  }
  if (open_ > 0) {
    text += fmt::format("; {} still open: proven up to the last entry only",
                        plural(open_, "run is", "runs are"));
  }
  return text;
}

std::string Completeness::freshness_sentence(const Freshness& freshness) {
  if (!freshness.kept && !freshness.witness) {
    return "whether this is the newest state of the log cannot be known: no kept head and no "
           "witness were given";
  }
  std::string text;
  if (freshness.kept) {
    text = fmt::format("up to the kept head of {} entries nothing was replaced or cut off",
                       freshness.kept->get());
  }
  if (freshness.witness) {
    text += fmt::format("{}{} saw these {} entries and no other history", text.empty() ? "" : "; ",
                        *freshness.witness, freshness.witnessed ? freshness.witnessed->get() : 0);
  }
  return text + "; of what came later it says nothing";
}

}  // namespace writ::ledger
