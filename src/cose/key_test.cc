#include "cose/key.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "cbor/value.h"
#include "crypto/test_support.h"

namespace writ::cose {
namespace {

using crypto::Algorithm;
using crypto::PublicKey;
using test::unhex;

PublicKey a_key(Algorithm algorithm) {
  SeededRandom random(9);
  return crypto::generate_key(algorithm, random).public_key();
}

// RFC 9679 §6, the worked example.
TEST(CoseKey, ThumbprintOfRfc9679) {
  const PublicKey key =
      PublicKey::create(Algorithm::ES256,
                        unhex("65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"
                              "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"))
          .value();
  EXPECT_EQ(to_hex(key_id(key)),
            "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec");
}

TEST(CoseKey, EncodingsAreTheThumbprintInputs) {
  const PublicKey ed = a_key(Algorithm::EdDSA);
  const PublicKey ec = a_key(Algorithm::ES256);
  EXPECT_EQ(to_hex(encode_key(ed)), "a301012006215820" + to_hex(ed.bytes()));
  EXPECT_EQ(to_hex(encode_key(ec)), "a401022001215820" + to_hex(ec.bytes().first(32)) + "225820" +
                                        to_hex(ec.bytes().last(32)));
  EXPECT_EQ(encode_key(ed).size(), 40U);
  EXPECT_EQ(encode_key(ec).size(), 75U);
  EXPECT_EQ(decode_key(encode_key(ed)).value(), ed);
  EXPECT_EQ(decode_key(encode_key(ec)).value(), ec);
}

TEST(CoseKey, EveryFlippedBitIsRefusedOrAnotherKey) {
  for (const Algorithm algorithm : {Algorithm::EdDSA, Algorithm::ES256}) {
    const PublicKey key = a_key(algorithm);
    ByteVec bytes = encode_key(key);
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      const auto mask = static_cast<std::byte>(1U << bit % 8);
      bytes[bit / 8] ^= mask;
      const auto read = decode_key(bytes);
      if (read) {
        EXPECT_NE(*read, key) << bit;
        EXPECT_EQ(encode_key(*read), bytes) << bit;
        EXPECT_EQ(algorithm, Algorithm::EdDSA) << bit;  // flipped P-256 points leave the curve
      }
      bytes[bit / 8] ^= mask;
    }
  }
}

TEST(CoseKey, ExactlyTheMembersOfTheThumbprint) {
  const PublicKey ed = a_key(Algorithm::EdDSA);
  const auto with = [&](std::int64_t label, cbor::Value value) {
    cbor::Value map = cbor::decode(encode_key(ed)).value();
    map.set(label, std::move(value));
    return decode_key(cbor::encode(map).value());
  };
  ASSERT_TRUE(with(1, cbor::Value::integer(1)));  // unchanged
  for (const auto& [label, value] : std::initializer_list<std::pair<std::int64_t, cbor::Value>>{
           {2, cbor::Value::bytes(to_vec("kid"))},
           {3, cbor::Value::integer(-8)},
           {4, cbor::Value::array()},
           {-4, cbor::Value::bytes(ByteVec(32))},  // a private key
           {-2, cbor::Value::bytes(ByteVec(31))},
           {-2, cbor::Value::bytes(ByteVec(33))},
           {-2, cbor::Value::text("x")},
           {1, cbor::Value::text("OKP")}}) {
    const auto read = with(label, value);
    ASSERT_FALSE(read) << label;
    EXPECT_EQ(read.error().code(), Code::Malformed) << label;
  }
  for (const auto& [label, value] : std::initializer_list<std::pair<std::int64_t, cbor::Value>>{
           {1, cbor::Value::integer(4)},      // symmetric
           {-1, cbor::Value::integer(4)},     // X25519
           {-1, cbor::Value::integer(7)}}) {  // Ed448
    const auto read = with(label, value);
    ASSERT_FALSE(read) << label;
    EXPECT_EQ(read.error().code(), Code::Unsupported) << label;
  }
  EXPECT_FALSE(decode_key({}));
  ByteVec tail = encode_key(ed);
  tail.push_back(std::byte{0});
  EXPECT_FALSE(decode_key(tail));
}

TEST(CoseKey, CoordinatesHave32Bytes) {
  const PublicKey ec = a_key(Algorithm::ES256);
  const cbor::Value good = cbor::decode(encode_key(ec)).value();
  for (const std::int64_t label : {-2, -3}) {
    for (const std::size_t size : {0, 31, 33, 64, 1000}) {
      cbor::Value map = good;
      map.set(label, cbor::Value::bytes(ByteVec(size)));
      const auto read = decode_key(cbor::encode(map).value());
      ASSERT_FALSE(read) << label << " " << size;
      EXPECT_NE(read.error().message().find("has 32 bytes"), std::string::npos)
          << read.error().message();
    }
  }
  // As many bytes in all as there should be, cut elsewhere.
  cbor::Value map = good;
  map.set(-2, cbor::Value::bytes(ByteVec(40))).set(-3, cbor::Value::bytes(ByteVec(24)));
  EXPECT_FALSE(decode_key(cbor::encode(map).value()));
}

TEST(CoseKey, TheNumberOfMembersIsSaid) {
  for (const std::string_view hex : {"a10101", "a10102", "a0"}) {
    EXPECT_FALSE(decode_key(unhex(hex))) << hex;
  }
  const auto read = decode_key(unhex("a10101"));
  EXPECT_NE(read.error().message().find("nothing else"), std::string::npos)
      << read.error().message();
}

TEST(CoseKey, ACompressedPointIsRefused) {
  // {1: 2, -1: 1, -2: x, -3: true}
  const PublicKey ec = a_key(Algorithm::ES256);
  EXPECT_FALSE(decode_key(unhex("a401022001215820" + to_hex(ec.bytes().first(32)) + "22f5")));
}

TEST(CoseKey, AlgorithmNumbers) {
  for (const Algorithm algorithm : {Algorithm::EdDSA, Algorithm::ES256}) {
    EXPECT_EQ(algorithm_from_label(algorithm_label(algorithm)).value(), algorithm);
  }
  for (const std::int64_t other : {0, 1, 7, 8, -9, -19, -35, -257}) {
    EXPECT_FALSE(algorithm_from_label(other)) << other;
  }
}

}  // namespace
}  // namespace writ::cose
