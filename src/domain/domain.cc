#include "domain/domain.h"

#include <algorithm>
#include <array>

#include "base/config_text.h"
#include "cbor/reader.h"
#include "cbor/writer.h"
#include "crypto/sha.h"
#include "permit/config_parts.h"
#include "permit/request.h"

namespace writ::domain {
namespace {

constexpr std::uint64_t kVersion = 0;
constexpr std::uint64_t kLeastContinuity = 100;
constexpr std::uint64_t kMostContinuity = 3'600'000;
constexpr std::size_t kMaxAuthorities = 64;
constexpr std::array<std::string_view, 2> kTiers{"sandbox", "kernel"};
constexpr std::array<std::string_view, 2> kRecordings{"ordered", "strict"};

// find_name is the index of `name` in `names`, as the enumerator.
template <typename Enum, std::size_t kCount>
std::optional<Enum> find_name(const std::array<std::string_view, kCount>& names,
                              std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

template <typename Enum, std::size_t kCount>
Result<Enum> read_choice(const ConfigValue& value,
                         const std::array<std::string_view, kCount>& names) {
  const std::string name = TRY(value.as_text());
  const std::optional<Enum> found = find_name<Enum>(names, name);
  if (!found) {
    return value.wrong("`" + printable(name, 40) + "` is neither \"" + std::string(names[0]) +
                       "\" nor \"" + std::string(names[1]) + "\"");
  }
  return *found;
}

Result<std::string> read_name(const ConfigValue& value) {
  std::string name = TRY(value.as_text());
  const Result<void> checked = check_name(name);
  if (!checked) return value.wrong(checked.error().message());
  return name;
}

Result<void> check_domain(const Domain& domain) {
  TRY(check_name(domain.name));
  TRY(check_name(domain.policy));
  if (domain.authorities.empty() || domain.authorities.size() > kMaxAuthorities) {
    return Error(Code::Malformed, "a domain has 1 to 64 authorities");
  }
  for (std::size_t i = 0; i < domain.authorities.size(); ++i) {
    TRY(check_name(domain.authorities[i]));
    const auto here = domain.authorities.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(domain.authorities.begin(), here, *here) != here) {
      return Error(Code::Malformed, "authority `" + *here + "` is listed twice");
    }
  }
  if (domain.continuity_ms < kLeastContinuity || domain.continuity_ms > kMostContinuity) {
    return Error(Code::Malformed, "continuity lies between 100ms and 1h");
  }
  permit::Grant limits;
  limits.limits = domain.limits;
  return permit::check_grant(limits);
}

constexpr std::pair<const char*, std::optional<std::uint64_t> permit::Limits::*> kLimits[] = {
    {"wall_ms", &permit::Limits::wall_ms}, {"cpu_ms", &permit::Limits::cpu_ms},
    {"memory", &permit::Limits::memory},   {"process_memory", &permit::Limits::process_memory},
    {"tasks", &permit::Limits::tasks},     {"execs", &permit::Limits::execs},
    {"events", &permit::Limits::events},   {"bytes", &permit::Limits::bytes}};

// A path of a ceiling covers itself and what is below, whether it is there or not.
Result<permit::Place> read_tree(const ConfigValue& value) {
  permit::Place place;
  place.path = TRY(value.as_text());
  place.tree = true;
  if (!permit::is_normal(place.path)) {
    return value.wrong("`" + printable(place.path, 80) + "` is no absolute path in normal form");
  }
  return place;
}

Result<std::vector<permit::Place>> read_trees(const ConfigValue& table, std::string_view key) {
  std::vector<permit::Place> places;
  const ConfigValue* value = table.find(key);
  if (value == nullptr) return places;
  const std::vector<ConfigValue>& list = *TRY(value->as_array());
  for (const ConfigValue& entry : list) places.push_back(TRY(read_tree(entry)));
  return places;
}

Result<permit::ExecRule> read_rule(const ConfigValue& table) {
  TRY(table.only_keys({"program", "sha256", "any", "produced", "args", "argv0", "env", "cwd"}));
  const ConfigValue* program = table.find("program");
  const ConfigValue* any = table.find("any");
  const ConfigValue* produced = table.find("produced");
  if ((program != nullptr) + (any != nullptr) + (produced != nullptr) != 1) {
    return table.wrong("a rule names one of `program`, `any`, `produced`");
  }
  permit::ExecRule rule;
  const ConfigValue* path = program != nullptr ? program : any != nullptr ? any : produced;
  rule.program = TRY(read_tree(*path));
  rule.name = rule.program.path;
  rule.kind = produced != nullptr ? permit::ExecKind::Produced : permit::ExecKind::Any;
  if (const ConfigValue* digest = table.find("sha256")) {
    if (program == nullptr) return digest->wrong("`sha256` belongs to `program`");
    rule.kind = permit::ExecKind::Named;
    rule.program.tree = false;
    rule.program.digest = TRY(permit::read_digest(*digest));
  }
  if (const ConfigValue* args = table.find("args")) rule.args = TRY(permit::read_args(*args));
  if (const ConfigValue* env = table.find("env")) rule.env = TRY(permit::read_env(*env));
  if (const ConfigValue* argv0 = table.find("argv0")) rule.argv0 = TRY(argv0->as_text_list());
  if (const ConfigValue* cwd = table.find("cwd")) {
    const std::vector<const ConfigValue*> trees = TRY(permit::one_or_many(*cwd));
    for (const ConfigValue* tree : trees) rule.cwd.push_back(TRY(read_tree(*tree)).path);
  }
  return rule;
}

Result<permit::Grant> read_bound(const ConfigValue& table) {
  TRY(table.only_keys({"exec", "env", "files", "connect", "listen", "tools", "models", "limits",
                       "features", "approve", "delegate"}));
  permit::Grant bound;
  if (const ConfigValue* exec = table.find("exec")) {
    const std::vector<ConfigValue>& list = *TRY(exec->as_array());
    for (const ConfigValue& rule : list) bound.exec.push_back(TRY(read_rule(rule)));
  }
  if (const ConfigValue* env = table.find("env")) bound.env = TRY(permit::read_env(*env));
  if (const ConfigValue* files = table.find("files")) {
    TRY(files->only_keys({"load", "read", "write"}));
    bound.load = TRY(read_trees(*files, "load"));
    bound.read = TRY(read_trees(*files, "read"));
    bound.write = TRY(read_trees(*files, "write"));
  }
  if (const ConfigValue* value = table.find("connect")) {
    bound.connect = TRY(permit::read_endpoints(*value));
  }
  if (const ConfigValue* value = table.find("listen")) {
    bound.listen = TRY(permit::read_endpoints(*value));
  }
  if (const ConfigValue* value = table.find("tools")) bound.tools = TRY(permit::read_tools(*value));
  if (const ConfigValue* value = table.find("models")) {
    bound.models = TRY(permit::read_models(*value));
  }
  if (const ConfigValue* value = table.find("limits")) {
    bound.limits = TRY(permit::read_limits(*value));
  }
  if (const ConfigValue* value = table.find("features")) {
    bound.features = TRY(permit::read_features(*value));
  }
  if (const ConfigValue* value = table.find("approve")) {
    bound.approve = TRY(permit::read_approve(*value));
  }
  if (const ConfigValue* value = table.find("delegate")) {
    bound.delegate_depth = TRY(permit::read_delegate(*value));
  }
  const Result<void> checked = permit::check_grant(bound);
  if (!checked) return table.wrong(checked.error().message());
  return bound;
}

}  // namespace

std::string_view tier_name(Tier tier) {
  return kTiers[static_cast<std::size_t>(tier)];
}

std::string_view recording_name(Recording recording) {
  return kRecordings[static_cast<std::size_t>(recording)];
}

// One rule for every name that becomes a file name.
Result<void> check_name(std::string_view name) {
  return permit::check_set_name(name);
}

Result<Domain> parse_domain(std::string_view text, std::string_view name, std::string_view file) {
  TRY(check_name(name));
  const ConfigValue root = TRY(parse_config(text, file));
  TRY(root.only_keys({"authorities", "policy", "least_tier", "record", "continuity", "limits"}));
  Domain domain;
  domain.name = std::string(name);
  const ConfigValue* authorities = TRY(root.require("authorities"));
  const std::vector<ConfigValue>& list = *TRY(authorities->as_array());
  for (const ConfigValue& value : list) domain.authorities.push_back(TRY(read_name(value)));
  const ConfigValue* policy = TRY(root.require("policy"));
  domain.policy = TRY(read_name(*policy));
  if (const ConfigValue* tier = root.find("least_tier")) {
    domain.least_tier = TRY(read_choice<Tier>(*tier, kTiers));
  }
  if (const ConfigValue* record = root.find("record")) {
    domain.record = TRY(read_choice<Recording>(*record, kRecordings));
  }
  if (const ConfigValue* continuity = root.find("continuity")) {
    domain.continuity_ms = TRY(continuity->as_duration_ms());
  }
  if (const ConfigValue* limits = root.find("limits")) {
    domain.limits = TRY(permit::read_limits(*limits));
  }
  const Result<void> checked = check_domain(domain);
  if (!checked) return root.wrong(checked.error().message());
  return domain;
}

ByteVec encode_domain(const Domain& domain) {
  cbor::Writer w;
  w.map([&] {
    w.key("version").uint(kVersion);
    w.key("name").text(domain.name);
    w.key("authorities").array([&] {
      for (const std::string& name : domain.authorities) w.text(name);
    });
    w.key("policy").text(domain.policy);
    w.key("least_tier").text(tier_name(domain.least_tier));
    w.key("record").text(recording_name(domain.record));
    w.key("continuity_ms").uint(domain.continuity_ms);
    w.key("limits").map([&] {
      for (const auto& [name, member] : kLimits) {
        if (domain.limits.*member) w.key(name).uint(*(domain.limits.*member));
      }
    });
  });
  // Names are checked to be ASCII, so nothing in a parsed domain can fail to encode.
  return std::move(w).finish().value();
}

Result<Domain> decode_domain(Bytes bytes) {
  cbor::Reader r(bytes);
  Domain domain;
  unsigned seen = 0;
  TRY(r.enter_map());
  while (r.more()) {
    const std::string_view key = TRY(r.text());
    ++seen;  // keys are unique: eight known ones are all
    if (key == "version") {
      if (TRY(r.uint()) != kVersion) {
        return Error(Code::Unsupported, "unknown version of a domain definition");
      }
    } else if (key == "name") {
      domain.name = std::string(TRY(r.text()));
    } else if (key == "authorities") {
      TRY(r.enter_array());
      while (r.more()) {
        if (domain.authorities.size() >= kMaxAuthorities) return r.refuse("too many authorities");
        domain.authorities.emplace_back(TRY(r.text()));
      }
      TRY(r.leave());
    } else if (key == "policy") {
      domain.policy = std::string(TRY(r.text()));
    } else if (key == "least_tier") {
      const std::optional<Tier> tier = find_name<Tier>(kTiers, TRY(r.text()));
      if (!tier) return r.refuse("unknown tier");
      domain.least_tier = *tier;
    } else if (key == "record") {
      const std::optional<Recording> record = find_name<Recording>(kRecordings, TRY(r.text()));
      if (!record) return r.refuse("unknown recording class");
      domain.record = *record;
    } else if (key == "continuity_ms") {
      domain.continuity_ms = TRY(r.uint());
    } else if (key == "limits") {
      TRY(r.enter_map());
      while (r.more()) {
        const std::string_view limit = TRY(r.text());
        bool known = false;
        for (const auto& [name, member] : kLimits) {
          if (limit != name) continue;
          domain.limits.*member = TRY(r.uint());
          known = true;
        }
        if (!known) return r.refuse("unknown limit");
      }
      TRY(r.leave());
    } else {
      return r.refuse("unknown field of a domain definition");
    }
  }
  TRY(r.leave());
  TRY(r.finish());
  if (seen != 8) return Error(Code::Malformed, "a domain definition lacks a field");
  TRY(check_domain(domain));
  return domain;
}

Digest32 domain_digest(const Domain& domain) {
  return crypto::sha256(encode_domain(domain));
}

permit::Limits effective_limits(const permit::Limits& permit, const Domain& domain) {
  permit::Limits limits = permit;
  for (const auto& [name, member] : kLimits) {
    if (!(limits.*member)) limits.*member = domain.limits.*member;
  }
  return limits;
}

Result<permit::Ceiling> parse_ceiling(std::string_view text, std::string_view file) {
  const ConfigValue root = TRY(parse_config(text, file));
  TRY(root.only_keys({"ceiling"}));
  const ConfigValue* ceiling = TRY(root.require("ceiling"));
  if (ceiling->kind() == ConfigValue::Kind::Text) {
    const std::string word = TRY(ceiling->as_text());
    if (word != "anything") return ceiling->wrong("a ceiling is \"anything\" or a table");
    return permit::Ceiling{true, {}};
  }
  return permit::Ceiling{false, TRY(read_bound(*ceiling))};
}

}  // namespace writ::domain
