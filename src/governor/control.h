// The control socket of one run: how other commands of the same account ask its governor.
//
// AF_UNIX SEQPACKET at RUNTIME/RUN.sock (0600), one question and one answer a connection, both
// deterministic CBOR of at most kMaxControl bytes. Peers with another uid than the governor's are
// turned away unread (SO_PEERCRED). Questions: status; end (the answer comes when nothing of the
// run is left); freeze and thaw.
//
//   ControlSocket socket = TRY(ControlSocket::listen(runtime, run));
//   ControlAnswer answer = TRY(ask_governor(runtime, run, {.verb = ControlVerb::Status}, 1000));
//
// Hostile: whatever arrives; decoding is strict and total.
// Thread safety: functions may be called from any thread; a ControlSocket belongs to one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/fd.h"
#include "base/ids.h"
#include "base/result.h"

namespace writ::governor {

inline constexpr std::size_t kMaxControl = 4096;

enum class ControlVerb : std::uint8_t { Status = 0, End = 1, Freeze = 2, Thaw = 3 };

struct ControlQuestion {
  ControlVerb verb = ControlVerb::Status;
  std::string reason;  // End: the code of an end reason
  std::string detail;  // End: for people
};

struct ControlAnswer {
  std::string state;            // run/state.h
  std::uint64_t processes = 0;  // alive; for End: when it was asked
  std::uint64_t released = 0;
  std::uint64_t refused = 0;
  std::int64_t latency_nanos = 0;  // End: from the question to the last process gone
  std::string problem;             // the question could not be answered
};

ByteVec encode(const ControlQuestion& question);
Result<ControlQuestion> decode_question(Bytes bytes);
ByteVec encode(const ControlAnswer& answer);
Result<ControlAnswer> decode_answer(Bytes bytes);

class ControlSocket {
 public:
  // listen makes the directory (0700) and the socket.
  static Result<ControlSocket> listen(const std::string& runtime, const RunId& run);
  ControlSocket(ControlSocket&&) noexcept = default;
  ~ControlSocket();

  FdRef fd() const { return socket_.borrow(); }
  // accept takes one connection of this uid; NotFound when there is none to take.
  Result<UniqueFd> accept() const;

 private:
  ControlSocket() = default;
  UniqueFd directory_;
  UniqueFd socket_;
  std::string name_;
};

// receive reads one message without blocking (NotFound: nothing yet; Unavailable: peer is gone).
Result<ByteVec> receive_message(FdRef connection);
Result<void> send_message(FdRef connection, Bytes message);

// ask_governor connects, asks and waits. Unavailable when nobody listens or the answer does not
// come within `wait_millis`.
Result<ControlAnswer> ask_governor(const std::string& runtime, const RunId& run,
                                   const ControlQuestion& question, int wait_millis);

}  // namespace writ::governor
