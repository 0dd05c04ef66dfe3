#include "cose/sign1.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "cbor/value.h"
#include "cbor/writer.h"
#include "cose/key.h"
#include "crypto/sha.h"
#include "crypto/test_support.h"

namespace writ::cose {
namespace {

using crypto::Algorithm;
using crypto::PrivateKey;
using test::unhex;

const Algorithm kBoth[] = {Algorithm::EdDSA, Algorithm::ES256};
constexpr std::string_view kTyp = "application/writ-permit+cwt";

PrivateKey a_key(Algorithm algorithm, std::uint64_t seed = 9) {
  SeededRandom random(seed);
  return crypto::generate_key(algorithm, random);
}

// A message made by hand: any headers, any tag, signed by `key` over what it says.
struct Parts {
  std::optional<std::uint64_t> tag = kSign1Tag;
  ByteVec protected_header;
  cbor::Value unprotected = cbor::Value::map();
  cbor::Value payload = cbor::Value::bytes(to_vec("payload"));
};

ByteVec put_together(const Parts& parts, const PrivateKey& key) {
  const ByteVec* payload = parts.payload.as_bytes();
  const Bytes as_signed =
      to_hex(parts.protected_header) == "a0" ? Bytes() : Bytes(parts.protected_header);
  const crypto::Signature signature =
      crypto::sign(key, sig_structure(as_signed, {}, payload ? Bytes(*payload) : Bytes())).value();
  cbor::Value array = cbor::Value::array();
  array.push(cbor::Value::bytes(parts.protected_header))
      .push(parts.unprotected)
      .push(parts.payload)
      .push(cbor::Value::bytes(to_vec(Bytes(signature))));
  if (parts.tag) array = cbor::Value::tag(*parts.tag, array);
  return cbor::encode(array).value();
}

cbor::Value writ_header(const PrivateKey& key) {
  cbor::Value map = cbor::Value::map();
  map.set(1, cbor::Value::integer(algorithm_label(key.algorithm())));
  map.set(4, cbor::Value::bytes(to_vec(as_bytes(key_id(key.public_key())))));
  map.set(16, cbor::Value::text(std::string(kTyp)));
  return map;
}

ByteVec encoded(const cbor::Value& value) {
  return cbor::encode(value).value();
}

Code code_of(const Result<Sign1>& result) {
  return result ? Code::Internal : result.error().code();
}

TEST(Sign1, WhatIsSignedVerifiesUnderItsKey) {
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = a_key(algorithm);
    const ByteVec bytes = sign1(key, kTyp, as_bytes("payload")).value();
    const Sign1 message = Sign1::parse(bytes, Profile::Writ).value();
    EXPECT_EQ(message.header().alg, algorithm);
    EXPECT_EQ(message.header().key().value(), key_id(key.public_key()));
    EXPECT_EQ(message.header().typ, kTyp);
    const VerifiedSign1 verified = message.verify(key.public_key()).value();
    EXPECT_EQ(as_text(verified.payload()), "payload");
    EXPECT_EQ(verified.signer(), key.public_key());
    EXPECT_EQ(verified.structure_digest(), message.structure_digest());
    EXPECT_EQ(verified.structure_digest(), crypto::sha256(message.structure()));
    // The general profile reads Writ's.
    EXPECT_TRUE(Sign1::parse(bytes, Profile::General)->verify(key.public_key()));
  }
}

TEST(Sign1, TheBytesAreFixedByTheSpecification) {
  const PrivateKey key = PrivateKey::create(Algorithm::EdDSA, SecretBytes(32)).value();
  const std::string kid = to_hex(key_id(key.public_key()));
  const std::string header = "a30127045820" + kid + "106174";
  const ByteVec bytes = sign1(key, "t", as_bytes("p")).value();
  EXPECT_EQ(to_hex(bytes).substr(0, to_hex(bytes).size() - 128),
            "d2845829" + header + "a041705840");
  const Sign1 message = Sign1::parse(bytes, Profile::Writ).value();
  EXPECT_EQ(to_hex(message.structure()), "846a5369676e6174757265315829" + header + "404170");
  EXPECT_EQ(to_hex(message.structure(as_bytes("aad"))),
            "846a5369676e6174757265315829" + header + "436161644170");
}

TEST(Sign1, EveryFlippedBitIsNoticed) {
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = a_key(algorithm);
    ByteVec bytes = sign1(key, "t", as_bytes("pay")).value();
    ASSERT_TRUE(Sign1::parse(bytes, Profile::Writ)->verify(key.public_key()));
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      const auto mask = static_cast<std::byte>(1U << bit % 8);
      bytes[bit / 8] ^= mask;
      for (const Profile profile : {Profile::Writ, Profile::General}) {
        const auto message = Sign1::parse(bytes, profile);
        if (message) {
          EXPECT_FALSE(message->verify(key.public_key())) << bit;
        }
      }
      bytes[bit / 8] ^= mask;
    }
  }
}

