#include "enforce/inspect.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

#include "enforce/image.h"
#include "enforce/remote_memory.h"
#include "enforce/resolve.h"

namespace writ::enforce {
namespace {

constexpr std::size_t kLongestPath = 4096;
constexpr std::size_t kMostAncestors = 64;
constexpr std::size_t kDeepestScript = 5;
constexpr std::size_t kMostRemembered = 64;  // ancestors, a descriptor each
// The kernel's argument block plus its pointers and the auxiliary vector.
constexpr std::size_t kLargestStack = std::size_t{16} << 20;
// What is looked at at once: the usual program has a few kilobytes.
constexpr std::size_t kUsualPages = 16;
constexpr std::size_t kUsualStack = std::size_t{64} * 1024;

std::string proc_path(pid_t process, const char* name) {
  return "/proc/" + std::to_string(process) + "/" + name;
}

Result<ByteVec> read_proc(pid_t process, const char* name) {
  const UniqueFd fd = TRY(open_at(FdRef::cwd(), proc_path(process, name), O_RDONLY));
  return read_all(fd.borrow(), 65536);
}

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

// A thread's group. That it leads its own, the usual case, is cheaper to ask than to read.
Result<pid_t> group_of(pid_t thread) {
  if (::syscall(SYS_tgkill, thread, thread, 0) == 0) return thread;
  const ByteVec status = TRY(read_proc(thread, "status"));
  const std::string_view text = as_text(status);
  constexpr std::string_view kLabel = "\nTgid:\t";
  const std::size_t at = text.find(kLabel);
  if (at != std::string_view::npos) {
    const std::string_view rest = text.substr(at + kLabel.size());
    if (const auto group = number<pid_t>(rest.substr(0, rest.find('\n')))) return *group;
  }
  return Error(Code::NotFound, "the caller's process is not known");
}

Result<ProcessInfo> process_of(pid_t process) {
  // One line, given in one piece, of which the first 22 fields count.
  std::array<char, 1024> line;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  const UniqueFd file = TRY(open_at(FdRef::cwd(), proc_path(process, "stat"), O_RDONLY));
  ssize_t size = 0;
  do {
    size = ::read(file.number(), line.data(), line.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return errno_error(errno, "reading /proc/PID/stat");
  std::string_view text(line.data(), static_cast<std::size_t>(size));
  // The name, in parentheses, may hold anything: fields start after the last one.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos)
    return Error(Code::Malformed, "unexpected /proc/PID/stat");
  text.remove_prefix(name_end + 1);
  ProcessInfo out;
  out.process.number = process;
  for (int field = 3; !text.empty(); ++field) {
    if (text.front() == ' ') text.remove_prefix(1);
    const std::string_view one = text.substr(0, text.find(' '));
    text.remove_prefix(one.size());
    if (field == 4) {
      const auto parent = number<pid_t>(one);
      if (!parent) break;
      out.parent = *parent;
    } else if (field == 22) {
      const auto start = number<std::uint64_t>(one);
      if (!start) break;
      out.process.start_ticks = *start;
      return out;
    }
  }
  return Error(Code::Malformed, "unexpected /proc/PID/stat");
}

// The caller and what it descends from, up to the run's init.
Result<Caller> Inspector::caller_of(pid_t group, pid_t thread) {
  Caller out;
  out.thread = thread;
  for (pid_t at = group; at > 0 && at != init_ && out.ancestry.size() < kMostAncestors;) {
    const Result<ProcessInfo> info = at == group ? process_of(at) : ancestor(at);
    if (!info) {
      if (at == group) return info.error();
      break;  // an ancestor that has just ended: what came before it is not known any more
    }
    out.ancestry.push_back(info->process);
    at = info->parent;
  }
  // The caller itself may be named init when a run has no process of its own above it.
  if (out.ancestry.empty()) out.ancestry.push_back(TRY(process_of(group)).process);
  out.process = out.ancestry.front();
  return out;
}

Result<Caller> Inspector::caller(pid_t thread) {
  return caller_of(TRY(group_of(thread)), thread);
}

Result<ProcessInfo> Inspector::ancestor(pid_t process) {
  const std::lock_guard lock(mutex_);
  const auto found = ancestors_.find(process);
  if (found != ancestors_.end()) {
    struct pollfd ended {
      found->second.pidfd.number(), POLLIN, 0
    };
    if (::poll(&ended, 1, 0) == 0) return found->second.info;
    ancestors_.erase(found);
  }
  // The descriptor first: what is read afterwards is about the process it stands for, if that one
  // still lives then.
  const long opened = ::syscall(SYS_pidfd_open, process, 0U);
  if (opened < 0) return process_of(process);
  UniqueFd pidfd = adopt_fd(static_cast<int>(opened));
  const ProcessInfo info = TRY(process_of(process));
  struct pollfd ended {
    pidfd.number(), POLLIN, 0
  };
  if (::poll(&ended, 1, 0) == 0) {
    if (ancestors_.size() >= kMostRemembered) ancestors_.clear();
    ancestors_.insert_or_assign(process, Ancestor{std::move(pidfd), info});
  }
  return info;
}

FdRef Inspector::root() {
  const std::lock_guard lock(mutex_);
  if (!root_) {
    Result<UniqueFd> opened = open_at(FdRef::cwd(), proc_path(init_, "root"), O_PATH | O_DIRECTORY);
    if (opened) root_ = std::move(opened).value();
  }
  return root_.borrow();
}

bool Inspector::waits_for_nobody() {
  const std::lock_guard lock(mutex_);
  if (!local_) local_ = all_local(init_);
  return *local_;
}

Result<Sight> Inspector::sight(const Notification& notification, Pace pace) {
  const bool at_once = pace == Pace::AtOnce;
  if (at_once && !waits_for_nobody()) return Error(Code::Unavailable, "some mounts are not local");
  Sight out;
  const auto& arguments = notification.arguments;
  const bool at = notification.call == SYS_execveat;
  if (!at && notification.call != SYS_execve) {
    out.error = ENOSYS;
    return out;
  }
  const std::size_t shift = at ? 1 : 0;
  const pid_t thread = notification.thread;
  if (thread <= 0) return Error(Code::NotFound, "the caller has no number here");
  out.group = TRY(group_of(thread));

  RemoteMemory memory(thread, at_once ? kUsualPages : RemoteMemory::kMostPages);
  // What the kernel would refuse is answered as it would; anything else ends the sight.
  const auto own_fault = [&out](const Error& error) {
    const int code = error.sys_errno();
    out.error = code == EFAULT || code == E2BIG || code == ENAMETOOLONG ? code : 0;
    return out.error != 0;
  };
  Result<std::string> path = memory.text(arguments[shift], kLongestPath - 1, ENAMETOOLONG);
  if (!path) {
    if (own_fault(path.error())) return out;
    return std::move(path).error();
  }
  Result<ResolvedFile> file = errno_error(EAGAIN, "resolving a path");
  if (at_once) {  // first what most often ends this pace
    if (!at) file = resolve_cached(root(), *path);
    if (!file) return std::move(file).error();
  }
  out.attempt.caller = TRY(caller_of(out.group, thread));
  std::size_t room = kMostArguments;
  Result<std::vector<std::string>> argv = memory.texts(arguments[shift + 1], room);
  if (!argv) {
    if (own_fault(argv.error())) return out;
    return std::move(argv).error();
  }
  Result<std::vector<std::string>> environment = memory.texts(arguments[shift + 2], room);
  if (!environment) {
    if (own_fault(environment.error())) return out;
    return std::move(environment).error();
  }
  out.attempt.asked = std::move(path).value();
  out.attempt.argv = std::move(argv).value();
  if (out.attempt.argv.empty()) out.attempt.argv.emplace_back();  // the kernel makes it one ""
  out.attempt.environment = std::move(environment).value();
  out.attempt.directory = TRY(directory_of(thread));

  const int flags = at ? static_cast<int>(arguments[4]) : 0;
  if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0) {
    out.error = EINVAL;
    return out;
  }
  const int directory = at ? static_cast<int>(arguments[0]) : AT_FDCWD;
  const PathStart start =
      directory == AT_FDCWD ? PathStart(CurrentDirectory{}) : PathStart(Descriptor{directory});
  if (!at_once) {
    const bool follow = (flags & AT_SYMLINK_NOFOLLOW) == 0;
    if (!out.attempt.asked.empty() || (flags & AT_EMPTY_PATH) == 0) {
      file = resolve_for(thread, start, out.attempt.asked, follow, root());
    } else if (directory == AT_FDCWD) {
      file = errno_error(ENOENT, "resolving a path");
    } else {
      file = descriptor_of(thread, directory);
    }
  }
  if (!file) {
    const int error = file.error().sys_errno();
    out.attempt.failed = error > 0 ? error : EACCES;
    return out;
  }
  if (S_ISLNK(file->info.st_mode)) {
    out.attempt.failed = ELOOP;
    return out;
  }
  out.attempt.resolved = file->path;
  out.attempt.identity = file->identity();
  out.attempt.look = look_of(file->info);
  if (!S_ISREG(file->info.st_mode)) {
    out.error = EACCES;
    return out;
  }
  if (!writers_excluded(file->system)) {
    out.error = EACCES;
    return out;
  }
  // A program that the governor cannot read cannot be verified at its stop.
  if (::syscall(SYS_faccessat2, file->fd.number(), "", R_OK, AT_EMPTY_PATH | AT_EACCESS) != 0) {
    out.error = EACCES;
  }
  return out;
}

Result<ExecImage> Inspector::image(pid_t process, StackPointer stack, const Caller& caller,
                                   Pace pace) {
  const bool at_once = pace == Pace::AtOnce;
  if (at_once && !waits_for_nobody()) return Error(Code::Unavailable, "some mounts are not local");
  ExecImage out;
  out.caller = caller;
  out.caller.thread = process;
  const ByteVec memory =
      TRY(read_to_end(process, stack.address, at_once ? kUsualStack : kLargestStack));
  InitialStack initial = TRY(parse_initial_stack(memory, stack.address, stack.word));
  out.argv = std::move(initial.argv);
  out.environment = std::move(initial.environment);
  out.directory = TRY(directory_of(process));

  const UniqueFd program = TRY(
      open_at(FdRef::cwd(), proc_path(process, "exe"), at_once ? O_PATH : O_RDONLY | O_NONBLOCK));
  out.program = TRY(path_of(program.borrow()));
  const DigestCache::Look look =
      at_once ? TRY(digests_.look(program.borrow())) : TRY(digests_.look_closely(program.borrow()));
  out.identity = look.identity;
  if (!look.known) return Error(Code::NotFound, "a program whose digest is not known yet");
  out.digest = look.known->digest;
  out.executable_stack = look.known->executable_stack;
  if (at_once) {
    if (!is_script_of(out.argv, initial.executed)) return out;
    return Error(Code::NotFound, "a script may stand before the program");
  }
  out.scripts = TRY(scripts(process, out, initial.executed));
  return out;
}

// The kernel says which path was executed. When that is the loaded program, there is no script.
// When it is not, and argv is that of an interpreter started for it, the chain of "#!" lines from
// it must lead to the loaded program with exactly these arguments. Otherwise the program was
// executed through a name that has gone since (a close-on-exec descriptor, a renamed file): what
// is loaded is known all the same, and argv is its own.
Result<std::vector<Script>> Inspector::scripts(pid_t process, const ExecImage& image,
                                               const std::string& executed) {
  std::vector<Script> out;
  if (!is_script_of(image.argv, executed)) return out;
  Result<ResolvedFile> file = resolve_for(process, CurrentDirectory{}, executed);
  if (file && file->identity() == image.identity) return out;
  std::vector<std::string> expected;  // the start of argv, innermost interpreter first
  std::string name = executed;
  const auto changed = [](const char* what) { return Error(Code::Conflict, what); };
  for (std::size_t depth = 0; depth < kDeepestScript; ++depth) {
    if (!file) return changed("a script is not where it was executed");
    const UniqueFd script = TRY(open_readable(*file));
    ByteVec start(kScriptLine);
    const ssize_t size = ::pread(script.number(), start.data(), start.size(), 0);
    if (size < 0) return errno_error(errno, "reading a script");
    const auto line = parse_script_line(Bytes(start).first(static_cast<std::size_t>(size)));
    if (!line) return changed("what was executed is neither the loaded program nor a script of it");
    const Digest32 digest = TRY(digests_.of_script(script.borrow()));
    out.push_back(Script{file->path, digest, file->identity()});
    std::vector<std::string> front{line->interpreter};
    if (line->argument) front.push_back(*line->argument);
    front.push_back(name);
    if (!expected.empty()) front.insert(front.end(), expected.begin() + 1, expected.end());
    expected = std::move(front);
    name = line->interpreter;
    file = resolve_for(process, CurrentDirectory{}, name);
    if (file && file->identity() == image.identity) {
      const bool same = expected.size() <= image.argv.size() &&
                        std::equal(expected.begin(), expected.end(), image.argv.begin());
      if (!same) return changed("the arguments are not those of the script that was executed");
      return out;
    }
  }
  return changed("scripts are nested too deeply");
}

}  // namespace writ::enforce
