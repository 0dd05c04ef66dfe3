#include "base/reason.h"

#include <array>

namespace writ {
namespace {

constexpr auto kRows = std::to_array<ReasonRow>({
#define WRIT_REASON(id, group, code, meaning, remedy) {ReasonGroup::group, code, meaning, remedy},
#define WRIT_END(id, code, meaning) {ReasonGroup::End, code, meaning, ""},
#include "base/reason.def"
#undef WRIT_REASON
#undef WRIT_END
});

constexpr std::size_t kDenials = 0
#define WRIT_REASON(id, group, code, meaning, remedy) +1
#define WRIT_END(id, code, meaning)
#include "base/reason.def"
#undef WRIT_REASON
#undef WRIT_END
    ;

}  // namespace

const ReasonRow& describe(Reason reason) {
  return kRows[static_cast<std::size_t>(reason)];
}
const ReasonRow& describe(EndReason reason) {
  return kRows[kDenials + static_cast<std::size_t>(reason)];
}
std::string_view code_of(Reason reason) {
  return describe(reason).code;
}
std::string_view code_of(EndReason reason) {
  return describe(reason).code;
}

std::string_view group_name(ReasonGroup group) {
  switch (group) {
    case ReasonGroup::Permit: return "permit";
    case ReasonGroup::Action: return "action";
    case ReasonGroup::Approval: return "approval";
    case ReasonGroup::Host: return "host";
    case ReasonGroup::End: return "end";
  }
  return "host";
}

std::optional<Reason> find_reason(std::string_view code) {
  for (std::size_t i = 0; i < kDenials; ++i) {
    if (kRows[i].code == code) return static_cast<Reason>(i);
  }
  return std::nullopt;
}

std::optional<EndReason> find_end(std::string_view code) {
  for (std::size_t i = kDenials; i < kRows.size(); ++i) {
    if (kRows[i].code == code) return static_cast<EndReason>(i - kDenials);
  }
  return std::nullopt;
}

std::span<const ReasonRow> all_reasons() {
  return kRows;
}

}  // namespace writ
