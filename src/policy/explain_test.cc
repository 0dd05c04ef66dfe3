#include "policy/explain.h"

#include <gtest/gtest.h>

namespace writ::policy {
namespace {

using Outcome = PolicyStory::Outcome;

Request request() {
  return {EntityUid::make("User", "ann"), EntityUid::make("Action", "view"),
          EntityUid::make("Doc", "plan"),
          Value::record({{"hour", Value::integer(22)}, {"local", Value::boolean(true)}})};
}

Explanation explained(const std::string& text, OnError on_error = OnError::Skip) {
  // The set outlives the stories that point into it.
  static std::vector<std::unique_ptr<PolicySet>> kept;
  kept.push_back(std::make_unique<PolicySet>(PolicySet::parse(text).value()));
  return explain(*kept.back(), Entities(), request(), on_error);
}

std::vector<std::string> order(const Explanation& why) {
  std::vector<std::string> out;
  for (const PolicyStory& story : why.policies) out.push_back(story.policy->id);
  return out;
}

TEST(Explain, ThePartOfTheConditionThatDecidesIsNamedWithItsOperands) {
  const Explanation why = explained(
      "permit (principal is User, action, resource)\n"
      "when { context.local && (context.hour >= 8 && context.hour < 18) };");
  const PolicyStory& story = why.policies.at(0);
  EXPECT_EQ(why.response.decision, Decision::Deny);
  EXPECT_EQ(story.outcome, Outcome::Differs);
  EXPECT_EQ(story.expression, "context.hour < 18");
  EXPECT_FALSE(story.value);
  EXPECT_EQ(story.at.line, 2U);
  ASSERT_EQ(story.operands.size(), 1U);
  EXPECT_EQ(story.operands[0].expression, "context.hour");
  EXPECT_EQ(story.operands[0].value, "22");
}

TEST(Explain, NegationsAndUnlessAreFollowed) {
  const Explanation why = explained(
      "permit (principal, action, resource) when { true }\n"
      "unless { context.hour < 3 || !(context.hour < 21) };");
  const PolicyStory& story = why.policies.at(0);
  EXPECT_EQ(story.held, 1U);
  EXPECT_EQ(story.expression, "context.hour < 21");
  EXPECT_FALSE(story.value);
}

TEST(Explain, MostNearlyMatchingPoliciesComeFirst) {
  const Explanation why = explained(
      "permit (principal == User::\"bob\", action == Action::\"edit\", resource);"
      "permit (principal, action == Action::\"edit\", resource);"
      "permit (principal, action, resource) when { true } when { true } when { false };"
      "permit (principal, action, resource) when { false } when { true };"
      "permit (principal == User::\"bob\", action == Action::\"edit\", resource is User);");
  EXPECT_EQ(order(why),
            (std::vector<std::string>{"policy2", "policy3", "policy1", "policy0", "policy4"}));
  EXPECT_TRUE(why.policies[2].principal);
  EXPECT_FALSE(why.policies[2].action);
  EXPECT_EQ(why.policies[2].action_scope, "action == Action::\"edit\"");
}

TEST(Explain, WhatDecidedComesBeforeEverythingElse) {
  const Explanation why = explained(
      "permit (principal, action, resource) when { context.nothing };"
      "permit (principal, action, resource);"
      "forbid (principal, action, resource) when { context.local };");
  EXPECT_EQ(why.response.decision, Decision::Deny);
  EXPECT_EQ(order(why), (std::vector<std::string>{"policy1", "policy2", "policy0"}));
  EXPECT_EQ(why.policies[2].outcome, Outcome::Fails);
  EXPECT_EQ(why.policies[2].expression, "context.nothing");
  EXPECT_NE(why.policies[2].error.find("nothing"), std::string::npos);
}

TEST(Explain, LongChainsAndLargeTextsAreCutNotCopied) {
  std::string chain = "context.local";
  for (int i = 0; i < 5000; ++i) chain += " && context.local";
  const Explanation why =
      explained("permit (principal, action, resource) when { " + chain + " && 1 == 2 };" +
                "permit (principal, action, resource) when { if " + chain + " then false else " +
                chain + " };");
  EXPECT_EQ(why.policies[0].expression, "1 == 2");
  EXPECT_LE(why.policies[1].expression.size(), kMaxShown + 8);
}

TEST(Explain, ALinkShowsItsEntity) {
  PolicySet set = PolicySet::parse("permit (principal == ?principal, action, resource);").value();
  ASSERT_TRUE(set.link("policy0", "bobs", EntityUid::make("User", "bob"), std::nullopt));
  const Explanation why = explain(set, Entities(), request(), OnError::Skip);
  EXPECT_EQ(why.policies.at(0).principal_scope, "principal == User::\"bob\"");
  EXPECT_EQ(why.policies.at(0).outcome, Outcome::Other);
}

}  // namespace
}  // namespace writ::policy