TEST(Sign1, EveryByteCutOffOrAddedIsNoticed) {
  const PrivateKey key = a_key(Algorithm::EdDSA);
  const ByteVec bytes = sign1(key, "t", as_bytes("pay")).value();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(code_of(Sign1::parse(Bytes(bytes).first(size), Profile::General)), Code::Malformed);
  }
  for (const std::string_view tail : {"00", "f6", "ff"}) {
    ByteVec longer = bytes;
    append(longer, unhex(tail));
    EXPECT_EQ(code_of(Sign1::parse(longer, Profile::Writ)), Code::Malformed);
  }
}

TEST(Sign1, AnotherKeyIsDenied) {
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = a_key(algorithm);
    const Sign1 message =
        Sign1::parse(sign1(key, kTyp, as_bytes("p")).value(), Profile::Writ).value();
    for (const Algorithm other : kBoth) {
      const auto verified = message.verify(a_key(other, 10).public_key());
      ASSERT_FALSE(verified);
      EXPECT_EQ(verified.error().code(), Code::Denied);
    }
  }
}

// With one key's kid and another key's signature, the kid decides and nothing verifies.
TEST(Sign1, TheKidIsTheSignersOrNothingVerifies) {
  const PrivateKey signer = a_key(Algorithm::EdDSA, 1);
  const PrivateKey named = a_key(Algorithm::EdDSA, 2);
  Parts parts;
  parts.protected_header = encoded(writ_header(named));
  const Sign1 message = Sign1::parse(put_together(parts, signer), Profile::Writ).value();
  EXPECT_FALSE(message.verify(named.public_key()));
  const auto by_signer = message.verify(signer.public_key());
  ASSERT_FALSE(by_signer);
  EXPECT_NE(by_signer.error().message().find("another key"), std::string::npos);
}

TEST(Sign1, TheAlgorithmIsTheKeysOrNothingVerifies) {
  const PrivateKey key = a_key(Algorithm::ES256);
  Parts parts;
  parts.protected_header = encoded(writ_header(key).set(1, cbor::Value::integer(-8)));
  const Sign1 message = Sign1::parse(put_together(parts, key), Profile::Writ).value();
  const auto verified = message.verify(key.public_key());
  ASSERT_FALSE(verified);
  EXPECT_NE(verified.error().message().find("EdDSA"), std::string::npos);
}

TEST(Sign1, ExternalDataIsUnderTheSignature) {
  const PrivateKey key = a_key(Algorithm::EdDSA);
  const Sign1 message =
      Sign1::parse(sign1(key, kTyp, as_bytes("p"), as_bytes("aad")).value(), Profile::Writ).value();
  EXPECT_TRUE(message.verify(key.public_key(), as_bytes("aad")));
  EXPECT_FALSE(message.verify(key.public_key()));
  EXPECT_FALSE(message.verify(key.public_key(), as_bytes("aaD")));
  EXPECT_NE(message.structure_digest(as_bytes("aad")), message.structure_digest());
}

// RFC 9052 §4.4: moving bytes between the parts changes the structure.
TEST(Sign1, ThePartsOfTheStructureDoNotRunIntoEachOther) {
  std::set<std::string> seen;
  for (const auto& [a, b, c] : std::initializer_list<std::array<std::string_view, 3>>{
           {"x", "", ""}, {"", "x", ""}, {"", "", "x"}, {"", "", ""}, {"xy", "", ""}}) {
    EXPECT_TRUE(seen.insert(to_hex(sig_structure(as_bytes(a), as_bytes(b), as_bytes(c)))).second);
  }
}

