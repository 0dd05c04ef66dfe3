// Home: where this account's configuration, state and sockets lie, and which paths are reserved.
//
// DESIGN §4: configuration in `/etc/writ` or `~/.config/writ`, state in `/var/lib/writ` or
// `~/.local/state/writ`, sockets in `/run/writ` or `$XDG_RUNTIME_DIR/writ`; `WRIT_HOME` puts all
// three under one directory (`config`, `state`, `run`). Root uses the machine's places, everybody
// else their own.
//
// Trusted: the directories, as far as nobody but their owner can write them (check_private).
// Untrusted: the environment variables of the caller; they choose among the caller's own places
// only, since whoever sets them could as well call with another home.
//
// Thread safety: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace writ::governor {

struct Home {
  std::string config;   // writ.toml keys/ trust/ domains/ sets/ policy/
  std::string state;    // ledger/ objects/ side/ permits/ runs/ revoked uses
  std::string runtime;  // one control socket a run
  std::string whole;    // with WRIT_HOME: the directory above all three; else empty

  std::string config_file() const { return config + "/writ.toml"; }
  std::string key_file(std::string_view name) const;       // private: keys/NAME.pem
  std::string trust_key(std::string_view name) const;      // trust/NAME.pub
  std::string trust_ceiling(std::string_view name) const;  // trust/NAME.toml
  std::string domain_file(std::string_view name) const;    // domains/NAME.toml
  std::string set_file(std::string_view name) const;       // sets/NAME.toml
  std::string bundle_file(std::string_view name) const;    // policy/NAME.bundle
  std::string ledger() const { return state + "/ledger"; }
  std::string objects() const { return state + "/objects"; }
  std::string side() const { return state + "/side"; }
  std::string permits() const { return state + "/permits"; }
  std::string runs() const { return state + "/runs"; }
  std::string revoked_file() const { return state + "/revoked"; }
  std::string uses_file() const { return state + "/uses"; }
  std::string socket_file(std::string_view run) const;
};

// What find_home looks at, as a value, so that tests give their own.
struct Account {
  unsigned uid = 0;
  std::string name;                                 // of the account
  std::string directory;                            // its home directory
  std::string sudo_directory;                       // of who called sudo, or empty
  std::optional<std::uint32_t> sudo_uid, sudo_gid;  // root only: who called sudo, never 0
  std::string writ_home, xdg_config_home, xdg_state_home, xdg_runtime_dir;  // environment, or empty
};
// this_account asks the system: effective uid, passwd entry, environment.
Result<Account> this_account();

// find_home chooses; InvalidArgument when a variable holds a path that is not absolute and normal.
Result<Home> find_home(const Account& account);

// check_private refuses (Denied) a directory or file that belongs to somebody else or that group
// or others may write; with `secret`, that they may read. NotFound when it is not there.
Result<void> check_private(const std::string& path, bool secret);

// valid_name says whether `name` may stand for a file here: 1-64 of [a-z A-Z 0-9 . _ -], not
// starting with a dot or a dash.
bool valid_name(std::string_view name);

// Reserved: the places that are never inside a run, whatever the grant says (P13).
class Reserved {
 public:
  // find takes this home, the machine's own places and the account's default places, follows
  // their symlinks, and adds every other place where one of them is mounted, as
  // /proc/self/mountinfo says.
  static Result<Reserved> find(const Home& home, const Account& account);

  // paths: all of them, resolved, sorted; those that do not exist too.
  const std::vector<std::string>& paths() const { return paths_; }
  // names says whether granting `path` would grant a reserved place or something in it: `path` or
  // one of the directories above it is reserved, by name or by device and inode.
  bool names(const std::string& path) const;
  // doubled: a file of the configuration (keys and trust among it) that has another name, a hard
  // link. That name may lie in any tree, and no look at the tree would know it.
  const std::optional<std::string>& doubled() const { return doubled_; }

 private:
  void look_for_doubled(const std::string& directory, int depth);

  std::vector<std::string> paths_;
  std::optional<std::string> doubled_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> identities_;
};

}  // namespace writ::governor
