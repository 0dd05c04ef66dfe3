#include "crypto/sha.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace writ::crypto {
namespace {

// FIPS 180-4 examples (NIST, "Secure Hash Standard", examples with intermediate values).
TEST(Sha, GivesThePublishedDigests) {
  EXPECT_EQ(to_hex(sha256(Bytes())),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha384(as_bytes("abc"))),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(to_hex(sha512(as_bytes("abc"))),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Sha, AMillionTimesAInPieces) {
  const std::string piece(1000, 'a');
  Sha256 hash;
  for (int i = 0; i < 1000; ++i) hash.update(as_bytes(piece));
  EXPECT_EQ(to_hex(hash.finish()),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha, AStreamMayBeCutAnywhere) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += static_cast<char>('a' + i % 26);
  const Digest32 whole = sha256(as_bytes(text));
  Sha256 hash;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    hash.update(as_bytes(std::string_view(text).substr(0, cut)));
    hash.update(Bytes());
    hash.update(as_bytes(std::string_view(text).substr(cut)));
    EXPECT_EQ(hash.finish(), whole) << cut;  // finish starts over
    EXPECT_EQ(sha256({as_bytes(std::string_view(text).substr(0, cut)),
                      as_bytes(std::string_view(text).substr(cut))}),
              whole);
  }
  EXPECT_EQ(hash.finish(), sha256(Bytes()));
}

TEST(Sha, ThreadsDoNotDisturbEachOther) {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([t, &wrong] {
      const std::string text(t + 1, 'x');
      const Digest32 expected = sha256(as_bytes(text));
      for (int i = 0; i < 2000; ++i) wrong[t] += sha256(as_bytes(text)) == expected ? 0 : 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace writ::crypto
