#include "governor/standing.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>

#include "base/config_text.h"
#include "cose/sign1.h"
#include "governor/keystore.h"

namespace writ::governor {
namespace {

Denial refusal(Reason reason, const std::string& domain, std::string because, std::string allow) {
  Denial no;
  no.reason = reason;
  no.asked = "domain " + printable(domain);
  no.because = std::move(because);
  no.allow = std::move(allow);
  return no;
}

Result<std::string> read_own(const std::string& path, std::size_t limit) {
  TRY(check_private(path, false));
  const ByteVec bytes = TRY(read_file(path, limit));
  return std::string(as_text(bytes));
}

Result<permit::Authority> load_authority(const Home& home, const std::string& name,
                                         proof::AuthorityRecord* record) {
  TRY(check_private(home.trust_key(name), false));
  crypto::PublicKey key = TRY(load_public_key(home.trust_key(name)));
  const std::string path = home.trust_ceiling(name);
  std::string text = TRY(read_own(path, kMaxConfigText));
  permit::Ceiling ceiling = TRY(domain::parse_ceiling(text, path));
  *record = {name, key, std::move(text)};
  return permit::Authority{name, key, std::move(ceiling)};
}

}  // namespace

Result<MaybeStanding> load_standing(const Home& home, const std::string& domain) {
  if (!domain::check_name(domain)) {
    return MaybeStanding(refusal(Reason::UnknownDomain, domain, "that is no domain's name",
                                 "writ domain list shows those that are defined"));
  }
  const std::string path = home.domain_file(domain);
  Result<std::string> text = read_own(path, kMaxConfigText);
  if (!text) {
    return MaybeStanding(refusal(Reason::UnknownDomain, domain,
                                 "its definition cannot be used: " + text.error().message(),
                                 "writ domain list shows those that are defined"));
  }
  Result<domain::Domain> definition = domain::parse_domain(*text, domain, path);
  if (!definition) {
    return MaybeStanding(
        refusal(Reason::UnknownDomain, domain, definition.error().message(), "mend " + path));
  }
  Standing standing;
  standing.domain = std::move(*definition);
  for (const std::string& name : standing.domain.authorities) {
    proof::AuthorityRecord* record = nullptr;
    std::vector<proof::AuthorityRecord> one;
    Result<crypto::PublicKey> key = load_public_key(home.trust_key(name));
    if (key) {
      one.push_back({name, *key, ""});
      record = &one[0];
    }
    Result<permit::Authority> authority =
        key ? load_authority(home, name, record) : Result<permit::Authority>(key.error());
    if (!authority) {
      return MaybeStanding(
          refusal(Reason::KeyUnavailable, domain,
                  "the authority `" + name + "` cannot be used: " + authority.error().message(),
                  "mend or remove it from " + path));
    }
    standing.authorities.push_back(std::move(*authority));
    standing.records.push_back(std::move(one[0]));
  }
  const std::string bundle_path = home.bundle_file(standing.domain.policy);
  const auto invalid = [&](const Error& error) {
    return MaybeStanding(
        refusal(Reason::PolicyInvalid, domain,
                "the policy bundle " + bundle_path + " cannot be used: " + error.message(),
                "writ domain check " + printable(domain) + " names the place"));
  };
  if (Result<void> own = check_private(bundle_path, false); !own) return invalid(own.error());
  Result<ByteVec> file = read_file(bundle_path, domain::kMaxBundleFile);
  if (!file) return invalid(file.error());
  Result<domain::VerifiedBundle> bundle = domain::verify_bundle(*file, standing.authorities);
  if (!bundle) return invalid(bundle.error());
  Result<cose::Sign1> message = cose::Sign1::parse(*file, cose::Profile::Writ);
  if (!message) return invalid(message.error());
  Result<std::shared_ptr<const proof::Policy>> policy = proof::Policy::parse(bundle->bundle());
  if (!policy) return invalid(policy.error());
  standing.bundle_payload = to_vec(message->unverified_payload());
  standing.bundle_file = std::move(*file);
  standing.bundle = bundle->digest();
  standing.generation = bundle->bundle().generation;
  standing.bundle_authority = bundle->authority();
  standing.policy = std::move(*policy);
  return MaybeStanding(std::move(standing));
}

Result<std::vector<std::string>> list_domains(const Home& home) {
  const std::string path = home.config + "/domains";
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
  if (dir == nullptr) return errno_error(errno, path);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(".toml") && domain::check_name(name.substr(0, name.size() - 5))) {
      names.emplace_back(name.substr(0, name.size() - 5));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace writ::governor
