#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"
#include "json/read.h"
#include "json/write.h"

namespace writ::json {
namespace {

std::string message_of(const Result<Value>& result) {
  return result ? "accepted: " + write(*result) : result.error().message();
}

// Reads and writes back.
std::string round(std::string_view text, Style style = Style::Compact) {
  const auto value = read(text);
  return value ? write(*value, style) : "refused: " + value.error().message();
}

TEST(JsonRead, EveryKindOfValueComesBackAsItWas) {
  for (std::string_view text :
       {"null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808",
        "18446744073709551615", "\"\"", "\"a\\\"\\\\\\n\"", "[]", "{}", "[[],{}]",
        R"({"b":1,"a":[true,null,"x"],"c":{"d":-5}})"}) {
    EXPECT_EQ(round(text), text);
  }
}

TEST(JsonRead, MembersKeepTheirOrder) {
  const auto value = read(R"({"z":1,"a":2,"m":3})");
  ASSERT_TRUE(value);
  const Value::Object& members = *value->as_object();
  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[0].name, "z");
  EXPECT_EQ(members[1].name, "a");
  EXPECT_EQ(members[2].name, "m");
}

TEST(JsonRead, IntegersAreExactAtTheEdges) {
  EXPECT_EQ(read("18446744073709551615")->as_uint64(), UINT64_MAX);
  EXPECT_EQ(read("18446744073709551615")->as_int64(), std::nullopt);
  EXPECT_EQ(read("9223372036854775808")->as_uint64(), 9223372036854775808ULL);
  EXPECT_EQ(read("9223372036854775808")->as_int64(), std::nullopt);
  EXPECT_EQ(read("9223372036854775807")->as_int64(), INT64_MAX);
  EXPECT_EQ(read("-9223372036854775808")->as_int64(), INT64_MIN);
  EXPECT_EQ(read("-1")->as_uint64(), std::nullopt);
  EXPECT_EQ(read("9007199254740993")->as_int64(), 9007199254740993);  // no double holds it
}

TEST(JsonRead, InexactNumbersAreRefusedWithTheirPlace) {
  EXPECT_EQ(message_of(read("[1, 1.5]")),
            "line 1, column 5 (byte 4): the number `1.5` has a fraction or exponent; only integers "
            "are accepted");
  EXPECT_EQ(message_of(read("1.0")),
            "line 1, column 1 (byte 0): the number `1.0` has a fraction or exponent; only integers "
            "are accepted");
  EXPECT_NE(message_of(read("{\"a\":1e3}")).find("(byte 5): the number `1e3` has a fraction"),
            std::string::npos);
  EXPECT_NE(message_of(read("18446744073709551616")).find("outside the range"), std::string::npos);
  EXPECT_NE(message_of(read("-9223372036854775809")).find("outside the range"), std::string::npos);
  EXPECT_NE(message_of(read("[-0]")).find("(byte 1): the number `-0`"), std::string::npos);
  EXPECT_NE(message_of(read("[1e999]")).find("(byte 1): the number `1e999` has a fraction"),
            std::string::npos);
  EXPECT_NE(message_of(read(std::string(5000, '9'))).find("outside the range"), std::string::npos);
  EXPECT_FALSE(read(std::string(5000, '9')));
}

TEST(JsonRead, ANameThatStandsTwiceIsRefusedAtItsSecondPlace) {
  EXPECT_EQ(message_of(read("{\"a\": 1,\n \"b\": {\"a\": 2},\n \"a\": 3}")),
            "line 3, column 2 (byte 26): the name `a` stands twice in one object");
  // The same name in other letters: an escape does not hide it.
  EXPECT_EQ(message_of(read(R"({"a":1,"\u0061":2})")),
            "line 1, column 8 (byte 7): the name `a` stands twice in one object");
  EXPECT_EQ(message_of(read(R"({"q\"\\":1,"q\"\\":2})")),
            "line 1, column 12 (byte 11): the name `q\"\\` stands twice in one object");
}

TEST(JsonRead, ANameThatStandsTwiceIsFoundInALargeObjectToo) {
  std::string text = "{";
  for (int i = 0; i < 1000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  for (int twice : {0, 15, 16, 17, 999}) {
    const std::string bad = text + "\"k" + std::to_string(twice) + "\":1}";
    EXPECT_NE(message_of(read(bad)).find("stands twice"), std::string::npos) << twice;
  }
  EXPECT_TRUE(read(text + "\"last\":1}"));
}

TEST(JsonRead, WhatIsNotJsonIsRefused) {
  for (std::string_view text : {"",
                                " ",
                                "nul",
                                "tru",
                                "[1,]",
                                "{\"a\":1,}",
                                "{a:1}",
                                "'a'",
                                "01",
                                "+1",
                                ".5",
                                "1.",
                                "--1",
                                "0x10",
                                "NaN",
                                "Infinity",
                                "[1 2]",
                                "{\"a\" 1}",
                                "{\"a\":}",
                                "{1:2}",
                                "[",
                                "{",
                                "]",
                                "}",
                                "\"",
                                "\"\\x\"",
                                "\"\\u12\"",
                                "\"a\nb\"",
                                "\"\t\"",
                                "1 2",
                                "{} {}",
                                "[] x",
                                "// c\n1",
                                "/* c */ 1",
                                "[1] // c",
                                "#",
                                "\"\\ud800\"",
                                "\"\\udc00\"",
                                "\"\\ud800\\u0041\"",
                                "\"\\udc00\\ud800\""}) {
    EXPECT_FALSE(read(text)) << text;
  }
}

TEST(JsonRead, InvalidUtf8IsRefused) {
  for (std::string_view bytes : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82",
                                 "\x80", "\xf8\x88\x80\x80\x80"}) {
    std::string text = "\"";
    text += bytes;
    EXPECT_FALSE(read(text + "\"")) << to_hex(as_bytes(bytes));
    EXPECT_FALSE(read("{" + text + "\":1}")) << to_hex(as_bytes(bytes));
  }
  EXPECT_FALSE(read("\x80"));
}

TEST(JsonRead, AByteOrderMarkAndANulByteAreRefusedNotSkipped) {
  EXPECT_EQ(message_of(read("\xef\xbb\xbf{}")), "line 1, column 1 (byte 0): a byte order mark");
  EXPECT_EQ(message_of(read(std::string_view("{}\0{\"a\":1}", 11))),
            "line 1, column 3 (byte 2): a NUL byte");
  EXPECT_FALSE(read(std::string_view("\"a\0b\"", 5)));
  EXPECT_FALSE(read(std::string_view("\0", 1)));
}

TEST(JsonRead, EscapesAreRead) {
  EXPECT_EQ(*read(R"("\u00e9\ud83d\ude00\/\b\f\r\t")")->as_string(), "é😀/\b\f\r\t");
  EXPECT_EQ(*read(R"("\u0000")")->as_string(), std::string(1, '\0'));
}

TEST(JsonRead, DepthIsLimitedAndManyLevelsAreHarmless) {
  Limits three;
  three.depth = 3;
  EXPECT_TRUE(read("[[{}]]", three));
  EXPECT_EQ(message_of(read("[[[[]]]]", three)),
            "line 1, column 4 (byte 3): nested more than 3 levels deep");
  EXPECT_EQ(read("[[[[]]]]", three).error().code(), Code::Exhausted);
  Limits none;
  none.depth = 0;
  EXPECT_TRUE(read("1", none));
  EXPECT_FALSE(read("[]", none));

  Limits vast;
  vast.depth = SIZE_MAX;
  vast.bytes = SIZE_MAX;
  const std::string deep = std::string(kDepthCap + 1, '[') + std::string(kDepthCap + 1, ']');
  EXPECT_FALSE(read(deep));
  EXPECT_NE(message_of(read(deep, vast)).find("nested more than 200000 levels"), std::string::npos);
  EXPECT_TRUE(read(std::string(kDepthCap, '[') + std::string(kDepthCap, ']'), vast));
  std::string objects;
  for (int i = 0; i < 10'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(read(objects, vast));
  EXPECT_FALSE(read(std::string(1'000'000, '['), vast));
}

TEST(JsonRead, SizeAndNumberOfValuesAreLimited) {
  Limits small;
  small.bytes = 10;
  EXPECT_TRUE(read("[1,2,3,45]", small));
  EXPECT_EQ(message_of(read("[1,2,3,456]", small)), "JSON of 11 bytes, the limit is 10");
  EXPECT_EQ(read("[1,2,3,456]", small).error().code(), Code::Exhausted);

  Limits few;
  few.values = 4;
  EXPECT_TRUE(read("[1,{\"a\":2}]", few));
  EXPECT_EQ(read("[1,{\"a\":2},3]", few).error().code(), Code::Exhausted);
  EXPECT_EQ(read("[1,2,3,[]]", few).error().code(), Code::Exhausted);
}

TEST(JsonRead, StringsAndNumbersAreLimitedWhiteSpaceIsNot) {
  constexpr Limits kLarge{.bytes = std::size_t{16} << 20};
  const auto refusal = [&](const std::string& text) {
    const auto value = read("[\"\",\n" + text + "]", kLarge);
    if (value) return std::string("taken");
    EXPECT_EQ(value.error().code(), Code::Exhausted);
    return value.error().message();
  };
  const std::string letters(kMaxToken - 2, 'x'), blank(kMaxToken + 1, ' ');
  const std::string overlong =
      "line 2, column 4194305 (byte 4194309): a string or number longer than 4194304 bytes";
  EXPECT_EQ(refusal("\"" + letters + "\""), "taken");
  EXPECT_EQ(refusal("\"x" + letters + "\""), overlong);
  EXPECT_EQ(refusal(R"("\")" + letters + "\""), overlong);
  EXPECT_EQ(refusal(std::string(kMaxToken + 1, '1')), overlong);
  EXPECT_EQ(refusal(blank + "1" + blank + ",\"\\\\\"" + blank), "taken");
}

TEST(JsonRead, PlacesAreRightAfterMuchWhiteSpace) {
  const auto place = [](const char* text) {
    const std::string message = message_of(read(text));
    return message.substr(0, message.find(':'));
  };
  EXPECT_EQ(place("[1, \n\n  x]"), "line 3, column 3 (byte 8)");
  EXPECT_EQ(place("[1  \n\n  15  ,2]"), "line 3, column 3 (byte 8)");
  EXPECT_EQ(place("[1, \n\n  1.5  \n  ,2]"), "line 3, column 3 (byte 8)");
  EXPECT_EQ(place("[1 , \n\n  -0  \n  ,2]"), "line 3, column 3 (byte 9)");
  EXPECT_EQ(place("{\"a  \\\"  \": 1 ,  \n \"a  \\\"  \" : 2}"), "line 2, column 2 (byte 19)");
  EXPECT_EQ(place("[1  \n\n  "), "line 3, column 3 (byte 8)");
}

TEST(JsonRead, NamesOfOneObjectAreLimited) {
  const auto object = [](std::size_t names) {
    std::string out = "{";
    for (std::size_t i = 0; i < names; ++i) {
      out += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
    }
    return out + "}";
  };
  EXPECT_TRUE(read(object(kMaxMembers)));
  const auto value = read(object(kMaxMembers + 1));
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code(), Code::Exhausted);
  EXPECT_NE(value.error().message().find("more than 25000 names in one object"), std::string::npos);
}

TEST(JsonRead, PlacesCountLinesAndCharacters) {
  EXPECT_EQ(message_of(read("{\n  \"é\": tru\n}")).substr(0, 26), "line 2, column 11 (byte 13");
  EXPECT_EQ(message_of(read("[1,\n2,\n?]")).substr(0, 25), "line 3, column 1 (byte 7)");
  EXPECT_EQ(
      message_of(read("[1,")),
      "line 1, column 4 (byte 3): syntax error while parsing value - unexpected end of input; "
      "expected '[', '{', or a literal");
}

TEST(JsonRead, AMessageShowsAStrangersTextSafely) {
  const std::string message = message_of(read("[\x1b]"));
  EXPECT_EQ(message.find('\x1b'), std::string::npos) << message;
  const std::string name = "\x1b[2J" + std::string(5000, 'x');
  const std::string twice = message_of(read("{" + quote(name) + ":1," + quote(name) + ":2}"));
  EXPECT_EQ(twice.find('\x1b'), std::string::npos);
  EXPECT_LT(twice.size(), 200U);
}

TEST(JsonWrite, PrettyTextIsTwoSpacesALevel) {
  EXPECT_EQ(round(R"({"a":[1,{"b":[]}],"c":{}})", Style::Pretty),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}");
  EXPECT_EQ(round("[]", Style::Pretty), "[]");
  EXPECT_EQ(round(round(R"({"a":[1,{"b":[]}]})", Style::Pretty)), R"({"a":[1,{"b":[]}]})");
}

TEST(JsonWrite, EveryControlCharacterIsEscapedAndReadsBack) {
  for (unsigned c = 0; c < 0x80; ++c) {
    const std::string text(1, static_cast<char>(c));
    const std::string quoted = quote(text);
    for (char byte : quoted) EXPECT_TRUE(byte >= 0x20 && byte < 0x7f) << c;
    ASSERT_TRUE(read(quoted)) << c;
    EXPECT_EQ(*read(quoted)->as_string(), text);
  }
  EXPECT_EQ(quote("\x1b\x7f\xc2\x80\xc2\x9f\xc2\xa0"), "\"\\u001b\\u007f\\u0080\\u009f\xc2\xa0\"");
  EXPECT_EQ(quote("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9"), "\"\xe2\x80\xa7\\u2028\\u2029\"");
  EXPECT_EQ(quote("é日😀"), "\"é日😀\"");
}

TEST(JsonWrite, BytesThatAreNotUtf8BecomeReplacementCharactersNeverBrokenText) {
  EXPECT_EQ(quote("a\xff\x80z"), "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
  EXPECT_EQ(quote("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
  for (unsigned a = 0x80; a < 0x100; ++a) {
    for (unsigned b = 0; b < 0x100; b += 3) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b), 'x'};
      EXPECT_TRUE(read(quote(text))) << a << ' ' << b;
    }
  }
}

TEST(JsonWrite, AHandBuiltDeepValueIsWrittenWithoutRecursion) {
  Value deep;
  for (int i = 0; i < 500; ++i) deep = Value::Array{std::move(deep)};
  EXPECT_EQ(write(deep), std::string(500, '[') + "null" + std::string(500, ']'));
}

TEST(JsonValue, SetReplacesAndPushAppends) {
  Value v = Value::object();
  v.set("name", "build")
      .set("tasks", 12)
      .set("name", "test")
      .set("list", Value().push(1).push("x"));
  EXPECT_EQ(write(v), R"({"name":"test","tasks":12,"list":[1,"x"]})");
  ASSERT_NE(v.find("tasks"), nullptr);
  EXPECT_EQ(v.find("tasks")->as_int64(), 12);
  EXPECT_EQ(v.find("none"), nullptr);
  EXPECT_EQ(Value(1).find("name"), nullptr);
}

TEST(JsonValue, AccessorsOfAnotherTypeReturnNothing) {
  const Value text("x");
  EXPECT_EQ(text.as_bool(), std::nullopt);
  EXPECT_EQ(text.as_int64(), std::nullopt);
  EXPECT_EQ(text.as_uint64(), std::nullopt);
  EXPECT_EQ(text.as_array(), nullptr);
  EXPECT_EQ(text.as_object(), nullptr);
  EXPECT_EQ(Value(true).as_int64(), std::nullopt);
  EXPECT_EQ(Value(1).as_bool(), std::nullopt);
  EXPECT_EQ(Value(1).as_string(), nullptr);
  EXPECT_TRUE(Value().is_null());
  EXPECT_EQ(Value(true).type_name(), "a boolean");
}

TEST(JsonValue, EqualNumbersAreEqualWhateverTheyWereMadeFrom) {
  EXPECT_EQ(Value(std::uint64_t{7}), Value(std::int8_t{7}));
  EXPECT_NE(Value(UINT64_MAX), Value(-1));
  EXPECT_NE(Value(0), Value(false));
  EXPECT_NE(*read(R"({"a":1,"b":2})"), *read(R"({"b":2,"a":1})"));
  EXPECT_EQ(*read(R"({"a":[1]})"), *read("{ \"a\" : [ 1 ] }"));
}

}  // namespace
}  // namespace writ::json
