#include "enforce/census.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"

namespace writ::enforce {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// utime, stime, cutime and cstime: fields 14 to 17 of stat.
std::uint64_t ticks_of(FdRef proc, const char* process) {
  const Result<ByteVec> stat = read_file_at(proc, std::string(process) + "/stat", 4096);
  if (!stat) return 0;
  std::string_view text = as_text(*stat);
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return 0;
  text.remove_prefix(name_end + 1);
  std::uint64_t sum = 0;
  for (int field = 3; field <= 17 && !text.empty(); ++field) {
    if (text.front() == ' ') text.remove_prefix(1);
    const std::string_view one = text.substr(0, text.find(' '));
    text.remove_prefix(one.size());
    if (field >= 14) sum += number(one).value_or(0);
  }
  return sum;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { (void)::closedir(directory); }
};

}  // namespace

Result<Census> take_census(pid_t init, bool with_cpu) {
  UniqueFd proc = TRY(open_at(FdRef::cwd(), "/proc/" + std::to_string(init) + "/root/proc",
                              O_RDONLY | O_DIRECTORY));
  const FdRef at = proc.borrow();
  const std::unique_ptr<DIR, CloseDirectory> list(::fdopendir(proc.number()));
  if (list == nullptr) return errno_error(errno, "listing the run's processes");
  (void)proc.release();  // the list closes it
  Census out;
  std::uint64_t ticks = 0;
  while (const dirent* entry = ::readdir(list.get())) {
    const auto id = number(entry->d_name);
    if (!id) continue;
    struct stat info {};
    const std::string tasks = std::string(entry->d_name) + "/task";
    if (::fstatat(at.number(), tasks.c_str(), &info, 0) != 0) continue;
    out.tasks += info.st_nlink > 2 ? info.st_nlink - 2 : 1;
    if (*id != 1) ++out.processes;
    if (with_cpu) ticks += ticks_of(at, entry->d_name);
  }
  const long rate = ::sysconf(_SC_CLK_TCK);
  out.cpu_millis = rate > 0 ? ticks * 1000 / static_cast<std::uint64_t>(rate) : 0;
  return out;
}

}  // namespace writ::enforce
