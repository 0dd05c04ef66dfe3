// The identifiers that cross module borders, each its own type.
//
// Digests are SHA-256, 32 bytes. A RunId is 128 bits, shown as 26 characters of Crockford base32
// (time-ordered like a ULID: 48 bits of milliseconds, then randomness given by the caller).
// Thread safety: values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/strong.h"

namespace writ {

using Array32 = std::array<std::byte, 32>;

using Digest32 = Strong<struct Digest32Tag, Array32>;          // SHA-256 of some bytes
using PermitId = Strong<struct PermitIdTag, Array32>;          // SHA-256 of a Sig_structure
using BundleDigest = Strong<struct BundleDigestTag, Array32>;  // of a policy bundle
using LedgerId = Strong<struct LedgerIdTag, Array32>;          // SHA-256 of the genesis entry
using KeyId = Strong<struct KeyIdTag, Array32>;                // RFC 9679 thumbprint
using LeafHash = Strong<struct LeafHashTag, Array32>;          // H(00 ‖ entry)
using NodeHash = Strong<struct NodeHashTag, Array32>;          // H(01 ‖ left ‖ right)
using LeafIndex = Strong<struct LeafIndexTag, std::uint64_t>;
using TreeSize = Strong<struct TreeSizeTag, std::uint64_t>;
using Seq = Strong<struct SeqTag, std::uint64_t>;  // sequence number in a run
using UnixSeconds = Strong<struct UnixSecondsTag, std::int64_t>;
using UnixMillis = Strong<struct UnixMillisTag, std::int64_t>;
using RunId = Strong<struct RunIdTag, std::array<std::byte, 16>>;

template <typename Tag>
Bytes as_bytes(const Strong<Tag, Array32>& id) {
  return id.get();
}
inline Bytes as_bytes(const RunId& id) {
  return id.get();
}

// to_hex of a 32-byte id: 64 digits. short_hex: the first 8, for people.
template <typename Tag>
std::string to_hex(const Strong<Tag, Array32>& id) {
  return to_hex(as_bytes(id));
}
template <typename Tag>
std::string short_hex(const Strong<Tag, Array32>& id) {
  return to_hex(as_bytes(id)).substr(0, 8);
}

// id_from_bytes makes a 32-byte id; Malformed unless exactly 32 bytes.
template <typename Id>
Result<Id> id_from_bytes(Bytes bytes) {
  typename Id::rep rep{};
  if (bytes.size() != rep.size()) {
    return Error(Code::Malformed, "expected " + std::to_string(rep.size()) + " bytes, got " +
                                      std::to_string(bytes.size()));
  }
  for (std::size_t i = 0; i < rep.size(); ++i) rep[i] = bytes[i];
  return Id(rep);
}

// id_from_hex reads 64 lower-case hex digits.
template <typename Id>
Result<Id> id_from_hex(std::string_view text) {
  return id_from_bytes<Id>(TRY(from_hex(text)));
}

// make_run_id packs the time and 10 random bytes.
RunId make_run_id(UnixMillis now, std::array<std::byte, 10> random);
// to_string is the 26-character form; parse_run_id reads exactly that form, upper case.
std::string to_string(const RunId& id);
Result<RunId> parse_run_id(std::string_view text);

// A process that cannot be confused with a later one of the same number.
struct Pid {
  std::int32_t number = 0;
  std::uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat
  friend std::strong_ordering operator<=>(const Pid&, const Pid&) = default;
};

}  // namespace writ
