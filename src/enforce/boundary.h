// The boundary: namespaces, mounts, Landlock, seccomp and limits of one run, built by its init.
//
// build() makes the run's init as a direct child of the calling thread (which must live as long
// as the run: init dies with it), executes the embedded static init program from a sealed copy in
// fresh user, mount, pid, ipc, uts, cgroup and network namespaces, and sends it the plan over the
// lifeline, a SEQPACKET socket and the only descriptor it inherits beside its streams. Init builds
// the root, starts the first task, which installs the filter, sends the listener and waits at
// its execve; then build() returns. Nothing of the run has executed at that point.
//
// Errors: Unsupported or Denied with what could not be built and why; everything made so far is
// gone when build() returns an Error.
// Thread safety: one boundary belongs to one thread.
// Not promised: protection against the account that runs the governor (docs/security-model.md).
#pragma once

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "enforce/namespaces.h"
#include "enforce/plan.h"
#include "enforce/probe.h"

namespace writ::enforce {

// The run's standard streams: the ends that the run gets (fresh pipes; DESIGN §8.1 "Streams").
struct RunStreams {
  UniqueFd in;
  UniqueFd out;
  UniqueFd error;
};

// Where a run's datagrams to a granted UDP port arrive, whatever their address (datagram_relay.h).
struct DatagramPort {
  std::uint16_t port = 0;
  UniqueFd v4;
  UniqueFd v6;  // none: this kernel has no IPv6
};

struct Boundary {
  RunId run;            // of the plan that it was built from
  pid_t init = 0;       // in the governor's pid namespace
  UniqueFd init_pidfd;  // kill this: the kernel ends the whole pid namespace
  UniqueFd lifeline;    // SEQPACKET; closing it makes init exit
  UniqueFd listener;    // seccomp user notification; the only copy
  UniqueFd resolver;    // where the run asks for names (resolver.h); none: the plan has none
  UniqueFd diagnosis;   // sock_diag(7) of the run's network (net_local.h); none: not on this kernel
  UniqueFd inquiry;     // where the run asks its governor, with Plan::inquiry
  UniqueFd terminal;    // the master side of the run's own, with Plan::terminal
  std::vector<DatagramPort> datagrams;  // of the granted UDP ports
};

// A run's init before there is a plan: in its namespaces, with its /proc, waiting. Destroying it
// ends init; nothing else has run.
class Prepared {
 public:
  Prepared(Child child, UniqueFd lifeline, const Identity& identity);
  Prepared(Prepared&&) noexcept;
  Prepared& operator=(Prepared&&) = delete;
  ~Prepared();
  // What this init was found to be carried by; the mechanisms that concern no run are not tried
  // (cgroups), and there is no list for people: probe() has both.
  Capabilities kernel;

 private:
  friend Result<Prepared> prepare(const Identity& identity, RunStreams& streams);
  friend Result<Boundary> build(const Plan& plan, Prepared prepared, const Capabilities& kernel);
  std::optional<Child> child_;
  UniqueFd lifeline_;
  UniqueFd diagnosis_;
  Identity identity_;
};

// prepare makes init and tries, in it and here, all that a run needs. Errors: whatever failed
// first.
Result<Prepared> prepare(const Identity& identity, RunStreams& streams);
// build makes the boundary of `plan` around a prepared init of the same identity, as `kernel` says.
Result<Boundary> build(const Plan& plan, Prepared prepared, const Capabilities& kernel);

// build blocks until the first task waits at the gate, a few milliseconds.
Result<Boundary> build(const Plan& plan, RunStreams streams, const Capabilities& kernel);

// end_boundary kills init, and with it every process of the run, and reaps it.
void end_boundary(const Boundary& boundary);

// Over the lifeline, governor to init: a heartbeat (init exits after three missed intervals,
// counted from the first), and freeze and thaw of every process of the run, and resume of the first
// task's process group. Init to governor: the first task's exit status once it is known (the status
// word of waitpid), before init exits; and, in a run with a terminal, each time that the first task
// was stopped.
enum class LifelineMessage : std::uint8_t {
  Heartbeat = 1,
  Freeze = 2,
  Thaw = 3,
  FirstExit = 4,
  Resume = 5,
  FirstStopped = 6,
};
Result<void> send(const Boundary& boundary, LifelineMessage message);

struct FirstExit {
  bool stopped = false;  // not ended: the rest says nothing
  int wait_status = 0;   // as waitpid gives it
  int exec_error = 0;    // the first program was never started: errno of its execve
};
// receive_first_exit reads without blocking: NotFound: nothing yet; Unavailable: init is gone.
Result<FirstExit> receive_first_exit(const Boundary& boundary);

}  // namespace writ::enforce
