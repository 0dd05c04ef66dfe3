// The datagram relay: granted UDP of a run (DESIGN §8.1 "Datagrams", docs/decisions/0015).
//
// A run's datagram sockets never leave its own network: no call on them is gated, since there is no
// way out. Where its plan grants UDP, every address is local in that network, and the relay holds a
// socket at each granted port (made by init before the run's first program). What the run sends to
// any address at such a port arrives there, and the kernel tells which address that was: nothing to
// race, no packet to parse.
//
// A flow is one client (address and port in the run) and one destination. Its first datagram is
// asked about, by the name that had led there or by address, and recorded; then a socket of the
// host, connected to that destination and so hearing nobody else, takes this and what follows, and
// what it hears goes back as coming from there. A flow that rests for kIdleSeconds ends; a later
// datagram begins, and records, a new one.
//
//   relay = TRY(DatagramRelay::create(rules, verdicts, clock, std::move(boundary.datagrams), …));
//
// Datagrams are dropped, as networks do: those that are refused, truncated or for the run's own
// loopback, and those that either side has no room for. Nothing is queued here; what waits (for an
// answer, or while the run is frozen) waits in the kernel's buffers. That nobody answers at a
// destination is silence.
//
// Hostile: every datagram of the run and of the servers, their source, number and size. Bounds:
// kMostFlows (the longest at rest makes room once it rests for kRestSeconds; before, new ones are
// dropped), kMostRefusals remembered, kAtOnce datagrams of one socket before others have their
// turn. Each question takes one of the run's gate events. The relay has a thread of its own, so
// that a flood delays datagrams and no gate.
// Thread safety: hold and stop from one thread. The destructor stops.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "enforce/boundary.h"
#include "enforce/net_reach.h"
#include "enforce/verdicts.h"

namespace writ::enforce {

inline constexpr std::size_t kMostFlows = 256;
inline constexpr std::size_t kMostRefusals = 256;
inline constexpr std::size_t kLongestDatagram = 65535;
inline constexpr int kAtOnce = 32;
inline constexpr std::int64_t kIdleSeconds = 120;
inline constexpr std::int64_t kRestSeconds = 1;
inline constexpr std::int64_t kRefusedSeconds = 10;  // that an answer of no stands

class DatagramRelay {
 public:
  // The name that an address was handed out for, or "" (Resolver::host_of).
  using HostOf = std::function<std::string(const IpAddress&, std::uint16_t)>;
  // Takes one gate event; false: there is none left, and the run is ending.
  using Spend = std::function<bool()>;

  // create starts the thread. The references, and what the functions use, must outlive it.
  static Result<std::unique_ptr<DatagramRelay>> create(const NetRules& rules, Verdicts& verdicts,
                                                       const Clock& clock,
                                                       std::vector<DatagramPort> ports,
                                                       HostOf host_of, Spend spend);
  ~DatagramRelay();
  DatagramRelay(const DatagramRelay&) = delete;
  DatagramRelay& operator=(const DatagramRelay&) = delete;

  // While held, nothing is taken in either direction; what is being relayed now is the last.
  void hold(bool held);
  // stop ends the thread: nothing more is relayed and no verdict asked.
  void stop();

 private:
  struct Place {  // one side of a flow, as the kernel says it
    IpAddress address;
    std::uint16_t port = 0;
    std::uint32_t scope = 0;  // of an IPv6 client
    friend std::strong_ordering operator<=>(const Place&, const Place&) = default;
  };
  struct Key {
    Place client;
    Place to;
    friend std::strong_ordering operator<=>(const Key&, const Key&) = default;
  };
  struct Flow {
    Key key;
    UniqueFd socket;          // of the host, connected
    FdRef port{-1};           // the run's side
    std::int64_t active = 0;  // boot time, nanoseconds, of the last datagram either way
  };
  using Refused = std::tuple<IpAddress, std::uint16_t, std::string>;

  DatagramRelay(const NetRules& rules, Verdicts& verdicts, const Clock& clock,
                std::vector<DatagramPort> ports, HostOf host_of, Spend spend, UniqueFd event,
                UniqueFd watch);
  Result<void> watch(FdRef socket, std::uint64_t id) const;
  void work();
  void wait_while_held();
  bool may_go() const { return !held_ && !stop_; }
  void serve(int timeout);
  void take(FdRef port, std::uint16_t number);
  void forward(const Key& key, FdRef port, Bytes datagram);
  Flow* open(const Key& key, FdRef port);
  bool make_room();
  bool released(const Refused& asked);
  void refuse(const Refused& asked);
  void bring_back(Flow& flow);
  bool is_over(const Flow& flow) const;
  void end_idle();
  void ring() const;

  const NetRules& rules_;
  Verdicts& verdicts_;
  const Clock& clock_;
  const std::vector<DatagramPort> ports_;
  const HostOf host_of_;
  const Spend spend_;
  const UniqueFd event_;
  const UniqueFd watch_;  // epoll
  // The thread's own.
  std::vector<std::byte> room_;
  std::uint64_t next_id_;
  std::map<std::uint64_t, Flow> flows_;  // by id, never used twice
  std::map<Key, std::uint64_t> by_key_;
  std::map<Refused, std::int64_t> refused_;  // until, boot time

  std::atomic<bool> held_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace writ::enforce
