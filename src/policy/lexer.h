// Tokens of policy and schema text, and errors that point into it.
//
// The lexer reads one token at a time from text that a stranger may have written; it allocates
// nothing. White space is Unicode's, identifiers are ASCII, comments are `//` to the line's end.
//
// Thread safety: distinct objects may be used from distinct threads.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "policy/expr.h"

namespace writ::policy {

enum class Token {
  End,
  Invalid,
  Identifier,
  Number,
  String,  // text() holds what stands between the quotes, escapes and all
  Slot,    // ?principal, ?resource, ?anything
  At,
  OpenParen,
  CloseParen,
  OpenBrace,
  CloseBrace,
  OpenBracket,
  CloseBracket,
  Comma,
  Semicolon,
  Colon,
  ColonColon,
  Dot,
  Question,
  Assign,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  And,
  Or,
  Not,
  Plus,
  Minus,
  Star,
  Slash,
  Percent,
};

class Lexer {
 public:
  // The text must outlive the lexer.
  explicit Lexer(std::string_view text) : source_(text) { advance(); }

  Token token() const { return token_; }
  std::string_view text() const { return text_; }
  Position position() const;
  // raw is the token as it stands in the text, a string with its quotes.
  std::string_view raw() const { return source_.substr(begin_, end_ - begin_); }
  // offset is where the token begins, in bytes.
  std::size_t offset() const { return begin_; }
  // advance moves to the next token. After End and Invalid it stays.
  void advance();
  // peek looks one token further, without moving.
  Token peek() const;

  // shown is the token for messages: "`foo`", "the end of the text".
  std::string shown() const;
  // error points at the present token: line, column, what is wrong, the line, a caret.
  Error error(const std::string& message) const;
  // error_at points at a byte of the text.
  Error error_at(std::size_t offset, const std::string& message) const;

 private:
  std::string_view source_;
  std::string_view text_;
  Token token_ = Token::End;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t line_ = 1;
  std::size_t column_ = 1;  // of begin_, in characters
};

// error_in is an error that points into a text: line, column, what is wrong, the line, a caret.
Error error_in(std::string_view text, Position at, const std::string& message);

// unescape turns the inside of a string token into text. Malformed for an unknown escape.
Result<std::string> unescape(std::string_view raw);
// unescape_pattern does the same for the right side of `like`: `*` is a wildcard (also one that
// was written as an escape of its code), `\*` the character.
Result<Pattern> unescape_pattern(std::string_view raw);

// What every reader of Cedar's text forms does with its tokens; readers derive from it.
class TokenReader {
 protected:
  explicit TokenReader(std::string_view text) : in_(text) {}

  // at and at_word look; take moves on if the token is there; need is take or an error.
  bool at(Token token) const { return in_.token() == token; }
  bool at_word(std::string_view word) const {
    return in_.token() == Token::Identifier && in_.text() == word;
  }
  bool take(Token token) {
    if (!at(token)) return false;
    in_.advance();
    return true;
  }
  Error expected(const std::string& what) const {
    return in_.error("expected " + what + ", found " + in_.shown());
  }
  Result<void> need(Token token, const char* what) {
    if (!take(token)) return expected(what);
    return {};
  }

  Lexer in_;
};

}  // namespace writ::policy
