#include "permit/permit.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <ctime>

#include "cose/key.h"
#include "crypto/sha.h"
#include "governor/issue.h"
#include "governor/keystore.h"
#include "governor/registry.h"
#include "ledger/store/reader.h"
#include "writ/passphrase.h"
#include "writ/permit_file.h"
#include "writ/print.h"
#include "writ/verbs.h"

namespace writ::cli {
namespace {

Result<std::string> absolute(const std::string& path) {
  std::array<char, PATH_MAX> resolved{};
  if (::realpath(path.c_str(), resolved.data()) == nullptr) {
    return errno_error(errno, printable(path));
  }
  return std::string(resolved.data());
}

// Whoever can take the ledger's lock sees its state; a ledger that is away says so.
Result<LedgerId> ledger_id(Machine& machine) {
  auto reader = TRY(ledger::LedgerReader::open(machine.storage, machine.home.state));
  const ByteVec genesis = TRY(reader->entry(LeafIndex(0)));
  return LedgerId(crypto::sha256(genesis).get());
}

std::string clock_time(UnixSeconds time) {
  const std::time_t seconds = time.get();
  std::tm parts = {};
  std::array<char, 64> text{};
  (void)::localtime_r(&seconds, &parts);
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &parts);
  return std::string(text.data(), size);
}

json::Value as_json(const permit::Permit& permit) {
  json::Value value = new_answer();
  value.set("id", to_hex(permit.id)).set("signer", to_hex(permit.signer));
  value.set("issuer", permit.claims.issuer).set("subject", permit.claims.subject);
  json::Value audience = json::Value::array();
  for (const std::string& name : permit.claims.audience) audience.push(name);
  value.set("audience", std::move(audience));
  value.set("issued", permit.claims.issued.get()).set("expires", permit.claims.expires.get());
  value.set("bearer", !permit.claims.holder.has_value());
  value.set("summary", permit::summary(permit.claims.grant));
  json::Value lines = json::Value::array();
  for (const std::string& line : permit::print(permit)) lines.push(line);
  value.set("lines", std::move(lines));
  return value;
}

Result<permit::Read> read(const Options& options, const Machine& machine) {
  const ByteVec file = TRY(find_permit(machine.home, options.target));
  permit::Read read = permit::read_permit(file);
  if (Denial* no = std::get_if<Denial>(&read)) no->asked = "read " + printable(options.target);
  return read;
}

}  // namespace

Result<int> permit_issue(const Options& options, Machine& machine) {
  const std::string file = options.target;
  governor::Reserved reserved = TRY(governor::Reserved::find(machine.home, machine.account));
  const std::string resolved = TRY(absolute(file));
  governor::Places places{resolved.substr(0, std::max<std::size_t>(resolved.rfind('/'), 1)),
                          machine.account.directory, machine.home, std::move(reserved)};
  const permit::Request request = TRY(governor::read_request(file, places));
  governor::AskPassphrase ask = [&](std::string_view name) -> Result<SecretBytes> {
    if (!options.passphrase_file.empty()) return read_passphrase(options.passphrase_file);
    return ask_passphrase("passphrase for the " + std::string(name) + " key: ");
  };
  const crypto::PrivateKey key =
      TRY(governor::load_key(machine.home, governor::kAuthorityKey, ask));
  governor::MaybeStanding standing = TRY(governor::load_standing(machine.home, options.domain));
  if (const Denial* no = std::get_if<Denial>(&standing)) return refused(*no, options.json);
  const governor::Standing& stands = std::get<governor::Standing>(standing);
  const permit::Authority* authority = nullptr;
  for (const permit::Authority& one : stands.authorities) {
    if (one.key == key.public_key()) authority = &one;
  }
  if (authority == nullptr) {
    return Error(Code::NotFound, "the domain `" + printable(options.domain) +
                                     "` does not trust the authority key of this installation");
  }
  governor::IssueSettings settings;
  settings.now = machine.clock.now();
  settings.policy = stands.bundle;
  const std::vector<std::string>& audience = request.audience;
  if (std::find(audience.begin(), audience.end(), options.domain) != audience.end()) {
    settings.in_force = stands.policy.get();
  }
  settings.ledger = TRY(ledger_id(machine));
  if (!options.bearer) {
    settings.holder = TRY(governor::load_key(machine.home, governor::kRunnerKey)).public_key();
  }
  std::variant<governor::Issued, Denial> answered =
      TRY(governor::issue(request, places, settings, *authority, key, machine.random));
  if (const Denial* no = std::get_if<Denial>(&answered)) return refused(*no, options.json);
  const governor::Issued& issued = std::get<governor::Issued>(answered);

  std::string copy = options.output;
  if (copy.empty()) {
    copy = file;
    if (copy.ends_with(".toml")) copy.resize(copy.size() - 5);
    copy += ".permit";
  }
  const std::size_t slash = copy.rfind('/');
  const UniqueFd directory = TRY(machine.storage.open_dir(
      FdRef::cwd(),
      slash == std::string::npos ? "." : copy.substr(0, std::max<std::size_t>(slash, 1))));
  TRY(write_file_durably(machine.storage, directory.borrow(),
                         slash == std::string::npos ? copy : copy.substr(slash + 1), issued.file));
  if (!options.no_store) (void)TRY(governor::store_permit(machine.home, issued.permit));
  if (options.json) {
    json::Value value = as_json(issued.permit);
    value.set("file", copy).set("stored", !options.no_store);
    put_answer(value);
    return kYes;
  }
  if (options.quiet) return kYes;
  const permit::Claims& claims = issued.permit.claims;
  answer(fmt::format("{}…  from {}, for {}, until {}, {}", short_hex(issued.permit.id),
                     printable(claims.issuer), printable(claims.subject),
                     clock_time(claims.expires), permit::summary(claims.grant)));
  answer(options.no_store ? "           " + copy : "           stored; a copy: " + copy);
  return kYes;
}

