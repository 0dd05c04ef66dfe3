#include <csignal>
#include <map>

#include "writ/options.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

Result<int> dispatch(const Options& options) {
  using Act = Result<int> (*)(const Options&, Machine&);
  static const std::map<std::string, Act> kActs = {
      {"init", init},
      {"run", run},
      {"permit issue", permit_issue},
      {"permit show", permit_show},
      {"permit verify", permit_verify},
      {"revoke", revoke},
      {"ps", ps},
      {"explain", explain},
      {"domain list", domain_list},
      {"domain show", domain_show},
      {"domain check", domain_check},
      {"ledger show", ledger_show},
      {"ledger verify", ledger_verify},
      {"doctor", doctor},
      {"version", version},
  };
  static const SystemClock clock;
  static SystemRandom random;
  governor::Account account = TRY(governor::this_account());
  governor::Home home = TRY(governor::find_home(account));
  Machine machine{std::move(account), std::move(home), system_storage(), clock, random};
  return kActs.at(options.verb)(options, machine);
}

int main_of(const std::vector<std::string>& arguments) {
  const std::variant<Options, int> parsed = parse(arguments);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const Options& options = std::get<Options>(parsed);
  const Result<int> status = dispatch(options);
  if (status) return *status;
  const int reported = report(status.error(), options.json);
  // `run` has its own statuses: what has no reason code is a failure of Writ.
  return options.verb == "run" && reported != kWrongUse ? kFailed : reported;
}

}  // namespace
}  // namespace writ::cli

int main(int argc, char** argv) {
  // A reader that has gone away shows as a failed write; a background terminal as a failed read.
  for (const int one : {SIGPIPE, SIGTTIN, SIGTTOU}) (void)std::signal(one, SIG_IGN);
  return writ::cli::main_of({argv + 1, argv + argc});
}
