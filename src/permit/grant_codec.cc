// The wire form of a grant. Text keys, so that the diagnostic print of a permit can be read; what
// is empty or default is absent, so that a grant has one encoding.
#include <utility>

#include "cbor/reader.h"
#include "cbor/writer.h"
#include "permit/grant.h"

namespace writ::permit {
namespace {

using cbor::Reader;
using cbor::Writer;

template <typename Items, typename Write>
void write_list(Writer& w, const char* key, const Items& items, Write&& write) {
  if (items.empty()) return;
  w.key(key).array([&] {
    for (const auto& item : items) write(item);
  });
}

void write_texts(Writer& w, const char* key, const std::vector<std::string>& texts) {
  write_list(w, key, texts, [&](const std::string& text) { w.text(text); });
}

void write_patterns(Writer& w, const char* key, const std::vector<Pattern>& patterns) {
  write_list(w, key, patterns, [&](const Pattern& pattern) { w.text(pattern.text()); });
}

void write_place(Writer& w, const Place& place) {
  w.map([&] {
    w.key("path").text(place.path);
    write_list(w, "links", place.links,
               [&](const Link& link) { w.array([&] { w.text(link.path).text(link.target); }); });
    if (place.tree) w.key("tree").boolean(true);
    if (place.digest) w.key("sha256").bytes(as_bytes(*place.digest));
  });
}

void write_rule(Writer& w, const ExecRule& rule) {
  w.map([&] {
    switch (rule.kind) {
      case ExecKind::Named: w.key("program"); break;
      case ExecKind::Produced: w.key("produced"); break;
      case ExecKind::Any: w.key("any"); break;
    }
    write_place(w, rule.program);
    if (rule.name != rule.program.path) w.key("name").text(rule.name);
    write_patterns(w, "args", rule.args);
    write_texts(w, "argv0", rule.argv0);
    if (rule.env) {
      w.key("env").array([&] {
        for (const EnvEntry& entry : *rule.env) w.text(print(entry));
      });
    }
    if (rule.script) {
      w.key("script");
      write_place(w, rule.script->file);
    }
    write_texts(w, "cwd", rule.cwd);
  });
}

constexpr std::pair<const char*, Protocol> kProtocols[] = {
    {"tcp", Protocol::Tcp}, {"udp", Protocol::Udp}, {"unix", Protocol::Unix}};

void write_endpoint(Writer& w, const Endpoint& endpoint) {
  w.map([&] {
    for (const auto& [name, protocol] : kProtocols) {
      if (protocol == endpoint.protocol) w.key("protocol").text(name);
    }
    w.key("host").text(endpoint.host);
    write_list(w, "ports", endpoint.ports, [&](const PortRange& range) {
      w.array([&] { w.uint(range.first).uint(range.last); });
    });
  });
}

void write_pair(Writer& w, const NamePair& pair) {
  w.array([&] { w.text(pair.where.text()).text(pair.what.text()); });
}

// The names of the limits on the wire, with their members.
constexpr std::pair<const char*, std::optional<std::uint64_t> Limits::*> kLimits[] = {
    {"wall_ms", &Limits::wall_ms}, {"cpu_ms", &Limits::cpu_ms},
    {"memory", &Limits::memory},   {"process_memory", &Limits::process_memory},
    {"tasks", &Limits::tasks},     {"execs", &Limits::execs},
    {"events", &Limits::events},   {"bytes", &Limits::bytes}};

void write_limits(Writer& w, const Limits& limits) {
  if (limits == Limits{}) return;
  w.key("limits").map([&] {
    for (const auto& [name, member] : kLimits) {
      if (limits.*member) w.key(name).uint(*(limits.*member));
    }
  });
}

void write_approve(Writer& w, const ApproveRule& rule) {
  w.map([&] {
    w.key("action").text(rule.action);
    if (rule.target) w.key("target").text(*rule.target);
    if (rule.args) {
      w.key("args").array([&] {
        for (const Pattern& pattern : *rule.args) w.text(pattern.text());
      });
    }
    w.key("need").uint(rule.need);
    write_texts(w, "by", rule.by);
    w.key("timeout_ms").uint(rule.timeout_ms);
  });
}

// read_list reads an array of 1 to `most` items, or of none where `empty` allows it.
template <typename Read>
Result<void> read_list(Reader& r, std::size_t most, Read&& read, bool empty = false) {
  const std::size_t count = TRY(r.enter_array());
  if (count > most) return r.refuse("more than " + std::to_string(most) + " items");
  if (count == 0 && !empty) return r.refuse("an empty list, which is left out instead");
  while (r.more()) TRY(read());
  return r.leave();
}

Result<std::string> read_text(Reader& r) {
  return std::string(TRY(r.text()));
}

Result<std::vector<std::string>> read_texts(Reader& r, std::size_t most) {
  std::vector<std::string> texts;
  const auto read_one = [&]() -> Result<void> {
    texts.push_back(TRY(read_text(r)));
    return {};
  };
  TRY(read_list(r, most, read_one));
  return texts;
}

Result<Pattern> read_pattern(Reader& r) {
  Result<Pattern> pattern = Pattern::parse(TRY(r.text()));
  if (!pattern) return r.refuse(pattern.error().message());
  return pattern;
}

Result<std::vector<Pattern>> read_patterns(Reader& r, std::size_t& left, bool empty = false) {
  std::vector<Pattern> patterns;
  const auto read_one = [&]() -> Result<void> {
    if (left == 0) return r.refuse("too many argument patterns in all");
    --left;
    patterns.push_back(TRY(read_pattern(r)));
    return {};
  };
  TRY(read_list(r, kMaxPatterns, read_one, empty));
  return patterns;
}

Result<std::vector<EnvEntry>> read_env(Reader& r, bool empty) {
  std::vector<EnvEntry> entries;
  const auto read_one = [&]() -> Result<void> {
    Result<EnvEntry> entry = parse_env_entry(TRY(r.text()));
    if (!entry) return r.refuse(entry.error().message());
    entries.push_back(std::move(entry).value());
    return {};
  };
  TRY(read_list(r, kMaxEnvEntries, read_one, empty));
  return entries;
}

Result<Place> read_place(Reader& r) {
  Place place;
  TRY(r.enter_map());
  while (r.more()) {
    const std::string_view key = TRY(r.text());
    if (key == "path") {
      place.path = TRY(read_text(r));
    } else if (key == "links") {
      const auto read_one = [&]() -> Result<void> {
        TRY(r.enter_array_of(2));
        Link link;
        link.path = TRY(read_text(r));
        link.target = TRY(read_text(r));
        place.links.push_back(std::move(link));
        return r.leave();
      };
      TRY(read_list(r, kMaxLinks, read_one));
    } else if (key == "tree") {
      place.tree = TRY(r.boolean());
      if (!place.tree) return r.refuse("tree is true or left out");
    } else if (key == "sha256") {
      Result<Digest32> digest = id_from_bytes<Digest32>(TRY(r.bytes()));
      if (!digest) return r.refuse("a digest is " + digest.error().message());
      place.digest = *digest;
    } else {
      return r.refuse("unknown field of a path");
    }
  }
  TRY(r.leave());
  return place;
}

Result<ExecRule> read_rule(Reader& r, std::size_t& patterns_left) {
  ExecRule rule;
  bool named = false;
  bool renamed = false;
  TRY(r.enter_map());
  while (r.more()) {
    const std::string key = TRY(read_text(r));
    if (key == "program" || key == "produced" || key == "any") {
      if (std::exchange(named, true)) return r.refuse("a rule names one of program, produced, any");
      rule.kind = key == "program"    ? ExecKind::Named
                  : key == "produced" ? ExecKind::Produced
                                      : ExecKind::Any;
      rule.program = TRY(read_place(r));
    } else if (key == "name") {
      rule.name = TRY(read_text(r));
      renamed = true;
    } else if (key == "args") {
      rule.args = TRY(read_patterns(r, patterns_left));
    } else if (key == "argv0") {
      rule.argv0 = TRY(read_texts(r, kMaxSmallList));
    } else if (key == "env") {
      rule.env = TRY(read_env(r, true));
    } else if (key == "script") {
      rule.script = Script{TRY(read_place(r))};
    } else if (key == "cwd") {
      rule.cwd = TRY(read_texts(r, kMaxSmallList));
    } else {
      return r.refuse("unknown field of an exec rule");
    }
  }
  TRY(r.leave());
  if (!named) return r.refuse("an exec rule names no program");
  if (!renamed) {
    rule.name = rule.program.path;
  } else if (rule.name == rule.program.path) {
    return r.refuse("a name that is the path is left out");
  }
  return rule;
}

Result<Endpoint> read_endpoint(Reader& r) {
  Endpoint endpoint;
  bool known = false;
  TRY(r.enter_map());
  while (r.more()) {
    const std::string_view key = TRY(r.text());
    if (key == "protocol") {
      const std::string_view value = TRY(r.text());
      for (const auto& [name, protocol] : kProtocols) {
        if (value != name) continue;
        endpoint.protocol = protocol;
        known = true;
      }
      if (!known) return r.refuse("a protocol is tcp, udp or unix");
    } else if (key == "host") {
      endpoint.host = TRY(read_text(r));
    } else if (key == "ports") {
      const auto read_one = [&]() -> Result<void> {
        TRY(r.enter_array_of(2));
        const std::uint64_t first = TRY(r.uint());
        const std::uint64_t last = TRY(r.uint());
        if (first > 65535 || last > 65535) return r.refuse("a port is at most 65535");
        endpoint.ports.push_back(
            {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)});
        return r.leave();
      };
      TRY(read_list(r, kMaxSmallList, read_one));
    } else {
      return r.refuse("unknown field of an endpoint");
    }
  }
  TRY(r.leave());
  if (!known) return r.refuse("an endpoint without protocol");
  return endpoint;
}

Result<Limits> read_limits(Reader& r) {
  Limits limits;
  if (TRY(r.enter_map()) == 0) return r.refuse("an empty map, which is left out instead");
  while (r.more()) {
    const std::string_view key = TRY(r.text());
    bool known = false;
    for (const auto& [name, member] : kLimits) {
      if (key != name) continue;
      limits.*member = TRY(r.uint());
      known = true;
    }
    if (!known) return r.refuse("unknown limit");
  }
  TRY(r.leave());
  return limits;
}

Result<ApproveRule> read_approve(Reader& r, std::size_t& patterns_left) {
  ApproveRule rule;
  rule.need = 0;
  TRY(r.enter_map());
  while (r.more()) {
    const std::string_view key = TRY(r.text());
    if (key == "action") {
      rule.action = TRY(read_text(r));
    } else if (key == "target") {
      rule.target = TRY(read_text(r));
    } else if (key == "args") {
      rule.args = TRY(read_patterns(r, patterns_left, true));
    } else if (key == "need") {
      const std::uint64_t need = TRY(r.uint());
      if (need > kMaxSmallList) return r.refuse("more approvals than there can be approvers");
      rule.need = static_cast<std::uint32_t>(need);
    } else if (key == "by") {
      rule.by = TRY(read_texts(r, kMaxSmallList));
    } else if (key == "timeout_ms") {
      rule.timeout_ms = TRY(r.uint());
    } else {
      return r.refuse("unknown field of an approve rule");
    }
  }
  TRY(r.leave());
  return rule;
}

Result<NamePair> read_pair(Reader& r) {
  TRY(r.enter_array_of(2));
  Pattern where = TRY(read_pattern(r));
  Pattern what = TRY(read_pattern(r));
  TRY(r.leave());
  return NamePair{std::move(where), std::move(what)};
}

template <typename T, typename Read>
Result<std::vector<T>> read_many(Reader& r, std::size_t most, Read&& read) {
  std::vector<T> items;
  const auto read_one = [&]() -> Result<void> {
    items.push_back(TRY(read(r)));
    return {};
  };
  TRY(read_list(r, most, read_one));
  return items;
}

Result<void> read_field(Reader& r, std::string_view key, Grant& grant, std::size_t& left) {
  if (key == "exec") {
    const auto read = [&](Reader& from) { return read_rule(from, left); };
    grant.exec = TRY(read_many<ExecRule>(r, kMaxExecRules, read));
  } else if (key == "env") {
    grant.env = TRY(read_env(r, false));
  } else if (key == "load") {
    grant.load = TRY(read_many<Place>(r, kMaxPlaces, read_place));
  } else if (key == "read") {
    grant.read = TRY(read_many<Place>(r, kMaxPlaces, read_place));
  } else if (key == "write") {
    grant.write = TRY(read_many<Place>(r, kMaxPlaces, read_place));
  } else if (key == "connect") {
    grant.connect = TRY(read_many<Endpoint>(r, kMaxEndpoints, read_endpoint));
  } else if (key == "listen") {
    grant.listen = TRY(read_many<Endpoint>(r, kMaxEndpoints, read_endpoint));
  } else if (key == "tools") {
    grant.tools = TRY(read_many<NamePair>(r, kMaxSmallList, read_pair));
  } else if (key == "models") {
    grant.models = TRY(read_many<NamePair>(r, kMaxSmallList, read_pair));
  } else if (key == "limits") {
    grant.limits = TRY(read_limits(r));
  } else if (key == "features") {
    for (const std::string& name : TRY(read_texts(r, kMaxSmallList))) {
      const std::optional<Feature> feature = find_feature(name);
      if (!feature) return r.refuse("unknown feature");
      grant.features.push_back(*feature);
    }
  } else if (key == "approve") {
    const auto read = [&](Reader& from) { return read_approve(from, left); };
    grant.approve = TRY(read_many<ApproveRule>(r, kMaxSmallList, read));
  } else if (key == "delegate") {
    const std::uint64_t depth = TRY(r.uint());
    if (depth == 0) return r.refuse("delegate 0 is left out instead");
    if (depth > kMaxDelegation) return r.refuse("delegate is too deep");
    grant.delegate_depth = static_cast<std::uint32_t>(depth);
  } else {
    return r.refuse("unknown part of a grant");
  }
  return {};
}

}  // namespace

