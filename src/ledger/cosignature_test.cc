#include "ledger/cosignature.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/random.h"
#include "ledger/tlog_proof.h"
#include "ledger/trust_policy.h"

namespace writ::ledger {
namespace {

crypto::PrivateKey key_of(std::uint64_t seed) {
  SeededRandom random(seed);
  return crypto::generate_key(crypto::Algorithm::EdDSA, random);
}

constexpr std::uint64_t kNow = 1'700'000'000;

LeafHash leaf(std::uint64_t i) {
  return leaf_hash(as_bytes("entry-" + std::to_string(i)));
}
HashAt hashes_of(std::uint64_t size) {
  return [size](unsigned level, std::uint64_t index) -> Result<NodeHash> {
    Frontier tree;
    for (std::uint64_t i = index << level; i < (index + 1) << level && i < size; ++i) {
      tree.push(leaf(i));
    }
    return tree.root();
  };
}

// A log with one signed head, and witnesses.
class Cosignatures : public testing::Test {
 protected:
  Cosignatures() {
    for (std::uint64_t i = 0; i < kSize; ++i) tree_.push(leaf(i));
    note_ = sign_checkpoint({"example.org/log", TreeSize(kSize), tree_.root()}, log_).value();
    log_key_ = make_vkey("example.org/log", log_.public_key()).value();
  }
  static std::string name(int i) { return "witness.example/w" + std::to_string(i); }
  static CosignerKey witness(int i) {
    return make_cosigner_key(name(i), key_of(10 + static_cast<std::uint64_t>(i)).public_key())
        .value();
  }
  std::string line(int i, std::uint64_t time = kNow) const {
    const std::string text = note_.substr(0, note_.find("\n\n") + 1);
    return cosign(text, time, name(i), key_of(10 + static_cast<std::uint64_t>(i))).value();
  }
  std::string policy_text(const std::string& rest) const {
    std::string text = "# who is believed\n\nlog " + to_string(*log_key_) + "\n";
    for (int i = 0; i < 4; ++i) {
      text += "witness\tW" + std::to_string(i) + "  " + to_string(witness(i)) + " \n";
    }
    return text + rest;
  }

