#include "enforce/workers.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <utility>

namespace writ::enforce {

// Threads are made with pthread_create: std::thread reports failure by exception.
Result<void> Workers::start(unsigned threads, int idle_millis, std::function<void()> idle) {
  idle_millis_ = idle_millis;
  idle_ = std::move(idle);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  // Jobs keep large buffers on the heap.
  pthread_attr_setstacksize(&attributes, std::size_t{512} * 1024);
  // No signal is handled on a worker: a handler's time would be added to a gate's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = 0;
  for (unsigned i = 0; i < threads && failed == 0; ++i) {
    pthread_t thread{};
    failed = pthread_create(&thread, &attributes, &Workers::enter, this);
    if (failed == 0) threads_.push_back(thread);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (failed != 0) return errno_error(failed, "starting a worker thread");
  return {};
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
}

void* Workers::enter(void* self) {
  static_cast<Workers*>(self)->work();
  return nullptr;
}

void Workers::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  ready_.notify_one();
}

void Workers::keep_on(const cpu_set_t& processors) {
  for (const pthread_t thread : threads_) {
    (void)::pthread_setaffinity_np(thread, sizeof processors, &processors);
  }
}

void Workers::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool called = ready_.wait_for(lock, std::chrono::milliseconds(idle_millis_),
                                        [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    if (!called) {
      lock.unlock();
      idle_();
      lock.lock();
      continue;
    }
    Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    Completion done = job();
    job = nullptr;
    lock.lock();
    done_.push_back(std::move(done));
    lock.unlock();
    const std::uint64_t one = 1;
    (void)!::write(event_.number(), &one, sizeof one);
    lock.lock();
  }
}

std::vector<Workers::Completion> Workers::completions() {
  std::uint64_t count = 0;
  (void)!::read(event_.number(), &count, sizeof count);
  const std::lock_guard lock(mutex_);
  std::vector<Completion> out;
  out.swap(done_);
  return out;
}

}  // namespace writ::enforce
