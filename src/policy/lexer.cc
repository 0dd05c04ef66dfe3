#include "policy/lexer.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace writ::policy {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// The length of the white space character that `text` begins with, or 0 (Unicode White_Space).
std::size_t white_space(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  if (byte(0) == ' ' || (byte(0) >= 0x09 && byte(0) <= 0x0d)) return 1;
  if (byte(0) == 0xc2) return byte(1) == 0x85 || byte(1) == 0xa0 ? 2 : 0;
  if (byte(0) == 0xe1) return byte(1) == 0x9a && byte(2) == 0x80 ? 3 : 0;
  if (byte(0) == 0xe2 && byte(1) == 0x80) {
    const unsigned last = byte(2);
    return (last >= 0x80 && last <= 0x8a) || last == 0xa8 || last == 0xa9 || last == 0xaf ? 3 : 0;
  }
  if (byte(0) == 0xe2) return byte(1) == 0x81 && byte(2) == 0x9f ? 3 : 0;
  if (byte(0) == 0xe3) return byte(1) == 0x80 && byte(2) == 0x80 ? 3 : 0;
  return 0;
}

constexpr std::array<std::string_view, 9> kReserved = {"true", "false", "if",   "then", "else",
                                                       "in",   "is",    "like", "has"};

std::size_t identifier_length(std::string_view text) {
  if (text.empty() || !starts_identifier(text[0])) return 0;
  std::size_t n = 1;
  while (n < text.size() && (starts_identifier(text[n]) || is_digit(text[n]))) ++n;
  return n;
}

}  // namespace

bool is_identifier(std::string_view text) {
  return !text.empty() && identifier_length(text) == text.size();
}

bool is_reserved(std::string_view identifier) {
  return identifier == "__cedar" ||
         std::find(kReserved.begin(), kReserved.end(), identifier) != kReserved.end();
}

bool is_name(std::string_view text) {
  while (true) {
    const std::size_t n = identifier_length(text);
    if (n == 0 || is_reserved(text.substr(0, n))) return false;
    text.remove_prefix(n);
    if (text.empty()) return true;
    if (!text.starts_with("::")) return false;
    text.remove_prefix(2);
  }
}

Position Lexer::position() const {
  Position out;
  out.line = static_cast<std::uint32_t>(std::min<std::size_t>(line_, (1U << 22U) - 1)) & 0x3fffffU;
  out.column = static_cast<std::uint32_t>(std::min<std::size_t>(column_, 1023)) & 0x3ffU;
  return out;
}

Token Lexer::peek() const {
  Lexer ahead = *this;
  ahead.advance();
  return ahead.token();
}

