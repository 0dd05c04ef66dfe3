// The stage of the demo: a temporary home with the demo's project in it, and commands run there.
//
// Everything lies under one new directory that is removed at the end; commands run with a cleaned
// environment whose WRIT_HOME points into it. No network, no root.
// Thread safety: one thread.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace writ::demo {

struct Ran {
  int status = 0;  // exit status, or 128 + signal
  std::string out;
  std::string error;
};

// A command that is still going: killed with the Stage if nobody waited for it.
struct Going {
  pid_t pid = -1;
  UniqueFd out;    // read end
  UniqueFd error;  // read end
};

class Stage {
 public:
  // open makes the directory and unpacks the project; `keep` leaves it behind.
  static Result<Stage> open(std::string writ_program, bool keep);
  Stage(Stage&&) noexcept;
  Stage(const Stage&) = delete;
  ~Stage();

  const std::string& root() const { return root_; }
  std::string project() const { return root_ + "/project"; }
  std::string home() const { return root_ + "/writ"; }

  // run starts argv[0] ("writ" is the program itself), waits and returns what it printed.
  // Output beyond 1 MiB of each stream is dropped. Ends the command after `seconds`.
  Result<Ran> run(const std::vector<std::string>& argv, int seconds = 120);
  Result<Going> start(const std::vector<std::string>& argv);
  // wait collects a command that start() gave.
  Result<Ran> wait(Going going, int seconds = 120);
  // wait_for reads the command's output until `text` was seen; false when it ends before.
  Result<bool> wait_for(Going& going, const std::string& text, int seconds = 20);

  // processes_with counts this machine's processes whose command line holds `marker`, the governors
  // that run them not counted.
  std::size_t processes_with(const std::string& marker) const;

  Result<std::string> read(const std::string& path) const;
  Result<void> write(const std::string& path, const std::string& text) const;

 private:
  Stage() = default;
  std::string root_;
  std::string program_;
  bool keep_ = false;
};

}  // namespace writ::demo
