#include "enforce/layout.h"

#include <sys/mount.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "enforce/landlock.h"

namespace writ::enforce {
namespace {

using wire::Op;

constexpr std::size_t kMaxPath = 4095;
constexpr char kResolvConf[] = "nameserver 127.0.0.1\n";

// Component order: a tree comes right before everything in it ("/a", "/a/b", "/a.b").
struct ByComponent {
  bool operator()(const std::string& a, const std::string& b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
      const auto key = [](char c) { return c == '/' ? 0 : 1 + static_cast<unsigned char>(c); };
      return key(x) < key(y);
    });
  }
};

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_writable(MountKind kind) {
  return kind == MountKind::Write || kind == MountKind::Produced;
}

// Where two grants name the same path, the one that gives the run less power over the file's
// content and more use of it stands: executable and fixed, then produced, then writable.
int strength(MountKind kind) {
  switch (kind) {
    case MountKind::Read: return 0;
    case MountKind::Write: return 1;
    case MountKind::Produced: return 2;
    case MountKind::Load: return 3;
    case MountKind::Program: return 4;
  }
  return 0;
}

struct Entry {
  MountKind kind = MountKind::Read;
  bool directory = false;
  bool identified = true;
  FileIdentity identity;
};
using Entries = std::map<std::string, Entry, ByComponent>;

struct DeviceNode {
  const char* path;
  unsigned minor;
};
constexpr std::array<DeviceNode, 5> kDevices = {{{"/dev/null", 3},
                                                 {"/dev/zero", 5},
                                                 {"/dev/full", 7},
                                                 {"/dev/random", 8},
                                                 {"/dev/urandom", 9}}};
constexpr unsigned kMemoryMajor = 1;
constexpr unsigned kTtyMajor = 5;  // minor 0: the terminal of the caller's own session

class Builder {
 public:
  Builder(const Plan& plan, int abi) : plan_(plan), abi_(abi) {}

  Result<Layout> build() {
    TRY(check_names());
    TRY(collect());
    pin();
    skeleton();
    for (const auto& [path, entry] : entries_) TRY(mount(path, entry));
    resolver();
    working_directory();
    for (const std::string& cover : plan_.covers) {
      if (enclosing(cover) != nullptr) step(Op::Cover, cover);
    }
    for (const Link& link : plan_.links) TRY(symlink(link));
    for (const std::string& island : islands_) step(Op::Seal, island);
    step(Op::Seal, "/");
    land();
    layout_.root_inodes = layout_.steps.size() + 64;
    return std::move(layout_);
  }

 private:
  Result<void> check_names() {
    const auto normal = [](const std::string& path, const char* what) -> Result<void> {
      if (is_normal(path) && path != "/") return {};
      return Error(Code::InvalidArgument,
                   std::string(what) + " `" + printable(path) + "` is not a plain absolute path");
    };
    for (const Mount& one : plan_.mounts) {
      TRY(normal(one.path, "mount"));
      for (const char* own : {"/proc", "/dev"}) {
        if (is_under(one.path, own)) {
          return Error(Code::Denied, "mount `" + printable(one.path) + "`: a run has its own " +
                                         own + "; the host's cannot be granted");
        }
      }
    }
    for (const Link& one : plan_.links) {
      TRY(normal(one.path, "link"));
      if (one.target.empty() || one.target.size() > kMaxPath ||
          one.target.find('\0') != std::string::npos) {
        return Error(Code::InvalidArgument, "link `" + printable(one.path) + "` has a bad target");
      }
    }
    for (const std::string& one : plan_.covers) TRY(normal(one, "reserved path"));
    TRY(normal(plan_.program, "program"));
    if (!plan_.resolv_conf.empty()) TRY(normal(plan_.resolv_conf, "resolver's file"));
    if (!is_normal(plan_.directory)) {
      return Error(Code::InvalidArgument, "working directory `" + printable(plan_.directory) +
                                              "` is not a plain absolute path");
    }
    return {};
  }

  Result<void> collect() {
    for (const Mount& one : plan_.mounts) {
      for (const std::string& cover : plan_.covers) {
        if (is_under(one.path, cover)) {
          return Error(Code::Denied, "mount `" + printable(one.path) +
                                         "` names the reserved path `" + printable(cover) + "`");
        }
      }
      const Entry entry{one.kind, one.directory, true, one.identity};
      auto [at, fresh] = entries_.emplace(one.path, entry);
      if (fresh) continue;
      if (at->second.directory != one.directory || at->second.identity != one.identity) {
        return Error(Code::InvalidArgument,
                     "mount `" + printable(one.path) + "` stands twice, for different files");
      }
      if (strength(one.kind) > strength(at->second.kind)) at->second.kind = one.kind;
    }
    return {};
  }

