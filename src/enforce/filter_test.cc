// The filter, judged without a kernel: its program is interpreted against made-up calls.
#include "enforce/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>

namespace writ::enforce {
namespace {

using Program = std::vector<wire::FilterOp>;

// Interprets the subset of classic BPF that seccomp accepts; nothing for a broken program.
std::optional<std::uint32_t> evaluate(const Program& program, const seccomp_data& data) {
  std::uint32_t a = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const wire::FilterOp& op = program[at];
    switch (op.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (op.k + 4 > sizeof data) return std::nullopt;
        std::memcpy(&a, reinterpret_cast<const char*>(&data) + op.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K: a &= op.k; break;
      case BPF_JMP | BPF_JA: at += op.k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: at += a == op.k ? op.jt : op.jf; break;
      case BPF_JMP | BPF_JGE | BPF_K: at += a >= op.k ? op.jt : op.jf; break;
      case BPF_JMP | BPF_JGT | BPF_K: at += a > op.k ? op.jt : op.jf; break;
      case BPF_JMP | BPF_JSET | BPF_K: at += (a & op.k) != 0 ? op.jt : op.jf; break;
      case BPF_RET | BPF_K: return op.k;
      default: return std::nullopt;
    }
  }
  return std::nullopt;
}

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kNotify = SECCOMP_RET_USER_NOTIF;
constexpr std::uint32_t kKill = SECCOMP_RET_KILL_PROCESS;
constexpr std::uint32_t refused(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

struct Call {
  long number;
  std::array<std::uint64_t, 6> arguments;
  std::uint32_t expected;
};

std::uint32_t run(const Program& program, const Call& call,
                  std::uint32_t arch = AUDIT_ARCH_X86_64) {
  seccomp_data data{};
  data.nr = static_cast<int>(call.number);
  data.arch = arch;
  for (std::size_t i = 0; i < 6; ++i) data.args[i] = call.arguments[i];
  const auto action = evaluate(program, data);
  EXPECT_TRUE(action.has_value()) << "the program is broken at call " << call.number;
  return action.value_or(0);
}

void expect_all(const Program& program, const std::vector<Call>& calls) {
  for (const Call& call : calls) {
    EXPECT_EQ(run(program, call), call.expected)
        << "call " << call.number << " (" << std::hex << call.arguments[0] << ", "
        << call.arguments[1] << ", " << call.arguments[2] << ", " << call.arguments[3] << ")";
  }
}

Program program_of(bool jit, bool mdwe) {
  return make_filter({jit, mdwe}).value();
}

constexpr std::uint64_t kHigh = 0x1'0000'0000;
constexpr std::uint64_t kTmpfile = 020000000;

TEST(Filter, ExecAndConnectRaiseNotificationsAndNothingElseDoes) {
  const Program program = program_of(false, true);
  expect_all(program,
             {{SYS_execve, {}, kNotify}, {SYS_execveat, {}, kNotify}, {SYS_connect, {}, kNotify}});
  for (long number = 0; number < 600; ++number) {
    if (number == SYS_execve || number == SYS_execveat || number == SYS_connect) continue;
    EXPECT_NE(run(program, {number, {}, 0}), kNotify) << number;
  }
}

Program net_program() {
  return make_filter({false, true, true}).value();
}

TEST(Filter, TheNetGateHearsOfConnectBindAndListen) {
  const Program program = net_program();
  for (const long call : {SYS_connect, SYS_bind, SYS_listen}) {
    EXPECT_EQ(run(program, {call, {}, 0}), kNotify) << call;
  }
  for (const long call : {SYS_bind, SYS_listen}) {
    EXPECT_EQ(run(program_of(false, true), {call, {}, 0}), kAllow) << call;
  }
  for (long number = 0; number < 600; ++number) {
    const bool gated = number == SYS_execve || number == SYS_execveat || number == SYS_connect ||
                       number == SYS_bind || number == SYS_listen;
    if (gated) continue;
    EXPECT_NE(run(program, {number, {}, 0}), kNotify) << number;
  }
}

TEST(Filter, UnderTheNetGateNoSendConnects) {
  const Program program = net_program();
  constexpr std::uint64_t kFast = MSG_FASTOPEN;
  constexpr std::uint64_t kOther = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_ZEROCOPY;
  expect_all(program, {{SYS_sendto, {3, 0, 0, kOther}, kAllow},
                       {SYS_sendto, {3, 0, 0, kOther | kFast}, refused(EOPNOTSUPP)},
                       {SYS_sendto, {3, 0, 0, kHigh | kFast}, refused(EOPNOTSUPP)},
                       {SYS_sendmsg, {3, 0, kOther}, kAllow},
                       {SYS_sendmsg, {3, 0, kFast}, refused(EOPNOTSUPP)},
                       {SYS_sendmmsg, {3, 0, 1, 0}, kAllow},
                       {SYS_sendmmsg, {3, 0, 1, kFast}, refused(EOPNOTSUPP)}});
}

TEST(Filter, UnderTheNetGateSocketOptionsAreThoseOfTheList) {
  const Program program = net_program();
  const auto option = [&](std::uint64_t level, std::uint64_t name) {
    return run(program, {SYS_setsockopt, {3, level, name, 0, 4}, 0});
  };
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), kAllow);
  EXPECT_EQ(option(6, 1 /* TCP_NODELAY */), kAllow);
  EXPECT_EQ(option(41, 26 /* IPV6_V6ONLY */), kAllow);
  for (const std::uint64_t name : {25 /* SO_BINDTODEVICE */, 36 /* SO_MARK */, 26 /* filter */,
                                   50 /* SO_ATTACH_BPF */, 62 /* SO_BINDTOIFINDEX */}) {
    EXPECT_EQ(option(SOL_SOCKET, name), refused(ENOSYS)) << name;
  }
  for (const std::uint64_t name :
       {4 /* IP_OPTIONS */, 15 /* IP_FREEBIND */, 19 /* IP_TRANSPARENT */,
        35 /* IP_ADD_MEMBERSHIP */, 32 /* IP_MULTICAST_IF */}) {
    EXPECT_EQ(option(0, name), refused(ENOSYS)) << name;
  }
  for (const std::uint64_t name :
       {57 /* IPV6_RTHDR */, 54 /* IPV6_HOPOPTS */, 20 /* JOIN */, 78 /* IPV6_FREEBIND */}) {
    EXPECT_EQ(option(41, name), refused(ENOSYS)) << name;
  }
  for (const std::uint64_t name : {23 /* TCP_FASTOPEN */, 30 /* TCP_FASTOPEN_CONNECT */,
                                   31 /* TCP_ULP */, 19 /* TCP_REPAIR */, 14 /* TCP_MD5SIG */}) {
    EXPECT_EQ(option(6, name), refused(ENOSYS)) << name;
  }
  EXPECT_EQ(option(255, 1), refused(ENOSYS));
  EXPECT_EQ(run(program, {SYS_ioctl, {3, 0x8912 /* SIOCGIFCONF */}, 0}), refused(ENOSYS));
  EXPECT_EQ(run(program_of(false, true), {SYS_ioctl, {3, 0x8912}, 0}), kAllow);
}

TEST(Filter, WhatOrdinarySoftwareNeedsIsAllowed) {
  const Program program = program_of(false, true);
  for (const long number : {SYS_read,
                            SYS_write,
                            SYS_close,
                            SYS_fstat,
                            SYS_lseek,
                            SYS_mmap,
                            SYS_munmap,
                            SYS_brk,
                            SYS_rt_sigaction,
                            SYS_rt_sigreturn,
                            SYS_pipe2,
                            SYS_dup2,
                            SYS_fork,
                            SYS_vfork,
                            SYS_wait4,
                            SYS_exit_group,
                            SYS_futex,
                            SYS_getdents64,
                            SYS_getcwd,
                            SYS_rename,
                            SYS_unlink,
                            SYS_mkdir,
                            SYS_newfstatat,
                            SYS_statx,
                            SYS_faccessat2,
                            SYS_prlimit64,
                            SYS_getrandom,
                            SYS_rseq,
                            SYS_set_robust_list,
                            SYS_arch_prctl,
                            SYS_epoll_wait,
                            SYS_eventfd2,
                            SYS_clock_nanosleep,
                            SYS_sendmsg,
                            SYS_close_range,
                            SYS_kill,
                            SYS_sched_getaffinity}) {
    EXPECT_EQ(run(program, {number, {}, 0}), kAllow) << number;
  }
}

TEST(Filter, WhatIsNotListedDoesNotExist) {
  const Program program = program_of(false, true);
  for (const long number : {long{SYS_mount},
                            long{SYS_umount2},
                            long{SYS_pivot_root},
                            long{SYS_chroot},
                            long{SYS_unshare},
                            long{SYS_setns},
                            long{SYS_ptrace},
                            long{SYS_process_vm_readv},
                            long{SYS_process_vm_writev},
                            long{SYS_pidfd_getfd},
                            long{SYS_bpf},
                            long{SYS_keyctl},
                            long{SYS_add_key},
                            long{SYS_request_key},
                            long{SYS_userfaultfd},
                            long{SYS_io_uring_setup},
                            long{SYS_io_uring_enter},
                            long{SYS_perf_event_open},
                            long{SYS_open_by_handle_at},
                            long{SYS_quotactl},
                            long{SYS_kexec_load},
                            long{SYS_init_module},
                            long{SYS_reboot},
                            long{SYS_swapon},
                            long{SYS_acct},
                            long{SYS_iopl},
                            long{SYS_ioperm},
                            long{SYS_modify_ldt},
                            long{SYS_clone3},
                            long{SYS_openat2},
                            long{SYS_open_tree},
                            long{SYS_move_mount},
                            long{SYS_fsopen},
                            long{SYS_mount_setattr},
                            long{SYS_fanotify_init},
                            long{SYS_syslog},
                            long{SYS_sethostname},
                            long{SYS_settimeofday},
                            long{SYS_clock_settime},
                            long{SYS_adjtimex},
                            long{SYS_process_madvise},
                            long{SYS_kcmp},
                            452L /* fchmodat2 */,
                            5000L,
                            -1L}) {
    EXPECT_EQ(run(program, {number, {}, 0}), refused(ENOSYS)) << number;
  }
}

TEST(Filter, OtherInterfacesOfTheProcessorKill) {
  const Program program = program_of(true, true);
  EXPECT_EQ(run(program, {SYS_getpid, {}, 0}, AUDIT_ARCH_I386), kKill);
  EXPECT_EQ(run(program, {SYS_getpid, {}, 0}, AUDIT_ARCH_AARCH64), kKill);
  EXPECT_EQ(run(program, {0x40000000 | SYS_getpid, {}, 0}), kKill);
}

TEST(Filter, CloneMakesProcessesAndThreadsButNoNamespaces) {
  const Program program = program_of(false, true);
  constexpr std::uint64_t kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                                    CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
                                    CLONE_PARENT_SETTID;
  expect_all(program, {{SYS_clone, {SIGCHLD}, kAllow},
                       {SYS_clone, {CLONE_VM | CLONE_VFORK | SIGCHLD}, kAllow},
                       {SYS_clone, {kThread}, kAllow},
                       {SYS_clone, {CLONE_FS | SIGCHLD}, refused(EPERM)},
                       {SYS_clone, {CLONE_FS | CLONE_VM | SIGCHLD}, refused(EPERM)},
                       {SYS_clone, {kHigh | CLONE_FS | SIGCHLD}, refused(EPERM)}});
  for (const std::uint64_t flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                   CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
    expect_all(program, {{SYS_clone, {flag | SIGCHLD}, refused(EPERM)},
                         {SYS_clone, {kHigh | flag}, refused(EPERM)},
                         {SYS_clone, {flag | CLONE_NEWUSER | SIGCHLD}, refused(EPERM)},
                         {SYS_clone, {flag | kThread}, refused(EPERM)}});
  }
}

TEST(Filter, AProgramSetsItsOwnLimitsOnly) {
  const Program program = program_of(true, true);
  expect_all(program, {{SYS_prlimit64, {0, 7, 0x1000, 0}, kAllow},
                       {SYS_prlimit64, {1, 7, 0, 0x1000}, kAllow},
                       {SYS_prlimit64, {1, 7, 0x1000, 0}, refused(EPERM)},
                       {SYS_prlimit64, {2, 7, kHigh, 0x1000}, refused(EPERM)},
                       {SYS_prlimit64, {kHigh | 1, 7, 0x1000, 0}, refused(EPERM)}});
}

TEST(Filter, SocketsAreOfTheRunsOwnNetworkOnly) {
  const Program program = program_of(false, true);
  expect_all(program, {{SYS_socket, {AF_INET, SOCK_STREAM, 0}, kAllow},
                       {SYS_socket, {AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 17}, kAllow},
                       {SYS_socket, {AF_INET, SOCK_STREAM, 262}, refused(EPROTONOSUPPORT)},
                       {SYS_socket, {AF_INET, SOCK_RAW, 1}, refused(ENOSYS)},
                       {SYS_socket, {AF_NETLINK, SOCK_RAW, 0}, kAllow},
                       {SYS_socket, {AF_NETLINK, SOCK_RAW, 9}, refused(ENOSYS)},
                       {SYS_socketpair, {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC}, kAllow},
                       {SYS_socketpair, {AF_UNIX, SOCK_SEQPACKET}, kAllow},
                       {SYS_socketpair, {AF_UNIX, SOCK_DGRAM}, refused(ENOSYS)},
                       {SYS_socketpair, {AF_UNIX, SOCK_RAW}, refused(ENOSYS)}});
  for (std::uint64_t type = 0; type < 16; ++type) {
    const bool stream = type == SOCK_STREAM || type == SOCK_SEQPACKET;
    for (const int flags : {0, int{SOCK_CLOEXEC}, int{SOCK_NONBLOCK}}) {
      EXPECT_EQ(
          run(program,
              {SYS_socket, {AF_UNIX, kHigh | static_cast<std::uint64_t>(flags) | type, 0}, 0}),
          stream ? kAllow : refused(ESOCKTNOSUPPORT))
          << type;
    }
  }
  for (std::uint64_t family = 0; family < 64; ++family) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) {
      continue;
    }
    EXPECT_EQ(run(program, {SYS_socket, {family, SOCK_STREAM, 0}, 0}), refused(EAFNOSUPPORT))
        << family;
    EXPECT_EQ(run(program, {SYS_socket, {kHigh | family, SOCK_STREAM, 0}, 0}),
              refused(EAFNOSUPPORT));
  }
}

