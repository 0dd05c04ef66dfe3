// SHA-2: digests of bytes at hand, and of a stream in pieces (FIPS 180-4).
//
// The bytes may be a stranger's and of any length. Nothing fails; running out of memory ends the
// process. Not for passwords (crypto/seal.h) and not a MAC.
//
//   Digest32 id = sha256(bytes);
//   Sha256 hash;
//   while (read_some(chunk)) hash.update(chunk);
//   Digest32 of_file = hash.finish();
//
// Thread safety: functions may be called from any thread, a Sha256 from one at a time.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>

#include "base/bytes.h"
#include "base/ids.h"

struct SHA256state_st;

namespace writ::crypto {

// sha256 hashes `bytes`; with several parts, their concatenation (no separators).
Digest32 sha256(Bytes bytes);
Digest32 sha256(std::initializer_list<Bytes> parts);
// sha384 and sha512 the same, 48 and 64 bytes.
std::array<std::byte, 48> sha384(Bytes bytes);
std::array<std::byte, 64> sha512(Bytes bytes);

// Sha256 hashes a stream: any number of update, then one finish.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept = default;
  Sha256& operator=(Sha256&&) noexcept = default;
  void update(Bytes bytes);
  // finish returns the digest of everything since construction or the last finish, and starts
  // over.
  Digest32 finish();

 private:
  struct FreeContext {
    void operator()(SHA256state_st* context) const;
  };
  std::unique_ptr<SHA256state_st, FreeContext> context_;
};

}  // namespace writ::crypto
