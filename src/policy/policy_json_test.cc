#include "policy/policy_json.h"

#include <gtest/gtest.h>

#include <array>

#include "json/read.h"
#include "policy/limits.h"
#include "policy/printer.h"

namespace writ::policy {
namespace {

constexpr std::string_view kScope =
    R"("effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"})";

std::string with_body(const std::string& body) {
  return "{" + std::string(kScope) + R"(,"conditions":[{"kind":"when","body":)" + body + "}]}";
}

std::string json_of(const std::string& text) {
  const PolicySet set = PolicySet::parse(text).value();
  return to_json(set.policies().empty() ? set.templates()[0] : set.policies()[0]).value();
}

std::string text_of(const std::string& json) {
  auto body = parse_policy_json(json);
  if (!body) return "refused: " + body.error().message();
  return to_text(Policy("p", std::move(body).value())).value();
}

std::string refusal(const std::string& json) {
  const auto body = parse_policy_json(json);
  return body ? "" : body.error().message();
}

std::string repeat(const std::string& piece, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += piece;
  return out;
}

// Every form of the language, once.
const std::array kPolicies = {
    "permit (principal, action, resource);",
    "@id(\"x\") @if @note(\"a\\n\\\"b\\\"\") forbid (principal is T in G::\"g\", action in "
    "[Action::\"a\", N::Action::\"b\"], resource == R::\"r\") unless { true } when { false };",
    "permit (principal in G::\"g\", action == Action::\"a\", resource is R);",
    "permit (principal, action in Action::\"a\", resource) when { context has a.b.c };",
    "permit (principal, action in [], resource) when { context has \"a b\" || context has a };",
    "permit (principal == ?principal, action, resource in ?resource);",
    "permit (principal is T in ?principal, action, resource == ?resource) when { 1 < 2 };",
    "permit (principal, action, resource) when { if true then 1 else -1 };",
    "permit (principal, action, resource) when { !!true && !(-context.x == 1) || -(1) <= --2 };",
    "permit (principal, action, resource) when { -9223372036854775808 + 1 - 2 * 3 >= (1 + 2) * 3 "
    "};",
    "permit (principal, action, resource) when { 1 - (2 - 3) != 4 && (true || false) };",
    "permit (principal, action, resource) when { principal is T::U in [resource, "
    "A::\"\\u{1F600}\"] };",
    "permit (principal, action, resource) when { {a: 1, \"b c\": [1, \"x\", true], \"if\": {}} == "
    "[] };",
    "permit (principal, action, resource) when { [1].contains(1) && [].containsAll([]) && "
    "[].containsAny([]) && [].isEmpty() && principal.hasTag(\"k\") && principal.getTag(\"k\") };",
    "permit (principal, action, resource) when { ip(\"::1\").isInRange(ip(\"::/8\")) && "
    "decimal(\"1.0\").lessThan(decimal(\"2.0\")) && "
    "datetime(\"2024-01-01\").offset(duration(\"1d\"))"
    ".toTime().toDays() > 1 && ip() == 1.isIpv4(2, 3) };",
    "permit (principal, action, resource) when { \"a\" like \"**a\\*\\\\*\\0\" || context[\"a "
    "b\"].c like \"\" };",
    "permit (principal, action, resource) when { (if true then 1 else 2) + (context has a).b == "
    "(principal in resource) && (1 == 2) == (3 == 4) };",
    "permit (principal, action, resource) when { (-1).a == (1 + 2).b && (!true).c && -1.x == 2 };"};

TEST(PolicyJson, IsWhatTheOfficialEngineWrites) {
  EXPECT_EQ(
      json_of("@a(\"x\") @b forbid(principal is T in G::\"g\", action in [Action::\"a\"], "
              "resource == R::\"r\") unless { -1 == -(1) };"),
      R"({"effect":"forbid","principal":{"op":"is","entity_type":"T","in":{"entity":)"
      R"({"type":"G","id":"g"}}},"action":{"op":"in","entity":{"type":"Action","id":"a"}},)"
      R"("resource":{"op":"==","entity":{"type":"R","id":"r"}},"conditions":[{"kind":"unless",)"
      R"("body":{"==":{"left":{"Value":-1},"right":{"neg":{"arg":{"Value":1}}}}}}],)"
      R"("annotations":{"a":"x","b":null}})");
}

TEST(PolicyJson, EveryFormGoesToJsonAndBackAndToTextAndBack) {
  for (const char* text : kPolicies) {
    const PolicySet set = PolicySet::parse(text).value();
    const Policy& policy = set.policies().empty() ? set.templates()[0] : set.policies()[0];
    const std::string json = to_json(policy).value();
    auto body = parse_policy_json(json);
    ASSERT_TRUE(body) << text << body.error().message();
    EXPECT_TRUE(**body == *policy.body) << text;
    EXPECT_EQ(to_json(Policy("p", *body)).value(), json) << text;
    const auto printed = to_text(Policy("p", *body));
    ASSERT_TRUE(printed) << text << printed.error().message();
    const PolicySet again = PolicySet::parse(*printed).value();
    const Policy& read = again.policies().empty() ? again.templates()[0] : again.policies()[0];
    EXPECT_TRUE(*read.body == *policy.body) << text << "\n" << *printed;
  }
}

TEST(PolicyJson, PoliciesThatDifferAreNotEqual) {
  std::vector<PolicySet> sets;
  for (const char* text : kPolicies) sets.push_back(PolicySet::parse(text).value());
  const auto body = [](const PolicySet& set) -> const PolicyBody& {
    return *(set.policies().empty() ? set.templates()[0] : set.policies()[0]).body;
  };
  for (std::size_t i = 0; i < sets.size(); ++i) {
    for (std::size_t j = 0; j < sets.size(); ++j) {
      EXPECT_EQ(body(sets[i]) == body(sets[j]), i == j) << kPolicies[i] << kPolicies[j];
    }
  }
  const auto same = [&](const char* a, const char* b) {
    return body(PolicySet::parse(a).value()) == body(PolicySet::parse(b).value());
  };
  EXPECT_TRUE(same("permit(principal,action,resource)when{context has a.b};",
                   "permit ( principal , action , resource ) when\n"
                   "{ ((context has a) && (context.a has b)) }; // same"));
  EXPECT_FALSE(
      same("@a permit(principal,action,resource);", "@a(\"\") permit(principal,action,resource);"));
  EXPECT_FALSE(same("permit(principal,action,resource)when{1-2-3==0};",
                    "permit(principal,action,resource)when{1-(2-3)==0};"));
}

TEST(PolicyJson, ErrorsBeginWithThePathOfKeys) {
  EXPECT_EQ(refusal("{" + std::string(kScope) + R"(,"conditions":[],"foo":1})"),
            "a policy has no `foo` (there are `effect`, `principal`, `action`, `resource`, "
            "`conditions`, `annotations`)");
  EXPECT_EQ(refusal(with_body(R"({"&&":{"left":{"Value":true},"right":{"Var":"foo"}}})")),
            "conditions[0].body.&&.right.Var: there is no variable `foo` (there are principal, "
            "action, resource, context)");
  EXPECT_EQ(refusal(with_body(R"({"Record":{"a.b":{"Set":[{"Value":1},{"Value":null}]}}})")),
            "conditions[0].body.Record.\"a.b\".Set[1].Value: null is not a Cedar value");
  EXPECT_EQ(refusal("[1"),
            "line 1, column 3 (byte 2): syntax error while parsing array - unexpected "
            "end of input; expected ']'");
  const auto set = parse_policy_set_json(R"({"staticPolicies":{"a":{)" + std::string(kScope) +
                                         R"(,"conditions":[{"kind":"if","body":1}]}}})");
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().message(),
            "staticPolicies.a.conditions[0].kind: expected `when` or `unless`, found `if`");
  const auto text = parse_policy_set_json(R"({"templates":{"t":"permit(principal, action);"}})");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message().find("templates.t: line 1, column 25: expected"), 0U)
      << text.error().message();
}

