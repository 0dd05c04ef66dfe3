#include "crypto/seal.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "crypto/pem.h"
#include "crypto/test_support.h"

namespace writ::crypto {
namespace {

using test::reveal;
using test::run_shell;
using test::Scratch;
using test::secret;

const Algorithm kBoth[] = {Algorithm::EdDSA, Algorithm::ES256};

Code code_of(const Result<PrivateKey>& result) {
  return result ? Code::Internal : result.error().code();
}

TEST(Seal, OpensWithItsPassphraseOnly) {
  SeededRandom random(1);
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = generate_key(algorithm, random);
    const std::string text = seal(key, secret("correct horse"), random).value();
    EXPECT_EQ(pem_kind(text).value(), PemKind::Sealed);
    EXPECT_EQ(open_sealed(text, secret("correct horse"))->public_key(), key.public_key());
    const auto wrong = open_sealed(text, secret("correct horsE"));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code(), Code::Denied);
    EXPECT_NE(wrong.error().message().find("passphrase"), std::string::npos);
    EXPECT_EQ(code_of(open_sealed(text, secret(""))), Code::InvalidArgument);
  }
}

TEST(Seal, SaltAndIvComeFromTheGivenRandomness) {
  SeededRandom random(2);
  const PrivateKey key = generate_key(Algorithm::EdDSA, random);
  SeededRandom a(3);
  SeededRandom b(3);
  const std::string first = seal(key, secret("p"), a).value();
  EXPECT_EQ(first, seal(key, secret("p"), b).value());
  EXPECT_NE(first, seal(key, secret("p"), a).value());
}

TEST(Seal, OpensslOpensWhatWeSeal) {
  SeededRandom random(4);
  const Scratch scratch;
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = generate_key(algorithm, random);
    test::write_text(scratch / "sealed", seal(key, secret("pass word"), random).value());
    const auto opened =
        run_shell("openssl pkey -passin 'pass:pass word' -in " + (scratch / "sealed"));
    EXPECT_EQ(opened.output, reveal(private_to_pem(key)));
    const auto refused = run_shell("openssl pkey -passin pass:other -in " + (scratch / "sealed"));
    EXPECT_NE(refused.status, 0);
    const auto parsed = run_shell("openssl asn1parse -in " + (scratch / "sealed"));
    EXPECT_NE(parsed.output.find(":scrypt"), std::string::npos) << parsed.output;
    EXPECT_NE(parsed.output.find(":aes-256-cbc"), std::string::npos) << parsed.output;
    EXPECT_NE(parsed.output.find(":4000\n"), std::string::npos) << parsed.output;  // N = 0x4000
  }
}

TEST(Seal, WeOpenWhatOpensslSeals) {
  SeededRandom random(5);
  const Scratch scratch;
  const std::string ways[] = {
      "openssl pkcs8 -topk8 -scrypt",
      "openssl pkcs8 -topk8 -scrypt -scrypt_N 32768 -scrypt_r 4 -scrypt_p 2",
      "openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 10000",
      "openssl pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA512",
      "openssl pkcs8 -topk8 -v2 aes-192-cbc -v2prf hmacWithSHA384",
      "openssl pkey -aes256",
  };
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = generate_key(algorithm, random);
    test::write_text(scratch / "key", reveal(private_to_pem(key)));
    for (const std::string& way : ways) {
      const auto made = run_shell(way + " -passout pass:secret -in " + (scratch / "key") +
                                  " -out " + (scratch / "sealed"));
      ASSERT_EQ(made.status, 0) << made.output;
      const std::string text = test::read_text(scratch / "sealed");
      const auto opened = open_sealed(text, secret("secret"));
      ASSERT_TRUE(opened) << way << ": " << opened.error().message();
      EXPECT_EQ(opened->public_key(), key.public_key());
      EXPECT_EQ(code_of(open_sealed(text, secret("Secret"))), Code::Denied) << way;
    }
  }
}

