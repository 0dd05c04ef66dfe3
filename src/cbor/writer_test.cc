#include "cbor/writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cbor/check.h"

namespace writ::cbor {
namespace {

std::string hex_of(Writer&& w) {
  auto bytes = std::move(w).finish();
  return bytes ? to_hex(*bytes) : "refused: " + bytes.error().message();
}

template <typename Write>
std::string written(Write write) {
  Writer w;
  write(w);
  return hex_of(std::move(w));
}

TEST(CborWriter, HeadsAreShortest) {
  const std::pair<std::uint64_t, const char*> rows[] = {{0, "00"},
                                                        {23, "17"},
                                                        {24, "1818"},
                                                        {255, "18ff"},
                                                        {256, "190100"},
                                                        {65535, "19ffff"},
                                                        {65536, "1a00010000"},
                                                        {4294967295, "1affffffff"},
                                                        {4294967296, "1b0000000100000000"},
                                                        {UINT64_MAX, "1bffffffffffffffff"}};
  for (const auto& row : rows) {
    EXPECT_EQ(written([&](Writer& w) { w.uint(row.first); }), row.second);
  }
  EXPECT_EQ(written([](Writer& w) { w.integer(-1); }), "20");
  EXPECT_EQ(written([](Writer& w) { w.integer(INT64_MIN); }), "3b7fffffffffffffff");
  EXPECT_EQ(written([](Writer& w) { w.negative(UINT64_MAX); }), "3bffffffffffffffff");
}

TEST(CborWriter, FloatsAreShortestAndEveryNanIsTheSame) {
  const auto floating = [](double value) { return written([&](Writer& w) { w.floating(value); }); };
  EXPECT_EQ(floating(0.0), "f90000");
  EXPECT_EQ(floating(-0.0), "f98000");
  EXPECT_EQ(floating(1.5), "f93e00");
  EXPECT_EQ(floating(65504), "f97bff");
  EXPECT_EQ(floating(65505), "fa477fe100");
  EXPECT_EQ(floating(1.1), "fb3ff199999999999a");
  EXPECT_EQ(floating(std::ldexp(1, -24)), "f90001");
  EXPECT_EQ(floating(std::ldexp(1, -25)), "fa33000000");
  EXPECT_EQ(floating(std::ldexp(1, -149)), "fa00000001");
  EXPECT_EQ(floating(std::ldexp(1, -150)), "fb3690000000000000");
  EXPECT_EQ(floating(std::numeric_limits<double>::denorm_min()), "fb0000000000000001");
  EXPECT_EQ(floating(INFINITY), "f97c00");
  EXPECT_EQ(floating(NAN), "f97e00");
  EXPECT_EQ(floating(-NAN), "f97e00");
  EXPECT_EQ(floating(std::nan("7")), "f97e00");
}

TEST(CborWriter, MapsAreSortedByTheirKeysEncodingWhateverTheOrderOfWriting) {
  EXPECT_EQ(written([](Writer& w) {
              w.map([&] {
                w.key("aa").uint(1);
                w.key("b").uint(2);
                w.key(-1).uint(3);
                w.key(100).uint(4);
                w.key(10).uint(5);
                w.boolean(false).uint(6);
              });
            }),
            "a6"
            "0a05"
            "186404"
            "2003"
            "616202"
            "62616101"
            "f406");
}

TEST(CborWriter, NestedMapsAndArraysAreCountedAndSorted) {
  EXPECT_EQ(written([](Writer& w) {
              w.array([&] {
                w.map([&] {
                  w.key(2).map([&] { w.key("z").null().key("a").array([] {}); });
                  w.key(1).tag(24).bytes({});
                });
                w.tag(1).tag(2000).map([] {});
              });
            }),
            "82"
            "a2"
            "01d81840"
            "02a2616180617af6"
            "c1d907d0a0");
  std::string many = "98ff";
  for (int i = 0; i < 255; ++i) many += "00";
  EXPECT_EQ(written([](Writer& w) {
              w.begin_array();
              for (int i = 0; i < 255; ++i) w.uint(0);
              w.end_array();
            }),
            many);
}

TEST(CborWriter, AKeyThatStandsTwiceIsReportedByFinish) {
  EXPECT_EQ(written([](Writer& w) {
              w.map([&] { w.key("a").uint(1).key("b").uint(2).key("a").uint(1); });
            }),
            "refused: encoding CBOR: the map key 6161 stands twice");
}

TEST(CborWriter, TextThatIsNotUtf8IsReportedByFinish) {
  EXPECT_EQ(written([](Writer& w) { w.array([&] { w.text("a\xff").text("\xfe"); }); }),
            "refused: encoding CBOR: text that is not UTF-8: `a\\xff`");
}

TEST(CborWriter, AnItemIsCopiedOnlyWhenItIsDeterministic) {
  const auto item = [](std::string_view hex) {
    return written([&](Writer& w) { w.array([&] { w.item(*from_hex(hex)).uint(1); }); });
  };
  EXPECT_EQ(item("a10180"), "82a1018001");
  EXPECT_NE(item("1801").find("refused: encoding CBOR: not deterministic CBOR at byte 0"),
            std::string::npos);
  EXPECT_NE(item("0000").find("refused"), std::string::npos);
  EXPECT_NE(item("").find("refused"), std::string::npos);
}

TEST(CborWriterDeath, UnbalancedCallsDie) {
  EXPECT_DEATH(written([](Writer& w) { w.begin_array(); }), "frames_.empty");
  EXPECT_DEATH(written([](Writer& w) { w.begin_array().end_map(); }), "map == map");
  EXPECT_DEATH(written([](Writer& w) { w.end_array(); }), "frames_.empty");
  EXPECT_DEATH(written([](Writer& w) { w.begin_map().uint(1).end_map(); }), "count % 2");
  EXPECT_DEATH(written([](Writer& w) { w.tag(1); }), "tagged_");
  EXPECT_DEATH(written([](Writer& w) { w.begin_array().tag(1).end_array(); }), "tagged_");
  EXPECT_DEATH(written([](Writer&) {}), "top_count_");
  EXPECT_DEATH(written([](Writer& w) { w.uint(1).uint(2); }), "top_count_");
  EXPECT_DEATH(written([](Writer& w) { w.simple(24); }), "value < 24");
}

}  // namespace
}  // namespace writ::cbor
