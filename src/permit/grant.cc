#include "permit/grant.h"

#include <algorithm>
#include <array>
#include <limits>

#include "permit/endpoint.h"

namespace writ::permit {
namespace {

constexpr std::array<std::string_view, 4> kFeatures{"jit", "ptrace", "userns", "io_uring"};
constexpr std::array<std::string_view, 6> kApprovable{"exec",     "connect", "listen",
                                                      "delegate", "call",    "infer"};
constexpr std::array<std::optional<std::uint64_t> Limits::*, 8> kLimits{
    &Limits::wall_ms, &Limits::cpu_ms, &Limits::memory, &Limits::process_memory,
    &Limits::tasks,   &Limits::execs,  &Limits::events, &Limits::bytes};

Error bad(const std::string& what) {
  return {Code::Malformed, "grant: " + what};
}

bool is_text(std::string_view text, std::size_t most) {
  return text.size() <= most && is_utf8(text) && text.find('\0') == std::string_view::npos;
}

// What is being checked; put into words only when a fault is found in it.
struct Where {
  std::string_view what;
  std::string_view name = {};
  std::string_view part = {};
  friend std::string operator+(const Where& where, const std::string& fault) {
    std::string out(where.what);
    if (!where.name.empty()) out += " `" + printable(where.name) + "`";
    return out.append(where.part) + fault;
  }
};

Result<void> check_place(const Place& place, const Where& where) {
  if (!is_normal(place.path)) {
    return bad(where + " `" + printable(place.path) + "` is no absolute path in normal form");
  }
  if (place.tree && place.digest) return bad(where + ": a tree has no digest");
  if (place.links.size() > kMaxLinks) return bad(where + ": too many links");
  for (const Link& link : place.links) {
    if (!is_normal(link.path) || link.path == "/" || link.target.empty() ||
        !is_text(link.target, kMaxPath)) {
      return bad(where + ": link `" + printable(link.path) + "` is not well-formed");
    }
  }
  return {};
}

Result<void> check_places(const std::vector<Place>& places, std::string_view where) {
  if (places.size() > kMaxPlaces) return bad("too many paths in " + std::string(where));
  for (const Place& place : places) {
    TRY(check_place(place, Where{where}));
    if (where == "load" && !place.tree && !place.digest) {
      return bad("load `" + printable(place.path) + "` is a file without digest");
    }
    if (where == "write" && place.digest) {
      return bad("write `" + printable(place.path) + "` cannot have a digest");
    }
  }
  return {};
}

Result<void> check_rule_patterns(const std::vector<Pattern>& patterns, const Where& where) {
  TRY(check_patterns(patterns));
  for (const Pattern& pattern : patterns) {
    if (!pattern.is_anchored()) {
      return bad(where + ": `" + printable(pattern.text()) + "` needs an absolute directory");
    }
  }
  return {};
}

Result<void> check_env_entries(const std::vector<EnvEntry>& entries) {
  if (entries.size() > kMaxEnvEntries) return bad("too many environment entries");
  for (const EnvEntry& entry : entries) {
    Result<EnvEntry> again = parse_env_entry(print(entry));
    if (!again) return std::move(again).error();
    if (*again != entry) return bad("environment entry `" + printable(entry.name) + "`");
  }
  return {};
}

Result<void> check_rule(const ExecRule& rule, const Grant& grant) {
  const Where where{"exec", rule.program.path};
  TRY(check_place(rule.program, where));
  TRY(check_rule_patterns(rule.args, where));
  if (!is_normal(rule.name)) return bad(where + ": the name is no normal path");
  if (rule.kind == ExecKind::Named) {
    if (rule.program.tree || !rule.program.digest) return bad(where + ": a program has a digest");
    // Without links a normal name leads to itself.
    const bool leads_there = rule.program.links.empty()
                                 ? rule.name == rule.program.path
                                 : follow(rule.name, rule.program.links) == rule.program.path;
    if (!leads_there) {
      return bad(where + ": the name `" + printable(rule.name) + "` does not lead to it");
    }
  } else {
    if (!rule.program.tree) return bad(where + ": not a tree");
    if (rule.name != rule.program.path) return bad(where + ": a tree has no other name");
    if (rule.script) return bad(where + ": a script belongs to a named program");
  }
  if (rule.kind == ExecKind::Produced &&
      std::none_of(grant.write.begin(), grant.write.end(), [&](const Place& place) {
        return place.tree && lies_under(rule.program.path, place.path);
      })) {
    return bad(where + ": produced programs lie in a write tree");
  }
  if (rule.argv0.size() > kMaxSmallList) return bad(where + ": too many argv0");
  for (const std::string& name : rule.argv0) {
    if (!is_text(name, kMaxPath)) return bad(where + ": argv0 is not well-formed");
  }
  if (rule.env) TRY(check_env_entries(*rule.env));
  if (rule.script) {
    TRY(check_place(rule.script->file, Where{"exec", rule.program.path, " script"}));
    if (rule.script->file.tree || !rule.script->file.digest) {
      return bad(where + ": a script has a digest");
    }
    // The interpreter opens the script by its path, later. In a write tree the job could move a
    // directory on the way, whatever is mounted over the file itself.
    for (const Place& place : grant.write) {
      const auto inside = [&](const std::string& path) { return lies_under(path, place.path); };
      const std::vector<Link>& links = rule.script->file.links;
      if (inside(rule.script->file.path) ||
          std::any_of(links.begin(), links.end(), [&](const Link& l) { return inside(l.path); })) {
        return bad("script `" + printable(rule.script->file.path) +
                   "` lies where the job can write (" + printable(place.path) + ")");
      }
    }
  }
  if (rule.cwd.size() > kMaxSmallList) return bad(where + ": too many directories");
  for (const std::string& directory : rule.cwd) {
    if (!is_normal(directory)) return bad(where + ": a directory is no normal path");
  }
  return {};
}

Result<void> check_endpoint(const Endpoint& endpoint) {
  const Where where{"endpoint", endpoint.host};
  if (endpoint.protocol == Protocol::Unix) {
    if (!is_normal(endpoint.host) || !endpoint.ports.empty()) {
      return bad(where + ": a Unix socket is a normal path without ports");
    }
    return {};
  }
  if (!is_host_name(endpoint.host) && !parse_cidr(endpoint.host)) {
    return bad(where + ": neither a lower-case name nor a CIDR in its shortest form");
  }
  if (endpoint.ports.empty() || endpoint.ports.size() > kMaxSmallList) {
    return bad(where + ": ports are needed");
  }
  for (const PortRange& range : endpoint.ports) {
    if (range.first == 0 || range.first > range.last) return bad(where + ": not a port range");
  }
  return {};
}

Result<void> check_pair(const NamePair& pair) {
  for (const Pattern* pattern : {&pair.where, &pair.what}) {
    if (pattern->is_rest() || pattern->has_under()) {
      return bad("`" + printable(pattern->text()) + "` has no meaning for tools and models");
    }
  }
  return {};
}

Result<void> check_approve(const ApproveRule& rule) {
  const Where where{"approve", rule.action};
  if (std::find(kApprovable.begin(), kApprovable.end(), rule.action) == kApprovable.end()) {
    return bad(where + ": not an action that can wait");
  }
  if (rule.target && (rule.target->empty() || !is_text(*rule.target, kMaxPath))) {
    return bad(where + ": the target is not well-formed");
  }
  if (rule.args) {
    if (rule.action != "exec") return bad(where + ": only exec has args");
    TRY(check_rule_patterns(*rule.args, where));
  }
  if (rule.need == 0 || rule.by.size() < rule.need || rule.by.size() > kMaxSmallList) {
    return bad(where + ": needs at least one approver, and no more than it lists");
  }
  for (std::size_t i = 0; i < rule.by.size(); ++i) {
    if (rule.by[i].empty() || !is_text(rule.by[i], kMaxName)) return bad(where + ": a bad name");
    if (std::find(rule.by.begin(), rule.by.begin() + static_cast<std::ptrdiff_t>(i), rule.by[i]) !=
        rule.by.begin() + static_cast<std::ptrdiff_t>(i)) {
      return bad(where + ": `" + printable(rule.by[i]) + "` is listed twice");
    }
  }
  if (rule.timeout_ms == 0) return bad(where + ": a timeout is needed");
  return {};
}

// What a ceiling check found, or nothing.
using Finding = std::optional<std::string>;

bool place_within(const Place& child, const std::vector<Place>& parents) {
  return std::any_of(parents.begin(), parents.end(), [&](const Place& parent) {
    if (parent.tree) return lies_under(child.path, parent.path);
    return !child.tree && child.path == parent.path &&
           (!parent.digest || child.digest == parent.digest);
  });
}

bool argv0_within(const ExecRule& child, const ExecRule& parent) {
  const std::string_view name =
      last_component(parent.kind == ExecKind::Any ? child.program.path : parent.name);
  const auto accepted = [&](std::string_view argv0) {
    return argv0 == name ||
           std::find(parent.argv0.begin(), parent.argv0.end(), argv0) != parent.argv0.end();
  };
  if (child.kind == ExecKind::Named && !accepted(last_component(child.name))) return false;
  return std::all_of(child.argv0.begin(), child.argv0.end(), accepted);
}

bool rule_within(const Grant& child_grant, const ExecRule& child, const Grant& parent_grant,
                 const ExecRule& parent, InclusionBudget& budget) {
  switch (parent.kind) {
    case ExecKind::Any:
      if (child.kind == ExecKind::Produced) return false;
      if (!lies_under(child.program.path, parent.program.path)) return false;
      break;
    case ExecKind::Produced:
      if (child.kind != ExecKind::Produced) return false;
      if (!lies_under(child.program.path, parent.program.path)) return false;
      break;
    case ExecKind::Named:
      if (child.kind != ExecKind::Named || child.program.path != parent.program.path ||
          child.program.digest != parent.program.digest) {
        return false;
      }
      break;
  }
  const bool any_args = parent.args.size() == 1 && parent.args[0].is_rest();
  if (parent.script) {
    if (!child.script || child.script->file.path != parent.script->file.path ||
        child.script->file.digest != parent.script->file.digest) {
      return false;
    }
  } else if (child.script && !any_args) {
    return false;
  }
  if (!argv0_within(child, parent)) return false;
  if (!parent.cwd.empty()) {
    if (child.cwd.empty()) return false;
    for (const std::string& directory : child.cwd) {
      if (std::none_of(parent.cwd.begin(), parent.cwd.end(),
                       [&](const std::string& tree) { return lies_under(directory, tree); })) {
        return false;
      }
    }
  }
  if (!within_env(env_of(child_grant, child), env_of(parent_grant, parent))) return false;
  return included(child.args, parent.args, budget);
}

bool endpoint_within(const Endpoint& child, const Endpoint& parent) {
  if (child.protocol != parent.protocol) return false;
  if (child.protocol == Protocol::Unix) return child.host == parent.host;
  if (!host_within(child.host, parent.host)) return false;
  return std::all_of(child.ports.begin(), child.ports.end(), [&](const PortRange& range) {
    return std::any_of(parent.ports.begin(), parent.ports.end(), [&](const PortRange& outer) {
      return outer.first <= range.first && range.last <= outer.last;
    });
  });
}

bool approve_kept(const ApproveRule& parent, const std::vector<ApproveRule>& children) {
  return std::any_of(children.begin(), children.end(), [&](const ApproveRule& child) {
    const bool as_wide = child.action == parent.action &&
                         (!child.target || child.target == parent.target) &&
                         (!child.args || child.args == parent.args);
    return as_wide && child.need >= parent.need &&
           std::all_of(child.by.begin(), child.by.end(), [&](const std::string& name) {
             return std::find(parent.by.begin(), parent.by.end(), name) != parent.by.end();
           });
  });
}

Finding exec_above(const Grant& child, const Grant& parent, InclusionBudget& budget) {
  for (const ExecRule& rule : child.exec) {
    if (std::none_of(parent.exec.begin(), parent.exec.end(), [&](const ExecRule& outer) {
          return rule_within(child, rule, parent, outer, budget);
        })) {
      return "exec " + printable(rule.name) + " with its arguments and environment";
    }
  }
  return std::nullopt;
}

Finding places_above(const Grant& child, const Grant& parent) {
  std::vector<Place> readable = parent.read;
  readable.insert(readable.end(), parent.write.begin(), parent.write.end());
  for (const auto& [what, places, outer] :
       {std::tuple("load ", &child.load, &parent.load),
        std::tuple("read ", &child.read, static_cast<const std::vector<Place>*>(&readable)),
        std::tuple("write ", &child.write, &parent.write)}) {
    for (const Place& place : *places) {
      if (!place_within(place, *outer)) return what + printable(place.path);
    }
  }
  return std::nullopt;
}

Finding endpoints_above(const Grant& child, const Grant& parent) {
  for (const auto& [what, inner, outer] : {std::tuple("connect ", &child.connect, &parent.connect),
                                           std::tuple("listen ", &child.listen, &parent.listen)}) {
    for (const Endpoint& endpoint : *inner) {
      const std::vector<Endpoint>& outers = *outer;
      if (std::none_of(outers.begin(), outers.end(),
                       [&](const Endpoint& wide) { return endpoint_within(endpoint, wide); })) {
        return what + printable(endpoint.host);
      }
    }
  }
  return std::nullopt;
}

Finding names_above(const Grant& child, const Grant& parent, InclusionBudget& budget) {
  for (const auto& [what, inner, outer] : {std::tuple("tool ", &child.tools, &parent.tools),
                                           std::tuple("model ", &child.models, &parent.models)}) {
    for (const NamePair& pair : *inner) {
      const std::vector<NamePair>& outers = *outer;
      if (std::none_of(outers.begin(), outers.end(), [&](const NamePair& wide) {
            return included(pair.where, wide.where, budget) &&
                   included(pair.what, wide.what, budget);
          })) {
        return what + printable(pair.where.text()) + " " + printable(pair.what.text());
      }
    }
  }
  return std::nullopt;
}

Finding rest_above(const Grant& child, const Grant& parent) {
  static constexpr std::array<const char*, 8> kNames{"wall",  "cpu",   "memory", "process_memory",
                                                     "tasks", "execs", "events", "bytes"};
  for (std::size_t i = 0; i < kLimits.size(); ++i) {
    const std::optional<std::uint64_t>& inner = child.limits.*kLimits[i];
    const std::optional<std::uint64_t>& outer = parent.limits.*kLimits[i];
    if (outer && (!inner || *inner > *outer)) return std::string("limit ") + kNames[i];
  }
  for (const Feature feature : child.features) {
    if (std::find(parent.features.begin(), parent.features.end(), feature) ==
        parent.features.end()) {
      return "feature " + std::string(feature_name(feature));
    }
  }
  for (const ApproveRule& rule : parent.approve) {
    if (!approve_kept(rule, child.approve)) {
      return "approval of " + rule.action + ", which the ceiling asks for";
    }
  }
  if (child.delegate_depth > parent.delegate_depth) {
    return "delegation depth " + std::to_string(child.delegate_depth);
  }
  return std::nullopt;
}

}  // namespace

std::string_view feature_name(Feature feature) {
  return kFeatures[static_cast<std::size_t>(feature)];
}

std::optional<Feature> find_feature(std::string_view name) {
  const auto found = std::find(kFeatures.begin(), kFeatures.end(), name);
  if (found == kFeatures.end()) return std::nullopt;
  return static_cast<Feature>(found - kFeatures.begin());
}

bool has_feature(const Grant& grant, Feature feature) {
  return std::find(grant.features.begin(), grant.features.end(), feature) != grant.features.end();
}

Result<void> check_grant(const Grant& grant) {
  if (grant.exec.size() > kMaxExecRules) return bad("too many exec rules");
  std::size_t patterns = 0;
  for (const ExecRule& rule : grant.exec) {
    TRY(check_rule(rule, grant));
    patterns += rule.args.size();
  }
  TRY(check_env_entries(grant.env));
  TRY(check_places(grant.load, "load"));
  TRY(check_places(grant.read, "read"));
  TRY(check_places(grant.write, "write"));
  for (const std::vector<Endpoint>* endpoints : {&grant.connect, &grant.listen}) {
    if (endpoints->size() > kMaxEndpoints) return bad("too many endpoints");
    for (const Endpoint& endpoint : *endpoints) TRY(check_endpoint(endpoint));
  }
  for (const std::vector<NamePair>* pairs : {&grant.tools, &grant.models}) {
    if (pairs->size() > kMaxSmallList) return bad("too many tools or models");
    for (const NamePair& pair : *pairs) TRY(check_pair(pair));
  }
  for (const auto member : kLimits) {
    const std::optional<std::uint64_t>& limit = grant.limits.*member;
    if (limit && *limit > std::numeric_limits<std::int64_t>::max())
      return bad("a limit is too large");
    if (limit && *limit == 0) return bad("a limit of 0");
  }
  for (std::size_t i = 1; i < grant.features.size(); ++i) {
    if (grant.features[i - 1] >= grant.features[i]) return bad("features are not ascending");
  }
  if (grant.approve.size() > kMaxSmallList) return bad("too many approve rules");
  for (const ApproveRule& rule : grant.approve) {
    TRY(check_approve(rule));
    patterns += rule.args ? rule.args->size() : 0;
  }
  if (patterns > kMaxGrantPatterns) return bad("too many argument patterns in all");
  if (grant.delegate_depth > kMaxDelegation) return bad("delegation is too deep");
  return {};
}

std::vector<EnvEntry> env_of(const Grant& grant, const ExecRule& rule) {
  std::vector<EnvEntry> entries;
  if (rule.env) {
    entries = *rule.env;
  } else {
    entries.assign(default_env().begin(), default_env().end());
  }
  entries.insert(entries.end(), grant.env.begin(), grant.env.end());
  return entries;
}

std::optional<Denial> above(const Grant& grant, const Ceiling& ceiling) {
  if (ceiling.anything) return std::nullopt;
  InclusionBudget budget;
  Finding found = exec_above(grant, ceiling.bound, budget);
  if (!found) found = places_above(grant, ceiling.bound);
  if (!found) found = endpoints_above(grant, ceiling.bound);
  if (!found) found = names_above(grant, ceiling.bound, budget);
  if (!found) found = rest_above(grant, ceiling.bound);
  if (!found) return std::nullopt;
  Denial denial;
  denial.reason = Reason::AboveCeiling;
  denial.asked = *found;
  denial.because = "the authority's ceiling does not cover it";
  if (budget.steps == 0) denial.because += " (the patterns are too large to compare)";
  denial.allow = "narrow the request, or raise the ceiling in trust/";
  return denial;
}

}  // namespace writ::permit
