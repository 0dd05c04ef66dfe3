#include "cbor/reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "cbor/float.h"

namespace writ::cbor {
namespace {

// Major types and additional information of an item's first byte (RFC 8949 §3).
constexpr unsigned kMajorUint = 0;
constexpr unsigned kMajorNint = 1;
constexpr unsigned kMajorBytes = 2;
constexpr unsigned kMajorText = 3;
constexpr unsigned kMajorArray = 4;
constexpr unsigned kMajorMap = 5;
constexpr unsigned kMajorTag = 6;
constexpr unsigned kInfoOneByte = 24;
constexpr unsigned kInfoEightBytes = 27;
constexpr unsigned kInfoIndefinite = 31;
constexpr unsigned kBreak = 0xff;
constexpr std::uint64_t kFalse = 20;
constexpr std::uint64_t kTrue = 21;
constexpr std::uint64_t kNull = 22;
constexpr std::uint64_t kTagPositiveBignum = 2;
constexpr std::uint64_t kTagNegativeBignum = 3;

Type type_of(unsigned major, unsigned info, std::uint64_t argument) {
  switch (major) {
    case kMajorUint: return Type::Uint;
    case kMajorNint: return Type::Nint;
    case kMajorBytes: return Type::Bytes;
    case kMajorText: return Type::Text;
    case kMajorArray: return Type::Array;
    case kMajorMap: return Type::Map;
    case kMajorTag: return Type::Tag;
    default: break;
  }
  if (info > kInfoOneByte) return Type::Float;
  if (argument == kFalse || argument == kTrue) return Type::Bool;
  return argument == kNull ? Type::Null : Type::Simple;
}

// The smallest argument that needs a width of 1, 2, 4 or 8 bytes.
std::uint64_t smallest_of_width(std::size_t width) {
  switch (width) {
    case 1: return 24;
    case 2: return 1ULL << 8U;
    case 4: return 1ULL << 16U;
    default: return 1ULL << 32U;
  }
}

bool ascending(Bytes a, Bytes b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

Reason reason_of(Fault fault) {
  return fault == Fault::NotDeterministic ? Reason::NotDeterministic : Reason::Malformed;
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::Uint: return "an unsigned integer";
    case Type::Nint: return "a negative integer";
    case Type::Bytes: return "a byte string";
    case Type::Text: return "a text string";
    case Type::Array: return "an array";
    case Type::Map: return "a map";
    case Type::Tag: return "a tag";
    case Type::Bool: return "a boolean";
    case Type::Null: return "null";
    case Type::Simple: return "a simple value";
    case Type::Float: return "a floating-point number";
  }
  return "an unknown item";
}

// Every failure passes through here, and the first one stays.
Error Reader::fail(Fault fault, std::size_t offset, std::string_view what) {
  if (!failure_) {
    std::string message =
        fault == Fault::NotDeterministic ? "not deterministic CBOR" : "malformed CBOR";
    message += " at byte " + std::to_string(offset) + ": ";
    message += what;
    failure_ = Failure{fault, offset, Error(Code::Malformed, std::move(message))};
  }
  return failure_->error;
}

Error Reader::mismatch(std::string_view wanted, const Head& found) {
  std::string what = "expected ";
  what += wanted;
  what += ", found ";
  what += type_name(found.type);
  return fail(Fault::Malformed, at_, what);
}

Error Reader::refuse(std::string_view what) {
  return fail(Fault::Malformed, last_, what);
}

std::optional<Fault> Reader::fault() const {
  if (!failure_) return std::nullopt;
  return failure_->fault;
}

std::size_t Reader::fault_offset() const {
  return failure_ ? failure_->offset : at_;
}

// Reads the next item's head without advancing: type, argument and their checks.
Result<Reader::Head> Reader::head() {
  if (failure_) return failure_->error;
  if (!frames_.empty() && frames_.back().left == 0) {
    return fail(Fault::Malformed, at_,
                frames_.back().map ? "the map has no more pairs" : "the array has no more items");
  }
  if (at_ >= input_.size()) return fail(Fault::Malformed, at_, "the input ends early");

  const auto first = std::to_integer<unsigned>(input_[at_]);
  const unsigned major = first >> 5U;
  const unsigned info = first & 31U;
  Head head;
  head.size = 1;
  if (info < kInfoOneByte) {
    head.argument = info;
  } else if (info <= kInfoEightBytes) {
    head.width = std::size_t{1} << (info - kInfoOneByte);
    if (input_.size() - at_ - 1 < head.width) {
      return fail(Fault::Malformed, at_, "the input ends inside an item's head");
    }
    for (std::size_t i = 0; i < head.width; ++i) {
      head.argument = head.argument << 8U | std::to_integer<std::uint64_t>(input_[at_ + 1 + i]);
    }
    head.size += head.width;
  } else if (info == kInfoIndefinite && major >= kMajorBytes && major <= kMajorMap) {
    return fail(Fault::NotDeterministic, at_, "indefinite length");
  } else if (first == kBreak) {
    return fail(Fault::Malformed, at_, "a break outside an indefinite-length item");
  } else {
    return fail(Fault::Malformed, at_, "a reserved first byte");
  }
  head.type = type_of(major, info, head.argument);

  if (major == 7) {
    if (info == kInfoOneByte && head.argument < 32) {
      return fail(Fault::Malformed, at_, "a simple value below 32 in two bytes");
    }
    if (head.type == Type::Float) TRY(check_float(head));
  } else if (head.width != 0 && head.argument < smallest_of_width(head.width)) {
    return fail(Fault::NotDeterministic, at_, "a number or length longer than it needs to be");
  }
  return head;
}

Result<void> Reader::check_float(const Head& head) {
  const double value = float_value(head.argument, head.width);
  if (std::isnan(value)) {
    if (head.width != 2 || head.argument != kCanonicalNan) {
      return fail(Fault::NotDeterministic, at_, "a NaN other than f97e00");
    }
  } else if (shortest_float(value).width != head.width) {
    return fail(Fault::NotDeterministic, at_, "a floating-point number longer than needed");
  }
  return {};
}

Result<Reader::Head> Reader::head_of(Type wanted) {
  Head found = TRY(head());
  if (found.type != wanted) return mismatch(type_name(wanted), found);
  return found;
}

// Marks the start of an item, or of a tag's content, and advances over its head.
void Reader::begin(const Head& head) {
  Frame& current = frame();
  if (current.tags == 0) current.item_start = at_;
  last_ = at_;
  at_ += head.size;
}

// An item ended at at_: its tags end with it; a key must be above the one before.
Result<void> Reader::complete() {
  Frame& current = frame();
  depth_ -= current.tags;
  current.tags = 0;
  if (frames_.empty()) return {};
  if (current.map && current.left % 2 == 0) {
    const Bytes key = input_.subspan(current.item_start, at_ - current.item_start);
    const Bytes before = input_.subspan(current.key_start, current.key_end - current.key_start);
    if (!before.empty() && !ascending(before, key)) {
      if (equal(before, key)) {
        return fail(Fault::Malformed, current.item_start, "a map key that stands twice");
      }
      return fail(Fault::NotDeterministic, current.item_start, "map keys out of order");
    }
    current.key_start = current.item_start;
    current.key_end = at_;
  }
  --current.left;
  return {};
}

Result<Type> Reader::peek() {
  return TRY(head()).type;
}

Result<std::uint64_t> Reader::uint() {
  const Head found = TRY(head_of(Type::Uint));
  begin(found);
  TRY(complete());
  return found.argument;
}

Result<std::uint64_t> Reader::negative() {
  const Head found = TRY(head_of(Type::Nint));
  begin(found);
  TRY(complete());
  return found.argument;
}

Result<std::int64_t> Reader::integer() {
  const Head found = TRY(head());
  if (found.type != Type::Uint && found.type != Type::Nint) return mismatch("an integer", found);
  if (found.argument > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return fail(Fault::Malformed, at_, "an integer outside the 64-bit signed range");
  }
  begin(found);
  TRY(complete());
  const auto magnitude = static_cast<std::int64_t>(found.argument);
  return found.type == Type::Uint ? magnitude : -1 - magnitude;
}

// The contents of a string whose head was read; at_ still stands on the head.
Result<Bytes> Reader::string(const Head& head) {
  if (input_.size() - at_ - head.size < head.argument) {
    return fail(Fault::Malformed, at_, "the input ends inside a string");
  }
  return input_.subspan(at_ + head.size, static_cast<std::size_t>(head.argument));
}

Result<Bytes> Reader::bytes() {
  const Head found = TRY(head_of(Type::Bytes));
  const Bytes contents = TRY(string(found));
  begin(found);
  at_ += contents.size();
  TRY(complete());
  return contents;
}

Result<std::string_view> Reader::text() {
  const Head found = TRY(head_of(Type::Text));
  const std::string_view contents = as_text(TRY(string(found)));
  if (!is_utf8(contents)) return fail(Fault::Malformed, at_, "text that is not UTF-8");
  begin(found);
  at_ += contents.size();
  TRY(complete());
  return contents;
}

Result<bool> Reader::boolean() {
  const Head found = TRY(head_of(Type::Bool));
  begin(found);
  TRY(complete());
  return found.argument == kTrue;
}

Result<void> Reader::null() {
  begin(TRY(head_of(Type::Null)));
  return complete();
}

Result<std::uint8_t> Reader::simple() {
  const Head found = TRY(head());
  if (found.type != Type::Simple && found.type != Type::Bool && found.type != Type::Null) {
    return mismatch("a simple value", found);
  }
  begin(found);
  TRY(complete());
  return static_cast<std::uint8_t>(found.argument);
}

Result<double> Reader::floating() {
  const Head found = TRY(head_of(Type::Float));
  begin(found);
  TRY(complete());
  return float_value(found.argument, found.width);
}

Result<std::uint64_t> Reader::tag() {
  const Head found = TRY(head_of(Type::Tag));
  if (depth_ >= max_depth_) return fail(Fault::Malformed, at_, "nested too deeply");
  begin(found);
  ++frame().tags;
  ++depth_;
  if (found.argument == kTagPositiveBignum || found.argument == kTagNegativeBignum) {
    TRY(check_bignum(last_));
  }
  return found.argument;
}

// The content of tags 2 and 3 (RFC 8949 §3.4.3, preferred serialization): what fits major type 0
// or 1 is written there, and leading zeros are left out.
Result<void> Reader::check_bignum(std::size_t at) {
  const Head found = TRY(head());
  if (found.type != Type::Bytes) {
    return fail(Fault::Malformed, at, "a bignum whose content is not a byte string");
  }
  const Bytes digits = TRY(string(found));
  if (digits.size() <= 8 || digits[0] == std::byte{0}) {
    return fail(Fault::NotDeterministic, at, "a bignum that is longer than needed");
  }
  return {};
}

Result<void> Reader::expect_tag(std::uint64_t number) {
  const Head found = TRY(head_of(Type::Tag));
  if (found.argument != number) {
    return fail(
        Fault::Malformed, at_,
        "expected tag " + std::to_string(number) + ", found tag " + std::to_string(found.argument));
  }
  TRY(tag());
  return {};
}

Result<void> Reader::enter(const Head& head) {
  const bool map = head.type == Type::Map;
  if (depth_ >= max_depth_) return fail(Fault::Malformed, at_, "nested too deeply");
  // Each item takes a byte at least, so a count beyond the rest of the input is a lie.
  const std::size_t rest = input_.size() - at_ - head.size;
  if (head.argument > (map ? rest / 2 : rest)) {
    return fail(Fault::Malformed, at_,
                map ? "a map of more pairs than there are bytes"
                    : "an array of more items than there are bytes");
  }
  begin(head);
  ++depth_;
  Frame inner;
  inner.map = map;
  inner.left = map ? head.argument * 2 : head.argument;
  frames_.push_back(inner);
  return {};
}

Result<std::size_t> Reader::enter_array() {
  const Head found = TRY(head_of(Type::Array));
  TRY(enter(found));
  return static_cast<std::size_t>(found.argument);
}

Result<std::size_t> Reader::enter_map() {
  const Head found = TRY(head_of(Type::Map));
  TRY(enter(found));
  return static_cast<std::size_t>(found.argument);
}

Result<void> Reader::enter_array_of(std::size_t count) {
  const Head found = TRY(head_of(Type::Array));
  if (found.argument != count) {
    return fail(Fault::Malformed, at_,
                "expected an array of " + std::to_string(count) + " items, found " +
                    std::to_string(found.argument));
  }
  return enter(found);
}

bool Reader::more() const {
  if (failure_) return false;
  if (frames_.empty()) return at_ < input_.size();
  return frames_.back().left != 0;
}

Result<void> Reader::leave() {
  if (failure_) return failure_->error;
  WRIT_ASSERT(!frames_.empty());
  if (frames_.back().left != 0) {
    return fail(Fault::Malformed, at_,
                frames_.back().map ? "the map has more pairs than expected"
                                   : "the array has more items than expected");
  }
  frames_.pop_back();
  --depth_;
  return complete();
}

Result<Bytes> Reader::item() {
  if (failure_) return failure_->error;
  const std::size_t start = at_;
  const std::size_t outer = frames_.size();
  bool tagged = false;
  do {
    if (frames_.size() > outer && !more()) {
      TRY(leave());
      continue;
    }
    tagged = false;
    switch (TRY(peek())) {
      case Type::Uint: TRY(uint()); break;
      case Type::Nint: TRY(negative()); break;
      case Type::Bytes: TRY(bytes()); break;
      case Type::Text: TRY(text()); break;
      case Type::Array: TRY(enter_array()); break;
      case Type::Map: TRY(enter_map()); break;
      case Type::Tag:
        TRY(tag());
        tagged = true;
        break;
      case Type::Bool:
      case Type::Null:
      case Type::Simple: TRY(simple()); break;
      case Type::Float: TRY(floating()); break;
    }
  } while (tagged || frames_.size() > outer);
  last_ = start;
  return input_.subspan(start, at_ - start);
}

Result<void> Reader::skip() {
  TRY(item());
  return {};
}

Result<void> Reader::finish() {
  if (failure_) return failure_->error;
  WRIT_ASSERT(frames_.empty());
  if (top_.tags != 0) return fail(Fault::Malformed, at_, "a tag without content");
  if (at_ != input_.size()) return fail(Fault::Malformed, at_, "more bytes after the item");
  return {};
}

}  // namespace writ::cbor
