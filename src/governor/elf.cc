#include "governor/elf.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>

namespace writ::governor {
namespace {

constexpr std::size_t kMaxHeaders = 256;
constexpr std::size_t kMaxDynamic = 8192;
constexpr std::size_t kMaxStrings = std::size_t{16} << 20;
constexpr std::size_t kMaxName = 4096;

#if defined(__x86_64__)
constexpr unsigned kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kMachine = EM_AARCH64;
#else
#error "not a machine that Writ runs on"
#endif

const std::array<const char*, 6> kDefaultDirs = {
#if defined(__x86_64__)
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
#else
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
#endif
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib"};

Error broken(const char* what) {
  return Error(Code::Malformed, std::string("ELF file: ") + what);
}

Result<void> read_exactly(FdRef file, std::uint64_t offset, void* out, std::size_t size) {
  if (offset > (std::uint64_t{1} << 62)) return broken("an offset is out of range");
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = ::pread(file.number(), static_cast<char*>(out) + have, size - have,
                                static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error(errno, "reading an ELF file");
    if (got == 0) return broken("it is cut short");
    have += static_cast<std::size_t>(got);
  }
  return {};
}

struct Segment {
  std::uint64_t address, offset, size;
};

// in_file translates an address to a file offset through the load segments.
std::optional<std::uint64_t> in_file(const std::vector<Segment>& loads, std::uint64_t address) {
  for (const Segment& s : loads) {
    if (address >= s.address && address - s.address < s.size)
      return s.offset + (address - s.address);
  }
  return {};
}

Result<std::string> string_at(const std::vector<char>& strings, std::uint64_t at) {
  if (at >= strings.size()) return broken("a name lies outside the string table");
  const auto begin = strings.begin() + static_cast<std::ptrdiff_t>(at);
  const auto end = std::find(begin, strings.end(), '\0');
  if (end == strings.end() || static_cast<std::size_t>(end - begin) > kMaxName) {
    return broken("a name does not end");
  }
  return std::string(begin, end);
}

std::vector<std::string> split_colons(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find(':', at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

bool is_file(const std::string& path) {
  struct stat facts = {};
  return ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode);
}

// fits says whether `path` is a file of this machine's class: ld.so skips others.
bool fits(const std::string& path) {
  if (!is_file(path)) return false;
  Result<UniqueFd> file = open_at(FdRef::cwd(), path, O_RDONLY | O_NONBLOCK);
  return file && read_elf(file->borrow()).has_value();
}

}  // namespace

Result<ElfFacts> read_elf(FdRef file) {
  Elf64_Ehdr header = {};
  std::array<unsigned char, SELFMAG> magic{};
  const ssize_t got = ::pread(file.number(), magic.data(), magic.size(), 0);
  if (got < 0) return errno_error(errno, "reading a program");
  if (got != SELFMAG || std::memcmp(magic.data(), ELFMAG, SELFMAG) != 0) {
    return Error(Code::NotFound, "not an ELF file");
  }
  TRY(read_exactly(file, 0, &header, sizeof header));
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != kMachine) {
    return Error(Code::Unsupported, "an ELF file for another machine");
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > kMaxHeaders) {
    return broken("its program headers are not as expected");
  }
  std::vector<Segment> loads;
  std::optional<Segment> interpreter;
  std::optional<Segment> dynamic;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment = {};
    TRY(read_exactly(file, header.e_phoff + i * sizeof segment, &segment, sizeof segment));
    const Segment s{segment.p_vaddr, segment.p_offset, segment.p_filesz};
    if (segment.p_type == PT_LOAD) loads.push_back(s);
    if (segment.p_type == PT_INTERP) interpreter = s;
    if (segment.p_type == PT_DYNAMIC) dynamic = s;
  }
  ElfFacts facts;
  if (interpreter) {
    if (interpreter->size < 2 || interpreter->size > kMaxName) {
      return broken("its interpreter's name has a wrong size");
    }
    std::string name(interpreter->size, '\0');
    TRY(read_exactly(file, interpreter->offset, name.data(), name.size()));
    if (name.back() != '\0' || name.find('\0') != name.size() - 1 || name[0] != '/') {
      return broken("its interpreter's name is not a path");
    }
    name.pop_back();
    facts.interpreter = std::move(name);
  }
  if (!dynamic) return facts;
  const std::size_t count = dynamic->size / sizeof(Elf64_Dyn);
  if (count > kMaxDynamic) return broken("its dynamic section is too large");
  std::vector<Elf64_Dyn> entries(count);
  TRY(read_exactly(file, dynamic->offset, entries.data(), count * sizeof(Elf64_Dyn)));
  std::uint64_t strings_address = 0;
  std::uint64_t strings_size = 0;
  std::vector<std::uint64_t> needed;
  std::optional<std::uint64_t> runpath;
  std::optional<std::uint64_t> rpath;
  for (const Elf64_Dyn& entry : entries) {
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_STRTAB) strings_address = entry.d_un.d_ptr;
    if (entry.d_tag == DT_STRSZ) strings_size = entry.d_un.d_val;
    if (entry.d_tag == DT_NEEDED) needed.push_back(entry.d_un.d_val);
    if (entry.d_tag == DT_RUNPATH) runpath = entry.d_un.d_val;
    if (entry.d_tag == DT_RPATH) rpath = entry.d_un.d_val;
  }
  if (needed.size() > kMaxLibraries) return broken("it asks for too many libraries");
  if (needed.empty() && !runpath && !rpath) return facts;
  const std::optional<std::uint64_t> place = in_file(loads, strings_address);
  if (!place || strings_size > kMaxStrings) return broken("its string table is not in the file");
  std::vector<char> strings(strings_size);
  TRY(read_exactly(file, *place, strings.data(), strings.size()));
  for (std::uint64_t at : needed) facts.needed.push_back(TRY(string_at(strings, at)));
  if (runpath || rpath) {
    facts.search = split_colons(TRY(string_at(strings, runpath ? *runpath : *rpath)));
  }
  return facts;
}

