#include "governor/resolve.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <map>
#include <set>

#include "base/config_text.h"
#include "crypto/sha.h"
#include "enforce/executable_stack.h"
#include "governor/elf.h"
#include "governor/shebang.h"
#include "permit/match.h"

namespace writ::governor {
namespace {

using permit::ExecKind;
using permit::ExecRule;
using permit::Grant;
using permit::Place;
using permit::WantedExec;
using permit::WantedPath;

// absolute makes a written path absolute and normal; its symlinks are not looked at.
Result<std::string> absolute(const WantedPath& wanted, const Places& places) {
  std::string text = wanted.path;
  std::string base = places.directory;
  if (text == "~" || text.starts_with("~/")) {
    base = places.home;
    text = text.size() <= 2 ? "." : text.substr(2);
  }
  std::optional<std::string> joined = permit::join_path(base, text);
  if (!joined) return Error(Code::Malformed, wanted.at + ": `" + printable(text) + "` is no path");
  return *joined;
}

// expand gives the paths that a wanted one stands for.
Result<std::vector<std::string>> expand(const WantedPath& wanted, const Places& places) {
  const std::string path = TRY(absolute(wanted, places));
  if (!wanted.glob) return std::vector<std::string>{path};
  glob_t found = {};
  const int failed = ::glob(path.c_str(), GLOB_ERR | GLOB_NOESCAPE, nullptr, &found);
  std::vector<std::string> paths;
  if (failed == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  if (failed == GLOB_NOMATCH || failed == GLOB_ABORTED) paths.clear();
  if (failed == GLOB_NOSPACE) return Error(Code::Exhausted, wanted.at + ": out of memory");
  std::sort(paths.begin(), paths.end());
  return paths;
}

class Resolver {
 public:
  explicit Resolver(const Places& places) : places_(places), cache_(LibraryCache::load()) {}

  Result<Grant> grant(const permit::Request& request) {
    Grant grant;
    std::set<std::string> programs;
    for (const WantedExec& wanted : request.exec) {
      TRY(add_exec(wanted, grant, programs));
    }
    TRY(add_places(request.read, grant.read, false));
    TRY(add_places(request.write, grant.write, false));
    TRY(add_places(request.load, grant.load, true));
    TRY(add_load_sets(programs, grant));
    grant.env = request.env;
    grant.connect = request.connect;
    grant.listen = request.listen;
    grant.tools = request.tools;
    grant.models = request.models;
    grant.limits = request.limits;
    grant.features = request.features;
    grant.approve = request.approve;
    grant.delegate_depth = request.delegate_depth;
    return grant;
  }

 private:
  // place follows one wanted path; nothing when it is optional and not there.
  Result<std::optional<Place>> place(const WantedPath& wanted, const std::string& path) {
    Result<Place> found = follow_path(path);
    if (!found) {
      if (wanted.optional && found.error().code() == Code::NotFound) return std::optional<Place>();
      return Error(std::move(found).error()).context(wanted.at);
    }
    if (wanted.digest) {
      if (found->tree) return Error(Code::Malformed, wanted.at + ": a directory has no digest");
      found->digest = wanted.digest;
    }
    return std::optional<Place>(std::move(*found));
  }

  Result<Digest32> digest(const std::string& path) {
    auto known = digests_.find(path);
    if (known == digests_.end()) known = digests_.emplace(path, TRY(digest_file(path))).first;
    return known->second;
  }

  Result<void> add_exec(const WantedExec& wanted, Grant& grant, std::set<std::string>& programs) {
    for (const std::string& path : TRY(expand(wanted.program, places_))) {
      std::optional<Place> found = TRY(place(wanted.program, path));
      if (!found) continue;
      ExecRule rule;
      rule.kind = wanted.produced ? ExecKind::Produced : ExecKind::Named;
      rule.name = path;
      rule.program = std::move(*found);
      if (wanted.produced) {
        if (!rule.program.tree) {
          return Error(Code::Malformed, wanted.at + ": produced names a directory, and `" +
                                            printable(path) + "` is a file");
        }
      } else {
        if (rule.program.tree) {
          return Error(Code::Malformed,
                       wanted.at + ": `" + printable(path) + "` is a directory, not a program");
        }
        if (!TRY(is_program(wanted, rule.program.path))) TRY(script_of(wanted, rule));
        if (!rule.program.digest) rule.program.digest = TRY(digest(rule.program.path));
        programs.insert(rule.program.path);
      }
      for (const permit::Pattern& pattern : wanted.args) {
        rule.args.push_back(TRY(pattern.anchored(places_.directory)));
      }
      rule.argv0 = wanted.argv0;
      rule.env = wanted.env;
      if (wanted.script) {
        const std::string script = TRY(absolute(*wanted.script, places_));
        std::optional<Place> file = TRY(place(*wanted.script, script));
        if (!file || file->tree) {
          return Error(Code::Malformed, wanted.at + ": `" + printable(script) + "` is no script");
        }
        if (!file->digest) file->digest = TRY(digest(file->path));
        rule.script = permit::Script{std::move(*file)};
      }
      for (const WantedPath& directory : wanted.cwd) {
        const std::string tree = TRY(absolute(directory, places_));
        std::optional<Place> dir = TRY(place(directory, tree));
        if (dir) rule.cwd.push_back(dir->path);
      }
      grant.exec.push_back(std::move(rule));
    }
    return {};
  }

  // is_program: an ELF file of this machine; false when it is no ELF file at all.
  Result<bool> is_program(const WantedExec& wanted, const std::string& path) {
    Result<UniqueFd> file = open_at(FdRef::cwd(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file) return Error(std::move(file).error()).context(wanted.at);
    Result<ElfFacts> facts = read_elf(file->borrow());
    if (facts) return true;
    if (facts.error().code() == Code::NotFound) return false;
    return Error(std::move(facts).error()).context(wanted.at + ": " + printable(path));
  }

  // A script named as program: what the kernel will run is its interpreter, with it and it alone.
  Result<void> script_of(const WantedExec& wanted, ExecRule& rule) {
    const std::string path = rule.program.path;
    const std::optional<Shebang> line = TRY(read_shebang(path));
    if (!line || wanted.script) {
      return Error(Code::Malformed, wanted.at + ": `" + printable(path) + "` is no program");
    }
    const std::optional<std::string> named = permit::join_path("/", line->interpreter);
    Result<Place> interpreter =
        named ? follow_path(*named) : Result<Place>(Error(Code::NotFound, "no path"));
    if (!interpreter || interpreter->tree || !TRY(is_program(wanted, interpreter->path))) {
      return Error(Code::Malformed, wanted.at + ": `" + printable(path) + "` asks for `" +
                                        printable(line->interpreter) + "`, which is no program");
    }
    permit::Script script{std::move(rule.program)};
    script.file.digest = TRY(digest(path));
    rule.script = std::move(script);
    rule.program = std::move(*interpreter);
    rule.name = *named;
    return {};
  }

  Result<void> add_places(const std::vector<WantedPath>& wanted, std::vector<Place>& out,
                          bool pin) {
    for (const WantedPath& one : wanted) {
      for (const std::string& path : TRY(expand(one, places_))) {
        std::optional<Place> found = TRY(place(one, path));
        if (!found) continue;
        if (pin && !found->tree && !found->digest) found->digest = TRY(digest(found->path));
        merge(out, std::move(*found));
      }
    }
    return {};
  }

  // merge keeps one place for a path, with all the links it was named by.
  static void merge(std::vector<Place>& out, Place place) {
    for (Place& there : out) {
      if (there.path != place.path) continue;
      for (permit::Link& link : place.links) {
        if (std::find(there.links.begin(), there.links.end(), link) == there.links.end()) {
          there.links.push_back(std::move(link));
        }
      }
      if (!there.digest) there.digest = place.digest;
      return;
    }
    out.push_back(std::move(place));
  }

  Result<void> add_load_sets(const std::set<std::string>& programs, Grant& grant) {
    std::set<std::string> files;
    bool needs_cache = false;
    for (const std::string& program : programs) {
      LoadSet set = TRY(load_set(program, cache_));
      needs_cache = needs_cache || set.needs_cache;
      files.insert(set.files.begin(), set.files.end());
    }
    for (const std::string& file : files) {
      Place place = TRY(follow_path(file));
      // A system tree of `load` that holds it carries it already, links apart.
      const bool in_tree = std::any_of(grant.load.begin(), grant.load.end(), [&](const Place& t) {
        return t.tree && permit::lies_under(place.path, t.path);
      });
      if (!in_tree || !place.links.empty()) {
        place.digest = TRY(digest(place.path));
        merge(grant.load, std::move(place));
      }
    }
    if (needs_cache) merge(grant.read, TRY(follow_path("/etc/ld.so.cache")));
    return {};
  }

  const Places& places_;
  LibraryCache cache_;
  std::map<std::string, Digest32> digests_;
};

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<permit::Request> read_request(const std::string& file, const Places& places) {
  const ByteVec text = TRY(read_file(file, kMaxConfigText));
  permit::Request request = TRY(permit::parse_request(as_text(text), file));
  for (const std::string& name : request.sets) {
    TRY(permit::check_set_name(name));
    const std::string path = places.writ.set_file(name);
    Result<ByteVec> set = read_file(path, kMaxConfigText);
    if (!set) {
      if (set.error().code() == Code::NotFound || set.error().sys_errno() == ENOENT) {
        return Error(Code::NotFound,
                     file + ": there is no set `" + name + "`: " + path + " is not there");
      }
      return Error(std::move(set).error());
    }
    permit::apply_set(request, TRY(permit::parse_set(as_text(*set), name, path)));
  }
  return request;
}

Result<permit::Place> follow_path(const std::string& path) {
  if (!permit::is_normal(path)) {
    return Error(Code::InvalidArgument, "`" + printable(path) + "` is not a normal path");
  }
  Place place;
  std::string at;           // resolved so far, "" for /
  std::string rest = path;  // starts with / or is empty
  struct stat facts = {};
  if (path == "/") rest.clear();
  for (int links = 0; !rest.empty();) {
    const std::size_t end = rest.find('/', 1);
    const std::string name = rest.substr(1, end == std::string::npos ? end : end - 1);
    rest = end == std::string::npos ? "" : rest.substr(end);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      at.resize(at.empty() ? 0 : at.rfind('/'));
      continue;
    }
    const std::string next = at + "/" + name;
    if (::lstat(next.c_str(), &facts) != 0) {
      const int failed = errno;
      const bool missing = failed == ENOENT || failed == ENOTDIR;
      return Error(missing ? Code::NotFound : Code::Denied,
                   errno_error(failed, "`" + printable(path) + "`").message(), failed);
    }
    if (!S_ISLNK(facts.st_mode)) {
      at = next;
      continue;
    }
    if (++links > 40) {
      return Error(Code::Malformed, "`" + printable(path) + "` goes through too many symlinks");
    }
    std::array<char, PATH_MAX> buffer{};
    const ssize_t size = ::readlink(next.c_str(), buffer.data(), buffer.size());
    if (size <= 0 || static_cast<std::size_t>(size) >= buffer.size()) {
      return errno_error(errno, "reading the symlink " + printable(next));
    }
    std::string target(buffer.data(), static_cast<std::size_t>(size));
    permit::Link link{next, target};
    if (std::find(place.links.begin(), place.links.end(), link) == place.links.end()) {
      place.links.push_back(std::move(link));
    }
    if (target[0] == '/') {
      at.clear();
      rest = target + rest;
    } else {
      rest.insert(0, target).insert(0, "/");
    }
  }
  place.path = at.empty() ? "/" : at;
  if (::lstat(place.path.c_str(), &facts) != 0) return errno_error(errno, printable(path));
  place.tree = S_ISDIR(facts.st_mode);
  if (!place.tree && !S_ISREG(facts.st_mode)) {
    return Error(Code::InvalidArgument,
                 "`" + printable(path) + "` is neither a file nor a directory");
  }
  return place;
}

Result<Digest32> digest_file(const std::string& path) {
  return digest_file_unless(path, [] { return false; });
}

Result<Digest32> digest_file_unless(const std::string& path, const std::function<bool()>& give_up) {
  UniqueFd file = TRY(open_at(FdRef::cwd(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW));
  const struct stat facts = TRY(stat_fd(file.borrow()));
  if (!S_ISREG(facts.st_mode)) {
    return Error(Code::InvalidArgument, "`" + printable(path) + "` is not a regular file");
  }
  crypto::Sha256 hash;
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  std::uint64_t total = 0;
  for (;;) {
    if (give_up()) return Error(Code::Unavailable, "not read to the end");
    const ssize_t got = ::read(file.number(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error(errno, "reading " + printable(path));
    if (got == 0) return hash.finish();
    total += static_cast<std::uint64_t>(got);
    if (total > kMaxProgram) {
      return Error(Code::Exhausted, "`" + printable(path) + "` is larger than 4 GiB");
    }
    hash.update(Bytes(buffer).first(static_cast<std::size_t>(got)));
  }
}

namespace {

// A permit for a program that the gate would refuse all the same is not worth issuing.
std::optional<Denial> executable_stack_denial(const Grant& grant) {
  if (permit::has_feature(grant, permit::Feature::Jit)) return std::nullopt;
  for (const ExecRule& rule : grant.exec) {
    if (rule.kind != ExecKind::Named) continue;
    const Result<UniqueFd> file =
        open_at(FdRef::cwd(), rule.program.path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file || !enforce::asks_for_executable_stack(file->borrow())) continue;
    Denial no;
    no.reason = Reason::FeatureNotGranted;
    no.asked = "exec " + printable(rule.program.path);
    no.because = permit::kExecutableStack;
    no.allow = "features = [\"jit\"]";
    return no;
  }
  return std::nullopt;
}

}  // namespace

Result<Resolved> resolve(const permit::Request& request, const Places& places) {
  Grant grant = TRY(Resolver(places).grant(request));
  if (std::optional<Denial> no = reserved_denial(grant, places.reserved)) return Resolved(*no);
  if (std::optional<Denial> no = executable_stack_denial(grant)) return Resolved(*no);
  TRY(permit::check_grant(grant));
  return Resolved(std::move(grant));
}

std::optional<Denial> reserved_denial(const permit::Grant& grant, const Reserved& reserved) {
  const auto refuse = [&](const std::string& asked, const std::string& path) {
    Denial no;
    no.reason = Reason::ReservedPath;
    no.asked = asked + " " + printable(path);
    no.because = "it holds Writ's own keys, trust, state or sockets, which are never inside a run";
    no.allow = "grant other paths; a tree above it may be granted, and is empty at that place";
    return no;
  };
  const auto any = [&](const std::string& asked,
                       const std::vector<Place>& places) -> std::optional<Denial> {
    for (const Place& place : places) {
      if (place.path == "/") {
        Denial no = refuse(asked, place.path);
        no.because = "the whole of the file system holds Writ's own places and the kernel's";
        no.allow = "grant the trees below it that the job needs";
        return no;
      }
      for (const char* own : {"/proc", "/dev"}) {
        if (!permit::lies_under(place.path, own)) continue;
        Denial no = refuse(asked, place.path);
        no.because = std::string("a run has its own ") + own + "; the host's is never inside";
        no.allow = "leave it out: what a program may use of it is there";
        return no;
      }
      if (reserved.names(place.path)) return refuse(asked, place.path);
      for (const permit::Link& link : place.links) {
        if (reserved.names(directory_of(link.path))) return refuse(asked, link.path);
      }
    }
    return {};
  };
  if (const std::optional<std::string>& file = reserved.doubled()) {
    Denial no = refuse("use a permit while", *file);
    no.asked += " has another name";
    no.because = "a hard link to one of Writ's own files may lie in any granted tree";
    no.allow = "remove the other name (find / -xdev -samefile " + printable(*file) + ")";
    return no;
  }
  if (auto no = any("read", grant.read)) return no;
  if (auto no = any("write", grant.write)) return no;
  if (auto no = any("load", grant.load)) return no;
  for (const ExecRule& rule : grant.exec) {
    if (reserved.names(rule.program.path)) return refuse("exec", rule.program.path);
    if (rule.script && reserved.names(rule.script->file.path)) {
      return refuse("script", rule.script->file.path);
    }
  }
  for (const permit::Endpoint& endpoint : grant.connect) {
    if (endpoint.protocol == permit::Protocol::Unix && reserved.names(endpoint.host)) {
      return refuse("connect", endpoint.host);
    }
  }
  return {};
}

}  // namespace writ::governor
