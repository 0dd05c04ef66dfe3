#include "cbor/reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "cbor/check.h"
#include "cbor/value.h"

namespace writ::cbor {
namespace {

ByteVec hex(std::string_view text) {
  return from_hex(text).value();
}

// The kind and place of the first fault: "malformed 3", "not_deterministic 0" or "fine".
std::string fault_in(std::string_view text, std::size_t depth = kMaxDepth) {
  const auto found = find_fault(hex(text), depth);
  if (!found) return "fine";
  return std::string(code_of(reason_of(found->fault))) + " " + std::to_string(found->offset);
}

TEST(CborReader, ReadsOneOfEachType) {
  // [1, -2, h'01', "a", true, null, simple(16), 1.5, 24(h''), {1: []}]
  const ByteVec bytes =
      hex("8a0121410161"
          "61f5f6f0f93e00d81840a10180");
  Reader r(bytes);
  EXPECT_EQ(*r.peek(), Type::Array);
  EXPECT_EQ(*r.enter_array(), 10U);
  EXPECT_EQ(*r.uint(), 1U);
  EXPECT_EQ(*r.negative(), 1U);
  EXPECT_EQ(to_hex(*r.bytes()), "01");
  EXPECT_EQ(*r.text(), "a");
  EXPECT_EQ(*r.boolean(), true);
  EXPECT_TRUE(r.null());
  EXPECT_EQ(*r.simple(), 16);
  EXPECT_EQ(*r.floating(), 1.5);
  EXPECT_EQ(*r.tag(), 24U);
  EXPECT_TRUE(r.bytes()->empty());
  EXPECT_EQ(*r.enter_map(), 1U);
  EXPECT_EQ(*r.integer(), 1);
  EXPECT_EQ(*r.enter_array(), 0U);
  EXPECT_FALSE(r.more());
  EXPECT_TRUE(r.leave());
  EXPECT_TRUE(r.leave());
  EXPECT_TRUE(r.leave());
  EXPECT_FALSE(r.more());
  EXPECT_TRUE(r.finish());
  EXPECT_EQ(r.fault(), std::nullopt);
}

TEST(CborReader, ViewsPointIntoTheInput) {
  const ByteVec bytes =
      hex("8243010203"
          "6161");
  Reader r(bytes);
  ASSERT_TRUE(r.enter_array());
  EXPECT_EQ(r.bytes()->data(), bytes.data() + 2);
  EXPECT_EQ(static_cast<const void*>(r.text()->data()), bytes.data() + 6);
}

TEST(CborReader, AFailedReaderStaysFailedAndKeepsItsFirstError) {
  const ByteVec bytes = hex("820102");
  Reader r(bytes);
  ASSERT_TRUE(r.enter_array());
  const auto first = r.text();
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().message(),
            "malformed CBOR at byte 1: expected a text string, found an unsigned integer");
  EXPECT_EQ(first.error().code(), Code::Malformed);
  EXPECT_FALSE(r.uint());
  EXPECT_FALSE(r.peek());
  EXPECT_FALSE(r.skip());
  EXPECT_FALSE(r.leave());
  EXPECT_FALSE(r.more());
  EXPECT_EQ(r.finish().error().message(), first.error().message());
  EXPECT_EQ(r.fault(), Fault::Malformed);
  EXPECT_EQ(r.fault_offset(), 1U);
}

TEST(CborReader, LongerHeadsThanNeededAreNotDeterministic) {
  for (const char* text : {"1800", "1817", "190000", "1900ff", "1a0000ffff", "1b00000000ffffffff",
                           "3817", "3900ff", "5800", "581700",
                           "7801"
                           "61",
                           "9800", "b800", "d81780",
                           "d90001"
                           "00",
                           "9b0000000000000000", "5b000000000000000100"}) {
    EXPECT_EQ(fault_in(text), "not_deterministic 0") << text;
  }
  for (const char* text : {"17", "1818", "18ff", "190100", "19ffff", "1a00010000", "1affffffff",
                           "1b0000000100000000"}) {
    EXPECT_EQ(fault_in(text), "fine") << text;
  }
}

TEST(CborReader, FloatsLongerThanNeededAreNotDeterministic) {
  for (const char* text :
       {"fa3fc00000",          // 1.5 fits a half
        "fb3ff8000000000000",  // the same as double
        "fb40f86a0000000000",  // 100000 fits a single
        "fa00000000", "fa80000000", "fb0000000000000000",
        "fa33800000",          // 2^-24, the smallest half
        "fa477fe000",          // 65504, the largest half
        "fb36a0000000000000",  // 2^-149, the smallest single
        "fb47efffffe0000000",  // the largest single
        "f97e01", "f9fe00", "f97c01", "fa7fc00001", "fb7ff8000000000001", "fb7ff0000000000001"}) {
    EXPECT_EQ(fault_in(text), "not_deterministic 0") << text;
  }
  for (const char* text :
       {"f90001", "f903ff", "f97bff", "f97e00", "fa33000000",            // 2^-25 fits no half
        "fa47800000",                                                    // 65536
        "fa00000001", "fa7f7fffff", "fa33c00001", "fb3690000000000000",  // 2^-150
        "fb47efffffe0000001", "fb7fefffffffffffff", "fb0000000000000001"}) {
    EXPECT_EQ(fault_in(text), "fine") << text;
  }
}

TEST(CborReader, EveryHalfFloatHasTheValueOfItsBits) {
  // RFC 8949 appendix D, the definition of a half-precision number.
  int accepted = 0;
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const ByteVec bytes = {std::byte{0xf9}, static_cast<std::byte>(bits >> 8U),
                           static_cast<std::byte>(bits & 0xffU)};
    const unsigned exponent = bits >> 10U & 0x1fU;
    const unsigned mantissa = bits & 0x3ffU;
    double expected = 0;
    if (exponent == 0) {
      expected = std::ldexp(mantissa, -24);
    } else if (exponent != 31) {
      expected = std::ldexp(mantissa + 1024, static_cast<int>(exponent) - 25);
    } else {
      expected = mantissa == 0 ? INFINITY : NAN;
    }
    if ((bits & 0x8000U) != 0) expected = -expected;
    const auto value = Reader(bytes).floating();
    if (std::isnan(expected)) {
      EXPECT_EQ(value.has_value(), bits == 0x7e00) << bits;
      continue;
    }
    ASSERT_TRUE(value) << bits;
    EXPECT_EQ(*value, expected) << bits;
    EXPECT_EQ(std::signbit(*value), std::signbit(expected)) << bits;
    ++accepted;
  }
  EXPECT_EQ(accepted, 0x10000 - 2 * 1023);
}

