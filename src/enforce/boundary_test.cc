// What a built boundary holds, seen from inside by a static program
// (tests/programs/boundary_play.cc) and from outside by this one, for an ordinary user and for
// root.
//
// The supervisor of these tests is as small as can be: it lets every exec through. So whatever is
// refused here is refused by the boundary alone.
#include "enforce/boundary.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <thread>

#include "enforce/probe.h"

namespace writ::enforce {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr unsigned kUser = 62001;     // the ordinary user of these tests: needs no passwd entry
constexpr unsigned kForeign = 62000;  // root's runs

enum class As { User, Root };

// What happened in a run.
struct Story {
  std::string build_error;
  std::string out;
  int status = -1;  // wait status of the first program
  int exec_error = 0;
  bool told = false;  // the first program's end came over the lifeline
  pid_t init = 0;

  // The answer to an attempt: "ok" or the errno's name; "?" when it was not made.
  std::string of(const std::string& what) const {
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(what + ": ")) return line.substr(what.size() + 2);
    }
    return "?";
  }
  bool says(const std::string& text) const { return out.find(text) != std::string::npos; }
};

// A descriptor without close-on-exec, of a number that nothing else takes.
int inheritable() {
  return fcntl(STDERR_FILENO, F_DUPFD, 100);
}

bool is_refused(const std::string& answer) {
  return answer == "EROFS" || answer == "EACCES";
}

// The supervisor's side of a live run, for tests that act on it.
struct Live {
  Boundary& boundary;
  std::string& out;
  std::function<void(milliseconds)> pass;  // lets time pass, serving the gate
};
using Act = std::function<void(Live&)>;

class Built : public testing::TestWithParam<As> {
 protected:
  void SetUp() override {
    if (GetParam() == As::Root && geteuid() != 0) GTEST_SKIP() << "needs root";
    char name[] = "/tmp/writ-boundary-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    top_ = name;
    ASSERT_EQ(chmod(name, 0755), 0);
    play_ = top_ + "/play";
    fs::copy_file(WRIT_TEST_PROGRAMS "/boundary_play", play_);
    ASSERT_EQ(chmod(play_.c_str(), 0755), 0);
    for (const char* tree : {"/read", "/write", "/load", "/made", "/secret"}) {
      fs::create_directory(top_ + tree);
      std::ofstream(top_ + tree + "/file") << "data";
      fs::copy_file(play_, top_ + tree + "/code");
    }
    own(top_);
    plan_.identity = identity();
    plan_.program = play_;
    plan_.environment = {"A=b"};
    plan_.directory = "/";
    add(play_, MountKind::Program);
  }
  void TearDown() override {
    if (!top_.empty()) fs::remove_all(top_);
  }

