#include "policy/evaluator.h"

#include <gtest/gtest.h>

#include "policy/compile.h"
#include "policy/expr_internal.h"
#include "policy/limits.h"
#include "policy/policy.h"

namespace writ::policy {
namespace {

class EvaluatorTest : public testing::Test {
 protected:
  EvaluatorTest() {
    EntitiesBuilder builder;
    const Value attrs = Value::record({{"n", Value::integer(7)}, {"s", Value::string("text")}});
    const Value tags = Value::record({{"color", Value::string("red")}});
    EXPECT_TRUE(builder.add({uid("User", "alice"), attrs, {uid("Group", "dev")}, tags}));
    EXPECT_TRUE(builder.add({uid("Group", "dev"), Value::record({}), {uid("Group", "all")}}));
    EXPECT_TRUE(builder.add(
        {uid("Doc", "d"), Value::record({{"n", Value::integer(70)}}), {uid("Folder", "f")}}));
    EXPECT_TRUE(builder.add({uid("Action", "view"),
                             Value::record({{"n", Value::integer(700)}}),
                             {uid("Action", "reads")}}));
    entities_ = std::move(builder).build().value();
  }

  static EntityUid uid(const char* type, const char* id) { return EntityUid::make(type, id); }

  // The value of an expression as text, or "error: …".
  std::string value(const std::string& expression) {
    const auto set =
        PolicySet::parse("permit(principal, action, resource) when { [" + expression + "] == 0 };");
    if (!set) return "parse error: " + set.error().message();
    const PolicyBody& body = *set->policies()[0].body;
    // The set literal's only element is what was asked.
    const Node& equal = body.exprs.nodes[body.conditions[0].body];
    const ExprId element = body.exprs.list[body.exprs.nodes[equal.a].a];
    const Program program = compile_one(body.exprs, element);
    Evaluator evaluator(entities_, request_);
    const auto out = evaluator.evaluate(body.exprs, program);
    if (!out) return "error: " + out.error().message();
    return to_text(*out);
  }