Result<ByteVec> encode_grant(const Grant& grant) {
  TRY(check_grant(grant));
  Writer w;
  w.map([&] {
    const auto place = [&](const Place& item) { write_place(w, item); };
    const auto endpoint = [&](const Endpoint& item) { write_endpoint(w, item); };
    const auto pair = [&](const NamePair& item) { write_pair(w, item); };
    write_list(w, "exec", grant.exec, [&](const ExecRule& rule) { write_rule(w, rule); });
    write_list(w, "env", grant.env, [&](const EnvEntry& entry) { w.text(print(entry)); });
    write_list(w, "load", grant.load, place);
    write_list(w, "read", grant.read, place);
    write_list(w, "write", grant.write, place);
    write_list(w, "connect", grant.connect, endpoint);
    write_list(w, "listen", grant.listen, endpoint);
    write_list(w, "tools", grant.tools, pair);
    write_list(w, "models", grant.models, pair);
    write_limits(w, grant.limits);
    write_list(w, "features", grant.features,
               [&](Feature feature) { w.text(feature_name(feature)); });
    write_list(w, "approve", grant.approve,
               [&](const ApproveRule& rule) { write_approve(w, rule); });
    if (grant.delegate_depth > 0) w.key("delegate").uint(grant.delegate_depth);
  });
  return std::move(w).finish();
}

Result<Grant> read_grant(Reader& r) {
  Grant grant;
  std::size_t patterns_left = kMaxGrantPatterns;
  TRY(r.enter_map());
  while (r.more()) {
    const std::string key = TRY(read_text(r));
    Result<void> read = read_field(r, key, grant, patterns_left);
    if (!read) return std::move(read).error().context("grant `" + printable(key, 40) + "`");
  }
  TRY(r.leave());
  TRY(check_grant(grant));
  return grant;
}

Result<Grant> decode_grant(Bytes bytes) {
  Reader r(bytes);
  Grant grant = TRY(read_grant(r));
  TRY(r.finish());
  return grant;
}

}  // namespace writ::permit
