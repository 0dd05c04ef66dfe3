#include "governor/config.h"

#include <cerrno>

#include "base/config_text.h"
#include "ledger/note.h"

namespace writ::governor {

Result<Config> parse_config_file(std::string_view text, std::string_view file) {
  const ConfigValue root = TRY(parse_config(text, file));
  TRY(root.only_keys({"version", "governor", "log", "root"}));
  const ConfigValue* version = TRY(root.require("version"));
  if (TRY(version->as_integer()) != 0) return version->wrong("only version 0 is known");
  const ConfigValue* governor = TRY(root.require("governor"));
  if (TRY(governor->as_text()) != "embedded") {
    return governor->wrong("`embedded` is the only governor here");
  }
  Config config;
  const ConfigValue* log = TRY(root.require("log"));
  config.log = TRY(log->as_text());
  if (Result<void> good = ledger::check_key_name(config.log); !good) {
    return log->wrong(good.error().message());
  }
  if (const ConfigValue* run_as = root.find("root")) {
    TRY(run_as->check_table());
    TRY(run_as->only_keys({"uid", "gid"}));
    const ConfigValue* uid = TRY(run_as->require("uid"));
    const ConfigValue* gid = TRY(run_as->require("gid"));
    config.root_uid = static_cast<std::uint32_t>(TRY(uid->as_count(1, 4'294'967'293)));
    config.root_gid = static_cast<std::uint32_t>(TRY(gid->as_count(1, 4'294'967'293)));
  }
  return config;
}

Result<Config> load_config(const Home& home) {
  Result<ByteVec> text = read_file(home.config_file(), kMaxConfigText);
  if (!text) {
    if (text.error().sys_errno() == ENOENT || text.error().code() == Code::NotFound) {
      return Error(Code::NotFound, "Writ is not set up here (" + home.config_file() +
                                       " is not there): run  writ init");
    }
    return Error(std::move(text).error());
  }
  return parse_config_file(as_text(*text), home.config_file());
}

std::string print_config(const Config& config) {
  std::string out =
      "# Writ's configuration. The governor named here is the one that governs; if it cannot be\n"
      "# reached, runs are denied.\n"
      "version  = 0\ngovernor = \"embedded\"\nlog      = \"" +
      config.log + "\"\n";
  if (config.root_uid && config.root_gid) {
    out += "\n# Runs of root have this uid and gid, never 0.\n[root]\nuid = " +
           std::to_string(*config.root_uid) + "\ngid = " + std::to_string(*config.root_gid) + "\n";
  }
  return out;
}

}  // namespace writ::governor
