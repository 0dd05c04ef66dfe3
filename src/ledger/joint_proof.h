// One proof that many entries stand in a tree together: what a proof bundle holds (docs/formats/
// proof.md).
//
// The hashes of the largest subtrees that hold none of the entries, from left to right. With the
// entries they give the root. For given indexes and size there is exactly one such list, each hash
// of it is needed, and for one entry it has the hashes of its inclusion path (RFC 9162 §2.1.3).
//
//   Proof proof = TRY(prove_jointly(indexes, size, hash_at));
//   NodeHash root = TRY(root_of_joint(indexes, leaves, size, proof));
//
// Hostile: everything that root_of_joint is given. Its work is at most 64 hashes for each entry.
// Thread safety: pure functions.
#pragma once

#include <span>

#include "base/ids.h"
#include "base/result.h"
#include "ledger/tree.h"

namespace writ::ledger {

// prove_jointly: InvalidArgument unless there are indexes, ascending, each once, below `size`.
Result<Proof> prove_jointly(std::span<const LeafIndex> indexes, TreeSize size,
                            const HashAt& hash_at);

// root_of_joint is the root that entries and proof lead to; Denied when the indexes are not as
// above, when there are not as many leaves, or when the proof has too few or too many hashes.
Result<NodeHash> root_of_joint(std::span<const LeafIndex> indexes, std::span<const LeafHash> leaves,
                               TreeSize size, const Proof& proof);

}  // namespace writ::ledger
