#include "policy/authorizer.h"

#include <gtest/gtest.h>

#include <array>

#include "policy/policy_json.h"

namespace writ::policy {
namespace {

EntityUid uid(const char* type, const char* id) {
  return EntityUid::make(type, id);
}

Request plain_request() {
  return {uid("User", "alice"), uid("Action", "view"), uid("Doc", "d"), Value::record({})};
}

PolicySet set_of(const char* text) {
  return PolicySet::parse(text).value();
}

TEST(Authorizer, NothingIsAllowedWithoutAPermit) {
  const Response answer = authorize(set_of(""), Entities(), plain_request(), OnError::Skip);
  EXPECT_EQ(answer.decision, Decision::Deny);
  EXPECT_TRUE(answer.reasons.empty());
  EXPECT_FALSE(answer.denied_by_error);
}

TEST(Authorizer, AnySatisfiedForbidWinsAndAllReasonsAreNamed) {
  const PolicySet set = set_of(
      "permit(principal,action,resource); forbid(principal,action,resource);"
      "forbid(principal,action,resource) when {true}; forbid(principal,action,resource) when "
      "{false};");
  const Response answer = authorize(set, Entities(), plain_request(), OnError::Skip);
  EXPECT_EQ(answer.decision, Decision::Deny);
  ASSERT_EQ(answer.reasons.size(), 2U);
  EXPECT_EQ(answer.reasons[0].id, "policy1");
  EXPECT_EQ(answer.reasons[1].id, "policy2");
}

TEST(Authorizer, AnErrorSaysItsLineWhereThereIsOne) {
  const PolicySet text = set_of("permit(principal,action,resource) when {context.nope};");
  const PolicySet json =
      parse_policy_set_json(to_json(text).value()).value();  // JSON has no lines to name
  for (const auto& [set, message] :
       {std::pair(&text, "line 1, column 48: the record has no attribute `nope`"),
        std::pair(&json, "the record has no attribute `nope`")}) {
    const Response answer = authorize(*set, Entities(), plain_request(), OnError::Skip);
    ASSERT_EQ(answer.errors.size(), 1U);
    EXPECT_EQ(answer.errors[0].message, message);
  }
}

TEST(Authorizer, AFailingForbidIsSkippedByCedarsRuleAndDeniesByWrits) {
  const PolicySet set = set_of(
      "permit(principal,action,resource); forbid(principal,action,resource) when {context.nope};");
  const Response skipped = authorize(set, Entities(), plain_request(), OnError::Skip);
  EXPECT_EQ(skipped.decision, Decision::Allow);
  ASSERT_EQ(skipped.errors.size(), 1U);
  EXPECT_EQ(skipped.errors[0].policy.id, "policy1");
  const Response denied = authorize(set, Entities(), plain_request(), OnError::Deny);
  EXPECT_EQ(denied.decision, Decision::Deny);
  EXPECT_TRUE(denied.denied_by_error);
  EXPECT_TRUE(denied.reasons.empty());
}

TEST(Authorizer, AFailingPermitAlsoDeniesByWritsRule) {
  const PolicySet set =
      set_of("permit(principal,action,resource); permit(principal,action,resource) when {1};");
  EXPECT_EQ(authorize(set, Entities(), plain_request(), OnError::Skip).decision, Decision::Allow);
  EXPECT_EQ(authorize(set, Entities(), plain_request(), OnError::Deny).decision, Decision::Deny);
}

TEST(Authorizer, ScopesThatDoNotMatchNeverFail) {
  const PolicySet set = set_of(
      "permit(principal,action,resource); forbid(principal is Nobody,action,resource) when {1};");
  const Response answer = authorize(set, Entities(), plain_request(), OnError::Deny);
  EXPECT_EQ(answer.decision, Decision::Allow);
  EXPECT_TRUE(answer.errors.empty());
}

TEST(Authorizer, SeveralSetsDecideTogetherAndReasonsNameTheSet) {
  const PolicySet bundle = set_of("permit(principal,action,resource);");
  const PolicySet own = set_of("forbid(principal,action == Action::\"view\",resource);");
  const std::array<const PolicySet*, 2> both = {&bundle, &own};
  const Response answer = authorize(both, Entities(), plain_request(), OnError::Deny);
  EXPECT_EQ(answer.decision, Decision::Deny);
  ASSERT_EQ(answer.reasons.size(), 1U);
  EXPECT_EQ(answer.reasons[0], (PolicyRef{1, "policy0"}));
}

TEST(Authorizer, EveryFormOfScopeMatchesWhatItSays) {
  EntitiesBuilder builder;
  ASSERT_TRUE(builder.add({uid("User", "alice"), Value::record({}), {uid("Group", "dev")}}));
  ASSERT_TRUE(builder.add({uid("Action", "view"), Value::record({}), {uid("Action", "reads")}}));
  const Entities entities = std::move(builder).build().value();
  const auto allows = [&](const std::string& scope) {
    const PolicySet set = PolicySet::parse("permit(" + scope + ");").value();
    return authorize(set, entities, plain_request(), OnError::Deny).decision == Decision::Allow;
  };
  EXPECT_TRUE(allows("principal == User::\"alice\", action, resource"));
  EXPECT_FALSE(allows("principal == User::\"bob\", action, resource"));
  EXPECT_TRUE(allows("principal in Group::\"dev\", action, resource"));
  EXPECT_FALSE(allows("principal in Group::\"ops\", action, resource"));
  EXPECT_TRUE(allows("principal is User, action, resource"));
  EXPECT_FALSE(allows("principal is Group, action, resource"));
  EXPECT_TRUE(allows("principal is User in Group::\"dev\", action, resource"));
  EXPECT_FALSE(allows("principal is Group in Group::\"dev\", action, resource"));
  EXPECT_TRUE(allows("principal, action in Action::\"reads\", resource"));
  EXPECT_TRUE(allows("principal, action in [Action::\"x\", Action::\"view\"], resource"));
  EXPECT_FALSE(allows("principal, action in [], resource"));
  EXPECT_TRUE(allows("principal, action, resource == (Doc::\"d\")"));
}

TEST(Authorizer, LinkedTemplatesMatchTheirSlots) {
  PolicySet set;
  ASSERT_TRUE(
      set.add("t", "permit(principal == ?principal, action, resource is Doc in ?resource);"));
  ASSERT_TRUE(set.link("t", "l1", uid("User", "alice"), uid("Doc", "d")));
  ASSERT_TRUE(set.link("t", "l2", uid("User", "bob"), uid("Doc", "d")));
  const Response answer = authorize(set, Entities(), plain_request(), OnError::Deny);
  ASSERT_EQ(answer.reasons.size(), 1U);
  EXPECT_EQ(answer.reasons[0].id, "l1");
}

}  // namespace
}  // namespace writ::policy
