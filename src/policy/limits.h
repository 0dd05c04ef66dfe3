// Limits of the policy engine: every parser and the evaluator stay within these.
//
// Whoever writes policy text, schemas, entities or requests may be hostile; beyond a limit the
// answer is a clear error (Code::Exhausted), never a crash and never a partial result. They are
// such that refusing any one text takes less than 64 MiB of memory.
//
// Thread safety: constants.
#pragma once

#include <cstddef>

namespace writ::policy {

// Bytes of policy or schema text that are looked at; longer text is refused unread.
inline constexpr std::size_t kMaxPolicyText = std::size_t{4} << 20;
// Bytes and values of policy JSON, and its levels: a term costs at most two.
inline constexpr std::size_t kMaxPolicyJson = std::size_t{12} << 20;
inline constexpr std::size_t kMaxPolicyJsonValues = 300'000;
inline constexpr std::size_t kMaxPolicyJsonDepth = 131'200;
// What one schema declares, each name of a declaration and each attribute and member of a list in
// it counted (for each name again); values of its JSON.
inline constexpr std::size_t kMaxSchemaParts = 50'000;
inline constexpr std::size_t kMaxSchemaJsonValues = 200'000;
// Bytes of schema text that its declarations stand for when those of several names at once
// (`entity A, B = {…};`) are written one by one; of a type's name with its namespace; types and
// actions that all of a schema's can be in, counted for each of them.
inline constexpr std::size_t kMaxSchemaSpelledOut = std::size_t{8} << 20;
inline constexpr std::size_t kMaxTypeName = 256;
inline constexpr std::size_t kMaxSchemaAncestors = 50'000;
// Bytes of entities JSON; bytes and values of one entity in it; values of all.
inline constexpr std::size_t kMaxEntitiesText = std::size_t{64} << 20;
inline constexpr std::size_t kMaxEntityText = std::size_t{4} << 20;
inline constexpr std::size_t kMaxEntityValues = 300'000;
inline constexpr std::size_t kMaxEntitiesValues = 4'000'000;
// Nesting of expressions, of JSON and of values (parentheses, sets, records, if, arguments).
inline constexpr std::size_t kMaxNesting = 200;
// Expression nodes of one policy, and (with its annotations and actions) of one set together.
inline constexpr std::size_t kMaxPolicyNodes = 65'536;
inline constexpr std::size_t kMaxSetNodes = 250'000;
// Annotations of one policy.
inline constexpr std::size_t kMaxAnnotations = 1'000;
// Policies and templates of one set.
inline constexpr std::size_t kMaxPolicies = 20'000;
// Entities of one store, and all ancestor relations of one store after closing them.
inline constexpr std::size_t kMaxEntities = 1'000'000;
inline constexpr std::size_t kMaxAncestors = 8'000'000;
// Levels of a value's nesting that evaluation may build.
inline constexpr std::size_t kMaxValueDepth = 450;

}  // namespace writ::policy
