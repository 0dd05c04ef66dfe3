#include "ledger/receipt.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "cose/key.h"
#include "crypto/pem.h"
#include "crypto/test_support.h"

namespace writ::ledger {
namespace {

constexpr std::uint64_t kSize = 77;
constexpr std::uint64_t kOld = 40;

crypto::PrivateKey key_of(std::uint64_t seed) {
  SeededRandom random(seed);
  return crypto::generate_key(crypto::Algorithm::EdDSA, random);
}
std::string entry(std::uint64_t i) {
  return "entry-" + std::to_string(i);
}
NodeHash root_to(std::uint64_t size) {
  Frontier tree;
  for (std::uint64_t i = 0; i < size; ++i) tree.push(leaf_hash(as_bytes(entry(i))));
  return tree.root();
}
Result<NodeHash> hash_at(unsigned level, std::uint64_t index) {
  Frontier tree;
  for (std::uint64_t i = index << level; i < (index + 1) << level; ++i) {
    tree.push(leaf_hash(as_bytes(entry(i))));
  }
  return tree.root();
}
ByteVec inclusion(std::uint64_t index) {
  const Proof path = prove_inclusion(LeafIndex(index), TreeSize(kSize), hash_at).value();
  return inclusion_receipt(key_of(1), "you@host", LeafIndex(index), TreeSize(kSize), path,
                           root_to(kSize))
      .value();
}
ByteVec consistency() {
  const Proof path = prove_consistency(TreeSize(kOld), TreeSize(kSize), hash_at).value();
  return consistency_receipt(key_of(1), "you@host", TreeSize(kOld), TreeSize(kSize), path,
                             root_to(kSize))
      .value();
}

TEST(Receipt, WhatWasSignedIsReadBack) {
  const crypto::PublicKey key = key_of(1).public_key();
  for (const std::uint64_t index : {0, 1, 40, 63, 64, 76}) {
    const Receipt receipt =
        verify_inclusion_receipt(inclusion(index), leaf_hash(as_bytes(entry(index))), key).value();
    EXPECT_EQ(receipt.origin, "you@host");
    EXPECT_EQ(receipt.index.get(), index);
    EXPECT_EQ(receipt.size.get(), kSize);
    EXPECT_EQ(receipt.root, root_to(kSize));
    EXPECT_FALSE(
        verify_inclusion_receipt(inclusion(index), leaf_hash(as_bytes(entry(index + 1))), key));
    EXPECT_FALSE(verify_inclusion_receipt(inclusion(index), leaf_hash(as_bytes(entry(index))),
                                          key_of(2).public_key()));
  }
  EXPECT_EQ(verify_consistency_receipt(consistency(), TreeSize(kOld), root_to(kOld), key)->root,
            root_to(kSize));
  EXPECT_FALSE(verify_consistency_receipt(consistency(), TreeSize(kOld), root_to(kOld + 1), key));
  EXPECT_FALSE(verify_consistency_receipt(inclusion(3), TreeSize(kOld), root_to(kOld), key));
  EXPECT_FALSE(verify_inclusion_receipt(consistency(), leaf_hash(as_bytes(entry(3))), key));
}

// A root does not say how many leaves it has: of what is not signed only the size of the newer tree
// can be turned, to another one of the same shape (receipt.h). The root stays the one signed.
TEST(Receipt, AnyChangedBitOrLengthIsRefused) {
  const crypto::PublicKey key = key_of(1).public_key();
  unsigned other_size = 0;
  const ByteVec good = inclusion(40);
  for (std::size_t i = 0; i < good.size() * 8; ++i) {
    ByteVec bent = good;
    bent[i / 8] ^= static_cast<std::byte>(1 << (i % 8));
    const auto read = verify_inclusion_receipt(bent, leaf_hash(as_bytes(entry(40))), key);
    EXPECT_TRUE(!read || (read->size.get() != kSize && read->index.get() == 40)) << i;
    EXPECT_TRUE(!read || read->root == root_to(kSize)) << i;
    other_size += read ? 1 : 0;
  }
  EXPECT_LT(other_size, 8U);
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_FALSE(
        verify_inclusion_receipt(Bytes(good).first(cut), leaf_hash(as_bytes(entry(40))), key));
  }
  const ByteVec also = consistency();
  for (std::size_t i = 0; i < also.size() * 8; ++i) {
    ByteVec bent = also;
    bent[i / 8] ^= static_cast<std::byte>(1 << (i % 8));
    const auto read = verify_consistency_receipt(bent, TreeSize(kOld), root_to(kOld), key);
    EXPECT_TRUE(!read || (read->size.get() != kSize && read->root == root_to(kSize))) << i;
  }
}

TEST(Receipt, ThereIsNoneWithoutAPath) {
  EXPECT_EQ(
      inclusion_receipt(key_of(1), "log", LeafIndex(0), TreeSize(1), {}, root_to(1)).error().code(),
      Code::InvalidArgument);
  EXPECT_FALSE(consistency_receipt(key_of(1), "log", TreeSize(5), TreeSize(5), {}, root_to(5)));
}

// Somebody else's implementation as the judge: python3-cbor2 and python3-cryptography, with
// RFC 9162's algorithms written out again.
constexpr std::string_view kPython = R"(
import hashlib, sys
import cbor2
from cryptography.hazmat.primitives import serialization

folder = sys.argv[1]
public = serialization.load_pem_public_key(open(folder + '/pub', 'rb').read())
leaf = lambda b: hashlib.sha256(b'\x00' + b).digest()
node = lambda l, r: hashlib.sha256(b'\x01' + l + r).digest()

def root(entries):
    if len(entries) == 1:
        return leaf(entries[0])
    k = 1
    while 2 * k < len(entries):
        k *= 2
    return node(root(entries[:k]), root(entries[k:]))

def opened(name):
    message = cbor2.loads(open(folder + '/' + name, 'rb').read())
    assert message.tag == 18
    protected, unprotected, payload, signature = message.value
    header = cbor2.loads(protected)
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    kid = hashlib.sha256(cbor2.dumps({1: 1, -1: 6, -2: raw}, canonical=True)).digest()
    assert header == {1: -8, 4: kid, 15: {1: 'you@host'}, 395: 1}, header
    assert payload is None and set(unprotected) == {396}
    return protected, unprotected[396], signature

def check(protected, signature, root):
    public.verify(signature, cbor2.dumps(['Signature1', protected, b'', root]))

entries = [b'entry-%d' % i for i in range(77)]

protected, proofs, signature = opened('inclusion')
assert set(proofs) == {-1} and len(proofs[-1]) == 1
size, index, path = cbor2.loads(proofs[-1][0])
assert (size, index) == (77, 40)
fn, sn, r = index, size - 1, leaf(entries[index])
for p in path:
    assert sn > 0
    if fn & 1 or fn == sn:
        r = node(p, r)
        while not fn & 1 and fn:
            fn >>= 1; sn >>= 1
    else:
        r = node(r, p)
    fn >>= 1; sn >>= 1
assert sn == 0 and r == root(entries)
check(protected, signature, r)

protected, proofs, signature = opened('consistency')
assert set(proofs) == {-2} and len(proofs[-2]) == 1
old, new, path = cbor2.loads(proofs[-2][0])
assert (old, new) == (40, 77)
fn, sn = old - 1, new - 1
while fn & 1:
    fn >>= 1; sn >>= 1
fr = sr = path[0]
for p in path[1:]:
    assert sn > 0
    if fn & 1 or fn == sn:
        fr = node(p, fr); sr = node(p, sr)
        while not fn & 1 and fn:
            fn >>= 1; sn >>= 1
    else:
        sr = node(sr, p)
    fn >>= 1; sn >>= 1
assert sn == 0 and fr == root(entries[:40]) and sr == root(entries)
check(protected, signature, sr)
print('both hold', end='')
)";

TEST(Receipt, APythonProgramOfOthersVerifiesBoth) {
  const test::Scratch scratch;
  test::write_text(scratch / "pub", crypto::to_pem(key_of(1).public_key()));
  test::write_text(scratch / "judge.py", kPython);
  test::write_text(scratch / "inclusion", as_text(inclusion(40)));
  test::write_text(scratch / "consistency", as_text(consistency()));
  const std::string command = "/usr/bin/python3 " + (scratch / "judge.py") + " " + (scratch / "");
  EXPECT_EQ(test::run_shell(command).output, "both hold");
  // The judge can say no.
  ByteVec bent = inclusion(40);
  bent.back() ^= std::byte{1};
  test::write_text(scratch / "inclusion", as_text(bent));
  EXPECT_NE(test::run_shell(command).status, 0);
}

}  // namespace
}  // namespace writ::ledger
