#include "policy/value.h"

#include <gtest/gtest.h>

#include <random>

#include "policy/ext_datetime.h"
#include "policy/ext_decimal.h"
#include "policy/ext_duration.h"
#include "policy/ext_ip.h"
#include "policy/value_json.h"

namespace writ::policy {
namespace {

Value text(const char* t) {
  return Value::string(t);
}

TEST(Value, ValuesOfDifferentKindsAreUnequal) {
  EXPECT_FALSE(Value::integer(1) == Value::boolean(true));
  EXPECT_FALSE(Value::datetime(5) == Value::duration(5));
  EXPECT_FALSE(text("a") == Value::entity(EntityUid::make("T", "a")));
}

TEST(Value, SetsIgnoreOrderAndDuplicates) {
  const Value a = Value::set({Value::integer(2), text("x"), Value::integer(1), Value::integer(2)});
  const Value b = Value::set({text("x"), Value::integer(1), Value::integer(2)});
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.ref().elements().size(), 3U);
  EXPECT_TRUE(a.ref().contains(Value::integer(2)));
  EXPECT_FALSE(a.ref().contains(text("2")));
}

TEST(Value, RecordsKeepTheLaterOfTwoFieldsAndFindByName) {
  const Value r = Value::record({{"b", Value::integer(1)}, {"a", text("x")}, {"b", text("y")}});
  ASSERT_EQ(r.ref().fields().size(), 2U);
  EXPECT_EQ(r.ref().find("b")->as_string(), "y");
  EXPECT_FALSE(r.ref().find("c"));
  std::vector<Field> many;
  for (int i = 0; i < 40; ++i) many.push_back({"k" + std::to_string(i), Value::integer(i)});
  const Value wide = Value::record(std::move(many));
  EXPECT_EQ(wide.ref().find("k17")->as_number(), 17);
  EXPECT_FALSE(wide.ref().find("k99"));
}

TEST(Value, TextIsWhatPolicyTextWouldSay) {
  const Value v = Value::record({{"a b", Value::set({Value::integer(-1)})},
                                 {"if", Value::boolean(true)},
                                 {"z", Value::entity(EntityUid::make("A::B", "x\"\n\x01"))}});
  EXPECT_EQ(to_text(v), R"({"a b": [-1], "if": true, z: A::B::"x\"\n\u{1}"})");
  EXPECT_EQ(to_text(Value::datetime(INT64_MIN)),
            "datetime(\"1970-01-01\").offset(duration(\"-106751991167d7h12m55s808ms\"))");
}

TEST(EntityUid, ParsesWhatItWritesAndNothingElse) {
  const EntityUid uid = EntityUid::make("App::User", "al\"ice\\ \xc3\xa9");
  EXPECT_EQ(EntityUid::parse(uid.text()).value(), uid);
  for (const char* bad :
       {"", "User", "User::", "User::alice", "User::\"a\" x", "if::\"a\"", "A::__cedar::\"a\"",
        "::\"a\"", "A::\"a\"::\"b\"", "\"a\"", "A::\"\\q\""}) {
    EXPECT_FALSE(EntityUid::parse(bad)) << bad;
  }
  EXPECT_FALSE(EntityUid::create("A :: B", "x"));
  EXPECT_FALSE(EntityUid::create("", "x"));
  EXPECT_FALSE(EntityUid::create("A::", "x"));
}

