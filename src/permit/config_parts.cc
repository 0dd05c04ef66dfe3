#include "permit/config_parts.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "permit/endpoint.h"

namespace writ::permit {
namespace {

constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

Result<std::optional<std::uint64_t>> read_limit(const ConfigValue& table, std::string_view key) {
  const ConfigValue* value = table.find(key);
  if (value == nullptr) return std::optional<std::uint64_t>();
  std::uint64_t limit = 0;
  if (key == "wall" || key == "cpu") {
    limit = TRY(value->as_duration_ms());
  } else if (key == "tasks" || key == "execs" || key == "events") {
    limit = TRY(value->as_count(1, kMost));
  } else {
    limit = TRY(value->as_size());
  }
  if (limit == 0) return value->wrong("a limit of 0");
  return std::optional(limit);
}

Result<std::uint16_t> read_port(const ConfigValue& at, std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65535) {
    return at.wrong("`" + printable(text, 40) + "` is no port (1 to 65535)");
  }
  return static_cast<std::uint16_t>(port);
}

Result<PortRange> read_ports(const ConfigValue& value) {
  if (value.kind() == ConfigValue::Kind::Integer) {
    const auto port = static_cast<std::uint16_t>(TRY(value.as_count(1, 65535)));
    return PortRange{port, port};
  }
  const std::string text = TRY(value.as_text());
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos) return value.wrong("ports are numbers or \"FIRST-LAST\"");
  const PortRange range{TRY(read_port(value, std::string_view(text).substr(0, dash))),
                        TRY(read_port(value, std::string_view(text).substr(dash + 1)))};
  if (range.first > range.last) return value.wrong("the first port is above the last");
  return range;
}

Result<Endpoint> read_endpoint(const ConfigValue& table) {
  Endpoint endpoint;
  if (const ConfigValue* path = table.find("unix")) {
    TRY(table.only_keys({"unix"}));
    endpoint.protocol = Protocol::Unix;
    endpoint.host = TRY(path->as_text());
    if (!is_normal(endpoint.host)) return path->wrong("a socket is an absolute path");
    return endpoint;
  }
  TRY(table.only_keys({"host", "ports", "protocol"}));
  const ConfigValue* host = TRY(table.require("host"));
  endpoint.host = TRY(host->as_text());
  if (!is_host_name(endpoint.host) && !parse_cidr(endpoint.host)) {
    return host->wrong("`" + printable(endpoint.host, 80) +
                       "` is neither a lower-case name nor a CIDR such as \"192.0.2.0/24\"");
  }
  if (const ConfigValue* protocol = table.find("protocol")) {
    const std::string name = TRY(protocol->as_text());
    if (name != "tcp" && name != "udp") return protocol->wrong("a protocol is \"tcp\" or \"udp\"");
    if (name == "udp") endpoint.protocol = Protocol::Udp;
  }
  const ConfigValue* ports = TRY(table.require("ports"));
  const std::vector<ConfigValue>& list = *TRY(ports->as_array());
  for (const ConfigValue& value : list) endpoint.ports.push_back(TRY(read_ports(value)));
  if (endpoint.ports.empty() || endpoint.ports.size() > kMaxSmallList) {
    return ports->wrong("1 to " + std::to_string(kMaxSmallList) + " ports");
  }
  return endpoint;
}

Result<Pattern> read_name_pattern(const ConfigValue& table, std::string_view key) {
  const ConfigValue* value = TRY(table.require(key));
  const std::string text = TRY(value->as_text());
  Result<Pattern> pattern = Pattern::parse(text);
  if (!pattern) return value->wrong(pattern.error().message());
  if (pattern->is_rest() || pattern->has_under()) {
    return value->wrong("{rest} and {under:…} have no meaning here");
  }
  return pattern;
}

Result<std::vector<NamePair>> read_pairs(const ConfigValue& array, const char* where,
                                         const char* what) {
  std::vector<NamePair> pairs;
  const std::vector<ConfigValue>& list = *TRY(array.as_array());
  if (list.size() > kMaxSmallList) return array.wrong("too many entries");
  for (const ConfigValue& table : list) {
    TRY(table.only_keys({where, what}));
    Pattern first = TRY(read_name_pattern(table, where));
    Pattern second = TRY(read_name_pattern(table, what));
    pairs.push_back({std::move(first), std::move(second)});
  }
  return pairs;
}

Result<ApproveRule> read_approve_rule(const ConfigValue& table) {
  TRY(table.only_keys({"action", "program", "target", "args", "need", "by", "timeout"}));
  ApproveRule rule;
  const ConfigValue* action = TRY(table.require("action"));
  rule.action = TRY(action->as_text());
  const ConfigValue* target = table.find("program");
  if (target == nullptr) {
    target = table.find("target");
  } else if (table.find("target") != nullptr) {
    return table.wrong("`program` or `target`, not both");
  }
  if (target != nullptr) rule.target = TRY(target->as_text());
  if (const ConfigValue* args = table.find("args")) rule.args = TRY(read_args(*args));
  if (const ConfigValue* need = table.find("need")) {
    rule.need = static_cast<std::uint32_t>(TRY(need->as_count(1, kMaxSmallList)));
  }
  const ConfigValue* by = TRY(table.require("by"));
  rule.by = TRY(by->as_text_list());
  const ConfigValue* timeout = TRY(table.require("timeout"));
  rule.timeout_ms = TRY(timeout->as_duration_ms());
  // Everything else about a rule is check_grant's to say; here with its place.
  Grant probe;
  probe.approve.push_back(rule);
  for (ApproveRule& one : probe.approve) {
    if (one.args) one.args = std::vector<Pattern>();
  }
  const Result<void> checked = check_grant(probe);
  if (!checked) return table.wrong(checked.error().message());
  return rule;
}

}  // namespace

