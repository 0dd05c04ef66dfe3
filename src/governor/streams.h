// The three standard streams of a run: fresh pipes, copied by the thread that asks.
//
// The program never gets a descriptor of the caller's: it could reopen or change it (DESIGN §8.1,
// "Streams"). Copying adds nothing and loses nothing: what the program wrote before its end is
// written out before copy() returns. A reader that does not read stops the program's writes, and
// nothing else.
//
//   Streams streams = TRY(Streams::create());
//   supervisor.run(streams.take_run_side(), kernel)   // another thread
//   streams.copy(finished_fd);                        // this one
//
// Thread safety: copy() in one thread; the rest before it.
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "enforce/boundary.h"

namespace writ::governor {

class Streams {
 public:
  static Result<Streams> create();
  enforce::RunStreams take_run_side() { return std::move(run_); }
  // take_error is our end of standard error's pipe: a run with a terminal of its own leaves the
  // other two unused (governor/terminal.h).
  UniqueFd take_error() { return std::move(error_); }
  // copy moves bytes until `finished` (an eventfd) is readable and the program's output is out.
  // Input ends when the caller's does. A closed standard output closes the program's.
  void copy(FdRef finished);

 private:
  Streams() = default;
  enforce::RunStreams run_;
  UniqueFd in_, out_, error_;  // our ends
};

}  // namespace writ::governor