  Identity identity() const {
    if (GetParam() == As::Root) return {kForeign, kForeign, true, 0, 0};
    if (geteuid() == 0) return {kUser, kUser, false, 0, 0};
    return {geteuid(), getegid(), false, 0, 0};
  }
  // The trees belong to whoever starts the run.
  void own(const std::string& path) {
    if (geteuid() != 0 || GetParam() == As::Root) return;
    ASSERT_EQ(lchown(path.c_str(), kUser, kUser), 0);
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      ASSERT_EQ(lchown(entry.path().c_str(), kUser, kUser), 0);
    }
  }
  Mount mount_of(const std::string& path, MountKind kind) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return {path, kind, S_ISDIR(info.st_mode), {info.st_dev, info.st_ino}};
  }
  void add(const std::string& path, MountKind kind) {
    plan_.mounts.push_back(mount_of(path, kind));
  }

  Story run(std::vector<std::string> arguments, const Act& act = {}) {
    plan_.argv = {"play"};
    for (std::string& one : arguments) plan_.argv.push_back(std::move(one));
    return run_plan(act);
  }

  // Runs the plan in a child of its own, as the user or as root.
  Story run_plan(const Act& act) {
    int to_parent[2];
    EXPECT_EQ(pipe2(to_parent, O_CLOEXEC), 0);
    const pid_t pid = fork();
    if (pid == 0) {
      if (GetParam() == As::User && geteuid() == 0) {
        if (setgroups(0, nullptr) != 0 || setresgid(kUser, kUser, kUser) != 0 ||
            setresuid(kUser, kUser, kUser) != 0) {
          _exit(99);
        }
        // As a program of that user would be, which has not changed its identity.
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
      }
      const Story story = supervise(act);
      std::ostringstream text;
      text << story.status << ' ' << story.exec_error << ' ' << story.told << ' ' << story.init
           << ' ' << story.build_error.size() << '\n'
           << story.build_error << story.out;
      const std::string bytes = text.str();
      (void)!write(to_parent[1], bytes.data(), bytes.size());
      _exit(0);
    }
    (void)close(to_parent[1]);
    std::string bytes;
    char buffer[65536];
    for (ssize_t got = 0; (got = read(to_parent[0], buffer, sizeof buffer)) > 0;) {
      bytes.append(buffer, static_cast<std::size_t>(got));
    }
    (void)close(to_parent[0]);
    int status = 0;
    (void)waitpid(pid, &status, 0);
    Story story;
    if (bytes.empty()) {
      story.build_error = "the supervisor died: status " + std::to_string(status);
      return story;
    }
    std::istringstream text(bytes);
    std::size_t size = 0;
    text >> story.status >> story.exec_error >> story.told >> story.init >> size;
    (void)text.get();
    const auto at = static_cast<std::size_t>(text.tellg());
    story.build_error = bytes.substr(at, size);
    story.out = bytes.substr(at + size);
    return story;
  }

  Story supervise(const Act& act) {
    Story story;
    FdPair in = pipe_pair().value();
    FdPair out = pipe_pair().value();
    FdPair error = pipe_pair().value();
    const Capabilities kernel = probe();
    Result<Boundary> built =
        build(plan_, {std::move(in.first), std::move(out.second), std::move(error.second)}, kernel);
    if (!built) {
      story.build_error = built.error().message();
      return story;
    }
    Boundary& boundary = built.value();
    story.init = boundary.init;
    bool gone = false;
    const auto serve = [&](int millis) {
      pollfd watched[] = {{boundary.listener.number(), POLLIN, 0},
                          {out.first.number(), POLLIN, 0},
                          {error.first.number(), POLLIN, 0},
                          {boundary.init_pidfd.number(), POLLIN, 0}};
      (void)poll(watched, 4, millis);
      if ((watched[0].revents & POLLIN) != 0) {
        seccomp_notif asked{};
        if (ioctl(boundary.listener.number(), SECCOMP_IOCTL_NOTIF_RECV, &asked) == 0) {
          seccomp_notif_resp answer{};
          answer.id = asked.id;
          answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
          (void)ioctl(boundary.listener.number(), SECCOMP_IOCTL_NOTIF_SEND, &answer);
        }
      }
      bool more = false;
      for (int i : {1, 2}) {
        if ((watched[i].revents & POLLIN) == 0) continue;
        char buffer[65536];
        const ssize_t got = read(watched[i].fd, buffer, sizeof buffer);
        if (got > 0) story.out.append(buffer, static_cast<std::size_t>(got));
        more = true;
      }
      gone = (watched[3].revents & POLLIN) != 0 && !more;
    };
    const auto pass = [&](milliseconds time) {
      const auto end = std::chrono::steady_clock::now() + time;
      while (std::chrono::steady_clock::now() < end && !gone) {
        (void)send(boundary, LifelineMessage::Heartbeat);
        serve(5);
      }
    };
    if (act) {
      Live live{boundary, story.out, pass};
      act(live);
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!gone && std::chrono::steady_clock::now() < end) {
      if (!act) (void)send(boundary, LifelineMessage::Heartbeat);
      serve(20);
    }
    for (;;) {
      const Result<FirstExit> first = receive_first_exit(boundary);
      if (!first) break;
      story.told = true;
      story.status = first->wait_status;
      if (first->exec_error != 0) story.exec_error = first->exec_error;
    }
    if (!gone) story.build_error = "the run did not end";
    (void)kill(boundary.init, SIGKILL);
    (void)waitpid(boundary.init, nullptr, 0);
    return story;
  }

  Plan plan_;
  std::string top_;
  std::string play_;
};

