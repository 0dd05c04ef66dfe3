// The ground of a run: its init, made and tried before anybody knows what the run may do.
//
// Making namespaces takes as long as reading and checking a permit, so both happen at once: a
// thread of its own makes init, finds out in it what this kernel carries, builds the boundary as
// soon as there is a plan, and stays with it until the run is over (tracing and init belong to
// that thread). The mechanisms that are recorded are those found in the very init that the run
// gets; where one is missing, probe() says why.
//
//   Ground ground(identity, std::move(streams));     // returns at once
//   … ground.kernel() …                               // waits for what was found
//   ground.build(plan);                               // returns at once; nothing of it executes
//   ground.keep(supervisor, finished);                // only now is the first exec answered
//   Result<Outcome> outcome = ground.wait();
//
// A ground that is not kept is cleared away by its destructor: the first program was never
// released from its execve. Hostile: nothing runs here before keep(). Errors: a boundary that
// cannot be built is wait()'s Error. Thread safety: one thread uses a Ground.
#pragma once

#include <memory>
#include <optional>

#include "enforce/boundary.h"
#include "enforce/supervisor.h"

namespace writ::enforce {

class Ground {
 public:
  Ground(const Identity& identity, RunStreams streams);
  ~Ground();
  Ground(const Ground&) = delete;
  Ground& operator=(const Ground&) = delete;

  const Capabilities& kernel();
  void build(const Plan& plan);
  // take_terminal waits for the boundary and takes Boundary::terminal: none without one, or where
  // there is no boundary.
  UniqueFd take_terminal();
  // take_inquiry is the same of Boundary::inquiry.
  UniqueFd take_inquiry();
  // keep hands the boundary to the supervisor. `finished` (an eventfd) is written when all is over.
  void keep(Supervisor& supervisor, FdRef finished);
  Result<Outcome> wait();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace writ::enforce
