// A proof that an entry stands in a log, in one file (C2SP tlog-proof): the entry's index, its
// inclusion path and the checkpoint, verbatim with its cosignatures.
//
// The file may be a stranger's; reading is strict and bounded. It says nothing until it was
// verified with the entry and a policy (ledger/trust_policy.h) that names the keys believed.
//
//   TlogProof proof = TRY(parse_tlog_proof(bytes));
//   TrustedHead head = TRY(verify_tlog_proof(proof, entry, policy));
//
// Thread safety: values and pure functions.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "ledger/tree.h"
#include "ledger/trust_policy.h"

namespace writ::ledger {

inline constexpr std::size_t kMaxTlogProof = 2'000'000;

struct TlogProof {
  std::optional<ByteVec> extra;  // never authenticated
  LeafIndex index;
  Proof path;              // sibling of the leaf first
  std::string checkpoint;  // the note, as signed
  friend bool operator==(const TlogProof&, const TlogProof&) = default;
};

std::string encode_tlog_proof(const TlogProof& proof);
// parse_tlog_proof reads exactly what encode_tlog_proof writes. Malformed otherwise; Exhausted
// over kMaxTlogProof. The checkpoint is not looked at.
Result<TlogProof> parse_tlog_proof(Bytes bytes);

// verify_tlog_proof: the checkpoint is one that `policy` trusts, and `entry` stands in it at the
// proof's index. Denied, saying which of the two does not hold.
Result<TrustedHead> verify_tlog_proof(const TlogProof& proof, Bytes entry,
                                      const TrustPolicy& policy);

}  // namespace writ::ledger
