// The verbs: each takes the options and gives the exit status, having printed its answer.
//
// An Error is printed by main, once. Thread safety: one verb at a time.
#pragma once

#include "base/clock.h"
#include "base/durable.h"
#include "base/random.h"
#include "base/result.h"
#include "governor/home.h"
#include "writ/options.h"

namespace writ::cli {

// What every verb may need of the machine.
struct Machine {
  governor::Account account;
  governor::Home home;
  Storage& storage;
  const Clock& clock;
  Random& random;
};

Result<int> init(const Options& options, Machine& machine);
Result<int> run(const Options& options, Machine& machine);
Result<int> can(const Options& options, Machine& machine);
Result<int> draft(const Options& options, Machine& machine);
Result<int> permit_issue(const Options& options, Machine& machine);
Result<int> permit_show(const Options& options, Machine& machine);
Result<int> permit_verify(const Options& options, Machine& machine);
Result<int> revoke(const Options& options, Machine& machine);
Result<int> freeze(const Options& options, Machine& machine);
Result<int> thaw(const Options& options, Machine& machine);
Result<int> ps(const Options& options, Machine& machine);
Result<int> explain(const Options& options, Machine& machine);
Result<int> domain_list(const Options& options, Machine& machine);
Result<int> domain_show(const Options& options, Machine& machine);
Result<int> domain_check(const Options& options, Machine& machine);
Result<int> policy_check(const Options& options, Machine& machine);
Result<int> policy_test(const Options& options, Machine& machine);
Result<int> policy_authorize(const Options& options, Machine& machine);
Result<int> policy_explain(const Options& options, Machine& machine);
Result<int> policy_fmt(const Options& options, Machine& machine);
Result<int> policy_convert(const Options& options, Machine& machine);
Result<int> policy_replay(const Options& options, Machine& machine);
Result<int> ledger_show(const Options& options, Machine& machine);
Result<int> ledger_verify(const Options& options, Machine& machine);
Result<int> ledger_prove(const Options& options, Machine& machine);
Result<int> ledger_fsck(const Options& options, Machine& machine);
Result<int> ledger_export(const Options& options, Machine& machine);
Result<int> ledger_rotate(const Options& options, Machine& machine);
Result<int> ledger_erase(const Options& options, Machine& machine);
Result<int> proof_export(const Options& options, Machine& machine);
Result<int> proof_verify(const Options& options, Machine& machine);
Result<int> doctor(const Options& options, Machine& machine);
Result<int> version(const Options& options);

// Inside a run, with no machine but the run's own (governor/inquiry.h).
Result<int> can_inside(const Options& options);
Result<int> explain_inside(const Options& options);

}  // namespace writ::cli
