#include "lineage/story.h"

#include <fmt/format.h>

#include <algorithm>

namespace writ::lineage {
namespace {

using ledger::EventKind;

constexpr std::size_t kShownText = 120;

// The clear text that `digest` commits to under `name`, as it may be shown.
std::string clear_text(const Step& step, std::string_view name, const Digest32& digest) {
  if (!step.side) return "(erased)";
  const ByteVec* value = step.side->get(name);
  if (value == nullptr) return "(erased)";
  if (!step.side->check(name, digest)) return "(does not match its entry)";
  return printable(as_text(*value), kShownText);
}

// The arguments after argv[0], each as it would be typed where that is simple.
std::string arguments(const Step& step, const Digest32& digest) {
  if (!step.side) return " (arguments erased)";
  const ByteVec* value = step.side->get("argv");
  if (value == nullptr) return " (arguments erased)";
  if (!step.side->check("argv", digest)) return " (arguments do not match their entry)";
  Result<std::vector<std::string>> items = ledger::decode_list(*value);
  if (!items) return " (arguments unreadable)";
  std::string text;
  for (std::size_t i = 1; i < items->size(); ++i) {
    const std::string& item = (*items)[i];
    const bool plain = !item.empty() && item.find_first_of(" \t\n'\"\\$`*?|&;<>(){}") == item.npos;
    text += plain ? " " + item : " '" + item + "'";
  }
  return printable(text, kShownText);
}

std::string status_words(const ledger::End& end) {
  std::string text(code_of(end.reason));
  if (end.reason == EndReason::Exited) text += fmt::format(" {}", end.status);
  if (end.reason == EndReason::Signalled) text += fmt::format(" by signal {}", -end.status);
  return text;
}

std::string label(const Step& step) {
  const ledger::Event& event = step.event;
  const std::uint64_t seq = event.seq().get();
  switch (event.kind()) {
    case EventKind::Admission: {
      const auto& body = *event.as<ledger::Admission>();
      return fmt::format("run {}  {}{}", to_string(event.id().run), printable(body.command),
                         arguments(step, body.argv));
    }
    case EventKind::Exec: {
      const auto& body = *event.as<ledger::Exec>();
      std::string text =
          fmt::format("#{} {}{}", seq, printable(body.path), arguments(step, body.argv));
      if (body.produced) text += fmt::format("   built here, sha256 {}", short_hex(body.file));
      if (body.ancestry_lost) text += "   (ancestry lost)";
      return text;
    }
    case EventKind::Refusal: {
      const auto& body = *event.as<ledger::Refusal>();
      return fmt::format("#{} refused: {} {}   ({})", seq, printable(body.gate),
                         clear_text(step, "asked", body.asked), code_of(body.reason));
    }
    case EventKind::Connect: {
      const auto& body = *event.as<ledger::Connect>();
      return fmt::format("#{} connect {}", seq, clear_text(step, "endpoint", body.endpoint));
    }
    case EventKind::Listen: {
      const auto& body = *event.as<ledger::Listen>();
      return fmt::format("#{} listen {}", seq, clear_text(step, "endpoint", body.endpoint));
    }
    case EventKind::Revocation: return fmt::format("#{} revoked", seq);
    case EventKind::Continuity: {
      const auto& body = *event.as<ledger::Continuity>();
      return fmt::format("#{} governed: {} processes", seq, body.processes);
    }
    case EventKind::End: {
      const auto& body = *event.as<ledger::End>();
      return fmt::format("#{} ended: {}, {} execs, {} refused", seq, status_words(body),
                         body.counts.released, body.counts.refused);
    }
    case EventKind::Interrupted: {
      const auto& body = *event.as<ledger::Interrupted>();
      return fmt::format("#{} ended: {}, complete up to #{}", seq, code_of(body.reason),
                         body.last_durable.get());
    }
    default: return fmt::format("#{} {}", seq, ledger::kind_name(event.kind()));
  }
}

}  // namespace

Result<Story> Story::build(std::vector<Step> steps, Above above) {
  if (steps.empty()) return Error(Code::InvalidArgument, "no entries");
  if (steps.size() > kMaxSteps) steps.erase(steps.begin() + kMaxSteps, steps.end());
  if (steps[0].event.kind() != EventKind::Admission) {
    return Error(Code::InvalidArgument, "the first entry is not an admission");
  }
  const RunId run = steps[0].event.id().run;
  Story story(std::move(steps), std::move(above));
  story.children_.resize(story.steps_.size());
  for (std::size_t i = 0; i < story.steps_.size(); ++i) {
    const ledger::Event& event = story.steps_[i].event;
    if (event.id().run != run) return Error(Code::InvalidArgument, "entries of more than one run");
    // INVARIANT: the step at index i has number i, so a parent's number is its index.
    if (event.seq().get() != i) {
      return Error(Code::InvalidArgument,
                   fmt::format("entry {} of the run stands where {} should", event.seq().get(), i));
    }
    if (i == 0) continue;
    const std::optional<std::size_t> cause = story.parent(i);
    if (!cause || *cause >= i) {
      return Error(Code::InvalidArgument, fmt::format("entry {} has no cause before it", i));
    }
    story.children_[*cause].push_back(i);
  }
  return story;
}

std::optional<std::size_t> Story::parent(std::size_t index) const {
  const ledger::Event& event = steps_[index].event;
  if (!event.parent() || event.parent()->run != event.id().run) return std::nullopt;
  return static_cast<std::size_t>(event.parent()->seq.get());
}

std::vector<std::string> Story::lines() const {
  std::vector<std::string> out;
  const auto* permit = std::get_if<ledger::PermitAuthority>(&steps_[0].event.authority());
  const std::string permit_text = permit == nullptr ? "?" : short_hex(permit->permit);
  out.push_back(above_.authority.empty() ? "(authority)"
                                         : printable(above_.authority) + " (authority)");
  out.push_back(fmt::format("└─ permit {}… {}", permit_text, printable(above_.subject)));

  // Depth first without recursion: each frame is a step and the prefix of its children's lines.
  struct Frame {
    std::size_t step;
    std::string prefix;
    bool last;
    std::size_t depth;
  };
  std::vector<Frame> open{{0, "   ", true, 0}};
  while (!open.empty()) {
    const Frame frame = open.back();
    open.pop_back();
    out.push_back(frame.prefix + (frame.last ? "└─ " : "├─ ") + label(steps_[frame.step]));
    const std::vector<std::size_t>& caused = children_[frame.step];
    // A long chain (a program that executes itself over and over) is drawn flat after a while.
    const bool deeper = frame.depth < kMaxDrawnDepth;
    const std::string prefix = deeper ? frame.prefix + (frame.last ? "   " : "│  ") : frame.prefix;
    for (std::size_t i = caused.size(); i-- > 0;) {
      open.push_back(
          {caused[i], prefix, i + 1 == caused.size(), std::min(frame.depth + 1, kMaxDrawnDepth)});
    }
  }
  return out;
}

}  // namespace writ::lineage
