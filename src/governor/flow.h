// A flow: bytes moved from one descriptor to another, one direction, when poll says they can be.
//
// The caller's descriptors are shared with others and stay blocking: they are read or written only
// when poll says that they are ready, so that nothing here waits for long. Neither side is owned.
// Thread safety: one thread.
#pragma once

#include <poll.h>

#include <array>
#include <cstddef>

#include "base/fd.h"
#include "base/result.h"

namespace writ::governor {

class Flow {
 public:
  Flow(int from, int to) : from_(from), to_(to) {}

  bool open() const { return from_ >= 0 && to_ >= 0; }
  // idle: everything that was read is written.
  bool idle() const { return begin_ == end_; }
  // interest is the descriptor and event to wait for now.
  struct pollfd interest() const;
  // step moves bytes after poll said `events`; false when this direction is over.
  bool step(short events);

 private:
  static constexpr std::size_t kChunk = std::size_t{64} << 10;
  bool close();
  int from_;
  int to_;
  std::array<std::byte, kChunk> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// set_nonblocking is about the open file: only for one that is nobody else's.
Result<void> set_nonblocking(FdRef fd);

}  // namespace writ::governor
