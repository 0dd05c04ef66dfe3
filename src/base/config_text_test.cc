#include "base/config_text.h"

#include <gtest/gtest.h>

namespace writ {
namespace {

std::string message_of(std::string_view text) {
  const Result<ConfigValue> root = parse_config(text, "job.toml");
  return root ? "parsed" : root.error().message();
}

TEST(ConfigText, ReadsValuesWithTheirPlaces) {
  const ConfigValue root = parse_config(R"(name = "a"

[limits]
  tasks = 64
  wall = "10m"
[[exec]]
args = ["-j", 'x\y', """z"""]
[[exec]]
on = true
)",
                                        "job.toml")
                               .value();
  EXPECT_EQ(root.require("name").value()->as_text().value(), "a");
  const ConfigValue& tasks = *root.find("limits")->find("tasks");
  EXPECT_EQ(tasks.as_integer().value(), 64);
  EXPECT_EQ(tasks.place(), "job.toml:4:3");
  EXPECT_EQ(root.find("limits")->find("wall")->as_duration_ms().value(), 600'000u);
  const auto& rules = *root.find("exec")->as_array().value();
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].find("args")->as_text_list().value(),
            (std::vector<std::string>{"-j", "x\\y", "z"}));
  EXPECT_TRUE(rules[1].find("on")->as_boolean().value());
  EXPECT_EQ(rules[1].line(), 8u);
}

TEST(ConfigText, MembersStandInTheOrderOfTheText) {
  const ConfigValue root = parse_config("z = 1\na = 2\nm = 3\n", "f").value();
  ASSERT_EQ(root.members().size(), 3u);
  EXPECT_EQ(root.members()[0].first, "z");
  EXPECT_EQ(root.members()[2].first, "m");
}

TEST(ConfigText, AnUnknownKeyIsAnErrorThatNamesItsPlace) {
  const ConfigValue root = parse_config("subject = \"a\"\n\nsubjet = \"b\"\n", "job.toml").value();
  EXPECT_EQ(root.only_keys({"subject", "ttl"}).error().message(),
            "job.toml:3:1: unknown key `subjet` (known here: subject ttl)");
  EXPECT_TRUE(root.only_keys({"subject", "subjet"}).has_value());
}

TEST(ConfigText, AMissingKeyAndAWrongKindSayWhereAndWhat) {
  const ConfigValue root = parse_config("ttl = 5\n[a]\nb = 1\n", "job.toml").value();
  EXPECT_EQ(root.require("subject").error().message(), "job.toml:1:1: `subject` is missing");
  EXPECT_EQ(root.find("ttl")->as_text().error().message(),
            "job.toml:1:1: expected text, found an integer");
  EXPECT_EQ(root.find("a")->as_text_list().error().message(),
            "job.toml:2:2: expected an array, found a table");
  EXPECT_FALSE(root.find("ttl")->check_table().has_value());
  EXPECT_EQ(root.find("ttl")->as_count(6, 9).error().message(),
            "job.toml:1:1: expected a number from 6 to 9, found 5");
}

TEST(ConfigText, SyntaxErrorsNameThePlace) {
  EXPECT_EQ(message_of("a = 1\nb = \n").substr(0, 11), "job.toml:2:");
  EXPECT_NE(message_of("a = 1\na = 2\n").find("job.toml:2:"), std::string::npos);
  EXPECT_NE(message_of("\"\"\""), "parsed");
  EXPECT_NE(message_of("a = [1"), "parsed");
  EXPECT_EQ(message_of(""), "parsed");
}

TEST(ConfigText, FloatsAndDatesAreRefusedByName) {
  EXPECT_EQ(message_of("a = 1.5"), "job.toml:1:1: numbers with a fraction are not used here");
  EXPECT_EQ(message_of("\na = 2024-01-01"),
            "job.toml:2:1: dates and times are not used here; write text in quotes");
  EXPECT_NE(message_of("a = [nan]"), "parsed");
}

TEST(ConfigText, NotUtf8AndNulAreRefused) {
  EXPECT_EQ(message_of("a = 1\nb = \"\xff\"\n"), "job.toml:2:1: not UTF-8");
  EXPECT_NE(message_of("a = \"\\u0000\"").find("NUL"), std::string::npos);
  EXPECT_NE(message_of("\"\\u0000\" = 1").find("NUL"), std::string::npos);
}

