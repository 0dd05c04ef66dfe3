// The net gate: connect of every run, bind and listen of one whose plan grants endpoints (DESIGN
// §8.1).
//
// One thread of its own takes these notifications from the loop, does what the table of net_reach.h
// says and answers. The gate makes the calls itself, on what it has captured, with the address that
// it has copied once; the one call that it lets through is named there. A caller that blocks waits
// in its notification while the gate waits for the socket; a caller that does not gets its
// connecting socket at once and EINPROGRESS. A server's port is taken, asked about and recorded at
// its bind, under the run's own ids: what they may not bind (ports below 1024), no grant opens.
//
// A Unix socket at a path is looked up as the caller would. The run's own is connected to, whatever
// else lies there is asked about by its path and recorded first. A granted path that the run's root
// does not show is the host's, followed through no link. Both are connected under the run's own ids
// (the server sees them, with the governor's process) and by the file that was looked at.
//
// The gate also serves the run's names (resolver.h) and its datagrams (datagram_relay.h, in a
// thread of its own), where the plan grants such.
//
//   NetGate gate = TRY(NetGate::create(plan, verdicts, listener, inspector, …));
//   gate.take(notification);            // the loop, for each that is no exec
//
// A caller with a send timeout (SO_SNDTIMEO) that blocks gets EINPROGRESS when it is over, as ever.
// Held (the run is frozen): nothing is taken and nothing answered.
// Hostile: every argument. Bounds: connections that callers wait for at once, kMostWaiting
// (EAGAIN). Not covered: a handler of a signal runs only after the connect that its thread waits
// in. Thread safety: take, hold and stop belong to the loop's thread. The destructor stops.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "enforce/datagram_relay.h"
#include "enforce/inspect.h"
#include "enforce/net_reach.h"
#include "enforce/net_socket.h"
#include "enforce/notify.h"
#include "enforce/resolver.h"
#include "enforce/verdicts.h"

namespace writ::enforce {

inline constexpr std::size_t kMostWaiting = 512;

// Sockets of the run's network that the gate serves, of the boundary; none where the plan has none.
struct ServedSockets {
  UniqueFd resolver;
  std::vector<DatagramPort> datagrams;
};

class NetGate {
 public:
  // create starts the thread. Its references must outlive it. `diagnosis` is the boundary's (or
  // none: then no Unix socket at a path is the run's own); `no_tcp`: Landlock denies the run TCP.
  // `spend` is the relay's, for each flow.
  static Result<std::unique_ptr<NetGate>> create(const Plan& plan, Verdicts& verdicts,
                                                 Listener& listener, Inspector& inspector,
                                                 const Clock& clock, FdRef diagnosis, bool no_tcp,
                                                 ServedSockets served, DatagramRelay::Spend spend);
  ~NetGate();
  NetGate(const NetGate&) = delete;
  NetGate& operator=(const NetGate&) = delete;

  void take(const Notification& notification);
  void hold(bool held);
  // stop ends the thread: what waits is not answered, no verdict is asked any more.
  void stop();

 private:
  // A caller that blocks in a connect under way.
  struct Waiting {
    Notification asked;
    pid_t group = 0;
    int number = -1;
    CapturedSocket socket;
    UniqueFd late;  // none: the run's own socket is being connected
    ByteVec to;
    UniqueFd file;       // of the Unix socket that `to` names
    bool again = false;  // a Unix socket: its queue is full, and nothing tells when it is not
    std::optional<std::int64_t> deadline;  // boot time, nanoseconds: its send timeout
  };

  NetGate(NetRules rules, const Plan& plan, std::uint64_t outside, Verdicts& verdicts,
          Listener& listener, Inspector& inspector, const Clock& clock, FdRef diagnosis,
          bool no_tcp, UniqueFd event)
      : rules_(std::move(rules)),
        identity_(plan.identity),
        outside_(outside),
        diagnosis_(diagnosis),
        no_tcp_(no_tcp),
        verdicts_(verdicts),
        listener_(listener),
        inspector_(inspector),
        clock_(clock),
        event_(std::move(event)) {}

  void work();
  void wait_for_events();
  bool stopping();
  std::optional<Notification> next();
  void handle(const Notification& asked);
  // The errno of the call, 0 for success, or nothing when it is answered later or has been.
  std::optional<int> perform(const Notification& asked);
  std::optional<int> connect(const Notification& asked, CapturedSocket socket, const ByteVec& to);
  std::optional<int> bind_out(const Notification& asked, CapturedSocket socket, const ByteVec& to,
                              const Ask& target);
  std::optional<int> connect_here(const Notification& asked, CapturedSocket socket,
                                  const ByteVec& to);
  std::optional<int> connect_out(const Notification& asked, CapturedSocket socket,
                                 const ByteVec& to, const Ask& target);
  std::optional<int> connect_file(const Notification& asked, CapturedSocket socket,
                                  const std::string& path);
  std::optional<int> connect_local(const Notification& asked, CapturedSocket socket,
                                   const ByteVec& to, UniqueFd file);
  bool is_own(const FileIdentity& file) const;
  Result<bool> ask(const Notification& asked, ConnectAttempt attempt);
  template <class Call>
  int as_run(Call call) const;
  Waiting& wait_on(const Notification& asked, CapturedSocket socket, UniqueFd late,
                   const ByteVec& to);
  bool settle_again(Waiting& waiting);
  bool settle(Waiting& waiting, bool ready);
  void answer(const Notification& asked, int error);
  void ring();

  const NetRules rules_;
  const Identity identity_;
  const std::uint64_t outside_;  // cookie of the namespace that is not the run's
  const FdRef diagnosis_;
  const bool no_tcp_;
  Verdicts& verdicts_;
  Listener& listener_;
  Inspector& inspector_;
  const Clock& clock_;
  UniqueFd event_;
  std::unique_ptr<Resolver> resolver_;    // the thread's own; null: the plan names no host
  std::vector<Waiting> waiting_;          // too
  std::unique_ptr<DatagramRelay> relay_;  // null: the plan grants no UDP

  std::mutex mutex_;  // queue_, held_, stop_
  std::deque<Notification> queue_;
  bool held_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace writ::enforce
