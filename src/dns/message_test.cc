// Messages byte by byte, and properties of every response.
#include "dns/message.h"

#include <gtest/gtest.h>

#include <vector>

namespace writ::dns {
namespace {

ByteVec bytes_of(std::initializer_list<int> values) {
  ByteVec out;
  for (const int one : values) out.push_back(static_cast<std::byte>(one));
  return out;
}

ByteVec wire_name(std::string_view name) {
  ByteVec out;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    out.push_back(static_cast<std::byte>(label.size()));
    append(out, as_bytes(label));
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  out.push_back(std::byte{0});
  return out;
}
ByteVec query(std::string_view name, int type = kA, int kind = 1) {
  ByteVec out = bytes_of({0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0});
  append(out, wire_name(name));
  append(out, bytes_of({0, type, 0, kind}));
  return out;
}
Query parsed(Bytes message) {
  return std::get<Query>(parse_query(message));
}
Code refused(Bytes message) {
  const ParsedQuery result = parse_query(message);
  const Bad* bad = std::get_if<Bad>(&result);
  EXPECT_NE(bad, nullptr);
  return bad != nullptr ? bad->code : Code::Ok;
}
std::vector<IpAddress> addresses(std::initializer_list<const char*> list) {
  std::vector<IpAddress> out;
  for (const char* one : list) out.push_back(parse_ip_address(one).value());
  return out;
}

TEST(DnsQuery, AQuestionIsReadAndItsNameLowered) {
  const Query one = parsed(query("Www.Example.ORG", kAaaa));
  EXPECT_EQ(one.id, 0x1234);
  EXPECT_EQ(one.name, "www.example.org");
  EXPECT_EQ(one.type, kAaaa);
  EXPECT_TRUE(one.internet);
  // As it came: some resolvers compare it letter by letter.
  ByteVec question = wire_name("Www.Example.ORG");
  append(question, bytes_of({0, 28, 0, 1}));
  EXPECT_EQ(one.question, question);
  EXPECT_FALSE(parsed(query("a.b", kA, 3)).internet);
  EXPECT_EQ(parsed(query("")).name, "");
}

TEST(DnsQuery, WhatFollowsTheQuestionIsIgnored) {
  ByteVec with_edns = query("a.example");
  with_edns[11] = std::byte{1};
  append(with_edns, bytes_of({0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0}));
  EXPECT_EQ(parsed(with_edns).name, "a.example");
  EXPECT_EQ(parsed(with_edns).question, parsed(query("a.example")).question);
}

TEST(DnsQuery, ANameThatIsNoHostsIsNoName) {
  ByteVec strange = query("a.ex ample.org");
  EXPECT_EQ(parsed(strange).name, "");
  ByteVec dotted = query("aXb.example");
  dotted[14] = std::byte{'.'};
  EXPECT_EQ(parsed(dotted).name, "");
  dotted[14] = std::byte{0};
  EXPECT_EQ(parsed(dotted).name, "");
}

TEST(DnsQuery, MalformedQuestionsGetAnError) {
  const ByteVec whole = query("a.example");
  for (std::size_t size = 12; size < whole.size(); ++size) {
    EXPECT_EQ(refused(Bytes(whole).first(size)), Code::Malformed) << size;
  }
  ByteVec pointer = whole;
  pointer[12] = std::byte{0xc0};
  EXPECT_EQ(refused(pointer), Code::Malformed);
  for (const std::size_t count : {5U, 7U, 9U}) {
    ByteVec more = whole;
    more[count] = std::byte{2};
    EXPECT_EQ(refused(more), Code::Malformed) << count;
  }
  const std::string label(63, 'a');
  const std::string most = label + "." + label + "." + label + "." + std::string(61, 'a');
  EXPECT_EQ(parsed(query(most)).name, most);  // 255 bytes
  EXPECT_EQ(refused(query(most + "a")), Code::Malformed);
  ByteVec large = whole;
  large.resize(kLongestMessage + 1);
  EXPECT_EQ(refused(large), Code::Malformed);
  ByteVec notify = whole;
  notify[2] = std::byte{0x20};
  EXPECT_EQ(refused(notify), Code::Unsupported);
}

TEST(DnsQuery, ResponsesAndFragmentsAreNotAnswered) {
  ByteVec response = query("a.example");
  response[2] = std::byte{0x81};
  EXPECT_TRUE(std::holds_alternative<Ignored>(parse_query(response)));
  EXPECT_TRUE(std::holds_alternative<Ignored>(parse_query(Bytes(response).first(11))));
  EXPECT_TRUE(std::holds_alternative<Ignored>(parse_query({})));
}

TEST(DnsAnswer, HasTheAddressesOfTheTypeThatWasAskedFor) {
  const std::vector<IpAddress> both = addresses({"192.0.2.1", "2001:db8::1", "192.0.2.2"});
  const ByteVec four = answer(parsed(query("a.b")), both, 60);
  ByteVec expected = bytes_of({0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0,  //
                               1,    'a',  1,    'b',  0, 0, 1, 0, 1});
  append(expected, bytes_of({0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1}));
  append(expected, bytes_of({0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 2}));
  EXPECT_EQ(four, expected);
  const ByteVec six = answer(parsed(query("a.b", kAaaa)), both, 60);
  ASSERT_EQ(six.size(), 21U + 28U);
  EXPECT_EQ(std::to_integer<int>(six[7]), 1);
  EXPECT_EQ(std::to_integer<int>(six.back()), 1);
  // Mail, another class: no records, and no error.
  for (const ByteVec& other : {query("a.b", 15), query("a.b", kA, 3)}) {
    const ByteVec none = answer(parsed(other), both, 60);
    EXPECT_EQ(none.size(), 21U);
    EXPECT_EQ(std::to_integer<int>(none[3]), 0x80);
  }
}

TEST(DnsAnswer, HoldsWhatFitsAndIsNeverTruncated) {
  const std::string label(63, 'a');
  const std::string most = label + "." + label + "." + label + "." + std::string(61, 'a');
  const std::vector<IpAddress> many(100, parse_ip_address("192.0.2.1").value());
  const std::vector<IpAddress> many6(100, parse_ip_address("2001:db8::1").value());
  for (const std::string& name : {std::string("a.b"), most}) {
    for (const int type : {kA, kAaaa}) {
      const Query asked = parsed(query(name, type));
      const ByteVec out = answer(asked, type == kA ? many : many6, 60);
      EXPECT_LE(out.size(), kLongestMessage);
      EXPECT_GT(out.size() + 28, kLongestMessage);
      EXPECT_EQ(std::to_integer<std::size_t>(out[7]), fitting(asked, type == kA));
      EXPECT_EQ(std::to_integer<int>(out[2]) & 0x02, 0);
    }
  }
  EXPECT_EQ(fitting(parsed(query(most, kAaaa)), false), 8U);
}

TEST(DnsAnswer, ErrorsEchoWhatIsKnown) {
  const ByteVec no = refuse(parsed(query("a.b")), Code::Refused);
  EXPECT_EQ(no.size(), 21U);
  EXPECT_EQ(std::to_integer<int>(no[3]), 0x85);
  const ByteVec bad = refuse(Bad{0x1234, 0x0100, Code::Malformed});
  EXPECT_EQ(bad, bytes_of({0x12, 0x34, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace writ::dns
