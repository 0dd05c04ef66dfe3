// The caller's terminal, and the run's own, between which bytes are moved.
//
// A run never gets the caller's terminal: it could type into it, change its settings and keep it.
// It gets a pseudo-terminal made in its own namespaces (enforce/layout.h), whose master side is
// here. While the caller's is ours, it is in raw mode, so that every key, Ctrl-C and Ctrl-Z too,
// goes to the run's terminal, which makes of it what its programs have set. What the run writes
// goes out as it is, escape sequences included (docs/security-model.md).
//
//   auto terminal = TRY(CallerTerminal::open(kind, std::move(front)));
//   terminal->take(std::move(master));       // size and settings, before anything has executed
//   terminal->copy({…});                     // one thread
//
// The terminal is ours while this process group is its foreground one: a shell's job control
// decides that. When the run's first program is stopped (Ctrl-Z), the settings are put back, and
// `front`, the process that the shell knows (writ/front.h), is told; this process must not stop, a
// run whose governor is stopped ends. When `front` answers, the program goes on.
//
// The settings are put back, at the latest by the destructor, if they are still those that were
// made here; input that nobody has read by then is dropped: it was meant for the run, or is the
// terminal's answer to a question of the run's.
//
// Hostile: what the run writes, how fast, and whether it reads. The caller's terminal may be full
// for ever: then this one thread waits, and at the end for kPatienceMillis at most.
// Thread safety: copy() in one thread; speakable() from any.
#pragma once

#include <sys/ioctl.h>
#include <termios.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/fd.h"
#include "base/result.h"
#include "enforce/plan.h"

namespace writ::governor {

inline constexpr int kPatienceMillis = 5000;

class CallerTerminal {
 public:
  // kind says which streams of this process are terminals: None unless input and output are.
  static enforce::Terminal kind();
  // open: `kind` is not None; SIGWINCH is taken from here on and must be blocked in every thread.
  static Result<std::unique_ptr<CallerTerminal>> open(UniqueFd front);
  ~CallerTerminal();
  CallerTerminal(const CallerTerminal&) = delete;
  CallerTerminal& operator=(const CallerTerminal&) = delete;

  // stopped rings (an eventfd) when the run's first program was stopped.
  FdRef stopped() const { return stopped_.borrow(); }
  void take(UniqueFd master);
  // copy moves bytes until `finished` is readable and the run's output is out. `error`: the run's
  // standard error where that is no terminal. `resume` lets the first program go on.
  void copy(FdRef finished, UniqueFd error, const std::function<void()>& resume);
  // speakable: the run's terminal is in its ordinary mode, so that a line of ours harms no screen.
  bool speakable() const;

 private:
  CallerTerminal() = default;
  bool ours() const;
  void attach();
  void detach();
  void copy_size();
  void hang_up();

  UniqueFd front_;
  UniqueFd stopped_;
  UniqueFd resized_;          // signalfd
  UniqueFd out_;              // the terminal of standard output, opened anew so as not to block
  mutable std::mutex mutex_;  // master_, for speakable()
  UniqueFd master_;
  std::optional<struct termios> saved_;  // while attached: as it was
  struct termios raw_ = {};              // what was made of it
  struct winsize size_ = {};             // that the run's was given last
};

}  // namespace writ::governor
