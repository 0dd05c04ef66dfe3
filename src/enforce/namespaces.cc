#include "enforce/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>

#include "enforce/foreign_identity.h"
#include "enforce/init/wire.h"
#include "enforce_assets.h"

namespace writ::enforce {
namespace {

constexpr std::uint64_t kNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                                      CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET;

// What init needs in the run's user namespace, and no more.
constexpr unsigned kInitCapabilities[] = {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_BIND_SERVICE,
                                          CAP_SETPCAP, CAP_SYS_RESOURCE};

// Everything that the child uses, made before the clone.
struct Plan4Child {
  int descriptors[4];  // streams, lifeline
  int image;
  std::uint32_t uid;
  std::uint32_t gid;
  char uid_map[48];
  char gid_map[48];
};

bool write_file(const char* path, const char* text) {
  const int fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC));
  if (fd < 0) return false;
  const std::size_t size = std::strlen(text);
  const bool done = syscall(SYS_write, fd, text, size) == static_cast<long>(size);
  const int saved = errno;
  (void)syscall(SYS_close, fd);
  errno = saved;
  return done;
}

[[noreturn]] void give_up(int lifeline, const char* what) {
  wire::Message message;
  message.kind = wire::Kind::Failed;
  message.value = errno;
  for (std::size_t i = 0; what[i] != '\0' && i + 1 < sizeof message.text; ++i) {
    message.text[i] = what[i];
  }
  (void)syscall(SYS_sendto, lifeline, &message, sizeof message, MSG_NOSIGNAL, nullptr, 0);
  (void)syscall(SYS_exit_group, 125);
  __builtin_unreachable();
}

bool become(std::uint32_t uid, std::uint32_t gid) {
  return syscall(SYS_setresgid, gid, gid, gid) == 0 && syscall(SYS_setresuid, uid, uid, uid) == 0;
}

// Keeps the capabilities init needs across its exec: it is not uid 0 in its namespace.
bool keep_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (const unsigned one : kInitCapabilities) {
    const std::uint32_t bit = 1u << (one % 32);
    data[one / 32].effective |= bit;
    data[one / 32].permitted |= bit;
    data[one / 32].inheritable |= bit;
  }
  if (syscall(SYS_capset, &header, data) != 0) return false;
  for (const unsigned one : kInitCapabilities) {
    if (syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, one, 0, 0) != 0) return false;
  }
  return true;
}

[[noreturn]] void child(Plan4Child& plan) {
  const int lifeline = plan.descriptors[3];
  // The copy of the governor must write its own maps, which a non-dumpable process may not.
  (void)syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
  if (!write_file("/proc/self/setgroups", "deny") ||
      !write_file("/proc/self/uid_map", plan.uid_map) ||
      !write_file("/proc/self/gid_map", plan.gid_map)) {
    give_up(lifeline, "mapping the run's identity into its user namespace");
  }
  (void)syscall(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (!become(plan.uid, plan.gid)) give_up(lifeline, "taking the run's identity");
  if (!keep_capabilities()) give_up(lifeline, "keeping init's capabilities");
  // Out of the way of 0-4 first, then into place.
  int moved[5];
  for (int i = 0; i < 4; ++i) {
    moved[i] = static_cast<int>(syscall(SYS_fcntl, plan.descriptors[i], F_DUPFD_CLOEXEC, 16));
    if (moved[i] < 0) give_up(lifeline, "placing descriptors");
  }
  moved[4] = static_cast<int>(syscall(SYS_fcntl, plan.image, F_DUPFD_CLOEXEC, 16));
  if (moved[4] < 0) give_up(moved[3], "placing descriptors");
  for (int i = 0; i < 4; ++i) {
    if (syscall(SYS_dup3, moved[i], i, 0) < 0) give_up(moved[3], "placing descriptors");
  }
  if (syscall(SYS_dup3, moved[4], 4, O_CLOEXEC) < 0 || syscall(SYS_close_range, 5, ~0u, 0) != 0) {
    give_up(3, "closing descriptors");
  }
  const char* argv[] = {"writ-init", nullptr};
  const char* environment[] = {nullptr};
  (void)syscall(SYS_execveat, 4, "", argv, environment, AT_EMPTY_PATH);
  give_up(3, "starting init");
}

// No handler of the governor may run in the copy.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() { (void)pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

struct Cloned {
  long pid = -1;
  int pidfd = -1;
  int error = 0;
};

Cloned clone_child(std::uint64_t flags, Plan4Child* plan) {
  Cloned out;
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&out.pidfd);
  arguments.exit_signal = SIGCHLD;
  out.pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  out.error = errno;
  if (out.pid == 0) {
    if (plan != nullptr) child(*plan);
    (void)syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (;;) (void)syscall(SYS_pause);
  }
  return out;
}

