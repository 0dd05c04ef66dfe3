#include "governor/init.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "enforce/probe.h"
#include "writ/passphrase.h"
#include "writ/print.h"
#include "writ/verbs.h"
#include "writ_assets.h"

namespace writ::cli {

Result<int> init(const Options& options, Machine& machine) {
  governor::InitSettings settings;
  if (!options.no_passphrase) {
    SecretBytes passphrase =
        options.passphrase_file.empty()
            ? TRY(ask_passphrase("passphrase for your authority key (empty: leave it open): "))
            : TRY(read_passphrase(options.passphrase_file));
    if (!passphrase.empty()) settings.passphrase = std::move(passphrase);
  }
  const bool sealed = settings.passphrase.has_value();
  std::array<char, 256> host{};
  settings.host = ::gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "host";
  settings.policies = assets::starter_policy();
  settings.schema = assets::policy_schema();
  settings.sets = {{"ask", assets::set_ask()},
                   {"base", assets::set_base()},
                   {"c-build", assets::set_c_build()},
                   {"python", assets::set_python()}};
  const governor::InitDone done = TRY(governor::initialise(
      machine.home, machine.account, settings, machine.storage, machine.clock, machine.random));
  if (options.json) {
    json::Value value = new_answer();
    value.set("config", machine.home.config).set("state", machine.home.state);
    value.set("log", done.log).set("head", done.head.size.get()).set("sealed", sealed);
    put_answer(value);
    return kYes;
  }
  if (options.quiet) return kYes;
  if (done.finished_earlier) answer("completed an earlier `writ init` that had been interrupted");
  answer(fmt::format(
      "created  {}    authority \"you\" (Ed25519, {}), runner, log key, domain \"default\"",
      machine.home.config, sealed ? "sealed" : "open"));
  answer(fmt::format("created  {}    ledger \"{}\", head {} signed", machine.home.state, done.log,
                     done.head.size.get()));
  const enforce::Capabilities kernel = enforce::probe();
  if (kernel.sandbox_ready()) {
    answer(fmt::format(
        "this machine: tier sandbox  (user namespaces, Landlock {}, seccomp notification)",
        kernel.landlock_abi));
  } else {
    answer("this machine: tier sandbox cannot be carried: writ doctor shows what is missing");
  }
  answer("next: write a request JOB.toml, then  writ permit issue JOB.toml");
  return kYes;
}

}  // namespace writ::cli
