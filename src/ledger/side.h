// The clear text beside the log, and the salted digests of it that stand in the log.
//
// Each entry may have one Side: a salt and named byte strings. Its entry holds, for each name,
// SHA-256("writ side 0" ‖ 00 ‖ name ‖ 00 ‖ salt ‖ value). Without the salt a digest cannot be tried
// against guessed arguments, so erasing the Side erases the data. Lists (argv, env) are first
// joined by encode_list.
//
//   Side side(salt);
//   exec.argv = side.put("argv", encode_list(argv));
//   store.append({event, side.encode()});
//
// A Side read back may be a stranger's: decoding is strict, and `check` compares with the digest
// in the entry. Thread safety: values and pure functions.
#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace writ::ledger {

using Salt = std::array<std::byte, 16>;  // random, fresh for every entry
inline constexpr std::size_t kMaxSide = 4 * 1024 * 1024;

// salted_digest commits to `value` under `name`.
Digest32 salted_digest(const Salt& salt, std::string_view name, Bytes value);

// encode_list writes strings (of any bytes but NUL) each followed by NUL, as the kernel keeps
// argv and envp; decode_list reads it back, Malformed without the last NUL.
ByteVec encode_list(std::span<const std::string> items);
Result<std::vector<std::string>> decode_list(Bytes bytes);

class Side {
 public:
  explicit Side(const Salt& salt) : salt_(salt) {}
  // put keeps `value` and returns its salted digest for the entry.
  Digest32 put(std::string_view name, Bytes value);
  // get is the value, or nothing.
  const ByteVec* get(std::string_view name) const;
  const std::map<std::string, ByteVec, std::less<>>& values() const { return values_; }
  const Salt& salt() const { return salt_; }
  // check: Denied unless `digest` commits to what is kept under `name`; NotFound without it.
  Result<void> check(std::string_view name, const Digest32& digest) const;

  // encode is deterministic CBOR {0: salt, 1: {name: value}}. decode: Malformed, or Exhausted
  // over kMaxSide.
  ByteVec encode() const;
  static Result<Side> decode(Bytes bytes);

 private:
  Salt salt_;
  std::map<std::string, ByteVec, std::less<>> values_;
};

}  // namespace writ::ledger
