#include "enforce/remote_memory.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace writ::enforce {
namespace {

// The number of bytes read, 0 when the first one is not there; negative errno.
ssize_t read_at(pid_t process, std::uint64_t address, std::byte* out, std::size_t size) {
  struct iovec local {
    out, size
  };
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of another process
  struct iovec remote {
    reinterpret_cast<void*>(address), size
  };
  const ssize_t got = ::process_vm_readv(process, &local, 1, &remote, 1, 0);
  if (got >= 0) return got;
  return errno == EFAULT ? 0 : -errno;
}

}  // namespace

Result<const RemoteMemory::Page*> RemoteMemory::page(std::uint64_t number) {
  const auto found = pages_.find(number);
  if (found != pages_.end()) return static_cast<const Page*>(found->second.get());
  if (pages_.size() > most_) return errno_error(E2BIG, "reading arguments");
  auto made = std::make_unique<Page>();
  const ssize_t got = read_at(thread_, number * kPage, made->data(), kPage);
  if (got < 0) return errno_error(static_cast<int>(-got), "reading the caller's memory");
  if (static_cast<std::size_t>(got) != kPage) {
    return errno_error(EFAULT, "reading the caller's memory");
  }
  return static_cast<const Page*>(pages_.emplace(number, std::move(made)).first->second.get());
}

Result<std::uint64_t> RemoteMemory::word(std::uint64_t address) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size();) {
    const std::uint64_t at = address + i;
    const Page& from = *TRY(page(at / kPage));
    const std::size_t offset = at % kPage;
    const std::size_t size = std::min(bytes.size() - i, kPage - offset);
    std::memcpy(bytes.data() + i, from.data() + offset, size);
    i += size;
  }
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), 8);
  return value;
}

Result<std::string> RemoteMemory::text(std::uint64_t address, std::size_t longest, int too_long) {
  std::string out;
  for (;;) {
    const Page& from = *TRY(page(address / kPage));
    const std::size_t offset = address % kPage;
    const auto* begin = from.data() + offset;
    const auto* end = from.data() + kPage;
    const auto* zero = std::find(begin, end, std::byte{0});
    out.append(reinterpret_cast<const char*>(begin), static_cast<std::size_t>(zero - begin));
    if (out.size() > longest) return errno_error(too_long, "reading a string of the caller");
    if (zero != end) return out;
    address += static_cast<std::uint64_t>(end - begin);
  }
}

Result<std::vector<std::string>> RemoteMemory::texts(std::uint64_t address, std::size_t& room) {
  std::vector<std::string> out;
  if (address == 0) return out;
  for (;; address += 8) {
    const std::uint64_t pointer = TRY(word(address));
    if (pointer == 0) return out;
    std::string one = TRY(text(pointer, kLongestArgument, E2BIG));
    const std::size_t used = one.size() + 1 + 8;
    if (used > room) return errno_error(E2BIG, "reading arguments");
    room -= used;
    out.push_back(std::move(one));
  }
}

Result<ByteVec> read_bytes(pid_t process, std::uint64_t address, std::size_t size) {
  ByteVec out(size);
  const ssize_t got = size == 0 ? 0 : read_at(process, address, out.data(), size);
  if (got < 0) return errno_error(static_cast<int>(-got), "reading the caller's memory");
  if (static_cast<std::size_t>(got) != size)
    return errno_error(EFAULT, "reading the caller's memory");
  return out;
}

Result<ByteVec> read_to_end(pid_t process, std::uint64_t address, std::size_t limit) {
  constexpr std::size_t kStep = std::size_t{32} * 1024;
  ByteVec out;
  for (;;) {
    const std::size_t old = out.size();
    // Ends at a page border, so that a short read means the end of the mapping.
    const std::size_t size = kStep - (address + old) % 4096;
    if (old + size > limit) return Error(Code::Exhausted, "the first stack is too large");
    out.resize(old + size);
    const ssize_t got = read_at(process, address + old, out.data() + old, size);
    if (got < 0) return errno_error(static_cast<int>(-got), "reading the first stack");
    out.resize(old + static_cast<std::size_t>(got));
    if (static_cast<std::size_t>(got) < size) break;
  }
  if (out.empty()) return errno_error(EFAULT, "reading the first stack");
  return out;
}

}  // namespace writ::enforce
