#include "enforce/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <initializer_list>
#include <memory>

#include "base/fd.h"

namespace writ::enforce {
namespace {

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};

constexpr std::uint32_t kRefuse = SCMP_ACT_ERRNO(EPERM);

// Calls that are allowed whatever their arguments. One line a kind.
constexpr int kAllowed[] = {
    // files and directories by name
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(chdir), SCMP_SYS(fchdir),
    SCMP_SYS(getcwd), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
    SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
    SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(link), SCMP_SYS(linkat),
    SCMP_SYS(symlink), SCMP_SYS(symlinkat), SCMP_SYS(chown), SCMP_SYS(fchown), SCMP_SYS(lchown),
    SCMP_SYS(fchownat), SCMP_SYS(utime), SCMP_SYS(utimes), SCMP_SYS(futimesat), SCMP_SYS(utimensat),
    SCMP_SYS(truncate), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(umask),
    SCMP_SYS(getdents), SCMP_SYS(getdents64), SCMP_SYS(setxattr), SCMP_SYS(lsetxattr),
    SCMP_SYS(fsetxattr), SCMP_SYS(getxattr), SCMP_SYS(lgetxattr), SCMP_SYS(fgetxattr),
    SCMP_SYS(listxattr), SCMP_SYS(llistxattr), SCMP_SYS(flistxattr), SCMP_SYS(removexattr),
    SCMP_SYS(lremovexattr), SCMP_SYS(fremovexattr), SCMP_SYS(inotify_init), SCMP_SYS(inotify_init1),
    SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_rm_watch),
    // descriptors
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(readv),
    SCMP_SYS(writev), SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(preadv2), SCMP_SYS(pwritev2),
    SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(dup2),
    SCMP_SYS(dup3), SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(flock), SCMP_SYS(fsync),
    SCMP_SYS(fdatasync), SCMP_SYS(sync), SCMP_SYS(syncfs), SCMP_SYS(sync_file_range),
    SCMP_SYS(fadvise64), SCMP_SYS(readahead), SCMP_SYS(sendfile), SCMP_SYS(splice), SCMP_SYS(tee),
    SCMP_SYS(vmsplice), SCMP_SYS(copy_file_range), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(epoll_create), SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd), SCMP_SYS(eventfd2), SCMP_SYS(signalfd), SCMP_SYS(signalfd4),
    SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime),
    SCMP_SYS(io_setup), SCMP_SYS(io_destroy), SCMP_SYS(io_getevents), SCMP_SYS(io_pgetevents),
    SCMP_SYS(io_submit), SCMP_SYS(io_cancel),
    // memory
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mincore),
    SCMP_SYS(msync), SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(munlock), SCMP_SYS(mlockall),
    SCMP_SYS(munlockall), SCMP_SYS(pkey_alloc), SCMP_SYS(pkey_free), SCMP_SYS(membarrier),
    SCMP_SYS(get_mempolicy),
    // processes, threads, signals
    SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(wait4),
    SCMP_SYS(waitid), SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(tgkill), SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_send_signal), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(rt_sigsuspend), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack), SCMP_SYS(pause), SCMP_SYS(restart_syscall), SCMP_SYS(getpid),
    SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(getpgid), SCMP_SYS(getpgrp), SCMP_SYS(setpgid),
    SCMP_SYS(getsid), SCMP_SYS(setsid), SCMP_SYS(set_tid_address), SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list), SCMP_SYS(futex), SCMP_SYS(futex_waitv), SCMP_SYS(rseq),
    SCMP_SYS(arch_prctl), SCMP_SYS(seccomp), SCMP_SYS(landlock_create_ruleset),
    SCMP_SYS(landlock_add_rule), SCMP_SYS(landlock_restrict_self),
    // identity and limits
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getgroups),
    SCMP_SYS(getresuid), SCMP_SYS(getresgid), SCMP_SYS(setuid), SCMP_SYS(setgid),
    SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid), SCMP_SYS(setresgid),
    SCMP_SYS(setfsuid), SCMP_SYS(setfsgid), SCMP_SYS(setgroups), SCMP_SYS(capget), SCMP_SYS(capset),
    SCMP_SYS(getrlimit), SCMP_SYS(setrlimit), SCMP_SYS(getrusage), SCMP_SYS(times),
    SCMP_SYS(getpriority), SCMP_SYS(setpriority), SCMP_SYS(ioprio_get), SCMP_SYS(ioprio_set),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_setaffinity),
    SCMP_SYS(sched_getparam), SCMP_SYS(sched_setparam), SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_setscheduler), SCMP_SYS(sched_getattr), SCMP_SYS(sched_setattr),
    SCMP_SYS(sched_get_priority_max), SCMP_SYS(sched_get_priority_min),
    SCMP_SYS(sched_rr_get_interval), SCMP_SYS(getcpu), SCMP_SYS(sysinfo), SCMP_SYS(uname),
    // time and randomness
    SCMP_SYS(time), SCMP_SYS(gettimeofday), SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(alarm), SCMP_SYS(getitimer),
    SCMP_SYS(setitimer), SCMP_SYS(timer_create), SCMP_SYS(timer_settime), SCMP_SYS(timer_gettime),
    SCMP_SYS(timer_getoverrun), SCMP_SYS(timer_delete), SCMP_SYS(getrandom),
    // sockets, in the run's own network
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt), SCMP_SYS(shutdown), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),
    // System V and POSIX communication, in the run's own namespace
    SCMP_SYS(shmget), SCMP_SYS(shmdt), SCMP_SYS(shmctl), SCMP_SYS(semget), SCMP_SYS(semop),
    SCMP_SYS(semtimedop), SCMP_SYS(semctl), SCMP_SYS(msgget), SCMP_SYS(msgsnd), SCMP_SYS(msgrcv),
    SCMP_SYS(msgctl), SCMP_SYS(mq_open), SCMP_SYS(mq_unlink), SCMP_SYS(mq_timedsend),
    SCMP_SYS(mq_timedreceive), SCMP_SYS(mq_notify), SCMP_SYS(mq_getsetattr)};

