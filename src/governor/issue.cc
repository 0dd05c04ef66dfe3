#include "governor/issue.h"

#include <fcntl.h>

#include "base/clock.h"
#include "base/durable.h"
#include "governor/denial.h"

namespace writ::governor {

Result<std::variant<Issued, Denial>> issue(const permit::Request& request, const Places& places,
                                           const IssueSettings& settings,
                                           const permit::Authority& authority,
                                           const crypto::PrivateKey& key, Random& random) {
  using Answer = std::variant<Issued, Denial>;
  Resolved resolved = TRY(resolve(request, places));
  if (Denial* no = std::get_if<Denial>(&resolved)) return Answer(std::move(*no));
  permit::Grant& grant = std::get<permit::Grant>(resolved);
  if (std::optional<Denial> no = permit::above(grant, authority.ceiling)) return Answer(*no);
  if (Result<std::shared_ptr<const policy::PolicySet>> when =
          proof::parse_when(request.when, settings.in_force);
      !when) {
    return Error(std::move(when).error()).context(request.file);
  }
  permit::Claims claims;
  claims.issuer = authority.name;
  claims.subject = request.subject;
  claims.audience = request.audience;
  claims.issued = seconds_of(settings.now);
  claims.expires =
      UnixSeconds(claims.issued.get() + static_cast<std::int64_t>((request.ttl_ms + 999) / 1000));
  claims.token_id.resize(16);
  random.fill(claims.token_id);
  claims.holder = settings.holder;
  claims.grant = std::move(grant);
  if (request.this_host) claims.host = settings.ledger;
  if (request.host) claims.host = request.host;
  if (request.pin_policy) claims.policy = settings.policy;
  claims.uses = request.uses;
  claims.when = request.when;
  ByteVec file = TRY(permit::issue(claims, key));
  permit::Read read = permit::read_permit(file);
  if (const Denial* no = std::get_if<Denial>(&read)) {
    return Error(Code::Internal, "an issued permit does not read back: " + no->because);
  }
  return Answer(Issued{std::move(file), std::move(std::get<permit::Permit>(read))});
}

Result<std::string> store_permit(const Home& home, const permit::Permit& permit) {
  Storage& storage = system_storage();
  const UniqueFd directory = TRY(storage.open_dir(FdRef::cwd(), home.permits()));
  const std::string name = to_hex(permit.id) + ".permit";
  TRY(write_file_durably(storage, directory.borrow(), name, permit.file));
  return home.permits() + "/" + name;
}

}  // namespace writ::governor
