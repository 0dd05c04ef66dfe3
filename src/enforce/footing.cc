#include "enforce/footing.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

namespace writ::enforce {
namespace {

constexpr std::size_t kMaxStatus = 16 * 1024;
constexpr std::size_t kMaxMounts = std::size_t{32} << 20;
constexpr std::array<const char*, 7> kNames = {"ns/user", "ns/mnt", "ns/pid",   "ns/net",
                                               "ns/ipc",  "ns/uts", "ns/cgroup"};

struct CloseDirectory {
  void operator()(DIR* directory) const { (void)::closedir(directory); }
};

bool is_gone(const Error& error) {
  return error.sys_errno() == ENOENT || error.sys_errno() == ESRCH;
}

Result<FileIdentity> identity_at(FdRef directory, const char* name) {
  struct stat facts {};
  if (::fstatat(directory.number(), name, &facts, 0) != 0) return errno_error(errno, name);
  return FileIdentity{facts.st_dev, facts.st_ino};
}

Result<UniqueFd> open_directory(FdRef at, const std::string& path) {
  return open_at(at, path, O_RDONLY | O_DIRECTORY);
}

// each_number opens every entry of a directory of processes or threads and calls with it. What is
// gone meanwhile is passed over; any other error ends it.
template <typename Call>
Result<void> each_number(UniqueFd directory, const GiveUp& give_up, const Call& call) {
  const std::unique_ptr<DIR, CloseDirectory> list(::fdopendir(directory.number()));
  if (list == nullptr) return errno_error(errno, "listing the run's processes");
  (void)directory.release();  // the list closes it
  const FdRef at(::dirfd(list.get()));
  errno = 0;
  while (const dirent* entry = ::readdir(list.get())) {
    const std::string_view name(entry->d_name);
    if (name[0] < '0' || name[0] > '9') continue;
    if (give_up()) return Error(Code::Unavailable, "not looked at to the end");
    Result<void> done = [&]() -> Result<void> {
      return call(TRY(open_directory(at, std::string(name))), name);
    }();
    if (!done && !is_gone(done.error())) return done;
    errno = 0;
  }
  // The list of a process that is gone ends early.
  if (errno != 0 && errno != ENOENT && errno != ESRCH) {
    return errno_error(errno, "listing the run's processes");
  }
  return {};
}

// The value of one line of a status file, or nothing.
std::optional<std::string_view> value_of(std::string_view status, std::string_view name) {
  std::size_t at = status.find(name);
  while (at != std::string_view::npos && at != 0 && status[at - 1] != '\n') {
    at = status.find(name, at + 1);
  }
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view value = status.substr(at + name.size());
  value = value.substr(0, value.find('\n'));
  while (!value.empty() && (value[0] == '\t' || value[0] == ' ')) value.remove_prefix(1);
  return value;
}

bool all_zero(std::string_view hex) {
  return !hex.empty() && hex.find_first_not_of('0') == std::string_view::npos;
}

// What is wrong with a thread's status, or null.
const char* problem_of(std::string_view status) {
  if (value_of(status, "Seccomp:") != "2") return "is not under the filter";
  if (value_of(status, "NoNewPrivs:") != "1") return "could gain privileges";
  for (const char* set : {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"}) {
    if (!all_zero(value_of(status, set).value_or(""))) return "has capabilities";
  }
  return nullptr;
}

Error changed(std::string what) {
  return Error(Code::Conflict, std::move(what));
}

Error without_init(Error error) {
  return is_gone(error) ? Error(Code::NotFound, "the run's init is gone") : std::move(error);
}

}  // namespace

Result<Footing::Namespaces> Footing::namespaces_of(FdRef task) {
  Namespaces out;
  for (std::size_t i = 0; i < kNamespaces; ++i) out[i] = TRY(identity_at(task, kNames[i]));
  return out;
}

// Of each line of mountinfo: its number, the mount it lies on, the device and the restrictions.
// Paths are left out: names of the host's files may change without the mounts changing.
Result<std::string> Footing::mounts_of(FdRef process) {
  const UniqueFd file = TRY(open_at(process, "mountinfo", O_RDONLY));
  const ByteVec bytes = TRY(read_all(file.borrow(), kMaxMounts));
  std::string_view rest = as_text(bytes);
  std::string out;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    for (int field = 0; field < 6 && !line.empty(); ++field) {
      const std::string_view one = line.substr(0, line.find(' '));
      line.remove_prefix(std::min(line.size(), one.size() + 1));
      if (field == 3 || field == 4) continue;  // its root and where it is
      out.append(one).push_back(' ');
    }
    out.push_back('\n');
  }
  return out;
}

Result<Footing> Footing::note(pid_t init) {
  Footing footing(init);
  const Result<void> noted = [&]() -> Result<void> {
    const UniqueFd process = TRY(open_directory(FdRef::cwd(), "/proc/" + std::to_string(init)));
    footing.own_image_ = TRY(identity_at(process.borrow(), "exe"));
    footing.namespaces_ = TRY(namespaces_of(process.borrow()));
    footing.mounts_ = TRY(mounts_of(process.borrow()));
    return {};
  }();
  if (!noted) return without_init(noted.error());
  return footing;
}

Result<void> Footing::look_at_thread(FdRef thread, std::string_view process, Seen& seen) const {
  const std::string who = "process " + std::string(process) + " of the run ";
  const ByteVec bytes = TRY(read_file_at(thread, "status", kMaxStatus));
  const std::string_view status = as_text(bytes);
  const std::string_view state = value_of(status, "State:").value_or("");
  if (state.starts_with('Z') || state.starts_with('X')) return {};
  const FileIdentity image = TRY(identity_at(thread, "exe"));
  const Namespaces namespaces = TRY(namespaces_of(thread));
  if (const char* problem = problem_of(status)) return changed(who + problem);
  if (namespaces != namespaces_) return changed(who + "is in other namespaces");
  ++seen.threads;
  if (image == own_image_) return {};  // the first task, before its first program
  const bool held = state.starts_with('t');
  const auto known = std::find_if(seen.running.begin(), seen.running.end(),
                                  [&](const Running& one) { return one.file == image; });
  if (known == seen.running.end()) {
    seen.running.push_back({image, held});
  } else {
    known->held = known->held && held;
  }
  return {};
}

Result<Footing::Seen> Footing::look(const GiveUp& give_up) const {
  Seen seen;
  const Result<void> looked = [&]() -> Result<void> {
    const UniqueFd init = TRY(open_directory(FdRef::cwd(), "/proc/" + std::to_string(init_)));
    if (TRY(namespaces_of(init.borrow())) != namespaces_) {
      return changed("the run's init is in other namespaces");
    }
    if (TRY(mounts_of(init.borrow())) != mounts_) {
      return changed("the run's mounts are not those that were made");
    }
    const auto look_at_process = [&](UniqueFd process, std::string_view number) -> Result<void> {
      if (number == "1") return {};  // init
      return each_number(TRY(open_directory(process.borrow(), "task")), give_up,
                         [&](UniqueFd thread, std::string_view) {
                           return look_at_thread(thread.borrow(), number, seen);
                         });
    };
    return each_number(TRY(open_directory(init.borrow(), "root/proc")), give_up, look_at_process);
  }();
  if (!looked) return without_init(looked.error());
  return seen;
}

}  // namespace writ::enforce
