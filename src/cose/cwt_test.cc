#include "cose/cwt.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/random.h"
#include "cbor/value.h"
#include "cose/key.h"
#include "crypto/test_support.h"

namespace writ::cose {
namespace {

using test::unhex;

Claims full() {
  SeededRandom random(9);
  Claims claims;
  claims.iss = "you";
  claims.sub = "build";
  claims.aud = "default";
  claims.exp = UnixSeconds(2'000'000'000);
  claims.nbf = UnixSeconds(-1);
  claims.iat = UnixSeconds(std::numeric_limits<std::int64_t>::max());
  claims.cti = to_vec("id");
  claims.cnf = crypto::generate_key(crypto::Algorithm::EdDSA, random).public_key();
  claims.extra["grant"] = unhex("a16465786563f5");
  claims.extra["\xc3\xa9"] = unhex("00");
  claims.extra[""] = unhex("f6");
  return claims;
}

TEST(Cwt, WhatIsEncodedIsDecoded) {
  for (const Claims& claims : {Claims(), full()}) {
    const ByteVec bytes = encode_claims(claims).value();
    EXPECT_EQ(decode_claims(bytes).value(), claims);
    EXPECT_EQ(encode_claims(decode_claims(bytes).value()).value(), bytes);
  }
  EXPECT_EQ(to_hex(encode_claims(Claims()).value()), "a0");
}

TEST(Cwt, FindsClaimsByName) {
  const Claims claims = decode_claims(encode_claims(full()).value()).value();
  ASSERT_NE(claims.find("grant"), nullptr);
  EXPECT_EQ(to_hex(*claims.find("grant")), "a16465786563f5");
  EXPECT_EQ(claims.find("Grant"), nullptr);
}

// RFC 8747 §3.2: cnf (8) holds a COSE_Key (1).
TEST(Cwt, TheHoldersKeyStandsInCnf) {
  Claims claims;
  claims.cnf = full().cnf;
  EXPECT_EQ(to_hex(encode_claims(claims).value()), "a108a101" + to_hex(encode_key(*claims.cnf)));
}

TEST(Cwt, OnlyTheRightTypesAreClaims) {
  const std::string_view refused[] = {
      "",
      "80",                      // an array
      "d83da0",                  // the CWT tag
      "a10163796f7500",          // bytes after
      "a10100",                  // iss a number
      "a1024161",                // sub bytes
      "a103816161",              // aud an array
      "a104f90000",              // exp a float
      "a104c11a00000001",        // exp a tagged time
      "a1046131",                // exp text
      "a105f6",                  // nbf null
      "a1061bffffffffffffffff",  // iat beyond int64
      "a1076161",                // cti text
      "a108a0",                  // cnf empty
      "a108a1024100",            // cnf a kid only
      "a108a1014100",            // cnf not a map
      "a10900",                  // an unknown label
      "a10000",
      "a12000",          // a negative label
      "a1416100",        // a label of bytes
      "a2016161016162",  // iss twice
      "a2026161016162",  // keys out of order
      "a1180160",        // a label not in its shortest form
      "bf016161ff",      // indefinite length
  };
  for (const std::string_view hex : refused) {
    const auto claims = decode_claims(unhex(hex));
    ASSERT_FALSE(claims) << hex;
    EXPECT_EQ(claims.error().code(), Code::Malformed) << hex << claims.error().message();
  }
  const auto wrong = decode_claims(unhex("a104f90000"));
  EXPECT_NE(wrong.error().message().find("claim 4"), std::string::npos) << wrong.error().message();
}

TEST(Cwt, TheNumberOfNamedClaimsIsBounded) {
  Claims claims;
  for (std::size_t i = 0; i < kMaxExtraClaims; ++i) {
    claims.extra["n" + std::to_string(i)] = unhex("00");
  }
  EXPECT_TRUE(decode_claims(encode_claims(claims).value()));
  claims.extra["one more"] = unhex("00");
  EXPECT_FALSE(encode_claims(claims));
  cbor::Value map = cbor::Value::map();
  for (const auto& [name, item] : claims.extra) map.set(name, cbor::Value::integer(0));
  EXPECT_FALSE(decode_claims(cbor::encode(map).value()));
}

TEST(Cwt, WhatCannotBeReadIsNotWritten) {
  Claims claims;
  claims.iss = "\xff";
  EXPECT_FALSE(encode_claims(claims));
  claims.iss.reset();
  for (const std::string_view item : {"", "1800", "0000", "a10100a1"}) {
    claims.extra["x"] = unhex(item);
    EXPECT_FALSE(encode_claims(claims)) << item;
  }
  claims.extra.clear();
  claims.extra["\xff"] = unhex("00");
  EXPECT_FALSE(encode_claims(claims));
}

TEST(Cwt, EveryFlippedBitIsRefusedOrSaysSomethingElse) {
  const Claims claims = full();
  ByteVec bytes = encode_claims(claims).value();
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    const auto mask = static_cast<std::byte>(1U << bit % 8);
    bytes[bit / 8] ^= mask;
    const auto read = decode_claims(bytes);
    if (read) {
      EXPECT_FALSE(*read == claims) << bit;
      EXPECT_EQ(encode_claims(*read).value(), bytes) << bit;
    }
    bytes[bit / 8] ^= mask;
  }
}

}  // namespace
}  // namespace writ::cose
