#include "cbor/writer.h"

#include <algorithm>
#include <string>

#include "cbor/check.h"
#include "cbor/float.h"

namespace writ::cbor {
namespace {

constexpr unsigned kUint = 0;
constexpr unsigned kNint = 1;
constexpr unsigned kBytes = 2;
constexpr unsigned kText = 3;
constexpr unsigned kArray = 4;
constexpr unsigned kMap = 5;
constexpr unsigned kTag = 6;
constexpr unsigned kOther = 7;

// An item copied whole may be nested as deep as memory for the check's frames allows.
constexpr std::size_t kItemDepth = 1U << 16U;

void append_big_endian(ByteVec& out, std::uint64_t value, std::size_t width) {
  for (std::size_t i = width; i-- > 0;) {
    out.push_back(static_cast<std::byte>(value >> (8 * i) & 0xffU));
  }
}

void append_head(ByteVec& out, unsigned major, std::uint64_t argument) {
  const unsigned high = major << 5U;
  if (argument < 24) {
    out.push_back(static_cast<std::byte>(high | static_cast<unsigned>(argument)));
    return;
  }
  unsigned log_width = 0;
  if (argument > 0xff) log_width = 1;
  if (argument > 0xffff) log_width = 2;
  if (argument > 0xffffffff) log_width = 3;
  out.push_back(static_cast<std::byte>(high | (24 + log_width)));
  append_big_endian(out, argument, std::size_t{1} << log_width);
}

}  // namespace

void Writer::fail(std::string what) {
  if (!error_) error_ = Error(Code::InvalidArgument, "encoding CBOR: " + what);
}

// Counts the item that starts here, unless a tag before it did.
void Writer::item_begins() {
  if (tagged_) return;
  if (frames_.empty()) {
    ++top_count_;
    return;
  }
  Frame& frame = frames_.back();
  if (frame.map) frame.offsets.push_back(out_.size());
  ++frame.count;
}

void Writer::head(unsigned major, std::uint64_t argument) {
  item_begins();
  append_head(out_, major, argument);
}

Writer& Writer::uint(std::uint64_t value) {
  head(kUint, value);
  item_ends();
  return *this;
}

Writer& Writer::negative(std::uint64_t n) {
  head(kNint, n);
  item_ends();
  return *this;
}

Writer& Writer::integer(std::int64_t value) {
  if (value >= 0) return uint(static_cast<std::uint64_t>(value));
  return negative(static_cast<std::uint64_t>(-1 - value));
}

Writer& Writer::bytes(Bytes value) {
  head(kBytes, value.size());
  append(out_, value);
  item_ends();
  return *this;
}

Writer& Writer::text(std::string_view value) {
  if (!is_utf8(value)) fail("text that is not UTF-8: `" + printable(value) + "`");
  head(kText, value.size());
  append(out_, as_bytes(value));
  item_ends();
  return *this;
}

Writer& Writer::boolean(bool value) {
  return simple(value ? 21 : 20);
}

Writer& Writer::null() {
  return simple(22);
}

Writer& Writer::simple(std::uint8_t value) {
  WRIT_ASSERT(value < 24 || value >= 32);
  head(kOther, value);
  item_ends();
  return *this;
}

Writer& Writer::floating(double value) {
  const FloatBits shortest = shortest_float(value);
  item_begins();
  const unsigned info = shortest.width == 2 ? 25 : shortest.width == 4 ? 26 : 27;
  out_.push_back(static_cast<std::byte>(kOther << 5U | info));
  append_big_endian(out_, shortest.bits, shortest.width);
  item_ends();
  return *this;
}

Writer& Writer::tag(std::uint64_t number) {
  head(kTag, number);
  tagged_ = true;
  return *this;
}

Writer& Writer::item(Bytes encoded) {
  if (auto found = find_fault(encoded, kItemDepth)) fail(found->message);
  item_begins();
  append(out_, encoded);
  item_ends();
  return *this;
}

Writer& Writer::begin_array() {
  item_begins();
  tagged_ = false;
  frames_.push_back(Frame{false, out_.size(), 0, {}});
  return *this;
}

Writer& Writer::begin_map() {
  item_begins();
  tagged_ = false;
  frames_.push_back(Frame{true, out_.size(), 0, {}});
  return *this;
}

Writer::Frame Writer::close(bool map) {
  WRIT_ASSERT(!frames_.empty() && frames_.back().map == map);  // unbalanced begin and end
  WRIT_ASSERT(!tagged_);                                       // a tag without content
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  return frame;
}

Writer& Writer::end_array() {
  const Frame frame = close(false);
  ByteVec head_bytes;
  append_head(head_bytes, kArray, frame.count);
  out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(frame.start), head_bytes.begin(),
              head_bytes.end());
  return *this;
}

Writer& Writer::end_map() {
  const Frame frame = close(true);
  WRIT_ASSERT(frame.count % 2 == 0);  // a key without value

  struct Span {
    Bytes key;
    Bytes pair;
  };
  const Bytes body = Bytes(out_);
  std::vector<Span> pairs;
  pairs.reserve(frame.offsets.size() / 2);
  for (std::size_t i = 0; i < frame.offsets.size(); i += 2) {
    const std::size_t start = frame.offsets[i];
    const std::size_t end = i + 2 < frame.offsets.size() ? frame.offsets[i + 2] : body.size();
    pairs.push_back(
        {body.subspan(start, frame.offsets[i + 1] - start), body.subspan(start, end - start)});
  }
  const auto below = [](const Span& a, const Span& b) {
    return std::lexicographical_compare(a.key.begin(), a.key.end(), b.key.begin(), b.key.end());
  };
  std::sort(pairs.begin(), pairs.end(), below);

  ByteVec sorted;
  sorted.reserve(body.size() - frame.start + 9);
  append_head(sorted, kMap, pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (i > 0 && equal(pairs[i - 1].key, pairs[i].key)) {
      fail("the map key " + to_hex(pairs[i].key) + " stands twice");
    }
    append(sorted, pairs[i].pair);
  }
  out_.resize(frame.start);
  append(out_, sorted);
  return *this;
}

Result<ByteVec> Writer::finish() && {
  WRIT_ASSERT(frames_.empty());  // an array or map was not closed
  WRIT_ASSERT(!tagged_);         // a tag without content
  WRIT_ASSERT(top_count_ == 1);  // not exactly one item
  if (error_) return std::move(*error_);
  return std::move(out_);
}

}  // namespace writ::cbor
