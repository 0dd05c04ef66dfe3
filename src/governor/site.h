// The site of a run: its streams and its ground, made while its permit is still being looked at.
//
// Whatever is denied leaves nothing behind: the first program waits in its execve, unanswered,
// until govern() takes the site for an Admission, whose record is durable.
//
//   RunSite site = TRY(RunSite::open(installation.who));
//   Admitted admitted = TRY(admit(request, installation, site));
//   RunEnd end = TRY(govern(admission, installation, site, options));
//
// Thread safety: one thread at a time.
#pragma once

#include <memory>
#include <optional>

#include "enforce/ground.h"
#include "governor/admission.h"
#include "governor/streams.h"

namespace writ::governor {

class RunSite final : public Site {
 public:
  static Result<std::unique_ptr<RunSite>> open(const RunAs& who);
  const enforce::Capabilities& kernel() override;
  void planned(const enforce::Plan& plan) override;
  // Nothing when root has no account to run as: the admission denies that.
  enforce::Ground* ground() { return ground_ ? &*ground_ : nullptr; }
  Streams& streams() { return streams_; }
  // clear ends whatever of a run is there.
  void clear() { ground_.reset(); }

 private:
  explicit RunSite(Streams streams) : streams_(std::move(streams)) {}
  Streams streams_;
  std::optional<enforce::Ground> ground_;
  std::optional<enforce::Capabilities> kernel_;  // without a ground
};

}  // namespace writ::governor
