#include "permit/reach.h"

#include <gtest/gtest.h>

namespace writ::permit {
namespace {

EndpointFacts facts(std::string_view address, std::uint16_t port, std::string host = {},
                    Protocol protocol = Protocol::Tcp) {
  return {protocol, std::move(host), parse_ip_address(address).value(), port};
}
Grant granting(std::vector<Endpoint> connect) {
  Grant grant;
  grant.connect = std::move(connect);
  return grant;
}
bool allowed(const Grant& grant, const EndpointFacts& asked) {
  return std::holds_alternative<EndpointAllowed>(match_endpoint(grant, Way::Connect, asked));
}

TEST(MatchEndpoint, ACidrRuleAllowsItsAddressesAndPorts) {
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

TEST(MatchEndpoint, ADatagramGoesToOneHostAndNeverToAGroup) {
  const Grant grant = granting({{Protocol::Udp, "0.0.0.0/0", {{123, 123}}},
                                {Protocol::Udp, "::/0", {{123, 123}}},
                                {Protocol::Tcp, "0.0.0.0/0", {{123, 123}}},
                                {Protocol::Udp, "255.255.255.255/32", {{123, 123}}},
                                {Protocol::Udp, "ff02::1/128", {{123, 123}}}});
  for (const char* host : {"10.1.2.3", "223.255.255.255", "255.255.255.254", "240.0.0.1", "fe80::1",
                           "2001:db8::1", "127.0.0.1"}) {
    EXPECT_TRUE(allowed(grant, facts(host, 123, {}, Protocol::Udp))) << host;
  }
  for (const char* host : {"224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1", "ff0e::1",
                           "::ffff:224.0.0.1"}) {
    const EndpointFacts to = facts(host, 123, {}, Protocol::Udp);
    EXPECT_FALSE(allowed(grant, to)) << host;
    const EndpointMatch match = match_endpoint(grant, Way::Connect, to);
    EXPECT_NE(std::get<Denial>(match).because.find("multicast"), std::string::npos);
    EXPECT_NE(std::get<Denial>(match).allow.find("udp"), std::string::npos);
  }
}

TEST(MatchEndpoint, ANameAllowsWhatItLedToWhenThatIsPublic) {
  const Grant grant = granting({{Protocol::Tcp, "api.example.org", {{443, 443}}},
                                {Protocol::Tcp, "*.cdn.example.org", {{80, 80}}}});
  EXPECT_TRUE(allowed(grant, facts("8.8.8.8", 443, "api.example.org")));
  EXPECT_TRUE(allowed(grant, facts("8.8.8.8", 80, "a.b.cdn.example.org")));
  EXPECT_FALSE(allowed(grant, facts("8.8.8.8", 443)));
  EXPECT_FALSE(allowed(grant, facts("8.8.8.8", 443, "evil.example.org")));
  EXPECT_FALSE(allowed(grant, facts("8.8.8.8", 80, "cdn.example.org")));
  EXPECT_FALSE(allowed(grant, facts("8.8.8.8", 80, "xcdn.example.org")));
}

TEST(MatchEndpoint, NoNameOpensTheInsideOfANetwork) {
  const Grant grant = granting({{Protocol::Tcp, "api.example.org", {{1, 65535}}}});
  for (const char* address : {"127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1", "0.0.0.0",
                              "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "fe80::1", "fd00::1"}) {
    const EndpointMatch match =
        match_endpoint(grant, Way::Connect, facts(address, 80, "api.example.org"));
    ASSERT_TRUE(std::holds_alternative<Denial>(match)) << address;
    EXPECT_NE(std::get<Denial>(match).because.find("public internet"), std::string::npos);
    EXPECT_NE(std::get<Denial>(match).allow.find("/"), std::string::npos);
  }
  Grant with_cidr = grant;
  with_cidr.connect.push_back({Protocol::Tcp, "10.0.0.0/8", {{80, 80}}});
  EXPECT_TRUE(allowed(with_cidr, facts("10.0.0.1", 80, "api.example.org")));
}

TEST(MatchEndpoint, AUnixSocketIsGrantedByItsPathAlone) {
  const Grant grant = granting({{Protocol::Unix, "/run/x", {}}});
  EndpointFacts asked;
  asked.protocol = Protocol::Unix;
  asked.host = "/run/x";
  EXPECT_TRUE(allowed(grant, asked));
  EXPECT_EQ(endpoint_text(asked), "unix:/run/x");
  asked.host = "/run/x/y";
  EXPECT_FALSE(allowed(grant, asked));
  const EndpointMatch match = match_endpoint(grant, Way::Connect, asked);
  EXPECT_EQ(std::get<Denial>(match).allow, "[[connect]]\nunix = \"/run/x/y\"");
  // Nor does a name open it, nor it a name.
  EXPECT_FALSE(allowed(granting({{Protocol::Tcp, "/run/x/y", {{1, 65535}}}}), asked));
  asked.protocol = Protocol::Tcp;
  asked.host = "/run/x";
  EXPECT_FALSE(allowed(grant, asked));
}

TEST(MatchEndpoint, TheAdviceIsWhatWouldAllowIt) {
  const EndpointMatch match = match_endpoint(granting({}), Way::Connect, facts("fd00::7", 8443));
  const Denial& denial = std::get<Denial>(match);
  EXPECT_EQ(denial.reason, Reason::NotGranted);
  EXPECT_EQ(denial.asked, "connect tcp:[fd00::7]:8443");
  EXPECT_EQ(denial.allow, "[[connect]]\nhost = \"fd00::7/128\"\nports = [8443]");
  EXPECT_TRUE(
      allowed(granting({{Protocol::Tcp, "fd00::7/128", {{8443, 8443}}}}), facts("fd00::7", 8443)));
}

Grant serving(std::vector<Endpoint> listen) {
  Grant grant;
  grant.listen = std::move(listen);
  return grant;
}
bool serves(const Grant& grant, const EndpointFacts& asked) {
  return std::holds_alternative<EndpointAllowed>(match_endpoint(grant, Way::Listen, asked));
}

TEST(MatchEndpoint, AListenRuleAllowsServingAtItsAddressesAndPorts) {
  const Grant grant = serving({{Protocol::Tcp, "127.0.0.0/8", {{8080, 8081}}}});
  EXPECT_TRUE(serves(grant, facts("127.0.0.1", 8080)));
  EXPECT_TRUE(serves(grant, facts("::ffff:127.0.0.1", 8081)));
  EXPECT_FALSE(serves(grant, facts("127.0.0.1", 8082)));
  EXPECT_FALSE(serves(grant, facts("127.0.0.1", 0)));
  EXPECT_FALSE(serves(grant, facts("10.0.0.1", 8080)));
  EXPECT_FALSE(serves(grant, facts("::1", 8080)));
  // To connect is another matter, and so is to serve where one may connect to.
  EXPECT_FALSE(allowed(grant, facts("127.0.0.1", 8080)));
  EXPECT_FALSE(serves(granting(grant.listen), facts("127.0.0.1", 8080)));
  // A name is no place to serve at, whoever has that name.
  EXPECT_FALSE(serves(serving({{Protocol::Tcp, "a.example", {{80, 80}}}}),
                      facts("8.8.8.8", 80, "a.example")));
}

TEST(MatchEndpoint, EveryAddressIsServedOnlyByARuleOfEveryAddress) {
  for (const char* part : {"0.0.0.0/32", "0.0.0.0/8", "0.0.0.0/1"}) {
    EXPECT_FALSE(serves(serving({{Protocol::Tcp, part, {{80, 80}}}}), facts("0.0.0.0", 80)))
        << part;
  }
  for (const char* part : {"::/128", "::/1", "0.0.0.0/0"}) {
    EXPECT_FALSE(serves(serving({{Protocol::Tcp, part, {{80, 80}}}}), facts("::", 80))) << part;
  }
  EXPECT_TRUE(serves(serving({{Protocol::Tcp, "0.0.0.0/0", {{80, 80}}}}), facts("0.0.0.0", 80)));
  EXPECT_TRUE(serves(serving({{Protocol::Tcp, "::/0", {{80, 80}}}}), facts("::", 80)));
  EXPECT_TRUE(serves(serving({{Protocol::Tcp, "0.0.0.0/0", {{80, 80}}}}), facts("10.0.0.1", 80)));
}

TEST(MatchEndpoint, TheAdviceToAServerIsWhatWouldAllowIt) {
  const auto advice = [](const EndpointFacts& asked) {
    return std::get<Denial>(match_endpoint(serving({}), Way::Listen, asked));
  };
  EXPECT_EQ(advice(facts("10.0.0.7", 80)).asked, "listen tcp:10.0.0.7:80");
  EXPECT_EQ(advice(facts("10.0.0.7", 80)).allow,
            "[[listen]]\nhost = \"10.0.0.7/32\"\nports = [80]");
  EXPECT_EQ(advice(facts("::", 80)).allow, "[[listen]]\nhost = \"::/0\"\nports = [80]");
  EXPECT_EQ(advice(facts("0.0.0.0", 80)).allow, "[[listen]]\nhost = \"0.0.0.0/0\"\nports = [80]");
  EXPECT_NE(advice(facts("10.0.0.7", 0)).because.find("names the ports"), std::string::npos);
}

}  // namespace
}  // namespace writ::permit
