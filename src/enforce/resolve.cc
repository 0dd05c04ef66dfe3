// A walk in user space, because no flag of openat2 has the kernel resolve a path as another
// process: RESOLVE_IN_ROOT follows no magic link, and /proc/self would be ours. Paths without
// /proc, the common case, take one openat2 when they are absolute.
#include "enforce/resolve.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <deque>

namespace writ::enforce {
namespace {

constexpr std::size_t kLongestPath = 4096;
constexpr int kMostLinks = 40;
constexpr ino_t kProcRoot = 1;
// As /proc/PID/mountinfo names them.
constexpr std::array<std::string_view, 19> kLocal = {
    "ext2",     "ext3",     "ext4",    "xfs",   "btrfs",  "tmpfs",    "ramfs",
    "f2fs",     "squashfs", "iso9660", "erofs", "zfs",    "bcachefs", "proc",
    "devtmpfs", "devpts",   "mqueue",  "sysfs", "cgroup2"};

std::string proc_path(pid_t thread, const std::string& rest) {
  return "/proc/" + std::to_string(thread) + "/" + rest;
}

Error gone_as(int error, const char* what) {
  return errno_error(error, what);
}

Result<struct statx> identity_of(FdRef fd) {
  struct statx info {};
  if (::statx(fd.number(), "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_MNT_ID,
              &info) != 0) {
    return errno_error(errno, "looking at a directory");
  }
  return info;
}

Result<bool> same_place(FdRef a, FdRef b) {
  const struct statx one = TRY(identity_of(a));
  const struct statx two = TRY(identity_of(b));
  return one.stx_ino == two.stx_ino && one.stx_dev_major == two.stx_dev_major &&
         one.stx_dev_minor == two.stx_dev_minor && one.stx_mnt_id == two.stx_mnt_id;
}

bool in_proc(FdRef directory) {
  struct statfs info {};
  return ::fstatfs(directory.number(), &info) == 0 && info.f_type == PROC_SUPER_MAGIC;
}

// The caller's own number inside the innermost pid namespace, "PID" or "PID/task/TID": the last
// column of the NStgid and NSpid lines.
Result<std::string> self_in_proc(pid_t thread, bool with_thread) {
  const ByteVec status = TRY(read_file(proc_path(thread, "status"), 65536));
  const auto last_number = [&](std::string_view label) -> std::string {
    const std::string_view text = as_text(status);
    const std::size_t at = text.find(label);
    if (at == std::string_view::npos) return "";
    std::string_view line = text.substr(at + label.size());
    line = line.substr(0, line.find('\n'));
    const std::size_t tab = line.find_last_of("\t ");
    return std::string(tab == std::string_view::npos ? line : line.substr(tab + 1));
  };
  const std::string group = last_number("\nNStgid:");
  const std::string own = last_number("\nNSpid:");
  if (group.empty() || own.empty()) return gone_as(ENOENT, "looking up /proc/self");
  return with_thread ? group + "/task/" + own : group;
}

class Walk {
 public:
  Walk(pid_t thread, UniqueFd root) : thread_(thread), root_(std::move(root)) {}

  Result<UniqueFd> from(UniqueFd start, const std::string& path, bool follow_last) {
    current_ = std::move(start);
    push(path);
    while (!parts_.empty()) {
      const std::string name = std::move(parts_.front());
      parts_.pop_front();
      if (name.empty() || name == ".") {
        TRY(must_be_directory());
      } else if (name == "..") {
        TRY(up());
      } else {
        TRY(down(name, follow_last || !parts_.empty()));
      }
    }
    return std::move(current_);
  }

 private:
  // push puts the components before what is left; a closing slash demands a directory (".").
  void push(const std::string& path) {
    std::deque<std::string> parts;
    std::size_t at = 0;
    while (at < path.size()) {
      const std::size_t slash = std::min(path.find('/', at), path.size());
      if (slash > at) parts.push_back(path.substr(at, slash - at));
      at = slash + 1;
    }
    if (!path.empty() && path.back() == '/' && !parts.empty()) parts.emplace_back(".");
    parts_.insert(parts_.begin(), parts.begin(), parts.end());
  }

