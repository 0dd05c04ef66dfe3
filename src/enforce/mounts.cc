#include "enforce/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "enforce/namespaces.h"

namespace writ::enforce {
namespace {

bool wants_translation(const LayoutStep& step, const struct stat& info, const Identity& identity) {
  if (!identity.idmap || is_system_path(step.path)) return false;
  switch (step.kind) {
    case MountKind::Read:
    case MountKind::Write:
    case MountKind::Produced: return true;
    case MountKind::Program:
    case MountKind::Load: return (info.st_mode & S_IROTH) == 0 || (info.st_mode & S_IXOTH) == 0;
  }
  return true;
}

}  // namespace

bool is_system_path(const std::string& path) {
  if (path == "/") return true;
  for (const char* tree : {"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32",
                           "/opt", "/proc", "/run", "/sbin", "/sys", "/usr", "/var"}) {
    if (is_under(path, tree)) return true;
  }
  return false;
}

Result<std::vector<UniqueFd>> detach(const Layout& layout, const Identity& identity) {
  std::vector<UniqueFd> out;
  UniqueFd owners;
  for (const LayoutStep& step : layout.steps) {
    if (step.op != wire::Op::Bind) continue;
    const std::string name = "`" + printable(step.path) + "`";
    const UniqueFd source = TRY(open_at(FdRef::cwd(), step.path, O_PATH | O_NOFOLLOW,
                                        RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
    const struct stat info = TRY(stat_fd(source.borrow()));
    if (S_ISDIR(info.st_mode) != step.directory || S_ISLNK(info.st_mode) ||
        (step.identified &&
         (info.st_dev != step.identity.device || info.st_ino != step.identity.inode))) {
      return Error(Code::Conflict, name + " is another file than when the plan was made", ESTALE);
    }
    const int tree = open_tree(source.number(), "",
                               AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0) return errno_error(errno, "taking " + name);
    UniqueFd mount = adopt_fd(tree);
    struct mount_attr wanted {};
    wanted.attr_set = step.attributes;
    wanted.propagation = MS_PRIVATE;  // or what the run mounts on it would show outside
    const bool translated = wants_translation(step, info, identity);
    if (translated) {
      if (!owners) owners = TRY(translation(identity));
      wanted.attr_set |= MOUNT_ATTR_IDMAP;
      wanted.userns_fd = static_cast<std::uint64_t>(owners.number());
    }
    if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &wanted, sizeof wanted) != 0) {
      const int failed = errno;
      return Error(
          Code::Unsupported,
          "restricting " + name +
              (translated ? ": its file system cannot translate owners (idmapped mount)" : ""),
          failed);
    }
    out.push_back(std::move(mount));
  }
  return out;
}

}  // namespace writ::enforce
