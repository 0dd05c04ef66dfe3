#include "governor/inquiry.h"

#include <gtest/gtest.h>

namespace writ::governor {
namespace {

Digest32 digest_of(int value) {
  Digest32::rep bytes{};
  bytes.fill(static_cast<std::byte>(value));
  return Digest32(bytes);
}

std::vector<Inquiry> inquiries() {
  permit::ExecFacts exec;
  exec.program = "/usr/bin/python3";
  exec.digest = digest_of(1);
  exec.scripts = {{"/work/a.py", digest_of(2)}};
  exec.argv = {"python3", "/work/a.py", "not \xff utf-8"};
  exec.environment = {"LANG=C"};
  exec.directory = "/work";
  exec.executable_stack = true;
  AskEndpoint endpoint;
  endpoint.way = permit::Way::Listen;
  endpoint.facts.protocol = permit::Protocol::Udp;
  endpoint.facts.host = "a.example";
  endpoint.facts.address = *parse_ip_address("2001:db8::1");
  endpoint.facts.port = 65535;
  AskEndpoint four = endpoint;
  four.facts.address = *parse_ip_address("192.0.2.1");
  return {GateQuestion(exec), GateQuestion(endpoint), GateQuestion(four),
          GateQuestion(AskPlace{permit::Access::ToWrite, "/work/out"}), AskRefusals{}};
}

InquiryAnswer full_answer() {
  InquiryAnswer answer;
  answer.permit = PermitId(digest_of(7).get());
  answer.denial = Denial{Reason::ArgsMismatch, "exec x", "because \xff", "args = []"};
  Told told;
  told.denial = *answer.denial;
  told.pid = 41;
  told.asked_by = "make test";
  told.event.seq = Seq(17);
  told.leaf = LeafIndex(1042);
  answer.refusals = {told, told};
  return answer;
}

TEST(InquiryTest, QuestionsComeBackAsTheyWere) {
  for (const Inquiry& inquiry : inquiries()) {
    const Result<ByteVec> bytes = encode(inquiry);
    ASSERT_TRUE(bytes);
    const Result<Inquiry> back = decode_inquiry(*bytes);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->index(), inquiry.index());
    EXPECT_EQ(encode(*back).value(), *bytes);
  }
}

TEST(InquiryTest, AnswersComeBackAsTheyWere) {
  for (const bool refused : {true, false}) {
    InquiryAnswer answer = full_answer();
    if (!refused) answer.denial.reset();
    const ByteVec bytes = encode(answer);
    const Result<InquiryAnswer> back = decode_inquiry_answer(bytes);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->denial.has_value(), refused);
    ASSERT_EQ(back->refusals.size(), 2U);
    EXPECT_EQ(back->refusals[0].leaf, LeafIndex(1042));
    EXPECT_EQ(encode(*back), bytes);
  }
}

// Whatever a run sends is refused, or is exactly what it is read as.
TEST(InquiryTest, CutAndAlteredQuestionsAreRefusedOrMeanWhatTheySay) {
  for (const Inquiry& inquiry : inquiries()) {
    const ByteVec bytes = encode(inquiry).value();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_inquiry(Bytes(bytes).first(size))) << size;
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        ByteVec altered = bytes;
        altered[at] ^= static_cast<std::byte>(1 << bit);
        const Result<Inquiry> read = decode_inquiry(altered);
        if (read) {
          EXPECT_EQ(encode(*read).value(), altered) << at;
        }
      }
    }
  }
}

TEST(InquiryTest, WhatIsTooLongIsNotAsked) {
  permit::ExecFacts exec;
  exec.argv = {std::string(kMaxInquiry, 'x')};
  const Result<ByteVec> bytes = encode(Inquiry(GateQuestion(exec)));
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), Code::Exhausted);
  EXPECT_FALSE(decode_inquiry(ByteVec(kMaxInquiry + 1)));
}

TEST(InquiryTest, AnAnswerHoldsAsManyRefusalsAsThereIsRoomFor) {
  InquiryAnswer answer = full_answer();
  answer.refusals[0].denial.because = std::string(kMaxInquiry / 2, 'a');
  answer.refusals[1].denial.because = std::string(kMaxInquiry / 2, 'b');
  const ByteVec bytes = encode(answer);
  EXPECT_LE(bytes.size(), kMaxInquiry);
  const Result<InquiryAnswer> back = decode_inquiry_answer(bytes);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->refusals.size(), 1U);
  EXPECT_EQ(back->refusals[0].denial.because[0], 'a');
}

TEST(InquiryTest, APathThatIsNotNormalIsNoQuestion) {
  for (const char* path : {"a", "/a/../b", "/a//b", "/a/", ""}) {
    const ByteVec bytes =
        encode(Inquiry(GateQuestion(AskPlace{permit::Access::ToRead, path}))).value();
    EXPECT_FALSE(decode_inquiry(bytes)) << path;
  }
}

}  // namespace
}  // namespace writ::governor
