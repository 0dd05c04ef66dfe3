#include "base/secret.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <type_traits>

#include "base/fd.h"
#include "base/random.h"

namespace writ {
namespace {

const SecretAccess kTest = SecretAccess::for_reason("test");

// The VmFlags of the mapping that holds `address` (proc(5), smaps).
std::string flags_of(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    char dash = 0;
    std::istringstream head(line);
    if (head >> std::hex >> from >> dash >> to && dash == '-')
      inside = from <= wanted && wanted < to;
    if (inside && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

TEST(SecretBytes, LivesInPagesThatAreLockedUndumpedAndWipedOnFork) {
  const SecretBytes secret = SecretBytes::copy_of(as_bytes("correct horse"));
  ASSERT_TRUE(secret.locked()) << "RLIMIT_MEMLOCK is too small to run this test";
  const std::string flags = flags_of(secret.reveal(kTest).data());
  EXPECT_NE(flags.find(" lo "), std::string::npos) << flags;
  EXPECT_NE(flags.find(" dd "), std::string::npos) << flags;
  EXPECT_NE(flags.find(" wf "), std::string::npos) << flags;
}

TEST(SecretBytes, IsZeroInAForkedChild) {
  const SecretBytes secret = SecretBytes::copy_of(as_bytes("correct horse"));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bool zero = true;
    for (const std::byte b : secret.reveal(kTest)) zero = zero && b == std::byte{0};
    ::_exit(zero ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(as_text(secret.reveal(kTest)), "correct horse");
}

TEST(SecretBytes, SaysWhenItsPagesCouldNotBeLockedAndWorksAllTheSame) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit none{0, 0};
    // Root is not bound by the limit, so it becomes nobody first.
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(2);
    if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) ::_exit(3);
    const SecretBytes secret = SecretBytes::copy_of(as_bytes("x"));
    ::_exit(!secret.locked() && as_text(secret.reveal(kTest)) == "x" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(SecretBytes, CannotBeCopiedPrintedOrTurnedIntoText) {
  static_assert(!std::is_copy_constructible_v<SecretBytes>);
  static_assert(!std::is_copy_assignable_v<SecretBytes>);
  static_assert(!std::is_convertible_v<SecretBytes, std::string>);
  static_assert(!std::is_convertible_v<SecretBytes, std::string_view>);
  static_assert(!std::is_convertible_v<SecretBytes, Bytes>);
  static_assert(!std::is_default_constructible_v<SecretAccess>);
  static_assert(std::is_nothrow_move_constructible_v<SecretBytes>);
}

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};
static_assert(Printable<int> && !Printable<SecretBytes>);

TEST(SecretBytes, MovesLeaveNothingBehind) {
  SecretBytes first = SecretBytes::copy_of(as_bytes("abc"));
  SecretBytes second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT use after move is the point
  EXPECT_EQ(as_text(second.reveal(kTest)), "abc");
  first = std::move(second);
  EXPECT_EQ(as_text(first.reveal(kTest)), "abc");
  EXPECT_TRUE(second.empty());  // NOLINT
  SecretBytes& self = first;
  first = std::move(self);
  EXPECT_EQ(first.size(), 3U);
}

TEST(SecretBytes, ShrinkCleansesWhatItCutsOff) {
  SecretBytes secret = SecretBytes::copy_of(as_bytes("abcdef"));
  const Bytes all = secret.reveal(kTest);  // the same page stays mapped
  secret.shrink(2);
  EXPECT_EQ(as_text(secret.reveal(kTest)), "ab");
  EXPECT_EQ(to_hex(all), "616200000000");
  secret.shrink(0);
  EXPECT_TRUE(secret.empty());
}

TEST(SecretBytes, EqualityLooksAtEveryByteAndTheSize) {
  for (std::size_t i = 0; i < 40; ++i) {
    ByteVec bytes(40, std::byte{7});
    const SecretBytes original = SecretBytes::copy_of(bytes);
    EXPECT_TRUE(original == SecretBytes::copy_of(bytes));
    bytes[i] ^= std::byte{0x80};
    EXPECT_FALSE(original == SecretBytes::copy_of(bytes)) << i;
  }
  EXPECT_FALSE(SecretBytes::copy_of(as_bytes("ab")) == SecretBytes::copy_of(as_bytes("abc")));
  EXPECT_TRUE(SecretBytes() == SecretBytes());
}

TEST(SecretBytes, CloneIsEqualInOtherPages) {
  const SecretBytes first = SecretBytes::copy_of(as_bytes("abc"));
  const SecretBytes second = first.clone();
  EXPECT_TRUE(first == second);
  EXPECT_NE(first.reveal(kTest).data(), second.reveal(kTest).data());
}

TEST(SecretBytes, CleanseWritesZeros) {
  ByteVec bytes = to_vec("secret");
  cleanse(bytes);
  EXPECT_EQ(bytes, ByteVec(6));
}

class SecretFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/writ-secret-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    ::unlink((folder_ + "/key").c_str());
    ::rmdir(folder_.c_str());
  }
  std::string write(std::string_view text) {
    std::ofstream(folder_ + "/key") << text;
    return folder_ + "/key";
  }
  std::string folder_;
};

TEST_F(SecretFile, IsReadWholeAndNotBeyondTheLimit) {
  const std::string path = write("hush");
  EXPECT_EQ(as_text(read_secret_file(path)->reveal(kTest)), "hush");
  EXPECT_TRUE(read_secret_file(path, 4).has_value());
  const auto over = read_secret_file(path, 3);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), Code::Exhausted);
  EXPECT_TRUE(read_secret_file(write(""))->empty());
}

TEST_F(SecretFile, IsARegularFile) {
  const auto folder = read_secret_file(folder_);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code(), Code::InvalidArgument);
  const auto missing = read_secret_file(folder_ + "/nothing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::NotFound);
  EXPECT_FALSE(read_secret_file("/dev/zero"));
}

TEST(SystemRandom, FillsAllOfAnySizeAndDoesNotRepeat) {
  SystemRandom random;
  for (const std::size_t size : {0, 1, 31, 32, 257, 5000}) {
    ByteVec a(size);
    ByteVec b(size);
    random.fill(a);
    random.fill(b);
    if (size < 16) continue;
    EXPECT_NE(a, b) << size;
    // The tail is filled too: 16 zero bytes come once in 2^128.
    EXPECT_NE(ByteVec(a.end() - 16, a.end()), ByteVec(16)) << size;
  }
}

TEST(SeededRandom, IsAFunctionOfItsSeed) {
  ByteVec a(40);
  ByteVec b(40);
  ByteVec c(40);
  SeededRandom(1).fill(a);
  SeededRandom(1).fill(b);
  SeededRandom(2).fill(c);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  SeededRandom moving(1);
  moving.fill(b);
  moving.fill(b);
  EXPECT_NE(a, b);
}

}  // namespace
}  // namespace writ