  Result<void> must_be_directory() {
    const struct stat info = TRY(stat_fd(current_.borrow()));
    if (!S_ISDIR(info.st_mode)) return gone_as(ENOTDIR, "resolving a path");
    return {};
  }

  Result<void> up() {
    TRY(must_be_directory());
    if (TRY(same_place(current_.borrow(), root_.borrow()))) return {};
    current_ = TRY(open_at(current_.borrow(), "..", O_PATH | O_DIRECTORY));
    return {};
  }

  Result<void> down(const std::string& name, bool follow) {
    UniqueFd next = TRY(open_at(current_.borrow(), name, O_PATH | O_NOFOLLOW));
    const struct stat info = TRY(stat_fd(next.borrow()));
    if (!S_ISLNK(info.st_mode) || !follow) {
      current_ = std::move(next);
      return {};
    }
    if (++links_ > kMostLinks) return gone_as(ELOOP, "resolving a path");
    if (in_proc(current_.borrow())) {
      const struct stat parent = TRY(stat_fd(current_.borrow()));
      if (parent.st_ino != kProcRoot) {
        // A link that is an object, not a name: the kernel jumps there.
        current_ = TRY(open_at(current_.borrow(), name, O_PATH));
        return {};
      }
      if (name == "self" || name == "thread-self") {
        push(TRY(self_in_proc(thread_, name != "self")));
        return {};
      }
    }
    const std::string target = TRY(read_link(current_.borrow(), name));
    if (target.empty()) return gone_as(ENOENT, "resolving a path");
    if (target.front() == '/') current_ = TRY(dup_fd(root_.borrow()));
    push(target);
    return {};
  }