// Terminal and file requests of ordinary software. TIOCSTI and TIOCLINUX (typing for others),
// TIOCSETD, TIOCCONS and every driver's own requests are absent.
constexpr std::uint32_t kIoctls[] = {TCGETS,
                                     TCSETS,
                                     TCSETSW,
                                     TCSETSF,
                                     TCGETA,
                                     TCSBRK,
                                     TCXONC,
                                     TCFLSH,
                                     TIOCEXCL,
                                     TIOCNXCL,
                                     TIOCSCTTY,
                                     TIOCNOTTY,
                                     TIOCGPGRP,
                                     TIOCSPGRP,
                                     TIOCGSID,
                                     TIOCGWINSZ,
                                     TIOCSWINSZ,
                                     TIOCOUTQ,
                                     FIONREAD,
                                     FIONBIO,
                                     FIOASYNC,
                                     FIOCLEX,
                                     FIONCLEX,
                                     0x5460 /* FIOQSIZE */,
                                     0x5450 /* TCGETS2 is 0x802c542a */,
                                     0x802c542a,
                                     0x402c542b /* TCSETS2 */,
                                     0x80045430 /* TIOCGPTN */,
                                     0x40045431 /* TIOCSPTLCK */,
                                     0x5441 /* TIOCGPTPEER */,
                                     0x80086601 /* FS_IOC_GETFLAGS */,
                                     0x801c581f /* FS_IOC_FSGETXATTR */,
                                     0x80087601 /* FS_IOC_GETVERSION */,
                                     0x40049409 /* FICLONE */,
                                     0x4020940d /* FICLONERANGE */,
                                     0xc0189436 /* FIDEDUPERANGE */,
                                     0xc020660b /* FS_IOC_FIEMAP */,
                                     0x00000001 /* FIBMAP */,
                                     0x8906 /* SIOCGSTAMP */,
                                     0x8905 /* SIOCATMARK */};

// About interfaces: of the namespace that a socket belongs to.
constexpr std::uint32_t kInterfaceIoctls[] = {
    0x8912 /* SIOCGIFCONF */, 0x8910 /* SIOCGIFNAME */,    0x8913 /* SIOCGIFFLAGS */,
    0x8915 /* SIOCGIFADDR */, 0x8919 /* SIOCGIFBRDADDR */, 0x891b /* SIOCGIFNETMASK */,
    0x8921 /* SIOCGIFMTU */,  0x8927 /* SIOCGIFHWADDR */,  0x8933 /* SIOCGIFINDEX */};

