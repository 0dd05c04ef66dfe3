// Corners of both schema forms; each was asked of the official engine too (tests/differential).
#include "policy/schema.h"

#include <gtest/gtest.h>

namespace writ::policy {
namespace {

TEST(Schema, NullInJsonCountsAsAbsentOnlyWhereActionsHaveIt) {
  const auto good = [](const char* type, const char* action) {
    return Schema::parse_json(std::string(R"({"": {"entityTypes": {"U": {)") + type +
                              R"(}}, "actions": {"a": {)" + action + "}}}}")
        .has_value();
  };
  EXPECT_TRUE(good("", R"("memberOf": null, "appliesTo": null, "attributes": null)"));
  EXPECT_FALSE(good(R"("shape": null)", ""));
  EXPECT_FALSE(good(R"("tags": null)", ""));
  EXPECT_FALSE(good(R"("memberOfTypes": null)", ""));
  EXPECT_FALSE(good("", R"("annotations": null)"));
  EXPECT_FALSE(good("", R"("appliesTo": {"principalTypes": ["U"], "resourceTypes": ["U"],
                                         "context": null})"));
}

TEST(Schema, ListsInTextTakeNoTrailingCommaAndOnlyParentsOfEntitiesMayBeEmpty) {
  for (const char* good : {
           "",
           "entity U in [];",
           "action b; action a in [b, \"b\"];",
           "entity U = {a: Long,} tags Long;",
           "entity U; action a appliesTo {context: {}, principal: U, resource: [U],};",
       }) {
    const auto read = Schema::parse(good);
    EXPECT_TRUE(read) << good << ": " << read.error().message();
  }
  for (const char* bad : {
           "action a in [];",
           "action b; action a in [b,];",
           "entity U; entity D in [U,];",
           "entity U enum [];",
           "entity U enum [\"a\",];",
           "entity A, ;",
           "action a, ;",
           "entity U {,};",
           "entity U {a: Long,,};",
           "entity U;;",
           "entity U tags Long = {};",
           "entity U; action a appliesTo {};",
           "entity U; action a appliesTo {principal: [U,], resource: U};",
           "entity U; action a appliesTo {principal: U, principal: U, resource: U};",
       }) {
    EXPECT_FALSE(Schema::parse(bad)) << bad;
  }
}

TEST(Schema, WhereATypeAsksForItAnEscapeCountsWithOtherKeysBesideIt) {
  const Schema schema = Schema::parse("entity A { e?: A, i?: ipaddr, r?: {} };").value();
  const auto read = [&](const std::string& attrs) {
    return schema.parse_entities(
        "[{\"uid\": {\"type\": \"A\", \"id\": \"x\"}, \"parents\": [], \"attrs\": {" + attrs +
        "}}]");
  };
  const std::string entity = R"("__entity": {"type": "A", "id": "y"})";
  const std::string address = R"("__extn": {"fn": "ip", "arg": "::1"})";
  EXPECT_TRUE(read(R"("e": {)" + entity + R"(, "also": 1})"));
  EXPECT_TRUE(read(R"("i": {"also": 1, )" + address + "}"));
  EXPECT_FALSE(read(R"("e": {)" + address + R"(, "also": 1})"));
  EXPECT_FALSE(read(R"("i": {)" + entity + R"(, "also": 1})"));
  EXPECT_FALSE(read(R"("r": {)" + entity + R"(, "also": 1})"));
  EXPECT_FALSE(read(R"("e": {)" + entity + R"(, "__expr": "1"})"));
}

// Short texts that stand for much: names at once, chains of groups, long names in every name.
TEST(Schema, WhatItDeclaresIsBoundedHoweverShortItIsSaid) {
  const auto code = [](const Result<Schema>& schema) {
    return schema ? std::string("accepted") : schema.error().message();
  };
  const auto list = [](std::size_t count, const std::string& before, const std::string& after) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
      out += (i == 0 ? "" : ",") + before + std::to_string(i) + after;
    }
    return out;
  };
  const auto refused = [&](const std::string& text, const char* why) {
    const auto schema = Schema::parse(text);
    ASSERT_FALSE(schema) << text.substr(0, 60);
    EXPECT_EQ(schema.error().code(), Code::Exhausted) << schema.error().message();
    EXPECT_NE(schema.error().message().find(why), std::string::npos) << schema.error().message();
  };
  const char* const parts = "declares more than 50000";
  const std::string attributes = "= {" + list(100, "a", ": Long") + "};";
  EXPECT_EQ(code(Schema::parse("entity " + list(200, "E", "") + attributes)), "accepted");
  refused("entity " + list(400, "E", "") + attributes, parts);
  refused("entity " + list(50'001, "E", "") + ";", parts);
  refused("entity A; entity B in [" + list(50'001, "A", "") + "];", parts);
  refused("entity E enum [" + list(50'001, "\"", "\"") + "];", parts);
  refused("entity U; action " + list(50'001, "a", "") + " appliesTo {principal: U, resource: U};",
          parts);
  refused("entity E = {" + list(30'000, "a", ": Set<Long>") + "};", parts);
  const auto chain = [](const std::string& kind, int length) {
    std::string text = kind + " A0;";
    for (int i = 1; i < length; ++i) {
      text += kind + " A" + std::to_string(i) + " in A" + std::to_string(i - 1) + ";";
    }
    return text;
  };
  for (const char* kind : {"entity", "action"}) {
    EXPECT_EQ(code(Schema::parse(chain(kind, 200))), "accepted");
    refused(chain(kind, 400), "more than 50000 others");
  }
  const std::string name(256, 'x');
  EXPECT_EQ(code(Schema::parse("entity " + name + ";")), "accepted");
  refused("entity " + name + "x;", "longer than 256 bytes");
  refused("type " + name + "x = Long;", "longer than 256 bytes");
  refused("namespace " + name + " { entity A; }", "longer than 256 bytes");
  refused("namespace " + name + "x { action a; }", "longer than 256 bytes");
  // The same in JSON.
  const std::string types =
      R"(": {"actions": {}, "entityTypes": {)" + list(17'000, "\"E", "\": {}") + "}}";
  const auto json = Schema::parse_json("{\"A" + types + ", \"B" + types + ", \"C" + types + "}");
  ASSERT_FALSE(json);
  EXPECT_NE(json.error().message().find(parts), std::string::npos) << json.error().message();
}

}  // namespace
}  // namespace writ::policy
