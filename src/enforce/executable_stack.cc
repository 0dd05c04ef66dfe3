#include "enforce/executable_stack.h"

#include <elf.h>
#include <unistd.h>

#include <cstring>

#include "base/bytes.h"

namespace writ::enforce {
namespace {

constexpr std::size_t kMostHeaders = std::size_t{64} * 1024;  // ELF_MIN_ALIGN bounds the kernel's

// As many bytes of the file at `offset` as there are, at most out.size().
std::size_t read_at(FdRef file, std::uint64_t offset, std::span<std::byte> out) {
  if (offset > std::uint64_t{INT64_MAX}) return 0;
  const ssize_t got = ::pread(file.number(), out.data(), out.size(), static_cast<off_t>(offset));
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

template <typename File, typename Segment>
bool asks(FdRef file, Bytes start, bool without) {
  File head{};
  if (start.size() < sizeof head) return true;
  std::memcpy(&head, start.data(), sizeof head);
  const std::size_t size = std::size_t{head.e_phnum} * sizeof(Segment);
  if (head.e_phentsize != sizeof(Segment) || size == 0 || size > kMostHeaders) return true;
  ByteVec table(size);
  if (read_at(file, head.e_phoff, table) != size) return true;
  bool out = without;
  // The kernel looks at all of them: the last one counts.
  for (std::size_t at = 0; at < size; at += sizeof(Segment)) {
    Segment segment{};
    std::memcpy(&segment, table.data() + at, sizeof segment);
    if (segment.p_type == PT_GNU_STACK) out = (segment.p_flags & PF_X) != 0;
  }
  return out;
}

}  // namespace

bool asks_for_executable_stack(FdRef file) {
  ByteVec start(sizeof(Elf64_Ehdr));
  start.resize(read_at(file, 0, start));
  if (start.empty()) return true;
  if (start.size() <= EI_CLASS || std::memcmp(start.data(), ELFMAG, SELFMAG) != 0) return false;
  switch (std::to_integer<int>(start[EI_CLASS])) {
    case ELFCLASS64: return asks<Elf64_Ehdr, Elf64_Phdr>(file, start, false);
    case ELFCLASS32: return asks<Elf32_Ehdr, Elf32_Phdr>(file, start, true);
    default: return true;
  }
}

}  // namespace writ::enforce