TEST(PolicyJson, RefusesWhatIsNoPolicy) {
  for (const char* body : {"{}",
                           "1",
                           "[]",
                           "\"x\"",
                           "null",
                           R"({"!":{"arg":{"Value":true}},"neg":{"arg":{"Value":1}}})",
                           R"({"Slot":"?principal"})",
                           R"({"Unknown":{"name":"x"}})",
                           R"({"Var":1})",
                           R"({"Value":1.5})",
                           R"({"Value":9223372036854775808})",
                           R"({"Value":[null]})",
                           R"({"Value":{"__expr":"1"}})",
                           R"({"Value":{"__entity":{"type":"T","id":"x"},"a":1}})",
                           R"({"Value":{"__extn":{"fn":"nope","arg":"1"}}})",
                           R"({"Value":{"__extn":{"fn":"ip"}}})",
                           R"({"Value":{"__extn":{"fn":"ip","arg":"1","args":[]}}})",
                           R"({"Value":{"__entity":{"type":"T :: U","id":"x"}}})",
                           R"({"!":{"arg":{"Value":true},"x":1}})",
                           R"({"!":{}})",
                           R"({"!":true})",
                           R"({"==":{"left":{"Value":1}}})",
                           R"({"==":{"left":{"Value":1},"right":{"Value":1},"x":1}})",
                           R"({"==":[{"Value":1},{"Value":1}]})",
                           R"({"foo":[{"Value":1}]})",
                           R"({"isIpv4":[]})",
                           R"({"ip":{"Value":1}})",
                           R"({"contains":[{"Value":1},{"Value":1}]})",
                           R"({"like":{"left":{"Value":"a"},"pattern":"a*"}})",
                           R"({"like":{"left":{"Value":"a"},"pattern":["wild"]}})",
                           R"({"like":{"left":{"Value":"a"},"pattern":[{"Literal":"a","x":1}]}})",
                           R"({"has":{"left":{"Var":"context"},"attr":[]}})",
                           R"({"has":{"left":{"Var":"context"},"attr":[1]}})",
                           R"({".":{"left":{"Var":"context"},"attr":["a"]}})",
                           R"({"is":{"left":{"Var":"principal"},"entity_type":"T :: U"}})",
                           R"({"is":{"left":{"Var":"principal"},"entity_type":"__cedar::U"}})",
                           R"({"if-then-else":{"if":{"Value":true},"then":{"Value":true}}})",
                           R"({"Set":{"a":1}})",
                           R"({"Record":[1]})",
                           R"({"Record":{"a":{"Value":1},"a":{"Value":1}}})"}) {
    EXPECT_NE(refusal(with_body(body)), "") << body;
  }
  const std::array<std::pair<const char*, const char*>, 17> scopes = {{
      {"principal", R"({"op":"!="})"},
      {"principal", R"({"op":"All","entity":{"type":"T","id":"x"}})"},
      {"principal", R"({"op":"=="})"},
      {"principal", R"({"op":"==","slot":"?resource"})"},
      {"principal", R"({"op":"==","slot":"?principal","entity":{"type":"T","id":"x"}})"},
      {"principal", R"({"op":"in","entities":[{"type":"T","id":"x"}]})"},
      {"principal", R"({"op":"is","entity_type":"T U"})"},
      {"principal", R"({"op":"is"})"},
      {"principal", R"({"op":"is","entity_type":"T","in":{}})"},
      {"principal", R"({"op":"is","entity_type":"T","in":{"slot":"?resource"}})"},
      {"principal", "null"},
      {"principal", R"("All")"},
      {"action", R"({"op":"is","entity_type":"Action"})"},
      {"action", R"({"op":"==","entity":{"type":"T","id":"x"}})"},
      {"action", R"({"op":"==","slot":"?action"})"},
      {"action", R"({"op":"in","entities":[{"type":"T","id":"x"}]})"},
      {"action", R"({"op":"in","entities":[],"entity":{"type":"Action","id":"x"}})"},
  }};
  for (const auto& [variable, scope] : scopes) {
    std::string json = "{\"effect\":\"permit\",\"conditions\":[]";
    for (const char* name : {"principal", "action", "resource"}) {
      json += std::string(",\"") + name +
              "\":" + (name == std::string_view(variable) ? scope : R"({"op":"All"})");
    }
    EXPECT_NE(refusal(json + "}"), "") << scope;
  }
  for (
      const char* bad :
      {R"({"effect":"Permit","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"},"conditions":[]})",
       R"({"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"conditions":[]})",
       R"({"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"resource":{"op":"All"}})",
       "", "null", "[]", "{}"}) {
    EXPECT_NE(refusal(bad), "") << bad;
  }
  for (const char* annotations : {"null", "1", R"({"a b":"x"})", R"({"a":1})"}) {
    EXPECT_NE(refusal("{" + std::string(kScope) + R"(,"conditions":[],"annotations":)" +
                      annotations + "}"),
              "")
        << annotations;
  }
}

