#include "governor/elf.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "governor/testing_internal.h"

namespace writ::governor {
namespace {

Result<ElfFacts> read_path(const std::string& path) {
  UniqueFd file = TRY(open_at(FdRef::cwd(), path, 0));
  return read_elf(file.borrow());
}

TEST(Elf, ADynamicProgramNamesItsLoaderAndLibraries) {
  Result<ElfFacts> facts = read_path("/bin/sh");
  ASSERT_TRUE(facts);
  ASSERT_TRUE(facts->interpreter);
  EXPECT_EQ((*facts->interpreter)[0], '/');
  EXPECT_NE(std::find(facts->needed.begin(), facts->needed.end(), "libc.so.6"),
            facts->needed.end());
}

TEST(Elf, AStaticProgramHasNoLoader) {
  Result<ElfFacts> facts = read_path("/bin/busybox");
  ASSERT_TRUE(facts) << "busybox-static is needed";
  EXPECT_FALSE(facts->interpreter);
  EXPECT_TRUE(facts->needed.empty());
}

TEST(Elf, AScriptIsNoElfFile) {
  TestHome t;
  Result<ElfFacts> facts = read_path(t.file("s", "#!/bin/sh\n"));
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code(), Code::NotFound);
}

TEST(Elf, EveryTruncationOfAProgramIsRefusedOrReadWithoutHarm) {
  TestHome t;
  Result<ByteVec> whole = read_file("/bin/sh", std::size_t{16} << 20);
  ASSERT_TRUE(whole);
  const std::string bytes(as_text(*whole));
  // Headers and dynamic section lie early and late; step so that each is cut within.
  for (std::size_t size = 0; size < bytes.size(); size += 97 + size / 50) {
    Result<ElfFacts> facts = read_path(t.file("cut", bytes.substr(0, size)));
    if (size < 64) {
      EXPECT_FALSE(facts) << size;
    }
  }
}

TEST(Elf, FlippedBytesInTheHeadersNeverReadOutsideTheFile) {
  TestHome t;
  Result<ByteVec> whole = read_file("/bin/sh", std::size_t{16} << 20);
  ASSERT_TRUE(whole);
  std::string bytes(as_text(*whole));
  for (std::size_t at = 0; at < 1024; at += 3) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0xff);
    (void)read_path(t.file("flip", changed)).has_value();
  }
}

TEST(LoadSetOf, IsWhatTheLoaderItselfWouldMap) {
  const LibraryCache cache = LibraryCache::load();
  Result<LoadSet> set = load_set("/usr/bin/env", cache);
  ASSERT_TRUE(set);
  EXPECT_GE(set->files.size(), 2U);
  for (const std::string& file : set->files) EXPECT_EQ(::access(file.c_str(), R_OK), 0) << file;
  EXPECT_TRUE(std::any_of(set->files.begin(), set->files.end(),
                          [](const std::string& f) { return f.ends_with("/libc.so.6"); }));
}

TEST(LoadSetOf, AnEmptyOrForeignCacheIsNoError) {
  TestHome t;
  const LibraryCache none = LibraryCache::load(t.root + "/nowhere");
  EXPECT_EQ(none.find("libc.so.6"), nullptr);
  const LibraryCache junk = LibraryCache::load(t.file("junk", std::string(500, 'x')));
  EXPECT_EQ(junk.find("libc.so.6"), nullptr);
  EXPECT_TRUE(load_set("/usr/bin/env", none)) << "the default directories suffice";
}

}  // namespace
}  // namespace writ::governor
