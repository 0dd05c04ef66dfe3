#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace writ {
namespace {

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/writ-fd-test-XXXXXX";
    dir_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string dir_;
};

TEST_F(Files, EveryDescriptorIsCloseOnExec) {
  UniqueFd file = open_at(FdRef::cwd(), dir_, O_PATH | O_DIRECTORY).value();
  FdPair pipe = pipe_pair().value();
  UniqueFd copy = dup_fd(pipe.first.borrow()).value();
  UniqueFd memory = memfd("x").value();
  for (int fd :
       {file.number(), pipe.first.number(), pipe.second.number(), copy.number(), memory.number()}) {
    EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  }
}

TEST_F(Files, ADescriptorIsClosedExactlyOnce) {
  UniqueFd a = memfd("a").value();
  const int number = a.number();
  UniqueFd b = std::move(a);
  EXPECT_EQ(fcntl(number, F_GETFD), FD_CLOEXEC);
  b.reset();
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
}

TEST_F(Files, AFileOverTheLimitIsRefusedUnread) {
  const std::string path = dir_ + "/big";
  UniqueFd file = open_at(FdRef::cwd(), path, O_CREAT | O_WRONLY, 0, 0600).value();
  ASSERT_EQ(ftruncate(file.number(), std::int64_t{1} << 40), 0);  // sparse: reading would not end
  Result<ByteVec> read = read_file(path, 1024);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Code::Exhausted);
  EXPECT_NE(read.error().message().find("1099511627776"), std::string::npos);
}

TEST_F(Files, AFifoIsRefusedWithoutWaiting) {
  const std::string path = dir_ + "/fifo";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(read_file(path, 10).error().code(), Code::InvalidArgument);
}

TEST_F(Files, AMissingFileIsNamedWithItsErrno) {
  Result<ByteVec> read = read_file(dir_ + "/none", 10);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().sys_errno(), ENOENT);
  EXPECT_NE(read.error().message().find("none`: no such file"), std::string::npos);
}

}  // namespace
}  // namespace writ
