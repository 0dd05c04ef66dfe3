#include "crypto/keys.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <functional>

#include "base/random.h"
#include "crypto/sha.h"
#include "crypto/test_support.h"

namespace writ::crypto {
namespace {

using test::unhex;

const Algorithm kBoth[] = {Algorithm::EdDSA, Algorithm::ES256};

PrivateKey key_of(Algorithm algorithm, std::string_view hex) {
  return PrivateKey::create(algorithm, SecretBytes::copy_of(unhex(hex))).value();
}

struct Rfc8032 {
  std::string_view secret, public_key, message, signature;
};
// RFC 8032 §7.1: TEST 1, 2, 3, 1024 and SHA(abc).
const Rfc8032 kRfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
     "1cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
     "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760"
     "984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    {"f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
     "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
     "08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98fa6e264bf09efe12ee50f8f5"
     "4e9f77b1e355f6c50544e23fb1433ddf73be84d879de7c0046dc4996d9e773f4bc9efe5738829adb26c81b37"
     "c93a1b270b20329d658675fc6ea534e0810a4432826bf58c941efb65d57a338bbd2e26640f89ffbc1a858efc"
     "b8550ee3a5e1998bd177e93a7363c344fe6b199ee5d02e82d522c4feba15452f80288a821a579116ec6dad2b"
     "3b310da903401aa62100ab5d1a36553e06203b33890cc9b832f79ef80560ccb9a39ce767967ed628c6ad573c"
     "b116dbefefd75499da96bd68a8a97b928a8bbc103b6621fcde2beca1231d206be6cd9ec7aff6f6c94fcd7204"
     "ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed185ce81bd84359d44254d95629e9855a94a7c1958"
     "d1f8ada5d0532ed8a5aa3fb2d17ba70eb6248e594e1a2297acbbb39d502f1a8c6eb6f1ce22b3de1a1f40cc24"
     "554119a831a9aad6079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f27088d78b7e883c8759d2c4f5c6"
     "5adb7553878ad575f9fad878e80a0c9ba63bcbcc2732e69485bbc9c90bfbd62481d9089beccf80cfe2df16a2"
     "cf65bd92dd597b0707e0917af48bbb75fed413d238f5555a7a569d80c3414a8d0859dc65a46128bab27af87a"
     "71314f318c782b23ebfe808b82b0ce26401d2e22f04d83d1255dc51addd3b75a2b1ae0784504df543af8969b"
     "e3ea7082ff7fc9888c144da2af58429ec96031dbcad3dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9"
     "b47acdb751fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301651339e22904cc8c42f58c30c04aafdb"
     "038dda0847dd988dcda6f3bfd15c4b4c4525004aa06eeff8ca61783aacec57fb3d1f92b0fe2fd1a85f672451"
     "7b65e614ad6808d6f6ee34dff7310fdc82aebfd904b01e1dc54b2927094b2db68d6f903b68401adebf5a7e08"
     "d78ff4ef5d63653a65040cf9bfd4aca7984a74d37145986780fc0b16ac451649de6188a7dbdf191f64b5fc5e"
     "2ab47b57f7f7276cd419c17a3ca8e1b939ae49e488acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d"
     "5011fd2dcc5600a32ef5b52a1ecc820e308aa342721aac0943bf6686b64b2579376504ccc493d97e6aed3fb0"
     "f9cd71a43dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5fb93246f6b1116398a346f1a641f3b041"
     "e989f7914f90cc2c7fff357876e506b50d334ba77c225bc307ba537152f3f1610e4eafe595f6d9d90d11faa9"
     "33a15ef1369546868a7f3a45a96768d40fd9d03412c091c6315cf4fde7cb68606937380db2eaaa707b4c4185"
     "c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c0618983f8741c5ef68d3a101e8a3b8cac60c905c"
     "15fc910840b94c00a0b9d0",
     "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350aa5371b1508f9f4528ecea23"
     "c436d94b5e8fcd4f681e30a6ac00a9704a188a03"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23"
     "a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c6"
     "6431e0303dca179c138ac17ad9bef1177331a704"},
};

TEST(Keys, GiveTheSignaturesOfRfc8032) {
  for (const Rfc8032& v : kRfc8032) {
    const PrivateKey key = key_of(Algorithm::EdDSA, v.secret);
    EXPECT_EQ(to_hex(key.public_key().bytes()), v.public_key);
    const Signature signature = sign(key, unhex(v.message)).value();
    EXPECT_EQ(to_hex(signature), v.signature);
    EXPECT_TRUE(check_signature(key.public_key(), unhex(v.message), signature));
  }
}

