// Every policy and schema of the corpus through every form and back: text, JSON, the official
// engine's JSON, printed text, formatted text. And the verdicts recorded beside them.
#include <gtest/gtest.h>

#include <sstream>

#include "cases.h"
#include "json/read.h"
#include "policy/format.h"
#include "policy/policy_json.h"
#include "policy/printer.h"
#include "policy/schema.h"
#include "policy/schema_forms.h"
#include "policy/validator.h"

namespace writ::conformance {
namespace {

using policy::PolicySet;
using policy::Schema;

constexpr json::Limits kLimits = {.bytes = 16U << 20U, .depth = 400, .values = 1'000'000};

bool equal_sets(const PolicySet& a, const PolicySet& b) {
  const auto x = a.in_order();
  const auto y = b.in_order();
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const auto* p, const auto* q) {
    return p->id == q->id && *p->body == *q->body;
  });
}

void policies_round_trip(const std::string& text, const json::Value& expected) {
  const PolicySet set = PolicySet::parse(text).value();
  ASSERT_EQ(set.policies().size(), expected.as_array()->size());
  for (std::size_t i = 0; i < set.policies().size(); ++i) {
    const std::string json = policy::to_json(set.policies()[i]).value();
    EXPECT_TRUE(same_json(json::read(json, kLimits).value(), (*expected.as_array())[i])) << json;
  }
  const std::string json = policy::to_json(set).value();
  const PolicySet from_json = policy::parse_policy_set_json(json).value();
  EXPECT_TRUE(equal_sets(set, from_json)) << text;
  EXPECT_EQ(policy::to_json(from_json).value(), json);
  const std::string printed = policy::to_text(from_json).value();
  EXPECT_TRUE(equal_sets(PolicySet::parse(printed).value(), set)) << printed;
  EXPECT_EQ(policy::to_text(PolicySet::parse(printed).value()).value(), printed);
  EXPECT_EQ(policy::to_json(PolicySet::parse(printed).value()).value(), json);
  const std::string formatted = policy::format_policies(text).value();
  EXPECT_TRUE(equal_sets(PolicySet::parse(formatted).value(), set)) << formatted;
  EXPECT_EQ(policy::format_policies(formatted).value(), formatted);
}

void schema_round_trips(const std::string& text, const json::Value& expected) {
  const std::string json = policy::schema_text_to_json(text).value();
  EXPECT_TRUE(same_json(json::read(json, kLimits).value(), expected)) << json;
  const std::string again = policy::schema_json_to_text(json).value();
  EXPECT_EQ(policy::schema_text_to_json(again).value(), json);
  EXPECT_EQ(policy::schema_json_to_text(policy::schema_text_to_json(again).value()).value(), again);
  EXPECT_EQ(policy::format_schema(again).value(), again);
  const std::string formatted = policy::format_schema(text).value();
  EXPECT_EQ(policy::format_schema(formatted).value(), formatted);
  EXPECT_EQ(policy::schema_text_to_json(formatted).value(), json);
}

// Also by way of JSON: the same verdict for the same policies.
void verdict_is_the_recorded_one(const std::string& policies, const std::string& schema,
                                 const json::Value& expected) {
  const PolicySet set = PolicySet::parse(policies).value();
  const auto from_text = policy::validate(Schema::parse(schema).value(), set).value();
  EXPECT_EQ(from_text.valid(), *expected.find("valid")->as_bool());
  EXPECT_EQ(from_text.errors.empty(), expected.find("errors")->as_array()->empty());
  bool impossible = false;
  for (const json::Value& warning : *expected.find("warnings")->as_array()) {
    impossible = impossible || warning.find("message")->as_string()->find("policy is impossible") !=
                                   std::string::npos;
  }
  if (from_text.valid()) {
    EXPECT_EQ(!from_text.warnings.empty(), impossible);
  }
  EXPECT_TRUE(expected.find("other")->as_array()->empty());
  const auto by_json =
      policy::validate(Schema::parse_json(policy::schema_text_to_json(schema).value()).value(),
                       policy::parse_policy_set_json(policy::to_json(set).value()).value());
  EXPECT_EQ(by_json.value().valid(), from_text.valid());
  EXPECT_EQ(by_json.value().warnings.size(), from_text.warnings.size());
}

TEST(CedarRoundTrips, AllPoliciesAndSchemasOfTheCorpus) {
  const Source cases = Source::open(data_path("corpus-tests.tar.xz")).value();
  std::istringstream lines(read_xz(data_path("corpus-expect.jsonl.xz")).value());
  std::size_t count = 0;
  std::size_t valid = 0;
  for (std::string line; std::getline(lines, line) && !testing::Test::HasFatalFailure();) {
    const json::Value expected = json::read(line, kLimits).value();
    const std::string id = *expected.find("id")->as_string();
    SCOPED_TRACE(id);
    ASSERT_EQ(expected.as_object()->size(), 4U) << "every field is used";
    const std::string policies = cases.read("corpus-tests/" + id + ".cedar").value();
    const std::string schema = cases.read("corpus-tests/" + id + ".cedarschema").value();
    policies_round_trip(policies, *expected.find("policies"));
    schema_round_trips(schema, *expected.find("schema"));
    verdict_is_the_recorded_one(policies, schema, *expected.find("validate"));
    ++count;
    if (*expected.find("validate")->find("valid")->as_bool()) ++valid;
  }
  std::printf("corpus-expect: %zu cases, %zu valid\n", count, valid);
  EXPECT_EQ(count, 5430U);
}

}  // namespace
}  // namespace writ::conformance
