#include "governor/inquiry.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/local_socket.h"
#include "cbor/reader.h"
#include "cbor/writer.h"

namespace writ::governor {
namespace {

using cbor::Reader;
using cbor::Writer;

constexpr std::uint64_t kVersion = 0;
constexpr int kAnswerWait = 10'000;  // ms
enum class Kind : std::uint64_t { Exec = 0, Endpoint = 1, Place = 2, Refusals = 3 };
constexpr std::uint64_t kLastKind = static_cast<std::uint64_t>(Kind::Refusals);

ByteVec finished(Writer&& writer) {
  Result<ByteVec> bytes = std::move(writer).finish();
  WRIT_ASSERT(bytes.has_value());
  return std::move(*bytes);
}

// Texts of a run are bytes: the kernel does not ask for UTF-8.
void write(Writer& w, std::string_view text) {
  w.bytes(as_bytes(text));
}

void write(Writer& w, const std::vector<std::string>& texts) {
  w.array([&] {
    for (const std::string& text : texts) write(w, text);
  });
}

Result<std::string> read_string(Reader& r) {
  return std::string(as_text(TRY(r.bytes())));
}

Result<std::vector<std::string>> read_strings(Reader& r) {
  std::vector<std::string> texts;
  TRY(r.enter_array());
  while (r.more()) texts.push_back(TRY(read_string(r)));
  TRY(r.leave());
  return texts;
}

template <typename Id>
Result<Id> read_id(Reader& r) {
  typename Id::rep id{};
  const Bytes bytes = TRY(r.bytes());
  if (bytes.size() != id.size()) return r.refuse("an id of another length");
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return Id(id);
}

Result<std::uint64_t> read_up_to(Reader& r, std::uint64_t last) {
  const std::uint64_t value = TRY(r.uint());
  if (value > last) return r.refuse("a number that means nothing here");
  return value;
}

Result<permit::ExecFacts> read_exec(Reader& r) {
  permit::ExecFacts facts;
  TRY(r.enter_array_of(7));
  facts.program = TRY(read_string(r));
  facts.digest = TRY(read_id<Digest32>(r));
  TRY(r.enter_array());
  while (r.more()) {
    TRY(r.enter_array_of(2));
    std::string path = TRY(read_string(r));
    const Digest32 digest = TRY(read_id<Digest32>(r));
    TRY(r.leave());
    facts.scripts.push_back({std::move(path), digest});
  }
  TRY(r.leave());
  facts.argv = TRY(read_strings(r));
  facts.environment = TRY(read_strings(r));
  facts.directory = TRY(read_string(r));
  facts.executable_stack = TRY(r.boolean());
  TRY(r.leave());
  return facts;
}

Result<AskEndpoint> read_endpoint(Reader& r) {
  AskEndpoint ask;
  TRY(r.enter_array_of(6));
  ask.way = static_cast<permit::Way>(TRY(read_up_to(r, 1)));
  ask.facts.protocol = static_cast<permit::Protocol>(TRY(read_up_to(r, 2)));
  ask.facts.host = TRY(read_string(r));
  ask.facts.address.v4 = TRY(r.boolean());
  const Bytes address = TRY(r.bytes());
  if (address.size() != (ask.facts.address.v4 ? 4 : 16)) {
    return r.refuse("an address of another length");
  }
  std::copy(address.begin(), address.end(), ask.facts.address.bytes.begin());
  ask.facts.port = static_cast<std::uint16_t>(TRY(read_up_to(r, 65535)));
  TRY(r.leave());
  return ask;
}

Result<AskPlace> read_place(Reader& r) {
  AskPlace ask;
  TRY(r.enter_array_of(2));
  ask.access = static_cast<permit::Access>(TRY(read_up_to(r, 1)));
  ask.path = TRY(read_string(r));
  if (!permit::is_normal(ask.path)) return r.refuse("not a normal path");
  TRY(r.leave());
  return ask;
}

void write(Writer& w, const permit::ExecFacts& facts) {
  w.array([&] {
    write(w, facts.program);
    w.bytes(as_bytes(facts.digest));
    w.array([&] {
      for (const permit::ScriptFact& script : facts.scripts) {
        w.array([&] {
          write(w, script.path);
          w.bytes(as_bytes(script.digest));
        });
      }
    });
    write(w, facts.argv);
    write(w, facts.environment);
    write(w, facts.directory);
    w.boolean(facts.executable_stack);
  });
}

void write(Writer& w, const AskEndpoint& ask) {
  const IpAddress& address = ask.facts.address;
  w.array([&] {
    w.uint(static_cast<std::uint64_t>(ask.way));
    w.uint(static_cast<std::uint64_t>(ask.facts.protocol));
    write(w, ask.facts.host);
    w.boolean(address.v4).bytes(Bytes(address.bytes).first(address.v4 ? 4 : 16));
    w.uint(ask.facts.port);
  });
}

void write(Writer& w, const Denial& denial) {
  w.array([&] {
    w.text(code_of(denial.reason));
    write(w, denial.asked);
    write(w, denial.because);
    write(w, denial.allow);
  });
}

Result<Denial> read_denial(Reader& r) {
  Denial denial;
  TRY(r.enter_array_of(4));
  const std::optional<Reason> reason = find_reason(TRY(r.text()));
  if (!reason) return r.refuse("an unknown reason");
  denial.reason = *reason;
  denial.asked = TRY(read_string(r));
  denial.because = TRY(read_string(r));
  denial.allow = TRY(read_string(r));
  TRY(r.leave());
  return denial;
}

void write(Writer& w, const Told& told) {
  w.array([&] {
    write(w, told.denial);
    w.integer(told.pid);
    write(w, told.asked_by);
    w.uint(told.event.seq.get()).uint(told.leaf.get());
  });
}

Result<Told> read_told(Reader& r) {
  Told told;
  TRY(r.enter_array_of(5));
  told.denial = TRY(read_denial(r));
  const std::int64_t pid = TRY(r.integer());
  if (pid < 0 || pid > INT32_MAX) return r.refuse("no process has this number");
  told.pid = static_cast<std::int32_t>(pid);
  told.asked_by = TRY(read_string(r));
  told.event.seq = Seq(TRY(r.uint()));
  told.leaf = LeafIndex(TRY(r.uint()));
  TRY(r.leave());
  return told;
}

ByteVec encode_with(const InquiryAnswer& answer, std::size_t refusals) {
  Writer w;
  w.array([&] {
    w.uint(kVersion).bytes(as_bytes(answer.run)).bytes(as_bytes(answer.permit));
    if (answer.denial) {
      write(w, *answer.denial);
    } else {
      w.null();
    }
    w.array([&] {
      for (std::size_t i = 0; i < refusals; ++i) write(w, answer.refusals[i]);
    });
    w.text(printable(answer.problem, 1000));
  });
  return finished(std::move(w));
}

// One message; empty: none came.
ByteVec receive(FdRef connection, int flags) {
  ByteVec message(kMaxInquiry + 1);
  const ssize_t got = ::recv(connection.number(), message.data(), message.size(), flags);
  message.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return message;
}

}  // namespace

Result<ByteVec> encode(const Inquiry& inquiry) {
  Writer w;
  const auto head = [&](Kind kind) { w.uint(kVersion).uint(static_cast<std::uint64_t>(kind)); };
  w.array([&] {
    const GateQuestion* question = std::get_if<GateQuestion>(&inquiry);
    if (question == nullptr) {
      head(Kind::Refusals);
      w.null();
    } else if (const auto* exec = std::get_if<permit::ExecFacts>(question)) {
      head(Kind::Exec);
      write(w, *exec);
    } else if (const auto* endpoint = std::get_if<AskEndpoint>(question)) {
      head(Kind::Endpoint);
      write(w, *endpoint);
    } else {
      const AskPlace& place = std::get<AskPlace>(*question);
      head(Kind::Place);
      w.array([&] {
        w.uint(static_cast<std::uint64_t>(place.access));
        write(w, place.path);
      });
    }
  });
  ByteVec bytes = finished(std::move(w));
  if (bytes.size() > kMaxInquiry) {
    return Error(Code::Exhausted, "arguments and environment are too long to be asked about");
  }
  return bytes;
}

Result<Inquiry> decode_inquiry(Bytes bytes) {
  if (bytes.size() > kMaxInquiry) return Error(Code::Exhausted, "the question is too long");
  Reader r(bytes);
  TRY(r.enter_array_of(3));
  if (TRY(r.uint()) != kVersion) return r.refuse("another version of the inquiry protocol");
  Inquiry inquiry = AskRefusals{};
  switch (static_cast<Kind>(TRY(read_up_to(r, kLastKind)))) {
    case Kind::Exec: inquiry = GateQuestion(TRY(read_exec(r))); break;
    case Kind::Endpoint: inquiry = GateQuestion(TRY(read_endpoint(r))); break;
    case Kind::Place: inquiry = GateQuestion(TRY(read_place(r))); break;
    case Kind::Refusals: TRY(r.null()); break;
  }
  TRY(r.leave());
  TRY(r.finish());
  return inquiry;
}

ByteVec encode(const InquiryAnswer& answer) {
  std::size_t refusals = answer.refusals.size();
  ByteVec bytes = encode_with(answer, refusals);
  while (bytes.size() > kMaxInquiry && refusals > 0) bytes = encode_with(answer, --refusals);
  return bytes;
}

Result<InquiryAnswer> decode_inquiry_answer(Bytes bytes) {
  Reader r(bytes);
  InquiryAnswer answer;
  TRY(r.enter_array_of(6));
  if (TRY(r.uint()) != kVersion) return r.refuse("another version of the inquiry protocol");
  answer.run = TRY(read_id<RunId>(r));
  answer.permit = TRY(read_id<PermitId>(r));
  if (TRY(r.peek()) == cbor::Type::Null) {
    TRY(r.null());
  } else {
    answer.denial = TRY(read_denial(r));
  }
  TRY(r.enter_array());
  while (r.more()) {
    answer.refusals.push_back(TRY(read_told(r)));
    answer.refusals.back().event.run = answer.run;
  }
  TRY(r.leave());
  answer.problem = std::string(TRY(r.text()));
  TRY(r.leave());
  TRY(r.finish());
  return answer;
}

InquiryDesk::InquiryDesk(UniqueFd socket, const RunId& run, const PermitId& permit,
                         const GateVerdicts& verdicts)
    : socket_(std::move(socket)), run_(run), permit_(permit), verdicts_(verdicts) {
  Result<UniqueFd> wake = event_fd();
  if (!wake || !socket_) return;  // nobody is served: whoever asks hears so from the kernel
  wake_ = std::move(*wake);
  thread_ = std::thread([this] { loop(); });
}

InquiryDesk::~InquiryDesk() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  (void)!::write(wake_.number(), &one, sizeof one);
  thread_.join();
}