TEST(Filter, TerminalInputCannotBeFaked) {
  const Program program = program_of(true, true);
  for (const std::uint64_t request : {0x5412u, 0x541cu, 0x5423u, 0x541du}) {
    for (const std::uint64_t high : {std::uint64_t{0}, kHigh, ~std::uint64_t{0xffffffff}}) {
      EXPECT_EQ(run(program, {SYS_ioctl, {0, high | request}, 0}), refused(ENOSYS))
          << std::hex << request;
    }
  }
  expect_all(program, {{SYS_ioctl, {0, 0x5401}, kAllow},
                       {SYS_ioctl, {0, kHigh | 0x5401}, kAllow},
                       {SYS_ioctl, {0, 0x541b}, kAllow}});
}

TEST(Filter, NoSetIdModeByAnyCall) {
  const Program program = program_of(false, true);
  for (const std::uint64_t mode : {04755u, 02755u, 06755u, 04000u}) {
    expect_all(program, {{SYS_chmod, {0, mode}, refused(EPERM)},
                         {SYS_fchmod, {0, kHigh | mode}, refused(EPERM)},
                         {SYS_fchmodat, {0, 0, mode}, refused(EPERM)},
                         {SYS_creat, {0, mode}, refused(EPERM)},
                         {SYS_mknod, {0, S_IFREG | mode}, refused(EPERM)},
                         {SYS_mknodat, {0, 0, S_IFREG | mode}, refused(EPERM)},
                         {SYS_open, {0, O_CREAT | O_WRONLY, mode}, refused(EPERM)},
                         {SYS_open, {0, kTmpfile | O_RDWR, mode}, refused(EPERM)},
                         {SYS_openat, {0, 0, O_CREAT | kTmpfile, mode}, refused(EPERM)},
                         {SYS_open, {0, O_RDONLY, mode}, kAllow},
                         {SYS_openat, {0, 0, O_RDONLY | O_CLOEXEC, mode}, kAllow}});
  }
  expect_all(program, {{SYS_chmod, {0, 0755}, kAllow},
                       {SYS_chmod, {0, 01777}, kAllow},
                       {SYS_open, {0, O_CREAT | O_WRONLY, 0644}, kAllow},
                       {SYS_openat, {0, 0, kTmpfile | O_RDWR, 0600}, kAllow},
                       {SYS_mknod, {0, S_IFIFO | 0600}, kAllow}});
}

