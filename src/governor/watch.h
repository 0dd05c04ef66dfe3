// The watch over a running run: what ends or questions it from outside, and continuity.
//
// One thread. It answers the control socket, reads the revocation list whenever that changes,
// takes signals for the governor, and at each interval verifies anew: the permit (time, revocation,
// trust, policy pin), the policy in force (a new bundle is asked again and forbids or takes over),
// and the run's init. Each passed check is a continuity entry; a failed one ends the run.
//
// Thread safety: start and stop from one thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "enforce/supervisor.h"
#include "governor/admission.h"
#include "governor/control.h"
#include "governor/gate_verdicts.h"
#include "governor/recorder.h"

namespace writ::governor {

// Bits of Continuity::checks.
inline constexpr std::uint64_t kCheckPermit = 1;
inline constexpr std::uint64_t kCheckPolicy = 2;
inline constexpr std::uint64_t kCheckRunning = 4;

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
  void answer(UniqueFd connection);
  Result<void> watch_state();
  void check_revocations();
  void check_continuity();
  std::string state() const;

  const Admission& admission_;
  Installation& here_;
  ControlSocket socket_;
  UniqueFd changes_;  // inotify, where the kernel does not signal changes of a directory
  UniqueFd state_;    // the directory whose changes it signals
  UniqueFd signals_;
  UniqueFd wake_;
  enforce::Supervisor* supervisor_ = nullptr;
  GateVerdicts* verdicts_ = nullptr;
  Recorder* recorder_ = nullptr;
  struct Waiting {
    UniqueFd connection;
    std::uint64_t processes = 0;
    std::int64_t asked_nanos = 0;
  };
  std::vector<Waiting> waiting_;    // for the end
  std::vector<UniqueFd> greeting_;  // connected, question still to come
  BundleDigest bundle_;             // in force
  std::uint64_t generation_ = 0;
  std::uint64_t alive_at_end_ = 0;  // processes when the watch itself ended the run
  bool frozen_ = false;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace writ::governor
