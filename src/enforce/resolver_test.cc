// A resolver at a socket of this machine's loopback, with lookups made up.
#include "enforce/resolver.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>

namespace writ::enforce {
namespace {

UniqueFd datagrams() {
  UniqueFd out = adopt_fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(out.number(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  return out;
}

IpAddress ip(const char* text) {
  return parse_ip_address(text).value();
}

// What the lookups find; a name can be held until it is released.
struct Names {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, Found> found;
  std::multiset<std::string> asked;
  bool held = false;
  Found operator()(const std::string& name) {
    std::unique_lock lock(mutex);
    asked.insert(name);
    changed.wait(lock, [this] { return !held; });
    const auto at = found.find(name);
    return at != found.end() ? at->second : Found{dns::Code::NoName, {}};
  }
  void hold(bool hold) {
    const std::lock_guard lock(mutex);
    held = hold;
    changed.notify_all();
  }
  std::size_t times(const std::string& name) {
    const std::lock_guard lock(mutex);
    return asked.count(name);
  }
};

class ResolverTest : public ::testing::Test {
 protected:
  ResolverTest() {
    UniqueFd socket = datagrams();
    client = datagrams();
    sockaddr_in at{};
    socklen_t size = sizeof at;
    EXPECT_EQ(::getsockname(socket.number(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    EXPECT_EQ(::connect(client.number(), reinterpret_cast<sockaddr*>(&at), size), 0);
    names->found["a.example"] = {dns::Code::Ok, {ip("192.0.2.1"), ip("2001:db8::1")}};
    names->found["b.example"] = {dns::Code::Ok, {ip("192.0.2.1")}};
    names->found["broken.example"] = {dns::Code::Failed, {}};
    resolver = Resolver::create(rules, std::move(socket), clock, "run",
                                [names = names](const std::string& name) { return (*names)(name); })
                   .value();
  }
  void send(const std::string& name, int type, int id = 7) {
    ByteVec out;
    for (const int one : {0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}) out.push_back(std::byte(one));
    for (std::string_view rest = name; !rest.empty();) {
      const std::string_view label = rest.substr(0, rest.find('.'));
      out.push_back(static_cast<std::byte>(label.size()));
      append(out, as_bytes(label));
      rest.remove_prefix(std::min(rest.size(), label.size() + 1));
    }
    for (const int one : {0, 0, type, 0, 1}) out.push_back(std::byte(one));
    EXPECT_EQ(::send(client.number(), out.data(), out.size(), 0), static_cast<ssize_t>(out.size()));
  }
  // Serves until there is a response: its code and how many records it has.
  std::pair<int, int> response() {
    for (int i = 0; i < 1000; ++i) {
      pollfd watched[] = {{resolver->queries().number(), POLLIN, 0},
                          {resolver->lookups().number(), POLLIN, 0},
                          {client.number(), POLLIN, 0}};
      if (::poll(watched, 3, 10'000) <= 0) break;
      if ((watched[2].revents & POLLIN) != 0) {
        std::array<std::byte, 600> room{};
        EXPECT_GE(::recv(client.number(), room.data(), room.size(), 0), 12);
        return {std::to_integer<int>(room[3]) & 15, std::to_integer<int>(room[7])};
      }
      resolver->serve();
    }
    ADD_FAILURE() << "no response";
    return {-1, -1};
  }
  std::pair<int, int> ask(const std::string& name, int type = dns::kA) {
    send(name, type);
    return response();
  }

  using Pair = std::pair<int, int>;
  FakeClock clock{UnixMillis(1'000'000)};
  NetRules rules = NetRules::create({{Protocol::Tcp, "a.example", {{443, 443}}},
                                     {Protocol::Tcp, "b.example", {{80, 80}}},
                                     {Protocol::Tcp, "broken.example", {{80, 80}}},
                                     {Protocol::Udp, "b.example", {{443, 443}}},
                                     {Protocol::Tcp, "*.wide.example", {{80, 80}}}})
                       .value();
  std::shared_ptr<Names> names = std::make_shared<Names>();
  UniqueFd client;
  std::unique_ptr<Resolver> resolver;
};

TEST_F(ResolverTest, AGrantedNameIsLookedUpOnceAndRemembered) {
  EXPECT_EQ(ask("a.example"), Pair(0, 1));
  EXPECT_EQ(ask("A.Example", dns::kAaaa), Pair(0, 1));
  EXPECT_EQ(ask("a.example", 16), Pair(0, 0));
  EXPECT_EQ(names->times("a.example"), 1U);
  clock.advance_millis((kTtlSeconds + 1) * 1000);
  EXPECT_EQ(ask("a.example"), Pair(0, 1));
  EXPECT_EQ(names->times("a.example"), 2U);
}

TEST_F(ResolverTest, NoOtherNameIsEverLookedUp) {
  for (const char* name : {"other.example", "x.a.example", "example", "wide.example", ""}) {
    EXPECT_EQ(ask(name), Pair(5, 0)) << name;
  }
  EXPECT_EQ(ask("localhost"), Pair(0, 1));
  EXPECT_EQ(ask("run"), Pair(0, 1));
  EXPECT_EQ(ask("localhost", dns::kAaaa), Pair(0, 1));
  const std::lock_guard lock(names->mutex);
  EXPECT_TRUE(names->asked.empty());
}

TEST_F(ResolverTest, FailuresAreToldAndSoonForgotten) {
  EXPECT_EQ(ask("x.wide.example"), Pair(3, 0));
  EXPECT_EQ(ask("broken.example"), Pair(2, 0));
  EXPECT_EQ(ask("broken.example"), Pair(2, 0));
  EXPECT_EQ(names->times("broken.example"), 1U);
  clock.advance_millis(6 * 1000);
  EXPECT_EQ(ask("broken.example"), Pair(2, 0));
  EXPECT_EQ(names->times("broken.example"), 2U);
}

TEST_F(ResolverTest, AnAddressHasTheNameItWasHandedOutForWhileThatIsFresh) {
  EXPECT_EQ(resolver->host_of(ip("192.0.2.1"), 443), "");
  EXPECT_EQ(ask("a.example"), Pair(0, 1));
  EXPECT_EQ(resolver->host_of(ip("192.0.2.1"), 443), "a.example");
  EXPECT_EQ(resolver->host_of(ip("::ffff:192.0.2.1"), 443), "a.example");
  EXPECT_EQ(resolver->host_of(ip("192.0.2.1"), 1), "a.example");
  // The other family was not asked for.
  EXPECT_EQ(resolver->host_of(ip("2001:db8::1"), 443), "");
  // Two names of one address: the one that the port is granted for.
  EXPECT_EQ(ask("b.example"), Pair(0, 1));
  EXPECT_EQ(resolver->host_of(ip("192.0.2.1"), 443), "a.example");
  EXPECT_EQ(resolver->host_of(ip("192.0.2.1"), 80), "b.example");
  EXPECT_EQ(resolver->host_of(ip("192.0.2.1"), 443, Protocol::Udp), "b.example");
  EXPECT_EQ(resolver->host_of(ip("192.0.2.1"), 1), "b.example");
  clock.advance_millis((kFreshSeconds + 1) * 1000);
  EXPECT_EQ(resolver->host_of(ip("192.0.2.1"), 443), "");
}

TEST_F(ResolverTest, WhoAsksTheSameWaitsForTheSameLookupAndTooManyAreRefused) {
  names->hold(true);
  for (std::size_t i = 0; i < kMostAsked; ++i) {
    send(i % 2 == 0 ? "a.example" : "b.example", dns::kA);
    resolver->serve();
  }
  EXPECT_EQ(ask("a.example"), Pair(2, 0));
  EXPECT_EQ(ask("localhost"), Pair(0, 1));
  names->hold(false);
  for (std::size_t i = 0; i < kMostAsked; ++i) EXPECT_EQ(response(), Pair(0, 1));
  EXPECT_EQ(names->times("a.example"), 1U);
  EXPECT_EQ(names->times("b.example"), 1U);
}

TEST_F(ResolverTest, ALookupThatHangsHoldsUpNobodysEnd) {
  names->hold(true);
  send("a.example", dns::kA);
  resolver->serve();
  resolver.reset();
  names->hold(false);
}

TEST(LookUp, FindsTheLoopbackByTheHostsOwnMeans) {
  const Found found = look_up("localhost");
  EXPECT_EQ(found.code, dns::Code::Ok);
  EXPECT_FALSE(found.addresses.empty());
  for (const IpAddress& one : found.addresses) EXPECT_TRUE(is_loopback(one));
}

}  // namespace
}  // namespace writ::enforce
