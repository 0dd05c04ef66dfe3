// Permit verification against the bare signature check it contains. `bench/run` reads the medians
// of BareSignatureCheck and PermitVerification.
#include <benchmark/benchmark.h>

#include "base/random.h"
#include "cose/key.h"
#include "crypto/keys.h"
#include "permit/permit.h"

namespace writ {
namespace {

struct Sample {
  SeededRandom random{1};
  crypto::PrivateKey authority = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  crypto::PrivateKey holder = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  std::vector<permit::Authority> authorities;
  permit::Revoked revoked;
  ByteVec file;

  // A permit as a small build job has one: a dozen programs.
  Sample() {
    permit::Claims claims;
    claims.issuer = "you";
    claims.subject = "agent/coder";
    claims.audience = {"default"};
    claims.issued = UnixSeconds(1'700'000'000);
    claims.expires = UnixSeconds(1'700'007'200);
    claims.token_id = ByteVec(16, std::byte{7});
    claims.holder = holder.public_key();
    for (int i = 0; i < 12; ++i) {
      permit::ExecRule rule;
      rule.name = rule.program.path = "/usr/bin/program-" + std::to_string(i);
      rule.program.digest = Digest32();
      rule.args = {permit::Pattern::parse("{rest}").value()};
      claims.grant.exec.push_back(rule);
    }
    claims.grant.read.push_back({"/srv/job", {}, true, std::nullopt});
    file = permit::issue(claims, authority).value();
    authorities.push_back({"you", authority.public_key(), permit::Ceiling{true, {}}});
  }
  permit::VerifyContext context() const {
    permit::VerifyContext context;
    context.now = UnixSeconds(1'700'000'100);
    context.domain = "default";
    context.authorities = authorities;
    context.revoked = &revoked;
    return context;
  }
};

void bare_signature_check(benchmark::State& state) {
  const Sample sample;
  // As many bytes as the permit's Sig_structure has, to within its few bytes of frame.
  const crypto::Signature signature = crypto::sign(sample.authority, sample.file).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        crypto::check_signature(sample.authority.public_key(), sample.file, signature).has_value());
  }
}
BENCHMARK(bare_signature_check)->Name("BareSignatureCheck");

void permit_verification(benchmark::State& state) {
  const Sample sample;
  for (auto _ : state) {
    const permit::Read read = permit::read_permit(sample.file);
    const auto denial = permit::check(std::get<permit::Permit>(read), sample.context());
    if (!denial || denial->has_value()) state.SkipWithError("the permit does not verify");
  }
}
BENCHMARK(permit_verification)->Name("PermitVerification");

}  // namespace
}  // namespace writ

BENCHMARK_MAIN();
