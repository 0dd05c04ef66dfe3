// Each mechanism is tried in a throw-away child, the way the boundary uses it. Children report in a
// shared page; they make only system calls, as after any fork of a process with threads.
#include "enforce/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/fd.h"
#include "base/local_socket.h"
#include "enforce/landlock.h"
#include "enforce/namespaces.h"
#include "enforce/net_socket.h"

namespace writ::enforce {
namespace {

constexpr int kUntried = -1;
constexpr unsigned kProbeUid = 65534;  // as root: any uid that is not 0

// What the child found: 0, or the errno of what failed.
struct Report {
  int namespaces = kUntried;
  int identity = kUntried;
  int proc = kUntried;
  int mdwe = kUntried;
  int notification = kUntried;
  int go = 0;  // parent to child: the exec may begin
};

int result_of(long value) {
  return value < 0 ? errno : 0;
}

bool put(const char* path, const char* text) {
  const int fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC));
  if (fd < 0) return false;
  const bool done = syscall(SYS_write, fd, text, std::strlen(text)) > 0;
  const int saved = errno;
  (void)syscall(SYS_close, fd);
  errno = saved;
  return done;
}

int try_proc() {
  const int context = fsopen("proc", FSOPEN_CLOEXEC);
  if (context < 0) return errno;
  if (fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return errno;
  const int mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID);
  if (mount < 0) return errno;
  struct mount_attr wanted {};
  wanted.attr_set = MOUNT_ATTR_RDONLY;
  return result_of(mount_setattr(mount, "", AT_EMPTY_PATH, &wanted, sizeof wanted));
}

int try_notification() {
  sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{1, allow};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  constexpr unsigned kFlags = SECCOMP_FILTER_FLAG_NEW_LISTENER | (1u << 5);  // wait-killable
  return result_of(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kFlags, &program));
}

// The child: in its namespaces it tries all that can be tried alone, then waits to be seized.
[[noreturn]] void child(Report* report, const char* uid_map, const char* gid_map, bool root,
                        int image) {
  if (root) {
    (void)syscall(SYS_setgroups, 0, nullptr);
    (void)syscall(SYS_setresgid, kProbeUid, kProbeUid, kProbeUid);
    (void)syscall(SYS_setresuid, kProbeUid, kProbeUid, kProbeUid);
  }
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  constexpr int kNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                              CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET;
  report->namespaces = result_of(unshare(kNamespaces));
  if (report->namespaces == 0) {
    const bool mapped = put("/proc/self/setgroups", "deny") && put("/proc/self/uid_map", uid_map) &&
                        put("/proc/self/gid_map", gid_map);
    report->identity = mapped ? 0 : errno;
  }
  if (report->identity == 0) {
    const long inner = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (inner == 0) {
      report->proc = try_proc();
      (void)syscall(SYS_exit_group, 0);
    }
    if (inner > 0) (void)waitpid(static_cast<pid_t>(inner), nullptr, 0);
  }
  report->mdwe = result_of(prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0));
  report->notification = try_notification();
  (void)raise(SIGSTOP);
  for (int i = 0; __atomic_load_n(&report->go, __ATOMIC_ACQUIRE) == 0 && i < 1'000'000; ++i) {
    (void)sched_yield();
  }
  const char* argv[] = {"writ-probe", nullptr};
  const char* environment[] = {nullptr};
  (void)syscall(SYS_execveat, image, "", argv, environment, AT_EMPTY_PATH);
  (void)syscall(SYS_exit_group, 1);
  __builtin_unreachable();
}

struct Traced {
  int seize = kUntried;
  int stop = kUntried;
  int writers = kUntried;  // 0: a writer was refused
};

// Seizes the child, lets it exec a copy of init, and tries to write that copy at the exec stop.
Traced trace(pid_t pid, Report* report, int image) {
  Traced out;
  int status = 0;
  if (waitpid(pid, &status, WUNTRACED | __WALL) != pid || !WIFSTOPPED(status)) return out;
  out.seize = result_of(ptrace(PTRACE_SEIZE, pid, nullptr, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL));
  if (out.seize == 0) {
    __atomic_store_n(&report->go, 1, __ATOMIC_RELEASE);
    (void)kill(pid, SIGCONT);
    for (int i = 0; i < 16; ++i) {  // group stop and SIGCONT come first
      if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status)) break;
      if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXEC << 8))) {
        out.stop = 0;
        out.writers = excludes_writers(FdRef(image)) ? 0 : EPERM;
        break;
      }
      (void)ptrace(PTRACE_CONT, pid, nullptr, 0);
    }
  }
  (void)kill(pid, SIGKILL);
  while (waitpid(pid, &status, __WALL) == pid && !WIFEXITED(status) && !WIFSIGNALED(status)) {
  }
  return out;
}

