// Why something was refused, and why a run ended: the closed sets, from one table (reason.def).
//
// A Reason is data, not an error: it travels inside decisions and records. Its code (snake_case)
// is stable and is what --json, the ledger, docs/reasons.md and the console show.
// Some words stand in both sets (`expired`, `revoked`, `governor_lost`): a denial before the run,
// or the end of it.
//
// Thread safety: constants.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace writ {

enum class Reason {
#define WRIT_REASON(id, group, code, meaning, remedy) id,
#define WRIT_END(id, code, meaning)
#include "base/reason.def"
#undef WRIT_REASON
#undef WRIT_END
};

enum class EndReason {
#define WRIT_REASON(id, group, code, meaning, remedy)
#define WRIT_END(id, code, meaning) id,
#include "base/reason.def"
#undef WRIT_REASON
#undef WRIT_END
};

enum class ReasonGroup { Permit, Action, Approval, Host, End };

struct ReasonRow {
  ReasonGroup group;
  std::string_view code;
  std::string_view meaning;
  std::string_view remedy;  // empty for the end group
};

// describe is the table row of a reason.
const ReasonRow& describe(Reason reason);
const ReasonRow& describe(EndReason reason);
// code_of is describe(reason).code.
std::string_view code_of(Reason reason);
std::string_view code_of(EndReason reason);
// group_name is "permit", "action", "approval", "host" or "end".
std::string_view group_name(ReasonGroup group);
// find_reason and find_end look a code up; nothing when unknown.
std::optional<Reason> find_reason(std::string_view code);
std::optional<EndReason> find_end(std::string_view code);
// all_reasons is the whole table in its order, the end group last.
std::span<const ReasonRow> all_reasons();

// A denial for people: what was asked, which rule refused it, what would allow it.
// `asked` starts with the action ("exec /usr/bin/curl"); `because` and `allow` are one sentence
// or a few lines each, without a final full stop.
struct Denial {
  Reason reason = Reason::NotGranted;
  std::string asked;
  std::string because;
  std::string allow;
};

}  // namespace writ
