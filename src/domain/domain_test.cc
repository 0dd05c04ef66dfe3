#include "domain/domain.h"

#include <gtest/gtest.h>

#include "cbor/check.h"
#include "domain/bundle.h"
#include "permit/test_permit.h"

namespace writ::domain {
namespace {

constexpr std::string_view kDefault = R"(authorities = ["you"]
policy      = "default"
least_tier  = "sandbox"
record      = "ordered"
continuity  = "5s"

[limits]
wall = "8h"
tasks = 1024
)";

std::string error_of(const std::string& text) {
  const Result<Domain> domain = parse_domain(text, "default", "d.toml");
  return domain ? "parsed" : domain.error().message();
}

TEST(Domain, TheOneThatInitWritesIsRead) {
  const Domain domain = parse_domain(kDefault, "default", "d.toml").value();
  EXPECT_EQ(domain.authorities, std::vector<std::string>{"you"});
  EXPECT_EQ(domain.policy, "default");
  EXPECT_EQ(domain.continuity_ms, 5000u);
  EXPECT_EQ(domain.limits.wall_ms, 28'800'000u);
  EXPECT_EQ(domain.limits.tasks, 1024u);
  EXPECT_EQ(tier_name(domain.least_tier), "sandbox");
  EXPECT_EQ(recording_name(domain.record), "ordered");
}

TEST(Domain, EveryMistakeNamesItsPlace) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"policy = \"p\"", "d.toml:1:1: `authorities` is missing"},
      {"authorities = [\"a\"]", "d.toml:1:1: `policy` is missing"},
      {"authorities = []\npolicy = \"p\"", "d.toml:1:1: a domain has 1 to 64 authorities"},
      {"authorities = [\"../a\"]\npolicy = \"p\"", "d.toml:1:16: `../a` is no name"},
      {"authorities = [\"a\", \"a\"]\npolicy = \"p\"", "d.toml:1:1: authority `a` is listed twice"},
      {"authorities = [\"a\"]\npolicy = \"p\"\nleast_tier = \"none\"",
       "d.toml:3:1: `none` is neither"},
      {"authorities = [\"a\"]\npolicy = \"p\"\nrecord = \"lax\"", "d.toml:3:1: `lax` is neither"},
      {"authorities = [\"a\"]\npolicy = \"p\"\ncontinuity = \"50ms\"",
       "d.toml:1:1: continuity lies"},
      {"authorities = [\"a\"]\npolicy = \"p\"\nadvisory = true",
       "d.toml:3:1: unknown key `advisory`"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(error_of(text).substr(0, expected.size()), expected) << text;
  }
  EXPECT_FALSE(parse_domain(kDefault, "../x", "d.toml").has_value());
}

TEST(Domain, TheDigestIsOfWhatItSaysAndNotOfHowItIsWritten) {
  const Domain a = parse_domain(kDefault, "default", "d.toml").value();
  const Domain b = parse_domain(
                       "# a comment\npolicy = 'default'\nauthorities = [ 'you' ]\n"
                       "limits = { tasks = 1024, wall = '480m' }\n",
                       "default", "e.toml")
                       .value();
  EXPECT_EQ(domain_digest(a), domain_digest(b));
  const auto differs = [&](auto&& change) {
    Domain other = a;
    change(other);
    return domain_digest(other) != domain_digest(a);
  };
  EXPECT_TRUE(differs([](Domain& d) { d.name = "x"; }));
  EXPECT_TRUE(differs([](Domain& d) { d.authorities.push_back("x"); }));
  EXPECT_TRUE(differs([](Domain& d) { d.policy = "x"; }));
  EXPECT_TRUE(differs([](Domain& d) { d.least_tier = Tier::Kernel; }));
  EXPECT_TRUE(differs([](Domain& d) { d.record = Recording::Strict; }));
  EXPECT_TRUE(differs([](Domain& d) { d.continuity_ms = 6000; }));
  EXPECT_TRUE(differs([](Domain& d) { d.limits.execs = 1; }));
}

TEST(Domain, TheCanonicalFormReadsBackAndNothingElseIsIt) {
  const Domain domain = parse_domain(kDefault, "default", "d.toml").value();
  const ByteVec bytes = encode_domain(domain);
  EXPECT_FALSE(cbor::find_fault(bytes).has_value());
  EXPECT_EQ(decode_domain(bytes).value(), domain);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    ByteVec bad = bytes;
    bad[at] ^= std::byte{1};
    const Result<Domain> other = decode_domain(bad);
    if (other) {
      EXPECT_EQ(encode_domain(*other), bad);
    }
    EXPECT_FALSE(decode_domain(Bytes(bytes).first(at)).has_value());
  }
}

TEST(Domain, ItsLimitsHoldWhereAPermitSaysNothing) {
  const Domain domain = parse_domain(kDefault, "default", "d.toml").value();
  permit::Limits own;
  own.tasks = 5000;
  const permit::Limits limits = effective_limits(own, domain);
  EXPECT_EQ(limits.tasks, 5000u);
  EXPECT_EQ(limits.wall_ms, 28'800'000u);
  EXPECT_FALSE(limits.memory.has_value());
}