std::string name_of(const testing::TestParamInfo<As>& as) {
  return as.param == As::User ? "AsUser" : "AsRoot";
}
INSTANTIATE_TEST_SUITE_P(Boundary, Built, testing::Values(As::User, As::Root), name_of);

TEST_P(Built, AStaticProgramRunsAndItsExitStatusIsTold) {
  const Story story = run({"exit", "42"});
  EXPECT_EQ(story.build_error, "");
  EXPECT_TRUE(story.told);
  EXPECT_EQ(story.status, 42 << 8);
  const Story killed = run({"die"});
  EXPECT_TRUE(WIFSIGNALED(killed.status) && WTERMSIG(killed.status) == SIGKILL);
}

TEST_P(Built, WhatWasNotGrantedDoesNotExist) {
  add(top_ + "/read", MountKind::Read);
  const Story story =
      run({"see", "/etc", "/home", "/root", "/usr", "/bin", "/sys", "/var", "/run", "/dev/tty",
           "/dev/kmsg", "/dev/mem", top_ + "/secret", top_ + "/secret/file", top_ + "/read/file",
           top_ + "/read/../secret/file", "/.empty-file", "/.empty-directory"});
  EXPECT_EQ(story.build_error, "");
  for (const std::string& path :
       {std::string("/etc"), std::string("/home"), std::string("/root"), std::string("/usr"),
        std::string("/bin"), std::string("/sys"), std::string("/var"), std::string("/run"),
        std::string("/dev/tty"), std::string("/dev/kmsg"), std::string("/dev/mem"),
        top_ + "/secret", top_ + "/secret/file", top_ + "/read/../secret/file",
        std::string("/.empty-file"), std::string("/.empty-directory")}) {
    EXPECT_EQ(story.of("stat " + path), "ENOENT");
  }
  EXPECT_EQ(story.of("stat " + top_ + "/read/file"), "ok");
}

TEST_P(Built, AReadTreeGivesDataAndNeverCode) {
  add(top_ + "/read", MountKind::Read);
  const std::string file = top_ + "/read/file";
  const std::string code = top_ + "/read/code";
  EXPECT_EQ(run({"read", file}).of("read " + file), "ok");
  EXPECT_EQ(run({"write", file}).of("write " + file), "EROFS");
  EXPECT_EQ(run({"write", file + "2"}).of("write " + file + "2"), "EROFS");
  EXPECT_EQ(run({"map", code}).of("map " + code), "EPERM");
  EXPECT_EQ(run({"exec", code}).of("exec " + code), "EACCES");
}

TEST_P(Built, NoMetadataOfAReadTreeChanges) {
  add(top_ + "/read", MountKind::Read);
  const Story story = run({"metadata", top_ + "/read/file"});
  for (const char* what :
       {"chmod", "utimens", "setxattr", "truncate", "unlink", "link", "rename"}) {
    EXPECT_TRUE(story.of(what) == "EROFS" || story.of(what) == "EACCES") << what << story.of(what);
  }
}