  Entities entities_;
  Request request_{uid("User", "alice"), uid("Action", "view"), uid("Doc", "d"),
                   Value::record({{"n", Value::integer(1)},
                                  {"set", Value::set({Value::integer(1), Value::integer(2)})}})};
};

TEST_F(EvaluatorTest, ArithmeticNeverWraps) {
  EXPECT_EQ(value("1 + 2 * 3 - -4"), "11");
  EXPECT_EQ(value("-9223372036854775808"), "-9223372036854775808");
  for (const char* bad : {"9223372036854775807 + context.n", "-9223372036854775808 - context.n",
                          "4611686018427387904 * 2", "--9223372036854775808"}) {
    EXPECT_NE(value(bad).find("does not fit in 64 bits"), std::string::npos) << bad;
  }
}

TEST_F(EvaluatorTest, ErrorsNameLineAndColumn) {
  EXPECT_EQ(value("context.nope"), "error: line 1, column 52: the record has no attribute `nope`");
  EXPECT_EQ(value("1 < \"a\""), "error: line 1, column 47: expected a long, got a string");
}

TEST_F(EvaluatorTest, FirstFalseStopsBeforeLaterErrors) {
  EXPECT_EQ(value("false && context.nope"), "false");
  EXPECT_EQ(value("true || context.nope"), "true");
  EXPECT_EQ(value("if true then 1 else context.nope"), "1");
  EXPECT_EQ(value("principal is Doc in context.nope"), "false");
  EXPECT_EQ(value("true && 1").find("error"), 0U);
  EXPECT_EQ(value("false || 1").find("error"), 0U);
  EXPECT_EQ(value("1 && true").find("error"), 0U);
  EXPECT_EQ(value("context.nope && false").find("error"), 0U);
}

TEST_F(EvaluatorTest, EqualityNeverFails) {
  EXPECT_EQ(value("1 == \"a\""), "false");
  EXPECT_EQ(value("principal != 1"), "true");
  EXPECT_EQ(value("[[1], [1, 1]] == [[1]]"), "true");
  EXPECT_EQ(value("{a: 1, b: 2} == {b: 2, a: 1}"), "true");
  EXPECT_EQ(value("ip(\"1.2.3.4/24\") == ip(\"1.2.3.0/24\")"), "false");
}

TEST_F(EvaluatorTest, InFollowsTheHierarchyAndChecksEveryElementFirst) {
  EXPECT_EQ(value("principal in Group::\"all\""), "true");
  EXPECT_EQ(value("Group::\"all\" in principal"), "false");
  EXPECT_EQ(value("T::\"missing\" in T::\"missing\""), "true");
  EXPECT_EQ(value("principal in [Doc::\"d\", Group::\"all\"]"), "true");
  EXPECT_EQ(value("principal in []"), "false");
  EXPECT_EQ(value("principal in [principal, 1]").find("error"), 0U);
  EXPECT_EQ(value("principal in 1").find("error"), 0U);
}

TEST_F(EvaluatorTest, AttributesAndTags) {
  EXPECT_EQ(value("principal.n"), "7");
  EXPECT_EQ(value("principal has n && principal.n == 7"), "true");
  EXPECT_EQ(value("principal has n.x").find("error"), 0U);
  EXPECT_EQ(value("T::\"missing\" has n"), "false");
  EXPECT_EQ(value("T::\"missing\".n").find("error"), 0U);
  EXPECT_EQ(value("principal.getTag(\"color\")"), "\"red\"");
  EXPECT_EQ(value("principal.hasTag(\"size\")"), "false");
  EXPECT_EQ(value("principal.getTag(\"size\")").find("error"), 0U);
  EXPECT_EQ(value("principal.hasTag(1)").find("error"), 0U);
  EXPECT_EQ(value("1 has n").find("error"), 0U);
}

TEST_F(EvaluatorTest, PrincipalActionAndResourceAreEachTheirOwn) {
  EXPECT_EQ(value("[principal.n, action.n, resource.n, context.n]"), "[1, 7, 70, 700]");
  EXPECT_EQ(value("[principal].contains(principal) && principal != resource"), "true");
  EXPECT_EQ(value("User::\"alice\".n + Action::\"view\".n + Doc::\"d\".n"), "777");
  EXPECT_EQ(value("[principal in Group::\"dev\", resource in Group::\"dev\"]"), "[false, true]");
  EXPECT_EQ(value("resource in Folder::\"f\" && action in Action::\"reads\""), "true");
  EXPECT_EQ(value("resource in Action::\"reads\" || action in Folder::\"f\""), "false");
  EXPECT_EQ(value("if principal is User then resource.n else action.n"), "70");
  EXPECT_EQ(value("(if context.n == 1 then resource else principal).n"), "70");
}

TEST_F(EvaluatorTest, LikeMatchesWithBacktrackingFreeSearch) {
  EXPECT_EQ(value("\"abcbcd\" like \"a*bcd\""), "true");
  EXPECT_EQ(value("\"ab\" like \"ab*ab\""), "false");
  EXPECT_EQ(value("\"a*c\" like \"a\\*c\""), "true");
  EXPECT_EQ(value("\"abc\" like \"a\\*c\""), "false");
  EXPECT_EQ(value("\"\" like \"**\""), "true");
  EXPECT_EQ(value("\"abc\" like \"*b*\""), "true");
  EXPECT_EQ(value("\"*\" like \"\\u{2a}\" && \"x\" like \"\\x2a\""), "true");
  EXPECT_EQ(value("\"a\" like \"\"").find("true"), std::string::npos);
  EXPECT_EQ(value("1 like \"*\"").find("error"), 0U);
}

TEST_F(EvaluatorTest, SetsAndConstantFoldingAgreeWithEvaluation) {
  EXPECT_EQ(value("[1, context.n + 1].containsAll(context.set)"), "true");
  EXPECT_EQ(value("[if principal is Doc then 1 else 2, 3]"), "[2, 3]");
  EXPECT_EQ(value("[if principal is User then 1 else 2, 3]"), "[1, 3]");
  EXPECT_EQ(value("{a: [1, 2, 2], b: {c: duration(\"1h\")}}"),
            "{a: [1, 2], b: {c: duration(\"1h\")}}");
  EXPECT_EQ(value("[1].containsAny([])"), "false");
  EXPECT_EQ(value("[].containsAll([])"), "true");
  EXPECT_EQ(value("ip(\"nope\")").find("error"), 0U);
  EXPECT_EQ(value("ip(\"1.2.3.4\", \"x\")").find("error"), 0U);
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST_F(EvaluatorTest, AHundredLevelsAndThousandsOfOperatorsEvaluate) {
  constexpr std::size_t kLevels = 150;
  constexpr std::size_t kChain = 5'000;
  EXPECT_EQ(value("context.n" + repeated(" + context.n", kChain)), std::to_string(kChain + 1));
  EXPECT_EQ(value("context.n == 1" + repeated(" && context.n == 1", kChain)), "true");
  EXPECT_EQ(value("context.n == 2" + repeated(" || context.n == 2", kChain) + " || true"), "true");
  EXPECT_EQ(value("context.n == 1" + repeated(" && context.n == 1", kChain) + " && context.nope")
                .find("error: line 1"),
            0U);
  EXPECT_EQ(value(repeated("(", kLevels) + "context.n" + repeated(")", kLevels)), "1");
  EXPECT_EQ(value(repeated("[", kLevels) + "context.n" + repeated("]", kLevels)),
            repeated("[", kLevels) + "1" + repeated("]", kLevels));
  EXPECT_EQ(value(repeated("{a: ", kLevels) + "context.n" + repeated("}", kLevels) +
                  repeated(".a", kLevels)),
            "1");
  EXPECT_EQ(value(repeated("if context.n == 1 then ", kLevels) + "context.n" +
                  repeated(" else 0", kLevels)),
            "1");
  const std::string beyond = value(repeated("[", kMaxNesting) + "1" + repeated("]", kMaxNesting));
  EXPECT_NE(beyond.find("parse error: line 1, column"), std::string::npos) << beyond;
  EXPECT_NE(beyond.find("levels"), std::string::npos) << beyond;
}

// The compiler folds constants; not past the limit, where the evaluation says so.
TEST_F(EvaluatorTest, ConstantsFoldOnlyToTheLimitOfNesting) {
  Expr expr;
  ExprBuilder build(expr);
  ExprId inner = build.literal({}, Value::integer(1)).value();
  for (std::size_t i = 0; i < 60'000; ++i) {
    const std::uint32_t element = inner;
    inner = build.add(Op::Set, {}, build.list({&element, 1}), 1).value();
  }
  const Program program = compile_one(expr, inner);
  Evaluator evaluator(entities_, request_);
  const auto out = evaluator.evaluate(expr, program);
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().message().find("nested more than 450 levels"), std::string::npos);
  for (const Value& constant : program.constants) {
    EXPECT_LE(constant.ref().depth(), kMaxValueDepth);
  }
}

TEST_F(EvaluatorTest, ValuesNestOnlyToTheLimit) {
  // Each round of evaluation may add the nesting of one expression.
  Value deep = Value::integer(1);
  for (std::size_t i = 0; i < kMaxValueDepth; ++i) deep = Value::set({deep});
  request_.context = Value::record({{"deep", deep}});
  EXPECT_NE(value("[context.deep]").find("error"), std::string::npos);
}

}  // namespace
}  // namespace writ::policy
