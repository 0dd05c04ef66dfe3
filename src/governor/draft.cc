#include "governor/draft.h"

#include <dirent.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/config_text.h"
#include "json/read.h"
#include "permit/match.h"
#include "permit/permit.h"
#include "permit/request_text.h"

namespace writ::governor {
namespace {

constexpr std::size_t kMaxSets = 256;
constexpr std::size_t kMaxArguments = 16;  // written out; more become {rest}

// One refusal of a kind: what would allow it, why it was refused, how often.
struct Addition {
  std::string asked;
  std::string because;
  std::string toml;  // empty: it belongs into a rule that is there, see `hint`
  std::string hint;
  std::uint64_t times = 0;
};

std::string text_of(const ledger::Side& side, const char* name) {
  const ByteVec* bytes = side.get(name);
  return bytes == nullptr ? std::string() : std::string(as_text(*bytes));
}

// The program that policy was asked about: its path stands nowhere else in a refusal.
std::optional<std::string> program_of(const ledger::Side& side) {
  const Result<json::Value> request = json::read(text_of(side, "request"));
  const json::Value* resource = request ? request->find("resource") : nullptr;
  if (resource != nullptr && resource->find("__entity") != nullptr) {
    resource = resource->find("__entity");
  }
  const json::Value* id = resource != nullptr ? resource->find("id") : nullptr;
  const std::string* path = id != nullptr ? id->as_string() : nullptr;
  if (path == nullptr || !permit::is_normal(*path)) return {};
  return *path;
}

// A whole rule for an exec whose arguments fitted none.
std::string rule_for(const std::string& program, const ledger::Side& side) {
  const ByteVec* bytes = side.get("argv");
  const Result<std::vector<std::string>> argv =
      bytes != nullptr ? ledger::decode_list(*bytes) : Error(Code::NotFound, "no arguments");
  permit::WantedExec rule;
  rule.program.path = program;
  for (std::size_t i = 1; argv && i < argv->size(); ++i) {
    const bool many = i > kMaxArguments;
    Result<permit::Pattern> pattern =
        many ? permit::Pattern::parse("{rest}") : permit::Pattern::exact((*argv)[i]);
    if (!pattern) return "";
    rule.args.push_back(std::move(*pattern));
    if (many) break;
  }
  return permit::print_exec(rule).substr(1);
}

Addition addition_of(const ledger::Refusal& refusal, const ledger::Side& side) {
  Addition addition;
  addition.asked =
      printable(text_of(side, "asked"), 300) + "   (" + std::string(code_of(refusal.reason)) + ")";
  addition.because = text_of(side, "because");
  const std::string allow = text_of(side, "allow");
  if (allow.starts_with("[[")) {
    addition.toml = allow;
    return addition;
  }
  const std::optional<std::string> program = program_of(side);
  if (refusal.reason == Reason::ArgsMismatch && allow.starts_with("args = ") && program) {
    addition.toml = rule_for(*program, side);
  }
  if (addition.toml.empty()) {
    addition.hint = program && allow.find(" = ") != std::string::npos
                        ? "in the rule of " + printable(*program) + ":  " + allow
                        : allow;
  }
  return addition;
}

// Every line behind `mark`; a stranger's text has no line of its own.
std::string commented(const std::string& text, const char* mark) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out += mark + printable(text.substr(at, end - at), 4096) + "\n";
    at = end + 1;
  }
  return out;
}

bool same_rule(const permit::ExecRule& a, const permit::ExecRule& b) {
  const auto script = [](const permit::ExecRule& rule) {
    return rule.script ? rule.script->file.path : std::string();
  };
  return a.kind == b.kind && a.name == b.name && a.args == b.args && a.argv0 == b.argv0 &&
         a.env == b.env && script(a) == script(b) && a.cwd == b.cwd;
}

bool same_place(const permit::Place& a, const permit::Place& b) {
  return a.path == b.path;
}

template <typename List, typename Same>
bool holds_all(const List& whole, const List& part, Same same) {
  return std::all_of(part.begin(), part.end(), [&](const auto& one) {
    return std::any_of(whole.begin(), whole.end(),
                       [&](const auto& other) { return same(one, other); });
  });
}

template <typename List, typename Same>
void take_away(List& whole, const List& part, Same same) {
  whole.erase(std::remove_if(whole.begin(), whole.end(),
                             [&](const auto& one) {
                               return std::any_of(part.begin(), part.end(), [&](const auto& other) {
                                 return same(one, other);
                               });
                             }),
              whole.end());
}

// What a request would be granted here and now; nothing when it is refused.
std::optional<permit::Grant> granted(const permit::Request& request, const Places& places) {
  Result<Resolved> resolved = resolve(request, places);
  permit::Grant* grant = resolved ? std::get_if<permit::Grant>(&*resolved) : nullptr;
  if (grant == nullptr) return {};
  return std::move(*grant);
}

