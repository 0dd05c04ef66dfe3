// The proof bundle: everything a stranger needs to check one run's story, in one file (`.proof`;
// docs/formats/proof.cddl is normative, docs/formats/proof.md explains it).
//
// Deterministic CBOR (RFC 8949 §4.2), an array of six:
//   "writ proof 0"   what this is, with its version
//   run              the run's id
//   head             the checkpoint, verbatim with its cosignatures
//   entries          of the run, and those outside runs, as the log has them: index, entry, and
//                    the clear text of what the entry commits to, where it is kept
//   path             one proof for all of them (ledger/joint_proof.h)
//   objects          permit, policy, domain, inputs, …: what the entries name by digest
// Nothing in it is a hint: each byte is bound to the head by the tree, by its digest in an entry,
// or by a salted digest there; the one exception are signature lines of the head by keys that the
// reader does not know. It names no key as trusted: whoever reads it brings the keys.
//
//   ProofBundle bundle = TRY(decode_proof(file));
//
// Hostile: the file. It says nothing until it was checked (proof/checklist.h). Decoding is strict:
// one encoding for each bundle; entries ascend by index, objects by digest, each stands once.
// Sizes: see below. Memory: about twice the file.
// Thread safety: values and pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "ledger/tree.h"

namespace writ::proof {

inline constexpr std::size_t kMaxProofFile = 256 * 1024 * 1024;
inline constexpr std::size_t kMaxProofEntries = 1024 * 1024;
inline constexpr std::size_t kMaxProofObjects = 64 * 1024;

struct ProofEntry {
  LeafIndex index;
  ByteVec entry;                // 1 - 65,535 bytes
  std::optional<ByteVec> side;  // an encoded ledger::Side, 1 byte - 4 MiB
  friend bool operator==(const ProofEntry&, const ProofEntry&) = default;
};

struct ProofBundle {
  RunId run;
  std::string head;  // a signed note, at most 1,000,000 bytes
  std::vector<ProofEntry> entries;
  ledger::Proof path;
  std::vector<ByteVec> objects;
  friend bool operator==(const ProofBundle&, const ProofBundle&) = default;
};

// encode_proof writes the file. InvalidArgument for what decode_proof would not read; Exhausted,
// saying the size and the limit, for a bundle that is too large.
Result<ByteVec> encode_proof(const ProofBundle& bundle);
// decode_proof reads exactly what encode_proof writes: Malformed otherwise, Unsupported for another
// version, Exhausted over a limit.
Result<ProofBundle> decode_proof(Bytes file);

}  // namespace writ::proof
