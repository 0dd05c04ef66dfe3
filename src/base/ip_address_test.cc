#include "base/ip_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace writ {
namespace {

IpAddress address(std::string_view text) {
  const std::optional<IpAddress> out = parse_ip_address(text);
  EXPECT_TRUE(out.has_value()) << text;
  return out.value_or(IpAddress{});
}

TEST(IpAddress, TextFormsReadAndWrite) {
  for (const char* text : {"0.0.0.0", "192.0.2.7", "255.255.255.255", "::", "::1", "2001:db8::7"}) {
    EXPECT_EQ(to_string(address(text)), text);
  }
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ",
                           ":::", "fe80::1%lo", "[::1]", "a.example"}) {
    EXPECT_FALSE(parse_ip_address(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_ip_address(std::string_view("1.2.3.4\0", 8)).has_value());
  EXPECT_FALSE(parse_ip_address(std::string(4000, '1')).has_value());
}

// The C library is the oracle, over texts near addresses and over addresses with runs of zeros.
void expect_as_the_c_library(const std::string& text) {
  const bool v4 = text.find(':') == std::string::npos;
  IpAddress theirs;
  theirs.v4 = v4;
  const int ok = inet_pton(v4 ? AF_INET : AF_INET6, text.c_str(), theirs.bytes.data());
  const std::optional<IpAddress> ours = parse_ip_address(text);
  ASSERT_EQ(ours.has_value(), ok == 1) << text;
  if (!ours) return;
  EXPECT_EQ(*ours, theirs) << text;
  char written[INET6_ADDRSTRLEN];
  ASSERT_NE(inet_ntop(v4 ? AF_INET : AF_INET6, ours->bytes.data(), written, sizeof written),
            nullptr);
  EXPECT_EQ(to_string(*ours), written);
}

TEST(IpAddress, TextFormsAreThoseOfTheCLibrary) {
  for (const char* text : {"1:2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7::",
                           "::2:3:4:5:6:7:8",
                           "1::2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7",
                           "::1:2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7:8::",
                           "1::2::3",
                           "1:::2",
                           ":1::2",
                           "1:",
                           ":",
                           "1::2:",
                           "::1.2.3.4",
                           "::ffff:1.2.3.4",
                           "1:2:3:4:5:6:1.2.3.4",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "::1.2.3",
                           "1.2.3.4::",
                           "::1.2.3.4:5",
                           "::00001",
                           "::0001",
                           "::g",
                           "::-1",
                           "::+1",
                           "-1.2.3.4",
                           "0x1::",
                           "1..2.3",
                           "00.0.0.0",
                           "0.0.0.00",
                           "1.2.3.4.",
                           ".1.2.3.4",
                           "::FfFf",
                           "0:0:1:0:0:1:0:0",
                           "1:0:2:0:3:0:4:0",
                           "0:0:0:0:0:1:2:3",
                           "::ffff:0:1",
                           "0:0:0:0:ffff:1:2:3",
                           "::1:2:3"}) {
    expect_as_the_c_library(text);
  }
  SeededRandom random(1);
  std::array<std::byte, 64> bytes{};
  const std::string_view alphabet = "::::..0012f9abA";
  for (int round = 0; round < 20'000; ++round) {
    random.fill(bytes);
    std::string text;
    for (unsigned i = 0; i < std::to_integer<unsigned>(bytes[0]) % 24; ++i) {
      text += alphabet[std::to_integer<std::size_t>(bytes[i + 1]) % alphabet.size()];
    }
    expect_as_the_c_library(text);
    IpAddress made;
    for (std::size_t i = 0; i < 8; ++i) {
      if ((std::to_integer<unsigned>(bytes[40]) >> i & 1U) == 0) continue;
      made.bytes[2 * i] = bytes[2 * i] & bytes[41];
      made.bytes[2 * i + 1] = bytes[2 * i + 1];
    }
    const std::string whole = to_string(made);
    expect_as_the_c_library(whole);
    const std::size_t at = std::to_integer<std::size_t>(bytes[42]) % whole.size();
    for (const char c : alphabet) {
      std::string near = whole;
      near[at] = c;
      expect_as_the_c_library(near);
      near = whole;
      near.insert(at, 1, c);
      expect_as_the_c_library(near);
    }
    std::string near = whole;
    near.erase(at, 1);
    expect_as_the_c_library(near);
  }
}

TEST(IpAddress, AMappedAddressIsTheAddressInside) {
  EXPECT_EQ(plain(address("::ffff:127.0.0.1")), address("127.0.0.1"));
  EXPECT_EQ(plain(address("::127.0.0.1")), address("::127.0.0.1"));
  EXPECT_EQ(plain(address("64:ff9b::7f00:1")), address("64:ff9b::7f00:1"));
  EXPECT_EQ(plain(address("2001:db8::1")), address("2001:db8::1"));
}

TEST(IpAddress, LoopbackAndUnspecifiedAreKnownInEveryForm) {
  for (const char* text : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.9.9.9"}) {
    EXPECT_TRUE(is_loopback(address(text))) << text;
  }
  for (const char* text : {"126.255.255.255", "128.0.0.1", "::2", "::", "::127.0.0.1"}) {
    EXPECT_FALSE(is_loopback(address(text))) << text;
  }
  for (const char* text : {"0.0.0.0", "::", "::ffff:0.0.0.0"}) {
    EXPECT_TRUE(is_unspecified(address(text))) << text;
  }
  EXPECT_FALSE(is_unspecified(address("0.0.0.1")));
}

TEST(IpAddress, OnlyHostsOfThePublicInternetAreGlobalUnicast) {
  for (const char* text :
       {"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
        "172.15.255.255", "172.32.0.0", "192.167.255.255", "223.255.255.255", "2606:4700::1111",
        "2a00:1450::5", "2001:200::1", "2003::1", "::ffff:8.8.8.8"}) {
    EXPECT_TRUE(is_global_unicast(address(text))) << text;
  }
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "100.64.0.1",
                           "127.0.0.1",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.8",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "239.1.1.1",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::7f00:1",
                           "fe80::1",
                           "fc00::1",
                           "fd12::1",
                           "ff02::1",
                           "64:ff9b::808:808",
                           "64:ff9b:1::1",
                           "100::1",
                           "2001::1",
                           "2001:10::1",
                           "2001:db8::1",
                           "2002:7f00:1::1",
                           "3fff::1",
                           "4000::1",
                           "fec0::1",
                           "::ffff:10.0.0.1",
                           "::ffff:127.0.0.1",
                           "fd00:ec2::254",
                           "5f00::1"}) {
    EXPECT_FALSE(is_global_unicast(address(text))) << text;
  }
}