// An unsealed executable copy of init, by a read-only descriptor, so that writers can be tried.
Result<UniqueFd> writable_image() {
  const FdRef image = TRY(init_image());
  constexpr unsigned kExec = 0x10;  // MFD_EXEC
  int fd = memfd_create("writ-probe", MFD_CLOEXEC | kExec);
  if (fd < 0 && errno == EINVAL) fd = memfd_create("writ-probe", MFD_CLOEXEC);
  if (fd < 0) return errno_error(errno, "making an executable memory file");
  const UniqueFd file = adopt_fd(fd);
  const struct stat info = TRY(stat_fd(image));
  off_t from = 0;
  while (from < info.st_size) {
    const auto left = static_cast<std::size_t>(info.st_size - from);
    if (sendfile(file.number(), image.number(), &from, left) <= 0) {
      return errno_error(errno, "copying init");
    }
  }
  return open_at(FdRef::cwd(), "/proc/self/fd/" + std::to_string(fd), O_RDONLY);
}

std::string words(int error) {
  return error == kUntried ? "not reached" : std::strerror(error);
}

// The v2 cgroup of this process, where a sub-cgroup can be made.
struct CgroupFound {
  bool kill = false;
  bool memory = false;
  std::string kill_detail;
  std::string memory_detail;
};

std::string unified_mount() {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::size_t at = 0;
    for (int field = 0; field < 4; ++field) at = line.find(' ', at) + 1;
    return line.substr(at, line.find(' ', at) - at);
  }
  return {};
}

CgroupFound try_cgroup() {
  CgroupFound out;
  const std::string mount = unified_mount();
  std::string own;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::")) own = line.substr(3);
  }
  if (mount.empty() || own.empty()) {
    out.kill_detail = out.memory_detail = "no cgroup v2 hierarchy is mounted";
    return out;
  }
  const std::string trial =
      mount + (own == "/" ? "" : own) + "/writ-probe-" + std::to_string(getpid());
  if (mkdir(trial.c_str(), 0755) != 0) {
    out.kill_detail = out.memory_detail = "making a cgroup below " + own + ": " +
                                          std::strerror(errno) +
                                          "; run under a delegated cgroup (systemd: Delegate=yes)";
    return out;
  }
  out.kill = put((trial + "/cgroup.kill").c_str(), "1");
  out.kill_detail = out.kill ? "cgroup v2" : "cgroup.kill is missing (kernel before 5.14)";
  out.memory = put((trial + "/memory.max").c_str(), "max");
  out.memory_detail =
      out.memory ? "cgroup v2" : "the memory controller is not enabled for sub-cgroups of " + own;
  (void)rmdir(trial.c_str());
  return out;
}

Result<void> try_idmap() {
  const Identity identity{kProbeUid, kProbeUid, true, 0, 0};
  const UniqueFd owners = TRY(translation(identity));
  const int tree = open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) return errno_error(errno, "taking a mount");
  const UniqueFd mount = adopt_fd(tree);
  struct mount_attr wanted {};
  wanted.attr_set = MOUNT_ATTR_IDMAP;
  wanted.userns_fd = static_cast<std::uint64_t>(owners.number());
  if (mount_setattr(tree, "", AT_EMPTY_PATH, &wanted, sizeof wanted) != 0) {
    return errno_error(errno, "translating owners on the root file system");
  }
  return {};
}

// The child's findings; what could not even be started counts as absent.
struct Findings {
  Report report;
  Traced traced;
};

Findings try_child(bool root) {
  Findings out;
  const Result<UniqueFd> image = writable_image();
  void* page =
      mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (!image || page == MAP_FAILED) return out;
  auto* report = new (page) Report;
  const unsigned uid = root ? kProbeUid : geteuid();
  const unsigned gid = root ? kProbeUid : getegid();
  char uid_map[48];
  char gid_map[48];
  (void)std::snprintf(uid_map, sizeof uid_map, "%u %u 1\n", uid, uid);
  (void)std::snprintf(gid_map, sizeof gid_map, "%u %u 1\n", gid, gid);
  const long pid = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) child(report, uid_map, gid_map, root, image->number());
  if (pid > 0) out.traced = trace(static_cast<pid_t>(pid), report, image->number());
  out.report = *report;
  (void)munmap(page, sizeof(Report));
  return out;
}

// What the net gate does to a socket of a run, done to one of our own.
Result<void> try_late_socket() {
  const UniqueFd socket = TRY(tcp_socket(AF_INET));
  (void)TRY(capture(getpid(), getpid(), socket.number(), 0));
  return {};
}

}  // namespace

bool Capabilities::sandbox_ready() const {
  return missing().empty();
}

std::vector<std::string> Capabilities::missing() const {
  std::vector<std::string> out;
  const auto need = [&](bool present, const char* name) {
    if (present) return;
    std::string line = name;
    for (const Mechanism& one : mechanisms) {
      if (one.name == name && !one.detail.empty()) line += ": " + one.detail;
    }
    out.push_back(std::move(line));
  };
  need(user_namespaces, "user namespaces");
  need(own_proc, "own /proc");
  need(landlock_abi >= 1, "landlock");
  need(notification, "exec notification");
  need(trace, "exec stop");
  need(writers_excluded, "writers excluded");
  need(pidfd, "pidfd");
  return out;
}

