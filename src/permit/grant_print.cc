// What a grant says, for people: `permit show` and the line after `permit issue`.
#include <algorithm>

#include "base/config_text.h"
#include "permit/grant.h"

namespace writ::permit {
namespace {

std::string join(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += between;
    text += part;
  }
  return text;
}

std::string digest_text(const std::optional<Digest32>& digest) {
  return digest ? "  sha256 " + short_hex(*digest) + "…" : "";
}

std::string patterns_text(const std::vector<Pattern>& patterns) {
  std::vector<std::string> texts;
  for (const Pattern& pattern : patterns) {
    const std::string& text = pattern.text();
    const bool plain = !text.empty() && text.find_first_of(" \t\n\"'\\") == std::string::npos;
    texts.push_back(plain ? printable(text) : "\"" + printable(text) + "\"");
  }
  return join(texts, " ");
}

std::string place_text(const Place& place) {
  std::string text = printable(place.path);
  if (place.tree && place.path != "/") text += "/";
  text += digest_text(place.digest);
  for (const Link& link : place.links) {
    text += "  (" + printable(link.path) + " → " + printable(link.target) + ")";
  }
  return text;
}

std::string tree_text(const std::string& path) {
  return printable(path) + (path == "/" ? "" : "/");
}

void print_rule(const ExecRule& rule, std::vector<std::string>& lines) {
  switch (rule.kind) {
    case ExecKind::Named:
      lines.push_back("  runs " + printable(rule.name) +
                      (rule.name == rule.program.path ? "" : " → " + printable(rule.program.path)) +
                      digest_text(rule.program.digest));
      break;
    case ExecKind::Produced:
      lines.push_back("  runs what it builds under " + tree_text(rule.program.path));
      break;
    case ExecKind::Any:
      lines.push_back("  runs any program under " + tree_text(rule.program.path));
      break;
  }
  if (rule.script) lines.push_back("      script " + place_text(rule.script->file));
  lines.push_back("      args   " +
                  (rule.args.empty() ? std::string("none") : patterns_text(rule.args)));
  if (!rule.argv0.empty()) {
    std::vector<std::string> names;
    for (const std::string& name : rule.argv0) names.push_back(printable(name));
    lines.push_back("      as     " + join(names, " "));
  }
  if (rule.env) {
    std::vector<std::string> names;
    for (const EnvEntry& entry : *rule.env) names.push_back(printable(print(entry), 80));
    lines.push_back("      env    " + (names.empty() ? std::string("none") : join(names, " ")));
  }
  for (const std::string& directory : rule.cwd) {
    lines.push_back("      in     " + tree_text(directory));
  }
}

std::string endpoint_text(const Endpoint& endpoint) {
  if (endpoint.protocol == Protocol::Unix) return "unix " + printable(endpoint.host);
  std::vector<std::string> ports;
  for (const PortRange& range : endpoint.ports) {
    ports.push_back(range.first == range.last
                        ? std::to_string(range.first)
                        : std::to_string(range.first) + "-" + std::to_string(range.last));
  }
  return printable(endpoint.host) + ":" + join(ports, ",") +
         (endpoint.protocol == Protocol::Udp ? " udp" : "");
}

void print_places(const char* title, const std::vector<Place>& places,
                  std::vector<std::string>& lines) {
  if (places.empty()) return;
  lines.emplace_back(title);
  for (const Place& place : places) lines.push_back("  " + place_text(place));
}

std::string limits_text(const Limits& limits) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, const std::optional<std::uint64_t>& value, auto&& write) {
    if (value) parts.push_back(std::string(name) + " " + write(*value));
  };
  const auto count = [](std::uint64_t value) { return std::to_string(value); };
  add("wall", limits.wall_ms, print_duration);
  add("cpu", limits.cpu_ms, print_duration);
  add("memory", limits.memory, print_size);
  add("process_memory", limits.process_memory, print_size);
  add("tasks", limits.tasks, count);
  add("execs", limits.execs, count);
  add("events", limits.events, count);
  add("bytes", limits.bytes, print_size);
  return join(parts, ", ");
}

}  // namespace

std::vector<std::string> print(const Grant& grant) {
  std::vector<std::string> lines;
  if (!grant.exec.empty()) lines.emplace_back("exec");
  for (const ExecRule& rule : grant.exec) print_rule(rule, lines);
  if (!grant.env.empty()) {
    std::vector<std::string> names;
    for (const EnvEntry& entry : grant.env) names.push_back(printable(print(entry), 80));
    lines.push_back("env, every program");
    lines.push_back("  " + join(names, " "));
  }
  print_places("load", grant.load, lines);
  print_places("read", grant.read, lines);
  print_places("write", grant.write, lines);
  for (const auto& [title, endpoints] :
       {std::pair("connect", &grant.connect), std::pair("listen", &grant.listen)}) {
    if (endpoints->empty()) continue;
    lines.emplace_back(title);
    for (const Endpoint& endpoint : *endpoints) lines.push_back("  " + endpoint_text(endpoint));
  }
  for (const auto& [title, pairs] :
       {std::pair("tools", &grant.tools), std::pair("models", &grant.models)}) {
    if (pairs->empty()) continue;
    lines.emplace_back(title);
    for (const NamePair& pair : *pairs) {
      lines.push_back("  " + printable(pair.where.text()) + " " + printable(pair.what.text()));
    }
  }
  if (grant.limits != Limits{}) {
    lines.emplace_back("limits");
    lines.push_back("  " + limits_text(grant.limits));
  }
  if (!grant.features.empty()) {
    std::vector<std::string> names;
    for (const Feature feature : grant.features) names.emplace_back(feature_name(feature));
    lines.emplace_back("features");
    lines.push_back("  " + join(names, " "));
  }
  if (!grant.approve.empty()) lines.emplace_back("approve");
  for (const ApproveRule& rule : grant.approve) {
    std::vector<std::string> by;
    for (const std::string& name : rule.by) by.push_back(printable(name));
    lines.push_back(
        "  " + printable(rule.action) + (rule.target ? " " + printable(*rule.target) : "") +
        (rule.args ? " " + patterns_text(*rule.args) : "") + ": " + std::to_string(rule.need) +
        " of " + join(by, ", ") + " within " + print_duration(rule.timeout_ms));
  }
  if (grant.delegate_depth > 0) {
    lines.emplace_back("delegate");
    lines.push_back("  " + std::to_string(grant.delegate_depth) + " deep");
  }
  if (lines.empty()) lines.emplace_back("grants nothing");
  return lines;
}

std::string summary(const Grant& grant) {
  std::vector<std::string> parts;
  const auto programs = std::count_if(grant.exec.begin(), grant.exec.end(), [](const auto& rule) {
    return rule.kind == ExecKind::Named;
  });
  parts.push_back(std::to_string(programs) + (programs == 1 ? " program rule" : " program rules"));
  for (const ExecRule& rule : grant.exec) {
    if (rule.kind == ExecKind::Named) continue;
    parts.push_back((rule.kind == ExecKind::Produced ? "runs what it builds under "
                                                     : "runs any program under ") +
                    tree_text(rule.program.path));
  }
  if (!grant.write.empty()) {
    std::vector<std::string> trees;
    for (const Place& place : grant.write) trees.push_back(printable(place.path));
    parts.push_back("writes " + join(trees, " "));
  }
  std::vector<std::string> net;
  for (const Endpoint& endpoint : grant.connect) net.push_back(endpoint_text(endpoint));
  parts.push_back(net.empty() ? "no network" : "net: " + join(net, " "));
  return join(parts, ", ");
}

}  // namespace writ::permit
