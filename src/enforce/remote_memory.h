// Another process's memory, read in whole pages and remembered: argv and environment lie close
// together, so a caller with a hundred strings costs a few reads.
//
// Hostile: addresses and contents. Reading needs no stop and changes nothing; what is read may be
// changed by others at any time. Errors carry EFAULT, E2BIG, ENAMETOOLONG as execve would give
// them, or ESRCH when the process is gone.
// Thread safety: one thread.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace writ::enforce {

// The kernel's own bounds (execve(2)): one string, and all of them.
inline constexpr std::size_t kLongestArgument = std::size_t{128} * 1024;
inline constexpr std::size_t kMostArguments = std::size_t{6} << 20;

class RemoteMemory {
 public:
  // most: pages that may be read, E2BIG over it.
  explicit RemoteMemory(pid_t thread, std::size_t most = kMostPages)
      : thread_(thread), most_(most) {}

  // text reads a string of at most `longest` bytes; `too_long` is the errno for more.
  Result<std::string> text(std::uint64_t address, std::size_t longest, int too_long);
  // texts reads a null-terminated array of pointers to strings (none for address 0) and takes the
  // bytes it used, pointers included, from `room`.
  Result<std::vector<std::string>> texts(std::uint64_t address, std::size_t& room);

  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t kMostPages = 2 * kMostArguments / kPage;

 private:
  using Page = std::array<std::byte, kPage>;
  Result<const Page*> page(std::uint64_t number);
  Result<std::uint64_t> word(std::uint64_t address);

  pid_t thread_;
  std::size_t most_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;
};

// read_bytes reads exactly `size` bytes (EFAULT).
Result<ByteVec> read_bytes(pid_t process, std::uint64_t address, std::size_t size);

// read_to_end reads from `address` to the end of the mapping, at most `limit` bytes (Exhausted).
Result<ByteVec> read_to_end(pid_t process, std::uint64_t address, std::size_t limit);

}  // namespace writ::enforce
