// Taking, making and swapping sockets. The one hard part is epoll: its entries are keyed by (file,
// number), and only a process in whose table the new file has that very number can add it. That
// cannot be the governor (its own descriptors have those numbers), so a child that shares its
// memory but not its table does it, between a vfork and an exit.
#include "enforce/net_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/local_socket.h"
#include "enforce/resolve.h"

namespace writ::enforce {
namespace {

constexpr int kNetnsCookie = 71;             // SO_NETNS_COOKIE, 5.14
constexpr unsigned kPidfdThread = O_EXCL;    // PIDFD_THREAD, 6.9
constexpr std::size_t kLargestInfo = 65536;  // of a fdinfo file

std::string table_of(pid_t thread, const char* which) {
  return "/proc/" + std::to_string(thread) + "/" + which;
}

int option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

// A handle of the thread: it may have a table of its own. A kernel that names processes only can
// do so for the first thread; for another the table must show to be the same (is_listed).
struct Handle {
  UniqueFd fd;
  bool exact = true;
};

Result<Handle> handle_of(pid_t thread, pid_t group) {
  Handle out;
  long number = ::syscall(SYS_pidfd_open, thread, kPidfdThread);
  if (number < 0 && errno == EINVAL) {
    number = ::syscall(SYS_pidfd_open, group, 0U);
    out.exact = thread == group;
  }
  if (number < 0) return errno_error(errno, "naming the caller");
  out.fd = adopt_fd(static_cast<int>(number));
  return out;
}

Result<UniqueFd> take(const Handle& handle, int number) {
  const long got = ::syscall(SYS_pidfd_getfd, handle.fd.number(), number, 0U);
  if (got < 0) return errno_error(errno, "taking a descriptor of the caller");
  return adopt_fd(static_cast<int>(got));
}

bool is_listed(pid_t thread, int number, std::uint64_t inode) {
  const Result<std::string> link =
      read_link(FdRef::cwd(), table_of(thread, "fd/") + std::to_string(number));
  return link && *link == "socket:[" + std::to_string(inode) + "]";
}
bool is_that(const Handle& handle, int number, std::uint64_t inode) {
  const Result<UniqueFd> now = take(handle, number);
  if (!now) return false;
  const Result<struct stat> info = stat_fd(now->borrow());
  return info && S_ISSOCK(info->st_mode) && info->st_ino == inode;
}

struct Entry {
  int number = -1;
  bool epoll = false;  // otherwise the socket
};

// Where the socket is in the thread's table, and the epoll sets there.
std::vector<Entry> entries_of(pid_t thread, std::uint64_t inode) {
  std::vector<Entry> out;
  std::error_code failed;
  std::size_t seen = 0;
  std::filesystem::directory_iterator list(table_of(thread, "fd"), failed);
  for (; !failed && list != std::filesystem::directory_iterator(); list.increment(failed)) {
    if (++seen > kMostDescriptors) break;
    const std::string name = list->path().filename();
    Entry one;
    if (std::from_chars(name.data(), name.data() + name.size(), one.number).ec != std::errc()) {
      continue;
    }
    const Result<std::string> link = read_link(FdRef::cwd(), list->path());
    if (!link) continue;
    one.epoll = *link == "anon_inode:[eventpoll]";
    if (one.epoll || *link == "socket:[" + std::to_string(inode) + "]") out.push_back(one);
  }
  return out;
}

std::string info_of(pid_t thread, int number) {
  const Result<UniqueFd> file =
      open_at(FdRef::cwd(), table_of(thread, "fdinfo/") + std::to_string(number), O_RDONLY);
  if (!file) return {};
  const Result<ByteVec> text = read_all(file->borrow(), kLargestInfo);
  return text ? std::string(as_text(*text)) : std::string();
}

// The value that follows `label`, with spaces before it, in `line`.
std::optional<std::uint64_t> value_after(std::string_view line, std::string_view label, int base) {
  const std::size_t at = line.find(label);
  if (at == line.npos) return std::nullopt;
  std::string_view rest = line.substr(at + label.size());
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
  std::uint64_t value = 0;
  const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  if (read.ec != std::errc()) return std::nullopt;
  return value;
}

bool closes_on_exec(pid_t thread, int number) {
  const auto flags = value_after(info_of(thread, number), "flags:", 8);
  return !flags || (*flags & O_CLOEXEC) != 0;
}

struct Interest {
  int number = -1;
  epoll_event event{};
};

// What an epoll set watches of the socket.
std::vector<Interest> interests_of(pid_t thread, int set, std::uint64_t inode) {
  std::vector<Interest> out;
  const std::string text = info_of(thread, set);
  for (std::size_t at = text.find("tfd:"); at != text.npos; at = text.find("tfd:", at + 1)) {
    const std::string_view line = std::string_view(text).substr(at, text.find('\n', at) - at);
    const auto number = value_after(line, "tfd:", 10);
    const auto events = value_after(line, "events:", 16);
    const auto data = value_after(line, "data:", 16);
    const auto of = value_after(line, "ino:", 16);
    if (!number || !events || !data || of != inode) continue;
    Interest one;
    one.number = static_cast<int>(*number);
    one.event.events = static_cast<std::uint32_t>(*events);
    one.event.data.u64 = *data;
    out.push_back(one);
  }
  return out;
}

// In the child: the table is its own, the memory the governor's.
int add_as(int set, int socket, const Interest& interest) {
  const int apart = fcntl(set, F_DUPFD_CLOEXEC, interest.number + 1);
  if (apart < 0) return errno;
  if (socket != interest.number && dup3(socket, interest.number, O_CLOEXEC) < 0) return errno;
  epoll_event event = interest.event;
  return epoll_ctl(apart, EPOLL_CTL_ADD, interest.number, &event) == 0 ? 0 : errno;
}

struct Addition {
  int set;
  int socket;
  const Interest* interest;
};

int add_in_child(void* argument) {
  const auto* addition = static_cast<const Addition*>(argument);
  return add_as(addition->set, addition->socket, *addition->interest);
}

void carry_over(FdRef set, FdRef socket, const Interest& interest) {
  // The child runs on a stack of its own while this thread waits for it (CLONE_VFORK).
  alignas(16) std::array<std::byte, 16384> stack;  // NOLINT(*-member-init): a stack
  Addition addition{set.number(), socket.number(), &interest};
  const int child =
      ::clone(add_in_child, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK, &addition);
  if (child < 0) return;
  while (::waitpid(child, nullptr, __WALL) < 0 && errno == EINTR) {
  }
}

// Options of a socket that is still to be connected, which a program sets before it connects. A
// value is copied when it is not what a new socket has.
struct Option {
  int level;
  int name;
};
constexpr Option kOptions[] = {{SOL_SOCKET, SO_KEEPALIVE},
                               {SOL_SOCKET, SO_LINGER},
                               {SOL_SOCKET, SO_OOBINLINE},
                               {SOL_SOCKET, SO_PRIORITY},
                               {SOL_SOCKET, SO_RCVLOWAT},
                               {SOL_SOCKET, SO_RCVTIMEO},
                               {SOL_SOCKET, SO_SNDTIMEO},
                               {SOL_SOCKET, SO_REUSEADDR},
                               {SOL_SOCKET, SO_TIMESTAMP},
                               {SOL_SOCKET, SO_TIMESTAMPNS},
                               {IPPROTO_TCP, TCP_NODELAY},
                               {IPPROTO_TCP, TCP_MAXSEG},
                               {IPPROTO_TCP, TCP_DEFER_ACCEPT},
                               {IPPROTO_TCP, TCP_CORK},
                               {IPPROTO_TCP, TCP_KEEPIDLE},
                               {IPPROTO_TCP, TCP_KEEPINTVL},
                               {IPPROTO_TCP, TCP_KEEPCNT},
                               {IPPROTO_TCP, TCP_SYNCNT},
                               {IPPROTO_TCP, TCP_LINGER2},
                               {IPPROTO_TCP, TCP_WINDOW_CLAMP},
                               {IPPROTO_TCP, TCP_QUICKACK},
                               {IPPROTO_TCP, TCP_USER_TIMEOUT},
                               {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
                               {IPPROTO_IP, IP_TOS},
                               {IPPROTO_IP, IP_TTL},
                               {IPPROTO_IP, IP_RECVTOS},
                               {IPPROTO_IP, IP_RECVERR},
                               {IPPROTO_IP, IP_MTU_DISCOVER},
                               {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
                               {IPPROTO_IPV6, IPV6_TCLASS},
                               {IPPROTO_IPV6, IPV6_RECVERR},
                               {IPPROTO_IPV6, IPV6_MTU_DISCOVER}};

void copy_options(int from, int to) {
  for (const auto& [level, name] : kOptions) {
    std::array<std::byte, 64> wanted{};
    std::array<std::byte, 64> fresh{};
    socklen_t size = wanted.size();
    socklen_t other = fresh.size();
    if (::getsockopt(from, level, name, wanted.data(), &size) != 0) continue;
    if (::getsockopt(to, level, name, fresh.data(), &other) != 0) continue;
    if (size != other || std::memcmp(wanted.data(), fresh.data(), size) == 0) continue;
    (void)::setsockopt(to, level, name, wanted.data(), size);
  }
  // The kernel doubles what it is given.
  for (const int name : {SO_RCVBUF, SO_SNDBUF}) {
    const int wanted = option(from, SOL_SOCKET, name);
    if (wanted <= 0 || wanted == option(to, SOL_SOCKET, name)) continue;
    const int half = wanted / 2;
    (void)::setsockopt(to, SOL_SOCKET, name, &half, sizeof half);
  }
}

// Where a TCP socket is bound. What is bound stays so, IPV6_V6ONLY too.
Result<void> look_where_bound(SocketFacts& facts, int fd) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
    return errno_error(errno, "looking where a socket is bound");
  }
  if (facts.family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &at, sizeof v4);
    facts.address.v4 = true;
    std::memcpy(facts.address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    facts.port = ntohs(v4.sin_port);
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &at, sizeof v6);
    std::memcpy(facts.address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
    facts.address = plain(facts.address);
    facts.port = ntohs(v6.sin6_port);
    facts.both = option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
  }
  return {};
}

}  // namespace

Result<std::uint64_t> namespace_cookie(FdRef socket) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (::getsockopt(socket.number(), SOL_SOCKET, kNetnsCookie, &cookie, &size) != 0) {
    return errno_error(errno, "naming a network namespace");
  }
  return cookie;
}