TEST(Cidr, HasOneTextForm) {
  for (const char* text : {"0.0.0.0/0", "10.0.0.0/8", "192.0.2.1/32", "::/0", "2001:db8::/32"}) {
    EXPECT_TRUE(parse_cidr(text).has_value()) << text;
  }
  for (const char* text : {"10.0.0.0", "10.0.0.1/8", "10.0.0.0/08", "10.0.0.0/33", "10.0.0.0/-1",
                           "2001:DB8::/32", "2001:db8:0::/32", "::/129", "::1/127", "/8", "a/8"}) {
    EXPECT_FALSE(parse_cidr(text).has_value()) << text;
  }
}

TEST(Cidr, ContainsWhatSharesItsPrefixAndItsFamily) {
  const Cidr ten = *parse_cidr("10.0.0.0/9");
  EXPECT_TRUE(contains(ten, address("10.127.255.255")));
  EXPECT_FALSE(contains(ten, address("10.128.0.0")));
  EXPECT_FALSE(contains(ten, address("::ffff:10.0.0.1")));
  EXPECT_FALSE(contains(*parse_cidr("::/0"), address("10.0.0.1")));
  EXPECT_TRUE(contains(ten, *parse_cidr("10.64.0.0/10")));
  EXPECT_FALSE(contains(ten, *parse_cidr("10.0.0.0/8")));
}

}  // namespace
}  // namespace writ