  pid_t thread_;
  UniqueFd root_;
  UniqueFd current_;
  std::deque<std::string> parts_;
  int links_ = 0;
};

Result<UniqueFd> open_magic(pid_t thread, const std::string& name, int flags) {
  return open_at(FdRef::cwd(), proc_path(thread, name), flags);
}

// This process's own descriptors, opened once: a short way to the path of one.
FdRef own_descriptors() {
  static const UniqueFd* const directory = [] {
    Result<UniqueFd> opened = open_at(FdRef::cwd(), "/proc/self/fd", O_PATH | O_DIRECTORY);
    return opened ? new UniqueFd(std::move(opened).value()) : new UniqueFd();
  }();
  return directory->borrow();
}

Result<ResolvedFile> finish(UniqueFd fd) {
  ResolvedFile out;
  out.info = TRY(stat_fd(fd.borrow()));
  struct statfs system {};
  if (::fstatfs(fd.number(), &system) != 0) return errno_error(errno, "looking at a file system");
  out.system = static_cast<std::uint32_t>(system.f_type);
  out.path = TRY(path_of(fd.borrow()));
  out.fd = std::move(fd);
  return out;
}

}  // namespace

Result<std::string> read_link(FdRef directory, const std::string& name) {
  std::array<char, kLongestPath> text;
  const ssize_t size = ::readlinkat(directory.number(), name.c_str(), text.data(), text.size());
  if (size < 0) return errno_error(errno, "reading a link");
  if (static_cast<std::size_t>(size) >= text.size()) {
    return errno_error(ENAMETOOLONG, "reading a link");
  }
  return std::string(text.data(), static_cast<std::size_t>(size));
}

Result<ResolvedFile> resolve_for(pid_t thread, PathStart start, const std::string& path,
                                 bool follow_last, FdRef known_root) {
  if (path.empty()) return gone_as(ENOENT, "resolving a path");
  if (path.size() >= kLongestPath) return gone_as(ENAMETOOLONG, "resolving a path");
  UniqueFd root;
  if (known_root.number() < 0) {
    root = TRY(open_magic(thread, "root", O_PATH | O_DIRECTORY));
    known_root = root.borrow();
  }
  if (path.front() == '/' && follow_last) {
    Result<UniqueFd> quick =
        open_at(known_root, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (quick) {
      Result<ResolvedFile> file = finish(std::move(quick).value());
      if (file && file->system != PROC_SUPER_MAGIC) return file;
    }
  }
  if (!root) root = TRY(dup_fd(known_root));
  if (path.front() == '/') {
    UniqueFd from = TRY(dup_fd(root.borrow()));
    return finish(TRY(Walk(thread, std::move(root)).from(std::move(from), path, follow_last)));
  }
  UniqueFd from;
  if (const auto* descriptor = std::get_if<Descriptor>(&start)) {
    from = std::move(TRY(descriptor_of(thread, descriptor->number)).fd);
  } else {
    from = TRY(open_magic(thread, "cwd", O_PATH | O_DIRECTORY));
  }
  struct stat info = TRY(stat_fd(from.borrow()));
  if (!S_ISDIR(info.st_mode)) return gone_as(ENOTDIR, "resolving a path");
  return finish(TRY(Walk(thread, std::move(root)).from(std::move(from), path, follow_last)));
}

Result<ResolvedFile> resolve_cached(FdRef root, const std::string& path) {
  if (!path.starts_with('/') || path.size() >= kLongestPath) {
    return gone_as(EAGAIN, "resolving a path at once");
  }
  struct open_how how {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED;
  const long opened = ::syscall(SYS_openat2, root.number(), path.c_str(), &how, sizeof how);
  if (opened < 0) return gone_as(errno, "resolving a path at once");
  ResolvedFile file = TRY(finish(adopt_fd(static_cast<int>(opened))));
  // Below /proc a path may mean something else to its caller.
  if (file.system == PROC_SUPER_MAGIC) return gone_as(EAGAIN, "resolving a path at once");
  return file;
}

Result<std::string> path_of(FdRef file) {
  return read_link(own_descriptors(), std::to_string(file.number()));
}

bool all_local(pid_t process) {
  const Result<UniqueFd> file = open_at(FdRef::cwd(), proc_path(process, "mountinfo"), O_RDONLY);
  if (!file) return false;
  const Result<ByteVec> mounts = read_all(file->borrow(), std::size_t{4} << 20);
  if (!mounts) return false;
  std::string_view rest = as_text(*mounts);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    // The type stands after " - "; blanks in what comes before are written as \040.
    constexpr std::string_view kMark = " - ";
    const std::size_t mark = line.find(kMark);
    if (mark == std::string_view::npos) return false;
    const std::string_view type = line.substr(mark + kMark.size());
    const std::string_view name = type.substr(0, type.find(' '));
    if (std::find(kLocal.begin(), kLocal.end(), name) == kLocal.end()) return false;
  }
  return !mounts->empty();
}

Result<ResolvedFile> descriptor_of(pid_t thread, int number) {
  Result<UniqueFd> fd = open_magic(thread, "fd/" + std::to_string(number), O_PATH);
  if (!fd) {
    return gone_as(fd.error().sys_errno() == ENOENT ? EBADF : fd.error().sys_errno(),
                   "looking at a descriptor");
  }
  return finish(std::move(fd).value());
}

Result<std::string> directory_of(pid_t thread) {
  return read_link(FdRef::cwd(), proc_path(thread, "cwd"));
}

Result<UniqueFd> open_readable(const ResolvedFile& file) {
  if (!S_ISREG(file.info.st_mode)) return errno_error(EACCES, "opening what is no regular file");
  return open_at(FdRef::cwd(), "/proc/self/fd/" + std::to_string(file.fd.number()),
                 O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

}  // namespace writ::enforce
