#include "ledger/checkpoint.h"

#include "ledger/note_internal.h"
#include "ledger/tree.h"

namespace writ::ledger {
namespace {

Error malformed(const char* what) {
  return Error(Code::Malformed, std::string("not a checkpoint: ") + what);
}

}  // namespace

std::string encode_checkpoint(const Checkpoint& checkpoint) {
  return checkpoint.origin + "\n" + std::to_string(checkpoint.size.get()) + "\n" +
         to_base64(as_bytes(checkpoint.root)) + "\n";
}

Result<Checkpoint> parse_claimed_checkpoint(std::string_view text) {
  const auto origin = take_text_line(text);
  if (!origin || origin->empty()) return malformed("no origin");
  const auto size_text = take_text_line(text);
  if (!size_text) return malformed("no size");
  const std::optional<std::uint64_t> size = parse_plain_number(*size_text);
  if (!size || *size > kMaxTreeSize) {
    return malformed("the size is not a plain decimal number");
  }
  const auto root_text = take_text_line(text);
  if (!root_text) return malformed("no root hash");
  const Result<ByteVec> root = from_base64(*root_text);
  if (!root || root->size() != 32) return malformed("the root is not 32 bytes in base64");
  while (!text.empty()) {
    const auto extension = take_text_line(text);
    if (!extension || extension->empty()) return malformed("an empty or unended extension line");
  }
  Checkpoint checkpoint;
  checkpoint.origin = std::string(*origin);
  checkpoint.size = TreeSize(*size);
  checkpoint.root = TRY(id_from_bytes<NodeHash>(*root));
  return checkpoint;
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  Checkpoint checkpoint = TRY(parse_claimed_checkpoint(text));
  if (checkpoint.size.get() == 0 && checkpoint.root != empty_root()) {
    return malformed("the root of the empty tree is another");
  }
  return checkpoint;
}

Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const crypto::PrivateKey& key) {
  return sign_note(encode_checkpoint(checkpoint), checkpoint.origin, key);
}

Result<Checkpoint> verify_checkpoint(Bytes note, const VerifierKey& log_key) {
  const VerifiedNote verified = TRY(verify_note(note, {&log_key, 1}));
  Checkpoint checkpoint = TRY(parse_checkpoint(verified.text));
  if (checkpoint.origin != log_key.name) {
    return Error(Code::Denied, "the checkpoint is of `" + printable(checkpoint.origin) +
                                   "`, the key is that of `" + printable(log_key.name) + "`");
  }
  return checkpoint;
}

}  // namespace writ::ledger
