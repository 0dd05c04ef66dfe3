#include "writ/announcer.h"

#include <chrono>

#include "writ/print.h"

namespace writ::cli {

namespace {

constexpr auto kLook = std::chrono::milliseconds(50);

}  // namespace

Announcer::Announcer(std::function<bool()> quiet)
    : quiet_(std::move(quiet)), thread_([this] { loop(); }) {}
Announcer::~Announcer() {
  close();
}

void Announcer::tell(std::string text) {
  {
    const std::scoped_lock lock(mutex_);
    if (taken_ >= kMaxTold) {
      ++dropped_;
      return;
    }
    ++taken_;
    held_.push_back(std::move(text));
  }
  wake_.notify_one();
}

void Announcer::close() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Announcer::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || !held_.empty(); });
    while (!stop_ && !held_.empty() && quiet_ && quiet_()) wake_.wait_for(lock, kLook);
    while (!held_.empty()) {
      const std::string text = std::move(held_.front());
      held_.pop_front();
      lock.unlock();
      say(text);
      lock.lock();
    }
    if (!stop_) continue;
    if (dropped_ > 0) {
      const std::size_t dropped = dropped_;
      lock.unlock();
      say("writ: denied: " + std::to_string(dropped) +
          " more refusals   writ ledger show --tree --last");
    }
    return;
  }
}

}  // namespace writ::cli
