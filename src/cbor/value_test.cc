#include "cbor/value.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "cbor/check.h"
#include "cbor/diagnostic.h"
#include "cbor/generate.h"

namespace writ::cbor {
namespace {

ByteVec hex(std::string_view text) {
  return from_hex(text).value();
}

TEST(CborValue, LooksUpKeysInAMap) {
  const auto value =
      decode(hex("a4"
                 "0a05"
                 "186404"
                 "2003"
                 "626161f5"));
  ASSERT_TRUE(value);
  EXPECT_EQ(value->find(100)->as_integer(), 4);
  EXPECT_EQ(value->find(-1)->as_uint(), 3U);
  EXPECT_EQ(value->find("aa")->as_boolean(), true);
  EXPECT_EQ(value->find("a"), nullptr);
  EXPECT_EQ(value->find(11), nullptr);
  EXPECT_EQ(Value::text("aa").find("aa"), nullptr);
}

TEST(CborValue, SetKeepsTheMapSortedAndReplaces) {
  Value map = Value::map();
  map.set("b", Value::uint(1)).set(7, Value::null()).set("aa", Value::uint(2));
  map.set("b", Value::uint(9));
  EXPECT_EQ(to_hex(*encode(map)),
            "a3"
            "07f6"
            "616209"
            "62616102");
}

TEST(CborValue, AccessorsOfAnotherTypeReturnNothing) {
  const Value text = Value::text("x");
  EXPECT_EQ(text.as_uint(), std::nullopt);
  EXPECT_EQ(text.as_negative(), std::nullopt);
  EXPECT_EQ(text.as_integer(), std::nullopt);
  EXPECT_EQ(text.as_bytes(), nullptr);
  EXPECT_EQ(text.as_boolean(), std::nullopt);
  EXPECT_EQ(text.as_simple(), std::nullopt);
  EXPECT_EQ(text.as_floating(), std::nullopt);
  EXPECT_EQ(text.as_array(), nullptr);
  EXPECT_EQ(text.as_map(), nullptr);
  EXPECT_EQ(text.tag_number(), std::nullopt);
  EXPECT_EQ(text.tag_content(), nullptr);
  EXPECT_EQ(Value::bytes({}).as_text(), nullptr);
  EXPECT_EQ(Value::null().as_boolean(), std::nullopt);
  EXPECT_EQ(Value::uint(UINT64_MAX).as_integer(), std::nullopt);
  EXPECT_EQ(Value::negative(UINT64_MAX).as_integer(), std::nullopt);
  EXPECT_EQ(Value::integer(INT64_MIN).as_integer(), INT64_MIN);
}

TEST(CborValue, TheNumberOfValuesIsLimited) {
  const ByteVec bytes = hex("8301820203a10405");  // 8 values
  EXPECT_TRUE(decode(bytes, {.values = 8}));
  const auto refused = decode(bytes, {.values = 7});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::Exhausted);
  EXPECT_FALSE(decode(ByteVec(10, std::byte{0xc6}), {.values = 3}));
}

TEST(CborValue, DepthIsLimitedToTheCapWhateverIsAsked) {
  ByteVec deep(kDepthCap - 1, std::byte{0x81});
  deep.push_back(std::byte{0x80});
  EXPECT_TRUE(decode(deep, {.depth = SIZE_MAX}));
  EXPECT_FALSE(decode(deep));
  deep.insert(deep.begin(), std::byte{0xc6});
  EXPECT_FALSE(decode(deep, {.depth = SIZE_MAX}));
}

TEST(CborValue, TextThatIsNotUtf8IsNotEncoded) {
  EXPECT_EQ(encode(Value::text("\xff")).error().code(), Code::InvalidArgument);
}

TEST(CborDiagnostic, ShowsWhatTheTableHasNoRowFor) {
  const auto shown = [](std::string_view text) {
    auto result = diagnose(hex(text));
    return result ? *result : result.error().message();
  };
  EXPECT_EQ(shown("65"
                  "1b5b324a7f"),
            "\"\\u001b[2J\\u007f\"");
  EXPECT_EQ(shown("63"
                  "0a0d09"),
            "\"\\n\\r\\t\"");
  EXPECT_EQ(shown("a1"
                  "c6a0"
                  "c6c680"),
            "{6({}): 6(6([]))}");
  EXPECT_EQ(shown("82"
                  "c6"
                  "820102"
                  "03"),
            "[6([1, 2]), 3]");
  EXPECT_EQ(shown("c24a"
                  "ffffffffffffffffffff"),
            "1208925819614629174706175");
  EXPECT_EQ(shown("c34a"
                  "ffffffffffffffffffff"),
            "-1208925819614629174706176");
  EXPECT_EQ(shown("c25841" + std::string(130, 'f')), "2(h'" + std::string(130, 'f') + "')");
  EXPECT_EQ(shown("fb4340000000000001"), "9007199254740994.0");
  EXPECT_EQ(shown("fb444b1ae4d6e2ef50"), "1.0e+21");
  EXPECT_EQ(shown("fb3eb0c6f7a0b5ed8d"), "0.000001");
  EXPECT_EQ(shown("fb3e7ad7f29abcaf48"), "1.0e-7");
  EXPECT_EQ(shown("1801"),
            "not deterministic CBOR at byte 0: a number or length longer than it "
            "needs to be");
}

TEST(CborDiagnostic, DeepItemsArePrintedWithoutRecursion) {
  ByteVec deep(99'999, std::byte{0x81});
  deep.push_back(std::byte{0x80});
  const auto text = diagnose(deep, 100'000);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, std::string(100'000, '[') + std::string(100'000, ']'));
}

RC_GTEST_PROP(CborProperty, EncodeThenDecodeGivesTheSameValue, ()) {
  const Value value = any_value({}, 4);
  const auto bytes = encode(value);
  RC_ASSERT(bytes.has_value());
  RC_ASSERT(!find_fault(*bytes));
  const auto again = decode(*bytes);
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == value);
  RC_ASSERT(describe(*again) == describe(value));
  RC_ASSERT(*encode(*again) == *bytes);
  RC_ASSERT(diagnose(*bytes).has_value());
}

RC_GTEST_PROP(CborProperty, EveryFlippedBitFailsOrIsTheEncodingOfAnotherValue, ()) {
  const Value value = any_value({}, 3);
  ByteVec bytes = *encode(value);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1U << bit % 8);
    bytes[bit / 8] ^= mask;
    const auto other = decode(bytes);
    RC_ASSERT(other.has_value() == !find_fault(bytes).has_value());
    if (other) {
      RC_ASSERT(*other != value);
      RC_ASSERT(*encode(*other) == bytes);
    }
    bytes[bit / 8] ^= mask;
  }
}

RC_GTEST_PROP(CborProperty, EveryTruncationIsMalformed, ()) {
  const ByteVec bytes = *encode(any_value({}, 3));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto found = find_fault(Bytes(bytes).first(size));
    RC_ASSERT(found.has_value());
    RC_ASSERT(found->fault == Fault::Malformed);
  }
}

RC_GTEST_PROP(CborProperty, ArbitraryBytesFailOrAreTheEncodingOfTheirValue, ()) {
  const ByteVec bytes = any_bytes();
  const auto value = decode(bytes);
  RC_ASSERT(value.has_value() == !find_fault(bytes).has_value());
  if (value) RC_ASSERT(*encode(*value) == bytes);
}

RC_GTEST_PROP(CborProperty, TheOrderOfValuesIsTheOrderOfTheirEncodings, ()) {
  const Value a = any_value({}, 2);
  const Value b = any_value({}, 2);
  const ByteVec x = *encode(a);
  const ByteVec y = *encode(b);
  RC_ASSERT((a < b) == std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end()));
  RC_ASSERT((a == b) == (x == y));
}

}  // namespace
}  // namespace writ::cbor