TEST(CborReader, MapKeysMustAscendByTheirEncoding) {
  EXPECT_EQ(fault_in("a201000200"), "fine");
  EXPECT_EQ(fault_in("a202000100"), "not_deterministic 3");
  EXPECT_EQ(fault_in("a20a00"
                     "186400"),
            "fine");  // 10, 100
  EXPECT_EQ(fault_in("a3"
                     "0a00"
                     "186400"
                     "2000"),
            "fine");  // 10, 100, -1: bytewise
  EXPECT_EQ(fault_in("a3"
                     "0a00"
                     "2000"
                     "186400"),
            "not_deterministic 5");  // shorter first: no
  EXPECT_EQ(fault_in("a2"
                     "6162"
                     "00"
                     "626161"
                     "00"),
            "fine");  // "b" before "aa"
  EXPECT_EQ(fault_in("a2"
                     "626161"
                     "00"
                     "6162"
                     "00"),
            "not_deterministic 5");
  // Every kind of key: an array, a tagged key, a map.
  EXPECT_EQ(fault_in("a2"
                     "8101"
                     "00"
                     "8100"
                     "00"),
            "not_deterministic 4");
  EXPECT_EQ(fault_in("a2"
                     "d90102"
                     "00"
                     "00"
                     "c100"
                     "00"),
            "not_deterministic 6");
  EXPECT_EQ(fault_in("a2"
                     "c100"
                     "00"
                     "d90102"
                     "00"
                     "00"),
            "fine");
  EXPECT_EQ(fault_in("a2"
                     "a10100"
                     "00"
                     "a10000"
                     "00"),
            "not_deterministic 5");
  // An inner map's keys are its own, and values are no keys.
  EXPECT_EQ(fault_in("a2"
                     "01"
                     "a20500"
                     "0600"
                     "02"
                     "a10100"),
            "fine");
  EXPECT_EQ(fault_in("a2"
                     "0109"
                     "0205"),
            "fine");
  EXPECT_EQ(fault_in("82"
                     "02"
                     "01"),
            "fine");
}