Result<UniqueFd> make_image() {
  constexpr unsigned kExec = 0x10;  // MFD_EXEC, 6.3
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int fd = memfd_create("writ-init", kFlags | kExec);
  if (fd < 0 && errno == EINVAL) fd = memfd_create("writ-init", kFlags);
  if (fd < 0) {
    return Error(Code::Unsupported,
                 "no executable memory file for init (sysctl vm.memfd_noexec=2?): " +
                     std::string(std::strerror(errno)),
                 errno);
  }
  UniqueFd file = adopt_fd(fd);
  TRY(write_all(file.borrow(), as_bytes(assets::init_image())));
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (fcntl(file.number(), F_ADD_SEALS, kSeals) != 0) return errno_error(errno, "sealing init");
  return file;
}

}  // namespace

Result<FdRef> init_image() {
  static const Result<UniqueFd> image = make_image();
  if (!image) return Error(image.error());
  return image.value().borrow();
}

Result<Child> spawn_init(const Identity& identity, FdRef in, FdRef out, FdRef error,
                         FdRef lifeline) {
  if (identity.uid == 0 || identity.gid == 0) {
    return Error(Code::Denied, "a run never has the host's uid or gid 0");
  }
  const bool root = geteuid() == 0;
  if (!root && (identity.uid != geteuid() || identity.gid != getegid())) {
    return Error(Code::Denied, "only root can start a run as another user (uid " +
                                   std::to_string(identity.uid) + ")");
  }
  Plan4Child plan{{in.number(), out.number(), error.number(), lifeline.number()},
                  TRY(init_image()).number(),
                  identity.uid,
                  identity.gid,
                  {},
                  {}};
  (void)std::snprintf(plan.uid_map, sizeof plan.uid_map, "%u %u 1\n", identity.uid, identity.uid);
  (void)std::snprintf(plan.gid_map, sizeof plan.gid_map, "%u %u 1\n", identity.gid, identity.gid);

  Cloned made;
  {
    const BlockedSignals blocked;
    if (root) {
      const ForeignIdentity foreign(identity, TRY(ForeignIdentity::groups()));
      if (!foreign.taken()) return errno_error(foreign.error(), "leaving root's identity");
      made = clone_child(kNamespaces, &plan);
    } else {
      made = clone_child(kNamespaces, &plan);
    }
  }
  if (made.pid < 0) {
    return Error(Code::Unsupported,
                 std::string("no user namespace (sysctl user.max_user_namespaces, "
                             "kernel.unprivileged_userns_clone or AppArmor): ") +
                     std::strerror(made.error),
                 made.error);
  }
  return Child{static_cast<pid_t>(made.pid), adopt_fd(made.pidfd)};
}

Result<UniqueFd> translation(const Identity& identity) {
  const BlockedSignals blocked;
  const Cloned made = clone_child(CLONE_NEWUSER, nullptr);
  if (made.pid < 0) return errno_error(made.error, "making a user namespace for owners");
  const Child helper{static_cast<pid_t>(made.pid), adopt_fd(made.pidfd)};
  const std::string at = "/proc/" + std::to_string(helper.pid);
  const auto map = [](std::uint32_t disk, std::uint32_t shown) {
    return std::to_string(disk) + " " + std::to_string(shown) + " 1\n";
  };
  const bool mapped =
      write_file((at + "/uid_map").c_str(), map(identity.owner_uid, identity.uid).c_str()) &&
      write_file((at + "/gid_map").c_str(), map(identity.owner_gid, identity.gid).c_str());
  const int failed = errno;
  Result<UniqueFd> out = mapped ? open_at(FdRef::cwd(), at + "/ns/user", O_RDONLY)
                                : Result<UniqueFd>(errno_error(failed, "mapping owners"));
  end_child(helper);
  return out;
}

void end_child(const Child& child) {
  (void)syscall(SYS_pidfd_send_signal, child.pidfd.number(), SIGKILL, nullptr, 0);
  int status = 0;
  while (waitpid(child.pid, &status, __WALL) < 0 && errno == EINTR) {
  }
}

}  // namespace writ::enforce
