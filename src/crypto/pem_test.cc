#include "crypto/pem.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "crypto/seal.h"
#include "crypto/test_support.h"

namespace writ::crypto {
namespace {

using test::reveal;
using test::run_shell;
using test::Scratch;
using test::secret;

const Algorithm kBoth[] = {Algorithm::EdDSA, Algorithm::ES256};

// RFC 8410 §10.1 and §10.3, the examples without attributes.
constexpr std::string_view kRfc8410Public =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kRfc8410Private =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----\n";

TEST(Pem, ReadsAndWritesTheExamplesOfRfc8410) {
  const PublicKey key = public_key_from_pem(kRfc8410Public).value();
  EXPECT_EQ(to_hex(key.bytes()),
            "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
  const PrivateKey secret_key = private_key_from_pem(secret(kRfc8410Private)).value();
  EXPECT_EQ(secret_key.public_key(), key);
  EXPECT_EQ(to_pem(key), kRfc8410Public);
  EXPECT_EQ(reveal(private_to_pem(secret_key)), kRfc8410Private);
}

TEST(Pem, WhatWeWriteIsWhatWeRead) {
  SeededRandom random(1);
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = generate_key(algorithm, random);
    EXPECT_EQ(public_key_from_pem(to_pem(key.public_key())).value(), key.public_key());
    const PrivateKey back = private_key_from_pem(private_to_pem(key)).value();
    EXPECT_EQ(back.public_key(), key.public_key());
  }
}

// OpenSSL is the oracle: it reads our files and writes the same bytes back.
TEST(Pem, OpensslReadsOurFilesAndWritesTheSameBytes) {
  SeededRandom random(2);
  const Scratch scratch;
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = generate_key(algorithm, random);
    const std::string pem = reveal(private_to_pem(key));
    test::write_text(scratch / "key", pem);
    const auto again = run_shell("openssl pkey -in " + (scratch / "key"));
    EXPECT_EQ(again.status, 0) << again.output;
    EXPECT_EQ(again.output, pem);
    const auto checked = run_shell("openssl pkey -check -noout -in " + (scratch / "key"));
    // OpenSSL 3.0 has no check for Ed25519 keys.
    if (algorithm == Algorithm::ES256) {
      EXPECT_EQ(checked.status, 0) << checked.output;
    }
    const auto half = run_shell("openssl pkey -pubout -in " + (scratch / "key"));
    EXPECT_EQ(half.output, to_pem(key.public_key()));
    test::write_text(scratch / "pub", to_pem(key.public_key()));
    const auto pub = run_shell("openssl pkey -pubin -in " + (scratch / "pub"));
    EXPECT_EQ(pub.output, to_pem(key.public_key()));
  }
}

TEST(Pem, WeReadWhatOpensslWrites) {
  const Scratch scratch;
  const std::string make[] = {"openssl genpkey -algorithm ed25519",
                              "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"};
  for (std::size_t i = 0; i < 2; ++i) {
    for (int round = 0; round < 4; ++round) {
      ASSERT_EQ(run_shell(make[i] + " -out " + (scratch / "key")).status, 0);
      const std::string pem = test::read_text(scratch / "key");
      const auto key = private_key_from_pem(secret(pem));
      ASSERT_TRUE(key) << key.error().message();
      EXPECT_EQ(key->algorithm(), kBoth[i]);
      EXPECT_EQ(reveal(private_to_pem(*key)), pem);
      const auto pub = run_shell("openssl pkey -pubout -in " + (scratch / "key"));
      EXPECT_EQ(public_key_from_pem(pub.output).value(), key->public_key());
    }
  }
}

TEST(Pem, OpensslVerifiesOurSignaturesAndWeItsOwn) {
  SeededRandom random(3);
  const Scratch scratch;
  const std::string message = "what was signed";
  test::write_text(scratch / "message", message);
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = generate_key(algorithm, random);
    const bool ed = algorithm == Algorithm::EdDSA;
    const std::string how = ed ? " -rawin" : " -rawin -digest sha256";
    test::write_text(scratch / "key", reveal(private_to_pem(key)));
    test::write_text(scratch / "pub", to_pem(key.public_key()));

    const Signature ours = sign(key, as_bytes(message)).value();
    const ByteVec theirs_form = ed ? to_vec(Bytes(ours)) : es256_to_der(ours);
    test::write_text(scratch / "ours", as_text(theirs_form));
    const auto verified =
        run_shell("openssl pkeyutl -verify -pubin -inkey " + (scratch / "pub") + how + " -in " +
                  (scratch / "message") + " -sigfile " + (scratch / "ours"));
    EXPECT_EQ(verified.status, 0) << verified.output;

    const auto signed_by_them =
        run_shell("openssl pkeyutl -sign -inkey " + (scratch / "key") + how + " -in " +
                  (scratch / "message") + " -out " + (scratch / "theirs"));
    ASSERT_EQ(signed_by_them.status, 0) << signed_by_them.output;
    const std::string theirs = test::read_text(scratch / "theirs");
    const Signature fixed = ed ? [&] {
      Signature s{};
      std::copy_n(as_bytes(theirs).begin(), s.size(), s.begin());
      return s;
    }()
                               : es256_from_der(as_bytes(theirs)).value();
    EXPECT_TRUE(check_signature(key.public_key(), as_bytes(message), fixed));
  }
}

