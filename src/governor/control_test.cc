#include "governor/control.h"

#include <thread>

#include "governor/testing_internal.h"

namespace writ::governor {
namespace {

TEST(Control, QuestionsAndAnswersComeBackAsTheyWere) {
  ControlQuestion question{ControlVerb::End, "revoked", "because"};
  Result<ControlQuestion> read = decode_question(encode(question));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->verb, ControlVerb::End);
  EXPECT_EQ(read->reason, "revoked");
  EXPECT_EQ(read->detail, "because");
  ControlAnswer answer;
  answer.state = "running";
  answer.processes = 7;
  answer.latency_nanos = -1;
  Result<ControlAnswer> back = decode_answer(encode(answer));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->processes, 7U);
  EXPECT_EQ(back->latency_nanos, -1);
}

TEST(Control, EveryTruncationAndEveryFlippedBitIsReadTotally) {
  const ByteVec whole = encode(ControlQuestion{ControlVerb::End, "revoked", "x"});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_question(Bytes(whole).first(size))) << size;
  }
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    ByteVec changed = whole;
    changed[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    (void)decode_question(changed).has_value();
  }
}

TEST(Control, AnUnknownQuestionOrVersionIsRefused) {
  ByteVec question = encode(ControlQuestion{});
  ByteVec changed = question;
  changed[1] = std::byte{1};  // the version
  EXPECT_FALSE(decode_question(changed));
  changed = question;
  changed[2] = std::byte{9};  // the verb
  EXPECT_FALSE(decode_question(changed));
}

TEST(Control, ASocketAnswersItsOwnAccountAndIsGoneAfterwards) {
  TestHome t;
  std::filesystem::create_directories(t.home.whole);
  const RunId run = make_run_id(UnixMillis(1), {});
  {
    Result<ControlSocket> socket = ControlSocket::listen(t.home.runtime, run);
    ASSERT_TRUE(socket) << socket.error().message();
    std::thread server([&] {
      for (;;) {
        Result<UniqueFd> connection = socket->accept();
        if (!connection) {
          std::this_thread::yield();
          continue;
        }
        for (;;) {
          Result<ByteVec> message = receive_message(connection->borrow());
          if (!message && message.error().code() == Code::NotFound) continue;
          ASSERT_TRUE(message);
          ControlAnswer answer;
          answer.state = "running";
          ASSERT_TRUE(send_message(connection->borrow(), encode(answer)));
          return;
        }
      }
    });
    Result<ControlAnswer> answer = ask_governor(t.home.runtime, run, {}, 5000);
    server.join();
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->state, "running");
  }
  EXPECT_FALSE(std::filesystem::exists(t.home.socket_file(to_string(run))));
  Result<ControlAnswer> nobody = ask_governor(t.home.runtime, run, {}, 100);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code(), Code::Unavailable);
}

TEST(Control, ADirectoryThatOthersCanWriteIsNotUsed) {
  TestHome t;
  std::filesystem::create_directories(t.home.runtime);
  ASSERT_EQ(::chmod(t.home.runtime.c_str(), 0777), 0);
  EXPECT_FALSE(ControlSocket::listen(t.home.runtime, RunId()));
}

}  // namespace
}  // namespace writ::governor
