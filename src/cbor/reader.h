// A cursor over deterministic CBOR (RFC 8949 §4.2.1): the only way Writ reads CBOR.
//
// The bytes may come from a stranger. Every getter either reads one item and advances, or fails
// and leaves the reader failed for good: all later calls return the first error. What is accepted
// has exactly one encoding: shortest heads, definite lengths, shortest floats (NaN is f97e00 only),
// map keys ascending bytewise (a key that stands twice is Malformed), bignums (tags 2, 3) only
// beyond 64 bits and without leading zeros, text in UTF-8. Keys and counts are checked by the
// reader itself, whichever way a map is walked; a caller cannot forget to.
//
//   Reader r(bytes);
//   TRY(r.enter_map());
//   while (r.more()) {
//     switch (TRY(r.integer())) {
//       case 1: issuer = TRY(r.text()); break;
//       default: return r.refuse("unknown claim");
//     }
//   }
//   TRY(r.leave());
//   TRY(r.finish());
//
// Two kinds of fault, first one met wins: NotDeterministic is well-formed CBOR encoded in another
// way than the one accepted; Malformed is everything else, including an item of another type than
// asked for, too few or too many items, and nesting beyond the limit.
// Errors: Code::Malformed; the message says which fault, the byte offset and what was found.
// Nothing is allocated by a length the input claims; nesting costs stack nowhere.
//
// Ownership: views point into the input. Thread safety: distinct readers are independent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/reason.h"
#include "base/result.h"

namespace writ::cbor {

enum class Fault { Malformed, NotDeterministic };

// reason_of is the reason code a refused permit gets: `malformed` or `not_deterministic`.
Reason reason_of(Fault fault);

// Simple is every simple value but false, true and null.
enum class Type { Uint, Nint, Bytes, Text, Array, Map, Tag, Bool, Null, Simple, Float };

// type_name is what messages say: "an unsigned integer", "a map", …
std::string_view type_name(Type type);

// Levels of arrays, maps and tags that a reader accepts when not told otherwise.
inline constexpr std::size_t kMaxDepth = 32;

class Reader {
 public:
  explicit Reader(Bytes input, std::size_t max_depth = kMaxDepth)
      : input_(input), max_depth_(max_depth) {}

  // peek is the type of the next item; it fails where there is none.
  Result<Type> peek();

  Result<std::uint64_t> uint();
  // negative reads major type 1; the number is -1 - the result.
  Result<std::uint64_t> negative();
  // integer reads either sign; Malformed when outside int64.
  Result<std::int64_t> integer();
  Result<Bytes> bytes();
  // text is checked to be UTF-8.
  Result<std::string_view> text();
  Result<bool> boolean();
  Result<void> null();
  // simple reads any simple value (RFC 8949 §3.3), also false (20), true (21) and null (22).
  Result<std::uint8_t> simple();
  Result<double> floating();
  // tag reads a tag number; its content is the next item.
  Result<std::uint64_t> tag();
  // expect_tag is tag(), Malformed unless it is `number`.
  Result<void> expect_tag(std::uint64_t number);

  // enter_array and enter_map return the number of items or of pairs, never more than the rest of
  // the input could hold. In a map, keys and values are read by turns.
  Result<std::size_t> enter_array();
  Result<std::size_t> enter_map();
  // enter_array_of is enter_array(), Malformed unless there are exactly `count` items.
  Result<void> enter_array_of(std::size_t count);
  // more says whether the innermost open array or map, or with none open the input, has more.
  // False once failed, so that loops end.
  bool more() const;
  // leave closes the innermost array or map; Malformed when items are left in it.
  Result<void> leave();

  // item reads one whole item, however deep, checks all of it and returns its encoding.
  Result<Bytes> item();
  // skip is item() for its check alone.
  Result<void> skip();

  // finish fails unless everything is read and every array and map was left.
  Result<void> finish();

  // refuse fails the reader as Malformed at the start of the item read last, for what only the
  // caller can judge: `return r.refuse("unknown claim")`.
  Error refuse(std::string_view what);

  // fault is the kind of the first fault, nothing while all is well; fault_offset its place.
  std::optional<Fault> fault() const;
  std::size_t fault_offset() const;

  // offset is the position of the next byte to be read.
  std::size_t offset() const { return at_; }

 private:
  struct Head {
    Type type = Type::Null;
    std::uint64_t argument = 0;
    std::size_t size = 0;
    std::size_t width = 0;  // bytes of the argument; 0 when it is in the first byte
  };
  struct Frame {
    std::uint64_t left = 0;  // items still to read; a pair counts two
    bool map = false;
    std::size_t tags = 0;        // tags read whose content is still to come
    std::size_t item_start = 0;  // of the item being read, its tags included
    std::size_t key_start = 0;   // the last key's encoding; empty before the first
    std::size_t key_end = 0;
  };
  struct Failure {
    Fault fault;
    std::size_t offset;
    Error error;
  };

  Error fail(Fault fault, std::size_t offset, std::string_view what);
  Error mismatch(std::string_view wanted, const Head& found);
  Result<Head> head();
  Result<Head> head_of(Type wanted);
  Result<void> check_float(const Head& head);
  Result<void> check_bignum(std::size_t at);
  Result<Bytes> string(const Head& head);
  void begin(const Head& head);
  Result<void> complete();
  Result<void> enter(const Head& head);
  Frame& frame() { return frames_.empty() ? top_ : frames_.back(); }
  const Frame& frame() const { return frames_.empty() ? top_ : frames_.back(); }

  Bytes input_;
  std::size_t max_depth_;
  std::size_t at_ = 0;
  std::size_t last_ = 0;   // start of the item read last
  std::size_t depth_ = 0;  // open containers and tags
  Frame top_;
  std::vector<Frame> frames_;
  std::optional<Failure> failure_;
};

}  // namespace writ::cbor
