// The run's root: a tmpfs in which the plan's grants appear, entered by pivot_root.
//
// The new root is attached on top of the old one's "/", which no lookup from the old root ever
// sees; so every path of the host can still be opened, by its own name, while the new tree grows.
// Each source is opened without following a symlink, compared with the plan, and that descriptor
// is what gets mounted: there is no second lookup. Targets are opened beneath the new root, again
// without symlinks. At the end the host's tree is unmounted from this namespace.
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "enforce/init/sys.h"

namespace writ::enforce::init {
namespace {

constexpr char kEmptyFile[] = ".empty-file";
constexpr char kTextFile[] = ".text-file";
constexpr char kEmptyDirectory[] = ".empty-directory";

int open_path(int dir, const char* path, std::uint64_t resolve) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = resolve | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(syscall(SYS_openat2, dir, path, &how, sizeof how));
}

// A decimal number as text, for file-system options.
struct Decimal {
  char text[24];
  explicit Decimal(std::uint64_t value, unsigned base = 10) {
    char* at = text + sizeof text - 1;
    *at = '\0';
    do {
      *--at = static_cast<char>('0' + value % base);
      value /= base;
    } while (value != 0);
    memmove(text, at, strlen(at) + 1);
  }
};

int made_proc = -1;

int mount_of(int context, std::uint64_t attributes, const char* what) {
  need(fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), "making", what);
  const int mount = static_cast<int>(
      need(fsmount(context, FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)), "mounting", what));
  (void)close(context);
  return mount;
}

class Root {
 public:
  Root(const Script& script, const Passed& passed) : script_(script), passed_(passed) {}

  void build() {
    mount_attr attributes{};
    attributes.propagation = MS_PRIVATE;
    need(mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attributes, sizeof attributes),
         "making the run's mounts private");
    root_ = tmpfs(16u << 20, script_.head().root_inodes, 0755,
                  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    need(move_mount(root_, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH), "attaching the run's root");
    need(mkdirat(root_, kEmptyDirectory, 0555), "making the run's root");
    const int file = static_cast<int>(
        need(openat(root_, kEmptyFile, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444),
             "making the run's root"));
    (void)close(file);

    const wire::Head& head = script_.head();
    const auto* steps = script_.table<wire::Step>(head.steps);
    // The covers' sources are taken first and unlinked last, so that they have no name inside.
    for (std::uint32_t i = 0; i < head.steps.count; ++i) {
      if (steps[i].op == wire::Op::Seal && script_.text(steps[i].path)[1] == '\0') forget_empty();
      carry_out(steps[i]);
    }
    enter();
  }

 private:
  void carry_out(const wire::Step& step) {
    const char* path = script_.text(step.path);
    switch (step.op) {
      case wire::Op::Directory:
        if (mkdirat(root_, path + 1, 0755) != 0 && errno != EEXIST) fail("making directory", path);
        return;
      case wire::Op::File: {
        const int fd = static_cast<int>(need(
            openat(root_, path + 1, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0444),
            "making mount point", path));
        (void)close(fd);
        return;
      }
      case wire::Op::Symlink:
        need(symlinkat(script_.text(step.target), root_, path + 1), "making link", path);
        return;
      case wire::Op::Bind: return bind(step, path);
      case wire::Op::Device: return device(step, path);
      case wire::Op::Scratch:
        return attach(tmpfs(step.size, step.inode, step.mode, step.attributes), path);
      case wire::Op::Proc: return attach(made_proc, path);
      case wire::Op::Cover: return cover(path);
      case wire::Op::Seal: return seal(path);
      case wire::Op::Text: return text(script_.text(step.target), path);
      case wire::Op::Socket: return listening(path);
      case wire::Op::Terminals: return attach(terminals(step.inode, step.attributes), path);
    }
    errno = EINVAL;
    fail("the plan has an unknown step", path);
  }

  int target(const char* path) {
    return static_cast<int>(
        need(open_path(root_, path[1] == '\0' ? "." : path + 1, RESOLVE_BENEATH),
             "finding, inside the run,", path));
  }

