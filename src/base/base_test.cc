#include <gtest/gtest.h>

#include <set>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/reason.h"

namespace writ {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error(Code::InvalidArgument, "odd");
  return n / 2;
}
Result<int> quarter(int n) {
  return half(TRY(half(n)));
}

TEST(Result, TryPassesTheErrorUp) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message(), "odd");
}

TEST(Bytes, HexIsStrictAndRoundTrips) {
  EXPECT_EQ(to_hex(as_bytes("\x01\xff")), "01ff");
  EXPECT_EQ(as_text(from_hex("01ff").value()), "\x01\xff");
  for (const char* bad : {"0", "0G", "FF", " 00", "0x"}) EXPECT_FALSE(from_hex(bad)) << bad;
}

// RFC 4648 §10.
TEST(Bytes, Base64KnownAnswers) {
  const std::pair<const char*, const char*> table[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (auto [plain, coded] : table) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    EXPECT_EQ(as_text(from_base64(coded).value()), plain);
  }
  for (const char* bad :
       {"Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9v", "Zm9v\n"}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
}

TEST(Bytes, Utf8IsCheckedStrictly) {
  EXPECT_TRUE(is_utf8("aé€😀"));
  for (const char* bad : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(Bytes, PrintableNeverSteersTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2J\n\xff"), "a\\x1b[2J\\x0a\\xff");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(printable("abcdef", 3), "abc…");
}

TEST(Ids, RunIdRoundTripsAndSortsByTime) {
  std::array<std::byte, 10> random{};
  random.fill(std::byte{0xa5});
  const RunId early = make_run_id(UnixMillis(1'700'000'000'000), random);
  const RunId late = make_run_id(UnixMillis(1'700'000'000'001), random);
  EXPECT_EQ(parse_run_id(to_string(early)).value(), early);
  EXPECT_LT(to_string(early), to_string(late));
  EXPECT_FALSE(parse_run_id("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
  EXPECT_FALSE(parse_run_id("01"));
}

TEST(Reason, EveryCodeOfATableIsUniqueWithinItsSetAndFoundAgain) {
  std::set<std::string_view> denials;
  std::set<std::string_view> ends;
  for (const ReasonRow& row : all_reasons()) {
    const bool end = row.group == ReasonGroup::End;
    EXPECT_TRUE((end ? ends : denials).insert(row.code).second) << row.code;
    EXPECT_FALSE(row.meaning.empty());
    EXPECT_EQ(row.remedy.empty(), end) << row.code;
    if (end) {
      EXPECT_EQ(code_of(find_end(row.code).value()), row.code);
    } else {
      EXPECT_EQ(code_of(find_reason(row.code).value()), row.code);
    }
  }
  EXPECT_EQ(code_of(Reason::ChangedDuringExec), "changed_during_exec");
  EXPECT_EQ(code_of(EndReason::Interrupted), "interrupted");
}

TEST(Clock, Rfc3339) {
  EXPECT_EQ(to_rfc3339(UnixMillis(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(UnixMillis(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(to_rfc3339(UnixMillis(1'700'000'000'123)), "2023-11-14T22:13:20.123Z");
}

}  // namespace
}  // namespace writ
