// build(): checks, init's start, the script, and the wait for the listener.
//
// Init is started first and the script is written while it comes up; nothing is done in the
// child's copy of this process but system calls (namespaces.cc). Whatever fails, init is killed
// and reaped before the Error is returned, and with it everything that was mounted.
#include "enforce/boundary.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "enforce/filter_table.h"
#include "enforce/init/wire.h"
#include "enforce/landlock.h"
#include "enforce/layout.h"
#include "enforce/mounts.h"
#include "enforce/namespaces.h"
#include "enforce/net_reach.h"

namespace writ::enforce {
namespace {

constexpr int kStartMillis = 30'000;  // a loaded machine; normally a few milliseconds

// Collects strings and tables behind a wire::Head.
class ScriptWriter {
 public:
  ScriptWriter() : bytes_(sizeof(wire::Head)) {}

  std::uint32_t text(const std::string& value) {
    const auto at = static_cast<std::uint32_t>(bytes_.size());
    append(bytes_, as_bytes(value));
    bytes_.push_back(std::byte{0});
    return at;
  }
  std::vector<std::uint32_t> texts(const std::vector<std::string>& values) {
    std::vector<std::uint32_t> out;
    for (const std::string& value : values) out.push_back(text(value));
    return out;
  }
  template <typename Row>
  wire::Table table(const std::vector<Row>& rows) {
    return table(std::span<const Row>(rows));
  }
  template <typename Row>
  wire::Table table(std::span<const Row> rows) {
    while (bytes_.size() % 8 != 0) bytes_.push_back(std::byte{0});
    const auto at = static_cast<std::uint32_t>(bytes_.size());
    append(bytes_, {reinterpret_cast<const std::byte*>(rows.data()), rows.size() * sizeof(Row)});
    return {at, static_cast<std::uint32_t>(rows.size())};
  }
  Result<ByteVec> finish(wire::Head head) {
    bytes_.push_back(std::byte{0});
    if (bytes_.size() > wire::kMaxScript) {
      return Error(Code::Exhausted, "the plan takes " + std::to_string(bytes_.size()) +
                                        " bytes, more than " + std::to_string(wire::kMaxScript));
    }
    head.total = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &head, sizeof head);
    return std::move(bytes_);
  }

