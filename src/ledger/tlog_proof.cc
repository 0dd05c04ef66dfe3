#include "ledger/tlog_proof.h"

#include "ledger/note_internal.h"

namespace writ::ledger {
namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";
constexpr std::size_t kMaxPath = 63;

Error malformed(const char* what) {
  return Error(Code::Malformed, std::string("not a log proof: ") + what);
}

}  // namespace

std::string encode_tlog_proof(const TlogProof& proof) {
  std::string text = std::string(kFirstLine) + "\n";
  if (proof.extra) text += std::string(kExtra) + to_base64(*proof.extra) + "\n";
  text += std::string(kIndex) + std::to_string(proof.index.get()) + "\n";
  for (const NodeHash& hash : proof.path) text += to_base64(as_bytes(hash)) + "\n";
  return text + "\n" + proof.checkpoint;
}

Result<TlogProof> parse_tlog_proof(Bytes bytes) {
  if (bytes.size() > kMaxTlogProof) {
    return Error(Code::Exhausted, "a log proof of " + std::to_string(bytes.size()) +
                                      " bytes is over the limit of " +
                                      std::to_string(kMaxTlogProof));
  }
  std::string_view rest = as_text(bytes);
  TlogProof proof;
  if (take_text_line(rest) != kFirstLine) return malformed("another first line");
  auto line = take_text_line(rest);
  if (line && line->starts_with(kExtra)) {
    Result<ByteVec> extra = from_base64(line->substr(kExtra.size()));
    if (!extra) return malformed("the extra data is not base64");
    proof.extra = std::move(extra).value();
    line = take_text_line(rest);
  }
  if (!line || !line->starts_with(kIndex)) return malformed("no index");
  const auto index = parse_plain_number(line->substr(kIndex.size()));
  if (!index || *index >= kMaxTreeSize) return malformed("the index is no plain decimal number");
  proof.index = LeafIndex(*index);
  for (line = take_text_line(rest); line && !line->empty(); line = take_text_line(rest)) {
    const Result<ByteVec> hash = from_base64(*line);
    if (!hash || hash->size() != 32) return malformed("a hash is not 32 bytes in base64");
    if (proof.path.size() == kMaxPath) return malformed("the path is longer than any tree is high");
    proof.path.push_back(TRY(id_from_bytes<NodeHash>(*hash)));
  }
  if (!line) return malformed("no empty line");
  proof.checkpoint = std::string(rest);
  return proof;
}

Result<TrustedHead> verify_tlog_proof(const TlogProof& proof, Bytes entry,
                                      const TrustPolicy& policy) {
  Result<TrustedHead> head = verify_head(as_bytes(proof.checkpoint), policy);
  if (!head) return std::move(head).error().context("the proof's checkpoint");
  if (Result<void> in = check_inclusion(leaf_hash(entry), proof.index, head->checkpoint.size,
                                        proof.path, head->checkpoint.root);
      !in) {
    return std::move(in).error().context("the entry");
  }
  return head;
}

}  // namespace writ::ledger