// Socket options that concern one socket's own traffic and nothing else of the machine. Absent:
// devices, marks, source routes and routing headers, free binding, multicast membership, filters,
// fast open, upper protocols, repair.
struct SocketOptions {
  std::uint32_t level;
  std::initializer_list<int> names;
};
const SocketOptions kSocketOptions[] = {
    {SOL_SOCKET,
     {SO_REUSEADDR,
      SO_REUSEPORT,
      SO_BROADCAST,
      SO_SNDBUF,
      SO_RCVBUF,
      SO_KEEPALIVE,
      SO_OOBINLINE,
      SO_PRIORITY,
      SO_LINGER,
      SO_PASSCRED,
      SO_RCVLOWAT,
      SO_SNDLOWAT,
      SO_RCVTIMEO,
      SO_SNDTIMEO,
      SO_TIMESTAMP,
      SO_TIMESTAMPNS,
      SO_TIMESTAMPING,
      SO_RXQ_OVFL,
      SO_ZEROCOPY,
      63 /* SO_TIMESTAMP_NEW */,
      64 /* SO_TIMESTAMPNS_NEW */,
      65 /* SO_TIMESTAMPING_NEW */,
      66 /* SO_RCVTIMEO_NEW */,
      67 /* SO_SNDTIMEO_NEW */}},
    {IPPROTO_TCP,
     {TCP_NODELAY, TCP_MAXSEG, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT,
      TCP_LINGER2, TCP_DEFER_ACCEPT, TCP_WINDOW_CLAMP, TCP_QUICKACK, TCP_USER_TIMEOUT,
      TCP_NOTSENT_LOWAT}},
    {IPPROTO_UDP, {1 /* UDP_CORK */, 103 /* UDP_SEGMENT */, 104 /* UDP_GRO */}},
    {IPPROTO_IP,
     {IP_TOS, IP_TTL, IP_RECVTOS, IP_RECVTTL, IP_RECVERR, IP_PKTINFO, IP_MTU_DISCOVER,
      IP_BIND_ADDRESS_NO_PORT, IP_MULTICAST_TTL, IP_MULTICAST_LOOP}},
    {IPPROTO_IPV6,
     {IPV6_V6ONLY, IPV6_UNICAST_HOPS, IPV6_TCLASS, IPV6_RECVTCLASS, IPV6_RECVPKTINFO,
      IPV6_RECVHOPLIMIT, IPV6_RECVERR, IPV6_MTU_DISCOVER, IPV6_DONTFRAG, IPV6_MULTICAST_HOPS,
      IPV6_MULTICAST_LOOP, 70 /* IPV6_AUTOFLOWLABEL */, 72 /* IPV6_ADDR_PREFERENCES */}},
    {270 /* SOL_NETLINK */, {11 /* NETLINK_EXT_ACK */, 12 /* NETLINK_GET_STRICT_CHK */}}};

constexpr int kPrctls[] = {PR_SET_NAME,
                           PR_GET_NAME,
                           PR_SET_PDEATHSIG,
                           PR_GET_PDEATHSIG,
                           PR_GET_DUMPABLE,
                           PR_SET_DUMPABLE,
                           PR_GET_KEEPCAPS,
                           PR_CAPBSET_READ,
                           PR_GET_SECUREBITS,
                           PR_SET_NO_NEW_PRIVS,
                           PR_GET_NO_NEW_PRIVS,
                           PR_SET_TIMERSLACK,
                           PR_GET_TIMERSLACK,
                           PR_SET_THP_DISABLE,
                           PR_GET_THP_DISABLE,
                           PR_GET_TID_ADDRESS,
                           PR_SET_CHILD_SUBREAPER,
                           PR_GET_CHILD_SUBREAPER,
                           PR_GET_SECCOMP,
                           PR_SET_SECCOMP,
                           PR_GET_SPECULATION_CTRL,
                           PR_SET_SPECULATION_CTRL,
                           PR_SET_VMA,
                           PR_CAP_AMBIENT,
                           PR_GET_TSC,
                           PR_SET_IO_FLUSHER,
                           65 /* PR_SET_MDWE */,
                           66 /* PR_GET_MDWE */};

