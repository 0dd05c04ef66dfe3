// The text is read twice: by its parser, which says whether it is good, and here as words with the
// comments between them. The words become a tree of lines, brackets, chains of `&&` and `||`, and
// `if`s; a part that fits in what is left of its line is written flat, another is broken where its
// kind says. A comment before a word stands on lines of its own; one behind a word ends the line,
// so no word is ever swallowed. At last the words and comments of the result are compared with
// those of the text.

#include "policy/format.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "policy/lexer.h"
#include "policy/parser.h"
#include "policy/schema.h"

namespace writ::policy {

namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kStep = 2;  // columns a level
// What may follow a flat part on its line: ` &&`, `,`, `;`, ` }`.
constexpr std::size_t kReserve = 3;

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

struct Comment {
  std::string_view text;
  bool blank_before = false;  // an empty line stood before it
};

struct Word {
  Token token = Token::End;
  std::string_view raw = {};
  std::vector<Comment> before = {};
  std::optional<std::string_view> behind = {};  // a comment on the same line
  bool blank_before = false;
};

// The white space and comments between two tokens.
void read_gap(std::string_view gap, Word* before, Word& after) {
  std::size_t lines = 0;
  for (std::size_t at = 0; at < gap.size();) {
    if (!gap.substr(at).starts_with("//")) {
      if (gap[at] == '\n') ++lines;
      ++at;
      continue;
    }
    std::string_view comment = gap.substr(at, gap.find_first_of("\r\n", at) - at);
    at += comment.size();
    while (comment.ends_with(' ') || comment.ends_with('\t')) comment.remove_suffix(1);
    if (before != nullptr && lines == 0 && after.before.empty() && !before->behind) {
      before->behind = comment;
    } else {
      after.before.push_back({comment, lines > 1});
    }
    lines = 0;
  }
  after.blank_before = lines > 1;
}

// All words; the last is the end of the text.
std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> out;
  std::size_t end = 0;
  for (Lexer in(text);; in.advance()) {
    Word word{in.token(), in.raw()};
    read_gap(text.substr(end, in.offset() - end), out.empty() ? nullptr : &out.back(), word);
    end = in.offset() + in.raw().size();
    out.push_back(std::move(word));
    if (in.token() == Token::End || in.token() == Token::Invalid) break;
  }
  // A comment between a part and its `,` or `;` stands better behind that.
  for (std::size_t i = 1; i < out.size(); ++i) {
    const bool mark = out[i].token == Token::Comma || out[i].token == Token::Semicolon;
    if (mark && !out[i].behind && out[i].before.empty())
      std::swap(out[i].behind, out[i - 1].behind);
  }
  return out;
}

// A part of the layout: words first to last.
struct Part {
  enum class Kind {
    Word,
    Line,   // parts in a row
    Group,  // bracket, items with their commas, bracket
    Chain,  // items that each but the last end in `&&` (or `||`)
    If,     // condition, then, else; each begins with its word
  };
  Kind kind = Kind::Word;
  std::size_t first = 0;
  std::size_t last = 0;
  std::size_t width = 0;  // when written flat
  std::vector<Part> parts = {};
};

class Layout {
 public:
  Layout(std::string_view text, bool schema) : words_(words_of(text)), schema_(schema) {
    // How many comments stand before, and behind, the words up to each.
    for (const Word& word : words_) {
      before_.push_back((before_.empty() ? 0 : before_.back()) + word.before.size());
      behind_.push_back((behind_.empty() ? 0 : behind_.back()) + (word.behind ? 1U : 0U));
    }
  }

  std::string write() {
    while (words_[at_].token != Token::End) {
      if (schema_) {
        declaration(0);
      } else {
        policy();
      }
      between();
    }
    comments(words_[at_], 0);
    return std::move(out_);
  }

 private:
  // --- the words, read as their grammar has them ---

  bool is(Token token) const { return words_[at_].token == token; }
  bool is_word(std::string_view word) const {
    return is(Token::Identifier) && words_[at_].raw == word;
  }

  Part word() {
    Part out{Part::Kind::Word, at_, at_, characters(words_[at_].raw)};
    ++at_;
    return out;
  }

  void append(Part& line, Part part) {
    if (line.parts.empty()) line.first = part.first;
    if (!line.parts.empty() && space_before(part.first)) ++line.width;
    line.width += part.width;
    line.last = part.last;
    line.parts.push_back(std::move(part));
  }

  bool at_end_of_operand() const {
    switch (words_[at_].token) {
      case Token::And:
      case Token::Or:
      case Token::Comma:
      case Token::Semicolon:
      case Token::CloseParen:
      case Token::CloseBrace:
      case Token::CloseBracket:
      case Token::End: return true;
      default: return is_word("then") || is_word("else");
    }
  }

