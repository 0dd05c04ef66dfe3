// An explicit stack of what is open, so that nesting costs no stack of ours.
#include "json/write.h"

#include <algorithm>
#include <vector>

#include "base/bytes.h"

namespace writ::json {
namespace {

// Deeper levels are not indented further, so that the text of a deep tree stays in proportion.
constexpr std::size_t kIndentedLevels = 20;

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

void append_escape(std::string& out, unsigned unit) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (unsigned shift : {12U, 8U, 4U, 0U}) out += kHex[unit >> shift & 15U];
}

void append_ascii(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  if (c < 0x20 || c == 0x7f) {
    append_escape(out, c);
  } else {
    out += static_cast<char>(c);
  }
}

// Appends the character at the start of `rest`; returns how many bytes it took.
std::size_t append_beyond_ascii(std::string& out, std::string_view rest) {
  for (std::size_t length = 2; length <= 4 && length <= rest.size(); ++length) {
    const std::string_view sequence = rest.substr(0, length);
    if (!is_utf8(sequence)) continue;
    if (sequence >= "\xc2\x80" && sequence <= "\xc2\x9f") {  // C1
      append_escape(out, static_cast<unsigned char>(sequence[1]));
    } else if (sequence == "\xe2\x80\xa8" || sequence == "\xe2\x80\xa9") {
      append_escape(out, sequence[2] == '\xa8' ? 0x2028 : 0x2029);
    } else {
      out += sequence;
    }
    return length;
  }
  out += kReplacement;
  return 1;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      append_ascii(out, c);
      ++i;
    } else {
      i += append_beyond_ascii(out, text.substr(i));
    }
  }
  out += '"';
}

class Printer {
 public:
  explicit Printer(Style style) : pretty_(style == Style::Pretty) {}

  std::string print(const Value& root) {
    value(root);
    while (!open_.empty()) {
      Open& top = open_.back();
      if (top.next == top.size()) {
        const char closing = top.items != nullptr ? ']' : '}';
        const bool empty = top.size() == 0;
        open_.pop_back();
        if (!empty) new_line();
        out_ += closing;
        continue;
      }
      if (top.next > 0) out_ += ',';
      new_line();
      const std::size_t index = top.next++;
      if (top.items != nullptr) {
        value((*top.items)[index]);
      } else {
        const Member& member = (*top.members)[index];
        append_quoted(out_, member.name);
        out_ += pretty_ ? ": " : ":";
        value(member.value);
      }
    }
    return std::move(out_);
  }

 private:
  struct Open {
    const Value::Array* items;  // exactly one of the two is set
    const Value::Object* members;
    std::size_t next = 0;
    std::size_t size() const { return items != nullptr ? items->size() : members->size(); }
  };

  void new_line() {
    if (!pretty_) return;
    out_ += '\n';
    out_.append(std::min(open_.size(), kIndentedLevels) * 2, ' ');
  }

  // Prints a scalar, or opens an array or object.
  void value(const Value& value) {
    switch (value.type()) {
      case Value::Type::Null: out_ += "null"; break;
      case Value::Type::Bool: out_ += *value.as_bool() ? "true" : "false"; break;
      case Value::Type::Integer:
        if (const auto number = value.as_int64()) {
          out_ += std::to_string(*number);
        } else {
          out_ += std::to_string(*value.as_uint64());
        }
        break;
      case Value::Type::String: append_quoted(out_, *value.as_string()); break;
      case Value::Type::Array:
        out_ += '[';
        open_.push_back({value.as_array(), nullptr});
        break;
      case Value::Type::Object:
        out_ += '{';
        open_.push_back({nullptr, value.as_object()});
        break;
    }
  }

  bool pretty_;
  std::string out_;
  std::vector<Open> open_;
};

}  // namespace

std::string write(const Value& value, Style style) {
  return Printer(style).print(value);
}

std::string quote(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

}  // namespace writ::json
