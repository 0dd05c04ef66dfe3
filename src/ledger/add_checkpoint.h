// A head with the proof that it continues an older one: what a witness is asked (C2SP tlog-witness,
// add-checkpoint) and what `writ ledger prove --head` writes.
//
//   old <size> LF, at most 63 base64 hashes one a line, an empty line, the checkpoint
//
// From a stranger: reading is strict and bounded; nothing is verified. Thread safety: values.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "ledger/note.h"
#include "ledger/tree.h"

namespace writ::ledger {

inline constexpr std::size_t kMaxAddCheckpoint = kMaxNote + 8192;

struct AddCheckpoint {
  TreeSize old;
  Proof path;        // consistency, RFC 6962 §2.1.2
  std::string note;  // the newer head, as signed
  friend bool operator==(const AddCheckpoint&, const AddCheckpoint&) = default;
};
std::string encode_add_checkpoint(const AddCheckpoint& request);
// parse_add_checkpoint reads exactly what encode_add_checkpoint writes; Malformed otherwise,
// Exhausted over kMaxAddCheckpoint.
Result<AddCheckpoint> parse_add_checkpoint(Bytes bytes);

}  // namespace writ::ledger
