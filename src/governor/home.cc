#include "governor/home.h"

#include <dirent.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <memory>

#include "permit/path.h"

namespace writ::governor {

using permit::lies_under;

namespace {

std::string joined(std::string_view dir, std::string_view sub, std::string_view name,
                   std::string_view ending) {
  WRIT_ASSERT(valid_name(name));
  return std::string(dir) + std::string(sub) + std::string(name) + std::string(ending);
}

std::string variable(const char* name) {
  const char* value = ::getenv(name);
  return value == nullptr ? "" : value;
}

// resolve follows symlinks as far as the path exists; the rest stays as it is.
std::optional<std::uint32_t> number_in(const char* name) {
  const std::string text = variable(name);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  if (value == 0 || value >= 4'294'967'294U) return {};
  return value;
}

// resolve_existing follows symlinks as far as the path exists; the rest stays as it is.
std::string resolve_existing(const std::string& path) {
  std::string head = path;
  std::string tail;
  while (head.size() > 1) {
    std::array<char, PATH_MAX> buffer{};
    if (::realpath(head.c_str(), buffer.data()) != nullptr) {
      std::string resolved = buffer.data();
      return resolved == "/" ? tail : resolved + tail;
    }
    const std::size_t slash = head.rfind('/');
    tail = head.substr(slash) + tail;
    head.resize(slash);
  }
  return path;
}

struct MountLine {
  unsigned device_major = 0;
  unsigned device_minor = 0;
  std::string root;
  std::string point;
};

// unescape undoes the \ooo of mountinfo (proc(5)).
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      unsigned value = 0;
      bool octal = true;
      for (std::size_t k = 1; k <= 3; ++k) {
        const char c = text[i + k];
        octal = octal && c >= '0' && c <= '7';
        value = value * 8 + static_cast<unsigned>(c - '0');
      }
      if (octal) {
        out.push_back(static_cast<char>(value));
        i += 3;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

Result<std::vector<MountLine>> read_mounts() {
  UniqueFd file = TRY(open_at(FdRef::cwd(), "/proc/self/mountinfo", 0));
  const ByteVec bytes = TRY(read_all(file.borrow(), std::size_t{16} << 20));
  std::vector<MountLine> mounts;
  std::string_view rest = as_text(bytes);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    std::array<std::string_view, 5> field;
    bool whole = true;
    for (std::string_view& f : field) {
      const std::size_t space = line.find(' ');
      if (space == std::string_view::npos) {
        whole = false;
        break;
      }
      f = line.substr(0, space);
      line = line.substr(space + 1);
    }
    if (!whole) continue;
    MountLine mount;
    const std::string device(field[2]);
    char* colon = nullptr;
    mount.device_major = static_cast<unsigned>(std::strtoul(device.c_str(), &colon, 10));
    if (colon == nullptr || *colon != ':') continue;
    mount.device_minor = static_cast<unsigned>(std::strtoul(colon + 1, nullptr, 10));
    mount.root = unescape(field[3]);
    mount.point = unescape(field[4]);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

// strip_prefix: `path` seen from `tree`, "" when they are equal.
std::string below(const std::string& path, const std::string& tree) {
  return tree == "/" ? (path == "/" ? "" : path) : path.substr(tree.size());
}

// aliases of `path`: other places where the same directory, or one above it, is mounted.
void add_aliases(const std::string& path, const std::vector<MountLine>& mounts,
                 std::vector<std::string>& out) {
  // The mount that `path` lies in: the longest mount point above it, the last of equals.
  const MountLine* home = nullptr;
  for (const MountLine& mount : mounts) {
    if (lies_under(path, mount.point) &&
        (home == nullptr || mount.point.size() >= home->point.size())) {
      home = &mount;
    }
  }
  if (home == nullptr) return;
  const std::string inside = (home->root == "/" ? "" : home->root) + below(path, home->point);
  for (const MountLine& mount : mounts) {
    if (mount.device_major != home->device_major || mount.device_minor != home->device_minor) {
      continue;
    }
    const std::string whole = inside.empty() ? "/" : inside;
    if (lies_under(whole, mount.root)) {
      const std::string point = mount.point == "/" ? "" : mount.point;
      const std::string alias = point + below(whole, mount.root);
      out.push_back(alias.empty() ? "/" : alias);
    } else if (lies_under(mount.root, whole)) {
      out.push_back(mount.point);  // a part of the reserved directory is mounted there
    }
  }
}

}  // namespace

std::string Home::key_file(std::string_view name) const {
  return joined(config, "/keys/", name, ".pem");
}
std::string Home::trust_key(std::string_view name) const {
  return joined(config, "/trust/", name, ".pub");
}
std::string Home::trust_ceiling(std::string_view name) const {
  return joined(config, "/trust/", name, ".toml");
}
std::string Home::domain_file(std::string_view name) const {
  return joined(config, "/domains/", name, ".toml");
}
std::string Home::set_file(std::string_view name) const {
  return joined(config, "/sets/", name, ".toml");
}
std::string Home::bundle_file(std::string_view name) const {
  return joined(config, "/policy/", name, ".bundle");
}
std::string Home::socket_file(std::string_view run) const {
  return joined(runtime, "/", run, ".sock");
}

Result<Account> this_account() {
  Account account;
  account.uid = ::geteuid();
  std::array<char, 16384> buffer{};
  struct passwd entry = {};
  struct passwd* found = nullptr;
  const int failed = ::getpwuid_r(account.uid, &entry, buffer.data(), buffer.size(), &found);
  if (failed == 0 && found != nullptr) {
    account.name = entry.pw_name;
    account.directory = entry.pw_dir;
  } else {
    account.name = "uid-" + std::to_string(account.uid);
    account.directory = variable("HOME");
  }
  if (account.uid == 0) {
    // sudo(8) sets both; a value that is no other account's number is as good as none.
    account.sudo_uid = number_in("SUDO_UID");
    account.sudo_gid = number_in("SUDO_GID");
    if (!account.sudo_uid || !account.sudo_gid) {
      account.sudo_uid.reset();
      account.sudo_gid.reset();
    } else if (::getpwuid_r(*account.sudo_uid, &entry, buffer.data(), buffer.size(), &found) == 0 &&
               found != nullptr) {
      account.sudo_directory = entry.pw_dir;
    }
  }
  account.writ_home = variable("WRIT_HOME");
  account.xdg_config_home = variable("XDG_CONFIG_HOME");
  account.xdg_state_home = variable("XDG_STATE_HOME");
  account.xdg_runtime_dir = variable("XDG_RUNTIME_DIR");
  return account;
}

Result<Home> find_home(const Account& account) {
  const auto normal = [](const std::string& what, const std::string& path) -> Result<void> {
    if (permit::is_normal(path) && path != "/") return {};
    return Error(Code::InvalidArgument,
                 what + " is `" + printable(path) + "`: it must be an absolute path without `..`");
  };
  Home home;
  if (!account.writ_home.empty()) {
    TRY(normal("WRIT_HOME", account.writ_home));
    home.whole = account.writ_home;
    home.config = account.writ_home + "/config";
    home.state = account.writ_home + "/state";
    home.runtime = account.writ_home + "/run";
    return home;
  }
  if (account.uid == 0) {
    home.config = "/etc/writ";
    home.state = "/var/lib/writ";
    home.runtime = "/run/writ";
    return home;
  }
  if (account.directory.empty() || !permit::is_normal(account.directory)) {
    return Error(Code::InvalidArgument,
                 "this account has no home directory: set WRIT_HOME to a directory of its own");
  }
  const std::string config =
      account.xdg_config_home.empty() ? account.directory + "/.config" : account.xdg_config_home;
  const std::string state =
      account.xdg_state_home.empty() ? account.directory + "/.local/state" : account.xdg_state_home;
  TRY(normal("XDG_CONFIG_HOME", config));
  TRY(normal("XDG_STATE_HOME", state));
  home.config = config + "/writ";
  home.state = state + "/writ";
  if (account.xdg_runtime_dir.empty()) {
    home.runtime = home.state + "/run";
  } else {
    TRY(normal("XDG_RUNTIME_DIR", account.xdg_runtime_dir));
    home.runtime = account.xdg_runtime_dir + "/writ";
  }
  return home;
}

Result<void> check_private(const std::string& path, bool secret) {
  struct stat facts = {};
  if (::lstat(path.c_str(), &facts) != 0) {
    const int failed = errno;
    return Error(failed == ENOENT ? Code::NotFound : Code::Denied,
                 errno_error(failed, printable(path)).message(), failed);
  }
  if (S_ISLNK(facts.st_mode)) return Error(Code::Denied, printable(path) + " is a symlink");
  if (facts.st_uid != ::geteuid()) {
    return Error(Code::Denied, printable(path) + " belongs to uid " + std::to_string(facts.st_uid) +
                                   ", not to you");
  }
  if ((facts.st_mode & 022) != 0) {
    return Error(Code::Denied,
                 printable(path) + " can be written by others: chmod go-w " + printable(path));
  }
  if (secret && (facts.st_mode & 077) != 0) {
    return Error(Code::Denied,
                 printable(path) + " can be read by others: chmod go= " + printable(path));
  }
  return {};
}

bool valid_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name[0] == '.' || name[0] == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

void Reserved::look_for_doubled(const std::string& directory, int depth) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  if (!open) return;  // not there, or another account's: what cannot be read cannot be linked to
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string path = directory + "/" + name;
    struct stat facts = {};
    if (::lstat(path.c_str(), &facts) != 0) continue;
    if (S_ISREG(facts.st_mode) && facts.st_nlink > 1) doubled_ = path;
    if (S_ISDIR(facts.st_mode) && depth > 0) look_for_doubled(path, depth - 1);
  }
}

Result<Reserved> Reserved::find(const Home& home, const Account& account) {
  std::vector<std::string> named = {home.config, home.state,      home.runtime,
                                    "/etc/writ", "/var/lib/writ", "/run/writ"};
  if (!home.whole.empty()) named.push_back(home.whole);
  Account plain = account;
  plain.writ_home.clear();
  if (Result<Home> own = find_home(plain); own) {
    named.insert(named.end(), {own->config, own->state, own->runtime});
  }
  // An ordinary account's places, whoever governs now: root's runs see users' homes.
  plain.uid = 1;
  for (const bool defaults : {false, true}) {
    if (defaults) {
      plain.xdg_config_home.clear();
      plain.xdg_state_home.clear();
    }
    for (const std::string& directory : {account.directory, account.sudo_directory}) {
      plain.directory = directory;
      if (Result<Home> own = find_home(plain); own) {
        named.insert(named.end(), {own->config, own->state});
      }
    }
  }
  const std::vector<MountLine> mounts = TRY(read_mounts());
  Reserved reserved;
  for (const std::string& path : named) {
    reserved.paths_.push_back(path);
    const std::string resolved = resolve_existing(path);
    reserved.paths_.push_back(resolved);
    struct stat facts = {};
    if (::stat(resolved.c_str(), &facts) == 0) {
      reserved.identities_.emplace_back(facts.st_dev, facts.st_ino);
      add_aliases(resolved, mounts, reserved.paths_);
    } else if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
      return errno_error(errno, "looking at " + printable(resolved));
    }
  }
  std::sort(reserved.paths_.begin(), reserved.paths_.end());
  reserved.paths_.erase(std::unique(reserved.paths_.begin(), reserved.paths_.end()),
                        reserved.paths_.end());
  reserved.look_for_doubled(home.config, 3);
  return reserved;
}

bool Reserved::names(const std::string& path) const {
  for (const std::string& reserved : paths_) {
    if (lies_under(path, reserved)) return true;
  }
  std::string at = resolve_existing(path);
  for (const std::string& reserved : paths_) {
    if (lies_under(at, reserved)) return true;
  }
  while (!at.empty()) {
    struct stat facts = {};
    if (::stat(at.c_str(), &facts) == 0) {
      const std::pair<std::uint64_t, std::uint64_t> identity(facts.st_dev, facts.st_ino);
      if (std::find(identities_.begin(), identities_.end(), identity) != identities_.end()) {
        return true;
      }
    }
    at.resize(at.rfind('/'));
  }
  return false;
}

}  // namespace writ::governor
