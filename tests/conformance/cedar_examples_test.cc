// The example applications: policies validate, requests are decided as their folder says. The links
// of the templated ones are not part of the data; they say here what the attributes of their static
// twins say.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "cases.h"
#include "json/read.h"
#include "json/write.h"
#include "policy/authorizer.h"
#include "policy/format.h"
#include "policy/policy_json.h"
#include "policy/schema.h"
#include "policy/validator.h"

namespace writ::conformance {
namespace {

namespace fs = std::filesystem;
using policy::EntityUid;
using policy::PolicySet;
using policy::Schema;

struct Link {
  const char* application;
  const char* policy;
  const char* principal;
  const char* resource;
};
constexpr std::array kLinks = {
    Link{"hotel_chains/templated", "policy0", "User::\"Alice\"", "Hotel::\"G\""},
    Link{"hotel_chains/templated", "policy3", "User::\"Alice\"", "Hotel::\"G\""},
    Link{"hotel_chains/templated", "policy1", "User::\"Alice\"", "Property::\"Green\""},
    Link{"hotel_chains/templated", "policy4", "User::\"Alice\"", "Property::\"Green\""},
    Link{"hotel_chains/templated", "policy2", "User::\"Bob\"", "Hotel::\"R\""},
    Link{"hotel_chains/templated", "policy5", "User::\"Bob\"", "Hotel::\"R\""},
    Link{"hotel_chains/templated", "policy2", "User::\"Bob\"", "Property::\"Green\""},
    Link{"hotel_chains/templated", "policy5", "User::\"Bob\"", "Property::\"Green\""},
    Link{"sales_orgs/templated", "policy0", "User::\"Bob\"", "Presentation::\"proposal\""},
    Link{"sales_orgs/templated", "policy1", "User::\"Bob\"", "Presentation::\"proposal\""},
};

// Applications whose entities do not conform to their own schema (a share of another type, an
// entity type that is not declared): they are read without it.
constexpr std::array kLoose = {"document_cloud", "github_example"};

class Examples : public testing::Test {
 protected:
  std::string read(const fs::path& file) {
    used_.insert(file.string());
    return source_.read(file).value();
  }

  void check(const Schema& schema, const PolicySet& set) {
    const auto verdict = policy::validate(schema, set).value();
    for (const auto& finding : verdict.errors)
      ADD_FAILURE() << finding.policy << ": " << finding.message;
  }

  void run_application(const fs::path& folder) {
    SCOPED_TRACE(folder.string());
    const Schema schema = Schema::parse(read(folder / "policies.cedarschema")).value();
    const std::string text = read(folder / "policies.cedar");
    PolicySet set = PolicySet::parse(text).value();
    EXPECT_TRUE(policy::format_policies(text));
    std::size_t links = 0;
    for (const Link& link : kLinks) {
      if (!folder.string().ends_with(link.application)) continue;
      ASSERT_TRUE(set.link(link.policy, "link" + std::to_string(links++),
                           EntityUid::parse(link.principal).value(),
                           EntityUid::parse(link.resource).value()));
    }
    EXPECT_EQ(links > 0, !set.templates().empty());
    check(schema, set);
    const std::string given = read(folder / "entities.json");
    auto entities = schema.parse_entities(given);
    if (std::any_of(kLoose.begin(), kLoose.end(),
                    [&](const char* name) { return folder.filename() == name; })) {
      EXPECT_FALSE(entities);
      entities = policy::Entities::parse_json(given);
    }
    ASSERT_TRUE(entities) << entities.error().message();
    // By way of JSON the set, its links too, decides the same.
    const PolicySet again = policy::parse_policy_set_json(policy::to_json(set).value()).value();
    for (const auto& [name, decision] :
         {std::pair("ALLOW", policy::Decision::Allow), std::pair("DENY", policy::Decision::Deny)}) {
      for (const auto& entry : fs::directory_iterator(source_.root() / folder / name)) {
        const fs::path file = folder / name / entry.path().filename();
        const json::Value json = json::read(read(file)).value();
        ASSERT_EQ(json.as_object()->size(), 4U) << file;
        const auto uid = [&](const char* key) {
          return EntityUid::parse(*json.find(key)->as_string()).value();
        };
        const EntityUid action = uid("action");
        const auto context = schema.parse_context(action, json::write(*json.find("context")));
        ASSERT_TRUE(context) << file << context.error().message();
        const policy::Request request{uid("principal"), action, uid("resource"), *context};
        const auto checked = schema.check_request(request);
        EXPECT_TRUE(checked) << file << checked.error().message();
        const auto answer = policy::authorize(set, *entities, request, policy::OnError::Skip);
        EXPECT_EQ(answer.decision, decision) << file;
        EXPECT_TRUE(answer.errors.empty()) << file;
        EXPECT_EQ(policy::authorize(again, *entities, request, policy::OnError::Skip).decision,
                  decision);
        ++requests_;
      }
    }
  }

  Source source_ = Source::open(data_path("examples.tar.xz")).value();
  std::set<std::string> used_;
  std::size_t requests_ = 0;
};

TEST_F(Examples, AreDecidedAsTheirFoldersSay) {
  std::set<fs::path> applications;
  std::set<std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(source_.root())) {
    const fs::path inside = fs::relative(entry.path(), source_.root());
    if (entry.is_regular_file()) all.insert(inside.string());
    if (entry.is_directory() && entry.path().filename() == "ALLOW") {
      applications.insert(inside.parent_path());
    }
  }
  for (const fs::path& folder : applications) run_application(folder);
  // The benchmarks have a schema in JSON and policies, templates among them.
  const fs::path benches = "examples/oopsla2024-benchmarks/benches";
  const std::array<std::array<const char*, 2>, 3> benchmarks = {
      {{"gdrive/cedar/gdrive.cedarschema.json", "gdrive/cedar/policies.cedar"},
       {"github/cedar/github.cedarschema.json", "github/cedar/policies.cedar"},
       {"tinytodo/cedar/tinytodo.cedarschema.json", "tinytodo/cedar/tinytodo.cedar"}}};
  for (const auto& [schema, policies] : benchmarks) {
    const auto read_schema = Schema::parse_json(read(benches / schema));
    ASSERT_TRUE(read_schema) << schema << read_schema.error().message();
    check(*read_schema, PolicySet::parse(read(benches / policies)).value());
  }
  std::printf("examples: %zu applications, %zu requests, %zu files\n", applications.size(),
              requests_, used_.size());
  EXPECT_EQ(applications.size(), 7U);
  EXPECT_EQ(used_, all) << "a file was not used";
  EXPECT_EQ(used_.size(), 65U);
}

}  // namespace
}  // namespace writ::conformance