TEST(Decimal, ReadsAndWritesItsExactRange) {
  EXPECT_EQ(parse_decimal("-0.5").value(), -5'000);
  EXPECT_EQ(parse_decimal("922337203685477.5807").value(), INT64_MAX);
  EXPECT_EQ(parse_decimal("-922337203685477.5808").value(), INT64_MIN);
  for (const char* bad : {"", "1", "1.", ".5", "+1.0", "1.00000", "1.2.3", "1e3", "-", "-.1",
                          "1 .0", "922337203685477.5808", "-922337203685477.5809"}) {
    EXPECT_FALSE(parse_decimal(bad)) << bad;
  }
  for (const std::int64_t n : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(parse_decimal(decimal_text(n)).value(), n);
  }
  EXPECT_EQ(decimal_text(-5'000), "-0.5");
}

TEST(Duration, ReadsAndWritesItsExactRange) {
  EXPECT_EQ(parse_duration("1d2h3m4s5ms").value(), 93'784'005);
  EXPECT_EQ(parse_duration("-106751991167d7h12m55s808ms").value(), INT64_MIN);
  for (const char* bad : {"", "-", "1", "d", "1ms1s", "1d1d", "1.5h", "1 d", "-1d-2h", "1D",
                          "106751991167d7h12m55s808ms", "99999999999999999999ms"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
  for (const std::int64_t n : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(parse_duration(duration_text(n)).value(), n);
  }
}

TEST(Datetime, EveryDayOfTenThousandYearsRoundTrips) {
  std::int64_t day = parse_datetime("0000-01-01").value() / 86'400'000;
  const std::int64_t last = parse_datetime("9999-12-31").value() / 86'400'000;
  EXPECT_EQ(last - day + 1, 3'652'425);
  for (; day <= last; day += 7) {
    const std::int64_t millis = day * 86'400'000;
    ASSERT_EQ(parse_datetime(*datetime_text(millis)).value(), millis);
  }
  EXPECT_FALSE(datetime_text((last + 1) * 86'400'000));
}

TEST(Datetime, RefusesWhatIsNoTime) {
  EXPECT_EQ(parse_datetime("2026-01-02T03:04:05.678+0130").value(),
            parse_datetime("2026-01-02T01:34:05.678Z").value());
  for (const char* bad :
       {"", "2024-1-1", "2023-02-29", "2024-13-01", "2024-00-10", "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:60Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00z", "2024-01-01Z",
        "2024-01-01T00:00:00.00Z", "2024-01-01T00:00:00+2400", "2024-01-01T00:00:00+0060",
        "2024-01-01T00:00:00+00:00", "10000-01-01", "2024-01-01T00:00:00ZZ"}) {
    EXPECT_FALSE(parse_datetime(bad)) << bad;
  }
  EXPECT_EQ(to_time(-1), 86'399'999);
  EXPECT_EQ(to_date(-1).value(), -86'400'000);
  EXPECT_FALSE(to_date(INT64_MIN));
}

TEST(Ip, ReadsAndWritesAddressesAndRanges) {
  for (const char* good : {"0.0.0.0", "1.2.3.4/24", "255.255.255.255/0", "::", "::1", "1::",
                           "1:2:3:4:5:6:7:8", "2001:db8::1/64", "::ffff:7f00:1", "1:0:0:2::3"}) {
    const IpRange range = parse_ip(good).value();
    EXPECT_EQ(parse_ip(ip_text(range)).value(), range) << good << " " << ip_text(range);
  }
  EXPECT_EQ(ip_text(parse_ip("2001:DB8:0:0:1:0:0:1").value()), "2001:db8::1:0:0:1");
  for (const char* bad : {"",
                          "1.2.3",
                          "1.2.3.4.5",
                          "256.1.1.1",
                          "01.2.3.4",
                          "1.2.3.4/33",
                          "1.2.3.4/08",
                          "1.2.3.4/",
                          "::1/129",
                          "1::2::3",
                          "1:2:3:4:5:6:7",
                          "1:2:3:4:5:6:7:8:9",
                          ":::",
                          "fe80::1%e",
                          "[::1]",
                          "::1.2.3.4",
                          "12345::",
                          " 1.2.3.4",
                          "1:2:3:4:5:6:7:8::",
                          ":1::2",
                          "1:",
                          ":"}) {
    EXPECT_FALSE(parse_ip(bad)) << bad;
  }
  EXPECT_FALSE(ip_in_range(parse_ip("1.2.3.4").value(), parse_ip("::/0").value()));
  EXPECT_TRUE(ip_in_range(parse_ip("1.2.3.4").value(), parse_ip("1.2.3.128/24").value()));
}

// A value of every shape, from a seed.
Value random_value(std::mt19937_64& random, int depth) {
  const auto pick = [&](std::uint64_t n) { return random() % n; };
  switch (pick(depth > 0 ? 10 : 8)) {
    case 0: return Value::boolean(pick(2) == 0);
    case 1: return Value::integer(static_cast<std::int64_t>(random()));
    case 2: return text(std::string(pick(4), static_cast<char>('\x01' + pick(120))).c_str());
    case 3: return Value::entity(EntityUid::make("A::B", std::to_string(pick(50))));
    case 4: return Value::decimal(static_cast<std::int64_t>(random()));
    case 5: return Value::datetime(static_cast<std::int64_t>(random() >> pick(60)));
    case 6: return Value::duration(static_cast<std::int64_t>(random()));
    case 7: {
      IpRange range;
      range.v6 = pick(2) == 0;
      for (std::size_t i = 0; i < (range.v6 ? 16U : 4U); ++i) {
        range.address[i] = pick(3) == 0 ? static_cast<std::uint8_t>(random()) : 0;
      }
      range.prefix = static_cast<std::uint8_t>(pick(range.v6 ? 129 : 33));
      return Value::ip(range);
    }
    case 8: {
      std::vector<Value> elements;
      for (std::uint64_t n = pick(5); n > 0; --n)
        elements.push_back(random_value(random, depth - 1));
      return Value::set(std::move(elements));
    }
    default: {
      std::vector<Field> fields;
      for (std::uint64_t n = pick(5); n > 0; --n) {
        fields.push_back({"k" + std::to_string(pick(9)), random_value(random, depth - 1)});
      }
      return Value::record(std::move(fields));
    }
  }
}

TEST(ValueJson, WritingAndReadingGivesTheSameValueAndTheSameBytes) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const Value value = random_value(random, 4);
    const std::string json = to_json(value).value();
    const auto back = parse_value_json(json);
    ASSERT_TRUE(back) << json << "\n" << back.error().message();
    ASSERT_EQ(*back, value) << json;
    ASSERT_EQ(to_json(*back).value(), json);
  }
}

TEST(ValueJson, CompareIsATotalOrderThatAgreesWithEquality) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 5'000; ++i) {
    const Value a = random_value(random, 2);
    const Value b = random_value(random, 2);
    ASSERT_EQ(compare(a.ref(), b.ref()) == 0, a == b);
    ASSERT_EQ(compare(a.ref(), b.ref()) < 0, compare(b.ref(), a.ref()) > 0);
  }
}

TEST(ValueJson, AnEscapeWithAnotherKeyBesideItIsARecord) {
  for (const char* record : {R"({"__extn": {"fn": "ip", "arg": "::1"}, "also": 1})",
                             R"({"also": 1, "__entity": {"type": "A", "id": "x"}})"}) {
    const auto value = parse_value_json(record);
    ASSERT_TRUE(value) << record;
    EXPECT_EQ(value->kind(), Kind::Record) << record;
    EXPECT_FALSE(to_json(*value)) << "it would read back as something else";
  }
}

TEST(ValueJson, RefusesWhatIsNoCedarValue) {
  for (const char* bad :
       {"null", "1.5", "9223372036854775808", "{\"__expr\": \"1\"}", "{\"__entity\": 1}",
        "{\"__entity\": {\"type\": \"if\", \"id\": \"x\"}}", "{\"__extn\": {\"fn\": \"ip\"}}",
        "{\"__extn\": {\"fn\": \"ip\", \"arg\": \"zz\"}}", "{\"a\": 1, \"a\": 1}",
        "{\"__extn\": {\"fn\": \"foo\", \"arg\": \"1\"}}", "[null]", ""}) {
    EXPECT_FALSE(parse_value_json(bad)) << bad;
  }
  EXPECT_FALSE(parse_record_json("[]"));
  EXPECT_FALSE(to_json(Value::record({{"__entity", Value::integer(1)}})));
  EXPECT_FALSE(to_json(text("\xff")));
  const std::string deep(100'000, '[');
  EXPECT_FALSE(parse_value_json(deep));
}

}  // namespace
}  // namespace writ::policy