std::vector<std::string> set_names(const Home& home) {
  const std::string any = home.set_file("x");
  const std::string directory = any.substr(0, any.rfind('/'));
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), ::closedir);
  std::vector<std::string> names;
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
    std::string name = entry->d_name;
    if (!name.ends_with(".toml") || names.size() >= kMaxSets) continue;
    name.resize(name.size() - 5);
    if (permit::check_set_name(name)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<permit::NamedSet> read_set(const std::string& name, const Places& places) {
  const std::string path = places.writ.set_file(name);
  const Result<ByteVec> text = read_file(path, kMaxConfigText);
  if (!text) return {};
  Result<permit::NamedSet> set = permit::parse_set(as_text(*text), name, path);
  if (!set) return {};
  return std::move(*set);
}

// Takes out of `rest` what named sets give of `whole`, and what issuing finds by itself.
std::vector<permit::NamedSet> take_sets(permit::Grant& rest, const permit::Grant& whole,
                                        const Places& places) {
  std::vector<permit::NamedSet> sets;
  for (const std::string& name : set_names(places.writ)) {
    std::optional<permit::NamedSet> set = read_set(name, places);
    if (!set) continue;
    permit::Request only;
    permit::apply_set(only, *set);
    const std::optional<permit::Grant> gives = granted(only, places);
    const bool something = gives && (!gives->exec.empty() || !gives->read.empty());
    if (!something || !holds_all(whole.exec, gives->exec, same_rule) ||
        !holds_all(whole.read, gives->read, same_place) ||
        !holds_all(whole.load, gives->load, same_place) ||
        !holds_all(whole.env, gives->env, std::equal_to<>())) {
      continue;
    }
    take_away(rest.exec, gives->exec, same_rule);
    take_away(rest.read, gives->read, same_place);
    take_away(rest.load, gives->load, same_place);
    take_away(rest.env, gives->env, std::equal_to<>());
    sets.push_back(std::move(*set));
  }
  return sets;
}

// The request, as short as this machine's sets and libraries allow.
permit::Request short_request(permit::Claims claims, const Places& places) {
  const permit::Grant whole = claims.grant;
  const std::vector<permit::NamedSet> sets = take_sets(claims.grant, whole, places);
  permit::Request expanded = permit::request_of(claims);
  expanded.load.clear();
  for (const permit::NamedSet& set : sets) permit::apply_set(expanded, set);
  const std::optional<permit::Grant> found = granted(expanded, places);
  if (found) take_away(claims.grant.load, found->load, same_place);
  permit::Request request = permit::request_of(claims);
  for (const permit::NamedSet& set : sets) request.sets.push_back(set.name);
  return request;
}

Result<permit::Claims> claims_of(ledger::LedgerReader& reader, const ledger::Admission& admission) {
  const ByteVec file = TRY(reader.object(admission.permit_file, permit::kMaxPermitFile));
  permit::Read read = permit::read_permit(file);
  if (const Denial* no = std::get_if<Denial>(&read)) return Error(Code::Malformed, no->because);
  return std::get<permit::Permit>(read).claims;
}

std::string print_additions(const std::map<std::string, Addition>& additions, const Draft& draft) {
  std::string text;
  for (const auto& [_, one] : additions) {
    text += "\n## refused " + std::to_string(one.times) + (one.times == 1 ? " time: " : " times: ");
    text += one.asked + "\n" + commented(one.because, "##   ");
    text += one.toml.empty() ? commented(one.hint, "##   ") : commented(one.toml, "# ");
  }
  if (draft.unreadable > 0) {
    text += "\n## refused " + std::to_string(draft.unreadable) + " times: its text was erased\n";
  }
  return text;
}

}  // namespace

Result<Draft> draft_from(ledger::LedgerReader& reader, const RunId& run, const EachEvent& each,
                         const Places& places) {
  Draft draft;
  std::optional<ledger::Admission> admission;
  std::map<std::string, Addition> additions;
  TRY(each([&](const ledger::Event& event, const ledger::Side* side) {
    if (const ledger::Admission* one = event.as<ledger::Admission>()) admission = *one;
    const ledger::Refusal* refusal = event.as<ledger::Refusal>();
    if (refusal == nullptr) return;
    ++draft.refusals;
    if (side == nullptr || side->get("asked") == nullptr) {
      ++draft.unreadable;
      return;
    }
    Addition one = addition_of(*refusal, *side);
    const std::string which = one.toml.empty() ? one.asked + one.hint : one.toml;
    auto found = additions.find(which);
    if (found == additions.end()) {
      if (additions.size() >= kMaxAdditions) return;
      found = additions.emplace(which, std::move(one)).first;
    }
    ++found->second.times;
  }));
  if (!admission) return Error(Code::NotFound, "the ledger holds no run " + to_string(run));
  const permit::Request request = short_request(TRY(claims_of(reader, *admission)), places);
  draft.additions = additions.size();
  draft.text = "## Drafted from run " + to_string(run) + ": its permit's grant" +
               (draft.refusals == 0 ? ", of which nothing was refused.\n"
                                    : ", and at the end what was refused, commented out.\n") +
               permit::print_request(request) + print_additions(additions, draft);
  return draft;
}

}  // namespace writ::governor
