#include "permit/request.h"

#include <algorithm>

#include "base/config_text.h"
#include "permit/config_parts.h"

namespace writ::permit {
namespace {

// Which kind of text is being read: a set's paths are absolute and may have `*`.
enum class Source { Request, Set };

Result<WantedPath> wanted_path(const ConfigValue& value, Source source) {
  WantedPath wanted;
  wanted.at = value.place();
  wanted.path = TRY(value.as_text());
  const std::string& path = wanted.path;
  if (path.empty() || path.size() > kMaxPath) return value.wrong("a path has 1 to 4096 bytes");
  wanted.glob = path.find_first_of("*?") != std::string::npos;
  if (source == Source::Request && wanted.glob) {
    return value.wrong("`" + printable(path, 80) + "`: `*` and `?` are for named sets only");
  }
  if (source == Source::Set && path.front() != '/') {
    return value.wrong("`" + printable(path, 80) + "`: a set's paths are absolute");
  }
  if (path.front() == '~' && path.size() > 1 && path[1] != '/') {
    return value.wrong("`" + printable(path, 80) + "`: write the home directory out");
  }
  return wanted;
}

// A path, or {path, sha256, optional}.
Result<WantedPath> wanted_entry(const ConfigValue& value, Source source) {
  if (value.kind() != ConfigValue::Kind::Table) return wanted_path(value, source);
  TRY(value.only_keys({"path", "sha256", "optional"}));
  const ConfigValue* path = TRY(value.require("path"));
  WantedPath wanted = TRY(wanted_path(*path, source));
  if (const ConfigValue* digest = value.find("sha256")) wanted.digest = TRY(read_digest(*digest));
  if (const ConfigValue* optional = value.find("optional")) {
    wanted.optional = TRY(optional->as_boolean());
  }
  return wanted;
}

Result<std::vector<WantedPath>> wanted_list(const ConfigValue& value, Source source) {
  std::vector<WantedPath> paths;
  const std::vector<ConfigValue>& list = *TRY(value.as_array());
  if (list.size() > kMaxPlaces) return value.wrong("too many paths");
  for (const ConfigValue& entry : list) paths.push_back(TRY(wanted_entry(entry, source)));
  return paths;
}

// Several rules when `programs` lists several.
Result<std::vector<WantedExec>> wanted_exec(const ConfigValue& table, Source source) {
  TRY(table.only_keys({"program", "programs", "produced", "sha256", "optional", "args", "argv0",
                       "env", "script", "script_sha256", "cwd"}));
  const ConfigValue* program = table.find("program");
  const ConfigValue* programs = table.find("programs");
  const ConfigValue* produced = table.find("produced");
  if ((program != nullptr) + (programs != nullptr) + (produced != nullptr) != 1) {
    return table.wrong("a rule names one of `program`, `programs`, `produced`");
  }
  WantedExec rule;
  rule.at = table.place();
  if (const ConfigValue* args = table.find("args")) rule.args = TRY(read_args(*args));
  if (const ConfigValue* argv0 = table.find("argv0")) {
    const std::vector<const ConfigValue*> names = TRY(one_or_many(*argv0));
    if (names.size() > kMaxSmallList) return argv0->wrong("too many names");
    for (const ConfigValue* name : names) rule.argv0.push_back(TRY(name->as_text()));
  }
  if (const ConfigValue* env = table.find("env")) rule.env = TRY(read_env(*env));
  if (const ConfigValue* cwd = table.find("cwd")) {
    const std::vector<const ConfigValue*> trees = TRY(one_or_many(*cwd));
    if (trees.size() > kMaxSmallList) return cwd->wrong("too many directories");
    for (const ConfigValue* tree : trees) rule.cwd.push_back(TRY(wanted_path(*tree, source)));
  }
  bool optional = false;
  if (const ConfigValue* value = table.find("optional")) optional = TRY(value->as_boolean());
  const ConfigValue* digest = table.find("sha256");
  const ConfigValue* script = table.find("script");
  const ConfigValue* script_digest = table.find("script_sha256");
  if (script_digest != nullptr && script == nullptr) {
    return script_digest->wrong("`script_sha256` without `script`");
  }
  if (produced != nullptr) {
    if (source == Source::Set) return produced->wrong("a set has no produced programs");
    if (script != nullptr) return script->wrong("a produced rule has no script of its own");
    if (digest != nullptr) return digest->wrong("what is built has no digest beforehand");
    if (optional) return table.wrong("a produced rule is not optional");
    rule.produced = true;
    rule.program = TRY(wanted_path(*produced, source));
    return std::vector<WantedExec>{std::move(rule)};
  }
  if (script != nullptr) {
    if (source == Source::Set) return script->wrong("a set has no scripts");
    rule.script = TRY(wanted_path(*script, source));
    if (script_digest != nullptr) rule.script->digest = TRY(read_digest(*script_digest));
  }
  std::vector<const ConfigValue*> paths{program};
  if (programs != nullptr) {
    if (digest != nullptr) return digest->wrong("`sha256` belongs to one `program`");
    TRY(programs->as_array());
    paths = TRY(one_or_many(*programs));
  }
  std::vector<WantedExec> rules;
  for (const ConfigValue* path : paths) {
    rule.program = TRY(wanted_path(*path, source));
    rule.program.optional = optional;
    if (digest != nullptr) rule.program.digest = TRY(read_digest(*digest));
    if (digest != nullptr && rule.program.glob)
      return digest->wrong("one digest for several files");
    rules.push_back(rule);
  }
  return rules;
}

Result<void> read_files(const ConfigValue& table, Source source, Request& request) {
  if (source == Source::Set) {
    TRY(table.only_keys({"read", "load"}));
  } else {
    TRY(table.only_keys({"read", "write", "load"}));
  }
  if (const ConfigValue* read = table.find("read")) request.read = TRY(wanted_list(*read, source));
  if (const ConfigValue* load = table.find("load")) request.load = TRY(wanted_list(*load, source));
  if (const ConfigValue* write = table.find("write")) {
    request.write = TRY(wanted_list(*write, source));
    for (const WantedPath& path : request.write) {
      if (path.digest) return write->wrong("what may be written has no digest");
    }
  }
  return {};
}

// The parts that requests and sets share.
Result<void> read_shared(const ConfigValue& root, Source source, Request& request) {
  if (const ConfigValue* exec = root.find("exec")) {
    const std::vector<ConfigValue>& list = *TRY(exec->as_array());
    for (const ConfigValue& table : list) {
      std::vector<WantedExec> rules = TRY(wanted_exec(table, source));
      std::move(rules.begin(), rules.end(), std::back_inserter(request.exec));
      if (request.exec.size() > kMaxExecRules) return exec->wrong("too many exec rules");
    }
  }
  if (const ConfigValue* env = root.find("env")) request.env = TRY(read_env(*env));
  if (const ConfigValue* files = root.find("files")) TRY(read_files(*files, source, request));
  if (const ConfigValue* limits = root.find("limits")) request.limits = TRY(read_limits(*limits));
  return {};
}

Result<void> read_terms(const ConfigValue& root, Request& request) {
  const ConfigValue* subject = TRY(root.require("subject"));
  request.subject = TRY(subject->as_text());
  if (request.subject.empty() || request.subject.size() > kMaxName) {
    return subject->wrong("a subject has 1 to 255 bytes");
  }
  const ConfigValue* audience = TRY(root.require("audience"));
  request.audience = TRY(audience->as_text_list());
  if (request.audience.empty()) return audience->wrong("at least one domain");
  const ConfigValue* ttl = TRY(root.require("ttl"));
  request.ttl_ms = TRY(ttl->as_duration_ms());
  if (request.ttl_ms < 1000) return ttl->wrong("a permit lives for at least a second");
  if (const ConfigValue* sets = root.find("sets")) {
    const std::vector<const ConfigValue*> names = TRY(one_or_many(*sets));
    for (const ConfigValue* name : names) {
      request.sets.push_back(TRY(name->as_text()));
      const Result<void> checked = check_set_name(request.sets.back());
      if (!checked) return name->wrong(checked.error().message());
    }
    if (request.sets.size() > kMaxSmallList) return sets->wrong("too many sets");
  }
  if (const ConfigValue* host = root.find("host")) {
    const std::string text = TRY(host->as_text());
    const Result<LedgerId> id = id_from_hex<LedgerId>(text);
    request.this_host = text == "this";
    if (!request.this_host && !id) {
      return host->wrong("a host is \"this\" or the 64 hex digits of its ledger id");
    }
    if (id) request.host = *id;
  }
  if (const ConfigValue* policy = root.find("policy")) {
    const std::string text = TRY(policy->as_text());
    if (text != "pin") return policy->wrong("`policy` is \"pin\" or left out");
    request.pin_policy = true;
  }
  if (const ConfigValue* uses = root.find("uses")) {
    request.uses = TRY(uses->as_count(1, UINT32_MAX));
  }
  if (const ConfigValue* when = root.find("when")) {
    TRY(when->only_keys({"policy"}));
    const ConfigValue* text = TRY(when->require("policy"));
    request.when = TRY(text->as_text());
  }
  return {};
}

}  // namespace

Result<void> check_set_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool good = !name.empty() && name.size() <= 64 && plain(name.front()) &&
                    std::all_of(name.begin(), name.end(), [&](char c) {
                      return plain(c) || c == '.' || c == '_' || c == '-';
                    });
  if (!good) {
    return Error(Code::Malformed,
                 "`" + printable(name, 80) + "` is no name: a-z 0-9, then also . _ -, at most 64");
  }
  return {};
}

