// Which libraries a program asks its loader for: the few facts of an ELF file that decide it.
//
// The file may be a stranger's: everything is bounded and nothing in it is believed beyond its own
// bytes. Read are 64-bit little-endian files: PT_INTERP, and DT_NEEDED, DT_RPATH, DT_RUNPATH of
// PT_DYNAMIC (System V ABI, chapters 4 and 5). A program without a PT_INTERP is static.
//
//   ElfFacts facts = TRY(read_elf(file));
//   std::vector<std::string> libraries = TRY(load_set("/usr/bin/make", facts));
//
// Thread safety: functions may be called from any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace writ::governor {

inline constexpr std::size_t kMaxLibraries = 512;  // of one program

struct ElfFacts {
  std::optional<std::string> interpreter;
  std::vector<std::string> needed;
  std::vector<std::string> search;  // DT_RUNPATH, or DT_RPATH without one; $ORIGIN as written
};

// read_elf reads an open file. NotFound when it is no ELF file at all (a script, data), Unsupported
// for another class, byte order or machine than this one's, Malformed when it contradicts itself.
Result<ElfFacts> read_elf(FdRef file);

// LibraryCache is /etc/ld.so.cache as ld.so reads it ("glibc-ld.so.cache1.1"); a cache that is
// missing or of another form is empty.
class LibraryCache {
 public:
  static LibraryCache load(const std::string& path = "/etc/ld.so.cache");
  const std::string* find(const std::string& soname) const;

 private:
  std::vector<std::pair<std::string, std::string>> entries_;  // sorted by soname
};

struct LoadSet {
  std::vector<std::string> files;  // interpreter and libraries, as ld.so would name them
  bool needs_cache = false;        // some library is found through the cache only
};

// load_set resolves what `program` (an absolute path) and its libraries ask for, transitively, in
// ld.so's order without the environment: DT_RUNPATH or DT_RPATH, the cache, the default
// directories. NotFound names the library that is nowhere.
Result<LoadSet> load_set(const std::string& program, const LibraryCache& cache);

}  // namespace writ::governor