// One wrong passphrase in 256 gives valid padding; it must not be told apart from the others.
TEST(Seal, AWrongPassphraseIsAlwaysThat) {
  const Scratch scratch;
  ASSERT_EQ(run_shell("openssl genpkey -algorithm ed25519 -out " + (scratch / "key")).status, 0);
  ASSERT_EQ(run_shell("openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 1 -passout pass:s -in " +
                      (scratch / "key") + " -out " + (scratch / "sealed"))
                .status,
            0);
  const std::string text = test::read_text(scratch / "sealed");
  ASSERT_TRUE(open_sealed(text, secret("s")));
  for (int i = 0; i < 1500; ++i) {
    EXPECT_EQ(code_of(open_sealed(text, secret("s" + std::to_string(i)))), Code::Denied) << i;
  }
}

TEST(Seal, OtherCiphersAndKeysAreRefusedByName) {
  const Scratch scratch;
  const std::string make = "openssl genpkey -algorithm ed25519 -out ";
  ASSERT_EQ(run_shell(make + (scratch / "key")).status, 0);
  const auto error_of = [&](const std::string& way) {
    const auto made = run_shell(way + " -passout pass:secret -out " + (scratch / "sealed"));
    EXPECT_EQ(made.status, 0) << made.output;
    const auto opened = open_sealed(test::read_text(scratch / "sealed"), secret("secret"));
    EXPECT_FALSE(opened) << way;
    return opened ? Error(Code::Internal, "") : opened.error();
  };
  const std::string in = " -in " + (scratch / "key");
  for (const std::string& way :
       {"openssl pkcs8 -topk8 -v2 des3" + in, "openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES" + in,
        "openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA1" + in,
        "openssl pkcs8 -topk8 -v2 camellia-256-cbc" + in}) {
    EXPECT_EQ(error_of(way).code(), Code::Unsupported) << way;
  }
  ASSERT_EQ(run_shell("openssl genpkey -algorithm x25519 -out " + (scratch / "key")).status, 0);
  EXPECT_EQ(error_of("openssl pkcs8 -topk8 -scrypt" + in).code(), Code::Unsupported);
}

// Changes a number in the DER of a sealed file and puts the file together again.
class Tampered : public ::testing::Test {
 protected:
  // `from` and `to` are hex; `from` must stand there once, `to` be as long.
  static std::string tamper(const std::string& text, const std::string& from,
                            const std::string& to) {
    std::string body = text.substr(text.find('\n') + 1);
    body = body.substr(0, body.find("-----END"));
    std::erase(body, '\n');
    std::string hex = to_hex(from_base64(body).value());
    const std::size_t at = hex.find(from);
    EXPECT_NE(at, std::string::npos) << hex;
    EXPECT_EQ(from.size(), to.size());
    hex.replace(at, from.size(), to);
    std::string base64 = to_base64(from_hex(hex).value());
    for (std::size_t i = 64; i < base64.size(); i += 65) base64.insert(i, "\n");
    return "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + base64 +
           "\n-----END ENCRYPTED PRIVATE KEY-----\n";
  }
  static std::string ours() {
    SeededRandom random(6);
    const PrivateKey key = generate_key(Algorithm::EdDSA, random);
    return seal(key, secret("p"), random).value();
  }
};

TEST_F(Tampered, AskingForTooMuchWorkIsRefusedBeforeItIsDone) {
  const std::string text = ours();
  // N = 0x4000, r = 8, p = 5.
  const std::string cost = "02024000020108020105";
  ASSERT_EQ(code_of(open_sealed(tamper(text, cost, "02024000020108020104"), secret("p"))),
            Code::Denied);  // another cost gives another key
  for (const char* asked : {
           "0202400002010802017f",  // p = 127
           "02024000020118020101",  // r = 24, p = 1: 48 MiB, and less work than ours
           "0202400002017f020105",  // r = 127: 254 MiB
       }) {
    EXPECT_EQ(code_of(open_sealed(tamper(text, cost, asked), secret("p"))), Code::Exhausted)
        << asked;
  }
  for (const char* asked : {
           "02024001020108020105",  // N is no power of two
           "02020000020108020105",  // not minimal
           "02024000020100020105",  // r = 0
           "02024000020108020100",  // p = 0
           "02028000020108020105",  // N is negative
           "020240000201080201ff",  // p is negative
       }) {
    EXPECT_EQ(code_of(open_sealed(tamper(text, cost, asked), secret("p"))), Code::Malformed)
        << asked;
  }
}