TEST_P(Built, AWriteTreeTakesDataAndNeverCode) {
  add(top_ + "/write", MountKind::Write);
  const std::string fresh = top_ + "/write/fresh";
  const std::string code = top_ + "/write/code";
  EXPECT_EQ(run({"write", fresh}).of("write " + fresh), "ok");
  struct stat info {};
  ASSERT_EQ(stat(fresh.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, GetParam() == As::Root ? 0u : identity().uid);  // the owner outside
  EXPECT_EQ(run({"map", code}).of("map " + code), "EPERM");
  EXPECT_EQ(run({"exec", code}).of("exec " + code), "EACCES");
}

TEST_P(Built, LoadAndProducedTreesAreCode) {
  add(top_ + "/load", MountKind::Load);
  add(top_ + "/made", MountKind::Produced);
  const std::string loaded = top_ + "/load/code";
  const std::string made = top_ + "/made/code";
  EXPECT_EQ(run({"map", loaded}).of("map " + loaded), "ok");
  EXPECT_TRUE(is_refused(run({"write", loaded}).of("write " + loaded)));
  EXPECT_EQ(run({"exec", made}).of("exec " + made), "ok");
  EXPECT_EQ(run({"write", top_ + "/made/new"}).of("write " + top_ + "/made/new"), "ok");
}

TEST_P(Built, AProgramInAWriteTreeCanNeitherBeChangedNorReplaced) {
  fs::create_directories(top_ + "/write/a/b");
  fs::copy_file(play_, top_ + "/write/a/b/tool");
  own(top_ + "/write");
  add(top_ + "/write", MountKind::Write);
  add(top_ + "/write/a/b/tool", MountKind::Program);
  const std::string tool = top_ + "/write/a/b/tool";
  EXPECT_EQ(run({"exec", tool}).of("exec " + tool), "ok");
  EXPECT_TRUE(is_refused(run({"write", tool}).of("write " + tool)));
  for (const std::string& path : {tool, top_ + "/write/a/b", top_ + "/write/a", top_ + "/write"}) {
    const std::string answer = run({"rename", path, path + ".away"}).of("rename " + path);
    EXPECT_TRUE(answer == "EBUSY" || answer == "EXDEV" || answer == "EROFS") << path << answer;
  }
  EXPECT_EQ(run({"write", top_ + "/write/a/b/other"}).of("write " + top_ + "/write/a/b/other"),
            "ok");
}

TEST_P(Built, ReservedPathsAreCoveredEmptyAndUnwritable) {
  fs::create_directories(top_ + "/write/state/writ");
  std::ofstream(top_ + "/write/state/writ/key") << "secret";
  std::ofstream(top_ + "/write/state/token") << "secret";
  own(top_ + "/write");
  add(top_ + "/write", MountKind::Write);
  plan_.covers = {top_ + "/write/state/writ", top_ + "/write/state/token"};
  const std::string key = top_ + "/write/state/writ/key";
  const std::string token = top_ + "/write/state/token";
  EXPECT_EQ(run({"read", key}).of("read " + key), "ENOENT");
  EXPECT_EQ(run({"write", key}).of("write " + key), "ENOENT");  // a directory that is no more
  EXPECT_TRUE(is_refused(run({"write", token}).of("write " + token)));
  const Story story = run({"read", token, top_ + "/write/file"});
  EXPECT_EQ(story.of("length " + token), "0");
  EXPECT_EQ(story.of("length " + top_ + "/write/file"), "4");
  EXPECT_EQ(run({"rename", top_ + "/write/state", top_ + "/write/x"})
                .of("rename " + top_ + "/write/state"),
            "EBUSY");
  std::ifstream kept(key);
  std::string text;
  kept >> text;
  EXPECT_EQ(text, "secret");
  plan_.mounts.push_back(mount_of(key, MountKind::Read));
  EXPECT_NE(run({"nothing"}).build_error.find("reserved path"), std::string::npos);
}

TEST_P(Built, AFileThatIsNotThePlannedOneIsRefused) {
  add(top_ + "/read", MountKind::Read);
  fs::rename(top_ + "/read", top_ + "/old");
  fs::create_directory(top_ + "/read");
  EXPECT_NE(run({"nothing"}).build_error.find("another file than when the plan was made"),
            std::string::npos);
  fs::remove(top_ + "/read");
  fs::create_directory_symlink(top_ + "/old", top_ + "/read");
  const Story story = run({"nothing"});
  EXPECT_NE(story.build_error, "");
  EXPECT_FALSE(story.told);
}

TEST_P(Built, InitGivesNothingAway) {
  const Story story = run({"init"});
  EXPECT_TRUE(story.says("still here"));
  for (const char* name : {"mem", "environ", "maps", "auxv", "io", "stack", "syscall"}) {
    const std::string answer = story.of(std::string("read /proc/1/") + name);
    EXPECT_TRUE(answer == "EACCES" || answer == "EPERM") << name << answer;
  }
  EXPECT_EQ(story.of("open /proc/1/mem for writing"), GetParam() == As::Root ? "EACCES" : "EACCES");
  for (const char* name : {"fd", "fdinfo", "map_files", "task/1/fd"}) {
    EXPECT_EQ(story.of(std::string("list /proc/1/") + name), "EACCES") << name;
  }
  for (const char* name : {"root", "cwd", "exe"}) {
    EXPECT_EQ(story.of(std::string("follow /proc/1/") + name), "EACCES") << name;
  }
  EXPECT_EQ(story.of("read /proc/1/root/etc/shadow"), "EACCES");
}

TEST_P(Built, NoProcessWritesAnothersMemory) {
  const Story story = run({"siblings"});
  for (const char* what : {"write sibling's memory", "write own memory", "write own comm"}) {
    EXPECT_TRUE(story.of(what) == "EROFS" || story.of(what) == "EACCES") << what << story.of(what);
  }
  for (const char* what : {"process_vm_writev", "ptrace attach", "pidfd_getfd"}) {
    EXPECT_EQ(story.of(what), "ENOSYS") << what;
  }
}

TEST_P(Built, NoNamespacesAndNoMounts) {
  const Story story = run({"namespaces"});
  EXPECT_EQ(story.of("clone plain"), "ok");
  for (const char* what : {"NEWUSER", "NEWUSER|NEWNS", "NEWCGROUP", "FS"}) {
    EXPECT_EQ(story.of(std::string("clone ") + what), "EPERM") << what;
  }
  for (const char* what :
       {"clone3", "setns", "mount", "umount", "open_tree", "pivot_root", "chroot"}) {
    EXPECT_EQ(story.of(what), "ENOSYS") << what;
  }
  EXPECT_FALSE(story.says("unshare 268435456: ok"));
}

TEST_P(Built, DangerousCallsDoNotExist) {
  const Story story = run({"calls"});
  for (const char* what :
       {"bpf", "keyctl", "add_key", "io_uring_setup", "userfaultfd", "perf_event_open",
        "open_by_handle_at", "fanotify_init", "personality READ_IMPLIES_EXEC", "TIOCSTI",
        "TIOCSTI with high bits", "TIOCLINUX", "F_SETLEASE", "modify_ldt", "syslog"}) {
    EXPECT_EQ(story.of(what), "ENOSYS") << what;
  }
  EXPECT_EQ(story.of("personality query"), "ok");
  EXPECT_EQ(story.of("setuid 0"), "EINVAL");
  EXPECT_EQ(story.of("sched_yield"), "ok");
}

TEST_P(Built, NoSetIdFileIsMade) {
  const Story story = run({"set-ids"});
  for (const char* what :
       {"chmod 4755", "fchmod 2755", "fchmodat 6755", "create 4755", "create 2755", "mknod 4755"}) {
    EXPECT_EQ(story.of(what), "EPERM") << what;
  }
  EXPECT_EQ(story.of("fchmodat2"), "ENOSYS");
  EXPECT_EQ(story.of("mknod device"), "EACCES");
  for (const char* what : {"create", "open with a stray mode", "chmod 755"})
    EXPECT_EQ(story.of(what), "ok");
}

TEST_P(Built, MemoryIsWritableOrExecutable) {
  const Story story = run({"memory"});
  EXPECT_EQ(story.of("mmap writable and executable"), "EPERM");  // the filter, before the kernel
  EXPECT_EQ(story.of("mprotect executable"), "EACCES");
  EXPECT_EQ(story.of("memfd_create"), "EPERM");
  EXPECT_EQ(story.of("memfd_secret"), "EPERM");
  EXPECT_EQ(story.of("shmat"), "ok");
  EXPECT_EQ(story.of("shmat executable"), "EPERM");
  EXPECT_EQ(story.of("map /tmp file executable"), "EPERM");
  plan_.jit = true;
  const Story jit = run({"memory"});
  EXPECT_EQ(jit.of("mmap writable and executable"), "ok");
  EXPECT_EQ(jit.of("memfd_create"), "ok");
  EXPECT_EQ(jit.of("map /tmp file executable"), "EPERM");
}

TEST_P(Built, TheNetworkIsTheRunsOwnLoopback) {
  const Story story = run({"sockets"});
  for (const int family : {AF_PACKET, AF_VSOCK, AF_ALG}) {
    EXPECT_EQ(story.of("socket " + std::to_string(family)), "EAFNOSUPPORT") << family;
  }
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) {
    EXPECT_EQ(story.of("socket " + std::to_string(family)), "ok") << family;
  }
  for (const char* what : {"socketpair stream", "bind", "listen"}) {
    EXPECT_EQ(story.of(what), "ok") << what;
  }
  EXPECT_EQ(story.of("send outside"), "ENETUNREACH");
  EXPECT_EQ(story.of("socketpair datagram"), "ENOSYS");
  EXPECT_EQ(story.of("raw"), "ENOSYS");
}

