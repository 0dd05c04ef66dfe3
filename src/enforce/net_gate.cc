// One poll over an eventfd and the sockets that callers wait for. Connecting is always done on a
// non-blocking socket; for a caller that blocks on the run's own loopback the open file is made so
// for the moment of the call, in which its only user waits here.
#include "enforce/net_gate.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/local_socket.h"
#include "enforce/foreign_identity.h"
#include "enforce/net_local.h"
#include "enforce/remote_memory.h"
#include "enforce/resolve.h"

namespace writ::enforce {
namespace {

constexpr int kSweepMillis = 500;  // callers that were killed are noticed by then
constexpr int kAgainMillis = 5;    // how often a full queue is tried
constexpr std::int64_t kMilli = 1'000'000;

int result_of(int returned) {
  return returned == 0 ? 0 : errno;
}

int connect_to(FdRef socket, const ByteVec& to) {
  return result_of(::connect(socket.number(), reinterpret_cast<const sockaddr*>(to.data()),
                             static_cast<socklen_t>(to.size())));
}

int bind_to(FdRef socket, const ByteVec& to) {
  return result_of(::bind(socket.number(), reinterpret_cast<const sockaddr*>(to.data()),
                          static_cast<socklen_t>(to.size())));
}

// connect_briefly connects without ever waiting: 0, EINPROGRESS or why not.
int connect_briefly(FdRef socket, const ByteVec& to) {
  const bool blocking = is_blocking(socket);
  if (blocking) set_blocking(socket, false);
  const int error = connect_to(socket, to);
  if (blocking) set_blocking(socket, true);
  return error;
}

// The address by which this process connects to a socket's file that it holds.
ByteVec address_of(FdRef file) {
  const std::string path = "/proc/self/fd/" + std::to_string(file.number());
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, path.c_str(), path.size() + 1);
  ByteVec out(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  std::memcpy(out.data(), &at, out.size());
  return out;
}

// The host's own file of that name, through no link.
Result<UniqueFd> file_outside(const std::string& path) {
  UniqueFd file = TRY(open_at(FdRef::cwd(), path, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS));
  const struct stat info = TRY(stat_fd(file.borrow()));
  if (!S_ISSOCK(info.st_mode)) return errno_error(ECONNREFUSED, "connecting to what is no socket");
  return file;
}

int errno_of(const Error& error) {
  return error.sys_errno() > 0 ? error.sys_errno() : EACCES;
}

}  // namespace

// as_run makes a call under the run's own ids: what it may use decides, and what the other side is
// told.
template <class Call>
int NetGate::as_run(Call call) const {
  if (::geteuid() != 0) return call();
  Result<std::vector<gid_t>> groups = ForeignIdentity::groups();
  if (!groups) return EACCES;
  const ForeignIdentity foreign(identity_, std::move(*groups));
  return foreign.taken() ? call() : EACCES;
}

Result<std::unique_ptr<NetGate>> NetGate::create(const Plan& plan, Verdicts& verdicts,
                                                 Listener& listener, Inspector& inspector,
                                                 const Clock& clock, FdRef diagnosis, bool no_tcp,
                                                 ServedSockets served, DatagramRelay::Spend spend) {
  NetRules rules = TRY(NetRules::create(plan.connect, plan.listen));
  const UniqueFd own = TRY(tcp_socket(AF_INET));
  const std::uint64_t outside = TRY(namespace_cookie(own.borrow()));
  std::unique_ptr<NetGate> gate(new NetGate(std::move(rules), plan, outside, verdicts, listener,
                                            inspector, clock, diagnosis, no_tcp, TRY(event_fd())));
  if (served.resolver) {
    gate->resolver_ =
        TRY(Resolver::create(gate->rules_, std::move(served.resolver), clock, plan.hostname));
  }
  if (!served.datagrams.empty()) {
    const Resolver* names = gate->resolver_.get();
    auto host_of = [names](const IpAddress& address, std::uint16_t port) {
      return names == nullptr ? std::string() : names->host_of(address, port, Protocol::Udp);
    };
    gate->relay_ =
        TRY(DatagramRelay::create(gate->rules_, verdicts, clock, std::move(served.datagrams),
                                  std::move(host_of), std::move(spend)));
  }
  // No signal is handled on this thread, nor in what it starts.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  gate->thread_ = std::thread([self = gate.get()] { self->work(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return gate;
}

NetGate::~NetGate() {
  stop();
}

void NetGate::ring() {
  const std::uint64_t one = 1;
  (void)!::write(event_.number(), &one, sizeof one);
}

void NetGate::take(const Notification& notification) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(notification);
  }
  ring();
}

