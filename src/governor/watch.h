// The watch over a running run: what ends or questions it from outside, and continuity.
//
// One thread. It answers the control socket, reads the revocation list whenever that changes, takes
// signals for the governor, and verifies the run anew when that is due (governor/continuity.h).
// Nothing of the last holds up the others: what comes meanwhile goes first.
//
// Thread safety: start and stop from one thread.
#pragma once

#include <poll.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "enforce/supervisor.h"
#include "governor/admission.h"
#include "governor/continuity.h"
#include "governor/control.h"
#include "governor/gate_verdicts.h"
#include "governor/recorder.h"

namespace writ::governor {

class Watch {
 public:
  // create opens the socket and the watch on the state directory before anything can happen.
  static Result<std::unique_ptr<Watch>> create(const Admission& admission, Installation& here);
  ~Watch();

  void start(enforce::Supervisor& supervisor, GateVerdicts& verdicts, Recorder& recorder);
  // stop answers those who wait for the end and ends the thread. `latency` is the supervisor's.
  void stop(std::int64_t end_latency_nanos);

 private:
  Watch(const Admission& admission, Installation& here, ControlSocket socket)
      : admission_(admission), here_(here), socket_(std::move(socket)) {}
  void loop();
  std::vector<struct pollfd> watched() const;
  void answer(UniqueFd connection);
  Result<void> watch_state();
  void check_revocations();
  std::string state() const;

  const Admission& admission_;
  Installation& here_;
  ControlSocket socket_;
  UniqueFd changes_;  // inotify, where the kernel does not signal changes of a directory
  UniqueFd state_;    // the directory whose changes it signals
  UniqueFd signals_;
  UniqueFd wake_;
  enforce::Supervisor* supervisor_ = nullptr;
  std::optional<Continuity> continuity_;
  struct Waiting {
    UniqueFd connection;
    std::uint64_t processes = 0;
    std::int64_t asked_nanos = 0;
  };
  std::vector<Waiting> waiting_;    // for the end
  std::vector<UniqueFd> greeting_;  // connected, question still to come
  std::uint64_t alive_at_end_ = 0;  // processes when the watch itself ended the run
  bool frozen_ = false;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace writ::governor