TEST_P(Built, OtherInterfacesOfTheProcessorKill) {
  const Story story = run({"interfaces"});
  EXPECT_EQ(story.of("i386"), "killed");
  EXPECT_EQ(story.of("x32"), "killed");
}

TEST_P(Built, TasksAreLimitedForRootToo) {
  plan_.limits.tasks = 20;
  const Story story = run({"forks", "60"});
  EXPECT_EQ(story.of("forks"), "18");  // init and the first program count
}

TEST_P(Built, TheProgramInheritsThreePipesAndWhatThePlanSays) {
  const int stray = inheritable();
  const Story descriptors = run({"descriptors"});
  (void)close(stray);
  EXPECT_EQ(descriptors.out, "descriptor 0\ndescriptor 1\ndescriptor 2\n");
  plan_.hostname = "some-run";
  plan_.limits.cpu_ms = 6'500;  // whole seconds, and one more in which SIGXCPU may be handled
  const Story story = run({"state"});
  const std::string uid = std::to_string(identity().uid);
  EXPECT_TRUE(story.says("uid " + uid + " gid " + uid + " euid " + uid + "\n")) << story.out;
  EXPECT_TRUE(story.says("pid 2 parent 1 session 2\n")) << story.out;
  EXPECT_TRUE(story.says("variable A=b\nhost some-run\n")) << story.out;
  EXPECT_TRUE(story.says("cpu 7, then 8\n")) << story.out;
  EXPECT_TRUE(story.says("no_new_privs 1 mdwe 1\n")) << story.out;
  EXPECT_TRUE(story.says("core 0\n"));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_TRUE(story.says(std::string(set) + " 0000000000000000\n")) << set;
  }
  EXPECT_TRUE(story.says("proc is ro\n")) << story.out;
  EXPECT_TRUE(story.says("namespaces left 0\n")) << story.out;
  EXPECT_EQ(story.of("write /fresh"), "EROFS");
  for (const char* what : {"user namespaces allowed", "write /proc/sys/kernel/core_pattern",
                           "write /proc/sys/vm/overcommit_memory"}) {
    EXPECT_TRUE(is_refused(story.of(what))) << what << story.of(what);
  }
}