 private:
  ByteVec bytes_;
};

// A limit can only be lowered, so what the governor itself has is an upper bound.
Result<wire::Limit> limit_of(__rlimit_resource_t resource, std::uint64_t wanted, const char* name,
                             bool exact) {
  struct rlimit own {};
  if (getrlimit(resource, &own) != 0) return errno_error(errno, "reading own limits");
  if (exact && own.rlim_max != RLIM_INFINITY && own.rlim_max < wanted) {
    return Error(Code::Unsupported, "the limit " + std::string(name) + " = " +
                                        std::to_string(wanted) + " is above this account's own, " +
                                        std::to_string(own.rlim_max));
  }
  return wire::Limit{static_cast<std::uint32_t>(resource), 0, wanted, wanted};
}

Result<std::vector<wire::Limit>> limits_of(const Limits& limits) {
  std::vector<wire::Limit> out;
  out.push_back(TRY(limit_of(RLIMIT_CORE, 0, "core", false)));
  out.push_back(TRY(limit_of(RLIMIT_NPROC, limits.tasks, "tasks", true)));
  if (limits.process_memory) {
    out.push_back(TRY(limit_of(RLIMIT_AS, *limits.process_memory, "process_memory", true)));
  }
  if (limits.cpu_ms) {
    // The kernel counts whole seconds of each process; the supervisor counts the run.
    const std::uint64_t seconds = *limits.cpu_ms / 1000 + (*limits.cpu_ms % 1000 != 0 ? 1 : 0);
    wire::Limit limit = TRY(limit_of(RLIMIT_CPU, seconds, "cpu", true));
    // First SIGXCPU, which says why; a second later SIGKILL, unless the account has no more.
    if (limit_of(RLIMIT_CPU, seconds + 1, "cpu", true)) limit.hard = seconds + 1;
    out.push_back(limit);
  }
  return out;
}

Result<ByteVec> write_script(const Plan& plan, const Layout& layout, const Capabilities& kernel,
                             bool passed) {
  ScriptWriter writer;
  wire::Head head;
  std::vector<wire::Step> steps;
  for (const LayoutStep& from : layout.steps) {
    wire::Step step;
    step.op = from.op;
    step.path = writer.text(from.path);
    if (from.op == wire::Op::Symlink || from.op == wire::Op::Text) {
      step.target = writer.text(from.target);
    }
    step.attributes = from.attributes;
    step.size = from.size;
    step.mode = from.mode;
    if (from.op == wire::Op::Scratch || from.op == wire::Op::Terminals) step.inode = from.inodes;
    if (from.op == wire::Op::Device) step.device = from.device_number;
    if (from.op == wire::Op::Bind) {
      step.flags =
          (from.directory ? wire::kDirectory : 0) | (from.identified ? wire::kIdentity : 0);
      step.device = from.identity.device;
      step.inode = from.identity.inode;
      if (passed) step.fd = static_cast<std::int32_t>(head.passed_fds++);
    }
    steps.push_back(step);
  }
  std::vector<wire::LandRule> rules;
  for (const LayoutRule& rule : layout.rules) {
    rules.push_back({writer.text(rule.path), 0, rule.rights});
  }
  head.hostname = writer.text(plan.hostname);
  head.program = writer.text(plan.program);
  head.directory = writer.text(plan.directory);
  head.terminal = static_cast<std::uint32_t>(plan.terminal);
  const auto argv = writer.texts(plan.argv);
  const auto environment = writer.texts(plan.environment);
  head.resolver = plan.resolv_conf.empty() ? 0 : 1;
  const auto ports = datagram_ports(plan.connect);
  if (!ports) return Error(Code::Unsupported, "more UDP ports than the net gate can carry");
  head.datagrams = writer.table(std::vector<std::uint32_t>(ports->begin(), ports->end()));
  head.mdwe = !plan.jit && kernel.mdwe ? 1 : 0;
  head.land_fs = landlock::handled(kernel.landlock_abi);
  head.land_scope = landlock::scopes(kernel.landlock_abi);
  if (plan.outward()) head.land_net = landlock::network(kernel.landlock_abi);
  head.root_inodes = layout.root_inodes;
  head.steps = writer.table(steps);
  head.rules = writer.table(rules);
  head.limits = writer.table(TRY(limits_of(plan.limits)));
  head.filter = writer.table(filter_for({plan.jit, kernel.mdwe, plan.outward()}));
  head.argv = writer.table(argv);
  head.environment = writer.table(environment);
  return writer.finish(head);
}

Result<UniqueFd> sealed(const ByteVec& bytes) {
  UniqueFd file = TRY(memfd("writ-plan"));
  TRY(write_all(file.borrow(), bytes));
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (fcntl(file.number(), F_ADD_SEALS, kSeals) != 0) return errno_error(errno, "sealing the plan");
  return file;
}

Result<void> send_fds(FdRef lifeline, wire::Kind kind, const std::vector<int>& fds) {
  wire::Message message;
  message.kind = kind;
  iovec data{&message, sizeof message};
  std::vector<std::byte> control(CMSG_SPACE(fds.size() * sizeof(int)));
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* item = CMSG_FIRSTHDR(&header);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_RIGHTS;
  item->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(CMSG_DATA(item), fds.data(), fds.size() * sizeof(int));
  while (sendmsg(lifeline.number(), &header, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return errno_error(errno, "sending the plan to init");
  }
  return {};
}

struct Received {
  wire::Message message;
  UniqueFd fd;
  bool closed = false;
};

Result<Received> receive(FdRef lifeline, int flags) {
  Received out;
  iovec data{&out.message, sizeof out.message};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = recvmsg(lifeline.number(), &header, MSG_CMSG_CLOEXEC | flags);
    // ECONNRESET is told once, before what the other side had still sent, when it ended with our
    // messages unread.
  } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
  if (got < 0) return errno_error(errno, "reading the lifeline");
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(item), sizeof fd);
    out.fd = adopt_fd(fd);
  }
  out.closed = got == 0;
  if (!out.closed && got != static_cast<ssize_t>(sizeof out.message)) {
    return Error(Code::Internal, "a lifeline message of another version");
  }
  out.message.text[sizeof out.message.text - 1] = '\0';
  return out;
}

