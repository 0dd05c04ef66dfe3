// Policies as text, from their syntax tree: for what did not come from text (JSON, links), or where
// only the meaning matters. Text that people wrote is laid out by format.h, which keeps comments.
//
// The text reads back to an equal policy (operator== of PolicyBody). Parentheses stand only where
// they are needed, annotations and the order of records are kept, `x has a && x.a has b` is written
// `x has a.b`. The layout is format.h's.
//
// Policies may be a stranger's: what is shared in the tree is written out each time, so the work is
// bounded (Exhausted). Thread safety: pure functions.
#pragma once

#include <string>

#include "policy/policy.h"

namespace writ::policy {

// to_text writes a policy or template, with its `;` and a final newline; of a link, the policy it
// stands for, its slots filled.
Result<std::string> to_text(const Policy& policy);
// to_text writes all policies and templates in order of appearance, an empty line between them.
// Ids are not part of the text (read back, they are policy0, policy1, …). InvalidArgument when the
// set has links: those have no text form.
Result<std::string> to_text(const PolicySet& set);

}  // namespace writ::policy