TEST(PolicyJson, ValuesBecomeTheExpressionsTextWouldSay) {
  EXPECT_EQ(
      text_of(with_body(R"({"Value":[1,[true,"x",{"a":{"__entity":{"type":"T","id":"x"}}}]]})")),
      "permit (principal, action, resource)\nwhen { [1, [true, \"x\", { a: T::\"x\" }]] };\n");
  EXPECT_EQ(
      text_of(with_body(R"({"Value":{"__extn":{"fn":"offset","args":[{"__extn":{"fn":"datetime",)"
                        R"("arg":"2024-01-01"}},{"__extn":{"fn":"duration","arg":"1d"}}]}}})")),
      "permit (principal, action, resource)\n"
      "when { datetime(\"2024-01-01\").offset(duration(\"1d\")) };\n");
  EXPECT_EQ(text_of(with_body(R"({"has":{"left":{"Var":"context"},"attr":["a","if","c"]}})")),
            "permit (principal, action, resource)\n"
            "when { context has a && context.a has \"if\" && context.a[\"if\"] has c };\n");
}

TEST(PolicyJson, SetsHaveTemplatesLinksAndPoliciesAsText) {
  const PolicySet set = parse_policy_set_json(
                            R"({"staticPolicies":{"s":"permit(principal,action,resource);"},
              "templates":{"t":{"effect":"forbid","principal":{"op":"==","slot":"?principal"},
                "action":{"op":"All"},"resource":{"op":"in","slot":"?resource"},"conditions":[]}},
              "templateLinks":[{"templateId":"t","newId":"l","values":{
                "?principal":{"type":"T","id":"p"},"?resource":{"__entity":{"type":"R","id":"r"}}}}]})")
                            .value();
  ASSERT_EQ(set.policies().size(), 2U);
  ASSERT_EQ(set.templates().size(), 1U);
  EXPECT_EQ(set.find("l")->template_id, "t");
  EXPECT_EQ(to_text(*set.find("l")).value(),
            "forbid (principal == T::\"p\", action, resource in R::\"r\");\n");
  const std::string json = to_json(set).value();
  EXPECT_EQ(to_json(parse_policy_set_json(json).value()).value(), json);
  const auto text = to_text(set);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), Code::InvalidArgument);
  EXPECT_TRUE(parse_policy_set_json("{}"));
  EXPECT_EQ(to_json(PolicySet()).value(),
            R"({"staticPolicies":{},"templates":{},"templateLinks":[]})");
  const std::string slot =
      R"({"templates":{"t":"permit(principal == ?principal,action,resource);"},)";
  for (
      const char* links :
      {R"([{"templateId":"t","newId":"l","values":{}}])",
       R"([{"templateId":"t","newId":"l","values":{"?principal":{"type":"T","id":"x"},"?resource":{"type":"T","id":"x"}}}])",
       R"([{"templateId":"t","newId":"t","values":{"?principal":{"type":"T","id":"x"}}}])",
       R"([{"templateId":"u","newId":"l","values":{"?principal":{"type":"T","id":"x"}}}])",
       R"([{"templateId":"t","newId":"l","values":{"?principal":{"type":"T","id":"x"}},"z":1}])",
       R"([{"templateId":"t","newId":"l","values":{"?who":{"type":"T","id":"x"}}}])", "{}"}) {
    EXPECT_FALSE(parse_policy_set_json(slot + R"("templateLinks":)" + links + "}")) << links;
  }
  for (
      const char* bad :
      {R"({"foo":{}})",
       R"({"staticPolicies":{"a":"permit(principal == ?principal,action,resource);"}})",
       R"({"templates":{"a":"permit(principal,action,resource);"}})", R"({"staticPolicies":[]})",
       R"({"staticPolicies":{"a":"permit(principal,action,resource);permit(principal,action,resource);"}})",
       R"({"staticPolicies":{"a":"permit(principal,action,resource);"},"templates":{"a":"permit(principal == ?principal,action,resource);"}})"}) {
    EXPECT_FALSE(parse_policy_set_json(bad)) << bad;
  }
}

