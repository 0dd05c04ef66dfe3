// The three keys of an installation: authority, runner, log (DESIGN §4).
//
// keys/NAME.pem holds the private key, open or sealed with a passphrase; trust/you.pub the
// authority's public half. A key file that others can read, or that belongs to somebody else, is
// not used. Errors: NotFound (no such file), Denied (rights, passphrase), Malformed; on the way to
// an admission all of them are `key_unavailable`.
//
// Not promised: protection from other processes of the same account (docs/security-model.md).
// Thread safety: functions may be called from any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/keys.h"
#include "governor/home.h"

namespace writ::governor {

inline constexpr std::string_view kAuthorityKey = "authority";
inline constexpr std::string_view kRunnerKey = "runner";
inline constexpr std::string_view kLogKey = "log";

// Asked for the passphrase of a sealed key, by its name.
using AskPassphrase = std::function<Result<SecretBytes>(std::string_view key)>;

// load_key reads a private key; `ask` is called only for a sealed one and may be empty (Denied).
Result<crypto::PrivateKey> load_key(const Home& home, std::string_view name,
                                    const AskPassphrase& ask = {});
// key_is_sealed looks at the file's first line.
Result<bool> key_is_sealed(const Home& home, std::string_view name);
// load_public_key reads a PEM public key.
Result<crypto::PublicKey> load_public_key(const std::string& path);

}  // namespace writ::governor
