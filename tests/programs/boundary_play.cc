// What a run may try, as a static program: each command makes some attempts and prints one line for
// each, "what: ok" or "what: ERRNO". The tests of boundary_test.cc run it inside a boundary.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace {

void say(const std::string& what, long result) {
  const char* name = result < 0 ? strerrorname_np(errno) : "ok";
  printf("%s: %s\n", what.c_str(), name != nullptr ? name : "?");
  fflush(stdout);
}

template <typename Body>
int in_child(Body body) {
  fflush(stdout);
  const pid_t pid = fork();
  if (pid < 0) return -1;
  if (pid == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  (void)waitpid(pid, &status, 0);
  return status;
}

void see(const std::string& path) {
  struct stat info {};
  say("stat " + path, lstat(path.c_str(), &info));
}

void read_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY);
  char bytes[4096];
  const ssize_t length = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
  say("read " + path, length);
  printf("length %s: %zd\n", path.c_str(), length);
}

void write_file(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT, 0644);
  say("write " + path, fd < 0 ? -1 : write(fd, "x", 1));
}

void map_executable(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY);
  void* at = fd < 0 ? MAP_FAILED : mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
  say("map " + path, at == MAP_FAILED ? -1 : 0);
}

void execute(const std::string& path) {
  const int status = in_child([&] {
    const char* argv[] = {path.c_str(), "nothing", nullptr};
    execv(path.c_str(), const_cast<char**>(argv));
    _exit(errno);
  });
  errno = WEXITSTATUS(status);
  say("exec " + path, errno == 0 ? 0 : -1);
}

void metadata(const std::string& path) {
  const timespec times[2] = {{1, 0}, {1, 0}};
  say("chmod", chmod(path.c_str(), 0666));
  say("utimens", utimensat(AT_FDCWD, path.c_str(), times, 0));
  say("setxattr", setxattr(path.c_str(), "user.a", "b", 1, 0));
  say("truncate", truncate(path.c_str(), 0));
  say("unlink", unlink(path.c_str()));
  say("link", link(path.c_str(), (path + ".more").c_str()));
  say("rename", rename(path.c_str(), (path + ".other").c_str()));
}

void init() {
  for (const char* name : {"mem", "environ", "maps", "auxv", "io", "stack", "syscall"}) {
    read_file(std::string("/proc/1/") + name);
  }
  const int fd = open("/proc/1/mem", O_RDWR);
  say("open /proc/1/mem for writing", fd);
  for (const char* name : {"fd", "fdinfo", "map_files", "task/1/fd"}) {
    DIR* dir = opendir((std::string("/proc/1/") + name).c_str());
    say(std::string("list /proc/1/") + name, dir == nullptr ? -1 : 0);
  }
  char target[256];
  for (const char* name : {"root", "cwd", "exe"}) {
    say(std::string("follow /proc/1/") + name,
        readlink((std::string("/proc/1/") + name).c_str(), target, sizeof target));
  }
  read_file("/proc/1/root/etc/shadow");
  (void)kill(1, SIGKILL);
  (void)kill(1, SIGTERM);
  printf("still here\n");
}

void siblings() {
  int ready[2];
  if (pipe(ready) != 0) return;
  const pid_t pid = fork();
  if (pid == 0) {
    char byte = 0;
    (void)!read(ready[0], &byte, 1);
    _exit(0);
  }
  const std::string other = "/proc/" + std::to_string(pid);
  say("write sibling's memory", open((other + "/mem").c_str(), O_RDWR));
  say("write own memory", open("/proc/self/mem", O_RDWR));
  say("write own comm", open("/proc/self/comm", O_WRONLY));
  char byte = 0;
  iovec mine{&byte, 1};
  say("process_vm_writev", syscall(SYS_process_vm_writev, pid, &mine, 1, &mine, 1, 0));
  say("ptrace attach", syscall(SYS_ptrace, PTRACE_SEIZE, pid, 0, 0));
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  say("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, 0, 0));
  (void)kill(pid, SIGKILL);
  (void)waitpid(pid, nullptr, 0);
}

void clone_with(const char* name, unsigned long flags) {
  fflush(stdout);
  const long pid = syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) _exit(0);
  say(std::string("clone ") + name, pid);
  if (pid > 0) (void)waitpid(static_cast<pid_t>(pid), nullptr, 0);
}

void namespaces() {
  for (const unsigned long flag :
       {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS}) {
    say("unshare " + std::to_string(flag), unshare(static_cast<int>(flag)));
  }
  clone_with("NEWUSER", CLONE_NEWUSER);
  clone_with("NEWUSER|NEWNS", CLONE_NEWUSER | CLONE_NEWNS);
  clone_with("NEWCGROUP", CLONE_NEWCGROUP);
  clone_with("FS", CLONE_FS);
  clone_with("plain", 0);
  say("clone3", syscall(SYS_clone3, nullptr, 0));
  say("setns", setns(0, 0));
  say("mount", mount("none", "/tmp", "tmpfs", 0, ""));
  say("umount", umount2("/tmp", MNT_DETACH));
  say("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/tmp", 1));
  say("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
  say("chroot", chroot("/tmp"));
}