void Lexer::advance() {
  if (token_ == Token::Invalid) return;
  // From the end of the last token to the beginning of the next, counting lines and characters.
  const auto count = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if (source_[i] == '\n') {
        ++line_;
        column_ = 1;
      } else if ((static_cast<unsigned char>(source_[i]) & 0xc0U) != 0x80U) {
        ++column_;
      }
    }
  };
  std::size_t at = end_;
  while (true) {
    if (const std::size_t n = white_space(source_.substr(at)); n > 0) {
      at += n;
    } else if (source_.substr(at).starts_with("//")) {
      while (at < source_.size() && source_[at] != '\n' && source_[at] != '\r') ++at;
    } else {
      break;
    }
  }
  count(begin_, at);
  begin_ = at;
  const std::string_view rest = source_.substr(at);
  const auto is = [&](Token token, std::size_t length) {
    token_ = token;
    text_ = rest.substr(0, length);
    end_ = begin_ + length;
  };
  if (rest.empty()) return is(Token::End, 0);
  const char c = rest[0];
  const char next = rest.size() > 1 ? rest[1] : '\0';
  if (const std::size_t n = identifier_length(rest); n > 0) return is(Token::Identifier, n);
  if (is_digit(c)) {
    std::size_t n = 1;
    while (n < rest.size() && is_digit(rest[n])) ++n;
    return is(Token::Number, n);
  }
  switch (c) {
    case '"': {
      std::size_t n = 1;
      while (n < rest.size() && rest[n] != '"') {
        // A backslash takes one more character with it, except a line's end.
        if (rest[n] == '\\' && n + 1 < rest.size() && rest[n + 1] != '\n')
          ++n;
        else if (rest[n] == '\\')
          return is(Token::Invalid, n + 1);
        ++n;
      }
      if (n >= rest.size()) return is(Token::Invalid, 1);
      is(Token::String, n + 1);
      text_ = rest.substr(1, n - 1);
      return;
    }
    case '?': {
      const std::size_t n = identifier_length(rest.substr(1));
      return n > 0 ? is(Token::Slot, n + 1) : is(Token::Question, 1);
    }
    case '@': return is(Token::At, 1);
    case '(': return is(Token::OpenParen, 1);
    case ')': return is(Token::CloseParen, 1);
    case '{': return is(Token::OpenBrace, 1);
    case '}': return is(Token::CloseBrace, 1);
    case '[': return is(Token::OpenBracket, 1);
    case ']': return is(Token::CloseBracket, 1);
    case ',': return is(Token::Comma, 1);
    case ';': return is(Token::Semicolon, 1);
    case ':': return next == ':' ? is(Token::ColonColon, 2) : is(Token::Colon, 1);
    case '.': return is(Token::Dot, 1);
    case '=': return next == '=' ? is(Token::Equal, 2) : is(Token::Assign, 1);
    case '!': return next == '=' ? is(Token::NotEqual, 2) : is(Token::Not, 1);
    case '<': return next == '=' ? is(Token::LessEqual, 2) : is(Token::Less, 1);
    case '>': return next == '=' ? is(Token::GreaterEqual, 2) : is(Token::Greater, 1);
    case '&':
      if (next == '&') return is(Token::And, 2);
      return is(Token::Invalid, 1);
    case '|':
      if (next == '|') return is(Token::Or, 2);
      return is(Token::Invalid, 1);
    case '+': return is(Token::Plus, 1);
    case '-': return is(Token::Minus, 1);
    case '*': return is(Token::Star, 1);
    case '/': return is(Token::Slash, 1);
    case '%': return is(Token::Percent, 1);
    default: return is(Token::Invalid, 1);
  }
}

std::string Lexer::shown() const {
  switch (token_) {
    case Token::End: return "the end of the text";
    case Token::String: return "the string \"" + printable(text_, 40) + "\"";
    case Token::Invalid:
      return source_.substr(begin_).starts_with('"') ? "a string that does not end properly"
                                                     : "a character that has no meaning here";
    default: return "`" + printable(text_, 60) + "`";
  }
}

Error Lexer::error(const std::string& message) const {
  return error_at(begin_, message);
}

Error Lexer::error_at(std::size_t offset, const std::string& message) const {
  offset = std::min(offset, source_.size());
  const std::string_view before = source_.substr(0, offset);
  const std::size_t line =
      1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  std::size_t first = before.rfind('\n');
  first = first == std::string_view::npos ? 0 : first + 1;
  std::size_t last = std::min(source_.find('\n', first), source_.size());
  const auto is_first_byte = [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  };
  const auto characters = [&](std::size_t from, std::size_t to) {
    return static_cast<std::size_t>(
        std::count_if(source_.begin() + static_cast<std::ptrdiff_t>(from),
                      source_.begin() + static_cast<std::ptrdiff_t>(to), is_first_byte));
  };
  const std::size_t column = 1 + characters(first, offset);
  // A long line is cut around the place.
  constexpr std::size_t kAround = 60;
  std::string lead;
  if (offset - first > kAround) {
    first = offset - kAround;
    while (first < offset && !is_first_byte(source_[first])) ++first;
    lead = "…";
  }
  last = std::min(last, offset + kAround);
  while (last < source_.size() && last > offset && !is_first_byte(source_[last])) --last;
  std::string shown_line;
  for (std::size_t i = first; i < last; ++i) shown_line += source_[i] == '\t' ? ' ' : source_[i];
  while (!shown_line.empty() && shown_line.back() == '\r') shown_line.pop_back();
  const std::size_t indent = characters(first, offset) + (lead.empty() ? 0 : 1);
  return Error(Code::Malformed, "line " + std::to_string(line) + ", column " +
                                    std::to_string(column) + ": " + message + "\n  | " + lead +
                                    printable(shown_line, 400) + "\n  | " +
                                    std::string(indent, ' ') + "^");
}

Error error_in(std::string_view text, Position at, const std::string& message) {
  std::size_t offset = 0;
  for (std::uint32_t line = 1; line < at.line; ++line) {
    const std::size_t end = text.find('\n', offset);
    if (end == std::string_view::npos) break;
    offset = end + 1;
  }
  for (std::uint32_t column = 1; column < at.column && offset < text.size(); ++column) {
    ++offset;
    while (offset < text.size() && (static_cast<unsigned char>(text[offset]) & 0xc0U) == 0x80U) {
      ++offset;
    }
  }
  return Lexer(text).error_at(offset, message);
}