  // Everything up to an operator of a chain, a comma or a closing bracket.
  Part line() {
    Part out{Part::Kind::Line, at_, at_};
    while (!at_end_of_operand()) {
      // What follows a colon is an expression: an attribute's value.
      const bool colon = !schema_ && at_ > 0 && words_[at_ - 1].token == Token::Colon;
      if (colon && !out.parts.empty()) {
        append(out, expression());
      } else if (is(Token::OpenParen) || is(Token::OpenBrace) || is(Token::OpenBracket)) {
        append(out, group());
      } else {
        append(out, word());
      }
    }
    return out;
  }

  Part chain(Token token) {
    const auto next = [&] { return token == Token::Or ? chain(Token::And) : line(); };
    Part only = next();
    if (!is(token)) return only;
    Part out{Part::Kind::Chain, only.first, only.last};
    while (true) {
      const bool more = is(token);
      Part item{Part::Kind::Line, only.first, only.last};
      append(item, std::move(only));
      if (more) append(item, word());
      append(out, std::move(item));
      if (!more) return out;
      only = next();
    }
  }

  Part expression() {
    if (schema_ || !is_word("if")) return chain(Token::Or);
    Part out{Part::Kind::If, at_, at_};
    for (int branch = 0; branch < 3; ++branch) {
      Part item{Part::Kind::Line, at_, at_};
      append(item, word());
      append(item, expression());
      append(out, std::move(item));
    }
    return out;
  }

  static Token closing(Token open) {
    return open == Token::OpenParen   ? Token::CloseParen
           : open == Token::OpenBrace ? Token::CloseBrace
                                      : Token::CloseBracket;
  }

  Part group() {
    const Token close = closing(words_[at_].token);
    Part out{Part::Kind::Group, at_, at_};
    out.parts.push_back(word());
    while (!is(close)) {
      Part item{Part::Kind::Line, at_, at_};
      append(item, expression());
      if (is(Token::Comma)) append(item, word());
      out.parts.push_back(std::move(item));
    }
    out.parts.push_back(word());
    out.last = out.parts.back().last;
    for (const Part& part : out.parts) out.width += part.width;
    const std::size_t items = out.parts.size() - 2;
    if (items > 0) out.width += items - 1 + (close == Token::CloseBrace ? 2 : 0);
    return out;
  }

  // --- spaces ---

  static bool closes(Token token) {
    return token == Token::CloseParen || token == Token::CloseBrace || token == Token::CloseBracket;
  }

  bool is_operator_word(std::size_t i) const {
    return words_[i].token == Token::Identifier && is_reserved(words_[i].raw) &&
           words_[i].raw != "true" && words_[i].raw != "false" && words_[i].raw != "__cedar";
  }

  // Whether an operand ends with this word, so that a `-` behind it has two sides.
  bool ends_operand(std::size_t i) const {
    const Token token = words_[i].token;
    return closes(token) || token == Token::String || token == Token::Number ||
           token == Token::Slot || (token == Token::Identifier && !is_operator_word(i));
  }

  bool is_sign(std::size_t i) const {
    if (words_[i].token == Token::Not) return true;
    return words_[i].token == Token::Minus && (i == 0 || !ends_operand(i - 1));
  }

  // Whether a space stands between a word and the one before it, on one line.
  bool space_before(std::size_t i) const {
    const Token before = words_[i - 1].token;
    const Token token = words_[i].token;
    switch (token) {
      case Token::Comma:
      case Token::Semicolon:
      case Token::Colon:
      case Token::ColonColon:
      case Token::Dot:
      case Token::Question: return false;
      case Token::OpenParen:
        // `permit (`, and what an operator stands before; a call and an annotation have no space.
        if (before == Token::Identifier) return is_operator_word(i - 1) || head_ == i;
        break;
      case Token::OpenBracket:
        if (before == Token::OpenBracket || before == Token::OpenParen) return false;
        return schema_ || !ends_operand(i - 1);
      case Token::Less:
      case Token::Greater:
        if (schema_) return false;
        break;
      default: break;
    }
    if (schema_ && before == Token::Less) return false;
    if (before == Token::ColonColon || before == Token::Dot || before == Token::At) return false;
    if (before == Token::OpenParen || before == Token::OpenBracket) return false;
    return !is_sign(i - 1);
  }

  // --- writing ---

  bool line_is_empty() const { return out_.empty() || out_.back() == '\n'; }

  void new_line(std::size_t indent) {
    if (!line_is_empty()) out_ += '\n';
    indent_ = indent;
    column_ = 0;
  }

