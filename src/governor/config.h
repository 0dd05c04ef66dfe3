// writ.toml: what this installation says of itself. Closed-world TOML.
//
//   version  = 0
//   governor = "embedded"        # which governor `writ run` uses; there is no fallback
//   log      = "you@host"        # origin of the ledger's checkpoints
//   [root]                       # only when the governor runs as root: whose uid runs have
//   uid = 1000
//   gid = 1000
//
// Trusted: the file belongs to the operator. Errors name FILE:LINE:COLUMN. Thread safety: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "governor/home.h"

namespace writ::governor {

struct Config {
  std::string log;
  std::optional<std::uint32_t> root_uid;  // never 0
  std::optional<std::uint32_t> root_gid;
};

Result<Config> parse_config_file(std::string_view text, std::string_view file);
// load_config reads writ.toml. NotFound when `writ init` has not been run.
Result<Config> load_config(const Home& home);
std::string print_config(const Config& config);

}  // namespace writ::governor
