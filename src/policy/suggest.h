// What a misspelt name probably meant: for messages. For the engine's own files.
//
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace writ::policy {

// did_you_mean is ": did you mean `x`?" with the known name nearest to `wrong`, or empty when none
// is near. Only the first thousand names and names of at most 64 bytes are looked at.
std::string did_you_mean(std::string_view wrong, const std::vector<std::string_view>& known);

}  // namespace writ::policy