TEST(CborReader, AKeyThatStandsTwiceIsMalformed) {
  EXPECT_EQ(fault_in("a201000100"), "malformed 3");
  EXPECT_EQ(fault_in("a26161006161"
                     "00"),
            "malformed 4");
  EXPECT_EQ(fault_in("a2"
                     "800080"
                     "00"),
            "malformed 3");
}

TEST(CborReader, TheCallerCannotForgetTheKeyCheck) {
  // Keys read by getters, skip, item and entered containers are all compared.
  const ByteVec bytes = hex("a202000100");
  Reader by_getter(bytes);
  ASSERT_TRUE(by_getter.enter_map());
  EXPECT_TRUE(by_getter.integer());
  EXPECT_TRUE(by_getter.skip());
  EXPECT_FALSE(by_getter.integer());
  EXPECT_EQ(by_getter.fault(), Fault::NotDeterministic);
  Reader by_skip(bytes);
  ASSERT_TRUE(by_skip.enter_map());
  EXPECT_TRUE(by_skip.skip());
  EXPECT_TRUE(by_skip.uint());
  EXPECT_FALSE(by_skip.item());
  const ByteVec arrays =
      hex("a2"
          "8102"
          "00"
          "8101"
          "00");
  Reader entered(arrays);
  ASSERT_TRUE(entered.enter_map());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(entered.enter_array());
    ASSERT_TRUE(entered.uint());
    EXPECT_EQ(entered.leave().has_value(), i == 0);
    if (i == 0) {
      ASSERT_TRUE(entered.uint());
    }
  }
  EXPECT_EQ(entered.fault(), Fault::NotDeterministic);
}

TEST(CborReader, BignumsOnlyBeyondSixtyFourBitsAndWithoutLeadingZeros) {
  EXPECT_EQ(fault_in("c249010000000000000000"), "fine");
  EXPECT_EQ(fault_in("c349010000000000000000"), "fine");
  EXPECT_EQ(fault_in("c248ffffffffffffffff"), "not_deterministic 0");
  EXPECT_EQ(fault_in("c240"), "not_deterministic 0");
  EXPECT_EQ(fault_in("c34101"), "not_deterministic 0");
  EXPECT_EQ(fault_in("c24a00010000000000000000"), "not_deterministic 0");
  EXPECT_EQ(fault_in("c201"), "malformed 0");
  EXPECT_EQ(fault_in("c2"
                     "6161"),
            "malformed 0");
  EXPECT_EQ(fault_in("c2"), "malformed 1");
  EXPECT_EQ(fault_in("c249010000"), "malformed 1");
}

TEST(CborReader, IndefiniteLengthsAreNotDeterministicAndReservedBytesMalformed) {
  EXPECT_EQ(fault_in("825f4100ff00"), "not_deterministic 1");
  EXPECT_EQ(fault_in("9fff"), "not_deterministic 0");
  EXPECT_EQ(fault_in("bfff"), "not_deterministic 0");
  EXPECT_EQ(fault_in("7fff"), "not_deterministic 0");
  EXPECT_EQ(fault_in("1f"), "malformed 0");
  EXPECT_EQ(fault_in("3f"), "malformed 0");
  EXPECT_EQ(fault_in("df00"), "malformed 0");
  EXPECT_EQ(fault_in("ff"), "malformed 0");
  EXPECT_EQ(fault_in("81ff"), "malformed 1");
  EXPECT_EQ(fault_in("f814"), "malformed 0");
  EXPECT_EQ(fault_in("f81f"), "malformed 0");
  EXPECT_EQ(fault_in("f820"), "fine");
}

