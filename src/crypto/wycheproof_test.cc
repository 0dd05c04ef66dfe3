// Project Wycheproof's signature vectors: every case, every field.

#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <map>

#include "crypto/keys.h"
#include "crypto/pem.h"
#include "crypto/test_support.h"

namespace writ::crypto {
namespace {

using test::Fields;

struct Suite {
  std::string_view file;
  std::string_view algorithm;
  std::string_view schema;
  std::string_view group_type;
  std::size_t cases;
  // The public key of a group, from the fields of its `publicKey`.
  std::function<Result<PublicKey>(Fields&)> key;
  std::function<Result<void>(const PublicKey&, Bytes message, Bytes signature)> check;
};

// An integer with a sign byte in front, as Wycheproof writes coordinates.
ByteVec coordinate(ByteVec bytes) {
  while (bytes.size() > 32 && bytes[0] == std::byte{0}) bytes.erase(bytes.begin());
  while (bytes.size() < 32) bytes.insert(bytes.begin(), std::byte{0});
  return bytes;
}

Result<PublicKey> ec_key(Fields& fields) {
  EXPECT_EQ(fields.text("type"), "EcPublicKey");
  EXPECT_EQ(fields.text("curve"), "secp256r1");
  EXPECT_EQ(fields.need("keySize").as_int64(), 256);
  ByteVec xy = coordinate(fields.hex("wx"));
  append(xy, coordinate(fields.hex("wy")));
  const ByteVec uncompressed = fields.hex("uncompressed");
  EXPECT_EQ("04" + to_hex(xy), to_hex(uncompressed));
  return PublicKey::create(Algorithm::ES256, xy);
}

Result<PublicKey> ed_key(Fields& fields) {
  EXPECT_EQ(fields.text("type"), "EDDSAPublicKey");
  EXPECT_EQ(fields.text("curve"), "edwards25519");
  EXPECT_EQ(fields.need("keySize").as_int64(), 255);
  return PublicKey::create(Algorithm::EdDSA, fields.hex("pk"));
}

Result<void> check_der(const PublicKey& key, Bytes message, Bytes signature) {
  const Signature fixed = TRY(es256_from_der(signature));
  // What is accepted has one form.
  EXPECT_EQ(es256_to_der(fixed), to_vec(signature));
  return check_signature(key, message, fixed);
}

void check_jwk(const json::Value& value, const PublicKey& key, const std::string& where) {
  Fields jwk(value, where);
  EXPECT_EQ(jwk.text("kid"), "none");
  ByteVec bytes = test::from_base64url(jwk.text("x"));
  if (key.algorithm() == Algorithm::EdDSA) {
    EXPECT_EQ(jwk.text("kty"), "OKP");
    EXPECT_EQ(jwk.text("crv"), "Ed25519");
  } else {
    EXPECT_EQ(jwk.text("kty"), "EC");
    EXPECT_EQ(jwk.text("crv"), "P-256");
    append(bytes, test::from_base64url(jwk.text("y")));
  }
  EXPECT_EQ(to_hex(bytes), to_hex(key.bytes())) << where;
}

// The DER of a SubjectPublicKeyInfo ends with the key.
void check_spki(const ByteVec& der, const std::string& pem, const PublicKey& key,
                const std::string& where) {
  const auto parsed = public_key_from_pem(pem);
  ASSERT_TRUE(parsed) << where << ": " << parsed.error().message();
  EXPECT_EQ(*parsed, key) << where;
  EXPECT_EQ(to_pem(key), pem) << where;
  ASSERT_GT(der.size(), key.bytes().size()) << where;
  EXPECT_TRUE(equal(Bytes(der).last(key.bytes().size()), key.bytes())) << where;
}

void run_suite(const Suite& suite) {
  const json::Value document =
      test::read_json(test::vector_path("wycheproof/" + std::string(suite.file)));
  Fields top(document, std::string(suite.file));
  EXPECT_EQ(top.text("algorithm"), suite.algorithm);
  EXPECT_EQ(top.text("schema"), suite.schema);
  EXPECT_EQ(top.need("numberOfTests").as_int64(), static_cast<std::int64_t>(suite.cases));
  EXPECT_FALSE(top.array("header").empty());
  const json::Value& notes = top.need("notes");

  std::map<std::string, int> count;
  std::size_t cases = 0;
  for (const json::Value& group_value : top.array("testGroups")) {
    Fields group(group_value, std::string(suite.file) + " after case " + std::to_string(cases));
    EXPECT_EQ(group.text("type"), suite.group_type);
    {
      Fields source(group.need("source"), group.where());
      EXPECT_FALSE(source.text("name").empty());
      EXPECT_FALSE(source.text("version").empty());
    }
    if (suite.algorithm == "ECDSA") {
      EXPECT_EQ(group.text("sha"), "SHA-256");
    }
    Fields key_fields(group.need("publicKey"), group.where());
    const Result<PublicKey> key = suite.key(key_fields);
    ASSERT_TRUE(key) << group.where() << ": " << key.error().message();
    check_spki(group.hex("publicKeyDer"), group.text("publicKeyPem"), *key, group.where());
    if (const json::Value* jwk = group.maybe("publicKeyJwk")) {
      check_jwk(*jwk, *key, group.where());
    } else {
      EXPECT_EQ(suite.algorithm, "ECDSA");
    }

    for (const json::Value& test_value : group.array("tests")) {
      Fields test(test_value, std::string(suite.file));
      const std::int64_t id = test.need("tcId").as_int64().value_or(-1);
      const std::string comment = test.text("comment");
      for (const json::Value& flag : test.array("flags")) {
        ASSERT_NE(flag.as_string(), nullptr);
        EXPECT_NE(notes.find(*flag.as_string()), nullptr) << "an unexplained flag, case " << id;
      }
      const Result<void> verdict = suite.check(*key, test.hex("msg"), test.hex("sig"));
      const std::string expected = test.text("result");
      // `acceptable` leaves it to the implementation; none of these files has such a case, and
      // if one appears somebody must decide what Writ does.
      ASSERT_TRUE(expected == "valid" || expected == "invalid") << expected << ", case " << id;
      EXPECT_EQ(verdict.has_value(), expected == "valid")
          << suite.file << " case " << id << " (" << comment << ") is " << expected;
      EXPECT_EQ(id, static_cast<std::int64_t>(cases) + 1);
      ++count[expected];
      ++cases;
    }
  }
  EXPECT_EQ(cases, suite.cases);
  std::printf("%s: %zu cases, %d valid, %d invalid\n", std::string(suite.file).c_str(), cases,
              count["valid"], count["invalid"]);
}

TEST(Wycheproof, Ed25519) {
  run_suite({"ed25519_test.json", "EDDSA", "eddsa_verify_schema_v1.json", "EddsaVerify", 151,
             ed_key, check_signature});
}

TEST(Wycheproof, EcdsaP256InDer) {
  run_suite({"ecdsa_secp256r1_sha256_test.json", "ECDSA", "ecdsa_verify_schema_v1.json",
             "EcdsaVerify", 484, ec_key, check_der});
}

TEST(Wycheproof, EcdsaP256InP1363) {
  run_suite({"ecdsa_secp256r1_sha256_p1363_test.json", "ECDSA", "ecdsa_p1363_verify_schema_v1.json",
             "EcdsaP1363Verify", 262, ec_key, check_signature});
}

}  // namespace
}  // namespace writ::crypto
