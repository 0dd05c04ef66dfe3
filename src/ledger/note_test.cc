#include "ledger/note.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "ledger/checkpoint.h"
#include "ledger/tree.h"

namespace writ::ledger {
namespace {

crypto::PrivateKey key_of(std::uint64_t seed) {
  SeededRandom random(seed);
  return crypto::generate_key(crypto::Algorithm::EdDSA, random);
}

// The example in the documentation of Go's golang.org/x/mod/sumdb/note.
constexpr std::string_view kVkey =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kNote =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\xE2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

TEST(Note, TheWorkedExampleVerifies) {
  const VerifierKey key = parse_vkey(kVkey).value();
  EXPECT_EQ(key.name, "PeterNeumann");
  EXPECT_EQ(key.id, 0xc74f20a3U);
  EXPECT_EQ(to_string(key), kVkey);
  const VerifiedNote note = verify_note(as_bytes(kNote), {&key, 1}).value();
  EXPECT_EQ(note.text, kNote.substr(0, kNote.find("\n\n") + 1));
}

TEST(Note, SignedNotesVerifyAndEveryChangedBitIsFound) {
  const crypto::PrivateKey secret = key_of(1);
  const VerifierKey key = make_vkey("you@host", secret.public_key()).value();
  const std::string note = sign_note("you@host\n3\nabc\n", "you@host", secret).value();
  ASSERT_TRUE(verify_note(as_bytes(note), {&key, 1}));
  for (std::size_t i = 0; i < note.size() * 8; ++i) {
    std::string bent = note;
    bent[i / 8] = static_cast<char>(bent[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(verify_note(as_bytes(bent), {&key, 1})) << i;
  }
  for (std::size_t cut = 0; cut < note.size(); ++cut) {
    EXPECT_FALSE(verify_note(as_bytes(note.substr(0, cut)), {&key, 1})) << cut;
  }
}

TEST(Note, UnknownLinesAreSkippedAndAFalseKnownOneSinksTheNote) {
  const crypto::PrivateKey secret = key_of(1);
  const VerifierKey key = make_vkey("log", secret.public_key()).value();
  const std::string note = sign_note("text\n", "log", secret).value();
  // A cosignature of another kind, of the size of ML-DSA-44's.
  const std::string other =
      "\xE2\x80\x94 witness " + to_base64(ByteVec(4 + 8 + 2420, std::byte{7})) + "\n";
  EXPECT_TRUE(verify_note(as_bytes(note + other), {&key, 1}));
  std::string lines;
  for (int i = 0; i < 16; ++i) lines += other;
  EXPECT_TRUE(verify_note(as_bytes(note + lines), {&key, 1}));
  EXPECT_FALSE(verify_note(as_bytes("text\n\n" + other), {&key, 1}));
  const std::string elsewhere = sign_note("other\n", "log", secret).value();
  const std::string stolen = elsewhere.substr(elsewhere.find("\n\n") + 2);
  EXPECT_FALSE(verify_note(as_bytes(note + stolen), {&key, 1}));
  EXPECT_FALSE(verify_note(as_bytes("text\n\n" + stolen), {&key, 1}));
  const VerifierKey twice[] = {key, key};
  EXPECT_FALSE(verify_note(as_bytes(note), twice));
}

TEST(Note, TextAndSignaturesPartAtTheLastEmptyLine) {
  const crypto::PrivateKey secret = key_of(1);
  const VerifierKey key = make_vkey("log", secret.public_key()).value();
  const std::string text = "a\n\n\xE2\x80\x94 log abc\n\nb\n";
  const std::string note = sign_note(text, "log", secret).value();
  EXPECT_EQ(verify_note(as_bytes(note), {&key, 1})->text, text);
}

TEST(Note, MalformedNotesAndKeysAreRefused) {
  const std::string line = std::string(kNote.substr(kNote.find("\n\n") + 2));
  for (const std::string& bad :
       {std::string(), std::string("text\n"), std::string("text\n\n"), "text" + line,
        "text\n\n" + line.substr(0, line.size() - 1), "text\n\n-" + line, "te\x01xt\n\n" + line,
        "te\xffxt\n\n" + line, "text\n\n" + line + "\n", "text\n\n" + line + "more\n",
        std::string("text\n\n\xE2\x80\x94 name AAAA\n"), std::string("text\n\n\xE2\x80\x94 name\n"),
        std::string("text\n\n\xE2\x80\x94  AAAAAAAA\n"),
        std::string("text\n\n\xE2\x80\x94 na+me AAAAAAAA\n"),
        std::string("text\n\n\xE2\x80\x94 na\xC2\xA0me AAAAAAAA\n")}) {
    EXPECT_FALSE(parse_note(as_bytes(bad))) << bad;
  }
  const std::string vkey(kVkey);
  for (const std::string& bad :
       {std::string(), std::string("a"), std::string("a+b"), std::string("a+00000000+"), "x" + vkey,
        "+" + vkey.substr(12), vkey + "A", vkey.substr(0, vkey.size() - 4),
        std::string("PeterNeumann+c74f20a4+") + vkey.substr(22),
        "PeterNeumann+C74F20A3+" + vkey.substr(22)}) {
    EXPECT_FALSE(parse_vkey(bad)) << bad;
  }
  SeededRandom random(1);
  const crypto::PrivateKey es256 = crypto::generate_key(crypto::Algorithm::ES256, random);
  EXPECT_FALSE(make_vkey("log", es256.public_key()));
  EXPECT_FALSE(make_vkey("a b", key_of(1).public_key()));
  EXPECT_FALSE(sign_note("no line end", "log", key_of(1)));
}

TEST(Checkpoint, RoundTripsAndIsStrict) {
  const Checkpoint head{"you@host", TreeSize(5), NodeHash(leaf_hash(as_bytes("x")).get())};
  const std::string text = encode_checkpoint(head);
  EXPECT_EQ(parse_checkpoint(text).value(), head);
  EXPECT_EQ(parse_checkpoint(text + "an extension\n").value(), head);
  const std::string root = to_base64(as_bytes(head.root));
  for (const std::string& bad :
       {std::string(), std::string("o\n"), "\n5\n" + root + "\n", "o\n05\n" + root + "\n",
        "o\n+5\n" + root + "\n", "o\n-5\n" + root + "\n", "o\n5 \n" + root + "\n",
        "o\n18446744073709551616\n" + root + "\n", "o\n9223372036854775809\n" + root + "\n",
        "o\n5\n" + root, std::string("o\n5\nAAAA\n"), text + "\n", text + "x",
        "o\n0\n" + root + "\n"}) {
    EXPECT_FALSE(parse_checkpoint(bad)) << bad;
  }
}

TEST(Checkpoint, IsOnlyBelievedUnderTheLogsOwnName) {
  const crypto::PrivateKey secret = key_of(1);
  const Checkpoint head{"you@host", TreeSize(0), empty_root()};
  const std::string note = sign_checkpoint(head, secret).value();
  const VerifierKey own = make_vkey("you@host", secret.public_key()).value();
  EXPECT_EQ(verify_checkpoint(as_bytes(note), own).value(), head);
  const VerifierKey other = make_vkey("them@host", secret.public_key()).value();
  EXPECT_FALSE(verify_checkpoint(as_bytes(note), other));
  const std::string posing = sign_note(encode_checkpoint(head), "them@host", secret).value();
  EXPECT_FALSE(verify_checkpoint(as_bytes(posing), other));
  const VerifierKey false_key = make_vkey("you@host", key_of(2).public_key()).value();
  EXPECT_FALSE(verify_checkpoint(as_bytes(note), false_key));
}

}  // namespace
}  // namespace writ::ledger
