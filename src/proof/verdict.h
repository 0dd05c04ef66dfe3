// The whole check in one call, from bytes and texts to text. `writ proof verify --json` prints it,
// the WebAssembly module gives it (apps/proof-wasm): the same code, so the same answer.
//
// A request says whom the reader believes, in texts that he has from elsewhere; strict JSON:
//   {"trust":   [{"name": "you.pub", "pem": "-----BEGIN PUBLIC KEY-----\n…"}, …],
//    "log_key": "you@host+3f…",     one of these two:
//    "policy":  "log …\n",          a verifier key, or a C2SP tlog-policy
//    "head":    "…"}                may be left out: the very checkpoint it must be under
// `trust` holds 1 to kMaxTrusted keys; names are for the answer, and prove nothing.
//
// The answer is one line of JSON, "schema" 0 first:
//   {"schema", "ok", "run", "steps", "findings", "replayed", "not_replayable", "trusting"}
//   {"schema", "ok": false, "because"}      the file is no proof bundle
//   {"schema", "error": {"code", "message"}}   the request makes no sense, nothing was checked
// Only `"ok": true` says that the bundle verifies.
//
// Hostile: the file. Pure: the same file and request give the same bytes on any machine, natively
// and as WebAssembly. Memory and time as proof/checklist.h.
// Thread safety: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"
#include "proof/checklist.h"

namespace writ::proof {

inline constexpr std::size_t kMaxRequest = 4 * 1024 * 1024;  // bytes
inline constexpr std::size_t kMaxTrusted = 256;

// check_file is the answer to `request` about `file`.
std::string check_file(Bytes file, std::string_view request);

// The parts of an answer.
json::Value verdict(const ProofBundle& bundle, const Checklist& list, std::string_view trusting);
json::Value no_bundle(const Error& error);
// trusting is the closing sentence: "you.pub (given), log key (given), witnesses: none".
std::string trusting(const std::vector<std::string>& authorities, bool by_policy,
                     const Checklist& list);

}  // namespace writ::proof