TEST(Sign1, WritsProfileHasOneFormOnly) {
  const PrivateKey key = a_key(Algorithm::EdDSA);
  const cbor::Value header = writ_header(key);
  const auto code = [&](const Parts& parts) {
    return code_of(Sign1::parse(put_together(parts, key), Profile::Writ));
  };
  const auto with_header = [&](const cbor::Value& value) {
    Parts parts;
    parts.protected_header = encoded(value);
    return code(parts);
  };
  EXPECT_EQ(with_header(header), Code::Internal);  // that is: accepted

  Parts parts;
  parts.protected_header = encoded(header);
  parts.tag = std::nullopt;
  EXPECT_EQ(code(parts), Code::Malformed);
  parts.tag = 17;
  EXPECT_EQ(code(parts), Code::Malformed);
  parts.tag = kSign1Tag;
  parts.unprotected.set(4, cbor::Value::bytes(to_vec("kid")));
  EXPECT_EQ(code(parts), Code::Malformed);
  parts.unprotected = cbor::Value::null();
  EXPECT_EQ(code(parts), Code::Malformed);
  parts.unprotected = cbor::Value::map();
  parts.payload = cbor::Value::null();
  EXPECT_EQ(code(parts), Code::Unsupported);
  parts.payload = cbor::Value::text("payload");
  EXPECT_EQ(code(parts), Code::Malformed);

  const auto without = [&](std::int64_t label) {
    cbor::Value map = cbor::Value::map();
    for (const cbor::Pair& pair : *header.as_map()) {
      if (pair.key.as_integer() != label) map.set(pair.key, pair.value);
    }
    return map;
  };
  for (const std::int64_t label : {1, 4, 16}) {
    EXPECT_EQ(with_header(without(label)), Code::Malformed) << label;
  }
  const auto changed = [&](std::int64_t label, cbor::Value value) {
    cbor::Value map = header;
    map.set(label, std::move(value));
    return with_header(map);
  };
  EXPECT_EQ(changed(1, cbor::Value::integer(-35)), Code::Unsupported);
  EXPECT_EQ(changed(1, cbor::Value::text("EdDSA")), Code::Unsupported);
  EXPECT_EQ(changed(1, cbor::Value::null()), Code::Malformed);
  EXPECT_EQ(changed(4, cbor::Value::bytes(ByteVec(31))), Code::Malformed);
  EXPECT_EQ(changed(4, cbor::Value::text("kid")), Code::Malformed);
  EXPECT_EQ(changed(16, cbor::Value::text("")), Code::Malformed);
  EXPECT_EQ(changed(16, cbor::Value::integer(60)), Code::Malformed);
  EXPECT_EQ(changed(3, cbor::Value::integer(0)), Code::Malformed);
  EXPECT_EQ(changed(15, cbor::Value::map()), Code::Malformed);
  cbor::Value named = header;
  named.set("name", cbor::Value::integer(0));
  EXPECT_EQ(with_header(named), Code::Malformed);
}

TEST(Sign1, ACriticalHeaderIsRefusedInBothProfiles) {
  const PrivateKey key = a_key(Algorithm::EdDSA);
  for (const Profile profile : {Profile::Writ, Profile::General}) {
    cbor::Value header = writ_header(key);
    header.set(2, cbor::Value::array({cbor::Value::integer(99)}));
    header.set(99, cbor::Value::integer(1));
    Parts parts;
    parts.protected_header = encoded(header);
    EXPECT_EQ(code_of(Sign1::parse(put_together(parts, key), profile)), Code::Unsupported);
  }
  Parts parts;
  parts.protected_header = encoded(writ_header(key));
  parts.unprotected.set(2, cbor::Value::array({cbor::Value::integer(1)}));
  EXPECT_EQ(code_of(Sign1::parse(put_together(parts, key), Profile::General)), Code::Unsupported);
}

