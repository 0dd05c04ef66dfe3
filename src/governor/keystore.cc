#include "governor/keystore.h"

#include "crypto/pem.h"
#include "crypto/seal.h"

namespace writ::governor {
namespace {

std::string_view text_of(const SecretBytes& secret) {
  return as_text(secret.reveal(SecretAccess::for_reason("a key file's text goes to its parser")));
}

}  // namespace

Result<crypto::PrivateKey> load_key(const Home& home, std::string_view name,
                                    const AskPassphrase& ask) {
  const std::string path = home.key_file(name);
  TRY(check_private(path, true));
  const SecretBytes text = TRY(read_secret_file(path, crypto::kMaxKeyFile));
  Result<crypto::PemKind> kind = crypto::pem_kind(text_of(text));
  if (!kind) return Error(std::move(kind).error()).context(path);
  switch (*kind) {
    case crypto::PemKind::Public:
      return Error(Code::Malformed, path + ": a public key where the private one is expected");
    case crypto::PemKind::Private: {
      Result<crypto::PrivateKey> key = crypto::private_key_from_pem(text);
      if (!key) return Error(std::move(key).error()).context(path);
      return key;
    }
    case crypto::PemKind::Sealed: {
      if (!ask) return Error(Code::Denied, path + " is sealed, and nobody can be asked to open it");
      const SecretBytes passphrase = TRY(ask(name));
      Result<crypto::PrivateKey> key = crypto::open_sealed(text_of(text), passphrase);
      if (!key) return Error(std::move(key).error()).context(path);
      return key;
    }
  }
  WRIT_ASSERT(false);
}

Result<bool> key_is_sealed(const Home& home, std::string_view name) {
  const std::string path = home.key_file(name);
  const SecretBytes text = TRY(read_secret_file(path, crypto::kMaxKeyFile));
  return TRY(crypto::pem_kind(text_of(text))) == crypto::PemKind::Sealed;
}

Result<crypto::PublicKey> load_public_key(const std::string& path) {
  const ByteVec text = TRY(read_file(path, crypto::kMaxKeyFile));
  Result<crypto::PublicKey> key = crypto::public_key_from_pem(as_text(text));
  if (!key) return Error(std::move(key).error()).context(path);
  return key;
}

}  // namespace writ::governor
