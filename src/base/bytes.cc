#include "base/bytes.h"

#include <algorithm>

namespace writ {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

unsigned to_unsigned(std::byte b) {
  return std::to_integer<unsigned>(b);
}

// The length of the well-formed UTF-8 sequence at the start of `text`, 0 when there is none
// (RFC 3629 §4).
std::size_t utf8_length(std::string_view text) {
  auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto tail = [&](std::size_t i) { return i < text.size() && (at(i) & 0xc0U) == 0x80U; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!tail(1) || !tail(2)) return 0;
    if (first == 0xe0 && at(1) < 0xa0) return 0;
    if (first == 0xed && at(1) > 0x9f) return 0;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (first == 0xf0 && at(1) < 0x90) return 0;
    if (first == 0xf4 && at(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

bool equal(Bytes a, Bytes b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::string to_hex(Bytes bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (std::byte b : bytes) {
    text += kHexDigits[to_unsigned(b) >> 4U];
    text += kHexDigits[to_unsigned(b) & 15U];
  }
  return text;
}

Result<ByteVec> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return Error(Code::Malformed, "hex of odd length");
  ByteVec bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::size_t high = kHexDigits.find(text[i]);
    const std::size_t low = kHexDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return Error(Code::Malformed, "not a lower-case hex digit at position " + std::to_string(i));
    }
    bytes.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return bytes;
}

std::string to_base64(Bytes bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = to_unsigned(bytes[i]) << 16U;
    if (left > 1) group |= to_unsigned(bytes[i + 1]) << 8U;
    if (left > 2) group |= to_unsigned(bytes[i + 2]);
    text += kBase64[group >> 18U];
    text += kBase64[(group >> 12U) & 63U];
    text += left > 1 ? kBase64[(group >> 6U) & 63U] : '=';
    text += left > 2 ? kBase64[group & 63U] : '=';
  }
  return text;
}

Result<ByteVec> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return Error(Code::Malformed, "base64 length is not a multiple of 4");
  ByteVec bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    std::size_t padding = 0;
    if (last && text[i + 3] == '=') padding = text[i + 2] == '=' ? 2 : 1;
    unsigned group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      std::size_t digit = 0;
      if (k < 4 - padding) digit = kBase64.find(text[i + k]);
      if (digit == std::string_view::npos) {
        return Error(Code::Malformed, "not a base64 digit at position " + std::to_string(i + k));
      }
      group = group << 6U | static_cast<unsigned>(digit);
    }
    if ((padding == 1 && (group & 0xffU) != 0) || (padding == 2 && (group & 0xffffU) != 0)) {
      return Error(Code::Malformed, "base64 with non-zero trailing bits");
    }
    bytes.push_back(static_cast<std::byte>(group >> 16U));
    if (padding < 2) bytes.push_back(static_cast<std::byte>(group >> 8U & 0xffU));
    if (padding < 1) bytes.push_back(static_cast<std::byte>(group & 0xffU));
  }
  return bytes;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text, std::size_t limit) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f;
  });
  if (plain && text.size() <= limit) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    // C1 controls (U+0080 to U+009F) steer terminals as C0 ones do.
    const bool c1 = length == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
    std::string piece;
    const std::size_t taken = length == 0 ? 1 : length;
    if (length == 0 || first < 0x20 || first == 0x7f || c1) {
      for (std::size_t i = 0; i < taken; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        piece += "\\x";
        piece += kHexDigits[byte >> 4U];
        piece += kHexDigits[byte & 15U];
      }
    } else {
      piece = text.substr(0, taken);
    }
    if (out.size() + piece.size() > limit) return out + "…";
    out += piece;
    text.remove_prefix(taken);
  }
  return out;
}

}  // namespace writ
