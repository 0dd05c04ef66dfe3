#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

#include "policy/evaluator.h"
#include "policy/limits.h"
#include "policy/policy.h"

namespace writ::policy {
namespace {

std::string when(const std::string& expression) {
  return "permit (principal, action, resource) when { " + expression + " };";
}

std::string repeat(const std::string& piece, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += piece;
  return out;
}

std::string error_of(const std::string& text) {
  const auto set = PolicySet::parse(text);
  return set ? "" : set.error().message();
}

TEST(Parser, IdsFollowThePositionAndAnnotationsAreReachable) {
  const PolicySet set = PolicySet::parse(R"(
    @id("x") @note permit (principal, action, resource);
    permit (principal == ?principal, action, resource);
    @if("kept") forbid (principal, action, resource,);)")
                            .value();
  ASSERT_EQ(set.policies().size(), 2U);
  ASSERT_EQ(set.templates().size(), 1U);
  EXPECT_EQ(set.policies()[0].id, "policy0");
  EXPECT_EQ(set.templates()[0].id, "policy1");
  EXPECT_EQ(set.policies()[1].id, "policy2");
  EXPECT_EQ(set.policies()[0].annotation("id"), "x");
  EXPECT_EQ(set.policies()[0].annotation("note"), "");
  EXPECT_EQ(set.policies()[1].annotation("if"), "kept");
  EXPECT_FALSE(set.policies()[1].annotation("id"));
  EXPECT_EQ(set.find("policy2"), &set.policies()[1]);
}

TEST(Parser, ErrorsShowThePlaceTheLineAndWhatWasExpected) {
  EXPECT_EQ(error_of("permit (principal, action, resource)\nwhen { principal = 1 };"),
            "line 2, column 18: `=` is no operator: equality is `==`\n"
            "  | when { principal = 1 };\n"
            "  |                  ^");
  EXPECT_EQ(error_of("permit (principal, action, resource)"),
            "line 1, column 37: expected `when`, `unless` or `;`, found the end of the text\n"
            "  | permit (principal, action, resource)\n"
            "  |                                     ^");
  EXPECT_EQ(error_of("permit(principal,action,resource) when { \"\xc3\xa9\" == x };"),
            "line 1, column 49: there is no variable `x` (there are principal, action, resource, "
            "context; an entity is written `Type::\"id\"`, text in double quotes)\n"
            "  | permit(principal,action,resource) when { \"\xc3\xa9\" == x };\n"
            "  |                                                 ^");
}

TEST(Parser, RefusesWhatTheGrammarDoesNotHave) {
  for (const char* bad : {"1 == 2 == 3",
                          "!!!!!true",
                          "-----1 == 1",
                          "!-1 == 1",
                          "5 % 2 == 1",
                          "4 / 2 == 2",
                          "1 < 2 < 3",
                          "true && if true then true else false",
                          "context.if",
                          "context has if",
                          "{if: 1} == 1",
                          "{a: 1, a: 2} == 1",
                          "principal is \"T\"",
                          "\"a\" like context.s",
                          "'a' == 'a'",
                          "foo(1)",
                          "ip::x(1)",
                          "isIpv4(ip(\"::\"))",
                          "context.ip(\"1\")",
                          "[1].contains()",
                          "[1].contains(1, 2)",
                          "[1].isEmpty(1)",
                          "principal.foo()",
                          "x",
                          "A::B",
                          "?principal == 1",
                          "A::{x: 1} == 1",
                          "context[1]",
                          "context[\"a\"",
                          "1 = 1",
                          "true & true",
                          "true | true",
                          "9223372036854775808 == 0",
                          "-9223372036854775809 == 0",
                          "-(9223372036854775808) == 0",
                          "\"\\q\" == \"\"",
                          "\"\\u{d800}\" == \"\"",
                          "\"\\*\" == \"\"",
                          "\"a\\\nb\" == \"\"",
                          "\"a\rb\" == \"\"",
                          "\"open",
                          "__cedar::T::\"x\" == principal",
                          "context has a[\"b\"]",
                          "principal in",
                          "(1",
                          "[1, 2",
                          "{a 1}",
                          "#",
                          "1a == 1",
                          "context.a.b.",
                          "",
                          "true false"}) {
    EXPECT_NE(error_of(when(bad)), "") << bad;
  }
  for (const char* bad :
       {"permit(principal, action);", "permit(action, principal, resource);",
        "Permit(principal,action,resource);", "permit(principal != T::\"x\",action,resource);",
        "permit(principal in [T::\"x\"],action,resource);",
        "permit(principal == ?resource,action,resource);",
        "permit(principal,action == ?action,resource);",
        "permit(principal,action == T::\"x\",resource);",
        "permit(principal,action is Action,resource);", "permit(principal: T,action,resource);",
        "permit(principal is T == T::\"x\",action,resource);",
        "@a(\"1\") @a(\"2\") permit(principal,action,resource);",
        "@a(1) permit(principal,action,resource);", "permit(principal,action,resource) when {};",
        "permit(principal,action,resource) if { true };", "permit", ";", "\xff"}) {
    EXPECT_NE(error_of(bad), "") << bad;
  }
}

TEST(Parser, TakesTheReservedWordsOfOthersAsNames) {
  EXPECT_EQ(error_of(when("{permit: 1, principal: 2, when: 3}.when == context.unless || "
                          "permit::forbid::\"x\" == principal")),
            "");
}

TEST(Parser, NestingIsAcceptedToTwoHundredLevelsAndThenRefused) {
  const auto nested = [](std::size_t n, const char* open, const char* close) {
    return when(repeat(open, n) + "true" + repeat(close, n) + " == true");
  };
  const std::array<std::pair<const char*, const char*>, 6> kinds = {
      {{"(", ")"},
       {"[", "]"},
       {"{a: ", "}"},
       {"if true then ", " else true"},
       {"ip(", ")"},
       {"!(", ")"}}};
  for (const auto& [open, close] : kinds) {
    EXPECT_EQ(error_of(nested(150, open, close)), "") << open;
    const auto set = PolicySet::parse(nested(kMaxNesting + 1, open, close));
    ASSERT_FALSE(set) << open;
    EXPECT_EQ(set.error().code(), Code::Exhausted) << open;
    EXPECT_FALSE(PolicySet::parse(nested(200'000, open, close))) << open;
  }
  EXPECT_FALSE(PolicySet::parse("permit(principal == " + repeat("(", 300'000)));
}

TEST(Parser, ChainsOfThousandsOfOperatorsParseAndEvaluate) {
  const Entities entities;
  const Request request{EntityUid::make("T", "p"), EntityUid::make("Action", "a"),
                        EntityUid::make("T", "r")};
  const std::array<std::string, 6> chains = {
      "true" + repeat(" && true", 10'000),
      "false" + repeat(" || false", 10'000) + " || true",
      "0" + repeat(" + 1", 10'000) + " == 10000",
      "1" + repeat(" * 1", 10'000) + " == 1",
      "[1]" + repeat(".isEmpty()", 1) + " == false" + repeat(" && true", 5'000),
      "datetime(\"1970-01-01\")" + repeat(".toDate()", 10'000) + " == datetime(\"1970-01-01\")"};
  for (const std::string& chain : chains) {
    const PolicySet set = PolicySet::parse(when(chain)).value();
    Evaluator evaluator(entities, request);
    const PolicyBody& body = *set.policies()[0].body;
    const auto value = evaluator.evaluate(body.exprs, body.program);
    ASSERT_TRUE(value) << chain.substr(0, 60) << value.error().message();
    EXPECT_TRUE(value->as_bool()) << chain.substr(0, 60);
  }
  EXPECT_EQ(error_of(when("context" + repeat(".a", 10'000))), "");
}

TEST(Parser, SizesBeyondTheLimitsAreRefusedUnread) {
  const auto too_many = PolicySet::parse(when("0" + repeat(" + 1", kMaxPolicyNodes) + " == 0"));
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().code(), Code::Exhausted);
  const auto too_long = PolicySet::parse(std::string(kMaxPolicyText + 1, ' '));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code(), Code::Exhausted);
  EXPECT_TRUE(PolicySet::parse(std::string(kMaxPolicyText, ' ')));
  // What a set holds besides terms.
  const std::string policy = "permit (principal, action, resource);";
  const auto exhausted = [](const std::string& text) {
    const auto set = PolicySet::parse(text);
    return !set && set.error().code() == Code::Exhausted;
  };
  EXPECT_TRUE(PolicySet::parse(repeat(policy, kMaxPolicies)));
  EXPECT_TRUE(exhausted(repeat(policy, kMaxPolicies + 1)));
  std::string annotations;
  for (std::size_t i = 0; i < kMaxAnnotations; ++i) annotations += "@a" + std::to_string(i) + " ";
  EXPECT_TRUE(PolicySet::parse(annotations + policy));
  EXPECT_TRUE(exhausted(annotations + "@b " + policy));
  EXPECT_TRUE(exhausted(repeat(annotations + policy, kMaxSetNodes / kMaxAnnotations + 1)));
  const auto actions = [&](std::size_t count) {
    return "permit (principal, action in [" + repeat("Action::\"\",", count) + "], resource);";
  };
  EXPECT_TRUE(PolicySet::parse(actions(1'000)));
  EXPECT_TRUE(exhausted(actions(kMaxPolicyNodes + 1)));
  EXPECT_TRUE(exhausted(repeat(actions(1'000), kMaxSetNodes / 1'000 + 1)));
}

TEST(Parser, WhiteSpaceIsUnicodesAndCommentsEndWithTheLine) {
  EXPECT_EQ(error_of("\xe2\x80\x89permit\xc2\xa0(principal,// a \"comment\nresource"
                     "\n// resource\n)") == "",
            false);
  EXPECT_EQ(error_of("\xe2\x80\x89permit\xc2\xa0(principal,// a \"comment\n action,\xe3\x80\x80"
                     "resource);"),
            "");
}

TEST(PolicySet, ForbidOnlyRefusesPermitsAndTemplates) {
  EXPECT_TRUE(PolicySet::parse_forbid_only("forbid (principal, action, resource);"));
  EXPECT_TRUE(PolicySet::parse_forbid_only(""));
  const auto permit = PolicySet::parse_forbid_only(
      "forbid(principal,action,resource);\npermit(principal,action,resource);");
  ASSERT_FALSE(permit);
  EXPECT_EQ(permit.error().message().find("line 2, column 1: this is a `permit`"), 0U);
  EXPECT_FALSE(PolicySet::parse_forbid_only("forbid(principal == ?principal,action,resource);"));
}

TEST(PolicySet, LinksFillExactlyTheSlots) {
  PolicySet set;
  ASSERT_TRUE(set.add("t", "permit(principal == ?principal, action, resource in ?resource);"));
  ASSERT_TRUE(set.add("s", "permit(principal, action, resource);"));
  const EntityUid uid = EntityUid::make("T", "x");
  EXPECT_FALSE(set.link("t", "l", uid, std::nullopt));
  EXPECT_FALSE(set.link("t", "l", std::nullopt, uid));
  EXPECT_FALSE(set.link("s", "l", std::nullopt, std::nullopt));
  EXPECT_FALSE(set.link("nope", "l", uid, uid));
  EXPECT_FALSE(set.link("t", "s", uid, uid));
  EXPECT_FALSE(set.link("t", "t", uid, uid));
  ASSERT_TRUE(set.link("t", "l", uid, uid));
  EXPECT_EQ(set.find("l")->template_id, "t");
  EXPECT_FALSE(set.add("l", "permit(principal, action, resource);"));
  EXPECT_FALSE(
      set.add("two", "permit(principal,action,resource);permit(principal,action,resource);"));
}

// Cutting and garbling good policies must give an answer, never a crash.
TEST(Parser, GarbledPoliciesNeverCrash) {
  const std::string good =
      "@a(\"b\") permit(principal is A::B in C::\"d\", action in [Action::\"e\"], resource) when { "
      "if context has a.b.c then [1, -2, {\"x\": ip(\"1.2.3.4/8\")}].containsAll([]) else "
      "principal.getTag(\"\\u{41}\") like \"a*\\*\" } unless { 1 + 2 * 3 - -4 <= 5 || !(a::\"\" in "
      "b::\"\") };";
  ASSERT_EQ(error_of(good), "");
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good;
    for (std::uint64_t n = 1 + random() % 3; n > 0; --n) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0: text.erase(at, random() % 8); break;
        case 1: text.insert(at, good.substr(random() % good.size(), random() % 12)); break;
        case 2: text[at] = static_cast<char>(random()); break;
        default: text[at] = good[random() % good.size()];
      }
      if (text.empty()) text = ";";
    }
    const auto set = PolicySet::parse(text);
    ASSERT_TRUE(set || !set.error().message().empty());
  }
}

}  // namespace
}  // namespace writ::policy