Result<CapturedSocket> capture(pid_t thread, pid_t group, int number, std::uint64_t outside) {
  const Handle handle = TRY(handle_of(thread, group));
  CapturedSocket out;
  out.fd = TRY(take(handle, number));
  const int fd = out.fd.number();
  const struct stat info = TRY(stat_fd(out.fd.borrow()));
  if (!S_ISSOCK(info.st_mode)) return errno_error(ENOTSOCK, "taking a socket of the caller");
  out.inode = info.st_ino;
  out.uid = info.st_uid;
  if (!handle.exact && !is_listed(thread, number, out.inode)) {
    return errno_error(EBADF, "taking a socket");
  }
  out.facts.family = option(fd, SOL_SOCKET, SO_DOMAIN);
  out.facts.type = option(fd, SOL_SOCKET, SO_TYPE);
  out.facts.protocol = option(fd, SOL_SOCKET, SO_PROTOCOL);
  out.facts.own = TRY(namespace_cookie(out.fd.borrow())) != outside;
  if (out.facts.family == AF_UNIX) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const bool connected = ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
    const bool listening = option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
    out.facts.state = connected ? TCP_ESTABLISHED : listening ? TCP_LISTEN : TCP_CLOSE;
  } else if (out.facts.type == SOCK_STREAM && out.facts.protocol == IPPROTO_TCP) {
    tcp_info state{};
    socklen_t size = sizeof state;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &size) != 0) {
      return errno_error(errno, "looking at a socket");
    }
    out.facts.state = state.tcpi_state;
    if (!out.facts.own && state.tcpi_state == TCP_CLOSE) {
      out.facts.error = option(fd, SOL_SOCKET, SO_ERROR);
    }
    TRY(look_where_bound(out.facts, fd));
  }
  return out;
}