Capabilities probe() {
  Capabilities out;
  out.root = geteuid() == 0;
  const auto add = [&](const char* name, bool present, std::string detail) {
    out.mechanisms.push_back({name, present, std::move(detail)});
    return present;
  };
  const auto [report, traced] = try_child(out.root);

  out.user_namespaces =
      add("user namespaces", report.identity == 0,
          report.identity == 0
              ? "with mount, pid, ipc, uts, cgroup and net"
              : "refused (" + words(report.namespaces != 0 ? report.namespaces : report.identity) +
                    "): see sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
                    "kernel.apparmor_restrict_unprivileged_userns; in a container, its "
                    "seccomp profile");
  out.own_proc = add("own /proc", report.proc == 0,
                     report.proc == 0 ? "mounted read-only"
                                      : "refused (" + words(report.proc) +
                                            "): /proc here is masked, as containers do; unmask it "
                                            "(docker: --security-opt systempaths=unconfined)");
  out.landlock_abi = landlock::probe_abi();
  add("landlock", out.landlock_abi > 0,
      out.landlock_abi > 0
          ? "ABI " + std::to_string(out.landlock_abi)
          : "absent: boot with lsm=landlock,… or a kernel with CONFIG_SECURITY_LANDLOCK");
  out.notification = add("exec notification", report.notification == 0,
                         report.notification == 0
                             ? "seccomp, wait-killable"
                             : "refused (" + words(report.notification) +
                                   "): needs Linux 5.19, and no other seccomp listener above");
  out.trace =
      add("exec stop", traced.stop == 0,
          traced.stop == 0 ? "ptrace seize into the namespace"
                           : "refused (" + words(traced.seize != 0 ? traced.seize : traced.stop) +
                                 "): see sysctl kernel.yama.ptrace_scope (3 forbids it)");
  out.mdwe = add("write-xor-execute", report.mdwe == 0,
                 report.mdwe == 0 ? "PR_SET_MDWE"
                                  : "PR_SET_MDWE needs Linux 6.3; the system call filter does it");
  out.writers_excluded = add(
      "writers excluded", traced.writers == 0,
      traced.writers == 0 ? "a running executable cannot be written"
                          : "this kernel lets a running executable be written (6.11 and 6.12 did)");
  const long self = syscall(SYS_pidfd_open, getpid(), 0);
  const std::string pidfd_detail = self < 0 ? words(errno) + ": needs Linux 5.3" : "pidfd_open";
  if (self >= 0) (void)close(static_cast<int>(self));
  out.pidfd = add("pidfd", self >= 0, pidfd_detail);
  const Result<void> late = try_late_socket();
  out.late_socket = add("late socket", late.has_value(),
                        late ? "pidfd_getfd, namespace cookies"
                             : late.error().message() +
                                   ": grants of `connect` are denied; needs Linux 5.14, and in a "
                                   "container a profile that allows pidfd_getfd");
  const Result<void> idmap =
      out.root ? try_idmap()
               : Result<void>(Error(Code::Denied, "for root only; not needed as a user"));
  out.idmapped_mounts = add("translated owners", idmap.has_value(),
                            idmap ? "idmapped mounts" : idmap.error().message());
  const CgroupFound cgroup = try_cgroup();
  out.cgroup_kill = add("cgroup kill", cgroup.kill, cgroup.kill_detail);
  out.memory_controller = add("memory controller", cgroup.memory, cgroup.memory_detail);
  return out;
}

Capabilities found_here() {
  Capabilities out;
  out.root = geteuid() == 0;
  out.landlock_abi = landlock::probe_abi();
  out.mdwe = prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0) >= 0;
  // EFAULT: the flags are known and only the program is missing. Under another filter there may be
  // another listener, of which only a real one tells: left to probe().
  constexpr unsigned kFlags = SECCOMP_FILTER_FLAG_NEW_LISTENER | (1u << 5);  // wait-killable
  const std::uint32_t action = SECCOMP_RET_USER_NOTIF;
  out.notification = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0 &&
                     syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 &&
                     syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kFlags, nullptr) != 0 &&
                     errno == EFAULT;
  out.late_socket = try_late_socket().has_value();
  out.idmapped_mounts = out.root && try_idmap().has_value();
  return out;
}

bool can_trace(pid_t init) {
  if (ptrace(PTRACE_SEIZE, init, nullptr, PTRACE_O_TRACEEXEC) != 0) return false;
  int status = 0;
  return ptrace(PTRACE_INTERRUPT, init, nullptr, nullptr) == 0 &&
         waitpid(init, &status, __WALL) == init && WIFSTOPPED(status) &&
         ptrace(PTRACE_DETACH, init, nullptr, nullptr) == 0;
}

bool excludes_writers(FdRef running) {
  const std::string name = "/proc/self/fd/" + std::to_string(running.number());
  const Result<UniqueFd> writer = open_at(FdRef::cwd(), name, O_WRONLY);
  return !writer && writer.error().sys_errno() == ETXTBSY;
}

}  // namespace writ::enforce
