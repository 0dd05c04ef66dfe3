// "#!": what the kernel runs in place of a script (execve(2), "Interpreter scripts").
//
// The file may be a stranger's. Only its first line counts, within the kernel's 256 bytes.
// Thread safety: pure function, and one that reads a file.
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace writ::governor {

struct Shebang {
  std::string interpreter;              // as written
  std::optional<std::string> argument;  // all the rest of the line, one argument
};

// parse_shebang reads the first bytes of a file: nothing when it is no script.
std::optional<Shebang> parse_shebang(std::string_view head);
// read_shebang opens `path` without following symlinks, regular files only.
Result<std::optional<Shebang>> read_shebang(const std::string& path);

}  // namespace writ::governor
