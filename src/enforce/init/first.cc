// The first task of a run, from fork to execve: it gives everything up, in an order that matters.
//
// Limits and capabilities first (dropping the bounding set needs a capability), then what needs
// no_new_privs, Landlock before the filter (the filter would let it, but the rules open files),
// the filter last: from then on even this code is under it. The listener goes to the governor and
// is closed here; the lifeline closes at execve, so the program inherits 0, 1 and 2 alone.
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "enforce/init/sys.h"

namespace writ::enforce::init {
namespace {

// Names newer than linux-libc-dev 6.1.
constexpr int kSetMdwe = 65;                  // PR_SET_MDWE, 6.3
constexpr unsigned long kRefuseExecGain = 1;  // PR_MDWE_REFUSE_EXEC_GAIN
constexpr unsigned kWaitKillable = 1u << 5;   // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 5.19
constexpr unsigned long kLandlockRulePathBeneath = 1;

struct RulesetAttributes {
  std::uint64_t fs;
  std::uint64_t net;
  std::uint64_t scope;
};
struct [[gnu::packed]] PathRule {
  std::uint64_t rights;
  std::int32_t fd;
};

void limit(const Script& script) {
  const auto* limits = script.table<wire::Limit>(script.head().limits);
  for (std::uint32_t i = 0; i < script.head().limits.count; ++i) {
    const rlimit value{limits[i].soft, limits[i].hard};
    need(setrlimit(static_cast<__rlimit_resource_t>(limits[i].resource), &value),
         "setting a limit");
  }
}

void drop_capabilities() {
  for (unsigned long one = 0; one < 64; ++one) {
    if (prctl(PR_CAPBSET_DROP, one, 0, 0, 0) != 0) {
      if (errno == EINVAL && one > CAP_AUDIT_READ) break;  // past the kernel's last
      fail("dropping capabilities");
    }
  }
  constexpr unsigned long kBits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                  SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                  SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  need(prctl(PR_SET_SECUREBITS, kBits, 0, 0, 0), "locking capabilities");
  need(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "dropping capabilities");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  need(syscall(SYS_capset, &header, none), "dropping capabilities");
}

void land(const Script& script) {
  const wire::Head& head = script.head();
  if (head.land_fs == 0) return;
  const RulesetAttributes attributes{head.land_fs, head.land_net, head.land_scope};
  // Older kernels know a shorter struct; the fields they lack are zero then.
  std::size_t size = sizeof attributes.fs;
  if (head.land_net != 0) size = offsetof(RulesetAttributes, scope);
  if (head.land_scope != 0) size = sizeof attributes;
  const int ruleset = static_cast<int>(
      need(syscall(SYS_landlock_create_ruleset, &attributes, size, 0), "making Landlock rules"));
  const auto* rules = script.table<wire::LandRule>(head.rules);
  for (std::uint32_t i = 0; i < head.rules.count; ++i) {
    const char* path = script.text(rules[i].path);
    const int fd = static_cast<int>(
        need(open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW), "making a Landlock rule for", path));
    const PathRule rule{rules[i].rights, fd};
    need(syscall(SYS_landlock_add_rule, ruleset, kLandlockRulePathBeneath, &rule, 0),
         "making a Landlock rule for", path);
    (void)close(fd);
  }
  need(syscall(SYS_landlock_restrict_self, ruleset, 0), "entering Landlock");
  (void)close(ruleset);
}

int install_filter(const Script& script) {
  const wire::Head& head = script.head();
  static_assert(sizeof(sock_filter) == sizeof(wire::FilterOp));
  if (head.filter.count == 0 || head.filter.count > BPF_MAXINSNS) {
    errno = EINVAL;
    fail("the plan has no filter");
  }
  const auto* ops = script.table<wire::FilterOp>(head.filter);
  const sock_fprog program{static_cast<unsigned short>(head.filter.count),
                           const_cast<sock_filter*>(reinterpret_cast<const sock_filter*>(ops))};
  return static_cast<int>(need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                       SECCOMP_FILTER_FLAG_NEW_LISTENER | kWaitKillable, &program),
                               "installing the filter"));
}

// A NULL-terminated vector of the strings of `table`, on fresh pages (up to megabytes).
char** vector_of(const Script& script, const wire::Table& table) {
  const auto* offsets = script.table<std::uint32_t>(table);
  auto** out = static_cast<char**>(sbrk(static_cast<intptr_t>((table.count + 1) * sizeof(char*))));
  if (out == reinterpret_cast<char**>(-1)) fail("starting the first program");
  for (std::uint32_t i = 0; i < table.count; ++i)
    out[i] = const_cast<char*>(script.text(offsets[i]));
  out[table.count] = nullptr;
  return out;
}

// A terminal's job control stops and continues process groups whose parents are in the same
// session: so init leads the session, as a shell would, and the first task is its foreground job.
void take_terminal(int terminal, bool error_too) {
  need(setpgid(0, 0), "making a process group");
  need(tcsetpgrp(terminal, getpid()), "taking the terminal");
  for (int fd = 0; fd <= (error_too ? 2 : 1); ++fd) {
    need(dup2(terminal, fd), "taking the terminal");
  }
}

}  // namespace

void start_first(const Script& script, int terminal) {
  const wire::Head& head = script.head();
  constexpr std::uint32_t kAll = 2;  // enforce::Terminal::All
  if (terminal >= 0) {
    take_terminal(terminal, head.terminal == kAll);  // while signals are blocked
  } else {
    need(setsid(), "making a session");
  }
  sigset_t none;
  sigemptyset(&none);
  need(sigprocmask(SIG_SETMASK, &none, nullptr), "resetting signals");
  (void)umask(022);
  const char* program = script.text(head.program);
  char** argv = vector_of(script, head.argv);
  char** environment = vector_of(script, head.environment);
  const char* directory = script.text(head.directory);

  drop_capabilities();
  need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "setting no_new_privs");
  land(script);
  need(chdir(directory), "entering the working directory", directory);
  if (head.mdwe != 0) need(prctl(kSetMdwe, kRefuseExecGain, 0, 0, 0), "setting write-xor-execute");
  limit(script);
  const int listener = install_filter(script);

  wire::Message message;
  message.kind = wire::Kind::Listener;
  if (!send_message(message, listener)) _exit(125);
  (void)close(listener);
  (void)syscall(SYS_close_range, wire::kLifeline + 1, ~0u, 0);
  (void)execve(program, argv, environment);
  message.kind = wire::Kind::NotStarted;
  message.value = errno;
  (void)send_message(message, -1);
  _exit(127);
}

}  // namespace writ::enforce::init
