// The parts of signed notes and verifier keys that every kind of signature shares.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace writ::ledger {

// Signature types (C2SP signed-note): the first byte of a verifier key's key.
inline constexpr std::byte kEd25519Note{0x01};
inline constexpr std::byte kEd25519Cosignature{0x04};

// key_hash is the id of a key: the first 4 bytes of SHA-256(name ‖ 0A ‖ type ‖ key).
std::uint32_t key_hash(std::string_view name, Bytes typed_key);

// signature_line is `— name base64(id ‖ signature)` and a line feed.
std::string signature_line(std::string_view name, std::uint32_t id, Bytes signature);

// A verifier key taken apart; its hash was checked, its type not yet.
struct VkeyParts {
  std::string name;
  std::uint32_t id = 0;
  ByteVec typed_key;  // never empty
};
Result<VkeyParts> split_vkey(std::string_view text);
std::string join_vkey(std::string_view name, std::uint32_t id, Bytes typed_key);

// take_text_line cuts the next line off `rest`; nothing when there is no line feed.
std::optional<std::string_view> take_text_line(std::string_view& rest);
// parse_plain_number reads a decimal number without leading zeros.
std::optional<std::uint64_t> parse_plain_number(std::string_view digits);

}  // namespace writ::ledger
