#include "ledger/bodies.h"

#include <array>
#include <limits>

namespace writ::ledger {
namespace {

constexpr std::array<std::string_view, kEventKinds> kNames = {
    "genesis",    "key",        "trust",   "domain",      "policy", "admission", "denial",
    "exec",       "refusal",    "connect", "listen",      "call",   "approval",  "delegation",
    "revocation", "continuity", "end",     "interrupted", "erase",  "rotate"};
static_assert(std::variant_size_v<Body> == kEventKinds);

}  // namespace

std::string_view kind_name(EventKind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

std::optional<EventKind> find_kind(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<EventKind>(i);
  }
  return std::nullopt;
}

bool GateCounts::agree() const {
  // The sums cannot overflow in a run that a budget of events bounds; a stranger's may, and a sum
  // that wraps must not agree.
  std::uint64_t sum = 0;
  for (const std::uint64_t part : {refused, failed, vanished, violated, released}) {
    if (part > std::numeric_limits<std::uint64_t>::max() - sum) return false;
    sum += part;
  }
  return asked == sum && exec_stops == violated + released;
}

}  // namespace writ::ledger
