// Domains and authorities: the standing boundary that a run is admitted to (DESIGN §3).
//
// `domains/NAME.toml` defines a domain, `trust/NAME.toml` an authority's ceiling beside its public
// key `trust/NAME.pub`. Both are closed-world TOML (base/config_text.h). The digest of a domain is
// over its deterministic CBOR form, so that spacing and comments in the file do not change it; it
// stands in the ledger.
//
//   Domain domain = TRY(parse_domain(text, "default", path));
//   Digest32 digest = domain_digest(domain);
//
// Trusted: these files are the operator's own. Who can write them governs the domain.
// Thread safety: values, pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "permit/grant.h"

namespace writ::domain {

enum class Tier : std::uint8_t { Sandbox = 0, Kernel = 1 };
enum class Recording : std::uint8_t { Ordered = 0, Strict = 1 };

std::string_view tier_name(Tier tier);
std::string_view recording_name(Recording recording);

struct Domain {
  std::string name;
  std::vector<std::string> authorities;  // names in trust/, at least one
  std::string policy;                    // name of the bundle
  Tier least_tier = Tier::Sandbox;
  Recording record = Recording::Ordered;
  std::uint64_t continuity_ms = 5000;  // 100 ms - 1 h
  permit::Limits limits;               // where a permit says nothing
  friend bool operator==(const Domain&, const Domain&) = default;
};

// parse_domain reads a definition; errors name FILE:LINE:COLUMN. `authorities` and `policy` are
// required, the rest has the defaults above.
Result<Domain> parse_domain(std::string_view text, std::string_view name, std::string_view file);

// encode_domain is the canonical form (version 0); decode_domain reads exactly that.
ByteVec encode_domain(const Domain& domain);
Result<Domain> decode_domain(Bytes bytes);
// domain_digest is SHA-256 of encode_domain.
Digest32 domain_digest(const Domain& domain);

// effective_limits takes a permit's limit where it gives one and the domain's where it does not.
permit::Limits effective_limits(const permit::Limits& permit, const Domain& domain);

// check_name succeeds for names of domains, authorities and bundles: [a-z0-9][a-z0-9._-]{0,63}.
Result<void> check_name(std::string_view name);

// parse_ceiling reads trust/NAME.toml: `ceiling = "anything"`, or the parts of a grant under
// [ceiling] with absolute paths (docs/formats/domain.md).
Result<permit::Ceiling> parse_ceiling(std::string_view text, std::string_view file);

}  // namespace writ::domain
