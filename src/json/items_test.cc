#include "json/items.h"

#include <gtest/gtest.h>

#include <string>

#include "json/write.h"

namespace writ::json {
namespace {

// `text` in pieces of `size` bytes.
More pieces(std::string_view text, std::size_t size) {
  return [text, size]() mutable -> Result<std::string_view> {
    const std::string_view piece = text.substr(0, size);
    text.remove_prefix(piece.size());
    return piece;
  };
}

// The items as one list, or the error.
Result<Value> gathered(const More& more, const ListLimits& limits = {}) {
  ItemReader reader(more, limits);
  Value all = Value::array();
  while (std::optional<Value> item = TRY(reader.next())) all.push(std::move(*item));
  return all;
}

constexpr std::string_view kList =
    " [ {\"uid\": \"a,]\\\"[\\\\\", \"n\": [1, [2, {\"x\": null}]]} ,\r\n\t-5,\"\\\\\",\"é]\", [], "
    "{}\n] \n";

TEST(JsonItems, AreThoseOfTheWholeTextInPiecesOfAnySize) {
  const Value all = read(kList).value();
  ASSERT_EQ(all.as_array()->size(), 6U);
  for (std::size_t size = 1; size <= kList.size(); ++size) {
    const Result<Value> found = gathered(pieces(kList, size));
    ASSERT_TRUE(found) << size << ": " << found.error().message();
    EXPECT_EQ(*found, all) << size;
  }
  EXPECT_EQ(write(gathered(whole("[]")).value()), "[]");
}

// Every byte altered, taken out or doubled, and every beginning: a list is accepted exactly when
// read() accepts it.
TEST(JsonItems, AreAcceptedExactlyWhenTheWholeTextIs) {
  std::size_t accepted = 0, refused = 0;
  const auto same = [&](const std::string& text) {
    const Result<Value> all = read(text);
    const Result<Value> found = gathered(pieces(text, 7));
    const bool list = all && all->as_array() != nullptr;
    ASSERT_EQ(found.has_value(), list) << text;
    if (list) {
      EXPECT_EQ(*found, *all) << text;
    } else {
      EXPECT_TRUE(found.error().message().starts_with("line ")) << found.error().message();
    }
    ++(list ? accepted : refused);
  };
  const std::string list(kList);
  for (std::size_t at = 0; at < list.size(); ++at) {
    for (const char c : std::string_view("[]{},:\"\\ 0-x\0\n\xff", 16)) {
      std::string text = list;
      text[at] = c;
      same(text);
      text = list;
      text.insert(at, 1, c);
      same(text);
    }
    same(list.substr(0, at));
    std::string without = list;
    without.erase(at, 1);
    same(without);
  }
  EXPECT_GT(accepted, 200U);
  EXPECT_GT(refused, 500U);
}

TEST(JsonItems, SayWhereInTheWholeTextTheyAreWrong) {
  const auto message = [](std::string_view text) {
    return gathered(whole(text)).error().message();
  };
  EXPECT_EQ(message("[1,\n {\"é\": x}]").substr(0, 29), "line 2, column 8 (byte 12): s");
  EXPECT_EQ(message("{\"a\": 1}"),
            "line 1, column 1 (byte 0): expected a list, which begins with `[`");
  EXPECT_EQ(message(""), "line 1, column 1 (byte 0): expected a list, found the end of the text");
  EXPECT_EQ(message("[1,]"), "line 1, column 4 (byte 3): expected a value, found `]`");
  EXPECT_EQ(message("[1,"), "line 1, column 4 (byte 3): the list has no end: expected a value");
  EXPECT_EQ(message("[1\n"), "line 2, column 1 (byte 3): the list has no end: expected `,` or `]`");
  EXPECT_EQ(message("[1]\n x"), "line 2, column 2 (byte 5): the text goes on after its end");
}

TEST(JsonItems, StayWithinTheirLimits) {
  const ListLimits limits = {
      .each = {.bytes = 20, .depth = 2, .values = 4}, .values = 6, .bytes = 60};
  const auto verdict = [&](const std::string& text) {
    const Result<Value> found = gathered(pieces(text, 3), limits);
    if (!found) {
      EXPECT_EQ(found.error().code(), Code::Exhausted) << found.error().message();
    }
    return found ? "accepted" : found.error().message();
  };
  EXPECT_EQ(verdict("[[[1]], 2]"), "accepted");
  EXPECT_NE(verdict("[[[[1]]]]").find("nested more than 2"), std::string::npos);
  EXPECT_NE(verdict("[" + std::string(59, '[')).find("nested more than 2"), std::string::npos);
  EXPECT_EQ(verdict("[\"" + std::string(18, 'x') + "\"]"), "accepted");
  EXPECT_NE(verdict("[\"" + std::string(19, 'x') + "\"]").find("longer than 20 bytes"),
            std::string::npos);
  EXPECT_NE(verdict("[[1,2,3,4]]").find("more than 4 values"), std::string::npos);
  EXPECT_EQ(verdict("[1,2,3,4,5,6]"), "accepted");
  EXPECT_NE(verdict("[1,2,3,4,5,6,7]").find("more than 6 values"), std::string::npos);
  EXPECT_EQ(verdict("[1]" + std::string(57, ' ')), "accepted");
  EXPECT_NE(verdict("[1]" + std::string(58, ' ')).find("longer than 60 bytes"), std::string::npos);
}

TEST(JsonItems, AnErrorOfTheSourceIsTheirs) {
  bool first = true;
  const More more = [&]() -> Result<std::string_view> {
    if (!std::exchange(first, false)) return Error(Code::Unavailable, "the disk is away");
    return std::string_view("[1, 2");
  };
  EXPECT_EQ(gathered(more).error().message(), "the disk is away");
}

}  // namespace
}  // namespace writ::json
