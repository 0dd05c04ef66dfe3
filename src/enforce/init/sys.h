// The few things that the run's init is made of: failing with a reason, and messages.
//
// Init is one static program without C++ runtime: no allocation, no exceptions, no streams. Every
// helper either succeeds or reports over the lifeline and ends init, which ends the run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "enforce/init/wire.h"

namespace writ::enforce::init {

// fail tells the governor what could not be done (errno is read first) and ends this process.
[[noreturn]] void fail(const char* what, const char* detail = "");
// need is fail() unless `result` is not negative; it returns the result.
long need(long result, const char* what, const char* detail = "");

// send_message sends one message, with a descriptor unless `fd` is negative.
bool send_message(const wire::Message& message, int fd);

// The script, mapped read-only; every accessor ends init when an offset lies outside.
class Script {
 public:
  // map checks the head. The descriptor is closed.
  void map(int fd);
  void unmap();
  const wire::Head& head() const { return *static_cast<const wire::Head*>(base_); }
  const char* text(std::uint32_t offset) const;
  template <typename T>
  const T* table(const wire::Table& table) const {
    return static_cast<const T*>(rows(table, sizeof(T)));
  }

 private:
  const void* rows(const wire::Table& table, std::size_t size) const;
  const void* base_ = nullptr;
  std::size_t size_ = 0;
};

// Descriptors that came with the script: detached mounts made by the governor.
struct Passed {
  static constexpr unsigned kMax = 4096;
  int fds[kMax];
  unsigned count = 0;
};

// What of the run's network the governor keeps for it (network.cc): its loopback comes up; the
// socket of its resolver, and those of its granted UDP ports, go to the governor.
void bring_up_loopback();
void make_sockets(const Script& script);

// make_proc makes the run's own /proc, read-only, to be mounted by build_root.
void make_proc();

// build_root makes the run's root from the script's steps, enters it and lets go of the host's.
void build_root(const Script& script, const Passed& passed);

// open_terminal makes the run's terminal this session's, sends its master side to the governor and
// returns the other.
int open_terminal();

// start_first becomes the first task: limits, capabilities, W^X, Landlock, filter, execve.
// `terminal` is the run's, in the same session, or negative: the task is a session of its own.
[[noreturn]] void start_first(const Script& script, int terminal);

}  // namespace writ::enforce::init