TEST(ConfigText, MoreThanFourMebibytesAreNotRead) {
  const std::string text(kMaxConfigText + 1, '#');
  EXPECT_EQ(message_of(text), "job.toml: 4194305 bytes, at most 4194304 are read");
  EXPECT_EQ(message_of(std::string_view(text).substr(1)), "parsed");
}

TEST(ConfigText, NestingIsBoundedHoweverItIsWritten) {
  const auto repeat = [](std::string_view piece, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += piece;
    return text;
  };
  for (const std::size_t levels : {std::size_t{40}, std::size_t{400'000}}) {
    EXPECT_NE(message_of("a = " + repeat("[", levels)).find("nested deeper"), std::string::npos);
    EXPECT_NE(message_of("a = " + repeat("{a=", levels)).find("nested deeper"), std::string::npos);
    EXPECT_NE(message_of("a" + repeat(".a", levels) + " = 1").find("nested deeper"),
              std::string::npos);
    EXPECT_NE(message_of("[a" + repeat(" . \"a.#\" ", levels) + "]").find("nested deeper"),
              std::string::npos);
  }
  // The same through headers and keys together stays under twice the bound.
  EXPECT_EQ(message_of("[a" + repeat(".a", 14) + "]\nb" + repeat(".b", 14) + " = 1"), "parsed");
  // A dot or a bracket in text or in a comment is no level.
  EXPECT_EQ(message_of("a = \"" + repeat("[.", 100) + "\" # " + repeat("[.", 100)), "parsed");
  EXPECT_EQ(message_of("a = '''\n" + repeat("[.'", 100) + "\n'''"), "parsed");
}

TEST(ConfigText, TheNumberOfValuesIsBounded) {
  std::string many;
  for (std::size_t i = 0; i <= kMaxConfigItems; ++i) many += "[[a]]\n";
  EXPECT_NE(message_of(many).find("more than 50000 values"), std::string::npos);
  std::string elements = "a = [";
  for (std::size_t i = 0; i <= kMaxConfigItems; ++i) elements += "1,";
  EXPECT_NE(message_of(elements + "]").find("more than 50000 values"), std::string::npos);
}

TEST(ConfigText, DurationsHaveUnitsOnceAndFalling) {
  EXPECT_EQ(parse_duration_ms("1h30m").value(), 5'400'000u);
  EXPECT_EQ(parse_duration_ms("250ms").value(), 250u);
  EXPECT_EQ(parse_duration_ms("1d2h3m4s5ms").value(), 93'784'005u);
  EXPECT_EQ(parse_duration_ms("0s").value(), 0u);
  for (const char* text : {"", "5", "h", "1m1h", "1m1m", "-1s", "1.5h", " 1s", "1s ", "01s", "1S",
                           "99999999999999999999s", "9223372036854775807d"}) {
    EXPECT_FALSE(parse_duration_ms(text).has_value()) << text;
  }
}

TEST(ConfigText, SizesHaveOneUnit) {
  EXPECT_EQ(parse_size("1GiB").value(), 1ULL << 30);
  EXPECT_EQ(parse_size("512B").value(), 512u);
  for (const char* text : {"", "1", "1GB", "1gib", "GiB", "-1B", "8388608TiB", "1MiB2KiB"}) {
    EXPECT_FALSE(parse_size(text).has_value()) << text;
  }
}

TEST(ConfigText, PrintedDurationsAndSizesReadBack) {
  for (const std::uint64_t value : {0ULL, 1ULL, 999ULL, 1000ULL, 5'400'000ULL, 93'784'005ULL}) {
    EXPECT_EQ(parse_duration_ms(print_duration(value)).value(), value);
  }
  for (const std::uint64_t value : {0ULL, 1ULL, 1023ULL, 1024ULL, 3ULL << 30, (1ULL << 40) + 1}) {
    EXPECT_EQ(parse_size(print_size(value)).value(), value);
  }
  EXPECT_EQ(print_duration(5'400'000), "1h30m");
  EXPECT_EQ(print_size(1ULL << 30), "1GiB");
}

}  // namespace
}  // namespace writ
