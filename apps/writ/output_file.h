// Where a verb's answer goes when it is a file: `-o FILE`, or a file that is written back.
//
// A file is replaced as a whole: who reads it meanwhile sees the old bytes or the new. It keeps its
// mode, and links still lead to it. What is no regular file (a terminal, a pipe, /dev/null) is
// written to. Thread safety: one writer at a time for one file.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace writ::cli {

// write_output replaces what the file at `path` says, durably.
Result<void> write_output(const std::string& path, Bytes bytes);
// put_output writes to the file, or to standard output when `path` is empty.
Result<void> put_output(const std::string& path, Bytes bytes);

}  // namespace writ::cli
