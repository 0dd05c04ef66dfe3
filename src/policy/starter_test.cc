// The starter policy and Writ's own schema, as shipped in config/.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "policy/authorizer.h"
#include "policy/validator.h"

namespace writ::policy {
namespace {

std::string file(const char* name) {
  std::ifstream in(name);
  EXPECT_TRUE(in) << name;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

class Starter : public testing::Test {
 protected:
  Starter()
      : schema_(Schema::parse(file("config/writ.cedarschema")).value()),
        policies_(PolicySet::parse(file("config/starter.cedar")).value()) {}

  static std::vector<Field> common(const char* domain, bool bearer, std::int64_t depth) {
    return {{"authority", Value::entity(EntityUid::make("Authority", "you"))},
            {"domain", Value::entity(EntityUid::make("Domain", domain))},
            {"permit", Value::string("00")},
            {"depth", Value::integer(depth)},
            {"bearer", Value::boolean(bearer)},
            {"tier", Value::string("sandbox")},
            {"time", Value::datetime(1'767'225'600'000)}};
  }

  // Asks, and makes sure that the schema knows such a request.
  Response ask(const char* action, EntityUid resource, std::vector<Field> context) {
    const Request request{EntityUid::make("Agent", "builder"), EntityUid::make("Action", action),
                          std::move(resource), Value::record(std::move(context))};
    const auto checked = schema_.check_request(request);
    EXPECT_TRUE(checked) << checked.error().message();
    return authorize(policies_, Entities(), request, OnError::Deny);
  }

  Response admit(const char* domain, bool bearer, std::int64_t depth) {
    auto context = common(domain, bearer, depth);
    context.push_back({"limits", Value::record({{"tasks", Value::integer(64)}})});
    context.push_back({"programs", Value::integer(3)});
    return ask("admit", EntityUid::make("Domain", domain), std::move(context));
  }

  Response connect(const char* address) {
    auto context = common("default", false, 0);
    context.push_back({"protocol", Value::string("tcp")});
    context.push_back({"host", Value::string("example.org")});
    context.push_back({"port", Value::integer(443)});
    IpRange range;
    int part[4] = {0, 0, 0, 0};
    EXPECT_EQ(std::sscanf(address, "%d.%d.%d.%d", &part[0], &part[1], &part[2], &part[3]), 4);
    for (std::size_t i = 0; i < 4; ++i) range.address[i] = static_cast<std::uint8_t>(part[i]);
    range.prefix = 32;
    context.push_back({"address", Value::ip(range)});
    return ask("connect", EntityUid::make("Endpoint", "tcp:example.org:443"), std::move(context));
  }

  Schema schema_;
  PolicySet policies_;
};

TEST_F(Starter, ValidatesStrictlyAndEveryPolicyCanApply) {
  const Validation verdict = validate(schema_, policies_).value();
  for (const Finding& finding : verdict.errors) ADD_FAILURE() << finding.message;
  for (const Finding& finding : verdict.warnings) ADD_FAILURE() << finding.message;
  for (const Policy& policy : policies_.policies()) EXPECT_TRUE(policy.annotation("id"));
}

TEST_F(Starter, PermitsInDomainDefaultWhatTheGrantAllows) {
  EXPECT_EQ(admit("default", false, 0).decision, Decision::Allow);
  auto read = common("default", false, 0);
  read.push_back({"tree", Value::boolean(true)});
  EXPECT_EQ(ask("read", EntityUid::make("Path", "/usr/lib"), read).decision, Decision::Allow);
  EXPECT_EQ(ask("write", EntityUid::make("Path", "/tmp/x"), read).decision, Decision::Allow);
  auto exec = common("default", false, 0);
  exec.push_back({"digest", Value::string("00")});
  exec.push_back({"argv", Value::string("cc -c a.c")});
  exec.push_back({"arguments", Value::set({Value::string("-c"), Value::string("a.c")})});
  exec.push_back({"environment", Value::set({Value::string("PATH")})});
  exec.push_back({"directory", Value::string("/tmp/x")});
  exec.push_back({"produced", Value::boolean(false)});
  exec.push_back({"first", Value::boolean(true)});
  EXPECT_EQ(ask("exec", EntityUid::make("Program", "/usr/bin/cc"), exec).decision, Decision::Allow);
}

TEST_F(Starter, DeniesOtherDomainsBearerPermitsAndLongChains) {
  const Response other = admit("payments", false, 0);
  EXPECT_EQ(other.decision, Decision::Deny);
  EXPECT_TRUE(other.reasons.empty());
  EXPECT_TRUE(other.errors.empty());
  const Response bearer = admit("default", true, 0);
  EXPECT_EQ(bearer.decision, Decision::Deny);
  ASSERT_EQ(bearer.reasons.size(), 1U);
  EXPECT_EQ(policies_.find(bearer.reasons[0].id)->annotation("id"), "no-bearer-permits");
  EXPECT_EQ(admit("default", false, 8).decision, Decision::Allow);
  EXPECT_EQ(admit("default", false, 9).decision, Decision::Deny);
}

TEST_F(Starter, DeniesLinkLocalAddresses) {
  EXPECT_EQ(connect("203.0.113.7").decision, Decision::Allow);
  EXPECT_EQ(connect("169.254.169.254").decision, Decision::Deny);
}

TEST_F(Starter, PeoplesActionsNeedAPolicyOfTheirOwn) {
  const Response answer =
      ask("approve", EntityUid::make("Domain", "default"), {{"time", Value::datetime(0)}});
  EXPECT_EQ(answer.decision, Decision::Deny);
  EXPECT_TRUE(answer.reasons.empty());
}

}  // namespace
}  // namespace writ::policy