// --- escapes ---

namespace {

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0U | c >> 6U);
    put(0x80U | (c & 0x3fU));
  } else if (c < 0x10000) {
    put(0xe0U | c >> 12U);
    put(0x80U | (c >> 6U & 0x3fU));
    put(0x80U | (c & 0x3fU));
  } else {
    put(0xf0U | c >> 18U);
    put(0x80U | (c >> 12U & 0x3fU));
    put(0x80U | (c >> 6U & 0x3fU));
    put(0x80U | (c & 0x3fU));
  }
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error bad_escape(std::string_view raw, std::size_t at) {
  return Error(Code::Malformed,
               "`" + printable(raw.substr(at, 12)) +
                   "` is not a valid escape (there are \\n \\r \\t \\\\ \\0 \\' \\\" \\x41 "
                   "\\u{1F600}, and \\* in a pattern)");
}

// read_escape reads the escape whose backslash is at `at` and moves `at` behind it.
Result<std::uint32_t> read_escape(std::string_view raw, std::size_t& at) {
  const std::size_t begin = at;
  ++at;
  if (at >= raw.size()) return bad_escape(raw, begin);
  switch (raw[at++]) {
    case 'n': return std::uint32_t{'\n'};
    case 'r': return std::uint32_t{'\r'};
    case 't': return std::uint32_t{'\t'};
    case '\\': return std::uint32_t{'\\'};
    case '0': return std::uint32_t{0};
    case '\'': return std::uint32_t{'\''};
    case '"': return std::uint32_t{'"'};
    case 'x': {
      if (at + 2 > raw.size()) return bad_escape(raw, begin);
      const int high = hex_digit(raw[at]);
      const int low = hex_digit(raw[at + 1]);
      if (high < 0 || high > 7 || low < 0) return bad_escape(raw, begin);
      at += 2;
      return static_cast<std::uint32_t>(high * 16 + low);
    }
    case 'u': {
      if (at >= raw.size() || raw[at] != '{') return bad_escape(raw, begin);
      ++at;
      std::uint32_t code = 0;
      std::size_t digits = 0;
      for (; at < raw.size() && raw[at] != '}'; ++at) {
        if (raw[at] == '_' && digits > 0) continue;
        const int digit = hex_digit(raw[at]);
        if (digit < 0 || ++digits > 6) return bad_escape(raw, begin);
        code = code * 16 + static_cast<std::uint32_t>(digit);
      }
      if (at >= raw.size() || digits == 0) return bad_escape(raw, begin);
      ++at;
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return bad_escape(raw, begin);
      return code;
    }
    default: return bad_escape(raw, begin);
  }
}

}  // namespace

Result<std::string> unescape(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t at = 0; at < raw.size();) {
    if (raw[at] == '\r') {
      return Error(Code::Malformed, "a carriage return in a string must be written as \\r");
    }
    if (raw[at] != '\\') {
      out += raw[at++];
      continue;
    }
    append_utf8(out, TRY(read_escape(raw, at)));
  }
  return out;
}

Result<Pattern> unescape_pattern(std::string_view raw) {
  Pattern out;
  out.pieces.emplace_back();
  for (std::size_t at = 0; at < raw.size();) {
    if (raw[at] == '\r') {
      return Error(Code::Malformed, "a carriage return in a pattern must be written as \\r");
    }
    std::uint32_t code = 0;
    if (raw[at] != '\\') {
      if (raw[at] != '*') {
        out.pieces.back() += raw[at++];
        continue;
      }
      ++at;
      code = '*';
    } else if (at + 1 < raw.size() && raw[at + 1] == '*') {
      at += 2;
      out.pieces.back() += '*';
      continue;
    } else {
      code = TRY(read_escape(raw, at));
    }
    if (code == '*') {
      out.pieces.emplace_back();
    } else {
      append_utf8(out.pieces.back(), code);
    }
  }
  return out;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\0': out += "\\0"; break;
      default:
        if (byte < 0x20 || byte == 0x7f) {
          out += "\\u{";
          if (byte >= 0x10) out += kHex[byte >> 4U];
          out += kHex[byte & 0xfU];
          out += '}';
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

}  // namespace writ::policy
