// Reference verdicts of validation, policy by policy, entity by entity, request by request, and of
// reading entities: the archives corpus-validation, validator-tests and entity-parsing-tests.
#include <gtest/gtest.h>

#include <algorithm>

#include "cases.h"
#include "json/read.h"
#include "json/write.h"
#include "policy/schema.h"
#include "policy/validator.h"

namespace writ::conformance {
namespace {

namespace fs = std::filesystem;
using policy::EntityUid;
using policy::PolicySet;
using policy::Request;
using policy::Schema;

constexpr json::Limits kLimits = {.bytes = 64U << 20U, .depth = 200, .values = 4'000'000};

struct Tally {
  std::size_t cases = 0;
  std::size_t policies = 0;
  std::size_t entities = 0;
  std::size_t requests = 0;
  std::size_t refused = 0;  // of all verdicts, those that say no
};

json::Value read_json(const Source& source, const fs::path& file) {
  return json::read(source.read(file).value(), kLimits).value();
}

// The files of a folder that end in `ending`, that ending cut off, in order.
std::vector<std::string> stems(const fs::path& folder, const std::string& ending) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(ending)) out.push_back(name.substr(0, name.size() - ending.size()));
  }
  std::sort(out.begin(), out.end());
  return out;
}

EntityUid uid_of(const json::Value& json) {
  return EntityUid::make(*json.find("type")->as_string(), *json.find("id")->as_string());
}

std::string uid_key(const json::Value& entity) {
  const json::Value* uid = entity.find("uid");
  if (const json::Value* escaped = uid->find("__entity")) uid = escaped;
  return *uid->find("type")->as_string() + "::" + *uid->find("id")->as_string();
}

// One entity read alone.
bool conforms(const Schema& schema, const json::Value& entity) {
  json::Value list = json::Value::array();
  list.push(entity);
  return schema.parse_entities(json::write(list)).has_value();
}

bool request_conforms(const Schema& schema, const json::Value& json) {
  Request request{uid_of(*json.find("principal")), uid_of(*json.find("action")),
                  uid_of(*json.find("resource"))};
  auto context = schema.parse_context(request.action, json::write(*json.find("context")));
  if (!context) return false;
  request.context = std::move(context).value();
  return schema.check_request(request).has_value();
}

void check_case(const Source& cases, const std::string& folder, const std::string& name,
                const json::Value& verdict, Tally& tally) {
  SCOPED_TRACE(name);
  const fs::path base = fs::path(folder) / name;
  const Schema schema = Schema::parse(cases.read(base.string() + ".cedarschema").value()).value();
  const PolicySet set = PolicySet::parse(cases.read(base.string() + ".cedar").value()).value();
  ++tally.cases;

  const policy::Validation got = policy::validate(schema, set).value();
  const json::Value& of_policies = *verdict.find("policyValidation");
  EXPECT_EQ(got.valid(), *of_policies.find("strict")->as_bool());
  for (const json::Member& member : *of_policies.find("perPolicy")->as_object()) {
    const bool valid = std::none_of(got.errors.begin(), got.errors.end(),
                                    [&](const auto& error) { return error.policy == member.name; });
    EXPECT_EQ(valid, *member.value.find("strict")->as_bool()) << member.name;
    ++tally.policies;
    if (!valid) ++tally.refused;
  }

  const json::Value& per_entity = *verdict.find("entityValidation")->find("perEntity");
  const json::Value entities = read_json(cases, base.string() + ".entities.json");
  for (const json::Value& entity : *entities.as_array()) {
    const json::Value* expected = per_entity.find(uid_key(entity));
    if (expected == nullptr) continue;
    const bool good = conforms(schema, entity);
    EXPECT_EQ(good, expected->find("errors") == nullptr) << uid_key(entity);
    ++tally.entities;
    if (!good) ++tally.refused;
  }

  const json::Value test = read_json(cases, base.string() + ".json");
  const auto& requests = *test.find("requests")->as_array();
  const auto& expected = *verdict.find("requestValidation")->as_array();
  ASSERT_EQ(requests.size(), expected.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const bool good = request_conforms(schema, requests[i]);
    EXPECT_EQ(good, *expected[i].find("strict")->as_bool()) << i;
    ++tally.requests;
    if (!good) ++tally.refused;
  }
}

void print(const char* what, const Tally& tally) {
  std::printf("%s: %zu cases, %zu policies, %zu entities, %zu requests; %zu refused\n", what,
              tally.cases, tally.policies, tally.entities, tally.requests, tally.refused);
}

TEST(CedarVerdicts, CorpusVerdictsAreTheReferences) {
  const Source cases = Source::open(data_path("corpus-tests.tar.xz")).value();
  const Source verdicts = Source::open(data_path("corpus-validation.tar.xz")).value();
  const std::string folder = "corpus-tests-validation";
  Tally tally;
  for (const std::string& name : stems(verdicts.root() / folder, ".validation.json")) {
    check_case(cases, "corpus-tests", name,
               read_json(verdicts, fs::path(folder) / (name + ".validation.json")), tally);
  }
  print("corpus-validation", tally);
  EXPECT_EQ(tally.cases, 5394U);
}

TEST(CedarVerdicts, NamedCasesAreJudgedAsByTheReference) {
  const Source cases = Source::open(data_path("validator-tests.tar.xz")).value();
  const std::string folder = "validator-tests";
  Tally tally;
  for (const std::string& name : stems(cases.root() / folder, ".validation.json")) {
    check_case(cases, folder, name,
               read_json(cases, fs::path(folder) / (name + ".validation.json")), tally);
  }
  print("validator-tests", tally);
  EXPECT_EQ(tally.cases, 80U);
}

TEST(CedarVerdicts, EntitiesAreReadAsByTheReference) {
  const Source cases = Source::open(data_path("entity-parsing-tests.tar.xz")).value();
  const fs::path folder = "entity-parsing-tests";
  std::size_t count = 0;
  std::size_t without_schema = 0;
  for (const std::string& name : stems(cases.root() / folder, ".parsing.json")) {
    SCOPED_TRACE(name);
    ++count;
    const json::Value test = read_json(cases, folder / (name + ".json"));
    const json::Value expected = read_json(cases, folder / (name + ".parsing.json"));
    // The archive lacks this one schema; the cases that name it need a user with an attribute.
    const std::string schema_name = *test.find("schema")->as_string();
    const bool lacking = schema_name == "simple.cedarschema";
    if (lacking) ++without_schema;
    const Schema schema = Schema::parse(lacking ? "entity User = { name: String };"
                                                : cases.read(folder / schema_name).value())
                              .value();
    const std::string text = cases.read(folder / *test.find("entities")->as_string()).value();
    const auto all = schema.parse_entities(text);
    EXPECT_EQ(all.has_value(), *expected.find("allEntities")->find("success")->as_bool())
        << (all ? "" : all.error().message());
    const auto list = json::read(text, kLimits);
    if (!list) continue;
    for (const json::Value& entity : *list->as_array()) {
      const json::Value* one = expected.find("perEntity")->find(uid_key(entity));
      ASSERT_NE(one, nullptr) << uid_key(entity);
      EXPECT_EQ(conforms(schema, entity), *one->find("success")->as_bool()) << uid_key(entity);
    }
  }
  EXPECT_EQ(count, 14U);
  EXPECT_EQ(without_schema, 4U);
}

}  // namespace
}  // namespace writ::conformance
