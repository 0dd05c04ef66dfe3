#include "permit/pattern.h"

#include <gtest/gtest.h>

#include <chrono>

namespace writ::permit {
namespace {

bool fits(std::string_view pattern, std::string_view argument,
          std::string_view directory = "/srv") {
  return Pattern::parse(pattern).value().matches(argument, {directory});
}

bool within(std::string_view child, std::string_view parent) {
  InclusionBudget budget;
  return included(Pattern::parse(child).value(), Pattern::parse(parent).value(), budget);
}

TEST(Pattern, PlainTextIsExactBytes) {
  EXPECT_TRUE(fits("test", "test"));
  EXPECT_FALSE(fits("test", "tests"));
  EXPECT_FALSE(fits("test", "tes"));
  EXPECT_FALSE(fits("test", ""));
  EXPECT_TRUE(fits("", ""));
  EXPECT_FALSE(fits("", "x"));
  EXPECT_TRUE(fits("*?[a]", "*?[a]"));
  EXPECT_FALSE(fits("*", "x"));
}

TEST(Pattern, DoubledBracesAreBraces) {
  EXPECT_TRUE(fits("a{{b}}", "a{b}"));
  EXPECT_TRUE(fits("{one:{{|}}}", "{"));
  EXPECT_TRUE(fits("{one:{{|x}}}", "x}"));
  EXPECT_EQ(Pattern::exact("x{y}").value().text(), "x{{y}}");
  EXPECT_TRUE(Pattern::exact("{rest}").value().matches("{rest}", {"/"}));
  EXPECT_FALSE(Pattern::exact("{rest}").value().matches("y", {"/"}));
}

TEST(Pattern, GlobStopsAtASlashUnlessDoubled) {
  EXPECT_TRUE(fits("{glob:*.c}", "a.c"));
  EXPECT_TRUE(fits("{glob:*.c}", ".c"));
  EXPECT_FALSE(fits("{glob:*.c}", "d/a.c"));
  EXPECT_TRUE(fits("{glob:**.c}", "d/e/a.c"));
  EXPECT_TRUE(fits("{glob:src/**/x}", "src/a/b/x"));
  EXPECT_FALSE(fits("{glob:a?c}", "a/c"));
  EXPECT_TRUE(fits("{glob:a?c}", "abc"));
  EXPECT_FALSE(fits("{glob:a?c}", "ac"));
  EXPECT_TRUE(fits("{glob:*}", ""));
  EXPECT_TRUE(fits("{glob:*}", "\xff\xfe"));
  EXPECT_FALSE(fits("{glob:a*}", "b"));
}

TEST(Pattern, IntegersAreDecimalAndInRange) {
  for (const char* text : {"1", "9", "10", "16"})
    EXPECT_TRUE(fits("-j{int:1..16}", std::string("-j") + text));
  for (const char* text : {"0", "17", "01", "+1", "-1", "", "1 ", "1x", "100", "1e1", "0x1"}) {
    EXPECT_FALSE(fits("-j{int:1..16}", std::string("-j") + text)) << text;
  }
  EXPECT_TRUE(fits("{int:-5..5}", "-5"));
  EXPECT_TRUE(fits("{int:-5..5}", "0"));
  EXPECT_FALSE(fits("{int:-5..5}", "-0"));
  EXPECT_FALSE(fits("{int:-5..5}", "-6"));
  EXPECT_FALSE(fits("{int:-5..-2}", "-1"));
  EXPECT_TRUE(fits("{int:-9223372036854775808..9223372036854775807}", "-9223372036854775808"));
  EXPECT_FALSE(fits("{int:-9223372036854775808..9223372036854775807}", "9223372036854775808"));
}

TEST(Pattern, IntegerAutomataAgreeWithArithmetic) {
  for (const auto& [low, high] : std::vector<std::pair<int, int>>{
           {0, 0}, {0, 9}, {7, 123}, {99, 101}, {100, 999}, {123, 1287}, {-37, 12}, {-1205, -88}}) {
    const Pattern pattern =
        Pattern::parse("{int:" + std::to_string(low) + ".." + std::to_string(high) + "}").value();
    for (int value = -1500; value <= 1500; ++value) {
      EXPECT_EQ(pattern.matches(std::to_string(value), {"/"}), low <= value && value <= high)
          << low << ".." << high << ": " << value;
    }
  }
}

TEST(Pattern, OneOfListsWholeTexts) {
  EXPECT_TRUE(fits("--{one:debug|release}", "--release"));
  EXPECT_FALSE(fits("--{one:debug|release}", "--debugrelease"));
  EXPECT_FALSE(fits("--{one:debug|release}", "--"));
  EXPECT_TRUE(fits("{one:a||b|c}", "a|b"));
}

TEST(Pattern, UnderIsLexicalAndNeverLeaves) {
  EXPECT_TRUE(fits("{under:/srv/data}", "data/a.csv"));
  EXPECT_TRUE(fits("{under:/srv/data}", "/srv/data"));
  EXPECT_TRUE(fits("{under:/srv/data}", "./data/../data//x"));
  EXPECT_FALSE(fits("{under:/srv/data}", "data/../secret"));
  EXPECT_FALSE(fits("{under:/srv/data}", "/srv/database"));
  EXPECT_FALSE(fits("{under:/srv/data}", "../../../srv/data/x"));
  EXPECT_FALSE(fits("{under:/srv/data}", ""));
  EXPECT_TRUE(fits("{under:/srv/data}", "x", "/srv/data"));
  EXPECT_FALSE(fits("{under:/srv/data}", "x", "/srv"));
  EXPECT_TRUE(fits("--out={under:/srv/build}", "--out=build/x"));
  EXPECT_FALSE(fits("--out={under:/srv/build}", "build/x"));
}

TEST(Pattern, AnchoringMakesTheDirectoryAbsolute) {
  const Pattern relative = Pattern::parse("-o{under:build/{{x}}}").value();
  EXPECT_FALSE(relative.is_anchored());
  const Pattern pattern = relative.anchored("/srv/job").value();
  EXPECT_TRUE(pattern.is_anchored());
  EXPECT_EQ(pattern.text(), "-o{under:/srv/job/build/{{x}}}");
  EXPECT_FALSE(Pattern::parse("{under:../..}").value().anchored("/srv").has_value());
}

TEST(Pattern, WhatIsWrongIsSaid) {
  for (const char* text : {"{",
                           "}",
                           "a}b",
                           "{rest",
                           "{foo:x}",
                           "{glob:}",
                           "{glob}",
                           "{int:}",
                           "{int:1}",
                           "{int:2..1}",
                           "{int:01..2}",
                           "{int:1..99999999999999999999}",
                           "{one:}",
                           "{one:a|}",
                           "{under:}",
                           "{under:a}x",
                           "{under:a}{rest}",
                           "{glob:*}{under:a}",
                           "x{rest}",
                           "{rest}x",
                           "{rest:x}",
                           "{glob:{int:1..2}}",
                           "\xff"}) {
    const Result<Pattern> pattern = Pattern::parse(text);
    EXPECT_FALSE(pattern.has_value()) << text;
    if (!pattern) {
      EXPECT_EQ(pattern.error().message().substr(0, 9), "pattern `") << text;
    }
  }
  EXPECT_FALSE(Pattern::parse(std::string(kMaxPatternText + 1, 'a')).has_value());
  EXPECT_FALSE(Pattern::parse(std::string("a\0b", 3)).has_value());
}

TEST(Pattern, RestStandsLastAndTakesWhatIsLeft) {
  const auto list = [](std::vector<std::string> texts) { return parse_patterns(texts).value(); };
  const auto all = [&](const std::vector<Pattern>& patterns, std::vector<std::string> arguments) {
    return match_all(patterns, arguments, {"/"});
  };
  EXPECT_TRUE(all(list({"a", "{rest}"}), {"a"}));
  EXPECT_TRUE(all(list({"a", "{rest}"}), {"a", "\xff", ""}));
  EXPECT_FALSE(all(list({"a", "{rest}"}), {}));
  EXPECT_FALSE(all(list({"a"}), {"a", "b"}));
  EXPECT_TRUE(all({}, {}));
  EXPECT_FALSE(all({}, {"a"}));
  EXPECT_FALSE(parse_patterns(std::vector<std::string>{"{rest}", "a"}).has_value());
}

TEST(Pattern, NoArgumentMakesMatchingSlow) {
  // The classic against backtracking: many stars, and an argument that nearly fits.
  std::string pattern = "{glob:";
  for (int i = 0; i < 200; ++i) pattern += "**a";
  const Pattern stars = Pattern::parse(pattern + "b}").value();
  const std::string argument(20'000, 'a');
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(stars.matches(argument, {"/"}));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Pattern, InclusionIsThatOfTheLanguages) {
  for (const auto& [child, parent] :
       std::vector<std::pair<const char*, const char*>>{{"a", "a"},
                                                        {"a", "{rest}"},
                                                        {"a.c", "{glob:*.c}"},
                                                        {"{glob:x*.c}", "{glob:*.c}"},
                                                        {"{glob:*}", "{glob:**}"},
                                                        {"{int:2..5}", "{int:1..16}"},
                                                        {"{int:1..9}", "{glob:?}"},
                                                        {"{one:a|b}", "{one:b|c|a}"},
                                                        {"{one:1|2}", "{int:0..9}"},
                                                        {"7", "{int:1..16}"},
                                                        {"-j{int:1..4}", "{glob:-j*}"},
                                                        {"{int:-3..3}", "{one:-3|-2|-1|0|1|2|3}"},
                                                        {"{under:/a/b}", "{under:/a}"},
                                                        {"{under:/a}", "{glob:**}"},
                                                        {"/a/b", "{under:/a}"},
                                                        {"/a/{glob:*.csv}", "{under:/a}"},
                                                        {"/a", "{under:/a}"},
                                                        {"/x", "{under:/}"},
                                                        {"-o{under:/a/b}", "-o{under:/a}"},
                                                        {"{one:a|{one:b}", "{glob:**}"}}) {
    if (!Pattern::parse(child).has_value()) continue;
    EXPECT_TRUE(within(child, parent)) << child << " in " << parent;
  }
  for (const auto& [child, parent] :
       std::vector<std::pair<const char*, const char*>>{{"a", "b"},
                                                        {"{rest}", "a"},
                                                        {"{rest}", "{glob:**}"},
                                                        {"{glob:*.c}", "{glob:x*.c}"},
                                                        {"{glob:**}", "{glob:*}"},
                                                        {"a/b", "{glob:*}"},
                                                        {"{int:1..17}", "{int:1..16}"},
                                                        {"{int:0..9}", "{int:1..9}"},
                                                        {"01", "{int:1..16}"},
                                                        {"{one:a|d}", "{one:a|b}"},
                                                        {"{under:/a}", "{under:/a/b}"},
                                                        {"{under:/a}", "{under:/b}"},
                                                        {"/b", "{under:/a}"},
                                                        {"/a/../b", "{under:/a}"},
                                                        {"/a/{glob:*}", "{under:/a}"},
                                                        {"/ab", "{under:/a}"},
                                                        {"a", "{under:/a}"},
                                                        {"{under:/a}", "{glob:*}"},
                                                        {"x{under:/a}", "y{under:/a}"}}) {
    EXPECT_FALSE(within(child, parent)) << child << " in " << parent;
  }
}

TEST(Pattern, InclusionAgreesWithMatchingOverShortArguments) {
  // Every pattern pair here, against every text of up to four letters of a small alphabet.
  const std::vector<std::string> texts{
      "a",          "{glob:*}",     "{glob:a*}",   "{glob:*a}",  "{glob:**}",   "{glob:a?}",
      "{glob:?a*}", "{one:a|b|a/}", "{glob:a/**}", "{glob:*/*}", "{int:0..15}", "a{int:1..5}",
      "{one:1|11}", "{glob:1*}",    "{under:/a}",  "/{glob:*}",  "/a{glob:/**}"};
  std::vector<std::string> words{""};
  for (std::size_t i = 0; i < words.size() && words[i].size() < 4; ++i) {
    for (const char letter : {'a', '/', '1', '.', '0'}) words.push_back(words[i] + letter);
  }
  for (const std::string& child_text : texts) {
    for (const std::string& parent_text : texts) {
      const Pattern child = Pattern::parse(child_text).value();
      const Pattern parent = Pattern::parse(parent_text).value();
      const bool found = std::any_of(words.begin(), words.end(), [&](const std::string& word) {
        return (child.matches(word, {"/a"}) && !parent.matches(word, {"/a"})) ||
               (child.matches(word, {"/"}) && !parent.matches(word, {"/"}));
      });
      if (found) {
        EXPECT_FALSE(within(child_text, parent_text)) << child_text << " " << parent_text;
      }
      const bool regular = !child.has_under() && !parent.has_under();
      if (!found && regular) {
        EXPECT_TRUE(within(child_text, parent_text)) << child_text << " " << parent_text;
      }
    }
  }
}

TEST(Pattern, AnExhaustedBudgetSaysNo) {
  InclusionBudget budget{3};
  EXPECT_FALSE(included(Pattern::parse("{glob:ab*c*}").value(),
                        Pattern::parse("{glob:a**}").value(), budget));
  EXPECT_EQ(budget.steps, 0u);
  // Exponential in the parent's size without a budget.
  std::string parent = "{glob:**a";
  for (int i = 0; i < 40; ++i) parent += '?';
  InclusionBudget whole;
  EXPECT_FALSE(
      included(Pattern::parse("{glob:**}").value(), Pattern::parse(parent + "}").value(), whole));
}

TEST(Pattern, ListInclusionUnderstandsRest) {
  const auto list = [](std::vector<std::string> texts) { return parse_patterns(texts).value(); };
  const auto in = [&](std::vector<std::string> child, std::vector<std::string> parent) {
    InclusionBudget budget;
    return included(list(std::move(child)), list(std::move(parent)), budget);
  };
  EXPECT_TRUE(in({"a"}, {"{rest}"}));
  EXPECT_TRUE(in({}, {"{rest}"}));
  EXPECT_TRUE(in({"a", "{rest}"}, {"{rest}"}));
  EXPECT_TRUE(in({"a", "b"}, {"{glob:?}", "b"}));
  EXPECT_TRUE(in({"a", "x", "{rest}"}, {"a", "{rest}"}));
  EXPECT_FALSE(in({"{rest}"}, {"a", "{rest}"}));
  EXPECT_FALSE(in({"a", "{rest}"}, {"a"}));
  EXPECT_FALSE(in({"a"}, {"a", "b"}));
  EXPECT_FALSE(in({"a", "b"}, {"a"}));
  EXPECT_FALSE(in({"{rest}"}, {}));
}

}  // namespace
}  // namespace writ::permit
