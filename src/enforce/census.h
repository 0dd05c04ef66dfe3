// Census: how many processes and threads a run has, and the processor time they used, read from the
// run's own /proc. A sample: what lives between two samples is not seen, and the time of children
// that ended without being waited for is not in it.
//
// Hostile: the number of processes, bounded by the run's tasks. Thread safety: any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/result.h"

namespace writ::enforce {

struct Census {
  std::uint64_t processes = 0;   // without init
  std::uint64_t tasks = 0;       // processes and threads, init included
  std::uint64_t cpu_millis = 0;  // 0 unless asked for
};
Result<Census> take_census(pid_t init, bool with_cpu);

}  // namespace writ::enforce
