// What stands before any run: a domain with its authorities and the policy in force, read from the
// configuration and checked.
//
//   Standing standing = TRY(load_standing(home, "default"));
//
// Trusted: the files under the configuration directory, which only their owner may write
// (checked). A bundle's text is parsed after its signature by one of the domain's authorities.
// Failures are Denials of the host group: unknown_domain, key_unavailable, policy_invalid.
// Thread safety: values.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/reason.h"
#include "domain/bundle.h"
#include "domain/domain.h"
#include "governor/home.h"
#include "permit/permit.h"
#include "proof/decision.h"
#include "proof/records.h"

namespace writ::governor {

struct Standing {
  domain::Domain domain;
  std::vector<permit::Authority> authorities;
  std::vector<proof::AuthorityRecord> records;  // of the same, as recorded
  ByteVec bundle_file;
  ByteVec bundle_payload;
  BundleDigest bundle;
  std::uint64_t generation = 0;
  std::string bundle_authority;                 // who signed it
  std::shared_ptr<const proof::Policy> policy;  // shared: exec decisions outlive a reload
};

using MaybeStanding = std::variant<Standing, Denial>;
Result<MaybeStanding> load_standing(const Home& home, const std::string& domain);

// list_domains names the definitions that are there, sorted.
Result<std::vector<std::string>> list_domains(const Home& home);

}  // namespace writ::governor
