// The grammar is nlohmann's, through its SAX interface; the tree, every limit and every strictness
// beyond the grammar are here. Its parser keeps an explicit stack, and so does the builder, so
// nesting costs no stack. It is given the text by an iterator that counts what it takes, which is
// where the places in messages come from.
//
// Two things the library would accept are refused before it sees them: a byte order mark (it
// skips one) and a NUL byte (it takes one for the end of the text, whatever follows).
#include "json/read.h"

// Neither is used here, and WebAssembly's library has no files.
#define JSON_HAS_FILESYSTEM 0
#define JSON_HAS_EXPERIMENTAL_FILESYSTEM 0

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace writ::json {
namespace {

// In objects of more members than this, names are looked up in a set.
constexpr std::size_t kFewMembers = 16;

// What an array or object that is read may keep of memory it does not use, in elements.
constexpr std::size_t kSlack = 1'000;

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
bool is_punctuation(char c) {
  return std::string_view("[]{},:").find(c) != std::string_view::npos;
}

// The library's number for a floating-point number beyond double's range.
constexpr int kNumberOverflow = 406;

// How far the library has gone in the text.
struct Progress {
  std::size_t taken = 0;  // bytes
  bool in_string = false;
  bool escaped = false;

  void take(char c) {
    ++taken;
    if (c == '"' && !escaped) in_string = !in_string;
    escaped = in_string && c == '\\' && !escaped;
  }
};

// A forward iterator over the text. White space is given as one character however long it is: the
// library keeps all it has seen since a string or number began, and writes it into its message
// several times over, each control character as eight.
class Cursor {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor() = default;
  Cursor(std::string_view text, Progress* progress)
      : at_(text.data()), end_(text.data() + text.size()), progress_(progress) {}
  reference operator*() const { return *at_; }
  Cursor& operator++() {
    const bool blank = !progress_->in_string && is_blank(*at_);
    progress_->take(*at_++);
    while (blank && at_ != end_ && is_blank(*at_)) progress_->take(*at_++);
    return *this;
  }
  Cursor operator++(int) {
    Cursor before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const Cursor& a, const Cursor& b) { return a.at_ == b.at_; }

 private:
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  Progress* progress_ = nullptr;
};

Error place_error(Code code, std::string_view text, std::size_t at, const std::string& what,
                  Origin origin) {
  for (const char c : text.substr(0, std::min(at, text.size()))) origin.pass(c);
  return origin.error(code, what);
}

// The part of the library's message that says what is wrong, without its names and places.
std::string grammar_message(std::string_view message) {
  const std::size_t at = message.find("syntax error");
  if (at != std::string_view::npos) message.remove_prefix(at);
  return printable(message, 300);
}

// Builds the tree from the parser's events; the names are the library's. Returning false stops it.
class Builder {
 public:
  Builder(std::string_view text, const Limits& limits, const std::size_t& taken, Origin origin)
      : text_(text),
        limits_(limits),
        origin_(origin),
        depth_limit_(std::min(limits.depth, kDepthCap)),
        taken_(taken) {}

  bool null() { return scalar(Value()); }
  bool boolean(bool value) { return scalar(Value(value)); }
  // Negative numbers only, so a zero was written "-0".
  bool number_integer(std::int64_t value) {
    if (value == 0)
      return refuse(Code::Malformed, number_start(), "the number `-0` has no integer");
    return scalar(Value(value));
  }
  bool number_unsigned(std::uint64_t value) { return scalar(Value(value)); }
  bool number_float(double, const std::string& written) { return refuse_number(written); }
  // Copies take as much memory as they have bytes; what the library lends has grown by doubling.
  bool string(std::string& value) { return scalar(Value(std::string(value))); }
  bool binary(nlohmann::json::binary_t&) {
    return refuse(Code::Internal, taken_, "binary in JSON text");
  }
  bool start_object(std::size_t) { return open(true); }
  bool key(std::string& name) {
    Open& top = open_.back();
    if (top.members.size() >= kMaxMembers) {
      return refuse(Code::Exhausted, string_start(),
                    "more than " + std::to_string(kMaxMembers) + " names in one object");
    }
    if (has(top, name)) {
      return refuse(Code::Malformed, string_start(),
                    "the name `" + printable(name, 60) + "` stands twice in one object");
    }
    top.name = std::string(name);
    return true;
  }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(false); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t, const std::string& token,
                   const nlohmann::detail::exception& error) {
    if (error.id == kNumberOverflow) return refuse_number(token);
    const std::string_view message = error.what();
    // The byte that does not fit is the one taken last; at the end there is none.
    std::size_t at = taken_ == 0 ? 0 : taken_ - 1;
    if (taken_ == text_.size() && ended_early(message)) at = taken_;
    if (message.find("unexpected number literal") != std::string_view::npos) at = number_start();
    return refuse(Code::Malformed, at, grammar_message(message));
  }

  Result<Value> result(bool parsed) && {
    if (error_) return std::move(*error_);
    WRIT_ASSERT(parsed && root_);
    return std::move(*root_);
  }

 private:
  struct Open {
    bool object;
    Value::Array items = {};
    Value::Object members = {};
    std::string name = {};                          // of the member being read
    std::set<std::string, std::less<>> names = {};  // filled beyond kFewMembers
  };

  static bool ended_early(std::string_view message) {
    return message.find("unexpected end of input") != std::string_view::npos ||
           message.find("missing closing quote") != std::string_view::npos;
  }

  bool refuse_number(std::string_view written) {
    const bool fraction = written.find_first_of(".eE") != std::string_view::npos;
    return refuse(Code::Malformed, number_start(),
                  "the number `" + printable(written, 60) + "` " +
                      (fraction ? "has a fraction or exponent; only integers are accepted"
                                : "is outside the range -2^63 to 2^64-1"));
  }

  bool refuse(Code code, std::size_t at, const std::string& what) {
    if (!error_) error_ = place_error(code, text_, at, what, origin_);
    return false;
  }

  // Where the string ends that was just read: its opening quote is the last one before the closing
  // quote that no odd number of backslashes precedes.
  std::size_t string_start() const {
    std::size_t at = taken_ - 1;
    while (at > 0) {
      --at;
      if (text_[at] != '"') continue;
      std::size_t slashes = 0;
      while (slashes < at && text_[at - 1 - slashes] == '\\') ++slashes;
      if (slashes % 2 == 0) break;
    }
    return at;
  }

  // Where the number starts that was just read; the parser has taken what ends it if there was
  // such.
  std::size_t number_start() const {
    const auto part = [](char c) {
      return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
    };
    std::size_t at = taken_;
    while (at > 0 && !part(text_[at - 1])) --at;
    while (at > 0 && part(text_[at - 1])) --at;
    return at;
  }

  static bool has(Open& top, const std::string& name) {
    if (top.members.size() < kFewMembers) {
      return std::any_of(top.members.begin(), top.members.end(),
                         [&](const Member& member) { return member.name == name; });
    }
    if (top.names.empty()) {
      for (const Member& member : top.members) top.names.insert(member.name);
    }
    return !top.names.insert(name).second;
  }

  bool count() {
    if (++values_ > limits_.values) {
      return refuse(Code::Exhausted, taken_,
                    "more than " + std::to_string(limits_.values) + " values");
    }
    return true;
  }

  bool open(bool object) {
    if (open_.size() >= depth_limit_) {
      return refuse(Code::Exhausted, taken_ - 1,
                    "nested more than " + std::to_string(depth_limit_) + " levels deep");
    }
    if (!count()) return false;
    open_.push_back(Open{object});
    return true;
  }

  bool close() {
    Open top = std::move(open_.back());
    open_.pop_back();
    if (top.members.capacity() - top.members.size() > kSlack) top.members.shrink_to_fit();
    if (top.items.capacity() - top.items.size() > kSlack) top.items.shrink_to_fit();
    put(top.object ? Value(std::move(top.members)) : Value(std::move(top.items)));
    return true;
  }

  bool scalar(Value value) {
    if (!count()) return false;
    put(std::move(value));
    return true;
  }

  void put(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Open& top = open_.back();
    if (top.object) {
      top.members.push_back({std::move(top.name), std::move(value)});
    } else {
      top.items.push_back(std::move(value));
    }
  }

  std::string_view text_;
  const Limits& limits_;
  const Origin origin_;
  std::size_t depth_limit_;
  const std::size_t& taken_;
  std::size_t values_ = 0;
  std::vector<Open> open_;
  std::optional<Value> root_;
  std::optional<Error> error_;
};

// Where a string or number is longer than is taken: the library keeps it several times.
std::optional<std::size_t> overlong(std::string_view text) {
  if (text.size() <= kMaxToken) return std::nullopt;
  Progress progress;
  std::size_t token = 0;
  for (const char c : text) {
    const bool part = progress.in_string || !(is_blank(c) || is_punctuation(c));
    token = part ? token + 1 : 0;
    if (token > kMaxToken) return progress.taken;
    progress.take(c);
  }
  return std::nullopt;
}

}  // namespace

