#include "governor/command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "enforce/executable_stack.h"
#include "governor/resolve.h"
#include "governor/shebang.h"

namespace writ::governor {
namespace {

constexpr int kMaxScripts = 5;  // the kernel's own bound (exec_binprm)

bool executable(const std::string& path) {
  struct stat facts = {};
  return ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) && (facts.st_mode & 0111) != 0;
}

Result<bool> asks_for_executable_stack(const std::string& program) {
  const UniqueFd file =
      TRY(open_at(FdRef::cwd(), program, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW));
  return enforce::asks_for_executable_stack(file.borrow());
}

}  // namespace

Result<std::string> find_program(const std::string& name, const std::string& directory,
                                 const std::vector<std::string>& environment) {
  const Error missing(Code::NotFound, "there is no program `" + printable(name) + "`");
  if (name.empty()) return Error(missing);
  if (name.find('/') != std::string::npos) {
    const std::optional<std::string> path = permit::join_path(directory, name);
    if (!path || !executable(*path)) return Error(missing);
    return *path;
  }
  std::string search = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& variable : environment) {
    if (variable.starts_with("PATH=")) {
      search = variable.substr(5);
      break;
    }
  }
  for (std::size_t at = 0; at <= search.size();) {
    const std::size_t end = std::min(search.find(':', at), search.size());
    const std::string dir = search.substr(at, end - at);
    at = end + 1;
    if (dir.empty() || dir[0] != '/') continue;  // the current directory is never searched
    const std::optional<std::string> path = permit::join_path(dir, name);
    if (path && executable(*path)) return *path;
  }
  return Error(missing);
}

Result<permit::ExecFacts> facts_for(const std::string& resolved, const std::string& as_given,
                                    std::vector<std::string> argv,
                                    std::vector<std::string> environment,
                                    const std::string& directory, const DigestOf& digest_of) {
  permit::ExecFacts facts;
  facts.argv = std::move(argv);
  if (facts.argv.empty()) facts.argv.emplace_back();
  facts.environment = std::move(environment);
  facts.directory = directory;
  std::string program = resolved;
  std::string given = as_given;
  for (int depth = 0;; ++depth) {
    const std::optional<Shebang> script = TRY(read_shebang(program));
    if (!script) break;
    if (depth >= kMaxScripts) return Error(Code::Malformed, "scripts nest too deep");
    const Digest32 digest = TRY(digest_of(program));
    facts.scripts.push_back({program, digest});
    // execve(2): interpreter [argument] pathname arg…; the script's argv[0] is lost.
    facts.argv.erase(facts.argv.begin());
    facts.argv.insert(facts.argv.begin(), given);
    if (script->argument) facts.argv.insert(facts.argv.begin(), *script->argument);
    facts.argv.insert(facts.argv.begin(), script->interpreter);
    const std::optional<std::string> path = permit::join_path(directory, script->interpreter);
    if (!path) return Error(Code::NotFound, "the interpreter has no path");
    const permit::Place place = TRY(follow_path(*path));
    if (place.tree) return Error(Code::NotFound, "the interpreter is a directory");
    program = place.path;
    given = script->interpreter;
  }
  facts.program = program;
  facts.digest = TRY(digest_of(program));
  facts.executable_stack = TRY(asks_for_executable_stack(program));
  return facts;
}

Result<Chosen> choose(const permit::Grant& grant, const std::string& program,
                      const std::vector<std::string>& argv,
                      const std::vector<std::string>& environment, const std::string& directory) {
  const permit::Place place = TRY(follow_path(program));
  // Which rule: its environment is what the caller's is cleaned to.
  permit::ExecFacts facts = TRY(facts_for(place.path, program, argv, {}, directory, digest_file));
  const permit::ExecMatch bare = permit::match_exec(grant, facts);
  if (const Denial* no = std::get_if<Denial>(&bare)) return Chosen(*no);
  const std::size_t rule = std::get<permit::ExecAllowed>(bare).rule;
  facts.environment = permit::clean_env(permit::env_of(grant, grant.exec.at(rule)), environment);
  const permit::ExecMatch whole = permit::match_exec(grant, facts);
  if (const Denial* no = std::get_if<Denial>(&whole)) return Chosen(*no);
  return Chosen(Command{place.path, std::move(facts), std::get<permit::ExecAllowed>(whole)});
}

}  // namespace writ::governor
