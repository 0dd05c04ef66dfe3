#include "proof/decision.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace writ::proof {
namespace {

using policy::EntityUid;
using policy::Value;

std::string shipped(const char* name) {
  std::ifstream in(std::string("config/") + name);
  EXPECT_TRUE(in) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

class DecisionTest : public testing::Test {
 protected:
  DecisionTest() {
    facts.subject = "agent/test";
    facts.authority = "you";
    facts.domain = "default";
    facts.tier = "sandbox";
    bundle.name = "default";
    bundle.generation = 1;
    bundle.schema = shipped("writ.cedarschema");
    bundle.policies = "permit (principal, action, resource);";
  }

  std::shared_ptr<const Policy> parsed() const {
    Result<std::shared_ptr<const Policy>> policy = Policy::parse(bundle);
    EXPECT_TRUE(policy) << policy.error().message();
    return policy ? *policy : nullptr;
  }
  // What is wrong with the bundle, or nothing.
  std::string problem() const {
    const Result<std::shared_ptr<const Policy>> policy = Policy::parse(bundle);
    return policy ? "" : policy.error().message();
  }
  void entities(std::string_view json) { bundle.entities = to_vec(as_bytes(json)); }

  std::vector<Question> admission(std::vector<std::string> reads = {}) const {
    permit::Grant grant;
    for (std::string& path : reads) {
      permit::Place place;
      place.path = std::move(path);
      place.tree = true;
      grant.read.push_back(std::move(place));
    }
    return admission_questions(facts, grant, {}, UnixMillis(1'767'225'600'000));
  }
  // The reason why `policies` deny `questions`, or nothing.
  std::optional<Reason> denied(const std::string& policies,
                               const std::vector<Question>& questions) {
    bundle.policies = policies;
    const std::shared_ptr<const Policy> policy = parsed();
    if (!policy) return Reason::PolicyInvalid;
    const Result<Answer> answer = ask(*policy, nullptr, facts, questions);
    EXPECT_TRUE(answer) << answer.error().message();
    if (!answer || answer->allowed == answer->denial.has_value()) return Reason::Malformed;
    if (answer->allowed) return {};
    return answer->denial->reason;
  }

  domain::Bundle bundle;
  Facts facts;
};

TEST_F(DecisionTest, TheShippedPolicyValidatesStrictlyAndAdmits) {
  EXPECT_EQ(denied(shipped("starter.cedar"), admission({"/usr"})), std::nullopt);
}

TEST_F(DecisionTest, ABundleWithoutSchemaIsRefused) {
  bundle.schema.clear();
  EXPECT_NE(problem().find("schema of bundle `default`"), std::string::npos) << problem();
}

TEST_F(DecisionTest, APolicyThatDoesNotValidateStrictlyIsRefusedByItsName) {
  for (const char* wrong : {"permit (principal, action, resource) when { context.depht > 8 };",
                            "permit (principal, action, resource) when { context.tier > 8 };",
                            "permit (principal, action == Action::\"fly\", resource);",
                            "permit (principal is Robot, action, resource);",
                            "permit (principal, action == Action::\"read\", resource) when { "
                            "resource.owner == \"a\" };"}) {
    bundle.policies = "forbid (principal, action == Action::\"admit\", resource);\n";
    bundle.policies += wrong;
    const std::string what = problem();
    EXPECT_NE(what.find("policy `policy1`"), std::string::npos) << wrong << ": " << what;
  }
}

TEST_F(DecisionTest, EntitiesThatDoNotConformToTheSchemaAreRefused) {
  for (const char* wrong :
       {R"([{"uid": {"type": "Robot", "id": "a"}, "attrs": {}, "parents": []}])",
        R"([{"uid": {"type": "Agent", "id": "a"}, "attrs": {"age": 3}, "parents": []}])",
        R"([{"uid": {"type": "Path", "id": "/a"}, "attrs": {}, "parents": []}])",
        R"([{"uid": {"type": "Agent", "id": "a"}, "attrs": {}, "parents":
            [{"type": "Domain", "id": "default"}]}])",
        R"([{"uid": {"type": "Action", "id": "fly"}, "attrs": {}, "parents": []}])"}) {
    entities(wrong);
    EXPECT_NE(problem().find("entities of bundle `default`"), std::string::npos) << wrong;
  }
  entities(R"([{"uid": {"type": "Path", "id": "/a"}, "attrs": {"path": "/a"}, "parents": []}])");
  EXPECT_EQ(problem(), "") << "positive control";
}

TEST_F(DecisionTest, APlaceOfTheBundleHasThePathOfItsName) {
  entities(R"([{"uid": {"type": "Path", "id": "/a"}, "attrs": {"path": "/b"}, "parents": []}])");
  EXPECT_NE(problem().find("its `path` is not its id"), std::string::npos) << problem();
}

