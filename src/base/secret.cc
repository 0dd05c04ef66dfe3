#include "base/secret.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"

namespace writ {
namespace {

std::size_t whole_pages(std::size_t size) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

}  // namespace

SecretBytes::SecretBytes(std::size_t size) : size_(size) {
  WRIT_ASSERT(size <= kMaxSecret);
  if (size == 0) return;
  mapped_ = whole_pages(size);
  void* pages =
      ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  WRIT_ASSERT(pages != MAP_FAILED);
  data_ = static_cast<std::byte*>(pages);
  WRIT_ASSERT(::madvise(pages, mapped_, MADV_DONTDUMP) == 0);
  WRIT_ASSERT(::madvise(pages, mapped_, MADV_WIPEONFORK) == 0);
  // The plain system call: the sanitizers replace the library's mlock by nothing.
  locked_ = ::syscall(SYS_mlock, pages, mapped_) == 0;
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept {
  *this = std::move(other);
}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    clear();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_ = std::exchange(other.mapped_, 0);
    locked_ = std::exchange(other.locked_, true);
  }
  return *this;
}

SecretBytes SecretBytes::copy_of(Bytes bytes) {
  SecretBytes copy(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.data_, bytes.data(), bytes.size());
  return copy;
}

SecretBytes SecretBytes::random(std::size_t size, Random& random) {
  SecretBytes fresh(size);
  random.fill({fresh.data_, size});
  return fresh;
}

void SecretBytes::shrink(std::size_t size) {
  WRIT_ASSERT(size <= size_);
  if (size == 0) return clear();
  cleanse({data_ + size, size_ - size});
  size_ = size;
}

void SecretBytes::clear() {
  if (data_ != nullptr) {
    cleanse({data_, size_});
    WRIT_ASSERT(::munmap(data_, mapped_) == 0);
  }
  data_ = nullptr;
  size_ = mapped_ = 0;
  locked_ = true;
}

bool operator==(const SecretBytes& a, const SecretBytes& b) {
  return equal_constant_time(a.view(), b.view());
}

void cleanse(std::span<std::byte> bytes) {
  if (!bytes.empty()) ::explicit_bzero(bytes.data(), bytes.size());
}

bool equal_constant_time(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  // volatile keeps the compiler from leaving the loop early.
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | std::to_integer<unsigned>(a[i] ^ b[i]));
  }
  return difference == 0;
}

Result<SecretBytes> read_secret_file(const std::string& path, std::size_t limit) {
  WRIT_ASSERT(limit <= kMaxSecret);
  const UniqueFd file = TRY(open_at(FdRef::cwd(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  const struct stat status = TRY(stat_fd(file.borrow()));
  if (!S_ISREG(status.st_mode)) {
    return Error(Code::InvalidArgument, "`" + printable(path) + "` is not a regular file");
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > limit) {
    return Error(Code::Exhausted, "`" + printable(path) + "` has " + std::to_string(size) +
                                      " bytes, the limit is " + std::to_string(limit));
  }
  SecretBytes bytes(static_cast<std::size_t>(size));
  const auto room = bytes.fill_in(SecretAccess::for_reason("reading a secret file"));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::read(file.number(), room.data() + have, room.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error(errno, "reading `" + printable(path) + "`");
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.shrink(have);
  return bytes;
}

}  // namespace writ