TEST(Sign1, ALabelStandsInOneHeaderOnly) {
  const PrivateKey key = a_key(Algorithm::EdDSA);
  for (const std::int64_t label : {1, 4, 16, 1000}) {
    cbor::Value header = writ_header(key);
    header.set(1000, cbor::Value::integer(0));
    Parts parts;
    parts.protected_header = encoded(header);
    ASSERT_TRUE(Sign1::parse(put_together(parts, key), Profile::General));
    parts.unprotected.set(label, *header.find(label));
    EXPECT_EQ(code_of(Sign1::parse(put_together(parts, key), Profile::General)), Code::Malformed)
        << label;
  }
}

TEST(Sign1, TheProtectedHeaderIsDeterministicToo) {
  const PrivateKey key = a_key(Algorithm::EdDSA);
  const std::string kid = "045820" + to_hex(key_id(key.public_key()));
  const std::string typ = "106174";
  const auto code = [&](const std::string& hex) {
    Parts parts;
    parts.protected_header = unhex(hex);
    return code_of(Sign1::parse(put_together(parts, key), Profile::Writ));
  };
  EXPECT_EQ(code("a30127" + kid + typ), Code::Internal);  // accepted
  EXPECT_EQ(code("a3" + kid + "0127" + typ), Code::Malformed);
  EXPECT_EQ(code("bf0127" + kid + typ + "ff"), Code::Malformed);
  EXPECT_EQ(code("a3013807" + kid + typ), Code::Malformed);
  EXPECT_EQ(code("a401270127" + kid + typ), Code::Malformed);
  EXPECT_EQ(code("a30127" + kid + typ + "00"), Code::Malformed);
  EXPECT_EQ(code(""), Code::Malformed);
  EXPECT_EQ(code("a0"), Code::Malformed);
  EXPECT_EQ(code("80"), Code::Malformed);
}

TEST(Sign1, TheSignatureHas64Bytes) {
  const PrivateKey key = a_key(Algorithm::EdDSA);
  const ByteVec good = sign1(key, "t", as_bytes("p")).value();
  const ByteVec body(good.begin(), good.end() - 66);
  for (const std::size_t size : {0, 63, 65, 100}) {
    ByteVec bytes = body;
    append(bytes, encoded(cbor::Value::bytes(ByteVec(size))));
    EXPECT_EQ(code_of(Sign1::parse(bytes, Profile::Writ)), Code::Malformed) << size;
    const Sign1 general = Sign1::parse(bytes, Profile::General).value();
    EXPECT_FALSE(general.verify(key.public_key())) << size;
  }
}

TEST(Sign1, ManyLabelsCostLittle) {
  // 2 × 20,000 labels: comparing each with each would take minutes here.
  const PrivateKey key = a_key(Algorithm::EdDSA);
  const auto labels = [](int from) {
    cbor::Writer writer;
    writer.map([&] {
      if (from == 0) writer.key(1).integer(-8);
      for (int i = 0; i < 20'000; ++i) writer.key(1000 + from + i).null();
    });
    return std::move(writer).finish().value();
  };
  Parts parts;
  parts.protected_header = labels(0);
  parts.unprotected = cbor::decode(labels(20'000)).value();
  EXPECT_TRUE(Sign1::parse(put_together(parts, key), Profile::General));
}

TEST(Sign1, AnEmptyTypIsNotSigned) {
  const PrivateKey key = a_key(Algorithm::EdDSA);
  EXPECT_FALSE(sign1(key, "", {}));
  EXPECT_FALSE(sign1(key, "\xff", {}));
}

// ES256 signatures are malleable; the name of a message is not.
TEST(Sign1, TheStructureDigestDoesNotDependOnTheSignature) {
  const PrivateKey key = a_key(Algorithm::ES256);
  const ByteVec first = sign1(key, kTyp, as_bytes("p")).value();
  const ByteVec second = sign1(key, kTyp, as_bytes("p")).value();
  EXPECT_NE(first, second);
  EXPECT_EQ(Sign1::parse(first, Profile::Writ)->structure_digest(),
            Sign1::parse(second, Profile::Writ)->structure_digest());
}

}  // namespace
}  // namespace writ::cose
