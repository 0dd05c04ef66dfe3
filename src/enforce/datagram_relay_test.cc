// The relay against the real kernel: clients in a network of their own, whose loopback addresses
// stand for what is outside; a server of this test's network is reached through the relay alone.
#include "enforce/datagram_relay.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <mutex>

namespace writ::enforce {
namespace {

constexpr std::size_t kClients = kMostFlows + 2;

IpAddress ip(const char* text) {
  return *parse_ip_address(text);
}
sockaddr_in place(const char* host, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  EXPECT_EQ(::inet_pton(AF_INET, host, &out.sin_addr), 1);
  return out;
}
UniqueFd datagrams() {
  return adopt_fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}
bool bound(const UniqueFd& socket, const char* host, std::uint16_t port) {
  const sockaddr_in at = place(host, port);
  return ::bind(socket.number(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
}
bool waits(const UniqueFd& socket, int millis) {
  pollfd one{socket.number(), POLLIN, 0};
  return ::poll(&one, 1, millis) == 1;
}

void pass(int over, const std::vector<int>& fds) {
  char byte = 'f';
  iovec data{&byte, 1};
  std::vector<std::byte> control(CMSG_SPACE(fds.size() * sizeof(int)));
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* item = CMSG_FIRSTHDR(&message);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_RIGHTS;
  item->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(CMSG_DATA(item), fds.data(), fds.size() * sizeof(int));
  (void)::sendmsg(over, &message, 0);
}

// Sockets of another network: that of a child, which need not live on.
std::vector<UniqueFd> sockets_elsewhere(std::uint16_t port) {
  FdPair pair = socket_pair(SOCK_SEQPACKET).value();
  const pid_t child = ::fork();
  if (child == 0) {
    ifreq up{};
    std::memcpy(up.ifr_name, "lo", 3);
    up.ifr_flags = IFF_UP | IFF_RUNNING;
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) _exit(1);
    std::vector<UniqueFd> made;
    made.push_back(datagrams());
    const int one = 1;
    if (::ioctl(made[0].number(), SIOCSIFFLAGS, &up) != 0) _exit(1);
    (void)::setsockopt(made[0].number(), IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
    if (!bound(made[0], "0.0.0.0", port)) _exit(1);
    while (made.size() < kClients + 1) made.push_back(datagrams());
    for (std::size_t i = 0; i < made.size(); i += 100) {
      std::vector<int> fds;
      for (std::size_t j = i; j < std::min(i + 100, made.size()); ++j) {
        fds.push_back(made[j].number());
      }
      pass(pair.second.number(), fds);
    }
    _exit(0);
  }
  pair.second.reset();
  std::vector<UniqueFd> out;
  for (;;) {
    char byte = 0;
    iovec data{&byte, 1};
    std::vector<std::byte> control(CMSG_SPACE(100 * sizeof(int)));
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(pair.first.number(), &message, MSG_CMSG_CLOEXEC) <= 0) break;
    const cmsghdr* item = CMSG_FIRSTHDR(&message);
    if (item == nullptr) break;
    const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof fd, sizeof fd);
      out.push_back(adopt_fd(fd));
    }
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return out;
}

class Answers final : public Verdicts {
 public:
  Result<Courtesy> before(const ExecAttempt&) override { return Courtesy{}; }
  Result<StopVerdict> at_stop(const ExecImage&) override { return StopVerdict{}; }
  Result<bool> connect(const ConnectAttempt& attempt) override {
    const std::lock_guard lock(mutex_);
    asked_.push_back(attempt);
    if (fails) return Error(Code::Unavailable, "no record can be made");
    return answer.load();
  }
  std::vector<ConnectAttempt> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::atomic<bool> answer{true};
  std::atomic<bool> fails{false};