Result<Request> parse_request(std::string_view text, std::string_view file) {
  const ConfigValue root = TRY(parse_config(text, file));
  TRY(root.only_keys({"subject", "audience", "ttl", "sets", "env", "exec", "files", "connect",
                      "listen", "tools", "models", "limits", "features", "approve", "delegate",
                      "when", "host", "policy", "uses"}));
  Request request;
  request.file = std::string(file);
  TRY(read_terms(root, request));
  TRY(read_shared(root, Source::Request, request));
  if (const ConfigValue* value = root.find("connect")) {
    request.connect = TRY(read_endpoints(*value));
  }
  if (const ConfigValue* value = root.find("listen")) request.listen = TRY(read_endpoints(*value));
  if (const ConfigValue* value = root.find("tools")) request.tools = TRY(read_tools(*value));
  if (const ConfigValue* value = root.find("models")) request.models = TRY(read_models(*value));
  if (const ConfigValue* value = root.find("features")) {
    request.features = TRY(read_features(*value));
  }
  if (const ConfigValue* value = root.find("approve")) request.approve = TRY(read_approve(*value));
  if (const ConfigValue* value = root.find("delegate")) {
    request.delegate_depth = TRY(read_delegate(*value));
  }
  return request;
}

Result<NamedSet> parse_set(std::string_view text, std::string_view name, std::string_view file) {
  TRY(check_set_name(name));
  const ConfigValue root = TRY(parse_config(text, file));
  TRY(root.only_keys({"about", "exec", "env", "files", "limits"}));
  NamedSet set;
  set.name = std::string(name);
  const ConfigValue* about = TRY(root.require("about"));
  set.about = TRY(about->as_text());
  set.part.file = std::string(file);
  TRY(read_shared(root, Source::Set, set.part));
  return set;
}

void apply_set(Request& request, const NamedSet& set) {
  const auto add = [](auto& to, const auto& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  add(request.exec, set.part.exec);
  add(request.load, set.part.load);
  add(request.read, set.part.read);
  for (const EnvEntry& entry : set.part.env) {
    if (std::find(request.env.begin(), request.env.end(), entry) == request.env.end()) {
      request.env.push_back(entry);
    }
  }
  for (const auto member :
       {&Limits::wall_ms, &Limits::cpu_ms, &Limits::memory, &Limits::process_memory, &Limits::tasks,
        &Limits::execs, &Limits::events, &Limits::bytes}) {
    if (!(request.limits.*member)) request.limits.*member = set.part.limits.*member;
  }
}

}  // namespace writ::permit