// RFC 6979 §A.2.5, P-256 with SHA-256, message "sample".
TEST(Keys, VerifyTheEs256SignatureOfRfc6979) {
  const PrivateKey key =
      key_of(Algorithm::ES256, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
  EXPECT_EQ(to_hex(key.public_key().bytes()),
            "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
            "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
  const ByteVec signature = unhex(
      "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
      "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
  EXPECT_TRUE(check_signature(key.public_key(), as_bytes("sample"), signature));
  EXPECT_FALSE(check_signature(key.public_key(), as_bytes("Sample"), signature));
}

TEST(Keys, ASignatureHoldsForItsKeyAndItsMessageOnly) {
  SeededRandom random(1);
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = generate_key(algorithm, random);
    const PrivateKey other = generate_key(algorithm, random);
    for (const std::size_t size : {0, 1, 64, 5000}) {
      ByteVec message(size, std::byte{'m'});
      const Signature signature = sign(key, message).value();
      EXPECT_TRUE(check_signature(key.public_key(), message, signature));
      const auto wrong_key = check_signature(other.public_key(), message, signature);
      ASSERT_FALSE(wrong_key);
      EXPECT_EQ(wrong_key.error().code(), Code::Denied);
      message.push_back(std::byte{0});
      EXPECT_FALSE(check_signature(key.public_key(), message, signature));
    }
  }
}

TEST(Keys, EveryFlippedBitOfASignatureIsNoticed) {
  SeededRandom random(2);
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = generate_key(algorithm, random);
    Signature signature = sign(key, as_bytes("message")).value();
    for (std::size_t bit = 0; bit < 8 * signature.size(); ++bit) {
      const auto mask = static_cast<std::byte>(1U << bit % 8);
      signature[bit / 8] ^= mask;
      EXPECT_FALSE(check_signature(key.public_key(), as_bytes("message"), signature)) << bit;
      signature[bit / 8] ^= mask;
    }
    EXPECT_TRUE(check_signature(key.public_key(), as_bytes("message"), signature));
  }
}

TEST(Keys, ASignatureHas64Bytes) {
  SeededRandom random(3);
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey key = generate_key(algorithm, random);
    ByteVec signature = to_vec(Bytes(sign(key, as_bytes("m")).value()));
    for (const std::size_t size : {0, 63, 65, 128}) {
      signature.resize(size);
      const auto refused = check_signature(key.public_key(), as_bytes("m"), signature);
      ASSERT_FALSE(refused) << size;
      EXPECT_EQ(refused.error().code(), Code::Malformed);
    }
  }
}

TEST(Keys, EddsaIsDeterministicAndTheKeyIsAFunctionOfTheRandomness) {
  SeededRandom a(4);
  SeededRandom b(4);
  for (const Algorithm algorithm : kBoth) {
    const PrivateKey first = generate_key(algorithm, a);
    const PrivateKey second = generate_key(algorithm, b);
    EXPECT_EQ(first.public_key(), second.public_key());
    EXPECT_TRUE(check_signature(second.public_key(), {}, sign(first, {}).value()));
    EXPECT_NE(first.public_key(), generate_key(algorithm, a).public_key());
    b = a;
  }
  const PrivateKey key = generate_key(Algorithm::EdDSA, a);
  EXPECT_EQ(sign(key, as_bytes("m")).value(), sign(key, as_bytes("m")).value());
}

TEST(Keys, TheAlgorithmIsPartOfAPublicKey) {
  // 32 bytes are no ES256 key and 64 no EdDSA key; equal prefixes are not equal keys.
  SeededRandom random(5);
  const PublicKey ed = generate_key(Algorithm::EdDSA, random).public_key();
  const PublicKey ec = generate_key(Algorithm::ES256, random).public_key();
  EXPECT_NE(ed, ec);
  EXPECT_FALSE(PublicKey::create(Algorithm::ES256, ed.bytes()));
  EXPECT_FALSE(PublicKey::create(Algorithm::EdDSA, ec.bytes()));
  EXPECT_FALSE(PublicKey::create(Algorithm::EdDSA, {}));
  EXPECT_EQ(PublicKey::create(Algorithm::ES256, ec.bytes()).value(), ec);
}

TEST(Keys, PublicEd25519PointsOfSmallOrderAreRefused) {
  const std::string_view points[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  };
  for (const std::string_view point : points) {
    for (const unsigned sign_of_x : {0U, 0x80U}) {
      ByteVec bytes = unhex(point);
      bytes[31] |= static_cast<std::byte>(sign_of_x);
      EXPECT_EQ(
          crypto_core_ed25519_is_valid_point(reinterpret_cast<const unsigned char*>(bytes.data())),
          0);
      const auto key = PublicKey::create(Algorithm::EdDSA, bytes);
      ASSERT_FALSE(key) << point;
      EXPECT_EQ(key.error().code(), Code::Malformed);
      // A neighbour is no point of small order: the list is exact.
      bytes[1] ^= std::byte{1};
      EXPECT_TRUE(PublicKey::create(Algorithm::EdDSA, bytes)) << point;
    }
  }
}

