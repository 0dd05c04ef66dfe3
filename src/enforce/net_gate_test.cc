// The net gate against the real kernel: a run's connections to servers of this test, on loopback
// addresses that the plan grants. What the programs check is in tests/programs/net_play.c.
#include "enforce/net_gate.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <set>
#include <thread>

#include "enforce/gate_harness.h"

namespace writ::enforce::test {
namespace {

// An echo server on a loopback address, until it goes.
class EchoServer {
 public:
  explicit EchoServer(int family) : family_(family), server_(::socket(family, SOCK_STREAM, 0)) {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    auto* at =
        family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
    socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
    EXPECT_EQ(::bind(server_, at, size), 0);
    EXPECT_EQ(::listen(server_, 64), 0);
    EXPECT_EQ(::getsockname(server_, at, &size), 0);
    port_ = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    thread_ = std::thread([this] { serve(); });
  }
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;
  ~EchoServer() {
    stop_ = true;
    (void)::shutdown(server_, SHUT_RDWR);
    thread_.join();
    for (const pollfd& one : open_) ::close(one.fd);
  }
  std::uint16_t port() const { return port_; }
  int reached() const { return reached_; }
  Endpoint endpoint() const {
    return {Protocol::Tcp, family_ == AF_INET ? "127.0.0.1/32" : "::1/128", {{port_, port_}}};
  }

 private:
  void serve() {
    open_.push_back({server_, POLLIN, 0});
    while (!stop_) {
      if (::poll(open_.data(), open_.size(), 200) <= 0) continue;
      for (std::size_t i = 1; i < open_.size(); ++i) {
        if (open_[i].revents == 0) continue;
        char text[256];
        const ssize_t size = ::recv(open_[i].fd, text, sizeof text, MSG_DONTWAIT);
        if (size > 0) (void)::send(open_[i].fd, text, static_cast<std::size_t>(size), MSG_NOSIGNAL);
        if (size > 0) continue;
        ::close(open_[i].fd);
        open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i--));
      }
      if ((open_[0].revents & POLLIN) == 0) continue;
      const int client = ::accept(server_, nullptr, nullptr);
      if (client < 0) continue;
      ++reached_;
      open_.push_back({client, POLLIN, 0});
    }
  }
  int family_;
  int server_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<int> reached_{0};
  std::vector<pollfd> open_;
  std::thread thread_;
};

// A listener whose queue is full: connecting to it never ends.
class FullServer {
 public:
  FullServer() : server_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* address = reinterpret_cast<sockaddr*>(&at);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(server_, address, size), 0);
    EXPECT_EQ(::listen(server_, 0), 0);
    EXPECT_EQ(::getsockname(server_, address, &size), 0);
    port_ = ntohs(at.sin_port);
    for (int& one : waiting_) {
      one = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      (void)::connect(one, address, size);
    }
  }
  FullServer(const FullServer&) = delete;
  FullServer& operator=(const FullServer&) = delete;
  ~FullServer() {
    for (const int one : waiting_) ::close(one);
    ::close(server_);
  }
  std::uint16_t port() const { return port_; }

 private:
  int server_;
  std::uint16_t port_ = 0;
  std::array<int, 8> waiting_{};
};

// Releases what the plan grants, as the governor would.
class Connects final : public Grants {
 public:
  using Grants::Grants;
  Result<bool> connect(const ConnectAttempt& attempt) override {
    const std::lock_guard lock(mutex_);
    attempts_.push_back(attempt);
    return ports_.contains(attempt.port);
  }
  void release(std::uint16_t port) { ports_.insert(port); }
  std::vector<ConnectAttempt> attempts() {
    const std::lock_guard lock(mutex_);
    return attempts_;
  }

 private:
  std::mutex mutex_;
  std::set<std::uint16_t> ports_;
  std::vector<ConnectAttempt> attempts_;
};

class NetGateRun : public ::testing::Test {
 protected:
  NetGateRun() {
    for (const char* name : {"net_play", "attack_connect", "local_play"}) {
      const std::string path = scratch.path() + "/" + name;
      std::filesystem::copy_file(std::string(WRIT_TEST_PROGRAMS) + "/" + name, path);
      connects.grant(path);
    }
  }
  // The output of a program in a run with `endpoints`.
  std::string output_of(const std::vector<std::string>& command,
                        const std::vector<Endpoint>& endpoints) {
    GovernedRun run(scratch, connects, {});
    const std::string path = scratch.path() + "/" + command[0];
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    run.plan.mounts.push_back(Mount{path, MountKind::Program, false, {info.st_dev, info.st_ino}});
    run.plan.program = path;
    run.plan.argv = command;
    run.plan.connect = endpoints;
    run.start();
    Result<Finished> done = run.finish();
    EXPECT_TRUE(done) << done.error().message();
    if (!done) return {};
    EXPECT_EQ(done->outcome.end, EndReason::Exited) << done->outcome.detail;
    return done->output;
  }
  std::string play_in_run(const std::string& act, const std::string& host, std::uint16_t port,
                          const std::vector<Endpoint>& endpoints) {
    return output_of({"net_play", act, host, std::to_string(port)}, endpoints);
  }
  Scratch scratch;
  Connects connects{scratch.path()};
};

