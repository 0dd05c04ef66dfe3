#include "permit/permit.h"

#include <gtest/gtest.h>

#include "cbor/writer.h"
#include "cose/sign1.h"
#include "permit/test_permit.h"

namespace writ::permit {
namespace {

using namespace testing;

ByteVec chain(std::vector<ByteVec> messages) {
  cbor::Writer w;
  w.array([&] {
    for (const ByteVec& message : messages) w.item(message);
  });
  return std::move(w).finish().value();
}

ByteVec message_of(Bytes file) {
  return to_vec(file.subspan(1));
}  // behind the array's head

// sign makes a file whose payload is `payload`, whatever that is.
ByteVec sign(World& world, Bytes payload, std::string_view typ = "application/writ-permit+cwt") {
  return chain({cose::sign1(world.authority, typ, payload).value()});
}

TEST(Permit, AnIssuedPermitVerifies) {
  World world;
  const Verified verified = world.verified(world.claims());
  const VerifiedPermit& permit = std::get<VerifiedPermit>(verified);
  EXPECT_EQ(permit.claims(), world.claims());
  EXPECT_EQ(permit.authority(), "you");
  EXPECT_FALSE(permit.bearer());
  EXPECT_EQ(permit.intent()->argv, digest_texts(world.argv));
}

TEST(Permit, AnEs256AuthorityAndHolderWork) {
  World world;
  world.authority = test_key(3, crypto::Algorithm::ES256);
  world.holder = test_key(4, crypto::Algorithm::ES256);
  world.authorities[0].key = world.authority.public_key();
  EXPECT_EQ(code(world.verified(world.claims())), "ok");
}

TEST(Permit, TheIdIsThatOfTheStructureAndNotOfTheSignature) {
  World world;
  world.authority = test_key(3, crypto::Algorithm::ES256);
  const ByteVec a = issue(world.claims(), world.authority).value();
  const ByteVec b = issue(world.claims(), world.authority).value();
  EXPECT_NE(a, b);  // ES256 draws a nonce
  EXPECT_EQ(std::get<Permit>(read_permit(a)).id, std::get<Permit>(read_permit(b)).id);
}

TEST(Permit, FlippingAnySingleBitMakesVerificationFail) {
  World world;
  const ByteVec good = issue(world.claims(), world.authority).value();
  const ByteVec proof = prove_possession(world.intent(good), world.holder).value();
  ASSERT_EQ(code(verify(good, world.context(), world.evidence(proof)).value()), "ok");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    ByteVec bad = good;
    bad[bit / 8] ^= std::byte{1} << (bit % 8);
    // With the old proof, and without any: neither the signature nor possession hides the other.
    EXPECT_NE(code(verify(bad, world.context(), world.evidence(proof)).value()), "ok") << bit;
    const Read read = read_permit(bad);
    if (const Permit* permit = std::get_if<Permit>(&read)) {
      EXPECT_TRUE(check(*permit, world.context()).value().has_value()) << bit;
    }
  }
}

TEST(Permit, FlippingAnySingleBitOfAProofMakesPossessionFail) {
  World world;
  const ByteVec file = issue(world.claims(), world.authority).value();
  const ByteVec good = prove_possession(world.intent(file), world.holder).value();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    ByteVec bad = good;
    bad[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_EQ(code(verify(file, world.context(), world.evidence(bad)).value()), "no_possession");
  }
}

TEST(Permit, EveryTruncationIsMalformed) {
  World world;
  const ByteVec good = issue(world.claims(), world.authority).value();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(code(world.verified(Bytes(good).first(size))), "malformed") << size;
  }
  ByteVec longer = good;
  longer.push_back(std::byte{0});
  EXPECT_EQ(code(world.verified(longer)), "malformed");
}

