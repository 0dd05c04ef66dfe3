#include "governor/compile.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <map>

#include "enforce/mounts.h"
#include "enforce/net_reach.h"
#include "governor/denial.h"
#include "governor/resolve.h"

namespace writ::governor {
namespace {

using enforce::Mount;
using enforce::MountKind;
using permit::ExecKind;
using permit::Place;

// Of two kinds for one path the one that gives what both give; a path that is to be data and code
// is code, a tree that is to be read and written is written.
int rank(MountKind kind) {
  switch (kind) {
    case MountKind::Read: return 0;
    case MountKind::Load: return 1;
    case MountKind::Program: return 2;
    case MountKind::Write: return 3;
    case MountKind::Produced: return 4;
  }
  WRIT_ASSERT(false);
}

class Mounts {
 public:
  // add looks at the file; a denial when it is not what the grant means.
  std::optional<Denial> add(const Place& place, MountKind kind, bool check_digest) {
    const std::string what = printable(place.path);
    Result<Place> now = follow_path(place.path);
    if (!now || now->path != place.path || now->tree != place.tree) {
      const std::string because =
          !now ? now.error().message() : what + " is now something else than when it was granted";
      return deny(kind == MountKind::Program || kind == MountKind::Load ? Reason::DigestMismatch
                                                                        : Reason::NotGranted,
                  "use " + what, because, "put it back, or issue the permit again");
    }
    struct stat facts = {};
    if (::lstat(place.path.c_str(), &facts) != 0) {
      return deny(Reason::NotGranted, "use " + what, errno_error(errno, what).message(),
                  "put it back, or issue the permit again");
    }
    if (check_digest && place.digest) {
      Result<Digest32> digest = digest_file(place.path);
      if (!digest || *digest != *place.digest) {
        return deny(kind == MountKind::Load ? Reason::LoadMismatch : Reason::DigestMismatch,
                    "use " + what,
                    digest ? what + " is not the file this permit names: its contents changed"
                           : digest.error().message(),
                    "issue the permit again if the change is meant");
      }
    }
    // Only what nobody writes while it is used needs this: a program is hashed when it is loaded.
    // Root's own libraries are root's to link; images of systems come with such links.
    const bool own = facts.st_uid == ::geteuid() && (facts.st_uid != 0 || kind != MountKind::Load);
    if (check_digest && S_ISREG(facts.st_mode) && facts.st_nlink > 1 &&
        (own || (facts.st_mode & 022) != 0) &&
        (kind == MountKind::Load || kind == MountKind::Program)) {
      doubled_ = place.path;
    }
    Mount mount;
    mount.path = place.path;
    mount.kind = kind;
    mount.directory = place.tree;
    mount.identity = {facts.st_dev, facts.st_ino};
    for (const permit::Link& link : place.links) links_.emplace(link.path, link.target);
    auto [there, fresh] = mounts_.emplace(place.path, mount);
    if (!fresh && rank(kind) > rank(there->second.kind)) there->second.kind = kind;
    return {};
  }

  // covers_tree says whether `path` shows through a directory that is mounted.
  bool shows(const std::string& path) const {
    return std::any_of(mounts_.begin(), mounts_.end(), [&](const auto& m) {
      return m.second.directory && permit::lies_under(path, m.first);
    });
  }
  bool writable(const std::string& path) const {
    return std::any_of(mounts_.begin(), mounts_.end(), [&](const auto& m) {
      return m.second.directory && permit::lies_under(path, m.first) &&
             (m.second.kind == MountKind::Write || m.second.kind == MountKind::Produced);
    });
  }
  // doubled is a script or library of which the run might change the bytes after they were checked,
  // through another name (a hard link) in a tree that it may write.
  std::optional<Denial> doubled() const {
    const bool writes = std::any_of(mounts_.begin(), mounts_.end(), [](const auto& m) {
      return m.second.kind == MountKind::Write || m.second.kind == MountKind::Produced;
    });
    if (!doubled_ || !writes) return {};
    return deny(Reason::NotGranted, "use " + printable(*doubled_),
                "it has another name (a hard link), and that may lie where the run can write",
                "make it a file of its own: cp it aside, then mv the copy over it");
  }
  void link(const std::string& path, const std::string& target) { links_.emplace(path, target); }

  void finish(enforce::Plan& plan) const {
    for (const auto& [path, mount] : mounts_) plan.mounts.push_back(mount);  // parents first
    for (const auto& [path, target] : links_) {
      if (!shows(path)) plan.links.push_back({path, target});
    }
  }

