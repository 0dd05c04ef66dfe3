// One epoll set: the event, the granted ports, the flows. Its ids: 0 the event, then two for each
// port, then the flows. An id is used once, so that an event of a flow that has just ended is
// nobody's.
#include "enforce/datagram_relay.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/local_socket.h"

namespace writ::enforce {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr int kSweepMillis = 1000;
constexpr int kMostReady = 64;  // sockets served in one turn

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&bytes); }
};

Address address_of(const IpAddress& ip, std::uint16_t port, std::uint32_t scope) {
  Address out;
  if (ip.v4) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    std::memcpy(&at.sin_addr, ip.bytes.data(), 4);
    std::memcpy(&out.bytes, &at, sizeof at);
    out.size = sizeof at;
  } else {
    sockaddr_in6 at{};
    at.sin6_family = AF_INET6;
    at.sin6_port = htons(port);
    at.sin6_scope_id = scope;
    std::memcpy(&at.sin6_addr, ip.bytes.data(), 16);
    std::memcpy(&out.bytes, &at, sizeof at);
    out.size = sizeof at;
  }
  return out;
}

IpAddress ip_of(const in_addr& from) {
  IpAddress out;
  out.v4 = true;
  std::memcpy(out.bytes.data(), &from, 4);
  return out;
}

IpAddress ip_of(const in6_addr& from) {
  IpAddress out;
  std::memcpy(out.bytes.data(), &from, 16);
  return out;
}

using Control = std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo))>;

// The address that a datagram was meant for.
std::optional<IpAddress> destination_of(msghdr& message) {
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(one), sizeof info);
      return ip_of(info.ipi_addr);
    }
    if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(one), sizeof info);
      return ip_of(info.ipi6_addr);
    }
  }
  return std::nullopt;
}

template <class Info>
void put_source(msghdr& message, int level, int type, const Info& info) {
  message.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* one = CMSG_FIRSTHDR(&message);
  one->cmsg_level = level;
  one->cmsg_type = type;
  one->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(one), &info, sizeof info);
}