TEST(CborReader, TextIsUtf8) {
  EXPECT_EQ(fault_in("62c328"), "malformed 0");
  EXPECT_EQ(fault_in("61ff"), "malformed 0");
  EXPECT_EQ(fault_in("63eda080"), "malformed 0");  // a surrogate
  EXPECT_EQ(fault_in("62c080"), "malformed 0");    // overlong
  EXPECT_EQ(fault_in("63e6b0b4"), "fine");
  EXPECT_EQ(fault_in("42c328"), "fine");  // bytes may hold anything
}

TEST(CborReader, NothingFollowsTheItem) {
  EXPECT_EQ(fault_in(""), "malformed 0");
  EXPECT_EQ(fault_in("0000"), "malformed 1");
  EXPECT_EQ(fault_in("8000"), "malformed 1");
  EXPECT_EQ(fault_in("c0"), "malformed 1");
  const ByteVec bytes = hex("c0");
  Reader r(bytes);
  ASSERT_TRUE(r.tag());
  EXPECT_FALSE(r.finish());
  EXPECT_EQ(r.fault(), Fault::Malformed);
}

TEST(CborReader, ClaimedLengthsBeyondTheInputFailAtOnce) {
  for (const char* text :
       {"5bffffffffffffffff00", "7bffffffffffffffff00", "9bffffffffffffffff00",
        "bbffffffffffffffff0000", "9b7fffffffffffffff", "bb8000000000000000", "bb7fffffffffffffff",
        "5b7fffffffffffffff", "5affffffff00", "9affffffff00", "baffffffff00"}) {
    EXPECT_EQ(fault_in(text), "malformed 0") << text;
    EXPECT_FALSE(decode(hex(text))) << text;
  }
  EXPECT_EQ(fault_in("8200"), "malformed 0");      // two items in one byte
  EXPECT_EQ(fault_in("a2010203"), "malformed 0");  // two pairs in three bytes
  EXPECT_EQ(fault_in("84800182"), "malformed 0");
}

TEST(CborReader, DepthIsLimitedForArraysMapsAndTags) {
  EXPECT_EQ(fault_in("8180", 2), "fine");
  EXPECT_EQ(fault_in("818180", 2), "malformed 2");
  EXPECT_EQ(fault_in("a100a0", 1), "malformed 2");
  EXPECT_EQ(fault_in("c6c600", 2), "fine");
  EXPECT_EQ(fault_in("c6c6c600", 2), "malformed 2");
  EXPECT_EQ(fault_in("c681c600", 2), "malformed 2");
  EXPECT_EQ(fault_in("00", 0), "fine");
  EXPECT_EQ(fault_in("80", 0), "malformed 0");
  // Depth is given back: many siblings are not deep.
  EXPECT_EQ(fault_in("8480c60081c600"
                     "80",
                     3),
            "fine");
}

