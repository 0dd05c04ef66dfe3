// Byte views, owned bytes and their text forms.
//
// `Bytes` is a borrowed, read-only view; whoever takes one never keeps it past the call unless
// its header says so. `ByteVec` owns. Text forms (hex, base64, base64url) are lower case and
// padded as their RFC says (RFC 4648); their readers are strict: one accepted form per value.
//
// Thread safety: values and pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ {

using Bytes = std::span<const std::byte>;
using ByteVec = std::vector<std::byte>;

// as_bytes views the characters of `text`; the view lives as long as the characters.
inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// as_text views `bytes` as characters, whatever they are (not checked to be UTF-8).
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// to_vec copies.
inline ByteVec to_vec(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}
inline ByteVec to_vec(std::string_view text) {
  return to_vec(as_bytes(text));
}

// append copies `more` to the end of `out`.
inline void append(ByteVec& out, Bytes more) {
  out.insert(out.end(), more.begin(), more.end());
}

// equal compares contents (not in constant time: for secrets see base/secret.h).
bool equal(Bytes a, Bytes b);

// to_hex writes two lower-case digits a byte.
std::string to_hex(Bytes bytes);

// from_hex reads lower-case hex; Malformed on odd length or any other character.
Result<ByteVec> from_hex(std::string_view text);

// to_base64 writes the standard alphabet with padding (RFC 4648 §4).
std::string to_base64(Bytes bytes);

// from_base64 reads exactly what to_base64 writes: padded, no white space, zero trailing bits.
// Malformed otherwise.
Result<ByteVec> from_base64(std::string_view text);

// is_utf8 says whether `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

// printable returns `text` with control bytes and invalid UTF-8 written as \xHH, cut to at most
// `limit` bytes with a closing "…": what error messages and terminals show of a stranger's text.
std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace writ
