// The announcer: refusals of a running run, told on standard error by a thread of their own.
//
// Whoever tells it something never waits. Only the first kMaxTold are told, the rest is counted: a
// loop of refused execs would drown the job's own output, and standard error may not be read.
// On a terminal that a program has in a mode of its own (an editor, a shell's prompt) a line would
// tear the screen: `quiet` says when nothing may be told, and it is told later.
// Thread safety: tell() from any thread; close() from one.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace writ::cli {

class Announcer {
 public:
  static constexpr std::size_t kMaxTold = 8;
  // quiet (may be empty) is asked from the announcer's thread until close() returns.
  explicit Announcer(std::function<bool()> quiet = {});
  ~Announcer();
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;

  void tell(std::string text);
  // close says what is held and ends the thread.
  void close();

 private:
  void loop();
  const std::function<bool()> quiet_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> held_;
  std::size_t taken_ = 0;
  std::size_t dropped_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace writ::cli