// Waits for one message, `wanted`; anything else is why there is none. The descriptor that comes
// with it is missing only from the two kinds of which the kernel may have none.
Result<UniqueFd> await(FdRef lifeline, wire::Kind wanted) {
  pollfd watched{lifeline.number(), POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&watched, 1, kStartMillis);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) {
    return Error(Code::Unavailable,
                 "init did not answer within " + std::to_string(kStartMillis / 1000) + " s");
  }
  Received got = TRY(receive(lifeline, 0));
  if (got.closed) return Error(Code::Unavailable, "init ended without a word");
  if (got.message.kind == wire::Kind::Failed) {
    return errno_error(got.message.value, printable(got.message.text, sizeof got.message.text));
  }
  const bool optional = wanted == wire::Kind::Ready || wanted == wire::Kind::Datagrams6;
  const bool without = !optional && !got.fd;
  if (got.message.kind != wanted || without) {
    return Error(Code::Internal, "init sent something else than what was waited for");
  }
  return std::move(got.fd);
}

// A file would let the run reopen it with more rights, or change its mode (DESIGN §8.1 "Streams").
Result<void> check_stream(const UniqueFd& stream, const char* name, const Identity& identity) {
  if (!stream)
    return Error(Code::InvalidArgument, std::string("no standard ") + name + " for the run");
  const struct stat info = TRY(stat_fd(stream.borrow()));
  if (!S_ISFIFO(info.st_mode)) {
    return Error(Code::InvalidArgument,
                 std::string("standard ") + name + " of a run must be a pipe");
  }
  // So that /dev/stdout can be opened by the run's own user.
  if (info.st_uid != identity.uid && fchown(stream.number(), identity.uid, identity.gid) != 0) {
    return errno_error(errno, std::string("giving standard ") + name + " to the run's user");
  }
  return {};
}

Result<void> check_strings(const Plan& plan) {
  const auto plain = [](const std::string& text) { return text.find('\0') == std::string::npos; };
  if (plan.argv.empty()) return Error(Code::InvalidArgument, "the first program has no argv[0]");
  if (!std::all_of(plan.argv.begin(), plan.argv.end(), plain) ||
      !std::all_of(plan.environment.begin(), plan.environment.end(), plain)) {
    return Error(Code::InvalidArgument, "an argument or variable holds a NUL byte");
  }
  if (plan.hostname.empty() || plan.hostname.size() > 64 || !plain(plan.hostname)) {
    return Error(Code::InvalidArgument, "the host name must have 1 to 64 bytes");
  }
  if (plan.limits.tasks < 2) {
    return Error(Code::InvalidArgument, "tasks must be at least 2: init and the first program");
  }
  return {};
}

Result<void> check_ready(const Capabilities& kernel) {
  if (kernel.sandbox_ready()) return {};
  std::string missing;
  for (const std::string& one : kernel.missing()) missing += (missing.empty() ? "" : "; ") + one;
  return Error(Code::Unsupported, "this machine cannot carry the boundary: " + missing);
}

}  // namespace

Prepared::Prepared(Child child, UniqueFd lifeline, const Identity& identity)
    : child_(std::move(child)), lifeline_(std::move(lifeline)), identity_(identity) {}
Prepared::Prepared(Prepared&& other) noexcept
    : kernel(std::move(other.kernel)),
      child_(std::exchange(other.child_, std::nullopt)),
      lifeline_(std::move(other.lifeline_)),
      diagnosis_(std::move(other.diagnosis_)),
      identity_(other.identity_) {}
Prepared::~Prepared() {
  if (child_) end_child(*child_);
}

Result<Prepared> prepare(const Identity& identity, RunStreams& streams) {
  if (identity.uid == 0 || identity.gid == 0) {
    return Error(Code::Denied, "a run never has the host's uid or gid 0");
  }
  TRY(check_stream(streams.in, "input", identity));
  TRY(check_stream(streams.out, "output", identity));
  TRY(check_stream(streams.error, "error", identity));
  FdPair lifeline = TRY(socket_pair(SOCK_SEQPACKET));
  Child child = TRY(spawn_init(identity, streams.in.borrow(), streams.out.borrow(),
                               streams.error.borrow(), lifeline.second.borrow()));
  const pid_t init = child.pid;
  Prepared out(std::move(child), std::move(lifeline.first), identity);
  lifeline.second.reset();
  out.kernel = found_here();  // while init comes up
  out.diagnosis_ = TRY(await(out.lifeline_.borrow(), wire::Kind::Ready));
  out.kernel.user_namespaces = true;
  out.kernel.own_proc = true;
  out.kernel.pidfd = true;
  out.kernel.trace = can_trace(init);
  out.kernel.writers_excluded = excludes_writers(TRY(init_image()));
  return out;
}