void calls() {
  say("bpf", syscall(SYS_bpf, 0, nullptr, 0));
  say("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3, 1));
  say("add_key", syscall(SYS_add_key, "user", "a", "b", 1, -3));
  say("io_uring_setup", syscall(SYS_io_uring_setup, 1, nullptr));
  say("userfaultfd", syscall(SYS_userfaultfd, 1));
  say("perf_event_open", syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0));
  say("open_by_handle_at", syscall(SYS_open_by_handle_at, -1, nullptr, 0));
  say("fanotify_init", syscall(SYS_fanotify_init, 0, 0));
  say("personality query", syscall(SYS_personality, 0xffffffffL));
  say("personality READ_IMPLIES_EXEC", syscall(SYS_personality, 0x0400000));
  say("TIOCSTI", syscall(SYS_ioctl, 0, 0x5412UL, "a"));
  say("TIOCSTI with high bits", syscall(SYS_ioctl, 0, 0x100005412UL, "a"));
  say("TIOCLINUX", syscall(SYS_ioctl, 0, 0x541cUL, "a"));
  say("F_SETLEASE", fcntl(0, 1024, F_RDLCK));
  say("modify_ldt", syscall(SYS_modify_ldt, 0, nullptr, 0));
  say("syslog", syscall(SYS_syslog, 3, nullptr, 0));
  say("setuid 0", setuid(0));
  say("sched_yield", sched_yield());
}

void set_ids() {
  const int fd = open("/tmp/f", O_WRONLY | O_CREAT, 0755);
  say("create", fd);
  say("chmod 4755", syscall(SYS_chmod, "/tmp/f", 04755));
  say("fchmod 2755", syscall(SYS_fchmod, fd, 02755));
  say("fchmodat 6755", syscall(SYS_fchmodat, AT_FDCWD, "/tmp/f", 06755));
  say("fchmodat2", syscall(452, AT_FDCWD, "/tmp/f", 04755, 0));
  say("create 4755", syscall(SYS_open, "/tmp/g", O_WRONLY | O_CREAT, 04755));
  say("create 2755", syscall(SYS_openat, AT_FDCWD, "/tmp/g", O_WRONLY | O_CREAT, 02755));
  say("mknod 4755", syscall(SYS_mknod, "/tmp/h", S_IFREG | 04755, 0));
  say("mknod device", syscall(SYS_mknod, "/tmp/d", S_IFCHR | 0666, 0x103));
  say("open with a stray mode", syscall(SYS_open, "/tmp/f", O_RDONLY, 04755));
  say("chmod 755", chmod("/tmp/f", 0755));
}

void memory() {
  void* both =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  say("mmap writable and executable", both == MAP_FAILED ? -1 : 0);
  void* data = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  say("mprotect executable", mprotect(data, 4096, PROT_READ | PROT_EXEC));
  say("memfd_create", memfd_create("a", 0));
  say("memfd_secret", syscall(447, 0));
  const int shm = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
  say("shmget", shm);
  say("shmat", shmat(shm, nullptr, 0) == reinterpret_cast<void*>(-1) ? -1 : 0);
  say("shmat executable",
      shmat(shm, nullptr, SHM_EXEC | SHM_RDONLY) == reinterpret_cast<void*>(-1) ? -1 : 0);
  const int fd = open("/tmp/code", O_RDWR | O_CREAT, 0755);
  (void)!write(fd, "\xc3", 1);
  void* file = mmap(nullptr, 1, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  say("map /tmp file executable", file == MAP_FAILED ? -1 : 0);
}

void sockets() {
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG}) {
    const int type = family == AF_PACKET || family == AF_NETLINK ? SOCK_RAW
                     : family == AF_UNIX                         ? SOCK_STREAM
                                                                 : SOCK_DGRAM;
    say("socket " + std::to_string(family), socket(family, type, 0));
  }
  say("netlink audit", socket(AF_NETLINK, SOCK_RAW, 9));
  say("raw", socket(AF_INET, SOCK_RAW, 1));
  int pair[2];
  say("socketpair stream", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  say("socketpair datagram", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  say("bind", bind(server, reinterpret_cast<sockaddr*>(&here), sizeof here));
  socklen_t size = sizeof here;
  (void)getsockname(server, reinterpret_cast<sockaddr*>(&here), &size);
  say("listen", listen(server, 1));
  // Connecting is the net gate's (net_gate_test.cc); a datagram meets the empty namespace itself.
  here.sin_addr.s_addr = htonl(0x08080808);
  here.sin_port = htons(53);
  const int outside = socket(AF_INET, SOCK_DGRAM, 0);
  say("send outside", sendto(outside, "x", 1, 0, reinterpret_cast<sockaddr*>(&here), sizeof here));
}

// System calls by another interface of the processor end the process.
void interfaces() {
  const int old = in_child([] {
    long result = 20;  // getpid
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
  });
  printf("i386: %s\n", WIFSIGNALED(old) && WTERMSIG(old) == SIGSYS ? "killed" : "lived");
  const int x32 = in_child([] { (void)syscall(0x40000000 | SYS_getpid); });
  printf("x32: %s\n", WIFSIGNALED(x32) && WTERMSIG(x32) == SIGSYS ? "killed" : "lived");
}

void forks(int wanted) {
  int made = 0;
  for (int i = 0; i < wanted; ++i) {
    const pid_t pid = fork();
    if (pid == 0) {
      pause();
      _exit(0);
    }
    if (pid < 0) break;
    ++made;
  }
  printf("forks: %d\n", made);
}

void descriptors() {
  for (int fd = 0; fd < 4096; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) printf("descriptor %d\n", fd);
  }
}

