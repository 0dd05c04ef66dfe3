// Printing walks the items with the reader and an explicit stack of what is open, so nesting
// costs no stack of ours.
#include "cbor/diagnostic.h"

#include <charconv>
#include <cmath>
#include <vector>

namespace writ::cbor {
namespace {

constexpr std::uint64_t kTagPositiveBignum = 2;
constexpr std::uint64_t kTagNegativeBignum = 3;
constexpr std::size_t kBignumShown = 64;

// Decimal digits of the big-endian number plus `add`, by repeated division by ten.
std::string decimal(Bytes digits, unsigned add) {
  std::vector<unsigned> number;
  number.push_back(0);  // room for a carry
  for (std::byte b : digits) number.push_back(std::to_integer<unsigned>(b));
  for (std::size_t i = number.size(); add != 0 && i-- > 0;) {
    const unsigned sum = number[i] + add;
    number[i] = sum & 0xffU;
    add = sum >> 8U;
  }
  std::string text;
  for (bool zero = false; !zero;) {
    unsigned remainder = 0;
    zero = true;
    for (unsigned& digit : number) {
      const unsigned value = remainder << 8U | digit;
      digit = value / 10;
      remainder = value % 10;
      if (digit != 0) zero = false;
    }
    text.insert(text.begin(), static_cast<char>('0' + remainder));
  }
  return text;
}

std::string integer_text(bool negative, std::uint64_t argument) {
  if (!negative) return std::to_string(argument);
  if (argument != UINT64_MAX) return "-" + std::to_string(argument + 1);
  return "-18446744073709551616";
}

// The shortest digits that read back as `value`, laid out as ECMAScript does, with ".0" where
// the result would look like an integer (as RFC 8949 appendix A does).
std::string float_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value),
                                 std::chars_format::scientific);
  const std::string_view shortest(buffer, static_cast<std::size_t>(end.ptr - buffer));
  const std::size_t e = shortest.find('e');
  std::string digits(1, shortest[0]);
  if (e > 2) digits += shortest.substr(2, e - 2);
  int exponent = 0;
  const char* first = shortest.data() + e + (shortest[e + 1] == '+' ? 2 : 1);
  std::from_chars(first, end.ptr, exponent);

  const int length = static_cast<int>(digits.size());
  const int point = exponent + 1;  // digits before the decimal point
  std::string text = std::signbit(value) ? "-" : "";
  if (point >= length && point <= 21) {
    text += digits + std::string(static_cast<std::size_t>(point - length), '0') + ".0";
  } else if (point > 0 && point <= 21) {
    text += digits.substr(0, static_cast<std::size_t>(point)) + "." +
            digits.substr(static_cast<std::size_t>(point));
  } else if (point > -6 && point <= 0) {
    text += "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  } else {
    text += digits.substr(0, 1) + "." + (length > 1 ? digits.substr(1) : "0") + "e" +
            (exponent < 0 ? "-" : "+") + std::to_string(std::abs(exponent));
  }
  return text;
}

void append_escape(std::string& out, unsigned unit) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (unsigned shift : {12U, 8U, 4U, 0U}) out += kHex[unit >> shift & 15U];
}

// `text` is UTF-8 (the reader checked it).
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      ++i;
      switch (first) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
          if (first < 0x20 || first == 0x7f) {
            append_escape(out, first);
          } else {
            out += static_cast<char>(first);
          }
      }
      continue;
    }
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    unsigned point = first & (0xffU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      point = point << 6U | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
    }
    i += length;
    if (point < 0x10000) {
      append_escape(out, point);
    } else {
      append_escape(out, 0xd800 + ((point - 0x10000) >> 10U));
      append_escape(out, 0xdc00 + ((point - 0x10000) & 0x3ffU));
    }
  }
  return out + "\"";
}

std::string simple_text(std::uint8_t number) {
  switch (number) {
    case 20: return "false";
    case 21: return "true";
    case 22: return "null";
    case 23: return "undefined";
    default: return "simple(" + std::to_string(number) + ")";
  }
}

class Printer {
 public:
  Printer(Bytes bytes, std::size_t max_depth) : reader_(bytes, max_depth) {}

  Result<std::string> print() {
    do {
      separate();
      if (TRY(head())) TRY(close_complete());
    } while (!open_.empty());
    TRY(reader_.finish());
    return std::move(out_);
  }

 private:
  struct Open {
    char closing;           // of a tag, an array or a map: ')', ']', '}'
    std::size_t count = 0;  // items printed in it
  };

  void separate() {
    if (open_.empty()) return;
    Open& top = open_.back();
    if (top.count > 0) out_ += top.closing == '}' && top.count % 2 == 1 ? ": " : ", ";
    ++top.count;
  }

  // Prints a whole scalar, or opens what the next item stands in. False when a tag was opened:
  // nothing can be complete before its content.
  Result<bool> head() {
    switch (TRY(reader_.peek())) {
      case Type::Uint: out_ += integer_text(false, TRY(reader_.uint())); break;
      case Type::Nint: out_ += integer_text(true, TRY(reader_.negative())); break;
      case Type::Bytes: out_ += "h'" + to_hex(TRY(reader_.bytes())) + "'"; break;
      case Type::Text: out_ += quoted(TRY(reader_.text())); break;
      case Type::Bool:
      case Type::Null:
      case Type::Simple: out_ += simple_text(TRY(reader_.simple())); break;
      case Type::Float: out_ += float_text(TRY(reader_.floating())); break;
      case Type::Array:
        TRY(reader_.enter_array());
        out_ += '[';
        open_.push_back({']'});
        break;
      case Type::Map:
        TRY(reader_.enter_map());
        out_ += '{';
        open_.push_back({'}'});
        break;
      case Type::Tag: return tag();
    }
    return true;
  }

  Result<bool> tag() {
    const std::uint64_t number = TRY(reader_.tag());
    if (number == kTagPositiveBignum || number == kTagNegativeBignum) {
      const bool negative = number == kTagNegativeBignum;
      const Bytes digits = TRY(reader_.bytes());
      if (digits.size() <= kBignumShown) {
        out_ += (negative ? "-" : "") + decimal(digits, negative ? 1 : 0);
      } else {
        out_ += std::to_string(number) + "(h'" + to_hex(digits) + "')";
      }
      return true;
    }
    out_ += std::to_string(number) + '(';
    open_.push_back({')'});
    return false;
  }

  Result<void> close_complete() {
    while (!open_.empty()) {
      const char closing = open_.back().closing;
      if (closing != ')') {
        if (reader_.more()) break;
        TRY(reader_.leave());
      }
      out_ += closing;
      open_.pop_back();
    }
    return {};
  }

  Reader reader_;
  std::string out_;
  std::vector<Open> open_;
};

}  // namespace

Result<std::string> diagnose(Bytes bytes, std::size_t max_depth) {
  return Printer(bytes, max_depth).print();
}

}  // namespace writ::cbor
