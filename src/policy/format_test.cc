#include "policy/format.h"

#include <gtest/gtest.h>

#include "policy/policy.h"
#include "policy/printer.h"

namespace writ::policy {
namespace {

std::string formatted(const std::string& text) {
  const auto out = format_policies(text);
  if (!out) return "refused: " + out.error().message();
  EXPECT_EQ(format_policies(*out).value(), *out) << "formatting twice";
  return *out;
}

std::string formatted_schema(const std::string& text) {
  const auto out = format_schema(text);
  if (!out) return "refused: " + out.error().message();
  EXPECT_EQ(format_schema(*out).value(), *out) << "formatting twice";
  return *out;
}

TEST(Format, ShortPoliciesHaveTheirScopeAndEachConditionOnALine) {
  EXPECT_EQ(formatted("@id ( \"x\" )@note permit( principal\n==User :: \"a\",action,resource,)when{"
                      "context.n>-1&&!( resource has a.b )}unless{[1,2].contains( 1 )||{a:1}=={}};"
                      "forbid(principal,action,resource);"),
            "@id(\"x\")\n"
            "@note\n"
            "permit (principal == User::\"a\", action, resource,)\n"
            "when { context.n > -1 && !(resource has a.b) }\n"
            "unless { [1, 2].contains(1) || { a: 1 } == {} };\n"
            "\n"
            "forbid (principal, action, resource);\n");
  EXPECT_EQ(formatted(""), "");
  EXPECT_EQ(formatted("// nothing but this"), "// nothing but this\n");
}

TEST(Format, LongPartsBreakAtBracketsAndOperators) {
  const std::string laid_out = R"(permit (
  principal in Group::"a_name_of_thirty_characters__",
  action in [
    Action::"a_name_of_thirty_characters__",
    Action::"another_name_of_forty_characters_______"
  ],
  resource is Thing in Folder::"f"
)
when {
  context.a_name_of_thirty_characters__ == 1 &&
    (context.a_name_of_thirty_characters__ > 2 || context.a_name_of_thirty_characters__ < 3) ||
  (
    if context.a_name_of_thirty_characters__
    then principal.another_long_name
    else resource.long_name.contains(principal)
  )
}
when {
  1 + 1000000000 + 1000000000 + 1000000000 + 1000000000 + 1000000000 + 1000000000 + 1000000000 +
    1000000000 > 3
};
)";
  std::string one_line = laid_out;
  for (char& c : one_line) {
    if (c == '\n') c = ' ';
  }
  EXPECT_EQ(formatted(one_line), laid_out);
}

TEST(Format, CommentsStayBesideTheirWords) {
  EXPECT_EQ(
      formatted(
          "// the file\n\n// the policy\n@id(\"x\") // its name\npermit(principal, // who\n"
          "action // what\n,resource)\nwhen{// why\n// really\ntrue&&// left\nfalse // right\n"
          "// at last\n};// end\n// after\n"),
      "// the file\n"
      "\n"
      "// the policy\n"
      "@id(\"x\")  // its name\n"
      "permit (\n"
      "  principal,  // who\n"
      "  action,  // what\n"
      "  resource\n"
      ")\n"
      "when {  // why\n"
      "  // really\n"
      "  true &&  // left\n"
      "  false  // right\n"
      "  // at last\n"
      "};  // end\n"
      "\n"
      "// after\n");
}

TEST(Format, SchemasAreLaidOutToo) {
  EXPECT_EQ(formatted_schema(
                "namespace N{@doc(\"d\")entity A,B in[C]={x?:Set<Long>,@y \"a b\":{}}tags String;"
                "entity C enum[\"x\",\"y\"]; // ids\n\ntype T={};action a,\"b "
                "c\"in[g]appliesTo{principal:A,"
                "resource:[A,B],context:T};action g;}"),
            "namespace N {\n"
            "  @doc(\"d\")\n"
            "  entity A, B in [C] = { x?: Set<Long>, @y \"a b\": {} } tags String;\n"
            "  entity C enum [\"x\", \"y\"];  // ids\n"
            "\n"
            "  type T = {};\n"
            "  action a, \"b c\" in [g] appliesTo { principal: A, resource: [A, B], context: T };\n"
            "  action g;\n"
            "}\n");
}

TEST(Format, WhatDoesNotParseIsRefusedWithThePlace) {
  EXPECT_NE(formatted("permit (principal, action);").find("line 1, column 26"), std::string::npos);
  EXPECT_NE(formatted_schema("entity A in B;").find("there is no entity type `B`"),
            std::string::npos);
}

TEST(Printer, PutsParenthesesOnlyWhereTheyAreNeeded) {
  const auto printed = [](const std::string& condition) {
    const PolicySet set =
        PolicySet::parse("permit (principal, action, resource) when { " + condition + " };")
            .value();
    const std::string text = to_text(set.policies()[0]).value();
    const std::string head = "permit (principal, action, resource)\nwhen { ";
    EXPECT_EQ(text.substr(0, head.size()), head);
    return text.substr(head.size(), text.size() - head.size() - 4);
  };
  EXPECT_EQ(printed("((1) + (2 * 3)) - (4 - 5) == ((6))"), "1 + 2 * 3 - (4 - 5) == 6");
  EXPECT_EQ(printed("(true && (false && true)) || (true || false)"),
            "true && (false && true) || (true || false)");
  EXPECT_EQ(printed("!!!!(!(!true))"), "!!(!!!!true)");
  EXPECT_EQ(printed("-(1) == - 1 && -(-1) == -(-(-(context.x)))"),
            "-(1) == -1 && --1 == ---context.x");
  EXPECT_EQ(printed("(-1).a && (-1.a)"), "(-1).a && -1.a");
  EXPECT_EQ(printed("(if true then (1) else (2)) == (if false then 3 else if true then 4 else 5)"),
            "(if true then 1 else 2) == (if false then 3 else if true then 4 else 5)");
  EXPECT_EQ(printed("(context has a) && ((context.a) has b) && true"), "context has a.b && true");
  EXPECT_EQ(printed("((principal) in ([resource])) == (1 < 2)"),
            "(principal in [resource]) == (1 < 2)");
  EXPECT_EQ(printed("context[\"a\"][\"b c\"].d[\"if\"] like \"\\u{2a}\\*\\u{41}\""),
            "context.a[\"b c\"].d[\"if\"] like \"*\\*A\"");
}

TEST(Printer, LinksAreWrittenWithTheirSlotsFilled) {
  PolicySet set;
  ASSERT_TRUE(
      set.add("t", "@a permit (principal is T in ?principal, action, resource == ?resource);"));
  ASSERT_TRUE(set.link("t", "l", EntityUid::make("T", "p"), EntityUid::make("R", "r")));
  EXPECT_EQ(to_text(*set.find("l")).value(),
            "@a\npermit (principal is T in T::\"p\", action, resource == R::\"r\");\n");
  EXPECT_EQ(to_text(*set.find("t")).value(),
            "@a\npermit (principal is T in ?principal, action, resource == ?resource);\n");
}

}  // namespace
}  // namespace writ::policy
