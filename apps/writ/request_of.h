// What the caller asks for: the command after `--`, its environment and directory, and the permit.
//
// A permit that cannot be read is no error here: whoever is asked denies with that reason.
// Errors: the working directory is gone. Thread safety: reads the environment, as getenv does.
#pragma once

#include "governor/vetting.h"
#include "writ/verbs.h"

namespace writ::cli {

// request_here is the same without any permit.
Result<governor::RunRequest> request_here(const Options& options);
Result<governor::RunRequest> request_of(const Options& options, const Machine& machine);

}  // namespace writ::cli