// fcntl but for leases (they hold up writers outside) and directory notices.
constexpr int kFcntls[] = {F_DUPFD,
                           F_GETFD,
                           F_SETFD,
                           F_GETFL,
                           F_SETFL,
                           F_GETLK,
                           F_SETLK,
                           F_SETLKW,
                           F_SETOWN,
                           F_GETOWN,
                           10 /* F_SETSIG */,
                           11 /* F_GETSIG */,
                           15 /* F_SETOWN_EX */,
                           16 /* F_GETOWN_EX */,
                           36 /* F_OFD_GETLK */,
                           37 /* F_OFD_SETLK */,
                           38 /* F_OFD_SETLKW */,
                           1025 /* F_GETLEASE */,
                           F_DUPFD_CLOEXEC,
                           1031 /* F_SETPIPE_SZ */,
                           1032 /* F_GETPIPE_SZ */,
                           1033 /* F_ADD_SEALS */,
                           1034 /* F_GET_SEALS */,
                           1035 /* F_GET_RW_HINT */,
                           1036 /* F_SET_RW_HINT */};

constexpr std::uint64_t kWord = 0xffffffff;  // the kernel looks at 32 bits of these arguments
constexpr std::uint64_t kSetIds = 06000;

class Rules {
 public:
  explicit Rules(scmp_filter_ctx context) : context_(context) {}

  void add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> when = {}) {
    const int failed = seccomp_rule_add_array(context_, action, call,
                                              static_cast<unsigned>(when.size()), when.begin());
    if (failed != 0 && failed_ == 0) failed_ = failed;
  }
  // Sets of bits in one argument: all of `bits` clear, or exactly `value` of them.
  static scmp_arg_cmp bits(unsigned argument, std::uint64_t mask, std::uint64_t value) {
    return scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, mask, value};
  }
  static scmp_arg_cmp word(unsigned argument, std::uint64_t value) {
    return bits(argument, kWord, value & kWord);
  }
  int failed() const { return failed_; }

 private:
  scmp_filter_ctx context_;
  int failed_ = 0;
};

// A mode without set-id bits, or EPERM.
void add_mode(Rules& rules, int call, unsigned argument) {
  rules.add(SCMP_ACT_ALLOW, call, {Rules::bits(argument, kSetIds, 0)});
  for (const std::uint64_t value : {04000u, 02000u, 06000u}) {
    rules.add(kRefuse, call, {Rules::bits(argument, kSetIds, value)});
  }
}

// The mode of open() counts only where it creates.
void add_open(Rules& rules, int call, unsigned flags, unsigned mode) {
  constexpr std::uint64_t kTmpfile = 020000000;  // __O_TMPFILE
  constexpr std::uint64_t kCreating = O_CREAT | kTmpfile;
  rules.add(SCMP_ACT_ALLOW, call, {Rules::bits(flags, kCreating, 0)});
  for (const std::uint64_t how : {std::uint64_t{O_CREAT}, kTmpfile, kCreating}) {
    const scmp_arg_cmp creating = Rules::bits(flags, kCreating, how);
    rules.add(SCMP_ACT_ALLOW, call, {creating, Rules::bits(mode, kSetIds, 0)});
    for (const std::uint64_t value : {04000u, 02000u, 06000u}) {
      rules.add(kRefuse, call, {creating, Rules::bits(mode, kSetIds, value)});
    }
  }
}

void add_clone(Rules& rules) {
  constexpr std::uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                        CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  constexpr std::uint64_t kShared = CLONE_FS | CLONE_THREAD;
  const int call = SCMP_SYS(clone);
  rules.add(SCMP_ACT_ALLOW, call, {Rules::bits(0, kNamespaces | CLONE_FS, 0)});
  rules.add(SCMP_ACT_ALLOW, call, {Rules::bits(0, kNamespaces | kShared, kShared)});
  rules.add(kRefuse, call, {Rules::bits(0, kShared, CLONE_FS)});
  for (std::uint64_t one = 1; one <= kNamespaces; one <<= 1) {
    if ((kNamespaces & one) != 0) rules.add(kRefuse, call, {Rules::bits(0, one, one)});
  }
}

// Its own limits only: init has the run's uid, and a limit of no descriptors would end it.
void add_limits(Rules& rules) {
  const int call = SCMP_SYS(prlimit64);
  const scmp_arg_cmp other{0, SCMP_CMP_NE, 0, 0};
  rules.add(SCMP_ACT_ALLOW, call, {scmp_arg_cmp{0, SCMP_CMP_EQ, 0, 0}});
  rules.add(SCMP_ACT_ALLOW, call, {other, scmp_arg_cmp{2, SCMP_CMP_EQ, 0, 0}});
  rules.add(kRefuse, call, {other, scmp_arg_cmp{2, SCMP_CMP_NE, 0, 0}});
}

