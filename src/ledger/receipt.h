// COSE receipts (RFC 9942): a log's proofs in the envelope that other systems read.
//
// A receipt is a COSE_Sign1 (tag 18) whose payload, the root of the newer tree, is detached, so
// that a verifier must compute it from the proof before the signature can be checked.
//   protected    {1: EdDSA, 4: key id, 15: {1: origin}, 395: 1}    395 `vds`: RFC9162_SHA256
//   unprotected  {396: {-1: [bstr [size, index, [path]]]}}          -1 inclusion, -2 consistency
// It is an export: the log itself is signed by its checkpoints. Receipts may come from a stranger;
// reading is strict, and takes alg -8 (EdDSA) as well as -19 (Ed25519).
//
//   ByteVec bytes = TRY(inclusion_receipt(log_key, origin, index, size, path, root));
//   Receipt receipt = TRY(verify_inclusion_receipt(bytes, leaf_hash(entry), log_key));
//
// Not promised: what a receipt signs is a root, not the sizes beside it; a proof of the same shape
// may name another size. Who must know the size takes the checkpoint.
// The grammar has no receipt without a path: none for a log of one entry, nor between equal sizes.
// Thread safety: values and pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "ledger/tree.h"

namespace writ::ledger {

inline constexpr std::size_t kMaxReceipt = 64 * 1024;

// inclusion_receipt, consistency_receipt: InvalidArgument for a path that is empty or too long,
// or for a key that is not EdDSA. The caller has checked that the path leads to `root`.
Result<ByteVec> inclusion_receipt(const crypto::PrivateKey& log_key, std::string_view origin,
                                  LeafIndex index, TreeSize size, const Proof& path,
                                  const NodeHash& root);
Result<ByteVec> consistency_receipt(const crypto::PrivateKey& log_key, std::string_view origin,
                                    TreeSize old_size, TreeSize new_size, const Proof& path,
                                    const NodeHash& new_root);

// What a receipt that verified says.
struct Receipt {
  std::string origin;
  TreeSize size;    // of the tree signed
  NodeHash root;    // of it
  LeafIndex index;  // inclusion: of the entry
  TreeSize old;     // consistency: of the older tree
};
// verify_inclusion_receipt: Malformed unless it is one; Denied unless the path of that leaf leads
// to a root that `log_key` signed.
Result<Receipt> verify_inclusion_receipt(Bytes receipt, const LeafHash& leaf,
                                         const crypto::PublicKey& log_key);
// verify_consistency_receipt: likewise, for the tree of `old_size` that had `old_root`.
Result<Receipt> verify_consistency_receipt(Bytes receipt, TreeSize old_size,
                                           const NodeHash& old_root,
                                           const crypto::PublicKey& log_key);

}  // namespace writ::ledger
