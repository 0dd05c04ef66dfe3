#include "ledger/rotation.h"

namespace writ::ledger {
namespace {

std::string statement(const LedgerId& ledger, const VerifierKey& from, const VerifierKey& to) {
  return "writ rotate 0\n" + to_hex(ledger) + "\n" + to_string(from) + "\n" + to_string(to) + "\n";
}

}  // namespace

Result<Rotate> make_rotation(const LedgerId& ledger, std::string_view origin,
                             const crypto::PrivateKey& old_key, const crypto::PrivateKey& new_key) {
  const VerifierKey from = TRY(make_vkey(origin, old_key.public_key()));
  const VerifierKey to = TRY(make_vkey(origin, new_key.public_key()));
  if (from == to) return Error(Code::InvalidArgument, "the new log key is the old one");
  const std::string text = statement(ledger, from, to);
  Rotate rotate;
  rotate.vkey = to_string(to);
  const crypto::Signature by_old = TRY(crypto::sign(old_key, as_bytes(text)));
  const crypto::Signature by_new = TRY(crypto::sign(new_key, as_bytes(text)));
  append(rotate.proof, by_old);
  append(rotate.proof, by_new);
  return rotate;
}

Result<VerifierKey> check_rotation(const LedgerId& ledger, const VerifierKey& current,
                                   const Rotate& rotate) {
  const VerifierKey next = TRY(parse_vkey(rotate.vkey));
  const std::string text = statement(ledger, current, next);
  const Bytes proof(rotate.proof);
  if (next.name != current.name || proof.size() != 2 * crypto::kSignatureSize ||
      !crypto::check_signature(current.key, as_bytes(text), proof.first(crypto::kSignatureSize))) {
    return Error(Code::Denied, "the key in force did not hand over to this one");
  }
  if (!crypto::check_signature(next.key, as_bytes(text), proof.subspan(crypto::kSignatureSize))) {
    return Error(Code::Denied, "the new key did not take over");
  }
  return next;
}

}  // namespace writ::ledger
