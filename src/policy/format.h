// Canonical layout of policy text and schema text: what `writ policy fmt` prints.
//
// Only white space changes: the tokens stay, one by one, and every comment stays beside its token,
// so the meaning cannot change (this is checked before anything is returned). Lines are at most 100
// columns where the tokens allow it, two spaces a level, one empty line between policies, a final
// newline. Formatting twice gives the same as once.
//
// The text may be a stranger's; limits are the parsers'. Errors: the parsers'.
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::policy {

// format_policies lays out policies and templates, format_schema a schema in its human form.
Result<std::string> format_policies(std::string_view text);
Result<std::string> format_schema(std::string_view text);

}  // namespace writ::policy