void NetGate::hold(bool held) {
  {
    const std::lock_guard lock(mutex_);
    held_ = held;
  }
  if (relay_) relay_->hold(held);
  ring();
}

void NetGate::stop() {
  if (relay_) relay_->stop();
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  ring();
  if (thread_.joinable()) thread_.join();
}

bool NetGate::stopping() {
  const std::lock_guard lock(mutex_);
  return stop_;
}

std::optional<Notification> NetGate::next() {
  const std::lock_guard lock(mutex_);
  if (held_ || stop_ || queue_.empty()) return std::nullopt;
  const Notification out = queue_.front();
  queue_.pop_front();
  return out;
}

void NetGate::work() {
  while (!stopping()) {
    while (const std::optional<Notification> asked = next()) handle(*asked);
    wait_for_events();
  }
}

void NetGate::wait_for_events() {
  bool held = false;
  {
    const std::lock_guard lock(mutex_);
    held = held_;
  }
  std::vector<pollfd> watched = {{event_.number(), POLLIN, 0}};
  int timeout = waiting_.empty() ? -1 : kSweepMillis;
  const std::int64_t now = clock_.boot_nanos();
  if (!held && resolver_) {
    watched.push_back({resolver_->queries().number(), POLLIN, 0});
    watched.push_back({resolver_->lookups().number(), POLLIN, 0});
  }
  const std::size_t first = watched.size();
  if (!held) {
    for (const Waiting& one : waiting_) {
      const UniqueFd& socket = one.late ? one.late : one.socket.fd;
      watched.push_back({one.again ? -1 : socket.number(), POLLOUT, 0});
      if (one.again) timeout = std::min(timeout, kAgainMillis);
      if (!one.deadline) continue;
      const std::int64_t left = std::max<std::int64_t>(*one.deadline - now, 0) / kMilli + 1;
      timeout = static_cast<int>(std::min<std::int64_t>(timeout, left));
    }
  }
  if (::poll(watched.data(), watched.size(), timeout) < 0) return;
  if (watched[0].revents != 0) {
    std::uint64_t count = 0;
    (void)!::read(event_.number(), &count, sizeof count);
  }
  if (held || stopping()) return;
  if (resolver_ && (watched[1].revents | watched[2].revents) != 0) resolver_->serve();
  std::size_t at = first;
  std::erase_if(waiting_, [&](Waiting& one) { return settle(one, watched[at++].revents != 0); });
}

void NetGate::handle(const Notification& asked) {
  if (const std::optional<int> error = perform(asked)) answer(asked, *error);
}

void NetGate::answer(const Notification& asked, int error) {
  (void)(error == 0 ? listener_.succeed(asked.id) : listener_.answer(asked.id, error));
}

std::optional<int> NetGate::perform(const Notification& asked) {
  const Result<pid_t> group = group_of(asked.thread);
  if (!group) return EACCES;  // gone: nobody hears it
  Result<CapturedSocket> socket =
      capture(asked.thread, *group, static_cast<int>(asked.arguments[0]), outside_);
  if (!socket) return errno_of(socket.error());
  if (asked.call == SYS_listen) {
    if (!listener_.valid(asked.id)) return std::nullopt;
    const NetStep step = rules_.listen(socket->facts);
    if (const Fail* fail = std::get_if<Fail>(&step)) return fail->error;
    return as_run([&] {
      return result_of(::listen(socket->fd.number(), static_cast<int>(asked.arguments[1])));
    });
  }
  const int size = static_cast<int>(asked.arguments[2]);
  if (size < 0 || static_cast<std::size_t>(size) > kLongestAddress) return EINVAL;
  const Result<ByteVec> address =
      read_bytes(asked.thread, asked.arguments[1], static_cast<std::size_t>(size));
  if (!address) return errno_of(address.error());
  // What was read and taken is this caller's only if it still waits.
  if (!listener_.valid(asked.id)) return std::nullopt;
  if (asked.call == SYS_connect) return connect(asked, std::move(*socket), *address);
  if (asked.call != SYS_bind) return ENOSYS;
  const NetStep step = rules_.bind(socket->facts, *address);
  if (const Fail* fail = std::get_if<Fail>(&step)) return fail->error;
  if (std::holds_alternative<Through>(step)) {
    if (!no_tcp_) return EACCES;
    (void)listener_.let_through(asked.id);
    return std::nullopt;
  }
  if (const Ask* target = std::get_if<Ask>(&step)) {
    return bind_out(asked, std::move(*socket), *address, *target);
  }
  return bind_to(socket->fd.borrow(), *address);
}