Result<UniqueFd> late_socket(const CapturedSocket& model) {
  UniqueFd out = TRY(tcp_socket(model.facts.family));
  copy_options(model.fd.number(), out.number());
  // Not as the run's socket is now: as it was when it was looked at, and asked about.
  if (model.facts.family == AF_INET6) {
    const int only = model.facts.both ? 0 : 1;
    if (::setsockopt(out.number(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) {
      return errno_error(errno, "choosing the families of a socket");
    }
  }
  // Root's governor, but not root's socket: rules of the host that go by user see the run's.
  if (::geteuid() == 0 && ::fchown(out.number(), model.uid, static_cast<gid_t>(-1)) != 0) {
    return errno_error(errno, "giving a socket to the run's user");
  }
  return out;
}

bool put_in_place(const Listener& listener, const Notification& asked, pid_t group, int number,
                  const CapturedSocket& model, FdRef late) {
  const Result<Handle> handle = handle_of(asked.thread, group);
  if (!handle || !is_that(*handle, number, model.inode)) return false;
  std::vector<int> numbers = {number};
  for (const Entry& entry : entries_of(asked.thread, model.inode)) {
    if (!entry.epoll) {
      if (entry.number != number) numbers.push_back(entry.number);
      continue;
    }
    const std::vector<Interest> interests = interests_of(asked.thread, entry.number, model.inode);
    if (interests.empty()) continue;
    const Result<UniqueFd> set = take(*handle, entry.number);
    if (!set) continue;
    for (const Interest& interest : interests) carry_over(set->borrow(), late, interest);
  }
  for (const int one : numbers) {
    const bool put = listener.put(asked.id, late, one, closes_on_exec(asked.thread, one));
    if (!put && one == number) return false;
  }
  return true;
}

bool is_blocking(FdRef socket) {
  const int flags = ::fcntl(socket.number(), F_GETFL);
  return flags >= 0 && (flags & O_NONBLOCK) == 0;
}

void set_blocking(FdRef socket, bool blocking) {
  const int flags = ::fcntl(socket.number(), F_GETFL);
  if (flags < 0) return;
  (void)::fcntl(socket.number(), F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

}  // namespace writ::enforce
