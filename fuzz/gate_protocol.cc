// Scripted kernel events against the exec gate's table: three bytes an event, what they name is
// small so that events meet. Whatever the order, no promise of enforce/gate.h may break.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "enforce/gate_model.h"

namespace {

using namespace writ::enforce;  // NOLINT(google-build-using-namespace)

GateEvent event_of(std::uint8_t kind, std::uint8_t x, std::uint8_t y, std::uint64_t notification) {
  const AttemptId attempt(std::uint64_t{x} % 32);
  const pid_t thread = x % 7 + 1;
  switch (kind % 14) {
    case 0: return Asked{notification, thread};
    case 1: return Checked{attempt, static_cast<CheckResult>(y % 4), y / 4 % 8, y / 32 + 1};
    case 2: return Seized{attempt, static_cast<SeizeResult>(y % 4)};
    case 3: return Continued{attempt, y % 2 == 0};
    case 4: return ExecStop{thread, y % 7 + 1};
    case 5: return OtherStop{thread};
    case 6: return SignalStop{thread, y % 64};
    case 7: return Exited{thread};
    case 8: return Judged{attempt, static_cast<JudgeResult>(y % 3)};
    case 9: return Confirmed{attempt, y % 2 == 0};
    case 10: return Detached{thread, y % 2 == 0};
    case 11: return Freeze{};
    case 12: return Thaw{};
    default: return End{};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Limits limits;
  limits.gate_events = data[0];
  limits.execs = data[1];
  GateModel model(limits);
  for (std::size_t i = 2; i + 3 <= size; i += 3) {
    model.feed(event_of(data[i], data[i + 1], data[i + 2], i));
    if (!model.broken().empty()) {
      std::fprintf(stderr, "broken: %s\n", model.broken().c_str());
      std::abort();
    }
  }
  model.gate.close();
  return 0;
}