TEST(Keys, PublicEd25519KeysAreBelowThePrime) {
  // p = 2^255 - 19 ends (in memory, starts) with ed.
  ByteVec bytes = unhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
  for (int low = 0xed; low <= 0xff; ++low) {
    for (const unsigned top : {0x7fU, 0xffU}) {
      bytes[0] = static_cast<std::byte>(low);
      bytes[31] = static_cast<std::byte>(top);
      EXPECT_FALSE(PublicKey::create(Algorithm::EdDSA, bytes)) << low;
    }
  }
  bytes[0] = std::byte{0xeb};  // p - 2
  EXPECT_TRUE(PublicKey::create(Algorithm::EdDSA, bytes));
}

TEST(Keys, AnEncodingWithoutAPointVerifiesNothing) {
  // About half of all 32 bytes are no point; R = identity, s = 0 is what a lax verifier accepts.
  SeededRandom random(6);
  ByteVec signature(64);
  signature[0] = std::byte{1};
  int no_point = 0;
  for (int i = 0; i < 200; ++i) {
    ByteVec bytes(32);
    random.fill(bytes);
    const auto key = PublicKey::create(Algorithm::EdDSA, bytes);
    if (!key) continue;
    no_point += crypto_core_ed25519_is_valid_point(
                    reinterpret_cast<const unsigned char*>(bytes.data())) == 0;
    EXPECT_FALSE(check_signature(*key, as_bytes("m"), signature));
  }
  EXPECT_GT(no_point, 50);
}

TEST(Keys, Es256PublicKeysAreOnTheCurve) {
  SeededRandom random(7);
  ByteVec xy = to_vec(generate_key(Algorithm::ES256, random).public_key().bytes());
  EXPECT_TRUE(PublicKey::create(Algorithm::ES256, xy));
  xy[63] ^= std::byte{1};
  EXPECT_FALSE(PublicKey::create(Algorithm::ES256, xy));
  EXPECT_FALSE(PublicKey::create(Algorithm::ES256, ByteVec(64)));
  EXPECT_FALSE(PublicKey::create(Algorithm::ES256, ByteVec(64, std::byte{0xff})));
}

TEST(Keys, PrivateKeysAreInRange) {
  const auto make = [](Algorithm algorithm, std::string_view hex) {
    return PrivateKey::create(algorithm, SecretBytes::copy_of(unhex(hex))).has_value();
  };
  const std::string_view n_minus_1 =
      "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
  const std::string_view n = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  const std::string zero(64, '0');
  EXPECT_TRUE(make(Algorithm::ES256, n_minus_1));
  EXPECT_FALSE(make(Algorithm::ES256, n));
  EXPECT_FALSE(make(Algorithm::ES256, std::string(64, 'f')));
  EXPECT_FALSE(make(Algorithm::ES256, zero));
  EXPECT_EQ(PrivateKey::create(Algorithm::ES256, SecretBytes(32)).error().code(), Code::Malformed);
  EXPECT_TRUE(make(Algorithm::EdDSA, zero));  // any 32 bytes are a seed
  for (const Algorithm algorithm : kBoth) {
    EXPECT_FALSE(make(algorithm, std::string(62, '1')));
    EXPECT_FALSE(make(algorithm, std::string(66, '1')));
    EXPECT_FALSE(make(algorithm, ""));
  }
}

TEST(Keys, RevealGivesBackWhatTheKeyWasMadeOf) {
  for (const Algorithm algorithm : kBoth) {
    const std::string hex(64, '3');
    const PrivateKey key = key_of(algorithm, hex);
    EXPECT_EQ(to_hex(key.reveal(SecretAccess::for_reason("test"))), hex);
  }
}

TEST(Keys, DerSignaturesHaveOneForm) {
  // r = 1, s = 0x80: the shortest INTEGERs, the second one padded for its sign.
  Signature small{};
  small[31] = std::byte{1};
  small[63] = std::byte{0x80};
  EXPECT_EQ(to_hex(es256_to_der(small)), "300702010102020080");
  EXPECT_EQ(es256_from_der(unhex("300702010102020080")).value(), small);
  const Signature full = [] {
    Signature s{};
    s.fill(std::byte{0xff});
    return s;
  }();
  EXPECT_EQ(es256_to_der(full).size(), 72U);
  EXPECT_EQ(es256_from_der(es256_to_der(full)).value(), full);

  const std::string_view refused[] = {
      "",
      "30",
      "3000",
      "3006020101020180",      // a negative s
      "30080201010203000080",  // s padded twice
      "30070201010202008000",  // bytes after
      "30080201010202008000",  // bytes inside, after s
      "30810702010102020080",  // a long-form length
      "30070201010202008000",  // the length is one short
      "3006020101020200",      // cut short
      "300702010102030080",    // an INTEGER beyond the end
      "30050200020101",        // an INTEGER of no bytes
      "300702010103020080",    // s is a BIT STRING
      "310702010102020080",    // a SET
      // 257 bits
      "3026020101022101010101010101010101010101010101010101010101010101010101010101010101",
  };
  for (const std::string_view hex : refused) {
    const auto signature = es256_from_der(unhex(hex));
    ASSERT_FALSE(signature) << hex;
    EXPECT_EQ(signature.error().code(), Code::Malformed);
  }
}

}  // namespace
}  // namespace writ::crypto
