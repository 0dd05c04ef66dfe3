// Processes by number and start time, and this boot of the machine.
// Thread safety: functions may be called from any thread.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace writ::governor {

// this_process is the caller's process.
Result<Pid> this_process();
// find_process reads the start time of a process; NotFound when there is none.
Result<Pid> find_process(std::int32_t number);
// alive says whether exactly this process still exists (a zombie does not).
bool alive(const Pid& process);

}  // namespace writ::governor