TEST_P(Built, NothingOutlivesTheFirstProgram) {
  const Story story = run({"daemon"});
  EXPECT_EQ(story.build_error, "");
  EXPECT_EQ(story.status, 0);
}

TEST_P(Built, AnExecThatFailsIsToldWithItsErrno) {
  plan_.program = "/does/not/exist";
  const Story story = run({"nothing"});
  EXPECT_EQ(story.build_error, "");
  EXPECT_EQ(story.exec_error, ENOENT);
}

TEST_P(Built, AMissingWorkingDirectoryIsAnError) {
  add(top_ + "/read", MountKind::Read);
  plan_.directory = top_ + "/read/missing";
  EXPECT_NE(run({"nothing"}).build_error.find("working directory"), std::string::npos);
}

TEST_P(Built, FreezeStopsEveryProcessAndThawGoesOn) {
  std::size_t before = 0;
  std::size_t frozen = 0;
  std::size_t after = 0;
  const Story story = run({"tick"}, [&](Live& live) {
    live.pass(milliseconds(200));
    (void)send(live.boundary, LifelineMessage::Freeze);
    live.pass(milliseconds(50));
    before = live.out.size();
    live.pass(milliseconds(300));
    frozen = live.out.size();
    (void)send(live.boundary, LifelineMessage::Thaw);
    live.pass(milliseconds(300));
    after = live.out.size();
    live.boundary.lifeline.reset();
    std::ostringstream text;
    text << "\nbefore " << before << " frozen " << frozen << " after " << after << '\n';
    live.out += text.str();
  });
  std::istringstream text(story.out.substr(story.out.find("\nbefore")));
  std::string word;
  text >> word >> before >> word >> frozen >> word >> after;
  EXPECT_GT(before, 0u);
  EXPECT_EQ(frozen, before);
  EXPECT_GT(after, frozen + 5);
}

