#include "enforce/resolver.h"

#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace writ::enforce {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kFailedSeconds = 5;  // that a failure is remembered
constexpr int kQueriesAtOnce = 64;          // before others have their turn
constexpr std::size_t kMostFound = 64;      // addresses of one name

std::optional<IpAddress> address_of(const addrinfo& info) {
  IpAddress out;
  if (info.ai_family == AF_INET) {
    sockaddr_in at{};
    std::memcpy(&at, info.ai_addr, sizeof at);
    out.v4 = true;
    std::memcpy(out.bytes.data(), &at.sin_addr, 4);
    return out;
  }
  if (info.ai_family != AF_INET6) return std::nullopt;
  sockaddr_in6 at{};
  std::memcpy(&at, info.ai_addr, sizeof at);
  std::memcpy(out.bytes.data(), &at.sin6_addr, 16);
  return out;
}

bool is_own_name(const std::string& name) {
  return name == "localhost" || name.ends_with(".localhost");
}

Found loopback() {
  return {dns::Code::Ok, {*parse_ip_address("127.0.0.1"), *parse_ip_address("::1")}};
}

}  // namespace

Found look_up(const std::string& name) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  Found out;
  const int failed = ::getaddrinfo(name.c_str(), nullptr, &wanted, &list);
  if (failed == EAI_NONAME || failed == EAI_NODATA) out.code = dns::Code::NoName;
  if (failed != 0) return out;
  out.code = dns::Code::Ok;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    const std::optional<IpAddress> address = address_of(*one);
    if (address && out.addresses.size() < kMostFound) out.addresses.push_back(*address);
  }
  ::freeaddrinfo(list);
  return out;
}

// What the lookups' threads share with the resolver: names in, findings out.
struct Resolver::Shared : std::enable_shared_from_this<Resolver::Shared> {
  Shared(Lookup the_lookup, UniqueFd the_event)
      : lookup(std::move(the_lookup)), event(std::move(the_event)) {}

  const Lookup lookup;
  const UniqueFd event;
  std::mutex mutex;  // the rest
  std::condition_variable wake;
  std::deque<std::string> names;
  std::vector<std::pair<std::string, Found>> done;
  unsigned threads = 0;
  unsigned idle = 0;
  bool stop = false;

  void submit(const std::string& name) {
    const std::lock_guard lock(mutex);
    names.push_back(name);
    if (names.size() > idle && threads < kLookups) {
      ++threads;
      std::thread([self = shared_from_this()] { self->work(); }).detach();
    }
    wake.notify_one();
  }
  void work() {
    std::unique_lock lock(mutex);
    while (!stop) {
      if (names.empty()) {
        ++idle;
        wake.wait(lock, [this] { return stop || !names.empty(); });
        --idle;
        continue;
      }
      const std::string name = std::move(names.front());
      names.pop_front();
      lock.unlock();
      Found found = lookup(name);
      lock.lock();
      done.emplace_back(name, std::move(found));
      const std::uint64_t one = 1;
      (void)!::write(event.number(), &one, sizeof one);
    }
  }
};

Result<std::unique_ptr<Resolver>> Resolver::create(const NetRules& rules, UniqueFd socket,
                                                   const Clock& clock, std::string hostname,
                                                   Lookup lookup) {
  auto shared = std::make_shared<Shared>(std::move(lookup), TRY(event_fd()));
  return std::unique_ptr<Resolver>(
      new Resolver(rules, std::move(socket), clock, std::move(hostname), std::move(shared)));
}

Resolver::Resolver(const NetRules& rules, UniqueFd socket, const Clock& clock, std::string hostname,
                   std::shared_ptr<Shared> shared)
    : rules_(rules),
      socket_(std::move(socket)),
      clock_(clock),
      hostname_(std::move(hostname)),
      shared_(std::move(shared)) {}

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stop = true;
  shared_->names.clear();
  shared_->wake.notify_all();
}

FdRef Resolver::lookups() const {
  return shared_->event.borrow();
}