  // The nearest directory grant that holds `path` (not `path` itself).
  const Entries::value_type* enclosing(const std::string& path) const {
    for (std::string up = path; up != "/";) {
      up = parent_of(up);
      const auto at = entries_.find(up);
      if (at != entries_.end() && at->second.directory) return &*at;
    }
    return nullptr;
  }

  void pin() {
    std::vector<std::string> fixed = plan_.covers;
    for (const auto& [path, entry] : entries_) {
      if (!is_writable(entry.kind)) fixed.push_back(path);
    }
    for (std::string path : fixed) {
      // Up through every writable tree around it, until one that the run cannot write.
      for (const auto* tree = enclosing(path); tree != nullptr; tree = enclosing(path)) {
        if (!is_writable(tree->second.kind)) break;
        const std::string top = tree->first;
        const Entry pinned{tree->second.kind, true, false, {}};
        for (std::string up = parent_of(path); up != top; up = parent_of(up)) {
          entries_.emplace(up, pinned);
        }
        path = top;
      }
    }
  }

  LayoutStep& step(Op op, const std::string& path) {
    LayoutStep one;
    one.op = op;
    one.path = path;
    return layout_.steps.emplace_back(std::move(one));
  }

  void scratch(const std::string& path, std::uint64_t size, std::uint64_t inodes,
               std::uint32_t mode) {
    LayoutStep& one = step(Op::Scratch, path);
    one.size = size;
    one.inodes = inodes;
    one.mode = mode;
    one.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  }

  void directory(const std::string& path) {
    if (path == "/" || !made_.insert(path).second) return;
    directory(parent_of(path));
    step(Op::Directory, path);
  }

  void skeleton() {
    directory("/proc");
    step(Op::Proc, "/proc");
    directory("/dev");
    for (const DeviceNode& node : kDevices) {
      step(Op::File, node.path);
      LayoutStep& one = step(Op::Device, node.path);
      one.device_number = makedev(kMemoryMajor, node.minor);
      one.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    }
    directory("/dev/shm");
    scratch("/dev/shm", kShmBytes, kTmpInodes, 01777);
    const std::array<std::pair<const char*, const char*>, 4> streams = {
        {{"/dev/fd", "/proc/self/fd"},
         {"/dev/stdin", "/proc/self/fd/0"},
         {"/dev/stdout", "/proc/self/fd/1"},
         {"/dev/stderr", "/proc/self/fd/2"}}};
    for (const auto& [path, target] : streams) step(Op::Symlink, path).target = target;
    if (plan_.terminal != Terminal::None) terminals();
    if (plan_.inquiry) step(Op::Socket, kInquirySocket);
    if (!entries_.contains("/tmp")) {
      directory("/tmp");
      scratch("/tmp", kTmpBytes, kTmpInodes, 01777);
      own_tmp_ = true;
    }
  }

  // Pseudo-terminals of the run's own: none of the host's is among them.
  void terminals() {
    directory("/dev/pts");
    LayoutStep& own = step(Op::Terminals, "/dev/pts");
    own.inodes = kTerminals;
    own.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    step(Op::Symlink, "/dev/ptmx").target = "pts/ptmx";
    step(Op::File, "/dev/tty");
    LayoutStep& tty = step(Op::Device, "/dev/tty");
    tty.device_number = makedev(kTtyMajor, 0);
    tty.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  }

  // Makes the directories on the way to `path`, which no grant encloses.
  void way_to(const std::string& path) {
    if (own_tmp_ && is_under(path, "/tmp")) {
      const std::size_t end = path.find('/', 5);
      if (end != std::string::npos) {
        const std::string island = path.substr(0, end);
        if (made_.insert(island).second) {
          step(Op::Directory, island);
          scratch(island, 1u << 20, 4096, 0755);
          islands_.push_back(island);
        }
      }
    }
    directory(parent_of(path));
  }

