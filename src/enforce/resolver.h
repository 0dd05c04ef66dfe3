// The resolver of a run: what granted names lead to, and what was handed out (DESIGN §8.1 "Names").
//
// It holds a datagram socket of the run's own network, at 127.0.0.1:53, where /etc/resolv.conf of
// the run points. A name that the plan grants is looked up by the host, as every program of the
// governor's account does (getaddrinfo: its hosts file, its resolvers); all others are REFUSED, and
// of a query nothing but a granted name ever leaves. `localhost` and the run's own host name are
// the run's loopback. What an address was handed out for is remembered for a while (kFresh), so
// that a connection there can be asked about by name.
//
// Addresses are handed out as they are found: which of them a name opens is the verdict's to say.
//
// Hostile: every query, and how many. Bounds: kMostAsked queries wait at once, kMostNames answers
// and kMostAddresses addresses are remembered, kLookups threads look up at once; beyond, SERVFAIL.
// A name granted as `*.name` carries what stands for the `*` to the servers of that name. Thread
// safety: one thread, but for host_of and the lookups. Those cannot be stopped: their threads
// outlive a Resolver, hold nothing of it, and end with their lookup.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/ip_address.h"
#include "dns/message.h"
#include "enforce/net_reach.h"

namespace writ::enforce {

inline constexpr std::size_t kMostAsked = 256;
inline constexpr std::size_t kMostNames = 1024;
inline constexpr std::size_t kMostAddresses = 4096;
inline constexpr std::size_t kMostNamesOfAddress = 8;
inline constexpr unsigned kLookups = 4;
inline constexpr std::uint32_t kTtlSeconds = 60;
inline constexpr std::int64_t kFreshSeconds = 15 * 60;

struct Found {
  dns::Code code = dns::Code::Failed;
  std::vector<IpAddress> addresses;
};
using Lookup = std::function<Found(const std::string& name)>;
// look_up asks the host's resolvers; it may take as long as they do.
Found look_up(const std::string& name);

class Resolver {
 public:
  // create: `rules` and `clock` must outlive it; `hostname` is the run's own.
  static Result<std::unique_ptr<Resolver>> create(const NetRules& rules, UniqueFd socket,
                                                  const Clock& clock, std::string hostname,
                                                  Lookup lookup = look_up);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Poll both for reading: queries, and lookups that are over.
  FdRef queries() const { return socket_.borrow(); }
  FdRef lookups() const;
  // serve takes what waits at either, without waiting.
  void serve();

  // host_of is the name that `address` was handed out for, not too long ago: one that the plan
  // grants with this port if there is one. Empty: none. Any thread.
  std::string host_of(const IpAddress& address, std::uint16_t port,
                      Protocol protocol = Protocol::Tcp) const;

 private:
  struct Shared;
  struct Asked {
    sockaddr_in from{};
    dns::Query query;
  };
  struct Known {
    Found found;
    std::int64_t until = 0;
  };
  struct Handed {
    std::string name;
    std::int64_t until = 0;
  };
  Resolver(const NetRules& rules, UniqueFd socket, const Clock& clock, std::string hostname,
           std::shared_ptr<Shared> shared);
  void take(Bytes message, const sockaddr_in& from);
  bool look_for(Asked asked);
  void finish(const std::string& name, Found found);
  void reply(const Asked& asked, const Found& found);
  bool hand_out(const std::string& name, const IpAddress& address);
  void send(const sockaddr_in& to, Bytes message) const;

  const NetRules& rules_;
  UniqueFd socket_;
  const Clock& clock_;
  const std::string hostname_;
  std::shared_ptr<Shared> shared_;                     // with the lookups' threads
  std::map<std::string, std::vector<Asked>> waiting_;  // by name
  std::size_t asked_ = 0;                              // in waiting_
  std::map<std::string, Known> known_;
  mutable std::mutex mutex_;                         // handed_
  std::map<IpAddress, std::vector<Handed>> handed_;  // the newest last
};

}  // namespace writ::enforce