Result<Limits> read_limits(const ConfigValue& table) {
  TRY(table.only_keys(
      {"wall", "cpu", "memory", "process_memory", "tasks", "execs", "events", "bytes"}));
  Limits limits;
  limits.wall_ms = TRY(read_limit(table, "wall"));
  limits.cpu_ms = TRY(read_limit(table, "cpu"));
  limits.memory = TRY(read_limit(table, "memory"));
  limits.process_memory = TRY(read_limit(table, "process_memory"));
  limits.tasks = TRY(read_limit(table, "tasks"));
  limits.execs = TRY(read_limit(table, "execs"));
  limits.events = TRY(read_limit(table, "events"));
  limits.bytes = TRY(read_limit(table, "bytes"));
  return limits;
}

Result<std::vector<Endpoint>> read_endpoints(const ConfigValue& array) {
  std::vector<Endpoint> endpoints;
  const std::vector<ConfigValue>& list = *TRY(array.as_array());
  if (list.size() > kMaxEndpoints) return array.wrong("too many endpoints");
  for (const ConfigValue& table : list) endpoints.push_back(TRY(read_endpoint(table)));
  return endpoints;
}

Result<std::vector<NamePair>> read_tools(const ConfigValue& array) {
  return read_pairs(array, "server", "tool");
}

Result<std::vector<NamePair>> read_models(const ConfigValue& array) {
  return read_pairs(array, "endpoint", "model");
}

Result<std::vector<Feature>> read_features(const ConfigValue& array) {
  std::vector<Feature> features;
  const std::vector<ConfigValue>& list = *TRY(array.as_array());
  for (const ConfigValue& value : list) {
    const std::string name = TRY(value.as_text());
    const std::optional<Feature> feature = find_feature(name);
    if (!feature) {
      return value.wrong("`" + printable(name, 40) +
                         "` is no feature (known: jit ptrace userns io_uring)");
    }
    features.push_back(*feature);
  }
  std::sort(features.begin(), features.end());
  features.erase(std::unique(features.begin(), features.end()), features.end());
  return features;
}

Result<std::vector<ApproveRule>> read_approve(const ConfigValue& array) {
  std::vector<ApproveRule> rules;
  const std::vector<ConfigValue>& list = *TRY(array.as_array());
  if (list.size() > kMaxSmallList) return array.wrong("too many approve rules");
  for (const ConfigValue& table : list) rules.push_back(TRY(read_approve_rule(table)));
  return rules;
}

Result<std::uint32_t> read_delegate(const ConfigValue& table) {
  TRY(table.only_keys({"depth"}));
  const ConfigValue* depth = TRY(table.require("depth"));
  return static_cast<std::uint32_t>(TRY(depth->as_count(0, kMaxDelegation)));
}

Result<std::vector<EnvEntry>> read_env(const ConfigValue& array) {
  std::vector<EnvEntry> entries;
  const std::vector<ConfigValue>& list = *TRY(array.as_array());
  if (list.size() > kMaxEnvEntries) return array.wrong("too many environment entries");
  for (const ConfigValue& value : list) {
    const std::string text = TRY(value.as_text());
    Result<EnvEntry> entry = parse_env_entry(text);
    if (!entry) return value.wrong(entry.error().message());
    entries.push_back(std::move(entry).value());
  }
  return entries;
}

Result<std::vector<Pattern>> read_args(const ConfigValue& array) {
  std::vector<Pattern> patterns;
  const std::vector<ConfigValue>& list = *TRY(array.as_array());
  if (list.size() > kMaxPatterns) return array.wrong("too many arguments");
  for (const ConfigValue& value : list) {
    const std::string text = TRY(value.as_text());
    Result<Pattern> pattern = Pattern::parse(text);
    if (!pattern) return value.wrong(pattern.error().message());
    patterns.push_back(std::move(pattern).value());
  }
  const Result<void> checked = check_patterns(patterns);
  if (!checked) return array.wrong(checked.error().message());
  return patterns;
}

Result<Digest32> read_digest(const ConfigValue& text) {
  const std::string hex = TRY(text.as_text());
  const Result<Digest32> digest = id_from_hex<Digest32>(hex);
  if (!digest) return text.wrong("a SHA-256 has 64 lower-case hex digits");
  return *digest;
}

Result<std::vector<const ConfigValue*>> one_or_many(const ConfigValue& value) {
  std::vector<const ConfigValue*> values;
  if (value.kind() == ConfigValue::Kind::Array) {
    const std::vector<ConfigValue>& list = *TRY(value.as_array());
    for (const ConfigValue& element : list) values.push_back(&element);
  } else {
    values.push_back(&value);
  }
  return values;
}

}  // namespace writ::permit
