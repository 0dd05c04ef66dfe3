// Owned file descriptors, close-on-exec from birth, and the few calls that make them.
//
// UniqueFd owns one descriptor and closes it; an int becomes one only through `adopt_fd`, which
// is greppable. FdRef borrows. Everything opened here has O_CLOEXEC.
//
//   UniqueFd dir = TRY(open_at(FdRef::cwd(), path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS));
//
// Errors carry the errno. Thread safety: distinct objects may be used from distinct threads.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace writ {

class FdRef {
 public:
  constexpr explicit FdRef(int number) : number_(number) {}
  // cwd means the process's current directory (AT_FDCWD).
  static FdRef cwd();
  constexpr int number() const { return number_; }

 private:
  int number_;
};

class UniqueFd {
 public:
  UniqueFd() = default;
  UniqueFd(UniqueFd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  explicit operator bool() const { return number_ >= 0; }
  FdRef borrow() const { return FdRef(number_); }
  int number() const { return number_; }
  // release gives the number away; the caller closes it.
  int release() { return std::exchange(number_, -1); }
  // reset closes, ignoring errors; close reports them.
  void reset();
  Result<void> close();

 private:
  friend UniqueFd adopt_fd(int number);
  explicit UniqueFd(int number) : number_(number) {}
  int number_ = -1;
};

// adopt_fd takes ownership of a descriptor that came from a system call or over a socket.
UniqueFd adopt_fd(int number);

// open_at is openat2(2) with O_CLOEXEC and `resolve` (RESOLVE_* bits, 0 for none).
Result<UniqueFd> open_at(FdRef dir, const std::string& path, int flags, std::uint64_t resolve = 0,
                         unsigned mode = 0);
// memfd makes an anonymous memory file that allows sealing.
Result<UniqueFd> memfd(const char* name);
// event_fd makes a non-blocking eventfd(2).
Result<UniqueFd> event_fd();

struct FdPair {
  UniqueFd first;
  UniqueFd second;
};
// pipe_pair: first reads, second writes. socket_pair: AF_UNIX of `type` (SOCK_*).
Result<FdPair> pipe_pair();
Result<FdPair> socket_pair(int type);
// dup_fd duplicates with close-on-exec.
Result<UniqueFd> dup_fd(FdRef fd);

// read_all reads to the end; Exhausted when there are more than `limit` bytes, having read at
// most limit + 1. EINTR is handled.
Result<ByteVec> read_all(FdRef fd, std::size_t limit);
// write_all writes every byte, in as many calls as it takes.
Result<void> write_all(FdRef fd, Bytes bytes);
// stat_fd is fstat(2).
Result<struct stat> stat_fd(FdRef fd);

// open_regular opens for reading, and refuses what is not a regular file or is larger than `limit`
// (Exhausted, with both sizes in the message). read_file reads what it opens. Messages name `path`.
Result<UniqueFd> open_regular(FdRef dir, const std::string& path, std::size_t limit);
Result<ByteVec> read_file(const std::string& path, std::size_t limit);
Result<ByteVec> read_file_at(FdRef dir, const std::string& name, std::size_t limit);

}  // namespace writ
