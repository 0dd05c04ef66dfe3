#include "enforce/executable_stack.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "base/bytes.h"

namespace writ::enforce {
namespace {

template <typename Head, typename Segment>
ByteVec file_with(unsigned char of_class, std::vector<Segment> segments) {
  Head head{};
  std::memcpy(head.e_ident, ELFMAG, SELFMAG);
  head.e_ident[EI_CLASS] = of_class;
  head.e_phoff = sizeof(Head);
  head.e_phentsize = sizeof(Segment);
  head.e_phnum = static_cast<Elf64_Half>(segments.size());
  ByteVec bytes = to_vec(Bytes(reinterpret_cast<const std::byte*>(&head), sizeof head));
  for (const Segment& one : segments) {
    append(bytes, Bytes(reinterpret_cast<const std::byte*>(&one), sizeof one));
  }
  return bytes;
}

template <typename Segment>
Segment segment(unsigned type, unsigned flags) {
  Segment out{};
  out.p_type = type;
  out.p_flags = flags;
  return out;
}

bool asks(Bytes bytes) {
  Result<UniqueFd> file = memfd("program");
  EXPECT_TRUE(file && write_all(file->borrow(), bytes));
  return asks_for_executable_stack(file->borrow());
}

ByteVec wide(std::vector<Elf64_Phdr> segments) {
  return file_with<Elf64_Ehdr, Elf64_Phdr>(ELFCLASS64, std::move(segments));
}
ByteVec narrow(std::vector<Elf32_Phdr> segments) {
  return file_with<Elf32_Ehdr, Elf32_Phdr>(ELFCLASS32, std::move(segments));
}

TEST(ExecutableStack, IsWhatTheStackSegmentSays) {
  const auto load = segment<Elf64_Phdr>(PT_LOAD, PF_R | PF_X);
  EXPECT_FALSE(asks(wide({load, segment<Elf64_Phdr>(PT_GNU_STACK, PF_R | PF_W)})));
  EXPECT_TRUE(asks(wide({load, segment<Elf64_Phdr>(PT_GNU_STACK, PF_R | PF_W | PF_X)})));
  EXPECT_FALSE(asks(wide({load})));
  EXPECT_FALSE(asks(narrow({segment<Elf32_Phdr>(PT_GNU_STACK, PF_R | PF_W)})));
  EXPECT_TRUE(asks(narrow({segment<Elf32_Phdr>(PT_GNU_STACK, PF_X)})));
  EXPECT_TRUE(asks(narrow({segment<Elf32_Phdr>(PT_LOAD, PF_R)})));
}

TEST(ExecutableStack, ThisTestDoesNotAskForOne) {
  Result<UniqueFd> self = open_at(FdRef::cwd(), "/proc/self/exe", O_RDONLY);
  ASSERT_TRUE(self);
  EXPECT_FALSE(asks_for_executable_stack(self->borrow()));
}

TEST(ExecutableStack, AScriptDoesNotAskAndWhatCannotBeReadDoes) {
  EXPECT_FALSE(asks(as_bytes(std::string_view("#!/bin/sh\n"))));
  EXPECT_TRUE(asks(Bytes()));
  const ByteVec whole = wide({segment<Elf64_Phdr>(PT_LOAD, PF_R)});
  for (std::size_t size = SELFMAG + 1; size < whole.size(); ++size) {
    EXPECT_TRUE(asks(Bytes(whole).first(size))) << size;
  }
  ByteVec other = whole;
  other[EI_CLASS] = std::byte{9};
  EXPECT_TRUE(asks(other));
}

}  // namespace
}  // namespace writ::enforce
