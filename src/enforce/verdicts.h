// Verdicts: what the gates ask while a run lives. `enforce/` declares it, `governor/` answers.
//
// The exec gate (DESIGN §8.1, enforcement-facts §4) asks twice. `before` is a courtesy: it sees
// what the caller's memory said, which the caller can still change, and its only weight is to
// answer early with an errno; refusals are recorded there. `at_stop` is the check that counts: the
// new image exists, has executed nothing, and every fact comes from the kernel's own copy. What it
// releases has been written to the ledger when it returns.
//
// The net gate asks once, with an address that it has copied and will itself connect to or bind:
// what `connect` and `listen` release has been written when they return.
//
// Hostile: every string in ExecAttempt and ExecImage is chosen by the run. Sizes are bounded by
// the kernel (argv + environment ≤ 6 MiB) and by the reader (path ≤ 4096).
// Thread safety: called from several threads at once; implementations lock for themselves.
// An Error, from either, means: deny; from at_stop: end the run.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/ip_address.h"
#include "base/reason.h"
#include "base/result.h"
#include "enforce/plan.h"

namespace writ::enforce {

// A process of the run, as the governor sees it.
struct Caller {
  Pid process;  // thread group leader
  std::int32_t thread = 0;
  // The process whose last exec is this one's cause, nearest first: itself, then its ancestors.
  std::vector<Pid> ancestry;
};

// A script that stands between the kernel and the interpreter: "#!interpreter [argument]".
struct Script {
  std::string path;  // as the interpreter will open it, resolved in the run
  Digest32 digest;
  FileIdentity identity;
};

// A file as it looks from outside: device, inode, size, mtime and ctime. What changes it changes
// these, most often; good enough for an early answer, never for a proof.
using FileLook = std::array<std::int64_t, 7>;
inline FileLook look_of(const struct stat& info) {
  return {static_cast<std::int64_t>(info.st_dev),
          static_cast<std::int64_t>(info.st_ino),
          info.st_size,
          info.st_mtim.tv_sec,
          info.st_mtim.tv_nsec,
          info.st_ctim.tv_sec,
          info.st_ctim.tv_nsec};
}

// What the caller asked for, read from its memory: unproven.
struct ExecAttempt {
  Caller caller;
  std::string asked;      // the path string as given
  std::string resolved;   // resolved as the caller would, absolute in the run; empty: see `failed`
  int failed = 0;         // why it could not be resolved (ENOENT, …); 0 when it could
  FileIdentity identity;  // of the resolved file
  FileLook look{};        // of it too
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::string directory;
};

// What the kernel has loaded and not yet started: proven.
struct ExecImage {
  Caller caller;        // process as it is after the exec (thread = process)
  std::string program;  // path of the executable inside the run (the interpreter of a script)
  Digest32 digest;      // of its bytes, taken at the stop
  FileIdentity identity;
  bool executable_stack = false;         // it asks for one (executable_stack.h)
  std::vector<Script> scripts;           // outermost first; empty for a plain program
  std::vector<std::string> argv;         // from the new memory
  std::vector<std::string> environment;  // from the new memory
  std::string directory;
  bool first = false;  // the run's first program
};

// go: let it through to the stop. Otherwise the caller gets `error`: the true errno for what the
// kernel would have refused anyway, EACCES for a refusal. `before` is asked about unresolved paths
// too: a program that exists on the host but not in the run is a refusal worth a record, although
// the caller learns no more than ENOENT; a shell's walk through PATH is none.
struct Courtesy {
  bool go = false;
  int error = 0;
  bool recorded = false;  // a refusal is in the ledger: counts as `refused`, otherwise as `failed`
};

// released: recorded, may start. Otherwise the run ends as a violation for `reason`.
struct StopVerdict {
  bool released = false;
  Reason reason = Reason::ChangedDuringExec;
};

// A connection out of the run, or a flow of datagrams: proven, as the gate makes it.
struct ConnectAttempt {
  Caller caller;  // of UDP none: no kernel fact names who sent a datagram (docs/decisions/0015)
  Protocol protocol = Protocol::Tcp;
  IpAddress address;  // plain
  std::uint16_t port = 0;
  std::string host;  // the granted name that the run's resolver had this address for; or empty
  std::string path;  // Unix: of the socket's file, instead of address and port
};

// A port of the host taken to serve there: proven, as the gate binds it. More than one address: a
// socket of both families; all or none.
struct ListenAttempt {
  Caller caller;
  std::vector<IpAddress> addresses;  // plain
  std::uint16_t port = 0;            // 0: any, as the kernel likes
};

// Gate totals (DESIGN §9 "Completeness").
struct GateCounts {
  std::uint64_t asked = 0;     // notifications taken
  std::uint64_t refused = 0;   // answered with a recorded refusal
  std::uint64_t failed = 0;    // errno answered, or the exec failed after continue
  std::uint64_t vanished = 0;  // the caller was gone before the outcome
  std::uint64_t violated = 0;  // ended the run at the stop
  std::uint64_t released = 0;  // recorded and started
  std::uint64_t exec_stops = 0;
};

class Verdicts {
 public:
  virtual ~Verdicts() = default;
  virtual Result<Courtesy> before(const ExecAttempt& attempt) = 0;
  virtual Result<StopVerdict> at_stop(const ExecImage& image) = 0;
  // connect: true when it was recorded and may be made, false when the refusal was recorded.
  virtual Result<bool> connect(const ConnectAttempt&) { return false; }
  // listen: the same for a port of the host and whoever connects to it from then on.
  virtual Result<bool> listen(const ListenAttempt&) { return false; }

  // The exec gate's questions where only a yes is wanted, and only one that waits for nobody: no
  // file is looked at, no lock of another process waited for, nothing synced. Called from the loop;
  // nothing means: ask at length, on a worker. A yes of at_stop_at_once has been recorded.
  virtual std::optional<Courtesy> before_at_once(const ExecAttempt&) { return std::nullopt; }
  virtual std::optional<StopVerdict> at_stop_at_once(const ExecImage&) { return std::nullopt; }
};

}  // namespace writ::enforce