  void put(std::string_view text) {
    if (line_is_empty()) {
      out_.append(indent_, ' ');
      column_ = indent_;
    }
    out_ += text;
    const std::size_t line = text.rfind('\n');
    column_ = line == std::string_view::npos ? column_ + characters(text)
                                             : characters(text.substr(line + 1));
  }

  // The comments before a word, each on a line of its own.
  void comments(const Word& word, std::size_t indent) {
    for (const Comment& comment : word.before) {
      new_line(indent);
      if (comment.blank_before) blank_line();
      put(comment.text);
      new_line(indent);
    }
  }

  // Not at the beginning, not twice, not behind an opening bracket.
  void blank_line() {
    const bool useful = out_.size() > 1 && !out_.ends_with("\n\n") && !out_.ends_with("{\n") &&
                        !out_.ends_with("(\n") && !out_.ends_with("[\n");
    if (useful) out_ += '\n';
  }

  void put_word(std::size_t i, bool space) {
    const Word& word = words_[i];
    if (!word.before.empty()) comments(word, indent_);
    if (space && !line_is_empty()) put(" ");
    put(word.raw);
    if (word.behind) {
      put("  ");
      put(*word.behind);
      new_line(indent_);
    }
  }

  // Whether comments stand inside: not before the first word, not behind the last.
  bool has_comments(const Part& part) const {
    return before_[part.last] != before_[part.first] ||
           (part.last > part.first &&
            behind_[part.last - 1] != (part.first == 0 ? 0 : behind_[part.first - 1]));
  }

  bool fits(const Part& part, bool space) const {
    const std::size_t from = line_is_empty() ? indent_ : column_ + (space ? 1 : 0);
    return from + part.width + kReserve <= kWidth && !has_comments(part);
  }

  void put_part(const Part& part, bool space, std::size_t indent) {
    if (part.kind == Part::Kind::Word) return put_word(part.first, space);
    const bool flat = fits(part, space);
    switch (part.kind) {
      case Part::Kind::Group: return put_group(part, space, indent, flat);
      case Part::Kind::Chain:
      case Part::Kind::If:
        for (std::size_t i = 0; i < part.parts.size(); ++i) {
          if (i > 0 && !flat) new_line(indent);
          put_item(part.parts[i], i == 0 ? space : true, indent,
                   !flat && i + 1 == part.parts.size());
        }
        return;
      default: return put_line(part, space, indent, flat);
    }
  }

  // A branch of an `if` or an item of a chain; what breaks inside goes one step further in, but an
  // `else if` goes on where it is.
  void put_item(const Part& item, bool space, std::size_t indent, bool last) {
    const bool goes_on = last && item.parts.size() == 2 && item.parts[1].kind == Part::Kind::If;
    put_line(item, space, goes_on ? indent : indent + kStep, false);
  }

  // Parts in a row. A line that does not fit is continued behind an operator.
  void put_line(const Part& part, bool space, std::size_t indent, bool flat) {
    for (std::size_t i = 0; i < part.parts.size(); ++i) {
      const Part& next = part.parts[i];
      const bool between = i == 0 ? space : space_before(next.first);
      const bool may_break = !flat && i > 0 && is_infix(part.parts[i - 1]) && !line_is_empty();
      if (may_break && next.kind != Part::Kind::Group && !segment_fits(part, i)) {
        const std::size_t before = indent_;
        new_line(indent + kStep);
        put_part(next, false, indent + kStep);
        indent_ = before;
        continue;
      }
      put_part(next, between, indent);
    }
  }

  bool is_infix(const Part& part) const {
    if (part.kind != Part::Kind::Word || is_sign(part.first)) return false;
    switch (words_[part.first].token) {
      case Token::Plus:
      case Token::Minus:
      case Token::Star:
      case Token::Equal:
      case Token::NotEqual:
      case Token::Less:
      case Token::LessEqual:
      case Token::Greater:
      case Token::GreaterEqual: return !schema_;
      default: return !schema_ && is_operator_word(part.first);
    }
  }

  // The parts from `at` up to the next operator.
  bool segment_fits(const Part& line, std::size_t at) const {
    std::size_t width = 1;
    for (std::size_t i = at; i < line.parts.size() && !is_infix(line.parts[i]); ++i) {
      if (i > at && space_before(line.parts[i].first)) ++width;
      if (line.parts[i].kind == Part::Kind::Group) {
        ++width;  // the bracket; the group can break
        break;
      }
      width += line.parts[i].width;
    }
    return column_ + width + kReserve <= kWidth;
  }