TEST(CborReader, AMillionLevelsOverflowNoStack) {
  const ByteVec arrays(1'000'000, std::byte{0x81});
  const ByteVec tags(1'000'000, std::byte{0xc6});
  for (const ByteVec& bytes : {arrays, tags}) {
    EXPECT_EQ(find_fault(bytes)->fault, Fault::Malformed);
    EXPECT_EQ(find_fault(bytes)->offset, kMaxDepth);
    const auto vast = find_fault(bytes, SIZE_MAX);
    ASSERT_TRUE(vast);
    EXPECT_GE(vast->offset, 999'999U);
    EXPECT_FALSE(decode(bytes, {.depth = SIZE_MAX, .values = SIZE_MAX}));
  }
  ByteVec closed(9'999, std::byte{0x81});
  closed.push_back(std::byte{0x80});
  EXPECT_TRUE(find_fault(closed));
  EXPECT_FALSE(find_fault(closed, 10'000));
}

TEST(CborReader, IntegersOfEitherSignAreExactAtTheEdges) {
  const auto integer = [](std::string_view text) { return Reader(hex(text)).integer(); };
  const ByteVec top = hex("1b7fffffffffffffff");
  const ByteVec bottom = hex("3b7fffffffffffffff");
  const ByteVec above = hex("1b8000000000000000");
  const ByteVec below = hex("3b8000000000000000");
  EXPECT_EQ(*Reader(top).integer(), INT64_MAX);
  EXPECT_EQ(*Reader(bottom).integer(), INT64_MIN);
  EXPECT_FALSE(Reader(above).integer());
  EXPECT_FALSE(Reader(below).integer());
  EXPECT_EQ(*Reader(above).uint(), 0x8000000000000000U);
  EXPECT_EQ(*integer("20"), -1);
}

TEST(CborReader, ContainersEndWhereTheySay) {
  const ByteVec bytes = hex("82810102");
  Reader r(bytes);
  ASSERT_TRUE(r.enter_array());
  ASSERT_TRUE(r.enter_array());
  ASSERT_TRUE(r.uint());
  EXPECT_FALSE(r.more());
  Reader beyond = r;
  EXPECT_FALSE(beyond.uint());  // the next byte belongs to the outer array
  ASSERT_TRUE(r.leave());
  EXPECT_TRUE(r.more());
  EXPECT_FALSE(r.leave());  // an item is left
  EXPECT_EQ(r.fault(), Fault::Malformed);
}

TEST(CborReader, ItemGivesTheEncodingOfAWholeItem) {
  const ByteVec bytes =
      hex("83"
          "82c60102"
          "a1"
          "0180"
          "05");
  Reader r(bytes);
  ASSERT_TRUE(r.enter_array_of(3));
  EXPECT_EQ(to_hex(*r.item()), "82c60102");
  EXPECT_EQ(to_hex(*r.item()), "a10180");
  EXPECT_EQ(to_hex(*r.item()), "05");
  EXPECT_FALSE(r.more());
  EXPECT_TRUE(r.leave());
  EXPECT_TRUE(r.finish());
  // What item() passes over is checked.
  const ByteVec bad =
      hex("8182"
          "01"
          "1801");
  Reader b(bad);
  ASSERT_TRUE(b.enter_array());
  EXPECT_FALSE(b.item());
  EXPECT_EQ(b.fault(), Fault::NotDeterministic);
}

TEST(CborReader, ExpectationsNameWhatWasFound) {
  const ByteVec array = hex("820102");
  EXPECT_EQ(Reader(array).enter_array_of(3).error().message(),
            "malformed CBOR at byte 0: expected an array of 3 items, found 2");
  const ByteVec tag = hex("d28440a04040");
  EXPECT_EQ(Reader(tag).expect_tag(17).error().message(),
            "malformed CBOR at byte 0: expected tag 17, found tag 18");
  Reader r(tag);
  EXPECT_TRUE(r.expect_tag(18));
  EXPECT_TRUE(r.enter_array_of(4));
}

TEST(CborReader, ACallersRefusalFailsTheReaderAtTheItemReadLast) {
  const ByteVec bytes =
      hex("a11864"
          "00");
  Reader r(bytes);
  ASSERT_TRUE(r.enter_map());
  ASSERT_TRUE(r.integer());
  EXPECT_EQ(r.refuse("unknown claim").message(), "malformed CBOR at byte 1: unknown claim");
  EXPECT_FALSE(r.uint());
  EXPECT_EQ(r.fault(), Fault::Malformed);
}

TEST(CborReader, ACallersRefusalDoesNotHideTheFaultBeforeIt) {
  const ByteVec bytes = hex("1801");
  Reader r(bytes);
  ASSERT_FALSE(r.uint());
  EXPECT_NE(r.refuse("unknown claim").message().find("not deterministic"), std::string::npos);
  EXPECT_EQ(r.fault(), Fault::NotDeterministic);
}

TEST(CborReaderDeath, LeavingWhatWasNotEnteredDies) {
  const ByteVec bytes = hex("00");
  EXPECT_DEATH((void)Reader(bytes).leave(), "frames_");
}

}  // namespace
}  // namespace writ::cbor