std::optional<int> NetGate::bind_out(const Notification& asked, CapturedSocket socket,
                                     const ByteVec& to, const Ask& target) {
  ListenAttempt attempt;
  attempt.addresses = {target.address};
  if (target.both) attempt.addresses.push_back(IpAddress{true, {}});
  attempt.port = target.port;
  const Result<Caller> caller = inspector_.caller(asked.thread);
  if (!caller || !listener_.valid(asked.id)) return EACCES;
  attempt.caller = *caller;
  const Result<bool> released = verdicts_.listen(attempt);
  if (!released || !*released) return EACCES;

  const Result<UniqueFd> late = late_socket(socket);
  if (!late) return errno_of(late.error());
  const int error = as_run([&] { return bind_to(late->borrow(), to); });
  if (error != 0) return error;
  set_blocking(late->borrow(), is_blocking(socket.fd.borrow()));
  const int number = static_cast<int>(asked.arguments[0]);
  const Result<pid_t> group = group_of(asked.thread);
  const bool put = group && put_in_place(listener_, asked, *group, number, socket, late->borrow());
  return put ? 0 : EBADF;
}

std::optional<int> NetGate::connect(const Notification& asked, CapturedSocket socket,
                                    const ByteVec& to) {
  const NetStep step = rules_.connect(socket.facts, to);
  if (const Fail* fail = std::get_if<Fail>(&step)) return fail->error;
  if (const Ask* target = std::get_if<Ask>(&step)) {
    return connect_out(asked, std::move(socket), to, *target);
  }
  if (const File* file = std::get_if<File>(&step)) {
    return connect_file(asked, std::move(socket), file->path);
  }
  return connect_here(asked, std::move(socket), to);
}

std::optional<int> NetGate::connect_here(const Notification& asked, CapturedSocket socket,
                                         const ByteVec& to) {
  if (socket.facts.family == AF_UNIX) {
    return connect_local(asked, std::move(socket), to, UniqueFd());
  }
  if (socket.facts.type != SOCK_STREAM) return connect_to(socket.fd.borrow(), to);
  const bool blocking = is_blocking(socket.fd.borrow());
  const int error = connect_briefly(socket.fd.borrow(), to);
  if (error != EINPROGRESS || !blocking) return error;
  if (waiting_.size() >= kMostWaiting) return EAGAIN;
  wait_on(asked, std::move(socket), UniqueFd(), to);
  return std::nullopt;
}

std::optional<int> NetGate::connect_out(const Notification& asked, CapturedSocket socket,
                                        const ByteVec& to, const Ask& target) {
  if (waiting_.size() >= kMostWaiting) return EAGAIN;
  ConnectAttempt attempt;
  if (resolver_) attempt.host = resolver_->host_of(target.address, target.port);
  attempt.address = target.address;
  attempt.port = target.port;
  const Result<bool> released = ask(asked, std::move(attempt));
  if (!released || !*released) return EACCES;

  Result<UniqueFd> late = late_socket(socket);
  if (!late) return late.error().sys_errno() > 0 ? late.error().sys_errno() : ENOBUFS;
  const int error = connect_to(late->borrow(), to);
  if (error != 0 && error != EINPROGRESS) return error;
  if (is_blocking(socket.fd.borrow())) {
    wait_on(asked, std::move(socket), std::move(*late), to);
    return std::nullopt;
  }
  const int number = static_cast<int>(asked.arguments[0]);
  const Result<pid_t> group = group_of(asked.thread);
  const bool put = group && put_in_place(listener_, asked, *group, number, socket, late->borrow());
  return put ? error : EBADF;
}

Result<bool> NetGate::ask(const Notification& asked, ConnectAttempt attempt) {
  attempt.caller = TRY(inspector_.caller(asked.thread));
  if (!listener_.valid(asked.id)) return false;
  return verdicts_.connect(attempt);
}

// Where the kernel does not say whose it is, it is not the run's.
bool NetGate::is_own(const FileIdentity& file) const {
  if (diagnosis_.number() < 0) return false;
  const Result<bool> here = is_bound_here(diagnosis_, file);
  return here && *here;
}

