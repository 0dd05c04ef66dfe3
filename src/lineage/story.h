// The story of one run as a tree: authority, permit, run, and every exec under its cause.
//
// Built from the run's ledger entries alone, in their order; each event hangs under the event that
// its `parent` field names (DESIGN §9). The clear text of arguments is shown only where the side
// store still has it and it matches the entry's salted digest; otherwise "(erased)" or
// "(does not match its entry)".
//
//   Story story = TRY(Story::build(entries));
//   for (const std::string& line : story.lines()) …
//
// Hostile: entries and clear text may come from a stranger's log; all text is shown through
// printable(), depth and width of the drawing are bounded, the tree is built without recursion on
// input. Sizes: at most kMaxSteps entries are drawn, the rest is counted.
// Thread safety: value.
// Not promised: that the entries are true to the log. Verify it first (ledger/verify.h).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/event.h"
#include "ledger/side.h"

namespace writ::lineage {

inline constexpr std::size_t kMaxSteps = 100'000;
inline constexpr std::size_t kMaxDrawnDepth = 64;

struct Step {
  ledger::Event event;
  std::optional<ledger::Side> side;
};

// What stands above the run, when it is known: names for the authority's key and the agent.
struct Above {
  std::string authority;  // "you"; empty: not known
  std::string subject;    // "agent/coder"
};

class Story {
 public:
  // build needs the events of one run, the admission first, in the order of their numbers:
  // InvalidArgument when they are of several runs, out of order, or a parent is not among them.
  static Result<Story> build(std::vector<Step> steps, Above above = {});

  // lines draws the tree for a terminal, UTF-8.
  std::vector<std::string> lines() const;
  // children gives, for the step at `index`, the indices of what it caused, in order.
  const std::vector<std::size_t>& children(std::size_t index) const { return children_[index]; }
  const std::vector<Step>& steps() const { return steps_; }
  // parent is the index of the step that caused `index`; nothing for the admission.
  std::optional<std::size_t> parent(std::size_t index) const;

 private:
  Story(std::vector<Step> steps, Above above)
      : steps_(std::move(steps)), above_(std::move(above)) {}
  std::vector<Step> steps_;
  Above above_;
  std::vector<std::vector<std::size_t>> children_;
};

}  // namespace writ::lineage