TEST(Filter, WithoutJitNoObjectCanBeMappedTwice) {
  const Program strict = program_of(false, true);
  expect_all(strict, {{SYS_memfd_create, {}, refused(EPERM)},
                      {447 /* memfd_secret */, {}, refused(EPERM)},
                      {SYS_shmat, {0, 0, SHM_EXEC | SHM_RDONLY}, refused(EPERM)},
                      {SYS_shmat, {0, 0, kHigh | SHM_EXEC}, refused(EPERM)},
                      {SYS_shmat, {0, 0, 0}, kAllow}});
  const Program jit = program_of(true, true);
  expect_all(jit, {{SYS_memfd_create, {}, kAllow}, {SYS_shmat, {0, 0, SHM_EXEC}, kAllow}});
}

TEST(Filter, WriteXorExecuteIsTheFiltersWhereTheKernelHasNone) {
  constexpr std::uint64_t kBoth = PROT_WRITE | PROT_EXEC;
  const Program own = program_of(false, false);
  expect_all(own, {{SYS_mmap, {0, 0, PROT_READ | kBoth}, refused(EPERM)},
                   {SYS_mmap, {0, 0, kHigh | kBoth}, refused(EPERM)},
                   {SYS_mmap, {0, 0, PROT_READ | PROT_EXEC, MAP_PRIVATE}, kAllow},
                   {SYS_mmap, {0, 0, PROT_READ | PROT_WRITE}, kAllow},
                   {SYS_mprotect, {0, 0, PROT_READ | PROT_EXEC}, refused(EPERM)},
                   {SYS_pkey_mprotect, {0, 0, PROT_EXEC}, refused(EPERM)},
                   {SYS_mprotect, {0, 0, PROT_READ}, kAllow}});
  // A shared mapping could be written by a child that gives up execution, and executed here.
  for (const bool mdwe : {false, true}) {
    const Program program = program_of(false, mdwe);
    for (const std::uint64_t type : {MAP_SHARED, MAP_SHARED_VALIDATE}) {
      for (const std::uint64_t more : {std::uint64_t{0}, std::uint64_t{MAP_ANONYMOUS}, kHigh}) {
        expect_all(program, {{SYS_mmap, {0, 0, PROT_EXEC, type | more}, refused(EPERM)},
                             {SYS_mmap, {0, 0, PROT_READ | PROT_WRITE, type | more}, kAllow}});
      }
    }
    expect_all(program, {{SYS_mmap, {0, 0, PROT_EXEC, MAP_PRIVATE | MAP_FIXED}, kAllow}});
  }
  for (const bool mdwe : {false, true}) {
    const Program jit = program_of(true, mdwe);
    expect_all(jit, {{SYS_mmap, {0, 0, kBoth}, kAllow}, {SYS_mprotect, {0, 0, kBoth}, kAllow}});
  }
}

TEST(Filter, OddsAndEnds) {
  const Program program = program_of(false, true);
  expect_all(program, {{SYS_personality, {0xffffffff}, kAllow},
                       {SYS_personality, {~std::uint64_t{0}}, kAllow},
                       {SYS_personality, {0}, kAllow},
                       {SYS_personality, {0x0400000}, refused(ENOSYS)},
                       {SYS_personality, {0x0040000}, refused(ENOSYS)},
                       {SYS_fcntl, {0, F_SETLKW}, kAllow},
                       {SYS_fcntl, {0, F_DUPFD_CLOEXEC}, kAllow},
                       {SYS_fcntl, {0, 1024 /* F_SETLEASE */}, refused(ENOSYS)},
                       {SYS_fcntl, {0, kHigh | 1024}, refused(ENOSYS)},
                       {SYS_prctl, {15 /* PR_SET_NAME */}, kAllow},
                       {SYS_prctl, {35 /* PR_SET_MM */}, refused(ENOSYS)},
                       {SYS_prctl, {24 /* PR_CAPBSET_DROP */}, refused(ENOSYS)}});
}

}  // namespace
}  // namespace writ::enforce
