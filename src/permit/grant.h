// The grant: what a permit allows (DESIGN §6). Every part is optional and absent means nothing.
//
// A grant stands alone: paths are normal and resolved, digests are filled in, named sets are
// expanded. It is inside the signed permit, so whoever signs chooses it; decode() is total and
// bounded all the same. Wire form: docs/formats/permit.md and permit.cddl, deterministic CBOR.
//
//   Grant grant = TRY(decode_grant(bytes));
//   for (const std::string& line : print(grant)) …
//
// Sizes: times in milliseconds, memory and `bytes` in bytes, everything else counts.
// Errors: Malformed names the field. Thread safety: values.
// Not promised: that this kernel can carry the grant (enforce/plan.h), nor that it makes sense to
// the programs in it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/reason.h"
#include "base/result.h"
#include "permit/env.h"
#include "permit/path.h"
#include "permit/pattern.h"

namespace writ::cbor {
class Reader;
}

namespace writ::permit {

inline constexpr std::size_t kMaxExecRules = 1024;
inline constexpr std::size_t kMaxPlaces = 8192;  // of each of read, write, load files, load trees
inline constexpr std::size_t kMaxLinks = 64;     // of one place
inline constexpr std::size_t kMaxEndpoints = 1024;
inline constexpr std::size_t kMaxSmallList = 256;  // argv0, cwd, ports, tools, models, approvals
inline constexpr std::size_t kMaxName = 255;       // bytes of a name
inline constexpr std::size_t kMaxGrantPatterns = 16'384;  // argument patterns of all rules
inline constexpr std::uint32_t kMaxDelegation = 64;

// A file or tree of the host. `path` is resolved; `links` are the symlinks it was named by, which
// will exist in the run too ({/usr/bin/cc → gcc}, {/bin → usr/bin}).
struct Place {
  std::string path;
  std::vector<Link> links;
  bool tree = false;               // a directory and all below it; otherwise one file
  std::optional<Digest32> digest;  // of a file's contents
  friend bool operator==(const Place&, const Place&) = default;
};

struct Script {
  Place file;  // always with a digest, never a tree
  friend bool operator==(const Script&, const Script&) = default;
};

enum class ExecKind : std::uint8_t {
  Named = 0,     // one program: program.path + program.digest
  Produced = 1,  // any program or script below program.path, which lies in a write tree
  Any = 2,       // any program below program.path ("/": every program): ceilings only
};

struct ExecRule {
  ExecKind kind = ExecKind::Named;
  std::string name;  // as the request named it, made absolute: what argv[0] is held against
  Place program;     // Produced and Any: a tree
  // Without a script: the arguments after argv[0]. With one: those after the script's path.
  // Empty: no arguments.
  std::vector<Pattern> args;
  std::vector<std::string> argv0;            // accepted beside the name (see permit/match.h)
  std::optional<std::vector<EnvEntry>> env;  // absent: default_env(). Grant::env comes on top
  std::optional<Script> script;
  std::vector<std::string> cwd;  // trees the working directory must lie in; empty: any
  friend bool operator==(const ExecRule&, const ExecRule&) = default;
};

enum class Protocol : std::uint8_t { Tcp = 0, Udp = 1, Unix = 2 };

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  friend std::strong_ordering operator<=>(const PortRange&, const PortRange&) = default;
};

// One endpoint rule. Tcp and Udp: `host` is a lower-case name, `*.name`, or a CIDR in its shortest
// form ("192.0.2.0/24", "2001:db8::/32"), ports not empty. Unix: `host` is a normal path.
struct Endpoint {
  Protocol protocol = Protocol::Tcp;
  std::string host;
  std::vector<PortRange> ports;
  friend std::strong_ordering operator<=>(const Endpoint&, const Endpoint&) = default;
};

// A pair of patterns: MCP server and tool, or inference endpoint and model.
struct NamePair {
  Pattern where;
  Pattern what;
  friend bool operator==(const NamePair&, const NamePair&) = default;
};

struct Limits {
  std::optional<std::uint64_t> wall_ms, cpu_ms, memory, process_memory, tasks, execs, events, bytes;
  friend bool operator==(const Limits&, const Limits&) = default;
};

enum class Feature : std::uint8_t { Jit = 0, Ptrace = 1, Userns = 2, IoUring = 3 };
// feature_name is "jit", "ptrace", "userns" or "io_uring".
std::string_view feature_name(Feature feature);
std::optional<Feature> find_feature(std::string_view name);

// Actions that wait for `need` of `by` before they happen.
struct ApproveRule {
  std::string action;                        // "exec" "connect" "listen" "delegate" "call" "infer"
  std::optional<std::string> target;         // program path, host or tool; absent: every one
  std::optional<std::vector<Pattern>> args;  // exec only
  std::uint32_t need = 1;
  std::vector<std::string> by;  // names of approvers, at least `need`
  std::uint64_t timeout_ms = 0;
  friend bool operator==(const ApproveRule&, const ApproveRule&) = default;
};

struct Grant {
  std::vector<ExecRule> exec;
  std::vector<EnvEntry> env;  // for every exec rule, beside its own: what named sets add
  std::vector<Place> load;    // mappable executable: files with digests, or system trees
  std::vector<Place> read;
  std::vector<Place> write;
  std::vector<Endpoint> connect;
  std::vector<Endpoint> listen;
  std::vector<NamePair> tools;
  std::vector<NamePair> models;
  Limits limits;
  std::vector<Feature> features;  // ascending, each once
  std::vector<ApproveRule> approve;
  std::uint32_t delegate_depth = 0;
  friend bool operator==(const Grant&, const Grant&) = default;
};

bool has_feature(const Grant& grant, Feature feature);

// check_grant says what is wrong with a grant as a value: bounds, normal paths, anchored patterns,
// names that do not lead to their file, a produced tree outside every write tree … encode and
// decode both use it. It looks at no file.
Result<void> check_grant(const Grant& grant);
// encode writes the wire form; the check_grant error for a grant that breaks a rule.
Result<ByteVec> encode_grant(const Grant& grant);
// decode_grant reads exactly what encode_grant writes; Malformed otherwise.
Result<Grant> decode_grant(Bytes bytes);
// read_grant is the same in the midst of other items.
Result<Grant> read_grant(cbor::Reader& reader);

// env_of is everything rule `rule` lets through: its own or the default entries, and Grant::env.
std::vector<EnvEntry> env_of(const Grant& grant, const ExecRule& rule);

// print is for people: one fact a line, indented, "runs what it builds under build/".
std::vector<std::string> print(const Grant& grant);
// summary is one line: "9 programs, runs what it builds under build/, net: a.example:443".
std::string summary(const Grant& grant);

// A ceiling bounds what an authority may issue.
struct Ceiling {
  bool anything = false;  // what `writ init` gives the owner of the machine
  Grant bound;            // otherwise
  friend bool operator==(const Ceiling&, const Ceiling&) = default;
};
// A limit that the ceiling gives, the grant must give too. A read may lie in a write tree. A rule
// with a script fits under the same script, or under a rule that takes any arguments.
// above is the denial (above_ceiling) when `grant` allows something that `ceiling` does not:
// it names the part. Sound: what passes lies within; limits absent in the ceiling do not bound.
std::optional<Denial> above(const Grant& grant, const Ceiling& ceiling);

}  // namespace writ::permit
