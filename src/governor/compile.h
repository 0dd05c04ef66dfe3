// Compile: a verified grant and an allow decision become a plan for this kernel (DESIGN §5 step 4).
//
// Every part of a grant is either carried by a mechanism that was found by trying or refused by
// name: listen but by TCP at addresses, tools, models, approve and
// delegate (mechanism_unavailable), memory and bytes (limits_unavailable), ptrace, userns and
// io_uring (feature_not_granted). Files are looked at here for the last time by path: what is not
// there, is another file, or goes through a symlink that was not there at issue is a denial.
//
//   Compiled plan = TRY(compile(request, kernel));
//
// Root: a run never has the host's uid 0 (DESIGN §8.1). Trusted: the caller has verified the
// permit. Thread safety: may be called from any thread.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/reason.h"
#include "domain/domain.h"
#include "enforce/plan.h"
#include "enforce/probe.h"
#include "governor/home.h"
#include "permit/grant.h"

namespace writ::governor {

// Who the governor and so the run is on this host.
struct RunAs {
  std::uint32_t uid = 0;  // of the governor
  std::uint32_t gid = 0;
  std::optional<std::uint32_t> other_uid;  // root only: whose uid the run has instead
  std::optional<std::uint32_t> other_gid;
  bool own_files = false;  // root only: the run stands for root's files (idmapped mounts)
};

// identity_of says as whom it runs; nothing when root has no other account configured.
std::optional<enforce::Identity> identity_of(const RunAs& who);

struct CompileRequest {
  RunId run;
  const permit::Grant& grant;
  const permit::Limits& limits;  // effective
  domain::Tier least_tier = domain::Tier::Sandbox;
  const Reserved& reserved;
  RunAs who;
  std::string program;  // resolved
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::string directory;  // resolved
  enforce::Terminal terminal = enforce::Terminal::None;
};

using Compiled = std::variant<enforce::Plan, Denial>;
Result<Compiled> compile(const CompileRequest& request, const enforce::Capabilities& kernel);

// unenforced names the first part of the grant that nothing here carries, or nothing.
std::optional<Denial> unenforced(const permit::Grant& grant, const permit::Limits& limits,
                                 domain::Tier least_tier, const enforce::Capabilities& kernel);

}  // namespace writ::governor