 private:
  std::mutex mutex_;
  std::vector<ConnectAttempt> asked_;
};

class DatagramRelayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (bool both = false; !both;) {
      server = datagrams();
      other = datagrams();
      ASSERT_TRUE(bound(server, "127.0.0.1", 0));
      sockaddr_in at{};
      socklen_t size = sizeof at;
      ASSERT_EQ(::getsockname(server.number(), reinterpret_cast<sockaddr*>(&at), &size), 0);
      port = ntohs(at.sin_port);
      both = bound(other, "127.0.0.2", port);
    }
    clients = sockets_elsewhere(port);
    if (clients.size() != kClients + 1) GTEST_SKIP() << "missing: user namespaces";
    rules = NetRules::create({{Protocol::Udp, "127.0.0.1/32", {{port, port}}},
                              {Protocol::Udp, "127.0.0.2/32", {{port, port}}}})
                .value();
    std::vector<DatagramPort> ports(1);
    ports[0].port = port;
    ports[0].v4 = std::move(clients[0]);
    clients.erase(clients.begin());
    relay = DatagramRelay::create(
                *rules, verdicts, clock, std::move(ports),
                [](const IpAddress& address, std::uint16_t) {
                  return address == ip("127.0.0.2") ? std::string("b.example") : std::string();
                },
                [this] { return events-- > 0; })
                .value();
  }
  void send(std::size_t client, const std::string& text, const char* host = "127.0.0.1") {
    const sockaddr_in to = place(host, port);
    EXPECT_EQ(::sendto(clients[client].number(), text.data(), text.size(), 0,
                       reinterpret_cast<const sockaddr*>(&to), sizeof to),
              static_cast<ssize_t>(text.size()));
  }
  // What the server hears next; "" after `millis` without.
  std::string hear(int millis = 10'000) { return hear_at(server, millis); }
  std::string hear_at(const UniqueFd& socket, int millis) {
    if (!waits(socket, millis)) return {};
    std::array<char, 100> room{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(socket.number(), room.data(), room.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &size);
    return got < 0 ? std::string() : std::string(room.data(), static_cast<std::size_t>(got));
  }
  void reply(const UniqueFd& socket, const std::string& text) {
    EXPECT_EQ(::sendto(socket.number(), text.data(), text.size(), 0,
                       reinterpret_cast<const sockaddr*>(&from), sizeof from),
              static_cast<ssize_t>(text.size()));
  }
  bool wait_asked(std::size_t count) {
    for (int i = 0; i < 1000 && verdicts.asked().size() < count; ++i) (void)::poll(nullptr, 0, 10);
    return verdicts.asked().size() == count;
  }
  // The relay has done what came before when it has relayed this.
  void settle() {
    const std::string mark = "mark " + std::to_string(++marks);
    send(kClients - 1, mark);
    EXPECT_EQ(hear(), mark);
  }

  static constexpr int kShort = 100;
  FakeClock clock{UnixMillis(1'000'000)};
  Answers verdicts;
  std::atomic<std::int64_t> events{1'000'000};
  std::optional<NetRules> rules;
  std::uint16_t port = 0;
  UniqueFd server;
  UniqueFd other;
  std::vector<UniqueFd> clients;
  sockaddr_in from{};
  int marks = 0;
  std::unique_ptr<DatagramRelay> relay;
};

TEST_F(DatagramRelayTest, AFlowIsAskedAboutOnceAndAnswersComeFromWhereItWent) {
  for (const char* text : {"one", "two", "three"}) {
    send(0, text);
    EXPECT_EQ(hear(), text);
    reply(server, std::string("re ") + text);
    EXPECT_EQ(hear_at(clients[0], 10'000), std::string("re ") + text);
    EXPECT_EQ(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    EXPECT_EQ(ntohs(from.sin_port), port);
  }
  const std::vector<ConnectAttempt> asked = verdicts.asked();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].protocol, Protocol::Udp);
  EXPECT_EQ(asked[0].address, ip("127.0.0.1"));
  EXPECT_EQ(asked[0].port, port);
  EXPECT_EQ(asked[0].host, "");
  EXPECT_EQ(asked[0].caller.process.number, 0);
  EXPECT_EQ(events, 999'999);
}

TEST_F(DatagramRelayTest, EachDestinationAndEachClientIsAFlow) {
  send(0, "to one");
  EXPECT_EQ(hear(), "to one");
  send(0, "to two", "127.0.0.2");
  EXPECT_EQ(hear_at(other, 10'000), "to two");
  reply(other, "from two");
  EXPECT_EQ(hear_at(clients[0], 10'000), "from two");
  EXPECT_EQ(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK + 1));
  send(1, "another");
  EXPECT_EQ(hear(), "another");
  const std::vector<ConnectAttempt> asked = verdicts.asked();
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_EQ(asked[1].host, "b.example");
}

TEST_F(DatagramRelayTest, WhoeverElseAnswersIsNotHeard) {
  send(0, "question");
  EXPECT_EQ(hear(), "question");
  reply(other, "astray");
  EXPECT_EQ(hear_at(clients[0], kShort), "");
  reply(server, "answer");
  EXPECT_EQ(hear_at(clients[0], 10'000), "answer");
}

TEST_F(DatagramRelayTest, ARefusalStandsForAWhileAndNothingLeaves) {
  verdicts.answer = false;
  send(0, "no", "127.0.0.2");
  ASSERT_TRUE(wait_asked(1));
  verdicts.answer = true;
  for (std::size_t i = 0; i < 5; ++i) send(i, "no", "127.0.0.2");
  settle();
  EXPECT_EQ(hear_at(other, kShort), "");
  EXPECT_EQ(verdicts.asked().size(), 2U);
  clock.advance_millis(kRefusedSeconds * 1000 + 1);
  send(0, "yes", "127.0.0.2");
  EXPECT_EQ(hear_at(other, 10'000), "yes");
}

TEST_F(DatagramRelayTest, WithoutARecordNothingLeaves) {
  verdicts.fails = true;
  send(0, "no");
  ASSERT_TRUE(wait_asked(1));
  verdicts.fails = false;
  send(0, "yes");
  EXPECT_EQ(hear(), "yes");
}

TEST_F(DatagramRelayTest, WithoutAnEventLeftNothingIsAsked) {
  events = 1;
  send(0, "first");
  EXPECT_EQ(hear(), "first");
  send(1, "second");
  send(0, "third");
  EXPECT_EQ(hear(), "third");
  EXPECT_EQ(verdicts.asked().size(), 1U);
}

TEST_F(DatagramRelayTest, AFlowThatRestsEndsAndTheNextIsAskedAbout) {
  send(0, "first");
  EXPECT_EQ(hear(), "first");
  clock.advance_millis((kIdleSeconds - 1) * 1000);
  send(0, "second");
  EXPECT_EQ(hear(), "second");
  EXPECT_EQ(verdicts.asked().size(), 1U);
  clock.advance_millis((kIdleSeconds - 1) * 1000);
  reply(server, "kept");
  EXPECT_EQ(hear_at(clients[0], 10'000), "kept");
  clock.advance_millis((kIdleSeconds - 1) * 1000);
  send(0, "third");
  EXPECT_EQ(hear(), "third");
  EXPECT_EQ(verdicts.asked().size(), 1U);
  clock.advance_millis(kIdleSeconds * 1000);
  send(0, "fourth");
  EXPECT_EQ(hear(), "fourth");
  EXPECT_EQ(verdicts.asked().size(), 2U);
}

TEST_F(DatagramRelayTest, FlowsAreFewAndTheLongestAtRestMakesRoom) {
  for (std::size_t i = 0; i < kMostFlows; ++i) {
    send(i, "open");
    ASSERT_EQ(hear(), "open") << i;
  }
  send(kMostFlows, "too many");
  send(1, "next");
  EXPECT_EQ(hear(), "next");
  EXPECT_EQ(verdicts.asked().size(), kMostFlows) << "what has no room is not recorded";
  clock.advance_millis(kRestSeconds * 1000);
  for (std::size_t i = 1; i < kMostFlows; ++i) {
    send(i, "on");
    ASSERT_EQ(hear(), "on") << i;
  }
  send(kMostFlows, "in the place of the first");
  EXPECT_EQ(hear(), "in the place of the first");
  send(5, "still");
  EXPECT_EQ(hear(), "still");
  EXPECT_EQ(verdicts.asked().size(), kMostFlows + 1);
  send(0, "gone");
  send(1, "next");
  EXPECT_EQ(hear(), "next");
}

TEST_F(DatagramRelayTest, NothingIsTakenWhileHeld) {
  send(0, "before");
  EXPECT_EQ(hear(), "before");
  relay->hold(true);
  // The relay may be about to take one more.
  send(0, "turn");
  (void)hear(kShort);
  send(0, "held");
  reply(server, "held too");
  EXPECT_NE(hear(kShort), "held");
  EXPECT_EQ(hear_at(clients[0], kShort), "");
  relay->hold(false);
  std::string heard = hear();
  if (heard == "turn") heard = hear();
  EXPECT_EQ(heard, "held");
  EXPECT_EQ(hear_at(clients[0], 10'000), "held too");
}

TEST_F(DatagramRelayTest, ALoopbackAddressThatIsNotGrantedIsNobodysAndNoQuestion) {
  send(0, "inside", "127.0.0.3");
  settle();
  EXPECT_EQ(verdicts.asked().size(), 1U);
}

TEST_F(DatagramRelayTest, AServerThatIsNotThereIsSilenceAndWhatFollowsIsTried) {
  other.reset();
  for (int i = 0; i < 3; ++i) send(0, "anybody", "127.0.0.2");
  settle();
  other = datagrams();
  ASSERT_TRUE(bound(other, "127.0.0.2", port));
  send(0, "now", "127.0.0.2");
  EXPECT_EQ(hear_at(other, 10'000), "now");
  EXPECT_EQ(verdicts.asked().size(), 2U);
}

}  // namespace
}  // namespace writ::enforce
