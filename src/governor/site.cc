#include "governor/site.h"

namespace writ::governor {

Result<std::unique_ptr<RunSite>> RunSite::open(const RunAs& who) {
  std::unique_ptr<RunSite> site(new RunSite(TRY(Streams::create())));
  const std::optional<enforce::Identity> identity = identity_of(who);
  if (identity) site->ground_.emplace(*identity, site->streams_.take_run_side());
  return site;
}

const enforce::Capabilities& RunSite::kernel() {
  if (ground_) return ground_->kernel();
  if (!kernel_) kernel_ = enforce::probe();
  return *kernel_;
}

void RunSite::planned(const enforce::Plan& plan) {
  if (ground_) ground_->build(plan);
}

}  // namespace writ::governor