TEST_F(NetGateRun, GrantedConnectionsWorkAsEver) {
  const EchoServer server(AF_INET);
  connects.release(server.port());
  for (const char* act :
       {"blocking", "nonblocking", "duplicated", "epolled", "options", "both", "wrong"}) {
    EXPECT_EQ(play_in_run(act, "127.0.0.1", server.port(), {server.endpoint()}),
              std::string(act) + ": ok\n");
  }
  EXPECT_GE(server.reached(), 7);
}

TEST_F(NetGateRun, AndOverIpv6) {
  const EchoServer server(AF_INET6);
  connects.release(server.port());
  for (const char* act : {"blocking", "nonblocking", "epolled"}) {
    EXPECT_EQ(play_in_run(act, "::1", server.port(), {server.endpoint()}),
              std::string(act) + ": ok\n");
  }
}

TEST_F(NetGateRun, ManyThreadsConnectAtOnceAndEachIsAskedAbout) {
  const EchoServer server(AF_INET);
  connects.release(server.port());
  EXPECT_EQ(play_in_run("many", "127.0.0.1", server.port(), {server.endpoint()}), "many: ok\n");
  EXPECT_EQ(server.reached(), 160);
  const std::vector<ConnectAttempt> attempts = connects.attempts();
  ASSERT_EQ(attempts.size(), 160U);
  for (const ConnectAttempt& one : attempts) {
    EXPECT_EQ(one.port, server.port());
    EXPECT_EQ(to_string(one.address), "127.0.0.1");
    EXPECT_EQ(one.caller.ancestry.size(), 1U);
  }
}

TEST_F(NetGateRun, WhatIsNotReleasedIsRefusedAndNothingIsReached) {
  const EchoServer server(AF_INET);
  EXPECT_EQ(play_in_run("refused", "127.0.0.1", server.port(), {server.endpoint()}),
            "refused: ok\n");
  EXPECT_EQ(connects.attempts().size(), 2U);
  EXPECT_EQ(server.reached(), 0);
}

TEST_F(NetGateRun, ALoopbackPortThatIsNotGrantedIsTheRunsOwn) {
  const EchoServer server(AF_INET);
  const EchoServer other(AF_INET);
  connects.release(server.port());
  connects.release(other.port());
  EXPECT_EQ(play_in_run("nobody", "127.0.0.1", other.port(), {server.endpoint()}), "nobody: ok\n");
  EXPECT_EQ(connects.attempts().size(), 0U);
  EXPECT_EQ(other.reached(), 0);
}

TEST_F(NetGateRun, WithoutEndpointsTheRunsOwnLoopbackWorksAndTheOutsideIsAskedAbout) {
  EXPECT_EQ(play_in_run("nobody", "127.0.0.1", 9, {}), "nobody: ok\n");
  EXPECT_EQ(connects.attempts().size(), 0U);
  EXPECT_EQ(play_in_run("refused", "192.0.2.7", 80, {}), "refused: ok\n");
  EXPECT_EQ(connects.attempts().size(), 2U);
}

TEST_F(NetGateRun, UnixSocketsOfTheRunsOwnNeedNoVerdict) {
  const Endpoint any{Protocol::Tcp, "192.0.2.0/24", {{1, 65535}}};
  for (const std::vector<Endpoint>& endpoints : {std::vector<Endpoint>{}, {any}}) {
    EXPECT_EQ(output_of({"local_play", "own", "/tmp"}, endpoints), "own: ok\n");
    EXPECT_EQ(connects.attempts().size(), 0U);
  }
}

TEST_F(NetGateRun, ASendTimeoutEndsAConnectThatBlocks) {
  const FullServer full;
  connects.release(full.port());
  const Endpoint endpoint{Protocol::Tcp, "127.0.0.1/32", {{full.port(), full.port()}}};
  EXPECT_EQ(play_in_run("timeout", "127.0.0.1", full.port(), {endpoint}), "timeout: ok\n");
}

TEST_F(NetGateRun, NothingTurnsOneConnectionIntoMore) {
  const EchoServer server(AF_INET);
  const EchoServer other(AF_INET);
  const FullServer full;
  connects.release(server.port());
  connects.release(full.port());
  // The other port is the host's too, so that whoever gets past the verdict reaches it.
  const Endpoint all{Protocol::Tcp, "127.0.0.0/8", {{1, 65535}}};
  const std::string output =
      output_of({"attack_connect", "all", "127.0.0.1", std::to_string(server.port()),
                 std::to_string(other.port()), std::to_string(full.port())},
                {all});
  EXPECT_NE(output.find("got through 0"), std::string::npos) << output;
  EXPECT_EQ(other.reached(), 0) << output;
  EXPECT_GT(server.reached(), 0);
}

}  // namespace
}  // namespace writ::enforce::test