TEST(Ceiling, AnythingOrTheBoundsThatAreWritten) {
  EXPECT_TRUE(parse_ceiling("ceiling = \"anything\"", "c").value().anything);
  const permit::Ceiling ceiling = parse_ceiling(R"(
[ceiling]
features = ["jit"]
[[ceiling.exec]]
any = "/usr"
args = ["{rest}"]
[[ceiling.exec]]
program = "/usr/local/bin/x"
[[ceiling.exec]]
produced = "/srv"
args = ["{rest}"]
[ceiling.files]
read = ["/"]
write = ["/srv"]
load = ["/usr/lib"]
[ceiling.limits]
wall = "1h"
[[ceiling.connect]]
host = "*.example.org"
ports = [443]
[ceiling.delegate]
depth = 1
)",
                                                "c")
                                      .value();
  EXPECT_FALSE(ceiling.anything);
  EXPECT_EQ(ceiling.bound.exec.size(), 3u);
  permit::Grant grant;
  grant.exec.push_back(permit::testing::named("/usr/bin/make", {"test"}));
  grant.limits.wall_ms = 60'000;
  EXPECT_FALSE(permit::above(grant, ceiling).has_value());
  grant.limits.wall_ms.reset();
  EXPECT_TRUE(permit::above(grant, ceiling).has_value());
}

TEST(Ceiling, WhatIsNotUnderstoodIsRefused) {
  for (const char* text :
       {"", "ceiling = \"everything\"", "ceiling = 1", "x = 1\nceiling = \"anything\"",
        "[ceiling]\nfoo = 1", "[[ceiling.exec]]\nargs = []", "[ceiling.files]\nread = [\"x\"]",
        "[[ceiling.exec]]\nany = \"/usr\"\nsha256 = \"00\"", "[[ceiling.exec]]\nproduced = \"/x\"",
        "[[ceiling.exec]]\nany = \"/usr\"\nargs = [\"{under:x}\"]"}) {
    EXPECT_FALSE(parse_ceiling(text, "c").has_value()) << text;
  }
}

class BundleTest : public ::testing::Test {
 protected:
  crypto::PrivateKey key_ = permit::testing::test_key(1);
  std::vector<permit::Authority> authorities_{{"you", key_.public_key(), {true, {}}}};
  Bundle bundle_{"default", 1, "permit (principal, action, resource);", "entity Agent;",
                 ByteVec{std::byte{0xa0}}};
};

TEST_F(BundleTest, ASignedBundleVerifies) {
  const ByteVec file = sign_bundle(bundle_, key_).value();
  const VerifiedBundle verified = verify_bundle(file, authorities_).value();
  EXPECT_EQ(verified.bundle(), bundle_);
  EXPECT_EQ(verified.digest(), bundle_digest(bundle_).value());
  EXPECT_EQ(verified.authority(), "you");
}

TEST_F(BundleTest, TheDigestDoesNotDependOnWhoSigned) {
  const crypto::PrivateKey other = permit::testing::test_key(2);
  authorities_.push_back({"other", other.public_key(), {true, {}}});
  const ByteVec file = sign_bundle(bundle_, other).value();
  EXPECT_EQ(verify_bundle(file, authorities_).value().digest(), bundle_digest(bundle_).value());
}

TEST_F(BundleTest, FlippingAnySingleBitMakesVerificationFail) {
  const ByteVec good = sign_bundle(bundle_, key_).value();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    ByteVec bad = good;
    bad[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(verify_bundle(bad, authorities_).has_value()) << bit;
  }
}

TEST_F(BundleTest, EachRefusalHasItsCode) {
  const ByteVec file = sign_bundle(bundle_, key_).value();
  EXPECT_EQ(verify_bundle(file, {}).error().code(), Code::NotFound);
  EXPECT_EQ(verify_bundle(Bytes(file).first(10), authorities_).error().code(), Code::Malformed);
  const ByteVec huge(kMaxBundleFile + 1);
  EXPECT_EQ(verify_bundle(huge, authorities_).error().code(), Code::Exhausted);
  permit::testing::World world;
  const ByteVec permit = permit::issue(world.claims(), key_).value();
  EXPECT_EQ(verify_bundle(Bytes(permit).subspan(1), authorities_).error().code(), Code::Malformed);
}

TEST_F(BundleTest, WhatIsOutOfBoundsIsNotSigned) {
  const auto refused = [&](auto&& change) {
    Bundle bundle = bundle_;
    change(bundle);
    return !sign_bundle(bundle, key_).has_value();
  };
  EXPECT_TRUE(refused([](Bundle& b) { b.generation = 0; }));
  EXPECT_TRUE(refused([](Bundle& b) { b.name = "../x"; }));
  EXPECT_TRUE(refused([](Bundle& b) { b.policies.resize(kMaxPolicyText + 1, 'x'); }));
  EXPECT_TRUE(refused([](Bundle& b) { b.policies = "\xff"; }));
  EXPECT_TRUE(refused([](Bundle& b) { b.entities.resize(kMaxEntities + 1); }));
  EXPECT_FALSE(refused([](Bundle&) {}));
}

}  // namespace
}  // namespace writ::domain