  Result<void> mount(const std::string& path, const Entry& entry) {
    if (enclosing(path) == nullptr) {
      way_to(path);
      if (entry.directory) {
        directory(path);
      } else if (made_.contains(path)) {
        return Error(Code::InvalidArgument,
                     "mount `" + printable(path) + "` is a file, and other mounts lie under it");
      } else {
        made_.insert(path);
        step(Op::File, path);
      }
    }
    LayoutStep& one = step(Op::Bind, path);
    one.kind = entry.kind;
    one.directory = entry.directory;
    one.identified = entry.identified;
    one.identity = entry.identity;
    one.attributes = attributes_of(entry.kind);
    return {};
  }

  // Over the host's file where a grant shows that.
  void resolver() {
    const std::string& path = plan_.resolv_conf;
    if (path.empty()) return;
    if (enclosing(path) == nullptr && !entries_.contains(path)) {
      way_to(path);
      made_.insert(path);
      step(Op::File, path);
    }
    step(Op::Text, path).target = kResolvConf;
  }

  // Where no grant shows the working directory there is an empty one of its name.
  void working_directory() {
    const std::string& path = plan_.directory;
    if (enclosing(path) != nullptr || entries_.contains(path)) return;
    if (path == "/" || is_under(path, "/proc") || is_under(path, "/dev")) return;
    way_to(path);
    directory(path);
  }

  Result<void> symlink(const Link& link) {
    // In a granted tree the host's own link is seen.
    if (enclosing(link.path) != nullptr) return {};
    if (is_under(link.path, "/proc") || is_under(link.path, "/dev")) return {};
    if (made_.contains(link.path) || entries_.contains(link.path)) {
      return Error(Code::InvalidArgument,
                   "link `" + printable(link.path) + "` stands where a file or directory must be");
    }
    if (!linked_.emplace(link.path, link.target).second) {
      if (linked_[link.path] == link.target) return {};
      return Error(Code::InvalidArgument, "link `" + printable(link.path) + "` has two targets");
    }
    way_to(link.path);
    step(Op::Symlink, link.path).target = link.target;
    return {};
  }

  void land() {
    if (abi_ < 1) return;
    const auto rule = [&](const std::string& path, std::uint64_t rights) {
      layout_.rules.push_back({path, rights});
    };
    // Directories may be listed: what was not granted is not there.
    rule("/", landlock::kReadDirectory);
    rule("/proc", landlock::rights(MountKind::Read, true, abi_));
    rule("/dev/shm", landlock::rights(MountKind::Write, true, abi_));
    if (own_tmp_) rule("/tmp", landlock::rights(MountKind::Write, true, abi_));
    for (const DeviceNode& node : kDevices) rule(node.path, landlock::device_rights(abi_));
    if (!plan_.resolv_conf.empty()) {
      rule(plan_.resolv_conf, landlock::rights(MountKind::Read, false, abi_));
    }
    if (plan_.terminal != Terminal::None) {
      rule("/dev/pts", landlock::device_rights(abi_) | landlock::kReadDirectory);
      rule("/dev/tty", landlock::device_rights(abi_));
    }
    for (const auto& [path, entry] : entries_) {
      if (path == plan_.resolv_conf) continue;
      if (!entry.identified) continue;  // a pin lies under its tree's rule
      rule(path, landlock::rights(entry.kind, entry.directory, abi_));
    }
  }

  const Plan& plan_;
  const int abi_;
  Entries entries_;
  std::set<std::string> made_;
  std::map<std::string, std::string> linked_;
  std::vector<std::string> islands_;
  bool own_tmp_ = false;
  Layout layout_;
};

}  // namespace

Result<Layout> lay_out(const Plan& plan, int landlock_abi) {
  return Builder(plan, landlock_abi).build();
}

std::uint64_t attributes_of(MountKind kind) {
  constexpr std::uint64_t kAlways = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  switch (kind) {
    case MountKind::Read: return kAlways | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC;
    case MountKind::Write: return kAlways | MOUNT_ATTR_NOEXEC;
    case MountKind::Program:
    case MountKind::Load: return kAlways | MOUNT_ATTR_RDONLY;
    case MountKind::Produced: return kAlways;
  }
  return kAlways | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC;
}

bool is_normal(const std::string& path) {
  if (path.empty() || path[0] != '/' || path.size() > kMaxPath) return false;
  if (path == "/") return true;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at + 1), path.size());
    const std::string part = path.substr(at + 1, end - at - 1);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    if (part.find('\0') != std::string::npos) return false;
    at = end;
  }
  return path.back() != '/';
}

bool is_under(const std::string& path, const std::string& tree) {
  if (tree == "/") return true;
  return path.starts_with(tree) && (path.size() == tree.size() || path[tree.size()] == '/');
}

}  // namespace writ::enforce
