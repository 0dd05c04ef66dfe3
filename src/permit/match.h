// Which exec rule allows one exec, or the denial that explains best why none does.
//
// Facts come from the exec gate (enforce/verdicts.h): from the caller's memory at the courtesy
// check, from the kernel's copy at the stop. All strings are hostile bytes. Matching is pure,
// bounded, and the same on every host.
//
// A rule fits when all hold:
//   program    Named: same path and digest. Produced: the program, or the innermost script, lies
//              below the rule's tree; the interpreter of such a script must itself be named by some
//              rule, digest included. Any never fits here (ceilings only).
//   argv[0]    a listed argv0; or the last component of the rule's name; or a path with that last
//              component which leads, through the rule's links, to the program. Produced: the last
//              component of the program, or a path to it from the working directory.
//   script     with a rule script: the innermost script of the kernel's chain is that file and
//              digest, or, run as `interpreter SCRIPT`, argv[1] is a path to it (its contents are
//              pinned when the run is built, because it lies where the job cannot write). A path
//              with `..` is never such a path, nor in argv[0]: symlinks make it ambiguous.
//   args       the patterns, see ExecRule::args
//   cwd, env   as the rule says
// A program that asks for an executable stack fits nothing without the feature `jit`.
//
//   ExecMatch m = match_exec(grant, facts);
//   if (const Denial* no = std::get_if<Denial>(&m)) …
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/reason.h"
#include "permit/grant.h"

namespace writ::permit {

struct ScriptFact {
  std::string path;  // resolved, in the run
  Digest32 digest;
};

struct ExecFacts {
  std::string program;  // resolved path of the executable in the run (a script's interpreter)
  Digest32 digest;
  std::vector<ScriptFact> scripts;  // outermost first; empty for a plain program
  std::vector<std::string> argv;    // with argv[0]; the kernel makes an empty list one empty text
  std::vector<std::string> environment;
  std::string directory;
  bool executable_stack = false;  // the program asks for one
};

// Why such a program is refused, for people.
inline constexpr std::string_view kExecutableStack =
    "its file asks for a stack that can be executed, so that code written there could run; that "
    "takes the feature `jit`";

struct ExecAllowed {
  std::size_t rule = 0;   // index in Grant::exec
  bool produced = false;  // code the run wrote itself: its digest is recorded, not pinned
};

using ExecMatch = std::variant<ExecAllowed, Denial>;

// match_exec finds the first rule that fits. Otherwise the denial of the rule that came furthest
// (not_granted, digest_mismatch, script_mismatch, args_mismatch, cwd_not_granted,
// env_not_granted, feature_not_granted, in that order), with TOML that would allow it.
ExecMatch match_exec(const Grant& grant, const ExecFacts& facts);

// may_run says whether any rule could name this program (path and digest): the courtesy check
// before arguments are known, and `writ can`.
bool may_run(const Grant& grant, const std::string& program, const Digest32& digest);

// toml_text quotes `bytes` as a TOML string for people to paste; bytes that are no UTF-8 as \xHH.
std::string toml_text(std::string_view bytes);

}  // namespace writ::permit
