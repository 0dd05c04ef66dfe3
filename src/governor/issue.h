// Issue: a request becomes a permit, signed by the authority and bound to this machine's runner.
//
//   Issued issued = TRY(issue(request, places, settings, authority, random));
//
// The grant is resolved here and now (governor/resolve.h); a reserved path is a Denial. The
// permit's own `when` must hold only forbid policies. What the authority's ceiling forbids is a
// denial too (above_ceiling), so that nobody is handed a permit that cannot be used.
// Thread safety: functions may be called from any thread.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/clock.h"
#include "base/random.h"
#include "base/reason.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "governor/home.h"
#include "governor/resolve.h"
#include "governor/standing.h"
#include "permit/permit.h"

namespace writ::governor {

inline constexpr std::string_view kOwnAuthority = "you";  // its name in trust/

struct IssueSettings {
  UnixMillis now;
  std::optional<crypto::PublicKey> holder;  // none: a bearer permit
  LedgerId ledger;                          // for `host = "this"`
  BundleDigest policy;                      // for `policy = "pin"`
  const proof::Policy* in_force = nullptr;  // where it is to be used, if known: `when` fits it
};

struct Issued {
  ByteVec file;  // CBOR
  permit::Permit permit;
};

Result<std::variant<Issued, Denial>> issue(const permit::Request& request, const Places& places,
                                           const IssueSettings& settings,
                                           const permit::Authority& authority,
                                           const crypto::PrivateKey& key, Random& random);

// store_permit keeps a permit in permits/ID.permit, durable on return; gives its path.
Result<std::string> store_permit(const Home& home, const permit::Permit& permit);

}  // namespace writ::governor
