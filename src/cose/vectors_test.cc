// The COSE working group's examples: every file, every field. Each file is in the table below
// with what Writ does with it; a file that is not in the table fails.

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <map>

#include "cbor/diagnostic.h"
#include "cose/cwt.h"
#include "cose/sign1.h"
#include "crypto/keys.h"
#include "crypto/test_support.h"

namespace writ::cose {
namespace {

using crypto::Algorithm;
using crypto::PublicKey;
using test::Fields;

enum class Expect {
  Verifies,
  DoesNotVerify,      // read, and the signature is refused
  IsMalformed,        // not read: another tag
  IsUnsupported,      // not read: an algorithm or curve that Writ does not have
  IsAnotherStructure  // Encrypt, MAC or Sign with several signers: outside COSE_Sign1
};

struct Case {
  std::string_view file;
  Expect expect;
};

const Case kCases[] = {
    {"sign1-tests/sign-pass-01.json", Expect::Verifies},     // alg unprotected, empty protected map
    {"sign1-tests/sign-pass-02.json", Expect::Verifies},     // external_aad
    {"sign1-tests/sign-pass-03.json", Expect::Verifies},     // no tag
    {"sign1-tests/sign-fail-01.json", Expect::IsMalformed},  // tag 998
    {"sign1-tests/sign-fail-02.json", Expect::DoesNotVerify},  // payload changed
    {"sign1-tests/sign-fail-03.json", Expect::IsUnsupported},  // alg -999
    {"sign1-tests/sign-fail-04.json", Expect::IsUnsupported},  // alg "unknown"
    {"sign1-tests/sign-fail-06.json", Expect::DoesNotVerify},  // protected member added
    {"sign1-tests/sign-fail-07.json", Expect::DoesNotVerify},  // protected member removed
    {"RFC8152/Appendix_C_2_1.json", Expect::Verifies},
    {"CWT/A_3.json", Expect::Verifies},
    {"CWT/A_4.json", Expect::IsAnotherStructure},  // MAC0
    {"CWT/A_5.json", Expect::IsAnotherStructure},  // Encrypt0
    {"CWT/A_6.json", Expect::IsAnotherStructure},  // Encrypt0 around a Sign1
    {"CWT/A_7.json", Expect::IsAnotherStructure},  // MAC0
    {"eddsa-examples/eddsa-sig-01.json", Expect::Verifies},
    {"eddsa-examples/eddsa-sig-02.json", Expect::IsUnsupported},   // Ed448
    {"eddsa-examples/eddsa-01.json", Expect::IsAnotherStructure},  // Sign, one or more signers
    {"eddsa-examples/eddsa-02.json", Expect::IsAnotherStructure},
    {"ecdsa-examples/ecdsa-sig-01.json", Expect::Verifies},
    {"ecdsa-examples/ecdsa-sig-02.json", Expect::IsUnsupported},   // P-384
    {"ecdsa-examples/ecdsa-sig-03.json", Expect::IsUnsupported},   // P-521
    {"ecdsa-examples/ecdsa-sig-04.json", Expect::IsUnsupported},   // P-256 with SHA-512
    {"ecdsa-examples/ecdsa-01.json", Expect::IsAnotherStructure},  // Sign
    {"ecdsa-examples/ecdsa-02.json", Expect::IsAnotherStructure},
    {"ecdsa-examples/ecdsa-03.json", Expect::IsAnotherStructure},
    {"ecdsa-examples/ecdsa-04.json", Expect::IsAnotherStructure},
    {"sign-tests/ecdsa-01.json", Expect::IsAnotherStructure},  // Sign
    // A Sign1 whose unprotected map (4 after 9) is not in deterministic order.
    {"countersign1/signed1-01.json", Expect::IsMalformed},
    {"countersign1/signed-01.json", Expect::IsAnotherStructure},     // Sign
    {"countersign1/signed-02.json", Expect::IsAnotherStructure},     // Sign
    {"countersign1/Encrypt-01.json", Expect::IsAnotherStructure},    // Encrypt0
    {"countersign1/Enveloped-01.json", Expect::IsAnotherStructure},  // Encrypt
    {"countersign1/Enveloped-02.json", Expect::IsAnotherStructure},  // Encrypt
    {"countersign1/mac-01.json", Expect::IsAnotherStructure},        // MAC
    {"countersign1/mac0-01.json", Expect::IsAnotherStructure},       // MAC0
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// `name` in base64url, or `name`_hex in hex.
ByteVec octets(Fields& fields, const std::string& name) {
  if (fields.maybe(name) != nullptr) return test::from_base64url(fields.text(name));
  return fields.hex(name + "_hex");
}

struct ExampleKey {
  std::optional<PublicKey> key;  // nothing for a curve that Writ does not have
  std::string kid;
};

ExampleKey read_key(const json::Value& value, const std::string& where) {
  Fields fields(value, where + " key");
  ExampleKey out;
  if (fields.maybe("kid") != nullptr) out.kid = fields.text("kid");
  if (fields.maybe("use") != nullptr) {
    EXPECT_EQ(fields.text("use"), "sig");
  }
  const std::string kty = fields.text("kty");
  const std::string crv = fields.text("crv");
  ByteVec bytes = octets(fields, "x");
  const ByteVec secret = octets(fields, "d");
  if (kty == "EC") {
    append(bytes, octets(fields, "y"));
    if (crv != "P-256") {
      EXPECT_TRUE(crv == "P-384" || crv == "P-521") << crv;
      EXPECT_FALSE(PublicKey::create(Algorithm::ES256, bytes));
      return out;
    }
  } else {
    EXPECT_EQ(kty, "OKP");
    if (crv != "Ed25519") {
      EXPECT_EQ(crv, "Ed448");
      EXPECT_FALSE(PublicKey::create(Algorithm::EdDSA, bytes));
      return out;
    }
  }
  const Algorithm algorithm = kty == "EC" ? Algorithm::ES256 : Algorithm::EdDSA;
  out.key = PublicKey::create(algorithm, bytes).value();
  const auto pair = crypto::PrivateKey::create(algorithm, SecretBytes::copy_of(secret));
  EXPECT_EQ(pair->public_key(), *out.key) << where;
  return out;
}

struct Names {
  std::string alg;
  std::string kid;
};

// A header of the input: names for what the encoded header holds.
Names read_names(const json::Value& value, const std::string& where) {
  Fields fields(value, where + " header");
  Names names;
  if (fields.maybe("alg") != nullptr) names.alg = fields.text("alg");
  if (fields.maybe("kid") != nullptr) names.kid = fields.text("kid");
  if (const json::Value* ctyp = fields.maybe("ctyp")) {
    EXPECT_EQ(ctyp->as_int64(), 0);
  }
  return names;
}

// What was done to the message after signing. Known ways only.
void read_failures(const json::Value* value, const std::string& where, Expect expect) {
  if (value == nullptr) return;
  Fields fields(*value, where + " failures");
  int known = 0;
  for (const std::string_view way : {"ChangeCBORTag", "ChangeTag", "RemoveCBORTag"}) {
    if (const json::Value* number = fields.maybe(way)) {
      EXPECT_TRUE(number->as_int64().has_value());
      ++known;
    }
  }
  for (const std::string_view way : {"ChangeAttr", "AddProtected", "RemoveProtected"}) {
    if (const json::Value* what = fields.maybe(way)) {
      EXPECT_NE(what->as_object(), nullptr);
      EXPECT_NE(expect, Expect::Verifies);
      ++known;
    }
  }
  if (fields.maybe("ChangeProtected") != nullptr) {
    EXPECT_EQ(fields.text("ChangeProtected"), "a0");
    ++known;
  }
  EXPECT_EQ(known, 1) << where;
}

void run_other_structure(Fields& top, Fields& input, const std::string& where) {
  // Read for its bytes alone: it must not be taken for a COSE_Sign1.
  int kinds = 0;
  for (const std::string_view kind :
       {"sign", "mac", "mac0", "encrypted", "enveloped", "countersign", "countersign0"}) {
    kinds += input.maybe(kind) != nullptr ? 1 : 0;
  }
  EXPECT_EQ(kinds, 1) << where;
  EXPECT_EQ(input.maybe("sign0"), nullptr) << where;
  for (const std::string_view name :
       {"plaintext", "plaintext_hex", "rng_description", "rng_stream"}) {
    input.maybe(name);
  }
  top.need("intermediates");
  Fields output(top.need("output"), where);
  output.text("cbor_diag");
  for (const Profile profile : {Profile::Writ, Profile::General}) {
    const auto message = Sign1::parse(output.hex("cbor"), profile);
    ASSERT_FALSE(message) << where;
    EXPECT_EQ(message.error().code(), Code::Malformed) << where;
  }
}

void run_sign1(Fields& top, Fields& input, const std::string& where, Expect expect) {
  const ByteVec plaintext = input.maybe("plaintext") != nullptr ? to_vec(input.text("plaintext"))
                                                                : input.hex("plaintext_hex");
  if (input.maybe("rng_description") != nullptr) {
    EXPECT_EQ(input.text("rng_description"), "seed for signature");
  }
  Fields sign0(input.need("sign0"), where + " sign0");
  const ExampleKey key = read_key(sign0.need("key"), where);
  const json::Value* prot_names = sign0.maybe("protected");
  const Names prot = prot_names == nullptr ? Names() : read_names(*prot_names, where);
  const Names unprot = read_names(sign0.need("unprotected"), where);
  const std::string alg = sign0.text("alg");
  EXPECT_EQ(alg, prot.alg.empty() ? unprot.alg : prot.alg) << where;
  const ByteVec external = sign0.maybe("external") != nullptr ? sign0.hex("external") : ByteVec();
  read_failures(input.maybe("failures"), where, expect);
  const bool countersigned = sign0.maybe("countersign0") != nullptr;

  Fields intermediates(top.need("intermediates"), where);
  const ByteVec to_be_signed = intermediates.hex("ToBeSign_hex");
  EXPECT_EQ(intermediates.maybe("countersign0") != nullptr, countersigned);
  Fields output(top.need("output"), where);
  const ByteVec bytes = output.hex("cbor");
  const std::string diagnostic = output.text("cbor_diag");

  // Whatever was changed later, the example's signature is over its ToBeSign.
  const bool ours = key.key && (alg == "ES256" || alg == "EdDSA");
  if (ours) {
    EXPECT_TRUE(crypto::check_signature(*key.key, to_be_signed, Bytes(bytes).last(64))) << where;
  }
  const auto message = Sign1::parse(bytes, Profile::General);
  if (expect == Expect::IsMalformed) {
    ASSERT_FALSE(message) << where;
    EXPECT_EQ(message.error().code(), Code::Malformed) << message.error().message();
    return;
  }
  EXPECT_EQ(lower(cbor::diagnose(bytes).value()), lower(diagnostic)) << where;
  if (expect == Expect::IsUnsupported && !message) {
    EXPECT_EQ(message.error().code(), Code::Unsupported) << message.error().message();
    return;
  }
  ASSERT_TRUE(message) << where << ": " << message.error().message();
  EXPECT_EQ(algorithm_name(message->header().alg), alg);
  EXPECT_EQ(as_text(message->header().kid), unprot.kid);
  EXPECT_EQ(unprot.kid, key.kid);
  if (expect == Expect::IsUnsupported) {
    // EdDSA with Ed448: the key is what Writ does not have.
    EXPECT_FALSE(key.key) << where;
    return;
  }
  ASSERT_TRUE(ours) << where;
  const auto verified = message->verify(*key.key, external);
  if (expect == Expect::DoesNotVerify) {
    ASSERT_FALSE(verified) << where;
    EXPECT_EQ(verified.error().code(), Code::Denied);
    EXPECT_NE(message->structure(external), to_be_signed);
    return;
  }
  ASSERT_TRUE(verified) << where << ": " << verified.error().message();
  EXPECT_EQ(to_hex(message->structure(external)), to_hex(to_be_signed)) << where;
  EXPECT_EQ(to_vec(verified->payload()), plaintext) << where;
  EXPECT_EQ(verified->signer(), *key.key);
  ByteVec other_aad = external;
  other_aad.push_back(std::byte{0});
  EXPECT_FALSE(message->verify(*key.key, other_aad)) << where;
  // None of these is in Writ's own profile.
  EXPECT_FALSE(Sign1::parse(bytes, Profile::Writ)) << where;
}

void run_case(const Case& one, std::map<Expect, int>& count) {
  const std::string where(one.file);
  const json::Value document = test::read_json(test::vector_path("cose/" + where));
  Fields top(document, where);
  EXPECT_FALSE(top.text("title").empty());
  if (const json::Value* fail = top.maybe("fail")) {
    EXPECT_EQ(fail->as_bool(), true);
    EXPECT_NE(one.expect, Expect::Verifies) << where;
  }
  Fields input(top.need("input"), where + " input");
  if (one.expect == Expect::IsAnotherStructure) {
    run_other_structure(top, input, where);
  } else {
    run_sign1(top, input, where, one.expect);
  }
  ++count[one.expect];
}

TEST(CoseVectors, EveryExampleDoesWhatTheTableSays) {
  std::map<Expect, int> count;
  std::set<std::string, std::less<>> known = {"LICENSE"};
  for (const Case& one : kCases) {
    run_case(one, count);
    known.insert(std::string(one.file));
  }
  std::size_t files = 0;
  const std::filesystem::path root = test::vector_path("cose");
  ASSERT_TRUE(std::filesystem::is_directory(root)) << root;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = std::filesystem::relative(entry.path(), root).string();
    EXPECT_TRUE(known.contains(name)) << "an example that the table does not name: " << name;
    ++files;
  }
  EXPECT_EQ(files, known.size());
  std::printf(
      "COSE examples: %zu files; %d verify, %d do not, %d malformed, %d unsupported, %d are other "
      "structures\n",
      files - 1, count[Expect::Verifies], count[Expect::DoesNotVerify], count[Expect::IsMalformed],
      count[Expect::IsUnsupported], count[Expect::IsAnotherStructure]);
}

// RFC 8392 §A.3 holds the claims of §A.1.
TEST(CoseVectors, TheClaimsOfRfc8392) {
  const json::Value document = test::read_json(test::vector_path("cose/CWT/A_3.json"));
  const json::Value* input = document.find("input");
  ASSERT_NE(input, nullptr);
  const ByteVec payload = test::unhex(*input->find("plaintext_hex")->as_string());
  const Claims claims = decode_claims(payload).value();
  EXPECT_EQ(claims.iss, "coap://as.example.com");
  EXPECT_EQ(claims.sub, "erikw");
  EXPECT_EQ(claims.aud, "coap://light.example.com");
  EXPECT_EQ(claims.exp, UnixSeconds(1444064944));
  EXPECT_EQ(claims.nbf, UnixSeconds(1443944944));
  EXPECT_EQ(claims.iat, UnixSeconds(1443944944));
  EXPECT_EQ(claims.cti, test::unhex("0b71"));
  EXPECT_FALSE(claims.cnf);
  EXPECT_TRUE(claims.extra.empty());
  EXPECT_EQ(encode_claims(claims).value(), payload);
}

}  // namespace
}  // namespace writ::cose
