// The request: what a person writes in TOML to have a permit issued (DESIGN §6).
//
// parse_request reads one request or one named set (`sets/NAME.toml`: the same text with the parts
// that a set may have). Nothing is looked up: paths stay as written, digests may be absent, sets
// are names. The governor resolves, hashes, merges and builds the Grant; apply_set is the merge.
//
//   Request request = TRY(parse_request(text, "job.toml"));
//   for (const std::string& name : request.sets)
//     apply_set(request, TRY(parse_set(TRY(read set), name)));
//
// The text may be a stranger's: base/config_text.h has the bounds. Every error names
// FILE:LINE:COLUMN. An unknown key is an error. Thread safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "permit/grant.h"

namespace writ::permit {

// A path as written: absolute, relative to the request's directory, or "~/…" (the issuer's home).
// A path that names several may use `*` and `?` in components (sets only): see `glob`.
struct WantedPath {
  std::string path;
  std::string at;                  // FILE:LINE:COLUMN, for messages
  bool optional = false;           // absent on this machine: left out, not an error
  bool glob = false;               // holds `*` or `?`: each path that fits, or none when optional
  std::optional<Digest32> digest;  // absent: taken when issued
  friend bool operator==(const WantedPath&, const WantedPath&) = default;
};

struct WantedExec {
  std::string at;
  WantedPath program;  // named; for produced: the tree
  bool produced = false;
  std::vector<Pattern> args;  // {under:DIR} as written, not anchored
  std::vector<std::string> argv0;
  std::optional<std::vector<EnvEntry>> env;
  std::optional<WantedPath> script;
  std::vector<WantedPath> cwd;
  friend bool operator==(const WantedExec&, const WantedExec&) = default;
};

struct Request {
  std::string file;  // as messages call it
  std::string subject;
  std::vector<std::string> audience;
  std::uint64_t ttl_ms = 0;
  std::vector<std::string> sets;
  std::vector<WantedExec> exec;
  std::vector<EnvEntry> env;      // for every rule
  std::vector<WantedPath> load;   // [files] load: libraries and system trees
  std::vector<WantedPath> read;   // [files] read
  std::vector<WantedPath> write;  // [files] write
  std::vector<Endpoint> connect;
  std::vector<Endpoint> listen;
  std::vector<NamePair> tools;
  std::vector<NamePair> models;
  Limits limits;
  std::vector<Feature> features;
  std::vector<ApproveRule> approve;
  std::uint32_t delegate_depth = 0;
  std::string when;
  bool this_host = false;        // host = "this"
  std::optional<LedgerId> host;  // host = "64 hex digits"
  bool pin_policy = false;       // policy = "pin": to the bundle in force
  std::optional<std::uint64_t> uses;
  friend bool operator==(const Request&, const Request&) = default;
};

// parse_request reads a request. `subject`, `audience` and `ttl` are required.
Result<Request> parse_request(std::string_view text, std::string_view file);

// A named set: exec, env, files and limits only, and a sentence that says what it is for.
struct NamedSet {
  std::string name;
  std::string about;
  Request part;  // nothing set but the parts above
};

// parse_set reads a set file. A set names no subject, no net, no write tree, nothing produced.
Result<NamedSet> parse_set(std::string_view text, std::string_view name, std::string_view file);

// apply_set adds the set's rules behind the request's own; where both give a limit, the request's
// stays. Nothing is removed.
void apply_set(Request& request, const NamedSet& set);

// check_set_name succeeds for [a-z0-9][a-z0-9._-]{0,63}: a set's name becomes a file name.
Result<void> check_set_name(std::string_view name);

}  // namespace writ::permit
