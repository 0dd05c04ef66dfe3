// Corners of validation that the conformance data leaves thin; each was asked of the official
// engine too (tests/differential).
#include "policy/validator.h"

#include <gtest/gtest.h>

namespace writ::policy {
namespace {

Schema schema() {
  return Schema::parse(
             "entity Group; entity User in [Group] { name: String }; entity Doc;"
             "action view appliesTo { principal: User, resource: Doc, context: {} };")
      .value();
}

bool valid(const char* condition) {
  const auto set = PolicySet::parse(std::string("permit (principal, action, resource) when { ") +
                                    condition + " };");
  return validate(schema(), set.value()).value().valid();
}

TEST(Validator, BooleanOperatorsOnTwoLiteralsAreALiteral) {
  EXPECT_TRUE(valid("(true || true) != User::\"a\""));
  EXPECT_TRUE(valid("(true && (false || true)) != 1"));
  EXPECT_FALSE(valid("(true && (principal == principal)) != 1"));
  EXPECT_FALSE(valid("(!true) != 1"));
}

TEST(Validator, ALinkWhoseEntityFitsNoActionIsAnError) {
  PolicySet set =
      PolicySet::parse("permit (principal in ?principal, action, resource == ?resource);").value();
  const auto uid = [](const char* type) { return EntityUid::make(type, "a"); };
  ASSERT_TRUE(set.link("policy0", "good", uid("Group"), uid("Doc")));
  ASSERT_TRUE(set.link("policy0", "principal", uid("Doc"), uid("Doc")));
  ASSERT_TRUE(set.link("policy0", "resource", uid("User"), uid("User")));
  const Validation verdict = validate(schema(), set).value();
  ASSERT_EQ(verdict.errors.size(), 2U);
  EXPECT_EQ(verdict.errors[0].policy, "principal");
  EXPECT_EQ(verdict.errors[1].policy, "resource");
  EXPECT_NE(verdict.errors[0].message.find("template `policy0`"), std::string::npos);
}

TEST(Validator, AttributesThatAreAnEntityOrAnExtensionValueAreRefused) {
  for (const char* attrs : {R"({"__entity": {"type": "Doc", "id": "a"}})",
                            R"({"__extn": {"fn": "ip", "arg": "1.2.3.4"}})"}) {
    const std::string text = std::string(R"([{"uid": {"type": "User", "id": "a"}, "attrs": )") +
                             attrs + R"(, "parents": []}])";
    const auto read = schema().parse_entities(text);
    ASSERT_FALSE(read) << attrs;
    EXPECT_NE(read.error().message().find("record"), std::string::npos) << read.error().message();
  }
}

}  // namespace
}  // namespace writ::policy