TEST_F(DecisionTest, PoliciesCanMatchThePathsOfPlacesAndPrograms) {
  const std::string all = "permit (principal, action, resource);\n";
  const std::string etc =
      "forbid (principal, action == Action::\"read\", resource) when { resource.path like "
      "\"/etc/*\" };";
  EXPECT_EQ(denied(all + etc, admission({"/usr", "/etc/ssl"})), Reason::PolicyDenied);
  EXPECT_EQ(denied(all + etc, admission({"/usr", "/etcetera"})), std::nullopt);
  permit::ExecFacts exec;
  exec.program = "/usr/bin/cc";
  exec.argv = {"cc"};
  const std::vector<Question> questions = {
      exec_question(facts, exec, false, true, UnixMillis(1'767'225'600'000))};
  const std::string usr =
      "forbid (principal, action == Action::\"exec\", resource) when { resource.path like "
      "\"/usr/bin/*\" };";
  EXPECT_EQ(denied(all + usr, questions), Reason::PolicyDenied);
  EXPECT_EQ(denied(all, questions), std::nullopt);
}

TEST_F(DecisionTest, ActionsAreInTheGroupsOfTheSchema) {
  const Question revoke{{EntityUid::make("Agent", "agent/test"),
                         EntityUid::make("Action", "revoke"), EntityUid::make("Domain", "default"),
                         Value::record({{"time", Value::datetime(1'767'225'600'000)}})},
                        "revoke"};
  EXPECT_EQ(denied("permit (principal, action in Action::\"administer\", resource);", {revoke}),
            std::nullopt);
  EXPECT_EQ(denied("permit (principal, action in Action::\"administer\", resource);", admission()),
            Reason::PolicyDenied);
}

TEST_F(DecisionTest, ARequestThatTheSchemaDoesNotKnowIsDenied) {
  std::vector<Question> questions = admission();
  std::vector<policy::Field> fields;
  for (const policy::Field& field : questions[0].request.context.ref().fields()) {
    fields.push_back(field);
  }
  fields.push_back({"colour", Value::string("red")});
  questions[0].request.context = Value::record(std::move(fields));
  EXPECT_EQ(denied("permit (principal, action, resource);", questions), Reason::PolicyError);
  EXPECT_EQ(denied("permit (principal, action, resource);", admission()), std::nullopt);
}

TEST_F(DecisionTest, APolicyThatFailsWhileItIsEvaluatedDenies) {
  const std::string overflow =
      "permit (principal, action, resource);\n"
      "forbid (principal, action == Action::\"admit\", resource)\n"
      "when { (context.programs + 2) * 9223372036854775807 < 0 };";
  EXPECT_EQ(denied(overflow, admission()), Reason::PolicyError);
}

TEST_F(DecisionTest, SilenceDeniesAndAForbidWins) {
  EXPECT_EQ(denied("forbid (principal, action, resource) when { false };", admission()),
            Reason::PolicyDenied);
  EXPECT_EQ(denied("permit (principal, action, resource); forbid (principal, action, resource);",
                   admission()),
            Reason::PolicyDenied);
}

TEST_F(DecisionTest, NothingAskedIsNothingAllowed) {
  const std::shared_ptr<const Policy> policy = parsed();
  ASSERT_TRUE(policy);
  const Result<Answer> answer = ask(*policy, nullptr, facts, {});
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->allowed);
}

TEST_F(DecisionTest, APermitsWhenValidatesUnderTheDomainsSchema) {
  const std::shared_ptr<const Policy> policy = parsed();
  ASSERT_TRUE(policy);
  const std::string good =
      "forbid (principal, action == Action::\"admit\", resource) when { context.depth > 1 };";
  const std::string wrong =
      "forbid (principal, action == Action::\"admit\", resource) when { context.depht > 1 };";
  EXPECT_TRUE(parse_when(good, policy.get()));
  EXPECT_FALSE(parse_when(wrong, policy.get()));
  EXPECT_TRUE(parse_when(wrong, nullptr)) << "without a domain only its grammar is known";
  EXPECT_FALSE(parse_when("permit (principal, action, resource);", policy.get()));
  const auto none = parse_when("", policy.get());
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, nullptr);
}

TEST_F(DecisionTest, P9TheSameQuestionsGiveTheSameBytes) {
  const Result<std::string> once = questions_text(admission({"/usr", "/etc"}));
  const Result<std::string> again = questions_text(admission({"/usr", "/etc"}));
  const Result<std::string> other = questions_text(admission({"/etc", "/usr"}));
  ASSERT_TRUE(once && again && other);
  EXPECT_EQ(*once, *again);
  EXPECT_NE(*once, *other);
}

TEST_F(DecisionTest, BytesThatAreNoTextAreAskedAboutAsPrintable) {
  permit::ExecFacts exec;
  exec.program = "/tmp/\xff";
  exec.argv = {"a", "\xc3\x28"};
  exec.environment = {"A=\xff", "B"};
  const std::vector<Question> questions = {
      exec_question(facts, exec, true, false, UnixMillis(1'767'225'600'000))};
  EXPECT_TRUE(questions_text(questions));
  EXPECT_EQ(denied("permit (principal, action, resource);", questions), std::nullopt);
}

}  // namespace
}  // namespace writ::proof
