// Our reading and writing compared with two independent implementations: libcbor (C) and cbor2
// (Python), the latter in both directions. A missing peer fails the test.
#include <cbor.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>

#include "cbor/check.h"
#include "cbor/generate.h"

namespace writ::cbor {
namespace {

struct ItemDeleter {
  void operator()(cbor_item_t* item) const { cbor_decref(&item); }
};
using Item = std::unique_ptr<cbor_item_t, ItemDeleter>;

// The whole of `bytes` as libcbor reads it; null when it does not, or not all of it.
Item load(Bytes bytes) {
  cbor_load_result result;
  Item item(cbor_load(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), &result));
  return result.read == bytes.size() ? std::move(item) : nullptr;
}

// libcbor's item as one of our values. Chunked strings do not occur in what we accept.
Value value_of(const cbor_item_t* item) {
  switch (cbor_typeof(item)) {
    case CBOR_TYPE_UINT: return Value::uint(cbor_get_int(item));
    case CBOR_TYPE_NEGINT: return Value::negative(cbor_get_int(item));
    case CBOR_TYPE_BYTESTRING:
      return Value::bytes(to_vec(Bytes(reinterpret_cast<std::byte*>(cbor_bytestring_handle(item)),
                                       cbor_bytestring_length(item))));
    case CBOR_TYPE_STRING:
      return Value::text(
          std::string(reinterpret_cast<char*>(cbor_string_handle(item)), cbor_string_length(item)));
    case CBOR_TYPE_ARRAY: {
      Value array = Value::array();
      for (std::size_t i = 0; i < cbor_array_size(item); ++i) {
        array.push(value_of(cbor_array_handle(item)[i]));
      }
      return array;
    }
    case CBOR_TYPE_MAP: {
      Value map = Value::map();
      for (std::size_t i = 0; i < cbor_map_size(item); ++i) {
        map.set(value_of(cbor_map_handle(item)[i].key), value_of(cbor_map_handle(item)[i].value));
      }
      return map;
    }
    case CBOR_TYPE_TAG: {
      const Item content(cbor_tag_item(item));
      return Value::tag(cbor_tag_value(item), value_of(content.get()));
    }
    case CBOR_TYPE_FLOAT_CTRL: break;
  }
  if (cbor_float_ctrl_is_ctrl(item)) return Value::simple(cbor_ctrl_value(item));
  return Value::floating(cbor_float_get_float(item));
}

// What libcbor 0.8 refuses although it is well-formed: unassigned simple values, and tags 6 to 20
// in one byte, which it takes for reserved.
bool beyond_libcbor(const Value& value) {
  const auto any = [](const auto& range, auto test) {
    return std::any_of(range.begin(), range.end(), test);
  };
  switch (value.type()) {
    case Type::Simple: return *value.as_simple() != 23;
    case Type::Tag:
      return (*value.tag_number() >= 6 && *value.tag_number() <= 20) ||
             beyond_libcbor(*value.tag_content());
    case Type::Array: return any(*value.as_array(), beyond_libcbor);
    case Type::Map:
      return any(*value.as_map(), [](const Pair& pair) {
        return beyond_libcbor(pair.key) || beyond_libcbor(pair.value);
      });
    default: return false;
  }
}

RC_GTEST_PROP(CborAgainstLibcbor, WhatWeEncodeItReadsAsTheSameValue, ()) {
  const Value value = any_value({.simple = false, .tags = false}, 4);
  const Item item = load(*encode(value));
  RC_ASSERT(item != nullptr);
  RC_ASSERT(describe(value_of(item.get())) == describe(value));
}

// Random edits of good encodings reach more than random bytes do.
TEST(CborAgainstLibcbor, WhatBothAcceptIsTheSameValue) {
  std::mt19937 random(20250101);
  int both = 0;
  int only_we = 0;
  const auto compare = [&](const ByteVec& bytes) {
    const auto ours = decode(bytes);
    if (!ours) return;
    const Item theirs = load(bytes);
    if (theirs == nullptr) {
      ++only_we;
      EXPECT_TRUE(beyond_libcbor(*ours)) << to_hex(bytes);
      return;
    }
    EXPECT_EQ(describe(value_of(theirs.get())), describe(*ours)) << to_hex(bytes);
    ++both;
  };
  for (int round = 0; round < 100; ++round) {
    ByteVec bytes;
    const auto shrinkable = rc::gen::exec([] { return *encode(any_value({.simple = false}, 3)); })(
        rc::Random(static_cast<std::uint64_t>(round)), 30);
    const ByteVec good = shrinkable.value();
    compare(good);
    for (int edit = 0; edit < 200; ++edit) {
      ByteVec edited = good;
      for (auto n = random() % 3 + 1; n > 0; --n) {
        edited[random() % edited.size()] = static_cast<std::byte>(random() & 0xffU);
      }
      compare(edited);
    }
  }
  for (unsigned a = 0; a < 256; ++a) {
    compare({static_cast<std::byte>(a)});
    for (unsigned b = 0; b < 256; ++b) {
      compare({static_cast<std::byte>(a), static_cast<std::byte>(b)});
      for (unsigned c = 0; c < 256; c += 15) {
        compare({static_cast<std::byte>(a), static_cast<std::byte>(b), static_cast<std::byte>(c)});
      }
    }
  }
  EXPECT_GT(both, 20'000);
  RecordProperty("both", both);
  RecordProperty("only_we", only_we);
}

// Runs the peer with `arguments`, `input` on its standard input; its output by lines.
std::vector<std::string> cbor2(const std::string& arguments, const std::string& input) {
  const std::string in = testing::TempDir() + "writ_cbor2_in." + std::to_string(getpid());
  const std::string out = testing::TempDir() + "writ_cbor2_out." + std::to_string(getpid());
  std::ofstream(in) << input;
  const std::string command =
      "/usr/bin/python3 src/cbor/cbor2_oracle.py " + arguments + " <" + in + " >" + out;
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::vector<std::string> lines;
  std::ifstream file(out);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  std::remove(in.c_str());
  std::remove(out.c_str());
  return lines;
}

TEST(CborAgainstCbor2, WhatWeEncodeItReadsAsTheSameValue) {
  std::string input;
  std::vector<std::string> expected;
  for (std::uint64_t round = 0; round < 2'000; ++round) {
    const auto value = rc::gen::exec([] {
                         return any_value({.any_key = false, .tags = false}, 4);
                       })(rc::Random(round), static_cast<int>(round % 60))
                           .value();
    expected.push_back(describe(value));
    input += to_hex(*encode(value)) + "\n";
  }
  const auto lines = cbor2("describe", input);
  ASSERT_EQ(lines.size(), expected.size());
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i], expected[i]);
}

TEST(CborAgainstCbor2, WhatItEncodesWeReadAsTheSameValueAndEncodeAlike) {
  const auto lines = cbor2("generate 8949 2000", "");
  ASSERT_EQ(lines.size(), 2'000U);
  for (const std::string& line : lines) {
    const std::size_t space = line.find(' ');
    ASSERT_NE(space, std::string::npos) << line;
    const auto bytes = from_hex(line.substr(0, space));
    ASSERT_TRUE(bytes) << line;
    const auto value = decode(*bytes);
    ASSERT_TRUE(value) << value.error().message() << " in " << line;
    EXPECT_EQ(describe(*value), line.substr(space + 1));
    EXPECT_EQ(*encode(*value), *bytes);
  }
}

}  // namespace
}  // namespace writ::cbor