LibraryCache LibraryCache::load(const std::string& path) {
  // ld.so.cache, new form: magic and version (20 bytes), count and string size (u32 each), 20
  // more bytes, then entries {i32 flags, u32 key, u32 value, u32 osversion, u64 hwcap}; offsets
  // count from the magic. An old-form cache may stand before it; this distribution writes none.
  static constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
  constexpr std::size_t kHead = 48;
  constexpr std::size_t kEntry = 24;
#if defined(__x86_64__)
  constexpr std::uint32_t kWanted = 0x0303;  // ELF, libc6, x86-64
#else
  constexpr std::uint32_t kWanted = 0x0a03;  // ELF, libc6, aarch64
#endif
  LibraryCache cache;
  Result<ByteVec> bytes = read_file(path, std::size_t{32} << 20);
  if (!bytes || bytes->size() < kHead || !as_text(*bytes).starts_with(kMagic)) return cache;
  const auto u32 = [&](std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes->data() + at, sizeof value);
    return value;
  };
  const auto text = [&](std::uint32_t at) -> std::string {
    const std::string_view all = as_text(*bytes);
    if (at >= all.size()) return {};
    const std::size_t end = all.find('\0', at);
    return end == std::string_view::npos ? std::string() : std::string(all.substr(at, end - at));
  };
  const std::uint32_t count = u32(20);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t at = kHead + std::size_t{i} * kEntry;
    if (at + kEntry > bytes->size()) break;
    std::uint64_t hwcap = 0;
    std::memcpy(&hwcap, bytes->data() + at + 16, sizeof hwcap);
    if (u32(at) != kWanted || hwcap != 0) continue;
    std::string name = text(u32(at + 4));
    std::string file = text(u32(at + 8));
    if (name.empty() || file.empty() || file[0] != '/') continue;
    cache.entries_.emplace_back(std::move(name), std::move(file));
  }
  std::stable_sort(cache.entries_.begin(), cache.entries_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return cache;
}

const std::string* LibraryCache::find(const std::string& soname) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), soname,
                                   [](const auto& a, const std::string& b) { return a.first < b; });
  return at != entries_.end() && at->first == soname ? &at->second : nullptr;
}

Result<LoadSet> load_set(const std::string& program, const LibraryCache& cache) {
  LoadSet set;
  std::set<std::string> taken;  // sonames and paths
  struct Asking {
    std::string path;
    ElfFacts facts;
  };
  std::vector<Asking> queue;
  const auto look_at = [&](const std::string& path) -> Result<void> {
    UniqueFd file = TRY(open_at(FdRef::cwd(), path, O_RDONLY | O_NONBLOCK));
    Result<ElfFacts> facts = read_elf(file.borrow());
    if (!facts) return Error(std::move(facts).error()).context(printable(path));
    queue.push_back({path, std::move(*facts)});
    return {};
  };
  TRY(look_at(program));
  if (queue[0].facts.interpreter) {
    set.files.push_back(*queue[0].facts.interpreter);
    taken.insert(set.files[0].substr(set.files[0].rfind('/') + 1));
  }
  for (std::size_t next = 0; next < queue.size(); ++next) {
    const Asking asking = queue[next];
    const std::string origin = asking.path.substr(0, asking.path.rfind('/'));
    for (const std::string& name : asking.facts.needed) {
      if (!taken.insert(name).second) continue;
      if (set.files.size() >= kMaxLibraries) {
        return Error(Code::Exhausted, printable(program) + " loads more than " +
                                          std::to_string(kMaxLibraries) + " libraries");
      }
      std::string found;
      bool through_cache = false;
      if (name.find('/') != std::string::npos) {
        if (name[0] != '/') {
          return Error(Code::Unsupported, printable(asking.path) + " asks for the library `" +
                                              printable(name) + "` by a relative path");
        }
        if (fits(name)) found = name;
      } else {
        for (std::string dir : asking.facts.search) {
          for (const std::string_view variable : {"${ORIGIN}", "$ORIGIN"}) {
            for (std::size_t at; (at = dir.find(variable)) != std::string::npos;) {
              dir.replace(at, variable.size(), origin);
            }
          }
          if (!dir.empty() && dir[0] == '/' && fits(dir + "/" + name)) {
            found = dir + "/" + name;
            break;
          }
        }
        const std::string* cached = found.empty() ? cache.find(name) : nullptr;
        if (cached != nullptr && fits(*cached)) {
          found = *cached;
          const std::string dir = found.substr(0, found.rfind('/'));
          through_cache = std::none_of(kDefaultDirs.begin(), kDefaultDirs.end(),
                                       [&](const char* d) { return dir == d; });
        }
        for (const char* dir : kDefaultDirs) {
          if (found.empty() && fits(std::string(dir) + "/" + name)) {
            found = std::string(dir) + "/" + name;
          }
        }
      }
      if (found.empty()) {
        return Error(Code::NotFound, "the library `" + printable(name) + "` that " +
                                         printable(asking.path) + " needs is nowhere to be found");
      }
      set.needs_cache = set.needs_cache || through_cache;
      set.files.push_back(found);
      TRY(look_at(found));
    }
  }
  return set;
}

}  // namespace writ::governor
