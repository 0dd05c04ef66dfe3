// Asking for a passphrase: at the terminal without echo, or from a file.
// Thread safety: one at a time.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace writ::cli {

// ask_passphrase prompts on /dev/tty. Unavailable without a terminal. The final line feed is not
// part of it; empty is allowed.
Result<SecretBytes> ask_passphrase(const std::string& prompt);
// read_passphrase reads the first line of a file.
Result<SecretBytes> read_passphrase(const std::string& path);

}  // namespace writ::cli