void Origin::pass(char c) {
  ++byte;
  if (c == '\n') {
    ++line;
    column = 1;
  } else if ((static_cast<unsigned char>(c) & 0xc0U) != 0x80U) {
    ++column;
  }
}

Error Origin::error(Code code, const std::string& what) const {
  return Error(code, "line " + std::to_string(line) + ", column " + std::to_string(column) +
                         " (byte " + std::to_string(byte) + "): " + what);
}

Result<Value> read(std::string_view text, const Limits& limits, Origin origin) {
  if (text.size() > limits.bytes) {
    return Error(Code::Exhausted, "JSON of " + std::to_string(text.size()) +
                                      " bytes, the limit is " + std::to_string(limits.bytes));
  }
  if (text.substr(0, 3) == "\xef\xbb\xbf") {
    return place_error(Code::Malformed, text, 0, "a byte order mark", origin);
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return place_error(Code::Malformed, text, nul, "a NUL byte", origin);
  }
  if (const std::optional<std::size_t> at = overlong(text)) {
    return place_error(Code::Exhausted, text, *at,
                       "a string or number longer than " + std::to_string(kMaxToken) + " bytes",
                       origin);
  }
  Progress progress;
  Builder builder(text, limits, progress.taken, origin);
  const Cursor begin(text, &progress);
  const Cursor end(text.substr(text.size()), &progress);
  const bool parsed = nlohmann::json::sax_parse(begin, end, &builder);
  return std::move(builder).result(parsed);
}

}  // namespace writ::json