  void put_group(const Part& part, bool space, std::size_t indent, bool flat) {
    const bool braces = words_[part.first].token == Token::OpenBrace;
    const bool empty = part.parts.size() == 2;
    if (line_is_empty()) indent = indent_;  // it closes where its line begins
    put_word(part.first, space);
    if (!flat) indent_ = indent;
    for (std::size_t i = 1; i + 1 < part.parts.size(); ++i) {
      if (!flat) new_line(indent + kStep);
      put_part(part.parts[i], flat && (braces || i > 1), indent + kStep);
    }
    if (!flat) {
      comments(words_[part.last], indent + kStep);
      if (!empty || !words_[part.last].before.empty()) new_line(indent);
    }
    put_closing(part.last, flat && braces && !empty);
    indent_ = indent;
  }

  // A closing bracket, whose comments are written already.
  void put_closing(std::size_t i, bool space) {
    if (space && !line_is_empty()) put(" ");
    put(words_[i].raw);
    if (words_[i].behind) {
      put("  ");
      put(*words_[i].behind);
      new_line(indent_);
    }
  }

  // --- whole texts ---

  void annotations(std::size_t indent) {
    while (is(Token::At)) {
      new_line(indent);
      Part line{Part::Kind::Line, at_, at_};
      append(line, word());
      append(line, word());
      if (is(Token::OpenParen)) append(line, group());
      put_part(line, false, indent);
    }
  }

  void policy() {
    annotations(0);
    new_line(0);
    put_part(word(), false, 0);  // permit or forbid
    head_ = at_;
    put_part(group(), true, 0);
    while (!is(Token::Semicolon)) {
      new_line(0);
      put_part(word(), false, 0);  // when or unless
      put_part(group(), true, 0);
    }
    put_part(word(), false, 0);
    new_line(0);
  }

  void declaration(std::size_t indent) {
    annotations(indent);
    new_line(indent);
    if (!is_word("namespace")) {
      // Names may be listed with commas, so the declaration is what stands before the semicolon.
      Part whole{Part::Kind::Line, at_, at_};
      while (!is(Token::Semicolon)) {
        if (is(Token::Comma)) {
          append(whole, word());
        } else {
          for (Part& part : line().parts) append(whole, std::move(part));
        }
      }
      append(whole, word());
      put_part(whole, false, indent);
      new_line(indent);
      return;
    }
    Part head{Part::Kind::Line, at_, at_};
    while (!is(Token::OpenBrace)) append(head, word());
    append(head, word());
    put_part(head, false, indent);
    new_line(indent + kStep);
    while (!is(Token::CloseBrace)) {
      declaration(indent + kStep);
      between();
    }
    comments(words_[at_], indent + kStep);
    new_line(indent);
    put_closing(at_++, false);
    new_line(indent);
  }

  // Between two policies stands an empty line; between declarations of a schema where one stood.
  void between() {
    const Word& next = words_[at_];
    const bool stood = next.before.empty() ? next.blank_before : next.before.front().blank_before;
    if (next.token == Token::CloseBrace || (next.token == Token::End && next.before.empty()))
      return;
    if (!schema_ || stood) blank_line();
  }

  std::vector<Word> words_;
  bool schema_;
  std::vector<std::size_t> before_;
  std::vector<std::size_t> behind_;
  std::size_t at_ = 0;
  std::size_t head_ = SIZE_MAX;  // the bracket of the policy's scope
  std::string out_;
  std::size_t column_ = 0;
  std::size_t indent_ = 0;
};

// All comments of a text, in order.
std::vector<std::string_view> comments_of(const std::vector<Word>& words) {
  std::vector<std::string_view> out;
  for (const Word& word : words) {
    for (const Comment& comment : word.before) out.push_back(comment.text);
    if (word.behind) out.push_back(*word.behind);
  }
  return out;
}

Result<std::string> lay_out(std::string_view text, bool schema) {
  std::string out = Layout(text, schema).write();
  const std::vector<Word> before = words_of(text);
  const std::vector<Word> after = words_of(out);
  const bool same =
      std::equal(before.begin(), before.end(), after.begin(), after.end(),
                 [](const Word& a, const Word& b) { return a.token == b.token && a.raw == b.raw; });
  if (!same || comments_of(before) != comments_of(after)) {
    return Error(Code::Internal, "the layout would change the text");
  }
  return out;
}

}  // namespace

Result<std::string> format_policies(std::string_view text) {
  TRY(parse_policies(text));
  return lay_out(text, false);
}

Result<std::string> format_schema(std::string_view text) {
  TRY(Schema::parse(text));
  return lay_out(text, true);
}

}  // namespace writ::policy
