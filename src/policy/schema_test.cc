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

}  // namespace
}  // namespace writ::policy
