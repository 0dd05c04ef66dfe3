// A permit, a domain and a command that fit together, for the tests of this folder and above.
#pragma once

#include <map>

#include "base/random.h"
#include "cose/key.h"
#include "permit/permit.h"

namespace writ::permit::testing {

inline Array32 filled(unsigned char byte) {
  Array32 array;
  array.fill(std::byte{byte});
  return array;
}

inline Digest32 digest(unsigned char byte) {
  return Digest32(filled(byte));
}

inline std::vector<Pattern> patterns(std::vector<std::string> texts) {
  return parse_patterns(texts).value();
}

inline ExecRule named(const std::string& path, std::vector<std::string> args = {}) {
  ExecRule rule;
  rule.name = path;
  rule.program = {path, {}, false, digest(0xaa)};
  rule.args = patterns(std::move(args));
  return rule;
}

inline crypto::PrivateKey test_key(std::uint64_t seed,
                                   crypto::Algorithm algorithm = crypto::Algorithm::EdDSA) {
  SeededRandom random(seed);
  return crypto::generate_key(algorithm, random);
}

struct World {
  crypto::PrivateKey authority = test_key(1);
  crypto::PrivateKey holder = test_key(2);
  Revoked revoked;
  std::map<PermitId, std::uint64_t> taken;
  std::vector<Authority> authorities{{"you", authority.public_key(), {true, {}}}};
  std::vector<std::string> argv{"/usr/bin/make", "test"};
  std::vector<std::string> environment{"PATH=/usr/bin"};
  std::string directory = "/srv/job";
  UnixSeconds now{1'800'000'100};

  Claims claims() const {
    Claims claims;
    claims.issuer = "you";
    claims.subject = "agent/coder";
    claims.audience = {"default"};
    claims.issued = UnixSeconds(1'800'000'000);
    claims.expires = UnixSeconds(1'800'007'200);
    claims.token_id = ByteVec(16, std::byte{7});
    claims.holder = holder.public_key();
    claims.grant.exec.push_back(named("/usr/bin/make", {"-j{int:1..16}", "test"}));
    return claims;
  }

  VerifyContext context() {
    VerifyContext context;
    context.now = now;
    context.domain = "default";
    context.ledger = LedgerId(filled(0x11));
    context.authorities = authorities;
    context.policy = BundleDigest(filled(0x22));
    context.revoked = &revoked;
    context.uses_taken = [this](const PermitId& id) -> Result<std::uint64_t> { return taken[id]; };
    return context;
  }

  Intent intent(Bytes file) {
    Intent intent;
    intent.permit = std::get<Permit>(read_permit(file)).id;
    intent.ledger = context().ledger;
    intent.domain = "default";
    intent.time = now;
    intent.nonce = ByteVec(16, std::byte{9});
    intent.argv = digest_texts(argv);
    intent.environment = digest_texts(environment);
    intent.directory = digest_text(directory);
    return intent;
  }

  Evidence evidence(Bytes proof) const {
    Evidence evidence;
    evidence.proof = proof;
    evidence.argv = argv;
    evidence.environment = environment;
    evidence.directory = directory;
    evidence.nonce = ByteVec(16, std::byte{9});
    return evidence;
  }

  // verified runs verify with a good proof by the holder.
  Verified verified(Bytes file) {
    const Read read = read_permit(file);
    ByteVec proof;
    if (std::holds_alternative<Permit>(read)) {
      proof = prove_possession(intent(file), holder).value();
    }
    return verify(file, context(), evidence(proof)).value();
  }

  Verified verified(const Claims& claims) { return verified(issue(claims, authority).value()); }
};

// code is the reason code of a denial, or "ok".
inline std::string code(const Verified& verified) {
  const Denial* no = std::get_if<Denial>(&verified);
  return no == nullptr ? "ok" : std::string(code_of(no->reason));
}

}  // namespace writ::permit::testing