std::optional<int> NetGate::connect_file(const Notification& asked, CapturedSocket socket,
                                         const std::string& path) {
  ConnectAttempt attempt;
  attempt.protocol = Protocol::Unix;
  UniqueFd way;
  Result<ResolvedFile> file = resolve_for(asked.thread, CurrentDirectory{}, path);
  if (file) {
    if (!S_ISSOCK(file->info.st_mode)) return ECONNREFUSED;
    way = std::move(file->fd);
    if (is_own(file->identity())) {
      const ByteVec to = address_of(way.borrow());
      return connect_local(asked, std::move(socket), to, std::move(way));
    }
    attempt.path = file->path;
  } else {
    // What the run cannot see, it cannot change either.
    const Result<std::string> directory = directory_of(asked.thread);
    if (!directory) return errno_of(directory.error());
    attempt.path = lexical_path(*directory, path);
    if (!rules_.names(attempt.path)) return errno_of(file.error());
    Result<UniqueFd> outside = file_outside(attempt.path);
    if (!outside) return errno_of(outside.error());
    way = std::move(*outside);
  }
  const Result<bool> released = ask(asked, std::move(attempt));
  if (!released || !*released) return EACCES;
  const ByteVec to = address_of(way.borrow());
  return connect_local(asked, std::move(socket), to, std::move(way));
}

std::optional<int> NetGate::connect_local(const Notification& asked, CapturedSocket socket,
                                          const ByteVec& to, UniqueFd file) {
  const bool blocking = is_blocking(socket.fd.borrow());
  const int error = as_run([&] { return connect_briefly(socket.fd.borrow(), to); });
  if (error != EAGAIN || !blocking || waiting_.size() >= kMostWaiting) return error;
  Waiting& one = wait_on(asked, std::move(socket), UniqueFd(), to);
  one.file = std::move(file);
  one.again = true;
  return std::nullopt;
}

NetGate::Waiting& NetGate::wait_on(const Notification& asked, CapturedSocket socket, UniqueFd late,
                                   const ByteVec& to) {
  Waiting one;
  one.asked = asked;
  one.number = static_cast<int>(asked.arguments[0]);
  timeval most{};
  socklen_t size = sizeof most;
  if (::getsockopt(socket.fd.number(), SOL_SOCKET, SO_SNDTIMEO, &most, &size) == 0 &&
      (most.tv_sec > 0 || most.tv_usec > 0)) {
    constexpr std::int64_t kLongest = 1'000'000;  // seconds
    const std::int64_t seconds = std::min<std::int64_t>(most.tv_sec, kLongest);
    one.deadline =
        clock_.boot_nanos() + seconds * 1'000'000'000 + std::int64_t{most.tv_usec} * 1000;
  }
  if (const Result<pid_t> group = group_of(asked.thread)) one.group = *group;
  one.socket = std::move(socket);
  one.late = std::move(late);
  one.to = to;
  return waiting_.emplace_back(std::move(one));
}

bool NetGate::settle_again(Waiting& waiting) {
  if (!listener_.valid(waiting.asked.id)) return true;
  const int error = as_run([&] { return connect_briefly(waiting.socket.fd.borrow(), waiting.to); });
  const bool over = waiting.deadline && clock_.boot_nanos() >= *waiting.deadline;
  if (error == EAGAIN && !over) return false;
  answer(waiting.asked, error);
  return true;
}

// settle answers a caller whose connect is over. True: nothing waits here any more.
bool NetGate::settle(Waiting& waiting, bool ready) {
  if (waiting.again) return settle_again(waiting);
  const bool late = static_cast<bool>(waiting.late);
  const FdRef socket = late ? waiting.late.borrow() : waiting.socket.fd.borrow();
  int error = 0;
  if (ready) {
    // The same call again asks the kernel for the outcome, and tells its socket.
    error = connect_briefly(socket, waiting.to);
    if (error == EALREADY || error == EINPROGRESS) return false;
    if (error == EISCONN) error = 0;
  } else if (waiting.deadline && clock_.boot_nanos() >= *waiting.deadline) {
    error = EINPROGRESS;
  } else {
    return !listener_.valid(waiting.asked.id);
  }
  if (late && (error == 0 || error == EINPROGRESS)) {
    set_blocking(socket, is_blocking(waiting.socket.fd.borrow()));
    if (!put_in_place(listener_, waiting.asked, waiting.group, waiting.number, waiting.socket,
                      socket)) {
      error = EBADF;
    }
  }
  answer(waiting.asked, error);
  return true;
}

}  // namespace writ::enforce