 private:
  std::map<std::string, Mount> mounts_;
  std::map<std::string, std::string> links_;
  std::optional<std::string> doubled_;
};

// Who else could make `path`, which is not there: nobody but root, when the directory in which it
// is missing is root's alone to write. What root makes of Writ, only root reads, and no run is
// root.
bool only_root_makes(std::string path) {
  struct stat facts = {};
  do {
    path.resize(std::max<std::size_t>(path.rfind('/'), 1));
  } while (path != "/" && ::stat(path.c_str(), &facts) != 0);
  return ::stat(path.c_str(), &facts) == 0 && facts.st_uid == 0 && (facts.st_mode & 022) == 0 &&
         enforce::is_system_path(path);
}

std::vector<std::string> mechanisms_of(const enforce::Capabilities& kernel, bool jit) {
  std::vector<std::string> names = {"namespaces:user,mount,pid,net,ipc,uts,cgroup", "proc:own,ro",
                                    "seccomp:notify", "exec-stop:ptrace", "noexec-mounts"};
  if (kernel.landlock_abi > 0) names.push_back("landlock:" + std::to_string(kernel.landlock_abi));
  if (jit) {
    names.push_back("w^x:off");
  } else {
    names.push_back(kernel.mdwe ? "w^x:mdwe" : "w^x:seccomp");
  }
  if (kernel.writers_excluded) names.push_back("etxtbsy");
  return names;
}

enforce::Endpoint endpoint_of(const permit::Endpoint& endpoint) {
  enforce::Endpoint out{static_cast<enforce::Protocol>(endpoint.protocol), endpoint.host, {}};
  for (const permit::PortRange& range : endpoint.ports) {
    out.ports.push_back({range.first, range.last});
  }
  return out;
}

std::optional<Denial> unenforced_endpoint(const permit::Endpoint& endpoint,
                                          const enforce::Capabilities& kernel) {
  const std::string asked = "carry the grant's `connect` to " + printable(endpoint.host);
  if (!kernel.late_socket) {
    return deny(Reason::MechanismUnavailable, asked,
                "this machine lacks what the net gate needs: late socket",
                "writ doctor shows what would help");
  }
  return {};
}

// What one rule cannot tell: how many ports all of them are.
std::optional<Denial> too_many_datagram_ports(const permit::Grant& grant) {
  std::vector<enforce::Endpoint> connect;
  for (const permit::Endpoint& endpoint : grant.connect) connect.push_back(endpoint_of(endpoint));
  if (enforce::datagram_ports(connect)) return {};
  const std::string most = std::to_string(enforce::kMostDatagramPorts);
  return deny(Reason::MechanismUnavailable, "carry the grant's `connect` by UDP",
              "the rules with protocol = \"udp\" name more than " + most +
                  " ports, and each takes a socket in the run's network",
              "name " + most + " UDP ports at most, in all rules together");
}

std::optional<Denial> unenforced_listen(const permit::Endpoint& endpoint,
                                        const enforce::Capabilities& kernel) {
  const std::string asked = "carry the grant's `listen` at " + printable(endpoint.host);
  const auto no = [&](const char* because, const char* allow) {
    return deny(Reason::MechanismUnavailable, asked, because, allow);
  };
  if (!kernel.late_socket) {
    return no("this machine lacks what the net gate needs: late socket",
              "writ doctor shows what would help");
  }
  if (enforce::carried_listen(endpoint_of(endpoint))) return {};
  switch (endpoint.protocol) {
    case permit::Protocol::Tcp:
      return no("a server listens at addresses, not at a name",
                "host = \"0.0.0.0/0\" for every address of this machine, or the CIDR of one");
    case permit::Protocol::Udp:
      return no("nothing here carries UDP into a run: a run asks by UDP, and is answered",
                "leave it out of the request");
    case permit::Protocol::Unix:
      return no("a Unix socket is bound wherever the run may write, and needs no rule",
                "leave it out of the request");
  }
  return {};
}

// Where the run's own resolv.conf goes: what the host's name leads to, so that a link to it that a
// granted tree shows leads there too.
std::optional<Denial> place_resolver(Mounts& mounts, enforce::Plan& plan) {
  const std::string name = "/etc/resolv.conf";
  const Result<Place> place = follow_path(name);
  const bool file = place && !place->tree;
  plan.resolv_conf = file ? place->path : name;
  if (!file && mounts.shows(name)) {
    return deny(Reason::MechanismUnavailable, "resolve names in the run",
                name + " is no file here, and a granted tree shows its place",
                "make it an empty file, or grant less of /etc");
  }
  if (file) {
    for (const permit::Link& link : place->links) mounts.link(link.path, link.target);
  }
  return {};
}

// A run that may execute `writ` may ask its governor: nothing else gives it a socket to it.
bool names_this_program(const enforce::Plan& plan) {
  struct stat own = {};
  if (::stat("/proc/self/exe", &own) != 0) return false;
  const enforce::FileIdentity self{own.st_dev, own.st_ino};
  return std::any_of(plan.mounts.begin(), plan.mounts.end(), [&](const enforce::Mount& mount) {
    return mount.kind == enforce::MountKind::Program && mount.identity == self;
  });
}

}  // namespace

std::optional<Denial> unenforced(const permit::Grant& grant, const permit::Limits& limits,
                                 domain::Tier least_tier, const enforce::Capabilities& kernel) {
  const auto none = [](const std::string& part) {
    return deny(Reason::MechanismUnavailable, "carry the grant's `" + part + "`",
                "nothing here enforces `" + part + "` yet",
                "leave `" + part + "` out of the request");
  };
  if (least_tier != domain::Tier::Sandbox) {
    return deny(Reason::MechanismUnavailable, "run in tier kernel",
                "the domain asks for tier kernel, and tier sandbox is what this machine offers",
                "least_tier = \"sandbox\" in the domain's definition");
  }
  for (const permit::Endpoint& endpoint : grant.connect) {
    if (auto no = unenforced_endpoint(endpoint, kernel)) return no;
  }
  if (auto no = too_many_datagram_ports(grant)) return no;
  for (const permit::Endpoint& endpoint : grant.listen) {
    if (auto no = unenforced_listen(endpoint, kernel)) return no;
  }
  if (!grant.tools.empty()) return none("tools");
  if (!grant.models.empty()) return none("models");
  if (!grant.approve.empty()) return none("approve");
  if (grant.delegate_depth > 0) return none("delegate");
  for (const permit::Feature feature : grant.features) {
    if (feature == permit::Feature::Jit) continue;
    const std::string name(permit::feature_name(feature));
    return deny(Reason::FeatureNotGranted, "use the feature `" + name + "`",
                "tier sandbox cannot carry `" + name + "`: it would undo the exec gate",
                "leave `" + name + "` out of the request's features");
  }
  const auto no_limit = [](const std::string& name, const std::string& why,
                           const std::string& instead) {
    return deny(Reason::LimitsUnavailable, "keep the limit `" + name + "`", why, instead);
  };
  if (limits.memory) {
    return no_limit("memory",
                    "the permit asks for memory = " + std::to_string(*limits.memory) +
                        " bytes for the whole run; that needs a cgroup memory controller",
                    "process_memory instead; writ doctor shows what is missing");
  }
  if (limits.bytes) {
    return no_limit("bytes", "nothing here counts the bytes that a run writes",
                    "leave `bytes` out of the request's limits");
  }
  if (!kernel.sandbox_ready()) {
    std::string missing;
    for (const std::string& name : kernel.missing())
      missing += (missing.empty() ? "" : ", ") + name;
    return deny(Reason::MechanismUnavailable, "build the boundary of tier sandbox",
                "this machine lacks: " + missing, "writ doctor shows what would help");
  }
  return {};
}

std::optional<enforce::Identity> identity_of(const RunAs& who) {
  enforce::Identity identity;
  if (who.uid != 0) {
    identity.uid = who.uid;
    identity.gid = who.gid;
    return identity;
  }
  if (!who.other_uid || *who.other_uid == 0) return std::nullopt;
  identity.uid = *who.other_uid;
  identity.gid = who.other_gid.value_or(*who.other_uid);
  identity.idmap = who.own_files;
  return identity;
}

Result<Compiled> compile(const CompileRequest& request, const enforce::Capabilities& kernel) {
  const permit::Grant& grant = request.grant;
  if (auto no = unenforced(grant, request.limits, request.least_tier, kernel)) {
    return Compiled(*no);
  }
  if (auto no = reserved_denial(grant, request.reserved)) return Compiled(*no);

  enforce::Plan plan;
  plan.run = request.run;
  Mounts mounts;
  for (const Place& place : grant.read) {
    if (auto no = mounts.add(place, MountKind::Read, true)) return Compiled(*no);
  }
  for (const Place& place : grant.load) {
    if (auto no = mounts.add(place, MountKind::Load, true)) return Compiled(*no);
  }
  for (const Place& place : grant.write) {
    if (auto no = mounts.add(place, MountKind::Write, false)) return Compiled(*no);
  }
  for (const permit::ExecRule& rule : grant.exec) {
    // A program's bytes are hashed at the exec stop, where the kernel keeps writers out; a
    // script's here, because it lies where the run cannot write.
    if (rule.kind == ExecKind::Any) {
      return Compiled(deny(Reason::NotGranted, "run any program",
                           "a rule for any program belongs to ceilings, not to permits",
                           "name the programs"));
    }
    const MountKind kind =
        rule.kind == ExecKind::Produced ? MountKind::Produced : MountKind::Program;
    if (auto no = mounts.add(rule.program, kind, false)) return Compiled(*no);
    if (rule.script) {
      if (auto no = mounts.add(rule.script->file, MountKind::Program, true)) {
        if (no->reason == Reason::DigestMismatch) no->reason = Reason::ScriptMismatch;
        return Compiled(*no);
      }
    }
  }
  if (auto no = mounts.doubled()) return Compiled(*no);
  for (const char* top : {"/bin", "/sbin", "/lib", "/lib64"}) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink(top, target.data(), target.size() - 1);
    if (size > 0) mounts.link(top, std::string(target.data(), static_cast<std::size_t>(size)));
  }
  for (const std::string& reserved : request.reserved.paths()) {
    if (!mounts.shows(reserved)) continue;
    // Outer places come first, and what is under a cover needs none of its own.
    if (std::any_of(plan.covers.begin(), plan.covers.end(), [&](const std::string& cover) {
          return permit::lies_under(reserved, cover);
        })) {
      continue;
    }
    struct stat facts = {};
    if (::lstat(reserved.c_str(), &facts) == 0) {
      plan.covers.push_back(reserved);
    } else if (mounts.writable(reserved)) {
      return Compiled(deny(Reason::ReservedPath, "write above " + printable(reserved),
                           "it is not there and cannot be covered, so the run could make it",
                           "grant a write tree that does not hold it"));
    } else if (!only_root_makes(reserved)) {
      return Compiled(deny(Reason::ReservedPath, "read above " + printable(reserved),
                           "it is Writ's, is not there and cannot be covered: the run would see it "
                           "as soon as somebody makes it",
                           "grant a read tree that does not hold it, or make an empty directory "
                           "there: mkdir -p " +
                               printable(reserved)));
    }
  }
  for (const permit::Endpoint& endpoint : grant.connect) {
    plan.connect.push_back(endpoint_of(endpoint));
  }
  for (const permit::Endpoint& endpoint : grant.listen) {
    plan.listen.push_back(endpoint_of(endpoint));
  }
  const bool named = std::any_of(plan.connect.begin(), plan.connect.end(), enforce::is_named);
  if (named) {
    if (auto no = place_resolver(mounts, plan)) return Compiled(*no);
  }
  mounts.finish(plan);
  plan.inquiry = names_this_program(plan);

