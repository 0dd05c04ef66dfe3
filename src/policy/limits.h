// Limits of the policy engine: every parser and the evaluator stay within these.
//
// Whoever writes policy text, schemas, entities or requests may be hostile; beyond a limit the
// answer is a clear error (Code::Exhausted), never a crash and never a partial result.
//
// Thread safety: constants.
#pragma once

#include <cstddef>

namespace writ::policy {

// Bytes of policy or schema text that are looked at; longer text is refused unread.
inline constexpr std::size_t kMaxPolicyText = std::size_t{4} << 20;
// Bytes and values of policy JSON, and its levels: a term costs at most two.
inline constexpr std::size_t kMaxPolicyJson = std::size_t{64} << 20;
inline constexpr std::size_t kMaxPolicyJsonValues = 8'000'000;
inline constexpr std::size_t kMaxPolicyJsonDepth = 131'200;
// Bytes of schema text that its declarations stand for when those of several names at once
// (`entity A, B = {…};`) are written one by one.
inline constexpr std::size_t kMaxSchemaSpelledOut = std::size_t{64} << 20;
// Bytes of entities JSON.
inline constexpr std::size_t kMaxEntitiesText = std::size_t{64} << 20;
// Nesting of expressions, of JSON and of values (parentheses, sets, records, if, arguments).
inline constexpr std::size_t kMaxNesting = 200;
// Expression nodes of one policy, and of one policy set together.
inline constexpr std::size_t kMaxPolicyNodes = 65'536;
inline constexpr std::size_t kMaxSetNodes = 1'000'000;
// Policies and templates of one set.
inline constexpr std::size_t kMaxPolicies = 100'000;
// Entities of one store, and all ancestor relations of one store after closing them.
inline constexpr std::size_t kMaxEntities = 1'000'000;
inline constexpr std::size_t kMaxAncestors = 8'000'000;
// Levels of a value's nesting that evaluation may build.
inline constexpr std::size_t kMaxValueDepth = 450;

}  // namespace writ::policy
