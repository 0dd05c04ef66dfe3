// `writ demo`: the story of a governed agent, told with this very program on real work.
//
// Every scene runs `writ` as a user would, in a temporary home, without root or network, and shows
// the command, what came of it and the reason code; the table at the end compares each with what
// was promised. Needs cc, make and python3, and says so when one is missing.
// Thread safety: one call at a time.
#pragma once

#include <string>

#include "base/result.h"

namespace writ::demo {

struct Options {
  std::string program;  // path of the writ to show
  bool keep = false;    // leave the temporary home behind and say where
  bool json = false;    // the table as JSON on standard output, the story on standard error
};

// run_demo returns the exit status: 0 when every scene came out as promised, 1 otherwise.
Result<int> run_demo(const Options& options);

}  // namespace writ::demo