  const std::optional<enforce::Identity> identity = identity_of(request.who);
  if (!identity) {
    return Compiled(deny(Reason::MechanismUnavailable, "run as root",
                         "a run never has the host's uid 0, and no other is configured",
                         "[root] uid and gid in writ.toml"));
  }
  if (identity->idmap && !kernel.idmapped_mounts) {
    return Compiled(deny(Reason::MechanismUnavailable, "run as root",
                         "the kernel or the file system refuses idmapped mounts",
                         "start it as the user whose files it works on"));
  }
  plan.identity = *identity;

  plan.jit = permit::has_feature(grant, permit::Feature::Jit);
  plan.limits.wall_ms = request.limits.wall_ms;
  plan.limits.cpu_ms = request.limits.cpu_ms;
  plan.limits.process_memory = request.limits.process_memory;
  if (request.limits.tasks) plan.limits.tasks = *request.limits.tasks;
  if (request.limits.execs) plan.limits.execs = *request.limits.execs;
  if (request.limits.events) plan.limits.gate_events = *request.limits.events;
  plan.program = request.program;
  plan.argv = request.argv;
  plan.environment = request.environment;
  plan.directory = request.directory;
  plan.terminal = request.terminal;
  plan.mechanisms = mechanisms_of(kernel, plan.jit);
  if (plan.terminal != enforce::Terminal::None) plan.mechanisms.emplace_back("terminal:devpts");
  if (plan.outward()) {
    plan.mechanisms.emplace_back("net:late-socket");
    if (named) plan.mechanisms.emplace_back("net:resolver");
    const auto datagrams = enforce::datagram_ports(plan.connect);
    if (datagrams && !datagrams->empty()) plan.mechanisms.emplace_back("net:datagram-relay");
    if (kernel.landlock_abi >= 4) plan.mechanisms.emplace_back("landlock:no-tcp");
  }
  if (plan.inquiry) plan.mechanisms.emplace_back("inquiry");
  return Compiled(std::move(plan));
}

}  // namespace writ::governor