// Waits until `also` can be read or its time is over. True: the desk closes.
bool InquiryDesk::woken(FdRef also, int millis) const {
  std::array<pollfd, 2> watched = {{{wake_.number(), POLLIN, 0}, {also.number(), POLLIN, 0}}};
  (void)::poll(watched.data(), watched.size(), millis);
  return watched[0].revents != 0;
}

void InquiryDesk::loop() {
  for (;;) {
    if (woken(socket_.borrow(), -1)) return;
    const int number = ::accept4(socket_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (number >= 0) {
      const UniqueFd connection = adopt_fd(number);
      if (woken(connection.borrow(), kInquiryWait)) return;
      serve(connection.borrow());
    }
    if (woken(FdRef(-1), kInquiryPause)) return;
  }
}

void InquiryDesk::serve(FdRef connection) {
  const ByteVec question = receive(connection, MSG_DONTWAIT);
  if (question.empty()) return;
  const ByteVec reply = encode(answer(question));
  (void)::send(connection.number(), reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

InquiryAnswer InquiryDesk::answer(Bytes bytes) const {
  InquiryAnswer answer;
  answer.run = run_;
  answer.permit = permit_;
  const Result<Inquiry> inquiry = decode_inquiry(bytes);
  if (!inquiry) {
    answer.problem = inquiry.error().message();
    return answer;
  }
  const GateQuestion* question = std::get_if<GateQuestion>(&*inquiry);
  if (question == nullptr) {
    answer.refusals = verdicts_.refusals();
    return answer;
  }
  Result<Judged> judged = verdicts_.judge(*question);
  if (!judged) {
    answer.problem = judged.error().message();
  } else {
    answer.denial = std::move(judged->denial);
  }
  return answer;
}

bool inside_run() {
  struct stat facts = {};
  return ::lstat(enforce::kInquirySocket, &facts) == 0 && S_ISSOCK(facts.st_mode);
}

Result<InquiryAnswer> inquire(const Inquiry& inquiry) {
  const ByteVec question = TRY(encode(inquiry));
  const UniqueFd socket = TRY(local_socket(SOCK_SEQPACKET));
  constexpr timeval kMost{kAnswerWait / 1000, 0};
  for (const int which : {SO_SNDTIMEO, SO_RCVTIMEO}) {
    (void)::setsockopt(socket.number(), SOL_SOCKET, which, &kMost, sizeof kMost);
  }
  (void)::fcntl(socket.number(), F_SETFL, 0);  // others may be asking: this one waits
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, enforce::kInquirySocket, sizeof address.sun_path - 1);
  const Error silent(Code::Unavailable, "the governor of this run does not answer");
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
          0 ||
      ::send(socket.number(), question.data(), question.size(), MSG_NOSIGNAL) < 0) {
    return silent;
  }
  const ByteVec reply = receive(socket.borrow(), 0);
  if (reply.empty()) return silent;
  InquiryAnswer answer = TRY(decode_inquiry_answer(reply));
  if (!answer.problem.empty()) return Error(Code::InvalidArgument, answer.problem);
  return answer;
}

}  // namespace writ::governor
