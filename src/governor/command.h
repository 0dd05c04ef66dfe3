// Which rule of a grant starts a command, and what exactly will be executed.
//
// The command is looked up as a shell would: a name with a slash from the directory, another one in
// the caller's PATH. Its environment is cleaned to what the rule allows. Scripts are followed to
// their interpreter, so that the rules are asked about what the kernel will really run.
//
// Hostile: the files looked at (read as data). Thread safety: functions may be called from any
// thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/reason.h"
#include "base/result.h"
#include "permit/match.h"

namespace writ::governor {

// find_program gives the path (absolute, symlinks as they are); NotFound when there is none.
Result<std::string> find_program(const std::string& name, const std::string& directory,
                                 const std::vector<std::string>& environment);

using DigestOf = std::function<Result<Digest32>(const std::string& path)>;

// How facts are made of a program that is to be executed: every digest comes from `digest_of`.
// NotFound when a file or interpreter is missing, Malformed when scripts nest too deep.
Result<permit::ExecFacts> facts_for(const std::string& resolved, const std::string& as_given,
                                    std::vector<std::string> argv,
                                    std::vector<std::string> environment,
                                    const std::string& directory, const DigestOf& digest_of);

struct Command {
  std::string program;  // resolved: what execve will be given
  permit::ExecFacts facts;
  permit::ExecAllowed rule;
};
using Chosen = std::variant<Command, Denial>;
// choose matches a command that was found against a grant; the environment comes back cleaned.
Result<Chosen> choose(const permit::Grant& grant, const std::string& program,
                      const std::vector<std::string>& argv,
                      const std::vector<std::string>& environment, const std::string& directory);

}  // namespace writ::governor