TEST_P(Built, AClosedLifelineEndsTheRun) {
  const Story story = run({"crowd", "50"}, [](Live& live) {
    live.pass(milliseconds(300));
    live.boundary.lifeline.reset();
  });
  EXPECT_TRUE(story.says("crowd"));
  EXPECT_EQ(story.build_error, "");
}

TEST_P(Built, ThreeMissedHeartbeatsEndTheRun) {
  const auto start = std::chrono::steady_clock::now();
  const Story story = run({"crowd", "2"}, [](Live& live) { live.pass(milliseconds(1000)); });
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(story.build_error, "");
  EXPECT_GT(took, milliseconds(3900));
  EXPECT_LT(took, milliseconds(9000));
}

// Admission may wait long for the ledger, with the run's first program waiting too.
TEST_P(Built, AWaitBeforeTheFirstHeartbeatEndsNothing) {
  const Story story = run({"crowd", "2"}, [](Live& live) {
    std::this_thread::sleep_for(milliseconds(3500));
    live.pass(milliseconds(1500));
  });
  EXPECT_TRUE(story.says("crowd"));
  EXPECT_EQ(story.build_error, "");
}

// Processes whose command line is the play's, on the whole machine.
int crowd_size(const std::string& play) {
  int found = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::error_code ignored;
    std::ifstream file(entry.path() / "cmdline");
    std::string line;
    std::getline(file, line, '\0');
    if (line != "play") continue;
    const fs::path exe = fs::read_symlink(entry.path() / "exe", ignored);
    if (exe == play) ++found;
  }
  return found;
}

TEST_P(Built, WhenTheGovernorIsKilledNothingIsLeft) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to see every process";
  const std::string play = play_;
  const Story story = run({"crowd", "30"}, [](Live& live) {
    for (int i = 0; i < 200 && live.out.find("crowd") == std::string::npos; ++i) {
      live.pass(milliseconds(20));
    }
    (void)raise(SIGKILL);
  });
  EXPECT_NE(story.build_error.find("supervisor died"), std::string::npos);
  int left = -1;
  for (int i = 0; i < 200 && left != 0; ++i) {
    left = crowd_size(play);
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(left, 0);
}

TEST_P(Built, AStoppedInitDiesWithItsGovernorToo) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to see every process";
  (void)run({"crowd", "5"}, [](Live& live) {
    for (int i = 0; i < 200 && live.out.find("crowd") == std::string::npos; ++i) {
      live.pass(milliseconds(20));
    }
    (void)kill(live.boundary.init, SIGSTOP);  // it cannot see its lifeline close
    (void)raise(SIGKILL);
  });
  int left = -1;
  for (int i = 0; i < 200 && left != 0; ++i) {
    left = crowd_size(play_);
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(left, 0);
}

