// A writer of deterministic CBOR (RFC 8949 §4.2.1); the mirror of Reader (cbor/reader.h).
//
// Whatever is called, the bytes that come out are deterministic: heads and floats are shortest,
// arrays and maps are counted by the writer, and a map's pairs are sorted when it is closed, so
// they may be written in any order.
//
//   Writer w;
//   w.map([&] {
//     w.key(1).text(issuer);
//     w.key("grant").array([&] { for (const Rule& r : rules) write(w, r); });
//   });
//   ByteVec bytes = TRY(std::move(w).finish());
//
// What depends on data is reported by finish(), once: InvalidArgument for a key that stands twice
// in a map, text that is not UTF-8, an item() that is no deterministic item. What can only be a
// programmer's slip (unbalanced calls, a key without value, a tag without content, not exactly one
// item in all) dies at once.
//
// Not promised: that a Reader's default depth is kept; that is up to who writes.
// Thread safety: distinct writers are independent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace writ::cbor {

class Writer {
 public:
  Writer& uint(std::uint64_t value);
  // negative writes the number -1 - n.
  Writer& negative(std::uint64_t n);
  Writer& integer(std::int64_t value);
  Writer& bytes(Bytes value);
  Writer& text(std::string_view value);
  Writer& boolean(bool value);
  Writer& null();
  // simple dies for 24…31, which do not exist.
  Writer& simple(std::uint8_t value);
  // floating writes the shortest of half, single and double that keeps the value; every NaN is
  // written as f97e00.
  Writer& floating(double value);
  // tag is followed by its content.
  Writer& tag(std::uint64_t number);
  // item copies one item that is encoded already.
  Writer& item(Bytes encoded);

  Writer& begin_array();
  Writer& end_array();
  Writer& begin_map();
  Writer& end_map();

  // key writes a map's key; integer() or text() would do as well, this reads better.
  Writer& key(std::string_view name) { return text(name); }
  Writer& key(const char* name) { return text(name); }
  Writer& key(std::int64_t label) { return integer(label); }
  Writer& key(int label) { return integer(label); }

  // array and map call `body` between begin and end.
  template <typename Body>
  Writer& array(Body&& body) {
    begin_array();
    body();
    return end_array();
  }
  template <typename Body>
  Writer& map(Body&& body) {
    begin_map();
    body();
    return end_map();
  }

  // finish returns the encoding of the one item that was written.
  Result<ByteVec> finish() &&;

 private:
  struct Frame {
    bool map = false;
    std::size_t start = 0;             // where the head will be inserted
    std::uint64_t count = 0;           // items so far
    std::vector<std::size_t> offsets;  // of each item, maps only
  };

  void item_begins();
  void item_ends() { tagged_ = false; }
  void head(unsigned major, std::uint64_t argument);
  Frame close(bool map);
  void fail(std::string what);

  ByteVec out_;
  std::vector<Frame> frames_;
  std::uint64_t top_count_ = 0;
  bool tagged_ = false;  // a tag waits for its content
  std::optional<Error> error_;
};

}  // namespace writ::cbor
