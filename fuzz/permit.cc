// Permits and what stands inside them: files, claims, grants, patterns, proofs of possession.
// Whatever is accepted has one encoding and can be shown, compared with a ceiling and matched.
#include "permit/permit.h"

#include <cstddef>
#include <cstdint>

#include "cose/key.h"
#include "permit/match.h"

namespace writ::permit {
namespace {

// The key that signed the seeds: 32 zero bytes.
const crypto::PrivateKey& seed_key() {
  static const crypto::PrivateKey key =
      crypto::PrivateKey::create(crypto::Algorithm::EdDSA, SecretBytes(32)).value();
  return key;
}

void use_grant(const Grant& grant) {
  WRIT_ASSERT(check_grant(grant).has_value());
  const ByteVec bytes = encode_grant(grant).value();
  WRIT_ASSERT(decode_grant(bytes).value() == grant);
  for (const std::string& line : print(grant)) WRIT_ASSERT(is_utf8(line));
  WRIT_ASSERT(is_utf8(summary(grant)));
  WRIT_ASSERT(!above(grant, {true, {}}).has_value());
  WRIT_ASSERT(
      above(grant, {false, {}}).has_value() || grant == Grant{} ||
      (grant.exec.empty() && grant.load.empty() && grant.read.empty() && grant.write.empty()));
  ExecFacts facts;
  facts.program = "/usr/bin/make";
  facts.argv = {"make", "test"};
  facts.directory = "/srv";
  if (!grant.exec.empty()) {
    facts.program = grant.exec[0].program.path;
    facts.digest = grant.exec[0].program.digest.value_or(Digest32());
    facts.argv[0] = grant.exec[0].name;
  }
  const ExecMatch match = match_exec(grant, facts);
  if (const Denial* no = std::get_if<Denial>(&match)) {
    WRIT_ASSERT(is_utf8(no->asked) && is_utf8(no->because) && is_utf8(no->allow));
  } else {
    WRIT_ASSERT(std::get_if<ExecAllowed>(&match)->rule < grant.exec.size());
  }
}

void use_permit(const Permit& permit) {
  WRIT_ASSERT(encode_claims(permit.claims).has_value());
  for (const std::string& line : print(permit)) WRIT_ASSERT(is_utf8(line));
  const Revoked revoked;
  const Authority authorities[] = {{"seed", seed_key().public_key(), {true, {}}}};
  VerifyContext context;
  context.now = permit.claims.issued;
  context.domain = permit.claims.audience[0];
  context.authorities = authorities;
  context.revoked = &revoked;
  context.uses_taken = [](const PermitId&) -> Result<std::uint64_t> { return 0; };
  if (permit.claims.host) context.ledger = *permit.claims.host;
  if (permit.claims.policy) context.policy = *permit.claims.policy;
  const std::optional<Denial> no = check(permit, context).value();
  if (permit.signer != cose::key_id(seed_key().public_key())) {
    WRIT_ASSERT(no.has_value());
    return;
  }
  // Only what this key really signed gets this far without a denial.
  if (!no) WRIT_ASSERT(equal(issue(permit.claims, seed_key()).value(), permit.file));
}

}  // namespace
}  // namespace writ::permit

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  using namespace writ::permit;
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);

  const Read read = read_permit(input);
  if (const Permit* permit = std::get_if<Permit>(&read)) use_permit(*permit);
  if (const auto grant = decode_grant(input)) {
    WRIT_ASSERT(equal(encode_grant(*grant).value(), input));
    use_grant(*grant);
  }
  if (const auto claims = decode_claims(input)) {
    WRIT_ASSERT(equal(encode_claims(*claims).value(), input));
    use_grant(claims->grant);
  }
  if (const auto intent = read_possession(input, seed_key().public_key())) {
    WRIT_ASSERT(equal(prove_possession(*intent, seed_key()).value(), input));
  }
  if (const auto pattern = Pattern::parse(as_text(input))) {
    WRIT_ASSERT(Pattern::parse(pattern->text()).has_value());
    (void)pattern->matches("-j16", {"/srv"});
    (void)pattern->matches("/srv/data/../x.csv", {"/srv"});
    InclusionBudget budget{20'000};
    WRIT_ASSERT(included(*pattern, *pattern, budget));
  }
  return 0;
}