  // Mounts the detached `mount` at `path` and closes it.
  void attach(int mount, const char* path) {
    const int at = target(path);
    need(move_mount(mount, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
         "mounting", path);
    (void)close(at);
    (void)close(mount);
  }

  int clone_of(int fd, std::uint64_t attributes, const char* path) {
    const int tree = static_cast<int>(
        need(open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE),
             "taking", path));
    mount_attr wanted{};
    wanted.attr_set = attributes;
    wanted.propagation = MS_PRIVATE;
    need(mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &wanted, sizeof wanted),
         "restricting", path);
    return tree;
  }

  void bind(const wire::Step& step, const char* path) {
    if (step.fd >= 0) {
      if (static_cast<unsigned>(step.fd) >= passed_.count) {
        errno = EBADF;
        fail("the governor passed no mount for", path);
      }
      return attach(passed_.fds[step.fd], path);  // checked and restricted by the governor
    }
    const int source = static_cast<int>(need(open_path(AT_FDCWD, path, 0), "opening", path));
    struct stat info {};
    need(fstat(source, &info), "looking at", path);
    const bool directory = S_ISDIR(info.st_mode);
    if (directory != ((step.flags & wire::kDirectory) != 0) || S_ISLNK(info.st_mode) ||
        ((step.flags & wire::kIdentity) != 0 &&
         (info.st_dev != step.device || info.st_ino != step.inode))) {
      errno = ESTALE;
      fail("another file than when the plan was made:", path);
    }
    const int tree = clone_of(source, step.attributes, path);
    (void)close(source);
    attach(tree, path);
  }

  void device(const wire::Step& step, const char* path) {
    const int source = static_cast<int>(need(open_path(AT_FDCWD, path, 0), "opening", path));
    struct stat info {};
    need(fstat(source, &info), "looking at", path);
    if (!S_ISCHR(info.st_mode) || info.st_rdev != step.device) {
      errno = ENODEV;
      fail("not the device it should be:", path);
    }
    const int tree = clone_of(source, step.attributes, path);
    (void)close(source);
    attach(tree, path);
  }

  int tmpfs(std::uint64_t size, std::uint64_t inodes, unsigned mode, std::uint64_t attributes) {
    const int context = static_cast<int>(need(fsopen("tmpfs", FSOPEN_CLOEXEC), "making a tmpfs"));
    const auto option = [&](const char* name, const char* value) {
      need(fsconfig(context, FSCONFIG_SET_STRING, name, value, 0), "making a tmpfs", name);
    };
    option("size", Decimal(size).text);
    option("nr_inodes", Decimal(inodes).text);
    option("mode", Decimal(mode, 8).text);
    return mount_of(context, attributes, "tmpfs");
  }

  int terminals(std::uint64_t most, std::uint64_t attributes) {
    const int context =
        static_cast<int>(need(fsopen("devpts", FSOPEN_CLOEXEC), "making pseudo-terminals"));
    const auto option = [&](const char* name, const char* value) {
      need(fsconfig(context, FSCONFIG_SET_STRING, name, value, 0), "making pseudo-terminals", name);
    };
    option("mode", "0600");
    option("ptmxmode", "0666");
    option("max", Decimal(most).text);
    return mount_of(context, attributes, "pseudo-terminals");
  }

  void cover(const char* path) {
    const int at = target(path);
    struct stat info {};
    need(fstat(at, &info), "looking at reserved", path);
    const int source = static_cast<int>(need(
        open_path(root_, S_ISDIR(info.st_mode) ? kEmptyDirectory : kEmptyFile, RESOLVE_BENEATH),
        "covering", path));
    const int tree = clone_of(
        source, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, path);
    need(move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
         "covering", path);
    (void)close(source);
    (void)close(at);
    (void)close(tree);
  }

  void text(const char* content, const char* path) {
    const int file = static_cast<int>(need(
        openat(root_, kTextFile, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444), "making", path));
    need(write(file, content, strlen(content)), "writing", path);
    (void)close(file);
    const int source =
        static_cast<int>(need(open_path(root_, kTextFile, RESOLVE_BENEATH), "making", path));
    attach(clone_of(source,
                    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                    path),
           path);
    (void)close(source);
    need(unlinkat(root_, kTextFile, 0), "making", path);
  }

  // Where the run asks its governor. A socket's path is short: it is bound from the root itself.
  void listening(const char* path) {
    need(fchdir(root_), "entering the run's root");
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    const std::size_t size = strlen(path + 1);
    if (size >= sizeof at.sun_path) {
      errno = ENAMETOOLONG;
      fail("making socket", path);
    }
    memcpy(at.sun_path, path + 1, size);
    const int fd = static_cast<int>(need(
        socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "making socket", path));
    need(::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), "making socket", path);
    need(listen(fd, 16), "making socket", path);
    wire::Message message;
    message.kind = wire::Kind::Inquiry;
    if (!send_message(message, fd)) _exit(0);
    (void)close(fd);
  }

  void seal(const char* path) {
    const int at = target(path);
    mount_attr wanted{};
    wanted.attr_set = MOUNT_ATTR_RDONLY;
    need(mount_setattr(at, "", AT_EMPTY_PATH, &wanted, sizeof wanted), "sealing", path);
    (void)close(at);
  }

  // An unlinked directory takes no new entries: the covers stay empty even if made writable.
  void forget_empty() {
    need(unlinkat(root_, kEmptyFile, 0), "sealing the run's root");
    need(unlinkat(root_, kEmptyDirectory, AT_REMOVEDIR), "sealing the run's root");
  }

  void enter() {
    need(fchdir(root_), "entering the run's root");
    need(syscall(SYS_pivot_root, ".", "."), "entering the run's root (pivot_root)");
    need(umount2(".", MNT_DETACH), "letting go of the host's root");
    need(chdir("/"), "entering the run's root");
    (void)close(root_);
  }

  const Script& script_;
  const Passed& passed_;
  int root_ = -1;
};

}  // namespace

void make_proc() {
  const int context = static_cast<int>(need(fsopen("proc", FSOPEN_CLOEXEC), "making /proc"));
  made_proc = mount_of(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, "/proc");
  // No namespaces below this one; the one write that this /proc ever sees.
  const int limit =
      static_cast<int>(need(openat(made_proc, "sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC),
                            "limiting user namespaces"));
  need(write(limit, "0", 1), "limiting user namespaces");
  (void)close(limit);
  mount_attr wanted{};
  wanted.attr_set = MOUNT_ATTR_RDONLY;
  need(mount_setattr(made_proc, "", AT_EMPTY_PATH, &wanted, sizeof wanted), "restricting", "/proc");
}

void build_root(const Script& script, const Passed& passed) {
  Root(script, passed).build();
}

}  // namespace writ::enforce::init
