#include "ledger/add_checkpoint.h"

#include "ledger/note_internal.h"

namespace writ::ledger {
namespace {

constexpr std::string_view kOld = "old ";
constexpr std::size_t kMaxPath = 63;

}  // namespace

std::string encode_add_checkpoint(const AddCheckpoint& request) {
  std::string text = std::string(kOld) + std::to_string(request.old.get()) + "\n";
  for (const NodeHash& hash : request.path) text += to_base64(as_bytes(hash)) + "\n";
  return text + "\n" + request.note;
}

Result<AddCheckpoint> parse_add_checkpoint(Bytes bytes) {
  const Error wrong(Code::Malformed, "not a head with its proof (old SIZE, hashes, checkpoint)");
  if (bytes.size() > kMaxAddCheckpoint) return Error(Code::Exhausted, "the request is too large");
  std::string_view text = as_text(bytes);
  AddCheckpoint request;
  auto line = take_text_line(text);
  if (!line || !line->starts_with(kOld)) return wrong;
  const auto old = parse_plain_number(line->substr(kOld.size()));
  if (!old || *old > kMaxTreeSize) return wrong;
  request.old = TreeSize(*old);
  for (line = take_text_line(text); line && !line->empty(); line = take_text_line(text)) {
    const Result<ByteVec> hash = from_base64(*line);
    if (!hash || hash->size() != 32 || request.path.size() == kMaxPath) return wrong;
    request.path.push_back(TRY(id_from_bytes<NodeHash>(*hash)));
  }
  if (!line) return wrong;
  request.note = std::string(text);
  return request;
}

}  // namespace writ::ledger
