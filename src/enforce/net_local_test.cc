// Real sockets of this process's own namespace, and of another.
#include "enforce/net_local.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

namespace writ::enforce {
namespace {

UniqueFd diagnosis() {
  return adopt_fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
}

class BoundHere : public ::testing::Test {
 protected:
  BoundHere() {
    char name[] = "/tmp/writ-local-XXXXXX";
    top = ::mkdtemp(name);
  }
  ~BoundHere() override { std::filesystem::remove_all(top); }
  static UniqueFd bound(const std::string& path) {
    UniqueFd out = adopt_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    (void)std::snprintf(at.sun_path, sizeof at.sun_path, "%s", path.c_str());
    EXPECT_EQ(::bind(out.number(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    return out;
  }
  static FileIdentity identity(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return {info.st_dev, info.st_ino};
  }
  std::string top;
};

TEST_F(BoundHere, TheRunsOwnSocketIsFoundByItsFileAndNoOther) {
  const UniqueFd ask = diagnosis();
  const UniqueFd one = bound(top + "/one");
  std::vector<UniqueFd> many;
  for (int i = 0; i < 500; ++i) many.push_back(bound(top + "/" + std::to_string(i)));
  for (const char* name : {"/one", "/0", "/499"}) {
    const Result<bool> here = is_bound_here(ask.borrow(), identity(top + name));
    ASSERT_TRUE(here) << here.error().message();
    EXPECT_TRUE(*here) << name;
  }
  FileIdentity other = identity(top + "/one");
  other.device += 1;
  EXPECT_FALSE(is_bound_here(ask.borrow(), other).value());
  EXPECT_FALSE(is_bound_here(ask.borrow(), identity(top)).value());
  // The kernel tells 32 bits of a file's number: more are not taken for fewer.
  other = identity(top + "/one");
  other.inode |= std::uint64_t{1} << 32;
  EXPECT_FALSE(is_bound_here(ask.borrow(), other).value());
}

TEST_F(BoundHere, ASocketWhoseOwnerIsGoneIsNobodys) {
  const UniqueFd ask = diagnosis();
  { const UniqueFd gone = bound(top + "/gone"); }
  EXPECT_FALSE(is_bound_here(ask.borrow(), identity(top + "/gone")).value());
}

TEST_F(BoundHere, ASocketOfAnotherNamespaceIsNotHere) {
  int made[2];
  int done[2];
  ASSERT_EQ(::pipe(made), 0);
  ASSERT_EQ(::pipe(done), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = 'n';
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) {
      const UniqueFd other = bound(top + "/other");
      byte = 'y';
      (void)!::write(made[1], &byte, 1);
      (void)!::read(done[0], &byte, 1);
    } else {
      (void)!::write(made[1], &byte, 1);
    }
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(made[0], &byte, 1), 1);
  if (byte == 'y') {
    EXPECT_FALSE(is_bound_here(diagnosis().borrow(), identity(top + "/other")).value());
  }
  (void)!::write(done[1], &byte, 1);
  (void)::waitpid(child, nullptr, 0);
  for (const int fd : {made[0], made[1], done[0], done[1]}) ::close(fd);
  if (byte != 'y') GTEST_SKIP() << "missing: user namespaces";
}

TEST(LexicalPath, IsNormal) {
  EXPECT_EQ(lexical_path("/a/b", "c"), "/a/b/c");
  EXPECT_EQ(lexical_path("/a/b", "../c/./d//e/"), "/a/c/d/e");
  EXPECT_EQ(lexical_path("/a", "/x/../y"), "/y");
  EXPECT_EQ(lexical_path("/", ".."), "/");
}

}  // namespace
}  // namespace writ::enforce