Result<int> permit_show(const Options& options, Machine& machine) {
  const permit::Read answered = TRY(read(options, machine));
  if (const Denial* no = std::get_if<Denial>(&answered)) return refused(*no, options.json);
  const permit::Permit& permit = std::get<permit::Permit>(answered);
  if (options.json) {
    put_answer(as_json(permit));
    return kYes;
  }
  for (const std::string& line : permit::print(permit)) answer(line);
  return kYes;
}

Result<int> permit_verify(const Options& options, Machine& machine) {
  const permit::Read answered = TRY(read(options, machine));
  if (const Denial* no = std::get_if<Denial>(&answered)) return refused(*no, options.json);
  const permit::Permit& permit = std::get<permit::Permit>(answered);
  governor::MaybeStanding standing = TRY(governor::load_standing(machine.home, options.domain));
  if (const Denial* no = std::get_if<Denial>(&standing)) return refused(*no, options.json);
  const governor::Standing& stands = std::get<governor::Standing>(standing);
  auto store = TRY(ledger::Store::open(machine.storage, machine.home.state, machine.clock, {}));
  permit::Revoked revoked;
  std::uint64_t uses = 0;
  const Result<void> looked = store->with_lock([&](ledger::LockedState& state) -> Result<void> {
    const governor::Revocations list = TRY(governor::read_revocations(state));
    revoked = {list.permits, list.keys};
    uses = TRY(governor::uses_taken(state, permit.id));
    return {};
  });
  if (!looked) return Error(looked.error());
  permit::VerifyContext context;
  context.now = seconds_of(machine.clock.now());
  context.domain = options.domain;
  context.ledger = store->ledger_id();
  context.authorities = stands.authorities;
  context.policy = stands.bundle;
  context.revoked = &revoked;
  context.uses_taken = [&](const PermitId&) -> Result<std::uint64_t> { return uses; };
  const std::optional<Denial> no = TRY(permit::check(permit, context));
  if (no) return refused(*no, options.json);
  if (options.json) {
    json::Value value = as_json(permit);
    value.set("verified", true);
    put_answer(value);
  } else if (!options.quiet) {
    answer(fmt::format("{}…  verifies for domain {}: issued by {}, trusted here, until {}",
                       short_hex(permit.id), printable(options.domain),
                       printable(permit.claims.issuer), clock_time(permit.claims.expires)));
  }
  return kYes;
}

}  // namespace writ::cli