TEST_F(Tampered, SaltAndIvAreNotZeros) {
  // An OCTET STRING of 16 bytes, twice; tamper finds what it is to replace, or fails.
  const std::string text = ours();
  std::string body = text.substr(text.find('\n') + 1);
  body = body.substr(0, body.find("-----END"));
  std::erase(body, '\n');
  const std::string hex = to_hex(from_base64(body).value());
  EXPECT_NE(hex.find("0410"), hex.rfind("0410"));
  EXPECT_EQ(hex.find(std::string(32, '0')), std::string::npos) << hex;
}

TEST_F(Tampered, LengthsAreInTheirShortestForm) {
  // 30819b is DER; the same length as 3082009b is BER alone.
  const std::string text = ours();
  std::string body = text.substr(text.find('\n') + 1);
  body = body.substr(0, body.find("-----END"));
  std::erase(body, '\n');
  std::string hex = to_hex(from_base64(body).value());
  ASSERT_TRUE(hex.starts_with("30819b")) << hex;
  hex.replace(0, 6, "3082009b");
  std::string base64 = to_base64(from_hex(hex).value());
  for (std::size_t i = 64; i < base64.size(); i += 65) base64.insert(i, "\n");
  const std::string ber = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + base64 +
                          "\n-----END ENCRYPTED PRIVATE KEY-----\n";
  EXPECT_EQ(code_of(open_sealed(ber, secret("p"))), Code::Malformed);
}

TEST_F(Tampered, ManyRoundsOfPbkdf2AreRefusedBeforeTheyAreDone) {
  const Scratch scratch;
  ASSERT_EQ(run_shell("openssl genpkey -algorithm ed25519 -out " + (scratch / "key")).status, 0);
  ASSERT_EQ(run_shell("openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 1000000 -passout pass:p -in " +
                      (scratch / "key") + " -out " + (scratch / "sealed"))
                .status,
            0);
  const std::string text = test::read_text(scratch / "sealed");
  EXPECT_TRUE(open_sealed(text, secret("p")));
  // 1,000,000 is 0f4240.
  EXPECT_EQ(code_of(open_sealed(tamper(text, "02030f4240", "02037f4240"), secret("p"))),
            Code::Exhausted);
  EXPECT_EQ(code_of(open_sealed(tamper(text, "02030f4240", "0203800000"), secret("p"))),
            Code::Malformed);
}

TEST_F(Tampered, EveryFlippedBitIsRefusedOrGivesAnotherKeyAtMost) {
  // PBKDF2 with one round, so that all of them can be tried.
  const Scratch scratch;
  ASSERT_EQ(run_shell("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out " +
                      (scratch / "key"))
                .status,
            0);
  ASSERT_EQ(run_shell("openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 1 -passout pass:p -in " +
                      (scratch / "key") + " -out " + (scratch / "sealed"))
                .status,
            0);
  const std::string text = test::read_text(scratch / "sealed");
  const PublicKey key = open_sealed(text, secret("p"))->public_key();
  std::string changed = text;
  int opened = 0;
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    const auto result = open_sealed(changed, secret("p"));
    // An EC key holds both halves, so damage cannot turn it into another valid key.
    if (result) {
      ++opened;
      EXPECT_EQ(result->public_key(), key) << bit;
    }
    changed[bit / 8] = text[bit / 8];
  }
  EXPECT_EQ(opened, 0);
}

TEST(Seal, PassphrasesAreBounded) {
  SeededRandom random(7);
  const PrivateKey key = generate_key(Algorithm::EdDSA, random);
  EXPECT_FALSE(seal(key, SecretBytes(), random));
  EXPECT_FALSE(seal(key, SecretBytes(kMaxPassphrase + 1), random));
  const SecretBytes longest(kMaxPassphrase);
  EXPECT_TRUE(open_sealed(seal(key, longest, random).value(), longest));
}

TEST(Seal, AnUnsealedFileIsSaidToBeThat) {
  SeededRandom random(8);
  const PrivateKey key = generate_key(Algorithm::EdDSA, random);
  EXPECT_EQ(code_of(open_sealed(reveal(private_to_pem(key)), secret("p"))), Code::InvalidArgument);
  EXPECT_EQ(code_of(open_sealed("", secret("p"))), Code::Malformed);
  EXPECT_EQ(code_of(open_sealed("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
                                "-----END ENCRYPTED PRIVATE KEY-----\n",
                                secret("p"))),
            Code::Malformed);
}

}  // namespace
}  // namespace writ::crypto
