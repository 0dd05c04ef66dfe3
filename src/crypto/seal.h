// A private key sealed with a passphrase: encrypted PKCS#8 PEM (RFC 5958 §3, PBES2 of RFC 8018)
// that `openssl pkey` opens and writes.
//
// seal uses scrypt (RFC 7914) with N = 16384, r = 8, p = 5 (16 MiB, the largest N whose memory
// the openssl tool allows itself, repeated to cost what N = 131072, p = 1 costs) and AES-256-CBC.
// open_sealed also opens what `openssl pkcs8 -topk8` and `openssl genpkey -aes256` write
// (PBKDF2 with HMAC-SHA-256/384/512; AES-128/192/256-CBC).
//
//   std::string text = TRY(seal(key, passphrase, random));
//   PrivateKey key = TRY(open_sealed(text, passphrase));
//
// The file may be a stranger's: work and memory are bounded before any is spent (scrypt at most
// 32 MiB and kMaxScryptWork, PBKDF2 at most kMaxPbkdf2Rounds). Not promised: the format has no
// MAC, so who can write the file can replace the key inside by changing bytes blindly; compare
// the public key with what was expected. A weak passphrase is guessed, whatever the cost.
//
// Thread safety: pure functions, apart from `random`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/keys.h"
#include "crypto/pem.h"

namespace writ::crypto {

inline constexpr std::uint64_t kMaxScryptMemory = 32 * 1024 * 1024;  // 128·N·r bytes
inline constexpr std::uint64_t kMaxScryptWork = 2 * 1024 * 1024;     // N·r·p, three of ours
inline constexpr std::uint64_t kMaxPbkdf2Rounds = 2'000'000;
inline constexpr std::size_t kMaxPassphrase = 1024;  // bytes

// seal writes the sealed key; salt and IV come from `random`. InvalidArgument for an empty
// passphrase or one over kMaxPassphrase.
Result<std::string> seal(const PrivateKey& key, const SecretBytes& passphrase, Random& random);

// open_sealed reads it back. Denied when the passphrase does not open it (a damaged file looks
// the same), Malformed when it is no such file, Unsupported for another cipher or key kind,
// Exhausted when it asks for more work than the bounds above.
Result<PrivateKey> open_sealed(std::string_view text, const SecretBytes& passphrase);

}  // namespace writ::crypto