void Resolver::send(const sockaddr_in& to, Bytes message) const {
  (void)::sendto(socket_.number(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

void Resolver::serve() {
  std::uint64_t count = 0;
  (void)!::read(shared_->event.number(), &count, sizeof count);
  std::vector<std::pair<std::string, Found>> done;
  {
    const std::lock_guard lock(shared_->mutex);
    done.swap(shared_->done);
  }
  for (auto& [name, found] : done) finish(name, std::move(found));
  for (int i = 0; i < kQueriesAtOnce; ++i) {
    std::array<std::byte, dns::kLongestMessage + 1> room;  // NOLINT(*-member-init): filled
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(socket_.number(), room.data(), room.size(), MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0) return;
    take(Bytes(room).first(static_cast<std::size_t>(got)), from);
  }
}

void Resolver::take(Bytes message, const sockaddr_in& from) {
  dns::ParsedQuery parsed = dns::parse_query(message);
  if (std::holds_alternative<dns::Ignored>(parsed)) return;
  if (const dns::Bad* bad = std::get_if<dns::Bad>(&parsed)) return send(from, dns::refuse(*bad));
  Asked asked{from, std::move(std::get<dns::Query>(parsed))};
  const std::string& name = asked.query.name;
  if (!asked.query.internet || name.empty()) {
    return send(from, dns::refuse(asked.query, dns::Code::Refused));
  }
  if (is_own_name(name) || name == hostname_) {
    return send(from, dns::answer(asked.query, loopback().addresses, kTtlSeconds));
  }
  if (!rules_.names_host(name)) {
    return send(from, dns::refuse(asked.query, dns::Code::Refused));
  }
  const auto known = known_.find(name);
  if (known != known_.end() && clock_.boot_nanos() < known->second.until) {
    return reply(asked, known->second.found);
  }
  const dns::Query query = asked.query;
  if (!look_for(std::move(asked))) send(from, dns::refuse(query, dns::Code::Failed));
}

// False: too many wait.
bool Resolver::look_for(Asked asked) {
  if (asked_ >= kMostAsked) return false;
  ++asked_;
  const std::string name = asked.query.name;
  std::vector<Asked>& those = waiting_[name];
  those.push_back(std::move(asked));
  if (those.size() == 1) shared_->submit(name);
  return true;
}

void Resolver::finish(const std::string& name, Found found) {
  const auto waiting = waiting_.find(name);
  if (waiting == waiting_.end()) return;
  const std::vector<Asked> those = std::move(waiting->second);
  waiting_.erase(waiting);
  asked_ -= those.size();
  for (const Asked& one : those) reply(one, found);
  if (known_.size() >= kMostNames) known_.clear();
  const bool ok = found.code == dns::Code::Ok;
  const std::int64_t seconds = ok ? std::int64_t{kTtlSeconds} : kFailedSeconds;
  known_[name] = {std::move(found), clock_.boot_nanos() + seconds * kSecond};
}

void Resolver::reply(const Asked& asked, const Found& found) {
  const dns::Query& query = asked.query;
  if (found.code != dns::Code::Ok) return send(asked.from, dns::refuse(query, found.code));
  const bool v4 = query.type == dns::kA;
  std::vector<IpAddress> out;
  if (v4 || query.type == dns::kAaaa) {
    for (const IpAddress& one : found.addresses) {
      if (one.v4 != v4 || out.size() >= dns::fitting(query, v4)) continue;
      if (!hand_out(query.name, one)) {
        return send(asked.from, dns::refuse(query, dns::Code::Failed));
      }
      out.push_back(one);
    }
  }
  send(asked.from, dns::answer(query, out, kTtlSeconds));
}

// False: too many are remembered, and none has had its time.
bool Resolver::hand_out(const std::string& name, const IpAddress& address) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.boot_nanos();
  const IpAddress key = plain(address);
  if (handed_.size() >= kMostAddresses && !handed_.contains(key)) {
    std::erase_if(handed_, [&](const auto& one) { return one.second.back().until <= now; });
    if (handed_.size() >= kMostAddresses) return false;
  }
  std::vector<Handed>& names = handed_[key];
  std::erase_if(names, [&](const Handed& one) { return one.name == name || one.until <= now; });
  if (names.size() >= kMostNamesOfAddress) names.erase(names.begin());
  names.push_back({name, now + kFreshSeconds * kSecond});
  return true;
}

std::string Resolver::host_of(const IpAddress& address, std::uint16_t port,
                              Protocol protocol) const {
  const std::lock_guard lock(mutex_);
  const auto names = handed_.find(plain(address));
  if (names == handed_.end()) return {};
  const std::int64_t now = clock_.boot_nanos();
  std::string out;
  for (const Handed& one : names->second) {
    if (one.until <= now) continue;
    if (out.empty() || rules_.grants_host(protocol, one.name, port) ||
        !rules_.grants_host(protocol, out, port)) {
      out = one.name;
    }
  }
  return out;
}

}  // namespace writ::enforce
