// The front of a run with a terminal: the process that the caller's shell knows.
//
// A shell's job control stops and continues the processes of a job. A governor must not stop: its
// run would end. So `writ run` on a terminal is two processes: the front, which the shell started,
// stops and goes on as told, passes on what ends a run, and has the governor's exit status; the
// governor does all the rest. Each of them puts the terminal's settings back should the other be
// killed.
//
//   Front front = TRY(Front::split());
//   if (front.status) return *front.status;     // the front, at the very end
//   … CallerTerminal::open(std::move(front.socket)) …  // the governor
//
// Thread safety: split() while the process has one thread.
#pragma once

#include <optional>

#include "base/fd.h"
#include "base/result.h"

namespace writ::cli {

struct Front {
  std::optional<int> status;  // set in the front: the governor's
  UniqueFd socket;            // in the governor: 'S' asks to stop; 'C' comes when that is over
  static Result<Front> split();
};

}  // namespace writ::cli