TEST(PolicyJson, ChainsOfThousandsOfOperatorsGoBothWays) {
  for (const std::string& chain :
       {"true" + repeat(" && true", 5'000), "0" + repeat(" + 1", 5'000) + " == 1",
        "context" + repeat(".a", 5'000), "context has a" + repeat(".a", 300)}) {
    const std::string text = "permit (principal, action, resource) when { " + chain + " };";
    const PolicySet set = PolicySet::parse(text).value();
    for (const json::Style style : {json::Style::Compact, json::Style::Pretty}) {
      const std::string json = to_json(set.policies()[0], style).value();
      const auto body = parse_policy_json(json);
      ASSERT_TRUE(body) << body.error().message().substr(0, 200);
      EXPECT_TRUE(**body == *set.policies()[0].body);
      const std::string printed = to_text(Policy("p", *body)).value();
      EXPECT_TRUE(*PolicySet::parse(printed).value().policies()[0].body == **body);
    }
  }
}

TEST(PolicyJson, NestingIsRefusedWhereTextWouldRefuseIt) {
  const auto nested = [](std::size_t n, const char* open, const char* close) {
    return with_body(repeat(open, n) + R"({"Value":true})" + repeat(close, n));
  };
  const std::array<std::pair<const char*, const char*>, 5> kinds = {{
      {R"({"Set":[)", "]}"},
      {R"({"Record":{"a":)", "}}"},
      {R"({"ip":[)", "]}"},
      {R"({"==":{"left":{"Value":1},"right":)", "}}"},
      {R"({"if-then-else":{"else":{"Value":1},"if":{"Value":true},"then":)", "}}"},
  }};
  for (const auto& [open, close] : kinds) {
    // The condition's braces are a level; the innermost literal needs no parentheses.
    const std::string deepest = nested(kMaxNesting - 1, open, close);
    const auto body = parse_policy_json(deepest);
    ASSERT_TRUE(body) << open << body.error().message();
    const auto printed = to_text(Policy("p", *body));
    ASSERT_TRUE(printed) << open << printed.error().message();
    EXPECT_TRUE(*PolicySet::parse(*printed).value().policies()[0].body == **body);
    for (const std::size_t levels : {kMaxNesting + 1, std::size_t{30'000}}) {
      const auto refused = parse_policy_json(nested(levels, open, close));
      ASSERT_FALSE(refused) << open;
      EXPECT_EQ(refused.error().code(), Code::Exhausted) << open;
    }
  }
  // A chain to the left needs no parentheses, however long; a value's nesting is nesting too.
  EXPECT_TRUE(parse_policy_json(nested(5'000, R"({"&&":{"right":{"Value":true},"left":)", "}}")));
  EXPECT_FALSE(
      parse_policy_json(with_body("{\"Value\":" + repeat("[", 300) + repeat("]", 300) + "}")));
  EXPECT_FALSE(parse_policy_json(nested(300'000, R"({"!":{"arg":)", "}}")));
}

TEST(PolicyJson, SizesBeyondTheLimitsAreRefused) {
  const auto terms = parse_policy_json(
      with_body("{\"Set\":[" + repeat("{\"Value\":1},", kMaxPolicyNodes) + "{\"Value\":1}]}"));
  ASSERT_FALSE(terms);
  EXPECT_EQ(terms.error().code(), Code::Exhausted);
  const auto bytes = parse_policy_json(std::string(kMaxPolicyJson + 1, ' '));
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), Code::Exhausted);
}

// `x has a.b` shares x in the tree: what is shared is looked at each time, so forty levels of it
// would be a million million terms.
TEST(PolicyJson, WhatIsSharedManyTimesIsRefusedNotWrittenOut) {
  const auto nested = [](int levels) {
    std::string inner = "context";
    for (int i = 0; i < levels; ++i) inner = "{a: {b: " + inner + " has a.b}}";
    return "permit (principal, action, resource) when { " + inner + " has a.b };";
  };
  EXPECT_TRUE(PolicySet::parse(nested(10)));
  const auto text = PolicySet::parse(nested(40));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), Code::Exhausted);
  std::string inner = R"({"Var":"context"})";
  for (int i = 0; i < 40; ++i) {
    inner = R"({"has":{"left":{"Set":[)" + inner + R"(]},"attr":["a","b"]}})";
  }
  const auto json = parse_policy_json(with_body(inner));
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().code(), Code::Exhausted);
}

}  // namespace
}  // namespace writ::policy
