// Workers: a few threads that do what the supervisor's loop must not, files and verdicts.
//
// A job runs on a worker and returns its completion, which the loop runs: the loop polls fd(),
// then calls completions(). Jobs are bounded by whoever submits them (the gate: the run's tasks).
//
//   workers.submit([…]() -> Workers::Completion { auto found = look(); return [found] { use(found);
//   }; });
//
// While a thread has nothing to do it looks, every so often, whether the loop goes on: see start.
//
// Thread safety: submit from any thread; completions and the destructor from the loop's thread.
// The destructor waits for the running job of each thread and drops the queue.
#pragma once

#include <sched.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace writ::enforce {

class Workers {
 public:
  using Completion = std::function<void()>;
  using Job = std::function<Completion()>;

  explicit Workers(UniqueFd event) : event_(std::move(event)) {}
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // start makes the threads (Exhausted when the system refuses). `idle` is called by a thread that
  // has had no job for `idle_millis`, again and again; it must not wait.
  Result<void> start(unsigned threads, int idle_millis, std::function<void()> idle);
  FdRef fd() const { return event_.borrow(); }
  void submit(Job job);
  // keep_on lets the threads run on these processors only: a hand-over to a processor that sleeps
  // costs more than most jobs.
  void keep_on(const cpu_set_t& processors);
  std::vector<Completion> completions();

 private:
  static void* enter(void* self);
  void work();

  UniqueFd event_;
  std::mutex mutex_;  // the one lock: queue_, done_, stopping_
  std::condition_variable ready_;
  std::deque<Job> queue_;
  std::vector<Completion> done_;
  bool stopping_ = false;
  int idle_millis_ = 0;
  std::function<void()> idle_;  // set before the threads are made
  std::vector<pthread_t> threads_;
};

}  // namespace writ::enforce