TEST(Permit, WhatIsNoPermitIsMalformed) {
  World world;
  const std::string text = "not a permit";
  EXPECT_EQ(code(world.verified(as_bytes(text))), "malformed");
  EXPECT_EQ(code(world.verified(chain({}))), "malformed");
  EXPECT_EQ(code(world.verified(sign(world, as_bytes(text)))), "malformed");
  const ByteVec payload = encode_claims(world.claims()).value();
  EXPECT_EQ(code(world.verified(sign(world, payload, "application/other"))), "malformed");
  EXPECT_EQ(code(world.verified(sign(world, payload))), "ok");
  Claims child = world.claims();
  child.parent = PermitId(filled(1));
  EXPECT_EQ(code(world.verified(sign(world, encode_claims(child).value()))), "malformed");
}

TEST(Permit, MoreThanOneMebibyteIsRefusedUnread) {
  World world;
  const ByteVec large(kMaxPermitFile + 1, std::byte{0x80});
  const Read read = read_permit(large);
  EXPECT_NE(std::get<Denial>(read).because.find("1048577 bytes"), std::string::npos);
}

TEST(Permit, AnotherEncodingOfTheSameThingIsNotDeterministic) {
  World world;
  const ByteVec good = issue(world.claims(), world.authority).value();
  ByteVec long_head{std::byte{0x98}, std::byte{1}};  // array(1) with a one-byte count
  append(long_head, message_of(good));
  EXPECT_EQ(code(world.verified(long_head)), "not_deterministic");
  ByteVec endless{std::byte{0x9f}};
  append(endless, message_of(good));
  endless.push_back(std::byte{0xff});
  EXPECT_EQ(code(world.verified(endless)), "not_deterministic");
  // The same inside the signed payload: version 0 as 18 00.
  ByteVec payload = encode_claims(world.claims()).value();
  const std::string_view name = "version";
  const auto at =
      std::search(payload.begin(), payload.end(), as_bytes(name).begin(), as_bytes(name).end()) +
      static_cast<std::ptrdiff_t>(name.size());
  ASSERT_EQ(*at, std::byte{0});
  payload.insert(at, std::byte{0x18});
  EXPECT_EQ(code(world.verified(sign(world, payload))), "not_deterministic");
}

TEST(Permit, AnUnknownVersionIsDeniedByName) {
  World world;
  ByteVec payload = encode_claims(world.claims()).value();
  const std::string_view name = "version";
  const auto at =
      std::search(payload.begin(), payload.end(), as_bytes(name).begin(), as_bytes(name).end()) +
      static_cast<std::ptrdiff_t>(name.size());
  *at = std::byte{5};
  const Verified verified = world.verified(sign(world, payload));
  EXPECT_EQ(code(verified), "malformed");
  EXPECT_NE(std::get<Denial>(verified).because.find("version 5"), std::string::npos);
}

TEST(Permit, AKeyThatNoAuthorityHasIsUnknown) {
  World world;
  const ByteVec file = issue(world.claims(), test_key(99)).value();
  EXPECT_EQ(code(world.verified(file)), "unknown_key");
  world.authorities.clear();
  EXPECT_EQ(code(world.verified(world.claims())), "unknown_key");
}

TEST(Permit, AnAlteredClaimIsABadSignature) {
  World world;
  ByteVec file = issue(world.claims(), world.authority).value();
  const std::string_view old = "agent/coder";
  const auto at = std::search(file.begin(), file.end(), as_bytes(old).begin(), as_bytes(old).end());
  ASSERT_NE(at, file.end());
  *at = std::byte{'A'};
  EXPECT_EQ(code(world.verified(file)), "bad_signature");
}

