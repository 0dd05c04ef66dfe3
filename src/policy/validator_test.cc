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

TEST(Validator, FindingsHaveTheirPlaceAndGuessTheName) {
  const auto finding = [](const char* text) {
    const Validation verdict = validate(schema(), PolicySet::parse(text).value()).value();
    return verdict.errors.empty() ? "" : verdict.errors[0].message;
  };
  EXPECT_EQ(finding("permit (principal, action, resource)\nwhen { principal.nmae == \"a\" };"),
            "line 2, column 17: there is no attribute `nmae` in User: did you mean `name`? (for "
            "User, Action::\"view\", Doc)");
  EXPECT_EQ(finding("permit (principal,\n  action == Action::\"veiw\", resource);"),
            "line 2, column 3: scope: the action `Action::\"veiw\"` is not in the schema: did you "
            "mean `Action::\"view\"`?");
  EXPECT_EQ(
      finding("permit (principal, action == App::Action::\"view\", resource);"),
      "line 1, column 20: scope: the action `App::Action::\"view\"` is not in the schema: did "
      "you mean `Action::\"view\"`?");
  EXPECT_EQ(finding("permit (principal is Usr, action, resource);"),
            "line 1, column 9: scope: the entity type `Usr` is not in the schema: did you mean "
            "`User`?");
  EXPECT_EQ(finding("permit (principal is Xylophone, action, resource);"),
            "line 1, column 9: scope: the entity type `Xylophone` is not in the schema");
}

TEST(Validator, AScopeThatFitsNoActionIsAWarningFromTheLaterEdition) {
  const PolicySet set = PolicySet::parse("permit (principal is Doc, action, resource);").value();
  const Validation earlier = validate(schema(), set).value();
  EXPECT_FALSE(earlier.valid());
  const Validation later = validate(schema(), set, Edition::From413).value();
  EXPECT_TRUE(later.valid());
  EXPECT_EQ(later.warnings.size(), 2U);  // and it can never apply
}

}  // namespace
}  // namespace writ::policy
