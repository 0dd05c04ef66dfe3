#include "permit/request_text.h"

#include <algorithm>

#include "base/config_text.h"
#include "permit/match.h"

namespace writ::permit {
namespace {

constexpr std::size_t kLine = 100;  // columns, after which a list goes on below

// A TOML array of what is written already; long ones with an item a line.
std::string array(const std::vector<std::string>& items) {
  std::string line = "[";
  for (const std::string& item : items) line += (line.size() == 1 ? "" : ", ") + item;
  line += "]";
  if (line.size() <= kLine || items.size() < 2) return line;
  std::string block = "[\n";
  for (const std::string& item : items) block += "  " + item + ",\n";
  return block + "]";
}

template <typename Items, typename Print>
std::string array_of(const Items& items, Print print) {
  std::vector<std::string> texts;
  for (const auto& item : items) texts.push_back(print(item));
  return array(texts);
}

std::string text_array(const std::vector<std::string>& texts) {
  return array_of(texts, [](const std::string& text) { return toml_text(text); });
}

std::string key(const char* name, const std::string& value) {
  return std::string(name) + " = " + value + "\n";
}

std::string patterns(const std::vector<Pattern>& list) {
  return array_of(list, [](const Pattern& one) { return toml_text(one.text()); });
}

std::string entries(const std::vector<EnvEntry>& list) {
  return array_of(list, [](const EnvEntry& one) { return toml_text(print(one)); });
}

std::string path_entry(const WantedPath& one) {
  if (!one.digest && !one.optional) return toml_text(one.path);
  std::string table = "{ path = " + toml_text(one.path);
  if (one.digest) table += ", sha256 = \"" + to_hex(*one.digest) + "\"";
  if (one.optional) table += ", optional = true";
  return table + " }";
}

std::string port(const PortRange& range) {
  if (range.first == range.last) return std::to_string(range.first);
  return "\"" + std::to_string(range.first) + "-" + std::to_string(range.last) + "\"";
}

std::string endpoint(const char* part, const Endpoint& one) {
  std::string text = std::string("\n[[") + part + "]]\n";
  if (one.protocol == Protocol::Unix) return text + key("unix", toml_text(one.host));
  text += key("host", toml_text(one.host)) + key("ports", array_of(one.ports, port));
  if (one.protocol == Protocol::Udp) text += key("protocol", "\"udp\"");
  return text;
}

std::string pair(const char* part, const char* where, const char* what, const NamePair& one) {
  return std::string("\n[[") + part + "]]\n" + key(where, toml_text(one.where.text())) +
         key(what, toml_text(one.what.text()));
}

std::string approve(const ApproveRule& rule) {
  std::string text = "\n[[approve]]\n" + key("action", toml_text(rule.action));
  if (rule.target) text += key("target", toml_text(*rule.target));
  if (rule.args) text += key("args", patterns(*rule.args));
  text += key("need", std::to_string(rule.need)) + key("by", text_array(rule.by));
  return text + key("timeout", toml_text(print_duration(rule.timeout_ms)));
}

std::string limits(const Limits& limits) {
  std::string text;
  const auto add = [&](const char* name, const std::optional<std::uint64_t>& value, auto print) {
    if (value) text += key(name, print(*value));
  };
  const auto duration = [](std::uint64_t value) { return toml_text(print_duration(value)); };
  const auto size = [](std::uint64_t value) { return toml_text(print_size(value)); };
  const auto count = [](std::uint64_t value) { return std::to_string(value); };
  add("wall", limits.wall_ms, duration);
  add("cpu", limits.cpu_ms, duration);
  add("memory", limits.memory, size);
  add("process_memory", limits.process_memory, size);
  add("tasks", limits.tasks, count);
  add("execs", limits.execs, count);
  add("events", limits.events, count);
  add("bytes", limits.bytes, size);
  return text.empty() ? text : "\n[limits]\n" + text;
}

// As it stands in a literal block where that is possible.
std::string long_text(const std::string& text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\n' || c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
  if (!plain || !is_utf8(text) || text.find("'''") != std::string::npos || text.ends_with('\'')) {
    return toml_text(text);
  }
  return "'''\n" + text + "'''";
}

// The names by which `place` was reached: its path seen back through its symlinks.
std::vector<std::string> names_of(const Place& place) {
  std::vector<std::string> names = {place.path};
  std::vector<std::string> outermost;
  for (std::size_t i = 0; i < names.size() && names.size() <= kMaxLinks; ++i) {
    bool further = false;
    for (const Link& link : place.links) {
      const std::string directory =
          link.path.substr(0, std::max<std::size_t>(link.path.rfind('/'), 1));
      const std::optional<std::string> target = join_path(directory, link.target);
      if (!target || !lies_under(names[i], *target)) continue;
      const std::string rest = *target == "/" ? names[i] : names[i].substr(target->size());
      std::string name = link.path + rest;
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      names.push_back(std::move(name));
      further = true;
    }
    if (!further) outermost.push_back(names[i]);
  }
  return outermost;
}

std::vector<WantedPath> wanted(const std::vector<Place>& places) {
  std::vector<WantedPath> paths;
  for (const Place& place : places) {
    for (std::string& name : names_of(place)) {
      WantedPath path;
      path.path = std::move(name);
      paths.push_back(std::move(path));
    }
  }
  return paths;
}

WantedPath plain_path(const std::string& path) {
  WantedPath wanted;
  wanted.path = path;
  return wanted;
}

}  // namespace

Request request_of(const Claims& claims) {
  Request request;
  const Grant& grant = claims.grant;
  request.subject = claims.subject;
  request.audience = claims.audience;
  const UnixSeconds begins = claims.not_before.value_or(claims.issued);
  const std::int64_t seconds = claims.expires.get() - begins.get();
  request.ttl_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 1)) * 1000;
  for (const ExecRule& rule : grant.exec) {
    WantedExec exec;
    exec.produced = rule.kind == ExecKind::Produced;
    exec.program = plain_path(exec.produced ? rule.program.path : rule.name);
    exec.args = rule.args;
    exec.argv0 = rule.argv0;
    exec.env = rule.env;
    if (rule.script) exec.script = plain_path(names_of(rule.script->file).front());
    for (const std::string& tree : rule.cwd) exec.cwd.push_back(plain_path(tree));
    request.exec.push_back(std::move(exec));
  }
  request.env = grant.env;
  request.load = wanted(grant.load);
  request.read = wanted(grant.read);
  request.write = wanted(grant.write);
  request.connect = grant.connect;
  request.listen = grant.listen;
  request.tools = grant.tools;
  request.models = grant.models;
  request.limits = grant.limits;
  request.features = grant.features;
  request.approve = grant.approve;
  request.delegate_depth = grant.delegate_depth;
  request.when = claims.when;
  request.host = claims.host;
  request.pin_policy = claims.policy.has_value();
  request.uses = claims.uses;
  return request;
}