TEST(Permit, ExpiredOneSecondAgoIsRefused) {
  World world;
  world.now = UnixSeconds(1'800'007'199);
  EXPECT_EQ(code(world.verified(world.claims())), "ok");
  world.now = UnixSeconds(1'800'007'200);
  EXPECT_EQ(code(world.verified(world.claims())), "expired");
}

TEST(Permit, BeforeItsTimeItIsNotYetValid) {
  World world;
  world.now = UnixSeconds(1'799'999'999);
  EXPECT_EQ(code(world.verified(world.claims())), "not_yet_valid");
  world.now = UnixSeconds(1'800'000'000);
  EXPECT_EQ(code(world.verified(world.claims())), "ok");
  Claims later = world.claims();
  later.not_before = UnixSeconds(1'800'000'001);
  EXPECT_EQ(code(world.verified(later)), "not_yet_valid");
}

TEST(Permit, AnotherDomainIsTheWrongAudience) {
  World world;
  Claims claims = world.claims();
  claims.audience = {"infra", "web"};
  EXPECT_EQ(code(world.verified(claims)), "wrong_audience");
  claims.audience = {"infra", "default"};
  EXPECT_EQ(code(world.verified(claims)), "ok");
}

TEST(Permit, AnotherHostIsTheWrongHost) {
  World world;
  Claims claims = world.claims();
  claims.host = LedgerId(filled(0x12));
  EXPECT_EQ(code(world.verified(claims)), "wrong_host");
  claims.host = LedgerId(filled(0x11));
  EXPECT_EQ(code(world.verified(claims)), "ok");
}

TEST(Permit, ARevokedPermitIssuerOrHolderIsRefused) {
  World world;
  const ByteVec file = issue(world.claims(), world.authority).value();
  world.revoked.permits = {std::get<Permit>(read_permit(file)).id};
  EXPECT_EQ(code(world.verified(file)), "revoked");
  world.revoked = {{}, {cose::key_id(world.authority.public_key())}};
  EXPECT_EQ(code(world.verified(file)), "revoked");
  world.revoked = {{}, {cose::key_id(world.holder.public_key())}};
  EXPECT_EQ(code(world.verified(file)), "revoked");
  world.revoked = {{PermitId(filled(1))}, {KeyId(filled(2))}};
  EXPECT_EQ(code(world.verified(file)), "ok");
}

TEST(Permit, UsesAreExhaustedByTheLastOne) {
  World world;
  Claims claims = world.claims();
  claims.uses = 2;
  const ByteVec file = issue(claims, world.authority).value();
  const PermitId id = std::get<Permit>(read_permit(file)).id;
  world.taken[id] = 1;
  EXPECT_EQ(code(world.verified(file)), "ok");
  world.taken[id] = 2;
  EXPECT_EQ(code(world.verified(file)), "uses_exhausted");
}

TEST(Permit, UsesThatNobodyCountsAreAnErrorNotAnAllow) {
  World world;
  Claims claims = world.claims();
  claims.uses = 2;
  const ByteVec file = issue(claims, world.authority).value();
  VerifyContext context = world.context();
  context.uses_taken = nullptr;
  EXPECT_FALSE(verify(file, context, world.evidence({})).has_value());
  context.uses_taken = [](const PermitId&) -> Result<std::uint64_t> {
    return Error(Code::Unavailable, "the file is gone");
  };
  EXPECT_FALSE(verify(file, context, world.evidence({})).has_value());
}

TEST(Permit, AnIssuerThatHoldsItsOwnPermitIsRefused) {
  World world;
  Claims claims = world.claims();
  claims.holder = world.authority.public_key();
  EXPECT_FALSE(issue(claims, world.authority).has_value());
  EXPECT_EQ(code(world.verified(sign(world, encode_claims(claims).value()))), "self_issued");
}

TEST(Permit, WithoutTheHoldersProofThereIsNoPossession) {
  World world;
  const ByteVec file = issue(world.claims(), world.authority).value();
  const auto with = [&](const Intent& intent, const crypto::PrivateKey& key) {
    const ByteVec proof = prove_possession(intent, key).value();
    return code(verify(file, world.context(), world.evidence(proof)).value());
  };
  const Intent good = world.intent(file);
  EXPECT_EQ(with(good, world.holder), "ok");
  EXPECT_EQ(code(verify(file, world.context(), world.evidence({})).value()), "no_possession");
  EXPECT_EQ(with(good, test_key(99)), "no_possession");
  EXPECT_EQ(with(good, world.authority), "no_possession");
  const auto changed = [&](auto&& change) {
    Intent intent = good;
    change(intent);
    return with(intent, world.holder);
  };
  EXPECT_EQ(changed([](Intent& i) { i.permit = PermitId(filled(1)); }), "no_possession");
  EXPECT_EQ(changed([](Intent& i) { i.ledger = LedgerId(filled(1)); }), "no_possession");
  EXPECT_EQ(changed([](Intent& i) { i.domain = "infra"; }), "no_possession");
  EXPECT_EQ(changed([](Intent& i) { i.time = UnixSeconds(i.time.get() + 61); }), "no_possession");
  EXPECT_EQ(changed([](Intent& i) { i.time = UnixSeconds(i.time.get() - 61); }), "no_possession");
  EXPECT_EQ(changed([](Intent& i) { i.time = UnixSeconds(INT64_MIN); }), "no_possession");
  EXPECT_EQ(changed([](Intent& i) { i.time = UnixSeconds(i.time.get() - 60); }), "ok");
  EXPECT_EQ(changed([](Intent& i) { i.nonce[0] = std::byte{1}; }), "no_possession");
  EXPECT_EQ(changed([](Intent& i) { i.argv = digest(1); }), "no_possession");
  EXPECT_EQ(changed([](Intent& i) { i.environment = digest(1); }), "no_possession");
  EXPECT_EQ(changed([](Intent& i) { i.directory = digest(1); }), "no_possession");
}

TEST(Permit, APermitIsNotAProofNorAProofAPermit) {
  World world;
  const ByteVec file = issue(world.claims(), world.authority).value();
  EXPECT_EQ(code(verify(file, world.context(), world.evidence(message_of(file))).value()),
            "no_possession");
  const ByteVec proof = prove_possession(world.intent(file), world.authority).value();
  EXPECT_EQ(code(world.verified(chain({proof}))), "malformed");
}

TEST(Permit, AnotherKindOfMessageByTheHolderIsNoProof) {
  World world;
  const ByteVec file = issue(world.claims(), world.authority).value();
  const ByteVec proof = prove_possession(world.intent(file), world.holder).value();
  const cose::Sign1 message = cose::Sign1::parse(proof, cose::Profile::Writ).value();
  const auto as = [&](std::string_view typ) {
    const ByteVec other = cose::sign1(world.holder, typ, message.unverified_payload()).value();
    return code(verify(file, world.context(), world.evidence(other)).value());
  };
  EXPECT_EQ(as("application/writ-possession+cose"), "ok");
  EXPECT_EQ(as("application/writ-approval+cose"), "no_possession");
}

TEST(Permit, ABearerPermitNeedsNoProofAndSaysSo) {
  World world;
  Claims claims = world.claims();
  claims.holder.reset();
  const ByteVec file = issue(claims, world.authority).value();
  const Verified verified = verify(file, world.context(), world.evidence({})).value();
  EXPECT_TRUE(std::get<VerifiedPermit>(verified).bearer());
}

TEST(Permit, AGrantAboveTheAuthoritysCeilingIsRefused) {
  World world;
  world.authorities[0].ceiling = {false, world.claims().grant};
  EXPECT_EQ(code(world.verified(world.claims())), "ok");
  Claims wider = world.claims();
  wider.grant.exec[0].args = patterns({"{rest}"});
  const Verified verified = world.verified(wider);
  EXPECT_EQ(code(verified), "above_ceiling");
  EXPECT_NE(std::get<Denial>(verified).asked.find("/usr/bin/make"), std::string::npos);
}

TEST(Permit, APinToAnotherPolicyIsRefused) {
  World world;
  Claims claims = world.claims();
  claims.policy = BundleDigest(filled(0x23));
  EXPECT_EQ(code(world.verified(claims)), "policy_pin_mismatch");
  claims.policy = BundleDigest(filled(0x22));
  EXPECT_EQ(code(world.verified(claims)), "ok");
}

TEST(Permit, AChainIsDeniedBecauseDelegationIsNotEnforcedYet) {
  World world;
  const ByteVec message = message_of(issue(world.claims(), world.authority).value());
  EXPECT_EQ(code(world.verified(chain({message, message}))), "mechanism_unavailable");
}

TEST(Permit, AnyProgramIsOnlyForCeilings) {
  World world;
  Claims claims = world.claims();
  ExecRule any;
  any.kind = ExecKind::Any;
  any.name = "/";
  any.program = {"/", {}, true, {}};
  claims.grant.exec.push_back(any);
  EXPECT_EQ(code(world.verified(claims)), "mechanism_unavailable");
}

TEST(Permit, AChangedCopyOfAReadPermitDoesNotCheck) {
  World world;
  Permit permit = std::get<Permit>(read_permit(issue(world.claims(), world.authority).value()));
  EXPECT_FALSE(check(permit, world.context()).value().has_value());
  const Permit read = permit;
  permit.claims.expires = UnixSeconds(1'900'000'000);
  EXPECT_FALSE(check(permit, world.context()).has_value());
  permit = read;
  permit.file.back() ^= std::byte{1};
  EXPECT_FALSE(check(permit, world.context()).has_value());
  permit = read;
  permit.origin.reset();  // put together by hand
  EXPECT_FALSE(check(permit, world.context()).has_value());
}

TEST(Permit, ClaimsThatMakeNoSenseAreNotIssued) {
  World world;
  const auto refused = [&](auto&& change) {
    Claims claims = world.claims();
    change(claims);
    return !issue(claims, world.authority).has_value();
  };
  EXPECT_TRUE(refused([](Claims& c) { c.issuer = ""; }));
  EXPECT_TRUE(refused([](Claims& c) { c.subject = "a\nb"; }));
  EXPECT_TRUE(refused([](Claims& c) { c.audience = {}; }));
  EXPECT_TRUE(refused([](Claims& c) { c.audience = {"a", "a"}; }));
  EXPECT_TRUE(refused([](Claims& c) { c.expires = c.issued; }));
  EXPECT_TRUE(refused([](Claims& c) { c.not_before = c.expires; }));
  EXPECT_TRUE(refused([](Claims& c) { c.expires = UnixSeconds(kMaxTime + 1); }));
  EXPECT_TRUE(refused([](Claims& c) { c.token_id.pop_back(); }));
  EXPECT_TRUE(refused([](Claims& c) { c.uses = 0; }));
  EXPECT_TRUE(refused([](Claims& c) { c.parent = PermitId(filled(1)); }));
  EXPECT_TRUE(refused([](Claims& c) { c.grant.exec[0].program.path = "make"; }));
  EXPECT_FALSE(refused([](Claims&) {}));
}

TEST(Permit, ArmourReadsBackAndNothingElseIsArmour) {
  World world;
  const ByteVec file = issue(world.claims(), world.authority).value();
  const std::string text = armour(file);
  EXPECT_EQ(unarmour(text).value(), file);
  EXPECT_EQ(code(world.verified(as_bytes(text))), "ok");
  for (const std::string& wrong :
       {text + "\n", text.substr(0, text.size() - 1), "\n" + text,
        std::string(text).insert(40, " "), std::string(text).insert(40, "\n"),
        std::string("-----BEGIN WRIT PERMIT-----\n")}) {
    EXPECT_FALSE(unarmour(wrong).has_value());
    EXPECT_NE(code(world.verified(as_bytes(wrong))), "ok");
  }
}

TEST(Permit, PrintSaysWhoForWhomUntilWhenAndWhat) {
  World world;
  Claims claims = world.claims();
  claims.when = "forbid (principal, action, resource);\n";
  const Permit permit = std::get<Permit>(read_permit(issue(claims, world.authority).value()));
  std::string all;
  for (const std::string& line : print(permit)) all += line + "\n";
  for (const char* part : {"you", "agent/coder", "default", "2027-01-15T10:00:00Z", "/usr/bin/make",
                           "-j{int:1..16} test", "forbid (principal"}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n" << all;
  }
}

}  // namespace
}  // namespace writ::permit