void add_sockets(Rules& rules) {
  const int call = SCMP_SYS(socket);
  for (const std::uint64_t family : {AF_INET, AF_INET6}) {
    for (const std::uint64_t protocol : {0, 6, 17}) {
      rules.add(SCMP_ACT_ALLOW, call, {Rules::word(0, family), Rules::word(2, protocol)});
    }
    // MPTCP: callers fall back to TCP.
    rules.add(SCMP_ACT_ERRNO(EPROTONOSUPPORT), call, {Rules::word(0, family), Rules::word(2, 262)});
  }
  rules.add(SCMP_ACT_ALLOW, call, {Rules::word(0, AF_NETLINK), Rules::word(2, 0)});
  for (std::uint64_t family = 0; family < 64; ++family) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) {
      continue;
    }
    rules.add(SCMP_ACT_ERRNO(EAFNOSUPPORT), call, {Rules::word(0, family)});
  }
  // A stream is connected by connect alone, which the net gate hears of; a datagram socket, of a
  // pair too, sends to any path that it is told in memory.
  constexpr std::uint64_t kType = 0xf;
  for (std::uint64_t type = 0; type <= kType; ++type) {
    const scmp_arg_cmp local = Rules::word(0, AF_UNIX);
    const scmp_arg_cmp of_type = Rules::bits(1, kType, type);
    if (type == SOCK_STREAM || type == SOCK_SEQPACKET) {
      rules.add(SCMP_ACT_ALLOW, call, {local, of_type});
      rules.add(SCMP_ACT_ALLOW, SCMP_SYS(socketpair), {local, of_type});
    } else {
      rules.add(SCMP_ACT_ERRNO(ESOCKTNOSUPPORT), call, {local, of_type});
    }
  }
}

void add_network(Rules& rules, bool outward) {
  struct Send {
    int call;
    unsigned flags;  // argument
  };
  constexpr Send kSends[] = {
      {SCMP_SYS(sendto), 3}, {SCMP_SYS(sendmsg), 2}, {SCMP_SYS(sendmmsg), 3}};
  rules.add(SCMP_ACT_NOTIFY, SCMP_SYS(connect));
  if (!outward) {
    for (const int call : {SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(setsockopt)}) {
      rules.add(SCMP_ACT_ALLOW, call);
    }
    for (const Send& send : kSends) rules.add(SCMP_ACT_ALLOW, send.call);
    for (const std::uint32_t request : kInterfaceIoctls) {
      rules.add(SCMP_ACT_ALLOW, SCMP_SYS(ioctl), {Rules::word(1, request)});
    }
    return;
  }
  for (const int call : {SCMP_SYS(bind), SCMP_SYS(listen)}) rules.add(SCMP_ACT_NOTIFY, call);
  for (const auto& [call, flags] : kSends) {
    rules.add(SCMP_ACT_ALLOW, call, {Rules::bits(flags, MSG_FASTOPEN, 0)});
    rules.add(SCMP_ACT_ERRNO(EOPNOTSUPP), call, {Rules::bits(flags, MSG_FASTOPEN, MSG_FASTOPEN)});
  }
  for (const auto& [level, names] : kSocketOptions) {
    for (const int name : names) {
      rules.add(SCMP_ACT_ALLOW, SCMP_SYS(setsockopt),
                {Rules::word(1, level), Rules::word(2, static_cast<std::uint64_t>(name))});
    }
  }
}