// send_as sends to `to`, on a socket of the run's network, as coming from `source`.
void send_as(FdRef port, const IpAddress& source, Address to, Bytes datagram) {
  iovec data{const_cast<std::byte*>(datagram.data()), datagram.size()};  // NOLINT: only read
  alignas(cmsghdr) Control control{};
  msghdr message{};
  message.msg_name = to.get();
  message.msg_namelen = to.size;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (source.v4) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, source.bytes.data(), 4);
    put_source(message, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, source.bytes.data(), 16);
    put_source(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  (void)::sendmsg(port.number(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// send_on sends on a connected socket. What it has heard of an earlier datagram (that nobody was
// there) is said first, instead.
void send_on(FdRef socket, Bytes datagram) {
  for (int i = 0; i < 2; ++i) {
    const ssize_t sent =
        ::send(socket.number(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0 || errno == EAGAIN || errno == EMSGSIZE) return;
  }
}

Result<UniqueFd> connected(const IpAddress& to, std::uint16_t port) {
  UniqueFd socket = TRY(udp_socket(to.v4 ? AF_INET : AF_INET6));
  Address at = address_of(to, port, 0);
  if (::connect(socket.number(), at.get(), at.size) != 0) {
    return errno_error(errno, "connecting a datagram socket");
  }
  return socket;
}

}  // namespace

Result<std::unique_ptr<DatagramRelay>> DatagramRelay::create(const NetRules& rules,
                                                             Verdicts& verdicts, const Clock& clock,
                                                             std::vector<DatagramPort> ports,
                                                             HostOf host_of, Spend spend) {
  UniqueFd set = adopt_fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!set) return errno_error(errno, "making an epoll set");
  std::unique_ptr<DatagramRelay> relay(new DatagramRelay(rules, verdicts, clock, std::move(ports),
                                                         std::move(host_of), std::move(spend),
                                                         TRY(event_fd()), std::move(set)));
  TRY(relay->watch(relay->event_.borrow(), 0));
  for (std::size_t i = 0; i < relay->ports_.size(); ++i) {
    const DatagramPort& port = relay->ports_[i];
    TRY(relay->watch(port.v4.borrow(), 1 + 2 * i));
    if (port.v6) TRY(relay->watch(port.v6.borrow(), 2 + 2 * i));
  }
  // No signal is handled on this thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  relay->thread_ = std::thread([self = relay.get()] { self->work(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return relay;
}

DatagramRelay::DatagramRelay(const NetRules& rules, Verdicts& verdicts, const Clock& clock,
                             std::vector<DatagramPort> ports, HostOf host_of, Spend spend,
                             UniqueFd event, UniqueFd watch)
    : rules_(rules),
      verdicts_(verdicts),
      clock_(clock),
      ports_(std::move(ports)),
      host_of_(std::move(host_of)),
      spend_(std::move(spend)),
      event_(std::move(event)),
      watch_(std::move(watch)),
      room_(kLongestDatagram),
      next_id_(1 + 2 * ports_.size()) {}

DatagramRelay::~DatagramRelay() {
  stop();
}

void DatagramRelay::ring() const {
  const std::uint64_t one = 1;
  (void)!::write(event_.number(), &one, sizeof one);
}

void DatagramRelay::hold(bool held) {
  held_ = held;
  ring();
}

void DatagramRelay::stop() {
  stop_ = true;
  ring();
  if (thread_.joinable()) thread_.join();
}

Result<void> DatagramRelay::watch(FdRef socket, std::uint64_t id) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = id;
  if (::epoll_ctl(watch_.number(), EPOLL_CTL_ADD, socket.number(), &event) != 0) {
    return errno_error(errno, "watching a datagram socket");
  }
  return {};
}

void DatagramRelay::wait_while_held() {
  while (held_ && !stop_) {
    pollfd event{event_.number(), POLLIN, 0};
    (void)::poll(&event, 1, -1);
    std::uint64_t count = 0;
    (void)!::read(event_.number(), &count, sizeof count);
  }
}

void DatagramRelay::work() {
  for (;;) {
    wait_while_held();
    if (stop_) return;
    serve(flows_.empty() ? -1 : kSweepMillis);
  }
}

void DatagramRelay::serve(int timeout) {
  std::array<epoll_event, kMostReady> ready{};
  const int count = ::epoll_wait(watch_.number(), ready.data(), kMostReady, timeout);
  end_idle();
  for (int i = 0; i < count && may_go(); ++i) {
    const std::uint64_t id = ready[static_cast<std::size_t>(i)].data.u64;
    if (id == 0) {
      std::uint64_t rings = 0;
      (void)!::read(event_.number(), &rings, sizeof rings);
    } else if (id <= 2 * ports_.size()) {
      const DatagramPort& port = ports_[(id - 1) / 2];
      take((id % 2 == 1 ? port.v4 : port.v6).borrow(), port.port);
    } else if (const auto flow = flows_.find(id); flow != flows_.end()) {
      bring_back(flow->second);
    }
  }
}

// take forwards what waits at one granted port.
void DatagramRelay::take(FdRef port, std::uint16_t number) {
  for (int i = 0; i < kAtOnce && may_go(); ++i) {
    Address from;
    iovec data{room_.data(), room_.size()};
    alignas(cmsghdr) Control control{};
    msghdr message{};
    message.msg_name = from.get();
    message.msg_namelen = sizeof from.bytes;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(port.number(), &message, MSG_DONTWAIT);
    if (got < 0) return;
    const std::optional<IpAddress> to = destination_of(message);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || !to) continue;
    Key key;
    if (from.bytes.ss_family == AF_INET) {
      sockaddr_in at{};
      std::memcpy(&at, &from.bytes, sizeof at);
      key.client = {ip_of(at.sin_addr), ntohs(at.sin_port), 0};
    } else {
      sockaddr_in6 at{};
      std::memcpy(&at, &from.bytes, sizeof at);
      key.client = {ip_of(at.sin6_addr), ntohs(at.sin6_port), at.sin6_scope_id};
    }
    key.to = {*to, number, 0};
    forward(key, port, Bytes(room_).first(static_cast<std::size_t>(got)));
  }
}