Result<Boundary> build(const Plan& plan, Prepared prepared, const Capabilities& kernel) {
  TRY(check_ready(kernel));
  if (plan.identity.uid != prepared.identity_.uid || plan.identity.gid != prepared.identity_.gid) {
    return Error(Code::Internal, "init was prepared for another identity than the plan's");
  }
  TRY(check_strings(plan));
  const Layout layout = TRY(lay_out(plan, kernel.landlock_abi));
  const FdRef lifeline = prepared.lifeline_.borrow();

  const bool root = kernel.root;
  std::vector<UniqueFd> mounts;
  if (root) mounts = TRY(detach(layout, plan.identity));
  const ByteVec written = TRY(write_script(plan, layout, kernel, root));
  const UniqueFd script = TRY(sealed(written));
  std::vector<int> batch = {script.number()};
  wire::Kind kind = wire::Kind::Script;
  for (const UniqueFd& mount : mounts) {
    if (batch.size() == wire::kMaxFdsPerMessage) {
      TRY(send_fds(lifeline, kind, batch));
      kind = wire::Kind::Fds;
      batch.clear();
    }
    batch.push_back(mount.number());
  }
  if (!batch.empty()) TRY(send_fds(lifeline, kind, batch));

  Boundary out;
  if (!plan.resolv_conf.empty()) out.resolver = TRY(await(lifeline, wire::Kind::Resolver));
  const auto ports = datagram_ports(plan.connect);
  for (const std::uint16_t port : ports ? *ports : std::vector<std::uint16_t>()) {
    DatagramPort& made = out.datagrams.emplace_back();
    made.port = port;
    made.v4 = TRY(await(lifeline, wire::Kind::Datagrams));
    made.v6 = TRY(await(lifeline, wire::Kind::Datagrams6));
  }
  if (plan.inquiry) out.inquiry = TRY(await(lifeline, wire::Kind::Inquiry));
  if (plan.terminal != Terminal::None) {
    out.terminal = TRY(await(lifeline, wire::Kind::Terminal));
  }
  out.listener = TRY(await(lifeline, wire::Kind::Listener));
  Child child = std::move(*std::exchange(prepared.child_, std::nullopt));
  out.run = plan.run;
  out.init = child.pid;
  out.init_pidfd = std::move(child.pidfd);
  out.lifeline = std::move(prepared.lifeline_);
  out.diagnosis = std::move(prepared.diagnosis_);
  return out;
}

Result<Boundary> build(const Plan& plan, RunStreams streams, const Capabilities& kernel) {
  TRY(check_ready(kernel));
  TRY(check_strings(plan));
  Prepared prepared = TRY(prepare(plan.identity, streams));
  streams = {};  // the run's ends are the run's alone
  return build(plan, std::move(prepared), kernel);
}

void end_boundary(const Boundary& boundary) {
  (void)syscall(SYS_pidfd_send_signal, boundary.init_pidfd.number(), SIGKILL, nullptr, 0);
  int status = 0;
  while (waitpid(boundary.init, &status, __WALL) < 0 && errno == EINTR) {
  }
}

Result<void> send(const Boundary& boundary, LifelineMessage message) {
  wire::Message out;
  out.kind = static_cast<wire::Kind>(message);
  const ssize_t sent =
      ::send(boundary.lifeline.number(), &out, sizeof out, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(sizeof out))
    return errno_error(errno, "writing to the lifeline");
  return {};
}

Result<FirstExit> receive_first_exit(const Boundary& boundary) {
  const Result<Received> got = receive(boundary.lifeline.borrow(), MSG_DONTWAIT);
  if (!got) {
    if (got.error().sys_errno() == EAGAIN) {
      return Error(Code::NotFound, "the first program has not ended", EAGAIN);
    }
    return got.error();
  }
  if (got->closed) return Error(Code::Unavailable, "init is gone");
  switch (got->message.kind) {
    case wire::Kind::FirstExit: return FirstExit{false, got->message.value, 0};
    case wire::Kind::NotStarted: return FirstExit{false, 127 << 8, got->message.value};
    case wire::Kind::FirstStopped: return FirstExit{true, 0, 0};
    default: return Error(Code::Internal, "an unexpected lifeline message");
  }
}

}  // namespace writ::enforce