void add_executable_memory(Rules& rules, const FilterOptions& options) {
  constexpr std::uint64_t kBoth = PROT_WRITE | PROT_EXEC;
  constexpr std::uint64_t kType = 0xf;  // MAP_TYPE
  const int map = SCMP_SYS(mmap);
  if (options.jit) {
    rules.add(SCMP_ACT_ALLOW, map);
  } else {
    // The kernel's rule (MDWE) and, where it has none, the same here: no mapping is both, and none
    // is made executable later. Shared memory may not be executable at all: the kernel's rule lets
    // a child, or a second mapping by mremap, give up execution and write the same pages.
    rules.add(SCMP_ACT_ALLOW, map, {Rules::bits(2, PROT_EXEC, 0)});
    rules.add(kRefuse, map, {Rules::bits(2, kBoth, kBoth)});
    const scmp_arg_cmp executable = Rules::bits(2, kBoth, PROT_EXEC);
    rules.add(SCMP_ACT_ALLOW, map, {executable, Rules::bits(3, kType, MAP_PRIVATE)});
    for (const std::uint64_t type : {MAP_SHARED, MAP_SHARED_VALIDATE}) {
      rules.add(kRefuse, map, {executable, Rules::bits(3, kType, type)});
    }
  }
  for (const int call : {SCMP_SYS(mprotect), SCMP_SYS(pkey_mprotect)}) {
    if (options.jit || options.mdwe) {
      rules.add(SCMP_ACT_ALLOW, call);
    } else {
      rules.add(SCMP_ACT_ALLOW, call, {Rules::bits(2, PROT_EXEC, 0)});
      rules.add(kRefuse, call, {Rules::bits(2, PROT_EXEC, PROT_EXEC)});
    }
  }
  if (options.jit) {
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(memfd_create));
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(memfd_secret));
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(shmat));
  } else {
    // Two mappings of one object defeat any rule about single mappings.
    rules.add(kRefuse, SCMP_SYS(memfd_create));
    rules.add(kRefuse, SCMP_SYS(memfd_secret));
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(shmat), {Rules::bits(2, SHM_EXEC, 0)});
    rules.add(kRefuse, SCMP_SYS(shmat), {Rules::bits(2, SHM_EXEC, SHM_EXEC)});
  }
}

}  // namespace

Result<std::vector<wire::FilterOp>> make_filter(const FilterOptions& options) {
  const std::unique_ptr<void, Release> context(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)));
  if (!context) return Error(Code::Internal, "libseccomp made no filter");
  (void)seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  Rules rules(context.get());
  for (const int call : kAllowed) rules.add(SCMP_ACT_ALLOW, call);
  rules.add(SCMP_ACT_NOTIFY, SCMP_SYS(execve));
  rules.add(SCMP_ACT_NOTIFY, SCMP_SYS(execveat));
  for (const std::uint32_t request : kIoctls) {
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(ioctl), {Rules::word(1, request)});
  }
  for (const int option : kPrctls) {
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prctl),
              {Rules::word(0, static_cast<std::uint64_t>(option))});
  }
  for (const int command : kFcntls) {
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(fcntl),
              {Rules::word(1, static_cast<std::uint64_t>(command))});
  }
  // Only the plain personality, and the question which one it is.
  for (const std::uint64_t value : {std::uint64_t{0}, kWord}) {
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(personality), {Rules::word(0, value)});
  }
  add_clone(rules);
  add_limits(rules);
  add_sockets(rules);
  add_network(rules, options.net);
  add_open(rules, SCMP_SYS(open), 1, 2);
  add_open(rules, SCMP_SYS(openat), 2, 3);
  add_mode(rules, SCMP_SYS(creat), 1);
  add_mode(rules, SCMP_SYS(mknod), 1);
  add_mode(rules, SCMP_SYS(mknodat), 2);
  add_mode(rules, SCMP_SYS(chmod), 1);
  add_mode(rules, SCMP_SYS(fchmod), 1);
  add_mode(rules, SCMP_SYS(fchmodat), 2);
  add_executable_memory(rules, options);
  if (rules.failed() != 0) {
    return Error(Code::Internal, "libseccomp refused a rule", -rules.failed());
  }
  const UniqueFd file = TRY(memfd("writ-filter"));
  if (const int failed = seccomp_export_bpf(context.get(), file.number()); failed != 0) {
    return Error(Code::Internal, "libseccomp exported no filter", -failed);
  }
  const struct stat info = TRY(stat_fd(file.borrow()));
  std::vector<wire::FilterOp> program(static_cast<std::size_t>(info.st_size) /
                                      sizeof(wire::FilterOp));
  const std::size_t size = program.size() * sizeof(wire::FilterOp);
  if (pread(file.number(), program.data(), size, 0) != static_cast<ssize_t>(size)) {
    return Error(Code::Internal, "reading the filter back", errno);
  }
  if (program.empty() || program.size() > 4096) {
    return Error(Code::Internal,
                 "the filter has " + std::to_string(program.size()) + " instructions");
  }
  return program;
}

}  // namespace writ::enforce
