// Permits and what stands inside them: files, claims, grants, patterns, proofs of possession.
// Whatever is accepted has one encoding and can be shown, compared with a ceiling and matched.
#include "permit/permit.h"

#include <cstddef>
#include <cstdint>

#include "base/random.h"
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

// The key that holds the seeds.
const crypto::PrivateKey& holder_key() {
  static SeededRandom random(2);
  static const crypto::PrivateKey key = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  return key;
}

// use_possession: a proof for exactly this command verifies, for any other it does not.
void use_possession(const Permit& permit, const VerifyContext& context) {
  if (permit.claims.holder != holder_key().public_key()) return;
  const std::vector<std::string> argv{"make", "test"};
  Intent intent;
  intent.permit = permit.id;
  intent.ledger = context.ledger;
  intent.domain = context.domain;
  intent.time = context.now;
  WRIT_ASSERT(!prove_possession(intent, holder_key()).has_value());  // no nonce
  intent.nonce = ByteVec(16);
  intent.argv = digest_texts(argv);
  intent.environment = digest_texts({});
  intent.directory = digest_text("/srv");
  const ByteVec proof = prove_possession(intent, holder_key()).value();
  const auto passes = [&](const Evidence& evidence) {
    const Verified verified = verify(permit.file, context, evidence).value();
    return std::holds_alternative<VerifiedPermit>(verified);
  };
  const Evidence good{proof, argv, {}, "/srv", intent.nonce};
  WRIT_ASSERT(passes(good));
  WRIT_ASSERT(!passes({proof, {}, {}, "/srv", intent.nonce}));
  WRIT_ASSERT(!passes({proof, argv, argv, "/srv", intent.nonce}));
  WRIT_ASSERT(!passes({proof, argv, {}, "/", intent.nonce}));
  WRIT_ASSERT(!passes({proof, argv, {}, "/srv", ByteVec(17)}));
  const ByteVec other = prove_possession(intent, seed_key()).value();
  WRIT_ASSERT(!passes({other, argv, {}, "/srv", intent.nonce}));
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
  if (no) return;
  // Only what this key really signed gets this far; it is one encoding, and every other domain,
  // time, host, policy and list of revocations refuses it.
  WRIT_ASSERT(equal(issue(permit.claims, seed_key()).value(), permit.file));
  const auto refused = [&](auto&& change, Reason reason) {
    VerifyContext other = context;
    change(other);
    const std::optional<Denial> denial = check(permit, other).value();
    WRIT_ASSERT(denial.has_value() && denial->reason == reason);
  };
  const Revoked this_permit{{permit.id}, {}};
  const Revoked this_key{{}, {permit.signer}};
  refused([](VerifyContext& c) { c.domain += "\n"; }, Reason::WrongAudience);
  refused([](VerifyContext& c) { c.now = UnixSeconds(-1); }, Reason::NotYetValid);
  refused([](VerifyContext& c) { c.now = UnixSeconds(kMaxTime); }, Reason::Expired);
  refused([](VerifyContext& c) { c.authorities = {}; }, Reason::UnknownKey);
  refused([&](VerifyContext& c) { c.revoked = &this_permit; }, Reason::Revoked);
  refused([&](VerifyContext& c) { c.revoked = &this_key; }, Reason::Revoked);
  if (permit.claims.host) refused([](VerifyContext& c) { c.ledger = {}; }, Reason::WrongHost);
  if (permit.claims.policy) {
    refused([](VerifyContext& c) { c.policy = {}; }, Reason::PolicyPinMismatch);
  }
  if (permit.claims.uses) {
    const auto all = [](const PermitId&) -> Result<std::uint64_t> { return UINT64_MAX; };
    refused([&](VerifyContext& c) { c.uses_taken = all; }, Reason::UsesExhausted);
  }
  const Verified verified = verify(permit.file, context, {}).value();
  WRIT_ASSERT(std::holds_alternative<VerifiedPermit>(verified) == !permit.claims.holder);
  use_possession(permit, context);
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
    for (const char* text : {"{glob:*}", "-j{int:0..99}", "{under:/srv}", "{one:a|b}", "{rest}"}) {
      const Pattern other = Pattern::parse(text).value();
      const bool within = included(*pattern, other, budget);
      // What is within fits wherever the narrower one fits.
      for (const char* word : {"a", "-j16", "/srv/x", "-5x{}", ""}) {
        const PatternContext at{"/srv"};
        WRIT_ASSERT(!within || !pattern->matches(word, at) || other.matches(word, at));
      }
      (void)included(other, *pattern, budget);
    }
    if (const auto anchored = pattern->anchored("/srv")) {
      WRIT_ASSERT(anchored->is_anchored());
      WRIT_ASSERT(Pattern::exact(anchored->text()).value().matches(anchored->text(), {"/"}));
    }
  }
  // Each line a pattern.
  std::vector<std::string> lines{""};
  for (const char c : as_text(input)) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  if (const auto list = parse_patterns(lines)) {
    InclusionBudget budget{20'000};
    WRIT_ASSERT(
        included(*list, parse_patterns(std::vector<std::string>{"{rest}"}).value(), budget));
    (void)included(*list, std::vector<Pattern>{(*list)[0]}, budget);
    (void)match_all(*list, std::vector<std::string>{"-j16", "test"}, {"/srv"});
  }
  return 0;
}
