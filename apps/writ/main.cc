#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <map>

#include "demo/demo.h"
#include "governor/inquiry.h"
#include "writ/options.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

Result<int> show_demo(const Options& options, Machine&) {
  // The program itself, as the kernel knows it: the demo shows the one that was started.
  std::error_code failed;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return Error(Code::Unavailable, "finding this program: " + failed.message());
  return demo::run_demo({.program = program.string(), .keep = options.keep, .json = options.json});
}

// A run reaches none of this account's places: what it may ask, it asks its governor.
Result<int> dispatch_inside(const Options& options) {
  if (options.verb == "can") return can_inside(options);
  if (options.verb == "explain") return explain_inside(options);
  return Error(Code::InvalidArgument, "inside a run only `writ can` and `writ explain` answer");
}

Result<int> dispatch(const Options& options) {
  if (options.verb == "version") return version(options);
  if (governor::inside_run()) return dispatch_inside(options);
  using Act = Result<int> (*)(const Options&, Machine&);
  static const std::map<std::string, Act> kActs = {
      {"init", init},
      {"run", run},
      {"can", can},
      {"draft", draft},
      {"permit issue", permit_issue},
      {"permit show", permit_show},
      {"permit verify", permit_verify},
      {"revoke", revoke},
      {"freeze", freeze},
      {"thaw", thaw},
      {"ps", ps},
      {"explain", explain},
      {"domain list", domain_list},
      {"domain show", domain_show},
      {"domain check", domain_check},
      {"policy check", policy_check},
      {"policy test", policy_test},
      {"policy authorize", policy_authorize},
      {"policy explain", policy_explain},
      {"policy fmt", policy_fmt},
      {"policy convert", policy_convert},
      {"policy replay", policy_replay},
      {"ledger show", ledger_show},
      {"ledger verify", ledger_verify},
      {"ledger prove", ledger_prove},
      {"ledger fsck", ledger_fsck},
      {"ledger export", ledger_export},
      {"ledger rotate", ledger_rotate},
      {"ledger erase", ledger_erase},
      {"proof export", proof_export},
      {"proof verify", proof_verify},
      {"doctor", doctor},
      {"demo", show_demo},
  };
  static const SystemClock clock;
  static SystemRandom random;
  governor::Account account = TRY(governor::this_account());
  governor::Home home = TRY(governor::find_home(account));
  Machine machine{std::move(account), std::move(home), system_storage(), clock, random};
  return kActs.at(options.verb)(options, machine);
}

// The verbs that speak HTTP are a program of their own beside this one, so that no run loads what
// they need.
bool is_served(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return false;
  return arguments[0] == "witness" ||
         (arguments[0] == "ledger" && arguments.size() > 1 && arguments[1] == "serve");
}

int serve(const std::vector<std::string>& arguments) {
  std::error_code failed;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failed);
  const std::string program = (self.parent_path() / "writ-serve").string();
  std::vector<char*> argv{const_cast<char*>("writ")};
  for (const std::string& one : arguments) argv.push_back(const_cast<char*>(one.c_str()));
  argv.push_back(nullptr);
  (void)::execv(program.c_str(), argv.data());
  say("writ: " + program + " cannot be started: " + std::strerror(errno));
  return kFailed;
}

int main_of(const std::vector<std::string>& arguments) {
  if (is_served(arguments)) return serve(arguments);
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
