// The plan: everything that the boundary of one run needs to know, and nothing of why.
//
// The governor compiles an admission into a Plan for this kernel; `enforce/` builds and keeps the
// boundary from it (DESIGN §8.1). A plan names files by the identity they had when it was
// compiled; the builder opens each without following symlinks and refuses any other identity.
// Its deterministic CBOR form (version 0) is what the digest covers; init receives the steps that
// layout.h makes of it.
//
// Trusted: a plan comes from the governor only. decode() is total all the same.
// Sizes: bytes; times: milliseconds. Thread safety: value.
// Not promised: that a plan can be carried by this kernel; check it against Capabilities first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace writ::enforce {

// How a path of the host appears in the run. A path keeps its name: /usr/lib is /usr/lib inside.
enum class MountKind : std::uint8_t {
  Read = 0,      // data, tree or file: read-only, noexec
  Write = 1,     // tree or file: writable, noexec, nosuid, nodev
  Program = 2,   // one file: read-only, executable
  Load = 3,      // library file or system tree: read-only, mappable executable
  Produced = 4,  // subtree of a write tree: writable and executable
};

struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend auto operator<=>(const FileIdentity&, const FileIdentity&) = default;
};

struct Mount {
  std::string path;  // absolute, resolved, normal (no "." or ".." or doubled slash)
  MountKind kind = MountKind::Read;
  bool directory = false;
  FileIdentity identity;
};

// A symlink that must exist in the run: /bin -> usr/bin, /usr/bin/cc -> gcc.
struct Link {
  std::string path;
  std::string target;
};

struct Limits {
  std::optional<std::uint64_t> wall_ms;
  std::optional<std::uint64_t> cpu_ms;
  std::optional<std::uint64_t> process_memory;  // RLIMIT_AS of each process
  std::uint64_t tasks = 1024;                   // processes and threads of the run, init included
  std::uint64_t execs = 1'000'000;              // released execs
  std::uint64_t gate_events = 1'000'000;        // asked, whatever the answer
};

// What of the network a run reaches beyond its own loopback. `host` is a lower-case name, `*.name`
// or a CIDR (a path for Unix).
enum class Protocol : std::uint8_t { Tcp = 0, Udp = 1, Unix = 2 };

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

struct Endpoint {
  Protocol protocol = Protocol::Tcp;
  std::string host;
  std::vector<PortRange> ports;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Who the run is on the host. Never uid 0 (DESIGN §8.1, "As root").
struct Identity {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool idmap = false;  // the governor is root: write trees are mounted with owners translated
  std::uint32_t owner_uid = 0;  // with idmap: on-disk owner that the run's uid stands for
  std::uint32_t owner_gid = 0;
};

// Which of the run's standard streams are a pseudo-terminal of its own. The others are pipes.
enum class Terminal : std::uint8_t {
  None = 0,
  InputAndOutput = 1,  // standard error goes elsewhere
  All = 2,
};

inline constexpr const char* kInquirySocket = "/dev/writ";

struct Plan {
  RunId run;
  std::string hostname = "run";
  Identity identity;
  std::vector<Mount> mounts;
  std::vector<Link> links;
  // Reserved paths (P13): covered, empty and unwritable. One that lies in a mounted tree must
  // exist.
  std::vector<std::string> covers;
  bool jit = false;  // W^X is off for the whole run
  Limits limits;
  // Where the run connects to, and where it serves. Both empty: nothing but its own loopback.
  std::vector<Endpoint> connect;
  std::vector<Endpoint> listen;
  // Where a file leads the run's programs to its resolver (resolver.h); empty: names lead nowhere.
  std::string resolv_conf;
  // The run may ask its governor (governor/inquiry.h): a socket of its own lies at kInquirySocket.
  bool inquiry = false;
  // The first program.
  std::string program;  // absolute path inside the run
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // NAME=value
  std::string directory;                 // working directory
  Terminal terminal = Terminal::None;
  // Which mechanism carries each promise here ("landlock:7", "w^x:mdwe", …): for the records.
  std::vector<std::string> mechanisms;

  // outward: sockets of the host come into the run (net_gate.h).
  bool outward() const { return !connect.empty() || !listen.empty(); }
};

// encode is deterministic CBOR; decode reads exactly that (Malformed otherwise).
ByteVec encode(const Plan& plan);
Result<Plan> decode_plan(Bytes bytes);

// digest is SHA-256 of encode(plan).
Digest32 digest(const Plan& plan);

}  // namespace writ::enforce
