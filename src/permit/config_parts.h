// The parts of a grant that configuration writes the same way everywhere: in requests, named sets
// and ceilings (permit/request.h, domain/domain.h).
//
// Each reads one TOML value and fails with FILE:LINE:COLUMN. Nothing is looked up.
// Thread safety: pure functions.
#pragma once

#include <vector>

#include "base/config_text.h"
#include "permit/grant.h"

namespace writ::permit {

// read_limits reads {wall, cpu: durations; memory, process_memory, bytes: sizes; tasks, execs,
// events: counts}. Every limit is at least 1.
Result<Limits> read_limits(const ConfigValue& table);

// read_endpoints reads an array of {host, ports, protocol} or {unix}. `ports` holds numbers and
// "FIRST-LAST"; protocol is "tcp" (default) or "udp".
Result<std::vector<Endpoint>> read_endpoints(const ConfigValue& array);

// read_tools reads an array of {server, tool}, read_models of {endpoint, model}: patterns.
Result<std::vector<NamePair>> read_tools(const ConfigValue& array);
Result<std::vector<NamePair>> read_models(const ConfigValue& array);

// read_features reads names, in any order.
Result<std::vector<Feature>> read_features(const ConfigValue& array);

// read_approve reads an array of {action, program or target, args, need, by, timeout}.
Result<std::vector<ApproveRule>> read_approve(const ConfigValue& array);

// read_delegate reads {depth}.
Result<std::uint32_t> read_delegate(const ConfigValue& table);

// read_env reads an array of entries (permit/env.h), read_args one of patterns.
Result<std::vector<EnvEntry>> read_env(const ConfigValue& array);
Result<std::vector<Pattern>> read_args(const ConfigValue& array);

// read_digest reads 64 hex digits.
Result<Digest32> read_digest(const ConfigValue& text);

// one_or_many reads a text or an array of texts, with the value each stands in.
Result<std::vector<const ConfigValue*>> one_or_many(const ConfigValue& value);

}  // namespace writ::permit
