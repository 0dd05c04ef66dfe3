// The corner cases of probes.jsonl: what the official engine (4.10.0) answered, compared.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "cases.h"
#include "json/read.h"
#include "json/write.h"
#include "policy/authorizer.h"
#include "policy/policy_json.h"
#include "policy/printer.h"
#include "policy/schema.h"
#include "policy/schema_forms.h"
#include "policy/validator.h"
#include "policy/value_json.h"

namespace writ::conformance {
namespace {

using policy::Entities;
using policy::EntityUid;
using policy::PolicySet;
using policy::Request;
using policy::Schema;

constexpr json::Limits kLimits = {.bytes = 16U << 20U, .depth = 200, .values = 100'000};

struct Probe {
  std::string line = {};
  std::string op = {};
  json::Value job = {};
  json::Value answer = {};
};

// The JSON of `"key": …` as it stands in a line: the strict reader would refuse it with the line.
std::string raw_member(const std::string& line, const std::string& key) {
  const std::size_t begin = line.find("\"" + key + "\": ") + key.size() + 4;
  std::size_t end = begin;
  int depth = 0;
  bool in_string = false;
  do {
    const char c = line.at(end++);
    if (in_string && c == '\\') {
      ++end;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string) {
      depth += (c == '{' || c == '[' ? 1 : 0) - (c == '}' || c == ']' ? 1 : 0);
    }
  } while (depth > 0 || in_string);
  return line.substr(begin, end - begin);
}

std::vector<Probe> read_probes() {
  const auto file = data_path("probes.jsonl");
  const Source source = Source::open(file.parent_path()).value();
  std::istringstream lines(source.read(file.filename()).value());
  std::vector<Probe> out;
  for (std::string line; std::getline(lines, line);) {
    Probe probe;
    probe.line = line;
    const auto parsed = json::read(line, kLimits);
    if (parsed) {
      probe.job = *parsed->find("job");
      probe.answer = *parsed->find("answer");
    } else {  // a number with a fraction in the entities or the policy
      probe.answer = json::read(raw_member(line, "answer"), kLimits).value();
      probe.job.set("id", line.substr(0, 60));
      const bool entities = line.find("\"parseEntities\"") != std::string::npos;
      probe.job.set("op", entities ? "parseEntities" : "policyToText");
    }
    const json::Value* op = probe.job.find("op");
    probe.op = op == nullptr ? "authorize" : *op->as_string();
    out.push_back(std::move(probe));
  }
  return out;
}

Result<EntityUid> uid_of(const json::Value& json) {
  return EntityUid::create(*json.find("type")->as_string(), *json.find("id")->as_string());
}

Result<PolicySet> policies_of(const json::Value& json) {
  if (json.as_string() != nullptr) {
    PolicySet set = TRY(PolicySet::parse(*json.as_string()));
    if (!set.templates().empty()) {
      return Error(Code::InvalidArgument, "a static policy set includes a template");
    }
    return set;
  }
  PolicySet set;
  for (const char* part : {"staticPolicies", "templates"}) {
    const json::Value* list = json.find(part);
    if (list == nullptr) continue;
    for (const json::Member& member : *list->as_object()) {
      TRY(set.add(member.name, *member.value.as_string()));
    }
  }
  if (const json::Value* links = json.find("templateLinks")) {
    for (const json::Value& link : *links->as_array()) {
      const auto value = [&](const char* slot) -> std::optional<EntityUid> {
        const json::Value* found = link.find("values")->find(slot);
        if (found == nullptr) return std::nullopt;
        return uid_of(*found).value();
      };
      TRY(set.link(*link.find("templateId")->as_string(), *link.find("newId")->as_string(),
                   value("?principal"), value("?resource")));
    }
  }
  return set;
}

Result<Schema> schema_of(const json::Value& json) {
  if (json.as_string() != nullptr) return Schema::parse(*json.as_string());
  return Schema::parse_json(json::write(json));
}

// The answer in one line: "allow [policy0] []", or "failure".
Result<std::string> authorize(const json::Value& job) {
  const PolicySet set = TRY(policies_of(*job.find("policies")));
  const json::Value& asked = *job.find("request");
  const json::Value* schema_json = job.find("schema");
  Request request{TRY(uid_of(*asked.find("principal"))), TRY(uid_of(*asked.find("action"))),
                  TRY(uid_of(*asked.find("resource")))};
  Entities entities;
  const std::string context = json::write(*asked.find("context"));
  const std::string entity_text = json::write(*job.find("entities"));
  if (schema_json != nullptr) {
    const Schema schema = TRY(schema_of(*schema_json));
    entities = TRY(schema.parse_entities(entity_text));
    request.context = TRY(schema.parse_context(request.action, context));
    const json::Value* validate = asked.find("validateRequest");
    if (validate == nullptr || *validate->as_bool()) TRY(schema.check_request(request));
  } else {
    entities = TRY(Entities::parse_json(entity_text));
    request.context = TRY(policy::parse_record_json(context));
  }
  const auto answer = policy::authorize(set, entities, request, policy::OnError::Skip);
  std::string out = answer.decision == policy::Decision::Allow ? "allow [" : "deny [";
  for (const auto& reason : answer.reasons) out += reason.id + " ";
  out += "] [";
  for (const auto& error : answer.errors) out += error.policy.id + " ";
  return out + "]";
}

std::string expected_answer(const json::Value& result) {
  if (result.find("failure") != nullptr) return "failure";
  std::string out = *result.find("decision")->as_string() + " [";
  for (const json::Value& reason : *result.find("reason")->as_array())
    out += *reason.as_string() + " ";
  out += "] [";
  for (const json::Value& error : *result.find("errors")->as_array())
    out += *error.as_string() + " ";
  return out + "]";
}

TEST(CedarProbes, AuthorizeAnswersAreTheOfficialEngines) {
  std::size_t count = 0;
  for (const Probe& probe : read_probes()) {
    if (probe.op != "authorize") continue;
    ++count;
    const auto& results = *probe.answer.find("results")->as_array();
    ASSERT_EQ(results.size(), 1U);
    const auto answer = authorize(probe.job);
    EXPECT_EQ(answer ? *answer : "failure", expected_answer(results[0]))
        << *probe.job.find("id")->as_string() << "\n"
        << (answer ? "" : answer.error().message());
  }
  EXPECT_EQ(count, 242U);
}

TEST(CedarProbes, EntitiesAreAcceptedAndRefusedAsByTheOfficialEngine) {
  std::size_t count = 0;
  for (const Probe& probe : read_probes()) {
    if (probe.op != "parseEntities") continue;
    ++count;
    const std::string text = raw_member(probe.line, "entities");
    const json::Value* schema_json = probe.job.find("schema");
    const auto read = [&]() -> Result<Entities> {
      if (schema_json == nullptr) return Entities::parse_json(text);
      const Schema schema = TRY(schema_of(*schema_json));
      return schema.parse_entities(text);
    }();
    EXPECT_EQ(read.has_value(), *probe.answer.find("type")->as_string() == "success")
        << *probe.job.find("id")->as_string() << "\n"
        << (read ? "" : read.error().message());
  }
  EXPECT_EQ(count, 33U);
}

TEST(CedarProbes, SchemasAreAcceptedAndRefusedAsByTheOfficialEngine) {
  std::size_t count = 0;
  for (const Probe& probe : read_probes()) {
    if (probe.op != "schemaToJson") continue;
    ++count;
    const auto schema = schema_of(*probe.job.find("schema"));
    EXPECT_EQ(schema.has_value(), *probe.answer.find("type")->as_string() == "success")
        << *probe.job.find("id")->as_string() << "\n"
        << (schema ? "" : schema.error().message());
    if (!schema) continue;
    const json::Value& given = *probe.job.find("schema");
    const std::string text = given.as_string() != nullptr
                                 ? *given.as_string()
                                 : policy::schema_json_to_text(json::write(given)).value();
    const std::string json = policy::schema_text_to_json(text).value();
    if (given.as_string() != nullptr) {
      EXPECT_TRUE(same_json(json::read(json, kLimits).value(), *probe.answer.find("json")))
          << json << "\n"
          << json::write(*probe.answer.find("json"));
    }
    EXPECT_EQ(policy::schema_text_to_json(policy::schema_json_to_text(json).value()).value(), json);
  }
  EXPECT_EQ(count, 37U);
}

TEST(CedarProbes, PoliciesAreValidatedAsByTheOfficialEngine) {
  std::size_t count = 0;
  for (const Probe& probe : read_probes()) {
    if (probe.op != "validate") continue;
    ++count;
    const auto verdict = [&]() -> Result<policy::Validation> {
      const Schema schema = TRY(schema_of(*probe.job.find("schema")));
      const PolicySet set = TRY(policies_of(*probe.job.find("policies")));
      return policy::validate(schema, set);
    }();
    const json::Value* valid = probe.answer.find("valid");
    ASSERT_NE(valid, nullptr);
    EXPECT_EQ(verdict && verdict->valid(), *valid->as_bool())
        << *probe.job.find("id")->as_string() << "\n"
        << (!verdict                  ? verdict.error().message()
            : verdict->errors.empty() ? ""
                                      : verdict->errors[0].message);
    if (!*valid->as_bool()) continue;
    // A policy that can never apply is warned about; other warnings are about look-alike letters.
    bool impossible = false;
    for (const json::Value& warning : *probe.answer.find("warnings")->as_array()) {
      const json::Value* message = warning.find("message");
      const std::string& text = message == nullptr ? *warning.as_string() : *message->as_string();
      impossible = impossible || text.find("policy is impossible") != std::string::npos;
    }
    EXPECT_EQ(verdict && !verdict->warnings.empty(), impossible)
        << *probe.job.find("id")->as_string();
  }
  EXPECT_EQ(count, 67U);
}

TEST(CedarProbes, PoliciesBecomeTheOfficialEnginesJson) {
  std::size_t count = 0;
  for (const Probe& probe : read_probes()) {
    if (probe.op != "policyToJson" && probe.op != "templateToJson") continue;
    ++count;
    ASSERT_EQ(*probe.answer.find("type")->as_string(), "success");
    const PolicySet set = PolicySet::parse(*probe.job.find("policy")->as_string()).value();
    const auto& list = probe.op == "policyToJson" ? set.policies() : set.templates();
    ASSERT_EQ(list.size(), 1U);
    const std::string json = policy::to_json(list[0]).value();
    EXPECT_TRUE(same_json(json::read(json, kLimits).value(), *probe.answer.find("json")))
        << json << "\n"
        << json::write(*probe.answer.find("json"));
  }
  EXPECT_EQ(count, 27U);
}

TEST(CedarProbes, JsonPoliciesAreAcceptedRefusedAndPrintedAsByTheOfficialEngine) {
  std::size_t count = 0;
  std::size_t refused = 0;
  for (const Probe& probe : read_probes()) {
    if (probe.op != "policyToText") continue;
    ++count;
    const auto body = policy::parse_policy_json(raw_member(probe.line, "policy"));
    ASSERT_EQ(body.has_value(), *probe.answer.find("type")->as_string() == "success")
        << *probe.job.find("id")->as_string() << "\n"
        << (body ? "" : body.error().message());
    if (!body) {
      ++refused;
      continue;
    }
    // The layouts differ; the policy is the same.
    const PolicySet theirs = PolicySet::parse(*probe.answer.find("text")->as_string()).value();
    const std::string text = policy::to_text(policy::Policy("p", *body)).value();
    EXPECT_TRUE(*theirs.policies().at(0).body == **body) << text;
    EXPECT_TRUE(*PolicySet::parse(text).value().policies().at(0).body == **body) << text;
  }
  EXPECT_EQ(count, 18U);
  EXPECT_EQ(refused, 7U);
}

TEST(CedarProbes, AllAreUsed) {
  std::map<std::string, std::size_t> counts;
  for (const Probe& probe : read_probes()) ++counts[probe.op];
  const std::map<std::string, std::size_t> expected = {
      {"authorize", 242},   {"validate", 67},     {"schemaToJson", 37}, {"parseEntities", 33},
      {"policyToJson", 26}, {"policyToText", 18}, {"templateToJson", 1}};
  EXPECT_EQ(counts, expected);
}

}  // namespace
}  // namespace writ::conformance