std::vector<std::string> lines_of(const char* path) {
  std::vector<std::string> out(1);
  FILE* file = fopen(path, "r");
  for (int c = 0; file != nullptr && (c = fgetc(file)) != EOF;) {
    if (c == '\n') {
      out.emplace_back();
    } else {
      out.back() += static_cast<char>(c);
    }
  }
  if (file != nullptr) fclose(file);
  return out;
}

void state() {
  printf("uid %u gid %u euid %u\n", getuid(), getgid(), geteuid());
  printf("pid %d parent %d session %d\n", getpid(), getppid(), getsid(0));
  for (char** one = environ; *one != nullptr; ++one) printf("variable %s\n", *one);
  char name[65] = {};
  (void)gethostname(name, sizeof name);
  printf("host %s\n", name);
  printf("no_new_privs %d mdwe %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
         prctl(66, 0, 0, 0, 0));
  rlimit core{};
  (void)getrlimit(RLIMIT_CORE, &core);
  printf("core %ld\n", static_cast<long>(core.rlim_max));
  rlimit cpu{};
  (void)getrlimit(RLIMIT_CPU, &cpu);
  printf("cpu %ld, then %ld\n", static_cast<long>(cpu.rlim_cur), static_cast<long>(cpu.rlim_max));
  for (const char* name : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    std::string line;
    for (const std::string& one : lines_of("/proc/self/status")) {
      if (one.rfind(name, 0) == 0) line = one.substr(one.find_last_of(" \t") + 1);
    }
    printf("%s %s\n", name, line.c_str());
  }
  for (const std::string& one : lines_of("/proc/self/mountinfo")) {
    if (one.find(" /proc ") != std::string::npos) {
      printf("proc is %s\n", one.substr(one.find(" /proc ") + 7, 2).c_str());
    }
  }
  printf("namespaces left %s\n", lines_of("/proc/sys/user/max_user_namespaces").front().c_str());
  write_file("/fresh");
  say("user namespaces allowed", open("/proc/sys/user/max_user_namespaces", O_WRONLY));
  write_file("/proc/sys/kernel/core_pattern");
  write_file("/proc/sys/vm/overcommit_memory");
}

// Many processes that ignore what they can; the first stays.
void crowd(int wanted) {
  (void)signal(SIGTERM, SIG_IGN);
  for (int i = 0; i < wanted; ++i) {
    if (fork() == 0) {
      (void)setsid();
      if (fork() == 0) {
        for (;;) pause();
      }
      _exit(0);
    }
  }
  printf("crowd\n");
  fflush(stdout);
  for (;;) pause();
}

// Counts on /tmp, for freeze: one line for each 10 ms.
void tick() {
  for (;;) {
    (void)!write(1, ".", 1);
    usleep(10'000);
  }
}

void leave_daemon() {
  if (fork() == 0) {
    (void)setsid();
    for (;;) pause();
  }
}

void rename_away(const std::string& from, const std::string& to) {
  say("rename " + from, rename(from.c_str(), to.c_str()));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  const auto each = [&](void (*body)(const std::string&)) {
    for (int i = 2; i < argc; ++i) body(argv[i]);
  };
  const int number = argc > 2 ? atoi(argv[2]) : 0;
  if (command == "nothing") return 0;
  if (command == "see") each(see);
  if (command == "read") each(read_file);
  if (command == "write") each(write_file);
  if (command == "map") each(map_executable);
  if (command == "exec") each(execute);
  if (command == "metadata") each(metadata);
  if (command == "init") init();
  if (command == "siblings") siblings();
  if (command == "namespaces") namespaces();
  if (command == "calls") calls();
  if (command == "set-ids") set_ids();
  if (command == "memory") memory();
  if (command == "sockets") sockets();
  if (command == "interfaces") interfaces();
  if (command == "forks") forks(number);
  if (command == "descriptors") descriptors();
  if (command == "state") state();
  if (command == "crowd") crowd(number);
  if (command == "tick") tick();
  if (command == "daemon") leave_daemon();
  if (command == "exit") return number;
  if (command == "die") raise(SIGKILL);
  if (command == "rename") rename_away(argv[2], argv[3]);
  return 0;
}
