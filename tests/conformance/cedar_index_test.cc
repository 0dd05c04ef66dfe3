// All policies of the corpus as one set: what the scope index finds is what looking at every scope
// finds, and each case's own policy decides as it does alone.
#include <gtest/gtest.h>

#include <algorithm>

#include "cases.h"
#include "json/read.h"
#include "json/write.h"
#include "policy/authorizer.h"
#include "policy/schema.h"

namespace writ::conformance {
namespace {

namespace fs = std::filesystem;
using policy::EntityUid;
using policy::PolicySet;

constexpr std::size_t kEveryNth = 40;  // of the cases, asked against all policies

EntityUid uid_of(const json::Value& json) {
  return EntityUid::make(*json.find("type")->as_string(), *json.find("id")->as_string());
}

// What a verdict says, all of it.
std::string text_of(const policy::Verdict& verdict) {
  std::string out = verdict.decision == policy::Decision::Allow ? "allow" : "deny";
  for (const policy::PolicyAt at : verdict.reasons) out += " " + std::to_string(at.policy);
  for (const policy::Failure& failure : verdict.failures) {
    out += "\n" + std::to_string(failure.policy.policy) + " " + failure.fault.text();
  }
  return out;
}

struct Case {
  json::Value json;
  std::size_t position = 0;  // of its policy in the set of all
};

TEST(CedarIndex, TheWholeCorpusAsOneSetIsAnsweredAsByLookingAtEveryScope) {
  const auto source = Source::open(data_path("corpus-tests.tar.xz"));
  ASSERT_TRUE(source) << source.error().message();
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(source->root())) {
    const std::string name = fs::relative(entry.path(), source->root()).string();
    if (name.ends_with(".json") && !name.ends_with(".entities.json")) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  PolicySet all;
  std::vector<Case> cases;
  for (const std::string& name : names) {
    Case one{json::read(source->read(name).value(), {.bytes = 64U << 20U, .depth = 200}).value()};
    const std::string text = source->read(*one.json.find("policies")->as_string()).value();
    one.position = all.policies().size();
    const auto added = all.add(name, text);
    ASSERT_TRUE(added) << name << ": " << added.error().message();
    cases.push_back(std::move(one));
  }
  ASSERT_GT(cases.size(), 5'000U);

  const std::array<const PolicySet*, 1> sets = {&all};
  policy::Authorizer indexed;
  policy::Authorizer one_by_one;
  policy::Authorizer alone;
  std::size_t asked = 0;
  std::size_t considered = 0;
  for (std::size_t i = 0; i < cases.size(); i += kEveryNth) {
    const json::Value& json = cases[i].json;
    const auto schema =
        policy::Schema::parse(source->read(*json.find("schema")->as_string()).value()).value();
    const auto entities =
        schema.parse_entities(source->read(*json.find("entities")->as_string()).value()).value();
    PolicySet own;
    const policy::Policy& mine = all.policies()[cases[i].position];
    ASSERT_TRUE(own.add("mine", mine.body));
    const std::array<const PolicySet*, 1> own_set = {&own};
    for (const json::Value& request_json : *json.find("requests")->as_array()) {
      const EntityUid action = uid_of(*request_json.find("action"));
      const policy::Request request{
          uid_of(*request_json.find("principal")), action, uid_of(*request_json.find("resource")),
          schema.parse_context(action, json::write(*request_json.find("context"))).value()};
      const auto ask = [&](policy::Authorizer& authorizer, auto& of, policy::Find find) {
        return authorizer.decide(of, entities, request, policy::OnError::Skip, find);
      };
      const policy::Verdict found = ask(indexed, sets, policy::Find::Indexed);
      const policy::Verdict every = ask(one_by_one, sets, policy::Find::OneByOne);
      ASSERT_EQ(text_of(found), text_of(every)) << names[i];
      const policy::Verdict single = ask(alone, own_set, policy::Find::Indexed);
      const auto names_mine = [&](const policy::Verdict& verdict) {
        return std::any_of(verdict.failures.begin(), verdict.failures.end(),
                           [&](const auto& f) { return f.policy.policy == cases[i].position; });
      };
      EXPECT_EQ(names_mine(found), !single.failures.empty()) << names[i];
      ++asked;
      considered += found.reasons.size() + found.failures.size();
    }
  }
  EXPECT_GT(asked, 1'000U);
  EXPECT_GT(considered, 4'000U);
}

}  // namespace
}  // namespace writ::conformance