std::string print_exec(const WantedExec& rule) {
  std::string text = "\n[[exec]]\n";
  text += key(rule.produced ? "produced" : "program", toml_text(rule.program.path));
  if (rule.program.digest) text += key("sha256", "\"" + to_hex(*rule.program.digest) + "\"");
  if (rule.program.optional) text += key("optional", "true");
  if (rule.script) text += key("script", toml_text(rule.script->path));
  if (rule.script && rule.script->digest) {
    text += key("script_sha256", "\"" + to_hex(*rule.script->digest) + "\"");
  }
  if (!rule.args.empty()) text += key("args", patterns(rule.args));
  if (!rule.argv0.empty()) text += key("argv0", text_array(rule.argv0));
  if (rule.env) text += key("env", entries(*rule.env));
  if (!rule.cwd.empty()) {
    text +=
        key("cwd", array_of(rule.cwd, [](const WantedPath& one) { return toml_text(one.path); }));
  }
  return text;
}

std::string print_request(const Request& request) {
  std::string text = key("subject", toml_text(request.subject));
  text += key("audience", text_array(request.audience));
  text += key("ttl", toml_text(print_duration(request.ttl_ms)));
  if (!request.sets.empty()) text += key("sets", text_array(request.sets));
  if (request.this_host) text += key("host", "\"this\"");
  if (request.host) text += key("host", "\"" + to_hex(*request.host) + "\"");
  if (request.pin_policy) text += key("policy", "\"pin\"");
  if (request.uses) text += key("uses", std::to_string(*request.uses));
  if (!request.env.empty()) text += key("env", entries(request.env));
  if (!request.features.empty()) {
    text += key("features", array_of(request.features,
                                     [](Feature one) { return toml_text(feature_name(one)); }));
  }
  for (const WantedExec& rule : request.exec) text += print_exec(rule);
  if (!request.read.empty() || !request.write.empty() || !request.load.empty()) {
    text += "\n[files]\n";
    if (!request.read.empty()) text += key("read", array_of(request.read, path_entry));
    if (!request.write.empty()) text += key("write", array_of(request.write, path_entry));
    if (!request.load.empty()) text += key("load", array_of(request.load, path_entry));
  }
  for (const Endpoint& one : request.connect) text += endpoint("connect", one);
  for (const Endpoint& one : request.listen) text += endpoint("listen", one);
  for (const NamePair& one : request.tools) text += pair("tools", "server", "tool", one);
  for (const NamePair& one : request.models) text += pair("models", "endpoint", "model", one);
  for (const ApproveRule& one : request.approve) text += approve(one);
  if (request.delegate_depth > 0) {
    text += "\n[delegate]\n" + key("depth", std::to_string(request.delegate_depth));
  }
  text += limits(request.limits);
  if (!request.when.empty()) text += "\n[when]\n" + key("policy", long_text(request.when));
  return text;
}

}  // namespace writ::permit
