#include "permit/reach.h"

#include <gtest/gtest.h>

namespace writ::permit {
namespace {

ConnectFacts facts(std::string_view address, std::uint16_t port, std::string host = {},
                   Protocol protocol = Protocol::Tcp) {
  return {protocol, std::move(host), parse_ip_address(address).value(), port};
}
Grant granting(std::vector<Endpoint> connect) {
  Grant grant;
  grant.connect = std::move(connect);
  return grant;
}
bool allowed(const Grant& grant, const ConnectFacts& asked) {
  return std::holds_alternative<ConnectAllowed>(match_connect(grant, asked));
}

TEST(MatchConnect, ACidrRuleAllowsItsAddressesAndPorts) {
  const Grant grant = granting({{Protocol::Tcp, "10.1.0.0/16", {{443, 443}, {8000, 8010}}},
                                {Protocol::Tcp, "fd00::/8", {{22, 22}}}});
  EXPECT_TRUE(allowed(grant, facts("10.1.2.3", 443)));
  EXPECT_TRUE(allowed(grant, facts("10.1.255.255", 8010)));
  EXPECT_TRUE(allowed(grant, facts("::ffff:10.1.2.3", 443)));
  EXPECT_TRUE(allowed(grant, facts("fd12::1", 22)));
  EXPECT_FALSE(allowed(grant, facts("10.2.0.0", 443)));
  EXPECT_FALSE(allowed(grant, facts("10.1.2.3", 442)));
  EXPECT_FALSE(allowed(grant, facts("10.1.2.3", 8011)));
  EXPECT_FALSE(allowed(grant, facts("10.1.2.3", 443, {}, Protocol::Udp)));
  EXPECT_FALSE(allowed(grant, facts("10.1.2.3", 22)));
  EXPECT_FALSE(allowed(granting({}), facts("10.1.2.3", 443)));
}

TEST(MatchConnect, ANameAllowsWhatItLedToWhenThatIsPublic) {
  const Grant grant = granting({{Protocol::Tcp, "api.example.org", {{443, 443}}},
                                {Protocol::Tcp, "*.cdn.example.org", {{80, 80}}}});
  EXPECT_TRUE(allowed(grant, facts("8.8.8.8", 443, "api.example.org")));
  EXPECT_TRUE(allowed(grant, facts("8.8.8.8", 80, "a.b.cdn.example.org")));
  EXPECT_FALSE(allowed(grant, facts("8.8.8.8", 443)));
  EXPECT_FALSE(allowed(grant, facts("8.8.8.8", 443, "evil.example.org")));
  EXPECT_FALSE(allowed(grant, facts("8.8.8.8", 80, "cdn.example.org")));
  EXPECT_FALSE(allowed(grant, facts("8.8.8.8", 80, "xcdn.example.org")));
}

TEST(MatchConnect, NoNameOpensTheInsideOfANetwork) {
  const Grant grant = granting({{Protocol::Tcp, "api.example.org", {{1, 65535}}}});
  for (const char* address : {"127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1", "0.0.0.0",
                              "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "fe80::1", "fd00::1"}) {
    const ConnectMatch match = match_connect(grant, facts(address, 80, "api.example.org"));
    ASSERT_TRUE(std::holds_alternative<Denial>(match)) << address;
    EXPECT_NE(std::get<Denial>(match).because.find("public internet"), std::string::npos);
    EXPECT_NE(std::get<Denial>(match).allow.find("/"), std::string::npos);
  }
  Grant with_cidr = grant;
  with_cidr.connect.push_back({Protocol::Tcp, "10.0.0.0/8", {{80, 80}}});
  EXPECT_TRUE(allowed(with_cidr, facts("10.0.0.1", 80, "api.example.org")));
}

TEST(MatchConnect, AUnixSocketIsGrantedByItsPathAlone) {
  const Grant grant = granting({{Protocol::Unix, "/run/x", {}}});
  ConnectFacts asked;
  asked.protocol = Protocol::Unix;
  asked.host = "/run/x";
  EXPECT_TRUE(allowed(grant, asked));
  EXPECT_EQ(endpoint_text(asked), "unix:/run/x");
  asked.host = "/run/x/y";
  EXPECT_FALSE(allowed(grant, asked));
  const ConnectMatch match = match_connect(grant, asked);
  EXPECT_EQ(std::get<Denial>(match).allow, "[[connect]]\nunix = \"/run/x/y\"");
  // Nor does a name open it, nor it a name.
  EXPECT_FALSE(allowed(granting({{Protocol::Tcp, "/run/x/y", {{1, 65535}}}}), asked));
  asked.protocol = Protocol::Tcp;
  asked.host = "/run/x";
  EXPECT_FALSE(allowed(grant, asked));
}

TEST(MatchConnect, TheAdviceIsWhatWouldAllowIt) {
  const ConnectMatch match = match_connect(granting({}), facts("fd00::7", 8443));
  const Denial& denial = std::get<Denial>(match);
  EXPECT_EQ(denial.reason, Reason::NotGranted);
  EXPECT_EQ(denial.asked, "connect tcp:[fd00::7]:8443");
  EXPECT_EQ(denial.allow, "[[connect]]\nhost = \"fd00::7/128\"\nports = [8443]");
  EXPECT_TRUE(
      allowed(granting({{Protocol::Tcp, "fd00::7/128", {{8443, 8443}}}}), facts("fd00::7", 8443)));
}

}  // namespace
}  // namespace writ::permit