void DatagramRelay::forward(const Key& key, FdRef port, Bytes datagram) {
  auto known = by_key_.find(key);
  if (known != by_key_.end() && is_over(flows_.at(known->second))) {
    end_idle();
    known = by_key_.end();
  }
  Flow* flow = known != by_key_.end() ? &flows_.at(known->second) : open(key, port);
  if (flow == nullptr) return;
  flow->active = clock_.boot_nanos();
  send_on(flow->socket.borrow(), datagram);
}

// open begins a flow, if it may be; nothing: the datagram is dropped.
DatagramRelay::Flow* DatagramRelay::open(const Key& key, FdRef port) {
  const NetStep step = rules_.datagram(key.to.address, key.to.port);
  const Ask* target = std::get_if<Ask>(&step);
  if (target == nullptr) return nullptr;
  const Refused asked{target->address, target->port, host_of_(target->address, target->port)};
  if (const auto no = refused_.find(asked); no != refused_.end()) {
    if (clock_.boot_nanos() < no->second) return nullptr;
    refused_.erase(no);
  }
  if (!make_room() || !released(asked)) return nullptr;
  Result<UniqueFd> socket = connected(target->address, target->port);
  const std::uint64_t id = next_id_++;
  if (!socket || !watch(socket->borrow(), id)) {
    refuse(asked);  // the host has no way there, now
    return nullptr;
  }
  by_key_[key] = id;
  return &flows_.emplace(id, Flow{key, std::move(*socket), port, clock_.boot_nanos()})
              .first->second;
}

// released asks, and remembers a no.
bool DatagramRelay::released(const Refused& asked) {
  if (!spend_()) return false;
  ConnectAttempt attempt;
  attempt.protocol = Protocol::Udp;
  std::tie(attempt.address, attempt.port, attempt.host) = asked;
  const Result<bool> answer = verdicts_.connect(attempt);
  if (answer && *answer) return true;
  if (answer) refuse(asked);
  return false;
}

void DatagramRelay::refuse(const Refused& asked) {
  if (refused_.size() >= kMostRefusals) {
    const auto oldest = std::min_element(
        refused_.begin(), refused_.end(),
        [](const auto& one, const auto& other) { return one.second < other.second; });
    refused_.erase(oldest);
  }
  refused_[asked] = clock_.boot_nanos() + kRefusedSeconds * kSecond;
}

// make_room: there is room for one more flow.
bool DatagramRelay::make_room() {
  if (flows_.size() < kMostFlows) return true;
  const auto longest = std::min_element(
      flows_.begin(), flows_.end(),
      [](const auto& one, const auto& other) { return one.second.active < other.second.active; });
  if (clock_.boot_nanos() - longest->second.active < kRestSeconds * kSecond) return false;
  by_key_.erase(longest->second.key);
  flows_.erase(longest);
  return true;
}

void DatagramRelay::bring_back(Flow& flow) {
  for (int i = 0; i < kAtOnce && may_go(); ++i) {
    const ssize_t got = ::recv(flow.socket.number(), room_.data(), room_.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) continue;  // what was heard of an earlier datagram
    flow.active = clock_.boot_nanos();
    const Place& client = flow.key.client;
    send_as(flow.port, flow.key.to.address, address_of(client.address, client.port, client.scope),
            Bytes(room_).first(static_cast<std::size_t>(got)));
  }
}

bool DatagramRelay::is_over(const Flow& flow) const {
  return clock_.boot_nanos() - flow.active >= kIdleSeconds * kSecond;
}

void DatagramRelay::end_idle() {
  std::erase_if(flows_, [&](const auto& one) {
    if (!is_over(one.second)) return false;
    by_key_.erase(one.second.key);
    return true;
  });
}

}  // namespace writ::enforce
