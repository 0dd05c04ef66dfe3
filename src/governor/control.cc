#include "governor/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/local_socket.h"
#include "cbor/reader.h"
#include "cbor/writer.h"

namespace writ::governor {
namespace {

ByteVec finished(cbor::Writer&& writer) {
  Result<ByteVec> bytes = std::move(writer).finish();
  WRIT_ASSERT(bytes.has_value());
  return std::move(*bytes);
}

// The address goes through the directory's descriptor: a socket's path has 107 bytes at most.
Result<sockaddr_un> address_in(FdRef directory, const std::string& name) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(directory.number()) + "/" + name;
  if (path.size() >= sizeof address.sun_path) {
    return Error(Code::Internal, "a control socket's name is too long");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

ByteVec encode(const ControlQuestion& question) {
  cbor::Writer w;
  w.array([&] {
    w.uint(0).uint(static_cast<std::uint64_t>(question.verb));
    w.text(printable(question.reason, 64)).text(printable(question.detail, 1000));
  });
  return finished(std::move(w));
}

Result<ControlQuestion> decode_question(Bytes bytes) {
  cbor::Reader r(bytes);
  ControlQuestion question;
  TRY(r.enter_array_of(4));
  if (TRY(r.uint()) != 0) return r.refuse("this version of the control protocol is not known");
  const std::uint64_t verb = TRY(r.uint());
  if (verb > static_cast<std::uint64_t>(ControlVerb::Thaw)) return r.refuse("unknown question");
  question.verb = static_cast<ControlVerb>(verb);
  question.reason = TRY(r.text());
  question.detail = TRY(r.text());
  TRY(r.leave());
  TRY(r.finish());
  return question;
}

ByteVec encode(const ControlAnswer& answer) {
  cbor::Writer w;
  w.array([&] {
    w.uint(0).text(answer.state).uint(answer.processes).uint(answer.released);
    w.uint(answer.refused).integer(answer.latency_nanos).text(printable(answer.problem, 1000));
  });
  return finished(std::move(w));
}

Result<ControlAnswer> decode_answer(Bytes bytes) {
  cbor::Reader r(bytes);
  ControlAnswer answer;
  TRY(r.enter_array_of(7));
  if (TRY(r.uint()) != 0) return r.refuse("this version of the control protocol is not known");
  answer.state = TRY(r.text());
  answer.processes = TRY(r.uint());
  answer.released = TRY(r.uint());
  answer.refused = TRY(r.uint());
  answer.latency_nanos = TRY(r.integer());
  answer.problem = TRY(r.text());
  TRY(r.leave());
  TRY(r.finish());
  return answer;
}

Result<ControlSocket> ControlSocket::listen(const std::string& runtime, const RunId& run) {
  if (::mkdir(runtime.c_str(), 0700) != 0 && errno != EEXIST) {
    return errno_error(errno, "making " + printable(runtime));
  }
  ControlSocket control;
  control.directory_ = TRY(open_at(FdRef::cwd(), runtime, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const struct stat facts = TRY(stat_fd(control.directory_.borrow()));
  if (facts.st_uid != ::geteuid() || (facts.st_mode & 022) != 0) {
    return Error(Code::Denied, printable(runtime) + " belongs to or can be written by others");
  }
  control.name_ = to_string(run) + ".sock";
  control.socket_ = TRY(local_socket(SOCK_SEQPACKET));
  const sockaddr_un address = TRY(address_in(control.directory_.borrow(), control.name_));
  const mode_t before = ::umask(0177);
  const int bound =
      ::bind(control.socket_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int failed = errno;
  (void)::umask(before);
  if (bound != 0) return errno_error(failed, "making a control socket in " + printable(runtime));
  if (::listen(control.socket_.number(), 16) != 0) {
    return errno_error(errno, "listening on a control socket");
  }
  return control;
}

ControlSocket::~ControlSocket() {
  if (directory_) (void)::unlinkat(directory_.number(), name_.c_str(), 0);
}

Result<UniqueFd> ControlSocket::accept() const {
  for (;;) {
    const int number = ::accept4(socket_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (number < 0 && errno == EINTR) continue;
    if (number < 0) return Error(Code::NotFound, "nobody waits");
    UniqueFd connection = adopt_fd(number);
    struct ucred peer = {};
    socklen_t size = sizeof peer;
    if (::getsockopt(number, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
        peer.uid == ::geteuid()) {
      return connection;
    }
  }
}

Result<ByteVec> receive_message(FdRef connection) {
  ByteVec message(kMaxControl + 1);
  for (;;) {
    const ssize_t got = ::recv(connection.number(), message.data(), message.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return Error(Code::NotFound, "nothing has come yet");
    }
    if (got <= 0) return Error(Code::Unavailable, "the other side has gone");
    if (static_cast<std::size_t>(got) > kMaxControl) {
      return Error(Code::Exhausted, "a control message is too long");
    }
    message.resize(static_cast<std::size_t>(got));
    return message;
  }
}

Result<void> send_message(FdRef connection, Bytes message) {
  const ssize_t sent =
      ::send(connection.number(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent == static_cast<ssize_t>(message.size())) return {};
  return errno_error(errno, "sending a control message");
}

Result<ControlAnswer> ask_governor(const std::string& runtime, const RunId& run,
                                   const ControlQuestion& question, int wait_millis) {
  const UniqueFd directory =
      TRY(open_at(FdRef::cwd(), runtime, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const UniqueFd socket = TRY(local_socket(SOCK_SEQPACKET));
  const sockaddr_un address = TRY(address_in(directory.borrow(), to_string(run) + ".sock"));
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      0) {
    return Error(Code::Unavailable, "the governor of run " + to_string(run) + " does not answer",
                 errno);
  }
  TRY(send_message(socket.borrow(), encode(question)));
  struct pollfd wait = {socket.number(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&wait, 1, wait_millis);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) {
    return Error(Code::Unavailable,
                 "the governor of run " + to_string(run) + " has not answered in time");
  }
  const ByteVec message = TRY(receive_message(socket.borrow()));
  return decode_answer(message);
}

}  // namespace writ::governor