TEST_P(Built, InitHoldsItsLifelineAndNothingOfTheGovernor) {
  const int stray = inheritable();
  const Story story = run({"tick"}, [](Live& live) {
    live.pass(milliseconds(100));
    const fs::path init = "/proc/" + std::to_string(live.boundary.init);
    std::string held;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(init / "fd", failed)) {
      held += " " + fs::read_symlink(entry.path(), failed).string().substr(0, 7);
    }
    std::ifstream file(init / "environ");
    held += " environ:" + std::to_string(file.get());
    live.boundary.lifeline.reset();
    live.out += "\nheld" + held + (failed ? " " + failed.message() : "") + "\n";
  });
  (void)close(stray);
  std::string held = story.out.substr(story.out.find("\nheld"));
  held.resize(held.find('\n', 1) + 1);  // the program may have said something after it
  if (GetParam() == As::User) {
    EXPECT_EQ(held, "\nheld environ:-1 Permission denied\n");  // not even its own user may look
    return;
  }
  EXPECT_TRUE(held == "\nheld socket: anon_in environ:-1\n" ||
              held == "\nheld anon_in socket: environ:-1\n")
      << held;
}

TEST_P(Built, NoMountOfTheRunIsSeenOutside) {
  // Every mount there is, but for those of tests that run at the same time.
  const auto mounts = [this] {
    std::ifstream file("/proc/self/mountinfo");
    std::string text;
    for (std::string line; std::getline(file, line);) {
      if (line.find(" /tmp/writ-") == std::string::npos || line.find(top_) != std::string::npos) {
        text += line + "\n";
      }
    }
    return text;
  };
  // On a shared mount, where what is mounted in one namespace shows in the others.
  if (GetParam() == As::Root) {
    ASSERT_EQ(mount("none", (top_ + "/write").c_str(), "tmpfs", 0, ""), 0);
    ASSERT_EQ(mount(nullptr, (top_ + "/write").c_str(), nullptr, MS_SHARED, nullptr), 0);
  }
  fs::create_directory(top_ + "/write/a");
  fs::copy_file(play_, top_ + "/write/a/tool");
  own(top_ + "/write");
  add(top_ + "/write", MountKind::Write);
  add(top_ + "/write/a/tool", MountKind::Program);
  const std::string before = mounts();
  EXPECT_EQ(run({"nothing"}).build_error, "");
  EXPECT_EQ(mounts(), before);
  while (umount2((top_ + "/write/a/tool").c_str(), MNT_DETACH) == 0 ||
         umount2((top_ + "/write/a").c_str(), MNT_DETACH) == 0 ||
         umount2((top_ + "/write").c_str(), MNT_DETACH) == 0) {
  }
}

TEST_P(Built, OnlyPipesAreStreams) {
  FdPair out = pipe_pair().value();
  FdPair error = pipe_pair().value();
  plan_.argv = {"play"};
  const Capabilities kernel = probe();
  Plan plan = plan_;
  plan.identity = geteuid() == 0 ? Identity{kForeign, kForeign, true, 0, 0} : identity();
  UniqueFd file = open_at(FdRef::cwd(), top_ + "/read/file", O_RDONLY).value();
  const Result<Boundary> built =
      build(plan, {std::move(file), std::move(out.second), std::move(error.second)}, kernel);
  ASSERT_FALSE(built);
  EXPECT_NE(built.error().message().find("must be a pipe"), std::string::npos);
}

TEST_P(Built, TheHostsRootIsNeverTheRuns) {
  plan_.identity.uid = 0;
  EXPECT_NE(run({"nothing"}).build_error.find("never has the host's uid"), std::string::npos);
}

TEST_P(Built, RootKeepsSystemFilesToThemselves) {
  if (GetParam() != As::Root) GTEST_SKIP() << "for root";
  add("/etc", MountKind::Read);
  EXPECT_EQ(run({"read", "/etc/shadow"}).of("read /etc/shadow"), "EACCES");
  EXPECT_EQ(run({"read", "/etc/passwd"}).of("read /etc/passwd"), "ok");
}

TEST_P(Built, RootsOwnPrivateFilesAreReadableWhereGranted) {
  if (GetParam() != As::Root) GTEST_SKIP() << "for root";
  ASSERT_EQ(chmod((top_ + "/read/file").c_str(), 0600), 0);
  ASSERT_EQ(chmod((top_ + "/read").c_str(), 0700), 0);
  add(top_ + "/read", MountKind::Read);
  const std::string file = top_ + "/read/file";
  EXPECT_EQ(run({"read", file}).of("read " + file), "ok");
}

}  // namespace
}  // namespace writ::enforce
