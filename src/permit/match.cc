#include "permit/match.h"

#include <algorithm>

namespace writ::permit {
namespace {

// How far a rule came. Of the rules that fail, the furthest explains best.
enum class Step { Program, Digest, Script, Args, Directory, Environment, Feature, Fits };

struct Trial {
  Step step = Step::Program;
  Reason reason = Reason::NotGranted;
  std::string because;
  std::string allow;
};

// What the program is asked to do, for people.
std::string asked_of(const ExecFacts& facts) {
  std::string asked = "exec " + printable(facts.program);
  for (std::size_t i = 1; i < facts.argv.size() && asked.size() < 200; ++i) {
    asked += ' ';
    asked += printable(facts.argv[i], 60);
  }
  return asked;
}

std::string toml_args(const std::vector<std::string>& argv, std::size_t from) {
  std::string text = "[";
  for (std::size_t i = from; i < argv.size(); ++i) {
    if (i > from) text += ", ";
    if (i - from >= 16) {
      text += "\"{rest}\"";
      break;
    }
    std::string escaped;
    for (const char c : argv[i].substr(0, 256)) {
      escaped += c;
      if (c == '{' || c == '}') escaped += c;
    }
    text += toml_text(escaped);
  }
  return text + "]";
}

std::string toml_rule(const ExecFacts& facts) {
  std::string text = "[[exec]]\nprogram = " + toml_text(facts.program);
  std::size_t from = 1;
  if (!facts.scripts.empty()) {
    text += "\nscript  = " + toml_text(facts.scripts.back().path);
    while (from < facts.argv.size() &&
           join_path(facts.directory, facts.argv[from]) != facts.scripts.back().path) {
      ++from;
    }
    ++from;
  }
  if (from < facts.argv.size()) text += "\nargs    = " + toml_args(facts.argv, from);
  return text;
}

// steps_back says whether a path has a `..` component. Removing one lexically is not what the
// kernel does when a component before it is a symlink, and symlinks in write trees are the job's.
bool steps_back(std::string_view path) {
  for (std::size_t at = path.find(".."); at != std::string_view::npos;
       at = path.find("..", at + 1)) {
    if ((at == 0 || path[at - 1] == '/') && (at + 2 == path.size() || path[at + 2] == '/')) {
      return true;
    }
  }
  return false;
}

bool leads_to(const std::string& argv0, const ExecFacts& facts, const std::vector<Link>& links) {
  if (argv0.find('/') == std::string::npos) return true;  // compared as a last component
  if (steps_back(argv0)) return false;
  const std::optional<std::string> path = join_path(facts.directory, argv0);
  return path && follow(*path, links) == facts.program;
}

bool argv0_fits(const ExecRule& rule, const ExecFacts& facts) {
  const std::string argv0 = facts.argv.empty() ? std::string() : facts.argv.front();
  if (std::find(rule.argv0.begin(), rule.argv0.end(), argv0) != rule.argv0.end()) return true;
  const std::string& name = rule.kind == ExecKind::Produced ? facts.program : rule.name;
  return last_component(argv0) == last_component(name) &&
         leads_to(argv0, facts, rule.program.links);
}

// script_end is the index after the script's path in argv, when `path` is what the interpreter
// reads. The kernel builds interpreter, one optional option, script, arguments; without a chain of
// its own, argv[1] must be the script itself.
std::optional<std::size_t> script_end(const ExecFacts& facts, const Place& script) {
  const auto is_script = [&](std::size_t at) {
    if (at >= facts.argv.size()) return false;
    const std::string& argument = facts.argv[at];
    if (argument.empty() || argument.front() == '-' || steps_back(argument)) return false;
    const std::optional<std::string> path = join_path(facts.directory, argument);
    return path && follow(*path, script.links) == script.path;
  };
  if (is_script(1)) return 2;
  if (!facts.scripts.empty() && is_script(2)) return 3;
  return std::nullopt;
}

Trial fail(Step step, Reason reason, std::string because, std::string allow) {
  return {step, reason, std::move(because), std::move(allow)};
}

// try_rest is what comes after program, digest and script: argv[0], arguments from `from`, working
// directory, environment.
Trial try_rest(const Grant& grant, const ExecRule& rule, const ExecFacts& facts, std::size_t from,
               bool check_argv0) {
  const std::string argv0 = facts.argv.empty() ? std::string() : facts.argv.front();
  if (check_argv0 && !argv0_fits(rule, facts)) {
    return fail(
        Step::Args, Reason::ArgsMismatch,
        "argv[0] is `" + printable(argv0, 80) + "`, the rule's name is " + printable(rule.name),
        "argv0 = [" + toml_text(argv0) + "]");
  }
  const std::span<const std::string> arguments =
      std::span(facts.argv).subspan(std::min(from, facts.argv.size()));
  if (!match_all(rule.args, arguments, {facts.directory})) {
    std::string allowed;
    for (const Pattern& pattern : rule.args) allowed += " `" + printable(pattern.text(), 60) + "`";
    return fail(Step::Args, Reason::ArgsMismatch,
                rule.args.empty() ? "the rule allows no arguments"
                                  : "the arguments do not fit the rule:" + allowed,
                "args = " + toml_args(facts.argv, std::min(from, facts.argv.size())));
  }
  if (!rule.cwd.empty() &&
      std::none_of(rule.cwd.begin(), rule.cwd.end(), [&](const std::string& tree) {
        return is_normal(facts.directory) && lies_under(facts.directory, tree);
      })) {
    return fail(
        Step::Directory, Reason::CwdNotGranted,
        "the working directory " + printable(facts.directory) + " is outside what the rule allows",
        "cwd = [" + toml_text(facts.directory) + "]");
  }
  if (const auto no = check_env(env_of(grant, rule), facts.environment, "")) {
    return fail(Step::Environment, Reason::EnvNotGranted, no->because, no->allow);
  }
  if (facts.executable_stack && !has_feature(grant, Feature::Jit)) {
    return fail(Step::Feature, Reason::FeatureNotGranted, std::string(kExecutableStack),
                "features = [\"jit\"]");
  }
  return {Step::Fits, Reason::NotGranted, "", ""};
}

Trial try_named(const Grant& grant, const ExecRule& rule, const ExecFacts& facts) {
  if (rule.program.path != facts.program) return {};
  if (rule.program.digest != facts.digest) {
    return fail(Step::Digest, Reason::DigestMismatch,
                printable(facts.program) +
                    " is not the file that the permit names: its contents "
                    "are sha256 " +
                    short_hex(facts.digest) + "…, granted " + short_hex(*rule.program.digest) + "…",
                "issue the permit again if the change is meant");
  }
  std::size_t from = 1;
  if (rule.script) {
    const Place& script = rule.script->file;
    const std::optional<std::size_t> end = script_end(facts, script);
    const bool other_file = !facts.scripts.empty() && facts.scripts.back().path != script.path;
    if (!end || other_file) {
      return fail(
          Step::Script, Reason::ScriptMismatch,
          printable(facts.program) + " may run the script " + printable(script.path) + " only",
          toml_rule(facts));
    }
    if (!facts.scripts.empty() && facts.scripts.back().digest != script.digest) {
      return fail(Step::Script, Reason::ScriptMismatch,
                  "the script " + printable(script.path) + " is not the file that the permit names",
                  "issue the permit again if the change is meant");
    }
    from = *end;
  }
  return try_rest(grant, rule, facts, from, true);
}

Trial try_produced(const Grant& grant, const ExecRule& rule, const ExecFacts& facts) {
  const std::string& tree = rule.program.path;
  if (facts.scripts.empty()) {
    if (!is_normal(facts.program) || !lies_under(facts.program, tree)) return {};
    return try_rest(grant, rule, facts, 1, true);
  }
  const std::string& script = facts.scripts.back().path;
  if (!is_normal(script) || !lies_under(script, tree)) return {};
  if (!lies_under(facts.program, tree) && !may_run(grant, facts.program, facts.digest)) {
    return fail(Step::Script, Reason::NotGranted,
                "the script " + printable(script) +
                    " is produced by the job, but its interpreter " + printable(facts.program) +
                    " is not granted",
                "[[exec]]\nprogram = " + toml_text(facts.program));
  }
  const std::optional<std::size_t> end = script_end(facts, Place{script, {}, false, {}});
  if (!end) {
    return fail(Step::Script, Reason::ScriptMismatch,
                "the script's path is not where the kernel puts it in the arguments",
                toml_rule(facts));
  }
  // argv[0] is the interpreter as the script's first line writes it: the job's own text.
  return try_rest(grant, rule, facts, *end, false);
}

}  // namespace

ExecMatch match_exec(const Grant& grant, const ExecFacts& facts) {
  Trial best;
  best.because = "no exec rule of the permit names " + printable(facts.program);
  best.allow = toml_rule(facts);
  for (std::size_t i = 0; i < grant.exec.size(); ++i) {
    const ExecRule& rule = grant.exec[i];
    Trial trial;
    if (rule.kind == ExecKind::Named) trial = try_named(grant, rule, facts);
    if (rule.kind == ExecKind::Produced) trial = try_produced(grant, rule, facts);
    if (trial.step == Step::Fits) return ExecAllowed{i, rule.kind == ExecKind::Produced};
    if (trial.step > best.step) best = std::move(trial);
  }
  return Denial{best.reason, asked_of(facts), best.because, best.allow};
}

bool may_run(const Grant& grant, const std::string& program, const Digest32& digest) {
  return std::any_of(grant.exec.begin(), grant.exec.end(), [&](const ExecRule& rule) {
    return rule.kind == ExecKind::Named && rule.program.path == program &&
           rule.program.digest == digest;
  });
}

std::string toml_text(std::string_view bytes) {
  std::string text = "\"";
  std::string safe = is_utf8(bytes) ? std::string(bytes) : printable(bytes, bytes.size() * 4 + 4);
  for (const char c : safe) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      constexpr std::string_view kHex = "0123456789abcdef";
      text += "\\u00";
      text += kHex[byte >> 4U];
      text += kHex[byte & 15U];
    } else {
      text += c;
    }
  }
  return text + "\"";
}

}  // namespace writ::permit