TEST(Pem, EveryFlippedBitOfAPrivateKeyFileIsRefusedOrAnotherKey) {
  SeededRandom random(4);
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = generate_key(algorithm, random);
    std::string pem = reveal(private_to_pem(key));
    for (std::size_t bit = 0; bit < 8 * pem.size(); ++bit) {
      const char mask = static_cast<char>(1U << bit % 8);
      pem[bit / 8] = static_cast<char>(pem[bit / 8] ^ mask);
      const auto read = private_key_from_pem(secret(pem));
      if (read) {
        // Only an Ed25519 seed has no redundancy; it is then another key, written differently.
        EXPECT_EQ(algorithm, Algorithm::EdDSA) << bit;
        EXPECT_NE(read->public_key(), key.public_key()) << bit;
        EXPECT_EQ(reveal(private_to_pem(*read)), pem) << bit;
      }
      pem[bit / 8] = static_cast<char>(pem[bit / 8] ^ mask);
    }
  }
}

TEST(Pem, TextHasOneFormOnly) {
  const std::string good(kRfc8410Public);
  const std::string body = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
  const std::string begin = "-----BEGIN PUBLIC KEY-----\n";
  const std::string end = "-----END PUBLIC KEY-----\n";
  ASSERT_TRUE(public_key_from_pem(begin + body + "\n" + end));
  const std::string refused[] = {
      "",
      "\n",
      begin,
      begin + end,
      begin + "\n" + end,
      begin + "====\n" + end,
      " " + good,
      "comment\n" + good,
      good + "\n",
      good + good,
      begin + body + end,
      begin + body + "\n-----END PUBLIC KEY-----",
      begin + body + "\r\n" + end,
      begin + body + " \n" + end,
      begin + body + "\n\n" + end,
      begin + body.substr(0, 32) + "\n" + body.substr(32) + "\n" + end,
      begin + body.substr(0, body.size() - 1) + "\n" + end,
      begin + body + "=\n" + end,
      begin + body + "====\n" + end,
      begin + "Proc-Type: 4,ENCRYPTED\n\n" + body + "\n" + end,
      "-----BEGIN PUBLIC KEY-----\n" + body + "\n-----END PRIVATE KEY-----\n",
      // The last character holds two bits that must be zero.
      begin + body.substr(0, body.size() - 2) + "F=\n" + end,
      begin + std::string(70, 'A') + "\n" + end,
      std::string(kMaxKeyFile + 1, 'A'),
      begin + std::string(kMaxKeyFile, 'A') + "\n" + end,
  };
  for (const std::string& text : refused) {
    EXPECT_FALSE(public_key_from_pem(text)) << text.substr(0, 200);
  }
}

TEST(Pem, OtherKindsAreRefusedByName) {
  const Scratch scratch;
  const auto error_of = [&](const std::string& command) {
    const auto made = run_shell(command + " -out " + (scratch / "key"));
    EXPECT_EQ(made.status, 0) << made.output;
    const auto key = private_key_from_pem(secret(test::read_text(scratch / "key")));
    EXPECT_FALSE(key) << command;
    return key ? Error(Code::Internal, "") : key.error();
  };
  EXPECT_EQ(error_of("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024").code(),
            Code::Unsupported);
  EXPECT_EQ(error_of("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384").code(),
            Code::Unsupported);
  EXPECT_EQ(error_of("openssl genpkey -algorithm x25519").code(), Code::Unsupported);
  const Error sec1 = error_of("openssl ecparam -name prime256v1 -genkey -noout");
  EXPECT_EQ(sec1.code(), Code::Unsupported);
  EXPECT_NE(sec1.message().find("openssl pkcs8 -topk8"), std::string::npos) << sec1.message();
  const Error sealed = error_of("openssl genpkey -algorithm ed25519 -aes256 -pass pass:x");
  EXPECT_EQ(sealed.code(), Code::Denied);
  EXPECT_NE(sealed.message().find("passphrase"), std::string::npos) << sealed.message();
}

TEST(Pem, APublicAndAPrivateKeyAreNotTakenForEachOther) {
  const auto pub = public_key_from_pem(kRfc8410Private);
  ASSERT_FALSE(pub);
  EXPECT_EQ(pub.error().code(), Code::InvalidArgument);
  const auto key = private_key_from_pem(secret(kRfc8410Public));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code(), Code::InvalidArgument);
  EXPECT_EQ(pem_kind(kRfc8410Public).value(), PemKind::Public);
  EXPECT_EQ(pem_kind(kRfc8410Private).value(), PemKind::Private);
}

TEST(Pem, TheTwoHalvesOfAnEcKeyBelongTogether) {
  SeededRandom random(5);
  const PrivateKey a = generate_key(Algorithm::ES256, random);
  const PrivateKey b = generate_key(Algorithm::ES256, random);
  // One DER is 138 bytes: the secret stands at 36, the public half at 74.
  const auto der_of = [](const PrivateKey& key) {
    std::string text = reveal(private_to_pem(key));
    text = text.substr(text.find('\n') + 1);
    text = text.substr(0, text.find("-----END"));
    std::erase(text, '\n');
    return from_base64(text).value();
  };
  const auto pem_of = [](const ByteVec& der) {
    std::string text = to_base64(der);
    for (std::size_t at = 64; at < text.size(); at += 65) text.insert(at, "\n");
    return "-----BEGIN PRIVATE KEY-----\n" + text + "\n-----END PRIVATE KEY-----\n";
  };
  ByteVec mixed = der_of(a);
  ASSERT_EQ(mixed.size(), 138U);
  ASSERT_EQ(pem_of(mixed), reveal(private_to_pem(a)));
  const Bytes public_half = b.public_key().bytes();
  std::copy(public_half.begin(), public_half.end(), mixed.end() - 64);
  const auto key = private_key_from_pem(secret(pem_of(mixed)));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code(), Code::Malformed);
}

}  // namespace
}  // namespace writ::crypto