  static constexpr std::uint64_t kSize = 77;
  crypto::PrivateKey log_ = key_of(1);
  std::optional<VerifierKey> log_key_;
  Frontier tree_;
  std::string note_;
};

TEST_F(Cosignatures, TheKeyIdIsThatOfType04AndKeysRoundTrip) {
  const CosignerKey key = witness(1);
  const std::string text = to_string(key);
  EXPECT_EQ(parse_cosigner_key(text).value(), key);
  EXPECT_NE(key.id, make_vkey(name(1), key.key)->id);
  EXPECT_EQ(parse_cosigner_key(to_string(*log_key_)).error().code(), Code::Unsupported);
  EXPECT_EQ(parse_vkey(text).error().code(), Code::Unsupported);
}

TEST_F(Cosignatures, WhatIsSignedIsTheTextBehindTheTimeLine) {
  // The message of C2SP tlog-cosignature, put together here by hand.
  const Note note = parse_note(as_bytes(with_cosignatures(note_, line(2)).value())).value();
  const NoteSignature& last = note.signatures.back();
  ASSERT_EQ(last.bytes.size(), 72U);
  EXPECT_EQ(to_hex(Bytes(last.bytes).first(8)), "000000006553f100");  // 1,700,000,000
  EXPECT_TRUE(crypto::check_signature(witness(2).key,
                                      as_bytes("cosignature/v1\ntime 1700000000\n" + note.text),
                                      Bytes(last.bytes).subspan(8)));
}

TEST_F(Cosignatures, EachKnownWitnessCountsOnceWithItsLatestTime) {
  const std::string note =
      with_cosignatures(note_, line(1) + line(0) + line(1, kNow + 5) + line(3)).value();
  const CosignerKey keys[] = {witness(0), witness(1), witness(2)};
  const std::vector<Cosigned> expected{{0, kNow}, {1, kNow + 5}};
  EXPECT_EQ(verify_cosignatures(parse_note(as_bytes(note)).value(), keys).value(), expected);
  // The log's own signature is untouched by further lines.
  EXPECT_TRUE(verify_checkpoint(as_bytes(note), *log_key_));
  EXPECT_EQ(with_cosignatures(note, line(0)).value(), note);
}

// Type 06 (ML-DSA-44): 2,420 bytes behind the time; nobody here can check it, nobody complains.
TEST_F(Cosignatures, LinesOfType06AreSkippedWithoutComplaint) {
  const std::string large =
      "\xE2\x80\x94 " + name(0) + " " + to_base64(ByteVec(4 + 8 + 2420, std::byte{7})) + "\n";
  const std::string note = with_cosignatures(note_, large + line(0) + large).value();
  const CosignerKey keys[] = {witness(0)};
  EXPECT_EQ(verify_cosignatures(parse_note(as_bytes(note)).value(), keys)->size(), 1U);
  EXPECT_TRUE(verify_checkpoint(as_bytes(note), *log_key_));
}

TEST_F(Cosignatures, AnyChangedBitOfAKnownLineSinksTheNote) {
  const std::string note = with_cosignatures(note_, line(0)).value();
  const CosignerKey keys[] = {witness(0)};
  unsigned sunk = 0;
  const std::size_t first = note_.size() + 4 + name(0).size() + 6;
  for (std::size_t i = first * 8; i < (note.size() - 1) * 8; ++i) {
    std::string bent = note;
    bent[i / 8] = static_cast<char>(bent[i / 8] ^ (1 << (i % 8)));
    const Result<Note> parsed = parse_note(as_bytes(bent));
    if (!parsed) continue;
    const auto cosigned = verify_cosignatures(*parsed, keys);
    EXPECT_TRUE(!cosigned || cosigned->empty()) << i;
    sunk += !cosigned ? 1 : 0;
  }
  EXPECT_GT(sunk, 200U);
  // The text that another time was signed with, a time of 0, a blob cut short.
  EXPECT_FALSE(cosign("text\n", 0, name(0), key_of(10)));
  EXPECT_FALSE(cosign("text\n", std::uint64_t{1} << 63, name(0), key_of(10)));
}

TEST_F(Cosignatures, OneKeyCannotBeTwoWitnesses) {
  const CosignerKey keys[] = {witness(0), make_cosigner_key("other", witness(0).key).value()};
  EXPECT_EQ(verify_cosignatures(parse_note(as_bytes(note_)).value(), keys).error().code(),
            Code::InvalidArgument);
}

TEST_F(Cosignatures, AQuorumOfNestedGroupsIsCountedAsWritten) {
  const TrustPolicy policy =
      parse_trust_policy(policy_text("group pair 2 W0 W1\ngroup one any W2 W3\n"
                                     "group both all pair one\nquorum both\n"))
          .value();
  const auto trusted = [&](const std::string& lines) {
    return verify_head(as_bytes(with_cosignatures(note_, lines).value()), policy).has_value();
  };
  for (unsigned mask = 0; mask < 16; ++mask) {
    std::string lines;
    for (int i = 0; i < 4; ++i) {
      if ((mask >> i & 1) != 0) lines += line(i);
    }
    EXPECT_EQ(trusted(lines), (mask & 3) == 3 && (mask & 12) != 0) << mask;
  }
  const auto refused = verify_head(as_bytes(with_cosignatures(note_, line(0)).value()), policy);
  EXPECT_NE(refused.error().message().find("W0"), std::string::npos) << refused.error().message();
  EXPECT_TRUE(verify_head(as_bytes(note_), policy_of(*log_key_)));
  EXPECT_FALSE(verify_head(as_bytes(note_), parse_trust_policy("quorum none\n").value()));
}

TEST_F(Cosignatures, PoliciesAreReadStrictly) {
  const std::string key = to_string(witness(0));
  for (const char* bad : {"",
                          "quorum W0\nquorum W0\n",
                          "quorum W9\n",
                          "group g any W0\n",
                          "quorum W0 W1\n",
                          "group g any\nquorum g\n",
                          "group g 0 W0\nquorum g\n",
                          "group g 2 W0\nquorum g\n",
                          "group g 01 W0\nquorum g\n",
                          "group g all W0 W0\nquorum g\n",
                          "group g all W0\ngroup h all W0\nquorum g\n",
                          "group none all W0\nquorum none\n",
                          "group g all none\nquorum g\n",
                          "group W0 all W1\nquorum W0\n",
                          "group g all g\nquorum g\n",
                          "group g all h\ngroup h all W0\nquorum g\n",
                          "wish W0\nquorum none\n",
                          "quorum none\r\n",
                          "log x\nquorum none\n",
                          "witness W7 x\nquorum none\n"}) {
    EXPECT_FALSE(parse_trust_policy(policy_text(bad))) << bad;
  }
  EXPECT_FALSE(parse_trust_policy(policy_text("witness again " + key + "\nquorum none\n")));
  EXPECT_FALSE(parse_trust_policy(policy_text("log " + to_string(*log_key_) + "\nquorum none\n")));
  EXPECT_TRUE(parse_trust_policy("quorum none"));
  EXPECT_TRUE(parse_trust_policy("  # only a comment\n\t\nquorum\tnone  \n"));
  EXPECT_FALSE(parse_trust_policy(std::string(kMaxTrustPolicy + 1, '\n')));
}

TEST_F(Cosignatures, AProofFileIsWrittenAsTheSpecificationShowsAndReadBack) {
  TlogProof proof;
  proof.index = LeafIndex(40);
  proof.path = prove_inclusion(LeafIndex(40), TreeSize(kSize), hashes_of(kSize)).value();
  proof.checkpoint = with_cosignatures(note_, line(0)).value();
  const std::string text = encode_tlog_proof(proof);
  EXPECT_TRUE(text.starts_with("c2sp.org/tlog-proof@v1\nindex 40\n"));
  EXPECT_NE(text.find("=\n\nexample.org/log\n77\n"), std::string::npos) << text;
  EXPECT_EQ(parse_tlog_proof(as_bytes(text)).value(), proof);
  proof.extra = to_vec("more");
  EXPECT_TRUE(encode_tlog_proof(proof).starts_with("c2sp.org/tlog-proof@v1\nextra bW9yZQ==\n"));
  EXPECT_EQ(parse_tlog_proof(as_bytes(encode_tlog_proof(proof))).value(), proof);

  const TrustPolicy policy = parse_trust_policy(policy_text("quorum W0\n")).value();
  EXPECT_EQ(verify_tlog_proof(proof, as_bytes("entry-40"), policy)->checkpoint.size.get(), kSize);
  EXPECT_FALSE(verify_tlog_proof(proof, as_bytes("entry-41"), policy));
  TlogProof moved = proof;
  moved.index = LeafIndex(41);
  EXPECT_FALSE(verify_tlog_proof(moved, as_bytes("entry-40"), policy));
  TlogProof alone = proof;
  alone.checkpoint = note_;
  EXPECT_FALSE(verify_tlog_proof(alone, as_bytes("entry-40"), policy));
}

TEST_F(Cosignatures, NoAlteredProofFileProvesAnything) {
  TlogProof proof;
  proof.index = LeafIndex(3);
  proof.path = prove_inclusion(LeafIndex(3), TreeSize(kSize), hashes_of(kSize)).value();
  proof.checkpoint = note_;
  const std::string text = encode_tlog_proof(proof);
  const TrustPolicy policy = policy_of(*log_key_);
  for (std::size_t i = 0; i < text.size() * 8; ++i) {
    std::string bent = text;
    bent[i / 8] = static_cast<char>(bent[i / 8] ^ (1 << (i % 8)));
    const Result<TlogProof> parsed = parse_tlog_proof(as_bytes(bent));
    EXPECT_FALSE(parsed && verify_tlog_proof(*parsed, as_bytes("entry-3"), policy)) << i;
  }
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    const Result<TlogProof> parsed = parse_tlog_proof(as_bytes(text).first(cut));
    EXPECT_FALSE(parsed && verify_tlog_proof(*parsed, as_bytes("entry-3"), policy)) << cut;
  }
  for (const char* bad : {"c2sp.org/tlog-proof@v1\nindex 03\n\n", "c2sp.org/tlog-proof@v2\n",
                          "c2sp.org/tlog-proof@v1\nindex 3 \n\n", "c2sp.org/tlog-proof@v1\n\n",
                          "c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\n"}) {
    EXPECT_FALSE(parse_tlog_proof(as_bytes(std::string(bad) + note_))) << bad;
  }
}

}  // namespace
}  // namespace writ::ledger
